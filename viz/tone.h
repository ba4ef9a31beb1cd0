/* SPDX-License-Identifier: MIT */
#ifndef VIZ_TONE_H
#define VIZ_TONE_H

#include <math.h>
#include <stdbool.h>

#include "proto/err.h"
#include "viz/accum.h"
#include "viz/breath.h"
#include "viz/plates.h"

/**
 * DOC: from counts to light. A few nodes in a field and a hundred thousand in
 * Frankfurt must both be seen, so brightness goes with the logarithm:
 *
 *	t = log2(1 + k w) / log2(1 + k ref)
 *
 * where ref is what is to be white, fixed for a whole run, and k solves
 * (1 + k)^4 = 1 + k ref, so that a lone node has t = 1/4 whatever ref is (V-5).
 */

enum {
	TONE_REF_MIN = 8,
	TONE_REF_MIN_POINTS = 3, /* a sparse square is not left in the dark */
	TONE_REF_MAX = 1 << 24,
	/* the curve as a table over the upper bits of a float: 64 steps an octave, 2^-13 .. 2^25 */
	TONE_STEP_BITS = 17,
	TONE_OCTAVES = 38,
	TONE_STEPS = TONE_OCTAVES << (23 - TONE_STEP_BITS),
};

struct tone {
	float ref, k, per_log2; /* per_log2 = 1 / log2(1 + k ref) */
	bool ember;             /* the "density" palette: colour by t alone */
	bool points, areas;     /* see enum tone_kind */
	/* private: the curve as a table */
	struct tone_curve {
		float gain; /* light per weight */
		float white, level;
	} curve[TONE_STEPS + 1];
	float white_from; /* weight from which on cores turn white */
};

/** enum tone_kind - may be added up. */
enum tone_kind {
	TONE_PLAIN = 0,
	TONE_EMBER = 1,
	TONE_POINTS = 2, /* a pixel stands alone: see tone_shine() */
	TONE_AREAS = 4,  /* light fills areas: no core turns white, a hue stays a hue */
};

/**
 * tone_init() - @ref is brought within TONE_REF_MIN .. TONE_REF_MAX; the least of TONE_POINTS,
 * where a pixel stands alone and most hold one node or none, is TONE_REF_MIN_POINTS.
 * @kind: of enum tone_kind.
 */
void tone_init(struct tone *t, double ref, unsigned kind);

/** tone_level() - 0 .. 1 of @w nodes per pixel. */
float tone_level(const struct tone *t, float w);

/**
 * tone_light() - linear light of a level: its power 5/4. The logarithm alone
 * leaves a lone node two thirds as bright on the screen as a capital; the power
 * gives the night back its depth, and a lone node stays well above the ground.
 */
static inline float tone_light(float level)
{
	return level * sqrtf(sqrtf(level));
}

/**
 * tone_shine() - linear light of a level in this picture. On a map light that falls on one
 * pixel is seen with its neighbours; where every pixel is a block of addresses of its own a
 * lone node has nothing but its pixel, and the power is 3/4.
 */
static inline float tone_shine(const struct tone *t, float level)
{
	return t->points ? sqrtf(level) * sqrtf(sqrtf(level)) : tone_light(level);
}

/** tone_count() - the lit cells of plates into a histogram of TONE_BINS, for tone_percentile(). */
enum { TONE_BINS = 1 << 14 };
void tone_count(const struct plates *p, float fade, uint64_t *bins);
double tone_percentile(const uint64_t *bins);

/** tone_reference() - the 99.7th percentile of lit cells; 0 where all is dark. Threads: pure. */
double tone_reference(const struct accum *a);

/**
 * tone_map() - all of @a into @light[width * height], linear 0..1; dark tiles
 * are not written: @light comes zeroed.
 */
void tone_map(const struct tone *t, const struct accum *a, accum_light *light, unsigned threads);

/**
 * tone_film() - the plates of a film as light, sparks included.
 * @fade, @spark: what those plates are multiplied by at this instant.
 * @f->tint: what colours everything instead of the networks; NULL = they do.
 * @lit: out, per tile: has any light. Of @light only what is lit now, or was by @lit before,
 * is written.
 */
struct tone_film {
	const struct plates *plates;
	float fade, spark;
	const struct breath_field *tint;
};
void tone_film(const struct tone *t, const struct tone_film *f, accum_light *light, uint8_t *lit);

#endif
