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

struct bloom {
	unsigned width, height; /* of the frame */
	unsigned levels;
	struct bloom_level {
		unsigned width, height;
		accum_light *px;
	} level[BLOOM_LEVELS]; /* 0 is half a 1080-line frame; after bloom_build() the sum of all */
	accum_light *spare;
};

/** bloom_init() - room. Errors: -ENOMEM. */
int bloom_init(struct bloom *b, unsigned width, unsigned height) DT_MUST;
void bloom_fini(struct bloom *b);

/** bloom_build() - from @light[width * height]; @a tells which of it is dark. */
void bloom_build(struct bloom *b, const accum_light *light, const struct accum *a,
		 unsigned threads);

/** bloom_row() - the glow of row @y of the frame, before its share of one half: @out[width]. */
void bloom_row(const struct bloom *b, unsigned y, accum_light *out);

#endif
