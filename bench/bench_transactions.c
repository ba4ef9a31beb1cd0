/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "bench/alone.h"
#include "bench/bench.h"
#include "bench/pair.h"
#include "bench/rig.h"

/**
 * DOC: answered transactions per second of the whole engine against the farm,
 * beside the bare loop of the same back end against the same farm: same
 * queries, sockets, batches and window, but no parsing, no state and no sink.
 *
 * Both live with the farm on the same cores (worker, bare loop and farm thread i
 * on core i). They take turns, io_uring and mmsg in the same run; ratios are
 * taken within a round. One yardstick for all: a thread that looks at the
 * farm's counter of answers and at the CPU time of both processes at the ends of a
 * window, which leaves out the first third of a turn and the draining at its end.
 *
 * A world without loss and without dead contacts, so that what is counted is
 * transactions and not waiting; large enough to keep the engine busy throughout.
 * cpu_ns is what the asking process spends on a transaction, farm_cpu_ns what the
 * farm does: on a machine with other work to do these stand, the rates do not, and
 * ratio_by_cpu is the ratio that a machine of its own would show.
 *
 * Raw frames have an island (engine/island.h) and a farm of their kind at its far end, in
 * a process of their own, which ends there.
 */

enum {
	SEED = 20261121,
	RUNS_DEFAULT = 5,
	RUNS_MAX = 15,
	RUN_MS_DEFAULT = 2000,
};

struct way {
	const char *name;
	bool engine;
	enum net_backend backend; /* of the engine */
	struct pump_way bare;
	unsigned twin; /* the bare one with the same calls */
	unsigned peer; /* what ratio_to_peer compares with */
};

struct set {
	enum rig_place place;
	const struct way *ways;
	unsigned count;
};

enum { WAYS_MAX = 6 };

#define SENDMMSG                                                                                   \
	{                                                                                          \
		.name = "mmsg", .send = PUMP_SENDMMSG, .recv = PUMP_RECVMMSG                       \
	}
#define OP_SEND                                                                                    \
	{                                                                                          \
		.name = "uring", .send = PUMP_OP_SEND, .recv = PUMP_DRAINED                        \
	}
#define RAW(b, s)                                                                                  \
	{                                                                                          \
		.name = "raw", .backend = b, .send = s                                             \
	}

static const struct way loopback_ways[] = {
	{ "transactions.bare_uring", false, 0, OP_SEND, 0, 1 },
	{ "transactions.bare_mmsg", false, 0, SENDMMSG, 1, 1 },
	{ "transactions.engine_uring", true, NET_BACKEND_URING, { 0 }, 0, 3 },
	{ "transactions.engine_mmsg", true, NET_BACKEND_MMSG, { 0 }, 1, 3 },
};

/* On the packet farm sockets are measured too: what raw frames win is then told in one run. */
static const struct way packet_ways[] = {
	{ "transactions_packet.bare", false, 0, RAW(NET_BACKEND_PACKET, PUMP_SENDMMSG), 0, 0 },
	{ "transactions_packet.bare_op_send", false, 0, RAW(NET_BACKEND_PACKET, PUMP_OP_SEND), 1,
	  0 },
	{ "transactions_packet.bare_mmsg", false, 0, SENDMMSG, 2, 0 },
	{ "transactions_packet.engine", true, NET_BACKEND_PACKET, { 0 }, 0, 3 },
	{ "transactions_packet.engine_mmsg", true, NET_BACKEND_MMSG, { 0 }, 2, 3 },
};

static const struct way xdp_ways[] = {
	{ "transactions_xdp.bare", false, 0, RAW(NET_BACKEND_XDP, PUMP_SENDMMSG), 0, 0 },
	{ "transactions_xdp.engine", true, NET_BACKEND_XDP, { 0 }, 0, 1 },
};

#define SET(p, w)                                                                                  \
	{                                                                                          \
		.place = p, .ways = w, .count = sizeof(w) / sizeof((w)[0])                         \
	}
static const struct set sets[] = {
	SET(RIG_LOOPBACK, loopback_ways),
	SET(RIG_PACKET_FARM, packet_ways),
	SET(RIG_XDP_FARM, xdp_ways),
};

struct bench_rig {
	struct rig rig;
	const struct set *set;
	struct pump_packets packets;
};

