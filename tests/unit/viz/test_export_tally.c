/* SPDX-License-Identifier: MIT */
#include "tests/support/unit.h"

#include "tests/support/rng.h"
#include "viz/export_tally.h"

enum { KEYS = 3000, ADDED = 100000 };

/* Beside an array that is indexed by the key. */
static void test_counts(void **state)
{
	static uint64_t times[KEYS];
	struct export_tally t = export_tally_of(KEYS);
	const struct export_tally_slot *slots;
	struct rng r = rng_open(5);
	uint64_t sum = 0;
	uint32_t count, distinct = 0;

	(void)state;
	for (unsigned i = 0; i < ADDED; i++) {
		uint64_t k = rng_below(&r, 1 + rng_below(&r, KEYS));

		times[k]++;
		assert_int_equal(export_tally_add(&t, k << 40), 0);
	}
	for (unsigned k = 0; k < KEYS; k++)
		distinct += times[k] != 0;
	slots = export_tally_sort(&t, &count);
	assert_int_equal(count, distinct);
	for (uint32_t i = 0; i < count; i++) {
		assert_int_equal(slots[i].times, times[slots[i].key >> 40]);
		if (i)
			assert_true(slots[i - 1].times > slots[i].times ||
				    (slots[i - 1].times == slots[i].times &&
				     slots[i - 1].key < slots[i].key));
		sum += slots[i].times;
	}
	assert_int_equal(sum, ADDED);
	assert_int_equal(t.beyond, 0);
	export_tally_free(&t);
}

static void test_bound(void **state)
{
	struct export_tally t = export_tally_of(10);
	uint32_t count;

	(void)state;
	for (unsigned round = 0; round < 2; round++)
		for (uint64_t k = 0; k < 25; k++)
			assert_int_equal(export_tally_add(&t, k), 0);
	assert_int_equal(t.beyond, 30);
	export_tally_sort(&t, &count);
	assert_int_equal(count, 10);
	export_tally_free(&t);
	assert_null(export_tally_sort(&t, &count));
	assert_int_equal(count, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_counts),
		cmocka_unit_test(test_bound),
	};

	return cmocka_run_group_tests_name("viz/export_tally", tests, NULL, NULL);
}
