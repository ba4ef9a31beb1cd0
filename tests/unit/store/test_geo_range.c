/* SPDX-License-Identifier: MIT */
#include "tests/support/unit.h"

#include <stdlib.h>
#include <string.h>

#include "store/geo_range.h"
#include "tests/support/rng.h"

enum { RANGES = 200, QUESTIONS = 4000 };

/* Sorted by first, the first to begin keeps what it holds: by looking at all of them. */
static const struct geo_range4 *fool4(const struct geo_range4 *list, unsigned n, uint32_t ip)
{
	const struct geo_range4 *found = NULL;

	for (unsigned i = 0; i < n; i++) {
		const struct geo_range4 *r = &list[i];

		if (ip < r->first || ip > r->last)
			continue;
		if (!found || r->first < found->first ||
		    (r->first == found->first &&
		     (r->last < found->last ||
		      (r->last == found->last && r->value < found->value))))
			found = r;
	}
	return found;
}

static uint32_t edge(struct rng *r, const struct geo_range4 *list, unsigned n)
{
	const struct geo_range4 *one = &list[rng_below(r, n)];
	uint32_t at = rng_below(r, 2) ? one->first : one->last;

	return at + (uint32_t)rng_below(r, 3) - 1;
}

static void v4_against_a_fool(void **state)
{
	struct rng r = rng_open(1);

	(void)state;
	for (unsigned round = 0; round < 30; round++) {
		struct geo_ranges4 set = { 0 };
		struct geo_range4 list[RANGES];
		unsigned n = 1 + (unsigned)rng_below(&r, RANGES);
		uint32_t wide = rng_below(&r, 2) ? 1u << 24 : 1u << 12;

		for (unsigned i = 0; i < n; i++) {
			uint32_t first = (uint32_t)rng_u64(&r), len = (uint32_t)rng_below(&r, wide);

			if (first > UINT32_MAX - len)
				len = UINT32_MAX - first;
			list[i] = (struct geo_range4){ first, first + len, i + 1 };
			assert_int_equal(geo_ranges4_add(&set, first, first + len, i + 1), 0);
		}
		assert_int_equal(geo_ranges4_seal(&set), 0);
		for (unsigned q = 0; q < QUESTIONS; q++) {
			uint32_t ip = q % 2 ? edge(&r, list, n) : (uint32_t)rng_u64(&r);
			const struct geo_range4 *want = fool4(list, n, ip);
			const struct geo_range4 *got = geo_ranges4_find(&set, ip);

			assert_int_equal(got != NULL, want != NULL);
			if (want && got->value != want->value)
				fail_msg("%u is in %u, not in %u", ip, want->value, got->value);
		}
		geo_ranges4_fini(&set);
	}
}

/* So many that they are found by bucket; disjoint, so a search by halves is the fool. */
static void very_many_ranges(void **state)
{
	enum { MANY = 20000 };
	struct geo_ranges4 set = { 0 };
	struct rng r = rng_open(3);
	uint32_t *first = calloc(MANY, sizeof(*first)), *last = calloc(MANY, sizeof(*last));
	uint32_t at = 0;

	(void)state;
	for (uint32_t i = 0; i < MANY; i++) {
		first[i] = at + (uint32_t)rng_below(&r, 100000);
		last[i] = first[i] + (uint32_t)rng_below(&r, 100000);
		at = last[i] + 1;
	}
	for (uint32_t i = MANY; i-- > 0;)
		assert_int_equal(geo_ranges4_add(&set, first[i], last[i], i), 0);
	assert_int_equal(geo_ranges4_seal(&set), 0);
	for (uint32_t i = 0; i < MANY; i++) {
		assert_int_equal(geo_ranges4_find(&set, first[i])->value, i);
		assert_int_equal(geo_ranges4_find(&set, last[i])->value, i);
		if (i && last[i - 1] + 1 < first[i])
			assert_null(geo_ranges4_find(&set, first[i] - 1));
	}
	assert_null(geo_ranges4_find(&set, UINT32_MAX));
	geo_ranges4_fini(&set);
	free(first);
	free(last);
}

