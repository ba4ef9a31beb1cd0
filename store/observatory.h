/* SPDX-License-Identifier: MIT */
#ifndef STORE_OBSERVATORY_H
#define STORE_OBSERVATORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/endpoint.h"
#include "proto/err.h"
#include "proto/nodekey.h"
#include "store/heardlog.h"
#include "store/store.h"

/**
 * DOC: dht_observatory.db, the SQLite file in which the first dht-telescope kept what
 * it heard; read, written and taken over into a store. The only code that knows SQLite.
 *
 *	announces   id, ts, ip, port, info_hash, status, attempts, last_attempt_ts, source
 *	getpeers    id, ts, ip, port, info_hash
 *	metadata    info_hash, name, total_length, piece_length, private, files_json,
 *		    first_seen_ts, last_resolved_ts
 *
 * Times are Unix seconds, hashes 40 hex digits; port of an announce is where the peer
 * listens. source "values": a peer that somebody listed, which nobody announced. The
 * file is anybody's: views and triggers are refused, rows that make no sense are passed
 * over and counted.
 */

enum { OBSERVATORY_WHY_MAX = 256, OBSERVATORY_STATUS_MAX = 16, OBSERVATORY_STATUSES = 8 };

struct observatory;

/**
 * observatory_open() - for reading; a crawler may go on writing.
 * @why: a line for a person that names the file and the cure.
 * Errors:  DT_EFOREIGN no SQLite, or without these tables; -ENOENT, -EACCES, -EIO, -EBUSY.
 */
int observatory_open(const char *path, struct observatory **out,
		     char why[static OBSERVATORY_WHY_MAX]) DT_MUST;
void observatory_close(struct observatory *o);

/** observatory_is() - do its first bytes say that it is a file of SQLite? */
bool observatory_is(const char *path);

struct observatory_counts {
	uint64_t announces, getpeers, metadata;
	unsigned statuses;
	struct {
		char status[OBSERVATORY_STATUS_MAX];
		uint64_t count;
	} by_status[OBSERVATORY_STATUSES]; /* of announces, by name */
};
int observatory_counts(struct observatory *o, struct observatory_counts *out) DT_MUST;

struct observatory_row {
	uint64_t id, ts_s, last_attempt_s; /* 0 = never */
	struct endpoint peer;
	struct nodeid hash;
	uint32_t attempts;
	char status[OBSERVATORY_STATUS_MAX];
	bool listed; /* source "values" */
};

/* What is walked: one walk at a time; the next one ends the one before. */
enum observatory_walk {
	OBSERVATORY_ANNOUNCES,
	OBSERVATORY_UNRESOLVED, /* announces whose torrent has no name yet */
	OBSERVATORY_GETPEERS,
};

/** observatory_begin() - the newest @limit first; @limit 0: all, the oldest first. */
int observatory_begin(struct observatory *o, enum observatory_walk walk, uint64_t limit) DT_MUST;

/** observatory_next() - 1 and a row, 0 at the end, or an error. */
int observatory_next(struct observatory *o, struct observatory_row *out) DT_MUST;

/** observatory_odd() - rows passed over so far: no address, no hash, no time. */
uint64_t observatory_odd(const struct observatory *o);

struct observatory_top {
	struct nodeid hash;
	uint64_t hits, first_s, last_s;
};

/** observatory_begin_top() - hashes by how often they were asked for. */
int observatory_begin_top(struct observatory *o, uint64_t limit) DT_MUST;
int observatory_next_top(struct observatory *o, struct observatory_top *out) DT_MUST;

/** struct observatory_name - what is known of a torrent; text is borrowed until the next step. */
struct observatory_name {
	const char *hash, *name, *files_json;           /* never NULL; any bytes, NUL at the end */
	int64_t total_length, piece_length, is_private; /* -1 = NULL */
	uint64_t first_seen_s, last_resolved_s;
};

/**
 * observatory_begin_names() - the ones resolved last first.
 * @query: NULL, or a part of name or hash. @hash: NULL, or this one alone.
 */
int observatory_begin_names(struct observatory *o, const char *query, const char *hash,
			    uint64_t limit) DT_MUST;
int observatory_next_name(struct observatory *o, struct observatory_name *out) DT_MUST;

/** observatory_name_of() - "" where none is known. Returns @out. */
char *observatory_name_of(struct observatory *o, const struct nodeid *hash, char *out, size_t cap);

/* ---- into a store ------------------------------------------------------------------- */

struct observatory_import {
	uint64_t announces, getpeers; /* messages taken over */
	uint64_t listed, odd;         /* rows left out: peers of others' lists; of no sense */
	uint64_t names;               /* of torrents, left out: content metadata */
};

/**
 * observatory_import() - both tables into a log of messages and their senders as contacts.
 * Both writers are flushed.
 */
int observatory_import(struct observatory *o, struct store_writer *w, struct heardlog_writer *h,
		       struct observatory_import *out) DT_MUST;

/* ---- out of one (observatory_write.c) ------------------------------------------------ */

struct observatory_writer;

/**
 * observatory_create() - the file is made where it is absent; in one that is there only
 * rows newer than its newest are added, and nothing else is changed.
 */
int observatory_create(const char *path, struct observatory_writer **out,
		       char why[static OBSERVATORY_WHY_MAX]) DT_MUST;

/** observatory_put() - 1 where it was added; the status is found out: has it a name? */
int observatory_put(struct observatory_writer *w, enum observatory_walk table,
		    const struct observatory_row *row) DT_MUST;

/** observatory_finish() - all of it, or with @rc < 0 nothing. @w is gone. Returns the error. */
int observatory_finish(struct observatory_writer *w, int rc,
		       char why[static OBSERVATORY_WHY_MAX]) DT_MUST;

#endif
