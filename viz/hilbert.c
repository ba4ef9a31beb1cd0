/* SPDX-License-Identifier: MIT */
#include "viz/hilbert.h"

#include <cairo.h>
#include <errno.h>
#include <stdio.h>

#include "viz/text.h"

#define BRIGHT 0xf5f7ffu
#define MIDDLE 0x99a8bdu
#define FAINT  0x6b788cu
#define GREY   0x12151bu

/*
 * The curve as an automaton: in each of its four turns, where its four quarters lie
 * (x, y as two bits) and in which turn each is run through.
 */
static const struct {
	uint8_t place[4], turn[4];
} step[4] = {
	{ { 0, 1, 3, 2 }, { 1, 0, 0, 3 } }, /* down, right, up: the whole square */
	{ { 0, 2, 3, 1 }, { 0, 1, 1, 2 } }, /* right, down, left */
	{ { 3, 2, 0, 1 }, { 3, 2, 2, 1 } }, /* up, left, down */
	{ { 3, 1, 0, 2 }, { 2, 3, 3, 0 } }, /* left, up, right */
};

void hilbert_xy(unsigned order, uint32_t d, unsigned *x, unsigned *y)
{
	unsigned turn = 0, px = 0, py = 0;

	for (unsigned i = order; i-- > 0;) {
		unsigned quarter = d >> (2 * i) & 3, at = step[turn].place[quarter];

		px = px << 1 | at >> 1;
		py = py << 1 | (at & 1);
		turn = step[turn].turn[quarter];
	}
	*x = px;
	*y = py;
}

int hilbert_init(struct hilbert *h, unsigned width, unsigned height)
{
	const double panel_u = 290; /* the legend, and a margin on both its sides */
	unsigned least = width < height ? width : height, side;

	*h = (struct hilbert){ .order = HILBERT_ORDER_MIN };
	while (h->order < 14 && 2u << h->order <= least)
		h->order++;
	side = 1u << h->order;
	if (side > least)
		return DT_ERANGE;
	h->x = (width - side) / 2;
	h->y = (height - side) / 2;
	h->poster = h->x < panel_u * height / 1080;
	return h->poster && h->order < HILBERT_POSTER_ORDER_MIN ? DT_ERANGE : 0;
}

int hilbert_square(struct hilbert *h, unsigned side)
{
	*h = (struct hilbert){ .order = HILBERT_ORDER_MIN };
	while (h->order < 14 && 1u << h->order < side)
		h->order++;
	return 1u << h->order == side ? 0 : DT_ERANGE;
}

/* Source: IANA IPv4 Special-Purpose Address Registry; RFC 5771, RFC 1112. */
static const struct reserved {
	uint32_t ip;
	unsigned bits;
	const char *name; /* NULL where the block is too small to be written on */
} reserved[] = {
	{ 0x00000000, 8, "local" },
	{ 0x0a000000, 8, "private" },
	{ 0x64400000, 10, NULL },
	{ 0x7f000000, 8, "loopback" },
	{ 0xa9fe0000, 16, NULL },
	{ 0xac100000, 12, NULL },
	{ 0xc0a80000, 16, NULL },
	{ 0xc6120000, 15, NULL },
	{ 0xe0000000, 4, "multicast 224/4" },
	{ 0xf0000000, 4, "reserved 240/4" },
};

enum { RESERVED = sizeof(reserved) / sizeof(reserved[0]) };

struct square {
	double x, y, side; /* pixels of the frame */
};

/* A prefix of even length. */
static struct square square_of(const struct hilbert *h, uint32_t ip, unsigned bits)
{
	unsigned x, y, order = bits / 2;
	double side = (double)(1u << h->order) / (double)(1u << order);

	hilbert_xy(order, ip >> (32 - bits), &x, &y);
	return (struct square){ h->x + x * side, h->y + y * side, side };
}

static void use_color(cairo_t *cr, uint32_t rgb, double alpha)
{
	cairo_set_source_rgba(cr, (rgb >> 16) / 255.0, (rgb >> 8 & 255) / 255.0,
			      (rgb & 255) / 255.0, alpha);
}

int hilbert_ground(const struct hilbert *h, struct basemap *b)
{
	cairo_surface_t *surface = cairo_image_surface_create_for_data(
		(unsigned char *)b->px, CAIRO_FORMAT_RGB24, (int)b->width, (int)b->height,
		(int)b->width * 4);
	cairo_t *cr = cairo_create(surface);
	int err;

	use_color(cr, GREY, 1);
	for (unsigned i = 0; i < RESERVED; i++) {
		/* a prefix of odd length is two squares */
		unsigned odd = reserved[i].bits & 1, bits = reserved[i].bits + odd;

		for (unsigned half = 0; half <= odd; half++) {
			struct square s =
				square_of(h, reserved[i].ip + (half << (32 - bits)), bits);

			cairo_rectangle(cr, s.x, s.y, s.side, s.side);
		}
	}
	cairo_fill(cr);
	cairo_surface_flush(surface);
	err = cairo_status(cr) ? -ENOMEM : 0;
	cairo_destroy(cr);
	cairo_surface_destroy(surface);
	return err;
}

