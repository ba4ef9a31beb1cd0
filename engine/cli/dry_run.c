/* SPDX-License-Identifier: MIT */
/** DOC: `crawl --dry-run`: what a census would do, from the figures of census 4.6; sends nothing.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "engine/blocklist.h"
#include "engine/cli/cli.h"
#include "engine/cli/wire.h"

/* Bytes of one query and one 8-node reply with IP, UDP and Ethernet around them (census 4.6). */
enum { QUERY_WIRE_BYTES = 114 + 28 + 38, REPLY_WIRE_BYTES = 302 + 28 + 38 };

static void expect(FILE *to, const char *name, double live, double dead_per_live, double rate_pps)
{
	/* 2.1 questions over 5 % loss, three attempts at every dead contact (census 4.6). */
	double packets = live * (2.1 / 0.95 + 3 * dead_per_live);
	char num[32];

	fprintf(to, "  %-22s %14s packets", name,
		cli_group_digits((unsigned long long)packets, num));
	if (rate_pps > 0)
		fprintf(to, ", %7.1f min at this rate", packets / rate_pps / 60);
	fprintf(to, ", %.1f GB out\n", packets * QUERY_WIRE_BYTES / 1e9);
}

int wire_dry_run(const struct conf *c, FILE *to)
{
	double rate = c->rate > 0 ? c->rate : c->sim ? 0 : 2000;
	struct blocklist_info info;
	char why[BLOCKLIST_WHY_MAX];
	struct blocklist *b;
	int rc = c->blocklist[0] ? blocklist_load(c->blocklist, &b, why) : blocklist_new(&b);

	if (rc < 0) {
		cli_fail("%s", c->blocklist[0] ? why : dt_strerror(rc));
		return rc;
	}
	blocklist_info(b, &info);
	blocklist_free(b);
	fprintf(to, "# what would be done; nothing was sent\n");
	rc = conf_print(c, to);
	if (rc < 0)
		return rc;
	fprintf(to,
		"# blocklist: %u prefixes of the file, %llu IPv4 addresses special-purpose, %llu "
		"listed\n",
		info.file_prefixes, (unsigned long long)info.bogon4,
		(unsigned long long)info.listed4);
	if (rate > 0)
		fprintf(to, "# bandwidth: %.2f Mbit/s out, up to %.2f Mbit/s in\n",
			rate * QUERY_WIRE_BYTES * 8 / 1e6, rate * REPLY_WIRE_BYTES * 8 / 1e6);
	fprintf(to, "# to be expected:\n");
	if (c->sim) {
		expect(to, "this simulation", (double)c->sim, c->dead / (1 - c->dead), rate);
	} else {
		expect(to, "10 M live, 0.67 dead", 10e6, 0.67, rate);
		expect(to, "20 M live, 0.67 dead", 20e6, 0.67, rate);
	}
	return 0;
}
