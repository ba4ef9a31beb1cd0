/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <math.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench/alone.h"
#include "bench/bench.h"
#include "bench/pair.h"
#include "bench/sim/sim.h"
#include "engine/cpu.h"
#include "engine/engine.h"
#include "engine/island.h"
#include "engine/kernel.h"
#include "engine/rng.h"
#include "proto/krpc.h"

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
	LIVE = 2 * 1000 * 1000,
	SEED = 20261121,
	PACKETS = 1 << 16,
	BOOTSTRAP = 64,
	WINDOW = 1024, /* per worker */
	SLOTS_LOG2 = 20,
	RUNS_DEFAULT = 5,
	RUNS_MAX = 15,
	RUN_MS_DEFAULT = 2000,
	TAIL_MS = 100, /* of a turn, not measured */
	CONTACTS = 1 << 22,
};

/** What answers: sockets on loopback, or raw frames at the far end of an island. */
enum place { ON_LOOPBACK, ON_PACKET_FARM, ON_XDP_FARM };

struct way {
	const char *name;
	bool engine;
	enum net_backend backend; /* of the engine */
	struct pump_way bare;
	unsigned twin; /* the bare one with the same calls */
	unsigned peer; /* what ratio_to_peer compares with */
};

struct set {
	enum place place;
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
	SET(ON_LOOPBACK, loopback_ways),
	SET(ON_PACKET_FARM, packet_ways),
	SET(ON_XDP_FARM, xdp_ways),
};

struct rig {
	const struct bench_ctx *ctx;
	const struct set *set;
	struct island *island;
	struct sim_world *world;
	struct sim_farm *farm;
	struct pump_packets packets;
	struct crawl_contact contacts[BOOTSTRAP];
	unsigned contact_count;
	unsigned cores;
	uint64_t run_ns;
};

/** One turn of one way. */
struct sample {
	double answered_per_s;
	double cpu_ns, farm_cpu_ns; /* per transaction */
	double user_share;          /* of the CPU time of the asking process */
	/* engine only */
	double unexplained;        /* largest breach of the accounting identity */
	double kernel_unexplained; /* datagrams in and out that nobody owns up to */
	double drops;              /* by the kernel, at our sockets or the farm's */
	double hit_rate;           /* answered / sent */
};

/* ---- the yardstick --------------------------------------------------------------------- */

struct reading {
	uint64_t at_ns, answered;
	double user_s, system_s, farm_s;
};

struct watch {
	struct rig *rig;
	struct reading from, until;
	pthread_t thread;
};

static double seconds(struct timeval t)
{
	return (double)t.tv_sec + 1e-6 * (double)t.tv_usec;
}

static struct reading read_now(const struct rig *r)
{
	struct sim_farm_stats farm;
	struct rusage self;

	getrusage(RUSAGE_SELF, &self);
	sim_farm_stats(r->farm, &farm);
	return (struct reading){ .at_ns = bench_now_ns(),
				 .answered = farm.answered,
				 .user_s = seconds(self.ru_utime),
				 .system_s = seconds(self.ru_stime),
				 .farm_s = farm.user_s + farm.system_s };
}

static void *watch_main(void *arg)
{
	struct watch *w = arg;
	uint64_t third_us = w->rig->run_ns / 3000;

	usleep((useconds_t)third_us);
	w->from = read_now(w->rig);
	usleep((useconds_t)(2 * third_us - TAIL_MS * 1000));
	w->until = read_now(w->rig);
	return NULL;
}

static int watch_start(struct watch *w, struct rig *r)
{
	*w = (struct watch){ .rig = r };
	return -pthread_create(&w->thread, NULL, watch_main, w);
}

static int watch_end(struct watch *w, struct sample *out)
{
	struct reading *a = &w->from, *b = &w->until;
	double count, user, all;

	pthread_join(w->thread, NULL);
	count = (double)(b->answered - a->answered);
	user = b->user_s - a->user_s;
	all = user + b->system_s - a->system_s;
	if (count <= 0 || all <= 0)
		return -EIO;
	out->answered_per_s = count * 1e9 / (double)(b->at_ns - a->at_ns);
	out->cpu_ns = all * 1e9 / count;
	out->farm_cpu_ns = (b->farm_s - a->farm_s) * 1e9 / count;
	out->user_share = user / all;
	return 0;
}

/* ---- the bare loop ------------------------------------------------------------------- */

