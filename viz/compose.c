/* SPDX-License-Identifier: MIT */
#include "viz/compose.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "viz/data/embed.h"
#include "viz/palette.h"
#include "viz/parallel.h"

enum {
	NOISE_SIDE = 64,
	ROWS_PER_JOB = 8,
	/* indexed by the root, where sRGB is nearly straight: 0.04 of a byte's step apart */
	SRGB_STEPS = 4096,
};

struct pass {
	const struct compose_parts *parts;
	uint8_t *rgba;
	accum_light *rows; /* two per worker */
	float noise[NOISE_SIDE * NOISE_SIDE];
	float srgb[SRGB_STEPS + 1]; /* 0 .. 255 */
};

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

static inline accum_light shoulder(accum_light v)
{
	float most = v[0] > v[1] ? v[0] : v[1];

	most = v[2] > most ? v[2] : most;
	return most > 0 ? v * (compose_shoulder(most) / most) : v;
}

/* sRGB 0 .. 255 of linear light, not rounded */
static inline accum_light encode(const float *srgb, accum_light v)
{
	accum_light out = { 0 };

	for (int i = 0; i < 3; i++) {
		float c = v[i] < 0 ? 0 : v[i] > 1 ? 1 : v[i];

		out[i] = srgb[(unsigned)(sqrtf(c) * SRGB_STEPS + 0.5f)];
	}
	return out;
}

static inline accum_light over(accum_light under, uint32_t argb)
{
	float keep = 1 - (float)(argb >> 24) / 255.0f;
	accum_light word = { (float)(argb >> 16 & 255), (float)(argb >> 8 & 255),
			     (float)(argb & 255), 0 };

	return under * keep + word;
}

/* Each channel takes its noise elsewhere in the tile, each frame too. */
static inline void put(const struct pass *p, accum_light v, unsigned x, unsigned y, uint8_t *out)
{
	unsigned fx = x + p->parts->frame * 23, fy = y + p->parts->frame * 41;

	for (unsigned i = 0; i < 3; i++) {
		unsigned at = (fy + i * 29) % NOISE_SIDE * NOISE_SIDE + (fx + i * 17) % NOISE_SIDE;
		float byte = v[i] + p->noise[at] + 0.5f;

		out[i] = byte <= 0 ? 0 : byte >= 255 ? 255 : (uint8_t)byte;
	}
	out[3] = 255;
}

static void compose_row(struct pass *p, unsigned y, accum_light *base, accum_light *glow)
{
	const struct compose_parts *c = p->parts;
	const accum_light *light = c->light + (size_t)y * c->width;
	const uint32_t *words = c->overlay ? c->overlay + (size_t)y * c->width : NULL;
	uint8_t *out = p->rgba + (size_t)y * c->width * 4;

	basemap_row(c->base, y, c->sun, (float *)base);
	bloom_row(c->bloom, y, glow);
	for (unsigned x = 0; x < c->width; x++, out += 4) {
		accum_light v = shoulder(light[x] + glow[x] * c->glow);

		v = encode(p->srgb, base[x] + v * (1 - base[x])); /* screen */
		if (words && words[x])
			v = over(v, words[x]);
		put(p, v, x, y, out);
	}
}

static void rows_job(void *ctx, unsigned index, unsigned worker)
{
	struct pass *p = ctx;
	unsigned w = p->parts->width, y1 = (index + 1) * ROWS_PER_JOB;
	accum_light *mine = p->rows + (size_t)worker * 2 * w;

	for (unsigned y = index * ROWS_PER_JOB; y < y1 && y < p->parts->height; y++)
		compose_row(p, y, mine, mine + w);
}

int compose_frame(const struct compose_parts *parts, uint8_t *rgba, unsigned threads)
{
	struct pass *p = malloc(sizeof(*p));
	accum_light *rows;

	threads = parallel_threads(threads);
	rows = aligned_alloc(sizeof(accum_light),
			     (size_t)threads * 2 * parts->width * sizeof(*rows));
	if (!p || !rows) {
		free(p);
		free(rows);
		return -ENOMEM;
	}
	p->parts = parts;
	p->rgba = rgba;
	p->rows = rows;
	make_noise(p->noise);
	make_srgb(p->srgb);
	parallel_run(threads, (parts->height + ROWS_PER_JOB - 1) / ROWS_PER_JOB, rows_job, p);
	free(rows);
	free(p);
	return 0;
}
