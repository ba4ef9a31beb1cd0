/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/epoch.h"
#include "store/inside.h"
#include "store/le.h"
#include "store/marks.h"
#include "store/record.h"
#include "store/rewrite.h"
#include "store/seal.h"
#include "store/vantage.h"

/**
 * DOC: schema 1 -> 2. Every row is rewritten into the next generation, so a crash
 * leaves the old store as it was. What schema 1 knew of time, first and last of a
 * node, becomes marks in the log.
 */

/* The layouts of schema 1, where they differ. */
enum {
	N1_RTT = 40,   /* 3 bytes, us */
	N1_COLOR = 43, /* 3 bytes; zeros: never looked up */
	N_BITS = 1,
	N_RTT = 40,
	N_ORDINAL = 42,
	BITS_LOOKED_UP = 0x40,
	E1_HEAD_BYTES = 20,
	E1_STARTED = 4,
	E1_ENDED = 12,
	CHUNK_MARKS = 1 << 20,
	TIMES = 4,
};

struct migration {
	struct kv_txn *from;
	struct rewrite *to;
	struct marks marks;
	struct radix_ref *refs, *tmp;
	uint64_t chunks, vantage;
	uint32_t nodes;
};

static int flush_marks(struct migration *m)
{
	uint8_t key[PENDING_KEY_BYTES];
	struct span chunk;
	int rc = marks_chunk(&m->marks, m->refs, m->tmp, SEAL_LEVEL, &chunk);

	marks_clear(&m->marks);
	if (rc < 0 || !chunk.len)
		return rc;
	m->chunks++;
	for (unsigned i = 0; i < sizeof(key); i++)
		key[i] = (uint8_t)(m->chunks >> (8 * (sizeof(key) - 1 - i)));
	return rewrite_put(m->to, KV_PENDING, span_of(key, sizeof(key)), chunk);
}

static int mark(struct migration *m, uint32_t when_s, uint8_t ways)
{
	uint32_t after = when_s % m->marks.width_s;
	const struct mark row = { .bucket_s = when_s - after,
				  .ordinal = m->nodes,
				  .after_s = (uint16_t)after,
				  .ways = ways };

	return when_s && ways ? marks_add_row(&m->marks, &row) : 0;
}

static int mark_times(struct migration *m, const struct record *r)
{
	uint8_t others = r->ways & (1u << SIGHTING_ASKED_US | 1u << SIGHTING_TAPPED);
	int rc = mark(m, r->first_answered_s, 1u << SIGHTING_ANSWERED);

	if (rc == 0)
		rc = mark(m, r->last_answered_s, 1u << SIGHTING_ANSWERED);
	if (rc == 0)
		rc = mark(m, r->first_seen_s, others);
	if (rc == 0)
		rc = mark(m, r->last_seen_s, others);
	if (rc == 0 && marks_count(&m->marks) + TIMES > CHUNK_MARKS)
		rc = flush_marks(m);
	return rc;
}

static int put_node(struct migration *m, enum kv_table table, struct span key, struct span val)
{
	uint8_t now[RECORD_BYTES];
	struct record r;
	bool looked_up;
	int rc;

	if (val.len != RECORD_BYTES)
		return DT_ESIZE;
	if (val.ptr[0] != 1 || m->nodes == UINT32_MAX)
		return DT_ECORRUPT;
	memcpy(now, val.ptr, sizeof(now));
	looked_up = now[N1_COLOR] || now[N1_COLOR + 1] || now[N1_COLOR + 2];
	now[0] = RECORD_VERSION;
	now[N_BITS] |= looked_up ? BITS_LOOKED_UP : 0;
	le_put16(now + N_RTT,
		 record_rtt_pack(le_get16(val.ptr + N1_RTT) | (uint32_t)val.ptr[N1_RTT + 2] << 16));
	le_put32(now + N_ORDINAL, m->nodes);
	rc = record_decode(span_of(now, sizeof(now)), &r);
	if (rc == 0)
		rc = mark_times(m, &r);
	m->nodes++;
	return rc < 0 ? rc : rewrite_append(m->to, table, key, span_of(now, sizeof(now)));
}

static int put_contact(struct migration *m, enum kv_table table, struct span key, struct span val)
{
	uint8_t now[RECORD_CONTACT_BYTES];
	struct record_contact c;
	int rc;

	if (val.len != sizeof(now))
		return DT_ESIZE;
	if (val.ptr[0] != 1)
		return DT_ECORRUPT;
	memcpy(now, val.ptr, sizeof(now));
	now[0] = RECORD_VERSION;
	rc = record_contact_decode(span_of(now, sizeof(now)), &c);
	return rc < 0 ? rc : rewrite_append(m->to, table, key, span_of(now, sizeof(now)));
}

