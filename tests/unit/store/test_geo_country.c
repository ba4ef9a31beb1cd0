/* SPDX-License-Identifier: MIT */
#include "tests/support/unit.h"

#include <math.h>

#include "store/geo_country.h"

static void known_countries(void **state)
{
	/* A point inside each, from an atlas; the label may lie this far from it. */
	static const struct {
		char code[3];
		float lat, lon, within;
	} rows[] = {
		{ "AD", 42.5f, 1.5f, 1 },  { "AU", -25, 134, 8 },      { "BR", -11, -52, 8 },
		{ "CA", 60, -105, 18 },    { "CN", 34, 106, 8 },       { "DE", 51, 10, 2 },
		{ "FR", 46.8f, 2.5f, 2 },  { "GB", 53, -1.5f, 4 },     { "IN", 22, 79, 4 },
		{ "JP", 36, 138, 4 },      { "RU", 62, 100, 15 },      { "US", 39.5f, -98, 3 },
		{ "ZW", -19, 29.5f, 2 },   { "SG", 1.35f, 103.8f, 1 }, { "RE", -21.1f, 55.5f, 1 },
		{ "XK", 42.6f, 20.9f, 1 }, { "TV", -8.5f, 179.2f, 1 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		float lat, lon;

		if (!geo_country_point(rows[i].code, &lat, &lon))
			fail_msg("%s is missing", rows[i].code);
		if (fabsf(lat - rows[i].lat) > rows[i].within ||
		    fabsf(lon - rows[i].lon) > rows[i].within)
			fail_msg("%s lies at %f %f", rows[i].code, (double)lat, (double)lon);
	}
}

/* Found by binary search: every code must be reachable, so the table is sorted. */
static void about_250_and_all_on_earth(void **state)
{
	unsigned found = 0;
	char code[3] = "";

	(void)state;
	for (code[0] = 'A'; code[0] <= 'Z'; code[0]++) {
		for (code[1] = 'A'; code[1] <= 'Z'; code[1]++) {
			float lat, lon;

			if (!geo_country_point(code, &lat, &lon))
				continue;
			found++;
			assert_true(fabsf(lat) <= 90 && fabsf(lon) <= 180);
		}
	}
	assert_int_equal(found, 250);
}

static void what_is_no_country(void **state)
{
	static const char none[][3] = { "ZZ", "de", "A", "", "??", "A1" };
	float lat, lon;

	(void)state;
	for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++)
		assert_false(geo_country_point(none[i], &lat, &lon));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(known_countries),
		cmocka_unit_test(about_250_and_all_on_earth),
		cmocka_unit_test(what_is_no_country),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
