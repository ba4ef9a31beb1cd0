/* SPDX-License-Identifier: MIT */
#include "viz/text.h"

#include <cairo.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <ft2build.h>
#include FT_FREETYPE_H
#include FT_ADVANCES_H
#include FT_OUTLINE_H

#include "viz/data/embed.h"

enum {
	TABULAR_ZERO = 0xe000, /* make-fonts.py put the figures of one width there */
	RAISED_COLON = 0xe00a,
	UNKNOWN = 0xfffd,
	ELLIPSIS = 0x2026,
	GLYPHS_MAX = 512, /* of one string; the longest is the attribution */
};

struct text {
	FT_Library library;
	FT_Face face[2];
};

/* ---- UTF-8 ---------------------------------------------------------------------- */

/* The next character; 0 at the end; a byte that is none is skipped as UNKNOWN. */
static uint32_t next_char(const char **at)
{
	const unsigned char *s = (const unsigned char *)*at;
	unsigned more = s[0] >= 0xf0 ? 3 : s[0] >= 0xe0 ? 2 : s[0] >= 0xc0 ? 1 : 0;
	static const uint32_t least[4] = { 0, 0x80, 0x800, 0x10000 };
	uint32_t c = more == 3 ? s[0] & 7u : more == 2 ? s[0] & 15u : more == 1 ? s[0] & 31u : s[0];

	if (!s[0])
		return 0;
	*at += 1;
	if (s[0] >= 0xf8 || (s[0] >= 0x80 && !more))
		return UNKNOWN;
	for (unsigned i = 1; i <= more; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return UNKNOWN;
		c = c << 6 | (s[i] & 63u);
	}
	if (c < least[more] || c > 0x10ffff || (c >= 0xd800 && c < 0xe000))
		return UNKNOWN;
	*at += more;
	return c;
}

static unsigned put_char(uint32_t c, char *out)
{
	if (c < 0x80) {
		out[0] = (char)c;
		return 1;
	}
	if (c < 0x800) {
		out[0] = (char)(0xc0 | c >> 6);
		out[1] = (char)(0x80 | (c & 63));
		return 2;
	}
	if (c < 0x10000) {
		out[0] = (char)(0xe0 | c >> 12);
		out[1] = (char)(0x80 | (c >> 6 & 63));
		out[2] = (char)(0x80 | (c & 63));
		return 3;
	}
	out[0] = (char)(0xf0 | c >> 18);
	out[1] = (char)(0x80 | (c >> 12 & 63));
	out[2] = (char)(0x80 | (c >> 6 & 63));
	out[3] = (char)(0x80 | (c & 63));
	return 4;
}

/* Draws nothing, or changes how others are drawn. */
static bool is_unseen(uint32_t c)
{
	static const uint32_t range[][2] = {
		{ 0x00, 0x1f },     { 0x7f, 0x9f },       { 0xad, 0xad },        { 0x300, 0x36f },
		{ 0x61c, 0x61c },   { 0x180e, 0x180e },   { 0x200b, 0x200f },    { 0x2028, 0x202e },
		{ 0x2060, 0x206f }, { 0xe000, 0xf8ff },   { 0xfe00, 0xfe0f },    { 0xfeff, 0xfeff },
		{ 0xfff0, 0xffff }, { 0xe0000, 0xe0fff }, { 0xf0000, 0x10ffff },
	};

	for (unsigned i = 0; i < sizeof(range) / sizeof(range[0]); i++)
		if (c >= range[i][0] && c <= range[i][1])
			return true;
	return false;
}

static bool is_blank(uint32_t c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == 0xa0 || c == 0x3000;
}

char *text_name(const char *hostile, char out[static TEXT_NAME_MAX])
{
	unsigned chars = 0, len = 0, keep = 0; /* keep: bytes of all but the last character */
	bool blank = false;
	uint32_t c;

	while ((c = next_char(&hostile))) {
		if (is_blank(c)) {
			blank = chars > 0;
			continue;
		}
		if (is_unseen(c))
			continue;
		if (chars + blank >= TEXT_NAME_CHARS) {
			len = chars == TEXT_NAME_CHARS ? keep : len;
			len -= len > 0 && out[len - 1] == ' ';
			len += put_char(ELLIPSIS, out + len);
			break;
		}
		if (blank) {
			out[len++] = ' ';
			chars++;
		}
		blank = false;
		keep = len;
		len += put_char(c, out + len);
		chars++;
	}
	out[len] = '\0';
	return out;
}

