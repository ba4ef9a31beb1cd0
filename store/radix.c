/* SPDX-License-Identifier: MIT */
#include "store/radix.h"

#include <stdbool.h>
#include <string.h>

/* 11 bits: 2,048 counters of 8 bytes stay in the first-level cache. */
enum { DIGIT_BITS = 11, DIGITS = 6, BUCKETS = 1 << DIGIT_BITS };

static unsigned digit(uint64_t v, unsigned d)
{
	return (unsigned)(v >> (d * DIGIT_BITS)) & (BUCKETS - 1);
}

/* Counts of digit @d become first places. False where one bucket holds all. */
static bool places(const struct radix_ref *refs, size_t count, unsigned d, size_t at[BUCKETS])
{
	size_t sum = 0;

	memset(at, 0, BUCKETS * sizeof(at[0]));
	for (size_t i = 0; i < count; i++)
		at[digit(refs[i].prefix, d)]++;
	if (at[digit(refs[0].prefix, d)] == count)
		return false;
	for (unsigned b = 0; b < BUCKETS; b++) {
		size_t n = at[b];

		at[b] = sum;
		sum += n;
	}
	return true;
}

void radix_sort(struct radix_ref *refs, struct radix_ref *tmp, size_t count)
{
	struct radix_ref *from = refs, *to = tmp;
	size_t at[BUCKETS];

	if (count < 2)
		return;
	for (unsigned d = 0; d < DIGITS; d++) {
		struct radix_ref *swap = from;

		if (!places(from, count, d, at))
			continue;
		for (size_t i = 0; i < count; i++)
			to[at[digit(from[i].prefix, d)]++] = from[i];
		from = to;
		to = swap;
	}
	if (from != refs)
		memcpy(refs, from, count * sizeof(*refs));
}
