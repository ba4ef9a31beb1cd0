/* SPDX-License-Identifier: MIT */
#ifndef VIZ_EXPORT_TALLY_H
#define VIZ_EXPORT_TALLY_H

#include <stdint.h>

#include "proto/err.h"

/** DOC: how often each 64-bit key occurs, for as many keys as @most lets in. */
struct export_tally {
	struct export_tally_slot {
		uint64_t key, times; /* times 0 = free */
	} * slots;
	uint32_t slot_count, used;
	uint32_t most;   /* keys; hostile rows cannot make it grow further */
	uint64_t beyond; /* counted under none, for that reason */
};

static inline struct export_tally export_tally_of(uint32_t most)
{
	return (struct export_tally){ .most = most };
}

void export_tally_free(struct export_tally *t);
int export_tally_add(struct export_tally *t, uint64_t key) DT_MUST;

/**
 * export_tally_sort() - the most frequent first, the lesser key first among equals.
 * @count: of the returned slots. Nothing can be added afterwards.
 */
const struct export_tally_slot *export_tally_sort(struct export_tally *t, uint32_t *count);

/** export_tally_keys() - the same by key. */
const struct export_tally_slot *export_tally_keys(struct export_tally *t, uint32_t *count);

#endif
