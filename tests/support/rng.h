/* SPDX-License-Identifier: MIT */
#ifndef TESTS_SUPPORT_RNG_H
#define TESTS_SUPPORT_RNG_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

/**
 * DOC: random input from a seed that the test prints, so that a failure can be
 * had again: DT_SEED=n build/release/tests/unit/.../test_x
 */
struct rng {
	uint64_t state;
};

/** rng_open() - seeded from DT_SEED where it is set, else from @seed; says which. */
static inline struct rng rng_open(uint64_t seed)
{
	const char *text = getenv("DT_SEED");

	if (text)
		seed = strtoull(text, NULL, 0);
	printf("# DT_SEED=%llu\n", (unsigned long long)seed);
	return (struct rng){ seed };
}

/** rng_u64() - splitmix64 (Steele, Lea, Flood 2014). */
static inline uint64_t rng_u64(struct rng *r)
{
	uint64_t z = r->state += 0x9e3779b97f4a7c15;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

/** rng_below() - 0..n-1; n > 0. The bias of the remainder does not matter to tests. */
static inline uint64_t rng_below(struct rng *r, uint64_t n)
{
	return rng_u64(r) % n;
}

static inline void rng_fill(struct rng *r, void *out, size_t len)
{
	uint8_t *p = out;

	for (size_t i = 0; i < len; i++)
		p[i] = (uint8_t)rng_u64(r);
}

#endif
