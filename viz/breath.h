/* SPDX-License-Identifier: MIT */
#ifndef VIZ_BREATH_H
#define VIZ_BREATH_H

#include <stdint.h>

#include "proto/err.h"
#include "viz/accum.h"
#include "viz/cast.h"
#include "viz/film_plan.h"
#include "viz/sights.h"

/**
 * DOC: the mode `breath`: not how many nodes are where, but whether they are more
 * or fewer than at other hours. Per cell of 12 U its nodes at an instant over
 * their mean of the 24 hours around it; blue is half, amber is twice. A tone map
 * by logarithm hides a swing of a third completely; this shows nothing else.
 *
 * Counts are taken in bins of the run before the first frame, so any frame can be
 * had at once. Cells are smoothed by a Gaussian of one cell.
 */

enum {
	BREATH_BINS_MAX = 1024,
	BREATH_CELL_U = 12,
	BREATH_DAY_S = 86400,
	BREATH_RANGE_MIN_S = 36 * 3600, /* less holds no day's mean worth its name */
};

struct breath {
	unsigned columns, rows; /* cells */
	double cell_px;
	int64_t from_s;
	double bin_s;
	unsigned bins;
	uint32_t *slot; /* per cell: its number among the populated, or UINT32_MAX */
	uint32_t slots;
	float *counts; /* [slot][bins + 1]: smoothed over cells, at the end of each bin */
	float *means;  /* the same, of 24 hours */
};

/**
 * breath_open() - of all of @cast over the plan's range.
 * @log: NULL = nodes are there from their first to their last sighting; else up to @hold_s after
 * each one in it.
 * Errors:  DT_ERANGE where the range is shorter than BREATH_RANGE_MIN_S; of the log; -ENOMEM.
 */
int breath_open(struct breath *b, const struct cast *cast, const struct film_plan *plan,
		struct sights *log, int64_t hold_s, unsigned width, unsigned height,
		char why[static 256]) DT_MUST;
void breath_close(struct breath *b);

/** struct breath_field - the colours of an instant. */
struct breath_field {
	unsigned columns, rows;
	float per_cell; /* cells a pixel */
	accum_light *rgb;
};

/** breath_field_init() - Errors: -ENOMEM. free(@f->rgb) is its end. */
int breath_field_init(struct breath_field *f, const struct breath *b) DT_MUST;

/** breath_at() - the colours at an instant. */
void breath_at(const struct breath *b, int64_t at_s, struct breath_field *f);

/** breath_ratio() - of a cell at an instant, to its day's mean; 1 where nobody is. */
double breath_ratio(const struct breath *b, unsigned column, unsigned row, int64_t at_s);

/** breath_color() - linear light of a ratio: 0.5 and less, 1, 2 and more. */
struct palette_rgb breath_color(double ratio);

/** breath_tint() - @w nodes at a pixel in the colour that their neighbourhood has. */
static inline accum_light breath_tint(const struct breath_field *f, unsigned x, unsigned y, float w)
{
	float at_x = ((float)x + 0.5f) * f->per_cell - 0.5f;
	float at_y = ((float)y + 0.5f) * f->per_cell - 0.5f;
	unsigned x0, y0, x1, y1;
	accum_light top, low, out;

	at_x = at_x < 0 ? 0 : at_x;
	at_y = at_y < 0 ? 0 : at_y;
	x0 = (unsigned)at_x < f->columns ? (unsigned)at_x : f->columns - 1;
	y0 = (unsigned)at_y < f->rows ? (unsigned)at_y : f->rows - 1;
	x1 = x0 + 1 < f->columns ? x0 + 1 : x0;
	y1 = y0 + 1 < f->rows ? y0 + 1 : y0;
	at_x -= (float)x0;
	at_y -= (float)y0;
	top = f->rgb[y0 * f->columns + x0] * (1 - at_x) + f->rgb[y0 * f->columns + x1] * at_x;
	low = f->rgb[y1 * f->columns + x0] * (1 - at_x) + f->rgb[y1 * f->columns + x1] * at_x;
	out = (top + (low - top) * at_y) * w;
	out[3] = w;
	return out;
}

#endif
