/* SPDX-License-Identifier: MIT */
#ifndef ENGINE_ARENA_H
#define ENGINE_ARENA_H

#include <stddef.h>
#include <stdint.h>

#include "proto/err.h"

/**
 * DOC: memory that grows at its end and never moves. Address space is reserved
 * once, pages are made usable as they are needed: an element's address holds
 * for ever, indexing is one multiplication, and growing copies nothing.
 */
struct arena {
	uint8_t *base;
	size_t reserved;
	size_t committed; /* bytes from @base that may be used */
};

/**
 * arena_init() - reserve room for at most @bytes. Costs address space only.
 * Errors: -ENOMEM.
 */
int arena_init(struct arena *a, size_t bytes) DT_MUST;

/** arena_free() - an arena that is all zero is fine. */
void arena_free(struct arena *a);

/** arena_more() - the rare half of arena_need(). */
int arena_more(struct arena *a, size_t bytes) DT_MUST;

/**
 * arena_need() - make the first @bytes usable, and a little more so that this
 * costs a comparison most of the time. New bytes are zero.
 * Errors: DT_EFULL beyond the reservation; -ENOMEM. Nothing changes then.
 */
DT_MUST static inline int arena_need(struct arena *a, size_t bytes)
{
	return bytes <= a->committed ? 0 : arena_more(a, bytes);
}

/** arena_trim() - give pages beyond @bytes back to the kernel. */
void arena_trim(struct arena *a, size_t bytes);

#endif
