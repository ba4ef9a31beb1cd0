/* SPDX-License-Identifier: MIT */
#include "viz/tone.h"

#include <math.h>
#include <string.h>

#include "viz/num.h"
#include "viz/palette.h"
#include "viz/parallel.h"

#define PERCENTILE 0.997
#define SATURATION 1.45f
#define WHITE_FROM 0.72f /* above this t, cores turn white-hot */
#define WHITE_MOST 0.55f

float tone_level(const struct tone *t, float w)
{
	float level = num_log2f(1 + t->k * w) * t->per_log2;

	return level < 1 ? level : 1;
}

/* Weights in steps of 1/64 octave, which is finer than the eye. */
static inline uint32_t bin_of(float w)
{
	uint32_t bits;

	memcpy(&bits, &w, 4);
	return bits >> TONE_STEP_BITS;
}

static float weight_of_bin(uint32_t bin)
{
	uint32_t bits = bin << TONE_STEP_BITS;
	float w;

	memcpy(&w, &bits, 4);
	return w;
}

enum { BIN_FIRST = (127 - 13) << (23 - TONE_STEP_BITS) }; /* 2^-13 */

static void prepare(struct tone *t)
{
	t->white_from = INFINITY;
	for (unsigned i = 0; i <= TONE_STEPS; i++) {
		float w = weight_of_bin(BIN_FIRST + i), level = tone_level(t, w);
		float white = (level - WHITE_FROM) / (1 - WHITE_FROM);

		t->curve[i] = (struct tone_curve){
			.gain = tone_shine(t, level) / w,
			.white = level > WHITE_FROM && !t->areas ? white * white * WHITE_MOST : 0,
			.level = level,
		};
		if (level > WHITE_FROM && !t->areas && !(t->white_from < w))
			t->white_from = weight_of_bin(BIN_FIRST + i - 1);
	}
}

void tone_init(struct tone *t, double ref, unsigned kind)
{
	/* (1 + k)^4 = 1 + k ref  <=>  k^3 + 4 k^2 + 6 k + 4 = ref; one root above 0, by Newton */
	enum { STEPS = 40 };
	const double least = kind & TONE_POINTS ? TONE_REF_MIN_POINTS : TONE_REF_MIN;
	double k = 1, above;

	if (!(ref > least))
		ref = least;
	if (ref > TONE_REF_MAX)
		ref = TONE_REF_MAX;
	above = ref > TONE_REF_MIN ? ref : TONE_REF_MIN; /* below it there is no root to speak of */
	for (int i = 0; i < STEPS; i++)
		k -= (((k + 4) * k + 6) * k + 4 - above) / ((3 * k + 8) * k + 6);
	t->ref = (float)ref;
	t->k = (float)k;
	t->per_log2 = (float)(1 / num_log2(1 + k * ref));
	t->ember = kind & TONE_EMBER;
	t->points = kind & TONE_POINTS;
	t->areas = kind & TONE_AREAS;
	prepare(t);
}

/* Of @w nodes: which step of the table, and how far towards the next. */
static inline const struct tone_curve *curve_at(const struct tone *t, float w, float *f)
{
	uint32_t bits;
	int i;

	memcpy(&bits, &w, 4);
	i = (int)(bits >> TONE_STEP_BITS) - BIN_FIRST;
	*f = (float)(bits & ((1u << TONE_STEP_BITS) - 1)) * (1.0f / (1u << TONE_STEP_BITS));
	/* below the table all is one step, above it another */
	if (i < 0 || i >= TONE_STEPS) {
		*f = i < 0 ? 0 : 1;
		i = i < 0 ? 0 : TONE_STEPS - 1;
	}
	return &t->curve[i];
}

static void count_tile(const struct accum *a, const accum_light *faded, float fade,
		       struct accum_box b, uint64_t *bins)
{
	for (unsigned y = b.y0; y < b.y1; y++)
		for (unsigned x = b.x0; x < b.x1; x++) {
			size_t at = (size_t)y * a->width + x;
			float w = (float)a->cells[at][3] / a->unit;

			if (faded)
				w += faded[at][3] * fade;
			if (w > 0)
				bins[bin_of(w)]++;
		}
}

double tone_percentile(const uint64_t *bins)
{
	uint64_t lit = 0, below = 0;
	unsigned step = 0;

	for (unsigned i = 0; i < TONE_BINS; i++)
		lit += bins[i];
	if (!lit)
		return 0;
	while (below + bins[step] <= (uint64_t)((double)lit * PERCENTILE))
		below += bins[step++];
	return (double)weight_of_bin(step);
}

double tone_reference(const struct accum *a)
{
	uint64_t bins[TONE_BINS] = { 0 };

	for (unsigned ty = 0; ty < a->tiles_y; ty++)
		for (unsigned tx = 0; tx < a->tiles_x; tx++)
			if (accum_is_lit(a, tx, ty))
				count_tile(a, NULL, 0, accum_tile(a, tx, ty), bins);
	return tone_percentile(bins);
}

