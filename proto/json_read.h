/* SPDX-License-Identifier: MIT */
#ifndef PROTO_JSON_READ_H
#define PROTO_JSON_READ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/err.h"
#include "proto/span.h"

/**
 * DOC: a JSON text, token by token, out of bytes that anybody may have written.
 * The reader knows the grammar: what comes out is in an order that RFC 8259
 * allows, or an error. Nothing is allocated and nothing is copied; strings are
 * handed out as they stand between their quotes, json_read_text() makes them text.
 *
 *	{"a": [1, null]}   ->   OBJECT KEY(a) ARRAY NUMBER NULL END END   then DONE
 */

enum { JSON_READ_DEPTH_MAX = 32 };

enum json_kind {
	JSON_DONE, /* the text is over, and was whole */
	JSON_OBJECT,
	JSON_ARRAY,
	JSON_CLOSE, /* of the innermost of the two */
	JSON_KEY,
	JSON_STRING,
	JSON_NUMBER,
	JSON_TRUE,
	JSON_FALSE,
	JSON_NULL,
};

struct json_token {
	enum json_kind kind;
	struct span raw; /* of a key or string: between the quotes; of a number: its digits */
};

struct json_reader {
	/* private */
	struct span in;
	size_t at;
	uint32_t in_object; /* a bit for each level */
	uint8_t depth;
	uint8_t state;
};

void json_read_init(struct json_reader *r, struct span in);

/**
 * json_read_next() - the next token.
 * Errors:  DT_ESHORT the text ends before it is whole; DT_EMALF; DT_EDEPTH. After an error, and
 *          after JSON_DONE, it says the same again.
 * Cost:    each byte is looked at once.
 */
int json_read_next(struct json_reader *r, struct json_token *out) DT_MUST;

/** json_read_skip() - the rest of what @t has begun: of an object or an array; else nothing. */
int json_read_skip(struct json_reader *r, const struct json_token *t) DT_MUST;

/** json_read_offset() - how many bytes were looked at: where an error is. */
size_t json_read_offset(const struct json_reader *r);

/** json_read_is() - is this key or string @text? Plain ASCII without escapes. */
bool json_read_is(const struct json_token *t, const char *text);

/**
 * json_read_text() - escapes made into UTF-8, cut at @cap - 1 bytes between characters. A NUL
 * and halves of a surrogate pair become '?'. Returns @out.
 */
char *json_read_text(const struct json_token *t, char *out, size_t cap);

/** json_read_double() - of a number; of anything else, and beyond a double's range, NAN. */
double json_read_double(const struct json_token *t);

#endif
