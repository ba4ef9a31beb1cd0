/* SPDX-License-Identifier: MIT */
#ifndef PROTO_ZONE_NAMES_H
#define PROTO_ZONE_NAMES_H

/**
 * DOC: what the figures of a census by zone are called, once: engine writes them into the
 * report, viz reads them back out of the store, tables are headed by them. A name that changes
 * makes older reports unreadable.
 */

/** enum zone_column - an array of 256 in the report's "zones", in this order. */
enum zone_column {
	ZONE_KNOWN,
	ZONE_LIVE,
	ZONE_ONCE,
	ZONE_TWICE,
	ZONE_UNLISTED,
	ZONE_KTH_DISTANCE, /* this and the next: none of reports before 2026-11-28 */
	ZONE_MEDIAN_GAP,
	ZONE_COLUMNS
};

/** enum zone_capture - what the second pass saw of a zone: keys of an object of "by_zone". */
enum zone_capture {
	ZONE_FIRST,
	ZONE_SECOND,
	ZONE_BOTH,
	ZONE_LEFT,
	ZONE_FRESH,
	ZONE_FRESH_KNOWN,
	ZONE_CAPTURES
};

/** zone_column_name() - "known", ..., "median_gap_estimate". */
const char *zone_column_name(enum zone_column column);

/** zone_capture_name() - "first", ..., "fresh_known". */
const char *zone_capture_name(enum zone_capture capture);

#endif
