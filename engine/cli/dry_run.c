/* SPDX-License-Identifier: MIT */
/** DOC: `crawl --dry-run`: what a census would do, from the figures of census 4.6; sends nothing.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "engine/blocklist.h"
#include "engine/certify.h"
#include "engine/cli/campaign.h"
#include "engine/cli/cli.h"
#include "engine/cli/wire.h"
#include "engine/crawl.h"

/* Bytes of one query and one 8-node reply with IP, UDP and Ethernet around them (census 4.6). */
enum { QUERY_WIRE_BYTES = 114 + 28 + 38, REPLY_WIRE_BYTES = 302 + 28 + 38 };

enum { PEER_K = 8 }; /* contacts of a reply: where a table's neighbourhood begins */

/* What is asked of whom. */
struct outlook {
	const struct conf *c;
	enum crawl_plan plan;
	double whole, live, dead_per_live; /* live: of the part that is asked */
	double rate_pps;
};

/*
 * Questions to a live node, as bench strategies measures them; drain asks one a
 * level, from the neighbourhood (log2 of N/8) down to bit 0.
 */
static double questions(const struct outlook *o)
{
	double mixing = o->c->mixing;

	if (!strcmp(o->c->query, "ping"))
		return 1;
	switch (o->plan) {
	case CRAWL_PLAN_2PLUS:
	case CRAWL_PLAN_FLIP_C:
		return 2 + mixing;
	case CRAWL_PLAN_3:
		return 3 + mixing;
	case CRAWL_PLAN_4:
		return 4 + mixing;
	case CRAWL_PLAN_5:
		return 5 + mixing;
	case CRAWL_PLAN_DRAIN:
		return 1 + mixing + fmax(0, log2(o->whole * (1 + o->dead_per_live) / PEER_K));
	case CRAWL_PLAN_OWN:
		return 1 + mixing;
	case CRAWL_PLAN_RANDOM2:
		return 2;
	case CRAWL_PLAN_RANDOM4:
		return 4;
	case CRAWL_PLAN_RANDOM8:
		return 8;
	case CRAWL_PLAN_CPL16:
		return 16;
	case CRAWL_PLAN_RANDOM1:
	case CRAWL_PLAN_PING:
	case CRAWL_PLAN_SURVEY:
	case CRAWL_PLANS:
	default:
		return 1;
	}
}

static double lost(const struct outlook *o)
{
	return o->c->sim ? o->c->loss : 0.05; /* census 4.6 reckons with 5 % */
}

static void line(FILE *to, const struct outlook *o, const char *name, double hosts, double packets,
		 double replies)
{
	char a[32], b[32];

	fprintf(to, "#   %-24s %14s packets to %s endpoints, %.1f GB out, %.1f in", name,
		cli_group_digits((unsigned long long)packets, a),
		cli_group_digits((unsigned long long)hosts, b), packets * QUERY_WIRE_BYTES / 1e9,
		replies * REPLY_WIRE_BYTES / 1e9);
	if (o->rate_pps > 0)
		fprintf(to, ", %.1f min", packets / o->rate_pps / 60);
	fprintf(to, "\n");
}

/* What --every adds, each time: two zones, a fixed one and one that moves. */
static void expect_zones(FILE *to, const struct outlook *o)
{
	struct crawl_part zone;
	double live, q = questions(o);

	if (!o->c->every[0] || part_from_text(o->c->every_zone, &zone) < 0)
		return;
	live = 2 * o->whole * part_share(&zone) / (double)o->c->shards;
	line(to, o, "  two zones, each --every", live * (1 + o->dead_per_live),
	     live * (q / (1 - lost(o)) + 3 * o->dead_per_live), live * q);
}

/* The census, and its second pass: plan 5 over a share of it, and a ping to each (E-72, E-73). */
static void expect(FILE *to, const struct outlook *o, const char *name)
{
	double answered = 1 / (1 - lost(o)), hosts = o->live * (1 + o->dead_per_live);
	double share = wire_certify_share(o->c), q = questions(o);
	double surveyed = fmin(o->live, (double)wire_survey_nodes(o->c, o->live));

	if (share > 0)
		share = fmax(share, fmin(1.0 / CERTIFY_ZONES_SHARE, CERTIFY_NODES_MIN / o->live));
	fprintf(to, "#   %.1f questions to a node that answers, 3 packets to one that does not:\n",
		q);
	line(to, o, name, hosts, o->live * (q * answered + 3 * o->dead_per_live), o->live * q);
	if (share > 0)
		line(to, o, "  its second pass", hosts * share,
		     o->live * share * ((5 + o->c->mixing + 1) * answered + 3 * o->dead_per_live),
		     o->live * share * (6 + o->c->mixing));
	/* Four questions, of which silence answers one and a half, twice asked. */
	if (surveyed > 0)
		line(to, o, "  its survey", surveyed, surveyed * (4 * answered + 1.5),
		     surveyed * 2.5);
	expect_zones(to, o);
}

static void expect_all(FILE *to, const struct conf *c, double rate)
{
	struct outlook o = { .c = c, .rate_pps = rate };
	char part_name[PART_TEXT_MAX];
	struct crawl_part part;
	double share;

	if (crawl_plan_from_text(c->plan, &o.plan) < 0)
		o.plan = CRAWL_PLAN_2PLUS; /* conf_check() let nothing else pass */
	campaign_part(c, &part, part_name);
	share = part_share(&part);
	fprintf(to, "# to be expected, plan %s:\n", c->plan);
	if (share < 1)
		fprintf(to, "#   of %s, %.3g of the id space\n", part_name, share);
	if (c->sim) {
		o.whole = (double)c->sim;
		o.live = o.whole * share;
		o.dead_per_live = c->dead / (1 - c->dead);
		expect(to, &o, "this simulation");
	} else {
		o.dead_per_live = 0.67;
		o.whole = 10e6;
		o.live = o.whole * share;
		expect(to, &o, "10 M live, 0.67 dead");
		o.whole = 20e6;
		o.live = o.whole * share;
		expect(to, &o, "20 M live, 0.67 dead");
	}
	if (c->epochs > 1)
		fprintf(to, "#   %llu times\n", (unsigned long long)c->epochs);
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
	fprintf(to,
		"# at most: 9 packets to one address in any 10 s (1/s, burst 4), 32/s to a /24, "
		"64 contacts of one introducer\n");
	expect_all(to, c, rate);
	return 0;
}
