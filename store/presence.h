/* SPDX-License-Identifier: MIT */
#ifndef STORE_PRESENCE_H
#define STORE_PRESENCE_H

#include "store/store.h"

/**
 * DOC: who was heard in a time, as a bit for each node by its ordinal: from
 * here two times are compared word by word.
 */
struct presence {
	uint64_t *words;
	uint32_t space; /* ordinals are below: the view's nodes */
	uint64_t count; /* bits that are set */
};

/**
 * presence_read() - who was heard from @from_s to @to_s, both inclusive.
 *
 * The log says of each bucket when a node was first heard in it. Where @from_s
 * lies within a bucket, who was heard before it in that bucket counts where it
 * was heard again at any time since: to the grain of the log.
 *
 * Errors:  what the log says; -ENOMEM.
 * Cost:    the log's blocks of that time; a walk of the nodes where a bucket is cut. One bit a
 *          node, two while it reads. The view is rewound.
 */
int presence_read(struct store_view *v, uint64_t from_s, uint64_t to_s,
		  struct presence *out) DT_MUST;
void presence_free(struct presence *p);

static inline bool presence_has(const struct presence *p, uint32_t ordinal)
{
	return ordinal < p->space && p->words[ordinal >> 6] >> (ordinal & 63) & 1;
}

#endif
