/* SPDX-License-Identifier: MIT */
#include "store/geo_range.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
	ROWS_FIRST = 1024,
	BUCKET_SHIFT = 16,
	BUCKETS = 1 << 16,
	BUCKETS_FROM_ROWS = 4096, /* fewer than that are found as fast without */
};
static const size_t rows_max = (size_t)1 << 31; /* so that a bucket fits 32 bits */

static int grow(void **rows, size_t *cap, size_t row_bytes)
{
	size_t n = *cap ? 2 * *cap : ROWS_FIRST;
	void *p;

	if (n > rows_max)
		return DT_EFULL;
	p = reallocarray(*rows, n, row_bytes);
	if (!p)
		return -ENOMEM;
	*rows = p;
	*cap = n;
	return 0;
}

/* ---- IPv4 ------------------------------------------------------------------- */

int geo_ranges4_add(struct geo_ranges4 *r, uint32_t first, uint32_t last, uint32_t value)
{
	void *rows = r->rows;
	int rc = r->count == r->cap ? grow(&rows, &r->cap, sizeof(*r->rows)) : 0;

	r->rows = rows;
	if (rc < 0)
		return rc;
	r->rows[r->count++] = (struct geo_range4){ first, last, value };
	return 0;
}

static int compare4(const void *a, const void *b)
{
	const struct geo_range4 *x = a, *y = b;

	if (x->first != y->first)
		return x->first < y->first ? -1 : 1;
	if (x->last != y->last)
		return x->last < y->last ? -1 : 1;
	return x->value < y->value ? -1 : x->value > y->value;
}

static bool is_sorted4(const struct geo_ranges4 *r)
{
	for (size_t i = 1; i < r->count; i++)
		if (compare4(&r->rows[i - 1], &r->rows[i]) > 0)
			return false;
	return true;
}

static void make_disjoint4(struct geo_ranges4 *r)
{
	size_t kept = 0;

	for (size_t i = 0; i < r->count; i++) {
		struct geo_range4 row = r->rows[i];

		if (kept && row.first <= r->rows[kept - 1].last) {
			if (row.last <= r->rows[kept - 1].last)
				continue;
			row.first = r->rows[kept - 1].last + 1;
		}
		r->rows[kept++] = row;
	}
	r->count = kept;
}

int geo_ranges4_seal(struct geo_ranges4 *r)
{
	size_t at = 0;

	if (r->count && !is_sorted4(r))
		qsort(r->rows, r->count, sizeof(*r->rows), compare4);
	make_disjoint4(r);
	if (r->count < BUCKETS_FROM_ROWS)
		return 0;
	r->bucket = reallocarray(r->bucket, BUCKETS + 1, sizeof(*r->bucket));
	if (!r->bucket)
		return -ENOMEM;
	for (size_t b = 0; b <= BUCKETS; b++) {
		while (at < r->count && (uint64_t)r->rows[at].first < (uint64_t)b << BUCKET_SHIFT)
			at++;
		r->bucket[b] = (uint32_t)at;
	}
	return 0;
}

void geo_ranges4_fini(struct geo_ranges4 *r)
{
	free(r->rows);
	free(r->bucket);
	*r = (struct geo_ranges4){ .rows = NULL };
}

const struct geo_range4 *geo_ranges4_find(const struct geo_ranges4 *r, uint32_t ip)
{
	/* Rows below @low begin at or before @ip, rows from @high on after it. */
	uint32_t low = 0, high = (uint32_t)r->count;

	if (r->bucket) {
		low = r->bucket[ip >> BUCKET_SHIFT];
		high = r->bucket[(ip >> BUCKET_SHIFT) + 1];
	}
	while (low < high) {
		uint32_t mid = low + (high - low) / 2;

		if (r->rows[mid].first <= ip)
			low = mid + 1;
		else
			high = mid;
	}
	return low && r->rows[low - 1].last >= ip ? &r->rows[low - 1] : NULL;
}

/* ---- IPv6 ------------------------------------------------------------------- */

int geo_ranges6_add(struct geo_ranges6 *r, unsigned __int128 first, unsigned __int128 last,
		    uint32_t value)
{
	void *rows = r->rows;
	int rc = r->count == r->cap ? grow(&rows, &r->cap, sizeof(*r->rows)) : 0;

	r->rows = rows;
	if (rc < 0)
		return rc;
	r->rows[r->count++] = (struct geo_range6){ first, last, value };
	return 0;
}

static int compare6(const void *a, const void *b)
{
	const struct geo_range6 *x = a, *y = b;

	if (x->first != y->first)
		return x->first < y->first ? -1 : 1;
	if (x->last != y->last)
		return x->last < y->last ? -1 : 1;
	return x->value < y->value ? -1 : x->value > y->value;
}

static bool is_sorted6(const struct geo_ranges6 *r)
{
	for (size_t i = 1; i < r->count; i++)
		if (compare6(&r->rows[i - 1], &r->rows[i]) > 0)
			return false;
	return true;
}

void geo_ranges6_seal(struct geo_ranges6 *r)
{
	size_t kept = 0;

	if (r->count && !is_sorted6(r))
		qsort(r->rows, r->count, sizeof(*r->rows), compare6);
	for (size_t i = 0; i < r->count; i++) {
		struct geo_range6 row = r->rows[i];

		if (kept && row.first <= r->rows[kept - 1].last) {
			if (row.last <= r->rows[kept - 1].last)
				continue;
			row.first = r->rows[kept - 1].last + 1;
		}
		r->rows[kept++] = row;
	}
	r->count = kept;
}

void geo_ranges6_fini(struct geo_ranges6 *r)
{
	free(r->rows);
	*r = (struct geo_ranges6){ .rows = NULL };
}

const struct geo_range6 *geo_ranges6_find(const struct geo_ranges6 *r, unsigned __int128 ip)
{
	size_t low = 0, high = r->count;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (r->rows[mid].first <= ip)
			low = mid + 1;
		else
			high = mid;
	}
	return low && r->rows[low - 1].last >= ip ? &r->rows[low - 1] : NULL;
}
