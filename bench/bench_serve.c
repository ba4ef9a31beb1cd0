/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "bench/bench.h"
#include "bench/readers.h"
#include "bench/scratch.h"
#include "viz/serve.h"

/**
 * DOC: the stream to a hundred clients over loopback, and what /metrics waits meanwhile. Once
 * from a writer that puts nodes into the feed at a steady rate; once from a census that
 * `serve --sim` takes at a stated rate of packets, with the clients and without them in turns,
 * so that what they cost the census shows within one run of it.
 */

enum {
	CLIENTS = 100,
	LINES_PER_S = 3000, /* of the feed: 300,000 a second to all */
	SECONDS = 4,
	RUNS_MAX = 16,
	CENSUS_PPS = 10000, /* a tenth of what a core can do, five times the default */
	CENSUS_NODES = 400000,
	TURN_S = 4,
	METRICS_BYTES = 32768,
};

static void nap_ms(unsigned ms)
{
	const struct timespec t = { ms / 1000, ms % 1000 * 1000000l };

	nanosleep(&t, NULL);
}

/* ---- a feed and nothing else ---------------------------------------------------------------- */

struct writer {
	struct feed *feed;
	_Atomic bool over;
};

static void *write_feed(void *arg)
{
	struct writer *w = arg;
	uint64_t begun = bench_now_ns(), n = 0;

	while (!atomic_load(&w->over)) {
		uint64_t due = (bench_now_ns() - begun) * LINES_PER_S / 1000000000;

		for (; n < due; n++) {
			struct feed_seen s = { .way = SIGHTING_ANSWERED, .seen_s = 1795240800 };

			s.node.key.bits = 160;
			memcpy(s.node.key.b, &n, sizeof(n));
			s.node.ep = endpoint_ip4(0x0b000000 + (uint32_t)n, 6881);
			s.node.asn = 3320;
			memcpy(s.node.country, "DE", 3);
			memcpy(s.node.version, "LT\2\10", 4);
			s.node.version_len = 4;
			feed_put(w->feed, &s, 1);
		}
		nap_ms(1);
	}
	return NULL;
}

static int feed_once(struct readers_sum *sum)
{
	struct serve_opts opts = serve_opts_default();
	struct writer w = { .feed = NULL };
	struct readers *r;
	struct serve *s = NULL;
	char why[SERVE_WHY_MAX];
	pthread_t writer;
	int rc = feed_new(FEED_ITEMS_DEFAULT, 1795240800, &w.feed);

	opts.bind.port = 0;
	if (rc == 0)
		rc = serve_start(&opts, w.feed, &s, why);
	if (rc == 0)
		rc = -pthread_create(&writer, NULL, write_feed, &w);
	if (rc == 0) {
		rc = readers_begin(serve_port(s), CLIENTS, &r);
		if (rc == 0) {
			nap_ms(1000 * SECONDS);
			readers_end(r, sum);
		}
		atomic_store(&w.over, true);
		pthread_join(writer, NULL);
	}
	serve_stop(s);
	feed_free(w.feed);
	return rc;
}

static int run_stream(const struct bench_ctx *ctx, FILE *out)
{
	unsigned runs = ctx->runs ? ctx->runs < RUNS_MAX ? ctx->runs : RUNS_MAX : 3;
	double lines[RUNS_MAX], p99[RUNS_MAX], gaps = 0, unreported = 0;
	struct bench_figure f = {
		.name = "serve_stream", .unit = "lines/s", .better = BENCH_HIGHER, .runs = runs
	};

	for (unsigned i = 0; i < runs; i++) {
		struct readers_sum sum;
		int rc = feed_once(&sum);

		if (rc < 0)
			return rc;
		lines[i] = (double)sum.lines / sum.seconds;
		p99[i] = sum.metrics_p99_ms;
		gaps += (double)sum.gap_lines;
		unreported += (double)sum.unreported;
	}
	f.median = bench_median(lines, runs);
	f.best = lines[runs - 1];
	f.extra = (const struct bench_extra[]){ { "clients", CLIENTS },
						{ "metrics_p99_ms", bench_median(p99, runs) },
						{ "gap_lines", gaps },
						{ "unreported_lost_lines", unreported } };
	f.extra_count = 4;
	return bench_emit(ctx, &f, out);
}

/* ---- a census -------------------------------------------------------------------------------- */

struct census {
	pid_t pid;
	FILE *talk;
	uint16_t port;
};

static int census_begin(const char *dir, uint32_t nodes, struct census *c)
{
	char sim[32], rate[32], store[SCRATCH_PATH_BYTES + 8], line[512], *at;
	const char *const args[] = { "dht-telescope",  "serve", "--sim",   sim,   "--rate",    rate,
				     "--port",         "0",     "--store", store, "--certify", "0",
				     "--checkpoint-s", "0",     NULL };
	int to[2];

	snprintf(sim, sizeof(sim), "%u", nodes);
	snprintf(rate, sizeof(rate), "%d", CENSUS_PPS);
	snprintf(store, sizeof(store), "%s/store", dir);
	if (pipe(to))
		return -errno;
	c->pid = fork();
	if (c->pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		dup2(to[1], STDERR_FILENO);
		close(to[0]);
		close(to[1]);
		execv("/proc/self/exe", (char *const *)(uintptr_t)args);
		_exit(127);
	}
	close(to[1]);
	c->talk = c->pid > 0 ? fdopen(to[0], "r") : NULL;
	if (!c->talk) {
		close(to[0]);
		return c->pid > 0 ? -ENOMEM : -EAGAIN;
	}
	while (!c->port && fgets(line, sizeof(line), c->talk))
		if ((at = strstr(line, "serving http://127.0.0.1:")) != NULL)
			c->port = (uint16_t)strtoul(at + 25, NULL, 10);
	return c->port ? 0 : DT_EUNSUPPORTED;
}

