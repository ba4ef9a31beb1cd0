/* SPDX-License-Identifier: MIT */
#include "viz/ring.h"

#include <cairo.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>

#include "viz/accum.h"
#include "viz/num.h"
#include "viz/palette.h"
#include "viz/text.h"

/* Of a frame of 1080 lines. */
#define ARCS_AT   424.0
#define ARCS_ROOM 64.0 /* for an arc of twice its share; one share is half of it */
#define HUB       30.0
#define OUTER     398.0
/* Of a circle's width: how wide a lane is at least and at most. */
#define LANE_LEAST 0.03
#define LANE_MOST  0.3

int ring_init(struct ring *r, unsigned width, unsigned height, uint32_t reference)
{
	const double panel = 290; /* the legend, and a margin on both its sides */
	double u = height / 1080.0;

	*r = (struct ring){ .x = width / 2.0,
			    .y = height / 2.0 - 6 * u,
			    .arcs = ARCS_AT * u,
			    .room = ARCS_ROOM * u,
			    .hub = HUB * u,
			    .outer = OUTER * u,
			    .u = u,
			    .reference = reference };
	for (int i = 0; i < RING_ANGLES; i++) {
		r->cosine[i] = (float)num_cos(2 * NUM_PI * i / RING_ANGLES);
		r->sine[i] = (float)num_sin(2 * NUM_PI * i / RING_ANGLES);
	}
	return height < 360 || width / 2.0 < (ARCS_AT + ARCS_ROOM) * u + panel * u ? DT_ERANGE : 0;
}

unsigned ring_bucket(const struct ring *r, uint32_t id)
{
	uint32_t far = id ^ r->reference;
	unsigned bits = far ? (unsigned)__builtin_clz(far) : 32;

	return bits < RING_BUCKETS ? bits : RING_BUCKETS;
}

/* Each circle is a little narrower than the next further out, so that the first ones have room. */
static double edge(const struct ring *r, unsigned bits)
{
	double left = 1 - (double)bits / (RING_BUCKETS + 1);

	return r->hub + (r->outer - r->hub) * left * sqrt(left);
}

void ring_radii(const struct ring *r, unsigned bits, double *from, double *to)
{
	*to = edge(r, bits);
	*from = edge(r, bits + 1);
}

struct ring_lane ring_lane(double hue, double share)
{
	double width = share < LANE_LEAST ? LANE_LEAST : share > LANE_MOST ? LANE_MOST : share;

	return (struct ring_lane){ (float)(hue - width / 2), (float)width };
}

void ring_spot(const struct ring *r, uint32_t id, struct ring_lane lane, int32_t *x, int32_t *y)
{
	unsigned bits = ring_bucket(r, id);
	/* which bits follow the first that differs says the angle, a hash of all the depth */
	uint32_t follow = bits < 31 ? id << (bits + 1) : 0, h = id * 0x9e3779b1u;
	double from, to, inset, at, place;
	/* 2^-20 of a turn, between two of the table's angles */
	uint32_t turn = (follow >> 12) + (h & 0xff);
	unsigned a = turn >> 8 & (RING_ANGLES - 1), b = (a + 1) & (RING_ANGLES - 1);
	float f = (float)(turn & 255) / 256.0f, c, s;

	ring_radii(r, bits, &from, &to);
	inset = (to - from) * 0.12;
	place = (double)lane.from + (double)lane.width * ((h >> 8 & 0xffff) / 65536.0);
	place -= floor(place);
	at = from + inset + (to - from - 2 * inset) * place;
	c = r->cosine[a] + f * (r->cosine[b] - r->cosine[a]);
	s = r->sine[a] + f * (r->sine[b] - r->sine[a]);
	/* noon is 0, clockwise as clocks go */
	*x = (int32_t)floor((r->x + at * (double)s) * ACCUM_SUB + 0.5);
	*y = (int32_t)floor((r->y - at * (double)c) * ACCUM_SUB + 0.5);
}

int ring_is_crowded(const struct ring_facts *f, unsigned arc)
{
	/* as in idmap.c: from 16 expected nodes on twice the share is four sigmas */
	double share = (double)f->nodes / RING_ARCS;

	return share >= 16 && f->arc[arc] > 2 * share;
}

