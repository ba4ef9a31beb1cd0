/* SPDX-License-Identifier: MIT */
#include "tests/support/unit.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/scene_sample.h"
#include "tests/support/seed.h"
#include "viz/reel.h"

enum { W = 640, H = 360, STEP = 60, FRAMES = 200 };

struct world {
	struct scene *scene;
	struct project_map map;
	struct cast cast;
	struct film_plan plan;
	struct palette_rgb *colors;
};

/* Nodes of all kinds of spells within some hours: short, long, none at all, before and after. */
static struct scene *spells(uint64_t seed, unsigned nodes)
{
	struct rng r = { seed };
	struct scene *s = scene_new(nodes);

	assert_non_null(s);
	for (unsigned i = 0; i < nodes; i++) {
		struct scene_row row = scene_sample_row(&r);

		row.first_s = SCENE_SAMPLE_START - 3000 + rng_below(&r, 3 * 3600);
		row.last_s =
			row.first_s + (rng_below(&r, 3) ? rng_below(&r, 7200) : rng_below(&r, 90));
		assert_int_equal(scene_add(s, &row, 1), 0);
	}
	scene_seal(s);
	return s;
}

static void world_open(struct world *w, uint64_t seed, double half_life_s, double cutoff_s)
{
	struct film_wish wish = { .from_s = SCENE_SAMPLE_START,
				  .to_s = SCENE_SAMPLE_START + FRAMES * STEP,
				  .duration_s = 60,
				  .fps = 30,
				  .step_s = STEP,
				  .half_life_s = half_life_s,
				  .cutoff_s = cutoff_s };
	struct cast_opts cast = { .width = W, .height = H, .threads = 1 };
	char why[256];

	memset(w, 0, sizeof(*w));
	w->scene = spells(seed, 3000);
	project_map_init(&w->map, W, H);
	cast.geometry.map = &w->map;
	assert_int_equal(film_plan_make(&w->plan, &wish, why), 0);
	assert_int_equal(cast_open(&w->cast, w->scene, &cast), 0);
	w->colors = malloc(w->scene->network_count * sizeof(*w->colors));
	assert_non_null(w->colors);
	palette_colors(PALETTE_HASH, w->scene, w->colors);
}

static void world_close(struct world *w)
{
	cast_close(&w->cast);
	scene_free(w->scene);
	free(w->colors);
}

static void reel_of(const struct world *w, struct reel *r, unsigned threads)
{
	const struct reel_opts o = { .plan = &w->plan,
				     .cast = &w->cast,
				     .colors = w->colors,
				     .networks = w->scene->network_count,
				     .unknown = UINT32_MAX,
				     .width = W,
				     .height = H,
				     .sparks = true,
				     .threads = threads };

	assert_int_equal(reel_open(r, &o), 0);
}

static void log_reel(const struct world *w, struct reel *r, struct sights *log, int64_t hold_s,
		     unsigned threads)
{
	const struct reel_opts o = { .plan = &w->plan,
				     .cast = &w->cast,
				     .colors = w->colors,
				     .networks = w->scene->network_count,
				     .unknown = UINT32_MAX,
				     .width = W,
				     .height = H,
				     .sparks = true,
				     .sights = log,
				     .hold_s = hold_s,
				     .threads = threads };

	assert_int_equal(reel_open(r, &o), 0);
}

/* All light on both plates, in nodes. */
static double light_of(const struct reel *r)
{
	double live = 0, fade = 0;

	for (size_t i = 0; i < (size_t)W * H; i++) {
		live += r->plates.live.cells[i][3];
		fade += r->plates.fade ? (double)r->plates.fade[i][3] : 0;
	}
	return live / (double)r->plates.live.unit + fade * (double)r->fade;
}

/* What it should be, by the rule alone. */
static double weights_of(const struct world *w, uint32_t f)
{
	int64_t at = film_plan_at(&w->plan, f);
	double sum = 0;

	for (uint32_t i = 0; i < w->cast.drawn; i++) {
		const struct cast_node *n = &w->cast.nodes[i];

		sum += film_weight(&w->plan, at, n->first_s, n->last_s) *
		       (n->at & CAST_COUNTRY ? (double)SPREAD_DIM : 1.0);
	}
	return sum;
}

static const struct {
	const char *name;
	double half_life_s, cutoff_s;
} kinds[] = {
	{ "fading", 900, 6 * 3600 },
	{ "fading fast", 1, 6 * 3600 },
	{ "cut while bright", 3600, 1800 },
	{ "not fading, cut", 0, 1200 },
	{ "for ever", 0, 0 },
};

