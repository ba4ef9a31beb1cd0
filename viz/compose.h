/* SPDX-License-Identifier: MIT */
#ifndef VIZ_COMPOSE_H
#define VIZ_COMPOSE_H

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

struct compose_parts {
	unsigned width, height;
	const struct basemap *base;
	const struct sun *sun;    /* NULL = no day and night */
	const accum_light *light; /* of tone_map() */
	const struct bloom *bloom;
	const uint32_t *overlay; /* premultiplied ARGB, sRGB: words and chart; NULL = none */
	float glow;              /* how much of the bloom is added */
	uint32_t frame;          /* number in a film: the noise moves with it */
};

/** compose_shoulder() - how much of a brightness of @most, which may exceed 1, a screen shows. */
static inline float compose_shoulder(float most)
{
	/* lifts what is dim, bends what is bright; 1 becomes 0.67, 3 becomes 0.91 */
	return most * (1.7f / (1 + 1.53f * most));
}

/** compose_frame() - into @rgba[4 * width * height], alpha 255. Errors: -ENOMEM. */
int compose_frame(const struct compose_parts *p, uint8_t *rgba, unsigned threads) DT_MUST;

#endif
