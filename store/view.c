/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "store/addr.h"
#include "store/epoch.h"
#include "store/inside.h"
#include "store/orgs.h"
#include "store/record.h"
#include "store/secret.h"
#include "store/view.h"

/**
 * DOC: a read transaction and its cursors. Nodes of both families come in one
 * order, by id: two sorted tables are walked like a zip. Contacts are walked
 * beside the address table in the same way, which hides those that have been
 * heard under an id since (S-5).
 */

/* One table walked with its next pair in hand. */
struct walk {
	struct kv_cursor *cursor;
	struct span key, val;
	int rc;       /* of the last step: 1 a pair, 0 the end, or an error */
	bool in_hand; /* the pair is still to be used */
};

/* Colours met: a scan names few networks, and a colour costs three cube roots. */
struct tint {
	uint32_t asn;
	bool known;
	uint8_t rgb[3];
};

enum { TINTS = 4096 /* power of two; 32 KiB */ };

struct store_view {
	struct store *store;
	struct kv *kv;
	struct kv_txn *txn;
	struct tint *tints;
	struct walk nodes[2], addr[2]; /* v4, v6 */
	struct kv_cursor *mentioned[2], *find[2];
};

static const enum kv_table nodes_of[2] = { KV_NODES4, KV_NODES6 };
static const enum kv_table addr_of[2] = { KV_ADDR4, KV_ADDR6 };
static const enum kv_table mentioned_of[2] = { KV_MENTIONED4, KV_MENTIONED6 };

static int open_cursors(struct store_view *v)
{
	int rc = 0;

	for (unsigned i = 0; i < 2 && rc == 0; i++) {
		rc = kv_cursor_open(v->txn, nodes_of[i], &v->nodes[i].cursor);
		if (rc == 0)
			rc = kv_cursor_open(v->txn, mentioned_of[i], &v->mentioned[i]);
		if (rc == 0)
			rc = kv_cursor_open(v->txn, addr_of[i], &v->addr[i].cursor);
		if (rc == 0)
			rc = kv_cursor_open(v->txn, nodes_of[i], &v->find[i]);
	}
	return rc;
}

int store_view_open(struct store *s, struct store_view **out)
{
	struct store_view *v = calloc(1, sizeof(*v));
	int rc;

	if (!v)
		return -ENOMEM;
	v->store = s;
	v->tints = calloc(TINTS, sizeof(*v->tints));
	rc = v->tints ? store_kv_get(s, &v->kv) : -ENOMEM;
	if (rc == 0)
		rc = kv_begin(v->kv, false, &v->txn);
	if (rc == 0)
		rc = open_cursors(v);
	if (rc < 0) {
		store_view_close(v);
		return rc;
	}
	*out = v;
	return 0;
}

void store_view_close(struct store_view *v)
{
	if (!v)
		return;
	for (unsigned i = 0; i < 2; i++) {
		kv_cursor_close(v->nodes[i].cursor);
		kv_cursor_close(v->mentioned[i]);
		kv_cursor_close(v->addr[i].cursor);
		kv_cursor_close(v->find[i]);
	}
	kv_abort(v->txn);
	kv_unref(v->kv);
	free(v->tints);
	free(v);
}

struct kv_txn *view_txn(const struct store_view *v)
{
	return v->txn;
}

struct store *view_store(const struct store_view *v)
{
	return v->store;
}

static void walk_step(struct walk *w)
{
	w->rc = kv_cursor_next(w->cursor, &w->key, &w->val);
	w->in_hand = true;
}

static void walk_rewind(struct walk *w)
{
	kv_cursor_rewind(w->cursor);
	w->in_hand = false;
}

void store_view_rewind(struct store_view *v)
{
	for (unsigned i = 0; i < 2; i++) {
		walk_rewind(&v->nodes[i]);
		kv_cursor_rewind(v->mentioned[i]);
		walk_rewind(&v->addr[i]);
	}
}

uint64_t store_view_version(const struct store_view *v)
{
	return kv_txn_id(v->txn);
}

/* ---- nodes ------------------------------------------------------------------ */

static void color_of(struct store_view *v, uint32_t asn, uint8_t rgb[static 3])
{
	struct tint *t = &v->tints[(asn * 0x9e3779b1u) >> 20]; /* 12 bits */

	if (!t->known || t->asn != asn) {
		t->asn = asn;
		t->known = true;
		asn_color(asn, t->rgb);
	}
	memcpy(rgb, t->rgb, sizeof(t->rgb));
}

static void expand_place(struct store_view *v, const struct record_place *p, struct store_node *out)
{
	struct geo_place g;

	record_place_expand(p, &g);
	out->asn = g.asn;
	color_of(v, p->asn, out->color);
	memcpy(out->country, g.country, sizeof(out->country));
	out->has_point = g.has_point;
	out->country_level = g.country_level;
	out->lat = g.lat;
	out->lon = g.lon;
	out->radius_km = g.radius_km;
}

static uint32_t later(uint32_t a, uint32_t b)
{
	return a > b ? a : b;
}

