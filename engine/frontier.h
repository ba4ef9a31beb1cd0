/* SPDX-License-Identifier: MIT */
#ifndef ENGINE_FRONTIER_H
#define ENGINE_FRONTIER_H

#include <stdbool.h>
#include <stdint.h>

#include "engine/arena.h"
#include "engine/rng.h"
#include "proto/err.h"

/**
 * DOC: what is to be asked, and in which order. Three kinds of waiting room, all
 * for u32 record numbers, none of which ever looks into a record:
 *
 * - bags: whoever is in may go now. One is taken at random out of all that are
 *   in, so destinations leave in a random permutation and no /24 sees a burst
 *   (census 4.4). First questions wait in a bag by mention class; a contact that
 *   is mentioned again is put into the better bag too and its old place is
 *   skipped when it comes up (the crawl knows by the record's class).
 * - the sweep: third attempts, in the order of their due times.
 * - the wheel: whom a budget of the gate held up, until a time; turns at
 *   FRONTIER_TICK_NS. Re-entries are spread over as much longer as more are
 *   waiting, so a blocked /24 is asked about at a bounded rate, never spun over.
 *
 * Memory: 4 bytes per entry, given back when a bag drains.
 */
enum frontier_bag {
	FRONTIER_FOLLOW, /* further questions of nodes that answer */
	FRONTIER_RETRY,  /* second attempts */
	FRONTIER_WARM,   /* bootstrap, confirmed before */
	FRONTIER_MANY,   /* first question, by mentions: 4 or more, */
	FRONTIER_FEW,    /* 2 or 3, */
	FRONTIER_ONCE,   /* 1 */
	FRONTIER_LAST,   /* silent in the last censuses */
	FRONTIER_BAGS
};

enum {
	FRONTIER_TICK_NS = 50 * 1000 * 1000,
	/* 12.8 s: longer than any budget of the gate (9 packets in 10 s) */
	FRONTIER_TICKS = 256,
	/* Spread of re-entries per waiting entry: at most 200,000 come back a second. */
	FRONTIER_SPREAD_NS = 10 * 1000,
	/* Only of waits shorter than this: who waits for a turn must not miss it (E-83). */
	FRONTIER_SPREAD_BELOW_NS = 1000 * 1000 * 1000,
	/* A sweep chunk is closed after this long, so that one due time serves it all. */
	FRONTIER_SWEEP_SLACK_NS = 100 * 1000 * 1000,
	FRONTIER_CHUNK = 250, /* entries; 1 KiB with its head */
};

struct frontier_chunk {
	struct frontier_chunk *next;
	uint64_t first_ns, due_ns; /* sweep: due of its first and last entry */
	uint32_t count;
	uint32_t refs[FRONTIER_CHUNK];
};

struct frontier_list {
	struct frontier_chunk *head, *tail;
};

struct frontier {
	struct {
		struct arena mem;
		uint32_t count;
	} bag[FRONTIER_BAGS];
	struct frontier_list sweep;
	struct frontier_list wheel[FRONTIER_TICKS];
	struct frontier_chunk *spare; /* emptied chunks */
	uint64_t tick;                /* wheel position: all before it has been taken */
	uint64_t chunks;              /* allocated */
	uint32_t swept, deferred;     /* entries in the sweep and on the wheel */
	struct rng rng;
};

/** frontier_init() - room for @max entries in each bag. Errors: -ENOMEM. */
int frontier_init(struct frontier *f, uint64_t max, uint64_t seed, uint64_t now_ns) DT_MUST;
void frontier_free(struct frontier *f);

/** frontier_make_room() - the rare half of frontier_put(). */
int frontier_make_room(struct frontier *f, enum frontier_bag bag) DT_MUST;

/** frontier_put() - into a bag. Errors: DT_EFULL, -ENOMEM: not queued. */
DT_MUST static inline int frontier_put(struct frontier *f, enum frontier_bag bag, uint32_t ref)
{
	uint32_t n = f->bag[bag].count;

	if (((size_t)n + 1) * sizeof(uint32_t) > f->bag[bag].mem.committed) {
		int err = frontier_make_room(f, bag);

		if (err)
			return err;
	}
	((uint32_t *)(void *)f->bag[bag].mem.base)[n] = ref;
	f->bag[bag].count = n + 1;
	return 0;
}

/** frontier_take() - up to @max entries, each at random of all. Returns how many. */
unsigned frontier_take(struct frontier *f, enum frontier_bag bag, uint32_t *refs, unsigned max);

static inline uint32_t frontier_count(const struct frontier *f, enum frontier_bag bag)
{
	return f->bag[bag].count;
}

/** frontier_sweep_put() - due at @due_ns, which never goes down. Errors: -ENOMEM: not queued. */
int frontier_sweep_put(struct frontier *f, uint32_t ref, uint64_t due_ns) DT_MUST;

/** frontier_sweep_take() - up to @max whose time has come, at random of a chunk. */
unsigned frontier_sweep_take(struct frontier *f, uint64_t now_ns, uint32_t *refs, unsigned max);

/** frontier_defer() - not before @at_ns. Errors: -ENOMEM: not queued. */
int frontier_defer(struct frontier *f, uint32_t ref, uint64_t at_ns, uint64_t now_ns) DT_MUST;

/** frontier_deferred_take() - up to @max whose time has come. */
unsigned frontier_deferred_take(struct frontier *f, uint64_t now_ns, uint32_t *refs, unsigned max);

/** frontier_due_ns() - when sweep or wheel will next give something; UINT64_MAX = never. */
uint64_t frontier_due_ns(const struct frontier *f);

/** frontier_bytes() - as allocated. */
uint64_t frontier_bytes(const struct frontier *f);

#endif
