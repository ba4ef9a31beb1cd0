/* SPDX-License-Identifier: MIT */
#ifndef ENGINE_CLI_SUMMARY_ZONES_H
#define ENGINE_CLI_SUMMARY_ZONES_H

#include <stdio.h>

#include "proto/err.h"

/**
 * summary_zones() - the zones of a stored report as CSV, a zone a line: zone, known,
 * live, mentioned_once, mentioned_twice, unlisted_estimate, and where the second pass
 * was, first, second, both, left, fresh, fresh_known; empty elsewhere. Then what lookups
 * would see of it, kth_distance_estimate and median_gap_estimate; empty without a sample.
 * Errors: DT_ENOTFOUND where the report has no zones; -EIO.
 */
int summary_zones(const char *report, FILE *to) DT_MUST;

#endif
