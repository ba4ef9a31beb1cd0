/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <math.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench/alone.h"
#include "bench/bench.h"
#include "bench/dns.h"
#include "bench/pair.h"
#include "bench/rig.h"
#include "engine/cpu.h"
#include "engine/rng.h"

/**
 * DOC: dnsperf, which asks and waits for answers as we do, beside the engine on sockets and on raw
 * frames, in turns, over one veth pair of an island and against one responder: the farm's one
 * thread on AF_XDP, which answers DHT questions on its own ports and DNS on port 53 of
 * every address. All of one thread; once on the responder's core, once on a core of their own.
 *
 *   dnsperf         reads names from a file, sends a question with sendto(), receives with recv(),
 *                   looks at id and return code, keeps a table of what is under way; one address,
 * one socket. Its one thread are two, one that sends and one that receives dnsperf_spread  the same
 * left to the scheduler, on all cores engine          a census whole: chooses whom to ask, budgets
 * and blocklists, questions and answers with seals, contacts learnt, sightings through the scribe;
 * each question to another address bare_*          the bare loop of sendmmsg and recvmmsg with DNS
 * and with DHT packets: the same asker twice, so that how equal the responders are to an asker is a
 * row
 *
 * Questions are equally long to the byte, answers alike (REPLY_BYTES). dnsperf gets flags to its
 * advantage: one thread, one client, as many questions under way as we have, a large socket buffer;
 * and it is compared by whichever of its rows is better, measure by measure.
 *
 * The yardstick is rig.h's for everybody: cpu_ns, of the asking process with all its
 * threads and the softirq that its sending causes, which is the far end's receiving; farm_cpu_ns,
 * of the responder with the softirq of its sending, which is the asker's receiving. A ratio by the
 * asker's CPU leaves the kernel's way to its socket out on both sides, one by both has it and the
 * responder's own work besides; one by rate is what a user sees, of the slower end where each has a
 * core.
 */

enum {
	SEED = 20261128,
	RUNS_DEFAULT = 3,
	RUNS_MAX = 15,
	RUN_MS_DEFAULT = 2000,
	REPLY_BYTES = 300, /* 290 come of it, which is what a node answers on average */
	TEXT_MAX = 1 << 14,
	NAMES = 256,
	TARGET = ISLAND_NET | 1, /* dnsperf's name server */
};

/* For dnsperf's socket: with less its kernel drops answers, and it waits for them, spinning. */
#define BUFFER_KIB "4096"

enum kind { DNSPERF, DNSPERF_SPREAD, BARE_DNS, BARE_DHT, ENGINE };

struct way {
	const char *name;
	enum kind kind;
	enum net_backend backend; /* of the engine */
};

/* Rivals first. */
static const struct way ways[] = {
	{ "dnsperf", DNSPERF, 0 },
	{ "dnsperf_spread", DNSPERF_SPREAD, 0 },
	{ "bare_dns", BARE_DNS, 0 },
	{ "bare_dht", BARE_DHT, 0 },
	{ "engine_sockets", ENGINE, NET_BACKEND_AUTO },
	{ "engine_packet", ENGINE, NET_BACKEND_PACKET },
	{ "engine_xdp", ENGINE, NET_BACKEND_XDP },
};
enum { WAYS = sizeof(ways) / sizeof(ways[0]) };

struct turn {
	struct rig_sample rig;
	double lost; /* questions without an answer */
};

struct desk {
	struct rig rig;
	const char *place; /* in the names of the figures */
	cpu_set_t cores;   /* all that may be used */
	struct pump_packets dht, dns;
	char names[32]; /* a file of names to ask for, as dnsperf wants it; "" = none yet */
	unsigned runs;
	bool took_part[WAYS];
	struct turn turns[WAYS][RUNS_MAX];
};

static uint32_t answer(struct span query, uint8_t *reply, uint32_t max)
{
	return dns_answer(query, REPLY_BYTES, reply, max);
}

