/* SPDX-License-Identifier: MIT */
#ifndef VIZ_TEXT_H
#define VIZ_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/err.h"

/**
 * DOC: words on a picture, in the embedded Inter. Glyphs are placed one by one
 * with kerning, and filled as outlines: cairo 1.16 would round the place of a
 * glyph to whole pixels, which shows in small type. Digits can be asked for in
 * one width, so that a running counter does not tremble.
 */

struct text;
struct _cairo; /* cairo_t */

enum text_face { TEXT_REGULAR, TEXT_SEMIBOLD };
enum text_align { TEXT_LEFT, TEXT_CENTER, TEXT_RIGHT };

struct text_style {
	enum text_face face;
	enum text_align align;
	double size_px;     /* of the em */
	double tracking_px; /* between glyphs */
	uint32_t rgb;
	bool tabular; /* digits of one width, colon between them raised */
};

/** text_open() - the two faces. Errors: -ENOMEM; DT_ECORRUPT of the embedded fonts. */
int text_open(struct text **out) DT_MUST;
void text_close(struct text *t);

/** text_width() - in pixels, without the tracking after the last glyph. */
double text_width(const struct text *t, const struct text_style *s, const char *utf8);

/** text_draw() - at @x by the style's alignment, baseline @y. Returns the width. */
double text_draw(const struct text *t, struct _cairo *cr, const struct text_style *s, double x,
		 double y, const char *utf8);

/**
 * text_draw_edged() - with a dark edge of @edge_px, which keeps words readable that lie over
 * lights; 0 = none.
 */
void text_draw_edged(const struct text *t, struct _cairo *cr, const struct text_style *s, double x,
		     double y, double edge_px, const char *utf8);

enum { TEXT_NAME_CHARS = 26, TEXT_NAME_MAX = 4 * TEXT_NAME_CHARS + 4 };

/**
 * text_name() - a name from somebody else's file, made fit to be shown: invalid
 * UTF-8 and control characters, direction marks and others that draw nothing
 * are dropped, runs of blanks become one, and what is longer than
 * TEXT_NAME_CHARS characters ends in an ellipsis. Returns @out.
 */
char *text_name(const char *hostile, char out[static TEXT_NAME_MAX]);

/**
 * text_fit() - shorten @name[@cap] in place until it is at most @width_px wide, with an
 * ellipsis at its end where that has room.
 */
void text_fit(const struct text *t, const struct text_style *s, char *name, size_t cap,
	      double width_px);

/** text_count() - "1,234,567"; returns @out. */
char *text_count(uint64_t n, char out[static 32]);

#endif
