/* SPDX-License-Identifier: MIT */
#ifndef VIZ_ZONES_H
#define VIZ_ZONES_H

#include <stdbool.h>
#include <stdint.h>

#include "proto/err.h"

/**
 * DOC: the 256 zones of a census, by the first byte of an id, out of the report
 * that the store keeps of it.
 */

enum { ZONES = 256 };

/** What the second pass saw of a zone, in this order. */
enum zones_capture {
	ZONES_FIRST,
	ZONES_SECOND,
	ZONES_BOTH,
	ZONES_LEFT,
	ZONES_FRESH,
	ZONES_FRESH_KNOWN,
	ZONES_CAPTURES
};

/** zones_capture_name() - "first", ..., "fresh_known". */
const char *zones_capture_name(unsigned capture);

struct zones_row {
	double known, live, mentioned_once, mentioned_twice, unlisted_estimate;
	double kth_distance, median_gap; /* as lookups would see it; NAN in reports without */
	double captures[ZONES_CAPTURES];
	bool sampled; /* the second pass was there; else @captures is all 0 */
};

/**
 * zones_parse() - @report: JSON of our own making, NUL at its end; any bytes are survived.
 * Errors:  DT_ENOTFOUND it has no zones; DT_EMALF.
 */
int zones_parse(const char *report, struct zones_row out[static ZONES]) DT_MUST;

#endif
