/* SPDX-License-Identifier: MIT */
#include "engine/rng.h"

#include <math.h>

#include "tests/support/unit.h"

/* The first outputs of the authors' reference code from the state 1, 2, 3, 4. */
static void test_reference(void **state)
{
	static const uint64_t want[] = {
		11520,
		0,
		1509978240,
		1215971899390074240u,
		1216172134540287360u,
		607988272756665600u,
		16172922978634559625u,
		8476171486693032832u,
		10595114339597558777u,
		2904607092377533576u,
	};
	struct rng r = { { 1, 2, 3, 4 } };

	(void)state;
	for (size_t i = 0; i < sizeof(want) / sizeof(*want); i++)
		assert_true(rng_u64(&r) == want[i]);
}

static void test_seeds(void **state)
{
	struct rng a, b, c, d;

	(void)state;
	rng_init(&a, 7, 0);
	rng_init(&b, 7, 0);
	rng_init(&c, 7, 1);
	rng_init(&d, 0, 0);
	for (unsigned i = 0; i < 100; i++) {
		uint64_t x = rng_u64(&a);

		assert_true(x == rng_u64(&b));
		assert_true(x != rng_u64(&c));
		assert_true(x != rng_u64(&d));
	}
}

/* Each of ten in a tenth of the draws, and nothing outside. */
static void test_ranges(void **state)
{
	unsigned seen[10] = { 0 };
	double sum = 0;
	struct rng r;

	(void)state;
	rng_init(&r, 1, 0);
	for (unsigned i = 0; i < 100000; i++) {
		uint32_t n = rng_below(&r, 10);
		double d = rng_double(&r);

		assert_true(n < 10 && d >= 0 && d < 1);
		seen[n]++;
		sum += d;
	}
	for (unsigned i = 0; i < 10; i++)
		assert_true(seen[i] > 9600 && seen[i] < 10400);
	assert_true(fabs(sum / 100000 - 0.5) < 0.005);
	assert_int_equal(rng_below(&r, 1), 0);
}

static void test_bytes(void **state)
{
	uint8_t out[24];
	struct rng r;

	(void)state;
	for (unsigned len = 0; len <= 20; len++) {
		unsigned zeros = 0;

		memset(out, 0, sizeof(out));
		rng_init(&r, 3, len);
		rng_bytes(&r, out, len);
		for (unsigned i = 0; i < sizeof(out); i++) {
			zeros += i < len && out[i] == 0;
			assert_true(i < len || out[i] == 0);
		}
		assert_true(zeros <= 2);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_reference),
		cmocka_unit_test(test_seeds),
		cmocka_unit_test(test_ranges),
		cmocka_unit_test(test_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
