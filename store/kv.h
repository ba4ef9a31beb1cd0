/* SPDX-License-Identifier: MIT */
#ifndef STORE_KV_H
#define STORE_KV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/err.h"
#include "proto/span.h"

/**
 * DOC: sorted tables of byte strings with transactions: what the store needs of
 * LMDB, and the only door to it (store_lmdb.c). Nothing here knows what a node
 * is.
 *
 * Spans that come out point into the map: valid until the next write in the
 * same transaction or its end, and only 2-byte aligned, so copy, never cast.
 */

/** Tables by their number; names are in store_lmdb.c. Append only. */
enum kv_table {
	KV_META,
	KV_NODES4,
	KV_NODES6,
	KV_ADDR4,
	KV_ADDR6,
	KV_MENTIONED4,
	KV_MENTIONED6,
	KV_EPOCHS,
	KV_ORGS,
	KV_PENDING, /* since schema 2 */
	KV_TABLES,
	KV_TABLES_1 = KV_PENDING, /* what schema 1 had */
};

enum kv_flag {
	KV_WRITE = 1 << 0,  /* else read only */
	KV_CREATE = 1 << 1, /* an empty directory becomes an environment */
	KV_BULK = 1 << 2,   /* no sync until kv_sync(): for a file that nobody sees yet */
};

enum { KV_WHY_MAX = 256 };

struct kv;
struct kv_txn;
struct kv_cursor;

/**
 * kv_open() - open the environment in directory @dir; one reference is held.
 * @why: a line for a person where it fails.
 * Errors:  DT_ENOTFOUND, DT_EFOREIGN, DT_ENEWER, DT_ECORRUPT, DT_EUNSUPPORTED, -errno.
 *          A file that is refused is left as it was, and no file beside it is made.
 * Threads: any, but one process opens one directory once at a time (LMDB's own rule).
 */
int kv_open(const char *dir, unsigned flags, struct kv **out, char why[static KV_WHY_MAX]) DT_MUST;
struct kv *kv_ref(struct kv *kv);
void kv_unref(struct kv *kv);

/** kv_sync() - all that was committed is on the disk when it returns 0. */
int kv_sync(struct kv *kv) DT_MUST;

/**
 * kv_copy() - all that is committed, whole, into directory @dir, which has no environment yet;
 * durable. May be done while another process writes. Threads: as kv_begin().
 */
int kv_copy(struct kv *kv, const char *dir) DT_MUST;

/**
 * kv_clear_dead() - free the slots of readers that died: pages pile up behind them.
 * Returns how many. kv_open() does it; a long run should now and then.
 */
int kv_clear_dead(struct kv *kv);
uint64_t kv_file_bytes(const struct kv *kv);

/** kv_used_bytes() - of the file, what is not free for reuse past its last page. */
uint64_t kv_used_bytes(const struct kv *kv);

int kv_begin(struct kv *kv, bool write, struct kv_txn **out) DT_MUST;

/** kv_commit() - durable when it returns 0 (unless KV_BULK); the transaction is gone either way. */
int kv_commit(struct kv_txn *txn) DT_MUST;
void kv_abort(struct kv_txn *txn);

/** kv_txn_id() - of the snapshot: grows with every commit. */
uint64_t kv_txn_id(const struct kv_txn *txn);

uint64_t kv_entries(struct kv_txn *txn, enum kv_table table);

/** kv_has() - is the table there at all? An older schema had fewer; using one is DT_ECORRUPT. */
bool kv_has(const struct kv *kv, enum kv_table table);

/** kv_get() - 1 and @val, or 0 where there is none, or an error. */
int kv_get(struct kv_txn *txn, enum kv_table table, struct span key, struct span *val) DT_MUST;
int kv_put(struct kv_txn *txn, enum kv_table table, struct span key, struct span val) DT_MUST;

/** kv_empty() - no row is left; the pages are free for what comes next. */
int kv_empty(struct kv_txn *txn, enum kv_table table) DT_MUST;

int kv_cursor_open(struct kv_txn *txn, enum kv_table table, struct kv_cursor **out) DT_MUST;
void kv_cursor_close(struct kv_cursor *c);

/** kv_cursor_next() - 1 and the pair after the last one (the first at first), 0 at the end. */
int kv_cursor_next(struct kv_cursor *c, struct span *key, struct span *val) DT_MUST;

/** kv_cursor_seek() - 1 and the first pair at or after @from, 0 where there is none. */
int kv_cursor_seek(struct kv_cursor *c, struct span from, struct span *key,
		   struct span *val) DT_MUST;

/** kv_cursor_last() - 1 and the last pair, 0 in an empty table. */
int kv_cursor_last(struct kv_cursor *c, struct span *key, struct span *val) DT_MUST;
void kv_cursor_rewind(struct kv_cursor *c);

/**
 * kv_cursor_insert() - put where the key is new: 1. Where it is not: 0, @old is
 * the value that stands there, and the cursor stays on it for kv_cursor_replace().
 */
int kv_cursor_insert(struct kv_cursor *c, struct span key, struct span val,
		     struct span *old) DT_MUST;

/** kv_cursor_replace() - overwrite the value under the cursor with one of equal length. */
int kv_cursor_replace(struct kv_cursor *c, struct span key, struct span val) DT_MUST;

/** kv_cursor_append() - @key sorts after every key of the table; pages are left full. */
int kv_cursor_append(struct kv_cursor *c, struct span key, struct span val) DT_MUST;

#endif
