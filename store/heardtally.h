/* SPDX-License-Identifier: MIT */
#ifndef STORE_HEARDTALLY_H
#define STORE_HEARDTALLY_H

#include <stdint.h>

#include "proto/err.h"
#include "proto/heard.h"
#include "store/store.h"
#include "store/torrents.h"

/**
 * DOC: what was heard, counted: messages by kind, torrents by how many announced
 * themselves for them and how often they were asked for, clients and networks of
 * those who spoke. What has no room in the tables is counted as such.
 *
 * Asked for says little: most get_peers of a listening node are routing table
 * refreshes with made-up targets. Announced is what counts.
 */

enum { HEARDTALLY_TOP = 20, HEARDTALLY_TORRENTS_MAX = 1 << 20, HEARDTALLY_PEERS_MAX = 1 << 22 };

struct heardtally_share {
	char name[GEO_ORG_MAX];
	uint32_t asn;
	uint64_t messages, announces;
};

struct heardtally {
	uint64_t messages[HEARD_KINDS], outcomes[HEARD_OUTCOMES];
	uint64_t all, tapped, read_only;
	uint64_t first_ms, last_ms;
	uint64_t infohashes, announced; /* different ones; of which somebody announced */
	uint64_t without_room;          /* messages of torrents that found none in the table */
	unsigned torrent_rows, client_rows, network_rows;
	struct torrent torrents[HEARDTALLY_TOP]; /* torrent_before() */
	struct heardtally_share clients[HEARDTALLY_TOP], networks[HEARDTALLY_TOP]; /* by messages */
};

/**
 * heardtally() - one pass over all that was heard. @v: names the networks.
 * Returns 1, or 0 where nothing was ever heard; or an error.
 */
int heardtally(struct store *s, struct store_view *v, struct heardtally *out) DT_MUST;

#endif
