/* SPDX-License-Identifier: MIT */
#include "store/heardtally.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <xxhash.h>

#include "proto/sighting.h"
#include "store/heardlog.h"
#include "store/inside.h"

enum { FIRST_LOG2 = 10, HOSTS_MAX = 1 << 20, SHARES_MAX = 1 << 17 };

/* A set of 64-bit fingerprints; full at @max, when everything is taken for known. */
struct marks {
	uint64_t *slots;
	uint32_t log2, count, max;
};

struct host {
	uint64_t mark; /* of an address and port */
	uint32_t asn;
};

struct scan {
	struct heardtally *out;
	struct store_view *view;
	struct heardtally_torrent *torrents; /* open addressing; get_peers + announces = 0: free */
	uint32_t torrents_log2, torrent_count;
	struct marks peers;
	struct host *hosts; /* direct mapped: a cache of the view's answers */
	struct heardtally_share clients[KRPC_CLIENT_FAMILIES];
	struct heardtally_share *networks; /* open addressing by ASN */
	uint32_t network_count;
};

/* ---- marks -------------------------------------------------------------------------- */

static int marks_grow(struct marks *m)
{
	struct marks larger = { .log2 = m->slots ? m->log2 + 1 : FIRST_LOG2, .max = m->max };

	larger.slots = calloc((size_t)1 << larger.log2, sizeof(*larger.slots));
	if (!larger.slots)
		return -ENOMEM;
	for (uint64_t i = 0; m->slots && i < (uint64_t)1 << m->log2; i++) {
		uint64_t at = m->slots[i] >> (64 - larger.log2);

		if (!m->slots[i])
			continue;
		while (larger.slots[at & (((uint64_t)1 << larger.log2) - 1)])
			at++;
		larger.slots[at & (((uint64_t)1 << larger.log2) - 1)] = m->slots[i];
	}
	larger.count = m->count;
	free(m->slots);
	*m = larger;
	return 0;
}

/* 1 where it was new. */
static int marks_add(struct marks *m, uint64_t mark)
{
	uint64_t at;
	int rc = !m->slots || m->count > (uint64_t)1 << (m->log2 - 1) ? marks_grow(m) : 0;

	if (rc < 0)
		return rc;
	mark = mark ? mark : 1;
	for (at = mark >> (64 - m->log2);; at++) {
		uint64_t *slot = &m->slots[at & (((uint64_t)1 << m->log2) - 1)];

		if (*slot == mark || (!*slot && m->count >= m->max))
			return 0;
		if (*slot)
			continue;
		*slot = mark;
		m->count++;
		return 1;
	}
}

/* ---- torrents ------------------------------------------------------------------------- */

static bool is_free(const struct heardtally_torrent *t)
{
	return t->get_peers + t->announces == 0;
}

static struct heardtally_torrent *torrent_slot(struct heardtally_torrent *list, uint32_t log2,
					       const struct nodeid *hash)
{
	uint32_t at = (uint32_t)XXH3_64bits(hash->b, sizeof(hash->b));

	for (;; at++) {
		struct heardtally_torrent *t = &list[at & ((1u << log2) - 1)];

		if (is_free(t) || nodeid_equal(&t->hash, hash))
			return t;
	}
}

static int torrents_grow(struct scan *s)
{
	uint32_t log2 = s->torrents ? s->torrents_log2 + 1 : FIRST_LOG2;
	struct heardtally_torrent *list = calloc((size_t)1 << log2, sizeof(*list));

	if (!list)
		return -ENOMEM;
	for (uint32_t i = 0; s->torrents && i < 1u << s->torrents_log2; i++)
		if (!is_free(&s->torrents[i]))
			*torrent_slot(list, log2, &s->torrents[i].hash) = s->torrents[i];
	free(s->torrents);
	s->torrents = list;
	s->torrents_log2 = log2;
	return 0;
}

/* An announcement that was refused for its token says nothing of where a peer is. */
static bool counts_as_peer(const struct heard *h)
{
	return h->kind == HEARD_ANNOUNCE_PEER && !(h->flags & HEARD_BAD_TOKEN) &&
	       (h->outcome == HEARD_ANSWERED || h->way == SIGHTING_TAPPED);
}

static int count_torrent(struct scan *s, const struct heard *h)
{
	struct heardtally_torrent *t;
	struct endpoint peer = h->from;
	int rc = !s->torrents || s->torrent_count > 1u << (s->torrents_log2 - 1) ? torrents_grow(s)
										 : 0;

	if (rc < 0)
		return rc;
	t = torrent_slot(s->torrents, s->torrents_log2, &h->target);
	if (is_free(t)) {
		if (s->torrent_count == HEARDTALLY_TORRENTS_MAX) {
			s->out->without_room++;
			return 0;
		}
		t->hash = h->target;
		s->torrent_count++;
	}
	t->get_peers += h->kind == HEARD_GET_PEERS;
	t->announces += h->kind == HEARD_ANNOUNCE_PEER;
	if (!counts_as_peer(h))
		return 0;
	peer.port = h->peer_port;
	rc = marks_add(&s->peers, XXH3_64bits_withSeed(&peer, sizeof(peer),
						       XXH3_64bits(t->hash.b, sizeof(t->hash.b))));
	t->peers += rc == 1;
	return rc < 0 ? rc : 0;
}

/* ---- who spoke -------------------------------------------------------------------------- */

static uint32_t asn_of(struct scan *s, const struct endpoint *ep)
{
	uint64_t mark = XXH3_64bits(ep, sizeof(*ep)) | 1;
	struct host *h = &s->hosts[mark % HOSTS_MAX];
	struct store_node n;

	if (h->mark != mark) {
		h->mark = mark;
		h->asn = store_view_find(s->view, ep, &n) == 1 ? n.asn : 0;
	}
	return h->asn;
}

