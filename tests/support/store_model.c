/* SPDX-License-Identifier: MIT */
#include "tests/support/store_model.h"

#include <string.h>

void model_init(struct model *m)
{
	memset(m, 0, sizeof(*m));
}

void model_fini(struct model *m)
{
	free(m->rows);
	model_init(m);
}

static struct model_row *find(struct model *m, const struct sighting *s, bool contact)
{
	for (size_t i = 0; i < m->count; i++) {
		struct model_row *row = &m->rows[i];

		if (row->contact != contact || !endpoint_equal(&row->n.ep, &s->from))
			continue;
		if (contact || memcmp(row->n.key.b, s->key.b, NODEKEY_BYTES) == 0)
			return row;
	}
	return NULL;
}

static struct model_row *add(struct model *m)
{
	if (m->count == m->cap) {
		m->cap = m->cap ? 2 * m->cap : 64;
		m->rows = realloc(m->rows, m->cap * sizeof(*m->rows));
		if (!m->rows)
			abort();
	}
	memset(&m->rows[m->count], 0, sizeof(*m->rows));
	return &m->rows[m->count++];
}

static uint8_t greater8(uint8_t a, uint8_t b)
{
	return a > b ? a : b;
}

static void fold_epoch(struct model_row *row, const struct sighting *s, uint64_t epoch_s)
{
	struct store_node *n = &row->n;

	if (epoch_s < row->epoch_s)
		return;
	if (epoch_s > row->epoch_s) {
		row->epoch_s = epoch_s;
		n->attempts = n->answers = n->version_len = 0;
		memset(n->version, 0, sizeof(n->version));
		if (row->contact)
			memset(&n->key, 0, sizeof(n->key));
	}
	n->attempts = greater8(n->attempts, s->attempts);
	n->answers = greater8(n->answers, s->answers);
	if (row->contact) {
		if (s->key.bits && memcmp(s->key.b, n->key.b, NODEKEY_BYTES) >= 0)
			n->key = s->key;
		return;
	}
	if (s->version_len > n->version_len ||
	    (s->version_len == n->version_len && memcmp(s->version, n->version, 4) > 0)) {
		n->version_len = s->version_len;
		memcpy(n->version, s->version, 4);
	}
}

/* 12 bits of it are kept. */
static uint32_t kept_rtt(uint32_t us)
{
	unsigned shift = 0;

	while (us >> shift >= 4096)
		shift++;
	return us >> shift << shift;
}

void model_put(struct model *m, const struct sighting *s, uint64_t epoch_s)
{
	bool contact = s->way == SIGHTING_MENTIONED || s->key.bits == 0;
	struct model_row *row = find(m, s, contact);
	uint64_t when = s->when_ms / 1000;
	struct store_node *n;

	if (!row) {
		row = add(m);
		row->contact = contact;
		row->n.ep = s->from;
		if (!contact)
			row->n.key = s->key;
		row->n.first_seen_s = when;
	}
	n = &row->n;
	if (when < n->first_seen_s)
		n->first_seen_s = when;
	if (contact || !(s->flags & SIGHTING_FINAL)) {
		if (when > row->heard_s)
			row->heard_s = when;
		if (s->way == SIGHTING_ANSWERED && when > row->answered_s)
			row->answered_s = when;
	}
	if (s->way == SIGHTING_ANSWERED && !contact) {
		if (!n->first_answered_s || when < n->first_answered_s)
			n->first_answered_s = when;
		n->last_answered_s = row->answered_s > n->first_answered_s ? row->answered_s
									   : n->first_answered_s;
	}
	n->last_seen_s = row->heard_s > n->first_seen_s ? row->heard_s : n->first_seen_s;
	n->ways |= (uint8_t)(1u << s->way);
	n->flags |= s->flags;
	if (s->mentions > n->mentions)
		n->mentions = s->mentions;
	if (!contact && s->rtt_us && (!n->rtt_us || kept_rtt(s->rtt_us) < n->rtt_us))
		n->rtt_us = kept_rtt(s->rtt_us);
	fold_epoch(row, s, epoch_s);
}

static int compare_ep(const struct endpoint *a, const struct endpoint *b)
{
	int six = endpoint_is4(b) - endpoint_is4(a);
	int d = memcmp(a->addr, b->addr, sizeof(a->addr));

	return six ? six : d ? d : (int)a->port - (int)b->port;
}

