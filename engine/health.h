/* SPDX-License-Identifier: MIT */
#ifndef ENGINE_HEALTH_H
#define ENGINE_HEALTH_H

#include <stddef.h>
#include <stdint.h>

#include "proto/endpoint.h"
#include "proto/err.h"
#include "proto/nodekey.h"

/**
 * DOC: the health of routing tables, from what a sample of nodes listed: how many
 * entries are stale, bucket by bucket, and how many of its closest neighbours a node
 * knows. Two estimates of the population that lookups would give come with it.
 *
 *	health_new()	the sample, sorted
 *	health_live()	each id that answered the census
 *	health_reckon()	the figures
 */

/** struct crawl_listed - a contact in a reply of a node of the sample. */
struct crawl_listed {
	struct nodeid lister, listed;
	struct endpoint ep;
	uint8_t own;   /* in the reply to the lister's own id */
	uint64_t draw; /* of the lister: the sample is those with the smallest ones */
};

enum {
	HEALTH_CLOSEST = 8,  /* k of BEP 5 */
	HEALTH_BUCKETS = 40, /* by bits in common; the last one holds all the deeper ones */
	HEALTH_ZONES = 256,  /* CENSUS_ZONES */
};

/** What the census knows of a listed endpoint. */
enum health_fate { HEALTH_UNASKED, HEALTH_SILENT, HEALTH_ANSWERED };

struct census_health {
	uint64_t listers; /* in the sample */
	struct {
		uint64_t listed; /* entries named that were asked */
		uint64_t stale;  /* of these, never answered */
	} bucket[HEALTH_BUCKETS];
	uint64_t unasked; /* entries that were not asked: refused, or the census was stopped */
	/* listers by how many they named of the eight nodes nearest to them that answered */
	uint64_t known[HEALTH_CLOSEST + 1];
	/* what lookups would say of the population: whom neighbours list, and who answers */
	double kth_distance, median_gap;
	uint64_t replies;     /* these stand on: replies to an own id */
	uint64_t odd_replies; /* not looked at: contacts from anywhere, of routers and liars */
	struct {
		double kth_distance, median_gap; /* how many live in it; 0 = no such reply */
	} zone[HEALTH_ZONES];                    /* by the first byte of the lister's id */
};

struct health;

/**
 * health_new() - Owns a copy. @live: how many ids will come, roughly.
 * Errors: -ENOMEM.
 */
int health_new(const struct crawl_listed *list, size_t count, uint64_t live,
	       struct health **out) DT_MUST;
void health_free(struct health *h);

/** health_live() - an id that answered. Errors: -ENOMEM. Cost: one bit looked up for most. */
int health_live(struct health *h, const struct nodeid *id) DT_MUST;

/** health_reckon() - @fate says what became of an endpoint. */
void health_reckon(struct health *h, enum health_fate (*fate)(void *ctx, const struct endpoint *ep),
		   void *ctx, struct census_health *out);

#endif
