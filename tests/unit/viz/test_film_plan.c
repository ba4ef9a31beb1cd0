/* SPDX-License-Identifier: MIT */
#include "tests/support/unit.h"

#include <math.h>
#include <string.h>

#include "tests/support/rng.h"
#include "tests/support/seed.h"
#include "viz/film_plan.h"

static struct film_plan plan(uint64_t range, double duration_s, double half_life_s, double cutoff_s)
{
	const struct film_wish w = { .from_s = 1000000,
				     .to_s = 1000000 + range,
				     .duration_s = duration_s,
				     .fps = 30,
				     .half_life_s = half_life_s,
				     .cutoff_s = cutoff_s };
	struct film_plan p;
	char why[256] = "";

	if (film_plan_make(&p, &w, why))
		fail_msg("%s", why);
	return p;
}

static void test_steps(void **state)
{
	static const struct {
		uint64_t range;
		uint32_t step, frames;
		double half_life_s;
	} rows[] = {
		{ 1800, 1, 1800, 900 },
		{ 1801, 2, 901, 900 },
		{ 86400, 60, 1440, 900 },
		{ 30 * 86400, 1800, 1440, 5400 }, /* 30 days in a minute: the half-life is raised */
		{ 365 * 86400, 21600, 1460, 64800 },
		{ 1, 1, 1, 900 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct film_plan p = plan(rows[i].range, 60, 900, 6 * 3600);

		if (p.step_s != rows[i].step || p.frames != rows[i].frames ||
		    p.half_life_s != rows[i].half_life_s || p.raised != (p.half_life_s != 900))
			fail_msg("%llu s: %u frames of %u s, half-life %g",
				 (unsigned long long)rows[i].range, p.frames, p.step_s,
				 p.half_life_s);
		assert_true(film_plan_at(&p, p.frames - 1) >= (int64_t)(1000000 + rows[i].range));
		assert_int_equal(p.hold, 59);
	}
}

/* The closed form against adding up a thousand instants within the step. */
static void test_mean(void **state)
{
	struct rng r = { seed_open() };
	enum { PARTS = 2000 };

	(void)state;
	for (unsigned i = 0; i < 400; i++) {
		struct film_plan p = plan(86400, 20, i % 4 ? 400 + i * 10 : 0, i % 3 ? 7200 : 0);
		int64_t at = film_plan_at(&p, 50), first, last;
		double sum = 0, want;

		first = at - (int64_t)rng_below(&r, 4 * p.step_s);
		last = first + (int64_t)rng_below(&r, 3 * p.step_s);
		for (unsigned k = 0; k < PARTS; k++) {
			double t = (double)at - p.step_s * (k + 0.5) / PARTS,
			       age = t - (double)last;

			if (t < (double)first)
				continue;
			if (age <= 0)
				sum += 1;
			else if (p.half_life_s > 0)
				sum += exp2(-age / p.half_life_s);
			else
				sum += p.cutoff_s <= 0 || age < p.shine_s;
		}
		want = sum / PARTS;
		if (film_state_of(&p, at, first, last) == FILM_DARK)
			want = 0;
		if (fabs(film_weight(&p, at, first, last) - want) > 2e-3)
			fail_msg(
				"seen %lld to %lld before the end of a step of %u s: %.5f for %.5f",
				(long long)(at - first), (long long)(at - last), p.step_s,
				film_weight(&p, at, first, last), want);
	}
}

static void test_refused(void **state)
{
	static const struct {
		const char *says;
		struct film_wish w;
	} rows[] = {
		{ "nothing between", { .from_s = 5, .to_s = 5, .duration_s = 1, .fps = 30 } },
		{ "nothing between",
		  { .from_s = 5, .to_s = 1ull << 33, .duration_s = 1, .fps = 30 } },
		{ "per second", { .to_s = 5, .duration_s = 1, .fps = 0.5 } },
		{ "per second", { .to_s = 5, .duration_s = 1, .fps = NAN } },
		{ "a film of", { .to_s = 5, .duration_s = 0, .fps = 30 } },
		{ "a film of", { .to_s = 5, .duration_s = 1e9, .fps = 30 } },
		{ "half-life", { .to_s = 5, .duration_s = 1, .fps = 30, .half_life_s = -1 } },
		{ "a step of", { .to_s = 1ull << 31, .duration_s = 1, .fps = 30, .step_s = 1 } },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct film_plan p;
		char why[256] = "";

		assert_int_equal(film_plan_make(&p, &rows[i].w, why), DT_ERANGE);
		if (!strstr(why, rows[i].says))
			fail_msg("'%s' says nothing of '%s'", why, rows[i].says);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_steps),
		cmocka_unit_test(test_mean),
		cmocka_unit_test(test_refused),
	};

	return cmocka_run_group_tests_name("viz/film_plan", tests, NULL, NULL);
}
