/* SPDX-License-Identifier: MIT */
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_link.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench/alone.h"
#include "bench/bench.h"
#include "bench/pump.h"
#include "engine/cpu.h"
#include "engine/island.h"
#include "engine/udp4.h"

/**
 * DOC: sending alone, over a veth pair whose far end throws everything away: each
 * way to send that Linux has as a bare loop, the engine's devices, and the
 * scanners that are installed, interleaved in one run. Counted is what left the
 * device (tx_packets of the interface), never what a program says of itself.
 *
 * All of it happens in a process of its own inside an island (engine/island.h), which has no
 * way out; the scanners are started in there too.
 */

enum {
	QUERY_BYTES = 100,
	BATCH = 64,
	DESTINATIONS = 1 << 16,
	FAR_PORT = 10000,
	WAYS_MAX = 16,
	RUNS_DEFAULT = 5,
	RUNS_MAX = 31,
	RUN_MS_DEFAULT = 60,
	RIVAL_START_MS = 1500, /* until it sends */
	RIVAL_RUN_MS = 1500,
	ARGS_MAX = 32,
	DEVICE_PACKET = 8, /* their places in ways[] */
	DEVICE_XDP = 9,
};

struct rival {
	const char *args[ARGS_MAX];
};

struct way {
	const char *name;
	struct pump_way pump;
	struct rival rival;
	const char *names; /* the rival's standard input */
	unsigned twin;
};

#define BARE(n, b, s, r, t)                                                                        \
	{                                                                                          \
		.name = n, .pump = { .name = n, .backend = b, .send = s, .recv = r }, .twin = t    \
	}
#define DEVICE(n, b, t)                                                                            \
	{                                                                                          \
		.name = n, .pump = { .name = n, .device = true, .backend = b }, .twin = t          \
	}

static const struct way ways[] = {
	BARE("sendmmsg", 0, PUMP_SENDMMSG, PUMP_RECVMMSG, 0),
	BARE("op_send", 0, PUMP_OP_SEND, PUMP_DRAINED, 1),
	BARE("op_sendmsg", 0, PUMP_OP_SENDMSG, PUMP_DRAINED, 2),
	BARE("packet_sendmmsg", NET_BACKEND_PACKET, PUMP_SENDMMSG, PUMP_RECVMMSG, 3),
	BARE("packet_op_send", NET_BACKEND_PACKET, PUMP_OP_SEND, PUMP_RECVMMSG, 4),
	BARE("xdp", NET_BACKEND_XDP, PUMP_SENDMMSG, PUMP_RECVMMSG, 5),
	DEVICE("device_mmsg", NET_BACKEND_MMSG, 0),
	DEVICE("device_uring", NET_BACKEND_URING, 1),
	DEVICE("device_packet", NET_BACKEND_PACKET, 3),
	DEVICE("device_xdp", NET_BACKEND_XDP, 5),
	/* Scanners at their best: one sending thread, no limit. No such address exists in here. */
	{ .name = "zmap",
	  .rival = { { "zmap",
		       "-M",
		       "udp",
		       "-p",
		       "10000",
		       "-i",
		       ISLAND_NEAR_NAME,
		       "-G",
		       "02:00:00:00:00:03",
		       "-S",
		       "192.0.2.1",
		       "-B",
		       "10G",
		       "-T",
		       "1",
		       "-b",
		       "/dev/null",
		       "--max-runtime=4",
		       "--cooldown-time=1",
		       "-o",
		       "/dev/null",
		       "-q",
		       "-v",
		       "0",
		       "20.0.0.0/8",
		       NULL } },
	  .twin = DEVICE_PACKET },
	{ .name = "masscan",
	  .rival = { { "masscan", "20.0.0.0/8", "-pU:10000", "--rate", "100000000", "--interface",
		       ISLAND_NEAR_NAME, "--router-mac", "02-00-00-00-00-03", "--source-ip",
		       "192.0.2.1", "--wait", "0", "--exclude", "20.255.255.255", "-oL",
		       "/dev/null", NULL } },
	  .twin = DEVICE_PACKET },
	/* One thread, for its device has one queue that sends; names of such a length that 100
	   bytes leave. */
	{ .name = "kxdpgun",
	  .rival = { { "kxdpgun",   "-t",
		       "4",         "-Q",
		       "100000000", "-b",
		       "64",        "-r",
		       "-p",        "10000",
		       "-i",        "/dev/stdin",
		       "-I",        ISLAND_NEAR_NAME,
		       "-l",        "192.0.2.1",
		       "-R",        "02:00:00:00:00:03",
		       "20.0.0.1",  NULL } },
	  .names = "a234567890123456789012345678901234567890123."
		   "b2345678901234567890123456789012.dtdtd A\n",
	  .twin = DEVICE_XDP },
};
enum { WAYS = sizeof(ways) / sizeof(ways[0]) };
_Static_assert((int)WAYS <= (int)WAYS_MAX, "");

