/* SPDX-License-Identifier: MIT */
#ifndef ENGINE_CERTIFY_H
#define ENGINE_CERTIFY_H

#include "engine/engine.h"
#include "proto/err.h"

/**
 * DOC: the second pass of a census (census 4.9.3): some zones of the id space
 * are asked again, from nothing but a few nodes outside of them, under another
 * id of ours, from another port, with deeper questions; then whoever either
 * pass found there is asked whether it still answers. What the second pass
 * found says what the first one missed; census_chapman() reckons it.
 *
 * The gates of the first run are taken over, so budgets hold over all of it.
 */

/** Which of our ports somebody answered who was found in the first pass. */
enum certify_port {
	CERTIFY_NEITHER,    /* any more; or it was not found in the first pass */
	CERTIFY_ONE_PORT,   /* silent at the second one, and answers the first again */
	CERTIFY_OTHER_PORT, /* the second one too, which it had not asked from its side */
};

struct certify_opts {
	struct engine_opts engine;      /* of the first pass: rate, wrapping, blocklist, timeouts */
	enum net_backend first_backend; /* of the first pass's port; engine.backend: the other's */
	struct net_group *group;        /* another port, as many workers; NULL in virtual time */
	/** a device of virtual time whose clock goes on where the last one stopped; else NULL */
	int (*device)(void *ctx, enum engine_port port, struct net **out, struct clock *clock);
	/** whoever either pass found in the zones; may be NULL */
	void (*seen)(void *ctx, const struct crawl_contact *c, enum certify_port answers);
	void *ctx;
	double share; /* of the zones; 1/16. More where these would hold too few nodes, see below */
	struct nodeid own_id; /* another one than the first pass's */
	uint64_t seed;
};

enum {
	/* Fewer nodes than this in the sample and the interval says little. */
	CERTIFY_NODES_MIN = 4096,
	/* But it costs nearly twice as much per node as the first pass: no more than one zone in
	 * so many is added for that. */
	CERTIFY_ZONES_SHARE = 4,
	/* Live nodes of other zones that are asked for a place in these: each names
	 * up to eight, which is enough to start from and too little to choose by. */
	CERTIFY_SEEDS = 2048,
};

/**
 * certify_run() - after @first's engine_run(), before engine_free().
 * @r: its result; @r->certificate is filled, and the ledger of the gates updated.
 * @why: out; on error a line for a person.
 *
 * A second pass that was interrupted leaves @r->certificate.done false and no error.
 * Cost: about six questions to each node of the sample and one more.
 */
int certify_run(const struct certify_opts *opts, struct engine *first, struct engine_result *r,
		char why[static ENGINE_WHY_MAX]) DT_MUST;

#endif