/* Real queries, as the engine would write them, to live nodes in random order. */
static int make_packets(struct rig *r)
{
	struct krpc_query q = { .method = KRPC_FIND_NODE, .v = SPAN_LIT("DT\0\1"), .ro = true };
	struct krpc_template tp;
	struct rng rng;
	int err = krpc_template_init(&tp, &q);

	if (!err)
		err = pump_packets_new(PACKETS, tp.len, &r->packets);
	if (err)
		return err;
	rng_init(&rng, SEED, 0);
	for (unsigned i = 0; i < PACKETS; i++) {
		uint8_t t[KRPC_TEMPLATE_T], bytes[KRPC_TEMPLATE_MAX];
		struct sim_node node;

		do
			sim_world_node(r->world, rng_below(&rng, sim_world_nodes(r->world)), &node);
		while (!node.live);
		rng_bytes(&rng, t, sizeof(t));
		krpc_template_write(&tp, &node.id, t, bytes);
		pump_packet_set(&r->packets, i, &node.alias, bytes);
	}
	return 0;
}

static int run_bare(struct rig *r, const struct way *way, struct sample *out)
{
	struct pair_opts opts = { .way = &way->bare,
				  .island = r->island != NULL,
				  .packets = &r->packets,
				  .cores = r->cores,
				  .batch = NET_BATCH_MAX,
				  .window = WINDOW,
				  .run_ns = r->run_ns };
	struct pair_result result;
	struct watch watch;
	int err = watch_start(&watch, r), watched;

	if (err)
		return err;
	err = pair_run(&opts, &result);
	watched = watch_end(&watch, out);
	return err ? err : watched;
}

/* ---- the engine --------------------------------------------------------------------- */

static struct net *wrap_alias(void *ctx, struct net *inner)
{
	struct rig *r = ctx;
	struct net *out;

	if (net_alias_open(r->world, inner, &out)) {
		net_close(inner);
		return NULL;
	}
	return out;
}

static struct engine_opts engine_opts_of(struct rig *r, const struct way *way)
{
	struct engine_opts o = engine_opts_default();

	o.workers = r->cores;
	o.backend = way->backend;
	o.udp.bind = endpoint_ip4(r->island ? (uint32_t)ISLAND_NEAR : INADDR_ANY, 0);
	o.udp.steer = NET_STEER_CPU;
	o.udp.bind_device = r->island ? NULL : "lo";
	o.rate_pps = 0;
	o.window = WINDOW;
	o.crawl.seed = SEED;
	o.crawl.slots_log2 = SLOTS_LOG2;
	o.crawl.endpoints_max = CONTACTS;
	o.crawl.raise_above = 0;
	memset(o.crawl.own_id.b, 0xd7, sizeof(o.crawl.own_id.b));
	memset(o.crawl.mac_key, 0x5a, sizeof(o.crawl.mac_key));
	o.bootstrap = r->contacts;
	o.bootstrap_count = r->contact_count;
	o.max_runtime_ns = r->run_ns;
	o.wrap = wrap_alias;
	o.wrap_ctx = r;
	return o;
}

static double distance(uint64_t a, uint64_t b)
{
	return a > b ? (double)(a - b) : (double)(b - a);
}

/** What the far end and the kernel have counted, when both are at rest (B-70). */
struct rest {
	struct sim_farm_stats farm;
	struct engine_kernel kernel;
};

static struct rest at_rest(const struct rig *r)
{
	struct rest s = { .farm = sim_farm_settle(r->farm) };

	kernel_read(NULL, 0, &s.kernel);
	return s;
}

static void account(const struct rig *r, const struct way *way, const struct engine_result *e,
		    const struct rest *from, const struct rest *to, struct sample *out)
{
	const struct sim_farm_stats *before = &from->farm, *after = &to->farm;
	struct engine_kernel k = kernel_since(&to->kernel, &from->kernel);
	const struct engine_counters *c = &e->counters;
	uint64_t farm_in = after->received - before->received;
	uint64_t farm_out = after->answered - before->answered;
	/* io_uring is trusted when it has carried a datagram to itself: one a worker (E-24). */
	uint64_t self_tests = way->backend == NET_BACKEND_URING ? r->cores : 0;

	out->unexplained = (double)c->unexplained;
	/*
	 * Sockets: what the kernel counted is what both ends say. Frames are no matter of its UDP
	 * counters: what one end sent the other had or dropped.
	 */
	if (r->island) {
		out->kernel_unexplained =
			distance(c->net.sent_packets,
				 farm_in + after->kernel_drops - before->kernel_drops) +
			distance(farm_out, c->net.recv_packets + c->net.kernel_drops);
		/* In between is the CPUs' backlog, which counts for the whole machine. */
		out->kernel_unexplained -= fmin(out->kernel_unexplained, (double)k.softnet_dropped);
	} else {
		out->kernel_unexplained =
			distance(k.out_datagrams - self_tests, c->net.sent_packets + farm_out) +
			distance(k.in_datagrams - self_tests, c->net.recv_packets + farm_in);
	}
	out->drops = (double)(c->net.kernel_drops + after->kernel_drops - before->kernel_drops);
	out->hit_rate = c->crawl.sent ? (double)c->crawl.answered / (double)c->crawl.sent : 0;
}