/** One turn of one way. */
struct sample {
	struct rig_sample rig;
	/* engine only */
	double unexplained;        /* largest breach of the accounting identity */
	double kernel_unexplained; /* datagrams in and out that nobody owns up to */
	double drops;              /* by the kernel, at our sockets or the farm's */
	double hit_rate;           /* answered / sent */
};

/* ---- the bare loop ------------------------------------------------------------------- */

static int run_bare(struct bench_rig *b, const struct way *way, struct sample *out)
{
	struct pair_opts opts = { .way = &way->bare,
				  .island = b->rig.island != NULL,
				  .packets = &b->packets,
				  .cores = b->rig.cores,
				  .batch = NET_BATCH_MAX,
				  .window = RIG_WINDOW,
				  .run_ns = b->rig.run_ns };
	struct pair_result result;
	struct rig_watch watch;
	int err = rig_watch_start(&watch, &b->rig, 0), watched;

	if (err)
		return err;
	err = pair_run(&opts, &result);
	watched = rig_watch_end(&watch, &out->rig);
	return err ? err : watched;
}

/* ---- the engine --------------------------------------------------------------------- */

static int run_engine(struct bench_rig *b, const struct way *way, struct sample *out)
{
	struct engine_opts opts = rig_engine_opts(&b->rig, way->backend);
	struct engine_result *result = calloc(1, sizeof(*result));
	struct rig_rest before, after;
	char why[ENGINE_WHY_MAX];
	struct rig_watch watch;
	struct engine *e = NULL;
	int watched, err;

	opts.crawl.raise_above = 0;
	err = result ? engine_new(&opts, &e, why) : -ENOMEM;
	/* Whoever went before left questions there: the accounts begin when they are answered. */
	before = rig_at_rest(&b->rig);
	if (!err)
		err = rig_watch_start(&watch, &b->rig, 0);
	if (!err) {
		err = engine_run(e, result);
		watched = rig_watch_end(&watch, &out->rig);
		err = err ? err : watched;
	}
	after = rig_at_rest(&b->rig);
	if (!err) {
		const struct engine_counters *c = &result->counters;

		out->unexplained = (double)c->unexplained;
		out->kernel_unexplained =
			rig_unexplained(&b->rig, way->backend, c, &before, &after);
		out->drops = (double)rig_drops(c, &before, &after);
		out->hit_rate =
			c->crawl.sent ? (double)c->crawl.answered / (double)c->crawl.sent : 0;
	}
	engine_free(e);
	free(result);
	return err;
}

/* ---- rounds ---------------------------------------------------------------------------- */

struct outcome {
	struct sample samples[WAYS_MAX][RUNS_MAX];
	unsigned runs;
};

static double median_of(const struct outcome *o, unsigned way, size_t field)
{
	double values[RUNS_MAX];

	for (unsigned i = 0; i < o->runs; i++)
		memcpy(&values[i], (const uint8_t *)&o->samples[way][i] + field, sizeof(double));
	return bench_median(values, o->runs);
}

static double worst_of(const struct outcome *o, unsigned way, size_t field)
{
	double worst = 0;

	for (unsigned i = 0; i < o->runs; i++) {
		double v;

		memcpy(&v, (const uint8_t *)&o->samples[way][i] + field, sizeof(v));
		worst = v > worst ? v : worst;
	}
	return worst;
}

/* Median over the rounds of the ratio within a round. */
static double ratio(const struct outcome *o, unsigned a, unsigned b)
{
	double ratios[RUNS_MAX];

	for (unsigned i = 0; i < o->runs; i++)
		ratios[i] =
			o->samples[a][i].rig.answered_per_s / o->samples[b][i].rig.answered_per_s;
	return bench_median(ratios, o->runs);
}

/* The same of the CPU time that both processes spend: what the ratio is on a machine of one's own.
 */
static double ratio_by_cpu(const struct outcome *o, unsigned a, unsigned b)
{
	double ratios[RUNS_MAX];

	for (unsigned i = 0; i < o->runs; i++) {
		const struct rig_sample *x = &o->samples[a][i].rig;
		const struct rig_sample *y = &o->samples[b][i].rig;

		ratios[i] = (y->cpu_ns + y->farm_cpu_ns) / (x->cpu_ns + x->farm_cpu_ns);
	}
	return bench_median(ratios, o->runs);
}

#define FIELD(f) offsetof(struct sample, f)

