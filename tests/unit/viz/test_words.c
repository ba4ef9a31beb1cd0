/* SPDX-License-Identifier: MIT */
#include "tests/support/unit.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/scene_sample.h"
#include "tests/support/seed.h"
#include "viz/group.h"
#include "viz/words.h"

/** DOC: what a picture says of itself, against a table of what it should say, and plain counts. */

static const struct {
	double seconds;
	const char *text;
} durations[] = {
	{ 1, "1 s" },
	{ 45, "45 s" },
	{ 90, "90 s" },
	{ 120, "2 min" },
	{ 900, "15 min" },
	{ 5400, "90 min" },
	{ 7200, "2 h" },
	{ 5 * 3600 + 1800, "5.5 h" },
	{ 36 * 3600, "36 h" },
	{ 99 * 3600, "99 h" },
	{ 100 * 3600, "100 h" },
	{ 168 * 3600, "168 h" },
	{ 30 * 86400, "30 days" },
	{ 400 * 86400, "400 days" },
};

static void test_durations(void **state)
{
	char out[32];

	(void)state;
	for (size_t i = 0; i < sizeof(durations) / sizeof(durations[0]); i++)
		assert_string_equal(words_duration(durations[i].seconds, out), durations[i].text);
}

struct world {
	struct scene *scene;
	struct palette_rgb *colors;
	struct stage *stage;
	struct render_opts opts;
	struct tone tone;
	struct history history;
	struct words_moment moment;
	uint32_t *per_network;
};

static void world_open(struct world *w, uint64_t seed, enum layout_kind layout)
{
	struct rng r = { seed };

	memset(w, 0, sizeof(*w));
	w->scene = scene_sample(&r, 3000);
	w->stage = calloc(1, sizeof(*w->stage));
	assert_true(w->scene && w->stage);
	w->colors = malloc(w->scene->network_count * sizeof(*w->colors));
	assert_non_null(w->colors);
	palette_colors(PALETTE_HASH, w->scene, w->colors);
	tone_init(&w->tone, 100, TONE_PLAIN);
	w->opts = render_opts_default();
	w->stage->layout = layout;
	w->stage->hilbert.order = 10;
	w->moment = (struct words_moment){ .opts = &w->opts,
					   .layout = layout,
					   .scene = w->scene,
					   .colors = w->colors,
					   .stage = w->stage,
					   .at_s = SCENE_SAMPLE_START,
					   .alight = 2999,
					   .networks = 37,
					   .unlocated = 60,
					   .country_level = 70,
					   .history = &w->history,
					   .tone = &w->tone };
	for (unsigned i = 0; i < w->scene->top_count; i++)
		w->moment.top[i] = rng_below(&r, 500);
}

static void world_close(struct world *w)
{
	scene_free(w->scene);
	free(w->colors);
	free(w->stage);
}

/* ---- how light follows from sightings -------------------------------------------------- */

static const struct {
	const char *name;
	bool film, sightings, raised;
	int64_t hold_s;
	double asked_s, half_life_s, cutoff_s;
	const char *text;
} weights[] = {
	{ "a still of all", false, false, false, 0, 0, 0, 0,
	  "all that were ever seen, in full light" },
	{ "a still that fades", false, false, false, 0, 900, 900, 0,
	  "lit from first to last sighting, then halved every 15 min" },
	{ "a still that is cut", false, false, false, 0, 0, 0, 86400,
	  "lit from the first sighting to 24 h after the last" },
	{ "a film for ever", true, false, false, 0, 0, 0, 0, "lit from the first sighting on" },
	{ "a film by spans", true, false, false, 0, 900, 900, 21600,
	  "lit from first to last sighting, then halved every 15 min" },
	{ "a film that fades slower", true, false, true, 0, 900, 1800, 21600,
	  "lit from first to last sighting, then halved every 30 min (15 min raised to three "
	  "frames)" },
	{ "a film by sightings", true, true, false, 0, 900, 900, 21600,
	  "lit at each sighting, then halved every 15 min" },
	{ "a film by sightings, held", true, true, true, 7200, 900, 1800, 21600,
	  "lit at each sighting and for 2 h, then halved every 30 min (15 min raised to three "
	  "frames)" },
	{ "a film with a week's cutoff", true, false, false, 0, 0, 0, 7 * 86400,
	  "lit from the first sighting to 168 h after the last" },
};