static int run_engine(struct rig *r, const struct way *way, struct sample *out)
{
	struct engine_opts opts = engine_opts_of(r, way);
	struct engine_result *result = calloc(1, sizeof(*result));
	struct rest before, after;
	char why[ENGINE_WHY_MAX];
	struct watch watch;
	struct engine *e = NULL;
	int watched, err = result ? engine_new(&opts, &e, why) : -ENOMEM;

	/* Whoever went before left questions there: the accounts begin when they are answered. */
	before = at_rest(r);
	if (!err)
		err = watch_start(&watch, r);
	if (!err) {
		err = engine_run(e, result);
		watched = watch_end(&watch, out);
		err = err ? err : watched;
	}
	after = at_rest(r);
	if (!err)
		account(r, way, result, &before, &after, out);
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
		ratios[i] = o->samples[a][i].answered_per_s / o->samples[b][i].answered_per_s;
	return bench_median(ratios, o->runs);
}

/* The same of the CPU time that both processes spend: what the ratio is on a machine of one's own.
 */
static double ratio_by_cpu(const struct outcome *o, unsigned a, unsigned b)
{
	double ratios[RUNS_MAX];

	for (unsigned i = 0; i < o->runs; i++) {
		const struct sample *x = &o->samples[a][i], *y = &o->samples[b][i];

		ratios[i] = (y->cpu_ns + y->farm_cpu_ns) / (x->cpu_ns + x->farm_cpu_ns);
	}
	return bench_median(ratios, o->runs);
}

#define FIELD(f) offsetof(struct sample, f)

static int emit(const struct rig *r, const struct outcome *o, unsigned way, FILE *out)
{
	const struct way *y = &r->set->ways[way];
	struct bench_extra extra[] = {
		{ "ratio_to_bare", ratio(o, way, y->twin) },
		{ "ratio_by_cpu", ratio_by_cpu(o, way, y->twin) },
		{ r->set->place == ON_LOOPBACK ? "ratio_to_mmsg" : "ratio_to_raw",
		  ratio(o, way, y->peer) },
		{ r->set->place == ON_LOOPBACK ? "ratio_to_mmsg_by_cpu" : "ratio_to_raw_by_cpu",
		  ratio_by_cpu(o, way, y->peer) },
		{ "cpu_ns", median_of(o, way, FIELD(cpu_ns)) },
		{ "farm_cpu_ns", median_of(o, way, FIELD(farm_cpu_ns)) },
		{ "user_share", median_of(o, way, FIELD(user_share)) },
		{ "unexplained", worst_of(o, way, FIELD(unexplained)) },
		{ "kernel_unexplained", worst_of(o, way, FIELD(kernel_unexplained)) },
		{ "kernel_drops", worst_of(o, way, FIELD(drops)) },
		{ "hit_rate", median_of(o, way, FIELD(hit_rate)) },
	};
	struct bench_figure f = { .name = y->name,
				  .unit = "1/s",
				  .better = BENCH_HIGHER,
				  .best = worst_of(o, way, FIELD(answered_per_s)), /* the largest */
				  .median = median_of(o, way, FIELD(answered_per_s)),
				  .runs = o->runs,
				  .extra = extra,
				  .extra_count = y->engine ? 11 : 7 };

	return bench_emit(r->ctx, &f, out);
}

static int run_rounds(struct rig *r, FILE *out)
{
	struct outcome *o = calloc(1, sizeof(*o));
	int err = o ? 0 : -ENOMEM;

	if (o)
		o->runs = r->ctx->runs ? r->ctx->runs : RUNS_DEFAULT;
	if (o && o->runs > RUNS_MAX)
		o->runs = RUNS_MAX;
	for (unsigned run = 0; !err && run < o->runs; run++) {
		for (unsigned k = 0; !err && k < r->set->count; k++) {
			unsigned i = (run + k) % r->set->count; /* nobody is always first */
			const struct way *way = &r->set->ways[i];
			struct sample *s = &o->samples[i][run];

			err = way->engine ? run_engine(r, way, s) : run_bare(r, way, s);
		}
	}
	for (unsigned way = 0; !err && way < r->set->count; way++)
		err = emit(r, o, way, out);
	free(o);
	return err;
}

