/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bench/bench.h"
#include "bench/echo.h"
#include "bench/pair.h"
#include "bench/pump.h"
#include "engine/clock.h"
#include "engine/cpu.h"

/**
 * DOC: the datagram devices beside bare loops of the system calls they stand
 * on, over loopback, interleaved in one run (A B C A B C ...), so that the drift of
 * the machine falls on all alike. Each line of a device carries its ratio to
 * the bare loop of the same calls and to the best bare loop: above 1 is better.
 */

enum {
	QUERY_BYTES = 100,
	REPLY_BYTES = 300,
	BATCH = 64,
	DESTINATIONS = 1 << 16,
	WINDOW = 1024,
	WAYS_MAX = 8,
	RUNS_MAX = 31,
	RUNS_DEFAULT = 11, /* many short rounds: see advantage() */
	WAIT_NS = 5 * 1000 * 1000,
	DRAIN_COUNT = 4096, /* datagrams in the queue when the clock starts */
};

struct rig {
	const struct bench_ctx *ctx;
	struct pump_packets packets;
	struct echo *echo;
	unsigned cores;
};

struct table {
	const char *name;
	const char *unit;
	enum bench_better better;
	const struct pump_way *ways;
	const unsigned *twin; /* of each way: the bare one with the same calls */
	unsigned count;
	unsigned device_mmsg; /* which way it is */
	int (*measure)(struct rig *r, const struct pump_way *way, uint64_t run_ns, double *out);
};

/* ---- the packets ------------------------------------------------------------------ */

static int packets_to(struct pump_packets *p, uint16_t port)
{
	static const uint8_t query[QUERY_BYTES] = "d1:ad2:id20:";
	int err = pump_packets_new(DESTINATIONS, QUERY_BYTES, p);
	uint32_t seed = 0x9e3779b9;

	for (unsigned i = 0; !err && i < DESTINATIONS; i++) {
		struct endpoint to;

		seed = seed * 1664525 + 1013904223;
		to = endpoint_ip4(0x7f000000 | seed >> 8 | 1, port);
		pump_packet_set(p, i, &to, query);
	}
	return err;
}

static int pump_on_new_group(const struct pump_way *way, const struct pump_packets *packets,
			     struct net_group **g, struct pump **out)
{
	struct net_udp_opts opts = { .bind = endpoint_ip4(INADDR_ANY, 0),
				     .workers = 1,
				     .bind_device = "lo" };
	int err = net_group_open(&opts, g);

	if (err)
		return err;
	err = pump_open(way, *g, 0, packets, 0, out);
	if (err)
		net_group_close(*g);
	return err;
}

/* ---- sending: 64 k destinations, one socket with a small buffer that nobody reads ------ */

static int measure_send(struct rig *r, const struct pump_way *way, uint64_t run_ns, double *out)
{
	struct net_group *g;
	struct pump *p;
	uint64_t start, now, sent = 0;
	int n = 0, err = pump_on_new_group(way, &r->packets, &g, &p);

	if (err)
		return err;
	start = bench_now_ns();
	do {
		for (unsigned i = 0; i < 16 && n >= 0; i++, sent += BATCH)
			n = pump_turn(p, BATCH, BATCH, 0);
		now = bench_now_ns();
	} while (now - start < run_ns && n >= 0);
	*out = (double)(now - start) / (double)sent;
	if (pump_refused(p))
		n = -EIO;
	pump_close(p);
	net_group_close(g);
	return n < 0 ? n : 0;
}

/* ---- receiving: empty a queue of DRAIN_COUNT datagrams --------------------------------- */

static void fill(int fd, const struct endpoint *to, unsigned count)
{
	static const uint8_t reply[REPLY_BYTES] = "d1:rd2:id20:";
	struct sockaddr_in sa = { .sin_family = AF_INET,
				  .sin_port = htons(to->port),
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };

	for (unsigned i = 0; i < count; i++)
		(void)sendto(fd, reply, sizeof(reply), 0, (struct sockaddr *)&sa, sizeof(sa));
}

