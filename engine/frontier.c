/* SPDX-License-Identifier: MIT */
#include "engine/frontier.h"

#include <errno.h>
#include <stdlib.h>

#include "proto/prefetch.h"

enum {
	FRONTIER_STREAM = 0x46524f4e, /* of the run's seed */
	FRONTIER_SPARE_MAX = 256,     /* 256 KiB */
	/* Bags below this are not worth a system call. */
	FRONTIER_TRIM_BYTES = 1 << 20,
};

int frontier_init(struct frontier *f, uint64_t max, uint64_t seed, uint64_t now_ns)
{
	*f = (struct frontier){ .tick = now_ns / FRONTIER_TICK_NS };
	rng_init(&f->rng, seed, FRONTIER_STREAM);
	for (unsigned b = 0; b < FRONTIER_BAGS; b++) {
		int err = arena_init(&f->bag[b].mem, max * sizeof(uint32_t));

		if (err) {
			frontier_free(f);
			return err;
		}
	}
	return 0;
}

static void free_chunks(struct frontier_chunk *c)
{
	while (c) {
		struct frontier_chunk *next = c->next;

		free(c);
		c = next;
	}
}

void frontier_free(struct frontier *f)
{
	for (unsigned b = 0; b < FRONTIER_BAGS; b++)
		arena_free(&f->bag[b].mem);
	free_chunks(f->sweep.head);
	for (unsigned i = 0; i < FRONTIER_TICKS; i++)
		free_chunks(f->wheel[i].head);
	free_chunks(f->spare);
	*f = (struct frontier){ 0 };
}

/* ---- bags ---------------------------------------------------------------- */

int frontier_make_room(struct frontier *f, enum frontier_bag bag)
{
	return arena_need(&f->bag[bag].mem, ((size_t)f->bag[bag].count + 1) * sizeof(uint32_t));
}

unsigned frontier_take(struct frontier *f, enum frontier_bag bag, uint32_t *refs, unsigned max)
{
	uint32_t *all = (uint32_t *)(void *)f->bag[bag].mem.base;
	uint32_t n = f->bag[bag].count;
	unsigned taken = 0;

	if (max > n)
		max = n;
	/* All places first, so that their memory comes side by side. */
	for (unsigned i = 0; i < max; i++) {
		refs[i] = rng_below(&f->rng, n - i);
		prefetch_write(&all[refs[i]]);
	}
	for (; taken < max; taken++) {
		uint32_t at = refs[taken];

		refs[taken] = all[at];
		all[at] = all[--n];
	}
	f->bag[bag].count = n;
	/* A quarter left: half of the memory goes back, so put and take do not flap. */
	if (f->bag[bag].mem.committed > FRONTIER_TRIM_BYTES &&
	    (size_t)n * 4 * sizeof(uint32_t) < f->bag[bag].mem.committed)
		arena_trim(&f->bag[bag].mem, f->bag[bag].mem.committed / 2);
	return taken;
}

/* ---- chunked lists -------------------------------------------------------- */

static struct frontier_chunk *chunk_new(struct frontier *f)
{
	struct frontier_chunk *c = f->spare;

	if (c) {
		f->spare = c->next;
	} else {
		c = malloc(sizeof(*c));
		if (!c)
			return NULL;
		f->chunks++;
	}
	c->next = NULL;
	c->count = 0;
	return c;
}

/* Some idle chunks stay in hand, the rest goes back. */
static void chunk_done(struct frontier *f, struct frontier_list *list)
{
	struct frontier_chunk *c = list->head;

	list->head = c->next;
	if (!list->head)
		list->tail = NULL;
	if (f->spare && f->spare->count >= FRONTIER_SPARE_MAX) {
		free(c);
		f->chunks--;
		return;
	}
	/* An idle chunk's count says how many idle ones it heads. */
	c->count = f->spare ? f->spare->count + 1 : 1;
	c->next = f->spare;
	f->spare = c;
}

static struct frontier_chunk *chunk_append(struct frontier *f, struct frontier_list *list)
{
	struct frontier_chunk *c = chunk_new(f);

	if (!c)
		return NULL;
	if (list->tail)
		list->tail->next = c;
	else
		list->head = c;
	list->tail = c;
	return c;
}

