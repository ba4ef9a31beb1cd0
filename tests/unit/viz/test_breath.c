/* SPDX-License-Identifier: MIT */
#include "tests/support/unit.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "viz/breath.h"

/* Two days of frames of ten minutes; a frame of 640 x 360 has cells of 4 pixels. */
enum { W = 640, H = 360, STEP = 600, BINS = 288, FROM = 1795219200, BASE = 400, SWING = 200 };

/* What the smoothing leaves of a cell whose neighbours are empty. */
#define ALONE (0.402620 * 0.402620)

struct crowd {
	struct cast cast;
	uint32_t room;
};

static void come(struct crowd *c, unsigned x, unsigned y, unsigned bin)
{
	struct cast_node n = { .first_s = FROM + bin * STEP, .last_s = UINT32_MAX / 2 };

	n.at = (uint64_t)(y * ACCUM_SUB + CAST_AT_BIAS) << 24 |
	       (uint64_t)(x * ACCUM_SUB + CAST_AT_BIAS) << 44;
	assert_true(c->cast.count < c->room);
	c->cast.nodes[c->cast.count++] = n;
	c->cast.drawn = c->cast.count;
}

/* Nodes at a pixel that at the end of each bin are as many as a wave of a day says. */
static double wave(unsigned bin, double swing, double phase)
{
	return floor(BASE + swing * sin(6.283185307179586 * (bin * STEP / 86400.0 + phase)) + 0.5);
}

static void let_swing(struct crowd *c, unsigned x, unsigned y, double swing, double phase)
{
	uint32_t oldest = c->cast.count, there = 0;

	for (unsigned bin = 0; bin <= BINS; bin++) {
		uint32_t want = (uint32_t)wave(bin, swing, phase);

		for (; there < want; there++)
			come(c, x, y, bin);
		for (; there > want; there--)
			c->cast.nodes[oldest++].last_s = FROM + bin * STEP - 1;
	}
}

static struct film_plan plan(unsigned frames)
{
	return (struct film_plan){ .from_s = FROM, .step_s = STEP, .frames = frames };
}

/* Cells far apart: morning, evening, and one that never changes. */
static const struct {
	unsigned x, y;
	double swing, phase;
} places[] = { { 100, 100, SWING, 0 }, { 300, 100, SWING, 0.5 }, { 500, 300, 0, 0 } };

static void crowd_open(struct crowd *c)
{
	*c = (struct crowd){ .room = 20000 };
	c->cast.nodes = calloc(c->room, sizeof(*c->cast.nodes));
	assert_non_null(c->cast.nodes);
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++)
		let_swing(c, places[i].x, places[i].y, places[i].swing, places[i].phase);
}

/* A wave comes back as itself over its mean, drawn towards 1 as few nodes are. */
static void test_waves(void **state)
{
	const struct film_plan p = plan(BINS);
	struct crowd c;
	struct breath b;
	char why[256];

	(void)state;
	crowd_open(&c);
	assert_int_equal(breath_open(&b, &c.cast, &p, NULL, 0, W, H, why), 0);
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++)
		for (unsigned bin = 0; bin <= BINS; bin++) {
			double n = wave(bin, places[i].swing, places[i].phase);
			double want = (ALONE * n + 2) / (ALONE * BASE + 2);
			double have = breath_ratio(&b, places[i].x / 4, places[i].y / 4,
						   FROM + (int64_t)bin * STEP);

			if (fabs(have - want) > 0.01)
				fail_msg("place %zu, bin %u: %.4f, not %.4f", i, bin, have, want);
		}
	assert_true(breath_ratio(&b, 0, 0, FROM) == 1);
	breath_close(&b);
	free(c.cast.nodes);
}

/* The same by a log in which each node is seen in every bin of its spell. */
struct log {
	const struct cast *cast;
	unsigned bin;
	uint32_t ordinal[20000];
	uint16_t after[20000];
};

static int log_rewind(void *ctx)
{
	((struct log *)ctx)->bin = 0;
	return 0;
}

static int log_next(void *ctx, struct sights_block *out)
{
	struct log *l = ctx;
	uint32_t at = FROM + l->bin * STEP;

	*out = (struct sights_block){ .bucket_s = at, .ordinal = l->ordinal, .after_s = l->after };
	for (uint32_t i = 0; i < l->cast->count; i++)
		if (l->cast->nodes[i].first_s <= at && l->cast->nodes[i].last_s >= at)
			l->ordinal[out->count++] = i;
	return l->bin++ <= BINS;
}

