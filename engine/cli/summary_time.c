/* SPDX-License-Identifier: MIT */
#include "engine/cli/summary_time.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "engine/cli/cli.h"
#include "engine/cli/summary_rows.h"
#include "proto/json.h"
#include "store/movement.h"
#include "store/text.h"
#include "viz/when.h"

enum {
	SLICES_MAX = 10000,       /* a year of hours */
	SLICE_JSON_MAX = 1 << 15, /* 40 names of 95 bytes, escaped at worst */
	COLUMNS = 6,              /* times beside each other on a page */
	ROWS = 8,                 /* networks, countries */
	HOUR_S = 3600,
};

/** A time and what is known of it. */
struct slice {
	struct when when;
	struct movement_look look;
	struct movement_counts since; /* the slice before */
	double churn_per_hour;        /* NAN for the first */
};

struct telling {
	const struct summary_time *t;
	struct store_view *v;
	struct movement *m;
	struct when *whens;
	unsigned when_count;
	struct slice *last; /* the COLUMNS latest, for the tables of networks and countries */
	unsigned last_count;
};

static const char *clean(const char *name, char out[static GEO_ORG_MAX])
{
	return *text_clean(name, out, GEO_ORG_MAX) ? out : "(no name)";
}

/* ---- which times ------------------------------------------------------------------ */

static int add_when(struct telling *k, struct when w)
{
	struct when *whens;

	if (k->when_count == SLICES_MAX)
		return DT_EFULL;
	whens = reallocarray(k->whens, k->when_count + 1, sizeof(*whens));
	if (!whens)
		return -ENOMEM;
	k->whens = whens;
	k->whens[k->when_count++] = w;
	return 0;
}

static int by_start(const void *a, const void *b)
{
	const struct when *x = a, *y = b;

	return (x->from_s > y->from_s) - (x->from_s < y->from_s);
}

static int every_census(struct telling *k, uint32_t censuses, char *why)
{
	int rc = 0;

	for (uint32_t id = 1; id <= censuses && rc == 0; id++) {
		struct when w;
		char text[16];

		snprintf(text, sizeof(text), "%u", id);
		rc = when_at(k->v, text, 0, &w, why);
		if (rc == 0)
			rc = add_when(k, w);
	}
	if (k->when_count)
		qsort(k->whens, k->when_count, sizeof(*k->whens), by_start);
	return rc;
}

static int every_span(struct telling *k, uint64_t width_s, char *why)
{
	struct store_log_span span;
	struct store_log *l;
	int rc = store_log_open(k->v, &(struct store_log_opts){ .columns = 0 }, &l);

	if (rc < 0)
		return rc;
	store_log_span(l, &span);
	store_log_close(l);
	if (span.end_s && (span.end_s - span.first_s) / width_s >= SLICES_MAX) {
		snprintf(why, 256, "--every %llu: more than %d slices",
			 (unsigned long long)width_s / 60, SLICES_MAX);
		return DT_ERANGE;
	}
	for (uint64_t s = span.first_s; s < span.end_s && rc == 0; s += width_s)
		rc = add_when(k, (struct when){ s, s + width_s - 1, 0 });
	return rc;
}

static int choose(struct telling *k, char *why)
{
	const struct summary_time *t = k->t;
	uint64_t now_s = (uint64_t)time(NULL);
	struct store_counts n;
	struct when w;
	int rc = store_view_counts(k->v, &n);

	if (rc < 0)
		return rc;
	if (t->over_time && (t->every_s || !n.epochs))
		return every_span(k, t->every_s ? t->every_s : HOUR_S, why);
	if (t->over_time)
		return every_census(k, n.epochs, why);
	rc = when_at(k->v, t->at ? t->at : t->from, now_s, &w, why);
	if (rc == 0)
		rc = add_when(k, w);
	if (rc < 0 || t->at)
		return rc;
	rc = when_at(k->v, t->to, now_s, &w, why);
	return rc == 0 ? add_when(k, w) : rc;
}

/* ---- text --------------------------------------------------------------------------- */

static void print_when(const char *head, const struct when *w)
{
	char from[32], to[32];

	summary_utc(w->from_s, from);
	if (w->to_s == UINT32_MAX)
		snprintf(to, sizeof(to), "now");
	else
		summary_utc(w->to_s, to);
	if (w->census)
		printf("%s census %u, %s to %s UTC\n", head, w->census, from, to);
	else
		printf("%s %s to %s UTC\n", head, from, to);
}

