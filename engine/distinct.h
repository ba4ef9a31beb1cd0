/* SPDX-License-Identifier: MIT */
#ifndef ENGINE_DISTINCT_H
#define ENGINE_DISTINCT_H

#include <stdint.h>

/**
 * distinct_u64() - how many different values stand in @v; @v is sorted on the way.
 *
 * Made for hashes: dealt by their upper bits in place, then each small heap
 * sorted by itself, so that ten million take 1.4 s and no memory.
 */
uint64_t distinct_u64(uint64_t *v, uint64_t count);

#endif