/* The farm at the far end, this process at the near one; it stays there, see in_child(). */
static int start_on_island(struct rig *r, struct sim_farm_opts *farm)
{
	struct island_opts opts = { .queues = r->cores + 1 };
	char why[ISLAND_WHY_MAX] = "", farm_why[SIM_WHY_MAX] = "";
	int err = island_open(&opts, &r->island, why);

	if (!err) {
		farm->island = r->island;
		farm->raw = r->set->place == ON_XDP_FARM ? NET_BACKEND_XDP : NET_BACKEND_PACKET;
		farm->why = farm_why;
		err = sim_farm_start(r->world, farm, &r->farm);
	}
	if (!err)
		err = island_enter(r->island, ISLAND_NEAR_END);
	if (!err && !island_holds(r->island, ISLAND_NEAR_END))
		err = DT_EREFUSED;
	if (err && (*why || *farm_why))
		fprintf(stderr, "%s\n", *why ? why : farm_why);
	return err;
}

static int rig_open(struct rig *r, const struct bench_ctx *ctx, const struct set *set)
{
	struct sim_opts world = sim_opts_default();
	struct sim_farm_opts farm = { .pin = true };
	struct endpoint eps[BOOTSTRAP];
	int err;

	*r = (struct rig){ .ctx = ctx, .set = set, .cores = cpu_usable() < 2 ? 1 : 2 };
	r->run_ns = (ctx->run_ms ? ctx->run_ms : RUN_MS_DEFAULT) * 1000000ull;
	world.live = LIVE;
	world.seed = SEED;
	world.dead_share = 0;
	world.loss = 0;
	farm.threads = r->cores;
	err = sim_world_new(&world, &r->world);
	if (!err)
		err = set->place == ON_LOOPBACK ? sim_farm_start(r->world, &farm, &r->farm)
						: start_on_island(r, &farm);
	if (!err)
		err = make_packets(r); /* aliases have their ports since the farm's start */
	if (err)
		return err;
	r->contact_count = sim_world_bootstrap(r->world, eps, BOOTSTRAP);
	for (unsigned i = 0; i < r->contact_count; i++)
		r->contacts[i] = (struct crawl_contact){ .ep = eps[i] };
	return 0;
}

static int run_set(const struct bench_ctx *ctx, const struct set *set, FILE *out)
{
	struct rig r;
	int err = rig_open(&r, ctx, set);

	if (!err)
		err = run_rounds(&r, out);
	if (r.farm)
		sim_farm_stop(r.farm);
	sim_world_free(r.world);
	pump_packets_free(&r.packets);
	island_close(r.island);
	return err;
}

static int on_loopback(const struct bench_ctx *ctx, FILE *out)
{
	return run_set(ctx, &sets[ON_LOOPBACK], out);
}

static int run_transactions(const struct bench_ctx *ctx, FILE *out)
{
	return alone_run(on_loopback, ctx, out);
}

/* A process of its own, which moves into the island and ends there. Exit status: an error's
 * negative. */
static int in_child(const struct bench_ctx *ctx, const struct set *set, FILE *out)
{
	int status = 0;
	pid_t pid;

	fflush(out);
	pid = fork();
	if (pid < 0)
		return -errno;
	if (pid == 0) {
		int err = run_set(ctx, set, out);

		if (err)
			fprintf(stderr, "%s: %s\n", set->ways[0].name, dt_strerror(err));
		fflush(out);
		_exit(err ? 1 : 0);
	}
	if (waitpid(pid, &status, 0) != pid)
		return -errno;
	return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : DT_EUNSUPPORTED;
}

static int run_packet(const struct bench_ctx *ctx, FILE *out)
{
	return in_child(ctx, &sets[ON_PACKET_FARM], out);
}

static int run_xdp(const struct bench_ctx *ctx, FILE *out)
{
	return in_child(ctx, &sets[ON_XDP_FARM], out);
}

const struct bench bench_transactions[] = {
	{ "transactions", "answered transactions/s: engine and bare loop against the farm",
	  run_transactions },
	{ "transactions_packet", "the same as raw frames by AF_PACKET, on a veth pair",
	  run_packet },
	{ "transactions_xdp", "the same by AF_XDP", run_xdp },
	{ NULL, NULL, NULL },
};
