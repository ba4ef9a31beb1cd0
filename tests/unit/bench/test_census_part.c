/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/sim/sim.h"
#include "engine/engine.h"
#include "engine/part.h"
#include "engine/report.h"
#include "tests/support/unit.h"

/**
 * DOC: a census of a part of the id space, as shipped, in virtual time: the part is
 * found as well as the whole would be, hardly anybody else is asked, and what it
 * says of the whole is true as often as it claims.
 */
struct taken {
	struct engine *e;
	struct crawl_part part;
	struct engine_result result;
	struct census_report report;
	struct sim_truth truth;
};

static int lookup(void *ctx, const struct endpoint *ep, struct nodeid *id)
{
	const struct taken *t = ctx;
	struct crawl_node n;

	if (!part_has(&t->part, nodeid_prefix64(id)))
		return -1;
	if (engine_find(t->e, ep, &n))
		return 0;
	*id = n.id;
	return n.answered ? 2 : 1;
}

static void take(uint64_t seed, uint32_t live, struct crawl_part part, struct taken *t)
{
	struct sim_opts sim = sim_opts_default();
	struct engine_opts o = engine_opts_default();
	struct crawl_contact boot[8] = { 0 };
	struct endpoint eps[8];
	char why[ENGINE_WHY_MAX];
	struct sim_world *w;
	unsigned n;

	sim.seed = seed;
	sim.live = live;
	assert_int_equal(sim_world_new(&sim, &w), 0);
	assert_int_equal(net_sim_open(w, &o.device, &o.clock), 0);
	n = sim_world_bootstrap(w, eps, 8);
	for (unsigned i = 0; i < n; i++)
		boot[i].ep = eps[i];
	o.bootstrap = boot;
	o.bootstrap_count = n;
	o.rate_pps = 0;
	o.crawl.seed = seed;
	o.crawl.part = t->part = part;
	o.crawl.sweep_after_ns = 5000000000;
	o.part_name = "a part";
	memset(o.crawl.own_id.b, 0x5c, sizeof(o.crawl.own_id.b));
	assert_int_equal(engine_new(&o, &t->e, why), 0);
	assert_int_equal(engine_run(t->e, &t->result), 0);
	sim_score(w, lookup, t, &t->truth);
	report_fill(&t->report, &t->result, "test", NULL);
	engine_free(t->e);
	net_close(o.device);
	sim_world_free(w);
}

static void test_zones(void **state)
{
	static const struct {
		const char *zone;
		double recall;
	} rows[] = { { "a0/4", 0.995 }, { "c/2", 0.996 }, { "3c/8", 0.985 }, { "000/9", 0.98 } };
	unsigned held = 0, asked = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		for (uint64_t seed = 1; seed <= 5; seed++) {
			const struct crawl_stats *c;
			struct crawl_part part;
			struct taken t;

			assert_int_equal(part_from_text(rows[i].zone, &part), 0);
			take(seed, 60000, part, &t);
			c = &t.result.counters.crawl;
			if (t.truth.recall < rows[i].recall || t.truth.false_nodes)
				fail_msg("zone %s, seed %u: %llu of %llu", rows[i].zone,
					 (unsigned)seed, (unsigned long long)t.truth.answered,
					 (unsigned long long)t.truth.live);
			assert_int_equal(t.result.estimate.live, t.truth.answered);
			/* At most 32 guides for each bit of nearness, and 8 to start from. */
			assert_true(c->guides_asked <= 9 * 32);
			assert_true(c->endpoints_asked <= 2 * t.truth.live + 9 * 32 + 8);
			assert_int_equal(c->endpoints_live, t.truth.answered + c->guides_live);
			held += t.report.whole.low <= 60000 && t.report.whole.high >= 60000;
			asked++;
		}
	/* 95 % of 20: fewer than 16 would come once in 3,000 times. */
	if (held < 16)
		fail_msg("the interval of the whole held it %u times of %u", held, asked);
}

/* Shards need not know of each other: together they are the whole, and cost what it costs. */
static void test_shards(void **state)
{
	struct crawl_part all = { 0 };
	struct taken whole;

	(void)state;
	take(7, 60000, all, &whole);
	for (unsigned n = 2; n <= 5; n += 3) {
		uint64_t answered = 0, live = 0, sent = 0;

		for (unsigned i = 0; i < n; i++) {
			struct taken t;

			take(7, 60000, part_of_shard(all, i, n), &t);
			answered += t.truth.answered;
			live += t.truth.live;
			sent += t.result.counters.crawl.sent;
		}
		assert_int_equal(live, 60000);
		if ((double)answered < (double)whole.truth.answered - 20)
			fail_msg("%u shards found %llu, one run %llu", n,
				 (unsigned long long)answered,
				 (unsigned long long)whole.truth.answered);
		assert_true((double)sent < 1.03 * (double)whole.result.counters.crawl.sent);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_zones),
		cmocka_unit_test(test_shards),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
