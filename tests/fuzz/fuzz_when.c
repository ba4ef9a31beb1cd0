/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "tests/fuzz/fuzz.h"
#include "viz/export_where.h"
#include "viz/when.h"

/**
 * DOC: what a person writes on the command line: times and conditions. A time
 * is a census or a second, never both; a refusal says why in a line; what was
 * taken once is refused the second time, as all must hold.
 */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char text[512], why[256];
	struct export_where w = { .by_asn = false };
	uint64_t unix_s;
	uint32_t census;

	if (size >= sizeof(text))
		return 0;
	if (size)
		memcpy(text, data, size);
	text[size] = '\0';
	if (when_parse(text, 1795262400, &unix_s, &census) == 0)
		FUZZ_HOLDS(!unix_s != !census && unix_s <= UINT32_MAX && census <= WHEN_CENSUS_MAX);
	memset(why, 'x', sizeof(why));
	if (export_where_add(&w, text, why) == 0) {
		FUZZ_HOLDS(w.prefix_bits <= 128 && !export_where_is_all(&w));
		FUZZ_HOLDS(export_where_add(&w, text, why) < 0);
		FUZZ_HOLDS(memchr(why, 0, sizeof(why)) != NULL);
	}
	return 0;
}
