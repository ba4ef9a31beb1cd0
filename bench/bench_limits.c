/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <math.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "bench/alone.h"
#include "bench/bench.h"
#include "bench/sim/sim.h"
#include "engine/cpu.h"
#include "engine/engine.h"
#include "engine/kernel.h"

/**
 * DOC: what is promised at the edges, in real time, of the whole engine against the farm on
 * loopback.
 *
 * rate.*: packets in every second of the monotonic clock, and the most in any 10 ms, by
 * the time at which the device hands them to the kernel: +-1 % of the rate, and never more than
 * rate x 10 ms and the burst. How far a second falls short says as much of the machine as
 * of the engine: what a late worker lost comes back as a twentieth more (E-111).
 *
 * unexplained_90: a run as fast as it goes, then one at nine tenths of that: what nobody owns
 * up to, of the engine's own account, of the kernel's and of the farm's.
 */

enum {
	LIVE = 2 * 1000 * 1000,
	SEED = 20261128,
	BOOTSTRAP = 64,
	WINDOW = 1024,
	SLOTS_LOG2 = 20,
	CONTACTS = 1 << 22,
	RUN_MS_DEFAULT = 4000,
	WORKERS_MAX = 2,
	STAMPS = 1 << 20, /* of one worker: handed over at a time, so many */
	TEN_MS = 10 * 1000 * 1000,
	SECOND = 1000 * 1000 * 1000,
	FIRST_MS = 300, /* of a run, not counted in seconds: buffers are touched */
};

/* ---- a device that notes when packets leave -------------------------------------------- */

struct stamp {
	uint64_t at_ns;
	uint32_t packets;
};

struct stamps {
	struct net net; /* first: engine/net.h */
	struct net *inner;
	struct stamp *at;
	uint32_t count, pending;
};

static struct stamps *stamps_of(struct net *net)
{
	return (struct stamps *)net;
}

static unsigned stamps_send_alloc(struct net *net, struct net_msg *msgs, unsigned count)
{
	return net_send_alloc(stamps_of(net)->inner, msgs, count);
}

static unsigned stamps_send(struct net *net, const struct net_msg *msgs, unsigned count)
{
	struct stamps *s = stamps_of(net);

	s->pending += count;
	return net_send(s->inner, msgs, count);
}

/* What was handed over goes to the kernel now. */
static int stamps_recv(struct net *net, struct net_msg *msgs, unsigned max, uint64_t wait_ns)
{
	struct stamps *s = stamps_of(net);

	if (s->pending && s->count < STAMPS)
		s->at[s->count++] = (struct stamp){ bench_now_ns(), s->pending };
	s->pending = 0;
	return net_recv(s->inner, msgs, max, wait_ns);
}

static void stamps_recv_finish(struct net *net)
{
	net_recv_finish(stamps_of(net)->inner);
}

static unsigned stamps_failures(struct net *net, struct net_failure *out, unsigned max)
{
	return net_failures(stamps_of(net)->inner, out, max);
}

static void stamps_stats(struct net *net, struct net_stats *out)
{
	net_stats(stamps_of(net)->inner, out);
}

/* The stamps are the rig's and are read when the engine is gone. */
static void stamps_close(struct net *net)
{
	net_close(stamps_of(net)->inner);
}

static const struct net_ops stamps_ops = {
	.name = "stamps",
	.send_alloc = stamps_send_alloc,
	.send = stamps_send,
	.recv = stamps_recv,
	.recv_finish = stamps_recv_finish,
	.failures = stamps_failures,
	.stats = stamps_stats,
	.close = stamps_close,
};

/* ---- the rig ------------------------------------------------------------------------------ */

struct rig {
	const struct bench_ctx *ctx;
	struct sim_world *world;
	struct sim_farm *farm;
	struct crawl_contact contacts[BOOTSTRAP];
	unsigned contact_count, cores, opened;
	struct stamps stamps[WORKERS_MAX];
	uint64_t run_ns;
};

static struct net *wrap(void *ctx, struct net *inner)
{
	struct rig *r = ctx;
	struct stamps *s = &r->stamps[r->opened++ % WORKERS_MAX];
	struct net *out;

	s->net.ops = &stamps_ops;
	s->inner = inner;
	s->count = s->pending = 0;
	if (net_alias_open(r->world, &s->net, &out)) {
		net_close(inner);
		return NULL;
	}
	return out;
}

