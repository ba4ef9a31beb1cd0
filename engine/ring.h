/* SPDX-License-Identifier: MIT */
#ifndef ENGINE_RING_H
#define ENGINE_RING_H

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>

#include <ck_ring.h>

#include "proto/err.h"

/**
 * DOC: a single-producer single-consumer ring of pointers: ck_ring with its
 * buffer, and nothing else.
 *
 * ck's atomics are written in assembly, which the thread sanitizer cannot see;
 * under it each side tells in words what the ring's fences do. The producer's
 * "release" stands between writing the slot and publishing it, the consumer's
 * "acquire" after seeing that something is published, and the other way round for
 * the slot going back.
 */
#ifdef __SANITIZE_THREAD__
void __tsan_acquire(void *addr);
void __tsan_release(void *addr);
#define RING_TOLD(what, addr) __tsan_##what(addr)
#else
#define RING_TOLD(what, addr) ((void)0)
#endif

struct ring {
	struct ck_ring ck; /* private */
	struct ck_ring_buffer *slots;
};

/** ring_init() - @size: a power of two; holds @size - 1 pointers. Errors: -ENOMEM. */
DT_MUST static inline int ring_init(struct ring *r, unsigned size)
{
	r->slots = calloc(size, sizeof(*r->slots));
	if (!r->slots)
		return -ENOMEM;
	ck_ring_init(&r->ck, size);
	return 0;
}

static inline void ring_fini(struct ring *r)
{
	free(r->slots);
	r->slots = NULL;
}

/** ring_push() - producer's side; false when full. */
static inline bool ring_push(struct ring *r, void *item)
{
	void **slot = ck_ring_enqueue_reserve_spsc(&r->ck, r->slots);

	if (!slot)
		return false;
	RING_TOLD(acquire, &r->slots);
	*slot = item;
	RING_TOLD(release, &r->ck);
	ck_ring_enqueue_commit_spsc(&r->ck);
	return true;
}

/** ring_pop() - consumer's side; NULL when empty. */
static inline void *ring_pop(struct ring *r)
{
	void *item = NULL;

	if (ck_ring_size(&r->ck) == 0)
		return NULL;
	RING_TOLD(acquire, &r->ck);
	RING_TOLD(release, &r->slots);
	return ck_ring_dequeue_spsc(&r->ck, r->slots, &item) ? item : NULL;
}

/** ring_count() - exact for neither side, but what it has seen of the other stays true. */
static inline unsigned ring_count(const struct ring *r)
{
	return ck_ring_size(&r->ck);
}

#endif
