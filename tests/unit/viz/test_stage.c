/* SPDX-License-Identifier: MIT */
#include "tests/support/unit.h"

#include <stdlib.h>
#include <string.h>

#include "tests/support/rng.h"
#include "tests/support/seed.h"
#include "viz/num.h"
#include "viz/stage.h"

/**
 * DOC: what a layout is drawn on. A stage adds nothing of its own: what it
 * develops is what its parts give when they are put together by hand.
 */

static const struct {
	const char *name;
	enum layout_kind kind;
	bool alone;
	unsigned width, height;
	int err;
} stages[] = {
	{ "map", LAYOUT_MAP, true, 640, 360, 0 },
	{ "hilbert", LAYOUT_HILBERT, true, 1280, 720, 0 },
	{ "a poster", LAYOUT_HILBERT, true, 2048, 2048, 0 },
	{ "idmap", LAYOUT_IDMAP, true, 960, 540, 0 },
	{ "ring", LAYOUT_RING, true, 640, 360, 0 },
	{ "an observatory's map", LAYOUT_MAP, false, 640, 720, 0 },
	{ "an observatory's hilbert", LAYOUT_HILBERT, false, 512, 512, 0 },
	{ "an observatory's idmap", LAYOUT_IDMAP, false, 512, 512, 0 },
	{ "no room for the square", LAYOUT_HILBERT, true, 320, 180, DT_ERANGE },
	{ "no room for the ids", LAYOUT_IDMAP, true, 640, 360, DT_ERANGE },
	{ "no room for the ring", LAYOUT_RING, true, 620, 350, DT_ERANGE },
	{ "no room beside others", LAYOUT_IDMAP, false, 300, 300, DT_ERANGE },
};

enum { STAGES = sizeof(stages) / sizeof(stages[0]) };

static int open_stage(struct stage *s, size_t i)
{
	const struct layout_view view = { stages[i].kind, 0, 0, stages[i].width, stages[i].height };
	const struct render_opts opts = { .reference = 0x80000000 };

	return stage_open(s, &view, stages[i].alone, &opts);
}

/* One geometry, that of its layout; a failed one holds nothing. */
static void test_open(void **state)
{
	(void)state;
	for (size_t i = 0; i < STAGES; i++) {
		struct spots_geometry g;
		struct stage s;
		int err = open_stage(&s, i);

		if (err != stages[i].err)
			fail_msg("%s: %d, not %d", stages[i].name, err, stages[i].err);
		if (err) {
			assert_null(s.base.px);
			continue;
		}
		g = stage_geometry(&s);
		assert_int_equal(!!g.map, stages[i].kind == LAYOUT_MAP);
		assert_int_equal(!!g.hilbert, stages[i].kind == LAYOUT_HILBERT);
		assert_int_equal(!!g.idmap, stages[i].kind == LAYOUT_IDMAP);
		assert_int_equal(!!g.ring, stages[i].kind == LAYOUT_RING);
		assert_int_equal(stage_pointed(&s), g.hilbert || g.idmap);
		assert_int_equal(stage_tone(&s), g.hilbert ? TONE_POINTS | TONE_AREAS
						 : g.ring  ? TONE_AREAS
							   : TONE_PLAIN);
		stage_close(&s);
	}
}

struct picture {
	struct sheet sheet;
	uint8_t *rgba;
	uint32_t *overlay;
	unsigned stride, rows;
};

/* A sheet with some lights on it, and a picture that is larger than the stage. */
static void picture_open(struct picture *p, const struct stage *s, struct rng *r)
{
	const unsigned tiles_x = (s->width + ACCUM_TILE - 1) / ACCUM_TILE;

	p->stride = s->width + 24;
	p->rows = s->height + 8;
	assert_int_equal(sheet_open(&p->sheet, s), 0);
	assert_int_equal(!!p->sheet.ground, s->layout == LAYOUT_IDMAP);
	p->rgba = malloc((size_t)p->stride * p->rows * 4);
	p->overlay = calloc((size_t)p->stride * p->rows, sizeof(*p->overlay));
	assert_true(p->rgba && p->overlay);
	memset(p->rgba, 0xaa, (size_t)p->stride * p->rows * 4);
	for (unsigned i = 0; i < 300; i++) {
		unsigned x = (unsigned)rng_below(r, s->width),
			 y = (unsigned)rng_below(r, s->height);
		float v = (float)rng_below(r, 1000) / 700;

		p->sheet.light[(size_t)y * s->width + x] = (accum_light){ v, v / 2, v / 3, 1 };
		p->sheet.lit[y / ACCUM_TILE * tiles_x + x / ACCUM_TILE] = 1;
	}
}

