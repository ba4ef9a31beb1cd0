/* SPDX-License-Identifier: MIT */
#ifndef ENGINE_EAR_H
#define ENGINE_EAR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/ear_peers.h"
#include "engine/gate.h"
#include "proto/endpoint.h"
#include "proto/err.h"
#include "proto/heard.h"
#include "proto/nodekey.h"
#include "proto/sighting.h"
#include "proto/span.h"

/**
 * DOC: the ear: an honest node of the DHT as a pure step. Datagrams and the time
 * in; datagrams, messages heard and sightings out. No socket, no clock.
 *
 *	datagram ─▶ ear_rx() ─┬─ query ─▶ ear_reply.c ─▶ budget ─▶ answer
 *	                      │            └─▶ who waits to be proved
 *	                      └─ reply ─▶ ear_ask.c ─▶ table, lookup, vote
 *	time ─▶ ear_tick() ─▶ ear_ask.c ─▶ gate ─▶ ping, find_node
 *
 * It has one or several identities, each with an id, a local address and a
 * routing table of its own; peers, tokens, budget and gate are one for all. An
 * identity knows one family; about the other it asks an identity of that family.
 *
 * Every datagram is said once as a struct heard, whatever it was.
 */

enum {
	EAR_IDS_MAX = 256,
	EAR_PENDING_MAX = 2048,      /* queries of ours without an answer */
	EAR_REPLY_MAX_BYTES = 512,   /* longest answer: what a device frame holds */
	EAR_INFOHASHES_MAX = 1 << 15 /* told apart within one rate interval */
};

struct ear_opts {
	unsigned ids;                    /* 1..EAR_IDS_MAX */
	const struct endpoint *local;    /* of each identity: where it is bound; [ids] */
	const struct endpoint *external; /* addresses known to be ours from outside; port 0;
					  * [ids]; an all-zero one is voted on */
	const struct endpoint *bootstrap;
	unsigned bootstrap_count;
	uint8_t v[4];
	double allowance; /* see ear_budget.h; 0 = default */
	uint64_t seed;    /* of targets and samples; ids and secrets are always random */
};

struct ear_port {
	void *ctx;
	/** send: hand @len bytes over; false where the device has no room. */
	bool (*send)(void *ctx, unsigned identity, const struct endpoint *to, const uint8_t *data,
		     size_t len);
	void (*heard)(void *ctx, const struct heard *h);
	void (*sighting)(void *ctx, const struct sighting *s);
};

struct ear_stats {
	uint64_t received, received_bytes;
	uint64_t messages[HEARD_KINDS], outcomes[HEARD_OUTCOMES];
	uint64_t asked_bytes, answered_bytes; /* queries and our answers, headers included */
	uint64_t queries_sent, query_bytes;   /* ours, headers included */
	uint64_t answered, timeouts;          /* of ours */
	uint64_t unexpected;                  /* replies and errors to nothing we asked */
	uint64_t bad_tokens, announces_kept;
	uint64_t read_only;  /* queries with ro=1 */
	uint64_t id_changes; /* after a vote */
	uint64_t no_room;    /* datagrams that the device did not take */
	uint64_t lookups;
	uint32_t in_flight;         /* gauge */
	uint32_t table_nodes;       /* gauge; all identities */
	uint64_t unique_infohashes; /* gauge: since ear_interval() */
	struct ear_peers_stats peers;
};

struct ear_identity_info {
	struct nodeid id;
	struct endpoint local, external; /* external: all zero = not known yet */
	bool bep42;                      /* the id fits the external address */
	uint32_t table_nodes;
	unsigned table_depth; /* buckets */
};

struct ear;

/** ear_new() - @gate: whom our own queries may go to; borrowed. */
int ear_new(const struct ear_opts *opts, struct gate *gate, const struct ear_port *port,
	    uint64_t now_ns, uint64_t wall_minus_now_ns, struct ear **out) DT_MUST;
void ear_free(struct ear *e);

/** ear_rx() - a datagram came to identity @i. */
void ear_rx(struct ear *e, unsigned i, const struct endpoint *from, struct span datagram,
	    uint64_t now_ns);

enum { EAR_TICK_NS = 100 * 1000 * 1000 };

/** ear_tick() - ten times a second: expire, ask, refresh. */
void ear_tick(struct ear *e, uint64_t now_ns);

void ear_stats(const struct ear *e, struct ear_stats *out);

/** ear_interval() - a rate interval begins: info-hashes are counted anew. */
void ear_interval(struct ear *e);

void ear_identity(const struct ear *e, unsigned i, struct ear_identity_info *out);

#endif