void ring_measure(struct ring_facts *f)
{
	double mean, squares = 0;

	f->nodes = 0;
	f->crowded = 0;
	for (unsigned i = 0; i < RING_ARCS; i++)
		f->nodes += f->arc[i];
	mean = (double)f->nodes / RING_ARCS;
	for (unsigned i = 0; i < RING_ARCS; i++) {
		squares += (double)f->arc[i] * (double)f->arc[i];
		f->crowded += (unsigned)ring_is_crowded(f, i);
	}
	f->dispersion = f->nodes ? (squares / RING_ARCS - mean * mean) / mean : 0;
}

/* ---- drawing ---------------------------------------------------------------------- */

static cairo_t *pen_of(uint32_t *overlay, unsigned width, unsigned height, unsigned stride,
		       cairo_surface_t **surface)
{
	*surface =
		cairo_image_surface_create_for_data((unsigned char *)overlay, CAIRO_FORMAT_ARGB32,
						    (int)width, (int)height, (int)stride * 4);
	return cairo_create(*surface);
}

static int put_down(cairo_t *cr, cairo_surface_t *surface)
{
	int err = cairo_status(cr) ? -ENOMEM : 0;

	cairo_surface_flush(surface);
	cairo_destroy(cr);
	cairo_surface_destroy(surface);
	return err;
}

static void circles(const struct ring *r, cairo_t *cr)
{
	cairo_set_line_width(cr, 0.7 * r->u);
	for (unsigned bits = 0; bits <= RING_BUCKETS; bits++) {
		double from, to;

		ring_radii(r, bits, &from, &to);
		cairo_set_source_rgba(cr, 0.56, 0.65, 0.78, bits ? 0.13 : 0.22);
		cairo_new_path(cr);
		cairo_arc(cr, r->x, r->y, to, 0, 2 * NUM_PI);
		cairo_stroke(cr);
	}
}

static void circle_words(const struct ring *r, cairo_t *cr, const struct text *text, double scale)
{
	struct text_style s = { .face = TEXT_SEMIBOLD,
				.align = TEXT_CENTER,
				.size_px = 11 * r->u * scale,
				.rgb = 0xf5f7ff,
				.tabular = true };

	for (unsigned bits = 0; bits < 8; bits++) {
		double from, to, width;
		char line[32];

		ring_radii(r, bits, &from, &to);
		snprintf(line, sizeof(line), bits ? "%u" : "%u bits shared", bits);
		width = text_width(text, &s, line) + 8 * r->u;
		cairo_rectangle(cr, r->x - width / 2, r->y - (from + to) / 2 - s.size_px * 0.7,
				width, s.size_px * 1.4);
		cairo_set_source_rgba(cr, 0.02, 0.027, 0.043, 0.8);
		cairo_fill(cr);
		text_draw(text, cr, &s, r->x, r->y - (from + to) / 2 + s.size_px * 0.36, line);
	}
}

/* What the outermost circle means, where it runs level: below, clear of both digits. */
static void circle_name(const struct ring *r, cairo_t *cr, const struct text *text, double scale)
{
	struct text_style s = { .face = TEXT_REGULAR,
				.align = TEXT_CENTER,
				.size_px = 10.5 * r->u * scale,
				.rgb = 0xb08a58 };
	double a = 2 * NUM_PI * 0.53125, at = r->arcs + r->room + 12 * r->u;

	text_draw(text, cr, &s, r->x + at * num_sin(a), r->y - at * num_cos(a) + s.size_px * 0.36,
		  "twice its share");
}

/* The first hex digit, at the beginning of its sixteenth of the ring. */
static void digits(const struct ring *r, cairo_t *cr, const struct text *text, double scale)
{
	struct text_style s = { .face = TEXT_SEMIBOLD,
				.align = TEXT_CENTER,
				.size_px = 10.5 * r->u * scale,
				.rgb = 0x99a8bd };

	for (unsigned i = 0; i < 16; i++) {
		double a = 2 * NUM_PI * i / 16, at = r->arcs + r->room + 12 * r->u;
		char line[8];

		cairo_set_source_rgba(cr, 0.56, 0.65, 0.78, 0.35);
		cairo_set_line_width(cr, 0.8 * r->u);
		cairo_move_to(cr, r->x + (r->arcs - 10 * r->u) * num_sin(a),
			      r->y - (r->arcs - 10 * r->u) * num_cos(a));
		cairo_line_to(cr, r->x + (r->arcs - 2 * r->u) * num_sin(a),
			      r->y - (r->arcs - 2 * r->u) * num_cos(a));
		cairo_stroke(cr);
		snprintf(line, sizeof(line), "%x…", i);
		text_draw(text, cr, &s, r->x + at * num_sin(a),
			  r->y - at * num_cos(a) + s.size_px * 0.36, line);
	}
}

