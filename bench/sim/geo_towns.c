/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bench/sim/geo_own.h"
#include "bench/sim/world.h"

/**
 * DOC: towns nobody has heard of. A network's customers do not all live in the
 * middle of a city, and a map of 1,242 discs does not look like Earth; so a part
 * of each city's address ranges stands in towns along the roads to the cities
 * near it. Roads are straight lines to the five nearest cities of the country,
 * less those that would cross the sea (sim_geo_waters).
 */

enum {
	TOWNS_KEY = 0x746f776e,
	ROAD_KM_MAX = 600,
	TOWN_KM_MAX = 160, /* from the city that a town is counted to */
	TOWNS_PER_CITY_MAX = 40,
	CENTRE_PERCENT = 40, /* of a city's ranges that stay in its middle */
};

static double radians(double degrees)
{
	return degrees * (M_PI / 180);
}

/** distance_km() - great circle, by haversines. */
static double distance_km(const struct sim_geo_city *a, const struct sim_geo_city *b)
{
	double dlat = sin(radians((double)b->lat - (double)a->lat) / 2);
	double dlon = sin(radians((double)b->lon - (double)a->lon) / 2);
	double h = dlat * dlat +
		   cos(radians((double)a->lat)) * cos(radians((double)b->lat)) * dlon * dlon;

	return 2 * 6371 * asin(sqrt(h));
}

static bool water_between(const struct sim_geo_city *a, const struct sim_geo_city *b)
{
	for (const struct sim_geo_water *w = sim_geo_waters; w->a; w++) {
		if (strcmp(w->a, a->name) == 0 && (!w->b || strcmp(w->b, b->name) == 0))
			return true;
		if (strcmp(w->a, b->name) == 0 && (!w->b || strcmp(w->b, a->name) == 0))
			return true;
	}
	return false;
}

static bool is_wanted(const struct sim_geo_roads *r, float km)
{
	return r->count < SIM_GEO_ROADS || km < r->km[SIM_GEO_ROADS - 1];
}

/** insert() - keep the SIM_GEO_ROADS nearest, nearest first. */
static void insert(struct sim_geo_roads *r, uint16_t to, float km)
{
	unsigned at = SIM_GEO_ROADS - 1;

	if (r->count < SIM_GEO_ROADS)
		at = r->count++;
	for (; at > 0 && r->km[at - 1] > km; at--) {
		r->km[at] = r->km[at - 1];
		r->to[at] = r->to[at - 1];
	}
	r->km[at] = km;
	r->to[at] = to;
}

int sim_geo_roads(struct sim_geo_roads **out)
{
	const struct sim_geo_city *city = sim_geo_cities;
	struct sim_geo_roads *roads;
	unsigned count = 0;

	while (city[count].name)
		count++;
	roads = calloc(count, sizeof(*roads));
	*out = roads;
	if (!roads)
		return -ENOMEM;
	for (unsigned a = 0; a < count; a++)
		for (unsigned b = 0; b < count; b++) {
			double km;

			if (a == b || strcmp(city[a].country, city[b].country) != 0)
				continue;
			km = distance_km(&city[a], &city[b]);
			if (km < ROAD_KM_MAX && is_wanted(&roads[a], (float)km) &&
			    !water_between(&city[a], &city[b]))
				insert(&roads[a], (uint16_t)b, (float)km);
		}
	return 0;
}

/** unit() - a draw in 0..1. */
static double unit(uint64_t a, uint64_t b)
{
	return (double)(sim_draw(TOWNS_KEY, a, b) >> 11) * 0x1p-53;
}

/** place_town() - town @t of city @c: on a road, near ones likelier, a little beside the line. */
static void place_town(unsigned c, unsigned t, const struct sim_geo_roads *r,
		       struct sim_geo_point *out)
{
	const struct sim_geo_city *from = &sim_geo_cities[c], *to;
	double pick = unit(c, t * 4 + 0ull), far = unit(c, t * 4 + 1ull);
	double off = unit(c, t * 4 + 2ull) - 0.5, squeeze = cos(radians((double)from->lat));
	unsigned road = (unsigned)(pick * pick * r->count);
	double part = 0.06 + 0.5 * far * far, dlat, dlon;

	to = &sim_geo_cities[r->to[road]];
	part = fmin(part, TOWN_KM_MAX / (double)r->km[road]);
	off *= 0.3 * part;
	dlat = (double)to->lat - (double)from->lat;
	dlon = ((double)to->lon - (double)from->lon) * squeeze;
	out->lat = (float)((double)from->lat + dlat * part - dlon * off);
	out->lon = (float)((double)from->lon + (dlon * part + dlat * off) / squeeze);
	out->radius_km = (float)(4 + 8 * unit(c, t * 4 + 3ull));
}

void sim_geo_point(unsigned c, uint64_t draw, const struct sim_geo_roads *roads,
		   struct sim_geo_point *out)
{
	const struct sim_geo_city *city = &sim_geo_cities[c];
	unsigned towns = (unsigned)sqrt(city->people_k);
	double chance = (double)(draw >> 32) * 0x1p-32;

	*out = (struct sim_geo_point){ city->lat, city->lon, sim_geo_radius_km(city) };
	if (roads[c].count == 0 || (draw & 0xffff) * 100 < CENTRE_PERCENT * 65536ull)
		return;
	if (towns > TOWNS_PER_CITY_MAX)
		towns = TOWNS_PER_CITY_MAX;
	/* The first towns get most, as towns do. */
	place_town(c, (unsigned)(chance * chance * (towns + 2)), &roads[c], out);
}
