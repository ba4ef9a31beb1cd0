/* SPDX-License-Identifier: MIT */
#ifndef ENGINE_SLOTS_H
#define ENGINE_SLOTS_H

#include <stdbool.h>
#include <stdint.h>

#include "engine/arena.h"
#include "proto/err.h"
#include "proto/prefetch.h"

/**
 * DOC: the queries in flight. Within a timeout class send order is expiry
 * order, so a class is a list in send order and expiry looks at its head alone:
 * no timer, no hash, no search.
 *
 * The list is threaded through a pool of 32-byte slots instead of being a ring
 * (E-41): 45 % of all queries go to dead contacts and hold their
 * place for seconds, the others for milliseconds, so a ring in strict send
 * order would be mostly holes and needs rate x timeout = 600 k places at 300
 * k/s; the pool needs as many as are truly unanswered. Freed slots are reused
 * last in, first out: the answered ones stay in the cache.
 *
 * A slot is found by the index in a reply's t; the generation tells its tenants
 * apart.
 */
enum slots_class { SLOTS_FIRST, SLOTS_REPEAT, SLOTS_CLASSES };

enum {
	SLOTS_NONE = 0xffffffff,
	SLOTS_GEN_BITS = 7,
	SLOTS_IDX_BITS = 24,
	/* Largest pool of one worker; leaves one bit for the worker's number. */
	SLOTS_LOG2_MAX = 23,
	SLOTS_LANES = 8,
	SLOTS_LISTS = SLOTS_CLASSES * SLOTS_LANES,
};

struct slot {
	uint32_t prev, next; /* in its lane, by time sent; free: next free */
	uint32_t node;       /* whom we asked: a record of the node table */
	uint32_t mac;        /* second half of t */
	uint32_t sent_us;    /* low 32 bits of the time; lasts for an hour */
	uint32_t ip;         /* whom we asked: IPv4, host order; IPv6: see the record */
	uint16_t port;
	uint8_t gen;      /* of this tenant */
	uint8_t cls;      /* enum slots_class; SLOTS_CLASSES = free */
	uint8_t question; /* the crawl's */
	uint8_t attempt;  /* 1.. */
	bool v6;
	uint8_t list; /* of the lists: its class's lane */
};
_Static_assert(sizeof(struct slot) == 32, "two to a cache line");

struct slots {
	struct arena mem;
	uint32_t top;     /* slots ever used; beyond: untouched memory */
	uint32_t allowed; /* most that may be in use now */
	uint32_t max;
	uint32_t used;
	uint32_t free; /* list head */
	uint32_t timeout_us[SLOTS_CLASSES];
	unsigned turn; /* the lane that is next */
	struct slots_list {
		uint32_t head, tail;
	} list[SLOTS_LISTS];
};

/**
 * slots_init() - at most 2^@log2 slots; memory comes as they are needed.
 * Errors: -EINVAL above SLOTS_LOG2_MAX or a timeout of more than half an hour; -ENOMEM.
 */
int slots_init(struct slots *s, unsigned log2,
	       const uint64_t timeout_ns[static SLOTS_CLASSES]) DT_MUST;
void slots_free(struct slots *s);

/** slots_allow() - how many may be in use from now on; never above the maximum. */
void slots_allow(struct slots *s, uint64_t count);

static inline struct slot *slots_at(const struct slots *s, uint32_t idx)
{
	return (struct slot *)(void *)s->mem.base + idx;
}

/** slots_get() - the slot of @idx if it is in use and of this generation, else NULL. */
static inline struct slot *slots_get(const struct slots *s, uint32_t idx, unsigned gen)
{
	struct slot *slot;

	if (idx >= s->top)
		return NULL;
	slot = slots_at(s, idx);
	return slot->cls != SLOTS_CLASSES && slot->gen == gen ? slot : NULL;
}

static inline void slots_prefetch(const struct slots *s, uint32_t idx)
{
	if (idx < s->top)
		prefetch_write(slots_at(s, idx));
}

static inline uint32_t slots_left(const struct slots *s)
{
	return s->used < s->allowed ? s->allowed - s->used : 0;
}

static inline bool slots_full(const struct slots *s)
{
	return s->used >= s->allowed;
}

/**
 * slots_take() - a slot at the end of its class, sent now. Its gen, cls and
 * sent_us are set, the rest is the caller's.
 * Returns the index, or SLOTS_NONE where all that are allowed are in use.
 */
uint32_t slots_take(struct slots *s, enum slots_class cls, uint32_t now_us);

/** slots_release() - @idx, in use, is free again. */
void slots_release(struct slots *s, uint32_t idx);

/** slots_expired() - up to @max slots whose time is up, about oldest first; still in use: release
 * them. */
unsigned slots_expired(const struct slots *s, uint32_t now_us, uint32_t *idx, unsigned max);

/** slots_due_in_us() - until the next one expires; UINT32_MAX = none in use. */
uint32_t slots_due_in_us(const struct slots *s, uint32_t now_us);

/** slots_bytes() - as allocated. */
static inline uint64_t slots_bytes(const struct slots *s)
{
	return s->mem.committed;
}

#endif
