/* SPDX-License-Identifier: MIT */
#include "viz/plates.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "viz/room.h"

int plates_init(struct plates *p, unsigned width, unsigned height, const struct plates_opts *opts)
{
	size_t pixels = (size_t)width * height;
	int err;

	*p = (struct plates){ 0 };
	err = accum_init(&p->live, width, height);
	if (err)
		return err;
	if (opts->pointed)
		accum_pointed(&p->live);
	accum_crowd(&p->live, opts->crowd);
	p->tiles = calloc((size_t)p->live.tiles_x * p->live.tiles_y, sizeof(*p->tiles));
	if (opts->fades)
		p->fade = calloc(pixels, sizeof(*p->fade));
	if (opts->sparks)
		p->spark = calloc(pixels, sizeof(*p->spark));
	if (p->tiles && (p->fade || !opts->fades) && (p->spark || !opts->sparks))
		return 0;
	plates_fini(p);
	return -ENOMEM;
}

void plates_fini(struct plates *p)
{
	accum_fini(&p->live);
	free(p->fade);
	free(p->spark);
	free(p->tiles);
	*p = (struct plates){ 0 };
}

/* The pixels that a dot covers within the rows, and how much of it each gets. */
struct footprint {
	int x0, x1, y0, y1;
	const float *wx, *wy; /* by pixel */
};

static inline bool footprint_of(const struct accum *a, struct plates_rows rows,
				const struct plates_dot *d, struct footprint *f)
{
	int32_t x = d->x - ACCUM_SUB / 2, y = d->y - ACCUM_SUB / 2;
	int px = x & (ACCUM_SUB - 1), py = y & (ACCUM_SUB - 1);

	f->x0 = (x >> 4) + a->first[px];
	f->y0 = (y >> 4) + a->first[py];
	f->x1 = f->x0 + (int)a->taps;
	f->y1 = f->y0 + (int)a->taps;
	f->wx = a->weight[px] - f->x0;
	f->wy = a->weight[py] - f->y0;
	if (f->x0 < 0)
		f->x0 = 0;
	if (f->x1 > (int)a->width)
		f->x1 = (int)a->width;
	if (f->y0 < rows.from)
		f->y0 = rows.from;
	if (f->y1 > rows.to)
		f->y1 = rows.to;
	return f->x0 < f->x1 && f->y0 < f->y1;
}

enum plate { LIVE, FADE, SPARK };

static uint32_t *counter(struct plates *p, enum plate which, unsigned tile)
{
	struct plates_tile *t = &p->tiles[tile];

	return which == LIVE ? &t->live : which == FADE ? &t->fade : &t->spark;
}

static void wipe(struct plates *p, enum plate which, unsigned tx, unsigned ty)
{
	struct accum_box b = accum_tile(&p->live, tx, ty);

	for (unsigned y = b.y0; y < b.y1 && which != LIVE; y++) {
		size_t at = (size_t)y * p->live.width + b.x0;

		if (which == FADE)
			memset(p->fade + at, 0, (b.x1 - b.x0) * sizeof(*p->fade));
		else
			memset(p->spark + at, 0, (b.x1 - b.x0) * sizeof(*p->spark));
	}
}

/* One dot more or less on the tiles under it. */
static inline void count(struct plates *p, enum plate which, const struct footprint *f, int sign)
{
	unsigned tx0 = (unsigned)f->x0 / ACCUM_TILE, tx1 = (unsigned)(f->x1 - 1) / ACCUM_TILE;
	unsigned ty0 = (unsigned)f->y0 / ACCUM_TILE, ty1 = (unsigned)(f->y1 - 1) / ACCUM_TILE;

	for (unsigned ty = ty0; ty <= ty1; ty++)
		for (unsigned tx = tx0; tx <= tx1; tx++) {
			unsigned tile = ty * p->live.tiles_x + tx;
			uint32_t *n = counter(p, which, tile);

			*n += (uint32_t)sign;
			if (which == LIVE)
				p->live.lit[tile] = *n != 0;
			if (*n == 0)
				wipe(p, which, tx, ty);
		}
}

void plates_live(struct plates *p, struct plates_rows rows, const struct plates_dot *d, int sign)
{
	float amount = d->weight * p->live.unit;
	accum_light color = { d->rgb.r * amount, d->rgb.g * amount, d->rgb.b * amount, amount };
	struct footprint f;

	if (!footprint_of(&p->live, rows, d, &f))
		return;
	for (int y = f.y0; y < f.y1; y++) {
		accum_light row = color * f.wy[y];
		accum_cell *cell = p->live.cells + (size_t)y * p->live.width;

		for (int x = f.x0; x < f.x1; x++) {
			accum_int part = __builtin_convertvector(row * f.wx[x] + 0.5f, accum_int);

			cell[x] += (accum_cell)(sign < 0 ? -part : part);
		}
	}
	count(p, LIVE, &f, sign);
}

void plates_fade(struct plates *p, struct plates_rows rows, const struct plates_dot *d, int sign)
{
	float amount = d->weight * (float)sign;
	accum_light color = { d->rgb.r * amount, d->rgb.g * amount, d->rgb.b * amount, amount };
	struct footprint f;

	if (!footprint_of(&p->live, rows, d, &f))
		return;
	for (int y = f.y0; y < f.y1; y++) {
		accum_light row = color * f.wy[y];
		accum_light *cell = p->fade + (size_t)y * p->live.width;

		for (int x = f.x0; x < f.x1; x++)
			cell[x] += row * f.wx[x];
	}
	count(p, FADE, &f, sign);
}

void plates_spark(struct plates *p, struct plates_rows rows, const struct plates_dot *d, int sign)
{
	float amount = d->weight * (float)sign;
	struct footprint f;

	if (!footprint_of(&p->live, rows, d, &f))
		return;
	for (int y = f.y0; y < f.y1; y++) {
		float *cell = p->spark + (size_t)y * p->live.width;

		for (int x = f.x0; x < f.x1; x++)
			cell[x] += amount * f.wy[y] * f.wx[x];
	}
	count(p, SPARK, &f, sign);
}

void plates_clear_fading(struct plates *p)
{
	const struct accum *a = &p->live;

	for (unsigned ty = 0; ty < a->tiles_y; ty++)
		for (unsigned tx = 0; tx < a->tiles_x; tx++) {
			struct plates_tile *t = &p->tiles[ty * a->tiles_x + tx];

			if (t->fade)
				wipe(p, FADE, tx, ty);
			if (t->spark)
				wipe(p, SPARK, tx, ty);
			t->fade = t->spark = 0;
		}
}

void plates_clear(struct plates *p)
{
	plates_clear_fading(p);
	memset(p->tiles, 0, (size_t)p->live.tiles_x * p->live.tiles_y * sizeof(*p->tiles));
	accum_clear(&p->live, NULL);
}
