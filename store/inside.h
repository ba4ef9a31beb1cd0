/* SPDX-License-Identifier: MIT */
#ifndef STORE_INSIDE_H
#define STORE_INSIDE_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "store/kv.h"
#include "store/segset.h"
#include "store/sio.h"
#include "store/store.h"

/**
 * DOC: what the files of this layer share about an open store.
 *
 * The tables lie in DIR/state-N; DIR/state is a symbolic link that names the
 * one in force. A name never changes what it means, so a reader that resolved
 * the link can never mix the files of two generations; moving the link is one
 * rename, the only moment of a compaction that matters (S-6).
 */

enum {
	STORE_SCHEMA = 2,
	STORE_PATH_MAX = 4096,
	STORE_WHY_MAX = 256,
	STORE_NAME_MAX = 32,
};

struct store {
	char dir[STORE_PATH_MAX]; /* absolute */
	int dir_fd;               /* holds the writer's lock */
	bool write;
	unsigned schema; /* of the tables, where any is taken */
	bool any_schema;
	uint32_t epoch_s, epoch; /* start and id of the open epoch, 0 = none; the writer's thread */
	const struct geo *geo;   /* what the writer looks places up with; borrowed; NULL = none */
	/* the segments and what waits for the next one; the writer's thread alone (seal.c) */
	struct sio seg_io; /* dir_fd -1: nothing was sealed yet */
	struct segset segs;
	uint64_t chunk_next;
	unsigned chunks;
	uint64_t chunk_bytes, chunk_bytes_now;
	pthread_mutex_t lock; /* guards the next two */
	struct kv *kv;
	unsigned generation;
	_Atomic uint64_t commits, commit_ns; /* of batches; the writer's thread counts */
};

/** store_open_any() - for writing, whatever its schema, which is @schema; no segment is looked at.
 */
int store_open_any(const char *dir, unsigned *schema, struct store **out, char *why) DT_MUST;

/**
 * store_kv_get() - a reference to the tables in force; kv_unref() it.
 * A reader follows a compaction here: the link is read again each time.
 */
int store_kv_get(struct store *s, struct kv **out) DT_MUST;

/* ---- generations (generation.c) ------------------------------------------ */

/** generation_current() - what the link says. Errors: DT_ENOTFOUND, DT_EFOREIGN, -errno. */
int generation_current(int dir_fd, unsigned *out) DT_MUST;

/** generation_path() - DIR/state-N. */
int generation_path(const struct store *s, unsigned generation,
		    char out[static STORE_PATH_MAX]) DT_MUST;

/** generation_begin() - an empty DIR/state-N; what an interrupted run left there goes. */
int generation_begin(const struct store *s, unsigned generation) DT_MUST;

/** generation_adopt() - make DIR/state-N durable and point the link at it. */
int generation_adopt(const struct store *s, unsigned generation) DT_MUST;

/** generation_remove() - its files and itself; who has them open keeps them. */
void generation_remove(const struct store *s, unsigned generation);

/** generation_sweep() - remove every one but @keep. For the writer alone. */
void generation_sweep(const struct store *s, unsigned keep);

/* ---- file systems (fs.c) ------------------------------------------------- */

enum fs_verdict { FS_FINE, FS_DOUBTFUL, FS_REFUSED };

/** fs_verdict_of() - may LMDB live on a file system of this statfs(2) type? @name: for the line. */
enum fs_verdict fs_verdict_of(long type, const char **name);

/** fs_free_bytes() - room left for us on the file system of @fd. */
int fs_free_bytes(int fd, uint64_t *out) DT_MUST;

#endif