static unsigned chunk_take(struct frontier *f, struct frontier_chunk *c, uint32_t *refs,
			   unsigned max)
{
	unsigned taken = 0;

	while (taken < max && c->count > 0) {
		uint32_t at = rng_below(&f->rng, c->count);

		refs[taken++] = c->refs[at];
		c->refs[at] = c->refs[--c->count];
	}
	return taken;
}

/* ---- the sweep ------------------------------------------------------------ */

int frontier_sweep_put(struct frontier *f, uint32_t ref, uint64_t due_ns)
{
	struct frontier_chunk *c = f->sweep.tail;

	if (!c || c->count == FRONTIER_CHUNK || due_ns - c->first_ns > FRONTIER_SWEEP_SLACK_NS) {
		c = chunk_append(f, &f->sweep);
		if (!c)
			return -ENOMEM;
		c->first_ns = due_ns;
	}
	c->due_ns = due_ns;
	c->refs[c->count++] = ref;
	f->swept++;
	return 0;
}

unsigned frontier_sweep_take(struct frontier *f, uint64_t now_ns, uint32_t *refs, unsigned max)
{
	unsigned taken = 0;

	while (taken < max && f->sweep.head && f->sweep.head->due_ns <= now_ns) {
		taken += chunk_take(f, f->sweep.head, refs + taken, max - taken);
		if (f->sweep.head->count == 0)
			chunk_done(f, &f->sweep);
	}
	f->swept -= taken;
	return taken;
}

/* ---- the wheel ------------------------------------------------------------ */

int frontier_defer(struct frontier *f, uint32_t ref, uint64_t at_ns, uint64_t now_ns)
{
	bool soon = at_ns < now_ns + FRONTIER_SPREAD_BELOW_NS;
	uint64_t spread = soon ? (uint64_t)f->deferred * FRONTIER_SPREAD_NS : 0;
	uint64_t at, least = now_ns / FRONTIER_TICK_NS + 1;
	struct frontier_chunk *c;
	struct frontier_list *list;

	if (f->deferred == 0 && f->tick < least)
		f->tick = least; /* nothing waits: skip the time that passed */
	at_ns += (rng_u64(&f->rng) >> 32) * spread >> 32;
	at = at_ns / FRONTIER_TICK_NS + 1; /* never early */
	if (at < least)
		at = least;
	if (at > f->tick + FRONTIER_TICKS - 1)
		at = f->tick + FRONTIER_TICKS - 1;
	list = &f->wheel[at % FRONTIER_TICKS];
	c = list->tail;
	if (!c || c->count == FRONTIER_CHUNK) {
		c = chunk_append(f, list);
		if (!c)
			return -ENOMEM;
	}
	c->refs[c->count++] = ref;
	f->deferred++;
	return 0;
}

unsigned frontier_deferred_take(struct frontier *f, uint64_t now_ns, uint32_t *refs, unsigned max)
{
	uint64_t now_tick = now_ns / FRONTIER_TICK_NS;
	unsigned taken = 0;

	while (taken < max && f->deferred > taken && f->tick <= now_tick) {
		struct frontier_list *list = &f->wheel[f->tick % FRONTIER_TICKS];

		if (!list->head) {
			f->tick++;
			continue;
		}
		taken += chunk_take(f, list->head, refs + taken, max - taken);
		if (list->head->count == 0)
			chunk_done(f, list);
	}
	f->deferred -= taken;
	return taken;
}

uint64_t frontier_due_ns(const struct frontier *f)
{
	uint64_t due = f->sweep.head ? f->sweep.head->due_ns : UINT64_MAX;

	if (f->deferred) {
		uint64_t tick = f->tick;

		while (!f->wheel[tick % FRONTIER_TICKS].head)
			tick++;
		if (tick * FRONTIER_TICK_NS < due)
			due = tick * FRONTIER_TICK_NS;
	}
	return due;
}

uint64_t frontier_bytes(const struct frontier *f)
{
	uint64_t bytes = f->chunks * sizeof(struct frontier_chunk);

	for (unsigned b = 0; b < FRONTIER_BAGS; b++)
		bytes += f->bag[b].mem.committed;
	return bytes;
}
