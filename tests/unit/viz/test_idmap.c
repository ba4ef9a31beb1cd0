/* SPDX-License-Identifier: MIT */
#include "tests/support/unit.h"

#include <math.h>
#include <stdlib.h>

#include "tests/support/rng.h"
#include "viz/idmap.h"
#include "viz/palette.h"

/* Quarter by quarter: upper left, upper right, lower left, lower right. */
static void oracle(unsigned order, uint32_t prefix, unsigned *x, unsigned *y)
{
	uint32_t quarter = 1u << 2 * (order - 1);

	*x = *y = 0;
	for (unsigned half = 1u << (order - 1); half; half /= 2, quarter /= 4) {
		unsigned which = prefix / quarter % 4;

		*x += which == 1 || which == 3 ? half : 0;
		*y += which >= 2 ? half : 0;
	}
}

static void test_z_order(void **state)
{
	(void)state;
	for (unsigned order = 1; order <= 9; order++)
		for (uint32_t i = 0; i < 1u << 2 * order; i++) {
			unsigned x, y, wx, wy;

			idmap_xy(order, i, &x, &y);
			oracle(order, i, &wx, &wy);
			if (x != wx || y != wy)
				fail_msg("order %u, %x: (%u, %u), not (%u, %u)", order, i, x, y, wx,
					 wy);
		}
}

static const struct {
	unsigned width, height;
	int err;
	unsigned x, y, cell;
} frames[] = {
	{ 1920, 1080, 0, 448, 28, 2 },      { 3840, 2160, 0, 896, 56, 4 },
	{ 960, 540, 0, 224, 14, 1 },        { 640, 360, DT_ERANGE, 0, 0, 0 },
	{ 1080, 1080, DT_ERANGE, 0, 0, 0 }, { 1080, 1920, DT_ERANGE, 0, 0, 0 },
};

static void test_frames(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(frames) / sizeof(frames[0]); i++) {
		struct idmap m;
		int err = idmap_init(&m, frames[i].width, frames[i].height);

		if (err != frames[i].err)
			fail_msg("%u x %u: %d", frames[i].width, frames[i].height, err);
		if (err)
			continue;
		assert_int_equal(m.x, frames[i].x);
		assert_int_equal(m.y, frames[i].y);
		assert_int_equal(m.cell, frames[i].cell);
	}
}

struct stage {
	struct idmap m;
	struct accum plate;
	struct basemap b;
	struct idmap_facts facts;
};

static void stage_open(struct stage *s)
{
	assert_int_equal(idmap_init(&s->m, 960, 540), 0);
	assert_int_equal(accum_init(&s->plate, 960, 540), 0);
	accum_pointed(&s->plate);
	assert_int_equal(basemap_open(&s->b, 960, 540, &(struct basemap_opts){ .bare = true }), 0);
}

static void stage_close(struct stage *s)
{
	basemap_close(&s->b);
	accum_fini(&s->plate);
}

static void put(struct stage *s, uint32_t id)
{
	static const struct palette_rgb white = { 1, 1, 1 };
	struct accum_dot d = { .weight = 1 };
	unsigned x, y;

	idmap_pixel(&s->m, id, &x, &y);
	d.x = (int32_t)x * ACCUM_SUB + ACCUM_SUB / 2;
	d.y = (int32_t)y * ACCUM_SUB + ACCUM_SUB / 2;
	accum_add(&s->plate, 0, 540, &d, 1, &white);
}

/* Ids by lot: variance over mean is 1, within what 2^18 cells allow. */
static void test_lot(void **state)
{
	struct rng r = { 11 };
	struct stage s;

	(void)state;
	stage_open(&s);
	for (unsigned i = 0; i < 400000; i++)
		put(&s, (uint32_t)rng_u64(&r));
	idmap_paint(&s.m, &s.plate, s.b.px, &s.facts);
	assert_int_equal(s.facts.nodes, 400000);
	assert_true(fabs(s.facts.dispersion - 1) < 0.015);
	assert_true(fabs(s.facts.mean - 400000.0 / 262144) < 1e-9);
	assert_int_equal(s.facts.crowded, 0);
	stage_close(&s);
}

/* A crowd around one key is seen, counted and framed; nobody else is. */
static void test_crowd(void **state)
{
	struct rng r = { 12 };
	unsigned x, y;
	struct stage s;

	(void)state;
	stage_open(&s);
	for (unsigned i = 0; i < 100000; i++)
		put(&s, (uint32_t)rng_u64(&r));
	for (unsigned i = 0; i < 900; i++)
		put(&s, 0xc0de0000u + (i & 0xfff));
	idmap_paint(&s.m, &s.plate, s.b.px, &s.facts);
	assert_int_equal(s.facts.crowded, 1);
	assert_true(idmap_is_crowded(&s.facts, 0xc0));
	assert_true(s.facts.dispersion > 2);
	idmap_pixel(&s.m, 0xc0de0000u, &x, &y);
	assert_int_equal(s.b.px[y * 960 + x], palette_deviation(4));
	stage_close(&s);
}

/* Few nodes and none: who stands alone is no crowd. */
static void test_few(void **state)
{
	struct stage s;

	(void)state;
	stage_open(&s);
	idmap_paint(&s.m, &s.plate, s.b.px, &s.facts);
	assert_int_equal(s.facts.nodes, 0);
	assert_int_equal(s.facts.crowded, 0);
	assert_int_equal(s.b.px[(s.m.y + 7) * 960 + s.m.x + 7], palette_deviation(0));
	put(&s, 0);
	idmap_paint(&s.m, &s.plate, s.b.px, &s.facts);
	assert_int_equal(s.facts.crowded, 0);
	stage_close(&s);
}

static void test_colors(void **state)
{
	(void)state;
	assert_int_equal(palette_deviation(0), 0x1a1f29);
	assert_int_equal(palette_deviation(-4), 0x4c8dff);
	assert_int_equal(palette_deviation(4), 0xffb347);
	assert_int_equal(palette_deviation(400), 0xffb347);
	assert_int_equal(palette_deviation(-400), 0x4c8dff);
	assert_int_equal(palette_deviation(2), 0x8d6938);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_z_order), cmocka_unit_test(test_frames),
		cmocka_unit_test(test_lot),     cmocka_unit_test(test_crowd),
		cmocka_unit_test(test_few),     cmocka_unit_test(test_colors),
	};

	return cmocka_run_group_tests_name("viz/idmap", tests, NULL, NULL);
}
