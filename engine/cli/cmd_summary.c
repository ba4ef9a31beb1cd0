/* SPDX-License-Identifier: MIT */
/** DOC: `summary`: what a store holds, for a person or (--json) for a program. */
#include <argp.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "engine/cli/args.h"
#include "engine/cli/cli.h"
#include "engine/cli/plot.h"
#include "engine/cli/summary_heard.h"
#include "engine/cli/summary_rows.h"
#include "engine/cli/summary_time.h"
#include "engine/cli/summary_zones.h"
#include "proto/json.h"
#include "store/store.h"
#include "store/text.h"
#include "viz/epoch_json.h"

enum {
	REPORT_MAX = 1 << 20, /* longest stored census report shown */
	JSON_MAX = 4 << 20,
};

struct summary_args {
	const char *store;
	bool json, zones;
	struct plot plot;
	struct summary_time time;
};

enum {
	OPT_STORE = 0x100,
	OPT_JSON,
	OPT_ZONES,
	OPT_AT,
	OPT_BETWEEN,
	OPT_TIME,
	OPT_EVERY,
};

static const struct argp_option options[] = {
	{ "store", OPT_STORE, "DIR", 0, "The store to read [dht-telescope.store]", 0 },
	{ "json", OPT_JSON, NULL, 0, "One JSON object on standard output", 0 },
	{ "zones", OPT_ZONES, NULL, 0, "The 256 zones of the last census, as CSV", 0 },
	{ NULL, 0, NULL, 0,
	  "Times are the number of a census, Unix seconds, 2026-11-21, 2026-11-21T12:30 (UTC) or "
	  "now; at a time stands for the census that ran then, or the last before it:",
	  1 },
	{ "at", OPT_AT, "T", 0, "Who was there", 0 },
	{ "between", OPT_BETWEEN, "A B", 0,
	  "Who joined, left, moved to another address or changed id from A to B", 0 },
	{ "over-time", OPT_TIME, NULL, 0,
	  "Every census: density, churn, the first networks and countries", 0 },
	{ "every", OPT_EVERY, "MIN", 0, "Slices of so many minutes instead of censuses", 0 },
	{ 0 },
};

/* The second time of --between comes as a word of its own. */
static void parse_word(char *arg, struct summary_time *t, struct argp_state *state)
{
	if (!t->from || t->to)
		argp_error(state, "'%s': nothing that summary knows", arg);
	t->to = arg;
}

static void check_time(const struct summary_time *t, struct argp_state *state)
{
	if (t->from && !t->to)
		argp_error(state, "--between: needs two times: --between A B");
	if (!!t->at + !!t->from + t->over_time > 1)
		argp_error(state, "--at, --between and --over-time: one of them");
	if (t->every_s && !t->over_time)
		argp_error(state, "--every: of --over-time");
}

