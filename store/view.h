/* SPDX-License-Identifier: MIT */
#ifndef STORE_VIEW_H
#define STORE_VIEW_H

#include "store/record.h"
#include "store/store.h"

/** DOC: a view from inside the layer: rows as they are kept. */

/** view_txn(), view_store() - what it stands on; borrowed. */
struct kv_txn *view_txn(const struct store_view *v);
struct store *view_store(const struct store_view *v);

/** view_next_record() - as store_view_next(), not expanded. */
int view_next_record(struct store_view *v, struct nodeid *id, struct endpoint *ep,
		     struct record *out) DT_MUST;

/** view_next_contact() - the next pair of a mentioned table that is not hidden. */
int view_next_contact(struct store_view *v, struct span *key, struct span *val) DT_MUST;

/** view_distinct_addresses() - addresses that were heard from; the contacts' walk is rewound. */
int view_distinct_addresses(struct store_view *v, uint64_t *out) DT_MUST;

#endif
