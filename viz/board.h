/* SPDX-License-Identifier: MIT */
#ifndef VIZ_BOARD_H
#define VIZ_BOARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/err.h"
#include "proto/heard.h"
#include "store/torrents.h"

/**
 * DOC: what was heard, as the first dht-telescope's dashboard told it: the latest announces
 * and get_peers, who announces what, swarms over time; and every info-hash. A board takes
 * messages one by one; a view of it is what lay there at a moment, shared and never changed.
 *
 * Metadata of torrents is never fetched, so nothing is ever resolved: every announce is
 * pending, without a name.
 */
enum {
	BOARD_LATEST = 1000,        /* announces, get_peers */
	BOARD_DAY_MAX = 1 << 20,    /* announces of the last 24 h: 44 bytes each */
	BOARD_HASHES_MAX = 1 << 20, /* 40 MB, and of their endpoints 32 MB */
	BOARD_ENDPOINTS_MAX = 1 << 22,
	BOARD_TREE = 200, /* peers, the latest first */
	BOARD_TREE_ANNOUNCES = 20,
	BOARD_HOT = 15,       /* hashes of the last 6 h */
	BOARD_SWARMS = 5,     /* of which over time */
	BOARD_TOP_PEERS = 25, /* by announces */
	BOARD_BUCKET_S = 600,
	BOARD_PEERS_S = 24 * 3600,
	BOARD_SWARMS_S = 6 * 3600,
	BOARD_PEER_BUCKETS = BOARD_PEERS_S / BOARD_BUCKET_S + 1,
	BOARD_SWARM_BUCKETS = BOARD_SWARMS_S / BOARD_BUCKET_S + 1,
	BOARD_RATE_S = 300,     /* of the counts of lately */
	BOARD_RATE_STEP_S = 10, /* in steps of so many */
	BOARD_RATE_STEPS = BOARD_RATE_S / BOARD_RATE_STEP_S + 1,
};

/** struct board_said - an announce or a get_peers. */
struct board_said {
	uint32_t when_s;
	struct endpoint peer; /* of an announce: where it listens */
	struct nodeid hash;
};

struct board_peer {
	struct endpoint peer;
	uint32_t total, last_s;
	uint32_t first, count; /* of board_view.tree_said */
};

struct board_hot {
	struct nodeid hash;
	uint32_t announces;
	uint32_t peers[BOARD_SWARM_BUCKETS]; /* different ones; of the first BOARD_SWARMS */
};

struct board_view {
	/* private */
	_Atomic unsigned refs;
	/* the rest is read by whoever holds a reference */
	uint64_t announces, getpeers; /* all */
	uint64_t without_room;        /* messages of hashes beyond BOARD_HASHES_MAX */
	uint32_t made_s;
	struct board_said latest_announces[BOARD_LATEST], latest_getpeers[BOARD_LATEST];
	uint32_t latest_announce_count, latest_getpeers_count;
	struct board_peer tree[BOARD_TREE];
	uint32_t tree_count, peers_of_day;
	struct board_said tree_said[BOARD_TREE * BOARD_TREE_ANNOUNCES];
	struct board_peer top_peers[BOARD_TOP_PEERS];
	uint32_t top_peer_count;
	struct board_hot hot[BOARD_HOT];
	uint32_t hot_count;
	uint32_t first_bucket_s; /* of peers_over_time; the last is that of made_s */
	uint32_t peers_over_time[BOARD_PEER_BUCKETS];
	struct board_rate {
		uint32_t step; /* Unix time / BOARD_RATE_STEP_S */
		uint32_t announces, getpeers;
	} rates[BOARD_RATE_STEPS];
	struct torrent *torrents; /* torrent_before() */
	uint32_t torrent_count, announced;
};

struct board;

int board_new(struct board **out) DT_MUST;
void board_free(struct board *b);

/** board_take() - one message; others than announce_peer and get_peers are passed over. */
int board_take(struct board *b, const struct heard *h) DT_MUST;

/** board_changed() - was anything taken since the last view? */
bool board_changed(const struct board *b);

/**
 * board_view_new() - as of @now_s, Unix; one reference.
 * Cost: two passes over a day's announces, a sort of all hashes: 0.5 s at the bounds above.
 */
int board_view_new(struct board *b, uint32_t now_s, struct board_view **out) DT_MUST;
struct board_view *board_view_ref(struct board_view *v);
void board_view_unref(struct board_view *v); /* NULL is nothing */

#endif
