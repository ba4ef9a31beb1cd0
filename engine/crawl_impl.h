/* SPDX-License-Identifier: MIT */
#ifndef ENGINE_CRAWL_IMPL_H
#define ENGINE_CRAWL_IMPL_H

#include <string.h>

#include "engine/cookie.h"
#include "engine/crawl.h"
#include "engine/failures.h"
#include "engine/frontier.h"
#include "engine/nodetab.h"
#include "engine/rng.h"
#include "engine/slots.h"
#include "engine/suspects.h"
#include "proto/krpc.h"

/**
 * DOC: the inside of a crawl; nobody but engine/crawl*.c includes this.
 *
 *	crawl.c		life, options, statistics, closing words
 *	crawl_node.c	one endpoint's path: which question next, what an outcome means
 *	crawl_plan.c	the plans: which questions there are, and where they aim
 *	crawl_health.c	what a sample of nodes lists
 *	crawl_walk.c	what each node has told while its table is drained
 *	crawl_survey.c	what each node of a sample can do
 *	crawl_learn.c	contacts into the table or to their shard, in batches
 *	crawl_rx.c	datagrams to outcomes
 *	crawl_tx.c	questions to datagrams
 *
 * An endpoint has at most one question in flight; which one is the lowest bit
 * of node.todo. Every waiting room holds record numbers only: what is to be
 * done is read from the record when its turn comes, so an entry may be stale
 * and nothing has to be searched and removed.
 */

/** Questions, in the order in which they are asked; bits of node.todo. */
enum question {
	Q_FIRST, /* a random target: of a contact whose id nobody told */
	Q_OWN,   /* its own id: neighbours, c, and the id confirmed (q1) */
	Q_AGAIN, /* the id it answered with, where that was not the advertised one */
	Q_FLIP1, /* bit c-1 flipped: the sibling bucket just above (q2) */
	Q_MIX,   /* a random target */
	Q_FLIP2, /* bit c-2 */
	Q_FLIP0, /* bit c */
	Q_WALK,  /* as many as the plan's walk has steps; which one: node.depth */
	Q_PROBE, /* its id, asked under our other one; the bit is node.probing */
	QUESTIONS
};

enum {
	CRAWL_ATTEMPTS_Q1 = 3, /* census 4.5: with 5 % loss 0.0125 % stay unheard */
	CRAWL_ATTEMPTS_Q2 = 2, /* q2 and mixing: one retry */
	/* P7. What one endpoint may add to the work: contacts that were new here, and
	 * all that other shards own. Nodes give 8 a reply, so 3 to 5 honest replies
	 * stay below; stricter than "64 unanswered": nothing is credited back. */
	CRAWL_INTRODUCED_MAX = 64,
	CRAWL_RX_BLOCK = 32,     /* datagrams in the three passes at once: their state fits in L1 */
	CRAWL_LEARN_BATCH = 384, /* contacts looked up side by side; 32 replies of 8, and room */
	CRAWL_HAND_MAX = NET_BATCH_MAX,
	/* Slots in use may be this share of the endpoints known (or the minimum): more in
	 * flight than that gains no time and costs the bytes per endpoint. */
	CRAWL_SLOTS_SHARE_NUM = 3,
	CRAWL_SLOTS_SHARE_DEN = 8,
	CRAWL_SLOTS_MIN = 4096,
	/* Contacts of the health sample, 64 bytes each: of some 3,000 nodes whom two or three
	 * questions are asked, or of 1,200 whose tables are drained. */
	CRAWL_LISTED_MAX = 1 << 16,
	CRAWL_LISTED_DRAIN_MAX = 1 << 18,
	CRAWL_EXPIRE_MAX = 2048, /* slots expired in one turn: some 0.2 ms */
	/* A send that the kernel refused for want of memory is tried again after this. */
	CRAWL_RESEND_NS = 20 * 1000 * 1000,
	CRAWL_T_FOREIGN_BIT = 31, /* set in no t of ours (engine.md 4) */
	/* The way into a part (E-80): outsiders asked per bit of nearness, and how many of
	 * the part must have answered before nobody outside is asked any more. */
	CRAWL_GUIDES_PER_BIT = 32,
	CRAWL_GUIDES_UNTIL = 8,
	/* Start-up mixing of a part: its share of mixing_all_until, and no less than this. */
	CRAWL_MIXING_MIN = 2000,
};

/** struct learn_common - what all contacts of one reply have in common. */
struct learn_common {
	uint32_t introducer_ref; /* NODETAB_NONE: told by another shard or by ourselves */
	uint32_t flags;          /* LEARN_*: one word, as it is copied with each contact */
};

