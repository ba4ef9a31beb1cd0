/* SPDX-License-Identifier: MIT */
#ifndef ENGINE_REPORT_H
#define ENGINE_REPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/engine.h"
#include "proto/err.h"

/**
 * DOC: the report at the end of a census (design 5): what was found, what was
 * not, what it cost and how much of the loss was ours. One struct, two forms.
 */

enum { CENSUS_KINDS_MAX = 16 };

/**
 * struct census_confusion - of a simulation: what endpoints that answered (or mirrored us)
 * are, and what they were judged to be. A kind that has a class's name is compared with it.
 */
struct census_confusion {
	unsigned kinds; /* 0 = not compared */
	const char *kind[CENSUS_KINDS_MAX];
	uint64_t count[CENSUS_KINDS_MAX][SIGHTING_CLASSES];
	/* what the census did to others; see sim_harm */
	uint64_t to_bogons, to_victim, to_service_ports, to_nobody, bans, limited;
};

enum { CENSUS_NATS_MAX = 8 };

/** struct census_survey_truth - of a simulation: what the survey found against what is. */
struct census_survey_truth {
	unsigned nats; /* kinds of NAT; 0 = not compared */
	const char *nat[CENSUS_NATS_MAX];
	uint64_t reach[CENSUS_NATS_MAX][SURVEY_REACHES];
	struct {
		uint64_t asked, able, truly, both; /* nodes; both: able and truly so */
	} ability[SURVEY_ABILITIES];
};

/** struct census_truth - of a simulation; plain numbers, the engine knows no simulator. */
struct census_truth {
	uint64_t live, seen, answered; /* live: half way through; the others of @stayed */
	double recall;                 /* answered / stayed */
	double estimate_error; /* (endpoints that answered + unseen estimate - live) / live */
	/* Where nodes come and go: who was there at the start, at the end, at both. */
	uint64_t live_start, live_end, stayed;
	/* Of the stayed such as did not answer: named by nobody, or named and silent; behind a
	 * shared address, with a quota that others use up, or neither. */
	uint64_t missed[2][3];
	uint64_t farm_rss_bytes; /* most memory of the simulated network's process; 0 = none */
	struct census_confusion confusion;
	struct census_survey_truth survey;
};

/**
 * struct census_whole - from a part of the id space to the whole, with a 95 %
 * interval: the chance of how many ids fall into the part (binomial) and the
 * unseen's own interval. Zones of one network have been found to differ by more than
 * chance (census P19), which no census of one zone can tell.
 */
struct census_whole {
	double population, low, high;
};

struct census_report {
	const struct engine_result *result; /* borrowed */
	const char *version;                /* borrowed */
	bool has_truth;
	struct census_truth truth;
	/* derived */
	double span_s, elapsed_s;
	/**
	 * Questions to endpoints that answered, without repeats, start-up mixing and
	 * raised depth, per live endpoint: the q of census.md 2b. An endpoint that
	 * never answered costs one first attempt, which counts under
	 * first_attempts_per_live alone.
	 */
	double queries_per_live;
	double first_attempts_per_live;
	double packets_per_live, bytes_per_live, bytes_per_endpoint;
	double answered_per_s;
	struct census_whole whole;
	double churn_blur; /* share of the population that changed meanwhile, at 0.7 % per 5 min */
};

/** report_fill() - @truth may be NULL. @r, @version must outlive @out. */
void report_fill(struct census_report *out, const struct engine_result *r, const char *version,
		 const struct census_truth *truth);

/** report_to_json() - one object. Returns its length, or DT_EFULL. */
int report_to_json(const struct census_report *rep, char *buf, size_t cap) DT_MUST;

/** report_to_text() - for a person. Returns its length, or DT_EFULL. */
int report_to_text(const struct census_report *rep, char *buf, size_t cap) DT_MUST;

/* ---- engine/report_class.c: for report.c ----------------------------------- */

struct json;

/** report_precision(), _recall() - of class @k; NAN where there are none to tell. */
double report_precision(const struct census_confusion *c, enum sighting_class k);
double report_recall(const struct census_confusion *c, enum sighting_class k);

void report_classes_json(struct json *j, const struct census_report *rep);
void report_classes_truth(struct json *j, const struct census_confusion *c);

/** report_classes_text() - Returns the length written; "" where there is nothing to say. */
int report_classes_text(const struct census_report *rep, char *out, size_t cap);

#endif
