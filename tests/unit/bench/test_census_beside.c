/* SPDX-License-Identifier: MIT */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/sim/sim.h"
#include "engine/engine.h"
#include "engine/part.h"
#include "tests/support/unit.h"

/**
 * DOC: zone censuses beside a full one, in virtual time: they come to their end while it
 * runs, both find what they would find alone, and no budget is spent twice.
 */
enum { LIVE = 60000, RATE_PPS = 4500, ZONES_MAX = 8, EVERY_S = 20 };

struct zone {
	struct engine *engine;
	struct engine_result result;
	struct net *device;
	struct crawl_part part;
	double began_s, ended_s, recall;
};

struct pair {
	struct sim_world *world;
	struct engine_opts opts;
	struct engine *full;
	struct engine_result result;
	double recall, began_s;
	unsigned zones, wanted;
	bool running;
	int stop_after;  /* the full one is stopped in the midst of this zone; 0 = never */
	int stops_heard; /* by the callback */
	struct zone zone[ZONES_MAX];
};

static double seconds(const struct engine *e)
{
	struct clock c = engine_clock(e);

	return (double)c.now_ns(c.ctx) / 1e9;
}

struct asked {
	const struct engine *e;
	const struct crawl_part *part;
};

static int lookup(void *ctx, const struct endpoint *ep, struct nodeid *id)
{
	const struct asked *a = ctx;
	struct crawl_node n;

	if (!part_has(a->part, nodeid_prefix64(id)))
		return -1;
	if (engine_find(a->e, ep, &n))
		return 0;
	*id = n.id;
	return n.answered ? 2 : 1;
}

static double recall_of(struct pair *p, const struct engine *e, const struct crawl_part *part)
{
	struct asked a = { .e = e, .part = part };
	struct sim_truth t;

	sim_score(p->world, lookup, &a, &t);
	assert_int_equal(t.false_nodes, 0);
	return t.recall;
}

static void begin_zone(struct pair *p, struct engine *host)
{
	struct zone *z = &p->zone[p->zones++];
	struct engine_opts o = p->opts;
	char why[ENGINE_WHY_MAX];

	assert_int_equal(part_from_text(p->zones % 2 ? "5/4" : "a/4", &z->part), 0);
	assert_int_equal(
		net_sim_along(engine_device(host), ENGINE_FOURTH_PORT, &z->device, &o.clock), 0);
	o.device = z->device;
	o.host = host;
	o.beside = NULL;
	o.crawl.part = z->part;
	memset(o.crawl.own_id.b, 0xa0 + (int)p->zones, sizeof(o.crawl.own_id.b));
	assert_int_equal(engine_new(&o, &z->engine, why), 0);
	engine_begin(z->engine);
	z->began_s = seconds(host);
	p->running = true;
}

static void end_zone(struct pair *p, struct engine *host)
{
	struct zone *z = &p->zone[p->zones - 1];

	assert_int_equal(engine_end(z->engine, &z->result), 0);
	z->ended_s = seconds(host);
	z->recall = recall_of(p, z->engine, &z->part);
	engine_free(z->engine);
	net_close(z->device);
	p->running = false;
}

static bool beside(void *ctx, struct engine *host, bool may_begin, int stops)
{
	struct pair *p = ctx;
	double due = p->began_s + EVERY_S * (p->zones + 1);

	if (!p->running && may_begin && p->zones < p->wanted && seconds(host) >= due)
		begin_zone(p, host);
	if (!p->running)
		return false;
	if (p->stop_after == (int)p->zones && p->stops_heard == 0 &&
	    seconds(host) > p->zone[p->zones - 1].began_s + 1)
		engine_stop(host);
	for (; p->stops_heard < stops; p->stops_heard++)
		engine_stop(p->zone[p->zones - 1].engine);
	if (engine_step(p->zone[p->zones - 1].engine))
		return true;
	end_zone(p, host);
	return false;
}

