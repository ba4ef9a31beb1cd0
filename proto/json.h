/* SPDX-License-Identifier: MIT */
#ifndef PROTO_JSON_H
#define PROTO_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/err.h"
#include "proto/span.h"

/**
 * DOC: a bounded JSON writer into the caller's buffer. Sticky error: after the
 * buffer is full every call is a no-op and json_finish() says so, which lets a
 * report be written as straight lines. Commas and quotes are its business;
 * strings that came from peers are escaped and always leave as valid UTF-8
 * (bytes that are not UTF-8 become \u00XX).
 */
enum { JSON_DEPTH_MAX = 16 };

struct json {
	/* private */
	char *buf;
	size_t cap, len;
	int err;
	uint8_t depth;
	bool first[JSON_DEPTH_MAX];
	bool is_array[JSON_DEPTH_MAX];
	bool pretty; /* newline and two spaces per level; false = one line */
	bool after_key;
};

void json_init(struct json *j, char *buf, size_t cap, bool pretty);
void json_object_begin(struct json *j);
void json_object_end(struct json *j);
void json_array_begin(struct json *j);
void json_array_end(struct json *j);
void json_key(struct json *j, const char *key);
void json_string(struct json *j, struct span s);
void json_cstring(struct json *j, const char *s); /* NULL gives null */
void json_u64(struct json *j, uint64_t v);
void json_i64(struct json *j, int64_t v);
/** json_double() - shortest of %.15g/%.17g that reads back; NaN and infinities become null. */
void json_double(struct json *j, double v);
void json_bool(struct json *j, bool v);
void json_null(struct json *j);

/** json_raw() - text that is a JSON value already, e.g. a stored report. */
void json_raw(struct json *j, struct span value);

static inline void json_kv_u64(struct json *j, const char *key, uint64_t v)
{
	json_key(j, key);
	json_u64(j, v);
}

static inline void json_kv_double(struct json *j, const char *key, double v)
{
	json_key(j, key);
	json_double(j, v);
}

static inline void json_kv_cstring(struct json *j, const char *key, const char *v)
{
	json_key(j, key);
	json_cstring(j, v);
}

/**
 * json_finish() - NUL-terminate. Returns the length, or DT_EFULL, or DT_EMALF
 * where begin and end do not match, DT_EDEPTH past JSON_DEPTH_MAX; after an
 * error the buffer holds an empty string, never half a text.
 */
int json_finish(struct json *j) DT_MUST;

#endif
