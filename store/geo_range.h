/* SPDX-License-Identifier: MIT */
#ifndef STORE_GEO_RANGE_H
#define STORE_GEO_RANGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/err.h"

/**
 * DOC: disjoint ranges of addresses, each with a number. Added in any order,
 * sealed once, then read by many threads. Where ranges overlap, the one that
 * begins first keeps what it holds and the other its rest.
 */

struct geo_range4 {
	uint32_t first, last, value;
};

struct geo_ranges4 {
	/* private */
	struct geo_range4 *rows;
	size_t count, cap;
	uint32_t *bucket; /* by the upper 16 bits: rows that begin below it; NULL where few */
};

struct geo_range6 {
	unsigned __int128 first, last;
	uint32_t value;
};

struct geo_ranges6 {
	/* private */
	struct geo_range6 *rows;
	size_t count, cap;
};

/** geo_ranges4_add() - @first <= @last. Errors: -ENOMEM; DT_EFULL past 2^31 rows. */
int geo_ranges4_add(struct geo_ranges4 *r, uint32_t first, uint32_t last, uint32_t value) DT_MUST;
int geo_ranges4_seal(struct geo_ranges4 *r) DT_MUST;
void geo_ranges4_fini(struct geo_ranges4 *r);

/** geo_ranges4_find() - the range that holds @ip, or NULL. Cost: see bench geo_asn_lookup. */
const struct geo_range4 *geo_ranges4_find(const struct geo_ranges4 *r, uint32_t ip);

int geo_ranges6_add(struct geo_ranges6 *r, unsigned __int128 first, unsigned __int128 last,
		    uint32_t value) DT_MUST;
void geo_ranges6_seal(struct geo_ranges6 *r);
void geo_ranges6_fini(struct geo_ranges6 *r);
const struct geo_range6 *geo_ranges6_find(const struct geo_ranges6 *r, unsigned __int128 ip);

#endif
