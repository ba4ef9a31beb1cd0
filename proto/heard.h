/* SPDX-License-Identifier: MIT */
#ifndef PROTO_HEARD_H
#define PROTO_HEARD_H

#include <stdint.h>

#include "proto/endpoint.h"
#include "proto/err.h"
#include "proto/krpc.h"
#include "proto/nodekey.h"

/**
 * DOC: one message that reached our ears: what a listening node was sent, or
 * what a tap saw pass. A sighting says that there is a node; this says what it
 * said, once for each time it said it. Metadata only: of the message's own
 * strings nothing is kept but ids, info-hashes, the client tag and the name of
 * an unknown method.
 */

/** What was said. The first eight are those of enum krpc_method. Stored on disk: append only. */
enum heard_kind {
	HEARD_PING = KRPC_PING,
	HEARD_FIND_NODE = KRPC_FIND_NODE,
	HEARD_GET_PEERS = KRPC_GET_PEERS,
	HEARD_ANNOUNCE_PEER = KRPC_ANNOUNCE_PEER,
	HEARD_SAMPLE_INFOHASHES = KRPC_SAMPLE_INFOHASHES,
	HEARD_GET = KRPC_GET,
	HEARD_PUT = KRPC_PUT,
	HEARD_OTHER = KRPC_OTHER_METHOD,
	HEARD_REPLY,
	HEARD_ERROR,
	HEARD_MALFORMED,
	HEARD_KINDS
};
_Static_assert(HEARD_REPLY == 9, "kinds are stored on disk");

/** What became of it. Stored on disk: append only. */
enum heard_outcome {
	HEARD_NOTHING_DUE = 0, /* a reply, an error, rubbish; or a tap, which never answers */
	HEARD_ANSWERED,        /* by a reply */
	HEARD_ANSWERED_ERROR,  /* by an error message, 203 or 204 */
	HEARD_WITHHELD,        /* an answer would have been more than the budget allows */
	HEARD_REFUSED,         /* from an address that must not be contacted */
	HEARD_EXPECTED,        /* a reply or an error to a query of ours */
	HEARD_OUTCOMES
};

/** Bits of heard.flags, stored on disk: append only. */
enum heard_flag {
	HEARD_HAS_ID = 1,
	HEARD_HAS_TARGET = 2, /* target of find_node, get, sample; info-hash of the others */
	HEARD_READ_ONLY = 4,  /* ro=1 (BEP 43) */
	HEARD_IMPLIED_PORT = 8,
	HEARD_BAD_TOKEN = 16,
	HEARD_WANT4 = 32,
	HEARD_WANT6 = 64,
	HEARD_ODD = 128, /* readable, but krpc_msg.odd was not 0 */
};

enum { HEARD_METHOD_MAX = 16 };

/** struct heard - who said what. */
struct heard {
	uint64_t when_ms; /* Unix time */
	struct endpoint from;
	uint16_t peer_port; /* announce_peer: where the peer listens; else 0 */
	uint16_t bytes;     /* of the datagram */
	int16_t code;       /* of an error message; of a malformed one why (an enum dt_err) */
	uint8_t kind;       /* enum heard_kind */
	uint8_t outcome;    /* enum heard_outcome */
	uint8_t flags;      /* enum heard_flag */
	uint8_t way;        /* enum sighting_way: asked-us or tapped */
	uint8_t ear;        /* which of our ids, or which queue of a tap */
	uint8_t version_len;
	uint8_t version[4]; /* v as sent, zero padded */
	struct nodeid id, target;
	char method[HEARD_METHOD_MAX]; /* HEARD_OTHER: its name, printable, cut */
};

/**
 * heard_fill() - what @m says, and @why where it could not be read (then @m is not looked at).
 * Left to the caller: when, from, way, ear, outcome, bytes.
 */
void heard_fill(struct heard *h, const struct krpc_msg *m, int why);

/** heard_kind_name() - "ping", ..., "other", "reply", "error", "malformed"; "?" beyond. */
const char *heard_kind_name(unsigned kind);

/** heard_outcome_name() - "none", "answered", "error", "withheld", "refused", "expected". */
const char *heard_outcome_name(unsigned outcome);

enum { HEARD_JSON_MAX = 640 };

/**
 * heard_to_json() - one JSON object on one line, no newline. Returns its length.
 *
 * Shape:   when_ms, from, kind, way, ear, bytes, outcome; where there are such: id, target
 *          or info_hash, v (hex), client, ro, implied_port, port, bad_token, method, code, why.
 */
int heard_to_json(const struct heard *h, char out[static HEARD_JSON_MAX]);

#endif