static error_t parse_time_option(int key, char *arg, struct summary_args *a,
				 struct argp_state *state)
{
	switch (key) {
	case OPT_AT:
		a->time.at = arg;
		break;
	case OPT_BETWEEN:
		a->time.from = arg;
		break;
	case OPT_TIME:
		a->time.over_time = true;
		break;
	case OPT_EVERY:
		a->time.every_s = (uint32_t)(60 * args_number(arg, 1, 1e6, "every", state));
		break;
	case ARGP_KEY_ARG:
		parse_word(arg, &a->time, state);
		break;
	case ARGP_KEY_END:
		check_time(&a->time, state);
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
	struct summary_args *a = state->input;

	if (key == ARGP_KEY_INIT)
		state->child_inputs[0] = &a->plot;
	else if (key == OPT_STORE)
		a->store = arg;
	else if (key == OPT_JSON)
		a->json = true;
	else if (key == OPT_ZONES)
		a->zones = true;
	else
		return parse_time_option(key, arg, a, state);
	return 0;
}

/* A plot that fails does not fail the summary, as it never did. */
static void write_plot(const struct plot *p, struct store_view *v)
{
	struct geo *geo = p->geo_cache || p->city_mmdb || p->asn_mmdb ? plot_geo(p) : NULL;

	plot_cache(p, v, geo);
	plot_write(p, v, geo);
	geo_close(geo);
}

/* A number of our own report, by its key; NAN where it is not there. */
static double report_number(const char *report, const char *key)
{
	char quoted[64];
	const char *at;
	char *end;
	double v;

	snprintf(quoted, sizeof(quoted), "\"%s\":", key);
	at = strstr(report, quoted);
	if (!at)
		return NAN;
	at += strlen(quoted);
	v = strtod(at, &end);
	return end == at ? NAN : v;
}

static const char *digits(double v, char out[static 32])
{
	if (isnan(v))
		return "-";
	return cli_group_digits((unsigned long long)(v < 0 ? 0 : v + 0.5), out);
}

static void print_epoch(const struct store_epoch *e, const char *report)
{
	char when[32], a[32], b[32], c[32];
	const char *truth = strstr(report, "\"truth\":");

	if (strstr(report, "\"dht-telescope tap ")) {
		printf("\nTap %u   %s UTC\n  answered           %14s queries of others, seen on a "
		       "wire\n",
		       e->id, summary_utc(e->started_s, when),
		       digits(report_number(report, "answered"), a));
		return;
	}
	printf("\nCensus %u   %s UTC%s\n", e->id, summary_utc(e->started_s, when),
	       e->synthetic ? "   (simulated network)" : "");
	if (!e->ended_s) {
		printf("  not finished: broken off, or still running\n");
		return;
	}
	printf("  span               %14.1f s\n", report_number(report, "span_s"));
	printf("  live endpoints     %14s\n", digits(report_number(report, "live_endpoints"), a));
	printf("  unseen estimate    %14s   95 %% between %s and %s\n",
	       digits(report_number(report, "unseen_estimate"), a),
	       digits(report_number(report, "unseen_low"), b),
	       digits(report_number(report, "unseen_high"), c));
	printf("  recall, estimated  %14.3f %%\n", 100 * report_number(report, "recall_estimate"));
	if (truth && *(truth + 8) != 'n')
		printf("  recall, true       %14.3f %%  of %s live nodes\n",
		       100 * report_number(truth, "recall"),
		       digits(report_number(truth, "live"), a));
	printf("  queries per live   %14.3f\n", report_number(report, "queries_per_live"));
	printf("  packets sent       %14s   received %s\n",
	       digits(report_number(report, "packets_sent"), a),
	       digits(report_number(report, "packets_received"), b));
	printf("  unexplained        %14s\n", digits(report_number(report, "unexplained"), a));
}

static void print_rows(const char *title, const struct store_tally_row *rows, unsigned n,
		       uint64_t total)
{
	char num[32], name[GEO_ORG_MAX];

	if (!n)
		return;
	printf("\n%s\n", title);
	for (unsigned i = 0; i < n && i < 10; i++)
		printf("  %-40.40s %12s  %5.2f %%\n", text_clean(rows[i].name, name, sizeof(name)),
		       cli_group_digits(rows[i].nodes, num),
		       total ? 100.0 * (double)rows[i].nodes / (double)total : 0.0);
}

/* What is more than one id at one endpoint; nothing where nothing is. */
static void print_classes(const struct store_tally *t)
{
	const char *before = "  not one to one     ";
	char a[32];

	for (unsigned k = 1; k < SIGHTING_CLASSES; k++) {
		if (!t->classes[k])
			continue;
		printf("%s%s %s", before, cli_group_digits(t->classes[k], a),
		       sighting_class_name(k));
		before = ", ";
	}
	if (*before == ',')
		printf("\n");
}

/* How nodes can be reached, as far as it was tried. */
static void print_reach(const struct store_tally *t)
{
	static const char *const words[SIGHTING_REACHES] = {
		[SIGHTING_REACH_ANY_PORT] = "answer a port that had not asked them before",
		[SIGHTING_REACH_ONE_PORT] = "answer the port that asked first, and no other",
		[SIGHTING_REACH_ONE_WAY] = "ask us, and answer nothing that they had not asked for",
		[SIGHTING_REACH_READ_ONLY] = "say that they answer nobody (BEP 43)",
	};
	uint64_t tried = 0;
	char a[32];

	for (unsigned r = SIGHTING_REACH_UNKNOWN + 1; r < SIGHTING_REACHES; r++)
		tried += t->reach[r];
	if (!tried)
		return;
	printf("\n%-20s %12s   of the others it is not known\n", "Reached",
	       cli_group_digits(tried, a));
	for (unsigned r = SIGHTING_REACH_UNKNOWN + 1; r < SIGHTING_REACHES; r++)
		if (t->reach[r])
			printf("  %-18s %12s   %s\n", sighting_reach_name(r),
			       cli_group_digits(t->reach[r], a), words[r]);
}

/* Seen only of those who were asked for it. */
static bool is_surveyed(unsigned kind)
{
	return kind == STORE_SUPPORT_32 || kind == STORE_SUPPORT_33 || kind == STORE_SUPPORT_44 ||
	       kind == STORE_SUPPORT_51;
}

/* Of a version's nodes, or of those of them that were asked; NAN of none. */
static double seen_percent(const struct store_support *r, unsigned kind, bool surveys)
{
	if (!surveys || !is_surveyed(kind))
		return 100.0 * (double)r->seen[kind] / (double)r->nodes;
	return r->surveyed ? 100.0 * (double)r->seen_surveyed[kind] / (double)r->surveyed : NAN;
}

/* What each client was seen to do, in percent of its nodes. */
static void print_support(const struct store_tally *t)
{
	enum { ROWS = 10 };
	char a[32], name[GEO_ORG_MAX];
	bool surveys = t->support_rows && t->support[t->support_rows - 1].surveyed;

	if (!t->answered_nodes)
		return;
	printf("\n%-26s %12s", "Seen of clients, in %", "nodes");
	if (surveys)
		printf(" %9s", "surveyed");
	for (unsigned k = 0; k < STORE_SUPPORTS; k++)
		printf(" %9s", store_support_name((enum store_support_kind)k));
	printf("\n");
	for (unsigned i = 0; i < t->support_rows; i++) {
		const struct store_support *r = &t->support[i];

		if (!r->nodes || (i >= ROWS && r->name[0] && i + 1 < t->support_rows))
			continue;
		printf("  %-24.24s %12s",
		       r->name[0] ? text_clean(r->name, name, sizeof(name)) : "no version",
		       cli_group_digits(r->nodes, a));
		if (surveys)
			printf(" %9s", cli_group_digits(r->surveyed, a));
		for (unsigned k = 0; k < STORE_SUPPORTS; k++) {
			double percent = seen_percent(r, k, surveys);

			if (isnan(percent))
				printf(" %9s", "-");
			else
				printf(" %9.2f", percent);
		}
		printf("\n");
	}
	if (surveys)
		printf("  bep32, 33, 44 and 51: of the surveyed, who alone were asked; bep33 "
		       "cannot "
		       "be asked of\n  who stores no torrent\n");
}

static void print_text(const char *dir, struct store_view *v, const struct store_counts *n,
		       const struct store_tally *t, const char *report, const struct store_epoch *e)
{
	char a[32], b[32], c[32], line[512];

	printf("%s   %s nodes, %u census%s, %.1f MiB\n", dir, cli_group_digits(n->nodes, a),
	       n->epochs, n->epochs == 1 ? "" : "es", (double)n->file_bytes / (1 << 20));
	if (e->id)
		print_epoch(e, report);
	printf("\nNodes that answered  %12s\n", cli_group_digits(t->answered_nodes, a));
	printf("  distinct ids       %12s\n", cli_group_digits(t->distinct_ids, a));
	printf("  distinct addresses %12s\n", cli_group_digits(t->distinct_addresses, a));
	printf("  only mentioned     %12s\n", cli_group_digits(t->mentioned_only, a));
	if (t->heard_only)
		printf("  only heard         %12s   %s asked us, %s seen on a wire; not counted "
		       "above\n",
		       cli_group_digits(t->heard_only, a),
		       cli_group_digits(t->by_way[SIGHTING_ASKED_US], b),
		       cli_group_digits(t->by_way[SIGHTING_TAPPED], c));
	printf("  on the map         %12s   to the country only %s\n",
	       cli_group_digits(t->located, a), cli_group_digits(t->country_level, b));
	printf("  no place known     %12s   no network known %s\n",
	       cli_group_digits(t->unlocated, a), cli_group_digits(t->without_asn, b));
	printf("  id fits address    %12s   (BEP 42)\n", cli_group_digits(t->bep42_ok, a));
	print_classes(t);
	print_rows("Networks", t->top_networks, t->network_rows, t->answered_nodes);
	print_rows("Countries", t->top_countries, t->country_rows, t->answered_nodes);
	print_rows("Clients", t->top_clients, t->client_rows, t->answered_nodes);
	print_support(t);
	print_reach(t);
	store_view_attribution(v, line, sizeof(line));
	if (*line)
		printf("\n%s\n", line);
	if (t->answered_nodes && !t->located && !t->country_level)
		printf("\nNo places: get a free geo database with  dht-telescope geo fetch\n");
}

static void json_classes(struct json *j, const struct store_tally *t)
{
	json_key(j, "classes");
	json_object_begin(j);
	for (unsigned k = 0; k < SIGHTING_CLASSES; k++) {
		char key[32];

		snprintf(key, sizeof(key), "%s", sighting_class_name(k));
		for (char *p = key; *p; p++)
			*p = *p == '-' ? '_' : *p;
		json_kv_u64(j, key, t->classes[k]);
	}
	json_object_end(j);
	json_key(j, "reachability");
	json_object_begin(j);
	for (unsigned r = 0; r < SIGHTING_REACHES; r++) {
		char key[32];

		snprintf(key, sizeof(key), "%s", sighting_reach_name(r));
		for (char *p = key; *p; p++)
			*p = *p == '-' ? '_' : *p;
		json_kv_u64(j, key, t->reach[r]);
	}
	json_object_end(j);
	json_key(j, "support");
	json_array_begin(j);
	for (unsigned i = 0; i < t->support_rows; i++) {
		const struct store_support *r = &t->support[i];

		json_object_begin(j);
		json_kv_cstring(j, "client", r->name);
		json_kv_u64(j, "nodes", r->nodes);
		for (unsigned k = 0; k < STORE_SUPPORTS; k++)
			json_kv_u64(j, store_support_name((enum store_support_kind)k), r->seen[k]);
		json_key(j, "surveyed");
		json_object_begin(j);
		json_kv_u64(j, "nodes", r->surveyed);
		for (unsigned k = 0; k < STORE_SUPPORTS; k++)
			json_kv_u64(j, store_support_name((enum store_support_kind)k),
				    r->seen_surveyed[k]);
		json_object_end(j);
		json_object_end(j);
	}
	json_array_end(j);
}

static void json_tally(struct json *j, const struct store_tally *t)
{
	json_key(j, "nodes");
	json_object_begin(j);
	json_kv_u64(j, "answered", t->answered_nodes);
	json_kv_u64(j, "distinct_ids", t->distinct_ids);
	json_kv_u64(j, "distinct_addresses", t->distinct_addresses);
	json_kv_u64(j, "mentioned_only", t->mentioned_only);
	json_kv_u64(j, "heard_only", t->heard_only);
	json_key(j, "by_way");
	json_object_begin(j);
	for (unsigned way = 0; way < SIGHTING_WAYS; way++)
		if (way != SIGHTING_MENTIONED) /* those stand in a table of their own */
			json_kv_u64(j, sighting_way_name(way), t->by_way[way]);
	json_object_end(j);
	json_kv_u64(j, "located", t->located);
	json_kv_u64(j, "country_level", t->country_level);
	json_kv_u64(j, "unlocated", t->unlocated);
	json_kv_u64(j, "without_asn", t->without_asn);
	json_kv_u64(j, "networks", t->networks);
	json_kv_u64(j, "countries", t->countries);
	json_kv_u64(j, "bep42_ok", t->bep42_ok);
	json_kv_u64(j, "with_version", t->with_version);
	json_kv_u64(j, "read_only", t->read_only);
	json_kv_u64(j, "ip_vote", t->ip_vote);
	json_kv_u64(j, "first_seen_s", t->first_seen_s);
	json_kv_u64(j, "last_seen_s", t->last_seen_s);
	json_object_end(j);
	summary_rows_json(j, "top_networks", t->top_networks, t->network_rows, true);
	summary_rows_json(j, "top_countries", t->top_countries, t->country_rows, false);
	summary_rows_json(j, "top_clients", t->top_clients, t->client_rows, false);
	json_classes(j, t);
}

/* Every census with its report, oldest first. */
static int json_epochs(struct json *j, struct store_view *v, unsigned epochs, char *report)
{
	json_key(j, "censuses");
	json_array_begin(j);
	for (uint32_t id = 1; id <= epochs; id++) {
		struct store_epoch e;
		int rc = store_view_epoch(v, id, &e, report, REPORT_MAX);

		if (rc < 0)
			return rc;
		epoch_json(j, &e, report);
	}
	json_array_end(j);
	return 0;
}

static int print_json(const char *dir, struct store_view *v, const struct store_counts *n,
		      const struct store_tally *t, const struct heardtally *heard, char *report)
{
	char *buf = malloc(JSON_MAX);
	char line[512];
	struct json j;
	int rc;

	if (!buf)
		return -ENOMEM;
	json_init(&j, buf, JSON_MAX, true);
	json_object_begin(&j);
	json_kv_cstring(&j, "schema", "dht-telescope summary 1");
	json_kv_cstring(&j, "version", cli_version());
	json_kv_cstring(&j, "store", dir);
	json_kv_u64(&j, "file_bytes", n->file_bytes);
	json_kv_cstring(&j, "attribution", store_view_attribution(v, line, sizeof(line)));
	json_tally(&j, t);
	summary_heard_json(heard, &j);
	rc = json_epochs(&j, v, n->epochs, report);
	json_object_end(&j);
	if (rc >= 0)
		rc = json_finish(&j);
	if (rc >= 0)
		printf("%s\n", buf);
	free(buf);
	return rc < 0 ? rc : 0;
}

static int summarise(const struct summary_args *a, struct store *s, struct store_view *v)
{
	struct heardtally *heard = calloc(1, sizeof(*heard));
	char *report = calloc(1, REPORT_MAX + 1);
	struct store_epoch e = { 0 };
	struct store_counts n;
	struct store_tally t;
	int rc = report && heard ? store_view_counts(v, &n) : -ENOMEM;

	if (rc >= 0)
		rc = store_tally(v, &t);
	if (rc >= 0)
		rc = heardtally(s, v, heard);
	if (rc >= 0 && a->zones) {
		rc = n.epochs ? store_view_epoch(v, n.epochs, &e, report, REPORT_MAX)
			      : DT_ENOTFOUND;
		rc = rc < 0 ? rc : summary_zones(report, stdout);
	} else if (rc >= 0 && a->json)
		rc = print_json(a->store, v, &n, &t, heard, report);
	else if (rc >= 0) {
		if (n.epochs)
			rc = store_view_epoch(v, n.epochs, &e, report, REPORT_MAX);
		if (rc >= 0)
			print_text(a->store, v, &n, &t, report, &e);
		if (rc >= 0)
			summary_heard_text(heard, stdout);
	}
	free(heard);
	free(report);
	return rc;
}

int cmd_summary(int argc, char **argv)
{
	static const struct argp_child children[] = { { &plot_argp, 0, NULL, 0 }, { 0 } };
	static const struct argp argp = { .options = options,
					  .parser = parse_option,
					  .children = children,
					  .doc = "What a store holds; may run beside a census." };
	struct summary_args a = { .store = "dht-telescope.store", .plot = plot_default() };
	struct store_view *view;
	struct store *store;
	char why[256] = "";
	int rc;

	argp_parse(&argp, argc, argv, 0, NULL, &a);
	rc = store_open(a.store, STORE_READ, &store, why);
	if (rc < 0)
		return cli_fail("%s", *why ? why : dt_strerror(rc));
	rc = store_view_open(store, &view);
	if (rc >= 0) {
		a.time.store = a.store;
		a.time.json = a.json;
		*why = '\0';
		rc = summary_time_wanted(&a.time) ? summary_time_print(&a.time, view, why)
						  : summarise(&a, store, view);
		if (rc >= 0 && a.plot.wanted)
			write_plot(&a.plot, view);
		store_view_close(view);
	}
	store_close(store);
	if (rc < 0 && *why)
		return cli_fail("%s", why);
	if (rc < 0)
		return cli_fail("%s: %s", a.store, dt_strerror(rc));
	return CLI_OK;
}