static void test_energy(void **state)
{
	(void)state;
	for (size_t k = 0; k < sizeof(kinds) / sizeof(kinds[0]); k++) {
		struct world w;
		struct reel r;

		world_open(&w, seed_open() + 7, kinds[k].half_life_s, kinds[k].cutoff_s);
		reel_of(&w, &r, 1);
		for (uint32_t f = 0; f < FRAMES; f++) {
			double have, want;

			assert_int_equal(reel_seek(&r, f), 0);
			have = light_of(&r);
			want = weights_of(&w, f);
			if (fabs(have - want) > 1e-4 * want + 0.02)
				fail_msg("%s, frame %u: %.5f nodes of light for %.5f",
					 kinds[k].name, f, have, want);
		}
		reel_close(&r);
		world_close(&w);
	}
}

static bool same_plates(const struct reel *a, const struct reel *b)
{
	const size_t pixels = (size_t)W * H;

	return memcmp(a->plates.live.cells, b->plates.live.cells, pixels * sizeof(accum_cell)) ==
		       0 &&
	       (!a->plates.fade ||
		memcmp(a->plates.fade, b->plates.fade, pixels * sizeof(accum_light)) == 0) &&
	       memcmp(a->plates.spark, b->plates.spark, pixels * sizeof(float)) == 0 &&
	       memcmp(a->plates.tiles, b->plates.tiles,
		      (size_t)a->plates.live.tiles_x * a->plates.live.tiles_y *
			      sizeof(*a->plates.tiles)) == 0;
}

/* One that goes through frame by frame, against others that begin anywhere, on any threads. */
static void test_any_start(void **state)
{
	(void)state;
	for (size_t k = 0; k < sizeof(kinds) / sizeof(kinds[0]); k++) {
		static const uint32_t starts[] = { 0, 1, 63, 64, 65, 130, 199, 17 };
		struct world w;
		struct reel all;

		world_open(&w, seed_open() + 8, kinds[k].half_life_s, kinds[k].cutoff_s);
		for (size_t i = 0; i < sizeof(starts) / sizeof(starts[0]); i++) {
			struct reel r;

			reel_of(&w, &all, 1);
			reel_of(&w, &r, i % 2 ? 8 : 2);
			for (uint32_t f = 0; f <= starts[i]; f++)
				assert_int_equal(reel_seek(&all, f), 0);
			assert_int_equal(reel_seek(&r, starts[i]), 0);
			if (!same_plates(&all, &r))
				fail_msg("%s: frame %u is another", kinds[k].name, starts[i]);
			assert_int_equal(all.tally.alight, r.tally.alight);
			assert_int_equal(all.tally.networks, r.tally.networks);
			assert_int_equal(all.tally.drawn, r.tally.drawn);
			assert_int_equal(all.tally.unlocated, r.tally.unlocated);
			assert_int_equal(all.tally.country_level, r.tally.country_level);
			reel_close(&r);
			reel_close(&all);
		}
		world_close(&w);
	}
}

/* Everybody has left: the plates are as they were before anybody came, exactly. */
static void test_dark_again(void **state)
{
	static const accum_cell none = { 0 };
	struct film_wish wish = { .from_s = SCENE_SAMPLE_START,
				  .to_s = SCENE_SAMPLE_START + 60 * 600,
				  .duration_s = 1,
				  .fps = 60,
				  .step_s = 600,
				  .half_life_s = 1800,
				  .cutoff_s = 3 * 3600 };
	char why[256];
	struct world w;
	struct reel r;

	(void)state;
	world_open(&w, seed_open() + 9, 1800, 3 * 3600);
	assert_int_equal(film_plan_make(&w.plan, &wish, why), 0);
	reel_of(&w, &r, 1);
	for (uint32_t f = 0; f < 60; f++) /* within one chunk: nothing is drawn anew */
		assert_int_equal(reel_seek(&r, f), 0);
	assert_int_equal(r.rebuilt, 1);
	assert_int_equal(r.tally.alight, 0);
	assert_int_equal(r.tally.networks, 0);
	for (size_t i = 0; i < (size_t)W * H; i++) {
		assert_memory_equal(&r.plates.live.cells[i], &none, sizeof(none));
		assert_memory_equal(&r.plates.fade[i], &none, sizeof(none));
		assert_true(r.plates.spark[i] == 0);
	}
	for (unsigned t = 0; t < r.plates.live.tiles_x * r.plates.live.tiles_y; t++)
		assert_false(plates_is_lit(&r.plates, t));
	reel_close(&r);
	world_close(&w);
}

/* ---- a log of sightings --------------------------------------------------------------- */

enum { LOG_NODES = 400, LOG_MARKS = 6000, LOG_BUCKET_S = 600 };

