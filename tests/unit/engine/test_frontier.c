/* SPDX-License-Identifier: MIT */
#include "engine/frontier.h"

#include <stdlib.h>
#include <string.h>

#include "tests/support/unit.h"

enum { MANY = 20000 };
static const uint64_t S = 1000000000, MS = 1000000;

static void open_at(struct frontier *f, uint64_t now_ns)
{
	assert_int_equal(frontier_init(f, MANY, 5, now_ns), 0);
}

/* All come out, each once, in no order that the input had. */
static void test_bag(void **state)
{
	static uint8_t seen[MANY];
	uint32_t refs[64], last = 0, rises = 0, out = 0;
	struct frontier f;
	unsigned n;

	(void)state;
	memset(seen, 0, sizeof(seen));
	open_at(&f, 0);
	for (uint32_t i = 0; i < MANY; i++)
		assert_int_equal(frontier_put(&f, FRONTIER_ONCE, i), 0);
	assert_int_equal(frontier_put(&f, FRONTIER_FEW, 7), 0);
	while ((n = frontier_take(&f, FRONTIER_ONCE, refs, 64)) > 0)
		for (unsigned i = 0; i < n; i++, out++) {
			assert_true(refs[i] < MANY && !seen[refs[i]]++);
			rises += refs[i] > last;
			last = refs[i];
		}
	assert_int_equal(out, MANY);
	assert_true(rises > MANY * 48 / 100 && rises < MANY * 52 / 100);
	assert_int_equal(frontier_count(&f, FRONTIER_FEW), 1);
	frontier_free(&f);
	frontier_free(&f);
}

/* Contacts of one /24 that arrive together leave far apart. */
static void test_spreads_a_burst(void **state)
{
	uint32_t refs[MANY], near = 0, at = 0, before = MANY;
	struct frontier f;

	(void)state;
	open_at(&f, 0);
	for (uint32_t i = 0; i < MANY; i++) /* twenty of one net */
		assert_int_equal(frontier_put(&f, FRONTIER_ONCE, i >= 9000 && i < 9020 ? 1 : 0), 0);
	assert_int_equal(frontier_take(&f, FRONTIER_ONCE, refs, MANY), MANY);
	for (; at < MANY; at++) {
		if (refs[at] != 1)
			continue;
		near += at - before < 64;
		before = at;
	}
	assert_true(near <= 4); /* expected: 20 x 64 x 20 / 20000 = 1.3 */
	frontier_free(&f);
}

static void test_bag_memory(void **state)
{
	struct frontier f;
	uint32_t refs[64];
	uint64_t full;

	(void)state;
	assert_int_equal(frontier_init(&f, 1 << 20, 5, 0), 0);
	for (uint32_t i = 0; i < 1 << 20; i++)
		assert_int_equal(frontier_put(&f, FRONTIER_ONCE, i), 0);
	full = frontier_bytes(&f);
	assert_true(full >= 4 << 20 && full < 5 << 20);
	while (frontier_take(&f, FRONTIER_ONCE, refs, 64) > 0)
		;
	assert_true(frontier_bytes(&f) <= full / 3);
	frontier_free(&f);
}

/* Nothing before its time, everything soon after. */
static void test_sweep(void **state)
{
	uint32_t refs[64], out = 0;
	struct frontier f;
	unsigned n;

	(void)state;
	open_at(&f, 0);
	for (uint32_t i = 0; i < MANY; i++) /* one each 0.1 ms from 5 s on */
		assert_int_equal(frontier_sweep_put(&f, i, 5 * S + i * MS / 10), 0);
	assert_int_equal(f.swept, MANY);
	assert_int_equal(frontier_sweep_take(&f, 5 * S - 1, refs, 64), 0);
	while (out < MANY) {
		uint64_t due = frontier_due_ns(&f);

		assert_true(due >= 5 * S && due <= 5 * S + MANY * MS / 10);
		assert_int_equal(frontier_sweep_take(&f, due - 1, refs, 64), 0);
		while ((n = frontier_sweep_take(&f, due, refs, 64)) > 0)
			for (unsigned i = 0; i < n; i++, out++) {
				uint64_t asked = 5 * S + refs[i] * MS / 10;

				assert_true(asked <= due && due - asked <= FRONTIER_SWEEP_SLACK_NS);
			}
	}
	assert_int_equal(frontier_due_ns(&f), UINT64_MAX);
	assert_int_equal(f.swept, 0);
	frontier_free(&f);
}

static void test_wheel(void **state)
{
	uint64_t now = 1000 * S, asked[1000];
	uint32_t refs[64], out = 0;
	struct frontier f;
	unsigned n;

	(void)state;
	open_at(&f, now);
	now += 3600 * S; /* long idle before the first */
	for (uint32_t i = 0; i < 1000; i++) {
		asked[i] = now + i * 11 * MS;
		assert_int_equal(frontier_defer(&f, i, asked[i], now), 0);
	}
	while (out < 1000) {
		uint64_t due = frontier_due_ns(&f);

		assert_true(due > now && due < now + 13 * S);
		now = due;
		while ((n = frontier_deferred_take(&f, now, refs, 64)) > 0)
			for (unsigned i = 0; i < n; i++, out++)
				assert_true(asked[refs[i]] <= now &&
					    now - asked[refs[i]] < 200 * MS);
	}
	assert_int_equal(frontier_due_ns(&f), UINT64_MAX);
	frontier_free(&f);
}

/* Later than the wheel reaches: it comes early and is asked again, never lost. */
static void test_wheel_far(void **state)
{
	struct frontier f;
	uint32_t ref;

	(void)state;
	open_at(&f, 0);
	assert_int_equal(frontier_defer(&f, 9, 3600 * S, 0), 0);
	assert_true(frontier_due_ns(&f) > 12 * S && frontier_due_ns(&f) < 13 * S);
	assert_int_equal(frontier_deferred_take(&f, 13 * S, &ref, 1), 1);
	assert_int_equal(ref, 9);
	frontier_free(&f);
}

/* A blocked crowd is looked at again at a bounded rate, however often it is refused. */
static void test_never_spins(void **state)
{
	uint64_t now = 0, taken = 0;
	uint32_t refs[64];
	struct frontier f;
	unsigned n;

	(void)state;
	assert_int_equal(frontier_init(&f, 200000, 5, 0), 0);
	for (uint32_t i = 0; i < 200000; i++)
		assert_int_equal(frontier_defer(&f, i, 1, now), 0);
	for (; now < 10 * S; now += 10 * MS)
		while ((n = frontier_deferred_take(&f, now, refs, 64)) > 0)
			for (unsigned i = 0; i < n; i++, taken++)
				assert_int_equal(frontier_defer(&f, refs[i], now + 1, now), 0);
	assert_int_equal(f.deferred, 200000);
	assert_true(taken < 10 * 250000);
	assert_true(taken > 10 * 100000);
	frontier_free(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bag),         cmocka_unit_test(test_spreads_a_burst),
		cmocka_unit_test(test_bag_memory),  cmocka_unit_test(test_sweep),
		cmocka_unit_test(test_wheel),       cmocka_unit_test(test_wheel_far),
		cmocka_unit_test(test_never_spins),
	};

	return cmocka_run_group_tests_name("frontier", tests, NULL, NULL);
}
