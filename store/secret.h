/* SPDX-License-Identifier: MIT */
#ifndef STORE_SECRET_H
#define STORE_SECRET_H

#include "store/kv.h"

/** DOC: the row of the meta table that keys the pseudonyms of this store's addresses. */

/** secret_ensure() - draw one where there is none; what stands is never changed. */
int secret_ensure(struct kv *kv) DT_MUST;

/** secret_get() - STORE_SECRET_BYTES to @out. Errors: DT_ENOTFOUND, DT_ECORRUPT. */
int secret_get(struct kv_txn *txn, uint8_t *out) DT_MUST;

#endif
