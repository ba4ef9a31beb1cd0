/* SPDX-License-Identifier: MIT */
#ifndef VIZ_EXPORT_PICK_H
#define VIZ_EXPORT_PICK_H

#include <stdbool.h>
#include <stdint.h>

#include "proto/err.h"

/**
 * DOC: some of the store's nodes, by their ordinals: a bit for each, and, once
 * sealed, the place of each among the picked. 30 M nodes take 5.6 MB.
 */
struct export_pick {
	uint64_t *words;
	uint32_t *before; /* picked in the words before */
	uint32_t space;   /* ordinals are below */
	uint32_t count;   /* picked, once sealed */
};

int export_pick_init(struct export_pick *p, uint32_t space) DT_MUST;
void export_pick_fini(struct export_pick *p);

/** export_pick_set() - ordinals beyond the space are ignored: an edge may name what is not there.
 */
static inline void export_pick_set(struct export_pick *p, uint32_t ordinal)
{
	if (ordinal < p->space)
		p->words[ordinal >> 6] |= 1ull << (ordinal & 63);
}

static inline bool export_pick_has(const struct export_pick *p, uint32_t ordinal)
{
	return ordinal < p->space && p->words[ordinal >> 6] >> (ordinal & 63) & 1;
}

/** export_pick_seal() - nothing is set afterwards but by export_pick_draw(). */
void export_pick_seal(struct export_pick *p);

/** export_pick_index() - of a picked ordinal: 0 for the least of them. */
static inline uint32_t export_pick_index(const struct export_pick *p, uint32_t ordinal)
{
	uint64_t below = p->words[ordinal >> 6] & ((1ull << (ordinal & 63)) - 1);

	return p->before[ordinal >> 6] + (uint32_t)__builtin_popcountll(below);
}

/**
 * export_pick_draw() - keep @most of the picked, drawn by a hash of their
 * ordinals: the same ones each time, and those of a smaller draw are among
 * those of a larger one.
 */
int export_pick_draw(struct export_pick *p, uint32_t most) DT_MUST;

#endif
