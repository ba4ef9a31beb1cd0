/* SPDX-License-Identifier: MIT */
#include "tests/support/unit.h"

#include <math.h>
#include <stdlib.h>

#include "tests/support/rng.h"
#include "viz/accum.h"
#include "viz/ring.h"

static const struct {
	unsigned width, height;
	int err;
} frames[] = { { 1920, 1080, 0 },      { 3840, 2160, 0 },         { 960, 540, 0 },
	       { 640, 360, 0 },        { 1080, 1080, DT_ERANGE }, { 1080, 1920, DT_ERANGE },
	       { 620, 350, DT_ERANGE } };

static void test_frames(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(frames) / sizeof(frames[0]); i++) {
		struct ring r;

		assert_int_equal(ring_init(&r, frames[i].width, frames[i].height, 0),
				 frames[i].err);
	}
}

static unsigned shared_bits(uint32_t a, uint32_t b)
{
	unsigned bits = 0;

	while (bits < RING_BUCKETS && (a >> (31 - bits) & 1) == (b >> (31 - bits) & 1))
		bits++;
	return bits;
}

/* Buckets lie one in the other without a gap, and whoever belongs to one is drawn in it. */
static void test_spots(void **state)
{
	struct rng rng = rng_open(61);
	struct ring r;
	double outer = 1e9;

	(void)state;
	assert_int_equal(ring_init(&r, 1920, 1080, 0xdeadbeef), 0);
	for (unsigned bits = 0; bits <= RING_BUCKETS; bits++) {
		double from, to;

		ring_radii(&r, bits, &from, &to);
		assert_true(from < to && from >= r.hub - 1e-9 && to <= r.outer + 1e-9);
		assert_true(bits == 0 || fabs(to - outer) < 1e-9);
		outer = from;
	}
	for (unsigned i = 0; i < 50000; i++) {
		uint32_t id = (uint32_t)rng_u64(&rng);
		struct ring_lane lane = ring_lane((i % 1000) / 999.0, (i % 7) / 7.0);
		double from, to, away;
		int32_t x, y, again_x, again_y;
		unsigned bits;

		/* half of them near the reference, where lot hardly ever falls */
		if (i & 1)
			id = 0xdeadbeef ^ id >> rng_below(&rng, 32);
		bits = ring_bucket(&r, id);
		assert_int_equal(bits, shared_bits(id, 0xdeadbeef));
		ring_radii(&r, bits, &from, &to);
		ring_spot(&r, id, lane, &x, &y);
		ring_spot(&r, id, lane, &again_x, &again_y);
		assert_true(x == again_x && y == again_y);
		away = hypot(x / (double)ACCUM_SUB - r.x, y / (double)ACCUM_SUB - r.y);
		if (away < from - 0.1 || away > to + 0.1)
			fail_msg("%08x: %u bits, %.2f is not within %.2f .. %.2f", id, bits, away,
				 from, to);
	}
}

/* The angle is the bits that follow: four neighbours of the reference, a quarter turn apart. */
static void test_angles(void **state)
{
	static const int sign[4][2] = { { 1, -1 }, { 1, 1 }, { -1, 1 }, { -1, -1 } };
	struct ring r;

	(void)state;
	assert_int_equal(ring_init(&r, 1920, 1080, 0x80000000), 0);
	for (uint32_t quarter = 0; quarter < 4; quarter++)
		for (uint32_t i = 1; i < 1000; i++) {
			uint32_t id = quarter << 29 | i << 19;
			int32_t x, y;

			ring_spot(&r, id, ring_lane(0.5, 1), &x, &y);
			assert_true((x / (double)ACCUM_SUB - r.x) * sign[quarter][0] > -1);
			assert_true((y / (double)ACCUM_SUB - r.y) * sign[quarter][1] > -1);
		}
}

