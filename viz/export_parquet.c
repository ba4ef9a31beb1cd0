/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <zstd.h>

#include "viz/export_format.h"
#include "viz/export_thrift.h"

/**
 * DOC: Parquet, as little of it as a flat table needs: every column REQUIRED,
 * so that there are no levels; PLAIN values; one zstd page per column of a row
 * group. Debian 12 packages no library that writes it (viz/README.md X-2).
 *
 *     "PAR1"  { page header, zstd page } per column and group  footer  its length  "PAR1"
 *
 * Memory: the columns of one row group, about 200 bytes a node, and one of
 * them packed.
 *
 * Source: apache/parquet-format README.md and parquet.thrift.
 */

enum {
	LEVEL = 1, /* of zstd; level 3 saves 1.5 % (bench export_formats) */
	CHUNK_FIRST_BYTES = 1 << 16,
};

/* Numbers of parquet.thrift. */
enum { PHYSICAL_INT32 = 1, PHYSICAL_INT64 = 2, PHYSICAL_FLOAT = 4, PHYSICAL_BYTES = 6 };
enum {
	CONVERTED_NONE = -1,
	CONVERTED_UTF8 = 0,
	CONVERTED_U8 = 11,
	CONVERTED_U16,
	CONVERTED_U32,
	CONVERTED_U64
};
enum { ENCODING_PLAIN = 0, ENCODING_RLE = 3, CODEC_ZSTD = 6, PAGE_DATA = 0, REQUIRED = 0 };

struct chunk {
	uint8_t *data;
	size_t len, cap;
};

/* What the footer must say of a chunk that is written. */
struct written {
	uint64_t at, bytes, raw_bytes;
};

struct parquet {
	struct chunk chunks[EXPORT_COLUMNS_MAX];
	struct written *written; /* group after group, column after column */
	unsigned groups, group_cap;
	uint32_t group_rows; /* in the open group */
	uint64_t rows, at;   /* written: rows, bytes */
	uint8_t *packed;
	size_t packed_cap;
	ZSTD_CCtx *zstd;
	struct thrift thrift;
};

static void put(struct export_sheet *s, const void *bytes, size_t n)
{
	struct parquet *p = s->own;

	export_out_put(s->out, bytes, n);
	p->at += n;
}

static int parquet_begin(struct export_sheet *s)
{
	struct parquet *p = calloc(1, sizeof(*p));

	if (!p)
		return -ENOMEM;
	s->own = p;
	p->zstd = ZSTD_createCCtx();
	if (!p->zstd)
		return -ENOMEM;
	put(s, "PAR1", 4);
	return s->out->err;
}

static void parquet_free(struct export_sheet *s)
{
	struct parquet *p = s->own;

	if (!p)
		return;
	for (unsigned i = 0; i < EXPORT_COLUMNS_MAX; i++)
		free(p->chunks[i].data);
	thrift_free(&p->thrift);
	ZSTD_freeCCtx(p->zstd);
	free(p->packed);
	free(p->written);
	free(p);
	s->own = NULL;
}

/* ---- rows into chunks ------------------------------------------------------------ */

static uint8_t *chunk_room(struct chunk *c, size_t n)
{
	size_t cap = c->cap ? c->cap : CHUNK_FIRST_BYTES;
	uint8_t *data;

	if (c->cap - c->len >= n)
		return c->data + c->len;
	while (cap - c->len < n)
		cap *= 2;
	data = realloc(c->data, cap);
	if (!data)
		return NULL;
	c->data = data;
	c->cap = cap;
	return data + c->len;
}

