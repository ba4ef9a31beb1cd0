/* SPDX-License-Identifier: MIT */
#ifndef STORE_LOGSCAN_H
#define STORE_LOGSCAN_H

#include <stdint.h>

#include "proto/err.h"
#include "proto/span.h"
#include "store/logblock.h"
#include "store/segfile.h"

/**
 * DOC: blocks of several segments and chunks as one log: buckets in time order,
 * within a bucket every node once, by ordinal. What two sources say of one node
 * in one bucket is joined: ways and flags by union, time and round trip by the
 * least. So it makes no difference how the log was cut into pieces, or whether
 * a piece is there twice.
 */
struct logscan;

/** struct logscan_filter - what of it; sources added are sifted by their index. */
struct logscan_filter {
	uint64_t from_s, to_s; /* buckets that begin in [from, to) */
	unsigned columns;      /* 1 << enum log_column; the ordinals come always */
	bool has_only;
	uint32_t only; /* this node alone */
};

int logscan_new(const struct logscan_filter *f, struct logscan **out) DT_MUST;
void logscan_free(struct logscan *s);

/** logscan_add_segment() - @seg is taken over, on error too. Errors: DT_ECORRUPT, -ENOMEM. */
int logscan_add_segment(struct logscan *s, struct seg *seg) DT_MUST;

/** logscan_add_chunk() - blocks one behind the other, as the pending table has them; copied. */
int logscan_add_chunk(struct logscan *s, struct span blocks) DT_MUST;

/** logscan_span() - what the indexes say: first and last bucket, its end, rows at most. */
void logscan_span(const struct logscan *s, uint64_t *first_s, uint64_t *last_s, uint64_t *end_s,
		  uint64_t *rows);

/** struct logscan_block - borrowed until the next step. */
struct logscan_block {
	uint32_t bucket_s, width_s;
	const struct log_rows *rows;
};

/**
 * logscan_next() - 1 and a block, 0 at the end, or an error. A bucket of more than
 * LOG_BLOCK_ROWS nodes comes in several blocks, ordinals rising throughout.
 * Cost: memory of one block (0.7 MB) for each source that has the same bucket.
 */
int logscan_next(struct logscan *s, struct logscan_block *out) DT_MUST;

#endif
