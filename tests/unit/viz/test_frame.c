/* SPDX-License-Identifier: MIT */
#include "tests/support/unit.h"

#include <cairo.h>
#include <errno.h>
#include <math.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <ft2build.h>
#include FT_FREETYPE_H

#include "tests/support/scene_sample.h"
#include "viz/frame.h"
#include "viz/png_out.h"

static struct render_opts options(unsigned width, unsigned height, unsigned threads)
{
	struct render_opts o = render_opts_default();

	o.width = width;
	o.height = height;
	o.threads = threads;
	return o;
}

static struct scene *sample(unsigned nodes)
{
	struct rng r = { 77 };
	struct scene *s = scene_sample(&r, nodes);

	assert_non_null(s);
	return s;
}

static uint8_t *drawn(const struct render_opts *o, struct scene *s, struct render_stats *stats)
{
	char why[256] = "";
	struct frame f;
	uint8_t *out = malloc((size_t)o->width * o->height * 4);

	assert_non_null(out);
	assert_int_equal(frame_open(&f, o, why), 0);
	assert_int_equal(frame_draw(&f, &s, stats, why), 0);
	memcpy(out, f.rgba, (size_t)o->width * o->height * 4);
	frame_close(&f);
	return out;
}

static const struct {
	const char *name, *says;
	struct render_opts o;
	int err;
} refused[] = {
	{ "no size", "0 x 0", { 0 }, DT_ERANGE },
	{ "too small", "319 x 180", { .width = 319, .height = 180 }, DT_ERANGE },
	{ "too large", "16385 x 1000", { .width = 16385, .height = 1000 }, DT_ERANGE },
	{ "palette",
	  "'rainbow'",
	  { .width = 640, .height = 360, .palette = "rainbow" },
	  DT_ENOTFOUND },
	{ "layout", "'sphere'", { .width = 640, .height = 360, .layout = "sphere" }, DT_ENOTFOUND },
	{ "no room for a hilbert",
	  "1000 x 1000",
	  { .width = 1000, .height = 1000, .layout = "hilbert" },
	  DT_ERANGE },
	{ "no room for an idmap",
	  "700 x 500",
	  { .width = 700, .height = 500, .layout = "idmap" },
	  DT_ERANGE },
	{ "negative half-life",
	  "half-life",
	  { .width = 640, .height = 360, .half_life_s = -1 },
	  DT_ERANGE },
	{ "no number", "half-life", { .width = 640, .height = 360, .cutoff_s = NAN }, DT_ERANGE },
	{ "exposure", "exposure", { .width = 640, .height = 360, .exposure = -3 }, DT_ERANGE },
	{ "text", "text scale", { .width = 640, .height = 360, .text_scale = 9 }, DT_ERANGE },
};

static void test_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		char why[256] = "";
		struct frame f;
		int err = frame_open(&f, &refused[i].o, why);

		if (err != refused[i].err || !strstr(why, refused[i].says))
			fail_msg("%s: %d, '%s'", refused[i].name, err, why);
	}
}

/* A small Internet: four busy /8s, a crowd on one address, some who have no IPv4. */
static struct scene *addresses(unsigned nodes)
{
	struct scene *s = scene_new(nodes);
	struct rng r = { 78 };

	assert_non_null(s);
	s->space = SCENE_IPV4; /* or any other square's: they share what is tested here */
	for (unsigned i = 0; i < nodes; i++) {
		uint32_t ip = (uint32_t)rng_u64(&r);
		struct scene_row row = scene_sample_row(&r);

		row.lat = row.lon = row.radius_km = 0;
		row.country_level = false;
		row.has_point = i % 16 != 0;
		row.seed = i % 8 == 1 ? 0xbadcafe : i % 4 ? (ip & 0x20ffffff) | 0x5a000000 : ip;
		assert_int_equal(scene_add(s, &row, 1), 0);
	}
	scene_seal(s);
	return s;
}

static struct scene *sample_of(const struct render_opts *o, unsigned nodes)
{
	return o->layout ? addresses(nodes) : sample(nodes);
}

