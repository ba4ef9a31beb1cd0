/* SPDX-License-Identifier: MIT */
#ifndef BENCH_READERS_H
#define BENCH_READERS_H

#include <stdint.h>

#include "proto/err.h"

/**
 * DOC: clients of `/peers` over loopback, all read by one thread, and somebody who asks for
 * /metrics fifty times a second and waits for the answer. What they read is taken apart:
 * every seq of a client must follow the one before, or a gap must have said so.
 */
enum { READERS_MAX = 1000, READERS_ASKED_MAX = 4096 };

struct readers;

/** readers_begin() - @count clients connected and reading, when it returns. */
int readers_begin(uint16_t port, unsigned count, struct readers **out) DT_MUST;

struct readers_sum {
	double seconds;
	uint64_t lines, gap_lines; /* gap_lines: told of as lost */
	uint64_t unreported;       /* seqs that are missing and no gap told of; 0 unless broken */
	double metrics_p50_ms, metrics_p99_ms, metrics_max_ms;
	unsigned asked;
};

/** readers_end() - closes all; @r is gone. */
void readers_end(struct readers *r, struct readers_sum *out);

/**
 * readers_get() - GET @path into @out, @cap bytes, with its head. Returns the bytes, or
 * -errno.
 */
int readers_get(uint16_t port, const char *path, char *out, unsigned cap) DT_MUST;

#endif
