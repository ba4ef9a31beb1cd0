/* SPDX-License-Identifier: MIT */
#ifndef ENGINE_TAP_NODES_H
#define ENGINE_TAP_NODES_H

#include "engine/tap.h"

/**
 * DOC: who was seen on the wire: open addressing over entries of one cache
 * line, doubled while it may. When it is as large as it may be and three
 * quarters full, newcomers find no room.
 */
struct tap_nodes {
	struct tap_node *slots;
	uint32_t mask, count, count_max, mask_max;
};

/** tap_nodes_init() - for at most @max nodes. Errors: -ENOMEM. */
int tap_nodes_init(struct tap_nodes *n, uint32_t max) DT_MUST;
void tap_nodes_fini(struct tap_nodes *n);

/** tap_nodes_hash() - of an endpoint under an id, for the next two. */
uint64_t tap_nodes_hash(const struct nodeid *id, const struct endpoint *ep);

/** tap_nodes_prefetch() - touch the line that tap_nodes_get() will read. */
static inline void tap_nodes_prefetch(const struct tap_nodes *n, uint64_t hash)
{
	__builtin_prefetch(&n->slots[(uint32_t)(hash >> 32) & n->mask], 1);
}

/**
 * tap_nodes_get() - the node, new or known; a new one has messages == 0.
 * NULL where there is no room for a new one. Valid until the next get.
 */
struct tap_node *tap_nodes_get(struct tap_nodes *n, uint64_t hash, const struct nodeid *id,
			       const struct endpoint *ep);

/** tap_table_new() - zeroed memory on huge pages where it is large; free() it. NULL: none. */
void *tap_table_new(size_t bytes);

#endif