void tone_count(const struct plates *p, float fade, uint64_t *bins)
{
	const struct accum *a = &p->live;

	for (unsigned ty = 0; ty < a->tiles_y; ty++)
		for (unsigned tx = 0; tx < a->tiles_x; tx++)
			if (plates_is_lit(p, ty * a->tiles_x + tx))
				count_tile(a, p->fade, fade, accum_tile(a, tx, ty), bins);
}

/* The light of @v: linear r g b, each times the weight, and the weight, in nodes. */
static inline accum_light shine(const struct tone *t, accum_light v)
{
	const accum_light none = { 0 };
	float f, luma;
	const struct tone_curve *c = curve_at(t, v[3], &f);

	if (t->ember) {
		struct palette_rgb e = palette_ember(c[0].level + f * (c[1].level - c[0].level));

		return (accum_light){ e.r, e.g, e.b, 0 };
	}
	/* the mean colour of what stands here, as bright as the level */
	bool hot = v[3] > t->white_from;

	v *= c[0].gain + f * (c[1].gain - c[0].gain);
	luma = 0.2126f * v[0] + 0.7152f * v[1] + 0.0722f * v[2];
	v = luma + SATURATION * (v - luma);
	if (hot) {
		float level = c[0].level + f * (c[1].level - c[0].level);

		v += (level - v) * (c[0].white + f * (c[1].white - c[0].white));
	}
	v = accum_most(v, none);
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
	const float per_unit = 1 / a->unit;

	for (unsigned y = b.y0; y < b.y1; y++)
		for (unsigned x = b.x0; x < b.x1; x++) {
			size_t i = (size_t)y * a->width + x;

			if (a->cells[i][3])
				p->light[i] = shine(p->tone,
						    __builtin_convertvector((accum_int)a->cells[i],
									    accum_light) *
							    per_unit);
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

/* ---- films ------------------------------------------------------------------------ */

#define SPARK_GAIN 0.3f

/* What of the plates a tile needs to be looked at for. */
struct layers {
	bool live, fade, spark;
};

static inline __attribute__((always_inline)) accum_light
film_pixel(const struct tone *t, const struct tone_film *f, struct layers has, unsigned x,
	   unsigned y, size_t at, float per_unit)
{
	const struct plates *p = f->plates;
	const accum_light none = { 0 };
	accum_light v = none, out = none;

	if (has.live)
		v = __builtin_convertvector((accum_int)p->live.cells[at], accum_light) * per_unit;
	if (has.fade)
		v += p->fade[at] * f->fade;
	/* what rounding leaves of a plate of floats may be below nought */
	if (v[3] > 0x1p-20f)
		out = shine(t, f->tint ? breath_tint(f->tint, x, y, v[3]) : v);
	if (has.spark && p->spark[at] * f->spark > 0x1p-6f) {
		out += SPARK_GAIN * num_log2f(1 + p->spark[at] * f->spark);
		out[3] = 0;
	}
	return out;
}

/* One row of one tile. */
static void film_span(const struct tone *t, const struct tone_film *f, unsigned tile, unsigned y,
		      unsigned x0, unsigned x1, accum_light *light)
{
	const struct plates_tile *on = &f->plates->tiles[tile];
	const float per_unit = 1 / f->plates->live.unit;
	const struct layers has = { on->live > 0, on->fade > 0, on->spark > 0 };
	const struct layers all = { true, true, true }, lit = { true, false, false };
	const size_t row = (size_t)y * f->plates->live.width;

	/* the two most common as code of their own */
	if (has.live && has.fade && has.spark)
		for (unsigned x = x0; x < x1; x++)
			light[row + x] = film_pixel(t, f, all, x, y, row + x, per_unit);
	else if (has.live && !has.fade && !has.spark)
		for (unsigned x = x0; x < x1; x++)
			light[row + x] = film_pixel(t, f, lit, x, y, row + x, per_unit);
	else
		for (unsigned x = x0; x < x1; x++)
			light[row + x] = film_pixel(t, f, has, x, y, row + x, per_unit);
}

/* By rows, not tile by tile: three plates are read and one is written in long runs. */
static void film_row(const struct tone *t, const struct tone_film *f, unsigned y,
		     accum_light *light, const uint8_t *lit)
{
	const struct accum *a = &f->plates->live;
	const unsigned ty = y / ACCUM_TILE;

	for (unsigned tx = 0; tx < a->tiles_x; tx++) {
		unsigned tile = ty * a->tiles_x + tx, x0 = tx * ACCUM_TILE, x1 = x0 + ACCUM_TILE;

		x1 = x1 < a->width ? x1 : a->width;
		if (plates_is_lit(f->plates, tile))
			film_span(t, f, tile, y, x0, x1, light);
		else if (lit[tile])
			memset(light + (size_t)y * a->width + x0, 0, (x1 - x0) * sizeof(*light));
	}
}

void tone_film(const struct tone *t, const struct tone_film *f, accum_light *light, uint8_t *lit)
{
	const struct accum *a = &f->plates->live;

	for (unsigned y = 0; y < a->height; y++)
		film_row(t, f, y, light, lit);
	for (unsigned tile = 0; tile < a->tiles_x * a->tiles_y; tile++)
		lit[tile] = plates_is_lit(f->plates, tile);
}
