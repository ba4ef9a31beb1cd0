/* SPDX-License-Identifier: MIT */
#ifndef STORE_VANTAGE_H
#define STORE_VANTAGE_H

#include "store/kv.h"

/**
 * DOC: which store something was first written in: 8 random bytes, drawn when the
 * first census begins, and for each of them how far its segments have come into
 * this one. What is shipped from a vantage is forgotten there only below that
 * mark (S-29).
 */

/** struct vantage_mark - a place in a vantage's segments; later ones are greater. */
struct vantage_mark {
	uint32_t run, segment; /* the next one that is not here */
	uint64_t chunk;        /* the last of the pending table that is */
};

enum { VANTAGE_KEY_BYTES = 3 + 16, VANTAGE_MARK_BYTES = 16 };

/** vantage_ensure() - this store's, drawn where there is none. */
int vantage_ensure(struct kv_txn *txn, uint64_t *out) DT_MUST;

/** vantage_get() - 1 and this store's, or 0. Errors: DT_ECORRUPT. */
int vantage_get(struct kv_txn *txn, uint64_t *out) DT_MUST;

/** vantage_key() - "wm/" and 16 hex digits, as key of the meta table. */
struct span vantage_key(uint64_t vantage, uint8_t out[static VANTAGE_KEY_BYTES]);
bool vantage_is_mark(struct span key);

void vantage_encode(const struct vantage_mark *m, uint8_t out[static VANTAGE_MARK_BYTES]);
int vantage_decode(struct span val, struct vantage_mark *out) DT_MUST;

/** vantage_later() - does @a stand behind @b? */
bool vantage_later(const struct vantage_mark *a, const struct vantage_mark *b);

#endif
