/* SPDX-License-Identifier: MIT */
#include <stdlib.h>

#include "bench/bench.h"
#include "engine/gate.h"
#include "engine/post.h"
#include "engine/rng.h"
#include "engine/scribe.h"

/**
 * DOC: what conduct and the crossings between threads cost per packet, in steady
 * state: the limiter's tables are filled first with as many addresses as a worker
 * at 250,000 packets/s remembers, so that the figure is one of memory, not of
 * the cache.
 */

enum {
	BATCH = 64,    /* candidates in hand: each is prefetched before the first is asked */
	GAP_NS = 4000, /* 250,000 packets/s */
	WARM_PACKETS = 6000000, /* two generations of 11 s at that rate */
};

struct gates {
	struct gate *gate;
	struct rng rng;
	uint64_t now_ns, passed;
	uint32_t addresses; /* to choose from */
};

/* Spread over 11.0.0.0 to 90.255.255.255: mostly routed space, no bogons but two. */
static struct endpoint any_address(struct gates *g)
{
	uint32_t n = rng_below(&g->rng, g->addresses);

	return endpoint_ip4(0x0b000000 + (uint32_t)((uint64_t)n * 0x50000000 / g->addresses), 6881);
}

static void learn(void *arg, uint64_t n)
{
	struct gates *g = arg;

	for (uint64_t i = 0; i < n; i++) {
		struct endpoint ep = any_address(g);

		g->passed += gate_may_learn(g->gate, &ep) == GATE_OK;
	}
	bench_keep(&g->passed);
}

static void admit(void *arg, uint64_t n)
{
	struct gates *g = arg;
	struct endpoint hand[BATCH];
	struct gate_look look[BATCH];
	enum gate_reason why;
	uint64_t retry;

	for (uint64_t done = 0; done < n; done += BATCH) {
		for (unsigned i = 0; i < BATCH; i++) {
			hand[i] = any_address(g);
			gate_prefetch(g->gate, &hand[i], &look[i]);
		}
		for (unsigned i = 0; i < BATCH; i++, g->now_ns += GAP_NS)
			g->passed += gate_admit_looked(g->gate, &hand[i], &look[i], 1, g->now_ns,
						       &why, &retry) == GATE_PASS;
	}
	bench_keep(&g->passed);
}

static int with_gate(const struct bench_ctx *ctx, const char *name, uint32_t addresses,
		     uint64_t warm, void (*body)(void *arg, uint64_t n), FILE *out)
{
	struct gates g = { .now_ns = 1000000000, .addresses = addresses };
	struct gate_opts opts = { .workers = 2 };
	int err = gate_new(&opts, &g.gate);

	if (err)
		return err;
	rng_init(&g.rng, 1, 0);
	if (warm)
		body(&g, warm);
	err = bench_loop(ctx, name, body, &g, out);
	gate_free(g.gate);
	return err;
}

static int run_learn(const struct bench_ctx *ctx, FILE *out)
{
	return with_gate(ctx, "gate_learn", 1u << 30, 0, learn, out);
}

static int run_admit_seen(const struct bench_ctx *ctx, FILE *out)
{
	return with_gate(ctx, "gate_admit_1m", 1000000, WARM_PACKETS, admit, out);
}

static int run_admit_new(const struct bench_ctx *ctx, FILE *out)
{
	return with_gate(ctx, "gate_admit_new", 1u << 30, WARM_PACKETS, admit, out);
}

/* ---- between threads, on one: what packing and unpacking cost --------------------- */

struct offices {
	struct post *post;
	uint64_t got;
};

static void got_contacts(void *ctx, const struct crawl_contact *list, unsigned count)
{
	bench_keep(list);
	((struct offices *)ctx)->got += count;
}

static void got_datagrams(void *ctx, const struct net_msg *msgs, unsigned count)
{
	bench_keep(msgs);
	((struct offices *)ctx)->got += count;
}

static void post_one(void *arg, uint64_t n)
{
	struct offices *o = arg;
	struct post_box box = { o, got_contacts, got_datagrams };
	struct crawl_contact c = { .introducer = 1, .has_id = true };

	for (uint64_t i = 0; i < n; i++) {
		c.ep = endpoint_ip4((uint32_t)i, 6881);
		post_contact(o->post, 0, 1, &c);
		if (i % 1024 == 0) {
			post_flush(o->post, 0);
			post_collect(o->post, 1, &box);
		}
	}
}

static int run_post(const struct bench_ctx *ctx, FILE *out)
{
	struct offices o = { .got = 0 };
	int err = post_new(2, &o.post);

	if (err)
		return err;
	err = bench_loop(ctx, "post_contact", post_one, &o, out);
	post_free(o.post);
	return err;
}

static void put_one(void *arg, uint64_t n)
{
	struct scribe *s = arg;
	struct sighting sighting = { .way = SIGHTING_ANSWERED };

	for (uint64_t i = 0; i < n; i++) {
		sighting.when_ms = i;
		scribe_lane_put(scribe_lane(s, 0), &sighting);
		if (i % 4096 == 0)
			scribe_turn(s);
	}
}

static int run_scribe(const struct bench_ctx *ctx, FILE *out)
{
	struct sink none = { .put = NULL };
	struct scribe *s;
	int err = scribe_new(1, &none, &s);

	if (err)
		return err;
	err = bench_loop(ctx, "scribe_put", put_one, s, out);
	scribe_free(s);
	return err;
}

const struct bench bench_gate[] = {
	{ "gate_learn", "may an address enter the tables: blocklist alone", run_learn },
	{ "gate_admit_1m", "admit and charge a packet to one of 1 M addresses", run_admit_seen },
	{ "gate_admit_new", "the same to an address never seen, 5.5 M remembered", run_admit_new },
	{ "post_contact", "a contact to another worker, packed and opened", run_post },
	{ "scribe_put", "a sighting to the scribe and into nothing", run_scribe },
	{ NULL, NULL, NULL },
};
