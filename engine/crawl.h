/* SPDX-License-Identifier: MIT */
#ifndef ENGINE_CRAWL_H
#define ENGINE_CRAWL_H

#include <stdbool.h>
#include <stdint.h>

#include "engine/gate.h"
#include "engine/health.h"
#include "engine/net.h"
#include "engine/part.h"
#include "engine/pass_cost.h"
#include "engine/vantage.h"
#include "proto/endpoint.h"
#include "proto/err.h"
#include "proto/listing.h"
#include "proto/nodekey.h"
#include "proto/sighting.h"

/**
 * DOC: the census as a pure step: (datagram or tick, now) -> queries, sightings.
 *
 * No socket, no clock, no thread, no global: a worker feeds it real packets, a
 * simulator feeds it virtual ones, and both run the same code. One struct crawl
 * is one worker's shard: it owns every endpoint whose address net_deal() gives
 * to it, with its state, its queries in flight and its frontier.
 */

/** Which questions a node is asked. The later ones are those of other crawlers (census 2b). */
enum crawl_plan {
	CRAWL_PLAN_2PLUS,   /* own id; own id with bit c-1 flipped; 10 % a random target */
	CRAWL_PLAN_3,       /* and c-2 */
	CRAWL_PLAN_4,       /* and c */
	CRAWL_PLAN_5,       /* and c-3 */
	CRAWL_PLAN_DRAIN,   /* own id; c-1, c-2, ... 0 while the node names somebody it had not */
	CRAWL_PLAN_PING,    /* revisit, learn no contacts */
	CRAWL_PLAN_OWN,     /* own id alone, and what opts.mixing adds */
	CRAWL_PLAN_FLIP_C,  /* own id; c */
	CRAWL_PLAN_RANDOM1, /* one random target: magnetico, bitmagnet */
	CRAWL_PLAN_RANDOM2,
	CRAWL_PLAN_RANDOM4,
	CRAWL_PLAN_RANDOM8,
	CRAWL_PLAN_CPL16,  /* targets that share exactly 0, 1, ... 15 bits with its id: Nebula */
	CRAWL_PLAN_SURVEY, /* revisit, learn no contacts, ask for what it can do: struct crawl_trait
			    */
	CRAWL_PLANS
};

/** crawl_plan_name() - "2+", "drain", "random1"... */
const char *crawl_plan_name(enum crawl_plan plan);

/** crawl_plan_from_text() - the inverse. Errors: DT_ENOTFOUND. */
int crawl_plan_from_text(const char *text, enum crawl_plan *out) DT_MUST;

enum crawl_method { CRAWL_FIND_NODE, CRAWL_GET_PEERS, CRAWL_PING, CRAWL_SAMPLE };

enum { CENSUS_ZONES = 256 }; /* by the top 8 bits of the id (census 4.4) */

enum { CRAWL_MAC_KEY_BYTES = 16 };

/** census_zone_in() - is @zone in the set @zones (bit z of byte z/8)? */
static inline bool census_zone_in(const uint8_t zones[static CENSUS_ZONES / 8], unsigned zone)
{
	return zones[zone / 8] >> zone % 8 & 1;
}