/* Neither threads nor the order of the nodes nor what was drawn before shows. */
static void test_same_bytes(void **state)
{
	static const struct {
		unsigned width, height;
		const char *layout;
	} kinds[] = { { 640, 360, NULL },      { 1920, 1080, NULL },      { 1000, 1440, NULL },
		      { 960, 540, "hilbert" }, { 2048, 2048, "hilbert" }, { 1920, 1080, "idmap" } };
	struct render_stats stats;

	(void)state;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		struct render_opts o = options(kinds[i].width, kinds[i].height, 1);
		struct scene *s;

		o.layout = kinds[i].layout;
		s = sample_of(&o, 40000);
		size_t bytes = (size_t)o.width * o.height * 4;
		uint8_t *one = drawn(&o, s, &stats);

		for (o.threads = 2; o.threads <= 8; o.threads *= 4) {
			uint8_t *more = drawn(&o, s, &stats);

			assert_memory_equal(one, more, bytes);
			free(more);
		}
		for (uint32_t a = 0, b = s->node_count - 1; a < b; a++, b--) {
			struct scene_node t = s->nodes[a];

			s->nodes[a] = s->nodes[b];
			s->nodes[b] = t;
		}
		uint8_t *turned = drawn(&o, s, &stats);

		assert_memory_equal(one, turned, bytes);
		free(turned);
		free(one);
		scene_free(s);
	}
}

static void test_frame_again(void **state)
{
	struct render_opts o = options(640, 360, 2);
	struct scene *crowd = sample(20000), *few = sample(50);
	struct render_stats stats;
	uint8_t *want = drawn(&o, few, &stats);
	char why[256] = "";
	struct frame f;

	(void)state;
	assert_int_equal(frame_open(&f, &o, why), 0);
	assert_int_equal(frame_draw(&f, &crowd, &stats, why), 0);
	assert_int_equal(frame_draw(&f, &few, &stats, why), 0);
	assert_memory_equal(want, f.rgba, 640 * 360 * 4);
	frame_close(&f);
	free(want);
	scene_free(crowd);
	scene_free(few);
}

/* Each node lights its own pixel and no other; IPv6 nodes are counted and said. */
static void test_addresses(void **state)
{
	struct render_opts o = options(3840, 2160, 2);
	struct scene *s = addresses(20000);
	struct render_stats stats = { 0 };
	char why[256] = "";
	uint64_t sum = 0;
	struct frame f;

	(void)state;
	o.layout = "hilbert";
	assert_int_equal(frame_open(&f, &o, why), 0);
	assert_int_equal(frame_draw(&f, &s, &stats, why), 0);
	assert_int_equal(stats.unlocated, 20000 / 16);
	assert_int_equal(stats.drawn, 20000 - 20000 / 16);
	for (size_t i = 0; i < (size_t)o.width * o.height; i++) {
		assert_int_equal(f.view[0].plate.cells[i][3] % (uint32_t)f.view[0].plate.unit, 0);
		sum += f.view[0].plate.cells[i][3] / (uint32_t)f.view[0].plate.unit;
	}
	assert_int_equal(sum, stats.drawn);
	for (unsigned i = 0; i < s->node_count; i++) {
		unsigned x, y;

		hilbert_pixel(&f.view[0].stage.hilbert, s->nodes[i].seed, &x, &y);
		if (s->nodes[i].place != SCENE_NOWHERE)
			assert_true(f.view[0].plate.cells[(size_t)y * o.width + x][3] > 0);
	}
	frame_close(&f);
	scene_free(s);
}

static void test_stats(void **state)
{
	struct render_opts o = options(320, 180, 1);
	struct scene *s = sample(10000);
	struct render_stats stats = { 0 };

	(void)state;
	free(drawn(&o, s, &stats));
	assert_int_equal(stats.nodes, 10000);
	assert_int_equal(stats.unlocated, s->unlocated);
	assert_int_equal(stats.drawn + stats.unlocated, 10000);
	assert_int_equal(stats.country_level, s->country_level);
	assert_true(stats.networks > 20 && stats.networks < s->network_count + 1);
	assert_true(stats.exposure > 1);
	o.exposure = 500;
	free(drawn(&o, s, &stats));
	assert_true(stats.exposure == 500);
	o.half_life_s = 60;
	o.at_s = SCENE_SAMPLE_START - 1; /* before everything */
	free(drawn(&o, s, &stats));
	assert_int_equal(stats.drawn, 0);
	scene_free(s);
}

/* Nobody at all: a dark map, and no crash. */
static void test_nobody(void **state)
{
	struct render_opts o = options(640, 360, 2);
	struct scene *s = scene_new(0);
	struct render_stats stats;

	(void)state;
	assert_non_null(s);
	scene_seal(s);
	free(drawn(&o, s, &stats));
	assert_int_equal(stats.drawn, 0);
	scene_free(s);
}

/* ---- golden pictures ---------------------------------------------------------- */

/*
 * SHA-256 of raw RGBA in tests/golden/frame.sha256. After a change that is meant
 * to be seen: look at build/golden/NAME.got.png, then run with GOLDEN=accept and
 * commit the file. Words and coasts come from cairo and FreeType, so their
 * versions are part of a name, and others are skipped; "lights" is drawn without
 * them and must agree everywhere.
 */
