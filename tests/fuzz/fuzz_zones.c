/* SPDX-License-Identifier: MIT */
#include <math.h>
#include <string.h>

#include "tests/fuzz/fuzz.h"
#include "viz/zones.h"

/* Any bytes for a report: what is taken has 256 zones of finite figures. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct zones_row zones[ZONES];
	char *text = malloc(size + 1);

	if (!text)
		return 0;
	if (size)
		memcpy(text, data, size);
	text[size] = 0;
	if (zones_parse(text, zones) == 0)
		for (unsigned z = 0; z < ZONES; z++) {
			FUZZ_HOLDS(isfinite(zones[z].known) && isfinite(zones[z].live));
			FUZZ_HOLDS(isfinite(zones[z].unlisted_estimate));
			for (unsigned i = 0; i < ZONE_CAPTURES; i++) {
				FUZZ_HOLDS(isfinite(zones[z].captures[i]));
				FUZZ_HOLDS(zones[z].sampled || zones[z].captures[i] == 0);
			}
		}
	free(text);
	return 0;
}
