/* SPDX-License-Identifier: MIT */
#ifndef VIZ_PEER_H
#define VIZ_PEER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "store/store.h"

/**
 * DOC: a node as one JSON object in the words of libp2p-dht-scrape-aas, whose
 * users read `GET /peers`: peerID, addresses, protocols, agentVersion first and in
 * this order; then what is ours.
 */
enum { PEER_LINE_MAX = 512 };

/** What a stream knows of a line beside its node. */
struct peer_said {
	uint64_t seq; /* 0 = no stream: the key is left out */
	unsigned way; /* enum sighting_way */
	uint64_t seen_s;
};

enum { PEER_PROTOCOLS_MAX = 7 };

/** peer_protocols() - names of what a node with these sighting_flag bits speaks; none where it
 * never answered. Returns how many. */
unsigned peer_protocols(uint16_t flags, bool answered, const char *out[static PEER_PROTOCOLS_MAX]);

/**
 * peer_line() - the object, without a newline. Returns its length, 0 where it would not fit
 * (it always does).
 */
size_t peer_line(const struct store_node *n, const struct peer_said *said,
		 char out[static PEER_LINE_MAX]);

#endif
