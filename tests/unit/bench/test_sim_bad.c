/* SPDX-License-Identifier: MIT */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "bench/sim/sim.h"
#include "engine/engine.h"
#include "engine/report.h"
#include "engine/rng.h"

/**
 * DOC: the shipped engine in a bad world, in virtual time: what it takes for what,
 * what it does to others, and that it ends, whatever the world. DT_LIVE=N takes the
 * first at another size, DT_WORLDS=N the last over more worlds (make soak).
 */

#define S 1000000000ull

struct bad {
	struct sim_world *w;
	struct net *device;
	struct engine *engine;
	struct engine_result result;
	struct sim_truth truth;
	struct census_confusion confusion;
	struct sim_harm harm;
};

static unsigned from_environment(const char *name, unsigned usual)
{
	const char *text = getenv(name);

	return text ? (unsigned)strtoul(text, NULL, 10) : usual;
}

/** The shares of configs/sim-bad.yaml, but for NATs that open and routers. */
static struct sim_opts bad_world(uint32_t live)
{
	struct sim_opts o = sim_opts_default();

	o.live = live;
	o.dead_share = 0.45;
	o.delay_us = 80000;
	o.bad = (struct sim_bad){ .oneway = 0.18,
				  .read_only = 0.03,
				  .reflectors = 0.005,
				  .remapped = 0.02,
				  .multihomed = 0.01,
				  .clones = 0.02,
				  .flappers = 0.01,
				  .liars = 0.01,
				  .poisoners = 0.01,
				  .cgn = 0.10,
				  .limiters = 1,
				  .busy = 0.05,
				  .callers = 0.02,
				  .bep42 = 0.60,
				  .bep43 = 0.90,
				  .bep44 = 0.95,
				  .bep51 = 0.95,
				  .v6 = 0.20 };
	return o;
}

static int what_was_found(void *ctx, const struct endpoint *ep, struct nodeid *id)
{
	struct crawl_node n;

	if (engine_find(ctx, ep, &n) < 0)
		return 0;
	*id = n.id;
	return n.answered ? 2 : 1;
}

static int what_it_was_held_for(void *ctx, const struct endpoint *ep)
{
	struct crawl_node n;

	if (engine_find(ctx, ep, &n) < 0)
		return -1;
	return n.answered || n.node_class != SIGHTING_CLASS_NORMAL ? n.node_class : -1;
}

static void take(struct bad *b, const struct sim_opts *so, enum crawl_plan plan)
{
	struct engine_opts o = engine_opts_default();
	struct crawl_contact boot[32] = { 0 };
	struct sim_confusion confusion;
	struct endpoint ep[32];
	char why[ENGINE_WHY_MAX];
	unsigned count;

	memset(b, 0, sizeof(*b));
	assert_int_equal(sim_world_new(so, &b->w), 0);
	assert_int_equal(net_sim_open(b->w, &b->device, &o.clock), 0);
	o.device = b->device;
	o.workers = 1;
	o.rate_pps = 20000;
	o.crawl = crawl_opts_default();
	o.crawl.plan = plan;
	o.crawl.seed = so->seed;
	memset(o.crawl.own_id.b, 0xa5, NODEID_BYTES);
	memcpy(o.crawl.v, "DT\0\1", 4);
	o.crawl.mixing_all_until = 2000;
	o.crawl.sweep_after_ns = 10 * S;
	o.crawl.endpoints_max = 1 << 20;
	o.crawl.learn6 = so->seed % 2;
	o.crawl.slots_log2 = 16;
	o.max_runtime_ns = 48 * 3600 * S;
	count = sim_world_bootstrap(b->w, ep, 32);
	for (unsigned i = 0; i < count; i++)
		boot[i].ep = ep[i];
	o.bootstrap = boot;
	o.bootstrap_count = count;
	assert_int_equal(engine_new(&o, &b->engine, why), 0);
	assert_int_equal(engine_run(b->engine, &b->result), 0);
	sim_score(b->w, what_was_found, b->engine, &b->truth);
	sim_confuse(b->w, what_it_was_held_for, b->engine, &confusion);
	sim_world_harm(b->w, &b->harm);
	b->confusion.kinds = SIM_NATURES;
	for (unsigned i = 0; i < SIM_NATURES; i++) {
		b->confusion.kind[i] = sim_nature_name((enum sim_nature)i);
		memcpy(b->confusion.count[i], confusion.count[i], sizeof(confusion.count[i]));
	}
}

static void end(struct bad *b)
{
	engine_free(b->engine);
	net_close(b->device);
	sim_world_free(b->w);
}

/** What holds in every world, whoever lives there. */
static void harms_nobody(const struct bad *b, uint64_t seed)
{
	const struct engine_counters *c = &b->result.counters;

	if (b->result.end != ENGINE_END_DONE || c->unexplained || c->gate.worst_host_10s > 9 ||
	    b->harm.to_bogons || b->harm.bans || b->harm.to_victim > GATE_CLAIMS)
		fail_msg("seed %llu: end %d, unexplained %llu, %u to a host in 10 s, %llu to "
			 "bogons, "
			 "%llu bans, %llu to the victim",
			 (unsigned long long)seed, b->result.end,
			 (unsigned long long)c->unexplained, c->gate.worst_host_10s,
			 (unsigned long long)b->harm.to_bogons, (unsigned long long)b->harm.bans,
			 (unsigned long long)b->harm.to_victim);
}

