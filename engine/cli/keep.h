/* SPDX-License-Identifier: MIT */
#ifndef ENGINE_CLI_KEEP_H
#define ENGINE_CLI_KEEP_H

#include <argp.h>
#include <stdbool.h>
#include <stdio.h>

#include "engine/sink.h"
#include "proto/err.h"
#include "store/geo.h"
#include "store/heardlog.h"
#include "store/store.h"

/**
 * DOC: what tap and listen leave behind, and the options that say where: the
 * store, a log of messages as lines of JSON, the report. One sink over both.
 * Everything here says what went wrong on standard error before it returns an
 * error.
 */
struct keep_opts {
	const char *store; /* "" = none */
	const char *log;   /* ndjson; "-" = standard output; "" = none */
	const char *report;
	const char *geo; /* auto, none, or a folder */
	struct geo_opts geo_files;
	bool quiet;
	bool edges; /* who listed whom too: such a run is an epoch of the store */
};

struct keep_opts keep_opts_default(void);

/** keep_argp() - a child parser for them; its input is a struct keep_opts. */
extern const struct argp keep_argp;

struct keep {
	const struct keep_opts *opts;
	struct geo *geo;
	struct store *store;
	struct store_writer *writer;
	struct heardlog_writer *heard;
	uint32_t epoch;
	FILE *log;
	const char *writable[3]; /* folders, for priv_drop() */
	char report_dir[4096];
};

int keep_open(struct keep *k, const struct keep_opts *opts) DT_MUST;

/** keep_sink() - sightings to the store, messages heard to its segments and to the log. */
struct sink keep_sink(struct keep *k);

/** keep_report() - text to standard output, or to standard error where data goes there; JSON to
 * the file of --report. */
int keep_report(const struct keep *k, const char *text, const char *json) DT_MUST;

/** keep_seal() - the end of a run that went well: its epoch closed, tables rewritten in order. */
int keep_seal(struct keep *k, const char *json) DT_MUST;

void keep_close(struct keep *k);

#endif