static void test_weights(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(weights) / sizeof(weights[0]); i++) {
		const struct film_plan plan = { .half_life_s = weights[i].half_life_s,
						.cutoff_s = weights[i].cutoff_s,
						.raised = weights[i].raised };
		struct furniture f;
		struct world w;

		world_open(&w, 1, LAYOUT_MAP);
		w.opts.half_life_s = weights[i].asked_s;
		w.opts.cutoff_s = weights[i].cutoff_s;
		w.moment.plan = weights[i].film ? &plan : NULL;
		w.moment.sightings = weights[i].sightings;
		w.moment.hold_s = weights[i].hold_s;
		words_fill(&w.moment, &f);
		if (strcmp(f.weight_label, weights[i].text) != 0)
			fail_msg("%s: \"%s\"", weights[i].name, f.weight_label);
		world_close(&w);
	}
}

/* ---- what a hue stands for ------------------------------------------------------------- */

static const struct {
	enum layout_kind layout;
	enum palette_kind palette;
	enum render_mode mode;
	enum group_kind group;
	const char *hue, *note;
} hues[] = {
	{ LAYOUT_MAP, PALETTE_HASH, RENDER_GLOW, GROUP_NETWORK, "every hue a network",
	  "white = many networks" },
	{ LAYOUT_MAP, PALETTE_HASH, RENDER_CUMULATIVE, GROUP_COUNTRY, "every hue a country",
	  "white = many countries" },
	{ LAYOUT_MAP, PALETTE_RIR, RENDER_GLOW, GROUP_REGISTRY, "every hue a registry",
	  "white = several registries" },
	{ LAYOUT_MAP, PALETTE_FOCUS, RENDER_GLOW, GROUP_NETWORK, "six networks in colour",
	  "grey = all others" },
	{ LAYOUT_HILBERT, PALETTE_CVD, RENDER_GLOW, GROUP_CLIENT, "four clients in colour",
	  "grey = all others" },
	{ LAYOUT_MAP, PALETTE_DENSITY, RENDER_GLOW, GROUP_NETWORK, "the brighter, the more", NULL },
	{ LAYOUT_MAP, PALETTE_HASH, RENDER_BREATH, GROUP_NETWORK, "blue, where there are fewer",
	  NULL },
	{ LAYOUT_HILBERT, PALETTE_HASH, RENDER_BREATH, GROUP_NETWORK,
	  "amber: more than in its day's mean, blue: fewer", NULL },
	{ LAYOUT_RING, PALETTE_HASH, RENDER_GLOW, GROUP_NETWORK, "every hue a network",
	  "in a circle side by side, by hue" },
	{ LAYOUT_RING, PALETTE_FOCUS, RENDER_GLOW, GROUP_CLASS, "six classes in colour",
	  "grey = all others" },
	{ LAYOUT_IDMAP, PALETTE_HASH, RENDER_GLOW, GROUP_NETWORK,
	  "colour is the distance from chance", "framed = more than twice its share" },
};

static void test_hues(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(hues) / sizeof(hues[0]); i++) {
		struct furniture f;
		struct world w;

		world_open(&w, 2, hues[i].layout);
		w.moment.palette = hues[i].palette;
		w.moment.mode = hues[i].mode;
		w.scene->group = hues[i].group;
		words_fill(&w.moment, &f);
		assert_string_equal(f.hue, hues[i].hue);
		if (hues[i].note)
			assert_string_equal(f.note, hues[i].note);
		else
			assert_null(f.note);
		assert_string_equal(f.legend_title, hues[i].layout == LAYOUT_IDMAP
							    ? "FULLEST PREFIXES"
							    : group_words(hues[i].group)->legend);
		world_close(&w);
	}
}

/* ---- rows ------------------------------------------------------------------------------ */

