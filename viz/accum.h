/* SPDX-License-Identifier: MIT */
#ifndef VIZ_ACCUM_H
#define VIZ_ACCUM_H

#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#ifdef __SSE__
#include <xmmintrin.h>
#endif

#include "proto/err.h"
#include "viz/palette.h"

/**
 * DOC: the photographic plate. One cell per pixel sums the light that falls on
 * it: linear red, green, blue, each times the node's weight, and the weight
 * itself. Sums are integers in units of 1/4096 node, so the order in which
 * nodes arrive changes nothing, any number of threads gives the same plate, and
 * what is added can be taken away again exactly (V-3).
 *
 * A node falls on the plate as a tent of one pixel's radius at 1080 lines, of
 * U pixels on larger frames, whose volume is U x U: so a cell counts nodes per
 * 1080p-pixel at every size, and 4K is the same picture with finer edges.
 */

typedef uint32_t accum_cell __attribute__((vector_size(16))); /* r g b w */
typedef int32_t accum_int __attribute__((vector_size(16)));
typedef float accum_light __attribute__((vector_size(16))); /* r g b, w 1 */

/** accum_most(), accum_least() - of each pair. */
static inline accum_light accum_most(accum_light a, accum_light b)
{
#ifdef __SSE__
	return _mm_max_ps(a, b);
#else
	accum_int of_a = a > b;

	return (accum_light)(((accum_int)a & of_a) | ((accum_int)b & ~of_a));
#endif
}

static inline accum_light accum_least(accum_light a, accum_light b)
{
#ifdef __SSE__
	return _mm_min_ps(a, b);
#else
	accum_int of_a = a < b;

	return (accum_light)(((accum_int)a & of_a) | ((accum_int)b & ~of_a));
#endif
}

/** accum_sqrt() - of each; exact, as IEEE 754 has it. */
static inline accum_light accum_sqrt(accum_light v)
{
#ifdef __SSE__
	return _mm_sqrt_ps(v);
#else
	return (accum_light){ sqrtf(v[0]), sqrtf(v[1]), sqrtf(v[2]), sqrtf(v[3]) };
#endif
}

enum {
	ACCUM_UNIT = 4096,   /* of one node; cells hold 2^20 nodes */
	ACCUM_SUB = 16,      /* positions are quantised to 1/16 pixel */
	ACCUM_TILE = 16,     /* side of what is known to be dark as a whole */
	ACCUM_TAPS_MAX = 32, /* of a frame of 16,384 lines and a bit more */
};

struct accum {
	unsigned width, height;
	unsigned tiles_x, tiles_y;
	float unit;        /* ACCUM_UNIT, less where one place holds more than 2^19 nodes */
	accum_cell *cells; /* width * height */
	uint8_t *lit;      /* tiles_x * tiles_y: 1 where a tile has any light */
	/* private: the tent in 16 phases */
	unsigned taps;
	int first[ACCUM_SUB];
	float weight[ACCUM_SUB][ACCUM_TAPS_MAX];
};

/** struct accum_dot - one node on the plate. */
struct accum_dot {
	int32_t x, y; /* 1/16 pixel; pixel centres at 8, 24, ... */
	uint32_t color;
	float weight; /* 0 .. 1 */
};

/** accum_init() - a dark plate. Errors: -ENOMEM. */
int accum_init(struct accum *a, unsigned width, unsigned height) DT_MUST;
void accum_fini(struct accum *a);

/**
 * accum_pointed() - before the first dot: a node lights the one pixel that it falls in, at any
 * size of frame. For layouts where a pixel is a block of addresses and no other's.
 */
void accum_pointed(struct accum *a);

/** accum_lit_cells() - how many have any light. */
uint64_t accum_lit_cells(const struct accum *a);

/**
 * accum_clear() - dark again, and @light[width * height] with it (may be NULL).
 * Only what was lit is touched: on a new frame that is nothing.
 */
void accum_clear(struct accum *a, accum_light *light);

/** accum_crowd() - tell how many nodes stand on the most crowded place, before the first dot. */
void accum_crowd(struct accum *a, uint32_t nodes);

/** accum_rows() - first and last row that a dot reaches, not clipped to the plate. */
void accum_rows(const struct accum *a, int32_t y, int *first, int *last);

/**
 * accum_add() - dots on rows @row0 .. @row1-1 alone.
 * Threads: calls on disjoint rows whose bounds are multiples of ACCUM_TILE.
 */
void accum_add(struct accum *a, int row0, int row1, const struct accum_dot *dots, unsigned count,
	       const struct palette_rgb *colors);

struct accum_box {
	unsigned x0, x1, y0, y1; /* pixels; the upper ones are one past the last */
};

/** accum_tile() - what tile (@tx, @ty) covers of the plate. */
struct accum_box accum_tile(const struct accum *a, unsigned tx, unsigned ty);

static inline bool accum_is_lit(const struct accum *a, unsigned tile_x, unsigned tile_y)
{
	return a->lit[tile_y * a->tiles_x + tile_x] != 0;
}

#endif
