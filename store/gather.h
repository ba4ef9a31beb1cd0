/* SPDX-License-Identifier: MIT */
#ifndef STORE_GATHER_H
#define STORE_GATHER_H

#include "store/kv.h"
#include "store/rewrite.h"
#include "store/segset.h"
#include "store/store.h"

/**
 * DOC: the inside of a merge; gather*.c alone include this.
 *
 *	gather.c	the order of things; nodes, addresses, contacts: tables side by side
 *	gather_meta.c	epochs, networks, what is written in the meta table
 *	gather_log.c	the sightings log and edges, renumbered
 *	gather_heard.c	messages heard
 *
 * What comes out is a function of the union of what the sources know: rows are
 * merged by joins, ordinals are dealt by the order of keys, epochs are numbered
 * by their start. So order and repetition cannot matter (S-28).
 */

enum { GATHER_SOURCES_MAX = 256 };

/** struct gather_source - one store and a snapshot of it. */
struct gather_source {
	struct store *store; /* NULL: the one that is merged into */
	struct kv *kv;
	struct kv_txn *txn;
	int dir_fd; /* of its segments; -1 = none */
	struct segset segs;
	uint32_t *ordinal; /* old -> new */
	uint32_t nodes;
	uint32_t *epoch; /* old id -> new */
	uint32_t epochs; /* greatest old id */
};

struct gather {
	struct store *into;
	struct gather_source *list;
	unsigned count;
	struct rewrite *to;
	uint64_t nodes; /* written */
	uint32_t run;   /* of the new segments */
	struct segset segs;
	struct sio io;
	void (*progress)(void *ctx, const char *what, uint64_t done);
	void *progress_ctx;
};

/** gather_meta() - epochs, orgs and meta into the new tables; fills epoch maps. */
int gather_meta(struct gather *g) DT_MUST;

/** gather_log() - the log of all sources into segments of the new run. */
int gather_log(struct gather *g) DT_MUST;

/** gather_edges() - the same of edges, one segment an epoch. */
int gather_edges(struct gather *g) DT_MUST;

/**
 * gather_heard() - messages heard of all sources into a folder beside the one in force.
 * Returns 1, or 0 where nobody heard any.
 * Errors: DT_EFULL a log without any order in time.
 */
int gather_heard(struct gather *g) DT_MUST;

/** gather_heard_swap() - that folder and the one in force change places: one step. */
int gather_heard_swap(const struct store *s) DT_MUST;

#endif
