/* SPDX-License-Identifier: MIT */
#ifndef ENGINE_REPORT_HEALTH_H
#define ENGINE_REPORT_HEALTH_H

#include <stddef.h>

#include "engine/report.h"
#include "proto/json.h"

/** DOC: what the report says of routing tables; for report.c alone. */

/** report_health_json() - keys "table_health" and "cross_checks"; null where no sample was taken.
 */
void report_health_json(struct json *j, const struct census_report *rep);

/** report_health_text() - lines for a person, none without a sample. Returns the length, at most
 * @cap - 1. */
size_t report_health_text(const struct census_report *rep, char *buf, size_t cap);

#endif
