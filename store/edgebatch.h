/* SPDX-License-Identifier: MIT */
#ifndef STORE_EDGEBATCH_H
#define STORE_EDGEBATCH_H

#include "proto/listing.h"
#include "store/edgefile.h"
#include "store/segset.h"

/**
 * DOC: listings gather in memory, vertices numbered as they come; a full batch
 * is sorted and becomes a segment. Segments of one census are joined at its end.
 */
struct edgebatch;

enum { EDGEBATCH_EDGES = 1 << 21 /* some 100 MB at most, mostly vertices */ };

int edgebatch_new(struct edgebatch **out) DT_MUST;
void edgebatch_free(struct edgebatch *b);

/** edgebatch_add() - Errors: -ENOMEM; DT_EKIND a listing that nobody of ours makes. */
int edgebatch_add(struct edgebatch *b, const struct listing *l) DT_MUST;
bool edgebatch_is_full(const struct edgebatch *b);
bool edgebatch_is_empty(const struct edgebatch *b);

/** edgebatch_write() - as segment @number of @epoch; durable when it returns 0. Kept. */
int edgebatch_write(struct edgebatch *b, const struct sio *io, uint32_t number, uint32_t epoch,
		    struct seg_entry *entry) DT_MUST;
void edgebatch_clear(struct edgebatch *b);

#endif