struct crawl_opts {
	unsigned shard, shards; /* this worker, of how many */
	enum crawl_plan plan;
	enum crawl_method method;
	const struct failures *failures; /* of the censuses before; borrowed; NULL = none */
	struct crawl_part part; /* whose ids are asked: a zone, a shard; default everything */
	struct nodeid own_id;
	uint8_t v[4];                         /* our client tag */
	uint8_t mac_key[CRAWL_MAC_KEY_BYTES]; /* secret of the transaction ids */
	uint64_t seed;                        /* all random choices follow from it */
	double mixing;             /* share of nodes that get a random target; default 0.10 */
	uint32_t mixing_all_until; /* nodes known (whole run) before mixing drops to it; 50000 */
	uint64_t timeout1_ns, timeout2_ns; /* 2 s, 4 s */
	uint64_t
		sweep_after_ns; /* third attempt no sooner after the second; 60 s, 5 s with --sim */
	uint64_t late_ns;       /* answers this old still update their node; 15 s */
	unsigned slots_log2;    /* in-flight ring: 2^n slots of 32 bytes, n <= 23 */
	uint64_t endpoints_max; /* bound of this shard's table; beyond it contacts are counted and
				   dropped */
	uint64_t endpoints_hint; /* expected; sizes nothing irrevocably */
	/* The socket reaches IPv6: take contacts from nodes6, and ask the nodes of IPv4 that get
	 * a random target anyway (mixing) for contacts of both families (want, BEP 32). */
	bool learn6;
	/**
	 * Only nodes of @zones are asked, but for contacts without an id, which are asked
	 * once for a place in them; random targets lie in them. Off: everybody.
	 */
	bool zoned;
	uint8_t zones[CENSUS_ZONES / 8];
	double raise_above; /* depth rises in a zone whose lower bound of unseen/seen exceeds it;
			       0.002; <= 0 never */
};

/** crawl_opts_default() - the values above; ids, keys and seed zero. */
struct crawl_opts crawl_opts_default(void);

/** struct crawl_contact - an endpoint somebody told us of. */
struct crawl_contact {
	struct endpoint ep;
	struct nodeid id;
	uint32_t introducer; /* hash of who told us; 0 = bootstrap or ourselves */
	bool has_id;
	bool doubted;   /* by somebody who misleads: another one's word is needed */
	bool confirmed; /* by the census before this one: asked first */
};

/** struct crawl_port - what leaves the step, besides packets. Called on the step's thread. */
struct crawl_port {
	void *ctx;
	void (*sighting)(void *ctx, const struct sighting *s);
	/** a contact that another shard owns */
	void (*contact)(void *ctx, unsigned shard, const struct crawl_contact *contact);
	/** a datagram that was counted as malformed, and the parser's reason; may be NULL */
	void (*malformed)(void *ctx, const void *data, size_t len, int why);
	/** a question's outcome and whom the answer listed; NULL: none are made */
	void (*listing)(void *ctx, const struct listing *l);
};

/** struct crawl_stats - monotonic counters and gauges of one shard. */
struct crawl_stats {
	/* the accounting identity: sent = answered + errors + expired + in_flight */
	uint64_t sent, answered, errors, expired, in_flight;
	uint64_t send_failed; /* beside it: refused by the kernel, not in sent */
	uint64_t late, duplicate, foreign, alias, malformed, truncated_t;
	uint64_t first_attempts, retries_sent;
	uint64_t mixing_sent;         /* first attempts spent on random targets, of which */
	uint64_t startup_mixing_sent; /* because of mixing_all_until */
	uint64_t raised_sent;         /* first attempts that the depth rule added */
	uint64_t probes_sent;         /* first attempts under our other id, to be sure of a class */
	uint64_t queries_received;    /* y=q to our socket: counted, not answered by the crawl */
	uint64_t reflected;           /* our own query or our own id came back, or was listed */
	uint64_t values;              /* peers in replies to get_peers */
	uint64_t endpoints_known, endpoints_refused[GATE_REASONS], endpoints_full;
	uint64_t outside;         /* contacts of other zones, not taken */
	uint64_t endpoints_asked; /* endpoints that were sent at least one query */
	uint64_t endpoints_live;  /* endpoints that answered */
	uint64_t guides_asked;    /* endpoints outside the part that were asked the way in */
	uint64_t guides_live;     /* of endpoints_live: answered under an id outside the part */
	uint64_t warm_known;      /* endpoints that the census before had confirmed */
	uint64_t warm_live;       /* of these, such as answered */
	uint64_t doubted_known;   /* endpoints that were silent in the last censuses */
	uint64_t doubted_live;    /* of these, such as answered */
	uint64_t heard[3];        /* of the part: answered the first, second, third packet first */
	uint64_t frontier;        /* gauge: endpoints still to be asked for the first time */
	uint64_t retry_waiting;   /* gauge: waiting for a later attempt */
	uint64_t ring_full;       /* turns in which the slot ring was the limit */
	uint64_t bytes_tables;    /* node table and slot ring, as allocated */
	uint64_t bytes_frontier;  /* waiting rooms, as allocated now */
	uint64_t rtt_hist[64];    /* log2 buckets of microseconds, 4 per octave from 16 us */
};

