/* SPDX-License-Identifier: MIT */
#ifndef STORE_EPOCH_H
#define STORE_EPOCH_H

#include "proto/span.h"
#include "store/store.h"

enum { EPOCH_KEY_BYTES = 4, EPOCH_HEAD_BYTES = 20 };

/**
 * epoch_decode() - a pair of the epochs table.
 * @report: out; the JSON behind the head, borrowed from @val.
 * Errors:  DT_ESIZE, DT_ENEWER, DT_ECORRUPT.
 */
int epoch_decode(struct span key, struct span val, struct store_epoch *out,
		 struct span *report) DT_MUST;

void epoch_key(uint32_t id, uint8_t out[static EPOCH_KEY_BYTES]);

#endif
