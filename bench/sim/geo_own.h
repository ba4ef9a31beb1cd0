/* SPDX-License-Identifier: MIT */
#ifndef BENCH_SIM_GEO_OWN_H
#define BENCH_SIM_GEO_OWN_H

#include <stdint.h>

#include "proto/err.h"

/**
 * DOC: an Earth for machines without geo files: real networks in real cities
 * (geo_data.c), with address ranges that are made up, each region's from the
 * blocks that its registry really hands out. The same for every seed and size.
 */

/** Regional registries: whose /8 blocks a country's networks are carved from. */
enum sim_geo_registry { SIM_ARIN, SIM_RIPE, SIM_APNIC, SIM_LACNIC, SIM_AFRINIC, SIM_REGISTRIES };

struct sim_geo_country {
	char code[3]; /* ISO 3166-1 alpha-2 */
	uint8_t registry;
	uint16_t share; /* of the DHT, in 1/10,000; estimated from public crawls */
};

/** struct sim_geo_city - coordinates of the city's middle; all of them on land. */
struct sim_geo_city {
	char country[3];
	const char *name;
	float lat, lon;
	uint16_t people_k; /* thousands, with suburbs: its weight in the country */
};

struct sim_geo_network {
	char country[3];
	uint32_t asn;
	const char *name;
	uint16_t share;   /* of its country, any scale */
	const char *only; /* the one city it serves; NULL: many */
};

/* Each table ends with an entry whose code or name is empty. */
extern const struct sim_geo_country sim_geo_countries[];
extern const struct sim_geo_city sim_geo_cities[];
extern const struct sim_geo_network sim_geo_networks[];

/** sim_geo_radius_km() - how far a city's suburbs reach. */
float sim_geo_radius_km(const struct sim_geo_city *city);

/** struct sim_geo_water - cities that no road joins; b NULL: the first has none at all. */
struct sim_geo_water {
	const char *a, *b;
};
extern const struct sim_geo_water sim_geo_waters[];

/** struct sim_geo_roads - from a city to the nearest ones of its country. */
enum { SIM_GEO_ROADS = 5 };
struct sim_geo_roads {
	float km[SIM_GEO_ROADS];
	uint16_t to[SIM_GEO_ROADS];
	uint16_t count;
};

/** sim_geo_roads() - of every city; malloc'ed. Errors: -ENOMEM. */
int sim_geo_roads(struct sim_geo_roads **out) DT_MUST;

struct sim_geo_point {
	float lat, lon, radius_km;
};

/** sim_geo_point() - where a range of city @c with this draw stands: its middle, or a town. */
void sim_geo_point(unsigned c, uint64_t draw, const struct sim_geo_roads *roads,
		   struct sim_geo_point *out);

/** struct sim_geo_row - one address range: a network in a city (its town follows from the address).
 */
struct sim_geo_row {
	uint32_t ip, size;
	float weight; /* nodes that live here, any scale */
	uint16_t network, city;
};

/**
 * sim_geo_own_rows() - carve the table, ascending by ip.
 * @out: malloc'ed. Returns the count. Errors: -ENOMEM; DT_ERANGE where the data
 * ask for more blocks than a registry has (a mistake in geo_data.c).
 */
int sim_geo_own_rows(struct sim_geo_row **out) DT_MUST;

/** sim_geo_own_write() - PATH: the table as TSV, readable by store/geo. Errors: -errno. */
int sim_geo_own_write(const char *path) DT_MUST;

#endif
