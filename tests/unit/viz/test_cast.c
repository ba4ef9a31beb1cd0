/* SPDX-License-Identifier: MIT */
#include "tests/support/unit.h"

#include <stdlib.h>
#include <string.h>

#include "tests/support/scene_sample.h"
#include "tests/support/seed.h"
#include "viz/accum.h"
#include "viz/cast.h"

/**
 * DOC: sixteen bytes a node, packed, sorted and numbered, against each node asked
 * one by one where it stands and when it was seen.
 */

enum { NODES = 3000 };

enum layout { MAP, HILBERT, IDMAP, RING };

static const struct {
	const char *name;
	enum layout layout;
	unsigned width, height;
	uint64_t span_s; /* of first times: in one pass of the sort, or two */
} kinds[] = {
	{ "a map of half a day", MAP, 640, 360, 43200 },
	{ "a map of years, no tile's multiple", MAP, 1001, 563, 400000000 },
	{ "a map of a second", MAP, 320, 180, 1 },
	{ "the largest frame", MAP, 16384, 16384, 86400 },
	{ "address square", HILBERT, 1920, 1080, 86400 },
	{ "the largest poster", HILBERT, 16384, 16384, 86400 },
	{ "id square", IDMAP, 1920, 1080, 86400 },
	{ "ring", RING, 1920, 1080, 86400 },
};

struct world {
	struct scene *scene;
	struct project_map map;
	struct hilbert hilbert;
	struct idmap idmap;
	struct ring ring;
	struct cast_opts opts;
	struct cast cast;
};

/* One clock in thirty was set back between the first word and the last. */
static struct scene *make_scene(uint64_t seed, uint64_t span_s)
{
	struct rng r = { seed };
	struct scene *s = scene_new(NODES);

	assert_non_null(s);
	assert_int_equal(scene_number(s), 0);
	for (unsigned i = 0; i < NODES; i++) {
		struct scene_row row = scene_sample_row(&r);

		row.ordinal = (i * 7 + 3) % NODES;
		row.first_s = SCENE_SAMPLE_START + rng_below(&r, span_s);
		row.last_s = row.first_s + rng_below(&r, 7200);
		if (rng_below(&r, 30) == 0)
			row.last_s = row.first_s - rng_below(&r, 5000);
		row.lat = rng_below(&r, 50) ? row.lat : -75; /* south of the map */
		assert_int_equal(scene_add(s, &row, 1), 0);
	}
	scene_seal(s);
	return s;
}

static void world_open(struct world *w, size_t kind, uint64_t seed)
{
	const unsigned width = kinds[kind].width, height = kinds[kind].height;

	*w = (struct world){ .scene = make_scene(seed, kinds[kind].span_s),
			     .opts = { .width = width, .height = height, .threads = 2 } };
	switch (kinds[kind].layout) {
	case HILBERT:
		assert_int_equal(hilbert_init(&w->hilbert, width, height), 0);
		w->opts.geometry.hilbert = &w->hilbert;
		break;
	case IDMAP:
		assert_int_equal(idmap_init(&w->idmap, width, height), 0);
		w->opts.geometry.idmap = &w->idmap;
		break;
	case RING:
		assert_int_equal(ring_init(&w->ring, width, height, 0x80000000), 0);
		w->opts.geometry.ring = &w->ring;
		break;
	case MAP:
	default:
		project_map_init(&w->map, width, height);
		w->opts.geometry.map = &w->map;
	}
	assert_int_equal(cast_open(&w->cast, w->scene, &w->opts), 0);
}

static void world_close(struct world *w)
{
	cast_close(&w->cast);
	scene_free(w->scene);
}

