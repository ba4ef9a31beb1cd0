/* SPDX-License-Identifier: MIT */
#ifndef TESTS_UNIT_ENGINE_CRAWL_WORLD_H
#define TESTS_UNIT_ENGINE_CRAWL_WORLD_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/crawl.h"
#include "engine/rng.h"
#include "proto/krpc.h"
#include "tests/support/tinynet.h"
#include "tests/support/unit.h"

/* ---- a crawl, a gate and a tiny network in fake time --------------------------- */

enum { MS = 1000000, BATCH = 64, SHARDS_MAX = 4, WIRE_MAX = 1 << 16 };
static const uint64_t S = 1000000000;

struct packet {
	struct endpoint from;
	uint64_t at_ns;
	unsigned to; /* shard */
	uint32_t len;
	uint8_t data[TINYNET_REPLY_MAX];
};

struct world {
	struct tinynet *net;
	struct crawl *crawl[SHARDS_MAX];
	struct gate *gate[SHARDS_MAX];
	unsigned shards;
	uint64_t now_ns;
	double loss;
	uint64_t rtt_ns;
	struct rng rng;
	struct packet *wire;
	uint32_t wire_from, wire_to;
	uint64_t lost, sightings, finals, final_answered, forwarded;
	struct sighting last;
	struct crawl_stats before[SHARDS_MAX];
};

static inline void on_sighting(void *ctx, const struct sighting *s)
{
	struct world *w = ctx;

	if (s->flags & SIGHTING_FINAL) {
		w->finals++;
		w->final_answered += s->way == SIGHTING_ANSWERED;
		return;
	}
	w->sightings++;
	w->last = *s;
}

static inline void on_contact(void *ctx, unsigned shard, const struct crawl_contact *contact)
{
	struct world *w = ctx;

	assert_int_equal(shard, net_deal(&contact->ep, w->shards));
	w->forwarded++;
	crawl_offer(w->crawl[shard], contact, 1, w->now_ns);
}

static inline struct crawl_opts opts_for(void)
{
	struct crawl_opts o = crawl_opts_default();

	o.seed = 7;
	memset(o.mac_key, 0x5a, sizeof(o.mac_key));
	memset(o.own_id.b, 0xee, sizeof(o.own_id.b));
	o.sweep_after_ns = 5 * S;
	o.mixing_all_until = 200;
	o.endpoints_max = 1 << 16;
	o.slots_log2 = 16;
	return o;
}

static inline struct world *world_new(struct tinynet *net, struct crawl_opts o, unsigned shards)
{
	struct gate_opts g = { .workers = shards };
	struct world *w = calloc(1, sizeof(*w));
	struct crawl_port port = { .ctx = w, .sighting = on_sighting, .contact = on_contact };

	assert_non_null(w);
	w->net = net;
	w->shards = shards;
	w->now_ns = 1000 * S;
	w->rtt_ns = 30 * MS;
	rng_init(&w->rng, o.seed, 99);
	w->wire = malloc(WIRE_MAX * sizeof(*w->wire));
	assert_non_null(w->wire);
	for (unsigned i = 0; i < shards; i++) {
		o.shard = i;
		o.shards = shards;
		assert_int_equal(gate_new(&g, &w->gate[i]), 0);
		assert_int_equal(crawl_new(&o, w->gate[i], &port, w->now_ns, 0, &w->crawl[i]), 0);
	}
	return w;
}

static inline void world_free(struct world *w)
{
	for (unsigned i = 0; i < w->shards; i++) {
		crawl_free(w->crawl[i]);
		gate_free(w->gate[i]);
	}
	tinynet_free(w->net);
	free(w->wire);
	free(w);
}

/* After every call: sent = answered + errors + expired + in flight; nothing runs backward. */
static inline void check_identity(struct world *w)
{
	for (unsigned i = 0; i < w->shards; i++) {
		struct crawl_stats s;

		crawl_stats(w->crawl[i], &s);
		assert_int_equal(s.sent, s.answered + s.errors + s.expired + s.in_flight);
		assert_int_equal(s.sent, s.first_attempts + s.retries_sent);
		assert_true(s.endpoints_live <= s.endpoints_asked);
		assert_true(s.endpoints_asked <= s.endpoints_known);
		assert_true(s.mixing_sent >= s.startup_mixing_sent);
		assert_true(s.answered >= w->before[i].answered);
		assert_true(s.expired >= w->before[i].expired);
		w->before[i] = s;
	}
}

