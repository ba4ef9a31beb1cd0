/* SPDX-License-Identifier: MIT */
#include "engine/cli/summary_zones.h"

#include <errno.h>

#include "viz/zones.h"

int summary_zones(const char *report, FILE *to)
{
	struct zones_row zones[ZONES];
	int rc = zones_parse(report, zones);

	if (rc < 0)
		return rc;
	fprintf(to, "zone,known,live,mentioned_once,mentioned_twice,unlisted_estimate");
	for (unsigned i = 0; i < ZONES_CAPTURES; i++)
		fprintf(to, ",%s", zones_capture_name(i));
	fputc('\n', to);
	for (unsigned z = 0; z < ZONES; z++) {
		const struct zones_row *r = &zones[z];

		fprintf(to, "%02x,%.10g,%.10g,%.10g,%.10g,%.10g", z, r->known, r->live,
			r->mentioned_once, r->mentioned_twice, r->unlisted_estimate);
		for (unsigned i = 0; i < ZONES_CAPTURES; i++)
			r->sampled ? fprintf(to, ",%.0f", r->captures[i]) : fputc(',', to);
		fputc('\n', to);
	}
	return ferror(to) ? -EIO : 0;
}