static void what_overlaps_is_cut(void **state)
{
	static const struct {
		const char *name;
		uint32_t ip, value;
	} rows[] = {
		{ "before all", 9, 0 },
		{ "first of the first", 10, 1 },
		{ "shared", 15, 1 },
		{ "last of the first", 20, 1 },
		{ "rest of the second", 21, 2 },
		{ "end of the second", 30, 2 },
		{ "between", 31, 0 },
		{ "same begin, shorter first", 40, 4 },
		{ "same begin, the rest", 46, 3 },
		{ "inside another: gone", 62, 5 },
		{ "the last address", UINT32_MAX, 7 },
	};
	struct geo_ranges4 set = { 0 };

	(void)state;
	assert_int_equal(geo_ranges4_add(&set, 15, 30, 2), 0);
	assert_int_equal(geo_ranges4_add(&set, 10, 20, 1), 0);
	assert_int_equal(geo_ranges4_add(&set, 40, 50, 3), 0);
	assert_int_equal(geo_ranges4_add(&set, 40, 45, 4), 0);
	assert_int_equal(geo_ranges4_add(&set, 60, 70, 5), 0);
	assert_int_equal(geo_ranges4_add(&set, 61, 65, 6), 0);
	assert_int_equal(geo_ranges4_add(&set, UINT32_MAX, UINT32_MAX, 7), 0);
	assert_int_equal(geo_ranges4_seal(&set), 0);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct geo_range4 *got = geo_ranges4_find(&set, rows[i].ip);

		if ((got ? got->value : 0) != rows[i].value)
			fail_msg("%s: %u", rows[i].name, got ? got->value : 0);
	}
	geo_ranges4_fini(&set);
}

static void v6_against_a_fool(void **state)
{
	struct rng r = rng_open(2);
	struct geo_ranges6 set = { 0 };
	unsigned __int128 first[RANGES], last[RANGES];
	unsigned __int128 at = 0;

	(void)state;
	for (unsigned i = 0; i < RANGES; i++) {
		at += (unsigned __int128)rng_u64(&r) << rng_below(&r, 55);
		first[i] = ++at;
		at += rng_below(&r, 2) ? rng_u64(&r) : 0;
		last[i] = at;
	}
	for (unsigned i = RANGES; i-- > 0;)
		assert_int_equal(geo_ranges6_add(&set, first[i], last[i], i), 0);
	geo_ranges6_seal(&set);
	for (unsigned i = 0; i < RANGES; i++) {
		const struct geo_range6 *a = geo_ranges6_find(&set, first[i]);
		const struct geo_range6 *b = geo_ranges6_find(&set, last[i]);

		assert_non_null(a);
		assert_int_equal(a->value, i);
		assert_ptr_equal(a, b);
		if (i && last[i - 1] + 1 < first[i])
			assert_null(geo_ranges6_find(&set, first[i] - 1));
	}
	assert_null(geo_ranges6_find(&set, 0));
	assert_null(geo_ranges6_find(&set, ~(unsigned __int128)0));
	geo_ranges6_fini(&set);
}

static void an_empty_set_holds_nothing(void **state)
{
	struct geo_ranges4 four = { 0 };
	struct geo_ranges6 six = { 0 };

	(void)state;
	assert_null(geo_ranges4_find(&four, 1));
	assert_int_equal(geo_ranges4_seal(&four), 0);
	geo_ranges6_seal(&six);
	assert_null(geo_ranges4_find(&four, 1));
	assert_null(geo_ranges6_find(&six, 1));
	geo_ranges4_fini(&four);
	geo_ranges6_fini(&six);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(v4_against_a_fool),          cmocka_unit_test(very_many_ranges),
		cmocka_unit_test(what_overlaps_is_cut),       cmocka_unit_test(v6_against_a_fool),
		cmocka_unit_test(an_empty_set_holds_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
