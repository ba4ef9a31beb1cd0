/* SPDX-License-Identifier: MIT */
#ifndef PROTO_SPAN_H
#define PROTO_SPAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/**
 * DOC: borrowed bytes. A span never owns; whoever made the bytes says how long
 * they live. An absent value is {NULL, 0}; an empty string has ptr != NULL.
 */
struct span {
	const uint8_t *ptr;
	size_t len;
};

/** SPAN_LIT("abc") - the span of a string literal, without its NUL. */
#define SPAN_LIT(s) ((struct span){ (const uint8_t *)(s), sizeof(s) - 1 })

static inline struct span span_of(const void *ptr, size_t len)
{
	return (struct span){ (const uint8_t *)ptr, len };
}

static inline bool span_equal(struct span a, struct span b)
{
	return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

/** span_slice() - [from, from+len) of @s, or {NULL,0} where that leaves it. */
static inline struct span span_slice(struct span s, size_t from, size_t len)
{
	if (from > s.len || len > s.len - from)
		return (struct span){ NULL, 0 };
	return (struct span){ s.ptr + from, len };
}

#endif
