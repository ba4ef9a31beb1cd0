/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench/alone.h"
#include "bench/bench.h"
#include "bench/echo.h"
#include "bench/pair.h"
#include "engine/cpu.h"
#include "engine/rng.h"

/**
 * DOC: dnsperf, which asks and waits for answers as we do, beside the bare loop of mmsg, both of
 * one thread against one echo on the same core, in turns. An echo is answer enough for
 * dnsperf: it looks at the id and the return code. Its flags: one thread, one client, as many
 * in flight as the bare loop has.
 *
 * CPU per transaction of the asker, softirq included, is what no load beside it moves.
 * bench transactions says in the same terms what the engine reaches of the same loop.
 */

enum {
	PACKETS = 1 << 16,
	QUERY_BYTES = 100,
	REPLY_BYTES = 300,
	WINDOW = 1024,
	RUNS_DEFAULT = 3,
	RUNS_MAX = 15,
	RUN_MS_DEFAULT = 2000,
	TEXT_MAX = 1 << 14,
	NAMES = 256,
};

/* For dnsperf's socket: with less its kernel drops answers, and it waits for them, spinning. */
#define BUFFER_KIB "4096"

struct turn {
	double ns, per_s; /* CPU per transaction; transactions a second */
};

static int some_packets(struct pump_packets *p, uint16_t port)
{
	uint8_t bytes[QUERY_BYTES] = { 0 };
	struct rng r;
	int err = pump_packets_new(PACKETS, QUERY_BYTES, p);

	rng_init(&r, 1, 0);
	for (unsigned i = 0; !err && i < PACKETS; i++) {
		/* 127.1.0.0 to 127.254.255.255 */
		struct endpoint to = endpoint_ip4(0x7f010000u + rng_below(&r, 0xfd0000u), port);

		pump_packet_set(p, i, &to, bytes);
	}
	return err;
}

static int bare(const struct pump_packets *p, uint64_t run_ns, struct turn *out)
{
	static const struct pump_way way = { .name = "mmsg",
					     .send = PUMP_SENDMMSG,
					     .recv = PUMP_RECVMMSG };
	struct pair_opts o = { .way = &way,
			       .packets = p,
			       .cores = 1,
			       .batch = 256,
			       .window = WINDOW,
			       .run_ns = run_ns };
	struct pair_result r;
	int err = pair_run(&o, &r);

	if (err)
		return err;
	if (r.answered_per_s <= 0)
		return -EIO;
	out->per_s = r.answered_per_s;
	out->ns = (r.user_s + r.system_s) * 1e18 / ((double)run_ns * r.answered_per_s);
	return 0;
}

/* Names to ask for, as its file wants them. */
static int write_names(char path[static 32])
{
	FILE *f;
	int fd;

	memcpy(path, "/tmp/dt-names-XXXXXX", 21);
	fd = mkstemp(path);
	f = fd < 0 ? NULL : fdopen(fd, "w");
	if (!f)
		return -errno;
	for (unsigned i = 0; i < NAMES; i++)
		fprintf(f, "node-%03u.example.org A\n", i);
	return fclose(f) ? -EIO : 0;
}

static void exec_dnsperf(const char *names, uint16_t port, unsigned seconds, int out)
{
	char port_text[8], seconds_text[16], window[16];

	snprintf(port_text, sizeof(port_text), "%u", port);
	snprintf(seconds_text, sizeof(seconds_text), "%u", seconds);
	snprintf(window, sizeof(window), "%d", WINDOW);
	dup2(out, STDOUT_FILENO);
	dup2(out, STDERR_FILENO);
	if (cpu_pin(0))
		_exit(1);
	execlp("dnsperf", "dnsperf", "-s", "127.0.0.1", "-p", port_text, "-d", names, "-l",
	       seconds_text, "-T", "1", "-c", "1", "-q", window, "-b", BUFFER_KIB, "-t", "1",
	       (char *)NULL);
	_exit(127);
}

/* "Queries completed:    123456 (100.00%)" */
static double completed(const char *text)
{
	const char *at = strstr(text, "Queries completed:");

	return at ? strtod(at + strlen("Queries completed:"), NULL) : 0;
}

