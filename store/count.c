/* SPDX-License-Identifier: MIT */
#include "store/count.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum { SLOTS_FIRST = 256 };

void count_init(struct count *c)
{
	*c = (struct count){ .slots = NULL };
}

void count_fini(struct count *c)
{
	free(c->slots);
	count_init(c);
}

static struct count_slot *slot_of(struct count_slot *slots, uint32_t count, uint32_t key)
{
	uint32_t i = (uint32_t)((key * 0x9e3779b97f4a7c15u) >> 32) & (count - 1);

	while (slots[i].used && slots[i].key != key)
		i = (i + 1) & (count - 1);
	return &slots[i];
}

static int grow(struct count *c)
{
	uint32_t count = c->slot_count ? 2 * c->slot_count : SLOTS_FIRST;
	struct count_slot *slots = calloc(count, sizeof(*slots));

	if (!slots)
		return -ENOMEM;
	for (uint32_t i = 0; i < c->slot_count; i++)
		if (c->slots[i].used)
			*slot_of(slots, count, c->slots[i].key) = c->slots[i];
	free(c->slots);
	c->slots = slots;
	c->slot_count = count;
	return 0;
}

int count_add(struct count *c, uint32_t key, uint32_t max_keys)
{
	struct count_slot *slot;
	int rc = 2 * c->used >= c->slot_count ? grow(c) : 0;

	if (rc < 0)
		return rc;
	slot = slot_of(c->slots, c->slot_count, key);
	if (!slot->used) {
		if (c->used >= max_keys)
			return 0;
		slot->used = 1;
		slot->key = key;
		c->used++;
	}
	slot->times++;
	return 1;
}

uint64_t count_of(const struct count *c, uint32_t key)
{
	const struct count_slot *slot;

	if (!c->slot_count)
		return 0;
	slot = slot_of(c->slots, c->slot_count, key);
	return slot->used ? slot->times : 0;
}

static bool before(const struct count_slot *a, const struct count_slot *b)
{
	return a->times != b->times ? a->times > b->times : a->key < b->key;
}

unsigned count_top(const struct count *c, struct count_slot *out, unsigned max)
{
	unsigned n = 0;

	for (uint32_t i = 0; i < c->slot_count; i++) {
		const struct count_slot *s = &c->slots[i];
		unsigned at = n;

		if (!s->used)
			continue;
		while (at > 0 && before(s, &out[at - 1]))
			at--;
		if (at == max)
			continue;
		if (n < max)
			n++;
		memmove(out + at + 1, out + at, (n - at - 1) * sizeof(*out));
		out[at] = *s;
	}
	return n;
}
