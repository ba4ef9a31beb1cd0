/* SPDX-License-Identifier: MIT */
#ifndef BENCH_BENCH_H
#define BENCH_BENCH_H

#include <stdint.h>
#include <stdio.h>

#include "proto/err.h"

/**
 * DOC: the table of benchmarks. A benchmark is a row; it measures what it
 * wants and says the outcome with bench_emit(), one JSON line a figure.
 *
 * To add some: a file bench/bench_X.c with an array bench_X[] that ends with
 * a row of NULLs, its declaration below, its name in bench.c.
 */

/** What the caller knows and each line repeats. */
struct bench_ctx {
	const char *version; /* of the program */
	const char *command; /* as typed, so that a figure can be had again */
	unsigned runs;       /* repetitions; 0 = 5 */
	unsigned run_ms;     /* aim of one repetition; 0 = 50 */
	uint32_t sim;        /* live nodes of benchmarks that take a census; 0 = their own size */
};

struct bench {
	const char *name; /* "krpc_parse": group first */
	const char *what; /* one line for the list */
	int (*run)(const struct bench_ctx *ctx, FILE *out);
};

extern const struct bench bench_krpc[];         /* bench_krpc.c */
extern const struct bench bench_gate[];         /* bench_gate.c */
extern const struct bench bench_crawl[];        /* bench_crawl.c */
extern const struct bench bench_net[];          /* bench_net.c */
extern const struct bench bench_transactions[]; /* bench_transactions.c */
extern const struct bench bench_wire[];         /* bench_wire.c */
extern const struct bench bench_dnsperf[];      /* bench_dnsperf.c */
extern const struct bench bench_limits[];       /* bench_limits.c */
extern const struct bench bench_inflight[];     /* bench_inflight.c */
extern const struct bench bench_store[];        /* bench_store.c */
extern const struct bench bench_geo[];          /* bench_geo.c */
extern const struct bench bench_film[];         /* bench_film.c */
extern const struct bench bench_log[];          /* bench_log.c */
extern const struct bench bench_heard[];        /* bench_heard.c */
extern const struct bench bench_render[];       /* bench_render.c */
extern const struct bench bench_sim[];          /* bench_sim.c */
extern const struct bench bench_export[];       /* bench_export.c */
extern const struct bench bench_graph[];        /* bench_graph.c */
extern const struct bench bench_strategies[];   /* bench_strategies.c */
extern const struct bench bench_tap[];          /* bench_tap.c */
extern const struct bench bench_serve[];        /* bench_serve.c */

/** bench_list() - names and what they measure, one a line. */
void bench_list(FILE *out);

/**
 * bench_run() - run some benchmarks, or all.
 * @names: shell patterns, "krpc_*"; @count 0 means all.
 *
 * Errors:  DT_ENOTFOUND where a pattern matches nothing, before anything ran;
 *          else the first error of a benchmark, after the others ran too.
 */
int bench_run(const char *const *names, unsigned count, const struct bench_ctx *ctx,
	      FILE *out) DT_MUST;

/* ---- for those who write benchmarks ------------------------------------ */

enum bench_better { BENCH_LOWER, BENCH_HIGHER };

/** A further number of a line, such as a ratio or a share. */
struct bench_extra {
	const char *key; /* snake case, unit last */
	double value;
};

/** One figure. Best is the fastest of the runs, the median says how steady they were. */
struct bench_figure {
	const char *name;
	const char *unit; /* "ns", "nodes/s", "ratio" */
	enum bench_better better;
	double best, median;
	unsigned runs;
	const struct bench_extra *extra;
	unsigned extra_count;
};

/** bench_emit() - one JSON line: the figure, the kernel, the CPU, version and command. */
int bench_emit(const struct bench_ctx *ctx, const struct bench_figure *f, FILE *out) DT_MUST;

/**
 * bench_loop() - time @body(arg, n), which does a thing n times, and emit ns per thing.
 * n is found by doubling until one run lasts ctx->run_ms.
 */
int bench_loop(const struct bench_ctx *ctx, const char *name, void (*body)(void *arg, uint64_t n),
	       void *arg, FILE *out) DT_MUST;

/** bench_median() - of @count values, which it sorts upward. */
double bench_median(double *values, unsigned count);

/** bench_now_ns() - the monotonic clock. */
uint64_t bench_now_ns(void);

/** bench_keep() - the compiler must assume that what @p points to is read and written here. */
static inline void bench_keep(const void *p)
{
	__asm__ volatile("" : : "g"(p) : "memory");
}

#endif