static int measure_recv(struct rig *r, const struct pump_way *way, uint64_t run_ns, double *out)
{
	uint64_t spent = 0, received = 0;
	struct net_group *g;
	struct pump *p;
	struct endpoint to;
	int fd, n = 0, err = pump_on_new_group(way, &r->packets, &g, &p);

	if (err)
		return err;
	to = net_group_local(g);
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	while (spent < run_ns && n >= 0) {
		unsigned left = DRAIN_COUNT, idle = 0;
		uint64_t start;

		fill(fd, &to, DRAIN_COUNT);
		start = bench_now_ns();
		while (left && n >= 0 && idle < 1000) {
			n = pump_turn(p, 0, BATCH, 0);
			idle = n ? 0 : idle + 1;
			left -= n > 0 ? (unsigned)n : 0;
		}
		spent += bench_now_ns() - start;
		received += DRAIN_COUNT - left;
		if (left)
			n = -EIO;
	}
	close(fd);
	*out = (double)spent / (double)received;
	pump_close(p);
	net_group_close(g);
	return n < 0 ? n : 0;
}

/* ---- sleeping: CPU per datagram at a rate far below what the core could take ------------- */

enum { PACED_PPS = 20000, PACED_BURST = 2 };

struct pacer {
	struct endpoint to;
	atomic_bool stop;
	uint64_t sent;
};

static void *pacer_main(void *arg)
{
	struct pacer *c = arg;
	uint64_t due = bench_now_ns();
	int fd;

	if (cpu_pin(1))
		return NULL; /* nothing is sent, and nothing received says so */
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	while (!atomic_load_explicit(&c->stop, memory_order_relaxed)) {
		if (bench_now_ns() < due)
			continue;
		due += 1000000000ull * PACED_BURST / PACED_PPS;
		fill(fd, &c->to, PACED_BURST);
		c->sent += PACED_BURST;
	}
	close(fd);
	return NULL;
}

static int measure_wait(struct rig *r, const struct pump_way *way, uint64_t run_ns, double *out)
{
	struct pacer pacer = { .stop = false };
	uint64_t start, cpu, received = 0;
	struct net_group *g;
	struct pump *p;
	pthread_t thread;
	int n = 0, err = pump_on_new_group(way, &r->packets, &g, &p);

	if (err)
		return err;
	pacer.to = net_group_local(g);
	err = pthread_create(&thread, NULL, pacer_main, &pacer);
	if (!err) {
		start = bench_now_ns();
		cpu = clock_thread_cpu_ns();
		while (n >= 0 && bench_now_ns() - start < run_ns) {
			n = pump_turn(p, 0, BATCH, WAIT_NS);
			received += n > 0 ? (unsigned)n : 0;
		}
		cpu = clock_thread_cpu_ns() - cpu;
		atomic_store_explicit(&pacer.stop, true, memory_order_relaxed);
		pthread_join(thread, NULL);
		*out = received ? (double)cpu / (double)received : 0;
		err = received ? 0 : EIO;
	}
	pump_close(p);
	net_group_close(g);
	return err ? -err : n < 0 ? n : 0;
}

/* ---- transactions: a pump per core, its responder on the same core ------------------------ */

static int measure_pair(struct rig *r, const struct pump_way *way, uint64_t run_ns, double *out)
{
	struct pair_opts opts = { .way = way,
				  .packets = &r->packets,
				  .cores = r->cores,
				  .batch = BATCH,
				  .window = WINDOW,
				  .run_ns = run_ns };
	struct pair_result result = { 0 };
	int err = pair_run(&opts, &result);

	*out = result.answered_per_s;
	return err;
}

/* ---- a table of ways, interleaved --------------------------------------------------------- */

struct outcome {
	double values[WAYS_MAX][RUNS_MAX]; /* in the order of the runs */
	unsigned runs;
};

/*
 * How much better way @a is than way @b: the median over the rounds of their
 * ratio within a round. The machine drifts by more than the ways differ, but
 * little within one round.
 */
static double advantage(const struct table *t, const struct outcome *o, unsigned a, unsigned b)
{
	double ratios[RUNS_MAX];

	for (unsigned i = 0; i < o->runs; i++) {
		double x = o->values[a][i], y = o->values[b][i];

		ratios[i] = x > 0 && y > 0 ? t->better == BENCH_LOWER ? y / x : x / y : 0;
	}
	return bench_median(ratios, o->runs);
}

