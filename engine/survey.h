/* SPDX-License-Identifier: MIT */
#ifndef ENGINE_SURVEY_H
#define ENGINE_SURVEY_H

#include "engine/engine.h"
#include "proto/err.h"

/**
 * DOC: what a sample of the nodes can do, and how they can be reached.
 *
 * After a census some of those who answered it are asked four questions more
 * (enum crawl_survey_question), from another port and under another id, within the budgets of
 * the first run. Who answers there lets in a port that it had not heard from. Who is silent
 * there is asked once more from the first port: an answer says that only the port which
 * asked first is let in, once the second has been tried again, and silence says nothing, for
 * nodes leave. Beside a random sample, all are
 * asked who had sent us a query before they answered: theirs may be an answer through a hole
 * that their own packet made in a NAT (census P13).
 *
 * Two ports of one address cannot tell a NAT that lets in everybody from one that lets in
 * whoever the node has spoken to, for as long as its hole stays open.
 */

enum {
	SURVEY_NODES = 10000,   /* by default: a share of 10 % is known to 0.6 points */
	SURVEY_SHARE = 8,       /* but no more than one in so many of the live, */
	SURVEY_NODES_MIN = 256, /* or these */
	SURVEY_NODES_MAX = 200000,
	SURVEY_CALLERS_MAX = 20000, /* who had asked us, beside the sample */
};

/** struct survey_find - what came of one node. */
struct survey_find {
	struct endpoint ep;
	struct nodeid id;
	enum survey_reach reach;
	uint8_t node_class; /* enum sighting_class; of the census */
	bool asked_us, sampled;
	struct crawl_trait trait; /* all zero where it was silent */
};

struct survey_opts {
	struct engine_opts engine; /* of the first pass */
	struct net_group *group;   /* a port of its own, as many workers; NULL in virtual time */
	/** a device of virtual time for a run from @port; else NULL */
	int (*device)(void *ctx, enum engine_port port, struct net **out, struct clock *clock);
	/** each node when all is over; may be NULL */
	void (*found)(void *ctx, const struct survey_find *f);
	void *ctx;
	struct nodeid own_id; /* of the run from that port */
	uint64_t seed;
	uint64_t nodes; /* at most, of the random sample; 0 = SURVEY_NODES and SURVEY_SHARE */
};

/**
 * survey_run() - after @first is over; fills @r->survey.
 * Returns 0 also when interrupted: see survey.done. @why: a line for a person.
 * Errors:  as engine_new() and engine_run().
 */
int survey_run(const struct survey_opts *opts, struct engine *first, struct engine_result *r,
	       char why[static ENGINE_WHY_MAX]) DT_MUST;

/** survey_ability_name() - "bep32", "bep42_ip", ... */
const char *survey_ability_name(unsigned ability);

/** survey_asked(), survey_able() - was this node asked for it, and has it shown it? */
bool survey_asked(const struct survey_find *f, enum survey_ability a);
bool survey_able(const struct survey_find *f, enum survey_ability a);

/** survey_reach_name() - "any_port", ... */
const char *survey_reach_name(unsigned reach);

#endif
