/* SPDX-License-Identifier: MIT */
#include "viz/idmap.h"

#include <cairo.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>

#include "viz/palette.h"
#include "viz/text.h"

int idmap_init(struct idmap *m, unsigned width, unsigned height)
{
	const double panel_u = 290; /* the legend, and a margin on both its sides */

	*m = (struct idmap){ .cell = height / IDMAP_SIDE };
	if (m->cell == 0 || width < m->cell * IDMAP_SIDE)
		return DT_ERANGE;
	m->x = (width - m->cell * IDMAP_SIDE) / 2;
	m->y = (height - m->cell * IDMAP_SIDE) / 2;
	return m->x < panel_u * height / 1080 ? DT_ERANGE : 0;
}

int idmap_square(struct idmap *m, unsigned side)
{
	*m = (struct idmap){ .cell = side / IDMAP_SIDE };
	return m->cell && side % IDMAP_SIDE == 0 ? 0 : DT_ERANGE;
}

void idmap_xy(unsigned order, uint32_t prefix, unsigned *x, unsigned *y)
{
	*x = *y = 0;
	for (unsigned i = order; i-- > 0;) {
		*y = *y << 1 | (prefix >> (2 * i + 1) & 1);
		*x = *x << 1 | (prefix >> (2 * i) & 1);
	}
}

void idmap_pixel(const struct idmap *m, uint32_t id, unsigned *x, unsigned *y)
{
	idmap_xy(IDMAP_BITS / 2, id >> (32 - IDMAP_BITS), x, y);
	*x = m->x + *x * m->cell;
	*y = m->y + *y * m->cell;
}

static double count_of(const struct idmap *m, const struct accum *plate, uint32_t prefix)
{
	unsigned x, y;

	idmap_pixel(m, prefix << (32 - IDMAP_BITS), &x, &y);
	return (double)plate->cells[(size_t)y * plate->width + x][3] / (double)plate->unit;
}

static void measure(const struct idmap *m, const struct accum *plate, struct idmap_facts *f)
{
	const uint32_t cells = 1u << IDMAP_BITS;
	double squares = 0;

	*f = (struct idmap_facts){ 0 };
	for (uint32_t i = 0; i < cells; i++) {
		double n = count_of(m, plate, i);

		f->prefix[i >> (IDMAP_BITS - 8)] += (uint64_t)n;
		f->nodes += (uint64_t)n;
		squares += n * n;
	}
	f->mean = (double)f->nodes / cells;
	if (f->nodes)
		f->dispersion = (squares / cells - f->mean * f->mean) / f->mean;
	for (unsigned i = 0; i < IDMAP_PREFIXES; i++)
		f->crowded += idmap_is_crowded(f, i);
}

bool idmap_is_crowded(const struct idmap_facts *f, unsigned prefix)
{
	/*
	 * Source: ProbeLab's key density page, twice the expected. Among few nodes lot alone does
	 * that: where less than 16 are expected, nothing is said (16 + 4 sigma is twice 16).
	 */
	double share = (double)f->nodes / IDMAP_PREFIXES, n = (double)f->prefix[prefix];

	return share >= 16 && n > 2 * share;
}

static void fill_cell(const struct idmap *m, uint32_t *ground, unsigned stride, unsigned x,
		      unsigned y, uint32_t rgb)
{
	for (unsigned dy = 0; dy < m->cell; dy++)
		for (unsigned dx = 0; dx < m->cell; dx++)
			ground[(size_t)(y + dy) * stride + x + dx] = rgb;
}

void idmap_paint(const struct idmap *m, const struct accum *plate, uint32_t *ground,
		 struct idmap_facts *facts)
{
	measure(m, plate, facts);
	for (uint32_t i = 0; i < 1u << IDMAP_BITS; i++) {
		double off = facts->nodes
				     ? (count_of(m, plate, i) - facts->mean) / sqrt(facts->mean)
				     : 0;
		unsigned x, y;

		idmap_pixel(m, i << (32 - IDMAP_BITS), &x, &y);
		fill_cell(m, ground, plate->width, x, y, palette_deviation(off));
	}
}

struct pen {
	const struct idmap *m;
	const struct text *text;
	cairo_t *cr;
	double u, scale; /* of text */
	double side;     /* of a prefix's square */
};

static void prefix_at(const struct pen *p, unsigned prefix, double *x, double *y)
{
	unsigned column, row;

	idmap_xy(4, prefix, &column, &row);
	*x = p->m->x + column * p->side;
	*y = p->m->y + row * p->side;
}

static void net(const struct pen *p)
{
	for (unsigned i = 0; i <= 16; i++) {
		double at = i * p->side;

		cairo_rectangle(p->cr, p->m->x + at, p->m->y, 1, 16 * p->side);
		cairo_rectangle(p->cr, p->m->x, p->m->y + at, 16 * p->side, 1);
	}
	cairo_set_source_rgba(p->cr, 1, 1, 1, 0.12);
	cairo_fill(p->cr);
}

static void digits(const struct pen *p)
{
	struct text_style s = { .face = TEXT_SEMIBOLD,
				.size_px = (p->u < 0.8 ? 8 : 10.5 * p->u) * p->scale,
				.rgb = 0xd3dae8,
				.tabular = true };

	for (unsigned i = 0; i < IDMAP_PREFIXES; i++) {
		char line[8];
		double x, y;

		prefix_at(p, i, &x, &y);
		snprintf(line, sizeof(line), "%02x", i);
		text_draw_edged(p->text, p->cr, &s, x + 4 * p->u, y + 4 * p->u + s.size_px * 0.75,
				0.8 * p->u, line);
	}
}

static void frames(const struct pen *p, const struct idmap_facts *f)
{
	cairo_set_source_rgb(p->cr, 1, 0.70, 0.28);
	cairo_set_line_width(p->cr, 2 * p->u);
	for (unsigned i = 0; i < IDMAP_PREFIXES; i++) {
		double x, y;

		if (!idmap_is_crowded(f, i))
			continue;
		prefix_at(p, i, &x, &y);
		cairo_rectangle(p->cr, x + p->u, y + p->u, p->side - 2 * p->u, p->side - 2 * p->u);
	}
	cairo_stroke(p->cr);
}

int idmap_words(const struct idmap *m, const struct idmap_facts *f, unsigned width, unsigned height,
		unsigned stride, double text_scale, uint32_t *overlay)
{
	cairo_surface_t *surface =
		cairo_image_surface_create_for_data((unsigned char *)overlay, CAIRO_FORMAT_ARGB32,
						    (int)width, (int)height, (int)stride * 4);
	struct pen p = { .m = m,
			 .cr = cairo_create(surface),
			 .u = m->cell / 2.0, /* 1080p has cells of 2 pixels */
			 .side = m->cell * IDMAP_SIDE / 16.0,
			 .scale = text_scale > 0 ? text_scale : 1 };
	struct text *text = NULL;
	int err = text_open(&text);

	if (!err) {
		p.text = text;
		cairo_set_antialias(p.cr, CAIRO_ANTIALIAS_BEST);
		net(&p);
		frames(&p, f);
		digits(&p);
		err = cairo_status(p.cr) ? -ENOMEM : 0;
		cairo_surface_flush(surface);
	}
	text_close(text);
	cairo_destroy(p.cr);
	cairo_surface_destroy(surface);
	return err;
}
