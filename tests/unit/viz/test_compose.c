/* SPDX-License-Identifier: MIT */
#include "tests/support/unit.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "viz/compose.h"
#include "viz/palette.h"

enum { W = 640, H = 360 };

struct stage {
	struct basemap base;
	struct accum plate;
	struct bloom bloom;
	accum_light *light;
	uint32_t *words;
	uint8_t *rgba;
	struct compose_parts parts;
	struct compose compose;
};

static void stage_open(struct stage *s)
{
	memset(s, 0, sizeof(*s));
	compose_init(&s->compose);
	assert_int_equal(basemap_open(&s->base, W, H, &(struct basemap_opts){ .bare = true }), 0);
	assert_int_equal(accum_init(&s->plate, W, H), 0);
	assert_int_equal(bloom_init(&s->bloom, W, H), 0);
	s->light = calloc(W * H, sizeof(*s->light));
	s->words = calloc(W * H, sizeof(*s->words));
	s->rgba = calloc(W * H, 4);
	assert_true(s->light && s->words && s->rgba);
	bloom_build(&s->bloom, s->light, NULL, 1);
	s->parts = (struct compose_parts){ .width = W,
					   .height = H,
					   .base = &s->base,
					   .light = s->light,
					   .bloom = &s->bloom,
					   .glow = 0.5f,
					   .overlay = s->words };
}

static void stage_close(struct stage *s)
{
	basemap_close(&s->base);
	accum_fini(&s->plate);
	bloom_fini(&s->bloom);
	free(s->light);
	free(s->words);
	free(s->rgba);
}

/* The page comes out as it is: its mean exact, no pixel more than a step off. */
static void test_dither(void **state)
{
	static const int page[3] = { 0x05, 0x07, 0x0b };
	double sum[3] = { 0 };
	struct stage s;

	(void)state;
	stage_open(&s);
	assert_int_equal(compose_frame(&s.compose, &s.parts, s.rgba, 1), 0);
	for (unsigned i = 0; i < W * H; i++) {
		for (unsigned c = 0; c < 3; c++) {
			assert_true(abs(s.rgba[4 * i + c] - page[c]) <= 1);
			sum[c] += s.rgba[4 * i + c];
		}
		assert_int_equal(s.rgba[4 * i + 3], 255);
	}
	for (unsigned c = 0; c < 3; c++)
		assert_true(fabs(sum[c] / (W * H) - page[c]) < 0.05);
	stage_close(&s);
}

/* Light between two bytes' steps survives as a mean: that is what dither is for. */
static void test_between_steps(void **state)
{
	struct stage s;

	(void)state;
	stage_open(&s);
	for (int step = 0; step < 8; step++) {
		float level = 0.002f + 0.0005f * (float)step,
		      page = (float)palette_linear(7 / 255.0);
		float shown = compose_shoulder(level);
		double sum = 0, want = 255 * palette_srgb((double)(page + shown * (1 - page)));

		for (unsigned i = 0; i < W * H; i++)
			s.light[i] = (accum_light){ level, level, level, 0 };
		assert_int_equal(compose_frame(&s.compose, &s.parts, s.rgba, 2), 0);
		for (unsigned i = 0; i < W * H; i++)
			sum += s.rgba[4 * i + 1];
		if (fabs(sum / (W * H) - want) > 0.06)
			fail_msg("level %f: mean %f, not %f", (double)level, sum / (W * H), want);
	}
	stage_close(&s);
}

static void test_words(void **state)
{
	struct stage s;

	(void)state;
	stage_open(&s);
	s.words[100] = 0xffc08040; /* opaque */
	s.words[200] = 0x80404040; /* half */
	assert_int_equal(compose_frame(&s.compose, &s.parts, s.rgba, 1), 0);
	assert_true(abs(s.rgba[400] - 0xc0) <= 1 && abs(s.rgba[401] - 0x80) <= 1 &&
		    abs(s.rgba[402] - 0x40) <= 1);
	assert_true(abs(s.rgba[800] - (0x40 + 2)) <= 2);
	s.parts.overlay = NULL;
	assert_int_equal(compose_frame(&s.compose, &s.parts, s.rgba, 1), 0);
	assert_true(s.rgba[400] < 8);
	stage_close(&s);
}

static void test_extremes(void **state)
{
	struct stage s;

	(void)state;
	stage_open(&s);
	for (unsigned i = 0; i < W * H; i++)
		s.light[i] = (accum_light){ 1e6f, i % 2 ? 1e6f : 0, 0, 0 };
	assert_int_equal(compose_frame(&s.compose, &s.parts, s.rgba, 1), 0);
	for (unsigned i = 0; i < W * H; i++)
		assert_true(s.rgba[4 * i] >= 253 && s.rgba[4 * i + 2] < 16);
	stage_close(&s);
}

