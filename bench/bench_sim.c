/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdlib.h>

#include "bench/bench.h"
#include "bench/sim/say.h"

/**
 * DOC: what the simulated DHT costs, because it shares the machine with what is
 * measured against it. Nodes are asked in no order, as a census asks them, in a
 * world whose ids (14 MB) do not fit into a core's own cache.
 */

enum {
	LIVE = 1000000,
	BATCH = 64,
	BUILDS = 5,
};

struct asked {
	struct sim_world *w;
	enum { OWN_ID, SIBLING, RANDOM } target;
};

static int with_world(uint32_t live, struct sim_world **out)
{
	struct sim_opts o = sim_opts_default();

	o.live = live;
	return sim_world_new(&o, out);
}

/** target_of() - the three questions of plan "2+": own id, sibling bucket, anything. */
static uint64_t target_of(const struct asked *a, uint32_t n, uint64_t draw)
{
	/* c - 1 of a node's neighbourhood: 16 candidates are expected there. */
	unsigned bit = 31 - (unsigned)__builtin_clz(a->w->nodes) - 5;

	switch (a->target) {
	case OWN_ID:
		return a->w->prefix[n];
	case SIBLING:
		return a->w->prefix[n] ^ 1ull << (63 - bit);
	case RANDOM:
	default:
		return draw;
	}
}

/** answer_body() - a batch as the farm has it: ids are on their way before they are needed. */
static void answer_body(void *arg, uint64_t count)
{
	const struct asked *a = arg;
	struct endpoint from = endpoint_ip4(0x7f000001, 6881);
	struct peer_question q = { .method = KRPC_FIND_NODE, .t_len = 8 };
	uint8_t reply[KRPC_DATAGRAM_MAX];
	uint32_t n[BATCH];

	for (uint64_t i = 0; i < count; i += BATCH) {
		for (unsigned k = 0; k < BATCH; k++) {
			n[k] = sim_below((uint32_t)sim_draw(1, i, k), a->w->nodes);
			__builtin_prefetch(&a->w->prefix[n[k]]);
		}
		for (unsigned k = 0; k < BATCH && i + k < count; k++) {
			uint64_t target = target_of(a, n[k], sim_draw(2, i, k));

			target = __builtin_bswap64(target);
			memcpy(q.target, &target, sizeof(target));
			if (peer_say(a->w, n[k], &q, &from, reply, sizeof(reply)) <= 0)
				abort();
			bench_keep(reply);
		}
	}
}

static int run_answer(const struct bench_ctx *ctx, FILE *out)
{
	static const char *const name[] = { "sim_answer_own", "sim_answer_sibling",
					    "sim_answer_random" };
	struct asked a;
	int err = with_world(LIVE, &a.w);

	if (err)
		return err;
	for (unsigned t = OWN_ID; t <= RANDOM && !err; t++) {
		a.target = t;
		err = bench_loop(ctx, name[t], answer_body, &a, out);
	}
	sim_world_free(a.w);
	return err;
}

/** run_moving() - the same with churn and the wave of the day: who is listed is asked for each. */
static int run_moving(const struct bench_ctx *ctx, FILE *out)
{
	struct sim_opts o = sim_opts_default();
	struct asked a = { .target = RANDOM };
	int err;

	o.live = LIVE;
	o.churn = 0.007;
	o.diurnal = 0.3;
	err = sim_world_new(&o, &a.w);
	if (err)
		return err;
	err = bench_loop(ctx, "sim_moving", answer_body, &a, out);
	sim_world_free(a.w);
	return err;
}

/** alias_body() - what net_alias does to a packet and to its reply. */
static void alias_body(void *arg, uint64_t count)
{
	const struct asked *a = arg;

	for (uint64_t i = 0; i < count; i++) {
		struct endpoint ep =
			face_public(a->w, sim_below((uint32_t)sim_draw(3, i, 0), a->w->nodes));
		struct endpoint back;
		uint32_t face;

		if (face_from_public(a->w, &ep, &face) < 0)
			abort();
		ep = face_alias(a->w, face);
		if (face_from_alias(a->w, endpoint_get_ip4(&ep), ep.port, &face) < 0)
			abort();
		back = face_public(a->w, face);
		bench_keep(&back);
	}
}

static int run_alias(const struct bench_ctx *ctx, FILE *out)
{
	struct asked a;
	int err = with_world(LIVE, &a.w);

	if (err)
		return err;
	err = bench_loop(ctx, "sim_alias", alias_body, &a, out);
	sim_world_free(a.w);
	return err;
}

static int run_build(const struct bench_ctx *ctx, FILE *out)
{
	struct bench_figure f = { .name = "sim_build", .unit = "ns", .runs = BUILDS };
	double ns[BUILDS];

	for (unsigned i = 0; i < BUILDS; i++) {
		uint64_t start = bench_now_ns();
		struct sim_world *w;
		int err = with_world(LIVE, &w);

		if (err)
			return err;
		ns[i] = (double)(bench_now_ns() - start) / sim_world_nodes(w);
		sim_world_free(w);
	}
	f.median = bench_median(ns, BUILDS);
	f.best = ns[0];
	return bench_emit(ctx, &f, out);
}

struct rehearsal {
	struct sim_world *w;
	struct net *net;
	uint32_t next;
};

/** virtual_body() - queries through the device of virtual time, their answers received. */
static void virtual_body(void *arg, uint64_t count)
{
	static const struct krpc_query find_node = { .method = KRPC_FIND_NODE,
						     .t = { (const uint8_t *)"tttttttt", 8 } };
	struct rehearsal *v = arg;
	struct net_msg msgs[BATCH];

	for (uint64_t i = 0; i < count; i += BATCH) {
		unsigned lent = net_send_alloc(v->net, msgs, BATCH);

		for (unsigned k = 0; k < lent; k++) {
			int len = krpc_build_query(&find_node, msgs[k].data, NET_FRAME_MAX);

			v->next = v->next * 1664525 + 1013904223;
			msgs[k].len = (uint32_t)len;
			msgs[k].peer = sim_world_contact(v->w, sim_below(v->next, v->w->nodes));
		}
		net_send(v->net, msgs, lent);
		while (net_recv(v->net, msgs, BATCH, 1000000) > 0)
			net_recv_finish(v->net);
	}
}

static int run_virtual(const struct bench_ctx *ctx, FILE *out)
{
	struct sim_opts o = sim_opts_default();
	struct rehearsal v = { 0 };
	struct clock clock;
	int err;

	o.live = LIVE;
	o.delay_us = 50000;
	err = sim_world_new(&o, &v.w);
	if (!err)
		err = net_sim_open(v.w, &v.net, &clock);
	if (!err)
		err = bench_loop(ctx, "sim_virtual", virtual_body, &v, out);
	net_close(v.net);
	sim_world_free(v.w);
	return err;
}

const struct bench bench_sim[] = {
	{ "sim_answer", "a simulated node's reply to find_node, by kind of target", run_answer },
	{ "sim_moving", "the same to a random target, where nodes come and go", run_moving },
	{ "sim_alias", "public address to alias and back, for a packet and its reply", run_alias },
	{ "sim_build", "making a world, per node", run_build },
	{ "sim_virtual", "a query through the device of virtual time, 57 % answered", run_virtual },
	{ NULL, NULL, NULL },
};