static void classes_are_right(void **state)
{
	static const enum sighting_class judged[] = {
		SIGHTING_CLASS_FLAPPER,   SIGHTING_CLASS_CLONE,    SIGHTING_CLASS_LIAR,
		SIGHTING_CLASS_REFLECTOR, SIGHTING_CLASS_REMAPPED,
	};
	struct sim_opts o = bad_world(from_environment("DT_LIVE", 12000));
	struct bad b;
	(void)state;

	take(&b, &o, CRAWL_PLAN_2PLUS);
	harms_nobody(&b, o.seed);
	for (unsigned i = 0; i < sizeof(judged) / sizeof(judged[0]); i++) {
		double precision = report_precision(&b.confusion, judged[i]);
		double recall = report_recall(&b.confusion, judged[i]);

		print_message("# %-10s precision %.4f recall %.4f\n",
			      sighting_class_name(judged[i]), precision, recall);
		assert_true(precision >= 0.95 && recall >= 0.95);
	}
	print_message("# recall of the live %.4f; limiters kept silent %llu times\n",
		      b.truth.recall, (unsigned long long)b.harm.limited);
	/* Behind limiters, carrier NAT and busy quotas: still found. */
	assert_true(b.truth.recall > 0.985 && b.harm.limited > 0);
	assert_true(b.result.counters.crawl.probes_sent <
		    b.result.counters.crawl.endpoints_live / 20);
	assert_int_equal(b.truth.wrong_ids, 0);
	end(&b);
}

/** The positive control: a limiter that is provoked does ban, and is counted. */
static void impoliteness_is_counted(void **state)
{
	struct sim_opts o = bad_world(200);
	struct krpc_query q = { .method = KRPC_PING, .t = span_of("ab", 2) };
	struct sim_world *w;
	struct sim_harm harm;
	struct clock clock;
	struct net *net;
	(void)state;

	o.lt_share = 1;
	assert_int_equal(sim_world_new(&o, &w), 0);
	assert_int_equal(net_sim_open(w, &net, &clock), 0);
	for (unsigned i = 0; i < 60; i++) {
		struct net_msg m;
		struct endpoint ep;

		assert_int_equal(sim_world_bootstrap(w, &ep, 1), 1);
		assert_int_equal(net_send_alloc(net, &m, 1), 1);
		m.peer = ep;
		m.len = (uint32_t)krpc_build_query(&q, m.data, 256);
		net_send(net, &m, 1);
	}
	sim_world_harm(w, &harm);
	/* 60, of which one in twenty is lost on the way: more than 49 arrive. */
	assert_int_equal(harm.bans, 1);
	assert_true(harm.limited >= 1 && harm.limited <= 11);
	net_close(net);
	sim_world_free(w);
}

/** random_world() - anything that can be, small. */
static struct sim_opts random_world(uint64_t seed)
{
	struct sim_opts o = sim_opts_default();
	struct rng r;
	double *share[] = { &o.bad.remapped, &o.bad.multihomed, &o.bad.clones,
			    &o.bad.flappers, &o.bad.liars,      &o.bad.poisoners };
	double *free_share[] = { &o.bad.cgn,     &o.bad.limiters, &o.bad.busy,
				 &o.bad.callers, &o.bad.bep42,    &o.bad.bep43,
				 &o.bad.bep44,   &o.bad.bep51,    &o.bad.v6 };

	rng_init(&r, seed, 7);
	o.seed = seed;
	o.live = 20 + rng_below(&r, 400);
	o.dead_share = 0.05 + 0.7 * rng_double(&r);
	o.loss = 0.4 * rng_double(&r) * rng_double(&r);
	o.delay_us = rng_below(&r, 300000);
	o.lt_share = rng_double(&r);
	for (unsigned i = 0; i < 6; i++)
		*share[i] = 0.15 * rng_double(&r) * rng_double(&r);
	for (unsigned i = 0; i < 9; i++)
		*free_share[i] = rng_double(&r);
	o.bad.oneway = 0.3 * o.dead_share * rng_double(&r);
	o.bad.read_only = 0.2 * o.dead_share * rng_double(&r);
	o.bad.reflectors = 0.2 * o.dead_share * rng_double(&r);
	if (seed % 3 == 0)
		o.churn = 0.1 * rng_double(&r);
	return o;
}

/** Any seed: the census ends, its memory is bounded by what it met, nobody is harmed. */
static void any_world_is_survived(void **state)
{
	static const enum crawl_plan plans[] = { CRAWL_PLAN_2PLUS, CRAWL_PLAN_4, CRAWL_PLAN_DRAIN,
						 CRAWL_PLAN_RANDOM8, CRAWL_PLAN_3 };
	unsigned worlds = from_environment("DT_WORLDS", 200), impossible = 0;
	double least = 1;
	(void)state;

	for (uint64_t seed = 1; seed <= worlds; seed++) {
		struct sim_opts o = random_world(seed);
		const struct crawl_stats *c;
		struct sim_world *tried;
		struct bad b;

		/* In a tiny one the silent may happen to be more than the dead. */
		if (sim_world_new(&o, &tried) == DT_ERANGE) {
			impossible++;
			continue;
		}
		sim_world_free(tried);
		take(&b, &o, plans[seed % 5]);
		c = &b.result.counters.crawl;
		harms_nobody(&b, seed);
		assert_int_equal(c->sent, c->answered + c->errors + c->expired + c->in_flight);
		/* No more endpoints than anybody could list: each live one 64 at most. */
		assert_true(c->endpoints_known <= 32 + c->endpoints_live * 64);
		assert_true(c->bytes_tables < (2u << 20) + c->endpoints_known * 128);
		least = fmin(least, b.truth.recall);
		end(&b);
	}
	print_message("# %u worlds, %u of them impossible; the least recall %.3f\n", worlds,
		      impossible, least);
	assert_true(impossible <= 1 + worlds / 100);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(classes_are_right),
		cmocka_unit_test(impoliteness_is_counted),
		cmocka_unit_test(any_world_is_survived),
	};

	return cmocka_run_group_tests_name("sim_bad", tests, NULL, NULL);
}
