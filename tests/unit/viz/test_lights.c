/* SPDX-License-Identifier: MIT */
#include "tests/support/unit.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/scene_sample.h"
#include "viz/lights.h"
#include "viz/spread.h"

static const struct {
	const char *name;
	double half_life_s, cutoff_s;
	uint32_t at_s, first_s, last_s;
	double weight;
} weights[] = {
	{ "no fading", 0, 0, 5000, 1000, 2000, 1 },
	{ "not born", 0, 0, 999, 1000, 2000, 0 },
	{ "just born", 60, 0, 1000, 1000, 2000, 1 },
	{ "between", 60, 10, 1500, 1000, 2000, 1 },
	{ "one half-life", 60, 0, 2060, 1000, 2000, 0.5 },
	{ "three", 60, 0, 2180, 1000, 2000, 0.125 },
	{ "at the cutoff", 60, 60, 2060, 1000, 2000, 0.5 },
	{ "past it", 60, 60, 2061, 1000, 2000, 0 },
	{ "cutoff alone", 0, 60, 2060, 1000, 2000, 1 },
	{ "cutoff alone, past", 0, 60, 2061, 1000, 2000, 0 },
	{ "below the plate's unit", 60, 0, 2000 + 24 * 60, 1000, 2000, 0 },
};

static void test_weight(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(weights) / sizeof(weights[0]); i++) {
		struct lights_opts o = { .half_life_s = weights[i].half_life_s,
					 .cutoff_s = weights[i].cutoff_s,
					 .at_s = weights[i].at_s };
		double w = (double)lights_weight(&o, weights[i].first_s, weights[i].last_s);

		if (fabs(w - weights[i].weight) > 1e-6)
			fail_msg("%s: %f", weights[i].name, w);
	}
}

struct sky {
	struct scene *scene;
	struct palette_rgb *colors;
	struct project_map map;
	struct lights_opts opts;
};

static void sky_open(struct sky *k, unsigned nodes, unsigned height)
{
	struct rng r = rng_open(9);

	k->scene = scene_sample(&r, nodes);
	assert_non_null(k->scene);
	k->colors = calloc(k->scene->network_count, sizeof(*k->colors));
	assert_non_null(k->colors);
	for (uint32_t i = 0; i < k->scene->network_count; i++)
		k->colors[i] = (struct palette_rgb){ (float)(i % 7) / 7, (float)(i % 5) / 5, 0.5f };
	project_map_init(&k->map, height * 16 / 9, height);
	k->opts = (struct lights_opts){ .geometry.map = &k->map,
					.colors = k->colors,
					.half_life_s = 3600,
					.cutoff_s = 2.5 * 3600,
					.threads = 1,
					.at_s = SCENE_SAMPLE_START + SCENE_SAMPLE_SPAN };
}

static void sky_close(struct sky *k)
{
	free(k->colors);
	scene_free(k->scene);
}

/* One node after the other, by one thread, without bands. */
static void draw_plainly(const struct sky *k, struct accum *a, struct lights_tally *tally)
{
	const struct scene *s = k->scene;
	struct spread *t = malloc(sizeof(*t));
	uint8_t *seen = calloc(s->network_count, 1);

	assert_non_null(t);
	assert_non_null(seen);
	spread_init(t);
	*tally = (struct lights_tally){ 0 };
	for (uint32_t i = 0; i < s->node_count; i++) {
		const struct scene_node *n = &s->nodes[i];
		struct accum_dot d = { .color = n->network };
		struct spread_spot spot;

		d.weight = lights_weight(&k->opts, n->first_s, n->last_s);
		if (d.weight <= 0)
			continue;
		tally->alight++;
		tally->networks += s->networks[n->network].asn && !seen[n->network];
		seen[n->network] = 1;
		for (unsigned top = 0; top < s->top_count; top++)
			tally->top[top] += s->top[top].network == n->network;
		tally->unlocated += n->place == SCENE_NOWHERE;
		if (n->place == SCENE_NOWHERE)
			continue;
		spot = spread_spot(&k->map, &s->places[n->place], a->height / 1080.0);
		if (spot.off)
			continue;
		tally->drawn++;
		tally->country_level += spot.disc;
		d.weight *= spot.dim;
		spread_node(t, &spot, n->seed, &d.x, &d.y);
		accum_add(a, 0, (int)a->height, &d, 1, k->colors);
	}
	free(t);
	free(seen);
}

static void test_against_plain(void **state)
{
	static const unsigned heights[] = { 180, 701, 1440 };

	(void)state;
	for (size_t i = 0; i < sizeof(heights) / sizeof(heights[0]); i++) {
		struct lights_tally want, got;
		struct accum a, b;
		struct sky k;

		sky_open(&k, 60000, heights[i]);
		assert_int_equal(accum_init(&a, heights[i] * 16 / 9, heights[i]), 0);
		assert_int_equal(accum_init(&b, a.width, a.height), 0);
		draw_plainly(&k, &a, &want);
		assert_true(want.alight > want.drawn && want.country_level && want.unlocated);
		for (unsigned threads = 1; threads <= 8; threads *= 2) {
			k.opts.threads = threads;
			accum_clear(&b, NULL);
			assert_int_equal(lights_draw(k.scene, &k.opts, &b, &got), 0);
			assert_memory_equal(a.cells, b.cells,
					    (size_t)a.width * a.height * sizeof(*a.cells));
			assert_memory_equal(&want, &got, sizeof(want));
		}
		accum_fini(&a);
		accum_fini(&b);
		sky_close(&k);
	}
}

static void test_nobody(void **state)
{
	struct scene *s = scene_new(0);
	struct lights_tally tally;
	struct project_map map;
	struct accum a;

	(void)state;
	assert_non_null(s);
	scene_seal(s);
	project_map_init(&map, 320, 180);
	assert_int_equal(accum_init(&a, 320, 180), 0);
	assert_int_equal(lights_draw(s, &(struct lights_opts){ .geometry.map = &map, .threads = 2 },
				     &a, &tally),
			 0);
	assert_int_equal(tally.alight, 0);
	accum_fini(&a);
	scene_free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_weight),
		cmocka_unit_test(test_against_plain),
		cmocka_unit_test(test_nobody),
	};

	return cmocka_run_group_tests_name("viz/lights", tests, NULL, NULL);
}
