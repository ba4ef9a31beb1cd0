/* SPDX-License-Identifier: MIT */
#ifndef STORE_SEGFILE_H
#define STORE_SEGFILE_H

#include <stdint.h>

#include "proto/err.h"
#include "proto/span.h"
#include "store/sio.h"

/**
 * DOC: a sealed segment: frames of bytes one behind the other, an index that
 * says what they are, a footer that proves both. Written once under a
 * temporary name, made durable, renamed; from then on it never changes.
 *
 *     head 16     "DHTSEG", version 1, kind 1, zeros 8
 *     body        whatever seg_put() was given
 *     index       whatever seg_finish() was given
 *     footer 48   body length 8, index length 8, xxh3 of the body 8,
 *                 xxh3 of the index 8, xxh3 of these 32 bytes and the head 8,
 *                 "DHTSEGF" and a line feed
 */

enum seg_kind { SEG_LOG = 'L', SEG_EDGES = 'E', SEG_HEARD = 'H' };

enum {
	SEG_HEAD_BYTES = 16,
	SEG_FOOTER_BYTES = 48,
	SEG_NAME_MAX = 32,
	SEG_INDEX_MAX_BYTES = 256 << 20, /* 5 million blocks of 65,536 rows */
};

struct seg_writer;

/** seg_create() - begin NAME; it appears with seg_finish(). */
int seg_create(const struct sio *io, enum seg_kind kind, const char *name,
	       struct seg_writer **out) DT_MUST;

/** seg_put() - append. @offset: out; for seg_read(). */
int seg_put(struct seg_writer *w, struct span bytes, uint64_t *offset) DT_MUST;

/** struct seg_sum - what the manifest keeps of a file. */
struct seg_sum {
	uint64_t bytes; /* of the file */
	uint64_t check; /* xxh3 of the footer, which has those of all else */
};

/** seg_finish() - write, sync, rename, sync the directory. @w is gone either way. */
int seg_finish(struct seg_writer *w, struct span index, struct seg_sum *sum) DT_MUST;
void seg_abort(struct seg_writer *w);

struct seg;

/**
 * seg_open() - open and check head, index and footer; hostile bytes are refused.
 * @sum: NULL, or what the manifest says of it.
 * Errors:  DT_ENOTFOUND; DT_EFOREIGN no segment of this kind; DT_ENEWER; DT_ECORRUPT; -errno.
 */
int seg_open(int dir_fd, const char *name, enum seg_kind kind, const struct seg_sum *sum,
	     struct seg **out) DT_MUST;

/** seg_open_fd() - the same of an open file; the descriptor is taken over, on error too. */
int seg_open_fd(int fd, enum seg_kind kind, const struct seg_sum *sum, struct seg **out) DT_MUST;
void seg_close(struct seg *s);

struct span seg_index(const struct seg *s);

/** seg_read() - @len bytes of the body. Errors: DT_ECORRUPT outside of it, -errno. */
int seg_read(const struct seg *s, uint64_t offset, size_t len, void *out) DT_MUST;

/** seg_verify() - read it all: is the body what was written? Errors: DT_ECORRUPT, -errno. */
int seg_verify(const struct seg *s) DT_MUST;

#endif
