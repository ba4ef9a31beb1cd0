/* SPDX-License-Identifier: MIT */
#ifndef ENGINE_CANARY_H
#define ENGINE_CANARY_H

#include <stdint.h>

#include "engine/cookie.h"
#include "engine/gate.h"
#include "engine/net.h"
#include "proto/err.h"
#include "proto/krpc.h"

/**
 * DOC: canaries: nodes that answered lately, asked again by ping at one packet in
 * a hundred, so that it shows when packets of our own are lost (pace.h). One flock
 * a worker, beside the crawl and its accounts: canaries have their own t, their own
 * counters, and the same gate.
 */

enum {
	CANARY_FLOCK = 512,
	CANARY_TIMEOUT_MS = 1000,
	CANARY_EVERY_MS = 2500, /* one node, at most: well within its budget of 9 in 10 s */
	CANARY_MISSES_MAX = 3,  /* in a row: it has left, another takes its place */
	CANARY_BATCH = 4,       /* in one turn */
};

struct canary_opts {
	const uint8_t *mac_key; /* COOKIE_KEY_BYTES */
	struct nodeid own_id;
	struct span v;
};

struct canary_stats {
	uint64_t sent, answered, lost, in_flight, members;
	uint64_t failed; /* refused by the kernel, not in sent */
};

struct canary;

int canary_new(const struct canary_opts *o, struct canary **out) DT_MUST;
void canary_free(struct canary *c);

/** canary_meet() - this node has answered just now; it may become one of the flock. */
void canary_meet(struct canary *c, const struct endpoint *ep);

/**
 * canary_ask() - write up to @max pings whose time has come into lent frames, as many as
 * keep to one in a hundred of @sent packets of the crawl.
 * Returns the count; what was not written may be used for other packets.
 */
unsigned canary_ask(struct canary *c, struct gate *g, uint64_t now_ns, uint64_t sent,
		    struct net_msg *msgs, unsigned max);

/** canary_take() - is this datagram an answer to one of ours? Then it is counted, and nobody
 * else's. */
bool canary_take(struct canary *c, const struct net_msg *msg, uint64_t now_ns);

/** canary_owns() - is this the tag of a ping that could not be sent? Then it is taken back. */
bool canary_owns(struct canary *c, uint64_t tag);

void canary_stats(const struct canary *c, struct canary_stats *out);

#endif