static unsigned best_bare(const struct table *t, const struct outcome *o)
{
	unsigned best = 0;

	for (unsigned w = 1; w < t->count; w++)
		if (!t->ways[w].device && advantage(t, o, w, best) > 1)
			best = w;
	return best;
}

static int emit_way(const struct rig *r, const struct table *t, const struct outcome *o, unsigned w,
		    FILE *out)
{
	double sorted[RUNS_MAX];
	char name[64];
	struct bench_extra extra[] = {
		{ "ratio_to_bare", advantage(t, o, w, t->twin[w]) },
		{ "ratio_to_best_bare", advantage(t, o, w, best_bare(t, o)) },
		{ "ratio_to_device_mmsg", advantage(t, o, w, t->device_mmsg) },
	};
	struct bench_figure f = { .name = name,
				  .unit = t->unit,
				  .better = t->better,
				  .runs = o->runs,
				  .extra = extra,
				  .extra_count = sizeof(extra) / sizeof(extra[0]) };

	snprintf(name, sizeof(name), "%s.%s", t->name, t->ways[w].name);
	memcpy(sorted, o->values[w], sizeof(sorted));
	f.median = bench_median(sorted, o->runs); /* and sorts */
	f.best = sorted[t->better == BENCH_LOWER ? 0 : o->runs - 1];
	return bench_emit(r->ctx, &f, out);
}

static int run_table(struct rig *r, const struct table *t, uint64_t run_ns, FILE *out)
{
	struct outcome o = { .runs = r->ctx->runs ? r->ctx->runs : RUNS_DEFAULT };
	int err = 0;

	if (o.runs > RUNS_MAX)
		o.runs = RUNS_MAX;
	for (unsigned run = 0; run < o.runs; run++) {
		for (unsigned k = 0; k < t->count && !err; k++) {
			unsigned w = (run + k) % t->count; /* nobody is always first */

			err = t->measure(r, &t->ways[w], run_ns, &o.values[w][run]);
		}
	}
	for (unsigned w = 0; w < t->count && !err; w++)
		err = emit_way(r, t, &o, w, out);
	return err;
}

#define BARE(n, s, r)                                                                              \
	{                                                                                          \
		.name = n, .send = s, .recv = r                                                    \
	}
#define DEVICE(n, b)                                                                               \
	{                                                                                          \
		.name = n, .device = true, .backend = b                                            \
	}

static const struct pump_way send_ways[] = {
	BARE("sendmmsg", PUMP_SENDMMSG, PUMP_RECVMMSG),
	BARE("op_send", PUMP_OP_SEND, PUMP_DRAINED),
	BARE("op_sendmsg", PUMP_OP_SENDMSG, PUMP_DRAINED),
	DEVICE("device_mmsg", NET_BACKEND_MMSG),
	DEVICE("device_uring", NET_BACKEND_URING),
};
static const unsigned send_twins[] = { 0, 1, 2, 0, 1 };

static const struct pump_way recv_ways[] = {
	BARE("recvmmsg", PUMP_SENDMMSG, PUMP_RECVMMSG),
	BARE("multishot_drained", PUMP_OP_SEND, PUMP_DRAINED),
	BARE("multishot_armed", PUMP_OP_SEND, PUMP_ARMED),
	DEVICE("device_mmsg", NET_BACKEND_MMSG),
	DEVICE("device_uring", NET_BACKEND_URING),
};
static const unsigned recv_twins[] = { 0, 1, 2, 0, 1 };

static const struct pump_way wait_ways[] = {
	BARE("recvmmsg_woken", PUMP_SENDMMSG, PUMP_BLOCKING),
	BARE("recvmmsg_tick", PUMP_SENDMMSG, PUMP_RECVMMSG),
	BARE("multishot_armed_batch", PUMP_OP_SEND, PUMP_ARMED),
	BARE("multishot_drained_tick", PUMP_OP_SEND, PUMP_DRAINED),
	DEVICE("device_mmsg", NET_BACKEND_MMSG),
	DEVICE("device_uring", NET_BACKEND_URING),
};
static const unsigned wait_twins[] = { 0, 1, 2, 3, 1, 3 };

