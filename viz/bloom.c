/* SPDX-License-Identifier: MIT */
#include "viz/bloom.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "viz/parallel.h"

#define UPWARD 0.55f /* how much of a coarser level reaches the next finer one */

/* Two neighbours and the share of the second, for pixel @i of @n over @m samples. */
static struct bloom_tap between(unsigned i, unsigned n, unsigned m)
{
	float at = ((float)i + 0.5f) * (float)m / (float)n - 0.5f;
	struct bloom_tap t;

	if (at < 0)
		at = 0;
	t.at = (unsigned)at < m - 1 ? (unsigned)at : m - 1;
	t.f = at - (float)t.at;
	return t;
}

static int level_init(struct bloom_level *l, unsigned finer_width)
{
	l->px = malloc((size_t)l->width * l->height * sizeof(*l->px));
	l->taps = malloc(finer_width * sizeof(*l->taps));
	if (!l->px || !l->taps)
		return -ENOMEM;
	for (unsigned x = 0; x < finer_width; x++)
		l->taps[x] = between(x, finer_width, l->width);
	return 0;
}

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
		if (level_init(l, i ? b->level[i - 1].width : width))
			goto err;
	}
	b->spare = malloc(4 * ((size_t)b->level[0].width + 1) * sizeof(*b->spare));
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
		free(b->level[i].taps);
		b->level[i].px = NULL;
		b->level[i].taps = NULL;
	}
	free(b->spare);
	b->spare = NULL;
}

/* ---- down ----------------------------------------------------------------------- */

