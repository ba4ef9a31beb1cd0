/* SPDX-License-Identifier: MIT */
#ifndef ENGINE_MONITOR_H
#define ENGINE_MONITOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/engine.h"
#include "proto/err.h"

/**
 * DOC: what is said while a census runs: the status line in ZMap's form on a
 * terminal (\r, once a second) or in a log (a line each ten seconds), and the
 * status file, a CSV row a second. Both are made of one struct engine_status.
 */

struct monitor;

/** monitor_open() - opens the status file. @why: a line for a person. Errors: -errno, -ENOMEM. */
int monitor_open(const struct engine_opts *opts, struct monitor **out,
		 char why[static ENGINE_WHY_MAX]) DT_MUST;
void monitor_close(struct monitor *m);

/** monitor_start() - @now_ns is the run's clock, @wall_minus_now_ns makes it Unix time. */
void monitor_start(struct monitor *m, uint64_t now_ns, uint64_t wall_minus_now_ns);

/** monitor_due_ns() - when monitor_tick() wants to be called next. */
uint64_t monitor_due_ns(const struct monitor *m);

/**
 * monitor_tick() - a second has passed, or with @last the run is over.
 * @sum: all workers' counters since the start.
 */
void monitor_tick(struct monitor *m, uint64_t now_ns, const struct engine_counters *sum,
		  bool stopping, bool last);

/** monitor_note() - a line of its own, between status lines. */
void monitor_note(struct monitor *m, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* ---- pure parts, for tests ---------------------------------------------------- */

/** monitor_status() - from the counters of now and of the last tick, @interval_ns apart. */
void monitor_status(const struct engine_counters *now, const struct engine_counters *last,
		    uint64_t elapsed_ns, uint64_t interval_ns, struct engine_status *out);

enum { MONITOR_LINE_MAX = 400 };

/** monitor_line() - the status line without its end. Returns its length. */
int monitor_line(const struct engine_status *s, char *out, size_t cap);

/** monitor_csv_header(), _row() - with newline; the same count of columns, by one table. */
int monitor_csv_header(char *out, size_t cap);
int monitor_csv_row(const struct engine_status *s, uint64_t unix_ms, char *out, size_t cap);

#endif
