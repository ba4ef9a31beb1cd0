/* SPDX-License-Identifier: MIT */
#include "tests/support/unit.h"

#include <stdbool.h>

#include "store/intset.h"
#include "tests/support/rng.h"

enum { NUMBERS = 20000 };

static void against_a_bitmap(void **state)
{
	static bool met[NUMBERS];
	struct rng r = rng_open(1);
	struct intset s;

	(void)state;
	intset_init(&s);
	for (unsigned round = 0; round < 2; round++) {
		for (unsigned i = 0; i < 3 * NUMBERS; i++) {
			uint32_t n = (uint32_t)rng_below(&r, NUMBERS);

			assert_int_equal(intset_add(&s, n), n && !met[n]);
			met[n] = true;
		}
		intset_clear(&s);
		for (unsigned i = 0; i < NUMBERS; i++)
			met[i] = false;
	}
	assert_int_equal(intset_add(&s, UINT32_MAX), 1);
	assert_int_equal(intset_add(&s, UINT32_MAX), 0);
	intset_fini(&s);
}

static void an_empty_one_may_be_cleared(void **state)
{
	struct intset s;

	(void)state;
	intset_init(&s);
	intset_clear(&s);
	intset_fini(&s);
	assert_int_equal(intset_add(&s, 5), 1);
	intset_fini(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(against_a_bitmap),
		cmocka_unit_test(an_empty_one_may_be_cleared),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
