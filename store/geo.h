/* SPDX-License-Identifier: MIT */
#ifndef STORE_GEO_H
#define STORE_GEO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/endpoint.h"
#include "proto/err.h"

/**
 * DOC: endpoint -> network, country, place. The only code that knows MaxMind's
 * file format (geo_mmdb.c) and the flat range tables (geo_table.c).
 *
 * A set is up to one source of places, one of networks and one of countries,
 * each of one or two files (v4, v6 apart). Which field of a file holds what is
 * found by probing paths, never by the file's claimed type (viz.md 3.3).
 */

enum { GEO_ORG_MAX = 96, GEO_CITY_MAX = 64 };

/** What one lookup gives. Absent: asn 0, country "", has_point false. */
struct geo_place {
	uint32_t asn;
	char country[3]; /* ISO 3166-1 alpha-2 or "" */
	bool has_point;
	bool country_level; /* the point is the country's label point */
	float lat, lon;     /* degrees */
	float radius_km;    /* 0 = unknown */
};

struct geo;

struct geo_opts {
	const char *city_file, *asn_file, *country_file; /* explicit files win; NULL = search */
	const char *dir;        /* search here first (a simulation's own geo.tsv) */
	bool search;            /* the usual places of viz.md 3.3 */
	const char *cache_file; /* geo_cache.json, for what no other source knows; NULL = none */
};

/**
 * geo_open() - open what can be found; an empty set is a success.
 * @note: called for each file opened or refused, with a line for a person.
 */
int geo_open(const struct geo_opts *opts, void (*note)(void *ctx, const char *line), void *ctx,
	     struct geo **out) DT_MUST;
void geo_close(struct geo *g);

/** geo_lookup() - never fails; absent fields as above. Cost: about 1 us. Threads: many readers. */
void geo_lookup(const struct geo *g, const struct endpoint *ep, struct geo_place *out);

/** geo_org() - the network's name as UTF-8; "" where unknown. Returns @out. */
char *geo_org(const struct geo *g, uint32_t asn, char out[static GEO_ORG_MAX]);

/** geo_city() - for `geo lookup`; "" where unknown. Returns @out. */
char *geo_city(const struct geo *g, const struct endpoint *ep, char out[static GEO_CITY_MAX]);

/** geo_attribution() - the line that the opened sources require; "" for none. Returns @out. */
char *geo_attribution(const struct geo *g, char *out, size_t cap);

/** geo_is_synthetic() - a simulation's own table is among the sources. */
bool geo_is_synthetic(const struct geo *g);

/** struct geo_source - one opened file, for lists and metadata. */
struct geo_source {
	char path[256];
	char kind[16];   /* "city", "asn", "country", "table" */
	char format[32]; /* database_type or "csv", "tsv" */
	char licence[96];
	uint64_t build_s; /* Unix time; 0 unknown */
	uint64_t entries; /* ranges or tree nodes */
};

unsigned geo_sources(const struct geo *g, struct geo_source *out, unsigned max);

/**
 * geo_each_network4() - visit disjoint IPv4 ranges of the networks source, ascending.
 * Stops early where @visit returns non-zero and returns that. Place source alone
 * (no ASN): its ranges with asn 0.
 */
int geo_each_network4(const struct geo *g,
		      int (*visit)(void *ctx, uint32_t first, uint32_t last, uint32_t asn),
		      void *ctx);

#endif
