/* SPDX-License-Identifier: MIT */
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "bench/bench.h"
#include "viz/serve.h"

/**
 * DOC: the stream to a hundred clients over loopback, and what /metrics waits
 * meanwhile: a writer puts nodes into the feed at a steady rate, one thread reads
 * all clients, another asks for /metrics fifty times a second.
 */

enum {
	CLIENTS = 100,
	LINES_PER_S = 3000, /* of the feed: 300,000 a second to all */
	SECONDS = 4,
	ASKED_MAX = SECONDS * 60,
	CHUNK = 1 << 16,
};

struct load {
	struct feed *feed;
	uint16_t port;
	_Atomic bool over;
	uint64_t lines, gaps; /* of all clients */
	double asked_ms[ASKED_MAX];
	unsigned asked;
	int fds[CLIENTS];
};

static void nap_us(unsigned us)
{
	const struct timespec t = { 0, us * 1000l };

	nanosleep(&t, NULL);
}

static int ask(uint16_t port, const char *path)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(port) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	char text[128];
	int len = snprintf(text, sizeof(text), "GET %s HTTP/1.1\r\nHost: a\r\n\r\n", path);

	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (fd < 0)
		return -errno;
	if (connect(fd, (void *)&to, sizeof(to)) || send(fd, text, (size_t)len, 0) != len) {
		int err = -errno;

		close(fd);
		return err;
	}
	return fd;
}

static void *write_feed(void *arg)
{
	struct load *l = arg;
	uint64_t begun = bench_now_ns(), n = 0;

	while (!atomic_load(&l->over)) {
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
			feed_put(l->feed, &s, 1);
		}
		nap_us(1000);
	}
	return NULL;
}

static void *read_clients(void *arg)
{
	struct load *l = arg;
	struct pollfd p[CLIENTS];
	char *chunk = malloc(CHUNK);

	for (unsigned i = 0; i < CLIENTS; i++)
		p[i] = (struct pollfd){ .fd = l->fds[i], .events = POLLIN };
	while (chunk && !atomic_load(&l->over) && poll(p, CLIENTS, 100) >= 0)
		for (unsigned i = 0; i < CLIENTS; i++) {
			ssize_t n = p[i].revents ? recv(p[i].fd, chunk, CHUNK, MSG_DONTWAIT) : 0;

			for (char *at = chunk;
			     n > 0 && (at = memchr(at, '\n', (size_t)(chunk + n - at))); at++)
				l->lines += at > chunk && at[-1] == '}';
			if (n > 0 && memmem(chunk, (size_t)n, "\"type\":\"gap\"", 12))
				l->gaps++;
		}
	free(chunk);
	return NULL;
}

static void *ask_metrics(void *arg)
{
	struct load *l = arg;
	char text[4096];

	while (!atomic_load(&l->over) && l->asked < ASKED_MAX) {
		uint64_t begun = bench_now_ns();
		int fd = ask(l->port, "/metrics");

		if (fd >= 0 && recv(fd, text, sizeof(text), 0) > 0)
			l->asked_ms[l->asked++] = (double)(bench_now_ns() - begun) / 1e6;
		if (fd >= 0)
			close(fd);
		nap_us(20000);
	}
	return NULL;
}

/* One run: lines a second to all clients; @p99_ms of /metrics; @lost lines that no gap told of. */
static int run_once(const struct serve_opts *opts, double *lines_per_s, double *p99_ms,
		    double *gaps, double *lost)
{
	void *(*const bodies[])(void *) = { read_clients, ask_metrics, write_feed };
	struct load *l = calloc(1, sizeof(*l));
	pthread_t t[3];
	struct serve *s = NULL;
	char why[SERVE_WHY_MAX];
	uint64_t begun, written;
	int rc = l ? feed_new(FEED_ITEMS_DEFAULT, 1795240800, &l->feed) : -ENOMEM;

	if (rc == 0)
		rc = serve_start(opts, l->feed, &s, why);
	if (rc < 0)
		goto out;
	l->port = serve_port(s);
	for (unsigned i = 0; i < CLIENTS; i++)
		l->fds[i] = ask(l->port, "/peers");
	while (serve_streams(s) < CLIENTS)
		nap_us(1000);
	begun = bench_now_ns();
	for (unsigned i = 0; i < 3; i++)
		pthread_create(&t[i], NULL, bodies[i], l);
	nap_us(999000);
	for (unsigned i = 1; i < SECONDS; i++)
		nap_us(999000);
	atomic_store(&l->over, true);
	for (unsigned i = 0; i < 3; i++)
		pthread_join(t[i], NULL);
	written = feed_written(l->feed) * CLIENTS;
	*lines_per_s = (double)l->lines * 1e9 / (double)(bench_now_ns() - begun);
	bench_median(l->asked_ms, l->asked); /* sorts */
	*p99_ms = l->asked ? l->asked_ms[l->asked * 99 / 100] : 0;
	*gaps = (double)l->gaps;
	/* what was on its way when the reading stopped is no loss: a tenth of a second of it */
	*lost = written > l->lines + (uint64_t)LINES_PER_S * CLIENTS / 10 && !l->gaps
			? (double)(written - l->lines)
			: 0;
out:
	for (unsigned i = 0; l && i < CLIENTS; i++)
		if (l->fds[i] > 0)
			close(l->fds[i]);
	serve_stop(s);
	if (l)
		feed_free(l->feed);
	free(l);
	return rc;
}

static int run_stream(const struct bench_ctx *ctx, FILE *out)
{
	unsigned runs = ctx->runs ? ctx->runs < 16 ? ctx->runs : 16 : 3;
	double lines[16], p99[16], gaps = 0, lost = 0;
	struct serve_opts opts = serve_opts_default();
	struct bench_figure f = {
		.name = "serve_stream", .unit = "lines/s", .better = BENCH_HIGHER, .runs = runs
	};

	opts.bind.port = 0;
	for (unsigned i = 0; i < runs; i++) {
		double g = 0, x = 0;
		int rc = run_once(&opts, &lines[i], &p99[i], &g, &x);

		if (rc < 0)
			return rc;
		gaps += g;
		lost += x;
	}
	f.median = bench_median(lines, runs);
	f.best = lines[runs - 1];
	f.extra = (const struct bench_extra[]){ { "clients", CLIENTS },
						{ "metrics_p99_ms", bench_median(p99, runs) },
						{ "gaps", gaps },
						{ "unreported_lost_lines", lost } };
	f.extra_count = 4;
	return bench_emit(ctx, &f, out);
}

const struct bench bench_serve[] = {
	{ "serve_stream",
	  "/peers to 100 clients at 300,000 lines/s, and what /metrics waits meanwhile",
	  run_stream },
	{ 0 },
};