struct rig {
	const struct bench_ctx *ctx;
	struct pump_packets packets;
	struct island *island;
	uint64_t run_ns;
	unsigned runs;
	cpu_set_t cores; /* before this thread was pinned; the scanners may use them all */
	double ns[WAYS_MAX][RUNS_MAX], cpu_ns[WAYS_MAX][RUNS_MAX];
};

/* Packets that have left the near device so far. */
static uint64_t tx_packets(void)
{
	FILE *f = fopen("/proc/thread-self/net/dev", "re");
	unsigned long long v[10] = { 0 };
	char line[512];

	while (f && fgets(line, sizeof(line), f)) {
		char *at = strstr(line, ISLAND_NEAR_NAME ":");

		if (at && sscanf(strchr(at, ':') + 1,
				 "%llu %llu %llu %llu %llu %llu %llu %llu %llu %llu", &v[0], &v[1],
				 &v[2], &v[3], &v[4], &v[5], &v[6], &v[7], &v[8], &v[9]) == 10)
			break;
	}
	if (f)
		fclose(f);
	return v[9];
}

static double cpu_of(int who)
{
	struct rusage u;

	getrusage(who, &u);
	return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1e9 +
	       (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) * 1e3;
}

static int measure_pump(struct rig *r, unsigned w, unsigned run)
{
	struct net_udp_opts o = { .bind = endpoint_ip4((uint32_t)ISLAND_NEAR, 0),
				  .workers = 1,
				  .raw = ways[w].pump.backend };
	struct net_group *g;
	struct pump *p;
	uint64_t start, now, before;
	double cpu, sent;
	int n = 0, err = net_group_open(&o, &g);

	if (err)
		return err;
	err = pump_open(&ways[w].pump, g, 0, &r->packets, 0, &p);
	if (!err) {
		before = tx_packets();
		cpu = cpu_of(RUSAGE_SELF);
		start = bench_now_ns();
		do {
			for (unsigned i = 0; i < 16 && n >= 0; i++)
				n = pump_turn(p, BATCH, BATCH, 0);
			now = bench_now_ns();
		} while (now - start < r->run_ns && n >= 0);
		sent = (double)(tx_packets() - before);
		r->ns[w][run] = (double)(now - start) / sent;
		r->cpu_ns[w][run] = (cpu_of(RUSAGE_SELF) - cpu) / sent;
		pump_close(p);
	}
	net_group_close(g);
	return err ? err : n < 0 ? n : 0;
}

static bool installed(const char *program)
{
	static const char *const dirs[] = { "/usr/bin", "/usr/sbin", "/usr/local/bin",
					    "/usr/local/sbin" };
	char path[128];

	for (unsigned i = 0; i < sizeof(dirs) / sizeof(dirs[0]); i++) {
		snprintf(path, sizeof(path), "%s/%s", dirs[i], program);
		if (access(path, X_OK) == 0)
			return true;
	}
	return false;
}

static void become(const struct rig *r, const struct way *way)
{
	const struct rival *rv = &way->rival;
	FILE *names = way->names ? tmpfile() : NULL;
	char *args[ARGS_MAX];
	int null = open("/dev/null", O_RDWR);

	for (unsigned i = 0; i < ARGS_MAX; i++)
		args[i] = (char *)(uintptr_t)rv->args[i];
	(void)sched_setaffinity(0, sizeof(r->cores), &r->cores);
	if (names && fputs(way->names, names) >= 0 && !fflush(names)) {
		rewind(names);
		dup2(fileno(names), 0);
	} else {
		dup2(null, 0);
	}
	dup2(null, 1);
	dup2(null, 2);
	/* masscan leaves a paused.conf where it may write. */
	if (chdir("/proc"))
		_exit(127);
	execvp(args[0], args);
	_exit(127);
}

/* A program that was killed leaves its XDP program on the device, where ours would find no place.
 */
static void detach_xdp(void)
{
	int device = (int)if_nametoindex(ISLAND_NEAR_NAME);

	(void)bpf_xdp_detach(device, XDP_FLAGS_SKB_MODE, NULL);
	(void)bpf_xdp_detach(device, XDP_FLAGS_DRV_MODE, NULL);
}

