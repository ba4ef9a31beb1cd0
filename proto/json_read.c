/* SPDX-License-Identifier: MIT */
#include "proto/json_read.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* What may come next. */
enum state {
	WANT_VALUE,
	WANT_VALUE_OR_CLOSE, /* the first of an array */
	WANT_KEY,
	WANT_KEY_OR_CLOSE, /* the first of an object */
	WANT_COMMA,        /* or the end of what is open */
	OVER,
	BROKEN,
};

enum { NUMBER_MAX = 64 /* bytes; a double needs 25 */ };

void json_read_init(struct json_reader *r, struct span in)
{
	*r = (struct json_reader){ .in = in, .state = WANT_VALUE };
}

size_t json_read_offset(const struct json_reader *r)
{
	return r->at;
}

static int fail(struct json_reader *r, int err)
{
	r->state = BROKEN;
	return err;
}

static int more(const struct json_reader *r)
{
	return r->at < r->in.len ? r->in.ptr[r->at] : -1;
}

static void skip_blanks(struct json_reader *r)
{
	int c;

	while ((c = more(r)) == ' ' || c == '\t' || c == '\n' || c == '\r')
		r->at++;
}

static bool is_hex(int c)
{
	return (c >= '0' && c <= '9') || ((c | 32) >= 'a' && (c | 32) <= 'f');
}

/* Behind the backslash. */
static int read_escape(struct json_reader *r)
{
	int c = more(r);

	if (c < 0)
		return DT_ESHORT;
	r->at++;
	if (c != 'u')
		return strchr("\"\\/bfnrt", c) && c ? 0 : DT_EMALF;
	for (unsigned i = 0; i < 4; i++, r->at++) {
		if (more(r) < 0)
			return DT_ESHORT;
		if (!is_hex(more(r)))
			return DT_EMALF;
	}
	return 0;
}

static int read_string(struct json_reader *r, struct span *raw)
{
	size_t from = ++r->at;
	int c, rc = 0;

	while ((c = more(r)) >= 0 && c != '"' && rc == 0) {
		if (c < 0x20)
			return DT_EMALF;
		r->at++;
		if (c == '\\')
			rc = read_escape(r);
	}
	if (rc < 0)
		return rc;
	if (c < 0)
		return DT_ESHORT;
	*raw = span_of(r->in.ptr + from, r->at - from);
	r->at++;
	return 0;
}

static unsigned read_digits(struct json_reader *r)
{
	unsigned n = 0;

	for (; more(r) >= '0' && more(r) <= '9'; n++)
		r->at++;
	return n;
}

static int read_number(struct json_reader *r, struct span *raw)
{
	size_t from = r->at;
	bool zero;

	if (more(r) == '-')
		r->at++;
	zero = more(r) == '0';
	if (read_digits(r) > 1 && zero)
		return DT_EMALF;
	if (r->at == from || r->in.ptr[r->at - 1] == '-')
		return more(r) < 0 ? DT_ESHORT : DT_EMALF;
	if (more(r) == '.') {
		r->at++;
		if (!read_digits(r))
			return more(r) < 0 ? DT_ESHORT : DT_EMALF;
	}
	if ((more(r) | 32) == 'e') {
		r->at++;
		if (more(r) == '+' || more(r) == '-')
			r->at++;
		if (!read_digits(r))
			return more(r) < 0 ? DT_ESHORT : DT_EMALF;
	}
	*raw = span_of(r->in.ptr + from, r->at - from);
	return 0;
}

static int read_word(struct json_reader *r, const char *word)
{
	for (; *word; word++, r->at++)
		if (more(r) != *word)
			return more(r) < 0 ? DT_ESHORT : DT_EMALF;
	return 0;
}

static int open_level(struct json_reader *r, bool object)
{
	if (r->depth == JSON_READ_DEPTH_MAX)
		return DT_EDEPTH;
	r->at++;
	r->in_object = r->in_object << 1 | object;
	r->depth++;
	r->state = object ? WANT_KEY_OR_CLOSE : WANT_VALUE_OR_CLOSE;
	return 0;
}

static void close_level(struct json_reader *r)
{
	r->at++;
	r->in_object >>= 1;
	r->depth--;
	r->state = WANT_COMMA;
}

static int read_key(struct json_reader *r, struct json_token *out)
{
	int rc = more(r) == '"' ? read_string(r, &out->raw) : more(r) < 0 ? DT_ESHORT : DT_EMALF;

	out->kind = JSON_KEY;
	if (rc < 0)
		return rc;
	skip_blanks(r);
	if (more(r) != ':')
		return more(r) < 0 ? DT_ESHORT : DT_EMALF;
	r->at++;
	r->state = WANT_VALUE;
	return 0;
}

static int read_value(struct json_reader *r, struct json_token *out)
{
	r->state = WANT_COMMA;
	switch (more(r)) {
	case -1:
		return DT_ESHORT;
	case '{':
		out->kind = JSON_OBJECT;
		return open_level(r, true);
	case '[':
		out->kind = JSON_ARRAY;
		return open_level(r, false);
	case '"':
		out->kind = JSON_STRING;
		return read_string(r, &out->raw);
	case 't':
		out->kind = JSON_TRUE;
		return read_word(r, "true");
	case 'f':
		out->kind = JSON_FALSE;
		return read_word(r, "false");
	case 'n':
		out->kind = JSON_NULL;
		return read_word(r, "null");
	default:
		out->kind = JSON_NUMBER;
		return read_number(r, &out->raw);
	}
}

