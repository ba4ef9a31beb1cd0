/* SPDX-License-Identifier: MIT */
#include "tests/support/unit.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/rng.h"
#include "viz/export_pseudo.h"

enum { ADDRESSES = 600, WALK = 1 << 16 };

static struct export_pseudo keyed(uint8_t first)
{
	uint8_t secret[STORE_SECRET_BYTES] = { first };
	struct export_pseudo p;

	assert_int_equal(export_pseudo_init(&p, secret), 0);
	return p;
}

static unsigned common_bits(const struct endpoint *a, const struct endpoint *b)
{
	unsigned n = 0;

	while (n < 128 && !((a->addr[n / 8] ^ b->addr[n / 8]) & 0x80 >> n % 8))
		n++;
	return n;
}

/* Half are strangers, half share a random number of first bits with one before. */
static void make(struct rng *r, bool six, struct endpoint list[static ADDRESSES])
{
	unsigned from = six ? 0 : 96;

	for (unsigned i = 0; i < ADDRESSES; i++) {
		list[i] = endpoint_ip4((uint32_t)rng_u64(r), (uint16_t)rng_u64(r));
		if (six)
			rng_fill(r, list[i].addr, 16);
		if (i % 2) {
			unsigned bits = from + (unsigned)rng_below(r, 129 - from);
			const struct endpoint *like = &list[rng_below(r, i)];

			for (unsigned b = from; b < bits; b++) {
				uint8_t mask = (uint8_t)(0x80 >> b % 8);

				list[i].addr[b / 8] = (uint8_t)((list[i].addr[b / 8] & ~mask) |
								(like->addr[b / 8] & mask));
			}
		}
	}
}

static void check_pairs(const struct endpoint *in, const struct endpoint *out)
{
	for (unsigned i = 0; i < ADDRESSES; i++)
		for (unsigned k = 0; k < i; k++)
			assert_int_equal(common_bits(&in[i], &in[k]),
					 common_bits(&out[i], &out[k]));
}

/* The longest common prefix of every pair is kept, which makes it one to one as well. */
static void test_prefixes(void **state)
{
	static struct endpoint in[ADDRESSES], out[ADDRESSES];
	struct export_pseudo p = keyed(7);
	struct rng r = rng_open(11);

	(void)state;
	for (unsigned six = 0; six < 2; six++) {
		unsigned same = 0;

		make(&r, six, in);
		for (unsigned i = 0; i < ADDRESSES; i++) {
			out[i] = export_pseudo_of(&p, &in[i]);
			assert_int_equal(out[i].port, in[i].port);
			assert_int_equal(endpoint_is4(&out[i]), endpoint_is4(&in[i]));
			same += memcmp(out[i].addr, in[i].addr, 16) == 0;
		}
		assert_true(same <= 1);
		check_pairs(in, out);
	}
}

/* A whole /16 lands on a whole /16, each address of it once. */
static void test_one_to_one(void **state)
{
	uint8_t *met = calloc(1, WALK);
	struct export_pseudo p = keyed(1);
	uint32_t high = 0;

	(void)state;
	for (uint32_t i = 0; i < WALK; i++) {
		struct endpoint ep = endpoint_ip4(0x0b070000 | i, 1);
		struct endpoint to = export_pseudo_of(&p, &ep);
		uint32_t ip = endpoint_get_ip4(&to);

		if (i == 0)
			high = ip >> 16;
		assert_int_equal(ip >> 16, high);
		assert_int_equal(met[ip & 0xffff]++, 0);
	}
	free(met);
}

/* One address at a time, one bit at a time, one hash for each: what the header says in words. */
static uint32_t by_hand(const struct export_pseudo *p, uint32_t ip)
{
	uint32_t out = 0;

	for (unsigned i = 0; i < 32; i++) {
		unsigned depth = i - i % 6, node = 1u << (i - depth);
		uint32_t before = depth ? ip >> (32 - depth) << (32 - depth) : 0;
		const uint8_t msg[6] = { 4,
					 (uint8_t)depth,
					 (uint8_t)(before >> 24),
					 (uint8_t)(before >> 16),
					 (uint8_t)(before >> 8),
					 (uint8_t)before };
		uint8_t hash[8];

		crypto_shorthash(hash, msg, sizeof(msg), p->key);
		node |= (unsigned)((uint64_t)ip << depth >> (32 - (i - depth)) &
				   ((1u << (i - depth)) - 1));
		out |= ((ip >> (31 - i) ^ hash[node / 8] >> node % 8) & 1) << (31 - i);
	}
	return out;
}

static void test_oracle(void **state)
{
	struct export_pseudo p = keyed(3);
	struct rng r = rng_open(12);

	(void)state;
	for (unsigned i = 0; i < 2000; i++) {
		uint32_t ip = (uint32_t)rng_u64(&r);
		struct endpoint ep = endpoint_ip4(ip, 1), to = export_pseudo_of(&p, &ep);

		assert_int_equal(endpoint_get_ip4(&to), by_hand(&p, ip));
	}
}

static void test_keys_differ(void **state)
{
	struct export_pseudo a = keyed(1), b = keyed(2);
	struct rng r = rng_open(13);
	unsigned bits = 0;

	(void)state;
	for (unsigned i = 0; i < 1000; i++) {
		struct endpoint ep = endpoint_ip4((uint32_t)rng_u64(&r), 1);
		struct endpoint x = export_pseudo_of(&a, &ep), y = export_pseudo_of(&b, &ep);

		bits += (unsigned)__builtin_popcount(endpoint_get_ip4(&x) ^ endpoint_get_ip4(&y));
	}
	/* The first bits are shared by many, so this is not sixteen each; never is it few. */
	assert_in_range(bits, 12000, 20000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_prefixes),
		cmocka_unit_test(test_one_to_one),
		cmocka_unit_test(test_oracle),
		cmocka_unit_test(test_keys_differ),
	};

	return cmocka_run_group_tests_name("viz/export_pseudo", tests, NULL, NULL);
}
