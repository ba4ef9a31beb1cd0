/* SPDX-License-Identifier: MIT */
#include "engine/scribe.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

#include "engine/clock.h"
#include "engine/ring.h"

enum {
	RING_SLOTS = 2 * SCRIBE_BLOCKS, /* a ring of n slots holds n - 1 */
	/* The scribe's naps while nothing comes: short at first, so that a burst meets it
	 * awake, long in the end; a lane holds 64 Ki sightings, far more than 16 ms bring. */
	NAP_MIN_NS = 500 * 1000,
	NAP_MAX_NS = 16 * 1000 * 1000,
	/* A worker with no block left looks for one this often. */
	WAIT_NS = 200 * 1000,
	SYNC_NAP_NS = 200 * 1000,
};

enum block_kind { BLOCK_SIGHTINGS, BLOCK_HEARD, BLOCK_LISTINGS, BLOCK_KINDS };

struct block {
	enum block_kind kind;
	unsigned count;
	union {
		struct sighting list[SCRIBE_BLOCK];
		struct heard heard[SCRIBE_HEARD];
		struct listing listings[SCRIBE_LISTINGS];
	};
};
_Static_assert(sizeof(struct heard) * SCRIBE_HEARD <= sizeof(struct sighting) * SCRIBE_BLOCK,
	       "a block of either kind is as large");
_Static_assert(sizeof(struct listing) * SCRIBE_LISTINGS <= sizeof(struct sighting) * SCRIBE_BLOCK,
	       "the same");

struct scribe_lane {
	/* the worker's */
	struct block *open[BLOCK_KINDS]; /* being filled; NULL = none */
	_Atomic uint64_t waits;          /* the worker writes, stats read */
	struct scribe *scribe;
	/* shared, each with one writer per end */
	struct ring full;  /* to the scribe */
	struct ring empty; /* back */
	struct block *blocks;
};

struct scribe {
	struct sink sink;
	unsigned lane_count;
	struct scribe_lane *lanes;
	pthread_t thread;
	bool threaded;
	atomic_bool stop;
	atomic_int error;
	_Atomic uint64_t sightings, heard, listings, lost; /* written by the scribe alone */
	atomic_uint sync_asked, sync_done;                 /* see scribe_sync() */
	_Atomic uint64_t cpu_ns;
};

/* Both rings of a lane have room for every block there is. */
static void push(struct ring *ring, struct block *b)
{
	bool ok = ring_push(ring, b);

	assert(ok);
}

static void nap(long ns)
{
	struct timespec t = { 0, ns };

	nanosleep(&t, NULL);
}

/* ---- the worker's side ------------------------------------------------------ */

static struct block *next_block(struct scribe_lane *lane)
{
	struct block *b = ring_pop(&lane->empty);

	if (b)
		return b;
	atomic_fetch_add_explicit(&lane->waits, 1, memory_order_relaxed);
	while (!(b = ring_pop(&lane->empty))) {
		/* Not a deadlock: the scribe waits for nobody, and gives blocks back even
		 * after its sink has failed. */
		if (lane->scribe->threaded)
			nap(WAIT_NS);
		else
			scribe_turn(lane->scribe);
	}
	return b;
}

static void flush_kind(struct scribe_lane *lane, enum block_kind kind)
{
	if (!lane->open[kind])
		return;
	push(&lane->full, lane->open[kind]);
	lane->open[kind] = NULL;
}

void scribe_lane_flush(struct scribe_lane *lane)
{
	flush_kind(lane, BLOCK_SIGHTINGS);
	flush_kind(lane, BLOCK_HEARD);
	flush_kind(lane, BLOCK_LISTINGS);
}

static struct block *open_block(struct scribe_lane *lane, enum block_kind kind)
{
	if (!lane->open[kind]) {
		lane->open[kind] = next_block(lane);
		lane->open[kind]->kind = kind;
		lane->open[kind]->count = 0;
	}
	return lane->open[kind];
}

void scribe_lane_put(struct scribe_lane *lane, const struct sighting *s)
{
	struct block *b = open_block(lane, BLOCK_SIGHTINGS);

	b->list[b->count++] = *s;
	if (b->count == SCRIBE_BLOCK)
		flush_kind(lane, BLOCK_SIGHTINGS);
}

