/* SPDX-License-Identifier: MIT */
#ifndef VIZ_BLOOM_H
#define VIZ_BLOOM_H

#include "proto/err.h"
#include "viz/accum.h"

/**
 * DOC: the glow around what is bright: the picture halved six times, each
 * level blurred a little, and added up again from the smallest. Level 1 always
 * has half the resolution of a 1080-line frame, so the glow is as wide in the
 * picture at any size of frame.
 */

enum { BLOOM_LEVELS = 6 };

/** struct bloom_tap - where between two pixels of a coarser level one of a finer lies. */
struct bloom_tap {
	uint32_t at; /* the left one; the level's rows are padded by one */
	float f;     /* share of the right one */
};

struct bloom {
	unsigned width, height; /* of the frame */
	unsigned levels;
	struct bloom_level {
		unsigned width, height;
		accum_light *px;
		struct bloom_tap *taps; /* per column of the next finer level, or of the frame */
	} level[BLOOM_LEVELS]; /* 0 is half a 1080-line frame; after bloom_build() the sum of all */
	accum_light *spare;    /* four rows */
};

/** bloom_init() - room. Errors: -ENOMEM. */
int bloom_init(struct bloom *b, unsigned width, unsigned height) DT_MUST;
void bloom_fini(struct bloom *b);

/**
 * bloom_build() - from @light[width * height].
 * @lit: per tile of ACCUM_TILE: has any light; NULL = look at all.
 */
void bloom_build(struct bloom *b, const accum_light *light, const uint8_t *lit, unsigned threads);

/** bloom_row() - the glow of row @y of the frame, before its share of one half: @out[width + 2]. */
void bloom_row(const struct bloom *b, unsigned y, accum_light *out);

#endif
