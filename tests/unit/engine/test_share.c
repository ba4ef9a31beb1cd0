/* SPDX-License-Identifier: MIT */
#include "engine/share.h"

#include <math.h>

#include "engine/rng.h"
#include "tests/support/seed.h"
#include "tests/support/unit.h"

static const uint64_t ROUND_NS = 100000000;

static double sum(const struct share *s, unsigned n)
{
	double total = 0;

	for (unsigned i = 0; i < n; i++)
		total += share_given(s, i);
	return total;
}

/* One worker runs dry: the other has nearly everything two rounds later, and gives it back. */
static void test_moves(void **state)
{
	struct share s;
	uint64_t passed[2] = { 0 }, hungry[2] = { 0 };

	(void)state;
	share_init(&s, 1000, 2);
	assert_true(share_given(&s, 0) == 500 && share_given(&s, 1) == 500);
	for (unsigned i = 0; i < 2; i++) {
		passed[0] += 50;
		hungry[0]++;
		share_round(&s, passed, hungry, ROUND_NS);
		if (i == 0) /* taken from one, not yet given to the other */
			assert_true(share_given(&s, 0) == 500 && share_given(&s, 1) == 25);
	}
	assert_true(share_given(&s, 0) == 975);
	for (unsigned i = 0; i < 2; i++) {
		hungry[0]++;
		hungry[1]++;
		share_round(&s, passed, hungry, ROUND_NS);
	}
	assert_true(share_given(&s, 0) == 500 && share_given(&s, 1) == 500);
	for (unsigned i = 0; i < 3; i++)
		share_round(&s, passed, hungry, ROUND_NS); /* nobody hungry */
	assert_true(share_given(&s, 0) == 500 && share_given(&s, 1) == 500);
}

/* Whatever happens, what is in force now and was a moment ago never exceeds the rate. */
static void test_never_more(void **state)
{
	uint64_t seed = seed_open();
	struct rng r;

	(void)state;
	rng_init(&r, seed, 0);
	for (unsigned run = 0; run < 200; run++) {
		unsigned n = 1 + rng_below(&r, NET_WORKERS_MAX);
		uint64_t passed[NET_WORKERS_MAX] = { 0 }, hungry[NET_WORKERS_MAX] = { 0 };
		double before[NET_WORKERS_MAX], rate = 1 + rng_double(&r) * 1e6;
		struct share s;

		share_init(&s, rate, n);
		for (unsigned round = 0; round < 50; round++) {
			double both = 0;

			for (unsigned i = 0; i < n; i++) {
				before[i] = share_given(&s, i);
				passed[i] += (uint64_t)(before[i] * 0.1 * rng_double(&r));
				hungry[i] += rng_below(&r, 2);
			}
			share_round(&s, passed, hungry, ROUND_NS);
			for (unsigned i = 0; i < n; i++) {
				assert_true(share_given(&s, i) > 0);
				/* a worker that grows may be quicker than one that shrinks */
				both += fmax(share_given(&s, i), before[i]);
			}
			assert_true(sum(&s, n) <= rate * 1.000001);
			if (both > rate * 1.000001)
				fail_msg("%f of %f while changing", both, rate);
		}
	}
}

/* Another rate in the middle: the sum is never above it, not even before the next round. */
static void test_another_rate(void **state)
{
	uint64_t passed[3] = { 0, 900, 10 }, hungry[3] = { 0, 50, 0 };
	struct share s;

	(void)state;
	share_init(&s, 3000, 3);
	share_round(&s, passed, hungry, 1000000000);
	for (unsigned step = 0; step < 6; step++) {
		double rate = step % 2 ? 500 : 8000, sum = 0;

		share_set_rate(&s, rate);
		for (unsigned i = 0; i < 3; i++)
			sum += share_given(&s, i);
		assert_true(sum <= rate * 1.000001);
		passed[1] += (uint64_t)share_given(&s, 1);
		hungry[1] += 10;
		share_round(&s, passed, hungry, 1000000000);
		sum = 0;
		for (unsigned i = 0; i < 3; i++)
			sum += share_given(&s, i);
		assert_true(sum <= rate * 1.000001);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_another_rate),
		cmocka_unit_test(test_moves),
		cmocka_unit_test(test_never_more),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