static int put_epoch(struct migration *m, struct span key, struct span val)
{
	struct epoch_row row = { .vantage = m->vantage };
	uint8_t *now;
	size_t len;
	int rc;

	if (val.len < E1_HEAD_BYTES)
		return DT_ESIZE;
	if (val.ptr[0] != 1)
		return DT_ECORRUPT;
	row.epoch.synthetic = val.ptr[1] & 1;
	row.epoch.started_s = le_get64(val.ptr + E1_STARTED);
	row.epoch.ended_s = le_get64(val.ptr + E1_ENDED);
	row.report = span_slice(val, E1_HEAD_BYTES, val.len - E1_HEAD_BYTES);
	rc = epoch_encode(&row, &now, &len);
	if (rc < 0)
		return rc;
	rc = rewrite_append(m->to, KV_EPOCHS, key, span_of(now, len));
	free(now);
	return rc;
}

static int put_meta(struct migration *m, struct span key, struct span val)
{
	const uint8_t schema[4] = { STORE_SCHEMA };

	if (span_equal(key, SPAN_LIT("schema")))
		val = span_of(schema, sizeof(schema));
	return rewrite_put(m->to, KV_META, key, val);
}

static int put_row(struct migration *m, enum kv_table table, struct span key, struct span val)
{
	switch (table) {
	case KV_META:
		return put_meta(m, key, val);
	case KV_NODES4:
	case KV_NODES6:
		return put_node(m, table, key, val);
	case KV_MENTIONED4:
	case KV_MENTIONED6:
		return put_contact(m, table, key, val);
	case KV_EPOCHS:
		return put_epoch(m, key, val);
	case KV_ADDR4:
	case KV_ADDR6:
	case KV_ORGS:
		return rewrite_append(m->to, table, key, val);
	case KV_PENDING:
	case KV_TABLES:
		break;
	}
	return DT_EKIND;
}

static int put_table(struct migration *m, enum kv_table table)
{
	struct span key, val;
	struct kv_cursor *c;
	int rc = kv_cursor_open(m->from, table, &c);

	if (rc < 0)
		return rc;
	while ((rc = kv_cursor_next(c, &key, &val)) == 1) {
		rc = put_row(m, table, key, val);
		if (rc < 0)
			break;
	}
	kv_cursor_close(c);
	return rc;
}

static int fill(struct migration *m)
{
	int rc = put_table(m, KV_META);

	if (rc == 0)
		rc = vantage_ensure(rewrite_txn(m->to), &m->vantage);
	for (unsigned t = KV_META + 1; t < KV_TABLES_1 && rc == 0; t++)
		rc = put_table(m, (enum kv_table)t);
	return rc == 0 ? flush_marks(m) : rc;
}

static int run(struct store *s, struct migration *m)
{
	/* Marks beside the tables: two of 5 bytes a node and something for little ones. */
	int rc = rewrite_begin(s, kv_used_bytes(s->kv) + kv_used_bytes(s->kv) / 8, &m->to);

	if (rc < 0)
		return rc;
	rc = kv_begin(s->kv, false, &m->from);
	if (rc == 0) {
		rc = fill(m);
		kv_abort(m->from);
	}
	if (rc < 0) {
		rewrite_abort(m->to);
		return rc;
	}
	return rewrite_adopt(m->to);
}

static int migrate(struct store *s)
{
	struct migration m = { .chunks = 0 };
	int rc = marks_init(&m.marks, 0);

	if (rc < 0)
		return rc;
	m.refs = malloc((CHUNK_MARKS + TIMES) * sizeof(*m.refs));
	m.tmp = malloc((CHUNK_MARKS + TIMES) * sizeof(*m.tmp));
	rc = m.refs && m.tmp ? run(s, &m) : -ENOMEM;
	marks_fini(&m.marks);
	free(m.refs);
	free(m.tmp);
	return rc;
}

int store_migrate(const char *dir, unsigned *from, char *why)
{
	struct store *s;
	int rc = store_open_any(dir, from, &s, why);

	if (rc < 0)
		return rc;
	if (*from < STORE_SCHEMA) {
		rc = migrate(s);
		if (rc < 0)
			snprintf(why, STORE_WHY_MAX, "%.180s: %s; it is as it was", dir,
				 dt_strerror(rc));
	}
	store_close(s);
	return rc;
}
