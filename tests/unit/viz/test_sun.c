/* SPDX-License-Identifier: MIT */
#include "tests/support/unit.h"

#include <math.h>

#include "viz/sun.h"

/*
 * Equinoxes and solstices of the US Naval Observatory; longitudes from the
 * equation of time in the Astronomical Almanac: at 12:00 UTC the sun stands
 * over minus a quarter of a degree per minute of it.
 */
static const struct {
	const char *name;
	uint64_t unix_s;
	double lat, lat_within, lon, lon_within; /* lon_within 0 = not known */
} rows[] = {
	{ "equinox 2026-03-20 14:46", 1774017960, 0, 0.015, 0, 0 },
	{ "solstice 2026-06-21 08:25", 1782030300, 23.436, 0.01, 0, 0 },
	{ "equinox 2026-09-23 00:05", 1790121900, 0, 0.015, 0, 0 },
	{ "solstice 2026-12-21 20:50", 1797886200, -23.436, 0.01, 0, 0 },
	{ "solstice 2000-06-21 01:48", 961552080, 23.438, 0.01, 0, 0 },
	{ "2026-02-11 12:00, -14.2 min", 1770811200, -14.0, 0.15, 3.55, 0.05 },
	{ "2026-11-03 12:00, +16.4 min", 1793707200, -15.1, 0.15, -4.11, 0.05 },
	{ "2026-11-21 00:00", 1795219200, -19.8, 0.15, 180 - 3.57, 0.08 },
};

static void test_positions(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct sun s = sun_at(rows[i].unix_s);

		if (fabs(s.lat - rows[i].lat) > rows[i].lat_within ||
		    (rows[i].lon_within > 0 && fabs(s.lon - rows[i].lon) > rows[i].lon_within))
			fail_msg("%s: %.3f %.3f", rows[i].name, s.lat, s.lon);
		assert_true(s.lon >= -180 && s.lon <= 180);
	}
}

static void test_elevation(void **state)
{
	struct sun s = { .lat = 20, .lon = 30 };

	(void)state;
	assert_true(fabs(sun_sin_elevation(&s, 20, 30) - 1) < 1e-12);
	assert_true(fabs(sun_sin_elevation(&s, -20, -150) + 1) < 1e-12);
	assert_true(fabs(sun_sin_elevation(&s, 0, 120)) < 1e-12);
	assert_true(sun_sin_elevation(&s, 80, 0) > 0); /* polar day */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_positions),
		cmocka_unit_test(test_elevation),
	};

	return cmocka_run_group_tests_name("viz/sun", tests, NULL, NULL);
}
