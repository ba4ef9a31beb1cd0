/* SPDX-License-Identifier: MIT */
#include "viz/bloom.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "viz/parallel.h"

#define UPWARD 0.55f /* how much of a coarser level reaches the next finer one */

int bloom_init(struct bloom *b, unsigned width, unsigned height)
{
	double u = height / 1080.0;
	unsigned skip = 0;
	double w = width / (u > 1 ? u : 1), h = height / (u > 1 ? u : 1);

	*b = (struct bloom){ .width = width, .height = height };
	/* on small frames the finest levels would be finer than a pixel */
	while (u < 0.7071 && skip < BLOOM_LEVELS - 2) {
		u *= 2;
		skip++;
	}
	b->levels = BLOOM_LEVELS - skip;
	for (unsigned i = 0; i < b->levels; i++) {
		struct bloom_level *l = &b->level[i];

		l->width = i ? (b->level[i - 1].width + 1) / 2 : (unsigned)(w / 2 + 0.5);
		l->height = i ? (b->level[i - 1].height + 1) / 2 : (unsigned)(h / 2 + 0.5);
		l->px = malloc((size_t)l->width * l->height * sizeof(*l->px));
		if (!l->px)
			goto err;
	}
	b->spare = malloc((size_t)b->level[0].width * b->level[0].height * sizeof(*b->spare));
	if (b->spare)
		return 0;
err:
	bloom_fini(b);
	return -ENOMEM;
}

void bloom_fini(struct bloom *b)
{
	for (unsigned i = 0; i < BLOOM_LEVELS; i++) {
		free(b->level[i].px);
		b->level[i].px = NULL;
	}
	free(b->spare);
	b->spare = NULL;
}

/* ---- down ----------------------------------------------------------------------- */

struct shrink {
	struct bloom *b;
	const accum_light *light;
	const struct accum *plate;
};

/* Mean of the frame's pixels in the box, those at its edges by their share. */
static accum_light box(const struct shrink *s, double x0, double x1, double y0, double y1)
{
	accum_light sum = { 0 };
	unsigned w = s->b->width, xe = (unsigned)x1 < w ? (unsigned)x1 : w - 1;
	unsigned ye = (unsigned)y1 < s->b->height ? (unsigned)y1 : s->b->height - 1;

	for (unsigned y = (unsigned)y0; y <= ye; y++) {
		double top = y > y0 ? y : y0, end = y + 1 < y1 ? y + 1 : y1;
		accum_light row = { 0 };

		if (end <= top)
			continue;
		for (unsigned x = (unsigned)x0; x <= xe; x++) {
			double left = x > x0 ? x : x0, right = x + 1 < x1 ? x + 1 : x1;

			if (right > left)
				row += s->light[(size_t)y * w + x] * (float)(right - left);
		}
		sum += row * (float)(end - top);
	}
	return sum * (float)(1 / ((x1 - x0) * (y1 - y0)));
}

/* Are all tiles under the box dark? */
static bool dark(const struct accum *a, double x0, double x1, double y0, double y1)
{
	unsigned tx1 = (unsigned)x1 / ACCUM_TILE, ty1 = (unsigned)y1 / ACCUM_TILE;

	for (unsigned ty = (unsigned)y0 / ACCUM_TILE; ty <= ty1 && ty < a->tiles_y; ty++)
		for (unsigned tx = (unsigned)x0 / ACCUM_TILE; tx <= tx1 && tx < a->tiles_x; tx++)
			if (accum_is_lit(a, tx, ty))
				return false;
	return true;
}

static void first_row(void *ctx, unsigned y, unsigned worker)
{
	const struct shrink *s = ctx;
	const struct bloom_level *l = &s->b->level[0];
	double sx = (double)s->b->width / l->width, sy = (double)s->b->height / l->height;

	(void)worker;
	for (unsigned x = 0; x < l->width; x++) {
		double x0 = x * sx, x1 = (x + 1) * sx, y0 = y * sy, y1 = (y + 1) * sy;
		accum_light zero = { 0 };

		l->px[(size_t)y * l->width + x] =
			dark(s->plate, x0, x1, y0, y1) ? zero : box(s, x0, x1, y0, y1);
	}
}

static unsigned within(int i, unsigned n)
{
	return i < 0 ? 0 : (unsigned)i < n ? (unsigned)i : n - 1;
}

/*
 * 1-3-3-1 along both axes, not the mean of two: with that the glow of a light
 * would lean to one side, depending on which pair of pixels it fell into.
 */