void scribe_lane_put_heard(struct scribe_lane *lane, const struct heard *h)
{
	struct block *b = open_block(lane, BLOCK_HEARD);

	b->heard[b->count++] = *h;
	if (b->count == SCRIBE_HEARD)
		flush_kind(lane, BLOCK_HEARD);
}

bool scribe_lane_lists(const struct scribe_lane *lane)
{
	return lane->scribe->sink.put_listings != NULL;
}

void scribe_lane_put_listing(struct scribe_lane *lane, const struct listing *l)
{
	struct block *b = open_block(lane, BLOCK_LISTINGS);

	b->listings[b->count++] = *l;
	if (b->count == SCRIBE_LISTINGS)
		flush_kind(lane, BLOCK_LISTINGS);
}

bool scribe_lane_room(struct scribe_lane *lane)
{
	/* One block of each kind may have to be begun. */
	return ring_count(&lane->empty) >= BLOCK_KINDS;
}

bool scribe_lane_behind(struct scribe_lane *lane)
{
	return ring_count(&lane->empty) < SCRIBE_BLOCKS / 4;
}

/* ---- the scribe's side ------------------------------------------------------ */

/* Nobody who wants it: counted, and forgotten. */
static int hand_over(struct scribe *s, const struct block *b)
{
	if (b->kind == BLOCK_HEARD)
		return s->sink.put_heard ? s->sink.put_heard(s->sink.ctx, b->heard, b->count) : 0;
	if (b->kind == BLOCK_LISTINGS)
		return s->sink.put_listings(s->sink.ctx, b->listings, b->count);
	return s->sink.put ? s->sink.put(s->sink.ctx, b->list, b->count) : 0;
}

static _Atomic uint64_t *counter_of(struct scribe *s, enum block_kind kind)
{
	return kind == BLOCK_HEARD      ? &s->heard
	       : kind == BLOCK_LISTINGS ? &s->listings
					: &s->sightings;
}

static void take(struct scribe *s, const struct block *b)
{
	/* Relaxed: counters with one writer, read for display; the error is its own news. */
	if (!atomic_load_explicit(&s->error, memory_order_relaxed)) {
		int err = hand_over(s, b);

		if (err >= 0) {
			atomic_fetch_add_explicit(counter_of(s, b->kind), b->count,
						  memory_order_relaxed);
			return;
		}
		atomic_store_explicit(&s->error, err, memory_order_relaxed);
	}
	atomic_fetch_add_explicit(&s->lost, b->count, memory_order_relaxed);
}

unsigned scribe_turn(struct scribe *s)
{
	unsigned blocks = 0;

	for (unsigned i = 0; i < s->lane_count; i++) {
		struct scribe_lane *lane = &s->lanes[i];
		struct block *b;

		/* One lane cannot keep the others waiting: at most its own blocks a turn. */
		for (unsigned n = 0; n < SCRIBE_BLOCKS && (b = ring_pop(&lane->full)); n++) {
			take(s, b);
			push(&lane->empty, b);
			blocks++;
		}
	}
	return blocks;
}

static void flush_sink(struct scribe *s)
{
	int err = atomic_load_explicit(&s->error, memory_order_relaxed);

	if (err || !s->sink.flush)
		return;
	err = s->sink.flush(s->sink.ctx);
	if (err < 0)
		atomic_store_explicit(&s->error, err, memory_order_relaxed);
}

int scribe_sync(struct scribe *s)
{
	/* One caller: the monitor. */
	unsigned no = atomic_load_explicit(&s->sync_asked, memory_order_relaxed) + 1;

	if (!s->threaded) {
		while (scribe_turn(s))
			;
		flush_sink(s);
		return scribe_error(s);
	}
	/* Release: the blocks that matter were handed over before. */
	atomic_store_explicit(&s->sync_asked, no, memory_order_release);
	while (atomic_load_explicit(&s->sync_done, memory_order_acquire) != no)
		nap(SYNC_NAP_NS);
	return scribe_error(s);
}