struct crawl;
struct failures; /* engine/failures.h */

/** crawl_new() - @gate and @port must outlive the crawl. Errors: -ENOMEM, -EINVAL. */
int crawl_new(const struct crawl_opts *opts, struct gate *gate, const struct crawl_port *port,
	      uint64_t now_ns, uint64_t wall_minus_now_ns, struct crawl **out) DT_MUST;
void crawl_free(struct crawl *c);

/** crawl_offer() - contacts from bootstrap, a warm start or other shards; must be this shard's. */
void crawl_offer(struct crawl *c, const struct crawl_contact *list, unsigned count,
		 uint64_t now_ns);

/**
 * crawl_tx() - write the queries that should leave now.
 * @msgs: buffers lent by the device; @count of them.
 * Returns how many were filled: data, len, peer, tag. Each of them has passed
 * the gate, holds a slot and counts as sent.
 */
unsigned crawl_tx(struct crawl *c, uint64_t now_ns, struct net_msg *msgs, unsigned count);

/** crawl_send_failed() - the kernel refused the packet with this tag: undo its count, try later. */
void crawl_send_failed(struct crawl *c, uint64_t tag, int err, uint64_t now_ns);

/**
 * crawl_rx() - datagrams that arrived. Handles what is ours; for a datagram whose
 * t names another worker's slot the index is appended to @elsewhere.
 * @elsewhere: room for @count indices into @msgs; @elsewhere_count: out.
 */
void crawl_rx(struct crawl *c, uint64_t now_ns, const struct net_msg *msgs, unsigned count,
	      uint16_t *elsewhere, unsigned *elsewhere_count);

/** crawl_slot_owner() - which worker a datagram's t names; -1 where it names none. */
int crawl_slot_owner(const struct net_msg *msg, unsigned shards);

/** crawl_tick() - expire queries; call once per turn of the loop, cheap. */
void crawl_tick(struct crawl *c, uint64_t now_ns);

/** crawl_next_due_ns() - when there will be something to do without a datagram; UINT64_MAX = never.
 */
uint64_t crawl_next_due_ns(const struct crawl *c, uint64_t now_ns);

/** crawl_stop() - no first or repeated query any more; in-flight ones may still be answered. */
void crawl_stop(struct crawl *c);

/** crawl_idle() - nothing to ask, nothing in flight, no attempt left. */
bool crawl_idle(const struct crawl *c);

void crawl_stats(const struct crawl *c, struct crawl_stats *out);

/** crawl_rtt_us() - round trip of recent answers, smoothed over about 64 of them; 0 before the
 * first. */
uint32_t crawl_rtt_us(const struct crawl *c);

enum { CRAWL_AGES = 20, CRAWL_AGE_US = 1000 };

/**
 * crawl_take_ages() - answers since the last call, by the age of their questions in whole ms
 * of the clock that crawl_tx() and crawl_rx() are given; older than CRAWL_AGES are left out.
 */
void crawl_take_ages(struct crawl *c, uint32_t out[static CRAWL_AGES]);

/** crawl_votes() - under which addresses nodes see us. */
const struct vantage_votes *crawl_votes(const struct crawl *c);

/** crawl_close() - say every endpoint once more as SIGHTING_FINAL through the port. */
void crawl_close(struct crawl *c, uint64_t now_ns);

/** crawl_remember() - note in @f who of this shard answered and who never did; after the end. */
void crawl_remember(const struct crawl *c, struct failures *f);

/* ---- from one process to the next: engine/crawl_save.c -------------------- */

struct checkpoint_out; /* engine/checkpoint.h */