/* What it says on is read by nobody: a pipe that is full would stop it, one that is shut not. */
static void census_end(struct census *c)
{
	if (c->talk)
		fclose(c->talk);
	if (c->pid > 0) {
		kill(c->pid, SIGKILL);
		waitpid(c->pid, NULL, 0);
	}
}

static int packets_sent(uint16_t port, uint64_t *sent)
{
	static const char key[] = "\ndht_telescope_packets_sent_total{type=\"query\"} ";
	char text[METRICS_BYTES], *at;
	int rc = readers_get(port, "/metrics", text, sizeof(text));

	if (rc < 0)
		return rc;
	at = strstr(text, key);
	if (!at)
		return DT_EMALF;
	*sent = strtoull(at + sizeof(key) - 1, NULL, 10);
	return 0;
}

/* The next time that the counter moves: it does so once a second. */
static int next_count(uint16_t port, uint64_t *sent, uint64_t *at_ns)
{
	uint64_t before, now;
	int rc = packets_sent(port, &before);

	for (unsigned ms = 0; rc == 0 && ms < 5000; ms += 5) {
		nap_ms(5);
		rc = packets_sent(port, &now);
		if (rc == 0 && now != before) {
			*sent = now;
			*at_ns = bench_now_ns();
			return 0;
		}
	}
	return rc < 0 ? rc : DT_ESHORT; /* the census is over */
}

/* Packets a second over one turn. */
static int turn(uint16_t port, double *pps)
{
	uint64_t from, to, from_ns, to_ns;
	int rc = next_count(port, &from, &from_ns);

	if (rc < 0)
		return rc;
	nap_ms(1000 * (TURN_S - 1) + 500);
	rc = next_count(port, &to, &to_ns);
	if (rc == 0)
		*pps = (double)(to - from) * 1e9 / (double)(to_ns - from_ns);
	return rc;
}

struct turns {
	double alone[RUNS_MAX], with[RUNS_MAX], lines[RUNS_MAX], p99[RUNS_MAX];
	double gap_lines, unreported;
};

static int take_turns(uint16_t port, unsigned runs, struct turns *t)
{
	int rc = 0;

	for (unsigned i = 0; i < runs && rc == 0; i++) {
		struct readers_sum sum;
		struct readers *r;

		rc = turn(port, &t->alone[i]);
		if (rc == 0)
			rc = readers_begin(port, CLIENTS, &r);
		if (rc < 0)
			break;
		rc = turn(port, &t->with[i]);
		readers_end(r, &sum);
		t->lines[i] = (double)sum.lines / sum.seconds;
		t->p99[i] = sum.metrics_p99_ms;
		t->gap_lines += (double)sum.gap_lines;
		t->unreported += (double)sum.unreported;
	}
	return rc;
}

static int run_census(const struct bench_ctx *ctx, FILE *out)
{
	unsigned runs = ctx->runs ? ctx->runs < RUNS_MAX ? ctx->runs : RUNS_MAX : 5;
	struct census c = { .pid = -1 };
	struct turns t = { .gap_lines = 0 };
	char dir[SCRATCH_PATH_BYTES];
	struct bench_figure f = {
		.name = "serve_census", .unit = "ratio", .better = BENCH_HIGHER, .runs = runs
	};
	int rc = scratch_make(dir);

	if (rc < 0)
		return rc;
	rc = census_begin(dir, ctx->sim ? ctx->sim : CENSUS_NODES, &c);
	if (rc == 0) {
		nap_ms(2000); /* the first questions, when few are known */
		rc = take_turns(c.port, runs, &t);
	}
	census_end(&c);
	scratch_remove(dir);
	if (rc < 0)
		return rc;
	f.best = f.median = bench_median(t.with, runs) / bench_median(t.alone, runs);
	f.extra = (const struct bench_extra[]){
		{ "packets_per_s_alone", bench_median(t.alone, runs) },
		{ "packets_per_s_with_clients", bench_median(t.with, runs) },
		{ "clients", CLIENTS },
		{ "lines_per_s", bench_median(t.lines, runs) },
		{ "metrics_p99_ms", bench_median(t.p99, runs) },
		{ "gap_lines", t.gap_lines },
		{ "unreported_lost_lines", t.unreported }
	};
	f.extra_count = 7;
	return bench_emit(ctx, &f, out);
}

const struct bench bench_serve[] = {
	{ "serve_stream",
	  "/peers to 100 clients at 300,000 lines/s, and what /metrics waits meanwhile",
	  run_stream },
	{ "serve_census",
	  "packets/s of a census at a stated rate with 100 clients of /peers, over those without",
	  run_census },
	{ 0 },
};
