/* SPDX-License-Identifier: MIT */
#include "tests/support/unit.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/rng.h"
#include "viz/accum.h"

static const struct palette_rgb colors[] = {
	{ 1, 1, 1 }, { 0.8f, 0.3f, 0.1f }, { 0, 0, 0 }, { 0.02f, 0.5f, 0.97f }
};

static void open_plate(struct accum *a, unsigned width, unsigned height)
{
	assert_int_equal(accum_init(a, width, height), 0);
}

static double sum_of(const struct accum *a, unsigned lane)
{
	double sum = 0;

	for (size_t i = 0; i < (size_t)a->width * a->height; i++)
		sum += a->cells[i][lane];
	return sum / (double)a->unit;
}

static void add_all(struct accum *a, const struct accum_dot *dots, unsigned n)
{
	accum_add(a, 0, (int)a->height, dots, n, colors);
}

/* Dots wholly on the plate: at least 16 pixels from its edges. */
static void random_dots(struct rng *r, const struct accum *a, struct accum_dot *dots, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		dots[i] = (struct accum_dot){
			.x = (int32_t)(256 + rng_below(r, (a->width - 32) * ACCUM_SUB)),
			.y = (int32_t)(256 + rng_below(r, (a->height - 32) * ACCUM_SUB)),
			.color = (uint32_t)rng_below(r, 4),
			.weight = rng_below(r, 3) ? 1 : (float)rng_below(r, 1000) / 1000,
		};
}

static const struct {
	unsigned width, height;
	double per_node; /* sum over cells of one node */
} sizes[] = { { 320, 180, 1 },
	      { 1920, 1080, 1 },
	      { 400, 1440, 16.0 / 9 },
	      { 640, 2160, 4 },
	      { 200, 4320, 16 } };

static void test_energy(void **state)
{
	enum { N = 3000 };
	struct rng r = rng_open(2);
	struct accum_dot *dots = calloc(N, sizeof(*dots));

	(void)state;
	assert_non_null(dots);
	for (size_t s = 0; s < sizeof(sizes) / sizeof(sizes[0]); s++) {
		struct accum a;
		double weight = 0, red = 0;

		open_plate(&a, sizes[s].width, sizes[s].height);
		random_dots(&r, &a, dots, N);
		for (unsigned i = 0; i < N; i++) {
			weight += (double)dots[i].weight * sizes[s].per_node;
			red += (double)(dots[i].weight * colors[dots[i].color].r) *
			       sizes[s].per_node;
		}
		add_all(&a, dots, N);
		if (fabs(sum_of(&a, 3) / weight - 1) > 1e-4 || fabs(sum_of(&a, 0) / red - 1) > 1e-3)
			fail_msg("%u lines: weight %.4f of %.4f, red %.4f of %.4f", sizes[s].height,
				 sum_of(&a, 3), weight, sum_of(&a, 0), red);
		accum_fini(&a);
	}
	free(dots);
}

/* Any order, any bands: the same cells. */
static void test_order(void **state)
{
	enum { N = 5000 };
	struct rng r = rng_open(3);
	struct accum_dot *dots = calloc(N, sizeof(*dots));
	struct accum a, b;
	size_t bytes;

	(void)state;
	assert_non_null(dots);
	open_plate(&a, 320, 200);
	open_plate(&b, 320, 200);
	bytes = (size_t)a.width * a.height * sizeof(*a.cells);
	for (unsigned i = 0; i < N; i++) /* also off every edge */
		dots[i] = (struct accum_dot){
			.x = (int32_t)rng_below(&r, 340 * ACCUM_SUB) - 10 * ACCUM_SUB,
			.y = (int32_t)rng_below(&r, 220 * ACCUM_SUB) - 10 * ACCUM_SUB,
			.color = (uint32_t)rng_below(&r, 4),
			.weight = (float)rng_below(&r, 4096) / 4096,
		};
	add_all(&a, dots, N);
	for (unsigned i = N; i > 1; i--) {
		unsigned k = (unsigned)rng_below(&r, i);
		struct accum_dot t = dots[i - 1];

		dots[i - 1] = dots[k];
		dots[k] = t;
	}
	for (int row = 192; row >= 0; row -= ACCUM_TILE)
		accum_add(&b, row, row + ACCUM_TILE < 200 ? row + ACCUM_TILE : 200, dots, N,
			  colors);
	assert_memory_equal(a.cells, b.cells, bytes);
	assert_memory_equal(a.lit, b.lit, (size_t)a.tiles_x * a.tiles_y);
	accum_fini(&a);
	accum_fini(&b);
	free(dots);
}

