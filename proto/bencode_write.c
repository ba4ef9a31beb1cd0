/* SPDX-License-Identifier: MIT */
#include "proto/bencode.h"

enum { DECIMAL_MAX = 20 }; /* digits of 2^64, or of 2^63 with its sign */

void bencode_writer_init(struct bencode_writer *w, uint8_t *buf, size_t cap)
{
	*w = (struct bencode_writer){ .buf = buf, .cap = cap };
}

/* Room for @len more bytes, or NULL and the error is set. */
static uint8_t *take(struct bencode_writer *w, size_t len)
{
	uint8_t *at = w->buf + w->len;

	if (w->err || len > w->cap - w->len) {
		w->err = DT_EFULL;
		return NULL;
	}
	w->len += len;
	return at;
}

static void put_byte(struct bencode_writer *w, char c)
{
	uint8_t *at = take(w, 1);

	if (at)
		*at = (uint8_t)c;
}

/* @v in decimal, right-aligned in @digits; returns where it begins. */
static unsigned decimal(uint64_t v, char digits[static DECIMAL_MAX])
{
	unsigned at = DECIMAL_MAX;

	do
		digits[--at] = (char)('0' + v % 10);
	while (v /= 10);
	return at;
}

void bencode_put_raw(struct bencode_writer *w, struct span s)
{
	uint8_t *at = take(w, s.len);

	if (at && s.len)
		memcpy(at, s.ptr, s.len);
}

void bencode_put_dict(struct bencode_writer *w)
{
	put_byte(w, 'd');
}

void bencode_put_list(struct bencode_writer *w)
{
	put_byte(w, 'l');
}

void bencode_put_end(struct bencode_writer *w)
{
	put_byte(w, 'e');
}

void bencode_put_string(struct bencode_writer *w, struct span s)
{
	char digits[DECIMAL_MAX];
	unsigned from = decimal(s.len, digits);
	size_t head = DECIMAL_MAX - from;
	uint8_t *at;

	/* Its own check: a length near SIZE_MAX must not wrap the sum below. */
	if (s.len > w->cap) {
		w->err = DT_EFULL;
		return;
	}
	at = take(w, head + 1 + s.len);
	if (!at)
		return;
	memcpy(at, digits + from, head);
	at[head] = ':';
	if (s.len)
		memcpy(at + head + 1, s.ptr, s.len);
}

void bencode_put_int(struct bencode_writer *w, int64_t v)
{
	char digits[DECIMAL_MAX];
	/* 0 - v: the most negative number has no positive twin. */
	unsigned from = decimal(v < 0 ? 0 - (uint64_t)v : (uint64_t)v, digits);

	put_byte(w, 'i');
	if (v < 0)
		put_byte(w, '-');
	bencode_put_raw(w, span_of(digits + from, DECIMAL_MAX - from));
	put_byte(w, 'e');
}

int bencode_finish(const struct bencode_writer *w)
{
	return w->err ? w->err : (int)w->len;
}
