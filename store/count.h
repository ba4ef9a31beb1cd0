/* SPDX-License-Identifier: MIT */
#ifndef STORE_COUNT_H
#define STORE_COUNT_H

#include <stdint.h>

#include "proto/err.h"

/** DOC: how often each number occurs: a small hash table of 32-bit keys. */
struct count {
	/* private */
	struct count_slot {
		uint32_t key;
		uint32_t used;
		uint64_t times;
	} * slots;
	uint32_t slot_count, used;
};

void count_init(struct count *c);
void count_fini(struct count *c);

/**
 * count_add() - one more of @key.
 * @max_keys: a new key beyond this many is dropped and 0 returned, so that hostile
 * input cannot grow the table; else 1. Errors: -ENOMEM.
 */
int count_add(struct count *c, uint32_t key, uint32_t max_keys) DT_MUST;

/** count_top() - up to @max slots, most frequent first, lesser key first among equals. */
unsigned count_top(const struct count *c, struct count_slot *out, unsigned max);

/** count_of() - how often @key was added. */
uint64_t count_of(const struct count *c, uint32_t key);

static inline uint32_t count_keys(const struct count *c)
{
	return c->used;
}

#endif