enum {
	LEARN_V6 = 1 << 0,
	LEARN_DOUBTED = 1 << 1, /* the introducer is: another one is needed */
	LEARN_CONFIRMED = 1 << 2,
};

/** struct learn - a contact on its way into the table. */
struct learn {
	uint64_t hash;      /* of the table's key */
	const uint8_t *id;  /* borrowed until the batch is applied; NULL = none */
	uint32_t ip;        /* IPv4, host order; IPv6: crawl.batch6 has it */
	uint16_t port, tag; /* of the introducer; 0 = nobody's mention */
	struct learn_common by;
};
_Static_assert(sizeof(struct learn) == 32, "two to a cache line");

/** struct crawl_sample - see crawl_health.c. */
struct crawl_sample {
	struct crawl_listed *at;
	size_t count, room, max;
	uint64_t below; /* a node whose draw is above it is not in the sample */
};

struct crawl {
	struct crawl_opts opts;
	struct gate *gate;
	struct crawl_port port;
	uint64_t wall_minus_now_ns;

	struct nodetab tab;
	struct slots slots;
	struct frontier frontier;
	struct cookie cookie;
	struct krpc_template find, ping, sample, probe;
	struct krpc_template find46; /* a random target, and of both families, please */
	struct nodeid alt_id;        /* our other id, of probes */
	struct suspects suspects;
	uint8_t *judged; /* enum sighting_class by record, after crawl_judge() */
	uint32_t judged_count;
	unsigned shard_shift;         /* of the shard's number in t */
	uint64_t who_seed, who_seed4; /* of crawl_host(); the second for IPv4 addresses */
	uint32_t rtt_us;              /* smoothed, of recent answers */
	uint32_t ages[CRAWL_AGES];    /* of questions answered, see crawl_take_ages() */

	uint32_t mixing_below; /* a node whose 32 random bits are below it gets a random target */
	uint64_t mixing_all_until;       /* this shard's share */
	uint32_t inside_live;            /* endpoints of the part that answered */
	uint8_t guides[64 + 1];          /* outsiders asked, by bits in common with the part */
	uint8_t zone_rest[CENSUS_ZONES]; /* questions after the own id, a bit each, by zone */
	uint8_t plan_rest;               /* what the plan itself asks for */
	struct crawl_walks *walks;       /* of plan drain; else NULL */
	struct crawl_survey *survey;     /* of plan survey; else NULL */
	struct vantage_votes votes;      /* the ip field of replies */
	struct crawl_sample listed;      /* what a sample of nodes lists */

	struct learn batch[CRAWL_LEARN_BATCH];
	const uint8_t *batch6[CRAWL_LEARN_BATCH]; /* of those of IPv6: 16 bytes, borrowed */
	unsigned batched;

	uint32_t hand[CRAWL_HAND_MAX]; /* picked, not sent yet */
	unsigned in_hand;
	uint32_t pick[CRAWL_HAND_MAX]; /* on their way into the hand */
	uint8_t pick_bag[CRAWL_HAND_MAX];
	unsigned picked;
	uint32_t waiting_first; /* nodes in the bags of first questions */
	uint64_t rate_until_ns; /* the gate is shut until then */
	bool stopped;

	struct crawl_stats stats;
};

/** crawl_revisits() - are known nodes asked, and no contacts learnt? */
static inline bool crawl_revisits(const struct crawl *c)
{
	return c->opts.plan == CRAWL_PLAN_PING || c->opts.plan == CRAWL_PLAN_SURVEY ||
	       c->opts.method == CRAWL_PING;
}

static inline uint32_t crawl_us(uint64_t now_ns)
{
	return (uint32_t)(now_ns / 1000);
}

/* The queue in which a node waits for its first question; 0 = in none. */
static inline unsigned crawl_class(const struct node *n)
{
	return n->flags >> NODE_CLASS_SHIFT;
}

static inline void crawl_set_class(struct node *n, unsigned bag)
{
	n->flags =
		(uint16_t)((n->flags & ((1u << NODE_CLASS_SHIFT) - 1)) | bag << NODE_CLASS_SHIFT);
}

/** crawl_draw_host() - the part of crawl_draw() that is of the address. */
static inline uint64_t crawl_draw_host(const struct crawl *c, const struct endpoint *ep,
				       uint64_t purpose)
{
	uint64_t words[2], x = rng_mix(c->opts.seed + purpose);

	memcpy(words, ep->addr, sizeof(words));
	return rng_mix(rng_mix(x ^ words[0]) ^ words[1]);
}

/**
 * crawl_draw() - 64 bits that belong to an endpoint, a purpose and the run's seed:
 * the same however often they are drawn, and whatever the secret keys are.
 */