/* Everybody is there once, by the number of the ordinal, with what the scene says. */
static void test_everybody(void **state)
{
	uint64_t seed = seed_open();

	(void)state;
	for (size_t k = 0; k < sizeof(kinds) / sizeof(kinds[0]); k++) {
		bool *met = calloc(NODES, sizeof(*met));
		uint32_t drawn = 0;
		struct spots spots;
		struct world w;

		world_open(&w, k, seed + k);
		assert_non_null(met);
		assert_int_equal(
			spots_open(&spots, w.scene, &w.opts.geometry, kinds[k].height / 1080.0, 1),
			0);
		assert_int_equal(w.cast.count, NODES);
		assert_int_equal(w.cast.numbers, NODES);
		for (unsigned i = 0; i < NODES; i++) {
			const struct scene_node *n = &w.scene->nodes[i];
			uint32_t at = w.cast.number[w.scene->ordinals[i]];
			const struct cast_node *have = &w.cast.nodes[at];
			bool nowhere = n->place == SCENE_NOWHERE;
			struct spots_at spot = { 0 };
			bool off = nowhere || !spots_node(&spots, n, &spot);

			assert_true(at < NODES && !met[at]);
			met[at] = true;
			drawn += !off;
			if (cast_network(have) != n->network || have->last_s != n->last_s ||
			    have->first_s != (n->first_s < n->last_s ? n->first_s : n->last_s) ||
			    !(have->at & CAST_OFF) != !off ||
			    !(have->at & CAST_UNLOCATED) != !nowhere ||
			    (!off && (cast_x(have) != spot.x || cast_y(have) != spot.y ||
				      !(have->at & CAST_COUNTRY) != !spot.country)))
				fail_msg("%s: node %u is another", kinds[k].name, i);
			if (w.cast.arc)
				assert_int_equal(w.cast.arc[at],
						 n->seed >> 22 | ring_bucket(&w.ring, n->seed)
									 << 10);
		}
		assert_int_equal(w.cast.drawn, drawn);
		assert_int_equal(!w.cast.arc, kinds[k].layout != RING);
		assert_int_equal(w.cast.crowd, spots.crowd);
		spots_close(&spots);
		world_close(&w);
		free(met);
	}
}

/* The tile row in which a node is drawn, as the nearest one of the frame. */
static unsigned tile_row(const struct world *w, const struct cast_node *n)
{
	int row = cast_y(n) / (16 * ACCUM_TILE);

	if (row < 0)
		return 0;
	return (unsigned)row < w->cast.tile_rows ? (unsigned)row : w->cast.tile_rows - 1;
}

/* They come tile row by tile row, those nowhere on the frame after all others. */
static void test_rows(void **state)
{
	uint64_t seed = seed_open();

	(void)state;
	for (size_t k = 0; k < sizeof(kinds) / sizeof(kinds[0]); k++) {
		struct world w;

		world_open(&w, k, seed + 100 + k);
		assert_int_equal(w.cast.tile_rows, (kinds[k].height + ACCUM_TILE - 1) / ACCUM_TILE);
		assert_int_equal(w.cast.row[w.cast.tile_rows], w.cast.drawn);
		for (unsigned row = 0; row < w.cast.tile_rows; row++) {
			assert_true(w.cast.row[row] <= w.cast.row[row + 1]);
			for (uint32_t i = w.cast.row[row]; i < w.cast.row[row + 1]; i++)
				assert_int_equal(tile_row(&w, &w.cast.nodes[i]), row);
		}
		for (uint32_t i = 0; i < w.cast.count; i++)
			assert_int_equal(!(w.cast.nodes[i].at & CAST_OFF), i < w.cast.drawn);
		world_close(&w);
	}
}

static uint32_t time_of(const struct cast *c, bool last, uint32_t i)
{
	return last ? c->nodes[i].last_s : c->nodes[i].first_s;
}

static void check_order(const char *name, const struct cast *c, bool last)
{
	const uint32_t *order = last ? c->by_last : c->by_first;
	bool *met = calloc(NODES, sizeof(*met));

	assert_non_null(met);
	for (uint32_t i = 0; i < NODES; i++) {
		assert_true(order[i] < NODES && !met[order[i]]);
		met[order[i]] = true;
		if (i && (time_of(c, last, order[i - 1]) > time_of(c, last, order[i]) ||
			  (time_of(c, last, order[i - 1]) == time_of(c, last, order[i]) &&
			   order[i - 1] > order[i])))
			fail_msg("%s: %u does not follow %u", name, order[i], order[i - 1]);
	}
	free(met);
}

