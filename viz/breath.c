/* SPDX-License-Identifier: MIT */
#include "viz/breath.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "viz/num.h"
#include "viz/palette.h"

/* Cells with a node, and those around them that the smoothing reaches. */
enum { REACH = 2 };

static const float gauss[2 * REACH + 1] = { 0.054489f, 0.244201f, 0.402620f, 0.244201f, 0.054489f };

static bool cell_of(const struct breath *b, const struct cast_node *n, unsigned *x, unsigned *y)
{
	double cx = cast_x(n) / (b->cell_px * ACCUM_SUB), cy = cast_y(n) / (b->cell_px * ACCUM_SUB);

	if (n->at & CAST_OFF || cx < 0 || cy < 0 || cx >= b->columns || cy >= b->rows)
		return false;
	*x = (unsigned)cx;
	*y = (unsigned)cy;
	return true;
}

static int number_cells(struct breath *b, const struct cast *cast)
{
	size_t cells = (size_t)b->columns * b->rows;
	unsigned x, y;

	b->slot = malloc(cells * sizeof(*b->slot));
	if (!b->slot)
		return -ENOMEM;
	memset(b->slot, 0xff, cells * sizeof(*b->slot));
	for (uint32_t i = 0; i < cast->drawn; i++) {
		if (!cell_of(b, &cast->nodes[i], &x, &y) ||
		    b->slot[y * b->columns + x] != UINT32_MAX)
			continue;
		b->slot[y * b->columns + x] = 0;
	}
	for (size_t i = 0; i < cells; i++)
		if (b->slot[i] == 0)
			b->slot[i] = b->slots++;
	b->counts = calloc((size_t)b->slots * (b->bins + 1) + 1, sizeof(*b->counts));
	b->means = calloc((size_t)b->slots * (b->bins + 1) + 1, sizeof(*b->means));
	return b->counts && b->means ? 0 : -ENOMEM;
}

static float *series(const struct breath *b, float *of, unsigned x, unsigned y)
{
	uint32_t slot = b->slot[y * b->columns + x];

	return slot == UINT32_MAX ? NULL : of + (size_t)slot * (b->bins + 1);
}

/* The bin at whose end @t is first counted. */
static unsigned bin_of(const struct breath *b, int64_t t)
{
	double at = ceil((double)(t - b->from_s) / b->bin_s);

	return at <= 0 ? 0 : at > b->bins ? b->bins + 1 : (unsigned)at;
}

struct counting {
	struct breath *b;
	const struct cast *cast;
};

/* Seen, not shining: what fades has gone. */
static void count_spell(void *ctx, uint32_t node, int64_t from_s, int64_t to_s)
{
	const struct counting *c = ctx;
	struct breath *b = c->b;
	unsigned x, y, from, to;
	float *counts;

	if (!cell_of(b, &c->cast->nodes[node], &x, &y))
		return;
	counts = series(b, b->counts, x, y);
	from = bin_of(b, from_s);
	to = to_s == INT64_MAX ? b->bins + 1 : bin_of(b, to_s + 1);
	if (from <= b->bins)
		counts[from] += 1;
	if (to <= b->bins)
		counts[to] -= 1;
}

static int count_nodes(struct breath *b, const struct cast *cast, struct sights *log,
		       int64_t hold_s)
{
	struct counting c = { b, cast };
	int err = 0;

	if (log)
		err = sights_spells(log, cast->count, hold_s, count_spell, &c);
	else
		for (uint32_t i = 0; i < cast->drawn; i++)
			count_spell(&c, i, cast->nodes[i].first_s, cast->nodes[i].last_s);
	for (uint32_t s = 0; s < b->slots; s++) {
		float *counts = b->counts + (size_t)s * (b->bins + 1);

		for (unsigned i = 1; i <= b->bins; i++)
			counts[i] += counts[i - 1];
	}
	return err;
}

/* Over cells, per bin, in both directions at once: 25 products for each. */
static void smooth_cell(const struct breath *b, unsigned x, unsigned y, float *out)
{
	memset(out, 0, (b->bins + 1) * sizeof(*out));
	for (int dy = -REACH; dy <= REACH; dy++)
		for (int dx = -REACH; dx <= REACH; dx++) {
			unsigned cx = x + (unsigned)dx, cy = y + (unsigned)dy;
			float g = gauss[dx + REACH] * gauss[dy + REACH];
			const float *in;

			if (cx >= b->columns || cy >= b->rows)
				continue;
			in = series(b, b->counts, cx, cy);
			for (unsigned i = 0; in && i <= b->bins; i++)
				out[i] += g * in[i];
		}
}

static int smooth(struct breath *b)
{
	float *out = malloc(((size_t)b->slots * (b->bins + 1) + 1) * sizeof(*out));

	if (!out)
		return -ENOMEM;
	for (unsigned y = 0; y < b->rows; y++)
		for (unsigned x = 0; x < b->columns; x++) {
			float *to = series(b, out, x, y);

			if (to)
				smooth_cell(b, x, y, to);
		}
	free(b->counts);
	b->counts = out;
	return 0;
}

