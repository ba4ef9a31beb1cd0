/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bench/alone.h"
#include "bench/bench.h"
#include "bench/rig.h"

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
	SEED = 20261128,
	RUN_MS_DEFAULT = 4000,
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

struct desk {
	struct rig rig;
	struct stamps stamps[RIG_CORES_MAX];
	unsigned opened;
};

static struct net *wrap(void *ctx, struct net *inner)
{
	struct desk *d = ctx;
	struct stamps *s = &d->stamps[d->opened++ % RIG_CORES_MAX];
	struct net *out;

	s->net.ops = &stamps_ops;
	s->inner = inner;
	s->count = s->pending = 0;
	if (net_alias_open(d->rig.world, &s->net, &out)) {
		net_close(inner);
		return NULL;
	}
	return out;
}

static int desk_open(struct desk *d, const struct bench_ctx *ctx)
{
	struct rig_opts o = { .place = RIG_LOOPBACK, .seed = SEED, .run_ms = RUN_MS_DEFAULT };

	*d = (struct desk){ 0 };
	for (unsigned i = 0; i < RIG_CORES_MAX; i++) {
		d->stamps[i].at = malloc(STAMPS * sizeof(*d->stamps[i].at));
		if (!d->stamps[i].at)
			return -ENOMEM;
	}
	return rig_open(&d->rig, ctx, &o);
}

static void desk_close(struct desk *d)
{
	rig_close(&d->rig);
	for (unsigned i = 0; i < RIG_CORES_MAX; i++)
		free(d->stamps[i].at);
}

/* @rate: packets a second, 0 = as fast as it goes. */
static int run(struct desk *d, enum net_backend backend, double rate, struct engine_result *out)
{
	struct engine_opts o = rig_engine_opts(&d->rig, backend);
	char why[ENGINE_WHY_MAX];
	struct engine *e = NULL;
	int err;

	o.rate_pps = rate;
	o.window = rate > 0 ? 0 : RIG_WINDOW;
	o.wrap = wrap;
	o.wrap_ctx = d;
	d->opened = 0;
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
static struct stamp *merged(const struct desk *d, uint32_t *count)
{
	struct stamp *all;

	*count = 0;
	for (unsigned i = 0; i < d->rig.cores; i++)
		*count += d->stamps[i].count;
	all = malloc((*count + 1) * sizeof(*all));
	if (!all)
		return NULL;
	*count = 0;
	for (unsigned i = 0; i < d->rig.cores; i++) {
		memcpy(all + *count, d->stamps[i].at, d->stamps[i].count * sizeof(*all));
		*count += d->stamps[i].count;
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
	struct desk d;
	int err = e ? desk_open(&d, ctx) : -ENOMEM;

	for (unsigned i = 0; !err && i < sizeof(rates) / sizeof(rates[0]); i++) {
		struct stamp *all;
		uint32_t count;

		err = run(&d, NET_BACKEND_AUTO, rates[i], e);
		all = err ? NULL : merged(&d, &count);
		if (!err)
			err = !all ? -ENOMEM : count ? 0 : -EIO;
		if (!err) {
			struct pace p = pace_of(all, count, rates[i], d.rig.cores);

			err = emit_pace(ctx, rates[i], &p, e->counters.unexplained, out);
		}
		free(all);
		(void)sim_farm_settle(d.rig.farm);
	}
	if (e)
		desk_close(&d);
	free(e);
	return err;
}

/* ---- nine tenths ---------------------------------------------------------------------------- */

static int emit_90(const struct rig *r, enum net_backend backend, const char *name, double capacity,
		   const struct engine_counters *c, const struct rig_rest *before,
		   const struct rig_rest *after, FILE *out)
{
	double kernel = rig_unexplained(r, backend, c, before, after);
	struct bench_extra extra[] = {
		{ "unexplained", (double)c->unexplained },
		{ "kernel_unexplained", kernel },
		{ "kernel_drops", (double)rig_drops(c, before, after) },
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

static int run_one_90(struct desk *d, enum net_backend backend, const char *name,
		      struct engine_result *e, FILE *out)
{
	struct rig_rest before, after;
	double capacity;
	int err = run(d, backend, 0, e);

	if (err)
		return err;
	capacity = (double)e->counters.crawl.answered * SECOND / (double)d->rig.run_ns;
	before = rig_at_rest(&d->rig);
	err = run(d, backend, 0.9 * capacity, e);
	after = rig_at_rest(&d->rig);
	return err ? err
		   : emit_90(&d->rig, backend, name, capacity, &e->counters, &before, &after, out);
}

static int nine_tenths(const struct bench_ctx *ctx, FILE *out)
{
	struct engine_result *e = calloc(1, sizeof(*e));
	struct desk d;
	int err = e ? desk_open(&d, ctx) : -ENOMEM;

	if (!err)
		err = run_one_90(&d, NET_BACKEND_URING, "unexplained_90.uring", e, out);
	if (!err)
		err = run_one_90(&d, NET_BACKEND_MMSG, "unexplained_90.mmsg", e, out);
	if (e)
		desk_close(&d);
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
