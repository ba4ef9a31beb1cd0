/* SPDX-License-Identifier: MIT */
#ifndef ENGINE_SCRIBE_H
#define ENGINE_SCRIBE_H

#include <stdbool.h>
#include <stdint.h>

#include "engine/sink.h"
#include "proto/err.h"
#include "proto/heard.h"
#include "proto/sighting.h"

/**
 * DOC: the scribe: drains every worker's lane into the one sink, so that a sink
 * is never called twice at once and never by a worker.
 *
 * A lane is two single-producer single-consumer ck_rings of block pointers:
 * full ones to the scribe, empty ones back. Nothing is ever dropped. When the
 * scribe falls behind, scribe_lane_behind() tells the worker to stop asking;
 * when every block is full all the same, the worker waits for one. After an
 * error of the sink the scribe goes on draining, into nothing, so that workers
 * can come to an end.
 */

enum {
	SCRIBE_BLOCK = 512,   /* sightings per block: 40 KiB */
	SCRIBE_HEARD = 384,   /* or messages heard: as much */
	SCRIBE_LISTINGS = 60, /* or listings */
	SCRIBE_BLOCKS = 128,  /* blocks per lane: 64 Ki sightings, 5 MiB; power of two */
};

struct scribe;
struct scribe_lane;

/** scribe_new() - @sink->put may be NULL: count and forget. Errors: -ENOMEM. */
int scribe_new(unsigned lanes, const struct sink *sink, struct scribe **out) DT_MUST;
void scribe_free(struct scribe *s);

/** scribe_lane() - lane @i; used by one worker. */
struct scribe_lane *scribe_lane(struct scribe *s, unsigned i);

/**
 * scribe_lane_put() - hand over one sighting (copied). Waits for the scribe where
 * every block is full; without a scribe thread it drains on the spot.
 */
void scribe_lane_put(struct scribe_lane *lane, const struct sighting *s);

/** scribe_lane_put_heard() - the same for a message heard, in blocks of their own. */
void scribe_lane_put_heard(struct scribe_lane *lane, const struct heard *h);

/** scribe_lane_lists() - does the sink take listings? */
bool scribe_lane_lists(const struct scribe_lane *lane);

/** scribe_lane_put_listing() - the same; only where scribe_lane_lists(). */
void scribe_lane_put_listing(struct scribe_lane *lane, const struct listing *l);

/**
 * scribe_lane_room() - 1 where a put would not have to wait. A tap asks first: the wire
 * does not wait for it, and what it drops itself it can count.
 */
bool scribe_lane_room(struct scribe_lane *lane);

/** scribe_lane_flush() - send the blocks that are begun. */
void scribe_lane_flush(struct scribe_lane *lane);

/** scribe_lane_behind() - true while less than a quarter of the blocks is free. */
bool scribe_lane_behind(struct scribe_lane *lane);

/** scribe_start() - drain on a thread of its own. */
int scribe_start(struct scribe *s) DT_MUST;

/**
 * scribe_finish() - drain what is left, stop the thread where there is one,
 * flush the sink. After the last put and flush of every lane.
 * Returns 0, or the first error of the sink.
 */
int scribe_finish(struct scribe *s) DT_MUST;

/**
 * scribe_sync() - wait until all that was in blocks before the call is in the sink, and
 * the sink is flushed. After scribe_lane_flush() of every lane that matters.
 * Returns 0, or the first error of the sink.
 */
int scribe_sync(struct scribe *s) DT_MUST;

/** scribe_turn() - drain once on the caller's thread; only without scribe_start(). */
unsigned scribe_turn(struct scribe *s);

struct scribe_stats {
	uint64_t sightings; /* the sink took */
	uint64_t heard;     /* messages heard, the same */
	uint64_t listings;  /* the same */
	uint64_t lost;      /* drained into nothing after an error */
	uint64_t waits;     /* times a worker had to wait for a block */
	uint64_t cpu_ns;    /* of the thread, at its end */
};

void scribe_stats(const struct scribe *s, struct scribe_stats *out);

/** scribe_error() - the first error of the sink so far; 0 = none. Any thread. */
int scribe_error(const struct scribe *s);

#endif
