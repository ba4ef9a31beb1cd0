/* SPDX-License-Identifier: MIT */
#ifndef ENGINE_EAR_PEERS_H
#define ENGINE_EAR_PEERS_H

#include <stdint.h>

#include "proto/endpoint.h"
#include "proto/err.h"
#include "proto/nodekey.h"

/**
 * DOC: who announced itself for which torrent, for half an hour, as a DHT node
 * keeps it for those who ask. Bounded thrice: torrents, peers to a torrent,
 * announcements of one address. What is full forgets its oldest, so a flood
 * costs the flooded their oldest entries and nobody memory.
 */

enum {
	EAR_TORRENTS_MAX = 4096,
	EAR_PEERS_MAX = 32768,    /* all torrents together */
	EAR_PEERS_OF_ONE = 256,   /* of a torrent */
	EAR_TORRENTS_OF_ONE = 64, /* of an address */
	EAR_PEER_LIFE_S = 30 * 60,
};

struct ear_peers;

/** ear_peers_new() - all its memory at once: 1.4 MiB. */
int ear_peers_new(struct ear_peers **out) DT_MUST;
void ear_peers_free(struct ear_peers *p);

/** ear_peers_put() - Returns 1 where it is kept (anew or again), 0 where its address has its share.
 */
int ear_peers_put(struct ear_peers *p, const struct nodeid *info_hash, const struct endpoint *peer,
		  uint64_t now_s);

/**
 * ear_peers_get() - up to @max peers of @info_hash that have not expired and are of the family
 * asked for; where there are more, others each time (@draw).
 */
unsigned ear_peers_get(struct ear_peers *p, const struct nodeid *info_hash, int six, uint64_t now_s,
		       uint64_t draw, struct endpoint *out, unsigned max);

/** ear_peers_sample() - up to @max info-hashes that have peers, from place @draw on. */
unsigned ear_peers_sample(const struct ear_peers *p, uint64_t now_s, uint64_t draw,
			  struct nodeid *out, unsigned max);

struct ear_peers_stats {
	uint32_t torrents, peers;
	uint64_t refused;   /* beyond an address's share */
	uint64_t forgotten; /* before their time, for want of room */
};

void ear_peers_stats(const struct ear_peers *p, struct ear_peers_stats *out);

#endif
