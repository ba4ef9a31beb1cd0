/* SPDX-License-Identifier: MIT */
#include "engine/distinct.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tests/support/rng.h"
#include "tests/support/unit.h"

static int by_value(const void *a, const void *b)
{
	uint64_t x, y;

	memcpy(&x, a, sizeof(x));
	memcpy(&y, b, sizeof(y));
	return x < y ? -1 : x > y;
}

static uint64_t stupid(uint64_t *v, uint64_t count)
{
	uint64_t n = 0;

	qsort(v, count, sizeof(*v), by_value);
	for (uint64_t i = 0; i < count; i++)
		n += i == 0 || v[i] != v[i - 1];
	return n;
}

/* Spread over all heaps, crowded into few, repeated, sorted: all like the stupid one. */
static void test_beside_sort(void **state)
{
	static const struct {
		uint64_t count, of;
		unsigned shift;
	} rows[] = {
		{ 0, 1, 0 },           { 1, 1, 0 },          { 2, 1, 0 },
		{ 1000, 3, 0 },        { 5000, 1000, 0 },    { 200000, 50000, 0 },
		{ 200000, 50000, 30 }, { 30000, 30000, 60 },
	};
	struct rng r = rng_open((uint64_t)time(NULL));

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		uint64_t *v = calloc(rows[i].count + 1, sizeof(*v)), *copy;
		uint64_t salt = rng_u64(&r), want;

		for (uint64_t k = 0; k < rows[i].count; k++)
			v[k] = (salt + rng_below(&r, rows[i].of)) * 0x9e3779b97f4a7c15u >>
			       rows[i].shift;
		copy = malloc((rows[i].count + 1) * sizeof(*v));
		assert_non_null(copy);
		memcpy(copy, v, (rows[i].count + 1) * sizeof(*v));
		want = stupid(copy, rows[i].count);
		if (distinct_u64(v, rows[i].count) != want)
			fail_msg("row %zu: not %llu", i, (unsigned long long)want);
		assert_memory_equal(v, copy, rows[i].count * sizeof(*v)); /* sorted on the way */
		free(v);
		free(copy);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_beside_sort) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
