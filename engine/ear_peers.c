/* SPDX-License-Identifier: MIT */
#include "engine/ear_peers.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

/*
 * DOC: two pools of fixed size, threaded by index: torrents in chains of a hash
 * table, peers in a list per torrent, the newest announcement at its head. A
 * third of the chains' length is what a lookup costs; nothing is ever moved.
 */

enum { CHAINS = 4096, HOSTS = 16384, NONE = UINT32_MAX };

struct peer {
	struct endpoint ep;
	uint32_t seen_s;
	uint32_t next;
};

struct torrent {
	struct nodeid hash;
	uint32_t next;  /* in its chain */
	uint32_t peers; /* head of its list */
	uint32_t seen_s;
	uint16_t count;
	bool used;
};

struct ear_peers {
	uint8_t key[crypto_shorthash_KEYBYTES];
	uint32_t chains[CHAINS];
	struct torrent torrents[EAR_TORRENTS_MAX];
	uint32_t torrent_count;
	struct peer peers[EAR_PEERS_MAX];
	uint32_t free_peer;
	uint32_t peer_count;
	uint8_t of_host[HOSTS]; /* announcements kept, by hash of the address; shared by a few */
	struct ear_peers_stats stats;
};

int ear_peers_new(struct ear_peers **out)
{
	struct ear_peers *p = calloc(1, sizeof(*p));

	if (!p)
		return -ENOMEM;
	randombytes_buf(p->key, sizeof(p->key));
	memset(p->chains, 0xff, sizeof(p->chains));
	for (uint32_t i = 0; i < EAR_PEERS_MAX; i++)
		p->peers[i].next = i + 1 < EAR_PEERS_MAX ? i + 1 : NONE;
	*out = p;
	return 0;
}

void ear_peers_free(struct ear_peers *p)
{
	free(p);
}

static uint64_t hash_of(const struct ear_peers *p, const void *bytes, size_t len)
{
	uint64_t h;

	crypto_shorthash((uint8_t *)&h, bytes, len, p->key);
	return h;
}

static uint8_t *host_of(struct ear_peers *p, const struct endpoint *ep)
{
	return &p->of_host[hash_of(p, ep->addr, sizeof(ep->addr)) % HOSTS];
}

static uint32_t *chain_of(struct ear_peers *p, const struct nodeid *hash)
{
	return &p->chains[hash_of(p, hash, sizeof(*hash)) % CHAINS];
}

static struct torrent *find(struct ear_peers *p, const struct nodeid *hash)
{
	for (uint32_t i = *chain_of(p, hash); i != NONE; i = p->torrents[i].next)
		if (nodeid_equal(&p->torrents[i].hash, hash))
			return &p->torrents[i];
	return NULL;
}

/* ---- forgetting ------------------------------------------------------------------- */

static void free_peer(struct ear_peers *p, struct torrent *t, uint32_t *link)
{
	uint32_t i = *link;
	uint8_t *host = host_of(p, &p->peers[i].ep);

	*link = p->peers[i].next;
	p->peers[i].next = p->free_peer;
	p->free_peer = i;
	p->peer_count--;
	t->count--;
	if (*host)
		--*host;
}

static void free_torrent(struct ear_peers *p, struct torrent *t)
{
	uint32_t *link = chain_of(p, &t->hash);

	while (t->peers != NONE)
		free_peer(p, t, &t->peers);
	while (&p->torrents[*link] != t)
		link = &p->torrents[*link].next;
	*link = t->next;
	t->used = false;
	p->torrent_count--;
}

/* The list is in the order of announcements: what expires stands at its end. */
static void expire(struct ear_peers *p, struct torrent *t, uint64_t now_s)
{
	uint32_t *link = &t->peers;

	while (*link != NONE && p->peers[*link].seen_s + EAR_PEER_LIFE_S > now_s)
		link = &p->peers[*link].next;
	while (*link != NONE)
		free_peer(p, t, link);
}

/* The torrent that nobody announced for longest makes room. */
static void forget_one(struct ear_peers *p)
{
	struct torrent *oldest = NULL;

	for (uint32_t i = 0; i < EAR_TORRENTS_MAX; i++)
		if (p->torrents[i].used && (!oldest || p->torrents[i].seen_s < oldest->seen_s))
			oldest = &p->torrents[i];
	if (!oldest)
		return;
	p->stats.forgotten += oldest->count;
	free_torrent(p, oldest);
}

