/* SPDX-License-Identifier: MIT */
#include "engine/report_certificate.h"

#include <math.h>
#include <stdio.h>
#include <time.h>

#include "engine/page.h"
#include "proto/zone_names.h"

static double live_of(const struct census_report *rep)
{
	return (double)rep->result->estimate.live;
}

/* ---- JSON ----------------------------------------------------------------- */

static void json_capture(struct json *j, const struct census_capture *c)
{
	json_kv_u64(j, zone_capture_name(ZONE_FIRST), c->first);
	json_kv_u64(j, zone_capture_name(ZONE_SECOND), c->second);
	json_kv_u64(j, zone_capture_name(ZONE_BOTH), c->both);
	json_kv_u64(j, zone_capture_name(ZONE_LEFT), c->left);
	json_kv_u64(j, zone_capture_name(ZONE_FRESH), c->fresh);
	json_kv_u64(j, zone_capture_name(ZONE_FRESH_KNOWN), c->fresh_known);
	json_kv_u64(j, "known_once", c->known_once);
}

void report_cost_json(struct json *j, const struct census_report *rep, const struct pass_cost *c)
{
	double live = live_of(rep);

	json_key(j, "cost");
	json_object_begin(j);
	json_kv_u64(j, "queries_sent", c->queries_sent);
	json_kv_u64(j, "packets_sent", c->packets_sent);
	json_kv_u64(j, "packets_received", c->packets_received);
	json_kv_u64(j, "bytes_sent", c->bytes_sent);
	json_kv_u64(j, "bytes_received", c->bytes_received);
	json_kv_u64(j, "unexplained", c->unexplained);
	json_kv_double(j, "packets_per_live", live > 0 ? (double)c->packets_sent / live : 0);
	json_kv_double(j, "span_s", (double)c->span_ns / 1e9);
	json_object_end(j);
}

static double hundredths(double v)
{
	return round(100 * v) / 100;
}

static double cell(const struct engine_result *r, unsigned z, enum zone_column column)
{
	const struct census_tally *t = &r->tally;
	struct census_tally one = { .zone = { [0] = t->zone[z] } };

	switch (column) {
	case ZONE_KNOWN:
		return (double)t->zone[z].known;
	case ZONE_LIVE:
		return (double)t->zone[z].live;
	case ZONE_ONCE:
		return (double)t->zone[z].f1;
	case ZONE_TWICE:
		return (double)t->zone[z].f2;
	case ZONE_KTH_DISTANCE:
		return hundredths(r->health.zone[z].kth_distance);
	case ZONE_MEDIAN_GAP:
		return hundredths(r->health.zone[z].median_gap);
	case ZONE_UNLISTED:
	case ZONE_COLUMNS:
	default:
		return hundredths(census_chao1(&one).unlisted);
	}
}

/* A column each, 256 long: a store may hold thousands of reports. */
static void json_zones(struct json *j, const struct engine_result *r)
{
	uint64_t known = 0;

	for (unsigned z = 0; z < CENSUS_ZONES; z++)
		known += r->tally.zone[z].known;
	json_key(j, "zones");
	if (!known) {
		json_null(j);
		return;
	}
	json_object_begin(j);
	for (unsigned column = 0; column < ZONE_COLUMNS; column++) {
		json_key(j, zone_column_name((enum zone_column)column));
		json_array_begin(j);
		for (unsigned z = 0; z < CENSUS_ZONES; z++)
			json_double(j, cell(r, z, (enum zone_column)column));
		json_array_end(j);
	}
	json_object_end(j);
}

static void json_second(struct json *j, const struct census_certificate *c)
{
	json_key(j, "by_zone");
	json_array_begin(j);
	for (unsigned z = 0; z < CENSUS_ZONES; z++) {
		if (!census_zone_in(c->zones, z))
			continue;
		json_object_begin(j);
		json_kv_u64(j, "zone", z);
		json_capture(j, &c->zone[z]);
		json_object_end(j);
	}
	json_array_end(j);
}

static void json_canaries(struct json *j, const struct census_canaries *c)
{
	json_key(j, "canaries");
	if (!c->planted) {
		json_null(j);
		return;
	}
	json_object_begin(j);
	json_kv_u64(j, "planted", c->planted);
	json_kv_u64(j, "found", c->found);
	json_kv_double(j, "recall", c->recall);
	json_kv_double(j, "recall_low", c->low);
	json_kv_double(j, "recall_high", c->high);
	json_object_end(j);
}

static void json_combined(struct json *j, const struct census_combined *e)
{
	json_key(j, "combined");
	json_object_begin(j);
	json_kv_double(j, "unlisted_estimate", e->unlisted);
	json_kv_double(j, "silent_estimate", e->silent);
	json_key(j, "silent_from_second_pass");
	json_bool(j, e->from_second);
	json_kv_double(j, "unseen_estimate", e->unseen);
	json_kv_double(j, "unseen_low", e->unseen_low);
	json_kv_double(j, "unseen_high", e->unseen_high);
	json_kv_double(j, "recall_estimate", e->recall);
	json_object_end(j);
}

