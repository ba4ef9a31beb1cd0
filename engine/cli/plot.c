/* SPDX-License-Identifier: MIT */
#include "engine/cli/plot.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "engine/cli/args.h"
#include "engine/cli/cli.h"
#include "store/geo_cache.h"
#include "viz/live.h"

enum {
	CACHE_HOURS = 240, /* as it was */
	CACHE_ENTRIES_MAX = 500000,
};

struct plot plot_default(void)
{
	return (struct plot){ .output = "bt_map.html",
			      .half_life_min = 15,
			      .cutoff_hours = 24,
			      .refresh_s = 20,
			      .target_points = 3500,
			      .cell_top = 3 };
}

/* ---- options ------------------------------------------------------------------------ */

enum {
	OPT_PLOT = 0x4000,
	OPT_PLOT_OUTPUT,
	OPT_HALF,
	OPT_CUTOFF,
	OPT_REFRESH,
	OPT_TARGET,
	OPT_CELL_TOP,
	OPT_CACHE,
	OPT_CITY,
	OPT_ASN
};

enum { GROUP = 2 };

static const struct argp_option options[] = {
	{ NULL, 0, NULL, 0, "The page:", GROUP },
	{ "plot", OPT_PLOT, "KIND", 0,
	  "Also write a page, one HTML file that needs no network: live = every node a light; "
	  "constellation = the most recent ones as stars",
	  GROUP },
	{ "plot-output", OPT_PLOT_OUTPUT, "FILE.html", 0, "Where to [bt_map.html]", GROUP },
	{ "half-life-min", OPT_HALF, "MIN", 0, "On it a node fades by half in this time [15]",
	  GROUP },
	{ "cutoff-hours", OPT_CUTOFF, "H", 0, "And is left out after this [24]", GROUP },
	{ "refresh-sec", OPT_REFRESH, "S", 0, "It looks for a newer one; 0 = never [20]", GROUP },
	{ "target-points", OPT_TARGET, "N", 0, "Stars of a constellation, about [3500]", GROUP },
	{ "cell-top", OPT_CELL_TOP, "N", 0, "Of each patch of the sky the N most recent [3]",
	  GROUP },
	{ "geo-cache", OPT_CACHE, "FILE.json", 0,
	  "Places of addresses: made where it is missing or broken, else read, for what no "
	  "database "
	  "knows. It holds true addresses",
	  GROUP },
	{ "city-mmdb", OPT_CITY, "FILE", 0,
	  "A database of places [GEOIP2_CITY_DB, or the usual places]", GROUP },
	{ "asn-mmdb", OPT_ASN, "FILE", 0,
	  "A database of networks [GEOIP2_ASN_DB, or the usual places]", GROUP },
	{ 0 },
};