/* PLAIN: little-endian numbers, text after its length in 4 bytes. */
static int put_value(struct chunk *c, const struct export_column *column, const void *row)
{
	uint8_t *at = chunk_room(c, EXPORT_TEXT_MAX + 4);
	const void *cell = export_cell(column, row);
	const struct span *text = cell;
	uint64_t number;
	uint32_t word;

	if (!at)
		return -ENOMEM;
	switch (column->type) {
	case EXPORT_TEXT:
		word = (uint32_t)text->len;
		memcpy(at, &word, 4);
		if (word)
			memcpy(at + 4, text->ptr, word);
		c->len += 4 + word;
		return 0;
	case EXPORT_F32:
		memcpy(at, cell, 4);
		c->len += 4;
		return 0;
	case EXPORT_U8:
	case EXPORT_U16:
	case EXPORT_U32:
	case EXPORT_U64:
		number = export_cell_u64(column, row);
		memcpy(at, &number, 8); /* of which the lower half counts where it is narrower */
		c->len += column->type == EXPORT_U64 ? 8 : 4;
		return 0;
	case EXPORT_BYTES:
	case EXPORT_CHARS:
		break;
	}
	return DT_EUNSUPPORTED;
}

/* ---- chunks into the file --------------------------------------------------------- */

static int reserve_packed(struct parquet *p, size_t raw)
{
	size_t bound = ZSTD_compressBound(raw);

	if (bound <= p->packed_cap)
		return 0;
	free(p->packed);
	p->packed = malloc(bound);
	p->packed_cap = p->packed ? bound : 0;
	return p->packed ? 0 : -ENOMEM;
}

static void page_header(struct thrift *t, size_t raw, size_t packed, uint32_t rows)
{
	thrift_reset(t);
	thrift_begin(t);
	thrift_i32(t, 1, PAGE_DATA);
	thrift_i32(t, 2, (int32_t)raw);
	thrift_i32(t, 3, (int32_t)packed);
	thrift_struct(t, 5);
	thrift_i32(t, 1, (int32_t)rows);
	thrift_i32(t, 2, ENCODING_PLAIN);
	thrift_i32(t, 3, ENCODING_RLE);
	thrift_i32(t, 4, ENCODING_RLE);
	thrift_end(t);
	thrift_end(t);
}

static int write_chunk(struct export_sheet *s, struct chunk *c, struct written *w)
{
	struct parquet *p = s->own;
	size_t packed;
	int rc = reserve_packed(p, c->len);

	if (rc < 0)
		return rc;
	packed = ZSTD_compressCCtx(p->zstd, p->packed, p->packed_cap, c->data, c->len, LEVEL);
	if (ZSTD_isError(packed))
		return -EIO;
	page_header(&p->thrift, c->len, packed, p->group_rows);
	if (p->thrift.err)
		return p->thrift.err;
	*w = (struct written){ p->at, p->thrift.len + packed, p->thrift.len + c->len };
	put(s, p->thrift.buf, p->thrift.len);
	put(s, p->packed, packed);
	c->len = 0;
	return s->out->err;
}

static int grow_written(struct parquet *p, unsigned columns)
{
	unsigned cap = p->group_cap ? 2 * p->group_cap : 16;
	struct written *w;

	if (p->groups < p->group_cap)
		return 0;
	w = reallocarray(p->written, (size_t)cap * columns, sizeof(*w));
	if (!w)
		return -ENOMEM;
	p->written = w;
	p->group_cap = cap;
	return 0;
}

static int write_group(struct export_sheet *s)
{
	unsigned columns = s->table->count;
	struct parquet *p = s->own;
	int rc = grow_written(p, columns);

	for (unsigned i = 0; i < columns && rc == 0; i++)
		rc = write_chunk(s, &p->chunks[i], &p->written[p->groups * columns + i]);
	p->groups++;
	p->rows += p->group_rows;
	p->group_rows = 0;
	return rc;
}

static int parquet_row(struct export_sheet *s, const void *row)
{
	struct parquet *p = s->own;

	for (unsigned i = 0; i < s->table->count; i++) {
		int rc = put_value(&p->chunks[i], &s->table->columns[i], row);

		if (rc < 0)
			return rc;
	}
	return ++p->group_rows == s->group_rows ? write_group(s) : 0;
}

/* ---- the footer ------------------------------------------------------------------- */

