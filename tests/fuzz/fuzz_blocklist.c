/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "engine/blocklist.h"
#include "tests/fuzz/fuzz.h"

/*
 * Any text is a list or a complaint that names the file. A list's ranges are
 * ordered and of one family each, and lookup agrees with them at their edges.
 */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char why[BLOCKLIST_WHY_MAX];
	struct blocklist *b = NULL;
	struct blocklist_range r;
	struct blocklist_info info;

	if (blocklist_parse(span_of(data, size), "input", &b, why)) {
		FUZZ_HOLDS(!b && strncmp(why, "input:", 6) == 0);
		return 0;
	}
	blocklist_info(b, &info);
	for (unsigned i = 0; blocklist_range(b, i, &r); i++) {
		FUZZ_HOLDS(memcmp(r.lo.addr, r.hi.addr, 16) <= 0);
		FUZZ_HOLDS(endpoint_is4(&r.lo) == (i < info.ranges4));
		FUZZ_HOLDS(endpoint_is4(&r.hi) == (i < info.ranges4));
		FUZZ_HOLDS(blocklist_lookup(b, &r.lo) == r.hit);
		FUZZ_HOLDS(blocklist_lookup(b, &r.hi) == r.hit);
	}
	FUZZ_HOLDS(info.bogon4 + info.listed4 <= (uint64_t)1 << 32);
	blocklist_free(b);
	return 0;
}
