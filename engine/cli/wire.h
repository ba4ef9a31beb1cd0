/* SPDX-License-Identifier: MIT */
#ifndef ENGINE_CLI_WIRE_H
#define ENGINE_CLI_WIRE_H

#include <stdbool.h>
#include <stdio.h>

#include "bench/sim/sim.h"
#include "engine/cli/campaign.h"
#include "engine/cli/conf.h"
#include "engine/engine.h"

/**
 * DOC: the composition root: a configuration becomes a world, a device, an
 * engine, a sink and a store; a census is taken; what it found is left behind.
 */
struct wire_result {
	struct engine_result engine;
	bool simulated;
	bool has_truth;
	struct sim_truth truth;
	struct campaign_step step; /* which census this was */
	char *report_json;         /* owned; wire_result_free() */
	char *report_text;         /* owned */
};

/** struct wire_talk - where a census talks; any may be NULL. */
struct wire_talk {
	FILE *status;        /* the 1 Hz line */
	const char *command; /* for the metadata */
};

/**
 * wire_census() - the whole of `crawl`. Everything that goes wrong has been said
 * on standard error when this returns an error.
 */
int wire_census(const struct conf *c, const struct wire_talk *talk,
		struct wire_result *out) DT_MUST;

/**
 * wire_campaign() - all censuses of a configuration, one after another; @done is
 * told of each, and borrows. Ends early when one is interrupted.
 */
int wire_campaign(const struct conf *c, const struct wire_talk *talk,
		  void (*done)(void *ctx, const struct wire_result *r), void *ctx) DT_MUST;

void wire_result_free(struct wire_result *r);

/** wire_dry_run() - print what a census with this configuration would do. */
int wire_dry_run(const struct conf *c, FILE *to) DT_MUST;

#endif
