/* SPDX-License-Identifier: MIT */
#include "engine/clock.h"

#include <time.h>

static uint64_t read_ns(clockid_t id)
{
	struct timespec t;

	clock_gettime(id, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static uint64_t monotonic_ns(void *ctx)
{
	(void)ctx;
	return read_ns(CLOCK_MONOTONIC);
}

struct clock clock_system(void)
{
	return (struct clock){
		.now_ns = monotonic_ns,
		.wall_minus_now_ns = read_ns(CLOCK_REALTIME) - read_ns(CLOCK_MONOTONIC),
	};
}

uint64_t clock_thread_cpu_ns(void)
{
	return read_ns(CLOCK_THREAD_CPUTIME_ID);
}