int ring_ground(const struct ring *r, unsigned width, unsigned height, unsigned stride,
		double text_scale, uint32_t *overlay)
{
	cairo_surface_t *surface;
	cairo_t *cr = pen_of(overlay, width, height, stride, &surface);
	struct text *text = NULL;
	int err = text_open(&text), status;

	if (!err) {
		circles(r, cr);
		circle_words(r, cr, text, text_scale > 0 ? text_scale : 1);
		digits(r, cr, text, text_scale > 0 ? text_scale : 1);
		circle_name(r, cr, text, text_scale > 0 ? text_scale : 1);
	}
	text_close(text);
	status = put_down(cr, surface);
	return err ? err : status;
}

static void arc_path(const struct ring *r, cairo_t *cr, unsigned i, double length)
{
	double gap = 0.12, a = 2 * NUM_PI * (i + gap) / RING_ARCS,
	       b = 2 * NUM_PI * (i + 1 - gap) / RING_ARCS, far = r->arcs + length;

	cairo_move_to(cr, r->x + r->arcs * num_sin(a), r->y - r->arcs * num_cos(a));
	cairo_line_to(cr, r->x + far * num_sin(a), r->y - far * num_cos(a));
	cairo_line_to(cr, r->x + far * num_sin(b), r->y - far * num_cos(b));
	cairo_line_to(cr, r->x + r->arcs * num_sin(b), r->y - r->arcs * num_cos(b));
	cairo_close_path(cr);
}

/* The arcs of one colour in one fill: deviations in steps of a sigma. */
static void arcs_between(const struct ring *r, const struct ring_facts *f, cairo_t *cr, int low)
{
	double mean = (double)f->nodes / RING_ARCS;
	uint32_t rgb = palette_deviation(low < 0 ? low + 1 : low);

	for (unsigned i = 0; i < RING_ARCS; i++) {
		double sigmas = (f->arc[i] - mean) / sqrt(mean), share = f->arc[i] / mean;

		sigmas = sigmas < -4 ? -4 : sigmas > 3.999 ? 3.999 : sigmas;
		if ((int)floor(sigmas) == low)
			arc_path(r, cr, i, r->room * 0.5 * (share < 2 ? share : 2));
	}
	/* what is expected is quiet, but it is there: a ring, not a void */
	cairo_set_source_rgb(cr, (rgb >> 16) / 255.0 * 0.8 + 0.10,
			     (rgb >> 8 & 255) / 255.0 * 0.8 + 0.12,
			     (rgb & 255) / 255.0 * 0.8 + 0.16);
	cairo_fill(cr);
}

int ring_arcs(const struct ring *r, const struct ring_facts *f, unsigned width, unsigned height,
	      unsigned stride, uint32_t *overlay)
{
	cairo_surface_t *surface;
	cairo_t *cr = pen_of(overlay, width, height, stride, &surface);

	if (f->nodes) {
		for (int low = -4; low < 4; low++)
			arcs_between(r, f, cr, low);
		/* twice its share: where an arc is marked */
		cairo_set_source_rgba(cr, 1, 0.70, 0.28, 0.30);
		cairo_set_line_width(cr, 0.7 * r->u);
		cairo_arc(cr, r->x, r->y, r->arcs + r->room, 0, 2 * NUM_PI);
		cairo_stroke(cr);
		for (unsigned i = 0; i < RING_ARCS; i++) {
			double a = 2 * NUM_PI * (i + 0.5) / RING_ARCS, at = r->arcs + r->room;

			if (!ring_is_crowded(f, i))
				continue;
			cairo_arc(cr, r->x + at * num_sin(a), r->y - at * num_cos(a), 4 * r->u, 0,
				  2 * NUM_PI);
			cairo_set_source_rgb(cr, 1, 0.70, 0.28);
			cairo_fill(cr);
		}
	}
	return put_down(cr, surface);
}
