/* SPDX-License-Identifier: MIT */
#ifndef STORE_LOGBLOCK_H
#define STORE_LOGBLOCK_H

#include <stdint.h>

#include "proto/err.h"
#include "proto/span.h"

/**
 * DOC: a block of the sightings log: who was heard in one bucket of time, up to
 * 65,536 nodes in the order of their ordinals, each column a zstd frame with
 * its checksum. Who wants only the ordinals reads only those.
 *
 *     head 48   "DTL", version 1, bucket 4, width 4, rows 4, first ordinal 4,
 *               last ordinal 4, lengths of the five columns 20, xxh3 of these 4
 *     ordinals  gaps to the one before less one, 7 bits a byte, the first left out
 *     ways      a byte each: bit per enum sighting_way
 *     after, rtt, flags   16 bits each: all low bytes, then all high ones
 */

enum { LOG_BLOCK_ROWS = 65536, LOG_HEAD_BYTES = 48 };

enum log_column { LOG_ORDINAL, LOG_WAYS, LOG_AFTER, LOG_RTT, LOG_FLAGS, LOG_COLUMNS };
enum { LOG_ALL = (1 << LOG_COLUMNS) - 1 };

/** struct log_head - where a block stands and how long its parts are. */
struct log_head {
	uint32_t bucket_s, width_s;
	uint32_t rows, first, last;
	uint32_t bytes[LOG_COLUMNS];
};

/** struct log_rows - columns of up to LOG_BLOCK_ROWS rows; what was not asked for is not filled. */
struct log_rows {
	uint32_t count;
	uint32_t *ordinal;
	uint16_t *after_s, *rtt, *flags; /* rtt: record_rtt_pack() */
	uint8_t *ways;
};

int log_rows_init(struct log_rows *r) DT_MUST;
void log_rows_fini(struct log_rows *r);

/** struct log_codec - compressor, decompressor and their room; for one thread. */
struct log_codec;
int log_codec_new(struct log_codec **out) DT_MUST;
void log_codec_free(struct log_codec *c);

/**
 * log_encode() - one block.
 * @rows: 1..LOG_BLOCK_ROWS, ordinals rising.
 * @level: of zstd.
 * @out: head and columns, borrowed from @c until its next use.
 */
int log_encode(struct log_codec *c, const struct log_rows *rows, uint32_t bucket_s,
	       uint32_t width_s, int level, struct span *out) DT_MUST;

/** log_head_decode() - hostile bytes in. Errors: DT_ESHORT, DT_EFOREIGN, DT_ENEWER, DT_ECORRUPT. */
int log_head_decode(struct span in, struct log_head *out) DT_MUST;

/** log_block_bytes() - of a whole block, its head included. */
uint64_t log_block_bytes(const struct log_head *h);

/** log_column_offset() - of a column, from the block's begin. */
uint64_t log_column_offset(const struct log_head *h, enum log_column column);

/**
 * log_decode_column() - hostile bytes in.
 * @in: the column's frame.
 * Errors:  DT_ECORRUPT; -ENOMEM.
 */
int log_decode_column(struct log_codec *c, const struct log_head *h, enum log_column column,
		      struct span in, struct log_rows *out) DT_MUST;

#endif
