/* SPDX-License-Identifier: MIT */
#include "engine/tap_nodes.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

enum { FIRST = 4096, HUGE_PAGE_BYTES = 2 << 20 };

/*
 * Where an entry lies is drawn anew with each start of the program (address space layout), for
 * strangers choose the ids and the ports that are hashed.
 */
#define SEED ((uint64_t)(uintptr_t)&tap_table_new)

void *tap_table_new(size_t bytes)
{
	bool huge = bytes >= HUGE_PAGE_BYTES;
	void *p = aligned_alloc(huge ? HUGE_PAGE_BYTES : 64, bytes);

	if (!p)
		return NULL;
	if (huge)
		(void)madvise(p, bytes, MADV_HUGEPAGE);
	memset(p, 0, bytes);
	return p;
}

static struct tap_node *slots_new(uint32_t count)
{
	return tap_table_new((size_t)count * sizeof(struct tap_node));
}

int tap_nodes_init(struct tap_nodes *n, uint32_t max)
{
	uint32_t slots = FIRST;

	*n = (struct tap_nodes){ .mask = FIRST - 1, .count_max = max };
	/* Three quarters of the slots at most are taken. */
	while (slots / 4 * 3 < max && slots < 1u << 31)
		slots *= 2;
	n->mask_max = slots - 1;
	n->slots = slots_new(FIRST);
	return n->slots ? 0 : -ENOMEM;
}

void tap_nodes_fini(struct tap_nodes *n)
{
	free(n->slots);
	n->slots = NULL;
}

uint64_t tap_nodes_hash(const struct nodeid *id, const struct endpoint *ep)
{
	uint8_t key[sizeof(*id) + sizeof(*ep)];

	memcpy(key, id, sizeof(*id));
	memcpy(key + sizeof(*id), ep, sizeof(*ep));
	return XXH3_64bits_withSeed(key, sizeof(key), SEED);
}

static struct tap_node *find(const struct tap_nodes *n, uint64_t hash, const struct nodeid *id,
			     const struct endpoint *ep)
{
	for (uint32_t at = (uint32_t)(hash >> 32);; at++) {
		struct tap_node *s = &n->slots[at & n->mask];

		if (s->messages == 0 || (nodeid_equal(&s->id, id) && endpoint_equal(&s->ep, ep)))
			return s;
	}
}

/* Where no memory is left the table stays as it is, and fuller. */
static void grow(struct tap_nodes *n)
{
	struct tap_nodes larger = *n;

	larger.mask = n->mask * 2 + 1;
	larger.slots = slots_new(larger.mask + 1);
	if (!larger.slots) {
		n->mask_max = n->mask;
		return;
	}
	for (uint32_t i = 0; i <= n->mask; i++) {
		const struct tap_node *s = &n->slots[i];
		uint32_t at;

		if (!s->messages)
			continue;
		at = (uint32_t)(tap_nodes_hash(&s->id, &s->ep) >> 32);
		while (larger.slots[at & larger.mask].messages)
			at++;
		larger.slots[at & larger.mask] = *s;
	}
	free(n->slots);
	*n = larger;
}

struct tap_node *tap_nodes_get(struct tap_nodes *n, uint64_t hash, const struct nodeid *id,
			       const struct endpoint *ep)
{
	struct tap_node *s;

	if (n->count > n->mask / 4 * 3 && n->mask < n->mask_max)
		grow(n);
	s = find(n, hash, id, ep);
	if (s->messages)
		return s;
	if (n->count >= n->count_max || n->count > n->mask / 4 * 3)
		return NULL;
	memset(s, 0, sizeof(*s));
	s->id = *id;
	s->ep = *ep;
	n->count++;
	return s;
}
