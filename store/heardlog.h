/* SPDX-License-Identifier: MIT */
#ifndef STORE_HEARDLOG_H
#define STORE_HEARDLOG_H

#include <stdint.h>

#include "proto/err.h"
#include "proto/heard.h"
#include "proto/span.h"
#include "store/pack.h"
#include "store/store.h"

/**
 * DOC: messages heard, in sealed segments of their own: DIR/heard/FIRST-LAST.seg.
 * Batch n, whatever its size, is made durable as n-n; small neighbours are joined
 * into one file a-b later. What lies within a wider file is a leftover of a
 * crash, passed over by readers and removed by the next writer: there is no
 * manifest, and no moment at which a message is in force twice or not at all.
 *
 * Body of a segment: zstd frames of up to HEARDLOG_BLOCK rows. Index, each entry
 * 32 bytes: offset 8, length 4, rows 4, first and last when_ms 8 + 8.
 */

enum {
	HEARDLOG_ROW_BYTES = 98,
	HEARDLOG_BLOCK = 16384,      /* rows; 1.6 MB unpacked */
	HEARDLOG_BATCH = 65536,      /* rows; then a segment is sealed */
	HEARDLOG_AGE_MS = 60 * 1000, /* or when the oldest has waited this long */
	HEARDLOG_JOIN = 16,          /* so many small files in a row become one */
	HEARDLOG_SMALL = 1 << 18,    /* rows; a file below this is small */
	HEARDLOG_FILES_MAX = 1 << 20,
};

/** heardlog_encode() - one row. heardlog_decode() - hostile bytes in; DT_ECORRUPT. */
void heardlog_encode(const struct heard *h, uint8_t out[static HEARDLOG_ROW_BYTES]);
int heardlog_decode(const uint8_t in[static HEARDLOG_ROW_BYTES], struct heard *out) DT_MUST;

/* ---- writing: the scribe's thread alone ------------------------------------------- */

struct heardlog_writer;

struct heardlog_opts {
	uint64_t max_bytes; /* of all segments: the oldest go first; 0 = 4 GiB */
	uint32_t batch;     /* 0 = HEARDLOG_BATCH */
};

/** heardlog_open() - for the one who has @dir_fd's lock: the store's directory. */
int heardlog_open(int dir_fd, const struct heardlog_opts *opts,
		  struct heardlog_writer **out) DT_MUST;

/** store_heard_open() - the same for an open store. */
int store_heard_open(struct store *s, const struct heardlog_opts *opts,
		     struct heardlog_writer **out) DT_MUST;

/** heardlog_put() - @ctx is the writer; the shape of an engine sink's put_heard. */
int heardlog_put(void *ctx, const struct heard *list, unsigned count);

/** heardlog_flush() - all that was put is durable when 0 returns. */
int heardlog_flush(void *ctx);

/** heardlog_dropped() - batches that went with the oldest segments, for want of room. */
uint64_t heardlog_dropped(const struct heardlog_writer *w);

/** heardlog_close() - does not flush. */
void heardlog_close(struct heardlog_writer *w);

/* ---- reading ------------------------------------------------------------------------ */

struct heardlog_reader;

/** heardlog_read() - from the first batch on. Errors: DT_ENOTFOUND nothing was ever heard. */
int heardlog_read(int dir_fd, struct heardlog_reader **out) DT_MUST;

/** store_heard_read(), store_view_heard() - the same of an open store; later messages too. */
int store_heard_read(struct store *s, struct heardlog_reader **out) DT_MUST;
int store_view_heard(struct store_view *v, struct heardlog_reader **out) DT_MUST;

/** store_heard_count() - messages, by the indexes alone. 0 where nothing was ever heard. */
int store_heard_count(struct store *s, uint64_t *out) DT_MUST;

/** heardlog_next() - 1 and @out, in the order of batches; 0 at the end; or an error. */
int heardlog_next(struct heardlog_reader *r, struct heard *out) DT_MUST;
void heardlog_end(struct heardlog_reader *r);

#endif
