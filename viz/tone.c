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
	tone_prepare(t);
}

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

void tone_prepare(struct tone *t)
{
	for (unsigned i = 0; i <= TONE_STEPS; i++) {
		float level = tone_level(t, weight_of_bin(BIN_FIRST + i));
		float white = (level - WHITE_FROM) / (1 - WHITE_FROM);

		t->curve[i] = (struct tone_curve){
			.shine = tone_shine(t, level),
			.white = level > WHITE_FROM ? white * white * WHITE_MOST : 0,
			.level = level,
		};
	}
}

/* Of @w nodes: between two steps of the table along a straight line. */
static inline struct tone_curve curve_at(const struct tone *t, float w)
{
	uint32_t bits;
	int i;
	float f;

	memcpy(&bits, &w, 4);
	i = (int)(bits >> TONE_STEP_BITS) - BIN_FIRST;
	f = (float)(bits & ((1u << TONE_STEP_BITS) - 1)) * (1.0f / (1u << TONE_STEP_BITS));
	if (i < 0) { /* below the table light goes to nought */
		f = w * 8192;
		return (struct tone_curve){ .shine = t->curve[0].shine * f,
					    .level = t->curve[0].level * f };
	}
	if (i >= TONE_STEPS)
		return t->curve[TONE_STEPS];
	const struct tone_curve *a = &t->curve[i], *b = a + 1;

	return (struct tone_curve){ .shine = a->shine + f * (b->shine - a->shine),
				    .white = a->white + f * (b->white - a->white),
				    .level = a->level + f * (b->level - a->level) };
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
	struct tone_curve c = curve_at(t, v[3]);
	const accum_light none = { 0 };
	float luma;

	if (t->ember) {
		struct palette_rgb e = palette_ember(c.level);

		return (accum_light){ e.r, e.g, e.b, 0 };
	}
	/* the mean colour of what stands here, as bright as the level */
	v *= c.shine / v[3];
	luma = 0.2126f * v[0] + 0.7152f * v[1] + 0.0722f * v[2];
	v = luma + SATURATION * (v - luma);
	v += (c.level - v) * c.white;
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

static inline accum_light mixed(const struct tone_film *f, size_t at, float per_unit)
{
	const struct plates *p = f->plates;
	accum_light v =
		__builtin_convertvector((accum_int)p->live.cells[at], accum_light) * per_unit;

	return p->fade ? v + p->fade[at] * f->fade : v;
}

static void film_tile(const struct tone *t, const struct tone_film *f, struct accum_box b,
		      accum_light *light)
{
	const struct plates *p = f->plates;
	const float per_unit = 1 / p->live.unit;
	const accum_light none = { 0 };

	for (unsigned y = b.y0; y < b.y1; y++)
		for (unsigned x = b.x0; x < b.x1; x++) {
			size_t at = (size_t)y * p->live.width + x;
			accum_light v = mixed(f, at, per_unit), out = none;

			/* what rounding leaves of a plate of floats may be below nought */
			if (v[3] > 0x1p-20f) {
				if (f->tint)
					v = breath_tint(f->tint, x, y, v[3]);
				out = shine(t, v);
			}
			if (p->spark && p->spark[at] * f->spark > 0x1p-6f)
				out += SPARK_GAIN * num_log2f(1 + p->spark[at] * f->spark);
			out[3] = 0;
			light[at] = out;
		}
}

static void darken(const struct accum *a, struct accum_box b, accum_light *light)
{
	for (unsigned y = b.y0; y < b.y1; y++)
		memset(light + (size_t)y * a->width + b.x0, 0, (b.x1 - b.x0) * sizeof(*light));
}

void tone_film(const struct tone *t, const struct tone_film *f, accum_light *light, uint8_t *lit)
{
	const struct accum *a = &f->plates->live;

	for (unsigned ty = 0; ty < a->tiles_y; ty++)
		for (unsigned tx = 0; tx < a->tiles_x; tx++) {
			unsigned tile = ty * a->tiles_x + tx;
			bool now = plates_is_lit(f->plates, tile);

			if (now)
				film_tile(t, f, accum_tile(a, tx, ty), light);
			else if (lit[tile])
				darken(a, accum_tile(a, tx, ty), light);
			lit[tile] = now;
		}
}