/** crawl_save() - every record of this shard. Nothing may change meanwhile. */
void crawl_save(const struct crawl *c, uint64_t now_ns, struct checkpoint_out *out);

/** struct crawl_restored - what was under way when the process ended. */
struct crawl_restored {
	uint64_t in_flight, first_in_flight; /* attempts given back; of these, first ones */
};

/**
 * crawl_restore() - take those of @records, of any shard and any number of shards,
 * that are this shard's; before anything else is known. Adds to @out.
 * Errors:  DT_ECORRUPT.
 */
int crawl_restore(struct crawl *c, struct span records, uint64_t now_ns,
		  struct crawl_restored *out) DT_MUST;

/** crawl_levels(), crawl_set_levels() - how deep each zone is asked; see crawl_raise(). */
void crawl_levels(const struct crawl *c, uint8_t levels[static CENSUS_ZONES]);
void crawl_set_levels(struct crawl *c, const uint8_t levels[static CENSUS_ZONES]);

/** crawl_set_heard() - crawl_stats.heard of the processes before; one shard has them all. */
void crawl_set_heard(struct crawl *c, const uint64_t heard[static 3]);

/** What the tables say of one endpoint; for scorers and tests. */
struct crawl_node {
	struct nodeid id; /* answered, else advertised */
	bool answered;
	uint8_t attempts;
	uint8_t node_class; /* enum sighting_class */
	bool asked_us;      /* it sent us a query: what it answers may come through a hole for us */
	uint16_t mentions;
};

/** What a survey asks, in this order. */
enum crawl_survey_question {
	SURVEY_FIND,   /* find_node, and want both families: BEP 32, and is it there at all? */
	SURVEY_SAMPLE, /* sample_infohashes: BEP 51 */
	SURVEY_ITEM,   /* get, of what nobody put: BEP 44 */
	SURVEY_SCRAPE, /* get_peers of one of its samples, with scrape: BEP 33 */
	SURVEY_QUESTIONS
};

/** struct crawl_trait - what was learnt of a node by CRAWL_PLAN_SURVEY. */
struct crawl_trait {
	uint16_t flags; /* enum sighting_flag */
	uint16_t error; /* code of its last error message; 0 = none came */
	uint8_t asked;  /* bit per enum crawl_survey_question that was answered or given up */
	bool there;     /* it answered something, were it with an error */
	bool has_hash;  /* it gave a sample, */
	uint8_t version_len;
	uint8_t version[4];         /* v as sent */
	uint8_t hash[NODEID_BYTES]; /* this one */
};

/** crawl_find() - 0, or DT_ENOTFOUND. */
int crawl_find(const struct crawl *c, const struct endpoint *ep, struct crawl_node *out) DT_MUST;

/** struct crawl_entry - an endpoint of the table, whole. */
struct crawl_entry {
	struct endpoint ep;
	struct crawl_node node;
	const struct crawl_trait *trait; /* of a survey; else NULL */
};

/** crawl_each() - every endpoint, in no order. @take is called on the caller's thread. */
void crawl_each(const struct crawl *c, void (*take)(void *ctx, const struct crawl_entry *entry),
		void *ctx);

/**
 * crawl_listed() - what a sample of this shard's nodes listed. Returns how many contacts;
 * valid until the crawl goes on.
 */
size_t crawl_listed(const struct crawl *c, const struct crawl_listed **out);

/* ---- the certificate: engine/census.c ----------------------------------- */

/** struct census_tally - what Chao1 needs, per zone; tallies of shards add up. */
struct census_tally {
	struct {
		uint64_t live;   /* endpoints that answered */
		uint64_t f1, f2; /* of these, with exactly one / two distinct introducers */
		uint64_t f0;     /* of these, known from elsewhere: nobody mentioned them */
		uint64_t known;  /* endpoints known */
	} zone[CENSUS_ZONES];
	uint64_t heard[3]; /* live, by the packet that was the first to be answered */
};

/**
 * crawl_tally() - add this shard's counts, of the part that is asked, to @t.
 * Cost: a scan of the table.
 */
