/* SPDX-License-Identifier: MIT */
#ifndef ENGINE_CHECKPOINT_H
#define ENGINE_CHECKPOINT_H

#include <stddef.h>
#include <stdint.h>

#include "engine/engine.h"
#include "proto/err.h"
#include "proto/span.h"

/**
 * DOC: a census on disk, to go on with after its process was killed.
 *
 *	PATH		the head: what is in force; replaced by rename
 *	PATH.G.W	what worker W knows, of generation G: a record per endpoint
 *
 * The head names the generation and the sums of its files, so that a kill at any
 * moment leaves the last whole checkpoint or the one before. Everything that was
 * found before a checkpoint was durable in the sink before its head was.
 *
 * A head without files is a census that is over: what is to be done next stands in
 * its note, which belongs to whoever resumes.
 *
 * Files are of the machine that wrote them (byte order) and of one version.
 */
enum {
	CHECKPOINT_NOTE_MAX = 64 * 1024,
	CHECKPOINT_PATH_MAX = 4096,
	CHECKPOINT_WHY_MAX = 256,
	CHECKPOINT_RECORD_MAX = 80, /* room for one */
};

struct checkpoint_file {
	uint64_t count, bytes, sum; /* records; XXH3 of the bytes */
};

struct checkpoint_head {
	uint32_t generation, workers; /* 0 workers: no files */
	uint32_t resumes;             /* how often it was gone on with before */
	uint32_t raise_rounds;
	uint64_t started_wall_ns; /* of the census; Unix time on the run's clock */
	uint64_t elapsed_ns, span_ns;
	struct nodeid own_id;
	uint8_t zone_level[CENSUS_ZONES];
	struct engine_counters counters; /* of all that came before */
	struct checkpoint_file file[NET_WORKERS_MAX];
	uint32_t note_len;
	char note[CHECKPOINT_NOTE_MAX]; /* and a zero behind it */
};

/* ---- writing ------------------------------------------------------------------ */

/** struct checkpoint_out - one data file while it is written. */
struct checkpoint_out;

/** checkpoint_create() - PATH.@generation.@worker. Errors: -errno, -ENOMEM. */
int checkpoint_create(const char *path, unsigned generation, unsigned worker,
		      struct checkpoint_out **out) DT_MUST;

/** checkpoint_put() - one record; an error is kept until the end. Room for
 * CHECKPOINT_RECORD_MAX bytes is lent by checkpoint_room(). */
uint8_t *checkpoint_room(struct checkpoint_out *o);
void checkpoint_put(struct checkpoint_out *o, size_t len);

/** checkpoint_finish() - write the rest and close. Not synced: checkpoint_commit() does. */
int checkpoint_finish(struct checkpoint_out *o, struct checkpoint_file *file) DT_MUST;

/**
 * checkpoint_commit() - sync the files that @head names, put it in force, remove those
 * of the generation before. Errors: -errno; what was in force stays.
 */
int checkpoint_commit(const char *path, const struct checkpoint_head *head) DT_MUST;

/** checkpoint_remove() - all of it; fine where there is none. */
void checkpoint_remove(const char *path);

/* ---- reading ------------------------------------------------------------------- */

struct checkpoint;

/**
 * checkpoint_open() - read the head, map the files, check the sums.
 * @why: out; on error a line for a person.
 * Errors:  DT_ENOTFOUND none there; DT_EFOREIGN; DT_ENEWER, DT_EUNSUPPORTED of a newer, an
 *          older program; DT_ECORRUPT; -errno.
 */
int checkpoint_open(const char *path, struct checkpoint **out,
		    char why[static CHECKPOINT_WHY_MAX]) DT_MUST;
void checkpoint_close(struct checkpoint *c);

const struct checkpoint_head *checkpoint_head(const struct checkpoint *c);

/** checkpoint_records() - of worker @i; borrowed. */
struct span checkpoint_records(const struct checkpoint *c, unsigned i);

/** checkpoint_decode() - the bytes of a head. Errors: DT_EFOREIGN, DT_ENEWER, DT_ECORRUPT. */
int checkpoint_decode(struct span bytes, struct checkpoint_head *out) DT_MUST;

#endif