static void print_count(const char *what, uint64_t n, uint64_t of)
{
	char text[32];

	printf("  %-18s %12s", what, cli_group_digits(n, text));
	if (of)
		printf("  %6.2f %%", 100.0 * (double)n / (double)of);
	printf("\n");
}

static void print_density(const struct movement_look *l)
{
	char a[32], b[32];

	printf("  on the map         %12s   on %s places", cli_group_digits(l->placed, a),
	       cli_group_digits(l->places, b));
	if (l->places)
		printf(", %.1f on each", (double)l->placed / (double)l->places);
	printf("\n");
	if (l->densest)
		printf("  densest place      %12s   at %.2f %c %.2f %c\n",
		       cli_group_digits(l->densest, a), fabs((double)l->densest_lat),
		       l->densest_lat < 0 ? 'S' : 'N', fabs((double)l->densest_lon),
		       l->densest_lon < 0 ? 'W' : 'E');
	printf("  networks           %12s   countries %s\n", cli_group_digits(l->networks, a),
	       cli_group_digits(l->countries, b));
}

static void print_top(const char *title, const struct store_tally_row *rows, unsigned n,
		      uint64_t total)
{
	char name[GEO_ORG_MAX], num[32];

	if (n)
		printf("\n%s\n", title);
	for (unsigned i = 0; i < n && i < 10; i++)
		printf("  %-40.40s %12s  %5.2f %%\n", clean(rows[i].name, name),
		       cli_group_digits(rows[i].nodes, num),
		       total ? 100.0 * (double)rows[i].nodes / (double)total : 0.0);
}

static void print_one(const struct telling *k, const struct slice *s)
{
	char num[32];

	printf("%s  ", k->t->store);
	print_when("", &s->when);
	printf("\nNodes heard          %12s\n", cli_group_digits(s->look.nodes, num));
	print_density(&s->look);
	print_top("Networks", s->look.top_networks, s->look.network_rows, s->look.nodes);
	print_top("Countries", s->look.top_countries, s->look.country_rows, s->look.nodes);
}

static uint64_t nodes_of(const struct store_tally_row *rows, unsigned n,
			 const struct store_tally_row *like)
{
	for (unsigned i = 0; i < n; i++)
		if (rows[i].asn == like->asn && (like->asn || !strcmp(rows[i].name, like->name)))
			return rows[i].nodes;
	return 0;
}

static const struct store_tally_row *rows_of(const struct slice *s, bool countries, unsigned *n)
{
	*n = countries ? s->look.country_rows : s->look.network_rows;
	return countries ? s->look.top_countries : s->look.top_networks;
}

/* The rows that lead now, and what they were; "-" where they were not among the first. */
static void print_over_time(const struct telling *k, const char *title, bool countries)
{
	unsigned n, m;
	const struct store_tally_row *rows = rows_of(&k->last[k->last_count - 1], countries, &n);
	char name[GEO_ORG_MAX], num[32];

	if (!n)
		return;
	printf("\n%-26s", title);
	for (unsigned c = 0; c < k->last_count; c++) {
		if (k->last[c].when.census)
			printf("   census %3u", k->last[c].when.census);
		else
			printf(" %11.11s", summary_utc(k->last[c].when.from_s, num) + 5);
	}
	printf("\n");
	for (unsigned i = 0; i < n && i < ROWS; i++) {
		printf("  %-24.24s", clean(rows[i].name, name));
		for (unsigned c = 0; c < k->last_count; c++) {
			const struct store_tally_row *then = rows_of(&k->last[c], countries, &m);
			uint64_t nodes = nodes_of(then, m, &rows[i]);

			printf(" %12s", nodes ? cli_group_digits(nodes, num) : "-");
		}
		printf("\n");
	}
}

static char *churn_text(const struct slice *s, char out[static 16])
{
	if (isnan(s->churn_per_hour))
		snprintf(out, 16, "-");
	else
		snprintf(out, 16, "%.2f %%", 100 * s->churn_per_hour);
	return out;
}

