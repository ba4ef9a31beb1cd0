/* SPDX-License-Identifier: MIT */
#ifndef ENGINE_RNG_H
#define ENGINE_RNG_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

/**
 * DOC: xoshiro256** of Blackman and Vigna (2018), seeded through splitmix64.
 * Passed in, never global: one seed, one run. Not for secrets (that is
 * libsodium's randombytes).
 *
 * Source:  D. Blackman, S. Vigna, "Scrambled linear pseudorandom number
 *          generators", ACM TOMS 47(4), 2021; section 5 and the reference code.
 */
struct rng {
	uint64_t s[4]; /* private */
};

/** rng_mix() - splitmix64's output function: a good hash of one word. */
static inline uint64_t rng_mix(uint64_t x)
{
	x += 0x9e3779b97f4a7c15u;
	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
	x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
	return x ^ (x >> 31);
}

/** rng_init() - every seed is good, 0 too; @stream tells generators of one seed apart. */
static inline void rng_init(struct rng *r, uint64_t seed, uint64_t stream)
{
	uint64_t x = seed ^ rng_mix(stream);

	for (unsigned i = 0; i < 4; i++, x += 0x9e3779b97f4a7c15u)
		r->s[i] = rng_mix(x);
}

static inline uint64_t rng_rotl(uint64_t x, unsigned k)
{
	return x << k | x >> (64 - k);
}

static inline uint64_t rng_u64(struct rng *r)
{
	uint64_t *s = r->s, out = rng_rotl(s[1] * 5, 7) * 9, t = s[1] << 17;

	s[2] ^= s[0];
	s[3] ^= s[1];
	s[1] ^= s[2];
	s[0] ^= s[3];
	s[2] ^= t;
	s[3] = rng_rotl(s[3], 45);
	return out;
}

/** rng_below() - 0..@n-1 by Lemire's multiply-shift; bias below n / 2^32. @n > 0. */
static inline uint32_t rng_below(struct rng *r, uint32_t n)
{
	return (uint32_t)(((rng_u64(r) >> 32) * n) >> 32);
}

/** rng_double() - [0, 1) with 53 bits. */
static inline double rng_double(struct rng *r)
{
	return (double)(rng_u64(r) >> 11) * 0x1p-53;
}

static inline void rng_bytes(struct rng *r, void *out, size_t len)
{
	uint8_t *p = out;

	for (; len >= 8; len -= 8, p += 8) {
		uint64_t x = rng_u64(r);

		memcpy(p, &x, 8);
	}
	if (len) {
		uint64_t x = rng_u64(r);

		memcpy(p, &x, len);
	}
}

#endif