static void test_threads_and_frames(void **state)
{
	uint8_t *one = malloc(W * H * 4);
	struct stage s;

	(void)state;
	assert_non_null(one);
	stage_open(&s);
	for (unsigned i = 0; i < W * H; i++)
		s.light[i] = (accum_light){ (float)(i % 97) / 97, (float)(i % 31) / 31, 0.1f, 0 };
	assert_int_equal(compose_frame(&s.compose, &s.parts, one, 1), 0);
	assert_int_equal(compose_frame(&s.compose, &s.parts, s.rgba, 5), 0);
	assert_memory_equal(one, s.rgba, W * H * 4);
	s.parts.frame = 1; /* the noise moves on */
	assert_int_equal(compose_frame(&s.compose, &s.parts, s.rgba, 5), 0);
	assert_true(memcmp(one, s.rgba, W * H * 4) != 0);
	free(one);
	stage_close(&s);
}

/* Ground by day and night with the band at its end, light, glow and words in all mixtures. */
static void draw_mixture(const struct compose *c, unsigned width, unsigned height, uint8_t *rgba)
{
	accum_light *light = calloc((size_t)width * height, sizeof(*light));
	uint32_t *words = calloc((size_t)width * height, sizeof(*words));
	const struct sun sun = { .lat = 20, .lon = 40 };
	struct compose_parts parts = { .width = width, .height = height, .glow = 0.5f, .frame = 9 };
	struct basemap base;
	struct bloom bloom;

	assert_true(light && words);
	assert_int_equal(basemap_open(&base, width, height, &(struct basemap_opts){ 0 }), 0);
	assert_int_equal(bloom_init(&bloom, width, height), 0);
	bloom_build(&bloom, light, NULL, 1);
	for (unsigned i = 0; i < bloom.level[0].width * bloom.level[0].height / 2; i++)
		bloom.level[0].px[i] = (accum_light){ 0.02f, 0.05f, 0.01f, 0 };
	for (size_t i = 0; i < (size_t)width * height; i++) {
		uint32_t r = ((uint32_t)i + 1) * 2654435761u;
		float v = (float)(r >> 8 & 1023) / 512;

		/* also tiles of each alone and of neither */
		if (r >> 28 < 9 && i / 64 % 4 & 1)
			light[i] = (accum_light){ v, v * 0.5f, v * v, 0 };
		if (r >> 20 & 1 && i / 64 % 4 & 2)
			words[i] = (r >> 5 & 255) << 24 | (r >> 6 & r >> 5 & 255) * 0x10101u;
	}
	parts.base = &base;
	parts.sun = &sun;
	parts.bloom = &bloom;
	parts.light = light;
	parts.overlay = words;
	assert_int_equal(compose_frame(c, &parts, rgba, 1), 0);
	/* tiles known to have neither */
	parts.lit = parts.words = calloc((size_t)(width / 16 + 1) * (height / 16 + 1), 1);
	assert_non_null(parts.lit);
	assert_int_equal(compose_frame(c, &parts, rgba + (size_t)4 * width * height, 1), 0);
	free((void *)(uintptr_t)parts.lit);
	basemap_close(&base);
	bloom_fini(&bloom);
	free(light);
	free(words);
}

/* Pixels taken eight at a time, where the machine can, and one by one: the same bytes. */
static void test_eight_as_one(void **state)
{
	static const struct {
		unsigned width, height;
	} sizes[] = { { 640, 360 }, { 656, 184 }, { 1920, 320 }, { 332, 180 } };
	static struct compose c;

	(void)state;
	compose_init(&c);
	if (!c.wide)
		skip();
	for (unsigned i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		size_t bytes = (size_t)8 * sizes[i].width * sizes[i].height;
		uint8_t *eight = malloc(bytes), *one = malloc(bytes);

		assert_true(eight && one);
		c.wide = true;
		draw_mixture(&c, sizes[i].width, sizes[i].height, eight);
		c.wide = false;
		draw_mixture(&c, sizes[i].width, sizes[i].height, one);
		assert_memory_equal(eight, one, bytes);
		free(eight);
		free(one);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_dither),
		cmocka_unit_test(test_between_steps),
		cmocka_unit_test(test_words),
		cmocka_unit_test(test_extremes),
		cmocka_unit_test(test_threads_and_frames),
		cmocka_unit_test(test_eight_as_one),
	};

	return cmocka_run_group_tests_name("viz/compose", tests, NULL, NULL);
}
