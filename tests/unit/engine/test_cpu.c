/* SPDX-License-Identifier: MIT */
#include "engine/cpu.h"

#include <pthread.h>
#include <sched.h>
#include <stdint.h>

#include "tests/support/unit.h"

struct pinned {
	unsigned i;
	int err, cores, core;
};

static void *pin(void *arg)
{
	struct pinned *p = arg;
	cpu_set_t set;

	p->err = cpu_pin(p->i);
	sched_getaffinity(0, sizeof(set), &set);
	p->cores = CPU_COUNT(&set);
	p->core = sched_getcpu();
	return NULL;
}

static struct pinned pin_thread(unsigned i)
{
	struct pinned p = { .i = i };
	pthread_t t;

	assert_int_equal(pthread_create(&t, NULL, pin, &p), 0);
	pthread_join(t, NULL);
	return p;
}

/* Each on a core of its own, and round again; the process itself stays where it was. */
static void test_pin(void **state)
{
	unsigned usable = cpu_usable();
	cpu_set_t set;

	(void)state;
	sched_getaffinity(0, sizeof(set), &set);
	assert_int_equal(usable, CPU_COUNT(&set));
	for (unsigned i = 0; i < usable; i++) {
		struct pinned p = pin_thread(i), again = pin_thread(i + usable);

		assert_int_equal(p.err, 0);
		assert_int_equal(p.cores, 1);
		assert_true(CPU_ISSET(p.core, &set));
		assert_int_equal(again.core, p.core);
		if (i > 0)
			assert_true(pin_thread(i - 1).core < p.core);
	}
	assert_int_equal(cpu_usable(), usable);
}

/* A narrower mask is respected. */
static void test_mask(void **state)
{
	cpu_set_t all, one;
	int last = -1;

	(void)state;
	sched_getaffinity(0, sizeof(all), &all);
	for (int i = 0; i < CPU_SETSIZE; i++)
		if (CPU_ISSET(i, &all))
			last = i;
	CPU_ZERO(&one);
	CPU_SET(last, &one);
	assert_int_equal(sched_setaffinity(0, sizeof(one), &one), 0);
	assert_int_equal(cpu_usable(), 1);
	assert_int_equal(pin_thread(5).core, last);
	assert_int_equal(sched_setaffinity(0, sizeof(all), &all), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_pin),
					    cmocka_unit_test(test_mask) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
