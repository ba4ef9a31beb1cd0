/* SPDX-License-Identifier: MIT */
#include "proto/zone_names.h"

#include <assert.h>

const char *zone_column_name(enum zone_column column)
{
	static const char *const names[ZONE_COLUMNS] = {
		[ZONE_KNOWN] = "known",
		[ZONE_LIVE] = "live",
		[ZONE_ONCE] = "mentioned_once",
		[ZONE_TWICE] = "mentioned_twice",
		[ZONE_UNLISTED] = "unlisted_estimate",
		[ZONE_KTH_DISTANCE] = "kth_distance_estimate",
		[ZONE_MEDIAN_GAP] = "median_gap_estimate",
	};

	assert(column < ZONE_COLUMNS);
	return names[column];
}

const char *zone_capture_name(enum zone_capture capture)
{
	static const char *const names[ZONE_CAPTURES] = {
		[ZONE_FIRST] = "first", [ZONE_SECOND] = "second",
		[ZONE_BOTH] = "both",   [ZONE_LEFT] = "left",
		[ZONE_FRESH] = "fresh", [ZONE_FRESH_KNOWN] = "fresh_known",
	};

	assert(capture < ZONE_CAPTURES);
	return names[capture];
}
