/* SPDX-License-Identifier: MIT */
#include "store/torrents.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <xxhash.h>

#include "proto/sighting.h"

enum { FIRST_LOG2 = 10 };

/* ---- endpoints: a set of fingerprints; full at its bound, when everything is taken for known --
 */

static int peers_grow(struct torrents *t)
{
	uint32_t log2 = t->peers ? t->peer_log2 + 1 : FIRST_LOG2;
	uint64_t mask = ((uint64_t)1 << log2) - 1;
	uint64_t *larger = calloc((size_t)1 << log2, sizeof(*larger));

	if (!larger)
		return -ENOMEM;
	for (uint64_t i = 0; t->peers && i < (uint64_t)1 << t->peer_log2; i++) {
		uint64_t at = t->peers[i] >> (64 - log2);

		if (!t->peers[i])
			continue;
		while (larger[at & mask])
			at++;
		larger[at & mask] = t->peers[i];
	}
	free(t->peers);
	t->peers = larger;
	t->peer_log2 = log2;
	return 0;
}

/* 1 where it was new. */
static int peers_add(struct torrents *t, uint64_t mark)
{
	uint64_t at, mask;
	int rc = !t->peers || t->peer_count > (uint64_t)1 << (t->peer_log2 - 1) ? peers_grow(t) : 0;

	if (rc < 0)
		return rc;
	mark = mark ? mark : 1;
	mask = ((uint64_t)1 << t->peer_log2) - 1;
	for (at = mark >> (64 - t->peer_log2);; at++) {
		uint64_t *slot = &t->peers[at & mask];

		if (*slot == mark || (!*slot && t->peer_count >= t->peer_max))
			return 0;
		if (*slot)
			continue;
		*slot = mark;
		t->peer_count++;
		return 1;
	}
}

/* ---- torrents ------------------------------------------------------------------------- */

static bool is_free(const struct torrent *t)
{
	return t->get_peers + t->announces == 0;
}

static struct torrent *slot_of(struct torrent *list, uint32_t log2, const struct nodeid *hash)
{
	uint32_t at = (uint32_t)XXH3_64bits(hash->b, sizeof(hash->b));

	for (;; at++) {
		struct torrent *t = &list[at & ((1u << log2) - 1)];

		if (is_free(t) || nodeid_equal(&t->hash, hash))
			return t;
	}
}

static int grow(struct torrents *t)
{
	uint32_t log2 = t->slots ? t->log2 + 1 : FIRST_LOG2;
	struct torrent *list = calloc((size_t)1 << log2, sizeof(*list));

	if (!list)
		return -ENOMEM;
	for (uint32_t i = 0; t->slots && i < 1u << t->log2; i++)
		if (!is_free(&t->slots[i]))
			*slot_of(list, log2, &t->slots[i].hash) = t->slots[i];
	free(t->slots);
	t->slots = list;
	t->log2 = log2;
	return 0;
}

/* An announcement that was refused for its token says nothing of where a peer is. */
static bool counts_as_peer(const struct heard *h)
{
	return h->kind == HEARD_ANNOUNCE_PEER && !(h->flags & HEARD_BAD_TOKEN) &&
	       (h->outcome == HEARD_ANSWERED || h->way == SIGHTING_TAPPED);
}

static int add_peer(struct torrents *t, struct torrent *one, const struct heard *h)
{
	struct endpoint peer = h->from;
	int rc;

	peer.port = h->peer_port;
	rc = peers_add(t, XXH3_64bits_withSeed(&peer, sizeof(peer),
					       XXH3_64bits(one->hash.b, sizeof(one->hash.b))));
	one->peers += rc == 1;
	return rc < 0 ? rc : 0;
}

int torrents_add(struct torrents *t, const struct heard *h)
{
	uint32_t when_s = (uint32_t)(h->when_ms / 1000);
	struct torrent *one;
	int rc;

	if (!(h->flags & HEARD_HAS_TARGET) ||
	    (h->kind != HEARD_ANNOUNCE_PEER && h->kind != HEARD_GET_PEERS))
		return 0;
	rc = !t->slots || t->count > 1u << (t->log2 - 1) ? grow(t) : 0;
	if (rc < 0)
		return rc;
	one = slot_of(t->slots, t->log2, &h->target);
	if (is_free(one)) {
		if (t->count == t->max) {
			t->without_room++;
			return 0;
		}
		one->hash = h->target;
		one->first_s = when_s;
		t->count++;
	}
	one->get_peers += h->kind == HEARD_GET_PEERS;
	one->announces += h->kind == HEARD_ANNOUNCE_PEER;
	if (when_s < one->first_s)
		one->first_s = when_s;
	if (when_s > one->last_s)
		one->last_s = when_s;
	return counts_as_peer(h) ? add_peer(t, one, h) : 0;
}

void torrents_fini(struct torrents *t)
{
	free(t->slots);
	free(t->peers);
	t->slots = NULL;
	t->peers = NULL;
}

const struct torrent *torrents_next(const struct torrents *t, uint32_t *at)
{
	while (t->slots && *at < 1u << t->log2) {
		const struct torrent *one = &t->slots[(*at)++];

		if (!is_free(one))
			return one;
	}
	return NULL;
}

bool torrent_before(const struct torrent *a, const struct torrent *b)
{
	if (a->peers != b->peers)
		return a->peers > b->peers;
	if (a->announces != b->announces)
		return a->announces > b->announces;
	if (a->get_peers != b->get_peers)
		return a->get_peers > b->get_peers;
	return memcmp(a->hash.b, b->hash.b, sizeof(a->hash.b)) < 0;
}
