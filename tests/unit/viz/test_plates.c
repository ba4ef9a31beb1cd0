/* SPDX-License-Identifier: MIT */
#include "tests/support/unit.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/rng.h"
#include "tests/support/seed.h"
#include "viz/plates.h"

/**
 * DOC: plates that change by a dot at a time, against what a list of the dots
 * that lie there says: every pixel asks every dot how much of it falls there,
 * by the definition of a tent.
 */

enum { DOTS = 60, STEPS = 260 };

enum which { LIVE, FADE, SPARK, PLATES };

static void (*const change[PLATES])(struct plates *p, struct plates_rows rows,
				    const struct plates_dot *d, int sign) = {
	[LIVE] = plates_live,
	[FADE] = plates_fade,
	[SPARK] = plates_spark,
};

static const struct {
	const char *name;
	unsigned width, height;
	bool pointed;
} frames[] = {
	{ "no tile's multiple", 70, 45, false },   { "a tile and a bit", 17, 33, false },
	{ "1440 lines", 36, 1440, false },         { "2160 lines", 40, 2160, false },
	{ "2160 lines, pointed", 40, 2160, true },
};

/* The share of a dot at @at (1/16 pixel) that falls on pixel @i of an axis. */
static double share(double radius, int32_t at, int i)
{
	double middle = (at - ACCUM_SUB / 2) / (double)ACCUM_SUB, sum = 0;
	int near = (int)floor(middle);

	for (int j = near - 16; j <= near + 17; j++) {
		double far = fabs(j - middle) / radius;

		sum += far < 1 ? 1 - far : 0;
	}
	return fabs(i - middle) < radius ? (1 - fabs(i - middle) / radius) * radius / sum : 0;
}

struct table {
	struct plates_dot dots[PLATES][DOTS];
	unsigned count[PLATES];
	double radius;
};

/* r g b w that the list puts on a pixel. */
static void told(const struct table *t, enum which plate, int x, int y, double out[4],
		 unsigned *touching)
{
	memset(out, 0, 4 * sizeof(*out));
	*touching = 0;
	for (unsigned i = 0; i < t->count[plate]; i++) {
		const struct plates_dot *d = &t->dots[plate][i];
		double part;

		if (abs(d->y - (y * ACCUM_SUB + ACCUM_SUB / 2)) > 3 * ACCUM_SUB)
			continue; /* further than any tent of these frames reaches */
		part = share(t->radius, d->x, x) * share(t->radius, d->y, y) * (double)d->weight;
		out[0] += part * (double)d->rgb.r;
		out[1] += part * (double)d->rgb.g;
		out[2] += part * (double)d->rgb.b;
		out[3] += part;
		*touching += part > 0;
	}
}

static void shown(const struct plates *p, enum which plate, size_t at, double out[4])
{
	for (unsigned c = 0; c < 4; c++)
		out[c] = plate == LIVE   ? p->live.cells[at][c] / (double)p->live.unit
			 : plate == FADE ? (double)p->fade[at][c]
					 : (double)p->spark[at];
}

static void compare(const char *name, const struct plates *p, const struct table *t)
{
	const unsigned w = p->live.width, h = p->live.height;

	for (unsigned plate = 0; plate < PLATES; plate++)
		for (unsigned at = 0; at < w * h; at++) {
			unsigned tile = at / w / ACCUM_TILE * p->live.tiles_x + at % w / ACCUM_TILE;
			double want[4], have[4];
			unsigned dots;

			told(t, plate, (int)(at % w), (int)(at / w), want, &dots);
			shown(p, plate, at, have);
			for (unsigned c = plate == SPARK ? 3 : 0; c < 4; c++)
				if (fabs(have[c] - want[c]) > (dots + 1) * 1.3e-4)
					fail_msg(
						"%s: plate %u, pixel %u %u, channel %u: %f, not %f",
						name, plate, at % w, at / w, c, have[c], want[c]);
			if (dots && !plates_is_lit(p, tile))
				fail_msg("%s: tile %u has light and does not say so", name, tile);
			if (dots && plate == LIVE && !p->live.lit[tile])
				fail_msg("%s: tile %u is not developed", name, tile);
		}
}