/* Two orders of time, each of everybody; and how many before an instant, counted one by one. */
static void test_times(void **state)
{
	struct rng r = { seed_open() + 5 };

	(void)state;
	for (size_t k = 0; k < sizeof(kinds) / sizeof(kinds[0]); k++) {
		struct world w;

		world_open(&w, k, rng_u64(&r));
		for (int last = 0; last < 2; last++) {
			check_order(kinds[k].name, &w.cast, last);
			for (unsigned turn = 0; turn < 50; turn++) {
				int64_t at =
					time_of(&w.cast, last, (uint32_t)rng_below(&r, NODES)) +
					(int64_t)rng_below(&r, 3) - 1;
				uint32_t before = 0;

				for (uint32_t i = 0; i < NODES; i++)
					before += time_of(&w.cast, last, i) < at;
				assert_int_equal(cast_before(&w.cast, last, at), before);
			}
			assert_int_equal(cast_before(&w.cast, last, INT64_MIN), 0);
			assert_int_equal(cast_before(&w.cast, last, INT64_MAX), NODES);
		}
		world_close(&w);
	}
}

/* Whatever the number of threads, the same bytes. */
static void test_threads(void **state)
{
	uint64_t seed = seed_open();

	(void)state;
	for (unsigned threads = 1; threads <= 8; threads *= 2) {
		struct cast again;
		struct world w;

		world_open(&w, 0, seed + 6);
		w.opts.threads = threads;
		assert_int_equal(cast_open(&again, w.scene, &w.opts), 0);
		assert_memory_equal(w.cast.nodes, again.nodes, NODES * sizeof(*again.nodes));
		assert_memory_equal(w.cast.number, again.number, NODES * sizeof(*again.number));
		assert_memory_equal(w.cast.by_last, again.by_last, NODES * sizeof(*again.by_last));
		cast_close(&again);
		world_close(&w);
	}
}

/* Nobody; ordinals beyond what a store deals; more networks than have a number. */
static void test_edges(void **state)
{
	struct scene *none = scene_new(0);
	struct project_map map;
	struct cast_opts opts = { .width = 320, .height = 180, .threads = 1 };
	struct world w;
	struct cast c;

	(void)state;
	project_map_init(&map, 320, 180);
	opts.geometry.map = &map;
	assert_non_null(none);
	scene_seal(none);
	assert_int_equal(cast_open(&c, none, &opts), 0);
	assert_int_equal(c.count + c.drawn + c.row[c.tile_rows], 0);
	assert_int_equal(cast_before(&c, false, INT64_MAX), 0);
	assert_null(c.number);
	cast_close(&c);
	scene_free(none);

	world_open(&w, 0, 7);
	w.scene->ordinals[5] = UINT32_MAX;
	w.scene->ordinals[6] = NODES;
	assert_int_equal(cast_open(&c, w.scene, &w.opts), 0);
	for (unsigned i = 0; i < NODES; i++) /* the others have theirs */
		assert_int_equal(c.number[i] == UINT32_MAX,
				 w.cast.number[i] != UINT32_MAX &&
					 (i == (5 * 7 + 3) % NODES || i == (6 * 7 + 3) % NODES));
	cast_close(&c);
	w.scene->network_count = CAST_NETWORKS_MAX + 1;
	assert_int_equal(cast_open(&c, w.scene, &w.opts), DT_EFULL);
	assert_null(c.nodes);
	world_close(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_everybody), cmocka_unit_test(test_rows),
		cmocka_unit_test(test_times),     cmocka_unit_test(test_threads),
		cmocka_unit_test(test_edges),
	};

	return cmocka_run_group_tests_name("viz/cast", tests, NULL, NULL);
}