static void test_by_log(void **state)
{
	const struct film_plan p = plan(BINS);
	struct log *l = calloc(1, sizeof(*l));
	const struct sights_source source = { log_rewind, log_next, l };
	uint32_t *number = calloc(20000, sizeof(*number));
	struct breath spans, logged;
	struct sights sights;
	struct crowd c;
	char why[256];

	(void)state;
	crowd_open(&c);
	assert_non_null(l);
	assert_non_null(number);
	l->cast = &c.cast;
	for (uint32_t i = 0; i < c.cast.count; i++)
		number[i] = i;
	assert_int_equal(sights_open(&sights, &source, number, c.cast.count), 0);
	assert_int_equal(breath_open(&spans, &c.cast, &p, NULL, 0, W, H, why), 0);
	assert_int_equal(breath_open(&logged, &c.cast, &p, &sights, STEP - 1, W, H, why), 0);
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++)
		for (unsigned bin = 0; bin < BINS; bin++) {
			int64_t at = FROM + (int64_t)bin * STEP;
			unsigned x = places[i].x / 4, y = places[i].y / 4;

			assert_true(fabs(breath_ratio(&logged, x, y, at) -
					 breath_ratio(&spans, x, y, at)) < 0.005);
		}
	breath_close(&spans);
	breath_close(&logged);
	sights_close(&sights);
	free(c.cast.nodes);
	free(number);
	free(l);
}

static void test_colors(void **state)
{
	struct palette_rgb half = breath_color(0.5), same = breath_color(1),
			   twice = breath_color(2);
	struct palette_rgb less = breath_color(0), more = breath_color(50);

	(void)state;
	assert_true(half.b > half.g && half.g > half.r);
	assert_true(twice.r > twice.g && twice.g > twice.b);
	assert_true(fabsf(same.r - same.b) < 0.06f);
	assert_true(less.r == half.r && less.g == half.g && less.b == half.b);
	assert_true(more.r == twice.r && more.g == twice.g && more.b == twice.b);
	for (double ratio = 0.5; ratio < 1.99; ratio += 0.01) {
		struct palette_rgb a = breath_color(ratio), b = breath_color(ratio + 0.01);

		assert_true(b.r >= a.r && b.b <= a.b + (ratio < 1 ? 0 : 1e-6f));
	}
}

/* A pixel in the middle of a cell has its colour, one between two their mean; nodes are kept. */
static void test_tint(void **state)
{
	accum_light rgb[4] = { { 1, 0, 0, 0 }, { 0, 1, 0, 0 }, { 0, 0, 1, 0 }, { 1, 1, 1, 0 } };
	const struct breath_field f = { 2, 2, 1 / 5.0f, rgb };
	accum_light a = breath_tint(&f, 2, 2, 3), b = breath_tint(&f, 9, 0, 1);

	(void)state;
	assert_true(a[0] == 3 && a[1] == 0 && a[2] == 0 && a[3] == 3);
	assert_true(b[1] == 1 && b[3] == 1);
	for (unsigned y = 0; y < 10; y++)
		for (unsigned x = 0; x < 10; x++) {
			accum_light c = breath_tint(&f, x, y, 2);

			assert_true(c[3] == 2);
			for (int i = 0; i < 3; i++)
				assert_true(c[i] >= 0 && c[i] <= 2.00001f);
		}
}

static void test_too_short(void **state)
{
	const struct film_plan p = plan(215), enough = plan(216);
	struct crowd c;
	struct breath b;
	char why[256] = "";

	(void)state;
	crowd_open(&c);
	assert_int_equal(breath_open(&b, &c.cast, &p, NULL, 0, W, H, why), DT_ERANGE);
	assert_non_null(strstr(why, "36 hours"));
	assert_int_equal(breath_open(&b, &c.cast, &enough, NULL, 0, W, H, why), 0);
	breath_close(&b);
	free(c.cast.nodes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_waves),     cmocka_unit_test(test_by_log),
		cmocka_unit_test(test_colors),    cmocka_unit_test(test_tint),
		cmocka_unit_test(test_too_short),
	};

	return cmocka_run_group_tests_name("viz/breath", tests, NULL, NULL);
}