/* Of two nodes in one circle the one of the later hue is further out, at whatever angle. */
static void test_hues(void **state)
{
	struct rng rng = rng_open(63);
	struct ring r;

	(void)state;
	assert_int_equal(ring_init(&r, 3840, 2160, 0x80000000), 0);
	for (unsigned i = 0; i < 20000; i++) {
		double hue[2] = { (double)rng_below(&rng, 500) / 1000 + 0.1, 0 };
		double share = (double)rng_below(&rng, 200) / 1000, away[2];

		hue[1] =
			hue[0] + (share > 0.03 ? share : 0.03) + 0.02; /* lanes that do not touch */
		for (unsigned k = 0; k < 2; k++) {
			uint32_t id = (uint32_t)rng_u64(&rng) & 0x7fffffff; /* bucket 0 */
			int32_t x, y;

			ring_spot(&r, id, ring_lane(hue[k], share), &x, &y);
			away[k] = hypot(x / (double)ACCUM_SUB - r.x, y / (double)ACCUM_SUB - r.y);
		}
		if (away[0] >= away[1])
			fail_msg("hue %.3f is not within hue %.3f", hue[0], hue[1]);
	}
}

static void test_facts(void **state)
{
	struct ring_facts f = { .nodes = 99 };
	struct rng rng = rng_open(62);

	(void)state;
	ring_measure(&f);
	assert_true(f.nodes == 0 && f.crowded == 0 && f.dispersion == 0);
	for (unsigned i = 0; i < 200000; i++)
		f.arc[rng_below(&rng, RING_ARCS)]++;
	ring_measure(&f);
	assert_int_equal(f.nodes, 200000);
	assert_int_equal(f.crowded, 0);
	/* sigma of it is sqrt(2 / 1024): within five */
	assert_true(fabs(f.dispersion - 1) < 0.22);
	f.arc[512] += 400;
	ring_measure(&f);
	assert_int_equal(f.crowded, 1);
	assert_true(ring_is_crowded(&f, 512) && !ring_is_crowded(&f, 511));
	assert_true(f.dispersion > 1.5);
	for (unsigned i = 0; i < RING_ARCS; i++)
		f.arc[i] = i == 7 ? 40 : 4;
	ring_measure(&f);
	assert_int_equal(f.crowded, 0); /* ten times its share of next to nothing */
}

static unsigned painted(const uint32_t *px, size_t count)
{
	unsigned n = 0;

	for (size_t i = 0; i < count; i++)
		n += px[i] != 0;
	return n;
}

/* Arcs of nobody leave no trace; the fuller, the longer. */
static void test_arcs(void **state)
{
	enum { W = 960, H = 540 };
	uint32_t *px = calloc(W * H, sizeof(*px));
	struct ring_facts f = { .nodes = 0 };
	struct ring r;
	unsigned even;

	(void)state;
	assert_non_null(px);
	assert_int_equal(ring_init(&r, W, H, 0), 0);
	assert_int_equal(ring_arcs(&r, &f, W, H, W, px), 0);
	assert_int_equal(painted(px, W * H), 0);
	for (unsigned i = 0; i < RING_ARCS; i++)
		f.arc[i] = 20;
	ring_measure(&f);
	assert_int_equal(ring_arcs(&r, &f, W, H, W, px), 0);
	even = painted(px, W * H);
	assert_true(even > 2000);
	/* one that is crowded is as long as there is room, and marked at its end */
	f.arc[256] = 80;
	ring_measure(&f);
	assert_int_equal(f.crowded, 1);
	assert_int_equal(ring_arcs(&r, &f, W, H, W, px), 0);
	assert_int_equal(px[(size_t)(r.y + 1) * W + (size_t)(r.x + r.arcs + r.room)] | 0xff,
			 0xffffb3ff);
	free(px);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_frames), cmocka_unit_test(test_spots),
		cmocka_unit_test(test_angles), cmocka_unit_test(test_hues),
		cmocka_unit_test(test_facts),  cmocka_unit_test(test_arcs),
	};

	return cmocka_run_group_tests_name("viz/ring", tests, NULL, NULL);
}
