/* SPDX-License-Identifier: MIT */
#ifndef STORE_SEAL_H
#define STORE_SEAL_H

#include "store/kv.h"
#include "store/logscan.h"
#include "store/segset.h"
#include "store/store.h"

/**
 * DOC: chunks of the pending table become a sealed segment. The segment is made
 * durable, then the manifest that names it and says up to which chunk it goes,
 * then the table is emptied. After a crash between any two of these steps a
 * chunk is in both places: its number tells (S-21).
 */

enum {
	PENDING_KEY_BYTES = 8,
	PENDING_CHUNKS_MAX = 64,      /* ten minutes of commits in a quiet run */
	PENDING_BYTES_MAX = 64 << 20, /* what a reader copies at most */
	SEAL_LEVEL = 3,               /* of zstd */
	PENDING_LEVEL = 1,            /* the same, where it is soon done again */
	COALESCE_SEGMENTS = 8,        /* small ones are joined when they are so many */
	COALESCE_ROWS = 4 << 20,      /* below this one is small: some 16 MB */
};

/** seal_open() - for the writer: its manifest, sweep what a crash left. @why: STORE_WHY_MAX. */
int seal_open(struct store *s, char *why) DT_MUST;
void seal_close(struct store *s);

/** seal_run() - DIR/seg/RUN, from the meta table. Errors: DT_ECORRUPT. */
int seal_run(struct kv_txn *txn, uint32_t *run) DT_MUST;

/** seal_sealed() - the last chunk that the tables gave up: the manifest goes at least so far. */
int seal_sealed(struct kv_txn *txn, uint64_t *sealed) DT_MUST;

/** seal_dir() - open it. @create: make it where absent. Errors: DT_ENOTFOUND, -errno. */
int seal_dir(const struct store *s, uint32_t run, bool create, int *fd) DT_MUST;

/** seal_append() - a chunk into the pending table, within the writer's transaction. */
int seal_append(struct store *s, struct kv_txn *txn, struct span chunk) DT_MUST;

/** seal_settle() - that transaction ended. */
void seal_settle(struct store *s, bool committed);

/** seal_dir_ensure() - make DIR/seg/RUN for the writer where it is absent. */
int seal_dir_ensure(struct store *s) DT_MUST;

/**
 * seal_install() - make @now the manifest in force; it is taken over, on error too. Files
 * that it does not name any more go.
 */
int seal_install(struct store *s, struct segset *now) DT_MUST;

/** seal_is_due() - has so much gathered that it should be sealed? */
bool seal_is_due(const struct store *s);

/** seal_pending() - now. For the writer's thread. */
int seal_pending(struct store *s) DT_MUST;

/**
 * seal_coalesce() - many small segments of the log become one, once they are many.
 * Until the manifest is rewritten the old ones are in force.
 */
int seal_coalesce(struct store *s) DT_MUST;

/* A segment of the log, block by block. */
struct seal_out;
int seal_out_new(const struct sio *io, uint32_t number, struct seal_out **out) DT_MUST;
int seal_out_block(struct seal_out *o, const struct log_rows *rows, uint32_t bucket_s,
		   uint32_t width_s) DT_MUST;

/** seal_out_finish() - durable, and in @set: 1, or 0 where nothing was put. @o is gone. */
int seal_out_finish(struct seal_out *o, struct segset *set) DT_MUST;
void seal_out_abort(struct seal_out *o);

/** seal_write_log() - all of @scan into one segment, which @set gets. 1, or 0: nothing in it. */
int seal_write_log(const struct sio *io, struct segset *set, struct logscan *scan) DT_MUST;

/** seal_add_pending() - chunks after @sealed into @scan. Returns the last one's number in @last. */
int seal_add_pending(struct kv_txn *txn, uint64_t sealed, struct logscan *scan,
		     uint64_t *last) DT_MUST;

/** seal_remove_run() - DIR/seg/RUN with all its files. */
void seal_remove_run(const struct store *s, uint32_t run);

#endif