static void halve(const struct bloom_level *from, struct bloom_level *to, accum_light *spare)
{
	for (unsigned y = 0; y < from->height; y++) {
		const accum_light *row = from->px + (size_t)y * from->width;

		for (unsigned x = 0; x < to->width; x++) {
			int i = 2 * (int)x;

			spare[(size_t)y * to->width + x] =
				(row[within(i - 1, from->width)] + row[within(i + 2, from->width)] +
				 (row[i] + row[within(i + 1, from->width)]) * 3) *
				0.125f;
		}
	}
	for (unsigned y = 0; y < to->height; y++) {
		int i = 2 * (int)y;
		const accum_light *a = spare + (size_t)within(i - 1, from->height) * to->width;
		const accum_light *b = spare + (size_t)i * to->width;
		const accum_light *c = spare + (size_t)within(i + 1, from->height) * to->width;
		const accum_light *d = spare + (size_t)within(i + 2, from->height) * to->width;

		for (unsigned x = 0; x < to->width; x++)
			to->px[(size_t)y * to->width + x] =
				(a[x] + d[x] + (b[x] + c[x]) * 3) * 0.125f;
	}
}

/* 1-2-1 along both axes, in place; beyond the edge the edge itself. */
static void blur(struct bloom_level *l, accum_light *spare)
{
	unsigned w = l->width, h = l->height;

	for (unsigned y = 0; y < h; y++) {
		const accum_light *row = l->px + (size_t)y * w;
		accum_light *out = spare + (size_t)y * w;

		for (unsigned x = 0; x < w; x++)
			out[x] = (row[x ? x - 1 : 0] + row[x] * 2 + row[x + 1 < w ? x + 1 : x]) *
				 0.25f;
	}
	for (unsigned y = 0; y < h; y++) {
		const accum_light *up = spare + (size_t)(y ? y - 1 : 0) * w;
		const accum_light *mid = spare + (size_t)y * w;
		const accum_light *down = spare + (size_t)(y + 1 < h ? y + 1 : y) * w;
		accum_light *out = l->px + (size_t)y * w;

		for (unsigned x = 0; x < w; x++)
			out[x] = (up[x] + mid[x] * 2 + down[x]) * 0.25f;
	}
}

/* ---- up ------------------------------------------------------------------------- */

/* Two neighbours and the share of the second, for pixel @i of @n over @m samples. */
static float between(unsigned i, unsigned n, unsigned m, unsigned *a, unsigned *b)
{
	float at = ((float)i + 0.5f) * (float)m / (float)n - 0.5f;

	if (at < 0)
		at = 0;
	*a = (unsigned)at;
	if (*a > m - 1)
		*a = m - 1;
	*b = *a + 1 < m ? *a + 1 : *a;
	return at - (float)*a;
}

static void sample_row(const struct bloom_level *l, unsigned y, unsigned height, unsigned width,
		       float gain, bool add, accum_light *out)
{
	unsigned ya, yb, xa, xb;
	float fy = between(y, height, l->height, &ya, &yb);
	const accum_light *a = l->px + (size_t)ya * l->width, *b = l->px + (size_t)yb * l->width;

	for (unsigned x = 0; x < width; x++) {
		float fx = between(x, width, l->width, &xa, &xb);
		accum_light left = a[xa] + (b[xa] - a[xa]) * fy;
		accum_light right = a[xb] + (b[xb] - a[xb]) * fy;
		accum_light v = (left + (right - left) * fx) * gain;

		out[x] = add ? out[x] + v : v;
	}
}

void bloom_build(struct bloom *b, const accum_light *light, const struct accum *a, unsigned threads)
{
	struct shrink s = { .b = b, .light = light, .plate = a };

	parallel_run(threads, b->level[0].height, first_row, &s);
	for (unsigned i = 1; i < b->levels; i++)
		halve(&b->level[i - 1], &b->level[i], b->spare);
	for (unsigned i = 0; i < b->levels; i++)
		blur(&b->level[i], b->spare);
	for (unsigned i = b->levels - 1; i > 0; i--) {
		struct bloom_level *fine = &b->level[i - 1];

		for (unsigned y = 0; y < fine->height; y++)
			sample_row(&b->level[i], y, fine->height, fine->width, UPWARD, true,
				   fine->px + (size_t)y * fine->width);
	}
}

void bloom_row(const struct bloom *b, unsigned y, accum_light *out)
{
	sample_row(&b->level[0], y, b->height, b->width, 1, false, out);
}
