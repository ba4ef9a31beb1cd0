/* SPDX-License-Identifier: MIT */
#ifndef BENCH_SIM_SHUFFLE_H
#define BENCH_SIM_SHUFFLE_H

#include <stdint.h>

/**
 * DOC: a keyed permutation of 0..size-1 that runs both ways, so that a node's
 * address can be computed from its number and the number from the address,
 * and no table of sixteen million rows is kept.
 *
 * Two rounds of (add the key, multiply by an odd number, fold the upper half
 * down) permute the next power of two; a value that lands at or above size is
 * permuted again until it falls inside (cycle walking, Black and Rogaway 2002),
 * which takes fewer than two turns on average because size is more than half
 * the power. Not cryptography: it only has to look unordered.
 */
struct sim_shuffle {
	uint32_t size, mask, key;
	uint32_t shift; /* at least half the width: then x ^= x >> shift undoes itself */
};

enum {
	SHUFFLE_ODD1 =
		0x2c1b3c6d, /* multipliers of a good 32-bit hash (Ettinger, lowbias32 family) */
	SHUFFLE_ODD2 = 0x297a2d39,
	SHUFFLE_INVERSE1 =
		0x64ea2d65, /* times its odd number = 1 modulo 2^32, so modulo every 2^n */
	SHUFFLE_INVERSE2 = 0xcf0b109,
};

/** sim_shuffle_init() - @size in 1..2^31; @key: any word. */
static inline struct sim_shuffle sim_shuffle_init(uint32_t size, uint32_t key)
{
	unsigned bits = size > 2 ? 32 - (unsigned)__builtin_clz(size - 1) : 1;

	return (struct sim_shuffle){ .size = size,
				     .mask = (1u << (bits - 1)) * 2 - 1,
				     .key = key,
				     .shift = (bits + 1) / 2 };
}

/** sim_shuffle_forward() - the image of @x; x < size. */
static inline uint32_t sim_shuffle_forward(const struct sim_shuffle *s, uint32_t x)
{
	do {
		x = (x + s->key) * (uint32_t)SHUFFLE_ODD1 & s->mask;
		x ^= x >> s->shift;
		x = (x + s->key) * (uint32_t)SHUFFLE_ODD2 & s->mask;
		x ^= x >> s->shift;
	} while (x >= s->size);
	return x;
}

/** sim_shuffle_back() - the x whose image is @y; y < size. */
static inline uint32_t sim_shuffle_back(const struct sim_shuffle *s, uint32_t y)
{
	do {
		y ^= y >> s->shift;
		y = (y * (uint32_t)SHUFFLE_INVERSE2 - s->key) & s->mask;
		y ^= y >> s->shift;
		y = (y * (uint32_t)SHUFFLE_INVERSE1 - s->key) & s->mask;
	} while (y >= s->size);
	return y;
}

#endif
