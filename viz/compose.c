/* SPDX-License-Identifier: MIT */
#include "viz/compose_impl.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include "viz/data/embed.h"
#include "viz/palette.h"
#include "viz/parallel.h"

enum { NOISE_SIDE = COMPOSE_NOISE_SIDE, SRGB_STEPS = COMPOSE_SRGB_STEPS, ROWS_PER_JOB = 8 };

/* A rank among 4096 as noise of triangular density, -1 .. 1: its inverse distribution. */
static void make_noise(float *out)
{
	for (unsigned i = 0; i < NOISE_SIDE * NOISE_SIDE; i++) {
		unsigned rank = embed_noise[2 * i] | (unsigned)embed_noise[2 * i + 1] << 8;
		double u = (rank + 0.5) / (NOISE_SIDE * NOISE_SIDE);

		out[i] = (float)(u < 0.5 ? sqrt(2 * u) - 1 : 1 - sqrt(2 - 2 * u));
	}
}

static void make_srgb(float *out)
{
	for (unsigned i = 0; i <= SRGB_STEPS; i++) {
		double root = (double)i / SRGB_STEPS;

		out[i] = (float)(255 * palette_srgb(root * root));
	}
}

void compose_init(struct compose *c)
{
	make_noise(c->noise);
	make_srgb(c->srgb);
	c->wide = compose_wide_here();
}

static inline accum_light brightest(accum_light v)
{
	return accum_most(accum_most(__builtin_shufflevector(v, v, 0, 0, 0, 0),
				     __builtin_shufflevector(v, v, 1, 1, 1, 1)),
			  __builtin_shufflevector(v, v, 2, 2, 2, 2));
}

static inline accum_light shoulder_of_dark(accum_light v)
{
	return v * (1.7f - 2.601f * brightest(v));
}

static inline accum_light shoulder(accum_light v)
{
	return v * (1.7f / (1 + 1.53f * brightest(v)));
}

/* sRGB 0 .. 255 of linear light, not rounded */
static inline accum_light encode(const float *srgb, accum_light v)
{
	const accum_light none = { 0 }, full = { 1, 1, 1, 1 };
	accum_int at;

	v = accum_least(accum_most(v, none), full);
	v = accum_sqrt(v);
	at = __builtin_convertvector(v * (float)SRGB_STEPS + 0.5f, accum_int);
	return (accum_light){ srgb[at[0]], srgb[at[1]], srgb[at[2]], 0 };
}

static inline accum_light over(accum_light under, uint32_t argb)
{
	float keep = 1 - (float)(argb >> 24) / 255.0f;
	accum_light word = { (float)(argb >> 16 & 255), (float)(argb >> 8 & 255),
			     (float)(argb & 255), 0 };

	return under * keep + word;
}

/* A row of noise: each channel takes its own elsewhere in the tile, each frame too. */
static void noise_row(const struct compose_pass *p, unsigned y, accum_light *out)
{
	const float *noise = p->tables->noise;

	for (unsigned x = 0; x < NOISE_SIDE; x++) {
		unsigned fx = x + p->parts->frame * 23, fy = y + p->parts->frame * 41;

		out[x] = (accum_light){ 0 };
		for (unsigned i = 0; i < 3; i++)
			out[x][i] = 0.5f + noise[(fy + i * 29) % NOISE_SIDE * NOISE_SIDE +
						 (fx + i * 17) % NOISE_SIDE];
	}
}

/* Bytes of a pixel, alpha 255; what lies outside 0 .. 255 is brought within. */
static inline accum_int whole(accum_light v)
{
	return __builtin_convertvector(v, accum_int);
}

static inline void put(accum_light v, uint8_t *out)
{
	accum_int byte = whole(v);

	for (unsigned i = 0; i < 3; i++)
		out[i] = byte[i] < 0 ? 0 : byte[i] > 255 ? 255 : (uint8_t)byte[i];
	out[3] = 255;
}

static inline void put4(accum_light a, accum_light b, accum_light c, accum_light d, uint8_t *out)
{
#ifdef __SSE2__
	const __m128i alpha = _mm_set1_epi32((int)0xff000000u);
	__m128i low = _mm_packs_epi32((__m128i)whole(a), (__m128i)whole(b));
	__m128i high = _mm_packs_epi32((__m128i)whole(c), (__m128i)whole(d));

	_mm_storeu_si128((__m128i *)(void *)out, _mm_or_si128(_mm_packus_epi16(low, high), alpha));
#else
	put(a, out);
	put(b, out + 4);
	put(c, out + 8);
	put(d, out + 12);
#endif
}

struct row {
	const accum_light *base, *glow, *noise, *light; /* light: NULL in the dark */
	const uint32_t *words;                          /* NULL where there are none */
	uint8_t *out;
};

