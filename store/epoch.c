/* SPDX-License-Identifier: MIT */
#include "store/epoch.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "store/edges.h"
#include "store/inside.h"

/* Layout of a value: version 1, flags 1, zero 2, started 8, ended 8, report. */
enum { E_VERSION = 0, E_FLAGS = 1, E_STARTED = 4, E_ENDED = 12, E_REPORT = 20 };
_Static_assert((int)E_REPORT == (int)EPOCH_HEAD_BYTES, "as drawn");

enum {
	EPOCH_VERSION = 1,
	FLAG_SYNTHETIC = 1,
	REPORT_MAX_BYTES = 1 << 20, /* a census report is some 4 KiB */
};

static void put64(uint8_t *p, uint64_t v)
{
	for (unsigned i = 0; i < 8; i++)
		p[i] = (uint8_t)(v >> (8 * i));
}

static uint64_t get64(const uint8_t *p)
{
	uint64_t v = 0;

	for (unsigned i = 0; i < 8; i++)
		v |= (uint64_t)p[i] << (8 * i);
	return v;
}

void epoch_key(uint32_t id, uint8_t out[static EPOCH_KEY_BYTES])
{
	for (unsigned i = 0; i < EPOCH_KEY_BYTES; i++)
		out[i] = (uint8_t)(id >> (24 - 8 * i));
}

static void encode_head(const struct store_epoch *e, uint8_t out[static EPOCH_HEAD_BYTES])
{
	memset(out, 0, EPOCH_HEAD_BYTES);
	out[E_VERSION] = EPOCH_VERSION;
	out[E_FLAGS] = e->synthetic ? FLAG_SYNTHETIC : 0;
	put64(out + E_STARTED, e->started_s);
	put64(out + E_ENDED, e->ended_s);
}

int epoch_decode(struct span key, struct span val, struct store_epoch *out, struct span *report)
{
	if (key.len != EPOCH_KEY_BYTES || val.len < EPOCH_HEAD_BYTES)
		return DT_ESIZE;
	if (val.ptr[E_VERSION] != EPOCH_VERSION)
		return val.ptr[E_VERSION] > EPOCH_VERSION ? DT_ENEWER : DT_ECORRUPT;
	*out = (struct store_epoch){
		.id = (uint32_t)key.ptr[0] << 24 | (uint32_t)key.ptr[1] << 16 |
		      (uint32_t)key.ptr[2] << 8 | key.ptr[3],
		.started_s = get64(val.ptr + E_STARTED),
		.ended_s = get64(val.ptr + E_ENDED),
		.synthetic = (val.ptr[E_FLAGS] & FLAG_SYNTHETIC) != 0,
		.report_bytes = (uint32_t)(val.len - E_REPORT),
	};
	*report = span_slice(val, E_REPORT, val.len - E_REPORT);
	return 0;
}

static int last_id(struct kv_txn *txn, uint32_t *id)
{
	struct store_epoch last = { .id = 0 };
	struct span key, val, report;
	struct kv_cursor *c;
	int rc = kv_cursor_open(txn, KV_EPOCHS, &c);

	if (rc < 0)
		return rc;
	rc = kv_cursor_last(c, &key, &val);
	if (rc == 1)
		rc = epoch_decode(key, val, &last, &report);
	kv_cursor_close(c);
	*id = last.id;
	return rc < 0 ? rc : 0;
}

static int put_epoch(struct kv_txn *txn, const struct store_epoch *e, struct span report)
{
	uint8_t key[EPOCH_KEY_BYTES];
	uint8_t *val = malloc(EPOCH_HEAD_BYTES + report.len);
	int rc;

	if (!val)
		return -ENOMEM;
	epoch_key(e->id, key);
	encode_head(e, val);
	if (report.len)
		memcpy(val + E_REPORT, report.ptr, report.len);
	rc = kv_put(txn, KV_EPOCHS, span_of(key, sizeof(key)),
		    span_of(val, EPOCH_HEAD_BYTES + report.len));
	free(val);
	return rc;
}

int store_epoch_begin(struct store *s, uint64_t started_s, bool synthetic, uint32_t *id)
{
	struct store_epoch e = { .started_s = started_s, .synthetic = synthetic };
	struct kv_txn *txn;
	int rc;

	if (!s->write)
		return DT_EREFUSED;
	rc = kv_begin(s->kv, true, &txn);
	if (rc < 0)
		return rc;
	rc = last_id(txn, &e.id);
	if (rc == 0 && e.id == UINT32_MAX)
		rc = DT_EFULL;
	e.id++;
	if (rc == 0)
		rc = put_epoch(txn, &e, (struct span){ NULL, 0 });
	if (rc < 0) {
		kv_abort(txn);
		return rc;
	}
	rc = kv_commit(txn);
	if (rc < 0)
		return rc;
	s->epoch_s = started_s > UINT32_MAX ? UINT32_MAX : (uint32_t)started_s;
	s->epoch = e.id;
	*id = e.id;
	return 0;
}

int store_epoch_reopen(struct store *s, uint32_t id)
{
	uint8_t key[EPOCH_KEY_BYTES];
	struct span k = span_of(key, sizeof(key)), val, report;
	struct store_epoch e;
	struct kv_txn *txn;
	int rc;

	if (!s->write)
		return DT_EREFUSED;
	rc = kv_begin(s->kv, false, &txn);
	if (rc < 0)
		return rc;
	epoch_key(id, key);
	rc = kv_get(txn, KV_EPOCHS, k, &val);
	rc = rc == 0 ? DT_ENOTFOUND : rc < 0 ? rc : epoch_decode(k, val, &e, &report);
	kv_abort(txn);
	if (rc < 0)
		return rc;
	s->epoch_s = e.started_s > UINT32_MAX ? UINT32_MAX : (uint32_t)e.started_s;
	return 0;
}

static int end_in_txn(struct kv_txn *txn, uint32_t id, uint64_t ended_s, struct span report)
{
	uint8_t key[EPOCH_KEY_BYTES];
	struct span k = span_of(key, sizeof(key)), val, old_report;
	struct store_epoch e;
	int rc;

	epoch_key(id, key);
	rc = kv_get(txn, KV_EPOCHS, k, &val);
	if (rc <= 0)
		return rc < 0 ? rc : DT_ENOTFOUND;
	rc = epoch_decode(k, val, &e, &old_report);
	if (rc < 0)
		return rc;
	e.ended_s = ended_s;
	return put_epoch(txn, &e, report);
}

int store_epoch_end(struct store *s, uint32_t id, uint64_t ended_s, const char *report,
		    size_t report_len)
{
	struct kv_txn *txn;
	int rc;

	if (!s->write)
		return DT_EREFUSED;
	if (report_len > REPORT_MAX_BYTES)
		return DT_ESIZE;
	rc = kv_begin(s->kv, true, &txn);
	if (rc < 0)
		return rc;
	rc = end_in_txn(txn, id, ended_s, span_of(report, report_len));
	if (rc < 0) {
		kv_abort(txn);
		return rc;
	}
	rc = kv_commit(txn);
	if (rc < 0)
		return rc;
	s->epoch_s = s->epoch = 0;
	return edges_join(s, id);
}
