/* SPDX-License-Identifier: MIT */
#ifndef ENGINE_TAP_H
#define ENGINE_TAP_H

#include <stdbool.h>
#include <stdint.h>

#include "proto/err.h"
#include "proto/frame.h"
#include "proto/heard.h"
#include "proto/listing.h"
#include "proto/sighting.h"
#include "proto/span.h"

/**
 * DOC: the tap as a pure step: captured frames in, sightings out. Knows no
 * socket, no file, no clock: time is the capture's.
 *
 *	frame ─▶ frame_parse() ─▶ KRPC by port or by its looks ─▶ krpc_parse()
 *	   query ─▶ pairs: remember it        ┐
 *	   reply ─▶ pairs: whose answer, rtt  ├─▶ nodes ─▶ sighting, way tapped
 *	            its contacts ─▶ said once ┘         ─▶ sighting, way mentioned
 *
 * One tap belongs to one thread. Everything it remembers is bounded: pairs and
 * the memory of contacts have a fixed size, nodes grow up to nodes_max. What
 * is forgotten early is counted.
 */

enum { TAP_PORTS_MAX = 16, TAP_RTT_BUCKETS = 64 };

struct tap_opts {
	uint16_t ports[TAP_PORTS_MAX]; /* either end's; all that comes there is KRPC or malformed */
	unsigned port_count;           /* 0 = by looks: krpc_looks_like() */
	unsigned pairs_log2;           /* transactions under way at once; 0 = 2^18 (4 MiB) */
	uint32_t nodes_max;            /* 64 bytes each; 0 = 2^22 */
	unsigned contacts_log2;        /* contacts remembered as said; 0 = 2^20 (8 MiB) */
	uint32_t timeout_ms;           /* a reply later than this answers nothing; 0 = 15 s */
	uint32_t again_s;              /* a node still talking is said again; 0 = 60 s */
	uint32_t heard_kinds;          /* bit per heard_kind: whose messages go to port.heard */
	uint8_t queue;                 /* heard.ear */
};

/** struct tap_port - where what was learnt goes. Each returns false where it had to be dropped. */
struct tap_port {
	void *ctx;
	bool (*sighting)(void *ctx, const struct sighting *s);
	bool (*heard)(void *ctx, const struct heard *h);     /* may be NULL */
	bool (*listing)(void *ctx, const struct listing *l); /* may be NULL: edges not wanted */
};

/** struct tap_stats - monotonic counters, but for the gauges. */
struct tap_stats {
	uint64_t packets, bytes;             /* bytes: as on the wire */
	uint64_t first_us, last_us;          /* Unix time of the earliest and the latest frame */
	uint64_t verdicts[FRAME_VERDICTS];   /* packets = their sum */
	uint64_t tagged, pppoe;              /* of the datagrams */
	uint64_t foreign;                    /* datagrams that are no KRPC */
	uint64_t messages[HEARD_KINDS];      /* datagrams = foreign + their sum */
	uint64_t message_bytes[HEARD_KINDS]; /* of UDP payload */
	uint64_t answers_to[HEARD_KINDS];    /* replies by the kind of their query */
	uint64_t odd;                        /* readable, with something that cannot be */
	/* queries = answered + failed + expired + crowded + repeated + pending */
	uint64_t answered, failed;           /* by a reply, by an error message */
	uint64_t expired, crowded, repeated; /* no answer; forgotten early; asked again meanwhile */
	uint64_t pending;                    /* gauge */
	uint64_t orphans;                    /* replies and errors to nothing we saw */
	uint64_t rtt_hist[TAP_RTT_BUCKETS];  /* as crawl_stats.rtt_hist */
	uint64_t contacts, contacts_said;    /* in replies; of which had not been said of late */
	uint64_t nodes, nodes_bytes;         /* gauges: endpoint under an id; their memory */
	uint64_t nodes_crowded;              /* messages of nodes that found no room */
	uint64_t sightings, sightings_dropped;
	uint64_t heard, heard_dropped;
	uint64_t listings, listings_dropped;
	uint64_t client_messages[KRPC_CLIENT_FAMILIES]; /* of senders that gave an id */
	uint64_t client_bytes[KRPC_CLIENT_FAMILIES];
};

/** What a node was seen to do; bits of tap_node.did. */
enum { TAP_ASKED = 1, TAP_REPLIED = 2, TAP_ANSWERED = 4 /* a query that we saw */ };

/** struct tap_node - one endpoint under one id. */
struct tap_node {
	struct nodeid id;
	struct endpoint ep;
	uint8_t version_len;
	uint8_t did; /* TAP_ASKED ...; bit 7 is private */
	uint8_t version[4];
	uint16_t flags;    /* enum sighting_flag */
	uint32_t messages; /* 0 = no node here */
	uint32_t bytes;    /* of its messages; stops at its end */
	uint32_t rtt_us;   /* least; 0 = not measured */
	uint32_t said_s;
};
_Static_assert(sizeof(struct tap_node) == 64, "a cache line");

struct tap;

int tap_new(const struct tap_opts *opts, const struct tap_port *port, struct tap **out) DT_MUST;
void tap_free(struct tap *t);

/** struct tap_packet - one captured frame; borrowed for the call. */
struct tap_packet {
	uint64_t when_us; /* Unix time */
	struct span bytes;
	uint32_t wire_len;
	enum frame_link link;
};

/**
 * tap_packet() - read a frame. What it says is applied to the tables some frames later, when
 * their lines have come from memory; tap_settle() applies it now.
 * Cost:    see bench tap_step.
 */
void tap_packet(struct tap *t, const struct tap_packet *p);

/** tap_settle() - for whoever has nothing more to read for the moment. */
void tap_settle(struct tap *t);

/** tap_finish() - say what changed since it was said; queries out of time are expired. */
void tap_finish(struct tap *t);

/** tap_stats() - of what was settled. */
void tap_stats(const struct tap *t, struct tap_stats *out);

/** tap_stats_add() - @into becomes the sum; gauges too, times the widest. */
void tap_stats_add(struct tap_stats *into, const struct tap_stats *one);

/**
 * tap_absorb() - @into knows what @from knows, too: nodes are put together, counters added.
 * Where @into has no room, nodes_crowded says so. Nothing is said by it.
 */
void tap_absorb(struct tap *into, const struct tap *from);

/** tap_node_at() - node @i of tap_node_slots(), or NULL where none is. */
uint32_t tap_node_slots(const struct tap *t);
const struct tap_node *tap_node_at(const struct tap *t, uint32_t i);

#endif
