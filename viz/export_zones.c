/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "viz/export_run.h"
#include "viz/zones.h"

/** DOC: the zones of censuses as a table: a row a census and zone. */

enum { REPORT_MAX = 1 << 20 /* longest that a store keeps */ };

struct zone_row {
	struct span zone;
	uint32_t census, started_s, known, live, mentioned_once, mentioned_twice;
	float unlisted_estimate, captures[ZONE_CAPTURES], kth_distance, median_gap;
	uint8_t first_byte;
	char text[2];
};

#define COL(column, column_type, field, text_)                                                     \
	{                                                                                          \
		.name = column, .what = text_, .type = column_type,                                \
		.offset = offsetof(struct zone_row, field),                                        \
		.size = sizeof(((struct zone_row *)0)->field)                                      \
	}
#define CENSUS                                                                                     \
	COL("census", EXPORT_U32, census, "its number in the store"),                              \
		COL("started_s", EXPORT_U32, started_s, "Unix time at which it began")
#define FIGURES                                                                                    \
	COL("known", EXPORT_U32, known, "endpoints known by an id in the zone"),                   \
		COL("live", EXPORT_U32, live, "that answered"),                                    \
		COL("mentioned_once", EXPORT_U32, mentioned_once, "live, listed by one node"),     \
		COL("mentioned_twice", EXPORT_U32, mentioned_twice, "live, listed by two"),        \
		COL("unlisted_estimate", EXPORT_F32, unlisted_estimate,                            \
		    "live, listed by nobody: Chao's estimate"),                                    \
		COL("first", EXPORT_F32, captures[ZONE_FIRST],                                     \
		    "of the first pass; this and the rest: empty or NaN = no second pass here"),   \
		COL("second", EXPORT_F32, captures[ZONE_SECOND], "of the second pass"),            \
		COL("both", EXPORT_F32, captures[ZONE_BOTH], "of both"),                           \
		COL("left", EXPORT_F32, captures[ZONE_LEFT], "gone between them"),                 \
		COL("fresh", EXPORT_F32, captures[ZONE_FRESH], "of the second alone"),             \
		COL("fresh_known", EXPORT_F32, captures[ZONE_FRESH_KNOWN],                         \
		    "of these, known to the first and silent then"),                               \
		COL("kth_distance_estimate", EXPORT_F32, kth_distance,                             \
		    "live, as lookups see it by the 8th neighbour's distance; empty = no sample"), \
		COL("median_gap_estimate", EXPORT_F32, median_gap, "the same by the median gap")

static const struct export_column text_columns[] = {
	CENSUS, COL("zone", EXPORT_TEXT, zone, "first byte of the ids, two hex digits"), FIGURES
};
static const struct export_column binary_columns[] = {
	CENSUS, COL("zone", EXPORT_U8, first_byte, "first byte of the ids"), FIGURES
};
static const struct export_table text_table = { "zones", text_columns,
						sizeof(text_columns) / sizeof(*text_columns), NULL,
						0 };
static const struct export_table binary_table = { "zones", binary_columns,
						  sizeof(binary_columns) / sizeof(*binary_columns),
						  NULL, 0 };

struct zones_job {
	struct export_job *job;
	struct export_sheet *sheet; /* NULL: censuses are counted alone */
	char *report;
	struct zones_row zones[ZONES];
	uint64_t censuses;
};

/* A figure of a report, which a hostile store may have written. */
static uint32_t whole(double v)
{
	return v >= 0 && v <= UINT32_MAX ? (uint32_t)(v + 0.5) : 0;
}

/* No reply of the sample tells of this zone, or none of the report. */
static float some(double v)
{
	return v > 0 ? (float)v : NAN;
}

static int put_zone(struct zones_job *z, const struct store_epoch *e, unsigned number)
{
	static const char digits[] = "0123456789abcdef";
	const struct zones_row *from = &z->zones[number];
	struct zone_row row = { .census = e->id,
				.started_s = (uint32_t)e->started_s,
				.known = whole(from->known),
				.live = whole(from->live),
				.mentioned_once = whole(from->mentioned_once),
				.mentioned_twice = whole(from->mentioned_twice),
				.unlisted_estimate = (float)from->unlisted_estimate,
				.kth_distance = some(from->kth_distance),
				.median_gap = some(from->median_gap),
				.first_byte = (uint8_t)number,
				.text = { digits[number >> 4], digits[number & 15] } };

	row.zone = span_of(row.text, sizeof(row.text));
	for (unsigned i = 0; i < ZONE_CAPTURES; i++)
		row.captures[i] = from->sampled ? (float)from->captures[i] : NAN;
	return export_table_row(z->sheet, &row);
}

/* 1 where census @id has zones. */
static int put_census(struct zones_job *z, uint32_t id)
{
	const struct export_opts *o = z->job->opts;
	struct store_epoch e;
	int rc = store_view_epoch(z->job->view, id, &e, z->report, REPORT_MAX);

	if (rc < 0)
		return rc;
	if (o->timed && o->when.census
		    ? e.id != o->when.census
		    : o->timed && (e.started_s < o->when.from_s || e.started_s > o->when.to_s))
		return 0;
	if (zones_parse(z->report, z->zones) < 0)
		return 0; /* broken off, of a part, or no census at all */
	z->censuses++;
	for (unsigned i = 0; i < ZONES && z->sheet && rc >= 0; i++)
		rc = put_zone(z, &e, i);
	return rc < 0 ? rc : 1;
}

/* Of all censuses in the time that is wanted; without one, of the last that has any. */
static int put_all(struct zones_job *z, uint32_t epochs)
{
	bool timed = z->job->opts->timed;
	int rc = 0;

	for (uint32_t i = 1; i <= epochs && rc >= 0; i++) {
		rc = put_census(z, timed ? i : epochs + 1 - i);
		if (rc == 1 && !timed)
			return 0;
	}
	return rc < 0 ? rc : 0;
}

int export_zones_write(struct export_job *job)
{
	enum export_kind kind = job->opts->kind;
	struct zones_job z = { .job = job, .report = malloc(REPORT_MAX) };
	struct store_counts n = { .epochs = 0 };
	struct export_sheet s;
	int rc = z.report ? store_view_counts(job->view, &n) : -ENOMEM;

	if (rc >= 0)
		rc = put_all(&z, n.epochs);
	if (rc == 0 && !z.censuses) {
		snprintf(job->why, sizeof(job->why),
			 "no census%s has zones; one that came to its end has",
			 job->opts->timed ? " of that time" : "");
		rc = DT_EMISSING;
	}
	if (rc == 0) {
		rc = export_table_open(job, kind, "zones",
				       kind == EXPORT_NPY ? &binary_table : &text_table,
				       z.censuses * ZONES, &s);
		z.sheet = &s;
		if (rc == 0)
			rc = put_all(&z, n.epochs);
		job->stats->rows = s.written;
		rc = export_table_close(job, &s, rc);
	}
	free(z.report);
	return rc;
}