/* What may stand behind a value. 1: the token is the end of a level. */
static int read_comma(struct json_reader *r)
{
	bool object = r->in_object & 1;

	if (more(r) == (object ? '}' : ']')) {
		close_level(r);
		return 1;
	}
	if (more(r) != ',')
		return more(r) < 0 ? DT_ESHORT : DT_EMALF;
	r->at++;
	skip_blanks(r);
	r->state = object ? WANT_KEY : WANT_VALUE;
	return 0;
}

static int read_token(struct json_reader *r, struct json_token *out)
{
	int rc;

	if (r->state == WANT_COMMA) {
		rc = read_comma(r);
		if (rc) {
			out->kind = JSON_CLOSE;
			return rc < 0 ? rc : 0;
		}
	}
	if ((r->state == WANT_KEY_OR_CLOSE && more(r) == '}') ||
	    (r->state == WANT_VALUE_OR_CLOSE && more(r) == ']')) {
		out->kind = JSON_CLOSE;
		close_level(r);
		return 0;
	}
	if (r->state == WANT_KEY || r->state == WANT_KEY_OR_CLOSE)
		return read_key(r, out);
	return read_value(r, out);
}

int json_read_next(struct json_reader *r, struct json_token *out)
{
	int rc;

	*out = (struct json_token){ .kind = JSON_DONE };
	if (r->state == BROKEN)
		return DT_EMALF;
	skip_blanks(r);
	if (r->state == OVER || (r->state == WANT_COMMA && r->depth == 0)) {
		r->state = OVER;
		return more(r) < 0 ? 0 : fail(r, DT_EMALF);
	}
	rc = read_token(r, out);
	return rc < 0 ? fail(r, rc) : 0;
}

int json_read_skip(struct json_reader *r, const struct json_token *t)
{
	unsigned until = r->depth - 1u;
	struct json_token inner;
	int rc = 0;

	if (t->kind != JSON_OBJECT && t->kind != JSON_ARRAY)
		return 0;
	while (rc == 0 && r->depth != until)
		rc = json_read_next(r, &inner);
	return rc;
}

bool json_read_is(const struct json_token *t, const char *text)
{
	return span_equal(t->raw, span_of(text, strlen(text)));
}

/* ---- text ------------------------------------------------------------------------ */

static unsigned hex4(const uint8_t *p)
{
	unsigned v = 0;

	for (unsigned i = 0; i < 4; i++)
		v = v << 4 | (unsigned)(p[i] <= '9' ? p[i] - '0' : (p[i] | 32) - 'a' + 10);
	return v;
}

static unsigned put_utf8(unsigned code, char out[static 4])
{
	if (code < 0x80) {
		out[0] = (char)(code ? code : '?');
		return 1;
	}
	if (code < 0x800) {
		out[0] = (char)(0xc0 | code >> 6);
		out[1] = (char)(0x80 | (code & 63));
		return 2;
	}
	if (code < 0x10000) {
		out[0] = (char)(0xe0 | code >> 12);
		out[1] = (char)(0x80 | (code >> 6 & 63));
		out[2] = (char)(0x80 | (code & 63));
		return 3;
	}
	out[0] = (char)(0xf0 | code >> 18);
	out[1] = (char)(0x80 | (code >> 12 & 63));
	out[2] = (char)(0x80 | (code >> 6 & 63));
	out[3] = (char)(0x80 | (code & 63));
	return 4;
}

/* \uXXXX, and the second half where there is one. @at: behind the u. */
static unsigned code_of(struct span raw, size_t *at)
{
	unsigned code = hex4(raw.ptr + *at), low;

	*at += 4;
	if (code < 0xd800 || code > 0xdfff)
		return code;
	if (code > 0xdbff || *at + 6 > raw.len || raw.ptr[*at] != '\\' || raw.ptr[*at + 1] != 'u')
		return '?';
	low = hex4(raw.ptr + *at + 2);
	if (low < 0xdc00 || low > 0xdfff)
		return '?';
	*at += 6;
	return 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
}

/* One character, or one byte of those that are not escaped. */
static unsigned next_char(struct span raw, size_t *at, char out[static 4])
{
	static const char from[] = "bfnrt", to[] = "\b\f\n\r\t";
	uint8_t c = raw.ptr[(*at)++];
	const char *known;

	if (c != '\\' || *at >= raw.len) {
		out[0] = (char)c;
		return 1;
	}
	c = raw.ptr[(*at)++];
	if (c == 'u')
		return *at + 4 <= raw.len ? put_utf8(code_of(raw, at), out) : 0;
	known = strchr(from, c);
	out[0] = known && c ? to[known - from] : (char)c;
	return 1;
}

/* Without the last character where it came byte by byte and may have been cut. */
static size_t whole_chars(const char *text, size_t len)
{
	size_t at = len;

	while (at && (text[at - 1] & 0xc0) == 0x80)
		at--;
	return at && (text[at - 1] & 0xc0) == 0xc0 ? at - 1 : len;
}

char *json_read_text(const struct json_token *t, char *out, size_t cap)
{
	size_t at = 0, len = 0;
	char piece[4];

	while (at < t->raw.len) {
		unsigned n = next_char(t->raw, &at, piece);

		if (n >= cap - len) {
			len = whole_chars(out, len);
			break;
		}
		memcpy(out + len, piece, n);
		len += n;
	}
	out[len] = 0;
	return out;
}

double json_read_double(const struct json_token *t)
{
	char text[NUMBER_MAX];
	double v;

	if (t->kind != JSON_NUMBER || t->raw.len >= sizeof(text))
		return NAN;
	memcpy(text, t->raw.ptr, t->raw.len);
	text[t->raw.len] = 0;
	v = strtod(text, NULL);
	return isfinite(v) ? v : NAN;
}