static void drop_last(struct ear_peers *p, struct torrent *t)
{
	uint32_t *link = &t->peers;

	while (p->peers[*link].next != NONE)
		link = &p->peers[*link].next;
	free_peer(p, t, link);
	p->stats.forgotten++;
}

/* ---- keeping ----------------------------------------------------------------------- */

static struct torrent *make(struct ear_peers *p, const struct nodeid *hash)
{
	uint32_t *chain, i = 0;

	if (p->torrent_count == EAR_TORRENTS_MAX)
		forget_one(p);
	while (p->torrents[i].used)
		i++;
	chain = chain_of(p, hash);
	p->torrents[i] =
		(struct torrent){ .hash = *hash, .next = *chain, .peers = NONE, .used = true };
	*chain = i;
	p->torrent_count++;
	return &p->torrents[i];
}

static bool refresh(struct ear_peers *p, struct torrent *t, const struct endpoint *peer,
		    uint32_t now_s)
{
	for (uint32_t *link = &t->peers; *link != NONE; link = &p->peers[*link].next) {
		uint32_t i = *link;

		if (!endpoint_equal(&p->peers[i].ep, peer))
			continue;
		*link = p->peers[i].next; /* to the head: newest first */
		p->peers[i].next = t->peers;
		p->peers[i].seen_s = now_s;
		t->peers = i;
		return true;
	}
	return false;
}

int ear_peers_put(struct ear_peers *p, const struct nodeid *info_hash, const struct endpoint *peer,
		  uint64_t now_s)
{
	struct torrent *t = find(p, info_hash);
	uint8_t *host = host_of(p, peer);
	uint32_t i;

	if (t) {
		expire(p, t, now_s);
		if (refresh(p, t, peer, (uint32_t)now_s)) {
			t->seen_s = (uint32_t)now_s;
			return 1;
		}
	}
	if (*host >= EAR_TORRENTS_OF_ONE) {
		p->stats.refused++;
		return 0;
	}
	while (p->free_peer == NONE)
		forget_one(p);
	t = find(p, info_hash); /* it may have been the oldest */
	if (!t)
		t = make(p, info_hash);
	if (t->count == EAR_PEERS_OF_ONE)
		drop_last(p, t);
	i = p->free_peer;
	p->free_peer = p->peers[i].next;
	p->peers[i] = (struct peer){ .ep = *peer, .seen_s = (uint32_t)now_s, .next = t->peers };
	t->peers = i;
	t->count++;
	t->seen_s = (uint32_t)now_s;
	p->peer_count++;
	++*host;
	return 1;
}

unsigned ear_peers_get(struct ear_peers *p, const struct nodeid *info_hash, int six, uint64_t now_s,
		       uint64_t draw, struct endpoint *out, unsigned max)
{
	struct torrent *t = find(p, info_hash);
	unsigned n = 0, seen = 0;
	uint32_t i;

	if (!t || max == 0)
		return 0;
	expire(p, t, now_s);
	/* Reservoir sampling (Vitter's R): each peer with the same chance, whatever their number.
	 */
	for (i = t->peers; i != NONE; i = p->peers[i].next) {
		if (!endpoint_is4(&p->peers[i].ep) != !!six)
			continue;
		seen++;
		if (n < max) {
			out[n++] = p->peers[i].ep;
			continue;
		}
		draw = draw * 6364136223846793005u + 1442695040888963407u;
		if ((draw >> 33) % seen < max)
			out[(draw >> 33) % seen] = p->peers[i].ep;
	}
	return n;
}

unsigned ear_peers_sample(const struct ear_peers *p, uint64_t now_s, uint64_t draw,
			  struct nodeid *out, unsigned max)
{
	unsigned n = 0;

	for (uint32_t i = 0; i < EAR_TORRENTS_MAX && n < max; i++) {
		const struct torrent *t = &p->torrents[(draw + i) % EAR_TORRENTS_MAX];

		if (t->used && t->count && t->seen_s + EAR_PEER_LIFE_S > now_s)
			out[n++] = t->hash;
	}
	return n;
}

void ear_peers_stats(const struct ear_peers *p, struct ear_peers_stats *out)
{
	*out = p->stats;
	out->torrents = p->torrent_count;
	out->peers = p->peer_count;
}
