/* SPDX-License-Identifier: MIT */
#include "tests/support/unit.h"

#include <math.h>
#include <stdlib.h>

#include "tests/support/rng.h"
#include "viz/accum.h"
#include "viz/spread.h"

static struct spread *tables(void)
{
	struct spread *t = malloc(sizeof(*t));

	assert_non_null(t);
	spread_init(t);
	return t;
}

/* The C library's exponential is the oracle. */
static void test_distances(void **state)
{
	struct spread *t = tables();

	(void)state;
	for (int i = 0; i < SPREAD_STEPS; i++) {
		double x = (double)t->radius[i] / 0.44, want = (i + 0.5) / SPREAD_STEPS;

		if (fabs(1 - (1 + x) * exp(-x) - want) > 1e-6)
			fail_msg("quantile %d: %f", i, x);
		assert_true(i == 0 || t->radius[i] > t->radius[i - 1]);
	}
	assert_true(fabsf(t->radius[SPREAD_STEPS / 2] - 0.74f) < 0.01f);
	free(t);
}

static struct spread_spot spot_of(struct scene_place p, unsigned height)
{
	struct project_map m;

	project_map_init(&m, height * 16 / 9, height);
	return spread_spot(&m, &p, height / 1080.0);
}

static const struct {
	const char *name;
	struct scene_place place;
	double sigma_px;
} rows[] = {
	{ "unknown radius", { .nodes = 5 }, 0.9 },
	{ "exact", { .nodes = 1, .radius_km = 1 }, 0.6 },
	{ "30 km", { .nodes = 1, .radius_km = 30 }, 30 / (1.5 * 40075.017 / 1920) },
	{ "vague", { .nodes = 1, .radius_km = 1000 }, 3 },
	{ "a hundred", { .nodes = 100 }, 0.9 },
	{ "ten thousand", { .nodes = 10000 }, 0.9 * 1.7 },
	{ "a country of one", { .nodes = 1, .country_level = true }, 4 },
	{ "a country of many", { .nodes = 1000000, .country_level = true }, 26 },
};

static void test_reach(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		double hd = (double)spot_of(rows[i].place, 1080).reach / ACCUM_SUB;
		double uhd = (double)spot_of(rows[i].place, 2160).reach / ACCUM_SUB;

		if (fabs(hd - rows[i].sigma_px) > 0.01 || fabs(uhd - 2 * hd) > 0.02)
			fail_msg("%s: %.3f at 1080 lines, %.3f at 2160", rows[i].name, hd, uhd);
	}
	assert_true(spot_of((struct scene_place){ .lat = -77.8f, .nodes = 1 }, 1080).off);
	assert_false(spot_of((struct scene_place){ .lat = -54.8f, .nodes = 1 }, 1080).off);
}

/* What comes out of random seeds has the spot's middle and width, and no direction. */
static void test_nodes(void **state)
{
	enum { N = 100000 };
	struct rng r = rng_open(8);
	struct spread *t = tables();
	struct spread_spot city = { .x = 5000, .y = -300, .reach = 100 };
	struct spread_spot disc = { .x = 0, .y = 0, .reach = 1600, .disc = true };
	double sx = 0, sy = 0, xx = 0, yy = 0, xy = 0, inner = 0, far = 0;

	(void)state;
	for (int i = 0; i < N; i++) {
		uint32_t seed = (uint32_t)rng_u64(&r);
		int32_t x, y, x2, y2;

		spread_node(t, &city, seed, &x, &y);
		spread_node(t, &city, seed, &x2, &y2);
		assert_true(x == x2 && y == y2);
		x -= 5000;
		y += 300;
		sx += x;
		sy += y;
		xx += (double)x * x;
		yy += (double)y * y;
		xy += (double)x * y;
		spread_node(t, &disc, seed, &x, &y);
		far = fmax(far, sqrt((double)x * x + (double)y * y));
		inner += (double)x * x + (double)y * y < 1600.0 * 1600 / 4;
	}
	/* along one axis: sqrt(3) of the scale, 0.44 of sigma */
	assert_true(fabs(sx / N) < 1.5 && fabs(sy / N) < 1.5);
	assert_true(fabs(sqrt(xx / N) - 76.2) < 1 && fabs(sqrt(yy / N) - 76.2) < 1);
	assert_true(fabs(xy / N) < 150);
	assert_true(far < 1602);
	assert_true(fabs(inner / N - 0.25) < 0.01); /* even: a quarter within half the radius */
	free(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_distances),
		cmocka_unit_test(test_reach),
		cmocka_unit_test(test_nodes),
	};

	return cmocka_run_group_tests_name("viz/spread", tests, NULL, NULL);
}
