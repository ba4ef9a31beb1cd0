/* SPDX-License-Identifier: MIT */
/** DOC: `geo`: which geolocation files there are, what they say, where to get some. */
#include <argp.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "engine/cli/cli.h"
#include "store/geo.h"
#include "store/geo_fetch.h"
#include "store/store.h"

struct geo_args {
	struct geo_opts opts;
	const char *verb, *addresses[64];
	unsigned address_count;
};

enum { OPT_CITY = 0x100, OPT_ASN, OPT_COUNTRY, OPT_DIR };

static const struct argp_option options[] = {
	{ "dir", OPT_DIR, "DIR", 0, "Look here first; with fetch: put the files here", 0 },
	{ "city-mmdb", OPT_CITY, "FILE", 0, "A database of places", 0 },
	{ "asn-mmdb", OPT_ASN, "FILE", 0, "A database of networks (mmdb, csv or tsv)", 0 },
	{ "country-mmdb", OPT_COUNTRY, "FILE", 0, "A database of countries", 0 },
	{ 0 },
};

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
	struct geo_args *a = state->input;

	switch (key) {
	case OPT_DIR:
		a->opts.dir = arg;
		break;
	case OPT_CITY:
		a->opts.city_file = arg;
		break;
	case OPT_ASN:
		a->opts.asn_file = arg;
		break;
	case OPT_COUNTRY:
		a->opts.country_file = arg;
		break;
	case ARGP_KEY_ARG:
		if (!a->verb)
			a->verb = arg;
		else if (a->address_count < sizeof(a->addresses) / sizeof(*a->addresses))
			a->addresses[a->address_count++] = arg;
		else
			argp_error(state, "at most 64 addresses in one call");
		break;
	case ARGP_KEY_NO_ARGS:
		argp_error(state, "one of: fetch, list, lookup ADDR..., resolve STORE");
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

static int list(const struct geo *geo)
{
	struct geo_source src[8];
	unsigned n = geo_sources(geo, src, 8);
	char line[512];

	for (unsigned i = 0; i < n; i++) {
		char day[16] = "unknown date", count[32];
		time_t t = (time_t)src[i].build_s;
		struct tm tm;

		if (t && gmtime_r(&t, &tm))
			strftime(day, sizeof(day), "%Y-%m-%d", &tm);
		printf("%-8s %s  %s, %s entries, %s\n         %s\n", src[i].kind, src[i].path,
		       src[i].format, cli_group_digits(src[i].entries, count), day, src[i].licence);
	}
	if (!n)
		printf("no geo files found; a free one: dht-telescope geo fetch\n");
	else
		printf("%s\n", geo_attribution(geo, line, sizeof(line)));
	return CLI_OK;
}

static int lookup(const struct geo *geo, const char *text)
{
	char org[GEO_ORG_MAX], city[GEO_CITY_MAX];
	struct geo_place place;
	struct endpoint ep;
	uint8_t rgb[3];

	if (endpoint_from_text(text, &ep) < 0)
		return cli_fail("'%s' is not an address; one like 89.160.20.112 or 2001:218::1",
				text);
	geo_lookup(geo, &ep, &place);
	asn_color(place.asn, rgb);
	printf("%s\n", text);
	if (place.asn)
		printf("  network  AS%u %s  #%02x%02x%02x\n", place.asn,
		       geo_org(geo, place.asn, org), rgb[0], rgb[1], rgb[2]);
	else
		printf("  network  unknown\n");
	geo_city(geo, &ep, city);
	if (place.has_point)
		printf("  place    %.4f, %.4f%s%s%s%s%s\n", (double)place.lat, (double)place.lon,
		       *city ? "  " : "", city, place.country[0] ? "  " : "", place.country,
		       place.country_level ? "  (the country's label point)" : "");
	else
		printf("  place    unknown %s\n", place.country);
	if (place.radius_km > 0)
		printf("  radius   %.0f km\n", (double)place.radius_km);
	return CLI_OK;
}

static int resolve(const struct geo *geo, const char *dir, unsigned count)
{
	char why[256] = "", digits[32], line[512];
	struct geo_source src;
	uint64_t changed;
	struct store *s;
	int rc;

	if (count != 1) {
		cli_fail("geo resolve STORE: one store");
		return CLI_USAGE;
	}
	if (!geo_sources(geo, &src, 1))
		return cli_fail("no geo files found; a free one: dht-telescope geo fetch");
	rc = store_open(dir, STORE_WRITE, &s, why);
	if (rc < 0)
		return cli_fail("%s", *why ? why : dt_strerror(rc));
	rc = store_resolve(s, geo, &changed);
	store_close(s);
	if (rc < 0)
		return cli_fail("%s: %s; it is as it was", dir, dt_strerror(rc));
	printf("%s: %s nodes lie elsewhere now\n%s\n", dir, cli_group_digits(changed, digits),
	       geo_attribution(geo, line, sizeof(line)));
	return CLI_OK;
}

static int fetch(const char *dir)
{
	int rc = geo_fetch(dir, cli_note, NULL);

	return rc < 0 ? cli_fail("geo fetch: %s", dt_strerror(rc)) : CLI_OK;
}

int cmd_geo(int argc, char **argv)
{
	static const struct argp argp = {
		.options = options,
		.parser = parse_option,
		.args_doc = "fetch | list | lookup ADDR... | resolve STORE",
		.doc = "Geolocation files: MaxMind, DB-IP, ip-location-db, IPtoASN, Tor.\v"
		       "Files are looked for in the folder given, ./GeoLite2-*_YYYYMMDD/, "
		       "/usr/share/GeoIP, /var/lib/GeoIP, $XDG_DATA_HOME/dht-telescope/geo and "
		       "/usr/share/tor. fetch gets DB-IP Lite (CC BY 4.0). "
		       "resolve looks up every node of a store anew; a crawl does so at its end "
		       "where the files have changed.",
	};
	struct geo_args a = { .opts = { .search = true } };
	int rc, status = CLI_OK;
	struct geo *geo;

	argp_parse(&argp, argc, argv, 0, NULL, &a);
	if (!strcmp(a.verb, "fetch"))
		return fetch(a.opts.dir);
	if (strcmp(a.verb, "list") && strcmp(a.verb, "lookup") && strcmp(a.verb, "resolve")) {
		cli_fail("geo %s: no such verb; one of: fetch, list, lookup ADDR..., resolve STORE",
			 a.verb);
		return CLI_USAGE;
	}
	rc = geo_open(&a.opts, cli_note, NULL, &geo);
	if (rc < 0)
		return cli_fail("geo: %s", dt_strerror(rc));
	if (!strcmp(a.verb, "list"))
		status = list(geo);
	if (!strcmp(a.verb, "resolve"))
		status = resolve(geo, a.addresses[0], a.address_count);
	for (unsigned i = 0; !strcmp(a.verb, "lookup") && i < a.address_count; i++)
		if (lookup(geo, a.addresses[i]) != CLI_OK)
			status = CLI_USAGE;
	geo_close(geo);
	return status;
}
