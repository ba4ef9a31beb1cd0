/* SPDX-License-Identifier: MIT */
#include "tests/support/unit.h"

#include <math.h>
#include <stdlib.h>

#include "viz/basemap.h"

enum { PAGE = 0x05070b, OCEAN = 0x070a10, LAND = 0x131924 };

static const struct {
	const char *name;
	double lat, lon;
	uint32_t rgb;
} places[] = {
	{ "Sahara", 23, 13, LAND },
	{ "Siberia, west of the cut", 66.5, 175, LAND },
	{ "Chukotka, beyond 180", 67, -177.5, LAND },
	{ "Alaska", 65, -153, LAND },
	{ "Yakutia", 66, 122, LAND },
	{ "Brazil", -10, -53, LAND },
	{ "Greenland", 74, -42, LAND },
	{ "Antarctica", -80, 50, LAND },
	{ "Antarctica, other side", -80, -140, LAND },
	{ "by the pole", -87, 45, LAND },
	{ "Fiji's sea", -20, 176, OCEAN },
	{ "mid Pacific", 10, -165, OCEAN },
	{ "mid Pacific, west of the cut", 10, -172, OCEAN },
	{ "Arctic ocean", 80, -175, OCEAN },
	{ "Arctic ocean, other side", 81, 130, OCEAN },
	{ "Caspian Sea", 42, 51, OCEAN },
	{ "Black Sea", 43.5, 34, OCEAN },
	{ "Indian Ocean", -20, 78, OCEAN },
	{ "Hudson Bay", 58.5, -85, OCEAN },
	{ "south of Africa", -45, 20, OCEAN },
};

static uint32_t pixel(const struct basemap *b, double lat, double lon)
{
	struct project_xy p = project_to_px(&b->map, lat, lon);
	int x = (int)p.x, y = (int)p.y;

	assert_true(x >= 0 && y >= 0 && x < (int)b->width);
	return y < (int)b->height ? b->px[(size_t)y * b->width + (unsigned)x] & 0xffffff : 0;
}

static bool near_color(uint32_t a, uint32_t b)
{
	for (int shift = 0; shift < 24; shift += 8)
		if (abs((int)(a >> shift & 255) - (int)(b >> shift & 255)) > 2)
			return false;
	return true;
}

static void test_land_and_sea(void **state)
{
	struct basemap b;

	(void)state;
	/* so tall that Antarctica is on it */
	assert_int_equal(basemap_open(&b, 1920, 1600, &(struct basemap_opts){ 0 }), 0);
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		uint32_t got = pixel(&b, places[i].lat, places[i].lon);

		if (!near_color(got, places[i].rgb))
			fail_msg("%s: %06x, not %06x", places[i].name, got, places[i].rgb);
	}
	assert_int_equal(b.px[0] & 0xffffff, PAGE);
	assert_int_equal(b.px[1919] & 0xffffff, PAGE);
	basemap_close(&b);
}

/* No band of land from edge to edge, as rings torn at the antimeridian would draw. */
static void test_no_smear(void **state)
{
	struct basemap b;

	(void)state;
	assert_int_equal(basemap_open(&b, 1920, 1080, &(struct basemap_opts){ .borders = true }),
			 0);
	for (unsigned y = 0; y < 1080; y++) {
		unsigned land = 0;

		for (unsigned x = 0; x < 1920; x++)
			land += near_color(b.px[y * 1920 + x] & 0xffffff, LAND);
		if (b.fade[y] > 0 && land > 1920 * 2 / 3)
			fail_msg("row %u: %u pixels of land", y, land);
	}
	basemap_close(&b);
}

static void test_rows(void **state)
{
	const struct sun noon = { .lat = 0, .lon = 11 };
	struct basemap b;
	float *plain = calloc(1920 * 4, sizeof(*plain)), *lit = calloc(1920 * 4, sizeof(*lit));
	unsigned y, mid = 960;

	(void)state;
	assert_non_null(plain);
	assert_non_null(lit);
	assert_int_equal(basemap_open(&b, 1920, 1080, &(struct basemap_opts){ 0 }), 0);
	y = (unsigned)project_to_px(&b.map, 5, 11).y;
	basemap_row(&b, y, NULL, plain);
	basemap_row(&b, y, &noon, lit);
	/* noon in the middle, midnight at both edges; the ground is 1.2 and .55 of itself */
	assert_true(fabsf(lit[4 * mid] / plain[4 * mid] - 1.2f) < 1e-3f);
	assert_true(fabsf(lit[4 * 20 + 2] / plain[4 * 20 + 2] - 0.55f) < 1e-3f);
	assert_true(fabsf(lit[4 * 1900 + 2] / plain[4 * 1900 + 2] - 0.55f) < 1e-3f);
	basemap_row(&b, 1079, &noon, lit); /* the band at the bottom knows no night */
	basemap_row(&b, 2, NULL, plain);
	for (unsigned x = 0; x < 1920; x += 17)
		assert_true(fabsf(lit[4 * x] - plain[4 * 5]) < 1e-6f);
	assert_true(b.fade[(unsigned)project_to_px(&b.map, 40, 0).y] == 1);
	assert_true(b.fade[(unsigned)project_to_px(&b.map, -61, 0).y] == 0);
	basemap_close(&b);
	free(plain);
	free(lit);
}

static void test_bare(void **state)
{
	struct basemap b;

	(void)state;
	assert_int_equal(basemap_open(&b, 320, 180, &(struct basemap_opts){ .bare = true }), 0);
	for (unsigned i = 0; i < 320 * 180; i++)
		assert_int_equal(b.px[i] & 0xffffff, PAGE);
	basemap_close(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_land_and_sea),
		cmocka_unit_test(test_no_smear),
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_bare),
	};

	return cmocka_run_group_tests_name("viz/basemap", tests, NULL, NULL);
}
