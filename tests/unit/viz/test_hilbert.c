/* SPDX-License-Identifier: MIT */
#include "tests/support/unit.h"

#include <stdlib.h>

#include "tests/support/rng.h"
#include "viz/hilbert.h"

/*
 * The curve by another way than the automaton: from the smallest squares
 * upwards, turning what is there, as Warren's "Hacker's Delight" 16-1 and
 * Wikipedia have it. Theirs starts downwards or to the right by the parity of
 * the order; on the address map the whole square is always entered downwards.
 */
static void oracle(unsigned order, uint32_t d, unsigned *x, unsigned *y)
{
	unsigned px = 0, py = 0;

	for (unsigned s = 1; s < 1u << order; s *= 2, d /= 4) {
		unsigned rx = 1 & (d / 2), ry = 1 & (d ^ rx), t;

		if (ry == 0) {
			if (rx == 1) {
				px = s - 1 - px;
				py = s - 1 - py;
			}
			t = px;
			px = py;
			py = t;
		}
		px += s * rx;
		py += s * ry;
	}
	*x = px;
	*y = py;
}

static void test_oracle(void **state)
{
	(void)state;
	for (unsigned order = 1; order <= 9; order++)
		for (uint32_t d = 0; d < 1u << 2 * order; d++) {
			unsigned x, y, wx, wy;

			hilbert_xy(order, d, &x, &y);
			oracle(order, d, &wx, &wy);
			if (x != wx || y != wy)
				fail_msg("order %u, cell %u: (%u, %u), not (%u, %u)", order, d, x,
					 y, wx, wy);
		}
}

/* What makes it the Hilbert curve at all: every step goes to a neighbour, every cell is met once.
 */
static void test_neighbours(void **state)
{
	enum { ORDER = 10 };
	uint8_t *met = calloc(1u << 2 * ORDER, 1);
	unsigned x = 0, y = 0;

	(void)state;
	assert_non_null(met);
	for (uint32_t d = 0; d < 1u << 2 * ORDER; d++) {
		unsigned nx, ny;

		hilbert_xy(ORDER, d, &nx, &ny);
		assert_int_equal(met[ny << ORDER | nx]++, 0);
		if (d)
			assert_int_equal(abs((int)nx - (int)x) + abs((int)ny - (int)y), 1);
		x = nx;
		y = ny;
	}
	free(met);
}

/* A prefix stays where it is when the square grows. */
static void test_prefixes(void **state)
{
	struct rng r = { 5 };

	(void)state;
	for (unsigned i = 0; i < 20000; i++) {
		uint32_t ip = (uint32_t)rng_u64(&r);
		unsigned small = 1 + (unsigned)rng_below(&r, 14), x, y, bx, by;

		hilbert_xy(small, ip >> (32 - 2 * small), &x, &y);
		hilbert_xy(15, ip >> 2, &bx, &by);
		assert_int_equal(bx >> (15 - small), x);
		assert_int_equal(by >> (15 - small), y);
	}
}

/* Where the /8 blocks lie on xkcd 195 and CAIDA's census maps. */
static const struct {
	unsigned block, column, row;
} known[] = {
	{ 0, 0, 0 },    { 1, 1, 0 },    { 3, 0, 1 },    { 10, 3, 3 },   { 63, 0, 7 },
	{ 64, 0, 8 },   { 85, 0, 15 },  { 127, 7, 8 },  { 128, 8, 8 },  { 170, 15, 15 },
	{ 192, 15, 7 }, { 223, 11, 4 }, { 224, 11, 3 }, { 240, 12, 0 }, { 255, 15, 0 },
};

static void test_blocks(void **state)
{
	struct hilbert h;

	(void)state;
	assert_int_equal(hilbert_init(&h, 1920, 1080), 0);
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		unsigned x, y;

		hilbert_pixel(&h, known[i].block << 24 | 0x7f3355, &x, &y);
		if ((x - h.x) / 64 != known[i].column || (y - h.y) / 64 != known[i].row)
			fail_msg("%u/8 lies at %u, %u", known[i].block, (x - h.x) / 64,
				 (y - h.y) / 64);
	}
}

static const struct {
	unsigned width, height;
	int err;
	unsigned order, x, y;
	bool poster;
} frames[] = {
	{ 1920, 1080, 0, 10, 448, 28, false },     { 3840, 2160, 0, 11, 896, 56, false },
	{ 960, 540, 0, 9, 224, 14, false },        { 4096, 4096, 0, 12, 0, 0, true },
	{ 2048, 2048, 0, 11, 0, 0, true },         { 16384, 16384, 0, 14, 0, 0, true },
	{ 1080, 1920, DT_ERANGE, 0, 0, 0, false }, { 1024, 1024, DT_ERANGE, 0, 0, 0, false },
	{ 320, 180, DT_ERANGE, 0, 0, 0, false },
};

static void test_frames(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(frames) / sizeof(frames[0]); i++) {
		struct hilbert h;
		int err = hilbert_init(&h, frames[i].width, frames[i].height);

		if (err != frames[i].err)
			fail_msg("%u x %u: %d", frames[i].width, frames[i].height, err);
		if (err)
			continue;
		assert_int_equal(h.order, frames[i].order);
		assert_int_equal(h.x, frames[i].x);
		assert_int_equal(h.y, frames[i].y);
		assert_int_equal(h.poster, frames[i].poster);
	}
}

/* Reserved addresses stand on grey, others do not. */
static const struct {
	uint32_t ip;
	bool grey;
} grounds[] = {
	{ 0x00112233, true },  { 0x01010101, false }, { 0x0a0b0c0d, true }, { 0x64400000, true },
	{ 0x647fffff, true },  { 0x64800000, false }, { 0x7f000001, true }, { 0xac100001, true },
	{ 0xac200001, false }, { 0xc0a80101, true },  { 0xc6120001, true }, { 0xc613ffff, true },
	{ 0xc6140000, false }, { 0xdfffffff, false }, { 0xe0000001, true }, { 0xffffffff, true },
};

static void test_ground(void **state)
{
	struct basemap b;
	struct hilbert h;

	(void)state;
	assert_int_equal(basemap_open(&b, 1920, 1080, &(struct basemap_opts){ .bare = true }), 0);
	assert_int_equal(hilbert_init(&h, 1920, 1080), 0);
	assert_int_equal(hilbert_ground(&h, &b), 0);
	for (size_t i = 0; i < sizeof(grounds) / sizeof(grounds[0]); i++) {
		unsigned x, y;

		hilbert_pixel(&h, grounds[i].ip, &x, &y);
		if (((b.px[y * 1920 + x] & 0xffffff) != (b.px[0] & 0xffffff)) != grounds[i].grey)
			fail_msg("%08x", grounds[i].ip);
	}
	basemap_close(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_oracle),   cmocka_unit_test(test_neighbours),
		cmocka_unit_test(test_prefixes), cmocka_unit_test(test_blocks),
		cmocka_unit_test(test_frames),   cmocka_unit_test(test_ground),
	};

	return cmocka_run_group_tests_name("viz/hilbert", tests, NULL, NULL);
}
