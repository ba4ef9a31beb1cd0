/* SPDX-License-Identifier: MIT */
#include "engine/arena.h"

#include <string.h>

#include "tests/support/unit.h"

static void test_grows_in_place(void **state)
{
	struct arena a;
	uint8_t *base;

	(void)state;
	assert_int_equal(arena_init(&a, 64 << 20), 0);
	base = a.base;
	assert_int_equal((uintptr_t)base % (2 << 20), 0);
	for (size_t bytes = 1; bytes <= 64 << 20; bytes = bytes * 3 / 2 + 1) {
		size_t before = a.committed;

		assert_int_equal(arena_need(&a, bytes), 0);
		assert_ptr_equal(a.base, base);
		assert_true(a.committed >= bytes && a.committed >= before);
		/* what is added beyond the need: a step, never more than a seventh of a big one */
		assert_true(a.committed - bytes < (64 << 10) + bytes / 7);
		assert_int_equal(a.base[a.committed - 1], 0);
		a.base[bytes - 1] = 1;
	}
	arena_free(&a);
	arena_free(&a);
}

static void test_bounds(void **state)
{
	struct arena a;
	size_t room;

	(void)state;
	assert_int_equal(arena_init(&a, 100), 0);
	room = a.reserved;
	assert_true(room >= 100);
	assert_int_equal(arena_need(&a, room), 0);
	assert_int_equal(arena_need(&a, room + 1), DT_EFULL);
	assert_int_equal(a.committed, room);
	arena_free(&a);
	assert_true(arena_init(&a, (size_t)1 << 60) < 0);
	assert_null(a.base);
}

static void test_trim(void **state)
{
	struct arena a;

	(void)state;
	assert_int_equal(arena_init(&a, 8 << 20), 0);
	assert_int_equal(arena_need(&a, 8 << 20), 0);
	memset(a.base, 0xff, 8 << 20);
	arena_trim(&a, 1 << 20);
	assert_true(a.committed >= 1 << 20 && a.committed < 2 << 20);
	assert_int_equal(a.base[a.committed - 1], 0xff);
	/* what comes back is as new */
	assert_int_equal(arena_need(&a, 8 << 20), 0);
	assert_int_equal(a.base[(8 << 20) - 1], 0);
	arena_free(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_grows_in_place),
		cmocka_unit_test(test_bounds),
		cmocka_unit_test(test_trim),
	};

	return cmocka_run_group_tests_name("arena", tests, NULL, NULL);
}