struct shrink {
	struct bloom *b;
	const accum_light *light;
	const uint8_t *lit;
	unsigned tiles_x, tiles_y;
	unsigned whole; /* the frame has exactly this many pixels to one, or 0 */
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
static bool dark(const struct shrink *s, double x0, double x1, double y0, double y1)
{
	unsigned tx1 = (unsigned)x1 / ACCUM_TILE, ty1 = (unsigned)y1 / ACCUM_TILE;

	for (unsigned ty = (unsigned)y0 / ACCUM_TILE; ty <= ty1 && ty < s->tiles_y; ty++)
		for (unsigned tx = (unsigned)x0 / ACCUM_TILE; tx <= tx1 && tx < s->tiles_x; tx++)
			if (!s->lit || s->lit[ty * s->tiles_x + tx])
				return false;
	return true;
}

/* Two or four pixels to one, exactly: a run per tile. */
static void whole_row(const struct shrink *s, unsigned y, accum_light *out)
{
	const unsigned k = s->whole, run = ACCUM_TILE / k, width = s->b->level[0].width;
	const accum_light *in = s->light + (size_t)y * k * s->b->width;
	const uint8_t *lit = s->lit ? s->lit + (size_t)(y * k / ACCUM_TILE) * s->tiles_x : NULL;
	const float share = 1.0f / (float)(k * k);

	for (unsigned tx = 0; tx < s->tiles_x; tx++) {
		unsigned x0 = tx * run, x1 = x0 + run < width ? x0 + run : width;

		if (lit && !lit[tx]) {
			memset(out + x0, 0, (x1 - x0) * sizeof(*out));
			continue;
		}
		for (unsigned x = x0; x < x1; x++) {
			accum_light sum = { 0 };

			for (unsigned j = 0; j < k; j++)
				for (unsigned i = 0; i < k; i++)
					sum += in[(size_t)j * s->b->width + x * k + i];
			out[x] = sum * share;
		}
	}
}

static void first_row(void *ctx, unsigned y, unsigned worker)
{
	const struct shrink *s = ctx;
	const struct bloom_level *l = &s->b->level[0];
	double sx = (double)s->b->width / l->width, sy = (double)s->b->height / l->height;
	accum_light *out = l->px + (size_t)y * l->width;

	(void)worker;
	if (s->whole) {
		whole_row(s, y, out);
		return;
	}
	for (unsigned x = 0; x < l->width; x++) {
		double x0 = x * sx, x1 = (x + 1) * sx, y0 = y * sy, y1 = (y + 1) * sy;
		accum_light zero = { 0 };

		out[x] = dark(s, x0, x1, y0, y1) ? zero : box(s, x0, x1, y0, y1);
	}
}

static unsigned within(int i, unsigned n)
{
	return i < 0 ? 0 : (unsigned)i < n ? (unsigned)i : n - 1;
}

static const accum_light *row_of(const struct bloom_level *l, int y)
{
	return l->px + (size_t)within(y, l->height) * l->width;
}

/*
 * 1-3-3-1 along both axes, not the mean of two: with that the glow of a light
 * would lean to one side, depending on which pair of pixels it fell into.
 */
static void halve(const struct bloom_level *from, struct bloom_level *to, accum_light *spare)
{
	for (unsigned y = 0; y < to->height; y++) {
		const accum_light *a = row_of(from, 2 * (int)y - 1), *b = row_of(from, 2 * (int)y);
		const accum_light *c = row_of(from, 2 * (int)y + 1);
		const accum_light *d = row_of(from, 2 * (int)y + 2);
		accum_light *out = to->px + (size_t)y * to->width;

		for (unsigned x = 0; x < from->width; x++)
			spare[x] = (a[x] + d[x] + (b[x] + c[x]) * 3) * 0.125f;
		for (unsigned x = 0; x < to->width; x++) {
			int i = 2 * (int)x;

			out[x] = (spare[within(i - 1, from->width)] +
				  spare[within(i + 2, from->width)] +
				  (spare[i] + spare[within(i + 1, from->width)]) * 3) *
				 0.125f;
		}
	}
}

static void blur_row(const accum_light *in, unsigned w, accum_light *out)
{
	if (w < 2) {
		out[0] = in[0];
		return;
	}
	out[0] = (in[0] * 3 + in[1]) * 0.25f;
	for (unsigned x = 1; x + 1 < w; x++)
		out[x] = (in[x - 1] + in[x] * 2 + in[x + 1]) * 0.25f;
	out[w - 1] = (in[w - 2] + in[w - 1] * 3) * 0.25f;
}

/* 1-2-1 along both axes, in place; beyond the edge the edge itself. */
static void blur(struct bloom_level *l, accum_light *spare)
{
	unsigned w = l->width, h = l->height;
	accum_light *up = spare, *mid = spare, *down = spare + w;

	blur_row(l->px, w, mid);
	for (unsigned y = 0; y < h; y++) {
		accum_light *out = l->px + (size_t)y * w, *next;

		if (y + 1 < h)
			blur_row(out + w, w, down);
		for (unsigned x = 0; x < w; x++)
			out[x] = (up[x] + mid[x] * 2 + (y + 1 < h ? down : mid)[x]) * 0.25f;
		/* three rows in turn; at the start two of them are one */
		next = up == mid ? spare + 2 * w : up;
		up = mid;
		mid = down;
		down = next;
	}
}

/* ---- up ------------------------------------------------------------------------- */

/* The level's row at @y of @height, between two of its rows; padded by one. */
static void level_row(const struct bloom_level *l, unsigned y, unsigned height, accum_light *out)
{
	struct bloom_tap t = between(y, height, l->height);
	const accum_light *a = l->px + (size_t)t.at * l->width;
	const accum_light *b = t.at + 1 < l->height ? a + l->width : a;

	for (unsigned x = 0; x < l->width; x++)
		out[x] = a[x] + (b[x] - a[x]) * t.f;
	out[l->width] = out[l->width - 1];
}

void bloom_build(struct bloom *b, const accum_light *light, const uint8_t *lit, unsigned threads)
{
	struct shrink s = { .b = b,
			    .light = light,
			    .lit = lit,
			    .tiles_x = (b->width + ACCUM_TILE - 1) / ACCUM_TILE,
			    .tiles_y = (b->height + ACCUM_TILE - 1) / ACCUM_TILE };
	unsigned k = b->width / b->level[0].width;

	if ((k == 2 || k == 4) && k * b->level[0].width == b->width &&
	    k * b->level[0].height == b->height)
		s.whole = k;
	parallel_run(threads, b->level[0].height, first_row, &s);
	for (unsigned i = 1; i < b->levels; i++)
		halve(&b->level[i - 1], &b->level[i], b->spare);
	for (unsigned i = 0; i < b->levels; i++)
		blur(&b->level[i], b->spare);
	for (unsigned i = b->levels - 1; i > 0; i--) {
		struct bloom_level *fine = &b->level[i - 1];
		const struct bloom_tap *t = b->level[i].taps;
		const accum_light *in = b->spare;

		for (unsigned y = 0; y < fine->height; y++) {
			accum_light *out = fine->px + (size_t)y * fine->width;

			level_row(&b->level[i], y, fine->height, b->spare);
			for (unsigned x = 0; x < fine->width; x++)
				out[x] += (in[t[x].at] + (in[t[x].at + 1] - in[t[x].at]) * t[x].f) *
					  UPWARD;
		}
	}
}

void bloom_row(const struct bloom *b, unsigned y, accum_light *out)
{
	const struct bloom_level *l = &b->level[0];
	/* the coarse row lies at the end of the fine one, whose writing never catches up with it */
	accum_light *in = out + b->width + 2 - l->width - 1;
	const struct bloom_tap *t = l->taps;

	level_row(l, y, b->height, in);
	for (unsigned x = 0; x < b->width; x++)
		out[x] = in[t[x].at] + (in[t[x].at + 1] - in[t[x].at]) * t[x].f;
}
