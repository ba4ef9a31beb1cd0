/* SPDX-License-Identifier: MIT */
#include "tests/support/unit.h"

#include <stdlib.h>

#include "tests/support/scene_sample.h"
#include "viz/history.h"
#include "viz/lights.h"

/* The chart must say what the picture of that moment would count. */
static const struct {
	const char *name;
	double half_life_s, cutoff_s;
} rows[] = {
	{ "no fading", 0, 0 },
	{ "cutoff alone", 0, 3600 },
	{ "half-life", 300, 0 },
	{ "half-life and cutoff", 900, 5400 },
	{ "longer than the range", 86400, 0 },
};

static void test_counts(void **state)
{
	struct rng r = rng_open(7);
	struct scene *s = scene_sample(&r, 3000);
	struct history *h = malloc(sizeof(*h));

	(void)state;
	assert_non_null(s);
	assert_non_null(h);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint64_t most = 0;

		history_build(h, s, s->first_s, s->last_s,
			      rows[i].cutoff_s > 0 ? rows[i].cutoff_s : 24 * rows[i].half_life_s);
		for (unsigned b = 0; b <= h->bins; b += 16) {
			uint64_t range = h->to_s - h->from_s, alight = 0;
			struct lights_opts o = { .half_life_s = rows[i].half_life_s,
						 .cutoff_s = rows[i].cutoff_s };

			o.at_s = (uint32_t)(h->from_s + range * b / h->bins);
			for (uint32_t n = 0; n < s->node_count; n++)
				alight += lights_weight(&o, s->nodes[n].first_s,
							s->nodes[n].last_s) > 0;
			if (alight != h->alight[b])
				fail_msg("%s, bin %u: %llu, counted %llu", rows[i].name, b,
					 (unsigned long long)h->alight[b],
					 (unsigned long long)alight);
		}
		for (unsigned b = 0; b <= h->bins; b++)
			most = h->alight[b] > most ? h->alight[b] : most;
		assert_int_equal(most, h->most);
	}
	free(h);
	scene_free(s);
}

/* Half a minute has thirty bins, so that the line runs from second to second. */
static void test_short_range(void **state)
{
	struct scene *s = scene_new(31);
	struct history h;

	(void)state;
	assert_non_null(s);
	for (unsigned i = 0; i <= 30; i++) {
		struct scene_row row = { .first_s = 1000 + i, .last_s = 1000 + i };

		assert_int_equal(scene_add(s, &row, 1), 0);
	}
	history_build(&h, s, s->first_s, s->last_s, 0);
	assert_int_equal(h.bins, 30);
	for (unsigned i = 0; i <= 30; i++)
		assert_int_equal(h.alight[i], i + 1);
	scene_free(s);
}

static void test_no_range(void **state)
{
	struct scene *s = scene_new(1);
	struct scene_row row = { .first_s = 77, .last_s = 77 };
	struct history h;

	(void)state;
	assert_non_null(s);
	history_build(&h, s, s->first_s, s->last_s, 0);
	assert_int_equal(h.to_s, h.from_s);
	assert_int_equal(scene_add(s, &row, 1), 0);
	history_build(&h, s, s->first_s, s->last_s, 0);
	assert_int_equal(h.to_s, h.from_s);
	assert_int_equal(h.most, 0);
	scene_free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_counts),
		cmocka_unit_test(test_short_range),
		cmocka_unit_test(test_no_range),
	};

	return cmocka_run_group_tests_name("viz/history", tests, NULL, NULL);
}