static error_t parse_numbers(int key, char *arg, struct plot *p, struct argp_state *state)
{
	switch (key) {
	case OPT_HALF:
		/* 30 s at least, as the first dht-telescope had it */
		p->half_life_min = args_number(arg, 0.5, 1e6, "half-life-min", state);
		break;
	case OPT_CUTOFF:
		p->cutoff_hours = args_number(arg, 0.01, 1e5, "cutoff-hours", state);
		break;
	case OPT_REFRESH:
		p->refresh_s = (unsigned)args_number(arg, 0, 86400, "refresh-sec", state);
		break;
	case OPT_TARGET:
		p->target_points = (unsigned)args_number(arg, 1, 500000, "target-points", state);
		break;
	case OPT_CELL_TOP:
		p->cell_top = (unsigned)args_number(arg, 1, 500000, "cell-top", state);
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
	struct plot *p = state->input;

	switch (key) {
	case OPT_PLOT:
		p->constellation = !strcmp(arg, "constellation");
		if (!p->constellation && strcmp(arg, "live") != 0)
			argp_error(state, "--plot: '%s' is not live or constellation", arg);
		p->wanted = true;
		break;
	case OPT_PLOT_OUTPUT:
		p->output = arg;
		break;
	case OPT_CACHE:
		p->geo_cache = arg;
		break;
	case OPT_CITY:
		p->city_mmdb = arg;
		break;
	case OPT_ASN:
		p->asn_mmdb = arg;
		break;
	default:
		return parse_numbers(key, arg, p, state);
	}
	return 0;
}

const struct argp plot_argp = { .options = options, .parser = parse_option };

/* ---- places --------------------------------------------------------------------------- */

struct geo *plot_geo(const struct plot *p)
{
	const struct geo_opts o = { .city_file = p->city_mmdb,
				    .asn_file = p->asn_mmdb,
				    .search = true,
				    .cache_file = p->geo_cache && !access(p->geo_cache, F_OK)
							  ? p->geo_cache
							  : NULL };
	struct geo *geo = NULL;
	int rc = geo_open(&o, cli_note, NULL, &geo);

	if (rc < 0)
		cli_say("[plot] error: geo files: %s", dt_strerror(rc));
	return geo;
}

static bool is_valid_cache(const char *path)
{
	char why[GEO_WHY_MAX];
	struct geo_table *t;

	if (access(path, F_OK) || geo_cache_open(path, &t, why) < 0)
		return false;
	geo_table_close(t);
	return true;
}

/* What the store knows of a node, and where it knows nothing, @geo. False: neither does. */
static bool entry_of(const struct store_node *n, struct store_view *v, const struct geo *geo,
		     struct geo_cache_entry *out)
{
	struct geo_place *p = &out->place;

	*out = (struct geo_cache_entry){ .ep = n->ep };
	out->ep.port = 0;
	if (geo)
		geo_lookup(geo, &n->ep, p);
	if (n->has_point) {
		p->has_point = true;
		p->lat = n->lat;
		p->lon = n->lon;
		memcpy(p->country, n->country, sizeof(p->country));
	}
	if (n->asn)
		p->asn = n->asn;
	store_view_org(v, p->asn, out->org);
	if (!out->org[0] && geo)
		geo_org(geo, p->asn, out->org);
	return p->has_point || p->asn;
}

static int by_host(const void *a, const void *b)
{
	const struct geo_cache_entry *x = a, *y = b;

	return memcmp(x->ep.addr, y->ep.addr, sizeof(x->ep.addr));
}

struct entries {
	struct geo_cache_entry *list;
	size_t count, cap;
};

static int add_entry(struct entries *all, const struct geo_cache_entry *e)
{
	if (all->count == all->cap) {
		size_t cap = all->cap ? all->cap * 2 : 1024;
		struct geo_cache_entry *list = realloc(all->list, cap * sizeof(*list));

		if (!list)
			return -ENOMEM;
		all->list = list;
		all->cap = cap;
	}
	all->list[all->count++] = *e;
	return 0;
}

static int gather(struct store_view *v, const struct geo *geo, struct entries *all)
{
	uint64_t now_s = (uint64_t)time(NULL), hours = CACHE_HOURS;
	struct geo_cache_entry e;
	struct store_node n;
	int rc;

	store_view_rewind(v);
	while ((rc = store_view_next(v, &n)) == 1 && all->count < CACHE_ENTRIES_MAX) {
		if (n.last_seen_s + hours * 3600 < now_s || !entry_of(&n, v, geo, &e))
			continue;
		rc = add_entry(all, &e);
		if (rc < 0)
			return rc;
	}
	if (all->count)
		qsort(all->list, all->count, sizeof(*all->list), by_host);
	return rc < 0 ? rc : 0;
}

/* Each address once: ids and ports share it. */
static int write_cache(const char *path, const struct entries *all, uint64_t *written)
{
	struct geo_cache_writer *w;
	int rc = geo_cache_create(path, &w);

	*written = 0;
	if (rc < 0)
		return rc;
	for (size_t i = 0; i < all->count; i++)
		if (!i || by_host(&all->list[i - 1], &all->list[i]) != 0) {
			geo_cache_put(w, &all->list[i]);
			++*written;
		}
	return geo_cache_finish(w);
}

bool plot_cache(const struct plot *p, struct store_view *v, const struct geo *geo)
{
	struct entries all = { .list = NULL };
	uint64_t written;
	char count[32];
	int rc;

	if (!p->geo_cache)
		return false;
	if (is_valid_cache(p->geo_cache))
		return true;
	rc = gather(v, geo, &all);
	if (rc == 0)
		rc = write_cache(p->geo_cache, &all, &written);
	free(all.list);
	if (rc < 0)
		cli_say("[plot] error: %s: %s", p->geo_cache, dt_strerror(rc));
	else if (!written)
		cli_say("[plot] cannot build %s (no address has a place; dht-telescope geo fetch "
			"gets a database)",
			p->geo_cache);
	else
		cli_say("[plot] %s built with %s entries", p->geo_cache,
			cli_group_digits(written, count));
	return rc == 0;
}

/* ---- the page ---------------------------------------------------------------------------- */

bool plot_write(const struct plot *p, struct store_view *v, const struct geo *geo)
{
	const struct live_opts o = { .half_life_s = 60 * p->half_life_min,
				     .cutoff_s = 3600 * p->cutoff_hours,
				     .refresh_s = p->refresh_s,
				     .constellation = p->constellation,
				     .target_points = p->target_points,
				     .cell_top = p->cell_top,
				     .written_s = (uint64_t)time(NULL),
				     .geo = geo };
	struct live_stats st;
	char why[256] = "";

	if (live_write(v, &o, p->output, &st, why) < 0) {
		cli_say("[plot] error: %s", why);
		return false;
	}
	cli_say("[plot] wrote %s", p->output);
	return true;
}