/* Marks by bucket, within it by ordinal, as a store hands them out. */
struct table {
	struct mark {
		uint64_t bucket_s;
		uint32_t ordinal;
		uint16_t after_s;
	} marks[LOG_MARKS];
	unsigned count, at;
	uint32_t ordinal[LOG_MARKS];
	uint16_t after_s[LOG_MARKS];
};

static int rewind_table(void *ctx)
{
	((struct table *)ctx)->at = 0;
	return 0;
}

/* Blocks of at most 7, so that a bucket has several. */
static int next_of_table(void *ctx, struct sights_block *out)
{
	struct table *t = ctx;
	unsigned from = t->at;

	if (t->at == t->count)
		return 0;
	while (t->at < t->count && t->at < from + 7 &&
	       t->marks[t->at].bucket_s == t->marks[from].bucket_s) {
		t->ordinal[t->at] = t->marks[t->at].ordinal;
		t->after_s[t->at] = t->marks[t->at].after_s;
		t->at++;
	}
	*out = (struct sights_block){ .bucket_s = t->marks[from].bucket_s,
				      .count = t->at - from,
				      .ordinal = t->ordinal + from,
				      .after_s = t->after_s + from };
	return 1;
}

static int by_bucket(const void *a, const void *b)
{
	const struct mark *p = a, *q = b;

	if (p->bucket_s != q->bucket_s)
		return p->bucket_s < q->bucket_s ? -1 : 1;
	return p->ordinal < q->ordinal ? -1 : p->ordinal > q->ordinal;
}

/* Each node once a bucket; some often, some once. */
static void fill_table(struct table *t, uint64_t seed)
{
	struct rng r = { seed };
	unsigned kept = 0;

	for (unsigned i = 0; i < LOG_MARKS; i++)
		t->marks[i] = (struct mark){
			.bucket_s = SCENE_SAMPLE_START - 1200 + LOG_BUCKET_S * rng_below(&r, 22),
			.ordinal = (uint32_t)(rng_below(&r, LOG_NODES) * rng_below(&r, LOG_NODES) /
					      LOG_NODES),
			.after_s = (uint16_t)rng_below(&r, LOG_BUCKET_S),
		};
	qsort(t->marks, LOG_MARKS, sizeof(t->marks[0]), by_bucket);
	for (unsigned i = 0; i < LOG_MARKS; i++)
		if (!kept || by_bucket(&t->marks[kept - 1], &t->marks[i]) != 0)
			t->marks[kept++] = t->marks[i];
	t->count = kept;
}

/* The rule, told node by node from the table: what a frame should hold. */
static double weights_of_log(const struct world *w, const struct table *t, int64_t hold_s,
			     uint32_t f, uint64_t *alight)
{
	int64_t at = film_plan_at(&w->plan, f), last[LOG_NODES] = { 0 };
	const struct film_plan *p = &w->plan;
	double sum = 0;

	for (unsigned i = 0; i < t->count; i++) {
		int64_t time = (int64_t)t->marks[i].bucket_s + t->marks[i].after_s;

		if (time <= at && time > last[t->marks[i].ordinal])
			last[t->marks[i].ordinal] = time;
	}
	*alight = 0;
	for (unsigned i = 0; i < LOG_NODES; i++) {
		const struct cast_node *n = &w->cast.nodes[w->cast.number[i]];
		double dim = n->at & CAST_COUNTRY ? (double)SPREAD_DIM : 1, age;
		double lit = p->half_life_s > 0 ? (double)hold_s : p->shine_s;

		if (!last[i])
			continue;
		age = (double)(at - last[i]) - (lit > (double)hold_s ? lit : (double)hold_s);
		if (age >= (p->half_life_s > 0 ? p->shine_s : p->cutoff_s > 0 ? 0 : 1e12))
			continue;
		++*alight;
		if (!(n->at & CAST_OFF))
			sum += dim * (age <= 0 || p->half_life_s <= 0 ? 1 : film_fade(p, age));
	}
	return sum;
}

static const struct {
	const char *name;
	double half_life_s, cutoff_s;
	int64_t hold_s;
} log_kinds[] = {
	{ "by each sighting alone", 900, 3600, 0 },
	{ "held for a while", 600, 3000, 1500 },
	{ "held for less than a step", 600, 3000, 20 },
	{ "cut while bright", 3600, 400, 100 },
	{ "not fading", 0, 1000, 300 },
	{ "for ever", 0, 0, 0 },
};

static void number_scene(struct scene *s)
{
	s->ordinals = malloc(s->node_count * sizeof(*s->ordinals));
	assert_non_null(s->ordinals);
	/* any order that is not that of the nodes */
	for (uint32_t i = 0; i < s->node_count; i++)
		s->ordinals[i] = (i * 7 + 3) % s->node_count;
}

