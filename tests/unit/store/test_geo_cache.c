/* SPDX-License-Identifier: MIT */
#include "tests/support/unit.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "store/geo_cache.h"
#include "tests/support/guard.h"
#include "tests/support/tempdir.h"

static char dir[TEMPDIR_MAX], path[TEMPDIR_MAX + 32];

static int make_dir(void **state)
{
	(void)state;
	tempdir_make(dir);
	snprintf(path, sizeof(path), "%s/geo_cache.json", dir);
	return 0;
}

static int remove_dir(void **state)
{
	(void)state;
	tempdir_remove(dir);
	return 0;
}

static void put_file(const char *text)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static struct geo *open_with(const char *asn_file)
{
	struct geo_opts o = { .cache_file = path, .asn_file = asn_file };
	struct geo *g;

	assert_int_equal(geo_open(&o, NULL, NULL, &g), 0);
	return g;
}

static struct geo_place place_of(const struct geo *g, const char *text)
{
	struct geo_place p;
	struct endpoint ep;

	assert_int_equal(endpoint_from_text(text, &ep), 0);
	geo_lookup(g, &ep, &p);
	return p;
}

/* As Python's json.dumps writes it, and as the first version did. */
static void test_both_forms(void **state)
{
	struct geo_place p;
	char org[GEO_ORG_MAX];
	struct geo *g;

	(void)state;
	put_file(
		"{\"89.160.20.112\": {\"city\": {\"lat\": 58.4167, \"lon\": 15.6167, \"country\": "
		"\"SE\"}, \"asn\": {\"asn\": 29518, \"org\": \"Bredband2 \\u00c5B\"}}, "
		"\"2001:218::1\": {\"city\": null, \"asn\": {\"asn\": 2914, \"org\": null}}, "
		"\"81.2.69.142\": {\"country\": \"United Kingdom\", \"city\": \"London\", \"lat\": "
		"51.5, \"lon\": -0.1, \"state\": \"node\", \"peers\": [{\"lat\": 1}, [[]]]}, "
		"\"1.2.3.4\": null, \"nonsense\": {\"city\": {\"lat\": 1, \"lon\": 2}}, "
		"\"5.6.7.8\": {\"city\": {\"lat\": 99, \"lon\": 2, \"country\": \"??\"}, \"asn\": "
		"{}}}");
	g = open_with(NULL);
	p = place_of(g, "89.160.20.112");
	assert_true(p.has_point && fabsf(p.lat - 58.4167f) < 1e-4f &&
		    fabsf(p.lon - 15.6167f) < 1e-4f);
	assert_string_equal(p.country, "SE");
	assert_int_equal(p.asn, 29518);
	assert_string_equal(geo_org(g, 29518, org), "Bredband2 \xc3\x85"
						    "B");
	p = place_of(g, "2001:218::1");
	assert_true(!p.has_point && p.asn == 2914);
	p = place_of(g, "81.2.69.142");
	assert_true(p.has_point && fabsf(p.lat - 51.5f) < 1e-4f && !p.country[0] && !p.asn);
	assert_true(!place_of(g, "1.2.3.4").has_point && !place_of(g, "5.6.7.8").has_point);
	assert_int_equal(place_of(g, "9.9.9.9").asn, 0);
	geo_close(g);
}

/* What a database knows, it knows better. */
static void test_below_databases(void **state)
{
	char csv[TEMPDIR_MAX + 32];
	struct geo *g;
	FILE *f;

	(void)state;
	snprintf(csv, sizeof(csv), "%s/asn.csv", dir);
	f = fopen(csv, "w");
	assert_non_null(f);
	fputs("1.0.0.0,1.0.0.255,13335,\"Cloudflare\"\n", f);
	fclose(f);
	put_file("{\"1.0.0.1\": {\"city\": {\"lat\": 1, \"lon\": 2, \"country\": \"AU\"}, \"asn\": "
		 "{\"asn\": 7, \"org\": \"seven\"}}, \"2.0.0.1\": {\"city\": null, \"asn\": "
		 "{\"asn\": 7, \"org\": \"seven\"}}}");
	g = open_with(csv);
	assert_int_equal(place_of(g, "1.0.0.1").asn, 13335);
	assert_true(place_of(g, "1.0.0.1").has_point);
	assert_int_equal(place_of(g, "2.0.0.1").asn, 7);
	geo_close(g);
}

