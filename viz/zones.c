/* SPDX-License-Identifier: MIT */
#include "viz/zones.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The last two are none of a report that an earlier version wrote. */
enum { REQUIRED = ZONE_KTH_DISTANCE };

/* Behind "key": in @from, but before @end; NULL where it is not. */
static const char *value_of(const char *from, const char *end, const char *key)
{
	char quoted[64];
	const char *at;

	snprintf(quoted, sizeof(quoted), "\"%s\":", key);
	at = from ? strstr(from, quoted) : NULL;
	if (!at || (end && at >= end))
		return NULL;
	return at + strlen(quoted);
}

/* The next number of an array of numbers; false at its end. */
static bool next_number(const char **at, double *out)
{
	char *end;

	*at += strspn(*at, " \n\t[,");
	*out = strtod(*at, &end);
	if (end == *at || !isfinite(*out))
		return false;
	*at = end;
	return true;
}

/* The objects of "by_zone": those that the second pass looked at. */
static void read_captures(const char *report, struct zones_row out[static ZONES])
{
	const char *at = value_of(report, NULL, "by_zone"), *stop = at ? strchr(at, ']') : NULL;

	while (stop && (at = value_of(at, stop, "zone")) != NULL) {
		unsigned long zone = strtoul(at, NULL, 10);
		const char *end = strchr(at, '}');

		if (zone >= ZONES || !end || end > stop)
			return;
		out[zone].sampled = true;
		for (unsigned i = 0; i < ZONE_CAPTURES; i++) {
			const char *v = value_of(at, end, zone_capture_name((enum zone_capture)i));
			double n = v ? strtod(v, NULL) : 0;

			out[zone].captures[i] = isfinite(n) ? n : 0;
		}
	}
}

int zones_parse(const char *report, struct zones_row out[static ZONES])
{
	const char *zones = value_of(report, NULL, "zones"), *at[ZONE_COLUMNS];

	/* "zones" of the certificate is a number, the table an object that comes later. */
	while (zones && *(zones + strspn(zones, " \n\t")) != '{')
		zones = value_of(zones, NULL, "zones");
	for (unsigned i = 0; i < ZONE_COLUMNS; i++) {
		at[i] = value_of(zones, NULL, zone_column_name((enum zone_column)i));
		if (!at[i] && i < REQUIRED)
			return DT_ENOTFOUND;
	}
	memset(out, 0, ZONES * sizeof(*out));
	for (unsigned z = 0; z < ZONES; z++) {
		double *const to[ZONE_COLUMNS] = {
			[ZONE_KNOWN] = &out[z].known,
			[ZONE_LIVE] = &out[z].live,
			[ZONE_ONCE] = &out[z].mentioned_once,
			[ZONE_TWICE] = &out[z].mentioned_twice,
			[ZONE_UNLISTED] = &out[z].unlisted_estimate,
			[ZONE_KTH_DISTANCE] = &out[z].kth_distance,
			[ZONE_MEDIAN_GAP] = &out[z].median_gap,
		};

		for (unsigned i = 0; i < ZONE_COLUMNS; i++) {
			*to[i] = NAN;
			if (at[i] && !next_number(&at[i], to[i]))
				return DT_EMALF;
		}
	}
	read_captures(report, out);
	return 0;
}
