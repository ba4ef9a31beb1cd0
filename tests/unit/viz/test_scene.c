/* SPDX-License-Identifier: MIT */
#include "tests/support/unit.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/rng.h"
#include "viz/scene.h"

enum { ROWS = 20000 };

static struct scene_row random_row(struct rng *r)
{
	return (struct scene_row){
		.first_s = 1000000 + rng_below(r, 5000),
		.last_s = 1005000 + rng_below(r, 5000),
		.asn = (uint32_t)rng_below(r, 6000),
		.seed = (uint32_t)rng_u64(r),
		.lat = (float)rng_below(r, 100) - 50,
		.lon = (float)rng_below(r, 100),
		.radius_km = (float)rng_below(r, 2),
		.has_point = rng_below(r, 10) > 0,
		.country_level = rng_below(r, 4) == 0,
	};
}

/* Each node must lead back to what was put in; the tables must hold nothing twice. */
static void test_round_trip(void **state)
{
	struct rng r = rng_open(5);
	struct scene_row *rows = calloc(ROWS, sizeof(*rows));
	struct scene *s = scene_new(0);
	uint64_t at_places = 0, in_networks = 0;

	(void)state;
	assert_non_null(rows);
	assert_non_null(s);
	for (unsigned i = 0; i < ROWS; i++)
		rows[i] = random_row(&r);
	for (unsigned at = 0, n; at < ROWS; at += n) {
		n = (unsigned)rng_below(&r, 70);
		n = n < ROWS - at ? n : ROWS - at;
		assert_int_equal(scene_add(s, rows + at, n), 0);
	}
	assert_int_equal(s->node_count, ROWS);
	for (unsigned i = 0; i < ROWS; i++) {
		const struct scene_node *n = &s->nodes[i];
		const struct scene_place *p = &s->places[n->place];

		assert_int_equal(s->networks[n->network].asn, rows[i].asn);
		assert_int_equal(n->seed, rows[i].seed);
		assert_int_equal(n->first_s, rows[i].first_s);
		assert_int_equal(n->last_s, rows[i].last_s);
		assert_int_equal(n->place == SCENE_NOWHERE, !rows[i].has_point);
		if (n->place != SCENE_NOWHERE)
			assert_true(p->lat == rows[i].lat && p->lon == rows[i].lon &&
				    p->radius_km == rows[i].radius_km &&
				    p->country_level == rows[i].country_level);
	}
	assert_true(s->place_count <= 100 * 100 * 2 * 2 && s->network_count <= 6000);
	for (unsigned i = 0; i < s->place_count; i++)
		at_places += s->places[i].nodes;
	for (unsigned i = 0; i < s->network_count; i++)
		in_networks += s->networks[i].nodes;
	assert_int_equal(at_places, s->located + s->country_level);
	assert_int_equal(in_networks, ROWS);
	assert_int_equal(s->located + s->country_level + s->unlocated, ROWS);
	scene_free(s);
	free(rows);
}

static int by_rank(const void *a, const void *b)
{
	const struct scene_network *x = a, *y = b;

	if (x->nodes != y->nodes)
		return x->nodes < y->nodes ? 1 : -1;
	return x->asn > y->asn ? 1 : -1;
}

static void test_top(void **state)
{
	static const unsigned kinds[] = { 1, 5, 11, 300 };
	struct rng r = rng_open(6);

	(void)state;
	for (size_t k = 0; k < sizeof(kinds) / sizeof(kinds[0]); k++) {
		struct scene *s = scene_new(100);
		struct scene_network *sorted;
		unsigned known = 0;

		assert_non_null(s);
		for (unsigned i = 0; i < 3000; i++) {
			struct scene_row row = { .last_s = 1,
						 .asn = (uint32_t)rng_below(&r, kinds[k]) };

			assert_int_equal(scene_add(s, &row, 1), 0);
		}
		scene_seal(s);
		sorted = calloc(s->network_count, sizeof(*sorted));
		assert_non_null(sorted);
		for (unsigned i = 0; i < s->network_count; i++)
			if (s->networks[i].asn)
				sorted[known++] = s->networks[i];
		qsort(sorted, known, sizeof(*sorted), by_rank);
		assert_int_equal(s->top_count, known < SCENE_TOP ? known : SCENE_TOP);
		for (unsigned i = 0; i < s->top_count; i++)
			assert_int_equal(s->networks[s->top[i].network].asn, sorted[i].asn);
		if (s->top_count) {
			char name[16];

			snprintf(name, sizeof(name), "AS%u", sorted[0].asn);
			assert_string_equal(s->top[0].name, name);
		}
		free(sorted);
		scene_free(s);
	}
}

/* What a geo file can say that is no place. */
static void test_no_place(void **state)
{
	static const float bad[][2] = { { NAN, 0 },      { 0, NAN },      { 90.01f, 0 },
					{ -91, 0 },      { 0, 180.1f },   { 0, -1e30f },
					{ INFINITY, 0 }, { 0, -INFINITY } };
	struct scene *s = scene_new(8);
	struct scene_row edge = { .has_point = true, .lat = -90, .lon = 180, .radius_km = NAN };

	(void)state;
	assert_non_null(s);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct scene_row row = { .has_point = true, .lat = bad[i][0], .lon = bad[i][1] };

		assert_int_equal(scene_add(s, &row, 1), 0);
	}
	assert_int_equal(s->unlocated, sizeof(bad) / sizeof(bad[0]));
	assert_int_equal(s->place_count, 0);
	assert_int_equal(scene_add(s, &edge, 1), 0);
	assert_int_equal(scene_add(s, &edge, 1), 0);
	assert_int_equal(s->place_count, 1);
	assert_true(s->places[0].radius_km == 0);
	scene_free(s);
	scene_free(NULL);
}

static void test_range(void **state)
{
	static const uint64_t times[][2] = {
		{ 500, 900 }, { 0, 700 }, { 400, 450 }, { 1ull << 40, 1ull << 41 }
	};
	struct scene *s = scene_new(4);

	(void)state;
	assert_non_null(s);
	for (size_t i = 0; i < 4; i++) {
		struct scene_row row = { .first_s = times[i][0], .last_s = times[i][1] };

		assert_int_equal(scene_add(s, &row, 1), 0);
		if (i == 2) {
			assert_int_equal(s->first_s, 400);
			assert_int_equal(s->last_s, 900);
		}
	}
	assert_int_equal(s->nodes[1].first_s, 700); /* never answered: seen is what there is */
	assert_int_equal(s->nodes[3].last_s, UINT32_MAX);
	scene_free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_top),
		cmocka_unit_test(test_no_place),
		cmocka_unit_test(test_range),
	};

	return cmocka_run_group_tests_name("viz/scene", tests, NULL, NULL);
}
