/* SPDX-License-Identifier: MIT */
#ifndef STORE_RADIX_H
#define STORE_RADIX_H

#include <stddef.h>
#include <stdint.h>

/** struct radix_ref - a row by its number, with the first bytes of its key as a number. */
struct radix_ref {
	uint64_t prefix;
	uint32_t row;
	uint32_t extra; /* travels along */
};

/**
 * radix_sort() - by @prefix, stable. Bytes that all rows share cost nothing.
 * @tmp: as long as @refs.
 * Cost: see bench store_radix_sort; a quarter of qsort's at a million rows.
 */
void radix_sort(struct radix_ref *refs, struct radix_ref *tmp, size_t count);

#endif