static int emit(const struct bench_rig *b, const struct outcome *o, unsigned way, FILE *out)
{
	const struct way *y = &b->set->ways[way];
	bool sockets = b->set->place == RIG_LOOPBACK;
	struct bench_extra extra[] = {
		{ "ratio_to_bare", ratio(o, way, y->twin) },
		{ "ratio_by_cpu", ratio_by_cpu(o, way, y->twin) },
		{ sockets ? "ratio_to_mmsg" : "ratio_to_raw", ratio(o, way, y->peer) },
		{ sockets ? "ratio_to_mmsg_by_cpu" : "ratio_to_raw_by_cpu",
		  ratio_by_cpu(o, way, y->peer) },
		{ "cpu_ns", median_of(o, way, FIELD(rig.cpu_ns)) },
		{ "farm_cpu_ns", median_of(o, way, FIELD(rig.farm_cpu_ns)) },
		{ "user_share", median_of(o, way, FIELD(rig.user_share)) },
		{ "unexplained", worst_of(o, way, FIELD(unexplained)) },
		{ "kernel_unexplained", worst_of(o, way, FIELD(kernel_unexplained)) },
		{ "kernel_drops", worst_of(o, way, FIELD(drops)) },
		{ "hit_rate", median_of(o, way, FIELD(hit_rate)) },
	};
	struct bench_figure f = { .name = y->name,
				  .unit = "1/s",
				  .better = BENCH_HIGHER,
				  .best = worst_of(o, way,
						   FIELD(rig.answered_per_s)), /* the largest */
				  .median = median_of(o, way, FIELD(rig.answered_per_s)),
				  .runs = o->runs,
				  .extra = extra,
				  .extra_count = y->engine ? 11 : 7 };

	return bench_emit(b->rig.ctx, &f, out);
}

static int run_rounds(struct bench_rig *b, FILE *out)
{
	struct outcome *o = calloc(1, sizeof(*o));
	int err = o ? 0 : -ENOMEM;

	if (o)
		o->runs = b->rig.ctx->runs ? b->rig.ctx->runs : RUNS_DEFAULT;
	if (o && o->runs > RUNS_MAX)
		o->runs = RUNS_MAX;
	for (unsigned run = 0; !err && run < o->runs; run++) {
		for (unsigned k = 0; !err && k < b->set->count; k++) {
			unsigned i = (run + k) % b->set->count; /* nobody is always first */
			const struct way *way = &b->set->ways[i];
			struct sample *s = &o->samples[i][run];

			err = way->engine ? run_engine(b, way, s) : run_bare(b, way, s);
		}
	}
	for (unsigned way = 0; !err && way < b->set->count; way++)
		err = emit(b, o, way, out);
	free(o);
	return err;
}

static int run_set(const struct bench_ctx *ctx, const struct set *set, FILE *out)
{
	struct rig_opts o = { .place = set->place, .seed = SEED, .run_ms = RUN_MS_DEFAULT };
	struct bench_rig b = { .set = set };
	int err = rig_open(&b.rig, ctx, &o);

	if (!err)
		err = rig_packets(&b.rig, &b.packets);
	if (!err)
		err = run_rounds(&b, out);
	pump_packets_free(&b.packets);
	rig_close(&b.rig);
	return err;
}

static int on_loopback(const struct bench_ctx *ctx, FILE *out)
{
	return run_set(ctx, &sets[RIG_LOOPBACK], out);
}

static int on_packet_farm(const struct bench_ctx *ctx, FILE *out)
{
	return run_set(ctx, &sets[RIG_PACKET_FARM], out);
}

static int on_xdp_farm(const struct bench_ctx *ctx, FILE *out)
{
	return run_set(ctx, &sets[RIG_XDP_FARM], out);
}

static int run_transactions(const struct bench_ctx *ctx, FILE *out)
{
	return alone_run(on_loopback, ctx, out);
}

static int run_packet(const struct bench_ctx *ctx, FILE *out)
{
	return alone_in_child("transactions_packet", on_packet_farm, ctx, out);
}

static int run_xdp(const struct bench_ctx *ctx, FILE *out)
{
	return alone_in_child("transactions_xdp", on_xdp_farm, ctx, out);
}

const struct bench bench_transactions[] = {
	{ "transactions", "answered transactions/s: engine and bare loop against the farm",
	  run_transactions },
	{ "transactions_packet", "the same as raw frames by AF_PACKET, on a veth pair",
	  run_packet },
	{ "transactions_xdp", "the same by AF_XDP", run_xdp },
	{ NULL, NULL, NULL },
};