static inline __attribute__((always_inline)) accum_light
compose_pixel(const struct compose_pass *p, const struct row *r, unsigned x, struct compose_kind k)
{
	accum_light v = r->glow[x] * p->parts->glow;

	if (k.lit)
		v += r->light[x];
	v = k.dark ? shoulder_of_dark(v) : shoulder(v);
	v = encode(p->tables->srgb, r->base[x] + v * (1 - r->base[x])); /* screen */
	if (k.worded && r->words[x])
		v = over(v, r->words[x]);
	return v + r->noise[x % NOISE_SIDE];
}

static inline __attribute__((always_inline)) void compose_span(const struct compose_pass *p,
							       const struct row *r, unsigned x0,
							       unsigned x1, struct compose_kind k)
{
	unsigned x = x0;

	for (; x + 4 <= x1; x += 4)
		put4(compose_pixel(p, r, x, k), compose_pixel(p, r, x + 1, k),
		     compose_pixel(p, r, x + 2, k), compose_pixel(p, r, x + 3, k),
		     r->out + 4 * (size_t)x);
	for (; x < x1; x++)
		put(compose_pixel(p, r, x, k), r->out + 4 * (size_t)x);
}

static void compose_row(const struct compose_pass *p, unsigned y, accum_light *rows)
{
	const struct compose_parts *c = p->parts;
	unsigned stride = c->stride ? c->stride : c->width;
	unsigned tiles = (c->width + ACCUM_TILE - 1) / ACCUM_TILE;
	const uint8_t *lit = c->lit ? c->lit + (size_t)(y / ACCUM_TILE) * tiles : NULL;
	const uint8_t *words = c->words ? c->words + (size_t)(y / ACCUM_TILE) * tiles : NULL;
	accum_light *base = rows, *glow = base + COMPOSE_ROW_ROOM(c->width);
	accum_light *noise = glow + COMPOSE_ROW_ROOM(c->width);
	struct row r = { .base = base,
			 .glow = glow,
			 .noise = noise,
			 .light = c->light ? c->light + (size_t)y * c->width : NULL,
			 .words = c->overlay ? c->overlay + (size_t)y * stride : NULL,
			 .out = p->rgba + (size_t)y * stride * 4 };

	basemap_row(c->base, y, c->sun, (float *)base);
	bloom_row(c->bloom, y, glow);
	noise_row(p, y, noise);
	for (unsigned t = 0; t < tiles; t++) {
		unsigned x0 = t * ACCUM_TILE, x1 = x0 + ACCUM_TILE;
		bool is_lit = r.light && (!lit || lit[t]),
		     is_worded = r.words && (!words || words[t]);

		x1 = x1 < c->width ? x1 : c->width;
		if (is_lit && is_worded)
			compose_span(p, &r, x0, x1, (struct compose_kind){ true, true, false });
		else if (is_lit)
			compose_span(p, &r, x0, x1, (struct compose_kind){ true, false, false });
		else if (is_worded)
			compose_span(p, &r, x0, x1, (struct compose_kind){ false, true, false });
		else if (compose_nearly_dark(glow, x0, x1, c->glow))
			compose_span(p, &r, x0, x1, (struct compose_kind){ false, false, true });
		else
			compose_span(p, &r, x0, x1, (struct compose_kind){ false, false, false });
	}
}

static void rows_job(void *ctx, unsigned index, unsigned worker)
{
	const struct compose_pass *p = ctx;
	unsigned w = p->parts->width, y1 = (index + 1) * ROWS_PER_JOB;
	accum_light *mine = p->rows + (size_t)worker * COMPOSE_ROWS * COMPOSE_ROW_ROOM(w);

	for (unsigned y = index * ROWS_PER_JOB; y < y1 && y < p->parts->height; y++)
		if (p->tables->wide && w % ACCUM_TILE == 0)
			compose_wide_row(p, y, mine);
		else
			compose_row(p, y, mine);
}

int compose_frame(const struct compose *c, const struct compose_parts *parts, uint8_t *rgba,
		  unsigned threads)
{
	struct compose_pass p = { .tables = c, .parts = parts, .rgba = rgba };

	threads = parallel_threads(threads);
	p.rows = aligned_alloc(sizeof(accum_light), threads * COMPOSE_ROWS *
							    COMPOSE_ROW_ROOM(parts->width) *
							    sizeof(*p.rows));
	if (!p.rows)
		return -ENOMEM;
	parallel_run(threads, (parts->height + ROWS_PER_JOB - 1) / ROWS_PER_JOB, rows_job, &p);
	free(p.rows);
	return 0;
}