static void type_of(enum export_type type, int *physical, int *converted)
{
	static const struct {
		int physical, converted;
	} types[] = { [EXPORT_TEXT] = { PHYSICAL_BYTES, CONVERTED_UTF8 },
		      [EXPORT_U8] = { PHYSICAL_INT32, CONVERTED_U8 },
		      [EXPORT_U16] = { PHYSICAL_INT32, CONVERTED_U16 },
		      [EXPORT_U32] = { PHYSICAL_INT32, CONVERTED_U32 },
		      [EXPORT_U64] = { PHYSICAL_INT64, CONVERTED_U64 },
		      [EXPORT_F32] = { PHYSICAL_FLOAT, CONVERTED_NONE } };

	*physical = types[type].physical;
	*converted = types[type].converted;
}

static void put_schema(struct thrift *t, const struct export_table *table)
{
	int physical, converted;

	thrift_list(t, 2, THRIFT_STRUCT, table->count + 1);
	thrift_begin(t); /* the root */
	thrift_string(t, 4, table->name);
	thrift_i32(t, 5, (int32_t)table->count);
	thrift_end(t);
	for (unsigned i = 0; i < table->count; i++) {
		type_of(table->columns[i].type, &physical, &converted);
		thrift_begin(t);
		thrift_i32(t, 1, physical);
		thrift_i32(t, 3, REQUIRED);
		thrift_string(t, 4, table->columns[i].name);
		if (converted != CONVERTED_NONE)
			thrift_i32(t, 6, converted);
		thrift_end(t);
	}
}

static void put_column(struct thrift *t, const struct export_column *c, const struct written *w,
		       uint64_t rows)
{
	int physical, converted;

	type_of(c->type, &physical, &converted);
	thrift_begin(t);
	thrift_i64(t, 2, (int64_t)w->at);
	thrift_struct(t, 3);
	thrift_i32(t, 1, physical);
	thrift_list(t, 2, THRIFT_I32, 2);
	thrift_element_i32(t, ENCODING_PLAIN);
	thrift_element_i32(t, ENCODING_RLE);
	thrift_list(t, 3, THRIFT_BINARY, 1);
	thrift_element_string(t, c->name);
	thrift_i32(t, 4, CODEC_ZSTD);
	thrift_i64(t, 5, (int64_t)rows);
	thrift_i64(t, 6, (int64_t)w->raw_bytes);
	thrift_i64(t, 7, (int64_t)w->bytes);
	thrift_i64(t, 9, (int64_t)w->at);
	thrift_end(t);
	thrift_end(t);
}

static void put_groups(struct thrift *t, const struct parquet *p, const struct export_sheet *s)
{
	thrift_list(t, 4, THRIFT_STRUCT, p->groups);
	for (unsigned g = 0; g < p->groups; g++) {
		const struct export_table *table = s->table;
		const struct written *w = &p->written[g * table->count];
		uint64_t left = p->rows - (uint64_t)g * s->group_rows, raw = 0;
		uint64_t rows = left < s->group_rows ? left : s->group_rows;

		thrift_begin(t);
		thrift_list(t, 1, THRIFT_STRUCT, table->count);
		for (unsigned i = 0; i < table->count; i++) {
			put_column(t, &table->columns[i], &w[i], rows);
			raw += w[i].raw_bytes;
		}
		thrift_i64(t, 2, (int64_t)raw);
		thrift_i64(t, 3, (int64_t)rows);
		thrift_end(t);
	}
}

static int parquet_end(struct export_sheet *s)
{
	struct parquet *p = s->own;
	struct thrift *t = &p->thrift;
	uint32_t len;
	int rc = p->group_rows ? write_group(s) : 0;

	if (rc < 0)
		return rc;
	thrift_reset(t);
	thrift_begin(t);
	thrift_i32(t, 1, 1); /* version of the format */
	put_schema(t, s->table);
	thrift_i64(t, 3, (int64_t)p->rows);
	put_groups(t, p, s);
	thrift_string(t, 6, "dht-telescope");
	thrift_end(t);
	if (t->err)
		return t->err;
	len = (uint32_t)t->len;
	put(s, t->buf, t->len);
	put(s, &len, 4);
	put(s, "PAR1", 4);
	return s->out->err;
}

const struct export_format export_parquet = { parquet_begin, parquet_row, parquet_end,
					      parquet_free };
