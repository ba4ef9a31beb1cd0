/* SPDX-License-Identifier: MIT */
#include "tests/support/json_check.h"

#include <stdint.h>
#include <string.h>

/* A recursive reader: what a test may do and the program may not. */
struct text {
	const uint8_t *p, *end;
	int depth;
};

static bool value(struct text *t);

static void space(struct text *t)
{
	while (t->p < t->end && strchr(" \t\r\n", *t->p) && *t->p)
		t->p++;
}

static bool eat(struct text *t, const char *s)
{
	size_t len = strlen(s);

	if ((size_t)(t->end - t->p) < len || memcmp(t->p, s, len) != 0)
		return false;
	t->p += len;
	return true;
}

static bool digits(struct text *t)
{
	const uint8_t *from = t->p;

	while (t->p < t->end && *t->p >= '0' && *t->p <= '9')
		t->p++;
	return t->p > from;
}

static bool number(struct text *t)
{
	eat(t, "-");
	if (!eat(t, "0") && !digits(t))
		return false;
	if (eat(t, ".") && !digits(t))
		return false;
	if (eat(t, "e") || eat(t, "E")) {
		if (!eat(t, "+"))
			eat(t, "-");
		return digits(t);
	}
	return true;
}

/* Decode one character and ask whether this was its shortest form. */
static bool utf8(struct text *t)
{
	static const uint32_t least[5] = { 0, 0, 0x80, 0x800, 0x10000 };
	uint8_t c = *t->p++;
	uint32_t code;
	int len;

	if (c < 0x80)
		return true;
	len = c >= 0xf0 ? 4 : c >= 0xe0 ? 3 : 2;
	if (c < 0xc0 || c >= 0xf8)
		return false;
	code = c & (0x7fu >> len);
	for (int i = 1; i < len; i++) {
		if (t->p == t->end || *t->p >> 6 != 2)
			return false;
		code = code << 6 | (*t->p++ & 0x3f);
	}
	return code >= least[len] && code <= 0x10ffff && (code < 0xd800 || code > 0xdfff);
}

static bool string(struct text *t)
{
	if (!eat(t, "\""))
		return false;
	while (t->p < t->end && *t->p != '"') {
		if (*t->p < 0x20)
			return false;
		if (*t->p != '\\') {
			if (!utf8(t))
				return false;
			continue;
		}
		t->p++;
		if (eat(t, "u")) {
			for (int i = 0; i < 4; i++, t->p++)
				if (t->p == t->end || !*t->p ||
				    !strchr("0123456789abcdefABCDEF", *t->p))
					return false;
		} else if (t->p == t->end || !*t->p || !strchr("\"\\/bfnrt", *t->p++)) {
			return false;
		}
	}
	return eat(t, "\"");
}

static bool members(struct text *t, bool object)
{
	const char *close = object ? "}" : "]";

	t->p++;
	space(t);
	if (eat(t, close))
		return true;
	do {
		space(t);
		if (object) {
			if (!string(t))
				return false;
			space(t);
			if (!eat(t, ":"))
				return false;
		}
		if (!value(t))
			return false;
	} while (eat(t, ","));
	return eat(t, close);
}

static bool value(struct text *t)
{
	bool ok;

	space(t);
	if (t->p == t->end || t->depth > 64)
		return false;
	t->depth++;
	switch (*t->p) {
	case '{':
	case '[':
		ok = members(t, *t->p == '{');
		break;
	case '"':
		ok = string(t);
		break;
	case 't':
		ok = eat(t, "true");
		break;
	case 'f':
		ok = eat(t, "false");
		break;
	case 'n':
		ok = eat(t, "null");
		break;
	default:
		ok = number(t);
	}
	t->depth--;
	space(t);
	return ok;
}

bool json_check(const char *text, size_t len)
{
	struct text t = { (const uint8_t *)text, (const uint8_t *)text + len, 0 };

	return value(&t) && t.p == t.end;
}

size_t json_check_unescape(const char *text, size_t len, char *out)
{
	static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
	size_t n = 0;

	for (size_t i = 1; i < len && text[i] != '"'; i++) {
		unsigned code = 0;

		if (text[i] != '\\') {
			out[n++] = text[i];
			continue;
		}
		if (text[++i] != 'u') {
			out[n++] = to[strchr(from, text[i]) - from];
			continue;
		}
		for (int d = 0; d < 4; d++) {
			char c = text[++i];

			code = code * 16 + (unsigned)(c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10);
		}
		if (code < 0x80) {
			out[n++] = (char)code;
		} else {
			out[n++] = (char)(0xc0 | code >> 6);
			out[n++] = (char)(0x80 | (code & 0x3f));
		}
	}
	return n;
}
