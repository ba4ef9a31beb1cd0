/* SPDX-License-Identifier: MIT */
#include "bench/readers.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "bench/bench.h"

enum { CHUNK = 1 << 16, TAIL_MAX = 1024, ASK_EVERY_US = 20000, WAIT_S = 5 };

struct client {
	int fd;
	uint64_t last; /* seq; 0 = none yet */
	uint64_t lines, gap_lines, unreported;
	unsigned tail_len; /* the begin of a line whose end has not come */
	char tail[TAIL_MAX];
};

struct readers {
	uint16_t port;
	unsigned count;
	_Atomic bool over;
	_Atomic unsigned begun; /* clients that read a first line */
	pthread_t reader, asker;
	uint64_t begun_ns;
	double asked_ms[READERS_ASKED_MAX];
	unsigned asked;
	struct client clients[];
};

static int open_get(uint16_t port, const char *path)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(port) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	char text[256];
	int len = snprintf(text, sizeof(text), "GET %s HTTP/1.1\r\nHost: localhost\r\n\r\n", path);

	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (fd < 0)
		return -errno;
	if (connect(fd, (void *)&to, sizeof(to)) || send(fd, text, (size_t)len, 0) != len) {
		int err = -errno;

		close(fd);
		return err ? err : -EIO;
	}
	return fd;
}

int readers_get(uint16_t port, const char *path, char *out, unsigned cap)
{
	const struct timeval wait = { .tv_sec = WAIT_S };
	int fd = open_get(port, path);
	unsigned at = 0;
	char *body, *len;

	if (fd < 0)
		return fd;
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait));
	for (;;) {
		ssize_t n = recv(fd, out + at, cap - 1 - at, 0);

		if (n <= 0)
			break;
		at += (unsigned)n;
		out[at] = 0;
		body = strstr(out, "\r\n\r\n");
		len = strcasestr(out, "content-length:");
		if (body && len && out + at >= body + 4 + strtoul(len + 15, NULL, 10))
			break;
	}
	close(fd);
	return at ? (int)at : -EIO;
}

/* ---- what a client reads ------------------------------------------------------------------ */

static uint64_t number_behind(const char *line, const char *key, size_t len)
{
	const char *at = memmem(line, len, key, strlen(key));

	return at ? strtoull(at + strlen(key), NULL, 10) : 0;
}

/* A line whose seq does not follow: a gap, or a loss that nobody told of. */
static void take_line(struct client *c, const char *line, size_t len)
{
	static const char gap[] = "{\"type\":\"gap\"";
	uint64_t seq, told = 0;

	if (len < 2 || *line != '{')
		return; /* of the head, or a chunk's size */
	seq = number_behind(line, "\"seq\":", len);
	if (!memcmp(line, gap, len < sizeof(gap) - 1 ? len : sizeof(gap) - 1)) {
		told = number_behind(line, "\"dropped\":", len);
		c->gap_lines += told;
	} else {
		c->lines++;
		told = 1;
	}
	if (c->last && seq > c->last + told)
		c->unreported += seq - c->last - told;
	c->last = seq;
}

static void take(struct client *c, const char *bytes, size_t len)
{
	const char *end = bytes + len, *at = bytes, *nl;

	while ((nl = memchr(at, '\n', (size_t)(end - at))) != NULL) {
		if (c->tail_len) {
			size_t more = (size_t)(nl - at);

			if (c->tail_len + more < TAIL_MAX) {
				memcpy(c->tail + c->tail_len, at, more);
				take_line(c, c->tail, c->tail_len + more);
			}
			c->tail_len = 0;
		} else {
			take_line(c, at, (size_t)(nl - at));
		}
		at = nl + 1;
	}
	if (c->tail_len + (size_t)(end - at) < TAIL_MAX) {
		memcpy(c->tail + c->tail_len, at, (size_t)(end - at));
		c->tail_len += (unsigned)(end - at);
	}
}

static void *read_all(void *arg)
{
	struct readers *r = arg;
	struct pollfd *p = calloc(r->count, sizeof(*p));
	char *chunk = malloc(CHUNK);

	for (unsigned i = 0; p && i < r->count; i++)
		p[i] = (struct pollfd){ .fd = r->clients[i].fd, .events = POLLIN };
	while (p && chunk && !atomic_load(&r->over) && poll(p, r->count, 100) >= 0)
		for (unsigned i = 0; i < r->count; i++) {
			struct client *c = &r->clients[i];
			ssize_t n = p[i].revents ? recv(c->fd, chunk, CHUNK, MSG_DONTWAIT) : 0;
			bool first = !c->last;

			if (n > 0)
				take(c, chunk, (size_t)n);
			if (n > 0 && first && c->last)
				atomic_fetch_add(&r->begun, 1);
		}
	free(p);
	free(chunk);
	return NULL;
}

static void nap_us(unsigned us)
{
	const struct timespec t = { us / 1000000, us % 1000000 * 1000l };

	nanosleep(&t, NULL);
}

static void *ask_metrics(void *arg)
{
	struct readers *r = arg;
	char text[16384];

	while (!atomic_load(&r->over) && r->asked < READERS_ASKED_MAX) {
		uint64_t begun = bench_now_ns();

		if (readers_get(r->port, "/metrics", text, sizeof(text)) > 0)
			r->asked_ms[r->asked++] = (double)(bench_now_ns() - begun) / 1e6;
		nap_us(ASK_EVERY_US);
	}
	return NULL;
}

/* ---- life ----------------------------------------------------------------------------------- */

int readers_begin(uint16_t port, unsigned count, struct readers **out)
{
	struct readers *r = calloc(1, sizeof(*r) + count * sizeof(struct client));
	int rc = 0;

	if (!r)
		return -ENOMEM;
	r->port = port;
	for (; r->count < count && rc == 0; r->count++) {
		int fd = open_get(port, "/peers");

		if (fd < 0)
			rc = fd;
		r->clients[r->count].fd = fd;
	}
	if (rc == 0)
		rc = -pthread_create(&r->reader, NULL, read_all, r);
	if (rc < 0) {
		for (unsigned i = 0; i < r->count; i++)
			close(r->clients[i].fd);
		free(r);
		return rc;
	}
	pthread_create(&r->asker, NULL, ask_metrics, r);
	for (unsigned ms = 0; ms < 1000 * WAIT_S && atomic_load(&r->begun) < count; ms += 5)
		nap_us(5000);
	r->begun_ns = bench_now_ns();
	*out = r;
	return 0;
}

void readers_end(struct readers *r, struct readers_sum *out)
{
	*out = (struct readers_sum){ .seconds = (double)(bench_now_ns() - r->begun_ns) / 1e9 };
	atomic_store(&r->over, true);
	pthread_join(r->reader, NULL);
	pthread_join(r->asker, NULL);
	for (unsigned i = 0; i < r->count; i++) {
		out->lines += r->clients[i].lines;
		out->gap_lines += r->clients[i].gap_lines;
		out->unreported += r->clients[i].unreported;
		close(r->clients[i].fd);
	}
	out->asked = r->asked;
	if (r->asked) {
		out->metrics_p50_ms = bench_median(r->asked_ms, r->asked); /* sorts */
		out->metrics_p99_ms = r->asked_ms[r->asked * 99 / 100];
		out->metrics_max_ms = r->asked_ms[r->asked - 1];
	}
	free(r);
}