static int dnsperf(const char *names, uint16_t port, unsigned seconds, struct turn *out)
{
	char text[TEXT_MAX];
	size_t len = 0;
	ssize_t n;
	struct rusage use;
	int pipes[2], status;
	double count;
	pid_t pid;

	if (pipe(pipes))
		return -errno;
	pid = fork();
	if (pid == 0)
		exec_dnsperf(names, port, seconds, pipes[1]);
	close(pipes[1]);
	while (pid > 0 && (n = read(pipes[0], text + len, sizeof(text) - 1 - len)) > 0) {
		len += (size_t)n;
		if (len > sizeof(text) / 2) { /* a line for each query lost; the sums come last */
			memmove(text, text + len - TEXT_MAX / 4, TEXT_MAX / 4);
			len = TEXT_MAX / 4;
		}
	}
	text[len] = 0;
	close(pipes[0]);
	if (pid < 0 || wait4(pid, &status, 0, &use) != pid)
		return -errno;
	count = completed(text);
	if (!WIFEXITED(status) || WEXITSTATUS(status) || count <= 0)
		return WEXITSTATUS(status) == 127 ? -ENOENT : -EIO;
	out->per_s = count / seconds;
	out->ns = ((double)(use.ru_utime.tv_sec + use.ru_stime.tv_sec) * 1e9 +
		   (double)(use.ru_utime.tv_usec + use.ru_stime.tv_usec) * 1e3) /
		  count;
	return 0;
}

static int emit(const struct bench_ctx *ctx, const char *name, double *ns, double *per_s,
		double *ratio, unsigned runs, FILE *out)
{
	struct bench_extra extra[] = {
		{ "ratio_by_cpu", bench_median(ratio, runs) },
		{ "answered_per_s", bench_median(per_s, runs) },
	};
	struct bench_figure f = { .name = name,
				  .unit = "CPU ns per transaction, of the asker",
				  .better = BENCH_LOWER,
				  .median = bench_median(ns, runs),
				  .runs = runs,
				  .extra = extra,
				  .extra_count = sizeof(extra) / sizeof(extra[0]) };

	f.best = ns[0]; /* sorted by now */
	return bench_emit(ctx, &f, out);
}

static int rounds(const struct bench_ctx *ctx, const struct pump_packets *p, const char *names,
		  uint16_t port, FILE *out)
{
	unsigned runs = ctx->runs ? ctx->runs : RUNS_DEFAULT, ms;
	double ns[2][RUNS_MAX], per_s[2][RUNS_MAX], ratio[2][RUNS_MAX];
	int err = 0;

	runs = runs > RUNS_MAX ? RUNS_MAX : runs;
	ms = ctx->run_ms ? ctx->run_ms : RUN_MS_DEFAULT;
	for (unsigned i = 0; !err && i < runs; i++) {
		struct turn ours, theirs;

		err = bare(p, ms * 1000000ull, &ours);
		if (!err)
			err = dnsperf(names, port, (ms + 999) / 1000, &theirs);
		if (err)
			break;
		ns[0][i] = ours.ns;
		ns[1][i] = theirs.ns;
		per_s[0][i] = ours.per_s;
		per_s[1][i] = theirs.per_s;
		ratio[0][i] = 1;
		ratio[1][i] = ours.ns / theirs.ns;
	}
	if (err == -ENOENT) {
		fprintf(stderr, "skipped: no dnsperf\n");
		return 0;
	}
	if (!err)
		err = emit(ctx, "dnsperf.bare_mmsg", ns[0], per_s[0], ratio[0], runs, out);
	return err ? err : emit(ctx, "dnsperf.dnsperf", ns[1], per_s[1], ratio[1], runs, out);
}

static int body(const struct bench_ctx *ctx, FILE *out)
{
	struct pump_packets p = { 0 };
	struct echo *e = NULL;
	char names[32] = "";
	int err = echo_start(1, REPLY_BYTES, &e);

	if (!err)
		err = some_packets(&p, echo_port(e));
	if (!err)
		err = write_names(names);
	if (!err)
		err = rounds(ctx, &p, names, echo_port(e), out);
	if (*names)
		unlink(names);
	pump_packets_free(&p);
	echo_stop(e);
	return err;
}

static int run(const struct bench_ctx *ctx, FILE *out)
{
	return alone_run(body, ctx, out);
}

const struct bench bench_dnsperf[] = {
	{ "dnsperf", "dnsperf beside the bare loop, one thread each against an echo", run },
	{ NULL, NULL, NULL },
};