static int rig_open(struct rig *r, const struct bench_ctx *ctx)
{
	struct sim_opts world = sim_opts_default();
	struct sim_farm_opts farm = { .pin = true };
	struct endpoint eps[BOOTSTRAP];
	int err;

	*r = (struct rig){ .ctx = ctx, .cores = cpu_usable() < WORKERS_MAX ? 1 : WORKERS_MAX };
	r->run_ns = (ctx->run_ms ? ctx->run_ms : RUN_MS_DEFAULT) * 1000000ull;
	for (unsigned i = 0; i < WORKERS_MAX; i++) {
		r->stamps[i].at = malloc(STAMPS * sizeof(*r->stamps[i].at));
		if (!r->stamps[i].at)
			return -ENOMEM;
	}
	world.live = LIVE;
	world.seed = SEED;
	world.dead_share = 0;
	world.loss = 0;
	farm.threads = r->cores;
	err = sim_world_new(&world, &r->world);
	if (!err)
		err = sim_farm_start(r->world, &farm, &r->farm);
	if (err)
		return err;
	r->contact_count = sim_world_bootstrap(r->world, eps, BOOTSTRAP);
	for (unsigned i = 0; i < r->contact_count; i++)
		r->contacts[i] = (struct crawl_contact){ .ep = eps[i] };
	return 0;
}

static void rig_close(struct rig *r)
{
	if (r->farm)
		sim_farm_stop(r->farm);
	sim_world_free(r->world);
	for (unsigned i = 0; i < WORKERS_MAX; i++)
		free(r->stamps[i].at);
}

/* @rate: packets a second, 0 = as fast as it goes. */
static int run(struct rig *r, enum net_backend backend, double rate, struct engine_result *out)
{
	struct engine_opts o = engine_opts_default();
	char why[ENGINE_WHY_MAX];
	struct engine *e = NULL;
	int err;

	o.workers = r->cores;
	o.backend = backend;
	o.udp.bind = endpoint_ip4(INADDR_ANY, 0);
	o.udp.steer = NET_STEER_CPU;
	o.udp.bind_device = "lo";
	o.rate_pps = rate;
	o.window = rate > 0 ? 0 : WINDOW;
	o.crawl.seed = SEED;
	o.crawl.slots_log2 = SLOTS_LOG2;
	o.crawl.endpoints_max = CONTACTS;
	memset(o.crawl.own_id.b, 0xd7, sizeof(o.crawl.own_id.b));
	memset(o.crawl.mac_key, 0x5a, sizeof(o.crawl.mac_key));
	o.bootstrap = r->contacts;
	o.bootstrap_count = r->contact_count;
	o.max_runtime_ns = r->run_ns;
	o.wrap = wrap;
	o.wrap_ctx = r;
	r->opened = 0;
	err = engine_new(&o, &e, why);
	if (err)
		fprintf(stderr, "%s\n", why);
	else
		err = engine_run(e, out);
	engine_free(e);
	return err;
}

/* ---- rate --------------------------------------------------------------------------------- */

static int by_time(const void *a, const void *b)
{
	const struct stamp *x = a, *y = b;

	return x->at_ns < y->at_ns ? -1 : x->at_ns > y->at_ns;
}

/* All workers' stamps in one list, by time; the caller frees it. */
static struct stamp *merged(const struct rig *r, uint32_t *count)
{
	struct stamp *all;

	*count = 0;
	for (unsigned i = 0; i < r->cores; i++)
		*count += r->stamps[i].count;
	all = malloc((*count + 1) * sizeof(*all));
	if (!all)
		return NULL;
	*count = 0;
	for (unsigned i = 0; i < r->cores; i++) {
		memcpy(all + *count, r->stamps[i].at, r->stamps[i].count * sizeof(*all));
		*count += r->stamps[i].count;
	}
	qsort(all, *count, sizeof(*all), by_time);
	return all;
}

/** What a run at @rate was like. */
struct pace {
	double worst_short, worst_over; /* of a whole second, as a share of the rate */
	double mean;                    /* of all whole seconds, likewise */
	double ten_ms_over; /* packets above rate x 10 ms and the burst, in the worst 10 ms */
};

static struct pace pace_of(const struct stamp *s, uint32_t count, double rate, unsigned workers)
{
	/* A packet, and what 1.5 ms owe it: E-111; of each worker. */
	double burst = workers * 1.0 + rate * 0.0015, all = 0, most = 0;
	uint64_t from = s[0].at_ns + FIRST_MS * 1000000ull, in_window = 0;
	struct pace p = { 0 };
	unsigned seconds = 0;
	uint32_t i = 0, tail = 0;

	for (uint32_t k = 0; k < count; k++) {
		in_window += s[k].packets;
		while (s[k].at_ns - s[tail].at_ns >= TEN_MS)
			in_window -= s[tail++].packets;
		most = fmax(most, (double)in_window);
	}
	p.ten_ms_over = most - (rate * 0.01 + burst);
	while (i < count && s[i].at_ns < from)
		i++;
	for (; s[count - 1].at_ns >= from + SECOND; from += SECOND, seconds++) {
		double sent = 0;

		for (; i < count && s[i].at_ns < from + SECOND; i++)
			sent += s[i].packets;
		p.worst_short = fmax(p.worst_short, 1 - sent / rate);
		p.worst_over = fmax(p.worst_over, sent / rate - 1);
		all += sent;
	}
	p.mean = seconds ? all / seconds / rate : NAN;
	return p;
}

