/* SPDX-License-Identifier: MIT */
#include "store/epoch.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "store/edges.h"
#include "store/inside.h"
#include "store/le.h"
#include "store/resolve.h"
#include "store/vantage.h"

/* Layout of a value: version 1, flags 1, bytes of geo 2, started 8, ended 8, vantage 8, geo,
 * report. */
enum {
	E_VERSION = 0,
	E_FLAGS = 1,
	E_GEO = 2,
	E_STARTED = 4,
	E_ENDED = 12,
	E_VANTAGE = 20,
	E_TEXT = 28
};
_Static_assert((int)E_TEXT == (int)EPOCH_HEAD_BYTES, "as drawn");

enum {
	EPOCH_VERSION = 2,
	FLAG_SYNTHETIC = 1,
	REPORT_MAX_BYTES = 1 << 20, /* a census report is some 4 KiB */
};

void epoch_key(uint32_t id, uint8_t out[static EPOCH_KEY_BYTES])
{
	for (unsigned i = 0; i < EPOCH_KEY_BYTES; i++)
		out[i] = (uint8_t)(id >> (24 - 8 * i));
}

int epoch_encode(const struct epoch_row *row, uint8_t **val, size_t *len)
{
	uint8_t *p;

	if (row->geo.len > UINT16_MAX || row->report.len > REPORT_MAX_BYTES)
		return DT_ESIZE;
	*len = EPOCH_HEAD_BYTES + row->geo.len + row->report.len;
	p = *val = calloc(1, *len);
	if (!p)
		return -ENOMEM;
	p[E_VERSION] = EPOCH_VERSION;
	p[E_FLAGS] = row->epoch.synthetic ? FLAG_SYNTHETIC : 0;
	le_put16(p + E_GEO, (uint16_t)row->geo.len);
	le_put64(p + E_STARTED, row->epoch.started_s);
	le_put64(p + E_ENDED, row->epoch.ended_s);
	le_put64(p + E_VANTAGE, row->vantage);
	if (row->geo.len)
		memcpy(p + E_TEXT, row->geo.ptr, row->geo.len);
	if (row->report.len)
		memcpy(p + E_TEXT + row->geo.len, row->report.ptr, row->report.len);
	return 0;
}

int epoch_decode(struct span key, struct span val, struct epoch_row *out)
{
	const uint8_t *p = val.ptr;
	size_t geo, text;

	if (key.len != EPOCH_KEY_BYTES || val.len < EPOCH_HEAD_BYTES)
		return DT_ESIZE;
	if (p[E_VERSION] != EPOCH_VERSION)
		return p[E_VERSION] > EPOCH_VERSION ? DT_ENEWER : DT_ECORRUPT;
	geo = le_get16(p + E_GEO);
	text = val.len - EPOCH_HEAD_BYTES;
	if (geo > text)
		return DT_ECORRUPT;
	*out = (struct epoch_row){
		.epoch = { .id = (uint32_t)key.ptr[0] << 24 | (uint32_t)key.ptr[1] << 16 |
				 (uint32_t)key.ptr[2] << 8 | key.ptr[3],
			   .started_s = le_get64(p + E_STARTED),
			   .ended_s = le_get64(p + E_ENDED),
			   .synthetic = (p[E_FLAGS] & FLAG_SYNTHETIC) != 0,
			   .report_bytes = (uint32_t)(text - geo) },
		.vantage = le_get64(p + E_VANTAGE),
		.geo = span_slice(val, E_TEXT, geo),
		.report = span_slice(val, E_TEXT + geo, text - geo),
	};
	return 0;
}

static int last_id(struct kv_txn *txn, uint32_t *id)
{
	struct epoch_row last = { .epoch.id = 0 };
	struct span key, val;
	struct kv_cursor *c;
	int rc = kv_cursor_open(txn, KV_EPOCHS, &c);

	if (rc < 0)
		return rc;
	rc = kv_cursor_last(c, &key, &val);
	if (rc == 1)
		rc = epoch_decode(key, val, &last);
	kv_cursor_close(c);
	*id = last.epoch.id;
	return rc < 0 ? rc : 0;
}

