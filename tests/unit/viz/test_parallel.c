/* SPDX-License-Identifier: MIT */
#include "tests/support/unit.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>

#include "viz/parallel.h"

enum { JOBS = 1000 };

struct board {
	atomic_uint done[JOBS];
	atomic_uint busy[PARALLEL_THREADS_MAX]; /* a worker does one job at a time */
	unsigned threads;
	atomic_bool wrong;
};

static void job(void *ctx, unsigned index, unsigned worker)
{
	struct board *b = ctx;

	if (worker >= b->threads || atomic_fetch_add(&b->busy[worker], 1) != 0)
		atomic_store(&b->wrong, true);
	atomic_fetch_add(&b->done[index], 1);
	atomic_fetch_sub(&b->busy[worker], 1);
}

static void test_each_once(void **state)
{
	static const unsigned threads[] = { 1, 2, 3, 8, PARALLEL_THREADS_MAX };

	(void)state;
	for (size_t t = 0; t < sizeof(threads) / sizeof(threads[0]); t++) {
		struct board *b = calloc(1, sizeof(*b));

		assert_non_null(b);
		b->threads = threads[t];
		parallel_run(threads[t], JOBS, job, b);
		for (unsigned i = 0; i < JOBS; i++)
			assert_int_equal(b->done[i], 1);
		assert_false(b->wrong);
		parallel_run(threads[t], 0, job, b);
		parallel_run(threads[t], 1, job, b);
		assert_int_equal(b->done[0], 2);
		assert_int_equal(b->done[1], 1);
		free(b);
	}
}

static void test_threads(void **state)
{
	(void)state;
	assert_true(parallel_threads(0) >= 1);
	assert_true(parallel_threads(0) <= PARALLEL_THREADS_MAX);
	assert_int_equal(parallel_threads(1), 1);
	assert_int_equal(parallel_threads(7), 7);
	assert_int_equal(parallel_threads(100000), PARALLEL_THREADS_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_once),
		cmocka_unit_test(test_threads),
	};

	return cmocka_run_group_tests_name("viz/parallel", tests, NULL, NULL);
}