void report_certificate_json(struct json *j, const struct census_report *rep)
{
	const struct census_certificate *c = &rep->result->certificate;
	const struct census_chapman *e = &c->estimate;

	json_key(j, "certificate");
	if (c->done) {
		json_object_begin(j);
		json_kv_u64(j, "zones", c->zone_count);
		json_kv_u64(j, "at_s", c->at_ms / 1000);
		json_capture(j, &c->all);
		json_kv_double(j, "unseen_estimate", e->unseen);
		json_kv_double(j, "unseen_low", e->unseen_low);
		json_kv_double(j, "unseen_high", e->unseen_high);
		json_kv_double(j, "recall_estimate", e->recall);
		json_kv_double(j, "arrived_estimate", e->arrived);
		json_kv_double(j, "population", e->population);
		json_kv_double(j, "population_low", e->population_low);
		json_kv_double(j, "population_high", e->population_high);
		json_combined(j, &c->combined);
		report_cost_json(j, rep, &rep->result->certificate.cost);
		json_second(j, c);
		json_object_end(j);
	} else {
		json_null(j);
	}
	/* also of one that was broken off: every packet is in some account */
	json_kv_u64(j, "second_pass_packets_sent", c->cost.packets_sent);
	json_canaries(j, &c->canaries);
	json_zones(j, rep->result);
}

static bool holds(double low, double high, double truth)
{
	return truth >= low && truth <= high;
}

void report_certificate_truth(struct json *j, const struct census_report *rep)
{
	const struct engine_result *r = rep->result;
	const struct census_chapman *c = &r->certificate.estimate;
	const struct census_combined *both = &r->certificate.combined;
	/* where nodes come and go: those who stayed stand for all */
	double missed = (1 - rep->truth.recall) * (double)rep->truth.live;

	json_key(j, "interval_holds");
	json_bool(j, holds(r->estimate.unseen_low, r->estimate.unseen_high, missed));
	if (!r->certificate.done)
		return;
	json_kv_double(j, "chapman_error",
		       rep->truth.live ? (c->unseen - missed) / (double)rep->truth.live : 0);
	json_key(j, "chapman_interval_holds");
	json_bool(j, holds(c->unseen_low, c->unseen_high, missed));
	json_kv_double(j, "combined_error",
		       rep->truth.live ? (both->unseen - missed) / (double)rep->truth.live : 0);
	json_key(j, "combined_interval_holds");
	json_bool(j, holds(both->unseen_low, both->unseen_high, missed));
}

/* ---- text ------------------------------------------------------------------- */

static const char *hour(uint64_t unix_ms, char out[static 32])
{
	time_t t = (time_t)(unix_ms / 1000);
	struct tm tm;

	gmtime_r(&t, &tm);
	strftime(out, 32, "%H:%M:%S UTC", &tm);
	return out;
}

static size_t canaries_text(const struct census_canaries *c, char *buf, size_t cap)
{
	int n;

	buf[0] = '\0';
	if (!c->planted)
		return 0;
	n = snprintf(buf, cap,
		     "  recall, canaries   %14.3f %%  %llu of %llu found; 95 %%: %.3f to %.3f %%\n",
		     100 * c->recall, (unsigned long long)c->found, (unsigned long long)c->planted,
		     100 * c->low, 100 * c->high);
	return n < 0 ? 0 : (size_t)n < cap ? (size_t)n : cap - 1;
}

size_t report_certificate_text(const struct census_report *rep, char *buf, size_t cap)
{
	const struct census_certificate *c = &rep->result->certificate;
	const struct census_chapman *e = &c->estimate;
	size_t len = canaries_text(&c->canaries, buf, cap);
	char a[32], b[32], d[32], f[32], g[32], h[32], i[32], k[32], l[32], at[32];
	char p[32], q[32], s[32], u[32], v[32];
	int n;

	if (!c->done || len + 1 >= cap)
		return len;
	buf += len;
	cap -= len;
	n = snprintf(buf, cap,
		     "  second pass        %14s    nodes in %u of %u zones, another port and id; "
		     "%s were "
		     "missed by the first, %s\n"
		     "%37sof the first had left; %.2f packets per live beside the census\n"
		     "  not seen, Chapman  %14s    95 %%: %s to %s\n"
		     "  recall, Chapman    %14.3f %%\n"
		     "  not seen, both     %14s    95 %%: %s to %s; %s unlisted, by mentions, %s "
		     "silent, by %s\n"
		     "  population         %14s    at %s; 95 %%: %s to %s\n",
		     page_group((double)c->all.second, a), c->zone_count, (unsigned)CENSUS_ZONES,
		     page_group((double)c->all.fresh, b), page_group((double)c->all.left, d), "",
		     live_of(rep) > 0 ? (double)c->cost.packets_sent / live_of(rep) : 0,
		     page_group(e->unseen, f), page_group(e->unseen_low, g),
		     page_group(e->unseen_high, h), 100 * e->recall,
		     page_group(c->combined.unseen, p), page_group(c->combined.unseen_low, q),
		     page_group(c->combined.unseen_high, s), page_group(c->combined.unlisted, u),
		     page_group(c->combined.silent, v),
		     c->combined.from_second ? "the second pass" : "what was lost",
		     page_group(e->population, i), hour(c->at_ms, at),
		     page_group(e->population_low, k), page_group(e->population_high, l));
	return len + (n < 0 ? 0 : (size_t)n < cap ? (size_t)n : cap - 1);
}
