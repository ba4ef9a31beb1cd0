/* SPDX-License-Identifier: MIT */
#ifndef ENGINE_REPORT_CERTIFICATE_H
#define ENGINE_REPORT_CERTIFICATE_H

#include <stddef.h>

#include "engine/report.h"
#include "proto/json.h"

/** DOC: what the report says of the second pass and of each zone; for report.c alone. */

/** report_certificate_json() - keys "certificate" (null where there was none) and "zones". */
void report_certificate_json(struct json *j, const struct census_report *rep);

/** report_certificate_text() - lines for a person, none without a second pass. Returns the length,
 * at most @cap - 1. */
size_t report_certificate_text(const struct census_report *rep, char *buf, size_t cap);

/** report_cost_json() - key "cost": of the second pass, or of the survey. */
void report_cost_json(struct json *j, const struct census_report *rep, const struct pass_cost *c);

/** report_certificate_truth() - further keys of the object "truth". */
void report_certificate_truth(struct json *j, const struct census_report *rep);

#endif
