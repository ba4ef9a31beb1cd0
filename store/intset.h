/* SPDX-License-Identifier: MIT */
#ifndef STORE_INTSET_H
#define STORE_INTSET_H

#include <stdint.h>

#include "proto/err.h"

/** DOC: which 32-bit numbers have been met. 0 is never a member. */
struct intset {
	/* private */
	uint32_t *slots; /* open addressing; 0 = empty */
	uint32_t slot_count, used;
};

void intset_init(struct intset *s);
void intset_fini(struct intset *s);

/** intset_add() - 1 where @n is new, 0 where it was there (or is 0). Errors: -ENOMEM. */
int intset_add(struct intset *s, uint32_t n) DT_MUST;

/** intset_clear() - empty, memory kept. */
void intset_clear(struct intset *s);

#endif
