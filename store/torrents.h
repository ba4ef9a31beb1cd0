/* SPDX-License-Identifier: MIT */
#ifndef STORE_TORRENTS_H
#define STORE_TORRENTS_H

#include <stdbool.h>
#include <stdint.h>

#include "proto/err.h"
#include "proto/heard.h"

/**
 * DOC: info-hashes of what was heard: how often each was asked for and announced, and by
 * how many different endpoints. What has no room is counted as such: whoever makes up
 * hashes cannot make it grow without end.
 */
struct torrent {
	struct nodeid hash;
	uint32_t get_peers, announces; /* 0 and 0: a free slot */
	uint32_t peers;                /* different endpoints that announced, with a good token */
	uint32_t first_s, last_s;
};

struct torrents {
	uint32_t max;      /* torrents; the caller's to set, then: */
	uint32_t peer_max; /* endpoints of all of them */
	/* private, to be read */
	struct torrent *slots; /* open addressing */
	uint64_t *peers;       /* fingerprints of endpoint and hash */
	uint32_t log2, count, peer_log2, peer_count;
	uint64_t without_room; /* messages of torrents that found none */
};

/** torrents_add() - a message; passed over where it is no get_peers or announce_peer. */
int torrents_add(struct torrents *t, const struct heard *h) DT_MUST;

void torrents_fini(struct torrents *t);

/** torrents_next() - each of them, *@at from 0; NULL at the end. In no order. */
const struct torrent *torrents_next(const struct torrents *t, uint32_t *at);

/** torrent_before() - by peers, announces, get_peers, then hash. */
bool torrent_before(const struct torrent *a, const struct torrent *b);

#endif
