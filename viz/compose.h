/* SPDX-License-Identifier: MIT */
#ifndef VIZ_COMPOSE_H
#define VIZ_COMPOSE_H

#include <stdbool.h>
#include <stdint.h>

#include "proto/err.h"
#include "viz/accum.h"
#include "viz/basemap.h"
#include "viz/bloom.h"

/**
 * DOC: the last step. Ground, lights and glow are added up in linear light,
 * brought into what a screen can show, turned into sRGB, overlaid with the
 * words, and rounded to bytes with blue noise, without which the dark sea would
 * show rings.
 */

enum {
	COMPOSE_NOISE_SIDE = 64,
	/* indexed by the root, where sRGB is nearly straight: 0.04 of a byte's step apart */
	COMPOSE_SRGB_STEPS = 4096,
};

/** struct compose - what does not change from picture to picture. */
struct compose {
	float noise[COMPOSE_NOISE_SIDE * COMPOSE_NOISE_SIDE];
	float srgb[COMPOSE_SRGB_STEPS + 1]; /* 0 .. 255 */
	bool wide;                          /* eight pixels at a time: the same bytes */
};

/** compose_init() - Cost: half a millisecond. */
void compose_init(struct compose *c);

struct compose_parts {
	unsigned width, height;
	const struct basemap *base;
	const struct sun *sun;    /* NULL = no day and night */
	const accum_light *light; /* of tone_map(); NULL = none */
	const uint8_t *lit;       /* per tile of ACCUM_TILE: has any light; NULL = look */
	const struct bloom *bloom;
	const uint32_t *overlay; /* premultiplied ARGB, sRGB: words and chart; NULL = none */
	const uint8_t *words;    /* per tile: has any words; NULL = look */
	unsigned stride;         /* pixels a row of @overlay and of the result; 0 = width */
	float glow;              /* how much of the bloom is added */
	uint32_t frame;          /* number in a film: the noise moves with it */
};

/** compose_shoulder() - how much of a brightness of @most, which may exceed 1, a screen shows. */
static inline float compose_shoulder(float most)
{
	/* lifts what is dim, bends what is bright; 1 becomes 0.67, 3 becomes 0.91 */
	return most * (1.7f / (1 + 1.53f * most));
}

/** compose_frame() - into @rgba[4 * stride * height], alpha 255. Errors: -ENOMEM. */
int compose_frame(const struct compose *c, const struct compose_parts *p, uint8_t *rgba,
		  unsigned threads) DT_MUST;

#endif