static void test_bilinear(void **state)
{
	struct accum a;
	const struct accum_dot middle = { .x = 10 * 16 + 8, .y = 20 * 16 + 8, .weight = 1 };
	const struct accum_dot quarter = { .x = 50 * 16 + 12, .y = 20 * 16 + 8, .weight = 1 };

	(void)state;
	open_plate(&a, 320, 180);
	add_all(&a, &middle, 1);
	add_all(&a, &quarter, 1);
	assert_int_equal(a.cells[20 * 320 + 10][3], ACCUM_UNIT);
	assert_int_equal(a.cells[20 * 320 + 50][3], ACCUM_UNIT * 3 / 4);
	assert_int_equal(a.cells[20 * 320 + 51][3], ACCUM_UNIT / 4);
	assert_int_equal((int)(sum_of(&a, 3) * ACCUM_UNIT), 2 * ACCUM_UNIT);
	accum_fini(&a);
}

/* Cells outside lit tiles are zero; clearing finds all that was lit. */
static void test_tiles(void **state)
{
	enum { N = 40 };
	struct rng r = rng_open(4);
	struct accum_dot dots[N];
	struct accum a;
	accum_light *light;
	size_t lit = 0;

	(void)state;
	open_plate(&a, 333, 217);
	light = calloc((size_t)333 * 217, sizeof(*light));
	assert_non_null(light);
	random_dots(&r, &a, dots, N);
	for (unsigned i = 0; i < N; i++)
		dots[i].weight = 1;
	add_all(&a, dots, N);
	for (unsigned y = 0; y < 217; y++)
		for (unsigned x = 0; x < 333; x++) {
			if (!a.cells[y * 333 + x][3])
				continue;
			lit++;
			light[y * 333 + x] += 1;
			assert_true(accum_is_lit(&a, x / ACCUM_TILE, y / ACCUM_TILE));
		}
	assert_true(lit >= N && lit <= 4 * N);
	accum_clear(&a, light);
	for (size_t i = 0; i < (size_t)333 * 217; i++)
		if (a.cells[i][3] || light[i][0] > 0)
			fail_msg("pixel %zu is still lit", i);
	accum_fini(&a);
	free(light);
}

static void test_edges(void **state)
{
	static const int32_t far[] = { INT32_MIN / 2, -100000, -16,          0, 8, 319 * 16 + 8,
				       320 * 16,      100000,  INT32_MAX / 2 };
	struct accum a;

	(void)state;
	open_plate(&a, 320, 180);
	for (size_t i = 0; i < sizeof(far) / sizeof(far[0]); i++)
		for (size_t k = 0; k < sizeof(far) / sizeof(far[0]); k++) {
			struct accum_dot d = { .x = far[i], .y = far[k], .weight = 1 };

			add_all(&a, &d, 1);
		}
	assert_true(sum_of(&a, 3) >= 3); /* those on the plate; asan watches the others */
	accum_fini(&a);
}

static void test_crowd(void **state)
{
	struct accum a;

	(void)state;
	open_plate(&a, 320, 180);
	accum_crowd(&a, 100000);
	assert_true(a.unit == ACCUM_UNIT);
	accum_crowd(&a, 5000000);
	assert_true(5e6 * (double)a.unit <= 2147483648.0);
	assert_true(a.unit >= 256);
	accum_fini(&a);
}

static void test_rows(void **state)
{
	struct accum a;
	int first, last;

	(void)state;
	open_plate(&a, 320, 1080);
	accum_rows(&a, 100 * 16 + 8, &first, &last);
	assert_int_equal(first, 100);
	assert_int_equal(last, 101);
	accum_rows(&a, 3, &first, &last);
	assert_int_equal(first, -1);
	accum_fini(&a);
	open_plate(&a, 320, 2160);
	accum_rows(&a, 100 * 16 + 8, &first, &last);
	assert_true(first >= 98 && first <= 99 && last >= 101 && last <= 102);
	accum_fini(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_energy),   cmocka_unit_test(test_order),
		cmocka_unit_test(test_bilinear), cmocka_unit_test(test_tiles),
		cmocka_unit_test(test_edges),    cmocka_unit_test(test_crowd),
		cmocka_unit_test(test_rows),
	};

	return cmocka_run_group_tests_name("viz/accum", tests, NULL, NULL);
}