static inline void deliver(struct world *w, const struct packet *p)
{
	struct net_msg m = { .peer = p->from, .len = p->len };
	uint8_t copy[TINYNET_REPLY_MAX];
	uint16_t elsewhere[1];
	unsigned count, owner = p->to;

	memcpy(copy, p->data, p->len);
	m.data = copy;
	crawl_rx(w->crawl[owner], w->now_ns, &m, 1, elsewhere, &count);
	if (count) { /* the wrong worker got it: the right one keeps it */
		int right = crawl_slot_owner(&m, w->shards);

		assert_true(right >= 0 && (unsigned)right != owner);
		crawl_rx(w->crawl[right], w->now_ns, &m, 1, elsewhere, &count);
		assert_int_equal(count, 0);
	}
	check_identity(w);
}

static inline void arrive(struct world *w)
{
	while (w->wire_from != w->wire_to && w->wire[w->wire_from % WIRE_MAX].at_ns <= w->now_ns)
		deliver(w, &w->wire[w->wire_from++ % WIRE_MAX]);
}

/* A query leaves; unless lost, its answer is put on the wire. */
static inline void carry(struct world *w, const struct net_msg *m)
{
	struct packet *p = &w->wire[w->wire_to % WIRE_MAX];

	if (rng_double(&w->rng) < w->loss) {
		w->lost++;
		return;
	}
	p->len = (uint32_t)tinynet_answer(w->net, &m->peer, span_of(m->data, m->len), p->data);
	if (!p->len)
		return;
	p->from = m->peer;
	p->at_ns = w->now_ns + w->rtt_ns;
	p->to = rng_below(&w->rng, w->shards); /* steering that knows nothing */
	w->wire_to++;
	assert_true(w->wire_to - w->wire_from < WIRE_MAX);
}

static inline unsigned turn(struct world *w)
{
	uint8_t frames[BATCH][NET_FRAME_MAX];
	struct net_msg out[BATCH];
	unsigned sent = 0;

	arrive(w);
	for (unsigned i = 0; i < w->shards; i++) {
		unsigned n;

		crawl_tick(w->crawl[i], w->now_ns);
		check_identity(w);
		for (unsigned k = 0; k < BATCH; k++)
			out[k] = (struct net_msg){ .data = frames[k] };
		n = crawl_tx(w->crawl[i], w->now_ns, out, BATCH);
		check_identity(w);
		for (unsigned k = 0; k < n; k++)
			carry(w, &out[k]);
		sent += n;
	}
	return sent;
}

/* To the next event: no fixed step, so crawl_next_due_ns() is tested too. */
static inline bool advance(struct world *w)
{
	uint64_t due = UINT64_MAX;

	for (unsigned i = 0; i < w->shards; i++) {
		uint64_t d = crawl_next_due_ns(w->crawl[i], w->now_ns);

		if (d < due)
			due = d;
	}
	if (w->wire_from != w->wire_to && w->wire[w->wire_from % WIRE_MAX].at_ns < due)
		due = w->wire[w->wire_from % WIRE_MAX].at_ns;
	if (due == UINT64_MAX)
		return false;
	w->now_ns = due > w->now_ns ? due : w->now_ns + MS / 10;
	return true;
}

static inline void run(struct world *w)
{
	unsigned turns = 0;

	do {
		turn(w);
		assert_true(++turns < 4000000);
	} while (advance(w));
	for (unsigned i = 0; i < w->shards; i++)
		assert_true(crawl_idle(w->crawl[i]));
}

/* One live node is told; as a bootstrap host it has no id. */
static inline void bootstrap(struct world *w, uint32_t node)
{
	struct crawl_contact c = { .ep = w->net->nodes[node].ep };

	assert_true(w->net->nodes[node].live);
	crawl_offer(w->crawl[net_deal(&c.ep, w->shards)], &c, 1, w->now_ns);
}

static inline struct crawl_stats total(const struct world *w)
{
	struct crawl_stats sum, s;

	crawl_stats(w->crawl[0], &sum);
	for (unsigned i = 1; i < w->shards; i++) {
		crawl_stats(w->crawl[i], &s);
		sum.sent += s.sent;
		sum.answered += s.answered;
		sum.errors += s.errors;
		sum.expired += s.expired;
		sum.first_attempts += s.first_attempts;
		sum.retries_sent += s.retries_sent;
		sum.endpoints_live += s.endpoints_live;
		sum.endpoints_known += s.endpoints_known;
		sum.endpoints_asked += s.endpoints_asked;
		sum.mixing_sent += s.mixing_sent;
		sum.startup_mixing_sent += s.startup_mixing_sent;
		sum.raised_sent += s.raised_sent;
	}
	return sum;
}

/* How many live nodes answered, under their own ids; nobody else may have. */
static inline uint32_t recalled(const struct world *w)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < w->net->count; i++) {
		const struct tinynet_node *node = &w->net->nodes[i];
		struct crawl_node found;

		if (crawl_find(w->crawl[net_deal(&node->ep, w->shards)], &node->ep, &found) ||
		    !found.answered)
			continue;
		assert_true(node->live);
		assert_memory_equal(found.id.b, node->id.b, NODEID_BYTES);
		n++;
	}
	return n;
}

#endif
