/* SPDX-License-Identifier: MIT */
#ifndef VIZ_FEED_H
#define VIZ_FEED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/err.h"
#include "viz/export_where.h"
#include "viz/peer.h"

/**
 * DOC: nodes as they are seen, for any number of readers: one ring of finished
 * lines with running numbers, and a cursor per reader. Writing never waits. A
 * reader that is overtaken loses lines and is told how many, in its own stream.
 *
 * Numbers grow over restarts: the first is the start's Unix time shifted by
 * FEED_SEQ_SHIFT, which leaves them below 2^53, so that JavaScript reads them.
 *
 * Threads: all functions from any thread; a lock is held for one batch.
 */
enum { FEED_SEQ_SHIFT = 20, FEED_ITEMS_DEFAULT = 1 << 17 /* 72 MiB */ };

struct feed;

/** feed_new() - @items: of the ring, a power of two. Errors: -EINVAL, -ENOMEM. */
int feed_new(unsigned items, uint64_t started_s, struct feed **out) DT_MUST;
void feed_free(struct feed *f);

/** struct feed_seen - one node as it was seen. */
struct feed_seen {
	struct store_node node; /* what is known of it */
	unsigned way;           /* enum sighting_way */
	uint64_t seen_s;
};

void feed_put(struct feed *f, const struct feed_seen *list, unsigned count);

/** feed_head() - the number that the next line will get; feed_written() - lines so far. */
uint64_t feed_head(const struct feed *f);
uint64_t feed_written(const struct feed *f);

/** struct feed_reader - a cursor and what it lets through; open, the caller's. */
struct feed_reader {
	uint64_t next; /* number of the line to read next */
	uint8_t ways;  /* bit per sighting_way; 0 = all */
	struct export_where where;
	uint64_t dropped; /* of all its gaps */
};

/** feed_reader_from() - behind line @since; 0 = from now on. */
struct feed_reader feed_reader_from(const struct feed *f, uint64_t since);

enum { FEED_CHUNK_MIN = PEER_LINE_MAX + 1 };

/**
 * feed_read() - whole lines, each with its newline, that @r has not had yet.
 * @cap: at least FEED_CHUNK_MIN.
 *
 * Where lines are gone the next one reads {"type":"gap","dropped":N,"seq":S}: N lines, of
 * whatever filter, up to S. Returns the bytes; 0 = nothing passed: see feed_pending().
 */
size_t feed_read(struct feed *f, struct feed_reader *r, char *out, size_t cap);

/** feed_pending() - is there a line behind its cursor? It may not pass its filter. */
static inline bool feed_pending(const struct feed *f, const struct feed_reader *r)
{
	return r->next < feed_head(f);
}

#endif