static struct heardtally_share *network_of(struct scan *s, uint32_t asn)
{
	uint32_t at = (uint32_t)(asn * 0x9e3779b97f4a7c15u >> 40);

	for (;; at++) {
		struct heardtally_share *n = &s->networks[at % SHARES_MAX];

		if (n->messages == 0) {
			if (s->network_count >= SHARES_MAX / 2)
				return NULL;
			s->network_count++;
			n->asn = asn;
		}
		if (n->asn == asn)
			return n;
	}
}

static int count(struct scan *s, const struct heard *h)
{
	struct heardtally *t = s->out;
	bool announce = h->kind == HEARD_ANNOUNCE_PEER;
	struct heardtally_share *share;

	t->all++;
	t->messages[h->kind]++;
	t->outcomes[h->outcome]++;
	t->tapped += h->way == SIGHTING_TAPPED;
	t->read_only += (h->flags & HEARD_READ_ONLY) != 0;
	if (!t->first_ms || h->when_ms < t->first_ms)
		t->first_ms = h->when_ms;
	if (h->when_ms > t->last_ms)
		t->last_ms = h->when_ms;
	if (h->kind == HEARD_MALFORMED)
		return 0;
	share = &s->clients[krpc_version_parse(h->version_len ? span_of(h->version, h->version_len)
							      : (struct span){ NULL, 0 })
				    .client];
	share->messages++;
	share->announces += announce;
	share = network_of(s, asn_of(s, &h->from));
	if (share) {
		share->messages++;
		share->announces += announce;
	}
	if (h->flags & HEARD_HAS_TARGET && (announce || h->kind == HEARD_GET_PEERS))
		return count_torrent(s, h);
	return 0;
}

/* ---- the outcome ---------------------------------------------------------------------------- */

static bool torrent_before(const struct heardtally_torrent *a, const struct heardtally_torrent *b)
{
	if (a->peers != b->peers)
		return a->peers > b->peers;
	if (a->announces != b->announces)
		return a->announces > b->announces;
	if (a->get_peers != b->get_peers)
		return a->get_peers > b->get_peers;
	return memcmp(a->hash.b, b->hash.b, sizeof(a->hash.b)) < 0;
}

static void top_torrents(struct scan *s)
{
	struct heardtally *t = s->out;

	t->infohashes = s->torrent_count;
	for (uint32_t i = 0; s->torrents && i < 1u << s->torrents_log2; i++) {
		const struct heardtally_torrent *one = &s->torrents[i];
		unsigned at = t->torrent_rows;

		if (is_free(one))
			continue;
		t->announced += one->announces > 0;
		while (at > 0 && torrent_before(one, &t->torrents[at - 1]))
			at--;
		if (at >= HEARDTALLY_TOP)
			continue;
		if (t->torrent_rows < HEARDTALLY_TOP)
			t->torrent_rows++;
		memmove(&t->torrents[at + 1], &t->torrents[at],
			(t->torrent_rows - at - 1) * sizeof(*one));
		t->torrents[at] = *one;
	}
}

static unsigned top_shares(const struct heardtally_share *list, uint32_t n,
			   struct heardtally_share *out)
{
	unsigned rows = 0;

	for (uint32_t i = 0; i < n; i++) {
		unsigned at = rows;

		if (!list[i].messages)
			continue;
		while (at > 0 && (list[i].messages > out[at - 1].messages ||
				  (list[i].messages == out[at - 1].messages &&
				   list[i].asn < out[at - 1].asn)))
			at--;
		if (at >= HEARDTALLY_TOP)
			continue;
		rows += rows < HEARDTALLY_TOP;
		memmove(&out[at + 1], &out[at], (rows - at - 1) * sizeof(*out));
		out[at] = list[i];
	}
	return rows;
}

static void conclude(struct scan *s)
{
	struct heardtally *t = s->out;

	top_torrents(s);
	for (unsigned c = 0; c < KRPC_CLIENT_FAMILIES; c++)
		snprintf(s->clients[c].name, GEO_ORG_MAX, "%s",
			 krpc_client_name((enum krpc_client)c));
	t->client_rows = top_shares(s->clients, KRPC_CLIENT_FAMILIES, t->clients);
	t->network_rows = top_shares(s->networks, SHARES_MAX, t->networks);
	for (unsigned i = 0; i < t->network_rows; i++)
		if (t->networks[i].asn)
			store_view_org(s->view, t->networks[i].asn, t->networks[i].name);
}

int heardtally(struct store *st, struct store_view *v, struct heardtally *out)
{
	struct scan s = { .out = out, .view = v, .peers = { .max = HEARDTALLY_PEERS_MAX } };
	struct heardlog_reader *r;
	struct heard h;
	int rc;

	memset(out, 0, sizeof(*out));
	rc = heardlog_read(st->dir_fd, &r);
	if (rc < 0)
		return rc == DT_ENOTFOUND ? 0 : rc;
	s.hosts = calloc(HOSTS_MAX, sizeof(*s.hosts));
	s.networks = calloc(SHARES_MAX, sizeof(*s.networks));
	rc = s.hosts && s.networks ? 0 : -ENOMEM;
	while (rc >= 0 && (rc = heardlog_next(r, &h)) > 0)
		rc = count(&s, &h);
	if (rc >= 0)
		conclude(&s);
	heardlog_end(r);
	free(s.hosts);
	free(s.networks);
	free(s.torrents);
	free(s.peers.slots);
	return rc < 0 ? rc : out->all > 0;
}