void crawl_tally(const struct crawl *c, struct census_tally *t);

/** crawl_tally6() - the same of IPv6 alone, without who heard which packet. */
void crawl_tally6(const struct crawl *c, struct census_tally *t);

/**
 * crawl_raise() - ask deeper in the zones set in @zones (bit z of byte z/8).
 * Adds the next question of the plan (c-2, then c) for nodes of that zone.
 * Returns how many questions were added.
 */
uint64_t crawl_raise(struct crawl *c, const uint8_t zones[static CENSUS_ZONES / 8],
		     uint64_t now_ns);

/** struct census_estimate - the certificate: what was not seen. */
struct census_estimate {
	uint64_t live;
	double unlisted; /* live nodes that nobody named: Chao1 */
	double unheard;  /* that somebody named, and three packets to them or from them were lost */
	/* both */
	double unseen, unseen_low, unseen_high; /* 95 % interval */
	double recall;                          /* live / (live + unseen) */
};

/**
 * census_chao1() - Chao1 per zone, summed, and who was asked three times in vain;
 * with a log-normal 95 % interval (Chao 1987).
 *
 * The unheard follow from how many of the live answered only the second and only the
 * third packet, as long as packets are lost independently.
 */
struct census_estimate census_chao1(const struct census_tally *t);

/** census_zones_to_raise() - zones whose lower bound of unseen/seen exceeds @above; returns how
 * many. */
unsigned census_zones_to_raise(const struct census_tally *t, double above,
			       uint8_t zones[static CENSUS_ZONES / 8]);

/** struct census_capture - what two passes over the same nodes found, of those that stayed. */
struct census_capture {
	uint64_t first;       /* answered in the first pass */
	uint64_t second;      /* answered in the second, and in the check after it */
	uint64_t both;        /* of these, answered in the first too: Chapman's m */
	uint64_t left;        /* of the first, answered neither in the second nor in the check */
	uint64_t fresh;       /* of the second, did not answer in the first */
	uint64_t fresh_known; /* of these, the first pass knew them and heard nothing */
	uint64_t known_once;  /* the same, but silent again in the check */
};

/** struct census_chapman - what mark and recapture say. */
struct census_chapman {
	double unseen, unseen_low, unseen_high; /* nodes that the first pass missed; 95 % */
	double recall;
	double arrived; /* of the fresh, how many are thought to have come since the first pass */
	/* the population at the time of the second pass, whoever had come or left by then */
	double population, population_low, population_high;
};

/**
 * census_chapman() - Chapman's estimator over a whole network, marked by a first pass and
 * sampled by a second one.
 * @live: answered in the first pass, everywhere; @c: of the zones that were sampled.
 *
 * N = (a + 1)(b + 1) / (m + 1) - 1 with its variance, the interval log-normal
 * around the unseen. As many are thought to have arrived between the passes as
 * left; they are taken off for the first pass's recall and stay in the population.
 *
 * Source:  D. Chapman, Univ. Calif. Public. Stat. 1 (1951); variance: G. Seber,
 *          The Estimation of Animal Abundance, 2nd ed., sec. 3.1.
 */
struct census_chapman census_chapman(uint64_t live, const struct census_capture *c);

/** census_dispersion() - of the silent that were caught, between @zones: 1 = as chance has it. */
double census_dispersion(const struct census_capture zone[static CENSUS_ZONES],
			 const uint8_t zones[static CENSUS_ZONES / 8]);

/** struct census_combined - what mentions say of the unlisted and a second pass of the silent. */
struct census_combined {
	double unlisted, silent, unseen, unseen_low, unseen_high; /* 95 % */
	double recall;
	bool from_second; /* the silent are as the second pass has them; else as census_chao1() */
};

