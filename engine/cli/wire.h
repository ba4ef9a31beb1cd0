/* SPDX-License-Identifier: MIT */
#ifndef ENGINE_CLI_WIRE_H
#define ENGINE_CLI_WIRE_H

#include <stdbool.h>
#include <stdio.h>

#include "bench/sim/sim.h"
#include "engine/cli/campaign.h"
#include "engine/cli/conf.h"
#include "engine/engine.h"
#include "engine/report.h"
#include "store/geo.h"
#include "store/store.h"

/**
 * DOC: the composition root: a configuration becomes a world, a device, an
 * engine, a sink and a store; a census is taken; what it found is left behind.
 */
struct wire_result {
	struct engine_result engine;
	bool simulated;
	bool has_truth;
	struct sim_truth truth;
	struct sim_confusion confusion;
	struct sim_harm harm;
	uint64_t farm_rss_bytes;
	struct census_survey_truth survey_truth;
	struct campaign_step step; /* which census this was */
	bool beside;               /* a full one ran meanwhile */
	char *report_json;         /* owned; wire_result_free() */
	char *report_text;         /* owned */
};

/** struct wire_talk - whom a census tells what; any may be NULL. */
struct wire_talk {
	FILE *status;        /* the 1 Hz line */
	const char *command; /* for the metadata */

	/** before the first census; NULL where no store is kept. Less than 0 ends it all */
	int (*store_open)(void *ctx, struct store *store);
	void (*store_closing)(void *ctx);
	/** what the sink gets, with the places it is resolved by; on the scribe's thread */
	void (*saw)(void *ctx, const struct sighting *list, unsigned count, const struct geo *geo);
	/** once a second, on the calling thread; false = end it as SIGINT does */
	bool (*status_told)(void *ctx, const struct engine_status *status);
	void *ctx;
};

/**
 * wire_census() - the whole of `crawl`. Everything that goes wrong has been said
 * on standard error when this returns an error.
 */
int wire_census(const struct conf *c, const struct wire_talk *talk,
		struct wire_result *out) DT_MUST;

/**
 * wire_campaign() - all censuses of a configuration, one after another; @done is
 * told of each, and borrows. Ends early when one is interrupted, and returns 1 then.
 */
int wire_campaign(const struct conf *c, const struct wire_talk *talk,
		  void (*done)(void *ctx, const struct wire_result *r), void *ctx) DT_MUST;

void wire_result_free(struct wire_result *r);

/** wire_certify_share() - of the zones that a second pass asks; 0 = there is none. */
double wire_certify_share(const struct conf *c);

/** wire_survey_nodes() - at most so many of the live are surveyed; 0 = none are. */
uint64_t wire_survey_nodes(const struct conf *c, double live);

/** wire_dry_run() - print what a census with this configuration would do. */
int wire_dry_run(const struct conf *c, FILE *to) DT_MUST;

#endif
