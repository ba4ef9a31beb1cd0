/* SPDX-License-Identifier: MIT */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/sim/sim.h"
#include "engine/checkpoint.h"
#include "engine/engine.h"
#include "engine/report.h"
#include "tests/support/tempdir.h"
#include "tests/support/unit.h"

/**
 * DOC: a census that is broken off again and again and gone on with, each time by a
 * new engine with a new device, ends as one that is left alone.
 */
struct taken {
	struct engine *e;
	struct engine_result result;
	struct census_report report;
	struct sim_truth truth;
};

static int lookup(void *ctx, const struct endpoint *ep, struct nodeid *id)
{
	struct crawl_node n;

	if (engine_find(ctx, ep, &n))
		return 0;
	*id = n.id;
	return n.answered ? 2 : 1;
}

static void note(void *ctx, char *out, size_t cap)
{
	snprintf(out, cap, "%s", (const char *)ctx);
}

/* One process's part: at most @runtime_s of virtual time; 0 = to the end. */
static void go_on(const char *path, const struct checkpoint *from, double runtime_s,
		  struct taken *t)
{
	struct sim_opts sim = sim_opts_default();
	struct engine_opts o = engine_opts_default();
	struct crawl_contact boot[8] = { 0 };
	char whom[] = "who reads";
	struct endpoint eps[8];
	char why[ENGINE_WHY_MAX];
	struct sim_world *w;
	unsigned n;

	sim.seed = 5;
	sim.live = 60000;
	sim.delay_us = 80000;
	if (from)
		sim.time_s = (double)(checkpoint_head(from)->started_wall_ns +
				      checkpoint_head(from)->elapsed_ns - SIM_WALL_NS) /
			     1e9;
	assert_int_equal(sim_world_new(&sim, &w), 0);
	assert_int_equal(net_sim_open(w, &o.device, &o.clock), 0);
	n = sim_world_bootstrap(w, eps, 8);
	for (unsigned i = 0; i < n; i++)
		boot[i].ep = eps[i];
	o.bootstrap = boot;
	o.bootstrap_count = n;
	o.rate_pps = 40000;
	o.max_runtime_ns = (uint64_t)(runtime_s * 1e9);
	o.cooldown_ns = 1; /* what is under way is cut off */
	o.crawl.seed = 5;
	o.crawl.sweep_after_ns = 5000000000;
	o.keep = (struct engine_keep){ .path = path, .note = note, .ctx = whom };
	o.resume = from;
	memset(o.crawl.own_id.b, 0x5c, sizeof(o.crawl.own_id.b));
	assert_int_equal(engine_new(&o, &t->e, why), 0);
	assert_int_equal(engine_run(t->e, &t->result), 0);
	sim_score(w, lookup, t->e, &t->truth);
	report_fill(&t->report, &t->result, "test", NULL);
	engine_free(t->e);
	net_close(o.device);
	sim_world_free(w);
}

static void test_broken_off(void **state)
{
	static const double stops_s[] = { 0.3, 1, 2, 2, 1.5, 4, 3 };
	char dir[TEMPDIR_MAX], path[TEMPDIR_MAX + 16], why[CHECKPOINT_WHY_MAX];
	struct checkpoint *from = NULL;
	struct taken alone, t;
	uint64_t sent = 0;

	(void)state;
	tempdir_make(dir);
	snprintf(path, sizeof(path), "%s/resume", dir);
	go_on(NULL, NULL, 0, &alone);
	assert_int_equal(alone.result.end, ENGINE_END_DONE);
	for (size_t i = 0; i < sizeof(stops_s) / sizeof(stops_s[0]); i++) {
		const struct crawl_stats *c = &t.result.counters.crawl;

		go_on(path, from, stops_s[i], &t);
		assert_int_equal(t.result.end, ENGINE_END_RUNTIME);
		assert_int_equal(t.result.resumes, i);
		assert_int_equal(t.result.checkpoints, 1);
		assert_int_equal(t.result.counters.unexplained, 0);
		assert_int_equal(c->sent, c->answered + c->errors + c->expired + c->in_flight);
		assert_int_equal(c->sent, c->first_attempts + c->retries_sent);
		assert_int_equal(c->endpoints_live, t.truth.answered);
		assert_true(c->sent > sent);
		sent = c->sent;
		checkpoint_close(from);
		assert_int_equal(checkpoint_open(path, &from, why), 0);
		assert_string_equal(checkpoint_head(from)->note, "who reads");
		assert_int_equal(checkpoint_head(from)->counters.crawl.sent, sent);
	}
	go_on(path, from, 0, &t);
	assert_int_equal(t.result.end, ENGINE_END_DONE);
	assert_int_equal(t.truth.false_nodes, 0);
	assert_int_equal(t.truth.wrong_ids, 0);
	assert_int_equal(t.result.started_ms, alone.result.started_ms);
	printf("# alone %llu found, %.3f queries per live, %.2f packets; broken off %llu, %.3f, "
	       "%.2f\n",
	       (unsigned long long)alone.truth.answered, alone.report.queries_per_live,
	       alone.report.packets_per_live, (unsigned long long)t.truth.answered,
	       t.report.queries_per_live, t.report.packets_per_live);
	/* Other packets are lost: as many are found to a hair, for what the stops cost. */
	assert_true(llabs((long long)t.truth.answered - (long long)alone.truth.answered) < 30);
	assert_true(fabs(t.report.queries_per_live - alone.report.queries_per_live) < 0.02);
	assert_true(t.report.packets_per_live < 1.15 * alone.report.packets_per_live);
	assert_true(fabs(t.result.estimate.unseen - alone.result.estimate.unseen) < 40);
	checkpoint_close(from);
	checkpoint_remove(path);
	assert_int_equal(checkpoint_open(path, &from, why), DT_ENOTFOUND);
	tempdir_remove(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_broken_off),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
