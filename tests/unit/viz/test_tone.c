/* SPDX-License-Identifier: MIT */
#include "tests/support/unit.h"

#include <math.h>
#include <stdlib.h>

#include "tests/support/rng.h"
#include "viz/tone.h"

static void test_lone_node(void **state)
{
	(void)state;
	for (double ref = 10; ref <= 1e6; ref *= 1.1) {
		struct tone t;
		double lone, full;

		tone_init(&t, ref, TONE_PLAIN);
		lone = (double)tone_level(&t, 1);
		full = (double)tone_level(&t, (float)ref);
		if (!(lone >= 0.2 && lone <= 0.3) || fabs(full - 1) > 1e-4)
			fail_msg("ref %g: a lone node has %f, ref itself %f", ref, lone, full);
	}
}

static void test_curve(void **state)
{
	struct tone t;
	float last = 0;

	(void)state;
	tone_init(&t, 300, TONE_PLAIN);
	assert_true(tone_level(&t, 0) == 0);
	for (float w = 0.001f; w < 1e6f; w *= 1.07f) {
		float level = tone_level(&t, w);

		assert_true(level >= last && level <= 1);
		last = level;
	}
	tone_init(&t, NAN, TONE_PLAIN);
	assert_true(t.ref == TONE_REF_MIN);
	tone_init(&t, 0, TONE_POINTS);
	assert_true(t.ref == TONE_REF_MIN_POINTS && t.points && !t.ember);
	assert_true(tone_level(&t, 1) > 0.4f && tone_level(&t, 3) > 0.999f);
	tone_init(&t, TONE_REF_MIN, TONE_POINTS | TONE_EMBER);
	assert_true(fabsf(tone_level(&t, 1) - 0.25f) < 1e-3f && t.points && t.ember);
	tone_init(&t, 300, TONE_AREAS);
	for (unsigned i = 0; i <= TONE_STEPS; i++)
		assert_true(t.curve[i].white == 0);
	tone_init(&t, 300, TONE_PLAIN);
	assert_true(t.curve[TONE_STEPS].white > 0.5f);
	tone_init(&t, 1e30, TONE_PLAIN);
	assert_true(t.ref == TONE_REF_MAX && t.k > 0);
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static void test_reference(void **state)
{
	struct rng r = rng_open(10);
	struct accum a;
	double *lit = calloc(320 * 180, sizeof(*lit)), want, got;
	size_t n = 0;

	(void)state;
	assert_non_null(lit);
	assert_int_equal(accum_init(&a, 320, 180), 0);
	assert_true(tone_reference(&a) == 0);
	for (unsigned i = 0; i < 320 * 180; i++) {
		if (rng_below(&r, 3))
			continue;
		a.cells[i][3] = (uint32_t)exp2((double)rng_below(&r, 28000) / 1000) + 1;
		a.lit[i / 320 / ACCUM_TILE * a.tiles_x + i % 320 / ACCUM_TILE] = 1;
		lit[n++] = a.cells[i][3] / (double)a.unit;
	}
	qsort(lit, n, sizeof(*lit), by_value);
	want = lit[(size_t)((double)n * 0.997)];
	got = tone_reference(&a);
	if (got > want * 1.0001 || got < want / exp2(1.0 / 60))
		fail_msg("%f, sorting says %f", got, want);
	accum_fini(&a);
	free(lit);
}

static void put(struct accum *a, unsigned at, float r, float g, float b, float w)
{
	float u = a->unit;

	a->cells[at] = (accum_cell){ (uint32_t)(r * w * u), (uint32_t)(g * w * u),
				     (uint32_t)(b * w * u), (uint32_t)(w * u) };
	a->lit[at / a->width / ACCUM_TILE * a->tiles_x + at % a->width / ACCUM_TILE] = 1;
}

static void test_map(void **state)
{
	struct accum a;
	accum_light *light = calloc(320 * 180, sizeof(*light)), *other;
	struct tone t;

	(void)state;
	other = calloc(320 * 180, sizeof(*other));
	assert_non_null(light);
	assert_non_null(other);
	assert_int_equal(accum_init(&a, 320, 180), 0);
	put(&a, 1000, 0.5f, 0.5f, 0.5f, 1);     /* a grey one */
	put(&a, 9000, 0.9f, 0.2f, 0.1f, 10);    /* a red crowd */
	put(&a, 50000, 0.9f, 0.2f, 0.1f, 2000); /* white-hot */
	tone_init(&t, 100, TONE_PLAIN);
	tone_map(&t, &a, light, 1);
	assert_true(fabsf(light[1000][0] - 0.5f * tone_light(tone_level(&t, 1))) < 1e-3f);
	assert_true(fabsf(light[1000][0] - light[1000][2]) < 1e-3f);
	assert_true(light[9000][0] > 5 * light[9000][1]); /* more saturated than it was */
	assert_true(light[50000][1] > 0.5f && light[50000][2] > 0.5f);
	for (unsigned i = 0; i < 320 * 180; i++)
		for (unsigned c = 0; c < 3; c++) {
			assert_true(light[i][c] >= 0 && light[i][c] <= 1.5f);
			if (!a.cells[i][3])
				assert_true(light[i][c] == 0);
		}
	tone_map(&t, &a, other, 3);
	assert_memory_equal(light, other, 320 * 180 * sizeof(*light));
	accum_fini(&a);
	free(light);
	free(other);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lone_node),
		cmocka_unit_test(test_curve),
		cmocka_unit_test(test_reference),
		cmocka_unit_test(test_map),
	};

	return cmocka_run_group_tests_name("viz/tone", tests, NULL, NULL);
}
