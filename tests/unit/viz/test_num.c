/* SPDX-License-Identifier: MIT */
#include "tests/support/unit.h"

#include <math.h>

#include "viz/num.h"

/* The C library is the oracle here, and only here. */

enum { STEPS = 200000 };

static void worst(const char *name, double error, double bound)
{
	if (!(error <= bound))
		fail_msg("%s: off by %g, more than %g", name, error, bound);
}

static void test_circle(void **state)
{
	double s = 0, c = 0, a = 0, t = 0;

	(void)state;
	for (int i = 0; i <= STEPS; i++) {
		double x = -40 + 80.0 * i / STEPS, v = -1 + 2.0 * i / STEPS;

		s = fmax(s, fabs(num_sin(x) - sin(x)));
		c = fmax(c, fabs(num_cos(x) - cos(x)));
		a = fmax(a, fabs(num_asin(v) - asin(v)));
		t = fmax(t, fabs(num_atan2(sin(x), cos(x)) - atan2(sin(x), cos(x))));
	}
	worst("num_sin", s, 1e-12);
	worst("num_cos", c, 1e-12);
	worst("num_asin", a, 1e-12);
	worst("num_atan2", t, 1e-12);
	worst("num_sin of a far angle", fabs(num_sin(123456.7) - sin(123456.7)), 1e-9);
	assert_true(num_atan2(0, 0) == 0);
	assert_true(fabs(num_atan2(0, -1) - NUM_PI) < 1e-12);
}

static void test_powers(void **state)
{
	double l = 0, e = 0, p = 0, lf = 0, ef = 0;

	(void)state;
	for (int i = 0; i <= STEPS; i++) {
		double x = -30 + 60.0 * i / STEPS, v = exp2(x) * 1.37;

		l = fmax(l, fabs(num_log2(v) - log2(v)));
		e = fmax(e, fabs(num_exp2(x) / exp2(x) - 1));
		p = fmax(p, fabs(num_pow(v, 1 / 2.4) / pow(v, 1 / 2.4) - 1));
		lf = fmax(lf, fabs((double)num_log2f((float)v) - log2((double)(float)v)));
		ef = fmax(ef, fabs((double)num_exp2f((float)x) / exp2((double)(float)x) - 1));
	}
	worst("num_log2", l, 2e-14);
	worst("num_exp2", e, 2e-13);
	worst("num_pow", p, 2e-13);
	worst("num_log2f", lf, 2e-6);
	worst("num_exp2f", ef, 3e-7);
	assert_true(num_log2(8) == 3);
	assert_true(num_exp2(-5) == 0.03125);
	assert_true(num_log2f(1) == 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_circle),
		cmocka_unit_test(test_powers),
	};

	return cmocka_run_group_tests_name("viz/num", tests, NULL, NULL);
}
