/* SPDX-License-Identifier: MIT */
#include "store/intset.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { SLOTS_FIRST = 1024 };

void intset_init(struct intset *s)
{
	*s = (struct intset){ .slots = NULL };
}

void intset_fini(struct intset *s)
{
	free(s->slots);
	intset_init(s);
}

void intset_clear(struct intset *s)
{
	if (s->slots)
		memset(s->slots, 0, s->slot_count * sizeof(*s->slots));
	s->used = 0;
}

static uint32_t *slot_of(uint32_t *slots, uint32_t count, uint32_t n)
{
	uint32_t i = (uint32_t)((n * 0x9e3779b97f4a7c15u) >> 32) & (count - 1);

	while (slots[i] && slots[i] != n)
		i = (i + 1) & (count - 1);
	return &slots[i];
}

static int grow(struct intset *s)
{
	uint32_t count = s->slot_count ? 2 * s->slot_count : SLOTS_FIRST;
	uint32_t *slots = calloc(count, sizeof(*slots));

	if (!slots)
		return -ENOMEM;
	for (uint32_t i = 0; i < s->slot_count; i++)
		if (s->slots[i])
			*slot_of(slots, count, s->slots[i]) = s->slots[i];
	free(s->slots);
	s->slots = slots;
	s->slot_count = count;
	return 0;
}

int intset_add(struct intset *s, uint32_t n)
{
	uint32_t *slot;
	int rc;

	if (!n)
		return 0;
	rc = 2 * s->used >= s->slot_count ? grow(s) : 0;
	if (rc < 0)
		return rc;
	slot = slot_of(s->slots, s->slot_count, n);
	if (*slot)
		return 0;
	*slot = n;
	s->used++;
	return 1;
}