struct pen {
	const struct hilbert *h;
	const struct text *text;
	cairo_t *cr;
	double u, scale; /* of text */
};

static bool is_reserved(uint32_t ip)
{
	for (unsigned i = 0; i < RESERVED; i++)
		if (reserved[i].bits <= 8 && (ip ^ reserved[i].ip) >> (32 - reserved[i].bits) == 0)
			return true;
	return false;
}

/* On a poster the corner of 224/3 is written on. */
static bool is_taken(const struct pen *p, uint32_t ip)
{
	return p->h->poster && ip >> 29 == 7;
}

static void net(const struct pen *p)
{
	use_color(p->cr, 0xffffff, 0.07);
	/* half as wide as the rest grows: a poster is looked at from near */
	cairo_set_line_width(p->cr, p->u > 2 ? p->u / 2 : 1);
	for (uint32_t block = 0; block < 256; block++) {
		struct square s = square_of(p->h, block << 24, 8);

		if (is_taken(p, block << 24))
			continue;
		/* its left and upper edge; the square's own edge closes the others */
		cairo_move_to(p->cr, s.x + 0.5, s.y + s.side + 0.5);
		cairo_line_to(p->cr, s.x + 0.5, s.y + 0.5);
		cairo_line_to(p->cr, s.x + s.side + 0.5, s.y + 0.5);
	}
	cairo_rectangle(p->cr, p->h->x + 0.5, p->h->y + 0.5, (1u << p->h->order) - 1.0,
			(1u << p->h->order) - 1.0);
	cairo_stroke(p->cr);
}

static void numbers(const struct pen *p)
{
	struct text_style s = { .face = TEXT_SEMIBOLD,
				.size_px = (p->h->poster ? 8 : 10.5) * p->u * p->scale,
				.tabular = true };

	s.size_px = s.size_px < 8 ? 8 : s.size_px;
	for (uint32_t block = 0; block < 256; block++) {
		struct square at = square_of(p->h, block << 24, 8);
		char line[8];

		if (is_taken(p, block << 24))
			continue;
		s.rgb = is_reserved(block << 24) ? FAINT : 0xd3dae8;
		snprintf(line, sizeof(line), "%u", block);
		text_draw_edged(p->text, p->cr, &s, at.x + 4 * p->u,
				at.y + 4 * p->u + s.size_px * 0.75,
				is_reserved(block << 24) ? 0 : 1.3 * p->u, line);
	}
}

static void names(const struct pen *p)
{
	for (unsigned i = 0; i < RESERVED; i++) {
		struct square at = square_of(p->h, reserved[i].ip, reserved[i].bits);
		bool large = reserved[i].bits < 8;
		struct text_style s = { .align = TEXT_CENTER,
					.size_px = (large && !p->h->poster ? 14.5 : 10.5) * p->u *
						   p->scale,
					.rgb = large && !p->h->poster ? MIDDLE : FAINT };

		/* a large name keeps clear of the numbers by standing on a line of the net */
		if (reserved[i].name)
			text_draw(p->text, p->cr, &s, at.x + at.side / 2,
				  at.y + at.side / 2 + s.size_px * (large ? -0.5 : 0.6),
				  reserved[i].name);
	}
}

int hilbert_words(const struct hilbert *h, unsigned width, unsigned height, unsigned stride,
		  double text_scale, uint32_t *overlay)
{
	cairo_surface_t *surface =
		cairo_image_surface_create_for_data((unsigned char *)overlay, CAIRO_FORMAT_ARGB32,
						    (int)width, (int)height, (int)stride * 4);
	struct pen p = { .h = h,
			 .cr = cairo_create(surface),
			 /* 1080p has a square of 1024 */
			 .u = (double)(1u << h->order) / 1024,
			 .scale = text_scale > 0 ? text_scale : 1 };
	struct text *text = NULL;
	int err = text_open(&text);

	if (!err) {
		p.text = text;
		cairo_set_antialias(p.cr, CAIRO_ANTIALIAS_BEST);
		net(&p);
		numbers(&p);
		names(&p);
		err = cairo_status(p.cr) ? -ENOMEM : 0;
		cairo_surface_flush(surface);
	}
	text_close(text);
	cairo_destroy(p.cr);
	cairo_surface_destroy(surface);
	return err;
}