static inline uint64_t crawl_draw(const struct crawl *c, const struct endpoint *ep,
				  uint64_t purpose)
{
	return rng_mix(crawl_draw_host(c, ep, purpose) ^ ep->port);
}

/** What crawl_draw() is called for. */
enum {
	CRAWL_DRAW_WHO = 1,
	CRAWL_DRAW_CHOICE = 2,
	CRAWL_DRAW_TARGET = 3, /* + question */
	CRAWL_DRAW_HEALTH = 1000,
};

/** crawl_host() - the draw of an answer's sender that its name and its place in the sample share.
 */
static inline uint64_t crawl_host(const struct crawl *c, const struct endpoint *ep)
{
	uint64_t words[2];

	memcpy(words, ep->addr, sizeof(words));
	return rng_mix((words[0] ? rng_mix(c->who_seed ^ words[0]) : c->who_seed4) ^ words[1]);
}

/**
 * crawl_who() - 32 bits that name an introducer: its address, so that a host with
 * many ports counts once. @host: its crawl_host(). Never 0.
 */
static inline uint32_t crawl_who(uint64_t host)
{
	uint32_t who = (uint32_t)rng_mix(host);

	return who ? who : 1;
}

/** crawl_health_draw() - by which an endpoint is in the sample of crawl_health.c, or not. */
static inline uint64_t crawl_health_draw(uint64_t host, uint16_t port)
{
	return rng_mix(host ^ port ^ (uint64_t)CRAWL_DRAW_HEALTH << 16);
}

/** crawl_in_zones() - is an id that begins with @first in the zones, if these are named? */
static inline bool crawl_in_zones(const struct crawl *c, uint8_t first)
{
	return !c->opts.zoned || census_zone_in(c->opts.zones, first);
}

/** crawl_inside() - is this id of the part that is asked? */
static inline bool crawl_inside(const struct crawl *c, const struct nodeid *id)
{
	return crawl_in_zones(c, id->b[0]) && part_has(&c->opts.part, nodeid_prefix64(id));
}

/* ---- crawl_node.c -------------------------------------------------------- */

/** crawl_question() - what it is asked next; QUESTIONS = nothing. */
static inline enum question crawl_question(const struct node *n)
{
	if (n->todo)
		return (enum question)__builtin_ctz(n->todo);
	return n->probing ? Q_PROBE : QUESTIONS;
}

/** crawl_is_open() - is @q still to be answered? */
static inline bool crawl_is_open(const struct node *n, enum question q)
{
	return q == Q_PROBE ? n->probing : q != QUESTIONS && n->todo >> q & 1;
}

/** What earns a node that was never asked a better bag: so many mentions. */
enum { CRAWL_MENTIONS_FEW = 2, CRAWL_MENTIONS_MANY = 4 };

/** crawl_wait_better() - into the bag that @n's mentions earn, if it is not there. */
void crawl_wait_better(struct crawl *c, uint32_t ref, struct node *n);

/** crawl_wait_first() - let a node that was never asked wait in the bag its mentions earn. */
static inline void crawl_wait_first(struct crawl *c, uint32_t ref, struct node *n)
{
	/* Only these counts change the bag. */
	if (!crawl_class(n) || n->flags & NODE_WARM || n->mentions == CRAWL_MENTIONS_FEW ||
	    n->mentions == CRAWL_MENTIONS_MANY)
		crawl_wait_better(c, ref, n);
}

/** crawl_go_on() - a node whose question was settled: its next one, if any. */
void crawl_go_on(struct crawl *c, uint32_t ref);

/**
 * crawl_satisfied() - question @q was answered; plans what follows from it.
 * @news: the answer named somebody whom this node had not named before; asked of walks only.
 */
void crawl_satisfied(struct crawl *c, uint32_t ref, enum question q, bool id_changed, bool news);

/** crawl_unanswered() - an attempt at @q came to nothing: retry, sweep, or give up. */
void crawl_unanswered(struct crawl *c, uint32_t ref, enum question q, uint64_t now_ns);

/** crawl_refuse() - @q came back as an error message. */
void crawl_refused(struct crawl *c, uint32_t ref, enum question q, uint64_t now_ns);

/** crawl_defer() - not before @at_ns. */
void crawl_defer(struct crawl *c, uint32_t ref, uint64_t at_ns, uint64_t now_ns);

/* ---- crawl_plan.c -------------------------------------------------------- */

