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

enum { HOSTS_MAX = 1 << 20, SHARES_MAX = 1 << 17 };

struct host {
	uint64_t mark; /* of an address and port */
	uint32_t asn;
};

struct scan {
	struct heardtally *out;
	struct store_view *view;
	struct torrents torrents;
	struct host *hosts; /* direct mapped: a cache of the view's answers */
	struct heardtally_share clients[KRPC_CLIENT_FAMILIES];
	struct heardtally_share *networks; /* open addressing by ASN */
	uint32_t network_count;
};

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
	return torrents_add(&s->torrents, h);
}

/* ---- the outcome ---------------------------------------------------------------------------- */

static void top_torrents(struct scan *s)
{
	struct heardtally *t = s->out;
	const struct torrent *one;
	uint32_t next = 0;

	t->infohashes = s->torrents.count;
	t->without_room = s->torrents.without_room;
	while ((one = torrents_next(&s->torrents, &next)) != NULL) {
		unsigned at = t->torrent_rows;

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
	struct scan s = { .out = out,
			  .view = v,
			  .torrents = { .max = HEARDTALLY_TORRENTS_MAX,
					.peer_max = HEARDTALLY_PEERS_MAX } };
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
	torrents_fini(&s.torrents);
	return rc < 0 ? rc : out->all > 0;
}
