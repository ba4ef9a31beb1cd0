/* SPDX-License-Identifier: MIT */
#include "tests/support/unit.h"

#include <cairo.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <ft2build.h>
#include FT_FREETYPE_H

#include "tests/support/golden.h"
#include "tests/support/scene_sample.h"
#include "viz/film.h"
#include "viz/png_out.h"

enum { NODES = 20000 };

static struct scene *sample(enum scene_space space)
{
	struct rng r = { 177 };
	struct scene *s = scene_new(NODES);

	assert_non_null(s);
	s->space = space;
	for (unsigned i = 0; i < NODES; i++) {
		struct scene_row row = scene_sample_row(&r);

		/* most come and go within a film of six hours */
		row.last_s = row.first_s + rng_below(&r, 9000);
		if (space != SCENE_EARTH) {
			row.lat = row.lon = row.radius_km = 0;
			row.country_level = false;
		}
		assert_int_equal(scene_add(s, &row, 1), 0);
	}
	scene_seal(s);
	for (unsigned i = 0; i < s->top_count; i++)
		snprintf(s->top[i].name, sizeof(s->top[i].name), "Network %u GmbH & Co.", i);
	strcpy(s->attribution, "Geolocation: nobody, CC0");
	return s;
}

static struct film_opts options(unsigned width, unsigned height, const char *layout)
{
	struct film_opts o = { .render = render_opts_default(),
			       .wish = { .from_s = SCENE_SAMPLE_START,
					 .to_s = SCENE_SAMPLE_START + SCENE_SAMPLE_SPAN,
					 .duration_s = 6,
					 .fps = 24 } };

	o.render.width = width;
	o.render.height = height;
	o.render.layout = layout;
	o.render.half_life_s = 900;
	o.render.cutoff_s = 3600;
	o.render.threads = 1;
	return o;
}

static struct film *opened(const struct film_opts *o)
{
	struct scene *scenes[LAYOUT_VIEWS_MAX] = { NULL };
	struct frame_kind kind;
	struct film *f = NULL;
	char why[256] = "";

	assert_int_equal(frame_check(&o->render, &kind, why), 0);
	for (unsigned i = 0; i < kind.view_count; i++)
		scenes[i] = sample(layout_space(kind.views[i].kind));
	if (film_open_scenes(scenes, NULL, o, &f, why))
		fail_msg("%s", why);
	return f;
}

/* An output that keeps all frames. */
struct keep {
	struct film_out base;
	uint8_t *frames[256];
	uint32_t first;
	size_t bytes;
	uint32_t next; /* where order matters */
};

static int keep_put(struct film_out *o, uint32_t f, const uint8_t *rgba, char why[static 256])
{
	struct keep *k = (struct keep *)o;

	(void)why;
	assert_true(f - k->first < 256);
	if (o->ordered)
		assert_int_equal(f, k->next++);
	k->frames[f - k->first] = malloc(k->bytes);
	assert_non_null(k->frames[f - k->first]);
	memcpy(k->frames[f - k->first], rgba, k->bytes);
	return 0;
}

static const struct film_out_ops keep_ops = { .put = keep_put };

static void rendered(const struct film_opts *o, uint32_t first, uint32_t count, bool ordered,
		     struct keep *k)
{
	struct film *f = opened(o);
	struct film_run run = { .first = first, .count = count, .out = &k->base };
	struct film_stats st;
	char why[256] = "";

	*k = (struct keep){ .base = { .ops = &keep_ops, .ordered = ordered },
			    .first = first,
			    .next = first,
			    .bytes = (size_t)o->render.width * o->render.height * 4 };
	if (film_render(f, &run, &st, why))
		fail_msg("%s", why);
	assert_int_equal(st.frames, count);
	film_close(f);
}

static void keep_free(struct keep *k)
{
	for (unsigned i = 0; i < 256; i++)
		free(k->frames[i]);
}

/* The same bytes for any number of threads, any first frame, in order or not. */
static void test_same_bytes(void **state)
{
	static const struct {
		unsigned width, height;
		const char *layout;
	} kinds[] = { { 480, 270, NULL }, { 820, 512, "hilbert" }, { 640, 360, "ring" } };

	(void)state;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		struct film_opts o = options(kinds[i].width, kinds[i].height, kinds[i].layout);
		struct keep *all = malloc(sizeof(*all)), *part = malloc(sizeof(*part));

		assert_true(all && part);
		rendered(&o, 0, 72, true, all);
		for (unsigned threads = 2; threads <= 8; threads *= 4) {
			o.render.threads = threads;
			rendered(&o, 0, 72, threads == 2, part);
			for (unsigned f = 0; f < 72; f++)
				assert_memory_equal(all->frames[f], part->frames[f], all->bytes);
			keep_free(part);
		}
		for (uint32_t first = 7; first < 72; first += 57) { /* 7, and 64 itself */
			rendered(&o, first, 6, true, part);
			for (unsigned f = 0; f < 6; f++)
				assert_memory_equal(all->frames[first + f], part->frames[f],
						    all->bytes);
			keep_free(part);
		}
		keep_free(all);
		free(all);
		free(part);
	}
}

