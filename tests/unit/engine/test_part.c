/* SPDX-License-Identifier: MIT */
#include "engine/part.h"

#include <math.h>
#include <stdio.h>

#include "engine/rng.h"
#include "tests/support/seed.h"
#include "tests/support/unit.h"

static void test_text(void **state)
{
	static const struct {
		const char *text;
		int rc;
		uint64_t first, last;
	} rows[] = {
		{ "a0/8", 0, 0xa000000000000000, 0xa0ffffffffffffff },
		{ "A0/8", 0, 0xa000000000000000, 0xa0ffffffffffffff },
		{ "c/2", 0, 0xc000000000000000, 0xffffffffffffffff },
		{ "0/1", 0, 0, 0x7fffffffffffffff },
		{ "0/0", 0, 0, UINT64_MAX },
		{ "a/8", 0, 0xa000000000000000, 0xa0ffffffffffffff },
		{ "123456789abc/48", 0, 0x123456789abc0000, 0x123456789abcffff },
		{ "", DT_EMALF, 0, 0 },
		{ "/8", DT_EMALF, 0, 0 },
		{ "a0", DT_EMALF, 0, 0 },
		{ "a0/", DT_EMALF, 0, 0 },
		{ "a0/8x", DT_EMALF, 0, 0 },
		{ "a0/-8", DT_EMALF, 0, 0 },
		{ "g0/8", DT_EMALF, 0, 0 },
		{ "0xa0/8", DT_EMALF, 0, 0 },
		{ "ff/4", DT_ERANGE, 0, 0 },
		{ "1/0", DT_ERANGE, 0, 0 },
		{ "a0/49", DT_ERANGE, 0, 0 },
		{ "a0/99999999999999999999", DT_ERANGE, 0, 0 },
		{ "00000000000000000/8", DT_ERANGE, 0, 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct crawl_part p = { 0 };
		int rc = part_from_text(rows[i].text, &p);

		if (rc != rows[i].rc || p.first != rows[i].first || p.last != rows[i].last)
			fail_msg("'%s': %d, %llx to %llx", rows[i].text, rc,
				 (unsigned long long)p.first, (unsigned long long)p.last);
	}
}

/* Every id is of exactly one shard, and the shards differ by one id of 2^64 at most. */
static void test_shards(void **state)
{
	static const struct crawl_part wholes[] = {
		{ 0, 0 },
		{ 0, UINT64_MAX },
		{ 0xa000000000000000, 0xa0ffffffffffffff },
		{ 0xffffffffffff0000, UINT64_MAX },
	};

	(void)state;
	for (size_t w = 0; w < sizeof(wholes) / sizeof(wholes[0]); w++)
		for (unsigned n = 1; n <= PART_SHARDS_MAX; n++) {
			uint64_t next = wholes[w].first;

			for (unsigned i = 0; i < n; i++) {
				struct crawl_part p = part_of_shard(wholes[w], i, n);

				assert_int_equal(p.first, next);
				assert_true(p.last >= p.first);
				assert_true(part_has(&p, p.first) && part_has(&p, p.last));
				assert_true(n == 1 ||
					    fabs(part_share(&p) * n / part_share(&wholes[w]) - 1) <
						    0.01);
				next = p.last + 1;
			}
			assert_true(next == (wholes[w].last ? wholes[w].last + 1 : 0));
		}
}

static void test_place(void **state)
{
	struct crawl_part zone = { 0xa000000000000000, 0xa0ffffffffffffff }, whole = { 0, 0 };
	struct rng r;

	(void)state;
	rng_init(&r, seed_open(), 0);
	assert_true(part_place(&zone, 0) == zone.first);
	assert_true(part_place(&zone, UINT64_MAX) == zone.last);
	assert_int_equal(part_common_bits(&zone, zone.first + (zone.last - zone.first) / 2), 64);
	for (unsigned i = 0; i < 1000; i++) {
		uint64_t v = rng_u64(&r);

		assert_true(part_has(&zone, part_place(&zone, v)));
		assert_true(part_place(&whole, v) == v);
		/* Whoever is outside of an 8-bit zone differs within its 8 bits. */
		if (part_has(&zone, v))
			assert_true(part_common_bits(&zone, v) >= 8);
		else
			assert_true(part_common_bits(&zone, v) < 8);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_text),
		cmocka_unit_test(test_shards),
		cmocka_unit_test(test_place),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
