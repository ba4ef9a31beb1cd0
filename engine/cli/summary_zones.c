/* SPDX-License-Identifier: MIT */
#include "engine/cli/summary_zones.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "engine/crawl.h"

static const char *const columns[] = { "known", "live", "mentioned_once", "mentioned_twice",
				       "unlisted_estimate" };
static const char *const captures[] = { "first", "second", "both", "left", "fresh", "fresh_known" };

enum {
	COLUMNS = sizeof(columns) / sizeof(columns[0]),
	CAPTURES = sizeof(captures) / sizeof(captures[0]),
};

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
	if (end == *at)
		return false;
	*at = end;
	return true;
}

/* The object of @zone in "by_zone", as begin and end; false where it was not sampled. */
static bool capture_of(const char *report, unsigned zone, const char **begin, const char **end)
{
	const char *at = value_of(report, NULL, "by_zone"), *stop;

	if (!at)
		return false;
	stop = strchr(at, ']');
	while ((at = value_of(at, stop, "zone")) != NULL) {
		if ((unsigned)strtoul(at, NULL, 10) != zone)
			continue;
		*begin = at;
		*end = strchr(at, '}');
		return *end != NULL;
	}
	return false;
}

static void write_captures(const char *report, unsigned zone, FILE *to)
{
	const char *begin = NULL, *end = NULL;
	bool sampled = capture_of(report, zone, &begin, &end);

	for (unsigned i = 0; i < CAPTURES; i++) {
		const char *v = sampled ? value_of(begin, end, captures[i]) : NULL;

		fputc(',', to);
		if (v)
			fprintf(to, "%.0f", strtod(v, NULL));
	}
}

int summary_zones(const char *report, FILE *to)
{
	const char *zones = value_of(report, NULL, "zones"), *at[COLUMNS];

	/* "zones" of the certificate is a number, the table an object that comes later. */
	while (zones && *(zones + strspn(zones, " \n\t")) != '{')
		zones = value_of(zones, NULL, "zones");
	for (unsigned i = 0; i < COLUMNS; i++) {
		at[i] = value_of(zones, NULL, columns[i]);
		if (!at[i])
			return DT_ENOTFOUND;
	}
	fprintf(to, "zone,known,live,mentioned_once,mentioned_twice,unlisted_estimate,first,second,"
		    "both,left,fresh,fresh_known\n");
	for (unsigned z = 0; z < CENSUS_ZONES; z++) {
		fprintf(to, "%02x", z);
		for (unsigned i = 0; i < COLUMNS; i++) {
			double v;

			if (!next_number(&at[i], &v))
				return DT_EMALF;
			fprintf(to, ",%.10g", v);
		}
		write_captures(report, z, to);
		fputc('\n', to);
	}
	return ferror(to) ? -EIO : 0;
}