/* One frame alone is the frame of the film; the last stands for two seconds. */
static void test_one_and_last(void **state)
{
	struct film_opts o = options(480, 270, NULL);
	struct keep *k = malloc(sizeof(*k));
	uint8_t *alone = malloc(480 * 270 * 4);
	struct film *f = opened(&o);
	const struct film_plan *p = film_plan_of(f);
	char why[256];

	(void)state;
	assert_true(k && alone);
	assert_int_equal(p->hold, 2 * 24 - 1);
	rendered(&o, p->frames - 3, 3, true, k);
	assert_int_equal(film_frame(f, p->frames - 2, alone, why), 0);
	assert_memory_equal(alone, k->frames[1], 480 * 270 * 4);
	for (uint32_t i = 3; i < 3 + p->hold; i++)
		assert_memory_equal(k->frames[2], k->frames[i], 480 * 270 * 4);
	assert_null(k->frames[3 + p->hold]);
	assert_int_equal(film_frame(f, p->frames, alone, why), DT_ERANGE);
	keep_free(k);
	film_close(f);
	free(alone);
	free(k);
}

static int put_fails(struct film_out *o, uint32_t f, const uint8_t *rgba, char why[static 256])
{
	(void)o;
	(void)rgba;
	if (f < 5)
		return 0;
	snprintf(why, 256, "the disk is on fire");
	return DT_ENOSPACE;
}

static void test_output_fails(void **state)
{
	static const struct film_out_ops ops = { .put = put_fails };

	(void)state;
	for (unsigned threads = 1; threads <= 3; threads++) {
		struct film_opts o = options(320, 180, NULL);
		struct film_out out = { .ops = &ops, .ordered = true };
		struct film_run run = { .out = &out };
		atomic_bool stop = true;
		struct film_stats st;
		char why[256] = "";
		struct film *f;

		o.render.threads = threads;
		f = opened(&o);
		assert_int_equal(film_render(f, &run, &st, why), DT_ENOSPACE);
		assert_string_equal(why, "the disk is on fire");
		run.stop = &stop;
		assert_int_equal(film_render(f, &run, &st, why), DT_EREFUSED);
		assert_int_equal(st.frames, 0);
		film_close(f);
	}
}

static void test_refused(void **state)
{
	static const struct {
		const char *says;
		unsigned width, height;
		const char *layout;
		enum render_mode mode;
		uint64_t to_s;
		double fps;
	} rows[] = {
		{ "nothing between", 320, 180, NULL, RENDER_GLOW, SCENE_SAMPLE_START, 24 },
		{ "frames per second", 320, 180, NULL, RENDER_GLOW, 0, 0 },
		{ "36 hours", 320, 180, NULL, RENDER_BREATH, 0, 24 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct film_opts o = options(rows[i].width, rows[i].height, rows[i].layout);
		struct scene *scenes[LAYOUT_VIEWS_MAX] = { sample(SCENE_EARTH) };
		struct film *f = NULL;
		char why[256] = "";

		o.render.mode = rows[i].mode;
		o.wish.fps = rows[i].fps;
		o.wish.to_s = rows[i].to_s ? rows[i].to_s : o.wish.to_s;
		assert_int_equal(film_open_scenes(scenes, NULL, &o, &f, why), DT_ERANGE);
		if (!strstr(why, rows[i].says))
			fail_msg("'%s' says nothing of '%s'", why, rows[i].says);
	}
}

/* ---- golden frames -------------------------------------------------------------------- */

static const struct {
	const char *name;
	unsigned width, height;
	const char *layout, *palette;
	uint32_t frame;
} goldens[] = {
	{ "film-map-640x360", 640, 360, NULL, NULL, 70 },
	{ "film-hilbert-820x512", 820, 512, "hilbert", "focus", 60 },
	{ "film-ring-960x540", 960, 540, "ring", NULL, 65 },
};

static void test_golden(void **state)
{
	struct golden g;
	char libraries[64];

	(void)state;
	snprintf(libraries, sizeof(libraries), "cairo-%s-freetype-%d.%d.%d", cairo_version_string(),
		 FREETYPE_MAJOR, FREETYPE_MINOR, FREETYPE_PATCH);
	golden_open(&g, "film");
	for (size_t i = 0; i < sizeof(goldens) / sizeof(goldens[0]); i++) {
		struct film_opts o =
			options(goldens[i].width, goldens[i].height, goldens[i].layout);
		size_t bytes = (size_t)goldens[i].width * goldens[i].height * 4;
		uint8_t *rgba = malloc(bytes);
		char why[256];
		struct film *f;

		assert_non_null(rgba);
		o.render.palette = goldens[i].palette;
		f = opened(&o);
		assert_int_equal(film_frame(f, goldens[i].frame, rgba, why), 0);
		golden_check(&g, goldens[i].name, libraries, rgba, goldens[i].width,
			     goldens[i].height);
		film_close(f);
		free(rgba);
	}
	golden_close(&g);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_same_bytes),   cmocka_unit_test(test_one_and_last),
		cmocka_unit_test(test_output_fails), cmocka_unit_test(test_refused),
		cmocka_unit_test(test_golden),
	};

	return cmocka_run_group_tests_name("viz/film", tests, NULL, NULL);
}
