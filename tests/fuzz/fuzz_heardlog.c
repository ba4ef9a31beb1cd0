/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "proto/sighting.h"
#include "store/heardlog.h"
#include "tests/fuzz/fuzz.h"

/*
 * Rows of the log of messages heard, one behind the other. A row that is taken has kinds,
 * outcomes and ways that exist, is written again as the same bytes, and makes a line of JSON.
 */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t again[HEARDLOG_ROW_BYTES];
	char line[HEARD_JSON_MAX];

	for (; size >= HEARDLOG_ROW_BYTES; data += HEARDLOG_ROW_BYTES, size -= HEARDLOG_ROW_BYTES) {
		struct heard h;

		if (heardlog_decode(data, &h) < 0)
			continue;
		FUZZ_HOLDS(h.kind > 0 && h.kind < HEARD_KINDS && h.outcome < HEARD_OUTCOMES);
		FUZZ_HOLDS(h.way < SIGHTING_WAYS && h.version_len <= 4);
		heardlog_encode(&h, again);
		FUZZ_HOLDS(memcmp(again, data, sizeof(again)) == 0);
		FUZZ_HOLDS(heard_to_json(&h, line) > 0);
	}
	return 0;
}
