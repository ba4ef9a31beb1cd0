/* SPDX-License-Identifier: MIT */
#include "tests/support/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/geo_search.h"
#include "tests/support/tempdir.h"

static char dir[TEMPDIR_MAX], before[4096];

static int setup(void **state)
{
	(void)state;
	tempdir_make(dir);
	return getcwd(before, sizeof(before)) && chdir(dir) == 0 ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	if (chdir(before))
		return -1;
	tempdir_remove(dir);
	return 0;
}

static void touch(const char *name)
{
	tempdir_write(dir, name, "", 0);
}

static struct geo_search *list(enum geo_search_place place, const char *own)
{
	static struct geo_search found;

	geo_search_list(place, own, &found);
	return &found;
}

static bool has(const struct geo_search *s, const char *end)
{
	for (unsigned i = 0; i < s->count; i++) {
		size_t n = strlen(s->path[i]), m = strlen(end);

		if (n >= m && strcmp(s->path[i] + n - m, end) == 0)
			return true;
	}
	return false;
}

/* The folders that the first telescope's users have beside their program. */
static void seed_layout_beside_the_program(void **state)
{
	const struct geo_search *s;

	(void)state;
	assert_int_equal(mkdir("GeoLite2-City_20250523", 0700), 0);
	assert_int_equal(mkdir("GeoLite2-ASN_20250527", 0700), 0);
	touch("GeoLite2-City_20250523/GeoLite2-City.mmdb");
	touch("GeoLite2-City_20250523/README.txt");
	touch("GeoLite2-ASN_20250527/GeoLite2-ASN.mmdb");
	touch("GeoLite2-Country.mmdb");
	touch("other.mmdb");
	s = list(GEO_SEARCH_HERE, NULL);
	assert_int_equal(s->count, 3);
	assert_true(has(s, "GeoLite2-City_20250523/GeoLite2-City.mmdb"));
	assert_true(has(s, "GeoLite2-ASN_20250527/GeoLite2-ASN.mmdb"));
	assert_true(has(s, "./GeoLite2-Country.mmdb"));
}

static void own_dir_by_name_and_in_order(void **state)
{
	const struct geo_search *s;

	(void)state;
	touch("b.mmdb");
	touch("a.csv");
	touch("geo.tsv");
	touch("geoip");
	touch("geoip6");
	touch("notes.txt");
	touch(".mmdb");
	s = list(GEO_SEARCH_OWN_DIR, dir);
	assert_int_equal(s->count, 5);
	assert_true(has(s, "/a.csv") && has(s, "/b.mmdb") && has(s, "/geo.tsv"));
	assert_true(strcmp(s->path[0], s->path[1]) < 0);
	assert_int_equal(list(GEO_SEARCH_OWN_DIR, NULL)->count, 0);
	assert_int_equal(list(GEO_SEARCH_OWN_DIR, "/nonexistent")->count, 0);
}

static void very_many_files_are_bounded(void **state)
{
	(void)state;
	for (unsigned i = 0; i < GEO_SEARCH_FILES_MAX + 10; i++) {
		char name[32];

		snprintf(name, sizeof(name), "%u.csv", i);
		touch(name);
	}
	assert_int_equal(list(GEO_SEARCH_OWN_DIR, dir)->count, GEO_SEARCH_FILES_MAX);
}

static void data_home(void **state)
{
	char path[GEO_SEARCH_PATH_MAX];

	(void)state;
	setenv("XDG_DATA_HOME", "/data", 1);
	assert_true(geo_search_data_dir(path));
	assert_string_equal(path, "/data/dht-telescope/geo");
	setenv("XDG_DATA_HOME", "relative", 1); /* the specification says: ignore */
	setenv("HOME", "/home/me", 1);
	assert_true(geo_search_data_dir(path));
	assert_string_equal(path, "/home/me/.local/share/dht-telescope/geo");
	unsetenv("XDG_DATA_HOME");
	unsetenv("HOME");
	assert_false(geo_search_data_dir(path));
}

static void siblings(void **state)
{
	static const struct {
		const char *have, *of, *is; /* NULL: none */
	} rows[] = {
		{ "x-ipv6.csv", "x-ipv4.csv", "x-ipv6.csv" },
		{ "x-ipv4.csv", "x-ipv6.csv", "x-ipv4.csv" },
		{ "geoip6", "geoip", "geoip6" },
		{ "x-ipv4.csv", "y-ipv6.csv", NULL },
		{ "x.csv", "x.csv", NULL },
	};
	char out[GEO_SEARCH_PATH_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		touch(rows[i].have);
		assert_int_equal(geo_search_sibling(rows[i].of, out), rows[i].is != NULL);
		if (rows[i].is)
			assert_string_equal(out, rows[i].is);
		unlink(rows[i].have);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(seed_layout_beside_the_program, setup, teardown),
		cmocka_unit_test_setup_teardown(own_dir_by_name_and_in_order, setup, teardown),
		cmocka_unit_test_setup_teardown(very_many_files_are_bounded, setup, teardown),
		cmocka_unit_test_setup_teardown(data_home, setup, teardown),
		cmocka_unit_test_setup_teardown(siblings, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
