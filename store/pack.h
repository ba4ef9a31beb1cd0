/* SPDX-License-Identifier: MIT */
#ifndef STORE_PACK_H
#define STORE_PACK_H

#include <stdint.h>

#include "proto/err.h"
#include "proto/span.h"

/**
 * DOC: bytes that are gathered and become one zstd frame with its checksum, and
 * the way back from hostile bytes: never more than was asked for.
 */
struct pack;

int pack_new(struct pack **out) DT_MUST;
void pack_free(struct pack *p);

/** pack_begin() - @at: room for @cap bytes to be written; what was there is gone. Errors: -ENOMEM.
 */
int pack_begin(struct pack *p, size_t cap, uint8_t **at) DT_MUST;

/**
 * pack_end() - the frame, borrowed until the next pack_begin().
 * @end: behind the last byte that was written.
 * Errors: -ENOMEM.
 */
int pack_end(struct pack *p, const uint8_t *end, int level, struct span *frame) DT_MUST;

enum { PACK_VARINT_MAX = 5 };

/** pack_varint() - 7 bits a byte, the low ones first; 1 to 5 bytes. Returns what is behind. */
static inline uint8_t *pack_varint(uint8_t *at, uint32_t v)
{
	for (; v > 127; v >>= 7)
		*at++ = (uint8_t)(v | 128);
	*at++ = (uint8_t)v;
	return at;
}

/** pack_expand() - at most @max bytes; borrowed until the next use. Errors: DT_ECORRUPT, -ENOMEM.
 */
int pack_expand(struct pack *p, struct span frame, size_t max, struct span *raw) DT_MUST;

/** struct unpack - a reader that knows its end. */
struct unpack {
	const uint8_t *p, *end;
};

/** unpack_varint() - false at the end or where it is no 32-bit number. */
static inline bool unpack_varint(struct unpack *u, uint32_t *out)
{
	uint64_t v = 0;

	for (unsigned shift = 0; shift <= 28 && u->p < u->end; shift += 7) {
		uint8_t b = *u->p++;

		v |= (uint64_t)(b & 127) << shift;
		if (b & 128)
			continue;
		*out = (uint32_t)v;
		return v <= UINT32_MAX;
	}
	return false;
}

/** unpack_bytes() - @len of them, or NULL where there are fewer. */
const uint8_t *unpack_bytes(struct unpack *u, size_t len);

#endif