/* Two looks while it sends; then it is stopped, and its CPU is that of its whole life. */
static int measure_rival(struct rig *r, unsigned w, unsigned run)
{
	uint64_t first = tx_packets(), before, after, start, end;
	double cpu = cpu_of(RUSAGE_CHILDREN);
	pid_t pid = fork();
	int status;

	if (pid < 0)
		return -errno;
	if (pid == 0)
		become(r, &ways[w]);
	for (unsigned ms = 0; ms < RIVAL_START_MS && tx_packets() < first + 1000; ms++)
		usleep(1000);
	usleep(200 * 1000);
	before = tx_packets();
	start = bench_now_ns();
	usleep(RIVAL_RUN_MS * 1000);
	after = tx_packets();
	end = bench_now_ns();
	kill(pid, SIGINT);
	for (unsigned ms = 0; ms < 3000 && waitpid(pid, &status, WNOHANG) == 0; ms++) {
		usleep(1000);
		if (ms == 2000)
			kill(pid, SIGKILL);
	}
	if (ways[w].names)
		detach_xdp();
	if (after == before)
		return -EIO;
	r->ns[w][run] = (double)(end - start) / (double)(after - before);
	r->cpu_ns[w][run] = (cpu_of(RUSAGE_CHILDREN) - cpu) / (double)(tx_packets() - first);
	return 0;
}

/* ---- the figures --------------------------------------------------------------------- */

/* How many times as fast: the median over the rounds of the ratio within a round. */
static double times_as_fast(const struct rig *r, unsigned a, unsigned b)
{
	double ratios[RUNS_MAX];

	for (unsigned i = 0; i < r->runs; i++)
		ratios[i] = r->ns[a][i] > 0 && r->ns[b][i] > 0 ? r->ns[b][i] / r->ns[a][i] : 0;
	return bench_median(ratios, r->runs);
}

/* The same of CPU time, which other work on the machine does not move (B-31). */
static double times_by_cpu(const struct rig *r, unsigned a, unsigned b)
{
	double ratios[RUNS_MAX];

	for (unsigned i = 0; i < r->runs; i++)
		ratios[i] = r->cpu_ns[a][i] > 0 && r->cpu_ns[b][i] > 0
				    ? r->cpu_ns[b][i] / r->cpu_ns[a][i]
				    : 0;
	return bench_median(ratios, r->runs);
}

static int emit(const struct rig *r, unsigned w, FILE *out)
{
	double ns[RUNS_MAX], cpu[RUNS_MAX];
	char name[64];
	struct bench_extra extra[] = {
		{ "ratio_to_bare", times_as_fast(r, w, ways[w].twin) },
		{ "ratio_by_cpu", times_by_cpu(r, w, ways[w].twin) },
		{ "ratio_to_device_packet", times_as_fast(r, w, DEVICE_PACKET) },
		{ "cpu_ns", 0 },
		{ "pps", 0 },
		{ "bytes", QUERY_BYTES },
	};
	struct bench_figure f = { .name = name,
				  .unit = "ns",
				  .better = BENCH_LOWER,
				  .runs = r->runs,
				  .extra = extra,
				  .extra_count = sizeof(extra) / sizeof(extra[0]) };

	memcpy(ns, r->ns[w], sizeof(ns));
	memcpy(cpu, r->cpu_ns[w], sizeof(cpu));
	f.median = bench_median(ns, r->runs);
	f.best = ns[0];
	extra[3].value = bench_median(cpu, r->runs);
	extra[4].value = 1e9 / f.median;
	snprintf(name, sizeof(name), "wire_send.%s", ways[w].name);
	return bench_emit(r->ctx, &f, out);
}

static int measure(struct rig *r, unsigned w, unsigned run)
{
	const char *program = ways[w].rival.args[0];

	if (!program)
		return measure_pump(r, w, run);
	return installed(program) ? measure_rival(r, w, run) : 0;
}

static int make_packets(struct rig *r)
{
	static const uint8_t query[QUERY_BYTES] = "d1:ad2:id20:";
	int err = pump_packets_new(DESTINATIONS, QUERY_BYTES, &r->packets);
	uint32_t seed = 0x9e3779b9;

	for (unsigned i = 0; !err && i < DESTINATIONS; i++) {
		struct endpoint to;

		seed = seed * 1664525 + 1013904223;
		to = endpoint_ip4((uint32_t)ISLAND_NET | (seed >> 15) | 1, FAR_PORT);
		pump_packet_set(&r->packets, i, &to, query);
	}
	return err;
}