/** What the steps of Q_WALK aim at. */
enum crawl_walk {
	CRAWL_WALK_NONE,
	CRAWL_WALK_RANDOM, /* anything */
	CRAWL_WALK_CPL,    /* exactly 0, 1, 2... bits shared with the node's id */
	CRAWL_WALK_UP3,    /* its id with bit c-3 flipped */
	CRAWL_WALK_DRAIN,  /* bit c-1, then c-2, ... 0, while there is news */
	CRAWL_WALK_SURVEY, /* enum crawl_survey_question, one after another */
};

/** struct crawl_shape - a plan. */
struct crawl_shape {
	const char *name;
	uint8_t rest; /* questions after the own id, a bit each */
	enum crawl_walk walk;
	uint8_t steps; /* of the walk, at most */
	bool own;      /* the own id is asked for; else the walk is all there is */
	bool raisable; /* the depth rule may add Q_FLIP2 and Q_FLIP0 */
};

const struct crawl_shape *crawl_shape(enum crawl_plan plan);

/** crawl_aim() - the target of question @q to node @ref, where it is to stand. */
void crawl_aim(const struct crawl *c, uint32_t ref, enum question q,
	       uint8_t out[static NODEID_BYTES]);

/** crawl_target() - of question @q to node @ref; the same each time it is repeated. */
struct nodeid crawl_target(const struct crawl *c, uint32_t ref, enum question q);

/** crawl_random_chosen() - does the 10 % rule give this node a random target? */
bool crawl_random_chosen(const struct crawl *c, uint32_t ref);

/** crawl_first_todo() - what an endpoint that never answered is asked. */
uint8_t crawl_first_todo(const struct crawl *c, struct node *n);

/** crawl_plan_rest() - the node's neighbourhood is known: what else it is asked. */
void crawl_plan_rest(struct crawl *c, uint32_t ref);

/** crawl_walk_on() - a step of the walk was settled: another one? */
void crawl_walk_on(struct crawl *c, uint32_t ref, bool news);

/** crawl_raise_bits() - the question that one round of the depth rule adds to @rest; 0 = none. */
uint8_t crawl_raise_bits(uint8_t rest);

/* ---- crawl_walk.c -------------------------------------------------------- */

int crawl_walks_new(struct crawl_walks **out) DT_MUST;
void crawl_walks_free(struct crawl_walks *w);

/**
 * crawl_walks_note() - the contacts of a reply of node @ref into its list.
 * Returns true where one of them is new there, or where no memory was left to tell.
 */
bool crawl_walks_note(struct crawl *c, uint32_t ref, const struct krpc_msg *msg);

/** crawl_walks_end() - node @ref is asked nothing more: its list is forgotten. */
void crawl_walks_end(struct crawl *c, uint32_t ref);

/* ---- crawl_survey.c ------------------------------------------------------ */

int crawl_survey_new(const struct crawl_opts *opts, struct crawl_survey **out) DT_MUST;
void crawl_survey_free(struct crawl_survey *s);

/** crawl_survey_template() - the question that node @ref is at. */
const struct krpc_template *crawl_survey_template(const struct crawl *c, uint32_t ref);

/** crawl_survey_target() - what that question aims at. */
struct nodeid crawl_survey_target(const struct crawl *c, uint32_t ref);

/** crawl_survey_note() - an answer to @q; QUESTIONS: to one that is not known any more. */
void crawl_survey_note(struct crawl *c, uint32_t ref, enum question q, const struct krpc_msg *msg);

/** crawl_survey_refused() - an error message. */
void crawl_survey_refused(struct crawl *c, uint32_t ref, const struct krpc_msg *msg);

/** crawl_survey_on() - the question that node @ref is at was settled: another one? */
bool crawl_survey_on(struct crawl *c, uint32_t ref);

/** crawl_survey_trait() - of node @ref; NULL where nothing is known. */
const struct crawl_trait *crawl_survey_trait(const struct crawl *c, uint32_t ref);

/* ---- crawl_health.c ------------------------------------------------------ */

/** crawl_health_wants() - is node @ref in the sample as it stands? */
bool crawl_health_wants(const struct crawl *c, uint32_t ref);

/** crawl_health_note() - the contacts of a reply of node @ref, which is in the sample by @draw;
 * @own: to its own id. */
void crawl_health_note(struct crawl *c, uint32_t ref, uint64_t draw, const struct krpc_msg *msg,
		       bool own);

/* ---- crawl_learn.c ------------------------------------------------------- */

/** crawl_learn_flush() - look the batch up side by side and apply it. */
void crawl_learn_flush(struct crawl *c);

/** crawl_tag() - sixteen bits of an introducer; 0 only for 0. */
static inline uint16_t crawl_tag(uint32_t introducer)
{
	uint16_t tag = (uint16_t)(introducer ^ introducer >> 16);

	return tag || !introducer ? tag : 1;
}

