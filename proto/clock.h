/* SPDX-License-Identifier: MIT */
#ifndef PROTO_CLOCK_H
#define PROTO_CLOCK_H

#include <stdint.h>

/**
 * DOC: a clock as a value, so that the same code runs on the system's time, on
 * a simulator's virtual time and on a test's. proto itself never calls it.
 *
 * Units: nanoseconds; monotonic for @now_ns, Unix epoch for @wall_ns.
 * wall_ns - now_ns is constant during a run: one wall reading is taken at the
 * start and everything else follows the monotonic clock, so a stepped system
 * clock cannot reorder a census.
 */
struct clock {
	uint64_t (*now_ns)(void *ctx);
	uint64_t wall_minus_now_ns;
	void *ctx;
};

static inline uint64_t clock_now_ns(const struct clock *c)
{
	return c->now_ns(c->ctx);
}

static inline uint64_t clock_wall_ns(const struct clock *c, uint64_t now_ns)
{
	return now_ns + c->wall_minus_now_ns;
}

#endif
