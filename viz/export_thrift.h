/* SPDX-License-Identifier: MIT */
#ifndef VIZ_EXPORT_THRIFT_H
#define VIZ_EXPORT_THRIFT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/err.h"

/**
 * DOC: Apache Thrift's compact protocol, as much of it as Parquet's headers
 * need: structs, lists, strings, 32- and 64-bit numbers. Sticky error: after
 * memory ran out every call is a no-op and @err says so.
 *
 * Source: apache/thrift doc/specs/thrift-compact-protocol.md
 */
enum { THRIFT_DEPTH_MAX = 8 };

enum thrift_type {
	THRIFT_I32 = 5,
	THRIFT_I64 = 6,
	THRIFT_BINARY = 8,
	THRIFT_LIST = 9,
	THRIFT_STRUCT = 12
};

struct thrift {
	uint8_t *buf;
	size_t len, cap;
	int err;
	/* private */
	unsigned depth;
	int16_t last[THRIFT_DEPTH_MAX]; /* field of the struct at this depth */
};

/** thrift_reset() - an empty text in the same memory. */
void thrift_reset(struct thrift *t);
void thrift_free(struct thrift *t);

/** thrift_begin() - a struct: the outermost, or an element of a list. */
void thrift_begin(struct thrift *t);
void thrift_end(struct thrift *t);

void thrift_i32(struct thrift *t, int16_t field, int32_t v);
void thrift_i64(struct thrift *t, int16_t field, int64_t v);
void thrift_string(struct thrift *t, int16_t field, const char *s);

/** thrift_struct() - a struct as a field; thrift_end() ends it. */
void thrift_struct(struct thrift *t, int16_t field);

/** thrift_list() - @count elements of @type follow. */
void thrift_list(struct thrift *t, int16_t field, enum thrift_type type, unsigned count);
void thrift_element_i32(struct thrift *t, int32_t v);
void thrift_element_string(struct thrift *t, const char *s);

#endif
