/* SPDX-License-Identifier: MIT */
#include "viz/accum.h"

#include <assert.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "viz/room.h"

/* Weights of one axis sum to the radius, exactly enough: each is divided by their float sum. */
static void tent(struct accum *a, double radius)
{
	a->taps = (unsigned)ceil(2 * radius);
	assert(a->taps <= ACCUM_TAPS_MAX);
	for (int phase = 0; phase < ACCUM_SUB; phase++) {
		double at = (double)phase / ACCUM_SUB, sum = 0, w[ACCUM_TAPS_MAX];

		a->first[phase] = (int)floor(at - radius) + 1;
		for (unsigned i = 0; i < a->taps; i++) {
			double far = fabs(a->first[phase] + (int)i - at) / radius;

			w[i] = far < 1 ? 1 - far : 0;
			sum += w[i];
		}
		for (unsigned i = 0; i < a->taps; i++)
			a->weight[phase][i] = (float)(w[i] * radius / sum);
	}
}

int accum_init(struct accum *a, unsigned width, unsigned height)
{
	double u = height / 1080.0;

	*a = (struct accum){
		.width = width,
		.height = height,
		.tiles_x = (width + ACCUM_TILE - 1) / ACCUM_TILE,
		.tiles_y = (height + ACCUM_TILE - 1) / ACCUM_TILE,
		.unit = ACCUM_UNIT,
	};
	tent(a, u > 1 ? u : 1);
	/* calloc of this size is fresh pages: dark parts of the plate cost nothing */
	a->cells = room_zeroed((size_t)width * height, sizeof(*a->cells));
	a->lit = calloc((size_t)a->tiles_x * a->tiles_y, 1);
	if (!a->cells || !a->lit) {
		accum_fini(a);
		return -ENOMEM;
	}
	return 0;
}

void accum_pointed(struct accum *a)
{
	tent(a, 1); /* whose neighbours get nothing from a dot in the middle of a pixel */
}

void accum_fini(struct accum *a)
{
	free(a->cells);
	free(a->lit);
	a->cells = NULL;
	a->lit = NULL;
}

struct accum_box accum_tile(const struct accum *a, unsigned tx, unsigned ty)
{
	struct accum_box b = { tx * ACCUM_TILE, (tx + 1) * ACCUM_TILE, ty * ACCUM_TILE,
			       (ty + 1) * ACCUM_TILE };

	if (b.x1 > a->width)
		b.x1 = a->width;
	if (b.y1 > a->height)
		b.y1 = a->height;
	return b;
}

uint64_t accum_lit_cells(const struct accum *a)
{
	uint64_t lit = 0;

	for (unsigned ty = 0; ty < a->tiles_y; ty++)
		for (unsigned tx = 0; tx < a->tiles_x; tx++) {
			struct accum_box b = accum_tile(a, tx, ty);

			for (unsigned y = b.y0; accum_is_lit(a, tx, ty) && y < b.y1; y++)
				for (unsigned x = b.x0; x < b.x1; x++)
					lit += a->cells[(size_t)y * a->width + x][3] != 0;
		}
	return lit;
}

static void clear_tile(struct accum *a, struct accum_box b, accum_light *light)
{
	for (unsigned y = b.y0; y < b.y1; y++) {
		size_t at = (size_t)y * a->width + b.x0;

		memset(a->cells + at, 0, (b.x1 - b.x0) * sizeof(*a->cells));
		if (light)
			memset(light + at, 0, (b.x1 - b.x0) * sizeof(*light));
	}
}

void accum_clear(struct accum *a, accum_light *light)
{
	for (unsigned ty = 0; ty < a->tiles_y; ty++)
		for (unsigned tx = 0; tx < a->tiles_x; tx++)
			if (accum_is_lit(a, tx, ty))
				clear_tile(a, accum_tile(a, tx, ty), light);
	memset(a->lit, 0, (size_t)a->tiles_x * a->tiles_y);
}

void accum_crowd(struct accum *a, uint32_t nodes)
{
	/* half of 32 bits for the place itself, half for its neighbours' spill */
	while (a->unit > 16 && (double)nodes * (double)a->unit > (double)(1u << 31))
		a->unit /= 2;
}

/* Which pixel and which sixteenth of it: pixel centres lie half a pixel in. */
static inline int split(int32_t at, int *phase)
{
	at -= ACCUM_SUB / 2;
	*phase = at & (ACCUM_SUB - 1);
	return at >> 4;
}

void accum_rows(const struct accum *a, int32_t y, int *first, int *last)
{
	int phase, base = split(y, &phase);

	*first = base + a->first[phase];
	*last = *first + (int)a->taps - 1;
}

static void light_tiles(struct accum *a, int x0, int x1, int y0, int y1)
{
	unsigned tx0 = (unsigned)x0 / ACCUM_TILE, tx1 = (unsigned)x1 / ACCUM_TILE;
	unsigned ty0 = (unsigned)y0 / ACCUM_TILE, ty1 = (unsigned)y1 / ACCUM_TILE;

	for (unsigned ty = ty0; ty <= ty1; ty++)
		for (unsigned tx = tx0; tx <= tx1; tx++)
			a->lit[ty * a->tiles_x + tx] = 1;
}

/* @taps is a->taps, given apart so that the common 2 becomes a constant. */
static inline __attribute__((always_inline)) void drop(struct accum *a, int row0, int row1,
						       const struct accum_dot *d,
						       struct palette_rgb rgb, unsigned taps)
{
	int px, py, x0 = split(d->x, &px), y0 = split(d->y, &py), x1, y1;
	float amount = d->weight * a->unit;
	accum_light color = { rgb.r * amount, rgb.g * amount, rgb.b * amount, amount };
	const float *wx = a->weight[px], *wy = a->weight[py];

	x0 += a->first[px];
	y0 += a->first[py];
	x1 = x0 + (int)taps;
	y1 = y0 + (int)taps;
	wx -= x0;
	wy -= y0;
	if (x0 < 0)
		x0 = 0;
	if (x1 > (int)a->width)
		x1 = (int)a->width;
	if (y0 < row0)
		y0 = row0;
	if (y1 > row1)
		y1 = row1;
	if (x0 >= x1 || y0 >= y1)
		return;
	light_tiles(a, x0, x1 - 1, y0, y1 - 1);
	for (int y = y0; y < y1; y++) {
		accum_light row = color * wy[y];
		accum_cell *cell = a->cells + (size_t)y * a->width;

		for (int x = x0; x < x1; x++)
			cell[x] +=
				(accum_cell) __builtin_convertvector(row * wx[x] + 0.5f, accum_int);
	}
}

void accum_add(struct accum *a, int row0, int row1, const struct accum_dot *dots, unsigned count,
	       const struct palette_rgb *colors)
{
	assert(row0 >= 0 && row1 <= (int)a->height && row0 % ACCUM_TILE == 0);
	if (a->taps == 2)
		for (unsigned i = 0; i < count; i++)
			drop(a, row0, row1, &dots[i], colors[dots[i].color], 2);
	else
		for (unsigned i = 0; i < count; i++)
			drop(a, row0, row1, &dots[i], colors[dots[i].color], a->taps);
}