static const struct pump_way pair_ways[] = {
	BARE("sendmmsg+recvmmsg", PUMP_SENDMMSG, PUMP_RECVMMSG),
	BARE("op_send+drained", PUMP_OP_SEND, PUMP_DRAINED),
	BARE("op_send+armed", PUMP_OP_SEND, PUMP_ARMED),
	BARE("sendmmsg+drained", PUMP_SENDMMSG, PUMP_DRAINED),
	DEVICE("device_mmsg", NET_BACKEND_MMSG),
	DEVICE("device_uring", NET_BACKEND_URING),
};
static const unsigned pair_twins[] = { 0, 1, 2, 3, 0, 1 };

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static const struct table tables[] = {
	{ "net_send", "ns", BENCH_LOWER, send_ways, send_twins, COUNT(send_ways), 3, measure_send },
	{ "net_recv", "ns", BENCH_LOWER, recv_ways, recv_twins, COUNT(recv_ways), 3, measure_recv },
	{ "net_wait", "ns", BENCH_LOWER, wait_ways, wait_twins, COUNT(wait_ways), 4, measure_wait },
	{ "net_pair", "1/s", BENCH_HIGHER, pair_ways, pair_twins, COUNT(pair_ways), 4,
	  measure_pair },
};

/* A socket that takes what is sent and drops it at once: its buffer is as small as can be. */
static int sink_open(uint16_t *port)
{
	struct sockaddr_in sa = { .sin_family = AF_INET };
	socklen_t len = sizeof(sa);
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), least = 1;

	if (fd < 0)
		return -errno;
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &least, sizeof(least)) ||
	    bind(fd, (struct sockaddr *)&sa, sizeof(sa)) ||
	    getsockname(fd, (struct sockaddr *)&sa, &len)) {
		int err = -errno;

		close(fd);
		return err;
	}
	*port = ntohs(sa.sin_port);
	return fd;
}

static int run_with_sink(const struct table *t, const struct bench_ctx *ctx, uint64_t run_ns,
			 FILE *out)
{
	struct rig r = { .ctx = ctx, .cores = 1 };
	uint16_t port = 0;
	int fd = sink_open(&port), err;

	if (fd < 0)
		return fd;
	err = packets_to(&r.packets, port);
	if (!err)
		err = run_table(&r, t, run_ns, out);
	pump_packets_free(&r.packets);
	close(fd);
	return err;
}

static uint64_t run_ns_of(const struct bench_ctx *ctx, unsigned default_ms)
{
	return (ctx->run_ms ? ctx->run_ms : default_ms) * 1000000ull;
}

static int run_send(const struct bench_ctx *ctx, FILE *out)
{
	return run_with_sink(&tables[0], ctx, run_ns_of(ctx, 40), out);
}

static int run_recv(const struct bench_ctx *ctx, FILE *out)
{
	return run_with_sink(&tables[1], ctx, run_ns_of(ctx, 20), out);
}

static int run_wait(const struct bench_ctx *ctx, FILE *out)
{
	if (cpu_usable() < 2)
		return 0; /* the pacer needs a core of its own */
	return run_with_sink(&tables[2], ctx, run_ns_of(ctx, 80), out);
}

static int run_pair(const struct bench_ctx *ctx, FILE *out)
{
	struct rig r = { .ctx = ctx, .cores = cpu_usable() < 2 ? 1 : 2 };
	int err = echo_start(r.cores, REPLY_BYTES, &r.echo);

	if (err)
		return err;
	err = packets_to(&r.packets, echo_port(r.echo));
	if (!err)
		err = run_table(&r, &tables[3], run_ns_of(ctx, 150), out);
	pump_packets_free(&r.packets);
	echo_stop(r.echo);
	return err;
}

const struct bench bench_net[] = {
	{ "net_send", "ns per packet sent to 64 k destinations: bare loops, devices", run_send },
	{ "net_recv", "ns per datagram taken from a full queue: bare loops, devices", run_recv },
	{ "net_wait", "CPU ns per datagram of a receiver that sleeps, 20 k/s", run_wait },
	{ "net_pair", "answered transactions/s, pump and echo on each core", run_pair },
	{ NULL, NULL, NULL },
};
