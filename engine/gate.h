/* SPDX-License-Identifier: MIT */
#ifndef ENGINE_GATE_H
#define ENGINE_GATE_H

#include <stdbool.h>
#include <stdint.h>

#include "proto/endpoint.h"
#include "proto/err.h"

/**
 * DOC: the one door to the wire. Every query, whoever wants it, asks here first
 * and a pass is charged at once; what the gate refuses is never sent.
 *
 * One gate per worker: because work is dealt by remote address, budgets per
 * host need no lock. Budgets per /24 (v6 /48) and the global rate are split
 * over workers: a /24's hosts land on several workers, so each holds its share.
 *
 * Budgets (design 8, census P2): per address 1/s, burst 4, at most 9 in any
 * sliding 10 s; per /24 32/s, burst 64; per introducer 64 unanswered contacts.
 */

struct blocklist; /* engine/blocklist.h */

enum gate_verdict {
	GATE_PASS,  /* send it now; budgets are charged */
	GATE_LATER, /* a budget is empty: ask again at @retry_ns */
	GATE_NEVER, /* must not be contacted in this run */
	GATE_FULL,  /* the global rate is used up: stop asking until @retry_ns */
};

/** Why; index into gate_stats.refused. */
enum gate_reason {
	GATE_OK = 0,
	GATE_BOGON,     /* special-purpose address, compiled in */
	GATE_BLOCKLIST, /* the user's file */
	GATE_PORT_ZERO,
	GATE_SERVICE_PORT, /* < 1024 or a known UDP service, without two introducers (P7):
			    * NEVER, until a second one speaks up and it is asked again */
	GATE_HOST_BUDGET,
	GATE_NET_BUDGET,
	GATE_INTRODUCER_BUDGET,
	GATE_RATE,
	GATE_CLAIM_BUDGET, /* a /24 (v6 /48) that many are said to live in and nobody answers:
			    * NEVER, in this census */
	GATE_REASONS
};

struct gate_opts {
	const struct blocklist *blocklist; /* may be NULL: bogons still hold */
	double rate_pps;                   /* this worker's share; <= 0 = unlimited */
	unsigned workers;                  /* how many gates share the run */
	double host_rate;                  /* packets/s to one address; 0 = default 1 */
	unsigned host_burst;               /* 0 = default 4 */
	unsigned host_10s;                 /* 0 = default 9 */
	double net_rate;                   /* per /24 or /48, whole run; 0 = default 32 */
	unsigned net_burst;                /* 0 = default 64 */
	/**
	 * runs that share every budget without a word between them; 0 and 1 = this one alone.
	 * Up to GATE_SHARES_MAX each holds an even share of a host's budget. More than that
	 * ask a host in turns of GATE_TURN_NS by the wall clock, one packet a turn.
	 */
	unsigned shard, shards;
	uint64_t wall_minus_now_ns; /* for turns */
	uint64_t secret;            /* limiter_opts; 0 = the kernel's */
};

enum {
	GATE_SHARES_MAX = 4, /* a burst of four in shares of one */
	/* Nine turns touch any 10 s. Within a turn both ends are left free, for clocks that
	 * differ: up to this much between two machines. */
	GATE_TURN_NS = 1250000000,
	GATE_TURN_SLACK_NS = 200000000,
};

struct gate_stats {
	uint64_t passed;
	uint64_t refused[GATE_REASONS]; /* each NEVER once per call, each LATER once per call */
	uint32_t worst_host_10s;        /* most packets to one address in any sliding 10 s */
	uint32_t worst_net_10s;         /* the same for a /24 or /48, seen by this worker; the
					 * window is up to 13.4 s long, so never too low */
	uint64_t table_bytes;           /* gauge: memory of the budgets' tables */
	uint64_t crowded;               /* of the LATER: because those tables were full */
};

struct gate;

/**
 * gate_new() - Errors: -ENOMEM; -EINVAL for a host budget that the limiter cannot hold.
 *
 * A run's budget is shared out evenly: each of @workers gates holds 1/workers of
 * rate and burst of a /24 (at least a burst of one), so the sum never exceeds
 * the budget, whoever its hosts are dealt to. A host belongs to one worker whole.
 * The global rate comes shared already: see engine.c, which moves it to where
 * it is used.
 */
int gate_new(const struct gate_opts *opts, struct gate **out) DT_MUST;
void gate_free(struct gate *g);

