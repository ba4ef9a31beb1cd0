/* SPDX-License-Identifier: MIT */
#ifndef ENGINE_CLI_PAST_H
#define ENGINE_CLI_PAST_H

#include <stdbool.h>
#include <stdint.h>

#include "store/observatory.h"
#include "store/store.h"

/**
 * DOC: what was heard, as the first dht-telescope's users know it: announces, get_peers
 * and names of torrents. Out of a store of ours, or out of a dht_observatory.db that the
 * former wrote; the commands of `resolver` do not see which.
 *
 * A store knows no names: its announces are all pending.
 */
struct past;

/** past_open() - @path: a store or such a file. Fails with a line on standard error. */
int past_open(const char *path, struct past **out) DT_MUST;
void past_close(struct past *p);

/** past_store() - NULL where it is a file of the other kind; past_file() - the reverse. */
struct store *past_store(const struct past *p);
struct observatory *past_file(const struct past *p);

struct past_want {
	uint64_t limit; /* rows of each */
	bool announces, unresolved, getpeers, top;
};

/** struct past_rows - the newest first; top by hits. */
struct past_rows {
	struct observatory_counts counts;
	struct observatory_row *announces, *getpeers;
	struct observatory_top *top;
	uint64_t announce_count, getpeers_count, top_count;
	uint64_t odd, without_room; /* rows of no sense; messages of hashes beyond the table */
};

/** past_read() - all that is wanted; past_rows_fini() also after an error. */
int past_read(struct past *p, const struct past_want *want, struct past_rows *out) DT_MUST;
void past_rows_fini(struct past_rows *r);

/** past_each() - all rows of one table, the oldest first, until @row returns an error. */
int past_each(struct past *p, enum observatory_walk table,
	      int (*row)(void *ctx, const struct observatory_row *r), void *ctx) DT_MUST;

#endif