static struct plates_dot any_dot(struct rng *r, const struct plates *p)
{
	/* some beside the frame, some far from it */
	int32_t slack = rng_below(r, 8) ? 40 : 4000;

	return (struct plates_dot){
		.x = (int32_t)rng_below(r, p->live.width * 16 + 2u * (uint32_t)slack) - slack,
		.y = (int32_t)rng_below(r, p->live.height * 16 + 2u * (uint32_t)slack) - slack,
		.rgb = { (float)rng_below(r, 100) / 100, (float)rng_below(r, 100) / 100,
			 (float)rng_below(r, 100) / 100 },
		.weight = (float)(1 + rng_below(r, 1000)) / 1000,
	};
}

static void open_plates(struct plates *p, struct table *t, size_t frame)
{
	const struct plates_opts o = { .pointed = frames[frame].pointed,
				       .fades = true,
				       .sparks = true };
	double u = frames[frame].height / 1080.0;

	memset(t, 0, sizeof(*t));
	t->radius = u > 1 && !o.pointed ? u : 1;
	assert_int_equal(plates_init(p, frames[frame].width, frames[frame].height, &o), 0);
}

/* A dot more or a dot less, anybody's. */
static void one_step(struct rng *r, struct plates *p, struct table *t)
{
	enum which plate = (enum which)rng_below(r, PLATES);
	unsigned *n = &t->count[plate], i;

	if (*n < DOTS && (*n == 0 || rng_below(r, 5) > 1)) {
		t->dots[plate][*n] = any_dot(r, p);
		change[plate](p, plates_all(p), &t->dots[plate][(*n)++], 1);
		return;
	}
	i = (unsigned)rng_below(r, *n);
	change[plate](p, plates_all(p), &t->dots[plate][i], -1);
	t->dots[plate][i] = t->dots[plate][--*n];
}

static void assert_dark(const struct plates *p)
{
	static const accum_cell none = { 0 };
	const size_t pixels = (size_t)p->live.width * p->live.height;

	for (size_t i = 0; i < pixels; i++) {
		assert_memory_equal(&p->live.cells[i], &none, sizeof(none));
		if (p->fade)
			assert_memory_equal(&p->fade[i], &none, sizeof(none));
		if (p->spark)
			assert_memory_equal(&p->spark[i], &none, sizeof(*p->spark));
	}
	for (unsigned i = 0; i < p->live.tiles_x * p->live.tiles_y; i++) {
		assert_false(plates_is_lit(p, i));
		assert_int_equal(p->live.lit[i], 0);
	}
}

/* Come and go, against the list; and when the last has left, not a bit is left of them. */
static void test_come_and_go(void **state)
{
	struct rng r = { seed_open() + 1 };

	(void)state;
	for (size_t f = 0; f < sizeof(frames) / sizeof(frames[0]); f++) {
		struct plates p;
		struct table t;

		open_plates(&p, &t, f);
		for (unsigned i = 1; i <= STEPS; i++) {
			one_step(&r, &p, &t);
			if (i == STEPS / 2 || i == STEPS)
				compare(frames[f].name, &p, &t);
		}
		for (unsigned plate = 0; plate < PLATES; plate++)
			while (t.count[plate]) { /* in an order that is not theirs */
				unsigned i = (unsigned)rng_below(&r, t.count[plate]);

				change[plate](&p, plates_all(&p), &t.dots[plate][i], -1);
				t.dots[plate][i] = t.dots[plate][--t.count[plate]];
			}
		assert_dark(&p);
		plates_fini(&p);
	}
}