static int put_row(struct kv_txn *txn, const struct epoch_row *row)
{
	uint8_t key[EPOCH_KEY_BYTES], *val;
	size_t len;
	int rc = epoch_encode(row, &val, &len);

	if (rc < 0)
		return rc;
	epoch_key(row->epoch.id, key);
	rc = kv_put(txn, KV_EPOCHS, span_of(key, sizeof(key)), span_of(val, len));
	free(val);
	return rc;
}

static int begin_in_txn(struct store *s, struct kv_txn *txn, struct epoch_row *row)
{
	char geo[RESOLVE_LINE_MAX];
	int rc = last_id(txn, &row->epoch.id);

	if (rc == 0 && row->epoch.id == UINT32_MAX)
		rc = DT_EFULL;
	if (rc == 0)
		rc = vantage_ensure(txn, &row->vantage);
	if (rc < 0)
		return rc;
	row->epoch.id++;
	resolve_line(s->geo, geo);
	row->geo = span_of(geo, strlen(geo));
	return put_row(txn, row);
}

int store_epoch_beside(struct store *s, uint64_t started_s, bool synthetic, uint32_t *id)
{
	struct epoch_row row = { .epoch = { .started_s = started_s, .synthetic = synthetic } };
	struct kv_txn *txn;
	int rc;

	if (!s->write)
		return DT_EREFUSED;
	rc = kv_begin(s->kv, true, &txn);
	if (rc < 0)
		return rc;
	rc = begin_in_txn(s, txn, &row);
	if (rc < 0) {
		kv_abort(txn);
		return rc;
	}
	rc = kv_commit(txn);
	if (rc == 0)
		*id = row.epoch.id;
	return rc;
}

int store_epoch_begin(struct store *s, uint64_t started_s, bool synthetic, uint32_t *id)
{
	int rc = store_epoch_beside(s, started_s, synthetic, id);

	if (rc < 0)
		return rc;
	s->epoch_s = started_s > UINT32_MAX ? UINT32_MAX : (uint32_t)started_s;
	s->epoch = *id;
	return 0;
}

int store_epoch_reopen(struct store *s, uint32_t id)
{
	uint8_t key[EPOCH_KEY_BYTES];
	struct span k = span_of(key, sizeof(key)), val;
	struct epoch_row row;
	struct kv_txn *txn;
	int rc;

	if (!s->write)
		return DT_EREFUSED;
	rc = kv_begin(s->kv, false, &txn);
	if (rc < 0)
		return rc;
	epoch_key(id, key);
	rc = kv_get(txn, KV_EPOCHS, k, &val);
	rc = rc == 0 ? DT_ENOTFOUND : rc < 0 ? rc : epoch_decode(k, val, &row);
	kv_abort(txn);
	if (rc < 0)
		return rc;
	s->epoch_s = row.epoch.started_s > UINT32_MAX ? UINT32_MAX : (uint32_t)row.epoch.started_s;
	s->epoch = id;
	return 0;
}

static int end_in_txn(struct kv_txn *txn, uint32_t id, uint64_t ended_s, struct span report)
{
	uint8_t key[EPOCH_KEY_BYTES];
	struct span k = span_of(key, sizeof(key)), val;
	struct epoch_row row;
	int rc;

	epoch_key(id, key);
	rc = kv_get(txn, KV_EPOCHS, k, &val);
	if (rc <= 0)
		return rc < 0 ? rc : DT_ENOTFOUND;
	rc = epoch_decode(k, val, &row);
	if (rc < 0)
		return rc;
	row.epoch.ended_s = ended_s;
	row.report = report;
	return put_row(txn, &row);
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
	if (s->epoch == id)
		s->epoch_s = s->epoch = 0;
	return edges_join(s, id);
}
