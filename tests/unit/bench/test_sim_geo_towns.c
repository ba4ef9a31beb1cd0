/* SPDX-License-Identifier: MIT */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "bench/sim/geo_own.h"
#include "bench/sim/world.h"

static double km(double lat1, double lon1, double lat2, double lon2)
{
	double r = M_PI / 180, dlon = (lon2 - lon1) * r;
	double c = sin(lat1 * r) * sin(lat2 * r) + cos(lat1 * r) * cos(lat2 * r) * cos(dlon);

	return 6371 * acos(c > 1 ? 1 : c);
}

static bool is_city(const struct sim_geo_point *p, const struct sim_geo_city *c)
{
	return p->lat == c->lat && p->lon == c->lon;
}

static void roads_lead_to_the_nearest_cities_of_the_country(void **state)
{
	const struct sim_geo_city *city = sim_geo_cities;
	struct sim_geo_roads *roads;
	unsigned with = 0;
	(void)state;

	assert_int_equal(sim_geo_roads(&roads), 0);
	for (unsigned c = 0; city[c].name; c++) {
		with += roads[c].count > 0;
		for (unsigned i = 0; i < roads[c].count; i++) {
			const struct sim_geo_city *to = &city[roads[c].to[i]];
			double d = km(city[c].lat, city[c].lon, to->lat, to->lon);

			assert_true(roads[c].to[i] != c);
			assert_string_equal(to->country, city[c].country);
			assert_true(fabs(d - (double)roads[c].km[i]) < 1 && d < 600);
			if (i)
				assert_true(roads[c].km[i] >= roads[c].km[i - 1]);
		}
	}
	assert_true(with > 1000);
	free(roads);
}

static void towns_lie_within_reach_of_their_city(void **state)
{
	const struct sim_geo_city *city = sim_geo_cities;
	struct sim_geo_roads *roads;
	unsigned middle = 0, all = 0;
	(void)state;

	assert_int_equal(sim_geo_roads(&roads), 0);
	for (unsigned c = 0; city[c].name; c++)
		for (uint64_t i = 0; i < 40; i++) {
			struct sim_geo_point p, again;
			uint64_t draw = sim_draw(1, c, i);

			sim_geo_point(c, draw, roads, &p);
			sim_geo_point(c, draw, roads, &again);
			assert_memory_equal(&p, &again, sizeof(p));
			if (roads[c].count == 0) {
				assert_true(is_city(&p, &city[c]));
				continue;
			}
			all++;
			middle += is_city(&p, &city[c]);
			if (km(city[c].lat, city[c].lon, p.lat, p.lon) > 170)
				fail_msg("a town of %s lies at %f, %f", city[c].name, (double)p.lat,
					 (double)p.lon);
			assert_true(p.radius_km >= 4);
		}
	assert_true(middle > all * 38 / 100 && middle < all * 42 / 100);
	free(roads);
}

/** Every pair of sim_geo_waters names cities that exist, or it forbids nothing. */
static void waters_name_cities(void **state)
{
	(void)state;

	for (const struct sim_geo_water *w = sim_geo_waters; w->a; w++) {
		bool a = false, b = w->b == NULL;

		for (const struct sim_geo_city *c = sim_geo_cities; c->name; c++) {
			a |= strcmp(c->name, w->a) == 0;
			b |= w->b && strcmp(c->name, w->b) == 0;
		}
		if (!a || !b)
			fail_msg("%s, %s", w->a, w->b ? w->b : "all");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(roads_lead_to_the_nearest_cities_of_the_country),
		cmocka_unit_test(towns_lie_within_reach_of_their_city),
		cmocka_unit_test(waters_name_cities),
	};

	return cmocka_run_group_tests_name("sim_geo_towns", tests, NULL, NULL);
}
