/* SPDX-License-Identifier: MIT */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bench/bench.h"
#include "bench/sim/sim.h"
#include "engine/engine.h"
#include "engine/report.h"

/**
 * DOC: the table of census 2b, measured: the shipped crawl in virtual time, one
 * world, every way of choosing targets that we or another crawler have. The
 * start-up rule is off and nothing is asked deeper, so that a row is its plan
 * and no more. Correctness, not time: all figures but wall_s are the same
 * whenever it runs.
 */

enum {
	LIVE_DEFAULT = 50000,
	BOOTSTRAP = 64,
	SWEEP_S = 5, /* as crawl --sim */
};

static const struct strategy {
	const char *targets;
	enum crawl_plan plan;
	double mixing;
} strategies[] = {
	{ "1 random", CRAWL_PLAN_RANDOM1, 0 },
	{ "2 random", CRAWL_PLAN_RANDOM2, 0 },
	{ "4 random", CRAWL_PLAN_RANDOM4, 0 },
	{ "8 random", CRAWL_PLAN_RANDOM8, 0 },
	{ "own id", CRAWL_PLAN_OWN, 0 },
	{ "own id + 10 % random", CRAWL_PLAN_OWN, 0.10 },
	{ "own id + random", CRAWL_PLAN_OWN, 1 },
	{ "own id, c + 10 % random", CRAWL_PLAN_FLIP_C, 0.10 },
	{ "own id, c-1 + 10 % random (2+)", CRAWL_PLAN_2PLUS, 0.10 },
	{ "own id, c-1, c-2 + 10 % random (3)", CRAWL_PLAN_3, 0.10 },
	{ "own id, c..c-2 + 10 % random (4)", CRAWL_PLAN_4, 0.10 },
	{ "own id, c..c-3 + 10 % random (5)", CRAWL_PLAN_5, 0.10 },
	{ "own id, c-1, c-2, ... 0 (drain)", CRAWL_PLAN_DRAIN, 0.10 },
	{ "fixed CPL 0..15", CRAWL_PLAN_CPL16, 0 },
};
enum { STRATEGIES = sizeof(strategies) / sizeof(strategies[0]) };

struct outcome {
	struct sim_truth truth;
	double queries, packets, estimate_error, wall_s, virtual_s;
};

static int lookup(void *ctx, const struct endpoint *ep, struct nodeid *id)
{
	struct crawl_node n;

	if (engine_find(ctx, ep, &n))
		return 0;
	*id = n.id;
	return n.answered ? 2 : 1;
}

static struct engine_opts options(const struct strategy *s, uint64_t seed)
{
	struct engine_opts o = engine_opts_default();

	o.rate_pps = 0;
	o.crawl.plan = s->plan;
	o.crawl.mixing = s->mixing;
	o.crawl.mixing_all_until = 0;
	o.crawl.raise_above = 0;
	o.crawl.seed = seed;
	o.crawl.sweep_after_ns = SWEEP_S * UINT64_C(1000000000);
	memset(o.crawl.own_id.b, 0x5c, sizeof(o.crawl.own_id.b));
	return o;
}

static int take(struct sim_world *w, struct engine_opts *o, struct outcome *out)
{
	struct engine_result r;
	struct census_report report;
	char why[ENGINE_WHY_MAX];
	struct engine *e;
	int err = engine_new(o, &e, why);

	if (err)
		return err;
	err = engine_run(e, &r);
	if (!err) {
		sim_score(w, lookup, e, &out->truth);
		report_fill(&report, &r, "", NULL);
		out->queries = report.queries_per_live;
		out->packets = report.packets_per_live;
		out->wall_s = (double)r.wall_ns / 1e9;
		out->virtual_s = report.elapsed_s;
		out->estimate_error = ((double)out->truth.answered + r.estimate.unseen -
				       (double)out->truth.live) /
				      (double)out->truth.live;
	}
	engine_free(e);
	return err;
}

static int measure(struct sim_world *w, const struct strategy *s, struct outcome *out)
{
	struct engine_opts o = options(s, sim_world_opts(w)->seed);
	struct crawl_contact boot[BOOTSTRAP] = { 0 };
	struct endpoint eps[BOOTSTRAP];
	int err = net_sim_open(w, &o.device, &o.clock);

	if (err)
		return err;
	o.bootstrap_count = sim_world_bootstrap(w, eps, BOOTSTRAP);
	for (unsigned i = 0; i < o.bootstrap_count; i++)
		boot[i].ep = eps[i];
	o.bootstrap = boot;
	err = take(w, &o, out);
	net_close(o.device);
	return err;
}

static int emit(const struct bench_ctx *ctx, const struct strategy *s, const struct outcome *o,
		FILE *out)
{
	char name[64];
	const struct bench_extra extra[] = {
		{ "live", (double)o->truth.live },
		{ "queries_per_live", o->queries },
		{ "seen_percent", 100 * o->truth.seen_share },
		{ "young_seen_percent", 100 * o->truth.young_seen_share },
		{ "packets_per_live", o->packets },
		{ "chao1_error_percent", 100 * o->estimate_error },
		{ "recall_percent", 100 * o->truth.recall },
		{ "virtual_s", o->virtual_s },
		{ "wall_s", o->wall_s },
	};
	const struct bench_figure f = {
		.name = name,
		.unit = "percent seen",
		.better = BENCH_HIGHER,
		.best = 100 * o->truth.seen_share,
		.median = 100 * o->truth.seen_share,
		.runs = 1,
		.extra = extra,
		.extra_count = sizeof(extra) / sizeof(extra[0]),
	};

	snprintf(name, sizeof(name), "strategies.%s", s->targets);
	return bench_emit(ctx, &f, out);
}

static void row(const struct strategy *s, const struct outcome *o)
{
	fprintf(stderr, "%-36s %7.3f %9.3f %% %9.2f %% %8.2f %+10.3f %%\n", s->targets, o->queries,
		100 * o->truth.seen_share, 100 * o->truth.young_seen_share, o->packets,
		100 * o->estimate_error);
}

static int run_strategies(const struct bench_ctx *ctx, FILE *out)
{
	struct sim_opts sim = sim_opts_default();
	struct sim_world *w;
	int err;

	sim.live = ctx->sim ? ctx->sim : LIVE_DEFAULT;
	err = sim_world_new(&sim, &w);
	if (err)
		return err;
	fprintf(stderr,
		"%u live nodes, %.0f %% of all ids dead, %.0f %% loss\n"
		"%-36s %7s %11s %11s %8s %12s\n",
		sim.live, 100 * sim.dead_share, 100 * sim.loss, "targets sent to each node", "q",
		"seen", "young seen", "packets", "Chao1 error");
	for (unsigned i = 0; i < STRATEGIES && !err; i++) {
		struct outcome o = { .queries = 0 };

		err = measure(w, &strategies[i], &o);
		if (err)
			break;
		row(&strategies[i], &o);
		err = emit(ctx, &strategies[i], &o, out);
	}
	sim_world_free(w);
	return err;
}

const struct bench bench_strategies[] = {
	{ "strategies", "census 2b: what each way of choosing targets finds, and costs",
	  run_strategies },
	{ NULL, NULL, NULL },
};