/* The same questions for dnsperf and for the bare loop, as long as the engine's. */
static int make_names(struct desk *d)
{
	FILE *f;
	int fd, err;

	memcpy(d->names, "/tmp/dt-names-XXXXXX", 21);
	fd = mkstemp(d->names);
	f = fd < 0 ? NULL : fdopen(fd, "w");
	if (!f)
		return -errno;
	err = pump_packets_new(d->dht.count, d->dht.len, &d->dns);
	for (unsigned i = 0; !err && i < d->dht.count; i++) {
		const struct endpoint to = endpoint_ip4((uint32_t)TARGET, DNS_PORT);
		uint8_t query[DNS_QUERY_MAX];
		char name[DNS_QUERY_MAX];

		err = dns_name(i % NAMES, d->dht.len, name);
		if (err)
			break;
		if (i < NAMES)
			fprintf(f, "%s A\n", name);
		(void)dns_query(name, (uint16_t)i, query);
		pump_packet_set(&d->dns, i, &to, query);
	}
	if (fclose(f) && !err)
		err = -EIO;
	return err;
}

/* ---- dnsperf ------------------------------------------------------------------------------ */

static void exec_dnsperf(const struct desk *d, bool spread, int out)
{
	const uint32_t ip = (uint32_t)TARGET;
	char address[16], port[8], seconds[24], window[16];

	snprintf(address, sizeof(address), "%u.%u.%u.%u", ip >> 24, ip >> 16 & 255, ip >> 8 & 255,
		 ip & 255);
	snprintf(port, sizeof(port), "%d", DNS_PORT);
	snprintf(seconds, sizeof(seconds), "%.3f", (double)d->rig.run_ns / 1e9);
	snprintf(window, sizeof(window), "%d", RIG_WINDOW);
	dup2(out, STDOUT_FILENO);
	dup2(out, STDERR_FILENO);
	if (spread ? sched_setaffinity(0, sizeof(d->cores), &d->cores) : cpu_pin(0))
		_exit(1);
	execlp("dnsperf", "dnsperf", "-s", address, "-p", port, "-d", d->names, "-l", seconds, "-T",
	       "1", "-c", "1", "-q", window, "-b", BUFFER_KIB, "-t", "1", (char *)NULL);
	_exit(127);
}

/* "Queries lost:         12 (0.00%)" */
static double said(const char *text, const char *what)
{
	const char *at = strstr(text, what);

	return at ? strtod(at + strlen(what), NULL) : NAN;
}

/* All that it says, or the end of it: a line for each query lost, and the sums come last. */
static void hear(int from, char text[static TEXT_MAX])
{
	size_t len = 0;
	ssize_t n;

	while ((n = read(from, text + len, TEXT_MAX - 1 - len)) > 0) {
		len += (size_t)n;
		if (len > TEXT_MAX / 2) {
			memmove(text, text + len - TEXT_MAX / 4, TEXT_MAX / 4);
			len = TEXT_MAX / 4;
		}
	}
	text[len] = 0;
}

/* Errors:  -ENOENT it is not installed. */
static int run_dnsperf(struct desk *d, bool spread, struct turn *out)
{
	char text[TEXT_MAX];
	struct rig_watch watch;
	struct rusage use;
	int pipes[2], status, err, watched;
	double user, all;
	pid_t pid;

	if (pipe(pipes))
		return -errno;
	pid = fork();
	if (pid == 0)
		exec_dnsperf(d, spread, pipes[1]);
	err = pid < 0 ? -errno : rig_watch_start(&watch, &d->rig, pid);
	close(pipes[1]);
	if (err)
		return err;
	hear(pipes[0], text);
	close(pipes[0]);
	watched = rig_watch_end(&watch, &out->rig);
	if (wait4(pid, &status, 0, &use) != pid)
		return -errno;
	if (!WIFEXITED(status) || WEXITSTATUS(status))
		return WIFEXITED(status) && WEXITSTATUS(status) == 127 ? -ENOENT : -EIO;
	user = (double)use.ru_utime.tv_sec + (double)use.ru_utime.tv_usec / 1e6;
	all = user + (double)use.ru_stime.tv_sec + (double)use.ru_stime.tv_usec / 1e6;
	out->rig.user_share = user / all; /* of its whole life */
	out->lost = said(text, "Queries lost:");
	return watched;
}

/* ---- the others ----------------------------------------------------------------------------- */

