/* SPDX-License-Identifier: MIT */
#include "proto/json.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void json_init(struct json *j, char *buf, size_t cap, bool pretty)
{
	*j = (struct json){ .buf = buf, .cap = cap, .pretty = pretty, .first = { true } };
}

static void fail(struct json *j, int err)
{
	if (!j->err)
		j->err = err;
}

/* One byte of the buffer is kept for the NUL. */
static void put(struct json *j, const char *s, size_t len)
{
	if (j->err)
		return;
	if (j->len + 1 > j->cap || len > j->cap - j->len - 1) {
		fail(j, DT_EFULL);
		return;
	}
	memcpy(j->buf + j->len, s, len);
	j->len += len;
}

static void put_char(struct json *j, char c)
{
	put(j, &c, 1);
}

static void new_line(struct json *j)
{
	if (!j->pretty)
		return;
	put_char(j, '\n');
	for (unsigned i = 0; i < j->depth; i++)
		put(j, "  ", 2);
}

/* The comma and the new line before an item of the innermost container. */
static void separate(struct json *j)
{
	if (!j->first[j->depth])
		put_char(j, ',');
	j->first[j->depth] = false;
	new_line(j);
}

/*
 * Before a value: in an object it must follow its key, in an array it is
 * separated, outside of both there is room for one.
 */
static void value_begin(struct json *j)
{
	if (j->after_key)
		j->after_key = false;
	else if (j->depth && j->is_array[j->depth])
		separate(j);
	else if (!j->depth && j->first[0])
		j->first[0] = false;
	else
		fail(j, DT_EMALF);
}

static void container_begin(struct json *j, bool array)
{
	value_begin(j);
	if (j->depth + 1 >= JSON_DEPTH_MAX)
		fail(j, DT_EDEPTH);
	if (j->err)
		return;
	put_char(j, array ? '[' : '{');
	j->depth++;
	j->first[j->depth] = true;
	j->is_array[j->depth] = array;
}

static void container_end(struct json *j, bool array)
{
	bool empty;

	if (!j->depth || j->is_array[j->depth] != array || j->after_key)
		fail(j, DT_EMALF);
	if (j->err)
		return;
	empty = j->first[j->depth];
	j->depth--;
	if (!empty)
		new_line(j);
	put_char(j, array ? ']' : '}');
}

void json_object_begin(struct json *j)
{
	container_begin(j, false);
}

void json_object_end(struct json *j)
{
	container_end(j, false);
}

void json_array_begin(struct json *j)
{
	container_begin(j, true);
}

void json_array_end(struct json *j)
{
	container_end(j, true);
}

/*
 * Length of the UTF-8 character at @s, or 0 where none stands: no overlong
 * forms, no surrogates, nothing above U+10FFFF (RFC 3629, section 4).
 */
static size_t utf8_len(const uint8_t *s, size_t room)
{
	uint8_t low = 0x80, high = 0xbf;
	size_t len;

	if (s[0] < 0x80)
		return 1;
	if (s[0] >= 0xc2 && s[0] <= 0xdf)
		len = 2;
	else if (s[0] >= 0xe0 && s[0] <= 0xef)
		len = 3;
	else if (s[0] >= 0xf0 && s[0] <= 0xf4)
		len = 4;
	else
		return 0;
	if (s[0] == 0xe0)
		low = 0xa0;
	else if (s[0] == 0xed)
		high = 0x9f;
	else if (s[0] == 0xf0)
		low = 0x90;
	else if (s[0] == 0xf4)
		high = 0x8f;
	if (room < len || s[1] < low || s[1] > high)
		return 0;
	for (size_t i = 2; i < len; i++)
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	return len;
}

static void put_escaped(struct json *j, uint8_t c)
{
	char text[8];

	switch (c) {
	case '"':
		put(j, "\\\"", 2);
		break;
	case '\\':
		put(j, "\\\\", 2);
		break;
	case '\n':
		put(j, "\\n", 2);
		break;
	case '\t':
		put(j, "\\t", 2);
		break;
	default:
		put(j, text, (size_t)snprintf(text, sizeof(text), "\\u%04x", c));
	}
}

static void put_string(struct json *j, const uint8_t *s, size_t len)
{
	size_t i = 0;

	put_char(j, '"');
	while (i < len && !j->err) {
		size_t n = utf8_len(s + i, len - i);

		if (n > 1 ||
		    (n == 1 && s[i] >= 0x20 && s[i] != '"' && s[i] != '\\' && s[i] != 0x7f)) {
			put(j, (const char *)s + i, n);
			i += n;
		} else {
			put_escaped(j, s[i++]);
		}
	}
	put_char(j, '"');
}

void json_key(struct json *j, const char *key)
{
	if (!j->depth || j->is_array[j->depth] || j->after_key) {
		fail(j, DT_EMALF);
		return;
	}
	separate(j);
	put_string(j, (const uint8_t *)key, strlen(key));
	put(j, ": ", j->pretty ? 2 : 1);
	j->after_key = true;
}

void json_string(struct json *j, struct span s)
{
	value_begin(j);
	put_string(j, s.ptr, s.len);
}

void json_cstring(struct json *j, const char *s)
{
	if (s)
		json_string(j, span_of(s, strlen(s)));
	else
		json_null(j);
}

static void put_value(struct json *j, const char *text)
{
	value_begin(j);
	put(j, text, strlen(text));
}

void json_u64(struct json *j, uint64_t v)
{
	char text[24];

	snprintf(text, sizeof(text), "%" PRIu64, v);
	put_value(j, text);
}

void json_i64(struct json *j, int64_t v)
{
	char text[24];

	snprintf(text, sizeof(text), "%" PRId64, v);
	put_value(j, text);
}

void json_double(struct json *j, double v)
{
	char text[40], *comma;

	if (!isfinite(v)) {
		json_null(j);
		return;
	}
	snprintf(text, sizeof(text), "%.15g", v);
	if (strtod(text, NULL) != v)
		snprintf(text, sizeof(text), "%.17g", v);
	/* A host program's locale must not make two values out of one. */
	comma = strchr(text, ',');
	if (comma)
		*comma = '.';
	put_value(j, text);
}

void json_bool(struct json *j, bool v)
{
	put_value(j, v ? "true" : "false");
}

void json_null(struct json *j)
{
	put_value(j, "null");
}

void json_raw(struct json *j, struct span value)
{
	if (!value.len) {
		json_null(j); /* nothing is not a value */
		return;
	}
	value_begin(j);
	put(j, (const char *)value.ptr, value.len);
}

int json_finish(struct json *j)
{
	if (!j->cap)
		fail(j, DT_EFULL);
	if (j->depth || j->after_key || j->first[0])
		fail(j, DT_EMALF);
	if (j->cap)
		j->buf[j->err ? 0 : j->len] = '\0';
	return j->err ? j->err : (int)j->len;
}