/**
 * census_combine() - @e: of the first pass; @c: of a second one.
 *
 * How many of the named lost three packets in a row follows from who answered the second and the
 * third, as long as losses are independent; a node that keeps silent for a while, busy or
 * limited, loses all three at once. The second pass, minutes later, hears some of those whom the
 * first knew and did not hear: where these are more than independent loss explains (above
 * the 97.5 % point of Poisson's law), they are what is reckoned with; those among them that its
 * check did not hear tell how many both passes did not.
 * @dispersion: census_dispersion() of the second pass; widens the interval.
 */
struct census_combined census_combine(const struct census_tally *t, const struct census_capture *c,
				      double dispersion);

/** struct census_canaries - nodes that were known beforehand, and how many were found. */
struct census_canaries {
	uint64_t planted, found;
	double recall, low, high; /* 95 % (Wilson 1927) */
};

/** census_canaries() - with its interval; all zero where none was planted. */
struct census_canaries census_canaries(uint64_t planted, uint64_t found);

/** struct census_certificate - the second pass, by zone; see engine/certify.h. */
struct census_certificate {
	struct census_canaries canaries; /* apart from the second pass */
	bool done;                       /* else nothing below but the cost is meant */
	unsigned zone_count;
	uint8_t zones[CENSUS_ZONES / 8];
	struct census_capture zone[CENSUS_ZONES], all;
	struct census_chapman estimate;
	struct census_combined combined;
	uint64_t at_ms; /* Unix time of the second pass */
	struct pass_cost cost;
};

/* ---- classes: engine/crawl_class.c ---------------------------------------- */

/** struct crawl_classes - how many endpoints are what; counts of shards add up. */
struct crawl_classes {
	uint64_t count[SIGHTING_CLASSES]; /* normal: those that answered */
	uint64_t marked;         /* contacts never asked: only misleading ones listed them */
	uint64_t suspects, lost; /* endpoints with something odd; such as had no room */
};

/** struct crawl_twin - an endpoint that may share its id with others. */
struct crawl_twin {
	uint64_t id, address; /* hashes */
	uint32_t ref;
	uint16_t shard;
	uint8_t node_class;
	bool six; /* of IPv6 */
};

/** struct crawl_twins - a filter: two bits per answered id. Written by all shards at once. */
struct crawl_twins;

/** crawl_twins_new() - for @live endpoints: 2 to 4 bytes each. Errors: -ENOMEM. */
int crawl_twins_new(uint64_t live, struct crawl_twins **out) DT_MUST;
void crawl_twins_free(struct crawl_twins *t);

/** crawl_twins_mark() - this shard's ids into the filter; from any thread. */
void crawl_twins_mark(const struct crawl *c, struct crawl_twins *t);

/** crawl_twins_list() - this shard's endpoints whose id was met twice; up to @cap are written.
 * Returns how many there are. */
uint64_t crawl_twins_list(const struct crawl *c, const struct crawl_twins *t,
			  struct crawl_twin *out, uint64_t cap);

/** crawl_twins_judge() - the lists of all shards together: sorted, each with its class. */
void crawl_twins_judge(struct crawl_twin *list, uint64_t count);

/** crawl_judge() - take over this shard's part of the judged list. A byte per endpoint from
 * then on. Errors: -ENOMEM. */
int crawl_judge(struct crawl *c, const struct crawl_twin *list, uint64_t count) DT_MUST;

/** crawl_count_classes() - add this shard's to @out. Cost: a scan of the table. */
void crawl_count_classes(const struct crawl *c, struct crawl_classes *out);

/** crawl_ids() - append 64-bit prefixes-with-hash of answered ids (distinct count). Returns count.
 */
uint64_t crawl_ids(const struct crawl *c, uint64_t *out, uint64_t cap);

/** crawl_ids4(), crawl_ids6() - of one family: who is in both is on both. */
uint64_t crawl_ids4(const struct crawl *c, uint64_t *out, uint64_t cap);
uint64_t crawl_ids6(const struct crawl *c, uint64_t *out, uint64_t cap);

/** crawl_addresses() - append 64-bit hashes of answering addresses. Returns count. */
uint64_t crawl_addresses(const struct crawl *c, uint64_t *out, uint64_t cap);

#endif