static void print_two(const struct telling *k, const struct slice *b)
{
	const struct slice *a = &k->last[0];
	const struct movement_counts *c = &b->since;
	char num[32], churn[16];

	printf("%s\n", k->t->store);
	print_when("from", &a->when);
	print_when("to  ", &b->when);
	printf("\nNodes before         %12s\n", cli_group_digits(c->before, num));
	print_count("stayed", c->stayed, c->before);
	print_count("moved address", c->moved, c->before);
	print_count("changed id", c->changed_id, c->before);
	print_count("left", c->left, c->before);
	printf("Nodes after          %12s\n", cli_group_digits(c->after, num));
	print_count("joined", c->joined, c->after);
	printf("Churn per hour       %12s\n", churn_text(b, churn));
	print_density(&b->look);
	print_over_time(k, "Networks", false);
	print_over_time(k, "Countries", true);
}

static void print_table_head(void)
{
	printf("%-8s%-21s%12s%12s%11s%11s%10s%10s%9s %8s\n", "census", "from, UTC", "nodes",
	       "stayed", "joined", "left", "moved", "new id", "churn/h", "on place");
}

static void print_table_row(const struct slice *s, bool first)
{
	const struct movement_counts *c = &s->since;
	char num[6][32], when[32], churn[16];

	if (s->when.census)
		printf("%-8u", s->when.census);
	else
		printf("%-8s", "-");
	printf("%-21s%12s", summary_utc(s->when.from_s, when),
	       cli_group_digits(s->look.nodes, num[0]));
	if (first)
		printf("%12s%11s%11s%10s%10s%9s ", "", "", "", "", "", "");
	else
		printf("%12s%11s%11s%10s%10s%9s ", cli_group_digits(c->stayed, num[1]),
		       cli_group_digits(c->joined, num[2]), cli_group_digits(c->left, num[3]),
		       cli_group_digits(c->moved, num[4]), cli_group_digits(c->changed_id, num[5]),
		       churn_text(s, churn));
	if (s->look.places)
		printf("%8.1f\n", (double)s->look.placed / (double)s->look.places);
	else
		printf("%8s\n", "-");
}

/* ---- JSON ---------------------------------------------------------------------------- */

static void json_since(struct json *j, const struct slice *s)
{
	const struct movement_counts *c = &s->since;

	json_key(j, "since");
	json_object_begin(j);
	json_kv_u64(j, "before", c->before);
	json_kv_u64(j, "after", c->after);
	json_kv_u64(j, "stayed", c->stayed);
	json_kv_u64(j, "joined", c->joined);
	json_kv_u64(j, "left", c->left);
	json_kv_u64(j, "moved_address", c->moved);
	json_kv_u64(j, "changed_id", c->changed_id);
	json_kv_double(j, "churn_per_hour", s->churn_per_hour);
	json_object_end(j);
}

/* To the grain of the store. */
static double degrees(float v)
{
	return round((double)v * 1000) / 1000;
}

static void json_slice(struct json *j, const struct slice *s, bool first)
{
	const struct movement_look *l = &s->look;

	json_object_begin(j);
	json_key(j, "census");
	if (s->when.census)
		json_u64(j, s->when.census);
	else
		json_null(j);
	json_kv_u64(j, "from_s", s->when.from_s);
	json_key(j, "to_s");
	if (s->when.to_s == UINT32_MAX)
		json_null(j);
	else
		json_u64(j, s->when.to_s);
	json_kv_u64(j, "nodes", l->nodes);
	json_kv_u64(j, "placed", l->placed);
	json_kv_u64(j, "places", l->places);
	json_kv_u64(j, "densest_nodes", l->densest);
	json_kv_double(j, "densest_lat", l->densest ? degrees(l->densest_lat) : NAN);
	json_kv_double(j, "densest_lon", l->densest ? degrees(l->densest_lon) : NAN);
	json_kv_u64(j, "networks", l->networks);
	json_kv_u64(j, "countries", l->countries);
	if (!first)
		json_since(j, s);
	summary_rows_json(j, "top_networks", l->top_networks, l->network_rows, true);
	summary_rows_json(j, "top_countries", l->top_countries, l->country_rows, false);
	json_object_end(j);
}

