/* SPDX-License-Identifier: MIT */
#include "engine/cli/summary_zones.h"

#include "viz/zones.h"

/* Of a zone of which no reply tells, and of reports without these: empty. */
static void figure_or_none(FILE *to, double v)
{
	if (v > 0)
		fprintf(to, ",%.10g", v);
	else
		fputc(',', to);
}

int summary_zones(const char *report, FILE *to)
{
	struct zones_row zones[ZONES];
	int rc = zones_parse(report, zones);

	if (rc < 0)
		return rc;
	fprintf(to, "zone");
	for (unsigned i = ZONE_KNOWN; i <= ZONE_UNLISTED; i++)
		fprintf(to, ",%s", zone_column_name((enum zone_column)i));
	for (unsigned i = 0; i < ZONE_CAPTURES; i++)
		fprintf(to, ",%s", zone_capture_name((enum zone_capture)i));
	fprintf(to, ",%s,%s\n", zone_column_name(ZONE_KTH_DISTANCE),
		zone_column_name(ZONE_MEDIAN_GAP));
	for (unsigned z = 0; z < ZONES; z++) {
		const struct zones_row *r = &zones[z];

		fprintf(to, "%02x,%.10g,%.10g,%.10g,%.10g,%.10g", z, r->known, r->live,
			r->mentioned_once, r->mentioned_twice, r->unlisted_estimate);
		for (unsigned i = 0; i < ZONE_CAPTURES; i++)
			r->sampled ? fprintf(to, ",%.0f", r->captures[i]) : fputc(',', to);
		figure_or_none(to, r->kth_distance);
		figure_or_none(to, r->median_gap);
		fputc('\n', to);
	}
	return 0;
}
