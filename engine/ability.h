/* SPDX-License-Identifier: MIT */
#ifndef ENGINE_ABILITY_H
#define ENGINE_ABILITY_H

#include <stdbool.h>
#include <stdint.h>

#include "engine/pass_cost.h"

/** DOC: what a survey says of a network; see engine/survey.h for how it comes about. */

enum survey_ability {
	SURVEY_BEP32,    /* gives nodes6 to who wants them */
	SURVEY_BEP33,    /* gives bloom filters to a scrape; asked of those who gave a sample */
	SURVEY_BEP42_IP, /* tells the asker's address */
	SURVEY_BEP42_ID, /* its id fits its address */
	SURVEY_BEP43,    /* says ro=1 although it answers */
	SURVEY_BEP44,    /* gives a token to get */
	SURVEY_BEP51,    /* gives samples */
	SURVEY_ABILITIES
};

enum survey_reach {
	SURVEY_ANY_PORT, /* answered a port that it had not heard from */
	SURVEY_ONE_PORT, /* silent there, and answers the first port */
	SURVEY_HOLE,     /* had asked us before it answered, and is silent now: one-way */
	SURVEY_UNTOLD,   /* answered the second port, which it had asked too: that says nothing */
	SURVEY_GONE,     /* silent at both; left, or lost thrice on either */
	SURVEY_REACHES
};

enum { SURVEY_ERRORS = 5, SURVEY_ROWS_MAX = 26 };

/** struct survey_row - nodes that sent one v. */
struct survey_row {
	uint8_t version[4];
	uint8_t version_len; /* 0: none was sent */
	bool others, all;    /* the rows of what had no room, and of everybody */
	uint64_t nodes;      /* that answered the survey */
	uint64_t asked[SURVEY_ABILITIES], able[SURVEY_ABILITIES];
	uint64_t errors[SURVEY_ERRORS]; /* nodes by code: 201, 202, 203, 204, another */
};

struct census_survey {
	bool done;                              /* else nothing below but the cost is meant */
	uint64_t sampled;                       /* nodes drawn at random among the live, */
	uint64_t callers;                       /* and who had asked us, beside those */
	uint64_t reach[SURVEY_REACHES];         /* of the sampled */
	uint64_t callers_reach[SURVEY_REACHES]; /* of all who had asked us, sampled or not */
	uint64_t second_pass_any_port; /* nodes that answered a second pass, from another port */
	uint64_t second_pass_one_port; /* silent there, and answered the first port again */
	unsigned rows;                 /* most frequent first; then the others, then all */
	struct survey_row row[SURVEY_ROWS_MAX];
	uint64_t at_ms; /* Unix time of its start */
	struct pass_cost cost;
};

#endif
