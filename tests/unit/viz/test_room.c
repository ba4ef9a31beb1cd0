/* SPDX-License-Identifier: MIT */
#include "tests/support/unit.h"

#include <stdint.h>
#include <stdlib.h>

#include "viz/room.h"

/* Zeroed, aligned for vectors, free()d as any other, whatever the size. */
static void test_sizes(void **state)
{
	static const size_t sizes[] = { 1, 4096, (1 << 21) - 1, 1 << 21, (1 << 22) + 17, 40 << 20 };

	(void)state;
	for (unsigned i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		uint8_t *room = room_zeroed(sizes[i], 1), any = 0;

		assert_non_null(room);
		assert_int_equal((uintptr_t)room % 16, 0);
		for (size_t k = 0; k < sizes[i]; k++)
			any |= room[k];
		assert_int_equal(any, 0);
		room[0] = room[sizes[i] - 1] = 1;
		free(room);
	}
}

static void test_too_much(void **state)
{
	(void)state;
	assert_null(room_zeroed(SIZE_MAX / 2, 4));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sizes),
		cmocka_unit_test(test_too_much),
	};

	return cmocka_run_group_tests_name("viz/room", tests, NULL, NULL);
}
