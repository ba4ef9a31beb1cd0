/* SPDX-License-Identifier: MIT */
#include "viz/export_tally.h"

#include <errno.h>
#include <stdlib.h>

enum { SLOTS_FIRST = 1024 };

void export_tally_free(struct export_tally *t)
{
	free(t->slots);
	*t = export_tally_of(t->most);
}

static struct export_tally_slot *slot_of(struct export_tally_slot *slots, uint32_t count,
					 uint64_t key)
{
	uint32_t i = (uint32_t)(key * 0x9e3779b97f4a7c15u >> 32) & (count - 1);

	while (slots[i].times && slots[i].key != key)
		i = (i + 1) & (count - 1);
	return &slots[i];
}

static int grow(struct export_tally *t)
{
	uint32_t count = t->slot_count ? 2 * t->slot_count : SLOTS_FIRST;
	struct export_tally_slot *slots = calloc(count, sizeof(*slots));

	if (!slots)
		return -ENOMEM;
	for (uint32_t i = 0; i < t->slot_count; i++)
		if (t->slots[i].times)
			*slot_of(slots, count, t->slots[i].key) = t->slots[i];
	free(t->slots);
	t->slots = slots;
	t->slot_count = count;
	return 0;
}

int export_tally_add(struct export_tally *t, uint64_t key)
{
	struct export_tally_slot *s;
	int rc = 2 * t->used >= t->slot_count ? grow(t) : 0;

	if (rc < 0)
		return rc;
	s = slot_of(t->slots, t->slot_count, key);
	if (!s->times) {
		if (t->used == t->most) {
			t->beyond++;
			return 0;
		}
		s->key = key;
		t->used++;
	}
	s->times++;
	return 0;
}

static int compare(const void *a, const void *b)
{
	const struct export_tally_slot *x = a, *y = b;

	if (x->times != y->times)
		return x->times > y->times ? -1 : 1;
	return (x->key > y->key) - (x->key < y->key);
}

static int compare_keys(const void *a, const void *b)
{
	const struct export_tally_slot *x = a, *y = b;

	return (x->key > y->key) - (x->key < y->key);
}

static const struct export_tally_slot *sort(struct export_tally *t, uint32_t *count,
					    int (*order)(const void *, const void *))
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < t->slot_count; i++)
		if (t->slots[i].times)
			t->slots[n++] = t->slots[i];
	if (n)
		qsort(t->slots, n, sizeof(*t->slots), order);
	*count = n;
	return t->slots;
}

const struct export_tally_slot *export_tally_sort(struct export_tally *t, uint32_t *count)
{
	return sort(t, count, compare);
}

const struct export_tally_slot *export_tally_keys(struct export_tally *t, uint32_t *count)
{
	return sort(t, count, compare_keys);
}