static int emit_pace(const struct bench_ctx *ctx, double rate, const struct pace *p,
		     uint64_t unexplained, FILE *out)
{
	struct bench_extra extra[] = {
		{ "worst_second_short_share", p->worst_short },
		{ "worst_second_over_share", p->worst_over },
		{ "ten_ms_over_packets", p->ten_ms_over },
		{ "unexplained", (double)unexplained },
	};
	char name[32];
	struct bench_figure f = { .name = name,
				  .unit = "share of the rate",
				  .better = BENCH_HIGHER,
				  .best = p->mean,
				  .median = p->mean,
				  .runs = 1,
				  .extra = extra,
				  .extra_count = sizeof(extra) / sizeof(extra[0]) };

	snprintf(name, sizeof(name), "rate.%.0f", rate);
	return bench_emit(ctx, &f, out);
}

static int run_rate(const struct bench_ctx *ctx, FILE *out)
{
	static const double rates[] = { 200, 1000, 5000, 20000, 100000 };
	struct engine_result *e = calloc(1, sizeof(*e));
	struct rig r;
	int err = e ? rig_open(&r, ctx) : -ENOMEM;

	for (unsigned i = 0; !err && i < sizeof(rates) / sizeof(rates[0]); i++) {
		struct stamp *all;
		uint32_t count;

		err = run(&r, NET_BACKEND_AUTO, rates[i], e);
		all = err ? NULL : merged(&r, &count);
		if (!err)
			err = !all ? -ENOMEM : count ? 0 : -EIO;
		if (!err) {
			struct pace p = pace_of(all, count, rates[i], r.cores);

			err = emit_pace(ctx, rates[i], &p, e->counters.unexplained, out);
		}
		free(all);
		(void)sim_farm_settle(r.farm);
	}
	if (e)
		rig_close(&r);
	free(e);
	return err;
}

/* ---- nine tenths ---------------------------------------------------------------------------- */

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

static int emit_90(const struct rig *r, enum net_backend backend, const char *name, double capacity,
		   const struct engine_counters *c, const struct rest *before,
		   const struct rest *after, FILE *out)
{
	struct engine_kernel k = kernel_since(&after->kernel, &before->kernel);
	uint64_t in = after->farm.received - before->farm.received;
	uint64_t said = after->farm.answered - before->farm.answered;
	uint64_t drops = c->net.kernel_drops + after->farm.kernel_drops - before->farm.kernel_drops;
	/* io_uring is trusted when it has carried a datagram to itself: one a worker (E-24). */
	uint64_t tests = backend == NET_BACKEND_URING ? r->cores : 0;
	double kernel = distance(k.out_datagrams - tests, c->net.sent_packets + said) +
			distance(k.in_datagrams - tests, c->net.recv_packets + in);
	struct bench_extra extra[] = {
		{ "unexplained", (double)c->unexplained },
		{ "kernel_unexplained", kernel },
		{ "kernel_drops", (double)drops },
		{ "unanswered", (double)(c->crawl.sent - c->crawl.answered) },
		{ "capacity_per_s", capacity },
		{ "answered", (double)c->crawl.answered },
	};
	double lost = (double)c->unexplained + kernel;
	struct bench_figure f = { .name = name,
				  .unit = "datagrams",
				  .better = BENCH_LOWER,
				  .best = lost,
				  .median = lost,
				  .runs = 1,
				  .extra = extra,
				  .extra_count = sizeof(extra) / sizeof(extra[0]) };

	return bench_emit(r->ctx, &f, out);
}

static int run_one_90(struct rig *r, enum net_backend backend, const char *name,
		      struct engine_result *e, FILE *out)
{
	struct rest before, after;
	double capacity;
	int err = run(r, backend, 0, e);

	if (err)
		return err;
	capacity = (double)e->counters.crawl.answered * SECOND / (double)r->run_ns;
	before = at_rest(r);
	err = run(r, backend, 0.9 * capacity, e);
	after = at_rest(r);
	return err ? err : emit_90(r, backend, name, capacity, &e->counters, &before, &after, out);
}

static int nine_tenths(const struct bench_ctx *ctx, FILE *out)
{
	struct engine_result *e = calloc(1, sizeof(*e));
	struct rig r;
	int err = e ? rig_open(&r, ctx) : -ENOMEM;

	if (!err)
		err = run_one_90(&r, NET_BACKEND_URING, "unexplained_90.uring", e, out);
	if (!err)
		err = run_one_90(&r, NET_BACKEND_MMSG, "unexplained_90.mmsg", e, out);
	if (e)
		rig_close(&r);
	free(e);
	return err;
}

static int run_90(const struct bench_ctx *ctx, FILE *out)
{
	return alone_run(nine_tenths, ctx, out);
}

const struct bench bench_limits[] = {
	{ "rate", "a rate held in real time: seconds, and the worst 10 ms", run_rate },
	{ "unexplained_90", "datagrams nobody owns up to, at nine tenths of what goes", run_90 },
	{ NULL, NULL, NULL },
};