char *text_count(uint64_t n, char out[static 32])
{
	char digits[24];
	int len = snprintf(digits, sizeof(digits), "%llu", (unsigned long long)n), at = 0;

	for (int i = 0; i < len; i++) {
		if (i && (len - i) % 3 == 0)
			out[at++] = ',';
		out[at++] = digits[i];
	}
	out[at] = '\0';
	return out;
}

/* ---- faces ----------------------------------------------------------------------- */

int text_open(struct text **out)
{
	const uint8_t *const start[] = { embed_regular, embed_semibold };
	const uint64_t bytes[] = { embed_regular_bytes, embed_semibold_bytes };
	struct text *t = calloc(1, sizeof(*t));

	if (!t)
		return -ENOMEM;
	if (FT_Init_FreeType(&t->library)) {
		free(t);
		return -ENOMEM;
	}
	for (unsigned i = 0; i < 2; i++)
		if (FT_New_Memory_Face(t->library, start[i], (FT_Long)bytes[i], 0, &t->face[i])) {
			text_close(t);
			return DT_ECORRUPT;
		}
	*out = t;
	return 0;
}

void text_close(struct text *t)
{
	if (!t)
		return;
	for (unsigned i = 0; i < 2; i++)
		if (t->face[i])
			FT_Done_Face(t->face[i]);
	FT_Done_FreeType(t->library);
	free(t);
}

/* ---- setting --------------------------------------------------------------------- */

/* The glyph of a character and how far it moves the pen, in the font's units. */
static FT_UInt glyph_of(FT_Face face, const struct text_style *s, uint32_t c, FT_Fixed *advance)
{
	bool digit = s->tabular && c >= '0' && c <= '9';
	FT_UInt glyph, wide;

	if (digit)
		c = TABULAR_ZERO + (c - '0');
	else if (s->tabular && c == ':')
		c = RAISED_COLON;
	glyph = FT_Get_Char_Index(face, c);
	glyph = glyph ? glyph : FT_Get_Char_Index(face, UNKNOWN);
	/* as wide as a nought: SemiBold's four is a little narrower than its fellows */
	wide = digit ? FT_Get_Char_Index(face, TABULAR_ZERO) : glyph;
	*advance = 0;
	FT_Get_Advance(face, wide, FT_LOAD_NO_SCALE, advance);
	return glyph;
}

struct line {
	struct glyph {
		FT_UInt index;
		double x; /* from the line's start */
	} glyph[GLYPHS_MAX];
	int count;
	double width;
};

static void set_line(const struct text *t, const struct text_style *s, const char *utf8,
		     struct line *out)
{
	FT_Face face = t->face[s->face];
	double per_unit = s->size_px / face->units_per_EM, x = 0;
	FT_UInt last = 0;
	uint32_t c;

	out->count = 0;
	while ((c = next_char(&utf8)) && out->count < GLYPHS_MAX) {
		FT_Fixed advance;
		FT_UInt glyph = glyph_of(face, s, c, &advance);
		FT_Vector kern = { 0, 0 };

		if (last)
			FT_Get_Kerning(face, last, glyph, FT_KERNING_UNSCALED, &kern);
		x += (double)kern.x * per_unit;
		out->glyph[out->count++] = (struct glyph){ glyph, x };
		x += (double)advance * per_unit + s->tracking_px;
		last = glyph;
	}
	out->width = out->count ? x - s->tracking_px : 0;
}

/* An outline as a path: y of a font goes up. */
struct pen {
	cairo_t *cr;
	double x, y, per_unit;
	double last_x, last_y; /* where the pen is, in the font's units */
};

static void pen_at(struct pen *p, const FT_Vector *v)
{
	p->last_x = (double)v->x;
	p->last_y = (double)v->y;
}

static int pen_move(const FT_Vector *v, void *user)
{
	struct pen *p = user;

	cairo_close_path(p->cr);
	cairo_move_to(p->cr, p->x + (double)v->x * p->per_unit, p->y - (double)v->y * p->per_unit);
	pen_at(p, v);
	return 0;
}