/* Nodes by id, then v4 before v6; contacts v4 before v6; as the view has them. */
static int compare_rows(const void *pa, const void *pb)
{
	const struct model_row *a = pa, *b = pb;
	int d;

	if (a->contact != b->contact)
		return a->contact ? 1 : -1;
	if (a->contact)
		return compare_ep(&a->n.ep, &b->n.ep);
	d = memcmp(a->n.key.b, b->n.key.b, NODEKEY_BYTES);
	return d ? d : compare_ep(&a->n.ep, &b->n.ep);
}

void model_sort(struct model *m)
{
	if (m->count)
		qsort(m->rows, m->count, sizeof(*m->rows), compare_rows);
}

bool model_is_hidden(const struct model *m, const struct model_row *contact)
{
	for (size_t i = 0; i < m->count; i++)
		if (!m->rows[i].contact && endpoint_equal(&m->rows[i].n.ep, &contact->n.ep))
			return true;
	return false;
}

const char *model_differs(const struct store_node *a, const struct store_node *b)
{
	if (a->key.bits != b->key.bits || memcmp(a->key.b, b->key.b, NODEKEY_BYTES) != 0)
		return "key";
	if (!endpoint_equal(&a->ep, &b->ep))
		return "ep";
	if (a->first_seen_s != b->first_seen_s)
		return "first_seen_s";
	if (a->last_seen_s != b->last_seen_s)
		return "last_seen_s";
	if (a->first_answered_s != b->first_answered_s)
		return "first_answered_s";
	if (a->last_answered_s != b->last_answered_s)
		return "last_answered_s";
	if (a->rtt_us != b->rtt_us)
		return "rtt_us";
	if (a->flags != b->flags)
		return "flags";
	if (a->mentions != b->mentions)
		return "mentions";
	if (a->attempts != b->attempts)
		return "attempts";
	if (a->answers != b->answers)
		return "answers";
	if (a->ways != b->ways)
		return "ways";
	if (a->version_len != b->version_len || memcmp(a->version, b->version, 4) != 0)
		return "version";
	return NULL;
}

static struct nodekey few_keys(struct rng *r, unsigned variety)
{
	struct nodekey k = { .bits = NODEID_BITS };
	uint64_t n = rng_below(r, variety);

	/* Some share 8 bytes and more, which is where sorting by prefix ends. */
	k.b[0] = (uint8_t)(n % 7 * 37);
	k.b[3] = (uint8_t)(n % 3);
	k.b[n % 2 ? 5 : 19] = (uint8_t)(n >> 8);
	k.b[18] = (uint8_t)n;
	return k;
}

struct sighting model_sighting(struct rng *r, unsigned variety)
{
	struct sighting s = {
		.when_ms = 1700000000000 + rng_below(r, 100000000),
		.way = (uint8_t)rng_below(r, SIGHTING_WAYS),
		.attempts = (uint8_t)rng_below(r, 4),
		.answers = (uint8_t)rng_below(r, 3),
		.flags = (uint16_t)(rng_u64(r) & rng_u64(r)),
		.mentions = (uint16_t)rng_below(r, 300),
		.rtt_us = rng_below(r, 3) ? (uint32_t)rng_below(r, 2000000) : 0,
	};
	uint64_t n = rng_below(r, variety);

	if (s.way != SIGHTING_ANSWERED && rng_below(r, 2))
		s.way = SIGHTING_ANSWERED;
	if (rng_below(r, 8))
		s.key = few_keys(r, variety);
	s.from = endpoint_ip4((uint32_t)(n * 0x01010101u), (uint16_t)(6881 + n % 2));
	if (n % 4 == 0) {
		memset(s.from.addr, 0, sizeof(s.from.addr));
		s.from.addr[0] = 0x20;
		s.from.addr[n % 8 ? 7 : 15] = (uint8_t)n;
		s.from.addr[14] = (uint8_t)(n >> 8);
	}
	if (rng_below(r, 2)) {
		s.version_len = 4;
		s.version[0] = 'L';
		s.version[1] = (uint8_t)('S' + rng_below(r, 3));
		s.version[3] = (uint8_t)rng_below(r, 3);
	}
	return s;
}
