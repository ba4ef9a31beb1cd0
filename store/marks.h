/* SPDX-License-Identifier: MIT */
#ifndef STORE_MARKS_H
#define STORE_MARKS_H

#include <stdint.h>

#include "proto/sighting.h"
#include "store/kv.h"
#include "store/logblock.h"
#include "store/radix.h"

/**
 * DOC: what a batch adds to the sightings log. Marks gather while the batch is
 * written to the node table, which knows the ordinals; then they are sorted,
 * folded and put into the pending table within the same transaction. So a
 * sighting that is acknowledged is in both, or in neither (S-20).
 */
struct mark {
	uint32_t bucket_s, ordinal;
	uint16_t after_s, rtt, flags;
	uint8_t ways, zero;
};
_Static_assert(sizeof(struct mark) == 16, "a batch of a million costs 16 MB");

enum { MARKS_BUCKET_S = 600, MARKS_BUCKET_MAX_S = UINT16_MAX };

struct marks {
	/* private */
	uint32_t width_s;
	struct mark *list;
	size_t count, cap;
	struct log_codec *codec;
	struct log_rows rows;
	uint8_t *chunk;
	size_t chunk_len, chunk_cap;
};

/** marks_init() - @width_s: of a bucket, 0 = 600. Errors: DT_ERANGE, -ENOMEM. */
int marks_init(struct marks *m, unsigned width_s) DT_MUST;
void marks_fini(struct marks *m);

/** marks_add() - node @ordinal was heard. Closing words are passed over. Errors: -ENOMEM. */
int marks_add(struct marks *m, uint32_t ordinal, const struct sighting *s) DT_MUST;

/** marks_add_row() - the same of times that are only known to the second. */
int marks_add_row(struct marks *m, const struct mark *row) DT_MUST;

/**
 * marks_chunk() - sort, fold, encode all that was added since marks_clear().
 * @refs, @tmp: room for as many as were added.
 * @out: blocks, borrowed until the next use; empty where nothing was added.
 */
int marks_chunk(struct marks *m, struct radix_ref *refs, struct radix_ref *tmp, int level,
		struct span *out) DT_MUST;
void marks_clear(struct marks *m);

size_t marks_count(const struct marks *m);

#endif
