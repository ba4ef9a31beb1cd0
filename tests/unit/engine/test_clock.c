/* SPDX-License-Identifier: MIT */
#include "engine/clock.h"

#include <time.h>

#include "tests/support/unit.h"

static void test_system(void **state)
{
	struct clock c = clock_system();
	uint64_t a = clock_now_ns(&c), b = clock_now_ns(&c);
	time_t unix_s = time(NULL);
	uint64_t wall_s = clock_wall_ns(&c, b) / 1000000000;

	(void)state;
	assert_true(b >= a && b - a < 1000000000);
	assert_true(wall_s + 1 >= (uint64_t)unix_s && wall_s <= (uint64_t)unix_s + 1);
}

static void test_thread_cpu(void **state)
{
	uint64_t from = clock_thread_cpu_ns();
	struct timespec t = { 0, 20000000 };
	volatile unsigned work = 0;

	(void)state;
	nanosleep(&t, NULL);
	assert_true(clock_thread_cpu_ns() - from < 10000000); /* sleeping costs nothing */
	for (unsigned i = 0; i < 3000000; i++)
		work = work * 5 + i;
	assert_true(work != 1 && clock_thread_cpu_ns() > from);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_system),
		cmocka_unit_test(test_thread_cpu),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