static int pen_line(const FT_Vector *v, void *user)
{
	struct pen *p = user;

	cairo_line_to(p->cr, p->x + (double)v->x * p->per_unit, p->y - (double)v->y * p->per_unit);
	pen_at(p, v);
	return 0;
}

static int pen_cubic(const FT_Vector *a, const FT_Vector *b, const FT_Vector *v, void *user)
{
	struct pen *p = user;
	double k = p->per_unit;

	cairo_curve_to(p->cr, p->x + (double)a->x * k, p->y - (double)a->y * k,
		       p->x + (double)b->x * k, p->y - (double)b->y * k, p->x + (double)v->x * k,
		       p->y - (double)v->y * k);
	pen_at(p, v);
	return 0;
}

static int pen_conic(const FT_Vector *c, const FT_Vector *v, void *user)
{
	struct pen *p = user;
	FT_Vector a = { (FT_Pos)(p->last_x + 2.0 / 3 * ((double)c->x - p->last_x)),
			(FT_Pos)(p->last_y + 2.0 / 3 * ((double)c->y - p->last_y)) };
	FT_Vector b = { v->x + 2 * (c->x - v->x) / 3, v->y + 2 * (c->y - v->y) / 3 };

	return pen_cubic(&a, &b, v, user);
}

double text_width(const struct text *t, const struct text_style *s, const char *utf8)
{
	struct line line;

	set_line(t, s, utf8, &line);
	return line.width;
}

double text_draw(const struct text *t, cairo_t *cr, const struct text_style *s, double x, double y,
		 const char *utf8)
{
	static const FT_Outline_Funcs funcs = { .move_to = pen_move,
						.line_to = pen_line,
						.conic_to = pen_conic,
						.cubic_to = pen_cubic };
	FT_Face face = t->face[s->face];
	struct line line;

	set_line(t, s, utf8, &line);
	if (s->align != TEXT_LEFT)
		x -= s->align == TEXT_RIGHT ? line.width : line.width / 2;
	cairo_new_path(cr);
	for (int i = 0; i < line.count; i++) {
		struct pen p = { .cr = cr,
				 .x = x + line.glyph[i].x,
				 .y = y,
				 .per_unit = s->size_px / face->units_per_EM };

		if (FT_Load_Glyph(face, line.glyph[i].index, FT_LOAD_NO_SCALE) == 0 &&
		    face->glyph->format == FT_GLYPH_FORMAT_OUTLINE)
			FT_Outline_Decompose(&face->glyph->outline, &funcs, &p);
	}
	cairo_set_source_rgb(cr, (s->rgb >> 16) / 255.0, (s->rgb >> 8 & 255) / 255.0,
			     (s->rgb & 255) / 255.0);
	cairo_fill(cr);
	return line.width;
}

void text_draw_edged(const struct text *t, struct _cairo *cr, const struct text_style *s, double x,
		     double y, double edge_px, const char *utf8)
{
	static const int8_t side[][2] = { { -1, 0 }, { 1, 0 }, { 0, -1 }, { 0, 1 } };
	struct text_style dark = *s;

	dark.rgb = 0x05070b;
	for (unsigned i = 0; i < 4 && edge_px > 0; i++)
		text_draw(t, cr, &dark, x + edge_px * side[i][0], y + edge_px * side[i][1], utf8);
	text_draw(t, cr, s, x, y, utf8);
}

void text_fit(const struct text *t, const struct text_style *s, char *name, size_t cap,
	      double width_px)
{
	char last[5] = "";
	unsigned last_len = put_char(ELLIPSIS, last);
	size_t len = strlen(name);

	if (text_width(t, s, name) <= width_px)
		return;
	if (len >= last_len && memcmp(name + len - last_len, last, last_len) == 0)
		len -= last_len;
	while (len > 0) {
		while (len > 0 && ((unsigned char)name[--len] & 0xc0) == 0x80)
			;
		while (len > 0 && name[len - 1] == ' ')
			len--;
		if (len + last_len >= cap)
			continue;
		memcpy(name + len, last, last_len + 1);
		if (text_width(t, s, name) <= width_px)
			return;
	}
	name[0] = '\0';
}
