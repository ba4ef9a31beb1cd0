/* SPDX-License-Identifier: MIT */
#include "tests/support/unit.h"

#include <stdlib.h>
#include <string.h>

#include "store/radix.h"
#include "tests/support/rng.h"

/* Stable by construction: rows are numbered in the order they came. */
static int by_prefix_then_row(const void *a, const void *b)
{
	const struct radix_ref *x = a, *y = b;

	if (x->prefix != y->prefix)
		return x->prefix < y->prefix ? -1 : 1;
	return x->row < y->row ? -1 : x->row > y->row;
}

static void against_qsort(void **state)
{
	static const uint64_t masks[] = {
		UINT64_MAX, 0xffff, 0xffff000000000000, 0x8000000000000001, 0, 0x0000ffffffff0000, 7
	};
	static const size_t counts[] = { 0, 1, 2, 3, 100, 2048, 5001 };
	struct rng r = rng_open(1);

	(void)state;
	for (const uint64_t *m = masks; m < TABLE_END(masks); m++) {
		for (const size_t *n = counts; n < TABLE_END(counts); n++) {
			struct radix_ref *a = calloc(*n + 1, sizeof(*a));
			struct radix_ref *b = calloc(*n + 1, sizeof(*b));
			struct radix_ref *tmp = calloc(*n + 1, sizeof(*tmp));

			for (uint32_t i = 0; i < *n; i++)
				a[i] = b[i] = (struct radix_ref){ rng_u64(&r) & *m, i, ~i };
			radix_sort(a, tmp, *n);
			qsort(b, *n, sizeof(*b), by_prefix_then_row);
			assert_memory_equal(a, b, (*n + 1) * sizeof(*a));
			free(a);
			free(b);
			free(tmp);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(against_qsort),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
