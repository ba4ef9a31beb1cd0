/* SPDX-License-Identifier: MIT */
#include "tests/support/unit.h"

#include <stdlib.h>

#include "store/count.h"
#include "tests/support/rng.h"

enum { KEYS = 3000, TOP = 20 };

static int most_first(const void *a, const void *b)
{
	const struct count_slot *x = a, *y = b;

	if (x->times != y->times)
		return x->times > y->times ? -1 : 1;
	return x->key < y->key ? -1 : x->key > y->key;
}

static void against_an_array(void **state)
{
	static struct count_slot all[KEYS];
	struct count_slot top[TOP];
	struct rng r = rng_open(1);
	struct count c;

	(void)state;
	count_init(&c);
	for (uint32_t i = 0; i < KEYS; i++)
		all[i].key = i;
	for (unsigned i = 0; i < 30000; i++) {
		uint32_t key = (uint32_t)(rng_below(&r, KEYS) * rng_below(&r, KEYS) / KEYS);

		all[key].times++;
		assert_int_equal(count_add(&c, key, KEYS), 1);
	}
	qsort(all, KEYS, sizeof(all[0]), most_first);
	assert_int_equal(count_top(&c, top, TOP), TOP);
	for (unsigned i = 0; i < TOP; i++) {
		assert_int_equal(top[i].key, all[i].key);
		assert_int_equal(top[i].times, all[i].times);
	}
	count_fini(&c);
}

static void new_keys_end_at_the_bound(void **state)
{
	struct count_slot top[3];
	struct count c;

	(void)state;
	count_init(&c);
	assert_int_equal(count_top(&c, top, 3), 0);
	assert_int_equal(count_add(&c, 0, 2), 1);
	assert_int_equal(count_add(&c, UINT32_MAX, 2), 1);
	assert_int_equal(count_add(&c, 7, 2), 0);
	assert_int_equal(count_add(&c, UINT32_MAX, 2), 1);
	assert_int_equal(count_keys(&c), 2);
	assert_int_equal(count_top(&c, top, 3), 2);
	assert_int_equal(top[0].key, UINT32_MAX);
	assert_int_equal(top[0].times, 2);
	assert_int_equal(top[1].key, 0);
	count_fini(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(against_an_array),
		cmocka_unit_test(new_keys_end_at_the_bound),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
