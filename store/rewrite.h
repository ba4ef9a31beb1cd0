/* SPDX-License-Identifier: MIT */
#ifndef STORE_REWRITE_H
#define STORE_REWRITE_H

#include "store/kv.h"
#include "store/store.h"

/**
 * DOC: a new generation of the tables, written in key order with MDB_APPEND
 * beside the old one, which stays in force until rewrite_adopt(). Compaction,
 * merge, migration and a new look at places are what fills it. Nobody sees the
 * file before, so nothing is synced until then.
 */
struct rewrite;

/** rewrite_begin() - @bytes: what will be written at most, for a look at the room first. */
int rewrite_begin(struct store *s, uint64_t bytes, struct rewrite **out) DT_MUST;

/** rewrite_append() - @key sorts after all that was appended to @table; table after table. */
int rewrite_append(struct rewrite *r, enum kv_table table, struct span key,
		   struct span val) DT_MUST;

/** rewrite_put() - at any place; for the few rows of meta, orgs, epochs. */
int rewrite_put(struct rewrite *r, enum kv_table table, struct span key, struct span val) DT_MUST;

/** rewrite_txn() - the open transaction; until the next append. */
struct kv_txn *rewrite_txn(struct rewrite *r);

/** rewrite_get() - 1 and what has been written, or 0. */
int rewrite_get(struct rewrite *r, enum kv_table table, struct span key, struct span *val) DT_MUST;

/** rewrite_adopt() - durable, and in force: the one step that counts. @r is gone either way. */
int rewrite_adopt(struct rewrite *r) DT_MUST;
void rewrite_abort(struct rewrite *r);

#endif