static int run_bare(struct desk *d, const struct pump_packets *packets, struct turn *out)
{
	static const struct pump_way way = { .name = "mmsg",
					     .send = PUMP_SENDMMSG,
					     .recv = PUMP_RECVMMSG };
	struct pair_opts o = { .way = &way,
			       .island = true,
			       .packets = packets,
			       .cores = d->rig.cores,
			       .batch = NET_BATCH_MAX,
			       .window = RIG_WINDOW,
			       .run_ns = d->rig.run_ns };
	struct pair_result r = { 0 };
	struct rig_watch watch;
	int err = rig_watch_start(&watch, &d->rig, 0), watched;

	if (err)
		return err;
	err = pair_run(&o, &r);
	watched = rig_watch_end(&watch, &out->rig);
	return err ? err : watched;
}

static int run_engine(struct desk *d, enum net_backend backend, struct turn *out)
{
	struct engine_opts opts = rig_engine_opts(&d->rig, backend);
	struct engine_result *result = calloc(1, sizeof(*result));
	char why[ENGINE_WHY_MAX];
	struct rig_watch watch;
	struct engine *e = NULL;
	int err, watched;

	opts.crawl.raise_above = 0;
	err = result ? engine_new(&opts, &e, why) : -ENOMEM;
	if (err && result)
		fprintf(stderr, "%s\n", why);
	if (!err)
		err = rig_watch_start(&watch, &d->rig, 0);
	if (!err) {
		err = engine_run(e, result);
		watched = rig_watch_end(&watch, &out->rig);
		err = err ? err : watched;
	}
	if (!err)
		out->lost = (double)(result->counters.crawl.sent - result->counters.crawl.answered);
	engine_free(e);
	free(result);
	return err;
}

static int take_turn(struct desk *d, const struct way *way, struct turn *out)
{
	/* Whoever went before left questions there. */
	(void)sim_farm_settle(d->rig.farm);
	switch (way->kind) {
	case DNSPERF:
	case DNSPERF_SPREAD:
		return run_dnsperf(d, way->kind == DNSPERF_SPREAD, out);
	case BARE_DNS:
		return run_bare(d, &d->dns, out);
	case BARE_DHT:
		return run_bare(d, &d->dht, out);
	case ENGINE:
		break;
	}
	return run_engine(d, way->backend, out);
}

/* ---- the figures ---------------------------------------------------------------------------- */

enum field { CPU, FARM_CPU, BOTH, PER_S, USER_SHARE, LOST };

static double field_of(const struct turn *t, enum field f)
{
	switch (f) {
	case CPU:
		return t->rig.cpu_ns;
	case FARM_CPU:
		return t->rig.farm_cpu_ns;
	case BOTH:
		return t->rig.cpu_ns + t->rig.farm_cpu_ns;
	case PER_S:
		return t->rig.answered_per_s;
	case USER_SHARE:
		return t->rig.user_share;
	case LOST:
		break;
	}
	return t->lost;
}

static double median_of(const struct desk *d, unsigned way, enum field f)
{
	double v[RUNS_MAX];

	for (unsigned i = 0; i < d->runs; i++)
		v[i] = field_of(&d->turns[way][i], f);
	return bench_median(v, d->runs);
}

static double best_of(const struct desk *d, unsigned way, enum field f)
{
	double best = INFINITY;

	for (unsigned i = 0; i < d->runs; i++)
		best = fmin(best, field_of(&d->turns[way][i], f));
	return best;
}

/* How many times as good as the better of the rivals, within a round; the median of these. */
static double times(const struct desk *d, unsigned way, enum field f)
{
	double v[RUNS_MAX];

	for (unsigned i = 0; i < d->runs; i++) {
		double ours = field_of(&d->turns[way][i], f), theirs = 0;

		for (unsigned w = 0; ways[w].kind <= DNSPERF_SPREAD; w++) {
			double x = d->took_part[w] ? field_of(&d->turns[w][i], f) : 0;

			if (x > 0)
				theirs = theirs <= 0  ? x
					 : f == PER_S ? fmax(theirs, x)
						      : fmin(theirs, x);
		}
		v[i] = f == PER_S ? ours / theirs : theirs / ours;
	}
	return bench_median(v, d->runs);
}