static int run_rounds(struct rig *r, FILE *out)
{
	int err = 0;

	for (unsigned run = 0; run < r->runs; run++) {
		for (unsigned k = 0; k < WAYS && !err; k++) {
			unsigned w = (run + k) % WAYS;

			err = measure(r, w, run);
			if (err)
				fprintf(stderr, "wire_send.%s: %s\n", ways[w].name,
					dt_strerror(err));
			if (err && ways[w].rival.args[0])
				err = 0; /* a rival that fails is left out */
		}
	}
	for (unsigned w = 0; w < WAYS && !err; w++)
		if (r->ns[w][0] > 0)
			err = emit(r, w, out);
	return err;
}

static int run_inside(const struct bench_ctx *ctx, FILE *out)
{
	struct island_opts opts = { .queues = 2 };
	struct rig *r = calloc(1, sizeof(*r));
	char why[ISLAND_WHY_MAX] = "";
	int err = r ? island_open(&opts, &r->island, why) : -ENOMEM;

	if (!err)
		err = island_enter(r->island, ISLAND_NEAR_END);
	if (!err && !island_holds(r->island, ISLAND_NEAR_END))
		err = DT_EREFUSED;
	if (err) {
		fprintf(stderr, "wire_send: %s\n", *why ? why : dt_strerror(err));
		return err;
	}
	r->ctx = ctx;
	r->runs = ctx->runs ? ctx->runs : RUNS_DEFAULT;
	if (r->runs > RUNS_MAX)
		r->runs = RUNS_MAX;
	r->run_ns = (ctx->run_ms ? ctx->run_ms : RUN_MS_DEFAULT) * 1000000ull;
	(void)sched_getaffinity(0, sizeof(r->cores), &r->cores);
	err = cpu_pin(0);
	if (!err)
		err = make_packets(r);
	return err ? err : run_rounds(r, out);
}

static int run_wire(const struct bench_ctx *ctx, FILE *out)
{
	return alone_in_child("wire_send", run_inside, ctx, out);
}

/* ---- a frame ----------------------------------------------------------------------------- */

enum { FRAMES = 4096, FRAME_STRIDE = 384, REPLY_BYTES = 300 };

struct frames {
	struct udp4_head head;
	struct endpoint to[FRAMES];
	uint8_t bytes[FRAMES * FRAME_STRIDE];
};

static uint8_t *datagram_of(struct frames *f, uint64_t i)
{
	return f->bytes + (i & (FRAMES - 1)) * FRAME_STRIDE + UDP4_HEAD_BYTES;
}

static void write_body(void *arg, uint64_t n)
{
	struct frames *f = arg;

	for (uint64_t i = 0; i < n; i++)
		bench_keep(udp4_write(&f->head, 6881, &f->to[i & (FRAMES - 1)], datagram_of(f, i),
				      QUERY_BYTES));
}

static void parse_body(void *arg, uint64_t n)
{
	struct frames *f = arg;
	struct udp4_frame u;
	uint64_t good = 0;

	for (uint64_t i = 0; i < n; i++)
		good += udp4_parse(span_of(datagram_of(f, i) - UDP4_HEAD_BYTES,
					   UDP4_HEAD_BYTES + REPLY_BYTES),
				   &u) == 0;
	bench_keep(&good);
}

static int run_frames(const struct bench_ctx *ctx, FILE *out)
{
	static const uint8_t mac[UDP4_MAC_BYTES] = { 2 };
	struct frames *f = calloc(1, sizeof(*f));
	uint64_t seed = 1;
	int err;

	if (!f)
		return -ENOMEM;
	udp4_head_init(&f->head, mac, mac, (uint32_t)ISLAND_NEAR);
	for (unsigned i = 0; i < FRAMES; i++) {
		for (unsigned k = 0; k < REPLY_BYTES; k++)
			datagram_of(f, i)[k] =
				(uint8_t)((seed = seed * 6364136223846793005u + 1) >> 56);
		f->to[i] = endpoint_ip4((uint32_t)(seed >> 32), (uint16_t)(seed >> 16));
	}
	err = bench_loop(ctx, "udp4_write", write_body, f, out);
	for (unsigned i = 0; i < FRAMES; i++)
		(void)udp4_write(&f->head, 6881, &f->to[i], datagram_of(f, i), REPLY_BYTES);
	if (!err)
		err = bench_loop(ctx, "udp4_parse", parse_body, f, out);
	free(f);
	return err;
}

const struct bench bench_wire[] = {
	{ "udp4_frame", "headers and checksums of a query written, of a 300-byte reply checked",
	  run_frames },
	{ "wire_send",
	  "ns per packet sent over veth: every way to send, the devices, zmap, masscan and kxdpgun",
	  run_wire },
	{ NULL, NULL, NULL },
};
