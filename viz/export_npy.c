/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "viz/export_format.h"
#include "viz/export_npy.h"

/**
 * DOC: a numpy array of records: np.load(file, mmap_mode="r") opens it at any
 * size without reading it.
 *
 * Source: NEP 1, "A Simple File Format for NumPy Arrays", version 1.0.
 */

enum {
	MAGIC_BYTES = 8,
	HEAD_MAX = 4096,
	ALIGN = 64, /* NEP 1 asks for it, so that maps start on a cache line */
};

static int describe(const struct export_column *c, char *out, size_t cap)
{
	switch (c->type) {
	case EXPORT_U8:
		return snprintf(out, cap, "('%s', '|u1'), ", c->name);
	case EXPORT_U16:
	case EXPORT_U32:
	case EXPORT_U64:
		return snprintf(out, cap, "('%s', '<u%u'), ", c->name, c->size);
	case EXPORT_F32:
		return snprintf(out, cap, "('%s', '<f4'), ", c->name);
	case EXPORT_BYTES:
		return snprintf(out, cap, "('%s', '|u1', (%u,)), ", c->name, c->size);
	case EXPORT_CHARS:
		return snprintf(out, cap, "('%s', '|S%u'), ", c->name, c->size);
	case EXPORT_TEXT:
		break;
	}
	return -1; /* has no fixed width */
}

/* @descr: what stands for the type, as Python writes it. */
static int put_head(struct export_out *out, const char *descr, uint64_t count)
{
	char head[HEAD_MAX];
	size_t at = MAGIC_BYTES + 2, end;
	int n = snprintf(head + at, sizeof(head) - at,
			 "{'descr': %s, 'fortran_order': False, 'shape': (%llu,), }", descr,
			 (unsigned long long)count);

	if ((size_t)n >= sizeof(head) - at - ALIGN)
		return DT_EUNSUPPORTED;
	at += (size_t)n;
	end = (at + 1 + ALIGN - 1) / ALIGN * ALIGN;
	memset(head + at, ' ', end - at);
	head[end - 1] = '\n';
	memcpy(head, "\x93NUMPY\x01", MAGIC_BYTES); /* with the NUL as minor version */
	head[8] = (char)((end - MAGIC_BYTES - 2) & 0xff);
	head[9] = (char)((end - MAGIC_BYTES - 2) >> 8);
	export_out_put(out, head, end);
	return out->err;
}

int export_npy_head(struct export_out *out, const char *type, uint64_t count)
{
	char descr[16];

	snprintf(descr, sizeof(descr), "'%s'", type);
	return put_head(out, descr, count);
}

static int npy_begin(struct export_sheet *s)
{
	char descr[HEAD_MAX];
	size_t at = (size_t)snprintf(descr, sizeof(descr), "[");
	int n;

	for (unsigned i = 0; i < s->table->count; i++) {
		n = describe(&s->table->columns[i], descr + at, sizeof(descr) - at);
		if (n < 0 || (size_t)n >= sizeof(descr) - at - 1)
			return DT_EUNSUPPORTED;
		at += (size_t)n;
	}
	memcpy(descr + at, "]", 2);
	return put_head(s->out, descr, s->rows);
}

/* Numbers of this machine's byte order are what the head says: little endian. */
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "rows are copied as they are");

static int npy_row(struct export_sheet *s, const void *row)
{
	uint8_t *start = export_out_room(s->out, EXPORT_COLUMNS_MAX * EXPORT_TEXT_MAX);
	uint8_t *at = start;

	if (s->rows-- == 0)
		return DT_ECORRUPT; /* more than were counted */
	for (unsigned i = 0; i < s->table->count; i++) {
		const struct export_column *c = &s->table->columns[i];

		memcpy(at, export_cell(c, row), c->size);
		at += c->size;
	}
	export_out_took(s->out, (size_t)(at - start));
	return s->out->err;
}

static int npy_end(struct export_sheet *s)
{
	return s->rows ? DT_ECORRUPT : s->out->err;
}

const struct export_format export_npy = { npy_begin, npy_row, npy_end, NULL };
