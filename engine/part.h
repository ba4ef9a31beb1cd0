/* SPDX-License-Identifier: MIT */
#ifndef ENGINE_PART_H
#define ENGINE_PART_H

#include <stdbool.h>
#include <stdint.h>

#include "proto/err.h"
#include "proto/nodekey.h"

/**
 * DOC: a part of the id space: what a census of a zone, or one shard of several,
 * asks. A range of the upper 64 bits of an id, both ends included, so zones
 * (prefixes) and shards (even pieces, of the whole or of a zone) are one thing.
 */
struct crawl_part {
	uint64_t first, last; /* {0, 0} is everything too: the zero value means no bound */
};

enum { PART_BITS_MAX = 48, PART_SHARDS_MAX = 64, PART_TEXT_MAX = 64 };

/**
 * part_from_text() - "PREFIX/BITS": hex digits and how many bits of them count, as
 * in a0/8 or c/2. Bits behind the prefix's digits are zero; bits of the digits behind
 * BITS must be.
 * Errors:  DT_EMALF; DT_ERANGE above PART_BITS_MAX or a prefix with more bits than BITS.
 */
int part_from_text(const char *text, struct crawl_part *out) DT_MUST;

/** part_of_shard() - piece @shard of @shards even ones of @whole. */
struct crawl_part part_of_shard(struct crawl_part whole, unsigned shard, unsigned shards);

/** part_is_whole() - no bound at all? */
static inline bool part_is_whole(const struct crawl_part *p)
{
	return p->first == 0 && (p->last == 0 || p->last == UINT64_MAX);
}

static inline bool part_has(const struct crawl_part *p, uint64_t prefix)
{
	return part_is_whole(p) || (prefix >= p->first && prefix <= p->last);
}

/** part_share() - of the whole id space, 0..1. */
double part_share(const struct crawl_part *p);

/** part_place() - maps 64 random bits evenly into the part. */
uint64_t part_place(const struct crawl_part *p, uint64_t random);

/** part_common_bits() - how many bits @prefix shares with the middle of the part: nearness. */
unsigned part_common_bits(const struct crawl_part *p, uint64_t prefix);

#endif
