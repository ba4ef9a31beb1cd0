/* SPDX-License-Identifier: MIT */
#ifndef TESTS_SUPPORT_GUARD_H
#define TESTS_SUPPORT_GUARD_H

#include <stddef.h>
#include <stdint.h>

/**
 * DOC: bytes whose last one stands right before a page that may not be read,
 * so that one byte of over-read ends the test.
 */
struct guard {
	uint8_t *map;
	size_t map_len;
	uint8_t *end; /* one past the last readable byte */
};

/** guard_open() - room for @max bytes; aborts where the kernel gives none. */
void guard_open(struct guard *g, size_t max);

/** guard_put() - a copy of @len bytes that ends at the guard page. */
uint8_t *guard_put(struct guard *g, const void *bytes, size_t len);

void guard_close(struct guard *g);

#endif
