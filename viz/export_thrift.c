/* SPDX-License-Identifier: MIT */
#include "viz/export_thrift.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { FIRST_BYTES = 4096, VARINT_MAX = 10, SHORT_LIST = 14, NEAR_FIELD = 15 };

void thrift_reset(struct thrift *t)
{
	t->len = 0;
	t->depth = 0;
	t->last[0] = 0;
}

void thrift_free(struct thrift *t)
{
	free(t->buf);
	*t = (struct thrift){ .buf = NULL };
}

static bool grow(struct thrift *t, size_t more)
{
	size_t cap = t->cap ? t->cap : FIRST_BYTES;
	uint8_t *buf;

	if (t->err)
		return false;
	while (cap - t->len < more)
		cap *= 2;
	if (cap == t->cap)
		return true;
	buf = realloc(t->buf, cap);
	if (!buf) {
		t->err = -ENOMEM;
		return false;
	}
	t->buf = buf;
	t->cap = cap;
	return true;
}

static void put_byte(struct thrift *t, unsigned v)
{
	if (grow(t, 1))
		t->buf[t->len++] = (uint8_t)v;
}

static void put_varint(struct thrift *t, uint64_t v)
{
	if (!grow(t, VARINT_MAX))
		return;
	for (; v >= 0x80; v >>= 7)
		t->buf[t->len++] = (uint8_t)(v | 0x80);
	t->buf[t->len++] = (uint8_t)v;
}

static void put_zigzag(struct thrift *t, int64_t v)
{
	put_varint(t, (uint64_t)v << 1 ^ (v < 0 ? UINT64_MAX : 0));
}

static void put_text(struct thrift *t, const char *s)
{
	size_t n = strlen(s);

	put_varint(t, n);
	if (!grow(t, n))
		return;
	memcpy(t->buf + t->len, s, n);
	t->len += n;
}

/* The field's number as a step from the one before it, where that is small. */
static void put_field(struct thrift *t, int16_t field, enum thrift_type type)
{
	int step = field - t->last[t->depth];

	assert(step > 0 && step <= NEAR_FIELD); /* Parquet's structs have no wider gaps */
	put_byte(t, (unsigned)step << 4 | type);
	t->last[t->depth] = field;
}

void thrift_begin(struct thrift *t)
{
	assert(t->depth + 1 < THRIFT_DEPTH_MAX);
	t->last[++t->depth] = 0;
}

void thrift_end(struct thrift *t)
{
	put_byte(t, 0);
	t->depth--;
}

void thrift_i32(struct thrift *t, int16_t field, int32_t v)
{
	put_field(t, field, THRIFT_I32);
	put_zigzag(t, v);
}

void thrift_i64(struct thrift *t, int16_t field, int64_t v)
{
	put_field(t, field, THRIFT_I64);
	put_zigzag(t, v);
}

void thrift_string(struct thrift *t, int16_t field, const char *s)
{
	put_field(t, field, THRIFT_BINARY);
	put_text(t, s);
}

void thrift_struct(struct thrift *t, int16_t field)
{
	put_field(t, field, THRIFT_STRUCT);
	thrift_begin(t);
}

void thrift_list(struct thrift *t, int16_t field, enum thrift_type type, unsigned count)
{
	put_field(t, field, THRIFT_LIST);
	put_byte(t, (count > SHORT_LIST ? 15u : count) << 4 | type);
	if (count > SHORT_LIST)
		put_varint(t, count);
}

void thrift_element_i32(struct thrift *t, int32_t v)
{
	put_zigzag(t, v);
}

void thrift_element_string(struct thrift *t, const char *s)
{
	put_text(t, s);
}