/**
 * crawl_learn() - one contact into the batch. crawl_learn_flush() before what
 * its id, and the IPv6 address @addr6 (else NULL), point to goes away.
 */
static inline void crawl_learn(struct crawl *c, const struct learn *l, const uint8_t *addr6)
{
	if (c->batched == CRAWL_LEARN_BATCH)
		crawl_learn_flush(c);
	nodetab_prefetch(&c->tab, l->hash);
	c->batch[c->batched] = *l;
	if (l->by.flags & LEARN_V6)
		c->batch6[c->batched] = addr6;
	c->batched++;
}

/**
 * crawl_learn_reply() - every contact of a reply of node @ref, whose crawl_host() is @host.
 * @target: what was asked for, or NULL. @doubted: the contacts need another's word. Returns c, the
 * common bits of @target and the farthest contact; NODE_DEPTH_NONE where there was none.
 */
unsigned crawl_learn_reply(struct crawl *c, uint32_t ref, uint64_t host, const struct krpc_msg *msg,
			   const struct nodeid *target, bool doubted);

/* ---- crawl_list.c -------------------------------------------------------- */

/**
 * crawl_list_reply() - edges: whom node @ref listed. Only where the port takes any.
 * @depth: of the question, crawl_list_depth() from before it was settled.
 */
void crawl_list_reply(struct crawl *c, uint32_t ref, uint8_t depth, const struct krpc_msg *msg,
		      uint64_t now_ns);

/** crawl_list_failure() - question @q to node @ref came to nothing. */
void crawl_list_failure(struct crawl *c, uint32_t ref, enum question q,
			enum listing_outcome outcome, uint64_t now_ns);

/** crawl_list_depth() - bits that the target of @q shares with @ref's id as it stands now. */
uint8_t crawl_list_depth(const struct crawl *c, uint32_t ref, enum question q);

/* ---- crawl_class.c ------------------------------------------------------- */

/** struct crawl_words - an answer, as evidence of who gave it. */
struct crawl_words {
	struct nodeid id, expected; /* of the answer; known before it */
	struct endpoint asked;
	const struct endpoint *from; /* where it came from, if from elsewhere; else NULL */
	enum question q;
	bool first; /* the first answer: @expected is what others advertised */
};

/** So many bits in common with ours are no chance: one in 65,536, and once more for the other id.
 */
enum { CRAWL_NEAR_BITS = 16 };

static inline bool crawl_is_near(const struct nodeid *id, const struct nodeid *ours)
{
	return id->b[0] == ours->b[0] && id->b[1] == ours->b[1];
}

/** crawl_weigh() - take an answer into account. True where its contacts need another's word. */
bool crawl_weigh(struct crawl *c, uint32_t ref, const struct crawl_words *w);

/** crawl_probe_more() - a probe was answered: is another one wanted? Asked once. */
bool crawl_probe_more(struct crawl *c, uint32_t ref);

/** crawl_mirrored() - our query, or our id, came back from node @ref: it is asked no more. */
void crawl_mirrored(struct crawl *c, uint32_t ref);

/** crawl_crowd() - it listed @nodes contacts, the farthest sharing @depth bits with the target. */
void crawl_crowd(struct crawl *c, uint32_t ref, size_t nodes, unsigned depth);

/**
 * crawl_spoilt() - of @nodes contacts in an answer of node @ref @impossible lie where nobody on
 * the internet can be. True where the others need another's word.
 */
bool crawl_spoilt(struct crawl *c, uint32_t ref, size_t nodes, size_t impossible);

/** crawl_asked_us() - query @msg came from there. */
void crawl_asked_us(struct crawl *c, const struct endpoint *from, const struct krpc_msg *msg,
		    uint64_t now_ns);

/** crawl_only_calls() - has node @ref asked us, under the id by which it is known, and answered
 * nothing? */
bool crawl_only_calls(const struct crawl *c, uint32_t ref, bool *read_only);

/** crawl_verdict() - its class, by all that is known now. */
enum sighting_class crawl_verdict(const struct crawl *c, uint32_t ref);

/* ---- crawl.c --------------------------------------------------------------- */

/** crawl_say() - a sighting of node @ref; @msg may be NULL. */
void crawl_say(struct crawl *c, uint32_t ref, const struct krpc_msg *msg, uint16_t flags,
	       uint32_t rtt_us, uint64_t now_ns);

/** crawl_say_call() - the sighting of node @ref that sent us query @msg. */
void crawl_say_call(struct crawl *c, uint32_t ref, const struct krpc_msg *msg, uint64_t now_ns);

#endif
