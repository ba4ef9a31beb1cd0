/* SPDX-License-Identifier: MIT */
#ifndef PROTO_LISTING_H
#define PROTO_LISTING_H

#include <stdint.h>

#include "proto/endpoint.h"
#include "proto/nodekey.h"

/**
 * DOC: whom a node listed when it was asked: the edges of the graph. One listing
 * is one question and its outcome; beside the sighting it is the only other
 * thing that a census says, and only when it is told to.
 */

/** What became of the question. Stored on disk: append only; the least is the best. */
enum listing_outcome {
	LISTING_ANSWERED = 0,
	LISTING_REFUSED = 1, /* an error message came back */
	LISTING_SILENT = 2,  /* every attempt expired */
	LISTING_OUTCOMES
};

enum {
	LISTING_CONTACTS = 16, /* nodes give 8; a longer list comes in several listings */
	/* What of one reply is taken at all: what an introducer may teach us (P7). */
	LISTING_REPLY_MAX = 64,
	LISTING_DEPTH_OWN = NODEID_BITS, /* its own id was the target */
	LISTING_DEPTH_UNKNOWN = 255,
};

struct listing_contact {
	struct nodeid id; /* as listed; nobody has confirmed it */
	struct endpoint ep;
};

struct listing {
	uint64_t when_ms; /* Unix time of the outcome */
	struct nodeid id; /* of whom was asked: as it answered, else as advertised */
	struct endpoint from;
	uint8_t depth;   /* bits that target and @id share: the bucket asked for; LISTING_DEPTH_* */
	uint8_t outcome; /* enum listing_outcome */
	uint8_t listed;  /* contacts in the whole reply, at most LISTING_REPLY_MAX of them taken */
	uint8_t count;   /* of @contacts; 0 where there was no answer, or an empty one */
	struct listing_contact contacts[LISTING_CONTACTS];
};

/** listing_outcome_name() - "answered", "refused", "silent"; "?" beyond. */
const char *listing_outcome_name(unsigned outcome);

#endif