/* The order of the whole run; in a race that of the instant, ties as they were. */
static void test_rows(void **state)
{
	uint64_t seed = seed_open();

	(void)state;
	for (unsigned turn = 0; turn < 40; turn++) {
		const struct film_plan plan = { .half_life_s = 900 };
		struct furniture fixed, race;
		struct world w;

		world_open(&w, seed + turn, turn % 2 ? LAYOUT_MAP : LAYOUT_RING);
		w.moment.plan = &plan;
		if (turn < 3) /* all alike */
			memset(w.moment.top, 0, sizeof(w.moment.top));
		words_fill(&w.moment, &fixed);
		w.opts.race = true;
		words_fill(&w.moment, &race);
		assert_int_equal(fixed.row_count, w.scene->top_count);
		assert_int_equal(race.row_count, fixed.row_count);
		assert_true(race.race && !fixed.race);
		for (unsigned i = 0; i < fixed.row_count; i++) {
			unsigned before = 0;

			assert_string_equal(fixed.rows[i].name, w.scene->top[i].name);
			assert_int_equal(fixed.rows[i].nodes, w.moment.top[i]);
			assert_true(fixed.widest >= fixed.rows[i].most);
			for (unsigned k = 0; k < fixed.row_count; k++)
				before += fixed.rows[k].nodes > fixed.rows[i].nodes ||
					  (fixed.rows[k].nodes == fixed.rows[i].nodes && k < i);
			assert_string_equal(race.rows[before].name, fixed.rows[i].name);
			assert_memory_equal(race.rows[before].rgb, fixed.rows[i].rgb, 3);
		}
		w.moment.plan = NULL; /* a still has no race to run */
		words_fill(&w.moment, &race);
		assert_false(race.race);
		world_close(&w);
	}
}

/* The ten fullest of 256 prefixes are those that fewer than ten have more than. */
static void test_prefixes(void **state)
{
	struct rng r = { seed_open() + 3 };

	(void)state;
	for (unsigned turn = 0; turn < 20; turn++) {
		struct idmap_facts ids = { .mean = 1.5, .dispersion = 1.01, .crowded = 2 };
		struct furniture f;
		struct world w;

		world_open(&w, turn, LAYOUT_IDMAP);
		for (unsigned i = 0; i < IDMAP_PREFIXES; i++)
			ids.nodes += ids.prefix[i] = rng_below(&r, turn ? 40 : 1) + 1;
		w.moment.ids = &ids;
		words_fill(&w.moment, &f);
		assert_int_equal(f.row_count, FURNITURE_ROWS);
		for (unsigned row = 0; row < FURNITURE_ROWS; row++) {
			unsigned prefix = (unsigned)strtoul(f.rows[row].name, NULL, 16), before = 0;
			double share = (double)ids.nodes / IDMAP_PREFIXES;

			for (unsigned i = 0; i < IDMAP_PREFIXES; i++)
				before += ids.prefix[i] > ids.prefix[prefix] ||
					  (ids.prefix[i] == ids.prefix[prefix] && i < prefix);
			assert_int_equal(before, row);
			assert_int_equal(f.rows[row].nodes, ids.prefix[prefix]);
			assert_true(fabs(strtod(f.rows[row].name + 6, NULL) -
					 (double)f.rows[row].nodes / share) < 0.006);
		}
		assert_string_equal(f.facts[2].figure, "2");
		assert_null(f.attribution); /* nothing of it is a place */
		w.moment.ids = NULL;
		words_fill(&w.moment, &f);
		assert_int_equal(f.row_count, FURNITURE_ROWS);
		world_close(&w);
	}
}

/* ---- the rest -------------------------------------------------------------------------- */

/* Names from outside: no control byte, nothing that turns the line around, never too long. */
static void test_hostile_names(void **state)
{
	static const char *const names[] = { "</script><script>alert(1)</script>",
					     "\xe2\x80\xae"
					     "evil"
					     "\xe2\x80\xac",
					     "\x01\x02\x1b[31mred\x7f",
					     "\xff\xfe broken \xc3",
					     "",
					     "AS1 (x)\n\r\t y" };
	struct furniture f;
	struct world w;

	(void)state;
	world_open(&w, 4, LAYOUT_MAP);
	for (unsigned i = 0; i < SCENE_TOP; i++) {
		if (i < sizeof(names) / sizeof(names[0])) {
			snprintf(w.scene->top[i].name, sizeof(w.scene->top[i].name), "%s",
				 names[i]);
			continue;
		}
		memset(w.scene->top[i].name, 'W', sizeof(w.scene->top[i].name) - 1);
		w.scene->top[i].name[sizeof(w.scene->top[i].name) - 1] = '\0';
	}
	words_fill(&w.moment, &f);
	for (unsigned i = 0; i < f.row_count; i++) {
		const unsigned char *p = (const unsigned char *)f.rows[i].name;
		unsigned characters = 0;

		for (; *p; p++) {
			assert_true(*p >= 0x20 && *p != 0x7f);
			characters += (*p & 0xc0) != 0x80;
		}
		assert_true(characters <= TEXT_NAME_CHARS);
		assert_null(strstr(f.rows[i].name, "\xe2\x80\xae"));
	}
	world_close(&w);
}

