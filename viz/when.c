/* SPDX-License-Identifier: MIT */
#include "viz/when.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

__attribute__((format(printf, 3, 4))) static int say(char *why, int rc, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(why, 256, fmt, ap);
	va_end(ap);
	return rc;
}

/* What follows the last field that a form has: nothing, or Z. */
static bool is_end(const char *s)
{
	return s && (!*s || strcmp(s, "Z") == 0);
}

static int parse_date(const char *text, uint64_t *unix_s)
{
	static const char *const forms[] = { "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M:%S",
					     "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M", "%Y-%m-%d" };

	for (unsigned i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		struct tm tm = { 0 };
		time_t t;

		if (!is_end(strptime(text, forms[i], &tm)))
			continue;
		t = timegm(&tm);
		if (t <= WHEN_CENSUS_MAX || t > UINT32_MAX)
			return DT_ERANGE;
		*unix_s = (uint64_t)t;
		return 0;
	}
	return DT_EMALF;
}

int when_parse(const char *text, uint64_t now_s, uint64_t *unix_s, uint32_t *census)
{
	unsigned long long n;
	char *end;

	*unix_s = 0;
	*census = 0;
	if (strcmp(text, "now") == 0) {
		*unix_s = now_s;
		return 0;
	}
	if (!isdigit((unsigned char)*text))
		return DT_EMALF;
	errno = 0;
	n = strtoull(text, &end, 10);
	if (*end)
		return parse_date(text, unix_s);
	if (errno || n > UINT32_MAX || !n)
		return DT_ERANGE;
	if (n <= WHEN_CENSUS_MAX)
		*census = (uint32_t)n;
	else
		*unix_s = n;
	return 0;
}

static int parse(const char *text, uint64_t now_s, uint64_t *unix_s, uint32_t *census, char *why)
{
	int rc = when_parse(text, now_s, unix_s, census);

	if (rc < 0)
		say(why, rc,
		    "'%.60s' is no time: the number of a census, Unix seconds, 2026-11-21, "
		    "2026-11-21T12:30 (UTC), or now",
		    text);
	return rc;
}

static char *utc(uint64_t unix_s, char out[static 32])
{
	time_t t = (time_t)unix_s;
	struct tm tm;

	gmtime_r(&t, &tm);
	strftime(out, 32, "%Y-%m-%d %H:%M:%S", &tm);
	return out;
}

/* From its start to its end; one without an end lasts until the next begins. */
static int span_of_census(struct store_view *v, uint32_t id, uint32_t censuses, struct when *out)
{
	struct store_epoch e, next;
	int rc = store_view_epoch(v, id, &e, NULL, 0);

	if (rc < 0)
		return rc;
	*out = (struct when){ e.started_s, e.ended_s, id };
	if (e.ended_s)
		return 0;
	out->to_s = UINT32_MAX;
	if (id < censuses && store_view_epoch(v, id + 1, &next, NULL, 0) == 0)
		out->to_s = next.started_s - 1;
	return 0;
}

static int census_number(struct store_view *v, uint32_t id, struct when *out, char *why)
{
	struct store_counts n;
	int rc = store_view_counts(v, &n);

	if (rc < 0)
		return rc;
	if (id > n.epochs)
		return say(why, DT_ENOTFOUND, "census %u: the store holds %u", id, n.epochs);
	return span_of_census(v, id, n.epochs, out);
}

/* The last census that began at or before @unix_s; ids need not ascend with time. */
static int census_at(struct store_view *v, uint64_t unix_s, struct when *out, char *why)
{
	uint64_t best_s = 0, first_s = UINT64_MAX;
	struct store_counts n;
	struct store_epoch e;
	uint32_t best = 0;
	char text[32];
	int rc = store_view_counts(v, &n);

	for (uint32_t id = 1; rc >= 0 && id <= n.epochs; id++) {
		rc = store_view_epoch(v, id, &e, NULL, 0);
		if (rc < 0)
			return rc;
		first_s = e.started_s < first_s ? e.started_s : first_s;
		if (e.started_s <= unix_s && e.started_s >= best_s) {
			best_s = e.started_s;
			best = id;
		}
	}
	if (rc < 0)
		return rc;
	if (best)
		return span_of_census(v, best, n.epochs, out);
	if (n.epochs)
		return say(why, DT_ENOTFOUND, "no census had begun then: the first began %s",
			   utc(first_s, text));
	*out = (struct when){ unix_s - WHEN_HOUR_S, unix_s, 0 };
	return 0;
}

int when_at(struct store_view *v, const char *text, uint64_t now_s, struct when *out,
	    char why[static 256])
{
	uint64_t unix_s;
	uint32_t census;
	int rc = parse(text, now_s, &unix_s, &census, why);

	if (rc < 0)
		return rc;
	return census ? census_number(v, census, out, why) : census_at(v, unix_s, out, why);
}

/* One end of a range: a time, or that of a census. */
static int edge(struct store_view *v, const char *text, uint64_t now_s, struct when *out, char *why)
{
	uint64_t unix_s;
	uint32_t census;
	int rc = parse(text, now_s, &unix_s, &census, why);

	if (rc < 0)
		return rc;
	if (census)
		return census_number(v, census, out, why);
	*out = (struct when){ unix_s, unix_s, 0 };
	return 0;
}

int when_between(struct store_view *v, const char *a, const char *b, uint64_t now_s,
		 struct when *out, char why[static 256])
{
	struct when from, to;
	int rc = edge(v, a, now_s, &from, why);

	if (rc == 0)
		rc = edge(v, b, now_s, &to, why);
	if (rc < 0)
		return rc;
	if (to.to_s < from.from_s)
		return say(why, DT_ERANGE, "'%.60s' is before '%.60s'", b, a);
	*out = (struct when){ from.from_s, to.to_s, from.census == to.census ? from.census : 0 };
	return 0;
}
