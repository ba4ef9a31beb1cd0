/* SPDX-License-Identifier: MIT */
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "engine/failures.h"
#include "tests/fuzz/fuzz.h"

/*
 * Any bytes are a memory of failures or a reason. A memory that was taken is within
 * its bound, and can be asked and added to. The sum over the words is put right first,
 * or no mutation would come past it.
 */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	enum { LOG2 = 8, SUM = 40 };
	struct endpoint ep = endpoint_ip4(0x0b000001, 6881);
	struct failures *f;
	uint8_t *copy = malloc(size ? size : 1);
	int rc;

	memcpy(copy, data, size);
	if (size >= FAILURES_HEAD_BYTES && data[SUM] & 1) {
		uint64_t sum = XXH3_64bits(copy + FAILURES_HEAD_BYTES, size - FAILURES_HEAD_BYTES);

		memcpy(copy + SUM, &sum, sizeof(sum));
	}
	rc = failures_decode(span_of(copy, size), LOG2, &f);
	FUZZ_HOLDS(rc == 0 || rc == DT_EFOREIGN || rc == DT_ENEWER || rc == DT_ECORRUPT);
	FUZZ_HOLDS((rc == 0) == (f != NULL));
	if (f) {
		unsigned before = failures_count(f, &ep);

		FUZZ_HOLDS(before <= FAILURES_MAX);
		FUZZ_HOLDS(failures_known(f) <= (2 << LOG2) / 3);
		failures_begin(f);
		failures_note(f, &ep, false);
		FUZZ_HOLDS(failures_count(f, &ep) <= FAILURES_MAX);
		FUZZ_HOLDS(failures_known(f) <= (2 << LOG2) / 3 + 1);
	}
	failures_free(f);
	free(copy);
	return 0;
}