static void *scribe_main(void *arg)
{
	struct scribe *s = arg;
	long pause_ns = NAP_MIN_NS;

	for (;;) {
		/* Acquire, and read before the drain: whoever set it had put everything. */
		bool last = atomic_load_explicit(&s->stop, memory_order_acquire);
		unsigned sync = atomic_load_explicit(&s->sync_asked, memory_order_acquire);
		unsigned blocks = scribe_turn(s);

		/* One turn took every block that was there when sync was read. */
		if (sync != atomic_load_explicit(&s->sync_done, memory_order_relaxed)) {
			flush_sink(s);
			atomic_store_explicit(&s->sync_done, sync, memory_order_release);
		}
		if (blocks) {
			pause_ns = NAP_MIN_NS;
			continue;
		}
		if (last)
			break;
		nap(pause_ns);
		if (pause_ns < NAP_MAX_NS)
			pause_ns *= 2;
	}
	atomic_store_explicit(&s->cpu_ns, clock_thread_cpu_ns(), memory_order_relaxed);
	return NULL;
}

int scribe_start(struct scribe *s)
{
	int err = pthread_create(&s->thread, NULL, scribe_main, s);

	if (err)
		return -err;
	pthread_setname_np(s->thread, "dt-scribe");
	s->threaded = true;
	return 0;
}

int scribe_finish(struct scribe *s)
{
	int err;

	if (s->threaded) {
		atomic_store_explicit(&s->stop, true, memory_order_release);
		pthread_join(s->thread, NULL);
		s->threaded = false;
	}
	while (scribe_turn(s))
		;
	err = atomic_load(&s->error);
	if (!err && s->sink.flush) {
		err = s->sink.flush(s->sink.ctx);
		if (err > 0)
			err = 0;
		atomic_store(&s->error, err);
	}
	return err;
}

int scribe_error(const struct scribe *s)
{
	return atomic_load_explicit(&s->error, memory_order_relaxed);
}

void scribe_stats(const struct scribe *s, struct scribe_stats *out)
{
	*out = (struct scribe_stats){
		.sightings = atomic_load_explicit(&s->sightings, memory_order_relaxed),
		.heard = atomic_load_explicit(&s->heard, memory_order_relaxed),
		.listings = atomic_load_explicit(&s->listings, memory_order_relaxed),
		.lost = atomic_load_explicit(&s->lost, memory_order_relaxed),
		.cpu_ns = atomic_load_explicit(&s->cpu_ns, memory_order_relaxed),
	};
	for (unsigned i = 0; i < s->lane_count; i++)
		out->waits += atomic_load_explicit(&s->lanes[i].waits, memory_order_relaxed);
}

/* ---- life ------------------------------------------------------------------- */

static int lane_open(struct scribe_lane *lane, struct scribe *s)
{
	lane->scribe = s;
	lane->blocks = calloc(SCRIBE_BLOCKS, sizeof(*lane->blocks));
	if (!lane->blocks || ring_init(&lane->full, RING_SLOTS) ||
	    ring_init(&lane->empty, RING_SLOTS))
		return -ENOMEM;
	for (unsigned i = 0; i < SCRIBE_BLOCKS; i++)
		push(&lane->empty, &lane->blocks[i]);
	return 0;
}

int scribe_new(unsigned lanes, const struct sink *sink, struct scribe **out)
{
	struct scribe *s = calloc(1, sizeof(*s));

	if (!s)
		return -ENOMEM;
	s->sink = *sink;
	s->lanes = calloc(lanes, sizeof(*s->lanes));
	for (; s->lanes && s->lane_count < lanes; s->lane_count++)
		if (lane_open(&s->lanes[s->lane_count], s))
			break;
	if (s->lane_count < lanes) {
		s->lane_count += s->lanes != NULL; /* the half open one too */
		scribe_free(s);
		return -ENOMEM;
	}
	*out = s;
	return 0;
}

void scribe_free(struct scribe *s)
{
	if (!s)
		return;
	if (s->threaded) {
		atomic_store_explicit(&s->stop, true, memory_order_release);
		pthread_join(s->thread, NULL);
	}
	for (unsigned i = 0; i < s->lane_count; i++) {
		ring_fini(&s->lanes[i].full);
		ring_fini(&s->lanes[i].empty);
		free(s->lanes[i].blocks);
	}
	free(s->lanes);
	free(s);
}

struct scribe_lane *scribe_lane(struct scribe *s, unsigned i)
{
	return &s->lanes[i];
}
