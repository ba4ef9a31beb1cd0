/* SPDX-License-Identifier: MIT */
#include "tests/support/unit.h"

#include <stdlib.h>
#include <string.h>

#include "viz/furniture.h"

static const struct {
	uint32_t range_s;
	unsigned most;
	uint32_t step_s;
} ticks[] = {
	{ 5, 9, 1 },
	{ 60, 9, 10 },
	{ 90, 9, 10 },
	{ 600, 9, 120 },
	{ 3600, 9, 600 },
	{ 6 * 3600, 9, 3600 },
	{ 2 * 86400, 9, 21600 },
	{ 30 * 86400, 9, 604800 },
	{ 365 * 86400, 9, 7776000 },
	{ 10 * 365 * 86400, 9, 38880000 },
	{ UINT32_MAX, 9, 482112000 },
};

static void test_ticks(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(ticks) / sizeof(ticks[0]); i++) {
		uint32_t step = furniture_tick(ticks[i].range_s, ticks[i].most);

		if (step != ticks[i].step_s || ticks[i].range_s / step > ticks[i].most)
			fail_msg("%u s: every %u s, not %u", ticks[i].range_s, step,
				 ticks[i].step_s);
	}
}

struct sheet {
	struct furniture f;
	struct history history;
	struct tone tone;
	unsigned width, height;
	uint32_t *px;
};

static void sheet_open(struct sheet *s, unsigned width, unsigned height)
{
	memset(s, 0, sizeof(*s));
	s->width = width;
	s->height = height;
	s->px = calloc((size_t)width * height, sizeof(*s->px));
	assert_non_null(s->px);
	s->history = (struct history){ .from_s = 1795219200,
				       .to_s = 1795219200 + 7200,
				       .bins = HISTORY_BINS,
				       .most = HISTORY_BINS };
	for (unsigned i = 0; i <= HISTORY_BINS; i++)
		s->history.alight[i] = i;
	tone_init(&s->tone, 300, TONE_PLAIN);
	s->f = (struct furniture){
		.title = "DHT TELESCOPE",
		.subtitle = { "one", "two", "three" },
		.at_s = 1795219200 + 3600,
		.note = "white = many networks",
		.alight = 12345678,
		.networks = 43210,
		.unlocated = 321,
		.mapped = true,
		.country_level = 99,
		.alight_label = "nodes alight",
		.history = &s->history,
		.tone = &s->tone,
		.attribution = "Geolocation: somebody, CC BY 4.0",
		.row_count = FURNITURE_ROWS,
		.synthetic = true,
	};
	for (unsigned i = 0; i < FURNITURE_ROWS; i++) {
		text_name("Some Network of Somewhere GmbH & Co. KG", s->f.rows[i].name);
		s->f.rows[i].nodes = 100000 >> i;
		s->f.rows[i].rgb[0] = 200;
	}
}

static unsigned ink(const struct sheet *s, double x0, double y0, double x1, double y1)
{
	double u = s->height / 1080.0;
	unsigned n = 0;

	for (unsigned y = (unsigned)(y0 * u); y < (unsigned)(y1 * u); y++)
		for (unsigned x = (unsigned)(x0 * u); x < (unsigned)(x1 * u) && x < s->width; x++)
			n += s->px[(size_t)y * s->width + x] != 0;
	return n;
}

static void draw(struct sheet *s)
{
	assert_int_equal(furniture_draw(&s->f,
					&(struct furniture_box){ .width = s->width,
								 .height = s->height,
								 .stride = s->width },
					FURNITURE_ALL, s->px),
			 0);
}

static void test_everything_is_there(void **state)
{
	static const unsigned sizes[][2] = { { 1920, 1080 }, { 3840, 2160 }, { 640, 360 } };

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct sheet s;

		sheet_open(&s, sizes[i][0], sizes[i][1]);
		draw(&s);
		assert_true(ink(&s, 40, 35, 400, 62) > 30);        /* title */
		assert_true(ink(&s, 1700, 35, 1880, 110) > 30);    /* clock */
		assert_true(ink(&s, 40, 640, 280, 915) > 100);     /* legend */
		assert_true(ink(&s, 40, 970, 300, 1060) > 100);    /* counters */
		assert_true(ink(&s, 380, 970, 1540, 1030) > 500);  /* chart */
		assert_true(ink(&s, 1600, 1010, 1880, 1050) > 50); /* ramp */
		assert_true(ink(&s, 1200, 1052, 1880, 1075) > 50); /* sources */
		/* nothing in the margins, nothing on the map */
		assert_int_equal(ink(&s, 0, 0, 36, 1080), 0);
		assert_int_equal(ink(&s, 1884, 0, 1920, 1080), 0);
		assert_int_equal(ink(&s, 0, 0, 1920, 36), 0);
		assert_int_equal(ink(&s, 0, 1074, 1920, 1080), 0);
		assert_int_equal(ink(&s, 420, 0, 1660, 960), 0);
		free(s.px);
	}
}

/* Legend rows: the name ends before the count begins. */
static void test_no_overlap(void **state)
{
	struct sheet s;
	unsigned gap = 0;

	(void)state;
	sheet_open(&s, 1920, 1080);
	for (unsigned i = 0; i < FURNITURE_ROWS; i++) {
		text_name("WWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWW", s.f.rows[i].name);
		s.f.rows[i].nodes = 8888888888ull;
	}
	draw(&s);
	for (unsigned x = 40; x < 276; x++) {
		gap = ink(&s, x, 893, x + 1, 908) ? 0 : gap + 1;
		if (gap == 8)
			break;
	}
	assert_int_equal(gap, 8);
	assert_int_equal(ink(&s, 278, 600, 360, 960), 0);
	free(s.px);
}

/* What is not known is left out, without a hole or a crash. */
static void test_sparse(void **state)
{
	struct sheet s;

	(void)state;
	sheet_open(&s, 1920, 1080);
	s.f = (struct furniture){ .title = "", .mapped = true };
	draw(&s);
	assert_int_equal(ink(&s, 1600, 35, 1900, 120), 0);
	assert_int_equal(ink(&s, 40, 600, 300, 940), 0);
	assert_int_equal(ink(&s, 360, 900, 1560, 1050), 0);
	assert_true(ink(&s, 1700, 1052, 1880, 1075) > 20); /* Natural Earth at least */
	free(s.px);
}

static void test_long_sources(void **state)
{
	char many[2000];
	struct sheet s;

	(void)state;
	memset(many, 'm', sizeof(many) - 1);
	many[sizeof(many) - 1] = '\0';
	sheet_open(&s, 1920, 1080);
	s.f.attribution = many;
	s.f.text_scale = 1.4;
	draw(&s);
	assert_int_equal(ink(&s, 0, 0, 36, 1080), 0);
	assert_int_equal(ink(&s, 1884, 0, 1920, 1080), 0);
	free(s.px);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ticks),        cmocka_unit_test(test_everything_is_there),
		cmocka_unit_test(test_no_overlap),   cmocka_unit_test(test_sparse),
		cmocka_unit_test(test_long_sources),
	};

	return cmocka_run_group_tests_name("viz/furniture", tests, NULL, NULL);
}
