/* SPDX-License-Identifier: MIT */
#include "engine/slots.h"

#include <errno.h>

/* Times are compared as 32-bit differences of microseconds: half the circle. */
enum { SLOTS_TIMEOUT_US_MAX = 0x7fffffff };

int slots_init(struct slots *s, unsigned log2, const uint64_t timeout_ns[static SLOTS_CLASSES])
{
	*s = (struct slots){ .free = SLOTS_NONE };
	if (log2 > SLOTS_LOG2_MAX)
		return -EINVAL;
	for (unsigned c = 0; c < SLOTS_CLASSES; c++) {
		if (timeout_ns[c] / 1000 > SLOTS_TIMEOUT_US_MAX)
			return -EINVAL;
		s->timeout_us[c] = (uint32_t)(timeout_ns[c] / 1000);
	}
	for (unsigned i = 0; i < SLOTS_LISTS; i++)
		s->list[i] = (struct slots_list){ SLOTS_NONE, SLOTS_NONE };
	s->max = s->allowed = (uint32_t)1 << log2;
	return arena_init(&s->mem, (size_t)s->max * sizeof(struct slot));
}

void slots_free(struct slots *s)
{
	arena_free(&s->mem);
}

void slots_allow(struct slots *s, uint64_t count)
{
	s->allowed = count < s->max ? (uint32_t)count : s->max;
}

/* The next index: a freed one, else one never used. */
static uint32_t take_free(struct slots *s)
{
	uint32_t idx = s->free;

	if (idx != SLOTS_NONE) {
		s->free = slots_at(s, idx)->next;
		slots_prefetch(s, s->free); /* long not in use, perhaps, and next */
		return idx;
	}
	if (arena_need(&s->mem, ((size_t)s->top + 1) * sizeof(struct slot)))
		return SLOTS_NONE;
	return s->top++;
}

uint32_t slots_take(struct slots *s, enum slots_class cls, uint32_t now_us)
{
	unsigned lane = (unsigned)cls * SLOTS_LANES + s->turn % SLOTS_LANES;
	struct slots_list *list = &s->list[lane];
	struct slot *slot;
	uint32_t idx;

	if (slots_full(s))
		return SLOTS_NONE;
	idx = take_free(s);
	if (idx == SLOTS_NONE)
		return SLOTS_NONE;
	slot = slots_at(s, idx);
	slot->gen = (slot->gen + 1) & ((1 << SLOTS_GEN_BITS) - 1);
	slot->cls = (uint8_t)cls;
	slot->list = (uint8_t)lane;
	slot->sent_us = now_us;
	slot->prev = list->tail;
	slot->next = SLOTS_NONE;
	if (list->tail == SLOTS_NONE)
		list->head = idx;
	else
		slots_at(s, list->tail)->next = idx;
	list->tail = idx;
	s->turn++;
	s->used++;
	return idx;
}

void slots_release(struct slots *s, uint32_t idx)
{
	struct slot *slot = slots_at(s, idx);
	struct slots_list *list = &s->list[slot->list];

	if (slot->prev == SLOTS_NONE)
		list->head = slot->next;
	else
		slots_at(s, slot->prev)->next = slot->next;
	if (slot->next == SLOTS_NONE)
		list->tail = slot->prev;
	else
		slots_at(s, slot->next)->prev = slot->prev;
	slot->cls = SLOTS_CLASSES;
	slot->next = s->free;
	s->free = idx;
	s->used--;
}

/* The lanes of a class in turn: while one slot is looked at, the next of the others is fetched. */
static unsigned class_expired(const struct slots *s, unsigned cls, uint32_t now_us, uint32_t *idx,
			      unsigned max)
{
	const struct slots_list *lists = &s->list[cls * SLOTS_LANES];
	uint32_t at[SLOTS_LANES];
	unsigned found = 0, due = SLOTS_LANES;

	for (unsigned i = 0; i < SLOTS_LANES; i++)
		at[i] = lists[i].head;
	while (due) {
		due = 0;
		for (unsigned i = 0; i < SLOTS_LANES && found < max; i++) {
			const struct slot *slot = slots_at(s, at[i]);

			if (at[i] == SLOTS_NONE || now_us - slot->sent_us < s->timeout_us[cls]) {
				at[i] = SLOTS_NONE;
				continue;
			}
			idx[found++] = at[i];
			at[i] = slot->next;
			slots_prefetch(s, at[i]);
			due++;
		}
	}
	return found;
}

unsigned slots_expired(const struct slots *s, uint32_t now_us, uint32_t *idx, unsigned max)
{
	unsigned found = 0;

	for (unsigned c = 0; c < SLOTS_CLASSES; c++)
		found += class_expired(s, c, now_us, idx + found, max - found);
	return found;
}

uint32_t slots_due_in_us(const struct slots *s, uint32_t now_us)
{
	uint32_t least = UINT32_MAX;

	for (unsigned i = 0; i < SLOTS_LISTS; i++) {
		uint32_t head = s->list[i].head, timeout = s->timeout_us[i / SLOTS_LANES];
		uint32_t age, left;

		if (head == SLOTS_NONE)
			continue;
		age = now_us - slots_at(s, head)->sent_us;
		left = age >= timeout ? 0 : timeout - age;
		if (left < least)
			least = left;
	}
	return least;
}
