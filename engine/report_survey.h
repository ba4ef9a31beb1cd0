/* SPDX-License-Identifier: MIT */
#ifndef ENGINE_REPORT_SURVEY_H
#define ENGINE_REPORT_SURVEY_H

#include "engine/report.h"
#include "proto/json.h"

/** DOC: the part of a report that says what nodes can do, and how they are reached. */

/** report_survey_json() - keys "reachability" and "bep_support"; null where none was surveyed. */
void report_survey_json(struct json *j, const struct census_report *rep);

/** report_survey_truth() - further keys of the object "truth". */
void report_survey_truth(struct json *j, const struct census_survey_truth *t);

/** report_survey_text() - lines for a person, none without a survey. Returns the length, at most
 * @cap - 1. */
size_t report_survey_text(const struct census_report *rep, char *buf, size_t cap);

#endif