#define GOLDEN_FILE "tests/golden/frame.sha256"

static const struct golden {
	const char *name;
	bool libraries; /* shows what cairo and FreeType drew */
	unsigned nodes;
	struct render_opts o;
} goldens[] = {
	{ "lights-640x360", false, 20000, { .width = 640, .height = 360 } },
	{ "hash-960x540", true, 30000, { .width = 960, .height = 540, .terminator = true } },
	{ "cvd-fading-640x720",
	  true,
	  8000,
	  { .width = 640,
	    .height = 720,
	    .palette = "cvd",
	    .half_life_s = 1800,
	    .at_s = SCENE_SAMPLE_START + 4 * 3600,
	    .borders = true,
	    .synthetic = true } },
	{ "hilbert-960x540",
	  true,
	  60000,
	  { .width = 960, .height = 540, .layout = "hilbert", .synthetic = true } },
	{ "idmap-960x540", true, 60000, { .width = 960, .height = 540, .layout = "idmap" } },
};

static void hex_of(const void *bytes, size_t len, char out[static 65])
{
	uint8_t hash[crypto_hash_sha256_BYTES];

	crypto_hash_sha256(hash, bytes, len);
	sodium_bin2hex(out, 65, hash, sizeof(hash));
}

static void full_name(const struct golden *g, char out[static 128])
{
	snprintf(out, 128, "%s", g->name);
	if (g->libraries)
		snprintf(out, 128, "%s-cairo-%s-freetype-%d.%d.%d", g->name, cairo_version_string(),
			 FREETYPE_MAJOR, FREETYPE_MINOR, FREETYPE_PATCH);
}

/* The line "HEX  NAME" of the golden file; false where there is none. */
static bool find_golden(const char *name, char hex[static 65])
{
	FILE *f = fopen(GOLDEN_FILE, "re");
	char line[256], have[128];
	bool found = false;

	while (f && !found && fgets(line, sizeof(line), f))
		found = sscanf(line, "%64s %127s", hex, have) == 2 && strcmp(have, name) == 0;
	if (f)
		fclose(f);
	return found;
}

static void keep_got(const struct golden *g, const uint8_t *rgba)
{
	char path[256], why[256];

	mkdir("build/golden", 0777);
	snprintf(path, sizeof(path), "build/golden/%s.got.png", g->name);
	if (png_out_write(path, rgba, g->o.width, g->o.height, why))
		printf("# %s\n", why);
}

static void make_golden(const struct golden *g, char hex[static 65])
{
	struct scene *s = sample_of(&g->o, g->nodes);
	size_t pixels = (size_t)g->o.width * g->o.height;
	struct render_stats stats;
	char why[256] = "";
	struct frame f;

	assert_int_equal(frame_open(&f, &g->o, why), 0);
	assert_int_equal(frame_draw(&f, &s, &stats, why), 0);
	keep_got(g, f.rgba);
	if (g->libraries)
		hex_of(f.rgba, pixels * 4, hex);
	else
		hex_of(f.view[0].sheet.light, pixels * sizeof(*f.view[0].sheet.light), hex);
	frame_close(&f);
	scene_free(s);
}

static void test_golden(void **state)
{
	const char *mode = getenv("GOLDEN");
	bool accept = mode && strcmp(mode, "accept") == 0;
	FILE *out = accept ? fopen(GOLDEN_FILE, "we") : NULL;
	unsigned compared = 0, differ = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(goldens) / sizeof(goldens[0]); i++) {
		char name[128], hex[65], want[65];

		make_golden(&goldens[i], hex);
		full_name(&goldens[i], name);
		if (out) {
			fprintf(out, "%s  %s\n", hex, name);
		} else if (!find_golden(name, want)) {
			printf("# no golden picture for %s\n", name);
		} else {
			compared++;
			differ += strcmp(hex, want) != 0;
			if (strcmp(hex, want) != 0)
				printf("# %s differs: see build/golden/%s.got.png\n", name,
				       goldens[i].name);
		}
	}
	if (out) {
		fclose(out);
		return;
	}
	assert_true(compared > 0);
	if (differ)
		fail_msg("%u golden pictures differ; GOLDEN=accept takes the new ones", differ);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_refused),     cmocka_unit_test(test_same_bytes),
		cmocka_unit_test(test_frame_again), cmocka_unit_test(test_addresses),
		cmocka_unit_test(test_stats),       cmocka_unit_test(test_nobody),
		cmocka_unit_test(test_golden),
	};

	return cmocka_run_group_tests_name("viz/frame", tests, NULL, NULL);
}
