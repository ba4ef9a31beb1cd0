/* SPDX-License-Identifier: MIT */
#ifndef STORE_EPOCH_H
#define STORE_EPOCH_H

#include "proto/span.h"
#include "store/store.h"

enum { EPOCH_KEY_BYTES = 4, EPOCH_HEAD_BYTES = 28 };

/** struct epoch_row - a value of the epochs table; spans are borrowed. */
struct epoch_row {
	struct store_epoch epoch;
	uint64_t vantage; /* which store's census; with the start its name among all */
	struct span geo;  /* the databases that placed its nodes, resolve_line() */
	struct span report;
};

/**
 * epoch_decode() - a pair of the epochs table.
 * Errors:  DT_ESIZE, DT_ENEWER, DT_ECORRUPT.
 */
int epoch_decode(struct span key, struct span val, struct epoch_row *out) DT_MUST;

/** epoch_encode() - the value; the caller frees it. Errors: -ENOMEM, DT_ESIZE. */
int epoch_encode(const struct epoch_row *row, uint8_t **val, size_t *len) DT_MUST;

void epoch_key(uint32_t id, uint8_t out[static EPOCH_KEY_BYTES]);

#endif