static int count(void *ctx, const struct geo_cache_entry *e)
{
	(void)e;
	++*(unsigned *)ctx;
	return 0;
}

static void test_rubbish(void **state)
{
	static const struct row {
		const char *text;
		int rc;
	} rows[] = {
		{ "{}", 0 },
		{ " {\n} ", 0 },
		{ "{\"1.2.3.4\": {\"asn\": [[{}]], \"city\": 5, \"lat\": \"x\", \"lon\": {}}}", 0 },
		{ "", DT_ESHORT },
		{ "{", DT_ESHORT },
		{ "{\"1.2.3.4\": {\"city\": {\"lat\": 1", DT_ESHORT },
		{ "[]", DT_EKIND },
		{ "null", DT_EKIND },
		{ "{\"1.2.3.4\": 5}", DT_EKIND },
		{ "{} {}", DT_EMALF },
		{ "{\"1.2.3.4\": {\"a\" 1}}", DT_EMALF },
		{ "geo", DT_EMALF },
		{ "{\"a\": {\"b\": [[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[", DT_EDEPTH },
	};
	struct guard g;

	(void)state;
	guard_open(&g, 256);
	for (const struct row *r = rows; r < TABLE_END(rows); r++) {
		size_t len = strlen(r->text);
		char why[GEO_WHY_MAX] = "";
		unsigned entries = 0;
		int rc = geo_cache_parse(span_of(guard_put(&g, r->text, len), len), count, &entries,
					 why);

		if (rc != r->rc || entries != 0 || (rc < 0 && strncmp(why, "byte ", 5) != 0))
			fail_msg("%s: %d, %u entries, '%s'", r->text, rc, entries, why);
	}
	guard_close(&g);
}

static void test_written_and_read(void **state)
{
	struct geo_cache_entry e = { .place = { .asn = 64500,
						.country = "DE",
						.has_point = true,
						.lat = 52.52f,
						.lon = 13.405f },
				     .org = "\"Quoted\" \\ \xff\t" };
	struct geo_cache_writer *w;
	char tmp[TEMPDIR_MAX + 32], org[GEO_ORG_MAX];
	struct geo_place p;
	struct geo *g;

	(void)state;
	unlink(path);
	assert_int_equal(geo_cache_create(path, &w), 0);
	assert_int_not_equal(access(path, F_OK), 0); /* not before it is whole */
	snprintf(tmp, sizeof(tmp), "%s/geo_cache.tmp.json", dir);
	assert_int_equal(access(tmp, F_OK), 0);
	for (uint32_t i = 0; i < 1000; i++) {
		e.ep = endpoint_ip4(0x51000000 + i * 7, 0);
		geo_cache_put(w, &e);
	}
	e = (struct geo_cache_entry){ .place.asn = 1 };
	assert_int_equal(endpoint_from_text("2001:db8::7", &e.ep), 0);
	geo_cache_put(w, &e);
	assert_int_equal(geo_cache_finish(w), 0);
	assert_int_not_equal(access(tmp, F_OK), 0);
	g = open_with(NULL);
	p = place_of(g, "81.0.0.7");
	assert_true(p.asn == 64500 && p.has_point && fabsf(p.lat - 52.52f) < 1e-4f);
	assert_non_null(strstr(geo_org(g, 64500, org), "\"Quoted\" \\"));
	assert_int_equal(place_of(g, "2001:db8::7").asn, 1);
	geo_close(g);
	assert_int_equal(geo_cache_create("/nowhere/at/all.json", &w), -ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_both_forms),
		cmocka_unit_test(test_below_databases),
		cmocka_unit_test(test_rubbish),
		cmocka_unit_test(test_written_and_read),
	};

	return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
