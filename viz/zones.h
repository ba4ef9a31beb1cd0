/* SPDX-License-Identifier: MIT */
#ifndef VIZ_ZONES_H
#define VIZ_ZONES_H

#include <stdbool.h>
#include <stdint.h>

#include "proto/err.h"
#include "proto/zone_names.h"

/**
 * DOC: the 256 zones of a census, by the first byte of an id, out of the report
 * that the store keeps of it.
 */

enum { ZONES = 256 };

struct zones_row {
	double known, live, mentioned_once, mentioned_twice, unlisted_estimate;
	double kth_distance, median_gap; /* as lookups would see it; NAN in reports without */
	double captures[ZONE_CAPTURES];  /* by enum zone_capture */
	bool sampled;                    /* the second pass was there; else @captures is all 0 */
};

/**
 * zones_parse() - @report: JSON of our own making, NUL at its end; any bytes are survived.
 * Errors:  DT_ENOTFOUND it has no zones; DT_EMALF.
 */
int zones_parse(const char *report, struct zones_row out[static ZONES]) DT_MUST;

#endif
