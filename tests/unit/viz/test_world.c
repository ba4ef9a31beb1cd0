/* SPDX-License-Identifier: MIT */
#include "tests/support/unit.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/guard.h"
#include "tests/support/rng.h"
#include "viz/world.h"

static void test_embedded(void **state)
{
	struct world w;
	unsigned coast = 0, border = 0, uncoded = 0, germany = 0;

	(void)state;
	assert_int_equal(world_open(&w, world_embedded()), 0);
	for (uint32_t i = 0; i < w.arc_count; i++) {
		coast += w.arcs[i].uses == 1;
		border += w.arcs[i].uses == 2;
	}
	assert_int_equal(coast, 1597);
	assert_int_equal(border, 362);
	assert_int_equal(w.arc_count, coast + border);
	assert_int_equal(w.land_count, 1429);
	assert_int_equal(w.country_count, 241);
	for (uint32_t i = 0; i < w.country_count; i++) {
		uncoded += strcmp(w.countries[i].code, "--") == 0;
		germany += strcmp(w.countries[i].code, "DE") == 0;
	}
	assert_int_equal(uncoded, 5);
	assert_int_equal(germany, 1);
	for (uint32_t i = 0; i < w.point_count; i++)
		assert_true(fabsf(w.points[i].lon) < 180.01f && fabsf(w.points[i].lat) < 90.01f);
	world_close(&w);
	world_close(&w);
}

/* Arcs of a ring join: no edge is long, but where the ring runs over the antimeridian. */
static void test_rings_join(void **state)
{
	struct world w;
	struct world_point *p;

	(void)state;
	assert_int_equal(world_open(&w, world_embedded()), 0);
	p = malloc(w.point_count * sizeof(*p));
	assert_non_null(p);
	for (uint32_t r = 0; r < w.country_ring_count; r++) {
		uint32_t n = world_ring_points(&w, w.country_rings[r], NULL);

		assert_true(n >= 3 && n <= w.point_count);
		assert_int_equal(world_ring_points(&w, w.country_rings[r], p), n);
		for (uint32_t i = 0; i < n; i++) {
			const struct world_point *a = &p[i], *b = &p[(i + 1) % n];
			float dx = fabsf(a->lon - b->lon);

			dx = dx > 180 ? 360 - dx : dx;
			if (dx > 12 || fabsf(a->lat - b->lat) > 12)
				fail_msg("ring %u: from %.2f %.2f to %.2f %.2f", r, (double)a->lon,
					 (double)a->lat, (double)b->lon, (double)b->lat);
		}
	}
	free(p);
	world_close(&w);
}

static void test_truncated(void **state)
{
	struct span all = world_embedded();
	struct guard g;

	(void)state;
	guard_open(&g, all.len);
	for (size_t len = 0; len < all.len; len += len < 300 ? 1 : 977) {
		struct world w;
		int err = world_open(&w, span_of(guard_put(&g, all.ptr, len), len));

		if (err != (len < 4 ? DT_EFOREIGN : DT_ECORRUPT))
			fail_msg("%zu bytes: %d", len, err);
	}
	guard_close(&g);
}

/* Whatever stands in it, reading ends and no reference leaves the tables. */
static void test_damaged(void **state)
{
	struct rng r = rng_open(12);
	struct span all = world_embedded();
	uint8_t *copy = malloc(all.len);
	struct guard g;

	(void)state;
	assert_non_null(copy);
	guard_open(&g, all.len);
	for (int round = 0; round < 60; round++) {
		struct world w;

		memcpy(copy, all.ptr, all.len);
		for (int i = 0; i < 1 + round % 20; i++)
			copy[4 + rng_below(&r, all.len - 4)] = (uint8_t)rng_u64(&r);
		if (world_open(&w, span_of(guard_put(&g, copy, all.len), all.len)))
			continue;
		for (uint32_t i = 0; i < w.land_count; i++)
			world_ring_points(&w, w.land[i], NULL);
		world_close(&w);
	}
	guard_close(&g);
	free(copy);
}

static void test_foreign(void **state)
{
	struct world w;

	(void)state;
	assert_int_equal(world_open(&w, SPAN_LIT("PNG\r\n stuff")), DT_EFOREIGN);
	assert_int_equal(world_open(&w, SPAN_LIT("")), DT_EFOREIGN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_embedded),  cmocka_unit_test(test_rings_join),
		cmocka_unit_test(test_truncated), cmocka_unit_test(test_damaged),
		cmocka_unit_test(test_foreign),
	};

	return cmocka_run_group_tests_name("viz/world", tests, NULL, NULL);
}