/* A day's mean around each bin; at the run's ends the first and the last whole day. */
static void average(struct breath *b)
{
	unsigned day = (unsigned)(BREATH_DAY_S / b->bin_s + 0.5);

	day = day < 1 ? 1 : day > b->bins ? b->bins : day;
	for (uint32_t s = 0; s < b->slots; s++) {
		const float *in = b->counts + (size_t)s * (b->bins + 1);
		float *out = b->means + (size_t)s * (b->bins + 1);
		double sum = 0;
		unsigned from = 0;

		for (unsigned i = 0; i < day; i++)
			sum += (double)in[i];
		for (unsigned i = 0; i <= b->bins; i++) {
			unsigned want = i < day / 2 ? 0 : i - day / 2;

			want = want + day > b->bins + 1 ? b->bins + 1 - day : want;
			while (from < want) {
				sum += (double)in[from + day] - (double)in[from];
				from++;
			}
			out[i] = (float)(sum / day);
		}
	}
}

int breath_open(struct breath *b, const struct cast *cast, const struct film_plan *plan,
		struct sights *log, int64_t hold_s, unsigned width, unsigned height,
		char why[static 256])
{
	int64_t range = (int64_t)plan->frames * plan->step_s;
	int err;

	*b = (struct breath){ .from_s = plan->from_s, .cell_px = BREATH_CELL_U * height / 1080.0 };
	if (range < BREATH_RANGE_MIN_S) {
		snprintf(why, 256,
			 "breath compares hours with their day: it needs 36 hours, and from here "
			 "to there are %.1f",
			 (double)range / 3600);
		return DT_ERANGE;
	}
	b->columns = (unsigned)ceil(width / b->cell_px);
	b->rows = (unsigned)ceil(height / b->cell_px);
	b->bins = plan->frames < BREATH_BINS_MAX ? plan->frames : BREATH_BINS_MAX;
	b->bin_s = (double)range / b->bins;
	err = number_cells(b, cast);
	if (!err)
		err = count_nodes(b, cast, log, hold_s);
	if (!err)
		err = smooth(b);
	if (err) {
		snprintf(why, 256, "%u cells of breath: %s", b->columns * b->rows,
			 dt_strerror(err));
		breath_close(b);
		return err;
	}
	average(b);
	return 0;
}

void breath_close(struct breath *b)
{
	free(b->slot);
	free(b->counts);
	free(b->means);
	*b = (struct breath){ 0 };
}

static double between(const float *list, double at, unsigned bins)
{
	unsigned i = at <= 0 ? 0 : at >= bins ? bins : (unsigned)at;
	double f = at - i;

	if (i >= bins || f <= 0)
		return (double)list[i];
	return (double)list[i] + f * ((double)list[i + 1] - (double)list[i]);
}

double breath_ratio(const struct breath *b, unsigned column, unsigned row, int64_t at_s)
{
	const float *counts = series(b, b->counts, column, row);
	const float *means = series(b, b->means, column, row);
	double at = (double)(at_s - b->from_s) / b->bin_s, mean;

	if (!counts)
		return 1;
	mean = between(means, at, b->bins);
	/* among few nodes lot swings more than the day: they are drawn towards 1 */
	return mean > 0 ? (between(counts, at, b->bins) + 2) / (mean + 2) : 1;
}

struct palette_rgb breath_color(double ratio)
{
	static const uint8_t few[3] = { 0x4c, 0x8d, 0xff }, many[3] = { 0xff, 0xb3, 0x47 };
	static const uint8_t same[3] = { 0x5a, 0x60, 0x6c };
	double t = ratio > 0 ? num_log2(ratio) : -1;
	struct palette_rgb mid = palette_from_srgb(same),
			   end = palette_from_srgb(t < 0 ? few : many);

	t = t < 0 ? -t : t;
	t = t < 1 ? t : 1;
	return (struct palette_rgb){ mid.r + (float)t * (end.r - mid.r),
				     mid.g + (float)t * (end.g - mid.g),
				     mid.b + (float)t * (end.b - mid.b) };
}

int breath_field_init(struct breath_field *f, const struct breath *b)
{
	*f = (struct breath_field){ .columns = b->columns,
				    .rows = b->rows,
				    .per_cell = (float)(1 / b->cell_px) };
	f->rgb = aligned_alloc(sizeof(*f->rgb), (size_t)b->columns * b->rows * sizeof(*f->rgb));
	return f->rgb ? 0 : -ENOMEM;
}

void breath_at(const struct breath *b, int64_t at_s, struct breath_field *f)
{
	for (unsigned y = 0; y < b->rows; y++)
		for (unsigned x = 0; x < b->columns; x++) {
			struct palette_rgb c = breath_color(breath_ratio(b, x, y, at_s));

			f->rgb[y * b->columns + x] = (accum_light){ c.r, c.g, c.b, 0 };
		}
}
