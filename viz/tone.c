/* SPDX-License-Identifier: MIT */
#include "viz/tone.h"

#include <string.h>

#include "viz/num.h"
#include "viz/palette.h"
#include "viz/parallel.h"

#define PERCENTILE 0.997
#define SATURATION 1.45f
#define WHITE_FROM 0.72f /* above this t, cores turn white-hot */
#define WHITE_MOST 0.55f

void tone_init(struct tone *t, double ref, bool ember)
{
	/* (1 + k)^4 = 1 + k ref  <=>  k^3 + 4 k^2 + 6 k + 4 = ref; one root above 0, by Newton */
	enum { STEPS = 40 };
	double k = 1;

	if (!(ref > TONE_REF_MIN))
		ref = TONE_REF_MIN;
	if (ref > TONE_REF_MAX)
		ref = TONE_REF_MAX;
	for (int i = 0; i < STEPS; i++)
		k -= (((k + 4) * k + 6) * k + 4 - ref) / ((3 * k + 8) * k + 6);
	t->ref = (float)ref;
	t->k = (float)k;
	t->per_log2 = (float)(1 / num_log2(1 + k * ref));
	t->ember = ember;
	t->points = false;
}

float tone_level(const struct tone *t, float w)
{
	float level = num_log2f(1 + t->k * w) * t->per_log2;

	return level < 1 ? level : 1;
}

/* Weights in steps of 1/64 octave, which is finer than the eye. */
enum { STEP_BITS = 17, STEPS_ALL = 1 << (32 - STEP_BITS) };

static void count_tile(const struct accum *a, struct accum_box b, uint64_t *hist)
{
	for (unsigned y = b.y0; y < b.y1; y++)
		for (unsigned x = b.x0; x < b.x1; x++) {
			uint32_t w = a->cells[(size_t)y * a->width + x][3], bits;
			float f = (float)w;

			memcpy(&bits, &f, 4);
			if (w)
				hist[bits >> STEP_BITS]++;
		}
}

double tone_reference(const struct accum *a)
{
	uint64_t hist[STEPS_ALL / 2] = { 0 }, lit = 0, below = 0;
	unsigned step = 0;
	uint32_t bits;
	float w;

	for (unsigned ty = 0; ty < a->tiles_y; ty++)
		for (unsigned tx = 0; tx < a->tiles_x; tx++)
			if (accum_is_lit(a, tx, ty))
				count_tile(a, accum_tile(a, tx, ty), hist);
	for (unsigned i = 0; i < STEPS_ALL / 2; i++)
		lit += hist[i];
	if (!lit)
		return 0;
	while (below + hist[step] <= (uint64_t)((double)lit * PERCENTILE))
		below += hist[step++];
	bits = (uint32_t)step << STEP_BITS;
	memcpy(&w, &bits, 4);
	return (double)w / (double)a->unit;
}

static accum_light shine(const struct tone *t, float unit, accum_cell cell)
{
	accum_light v = __builtin_convertvector((accum_int)cell, accum_light);
	float level = tone_level(t, v[3] / unit), luma, white;

	if (t->ember) {
		struct palette_rgb e = palette_ember(level);

		return (accum_light){ e.r, e.g, e.b, 0 };
	}
	/* the mean colour of what stands here, as bright as the level */
	v *= tone_shine(t, level) / v[3];
	luma = 0.2126f * v[0] + 0.7152f * v[1] + 0.0722f * v[2];
	v = luma + SATURATION * (v - luma);
	if (level > WHITE_FROM) {
		white = (level - WHITE_FROM) / (1 - WHITE_FROM);
		white *= white * WHITE_MOST;
		v += (level - v) * white;
	}
	for (int i = 0; i < 3; i++)
		v[i] = v[i] > 0 ? v[i] : 0;
	v[3] = 0;
	return v;
}

struct pass {
	const struct tone *tone;
	const struct accum *plate;
	accum_light *light;
};

static void map_tile(const struct pass *p, struct accum_box b)
{
	const struct accum *a = p->plate;

	for (unsigned y = b.y0; y < b.y1; y++)
		for (unsigned x = b.x0; x < b.x1; x++) {
			size_t i = (size_t)y * a->width + x;

			if (a->cells[i][3])
				p->light[i] = shine(p->tone, a->unit, a->cells[i]);
		}
}

static void tile_row(void *ctx, unsigned ty, unsigned worker)
{
	const struct pass *p = ctx;

	(void)worker;
	for (unsigned tx = 0; tx < p->plate->tiles_x; tx++)
		if (accum_is_lit(p->plate, tx, ty))
			map_tile(p, accum_tile(p->plate, tx, ty));
}

void tone_map(const struct tone *t, const struct accum *a, accum_light *light, unsigned threads)
{
	struct pass p = { .tone = t, .plate = a, .light = light };

	parallel_run(threads, a->tiles_y, tile_row, &p);
}
