/* SPDX-License-Identifier: MIT */
/*
 * Property: any text is a list or a complaint with a name and a line; a list's
 * ranges are disjoint, and lookup agrees with them at their edges.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "engine/blocklist.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char why[BLOCKLIST_WHY_MAX];
	struct blocklist *b = NULL;
	struct blocklist_range r;
	struct blocklist_info info;

	if (blocklist_parse(span_of(data, size), "input", &b, why)) {
		if (b || strncmp(why, "input:", 6) != 0)
			abort();
		return 0;
	}
	blocklist_info(b, &info);
	for (unsigned i = 0; blocklist_range(b, i, &r); i++) {
		struct endpoint lo = r.lo, hi = r.hi;

		if (memcmp(lo.addr, hi.addr, 16) > 0 || endpoint_is4(&lo) != (i < info.ranges4) ||
		    blocklist_lookup(b, &lo) != r.hit || blocklist_lookup(b, &hi) != r.hit)
			abort();
	}
	if (info.bogon4 + info.listed4 > (uint64_t)1 << 32)
		abort();
	blocklist_free(b);
	return 0;
}
