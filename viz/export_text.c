/* SPDX-License-Identifier: MIT */
#include <assert.h>
#include <errno.h>
#include <string.h>

#include "viz/export_format.h"

/**
 * DOC: tables as lines. CSV is RFC 4180 with a line feed at the end of a line;
 * TSV is the same with tabs, quotes included, as pandas, DuckDB and R read it.
 * Unknown numbers are empty cells there and null in JSON.
 */

enum {
	/* Six bytes for one is JSON's worst ("\u0001"), and the seed's keys repeat three cells. */
	LINE_MAX_BYTES = EXPORT_COLUMNS_MAX * (6 * EXPORT_TEXT_MAX + 64) + 4096,
};
_Static_assert((int)LINE_MAX_BYTES <= (int)EXPORT_OUT_ROOM_MAX, "a line is written in one piece");

static char *put_quoted(char *at, struct span s)
{
	*at++ = '"';
	for (size_t i = 0; i < s.len; i++) {
		if (s.ptr[i] == '"')
			*at++ = '"';
		*at++ = (char)s.ptr[i];
	}
	*at++ = '"';
	return at;
}

static char *put_text(char *at, struct span s, char comma)
{
	assert(s.len <= EXPORT_TEXT_MAX);
	for (size_t i = 0; i < s.len; i++)
		if (s.ptr[i] == comma || s.ptr[i] == '"' || s.ptr[i] == '\n' || s.ptr[i] == '\r')
			return put_quoted(at, s);
	if (s.len)
		memcpy(at, s.ptr, s.len);
	return at + s.len;
}

static char *put_cell(char *at, const struct export_column *c, const void *row, char comma)
{
	if (c->type == EXPORT_TEXT)
		return put_text(at, *(const struct span *)export_cell(c, row), comma);
	if (c->type == EXPORT_F32)
		return at + export_put_float(at, *(const float *)export_cell(c, row));
	return at + export_put_u64(at, export_cell_u64(c, row));
}

static int separated_row(struct export_sheet *s, const void *row, char comma)
{
	char *start = (char *)export_out_room(s->out, LINE_MAX_BYTES), *at = start;

	for (unsigned i = 0; i < s->table->count; i++) {
		if (i)
			*at++ = comma;
		at = put_cell(at, &s->table->columns[i], row, comma);
	}
	*at++ = '\n';
	export_out_took(s->out, (size_t)(at - start));
	return s->out->err;
}

static int separated_begin(struct export_sheet *s, char comma)
{
	for (unsigned i = 0; i < s->table->count; i++) {
		const char *name = s->table->columns[i].name;

		if (i)
			export_out_put(s->out, &comma, 1);
		export_out_put(s->out, name, strlen(name));
	}
	export_out_put(s->out, "\n", 1);
	return s->out->err;
}

static int csv_begin(struct export_sheet *s)
{
	return separated_begin(s, ',');
}

static int csv_row(struct export_sheet *s, const void *row)
{
	return separated_row(s, row, ',');
}

static int tsv_begin(struct export_sheet *s)
{
	return separated_begin(s, '\t');
}

static int tsv_row(struct export_sheet *s, const void *row)
{
	return separated_row(s, row, '\t');
}

static int lines_end(struct export_sheet *s)
{
	return s->out->err;
}

static int ndjson_begin(struct export_sheet *s)
{
	return s->out->err;
}

static char *json_cell(char *at, const struct export_column *c, const void *row)
{
	unsigned n;

	*at++ = '"';
	at = stpcpy(stpcpy(at, c->name), "\":");
	if (c->type == EXPORT_TEXT)
		return export_put_json(at, *(const struct span *)export_cell(c, row));
	n = c->type == EXPORT_F32 ? export_put_float(at, *(const float *)export_cell(c, row))
				  : export_put_u64(at, export_cell_u64(c, row));
	return n ? at + n : stpcpy(at, "null");
}

static int ndjson_row(struct export_sheet *s, const void *row)
{
	char *start = (char *)export_out_room(s->out, LINE_MAX_BYTES), *at = start;

	*at++ = '{';
	if (s->table->json_head)
		at = s->table->json_head(at, row);
	for (unsigned i = s->table->json_skip; i < s->table->count; i++) {
		at = json_cell(at, &s->table->columns[i], row);
		*at++ = ',';
	}
	at[-1] = '}'; /* the last comma's place: no table is without columns */
	*at++ = '\n';
	export_out_took(s->out, (size_t)(at - start));
	return s->out->err;
}

const struct export_format export_csv = { csv_begin, csv_row, lines_end, NULL };
const struct export_format export_tsv = { tsv_begin, tsv_row, lines_end, NULL };
const struct export_format export_ndjson = { ndjson_begin, ndjson_row, lines_end, NULL };