static void test_layouts(void **state)
{
	const struct film_plan plan = { .half_life_s = 900 };
	struct ring_facts ring = { .dispersion = 1.042, .crowded = 3 };
	struct furniture f;
	struct world w;

	(void)state;
	world_open(&w, 5, LAYOUT_HILBERT);
	w.moment.lit_cells = 1234567;
	words_fill(&w.moment, &f);
	assert_string_equal(f.facts[0].figure, "4,096");
	assert_string_equal(f.facts[0].label, "addresses a pixel (/20)");
	assert_string_equal(f.facts[1].figure, "1,234,567");
	assert_null(f.history); /* a still's square has no chart */
	w.moment.plan = &plan;
	words_fill(&w.moment, &f);
	assert_ptr_equal(f.history, &w.history);
	w.stage->hilbert.poster = true;
	w.stage->hilbert.order = 12;
	words_fill(&w.moment, &f);
	assert_string_equal(f.facts[0].label, "addresses a pixel (/24)");
	assert_null(f.history);
	assert_true(fabs(f.text_scale - 1.4) < 1e-9);
	world_close(&w);

	world_open(&w, 6, LAYOUT_RING);
	w.opts.reference = 0xdeadbeef;
	ring.bucket[0] = 5;
	ring.bucket[17] = 1;
	w.moment.ring = &ring;
	words_fill(&w.moment, &f);
	assert_string_equal(f.facts[0].figure, "17");
	assert_string_equal(f.facts[1].figure, "1.042");
	assert_non_null(strstr(f.subtitle[2], "deadbeef"));
	world_close(&w);

	world_open(&w, 7, LAYOUT_MAP);
	words_fill(&w.moment, &f);
	assert_string_equal(f.title, "DHT TELESCOPE");
	assert_true(f.mapped && f.alight == 2999 && f.unlocated == 60 && f.country_level == 70);
	assert_string_equal(f.attribution, "Geolocation: nobody, CC0");
	assert_false(f.synthetic);
	w.scene->synthetic = true; /* by the store or by whoever draws it */
	words_fill(&w.moment, &f);
	assert_true(f.synthetic);
	world_close(&w);
}

/* All of the frame; a poster's empty quarter; of an observatory what its map has. */
static void test_boxes(void **state)
{
	struct stage *s = calloc(1, sizeof(*s));
	struct furniture_box b;

	(void)state;
	assert_non_null(s);
	s->width = 1941;
	b = words_box(s, LAYOUT_MAP, 1920, 1080);
	assert_true(b.x == 0 && b.y == 0 && b.width == 1920 && b.height == 1080);
	b = words_box(s, LAYOUT_OBSERVATORY, 2560, 1440);
	assert_true(b.x == 0 && b.width == 1941 && b.height == 1440 && b.stride == 2560);
	s->hilbert = (struct hilbert){ .x = 10, .y = 20, .order = 12, .poster = true };
	b = words_box(s, LAYOUT_HILBERT, 4116, 4136);
	assert_true(b.x == 2058 && b.y == 20 && b.width == 2048 && b.height == 1024 &&
		    b.stride == 4116);
	free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_durations), cmocka_unit_test(test_weights),
		cmocka_unit_test(test_hues),      cmocka_unit_test(test_rows),
		cmocka_unit_test(test_prefixes),  cmocka_unit_test(test_hostile_names),
		cmocka_unit_test(test_layouts),   cmocka_unit_test(test_boxes),
	};

	return cmocka_run_group_tests_name("viz/words", tests, NULL, NULL);
}
