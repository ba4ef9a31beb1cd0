/* SPDX-License-Identifier: MIT */
#ifndef ENGINE_TAP_PAIRS_H
#define ENGINE_TAP_PAIRS_H

#include <stdint.h>

#include "proto/endpoint.h"
#include "proto/err.h"
#include "proto/span.h"

/**
 * DOC: queries that wait for their reply, by (asker, asked, t). A bucket is one
 * cache line of four; the fifth query of a bucket takes the place of the oldest
 * one, so memory is fixed and nothing is ever searched.
 *
 * Two queries are taken for one where 64 bits of hash agree.
 */
struct tap_pair {
	uint64_t tag;  /* hash; 0 = free */
	uint64_t word; /* when_us << 8 | kind */
};

struct tap_pairs {
	struct tap_pair *slots;
	uint64_t mask; /* of buckets */
	uint64_t timeout_us;
	uint64_t pending, expired, crowded, repeated;
};

int tap_pairs_init(struct tap_pairs *p, unsigned log2, uint64_t timeout_us) DT_MUST;
void tap_pairs_fini(struct tap_pairs *p);

/** tap_pairs_key() - of a transaction. */
uint64_t tap_pairs_key(const struct endpoint *asker, const struct endpoint *asked, struct span t);

/** tap_pairs_prefetch() - touch the line that the next two will read. */
static inline void tap_pairs_prefetch(const struct tap_pairs *p, uint64_t key)
{
	__builtin_prefetch(&p->slots[(key & p->mask) * 4], 1);
}

/** tap_pairs_open() - a query of @kind (1..255) passed. */
void tap_pairs_open(struct tap_pairs *p, uint64_t key, uint64_t when_us, uint8_t kind);

/**
 * tap_pairs_close() - an answer passed. Returns the kind of its query and @rtt_us, or 0
 * where none is waiting.
 */
uint8_t tap_pairs_close(struct tap_pairs *p, uint64_t key, uint64_t when_us, uint32_t *rtt_us);

/** tap_pairs_expire() - queries that are out of time at @when_us. Cost: the whole table. */
void tap_pairs_expire(struct tap_pairs *p, uint64_t when_us);

#endif
