/* SPDX-License-Identifier: MIT */
#ifndef TESTS_SUPPORT_SEED_H
#define TESTS_SUPPORT_SEED_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

/**
 * seed_open() - DT_SEED where it is set, else the time; says which, so that a
 * failure can be had again. For tests that bring the engine's own generator;
 * the others use tests/support/rng.h.
 */
static inline uint64_t seed_open(void)
{
	const char *text = getenv("DT_SEED");
	uint64_t seed = text ? strtoull(text, NULL, 0) : (uint64_t)time(NULL);

	printf("# DT_SEED=%llu\n", (unsigned long long)seed);
	return seed;
}

#endif