static void expand_node(struct store_view *v, const struct nodeid *id, const struct endpoint *ep,
			const struct record *r, struct store_node *out)
{
	*out = (struct store_node){
		.key = nodekey_from_id(id),
		.ep = *ep,
		.first_seen_s = r->first_seen_s,
		.last_seen_s = later(r->first_seen_s, r->last_seen_s),
		.first_answered_s = r->first_answered_s,
		.last_answered_s = later(r->first_answered_s, r->last_answered_s),
		.rtt_us = r->rtt_us,
		.ordinal = r->ordinal,
		.flags = r->flags,
		.mentions = r->mentions,
		.attempts = r->attempts,
		.answers = r->answers,
		.ways = r->ways,
		.node_class = r->node_class,
		.version_len = r->version_len,
	};
	memcpy(out->version, r->version, sizeof(out->version));
	expand_place(v, &r->place, out);
}

/* 1 and the walk that stands at the lesser key; 0 where both are at the end; or an error. */
static int lesser(struct walk w[2], struct walk **out)
{
	for (unsigned i = 0; i < 2; i++) {
		if (!w[i].in_hand)
			walk_step(&w[i]);
		if (w[i].rc < 0)
			return w[i].rc;
	}
	if (!w[0].rc || !w[1].rc) {
		*out = w[0].rc ? &w[0] : &w[1];
		return (*out)->rc;
	}
	if (w[0].key.len < NODEID_BYTES || w[1].key.len < NODEID_BYTES)
		return DT_ECORRUPT;
	/* v4 first where one id stands in both. */
	*out = memcmp(w[0].key.ptr, w[1].key.ptr, NODEID_BYTES) <= 0 ? &w[0] : &w[1];
	return 1;
}

int view_next_record(struct store_view *v, struct nodeid *id, struct endpoint *ep,
		     struct record *out)
{
	struct walk *w;
	int rc = lesser(v->nodes, &w);

	if (rc <= 0)
		return rc;
	w->in_hand = false;
	rc = record_key_decode(w->key, id, ep);
	if (rc == 0)
		rc = record_decode(w->val, out);
	return rc < 0 ? rc : 1;
}

int store_view_next(struct store_view *v, struct store_node *out)
{
	struct endpoint ep;
	struct nodeid id;
	struct record r;
	int rc = view_next_record(v, &id, &ep, &r);

	if (rc == 1)
		expand_node(v, &id, &ep, &r, out);
	return rc;
}

/* The pair behind @key into the hand of @w. */
static int walk_behind(struct walk *w, struct span key)
{
	w->rc = kv_cursor_seek(w->cursor, key, &w->key, &w->val);
	w->in_hand = true;
	if (w->rc == 1 && w->key.len == key.len && !memcmp(w->key.ptr, key.ptr, key.len))
		walk_step(w);
	return w->rc < 0 ? w->rc : 0;
}

int store_view_seek(struct store_view *v, const struct nodekey *key, const struct endpoint *ep)
{
	/* v4 comes first among endpoints of one id: behind a v6 one lies none of its v4 */
	const struct endpoint last4 = endpoint_ip4(UINT32_MAX, UINT16_MAX),
			      none6 = { .addr = { 0 } };
	const struct nodeid id = nodekey_to_id(key);
	bool is4 = endpoint_is4(ep);
	uint8_t raw[RECORD_KEY6_BYTES];
	int rc = walk_behind(&v->nodes[0], span_of(raw, record_key(&id, is4 ? ep : &last4, raw)));

	if (rc == 0)
		rc = walk_behind(&v->nodes[1],
				 span_of(raw, record_key(&id, is4 ? &none6 : ep, raw)));
	return rc;
}

int store_view_find(struct store_view *v, const struct endpoint *ep, struct store_node *out)
{
	uint8_t key[ENDPOINT_COMPACT6], id4[RECORD_ADDR_BYTES];
	unsigned six = !endpoint_is4(ep);
	struct record r;
	struct nodeid id;
	struct span val;
	int rc = kv_get(v->txn, addr_of[six], span_of(key, record_addr(ep, key)), &val);

	if (rc <= 0)
		return rc;
	if (val.len != RECORD_ADDR_BYTES)
		return DT_ECORRUPT;
	memcpy(id4, val.ptr, sizeof(id4));
	rc = addr_find(v->find[six], ep, id4, &id, &r);
	if (rc == 1)
		expand_node(v, &id, ep, &r, out);
	return rc == 0 ? DT_ECORRUPT : rc; /* an address without its node */
}

/* ---- contacts ------------------------------------------------------------------ */

/* Has the contact in hand been heard under an id? The address walk keeps up. */
static int is_hidden(struct walk *addr, struct span key)
{
	for (;;) {
		int order;

		if (!addr->in_hand)
			walk_step(addr);
		if (addr->rc <= 0)
			return addr->rc;
		if (addr->key.len != key.len)
			return DT_ECORRUPT;
		order = memcmp(addr->key.ptr, key.ptr, key.len);
		if (order >= 0)
			return order == 0;
		addr->in_hand = false;
	}
}

