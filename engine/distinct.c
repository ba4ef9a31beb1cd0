/* SPDX-License-Identifier: MIT */
#include "engine/distinct.h"

#include <stdlib.h>
#include <string.h>

enum { HEAPS = 65536, HEAP_SHIFT = 48 };

static int by_value(const void *a, const void *b)
{
	uint64_t x, y;

	memcpy(&x, a, sizeof(x));
	memcpy(&y, b, sizeof(y));
	return x < y ? -1 : x > y;
}

/*
 * American flag sort by the upper 16 bits (McIlroy, Bostic, McIlroy 1993): each
 * value is swapped to where its heap has room until the heap under the hand is full.
 */
static void deal(uint64_t *v, uint64_t count, uint64_t *end)
{
	uint64_t *next = end + HEAPS, at = 0;

	memset(end, 0, HEAPS * sizeof(*end));
	for (uint64_t i = 0; i < count; i++)
		end[v[i] >> HEAP_SHIFT]++;
	for (unsigned h = 0; h < HEAPS; h++) {
		next[h] = at;
		at += end[h];
		end[h] = at;
	}
	for (unsigned h = 0; h < HEAPS; h++) {
		while (next[h] < end[h]) {
			uint64_t hand = v[next[h]];

			while (hand >> HEAP_SHIFT != h) {
				uint64_t *there = &v[next[hand >> HEAP_SHIFT]++], other = *there;

				*there = hand;
				hand = other;
			}
			v[next[h]++] = hand;
		}
	}
}

uint64_t distinct_u64(uint64_t *v, uint64_t count)
{
	uint64_t *ends = malloc(2 * HEAPS * sizeof(*ends)), from = 0, n = 0;

	if (!ends) {
		qsort(v, count, sizeof(*v), by_value);
	} else {
		deal(v, count, ends);
		for (unsigned h = 0; h < HEAPS; from = ends[h++])
			qsort(v + from, ends[h] - from, sizeof(*v), by_value);
		free(ends);
	}
	for (uint64_t i = 0; i < count; i++)
		n += i == 0 || v[i] != v[i - 1];
	return n;
}
