/* SPDX-License-Identifier: MIT */
#include "viz/export_xml.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

enum { PIECE_MAX = 6 * EXPORT_TEXT_MAX /* "&quot;" for one byte */ };

void export_xml_put(struct export_out *out, const char *s)
{
	export_out_put(out, s, strlen(s));
}

void export_xml_u64(struct export_out *out, uint64_t v)
{
	export_out_took(out, export_put_u64((char *)export_out_room(out, EXPORT_NUMBER_MAX), v));
}

void export_xml_float(struct export_out *out, float v)
{
	export_out_took(out, export_put_float((char *)export_out_room(out, EXPORT_NUMBER_MAX), v));
}

static const char *entity(uint8_t c)
{
	switch (c) {
	case '&':
		return "&amp;";
	case '<':
		return "&lt;";
	case '>':
		return "&gt;";
	case '"':
		return "&quot;";
	default:
		return NULL;
	}
}

void export_xml_text(struct export_out *out, struct span s)
{
	char *start = (char *)export_out_room(out, PIECE_MAX), *at = start;

	for (size_t i = 0; i < s.len && i < EXPORT_TEXT_MAX; i++) {
		const char *name = entity(s.ptr[i]);

		if (name)
			at = stpcpy(at, name);
		else
			*at++ = (char)s.ptr[i];
	}
	export_out_took(out, (size_t)(at - start));
}

const char *export_xml_type(const struct export_column *c)
{
	return c->type == EXPORT_TEXT ? "string" : c->type == EXPORT_F32 ? "float" : "long";
}

bool export_xml_has(const struct export_column *c, const void *row)
{
	if (c->type == EXPORT_TEXT)
		return ((const struct span *)export_cell(c, row))->len > 0;
	return c->type != EXPORT_F32 || !isnan(*(const float *)export_cell(c, row));
}

void export_xml_cell(struct export_out *out, const struct export_column *c, const void *row)
{
	if (c->type == EXPORT_TEXT)
		export_xml_text(out, *(const struct span *)export_cell(c, row));
	else if (c->type == EXPORT_F32)
		export_xml_float(out, *(const float *)export_cell(c, row));
	else
		export_xml_u64(out, export_cell_u64(c, row));
}

void export_xml_time(struct export_out *out, uint32_t unix_s)
{
	enum { TIME_MAX = 32 };
	char *at = (char *)export_out_room(out, TIME_MAX);
	time_t t = unix_s;
	struct tm tm;

	gmtime_r(&t, &tm);
	export_out_took(out, strftime(at, TIME_MAX, "%Y-%m-%dT%H:%M:%SZ", &tm));
}