int view_next_contact(struct store_view *v, struct span *key, struct span *val)
{
	for (unsigned i = 0; i < 2; i++) {
		struct kv_cursor *c = v->mentioned[i];
		int rc;

		while ((rc = kv_cursor_next(c, key, val)) == 1) {
			int hidden = is_hidden(&v->addr[i], *key);

			if (hidden <= 0)
				return hidden < 0 ? hidden : 1;
		}
		if (rc < 0)
			return rc;
	}
	return 0;
}

int store_view_next_mentioned(struct store_view *v, struct store_node *out)
{
	struct record_contact c;
	struct span key, val;
	struct endpoint ep;
	int rc = view_next_contact(v, &key, &val);

	if (rc <= 0)
		return rc;
	rc = record_addr_decode(key, &ep);
	if (rc == 0)
		rc = record_contact_decode(val, &c);
	if (rc < 0)
		return rc;
	*out = (struct store_node){
		.ep = ep,
		.first_seen_s = c.first_seen_s,
		.last_seen_s = c.last_seen_s,
		.flags = c.flags,
		.mentions = c.mentions,
		.attempts = c.attempts,
		.answers = c.answers,
		.ways = c.ways,
	};
	if (c.has_id)
		out->key = nodekey_from_id(&c.id);
	return 1;
}

int view_distinct_addresses(struct store_view *v, uint64_t *out)
{
	uint8_t last[16];
	size_t last_len = 0;
	struct span key, val;
	int rc = 0;

	*out = 0;
	for (unsigned i = 0; i < 2 && rc == 0; i++) {
		walk_rewind(&v->addr[i]);
		while ((rc = kv_cursor_next(v->addr[i].cursor, &key, &val)) == 1) {
			size_t n = key.len - 2; /* without its port */

			if (key.len != ENDPOINT_COMPACT4 && key.len != ENDPOINT_COMPACT6)
				return DT_ECORRUPT;
			if (n == last_len && memcmp(last, key.ptr, n) == 0)
				continue;
			memcpy(last, key.ptr, n);
			last_len = n;
			++*out;
		}
		walk_rewind(&v->addr[i]);
	}
	return rc;
}

/* ---- the rest -------------------------------------------------------------------- */

int store_view_counts(struct store_view *v, struct store_counts *out)
{
	*out = (struct store_counts){
		.nodes = kv_entries(v->txn, KV_NODES4) + kv_entries(v->txn, KV_NODES6),
		.mentioned = kv_entries(v->txn, KV_MENTIONED4) + kv_entries(v->txn, KV_MENTIONED6),
		.addresses = kv_entries(v->txn, KV_ADDR4) + kv_entries(v->txn, KV_ADDR6),
		.epochs = (uint32_t)kv_entries(v->txn, KV_EPOCHS),
		.file_bytes = kv_file_bytes(v->kv),
	};
	return 0;
}

static char *copy_text(struct span text, char *out, size_t cap)
{
	size_t n = text.len < cap - 1 ? text.len : cap - 1;

	if (n)
		memcpy(out, text.ptr, n);
	out[n] = '\0';
	return out;
}

static int get_epoch(struct store_view *v, uint32_t id, struct epoch_row *row)
{
	uint8_t key[EPOCH_KEY_BYTES];
	struct span k = span_of(key, sizeof(key)), val;
	int rc;

	epoch_key(id, key);
	rc = kv_get(v->txn, KV_EPOCHS, k, &val);
	if (rc <= 0)
		return rc < 0 ? rc : DT_ENOTFOUND;
	return epoch_decode(k, val, row);
}

int store_view_epoch(struct store_view *v, uint32_t id, struct store_epoch *out, char *report,
		     size_t cap)
{
	struct epoch_row row;
	int rc = get_epoch(v, id, &row);

	if (rc < 0)
		return rc;
	*out = row.epoch;
	if (cap)
		copy_text(row.report, report, cap);
	return 0;
}

char *store_view_epoch_geo(struct store_view *v, uint32_t id, char *out, size_t cap)
{
	struct epoch_row row;

	out[0] = '\0';
	return get_epoch(v, id, &row) < 0 ? out : copy_text(row.geo, out, cap);
}

char *store_view_org(struct store_view *v, uint32_t asn, char out[static GEO_ORG_MAX])
{
	uint8_t key[ORGS_KEY_BYTES];
	struct span val;
	size_t n = 0;

	orgs_key(asn, key);
	if (kv_get(v->txn, KV_ORGS, span_of(key, sizeof(key)), &val) == 1) {
		n = val.len < GEO_ORG_MAX - 1 ? val.len : GEO_ORG_MAX - 1;
		memcpy(out, val.ptr, n);
	}
	out[n] = '\0';
	return out;
}

char *store_view_attribution(struct store_view *v, char *out, size_t cap)
{
	return orgs_attribution(v->txn, out, cap);
}

int store_view_secret(struct store_view *v, uint8_t out[static STORE_SECRET_BYTES])
{
	return secret_get(v->txn, out);
}