static int emit(const struct desk *d, unsigned way, FILE *out)
{
	struct bench_extra extra[] = {
		{ "times_dnsperf_by_rate", times(d, way, PER_S) },
		{ "times_dnsperf_by_cpu", times(d, way, CPU) },
		{ "times_dnsperf_by_both", times(d, way, BOTH) },
		{ "farm_cpu_ns", median_of(d, way, FARM_CPU) },
		{ "answered_per_s", median_of(d, way, PER_S) },
		{ "user_share", median_of(d, way, USER_SHARE) },
		{ "lost", median_of(d, way, LOST) },
		{ "query_bytes", (double)d->dht.len },
	};
	char name[64];
	struct bench_figure f = { .name = name,
				  .unit = "CPU ns per transaction, of the asker",
				  .better = BENCH_LOWER,
				  .best = best_of(d, way, CPU),
				  .median = median_of(d, way, CPU),
				  .runs = d->runs,
				  .extra = extra,
				  .extra_count = sizeof(extra) / sizeof(extra[0]) };

	snprintf(name, sizeof(name), "dnsperf.%s.%s", d->place, ways[way].name);
	return bench_emit(d->rig.ctx, &f, out);
}

static int rounds(struct desk *d, FILE *out)
{
	int err = 0;

	for (unsigned i = 0; !err && i < d->runs; i++)
		for (unsigned k = 0; !err && k < WAYS; k++) {
			unsigned w = (i + k) % WAYS; /* nobody is always first */

			if (d->took_part[w])
				err = take_turn(d, &ways[w], &d->turns[w][i]);
		}
	if (err == -ENOENT) {
		fprintf(stderr, "skipped: no dnsperf\n");
		return 0;
	}
	for (unsigned w = 0; !err && w < WAYS; w++)
		if (d->took_part[w])
			err = emit(d, w, out);
	return err;
}

static int measure(const struct bench_ctx *ctx, bool core_each, FILE *out)
{
	struct rig_opts o = { .place = RIG_XDP_FARM,
			      .cores = 1,
			      .farm_core = core_each,
			      .seed = SEED,
			      .run_ms = RUN_MS_DEFAULT,
			      .guest = { DNS_PORT, answer } };
	struct desk *d = calloc(1, sizeof(*d));
	int err = d ? rig_open(&d->rig, ctx, &o) : -ENOMEM;

	if (!d)
		return err;
	d->place = core_each ? "core_each" : "one_core";
	d->runs = ctx->runs ? ctx->runs : RUNS_DEFAULT;
	d->runs = d->runs > RUNS_MAX ? RUNS_MAX : d->runs;
	/* On the responder's core alone there is nowhere to spread to. */
	for (unsigned w = 0; w < WAYS; w++)
		d->took_part[w] = core_each || ways[w].kind != DNSPERF_SPREAD;
	(void)sched_getaffinity(0, sizeof(d->cores), &d->cores);
	if (!err)
		err = rig_packets(&d->rig, &d->dht);
	if (!err)
		err = make_names(d);
	if (!err)
		err = rounds(d, out);
	if (*d->names)
		unlink(d->names);
	pump_packets_free(&d->dht);
	pump_packets_free(&d->dns);
	rig_close(&d->rig);
	free(d);
	return err;
}

static int on_one_core(const struct bench_ctx *ctx, FILE *out)
{
	return measure(ctx, false, out);
}

static int on_a_core_each(const struct bench_ctx *ctx, FILE *out)
{
	return measure(ctx, true, out);
}

static int run(const struct bench_ctx *ctx, FILE *out)
{
	int err = alone_in_child("dnsperf.one_core", on_one_core, ctx, out);

	if (!err && cpu_usable() > 1)
		err = alone_in_child("dnsperf.core_each", on_a_core_each, ctx, out);
	return err;
}

const struct bench bench_dnsperf[] = {
	{ "dnsperf", "dnsperf beside the engine on sockets, AF_PACKET and AF_XDP, one thread each",
	  run },
	{ NULL, NULL, NULL },
};