static void test_log(void **state)
{
	struct table *t = calloc(1, sizeof(*t));
	const struct sights_source source = { rewind_table, next_of_table, t };
	uint64_t seed = seed_open();

	(void)state;
	assert_non_null(t);
	fill_table(t, seed + 20);
	for (size_t k = 0; k < sizeof(log_kinds) / sizeof(log_kinds[0]); k++) {
		static const uint32_t starts[] = { 64, 5, 150, 63, 199 };
		struct cast_opts cast = { .width = W, .height = H, .threads = 1 };
		struct sights a, b;
		struct reel all, r;
		struct world w;

		world_open(&w, seed + 21, log_kinds[k].half_life_s, log_kinds[k].cutoff_s);
		cast_close(&w.cast);
		scene_free(w.scene);
		w.scene = spells(seed + 22, LOG_NODES);
		number_scene(w.scene);
		cast.geometry.map = &w.map;
		assert_int_equal(cast_open(&w.cast, w.scene, &cast), 0);
		assert_int_equal(sights_open(&a, &source, w.cast.number, w.cast.numbers), 0);
		log_reel(&w, &all, &a, log_kinds[k].hold_s, 1);
		for (uint32_t f = 0; f < FRAMES; f++) {
			uint64_t alight;
			double want = weights_of_log(&w, t, log_kinds[k].hold_s, f, &alight), have;

			assert_int_equal(reel_seek(&all, f), 0);
			have = light_of(&all);
			if (fabs(have - want) > 1e-4 * want + 0.02 || all.tally.alight != alight)
				fail_msg("%s, frame %u: %.5f nodes of light for %.5f, %llu alight "
					 "for %llu",
					 log_kinds[k].name, f, have, want,
					 (unsigned long long)all.tally.alight,
					 (unsigned long long)alight);
		}
		reel_close(&all);
		for (size_t i = 0; i < sizeof(starts) / sizeof(starts[0]); i++) {
			log_reel(&w, &all, &a, log_kinds[k].hold_s, 1);
			for (uint32_t f = 0; f <= starts[i]; f++)
				assert_int_equal(reel_seek(&all, f), 0);
			assert_int_equal(sights_open(&b, &source, w.cast.number, w.cast.numbers),
					 0);
			log_reel(&w, &r, &b, log_kinds[k].hold_s, 8);
			assert_int_equal(reel_seek(&r, starts[i]), 0);
			if (!same_plates(&all, &r))
				fail_msg("%s: frame %u is another", log_kinds[k].name, starts[i]);
			assert_int_equal(all.tally.alight, r.tally.alight);
			assert_int_equal(all.tally.networks, r.tally.networks);
			reel_close(&r);
			reel_close(&all);
			sights_close(&b);
		}
		sights_close(&a);
		world_close(&w);
	}
	free(t);
}

/* What is skipped on the way to a frame is as if it had been shown; and back again. */
static void test_log_jumps(void **state)
{
	struct table *t = calloc(1, sizeof(*t));
	const struct sights_source source = { rewind_table, next_of_table, t };
	static const uint32_t way[] = { 190, 3, 130, 131, 70, 199 };
	struct cast_opts cast = { .width = W, .height = H, .threads = 1 };
	struct sights a, b;
	struct reel r, fresh;
	struct world w;

	(void)state;
	assert_non_null(t);
	fill_table(t, 31);
	world_open(&w, 32, 900, 3600);
	cast_close(&w.cast);
	scene_free(w.scene);
	w.scene = spells(33, LOG_NODES);
	number_scene(w.scene);
	cast.geometry.map = &w.map;
	assert_int_equal(cast_open(&w.cast, w.scene, &cast), 0);
	assert_int_equal(sights_open(&a, &source, w.cast.number, w.cast.numbers), 0);
	log_reel(&w, &r, &a, 700, 1);
	for (size_t i = 0; i < sizeof(way) / sizeof(way[0]); i++) {
		struct table *other = malloc(sizeof(*other));
		struct sights_source again = { rewind_table, next_of_table, other };

		assert_non_null(other);
		*other = *t;
		assert_int_equal(sights_open(&b, &again, w.cast.number, w.cast.numbers), 0);
		log_reel(&w, &fresh, &b, 700, 2);
		assert_int_equal(reel_seek(&r, way[i]), 0);
		assert_int_equal(reel_seek(&fresh, way[i]), 0);
		assert_true(same_plates(&r, &fresh));
		reel_close(&fresh);
		sights_close(&b);
		free(other);
	}
	reel_close(&r);
	sights_close(&a);
	world_close(&w);
	free(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_energy),     cmocka_unit_test(test_any_start),
		cmocka_unit_test(test_dark_again), cmocka_unit_test(test_log),
		cmocka_unit_test(test_log_jumps),
	};

	return cmocka_run_group_tests_name("viz/reel", tests, NULL, NULL);
}
