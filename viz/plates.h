/* SPDX-License-Identifier: MIT */
#ifndef VIZ_PLATES_H
#define VIZ_PLATES_H

#include <stdbool.h>
#include <stdint.h>

#include "proto/err.h"
#include "viz/accum.h"

/**
 * DOC: the plates of a film, which are changed from frame to frame and not
 * exposed anew: what is lit now, in integers, added and taken away exactly; what
 * fades, in floats; and the sparks of what is new.
 *
 * Nothing is multiplied frame by frame: a fading node is laid down once with
 * what it would have had at a reference instant, and the whole plate is read with
 * one factor that the clock gives. So a frame costs what changes in it.
 *
 * Per tile it is counted how many dots lie on it. A tile that the last dot has
 * left is wiped: rounding never leaves a glimmer.
 */

struct plates {
	struct accum live; /* cells: lit now; its lit flags are kept up to date */
	accum_light *fade; /* r g b w, in nodes at the reference instant; NULL = nothing fades */
	float *spark;      /* in nodes at the reference instant; NULL = no sparks */
	struct plates_tile {
		uint32_t live, fade, spark; /* dots on it */
	} * tiles;                          /* as accum's tiles */
};

/** struct plates_opts - what a layout asks for. */
struct plates_opts {
	bool pointed; /* accum_pointed() */
	bool fades, sparks;
	uint32_t crowd; /* accum_crowd() */
};

int plates_init(struct plates *p, unsigned width, unsigned height,
		const struct plates_opts *opts) DT_MUST;
void plates_fini(struct plates *p);

/** struct plates_dot - one node's light. */
struct plates_dot {
	int32_t x, y; /* 1/16 pixel */
	struct palette_rgb rgb;
	float weight;
};

/** struct plates_rows - which rows may be written: bounds are multiples of ACCUM_TILE, or all. */
struct plates_rows {
	int from, to;
};

static inline struct plates_rows plates_all(const struct plates *p)
{
	return (struct plates_rows){ 0, (int)p->live.height };
}

/**
 * plates_live(), plates_fade(), plates_spark() - put a dot on a plate (@sign 1) or take it away
 * (-1): the very same dot that was put.
 * Threads: calls on disjoint rows.
 */
void plates_live(struct plates *p, struct plates_rows rows, const struct plates_dot *d, int sign);
void plates_fade(struct plates *p, struct plates_rows rows, const struct plates_dot *d, int sign);
void plates_spark(struct plates *p, struct plates_rows rows, const struct plates_dot *d, int sign);

/**
 * plates_soon() - a dot at (@x, @y) comes soon, @spark: a spark. Dots are far from each other, and
 * each would wait for memory.
 */
static inline void plates_soon(const struct plates *p, int32_t x, int32_t y, bool spark)
{
	const unsigned px = (unsigned)(x >> 4), py = (unsigned)(y >> 4), width = p->live.width;
	const size_t at = (size_t)py * width + px;

	if (px >= width || py + 1 >= p->live.height)
		return;
	if (spark) {
		__builtin_prefetch(&p->spark[at], 1);
		__builtin_prefetch(&p->spark[at + width], 1);
		return;
	}
	__builtin_prefetch(&p->live.cells[at], 1);
	__builtin_prefetch(&p->live.cells[at + width], 1);
	if (p->fade) {
		__builtin_prefetch(&p->fade[at], 1);
		__builtin_prefetch(&p->fade[at + width], 1);
	}
}

/** plates_clear() - all dark; plates_clear_fading() - but for what is lit. */
void plates_clear(struct plates *p);
void plates_clear_fading(struct plates *p);

static inline bool plates_is_lit(const struct plates *p, unsigned tile)
{
	const struct plates_tile *t = &p->tiles[tile];

	return t->live || t->fade || t->spark;
}

#endif
