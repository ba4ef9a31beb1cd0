/* SPDX-License-Identifier: MIT */
#include "store/secret.h"

#include <errno.h>
#include <sodium.h>
#include <string.h>

#include "store/store.h"

static const struct span secret_key = { (const uint8_t *)"secret", 6 };

int secret_get(struct kv_txn *txn, uint8_t *out)
{
	struct span val;
	int rc = kv_get(txn, KV_META, secret_key, &val);

	if (rc <= 0)
		return rc < 0 ? rc : DT_ENOTFOUND;
	if (val.len != STORE_SECRET_BYTES)
		return DT_ECORRUPT;
	memcpy(out, val.ptr, STORE_SECRET_BYTES);
	return 0;
}

static int draw(struct kv_txn *txn)
{
	uint8_t secret[STORE_SECRET_BYTES];
	int rc;

	if (sodium_init() < 0)
		return -EIO;
	randombytes_buf(secret, sizeof(secret));
	rc = kv_put(txn, KV_META, secret_key, span_of(secret, sizeof(secret)));
	sodium_memzero(secret, sizeof(secret));
	return rc;
}

static bool is_there(struct kv *kv)
{
	uint8_t secret[STORE_SECRET_BYTES];
	struct kv_txn *txn;
	bool there;

	if (kv_begin(kv, false, &txn) < 0)
		return false;
	there = secret_get(txn, secret) != DT_ENOTFOUND;
	kv_abort(txn);
	sodium_memzero(secret, sizeof(secret));
	return there;
}

int secret_ensure(struct kv *kv)
{
	struct kv_txn *txn;
	int rc;

	if (is_there(kv))
		return 0; /* as nearly always: opening a store writes nothing */
	rc = kv_begin(kv, true, &txn);
	if (rc < 0)
		return rc;
	rc = draw(txn);
	if (rc < 0) {
		kv_abort(txn);
		return rc;
	}
	return kv_commit(txn);
}
