/* SPDX-License-Identifier: MIT */
#ifndef VIZ_SIGHTS_H
#define VIZ_SIGHTS_H

#include <stdint.h>

#include "proto/err.h"

/**
 * DOC: a log of sightings as a film wants it: one after the other by the second,
 * each with the number that the cast has given its node. Where they come from is
 * the source's affair: a store's log (film_log.c), or a test's table.
 */

/** struct sights_block - of one bucket of time; borrowed until the next. */
struct sights_block {
	uint64_t bucket_s; /* Unix; no earlier than that of the block before */
	uint32_t count;
	const uint32_t *ordinal;
	const uint16_t *after_s; /* seconds after the bucket's begin */
};

struct sights_source {
	/** rewind() - to the first block. next() - 1 and a block, 0 at the end. Else an error. */
	int (*rewind)(void *ctx);
	int (*next)(void *ctx, struct sights_block *out);
	void *ctx;
};

struct sights {
	struct sights_source source;
	const uint32_t *number; /* by ordinal: of the cast */
	uint32_t numbers;       /* ordinals from here on came after the film was opened */
	/* private: the bucket at hand, by time; the block that begins the next */
	uint32_t *node, *time, *raw_node;
	uint16_t *raw_after;
	uint32_t count, at, room;
	uint64_t bucket_s;
	struct sights_block ahead;
	int state; /* of @ahead: 1 there is one, 0 the end */
};

/** sights_open() - at the beginning. Errors: of the source. Borrows @number. */
int sights_open(struct sights *s, const struct sights_source *source, const uint32_t *number,
		uint32_t numbers) DT_MUST;
void sights_close(struct sights *s);

/** sights_rewind() - to the beginning again. */
int sights_rewind(struct sights *s) DT_MUST;

/**
 * sights_until() - a run of sightings no later than @to_s, in time order.
 * Returns how many, @node and @time borrowed until the next call; 0 = no more until then; or an
 * error.
 */
int sights_until(struct sights *s, int64_t to_s, const uint32_t **node,
		 const uint32_t **time) DT_MUST;

/**
 * sights_hold() - how long after a sighting a node may be taken to be there still: what most
 * nodes that were seen again took to be, the time between two censuses. 0 where none was.
 * Cost: a pass over the log. Errors: of the source; -ENOMEM.
 */
int sights_hold(struct sights *s, uint32_t nodes, int64_t *hold_s) DT_MUST;

/**
 * sights_spells() - for each node each time in which no more than @hold_s went by between
 * sightings: from the first to @hold_s after the last. @hold_s < 0: for ever.
 * Cost: a pass over the log and 4 bytes a node. Errors: of the source; -ENOMEM.
 */
int sights_spells(struct sights *s, uint32_t nodes, int64_t hold_s,
		  void (*spell)(void *ctx, uint32_t node, int64_t from_s, int64_t to_s),
		  void *ctx) DT_MUST;

#endif