static void picture_close(struct picture *p)
{
	sheet_close(&p->sheet);
	free(p->rgba);
	free(p->overlay);
}

static const float glows[] = {
	[LAYOUT_MAP] = 0.5f, [LAYOUT_HILBERT] = 0.1f, [LAYOUT_IDMAP] = 0.5f, [LAYOUT_RING] = 0.12f
};

/* The same from the parts, without a stage. */
static void by_hand(const struct stage *s, const struct picture *p, const struct stage_moment *m,
		    uint8_t *rgba)
{
	struct sun sun = sun_at(m->at_s);
	struct basemap base = s->base;
	struct compose_parts parts = { .width = s->width,
				       .height = s->height,
				       .base = &base,
				       .glow = glows[s->layout],
				       .light = p->sheet.light,
				       .overlay = m->overlay,
				       .stride = m->stride,
				       .frame = m->frame };
	struct bloom bloom;

	if (s->layout == LAYOUT_MAP && m->terminator && m->at_s)
		parts.sun = &sun;
	if (s->layout == LAYOUT_IDMAP)
		base.px = p->sheet.ground;
	assert_int_equal(bloom_init(&bloom, s->width, s->height), 0);
	bloom_build(&bloom, p->sheet.light, NULL, 1);
	parts.bloom = &bloom;
	assert_int_equal(compose_frame(&s->compose, &parts, rgba, 1), 0);
	bloom_fini(&bloom);
}

static void test_develop(void **state)
{
	struct rng r = { seed_open() };

	(void)state;
	for (size_t i = 0; i < STAGES; i++) {
		struct stage_moment m = { .at_s = 1795219200 + 3600 * i, .frame = (uint32_t)i };
		struct picture p;
		struct stage s;
		uint8_t *want;
		size_t bytes;

		if (stages[i].err || stages[i].width > 1500)
			continue;
		assert_int_equal(open_stage(&s, i), 0);
		picture_open(&p, &s, &r);
		bytes = (size_t)p.stride * p.rows * 4;
		want = malloc(bytes);
		assert_non_null(want);
		memset(want, 0xaa, bytes);
		m.stride = p.stride;
		m.overlay = p.overlay;
		assert_int_equal(stage_words(&s, 1, p.stride, p.overlay), 0);
		if (p.sheet.ground) /* a ground of its own is what is shown */
			p.sheet.ground[0] = 0xffffffff;
		for (int terminator = 0; terminator < 2; terminator++) {
			m.terminator = terminator;
			assert_int_equal(
				stage_develop(&s, &p.sheet, &m, p.rgba, terminator ? 2 : 1), 0);
			by_hand(&s, &p, &m, want);
			if (memcmp(want, p.rgba, bytes) != 0)
				fail_msg("%s is not what its parts make", stages[i].name);
		}
		/* beyond its corner of the picture nothing was touched */
		for (unsigned y = 0; y < p.rows; y++)
			for (unsigned x = y < s.height ? s.width : 0; x < p.stride; x++)
				assert_int_equal(p.rgba[4 * ((size_t)y * p.stride + x)], 0xaa);
		free(want);
		picture_close(&p);
		stage_close(&s);
	}
}

/* Day and night are of the map alone, and of an instant that is known. */
static void test_day_and_night(void **state)
{
	static const size_t which[] = { 0, 1, 3, 4 };
	struct rng r = { seed_open() };

	(void)state;
	for (size_t k = 0; k < sizeof(which) / sizeof(which[0]); k++) {
		size_t i = which[k], bytes;
		struct stage_moment m = { .at_s = 1795219200 };
		struct picture p;
		struct stage s;
		uint8_t *plain;

		assert_int_equal(open_stage(&s, i), 0);
		picture_open(&p, &s, &r);
		m.stride = p.stride;
		bytes = (size_t)p.stride * p.rows * 4;
		plain = malloc(bytes);
		assert_non_null(plain);
		memset(plain, 0xaa, bytes);
		assert_int_equal(stage_develop(&s, &p.sheet, &m, plain, 1), 0);
		m.terminator = true;
		assert_int_equal(stage_develop(&s, &p.sheet, &m, p.rgba, 1), 0);
		assert_int_equal(memcmp(plain, p.rgba, bytes) != 0, s.layout == LAYOUT_MAP);
		m.at_s = 0;
		assert_int_equal(stage_develop(&s, &p.sheet, &m, p.rgba, 1), 0);
		assert_memory_equal(plain, p.rgba, bytes);
		free(plain);
		picture_close(&p);
		stage_close(&s);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_open),
		cmocka_unit_test(test_develop),
		cmocka_unit_test(test_day_and_night),
	};

	return cmocka_run_group_tests_name("viz/stage", tests, NULL, NULL);
}
