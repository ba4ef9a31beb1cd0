/* SPDX-License-Identifier: MIT */
#include "bench/bench.h"

#include <errno.h>
#include <fnmatch.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>

#include "proto/json.h"

enum {
	RUNS_DEFAULT = 5,    /* fastest of five: what disturbs only ever slows down */
	RUNS_MAX = 101,      /* values live on the stack */
	RUN_MS_DEFAULT = 50, /* a tick of the scheduler is then 2 % of a run at most */
	LINE_MAX_BYTES = 4096,
};

static const struct bench *const groups[] = {
	bench_krpc,  bench_gate,       bench_crawl,    bench_net,     bench_transactions,
	bench_store, bench_log,        bench_render,   bench_sim,     bench_export,
	bench_graph, bench_strategies, bench_tap,      bench_serve,   bench_film,
	bench_wire,  bench_limits,     bench_inflight, bench_dnsperf, bench_heard,
	bench_geo,
};
#define GROUPS (sizeof(groups) / sizeof(groups[0]))

uint64_t bench_now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

static int ascending(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

double bench_median(double *values, unsigned count)
{
	if (!count)
		return 0;
	qsort(values, count, sizeof(*values), ascending);
	return (values[(count - 1) / 2] + values[count / 2]) / 2;
}

/* ---- one line ---------------------------------------------------------- */

static void cpu_model(char *out, size_t cap)
{
	FILE *f = fopen("/proc/cpuinfo", "re");
	char line[256];

	snprintf(out, cap, "unknown");
	while (f && fgets(line, sizeof(line), f)) {
		char *value = strstr(line, ": ");

		if (strncmp(line, "model name", 10) != 0 || !value)
			continue;
		value[strcspn(value, "\n")] = '\0';
		snprintf(out, cap, "%s", value + 2);
		break;
	}
	if (f)
		fclose(f);
}

int bench_emit(const struct bench_ctx *ctx, const struct bench_figure *f, FILE *out)
{
	char line[LINE_MAX_BYTES], cpu[128];
	struct utsname uts;
	struct json j;
	int len;

	cpu_model(cpu, sizeof(cpu));
	if (uname(&uts))
		memset(&uts, 0, sizeof(uts));
	json_init(&j, line, sizeof(line), false);
	json_object_begin(&j);
	json_kv_cstring(&j, "name", f->name);
	json_kv_double(&j, "best", f->best);
	json_kv_double(&j, "median", f->median);
	json_kv_cstring(&j, "unit", f->unit);
	json_kv_cstring(&j, "better", f->better == BENCH_LOWER ? "lower" : "higher");
	json_kv_u64(&j, "runs", f->runs);
	for (unsigned i = 0; i < f->extra_count; i++)
		json_kv_double(&j, f->extra[i].key, f->extra[i].value);
	json_kv_cstring(&j, "kernel", uts.release);
	json_kv_cstring(&j, "cpu", cpu);
	json_kv_cstring(&j, "version", ctx->version);
	json_kv_cstring(&j, "command", ctx->command);
	json_object_end(&j);
	len = json_finish(&j);
	if (len < 0)
		return len;
	fprintf(out, "%s\n", line);
	return fflush(out) ? -errno : 0;
}

/* ---- measuring --------------------------------------------------------- */

static uint64_t time_once(void (*body)(void *, uint64_t), void *arg, uint64_t n)
{
	uint64_t start = bench_now_ns();

	body(arg, n);
	return bench_now_ns() - start;
}

int bench_loop(const struct bench_ctx *ctx, const char *name, void (*body)(void *arg, uint64_t n),
	       void *arg, FILE *out)
{
	unsigned runs = ctx->runs ? ctx->runs : RUNS_DEFAULT;
	uint64_t aim_ns = (ctx->run_ms ? ctx->run_ms : RUN_MS_DEFAULT) * 1000000ull;
	struct bench_figure f = { .name = name, .unit = "ns", .better = BENCH_LOWER };
	double ns[RUNS_MAX];
	uint64_t n = 1;

	if (runs > RUNS_MAX)
		runs = RUNS_MAX;
	while (time_once(body, arg, n) < aim_ns && n < UINT64_MAX / 2)
		n *= 2;
	for (unsigned i = 0; i < runs; i++)
		ns[i] = (double)time_once(body, arg, n) / (double)n;
	f.median = bench_median(ns, runs);
	f.best = ns[0];
	f.runs = runs;
	return bench_emit(ctx, &f, out);
}

/* ---- the table --------------------------------------------------------- */

void bench_list(FILE *out)
{
	for (size_t g = 0; g < GROUPS; g++)
		for (const struct bench *b = groups[g]; b->name; b++)
			fprintf(out, "%-20s %s\n", b->name, b->what);
}

static bool wanted(const struct bench *b, const char *const *names, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		if (fnmatch(names[i], b->name, 0) == 0)
			return true;
	return count == 0;
}

static bool matches_any(const char *pattern)
{
	for (size_t g = 0; g < GROUPS; g++)
		for (const struct bench *b = groups[g]; b->name; b++)
			if (wanted(b, &pattern, 1))
				return true;
	return false;
}

int bench_run(const char *const *names, unsigned count, const struct bench_ctx *ctx, FILE *out)
{
	int first_err = 0;

	for (unsigned i = 0; i < count; i++)
		if (!matches_any(names[i]))
			return DT_ENOTFOUND;
	for (size_t g = 0; g < GROUPS; g++) {
		for (const struct bench *b = groups[g]; b->name; b++) {
			int err = wanted(b, names, count) && !ferror(out) ? b->run(ctx, out) : 0;

			if (err && !first_err)
				first_err = err;
		}
	}
	return first_err;
}