static bool same(const struct plates *a, const struct plates *b)
{
	const size_t pixels = (size_t)a->live.width * a->live.height;
	const size_t tiles = (size_t)a->live.tiles_x * a->live.tiles_y;

	return memcmp(a->live.cells, b->live.cells, pixels * sizeof(accum_cell)) == 0 &&
	       memcmp(a->fade, b->fade, pixels * sizeof(accum_light)) == 0 &&
	       memcmp(a->spark, b->spark, pixels * sizeof(float)) == 0 &&
	       memcmp(a->tiles, b->tiles, tiles * sizeof(*a->tiles)) == 0 &&
	       memcmp(a->live.lit, b->live.lit, tiles) == 0;
}

/* Band after band, from the last to the first: the same bytes as all rows at once. */
static void test_bands(void **state)
{
	struct rng r = { seed_open() + 2 };

	(void)state;
	for (size_t f = 0; f < sizeof(frames) / sizeof(frames[0]); f++) {
		struct plates all, bands;
		struct plates_dot dots[DOTS];
		struct table t;
		int band = ACCUM_TILE * (1 + (int)rng_below(&r, 3));

		open_plates(&all, &t, f);
		open_plates(&bands, &t, f);
		for (unsigned i = 0; i < DOTS; i++) {
			dots[i] = any_dot(&r, &all);
			for (unsigned plate = 0; plate < PLATES; plate++)
				change[plate](&all, plates_all(&all), &dots[i], 1);
		}
		for (int y = ((int)all.live.height - 1) / band * band; y >= 0; y -= band) {
			int to = y + band < (int)all.live.height ? y + band : (int)all.live.height;

			for (unsigned plate = 0; plate < PLATES; plate++)
				for (unsigned i = 0; i < DOTS; i++)
					change[plate](&bands, (struct plates_rows){ y, to },
						      &dots[i], 1);
		}
		assert_true(same(&all, &bands));
		plates_clear(&all);
		assert_dark(&all);
		plates_fini(&all);
		plates_fini(&bands);
	}
}

/* In the middle of its pixel a pointed dot lights that one alone, on a frame of any size. */
static void test_point(void **state)
{
	const struct plates_opts o = { .pointed = true };
	const struct plates_dot d = { .x = 20 * 16 + 8, .y = 999 * 16 + 8, .weight = 1 };
	struct plates p;

	(void)state;
	assert_int_equal(plates_init(&p, 40, 2160, &o), 0);
	assert_null(p.fade);
	assert_null(p.spark);
	plates_live(&p, plates_all(&p), &d, 1);
	assert_int_equal(accum_lit_cells(&p.live), 1);
	assert_int_equal(p.live.cells[999 * 40 + 20][3], ACCUM_UNIT);
	plates_live(&p, plates_all(&p), &d, -1);
	assert_dark(&p);
	plates_fini(&p);
}

/* A million and a half on one spot, which was told: counted, not wrapped around. */
static void test_crowd(void **state)
{
	enum { CROWD = 1500000 };
	const struct plates_opts o = { .pointed = true, .crowd = CROWD };
	const struct plates_dot d = { .x = 8, .y = 8, .weight = 1, .rgb = { 1, 1, 1 } };
	struct plates p;

	(void)state;
	assert_int_equal(plates_init(&p, 16, 16, &o), 0);
	assert_true(p.live.unit < (float)ACCUM_UNIT);
	for (unsigned i = 0; i < CROWD; i++)
		plates_live(&p, plates_all(&p), &d, 1);
	for (unsigned c = 0; c < 4; c++)
		assert_true((double)p.live.cells[0][c] / (double)p.live.unit == CROWD);
	plates_fini(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_come_and_go),
		cmocka_unit_test(test_bands),
		cmocka_unit_test(test_point),
		cmocka_unit_test(test_crowd),
	};

	return cmocka_run_group_tests_name("viz/plates", tests, NULL, NULL);
}
