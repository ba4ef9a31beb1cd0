/* SPDX-License-Identifier: MIT */
#include "tests/support/unit.h"

#include <math.h>
#include <stdlib.h>

#include "viz/bloom.h"

struct field {
	struct accum plate;
	accum_light *light, *row;
	struct bloom bloom;
};

static void field_open(struct field *f, unsigned width, unsigned height)
{
	assert_int_equal(accum_init(&f->plate, width, height), 0);
	assert_int_equal(bloom_init(&f->bloom, width, height), 0);
	f->light = calloc((size_t)width * height, sizeof(*f->light));
	f->row = calloc(width + 2, sizeof(*f->row));
	assert_non_null(f->light);
	assert_non_null(f->row);
}

static void field_close(struct field *f)
{
	accum_fini(&f->plate);
	bloom_fini(&f->bloom);
	free(f->light);
	free(f->row);
}

static void light_up(struct field *f, unsigned x, unsigned y, float v)
{
	f->light[(size_t)y * f->plate.width + x] = (accum_light){ v, v / 2, 0, 0 };
	f->plate.lit[y / ACCUM_TILE * f->plate.tiles_x + x / ACCUM_TILE] = 1;
}

static const struct {
	unsigned width, height, levels;
} sizes[] = { { 1920, 1080, 6 }, { 640, 360, 4 }, { 3840, 2160, 6 },
	      { 777, 1443, 6 },  { 320, 180, 3 }, { 1280, 720, 5 } };

/* An even field glows by the sum of all levels: 1 + .55 + .55^2 ... */
static void test_even(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		struct field f;
		double want = 0;

		field_open(&f, sizes[i].width, sizes[i].height);
		if (f.bloom.levels != sizes[i].levels)
			fail_msg("%u lines: %u levels", sizes[i].height, f.bloom.levels);
		for (unsigned l = 0; l < f.bloom.levels; l++)
			want += pow(0.55, l);
		for (unsigned y = 0; y < sizes[i].height; y++)
			for (unsigned x = 0; x < sizes[i].width; x++)
				light_up(&f, x, y, 1);
		bloom_build(&f.bloom, f.light, f.plate.lit, 2);
		for (unsigned y = 0; y < sizes[i].height; y += 97) {
			bloom_row(&f.bloom, y, f.row);
			for (unsigned x = 0; x < sizes[i].width; x += 13)
				if (fabs((double)f.row[x][0] - want) > 1e-4 ||
				    fabs((double)f.row[x][1] - want / 2) > 1e-4)
					fail_msg("%u lines, pixel %u %u: %f, not %f",
						 sizes[i].height, x, y, (double)f.row[x][0], want);
		}
		field_close(&f);
	}
}

/* A lone light glows around itself, ever less with distance, nowhere below zero. */
static void test_point(void **state)
{
	struct field f;
	float near, far, last = 1e9f;
	double sum = 0, moment = 0;

	(void)state;
	field_open(&f, 1920, 1080);
	light_up(&f, 960, 540, 100);
	bloom_build(&f.bloom, f.light, f.plate.lit, 1);
	bloom_row(&f.bloom, 540, f.row);
	for (unsigned x = 960; x < 1000; x += 4) {
		assert_true(f.row[x][0] <= last);
		last = f.row[x][0];
	}
	near = f.row[964][0];
	far = f.row[1000][0];
	assert_true(near > 10 * far && far > 0);
	/* it leans to neither side */
	for (unsigned x = 860; x < 1060; x++) {
		sum += (double)f.row[x][0];
		moment += (double)f.row[x][0] * (x - 960.0);
	}
	assert_true(fabs(moment / sum) < 2);
	for (unsigned y = 0; y < 1080; y += 7) {
		bloom_row(&f.bloom, y, f.row);
		for (unsigned x = 0; x < 1920; x++)
			assert_true(f.row[x][0] >= 0 && f.row[x][2] == 0);
	}
	field_close(&f);
}

/* The same light on twice the lines glows as wide in the picture. */
static void test_sizes_agree(void **state)
{
	accum_light *other = calloc(3842, sizeof(*other));
	struct field hd, uhd;

	(void)state;
	assert_non_null(other);
	field_open(&hd, 1920, 1080);
	field_open(&uhd, 3840, 2160);
	light_up(&hd, 960, 540, 50);
	for (unsigned i = 0; i < 4; i++)
		light_up(&uhd, 1920 + i % 2, 1080 + i / 2, 50);
	bloom_build(&hd.bloom, hd.light, hd.plate.lit, 1);
	bloom_build(&uhd.bloom, uhd.light, uhd.plate.lit, 1);
	for (unsigned y = 500; y < 580; y += 3) {
		bloom_row(&hd.bloom, y, hd.row);
		bloom_row(&uhd.bloom, 2 * y, uhd.row);
		bloom_row(&uhd.bloom, 2 * y + 1, other);
		for (unsigned x = 900; x < 1020; x++) {
			float a = hd.row[x][0], b = uhd.row[2 * x][0] + uhd.row[2 * x + 1][0];

			b = (b + other[2 * x][0] + other[2 * x + 1][0]) / 4;
			if (fabsf(a - b) > 0.01f + 0.02f * a)
				fail_msg("pixel %u %u: %f and %f", x, y, (double)a, (double)b);
		}
	}
	free(other);
	field_close(&hd);
	field_close(&uhd);
}

static void test_dark(void **state)
{
	struct field f;

	(void)state;
	field_open(&f, 640, 360);
	bloom_build(&f.bloom, f.light, f.plate.lit, 1);
	bloom_row(&f.bloom, 100, f.row);
	for (unsigned x = 0; x < 640; x++)
		assert_true(f.row[x][0] == 0);
	field_close(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_even),
		cmocka_unit_test(test_point),
		cmocka_unit_test(test_sizes_agree),
		cmocka_unit_test(test_dark),
	};

	return cmocka_run_group_tests_name("viz/bloom", tests, NULL, NULL);
}