/**
 * gate_may_learn() - may this address enter the tables at all?
 * Returns GATE_OK, GATE_BOGON, GATE_BLOCKLIST or GATE_PORT_ZERO; nothing is charged.
 * Cost: one table probe; on the receive path for every contact in every reply.
 */
enum gate_reason gate_may_learn(const struct gate *g, const struct endpoint *ep);

/**
 * gate_admit() - may a packet go to @ep now? A pass charges every budget.
 * @introducers: distinct nodes that mentioned it (service-port rule).
 * @retry_ns: out, for LATER and FULL: earliest time at which it may pass.
 */
enum gate_verdict gate_admit(struct gate *g, const struct endpoint *ep, unsigned introducers,
			     uint64_t now_ns, enum gate_reason *why, uint64_t *retry_ns);

/** struct gate_look - where an endpoint's budgets stand, worked out once; private. */
struct gate_look {
	uint64_t host_key, host_hash, net_key, net_hash;
	uint8_t *claim;
};

/**
 * gate_prefetch() - touch what gate_admit_looked() will read for @ep; worth it some ten
 * candidates ahead, the budgets' tables are far larger than the cache.
 */
void gate_prefetch(const struct gate *g, const struct endpoint *ep, struct gate_look *look);

/** gate_admit_looked() - gate_admit() after gate_prefetch() of the same endpoint. */
enum gate_verdict gate_admit_looked(struct gate *g, const struct endpoint *ep,
				    const struct gate_look *look, unsigned introducers,
				    uint64_t now_ns, enum gate_reason *why, uint64_t *retry_ns);

/**
 * gate_room() - how many packets the global rate lets out now; UINT_MAX = any number.
 * Whoever prepares a batch need not prepare more.
 */
unsigned gate_room(const struct gate *g, uint64_t now_ns);

/**
 * gate_handed_over() - all that has passed so far was with the kernel by @now_ns.
 *
 * The rate is promised of packets as they leave: never more than rate x 10 ms + 1 + rate x 1.5 ms
 * in any 10 ms, wherever their worker was kept between asking here and handing over. Whoever sends
 * says so after each batch; a batch that lay delays those behind it (E-240).
 */
void gate_handed_over(struct gate *g, uint64_t now_ns);

/**
 * DOC: the claim budget. Who lists contacts in a /24 aims us at it, and the rate per /24
 * only stretches that out. So a /24 gets GATE_CLAIMS packets on credit, shared by the
 * workers; each answer from it is worth GATE_CLAIM_CREDIT more. A network with one
 * live node in seven never runs out; one where nobody lives gets its 64 and no more.
 */
enum { GATE_CLAIMS = 64, GATE_CLAIMS_LEAST = 4, GATE_CLAIM_CREDIT = 8 };

/** gate_answered() - somebody at @ep did. */
void gate_answered(struct gate *g, const struct endpoint *ep);

/** gate_prefetch_answer() - touch what gate_answered() will. */
void gate_prefetch_answer(const struct gate *g, const struct endpoint *ep);

/** gate_set_rate() - this worker's new share, from now on; no burst of the past. */
void gate_set_rate(struct gate *g, double rate_pps);

/**
 * gate_set_blocklist() - swap the list whole (SIGHUP); NULL = bogons only. The
 * caller keeps the old one alive until all workers did.
 */
void gate_set_blocklist(struct gate *g, const struct blocklist *b);

/**
 * gate_sum_net16() - add this gate's packets so far, by the upper 16 bits of an IPv4
 * address. Threads: any, while the gate's own goes on.
 */
enum { GATE_NETS16 = 1 << 16 };
void gate_sum_net16(const struct gate *g, uint32_t sum[static GATE_NETS16]);

void gate_stats(const struct gate *g, struct gate_stats *out);

/**
 * gate_shut_services() - from now on a service port is refused whoever mentioned it: a second pass
 * over the same contacts would send it a second packet, and one is all it gets (P7).
 */
void gate_shut_services(struct gate *g);

/** gate_is_service_port() - below 1024, or a UDP service that strangers must leave alone (P7). */
bool gate_is_service_port(uint16_t port);

/** gate_reason_name() - "bogon", "blocklist", "port-zero", "service-port", ... */
const char *gate_reason_name(enum gate_reason r);

#endif