static int print_json_slice(const struct slice *s, bool first)
{
	char *buf = malloc(SLICE_JSON_MAX);
	struct json j;
	int n;

	if (!buf)
		return -ENOMEM;
	json_init(&j, buf, SLICE_JSON_MAX, false);
	json_slice(&j, s, first);
	n = json_finish(&j);
	if (n >= 0)
		printf("%s\n    %s", first ? "" : ",", buf);
	free(buf);
	return n < 0 ? n : 0;
}

static int print_json_head(const struct summary_time *t)
{
	enum { PATH_JSON_MAX = 1 << 15 };
	char *buf = malloc(PATH_JSON_MAX);
	struct json j;
	int n;

	if (!buf)
		return -ENOMEM;
	json_init(&j, buf, PATH_JSON_MAX, false);
	json_cstring(&j, t->store);
	n = json_finish(&j);
	if (n >= 0)
		printf("{\n  \"schema\": \"dht-telescope summary time 1\",\n  \"version\": "
		       "\"%s\",\n"
		       "  \"store\": %s,\n  \"times\": [",
		       cli_version(), buf);
	free(buf);
	return n < 0 ? n : 0;
}

/* ---- one time after the other -------------------------------------------------------- */

static double churn_per_hour(const struct when *a, const struct when *b,
			     const struct movement_counts *c)
{
	double hours = ((double)b->from_s - (double)a->from_s) / HOUR_S;
	double nodes = (double)(c->before + c->after) / 2;
	double changed = (double)(c->joined + c->left) / 2 + (double)(c->moved + c->changed_id);

	/* Where nobody was heard nothing is known of who was there. */
	return hours > 0 && c->before && c->after ? changed / nodes / hours : NAN;
}

static int show(struct telling *k, const struct slice *s, unsigned i)
{
	if (k->t->json)
		return print_json_slice(s, i == 0);
	if (k->t->over_time && i == 0)
		print_table_head();
	if (k->t->over_time)
		print_table_row(s, i == 0);
	else if (k->t->at)
		print_one(k, s);
	return 0;
}

static void remember(struct telling *k, const struct slice *s)
{
	if (k->last_count == COLUMNS)
		memmove(k->last, k->last + 1, (--k->last_count) * sizeof(*k->last));
	k->last[k->last_count++] = *s;
}

static int tell(struct telling *k)
{
	struct presence before = { .words = NULL }, now;
	int rc = 0;

	for (unsigned i = 0; i < k->when_count && rc == 0; i++) {
		struct slice s = { .when = k->whens[i], .churn_per_hour = NAN };

		rc = presence_read(k->v, s.when.from_s, s.when.to_s, &now);
		if (rc < 0)
			break;
		rc = movement_look(k->m, k->v, &now, &s.look);
		if (rc == 0 && i)
			rc = movement_between(k->m, &before, &now, &s.since);
		if (rc == 0 && i)
			s.churn_per_hour = churn_per_hour(&k->whens[i - 1], &s.when, &s.since);
		presence_free(&before);
		before = now;
		if (rc == 0)
			rc = show(k, &s, i);
		remember(k, &s);
	}
	presence_free(&before);
	return rc;
}

static int print_all(struct telling *k)
{
	int rc = k->t->json ? print_json_head(k->t) : 0;

	if (rc == 0)
		rc = tell(k);
	if (k->t->json) {
		printf("\n  ]\n}\n");
		return rc;
	}
	if (rc < 0 || k->t->at)
		return rc;
	if (k->t->from) {
		print_two(k, &k->last[1]);
		return 0;
	}
	print_over_time(k, "Networks", false);
	print_over_time(k, "Countries", true);
	return 0;
}

int summary_time_print(const struct summary_time *t, struct store_view *v, char why[static 256])
{
	struct telling k = { .t = t, .v = v };
	int rc = choose(&k, why);

	if (rc == 0 && !k.when_count) {
		snprintf(why, 256, "%.200s: nobody was heard yet", t->store);
		rc = DT_ENOTFOUND;
	}
	k.last = calloc(COLUMNS, sizeof(*k.last));
	if (rc == 0)
		rc = k.last ? movement_new(v, &k.m) : -ENOMEM;
	if (rc == 0)
		rc = print_all(&k);
	movement_free(k.m);
	free(k.last);
	free(k.whens);
	return rc;
}