static void take(struct pair *p, unsigned wanted, int stop_after)
{
	struct sim_opts sim = sim_opts_default();
	struct crawl_contact boot[8] = { 0 };
	struct endpoint eps[8];
	char why[ENGINE_WHY_MAX];
	unsigned n;

	memset(p, 0, sizeof(*p));
	sim.seed = 9;
	sim.live = LIVE;
	sim.delay_us = 80000;
	p->wanted = wanted;
	p->stop_after = stop_after;
	p->opts = engine_opts_default();
	assert_int_equal(sim_world_new(&sim, &p->world), 0);
	assert_int_equal(net_sim_open(p->world, &p->opts.device, &p->opts.clock), 0);
	n = sim_world_bootstrap(p->world, eps, 8);
	for (unsigned i = 0; i < n; i++)
		boot[i].ep = eps[i];
	p->opts.bootstrap = boot;
	p->opts.bootstrap_count = n;
	p->opts.rate_pps = RATE_PPS;
	p->opts.beside = beside;
	p->opts.beside_ctx = p;
	p->opts.crawl.seed = 9;
	p->opts.crawl.sweep_after_ns = 5000000000;
	memset(p->opts.crawl.own_id.b, 0x5c, sizeof(p->opts.crawl.own_id.b));
	assert_int_equal(engine_new(&p->opts, &p->full, why), 0);
	p->began_s = seconds(p->full);
	assert_int_equal(engine_run(p->full, &p->result), 0);
	p->recall = recall_of(p, p->full, &p->opts.crawl.part);
	engine_free(p->full);
	net_close(p->opts.device);
	sim_world_free(p->world);
}

static void check_accounts(const struct engine_result *r)
{
	const struct crawl_stats *c = &r->counters.crawl;

	assert_int_equal(c->sent, c->answered + c->errors + c->expired + c->in_flight);
	assert_int_equal(r->counters.unexplained, 0);
	assert_true(r->counters.gate.worst_host_10s <= 9);
	assert_int_equal(c->foreign, 0); /* each hears its own answers */
}

static void test_zones_beside(void **state)
{
	struct pair *alone = malloc(sizeof(*alone)), *p = malloc(sizeof(*p));
	double end_s, sent, span_s;

	(void)state;
	assert_non_null(alone);
	assert_non_null(p);
	take(alone, 0, 0);
	take(p, 3, 0);
	assert_int_equal(alone->result.end, ENGINE_END_DONE);
	assert_int_equal(p->result.end, ENGINE_END_DONE);
	assert_int_equal(p->zones, 3);
	check_accounts(&p->result);
	sent = (double)p->result.counters.crawl.sent;
	for (unsigned i = 0; i < p->zones; i++) {
		const struct zone *z = &p->zone[i];

		printf("# zone %u: from %.2f s to %.2f, recall %.4f, %llu packets\n", i,
		       z->began_s - p->began_s, z->ended_s - p->began_s, z->recall,
		       (unsigned long long)z->result.counters.crawl.sent);
		assert_int_equal(z->result.end, ENGINE_END_DONE);
		assert_true(z->result.beside);
		check_accounts(&z->result);
		/* On time, and nobody waits for the full one. */
		assert_true(fabs(z->began_s - p->began_s - EVERY_S * (i + 1.0)) < 0.1);
		assert_true(z->recall > 0.995);
		sent += (double)z->result.counters.crawl.sent;
	}
	end_s = p->began_s + (double)p->result.elapsed_ns / 1e9;
	assert_true(p->zone[1].ended_s < end_s - 1);
	/* The full one lost nothing by them but the rate that they had. */
	printf("# full: %.4f alone, %.4f with them; %.1f s and %.1f\n", alone->recall, p->recall,
	       (double)alone->result.elapsed_ns / 1e9, (double)p->result.elapsed_ns / 1e9);
	assert_true(fabs(p->recall - alone->recall) < 0.0005);
	assert_true(llabs((long long)(p->result.counters.crawl.sent -
				      alone->result.counters.crawl.sent)) <
		    (long long)(0.01 * (double)alone->result.counters.crawl.sent));
	/* One rate for all of them. */
	span_s = (double)p->result.span_ns / 1e9;
	assert_true(sent <= RATE_PPS * (span_s + 0.01));
	assert_true(!alone->result.beside && !p->result.beside);
	free(alone);
	free(p);
}

static void test_stopped_together(void **state)
{
	struct pair *p = malloc(sizeof(*p));

	(void)state;
	assert_non_null(p);
	take(p, 3, 1);
	assert_int_equal(p->result.end, ENGINE_END_INTERRUPTED);
	assert_int_equal(p->zones, 1);
	assert_int_equal(p->zone[0].result.end, ENGINE_END_INTERRUPTED);
	check_accounts(&p->result);
	check_accounts(&p->zone[0].result);
	free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_zones_beside),
		cmocka_unit_test(test_stopped_together),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
