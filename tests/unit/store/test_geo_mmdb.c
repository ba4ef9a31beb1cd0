/* SPDX-License-Identifier: MIT */
#include "tests/support/unit.h"

#include <dirent.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "store/geo_mmdb.h"
#include "tests/support/mkmmdb.h"
#include "tests/support/rng.h"
#include "tests/support/tempdir.h"

/* MaxMind's own test databases; a second, independent proof where they are present. */
static const char theirs[] = "../shared/testdata/mmdb";

static char dir[TEMPDIR_MAX];

static int make_dir(void **state)
{
	(void)state;
	tempdir_make(dir);
	return 0;
}

static int remove_dir(void **state)
{
	(void)state;
	tempdir_remove(dir);
	return 0;
}

static int open_bytes(const void *bytes, size_t len, struct geo_mmdb **out, char *why)
{
	char path[TEMPDIR_MAX + 16];

	tempdir_write(dir, "x.mmdb", bytes, len);
	snprintf(path, sizeof(path), "%s/x.mmdb", dir);
	return geo_mmdb_open(path, out, why);
}

static const struct mkmmdb_row rows[] = {
	{ "1.0.0.0/24", 58.5, 15.625, 76, "SE", "Linköping", 0, NULL },
	{ "1.0.1.0/24", -33.75, 151.25, 5, "AU", "Sydney", 1221, "Telstra" },
	{ "1.2.0.0/16", 0.5, -0.5, 1000, "GH", "", 4294967295u, NULL },
	{ "9.0.0.0/8", 40.75, -74, 0, "US", "New York", 7018, "AT&T" },
	{ "223.255.255.255/32", -90, 180, 1, "AQ", "Pole", 7, "Seven" },
};

/* What each schema can say at all. */
static const struct {
	const char *name;
	enum mkmmdb_schema schema;
	bool point, radius, country, city, asn, org;
} schemas[] = {
	{ "MaxMind City", MKMMDB_MAXMIND_CITY, true, true, true, true, false, false },
	{ "MaxMind Country", MKMMDB_MAXMIND_COUNTRY, false, false, true, false, false, false },
	{ "MaxMind ASN", MKMMDB_MAXMIND_ASN, false, false, false, false, true, true },
	{ "Enterprise", MKMMDB_ENTERPRISE, true, true, true, true, true, false },
	{ "flat city", MKMMDB_FLAT_CITY, true, false, true, true, false, false },
	{ "text", MKMMDB_STRINGS, true, true, false, false, false, false },
	{ "IPinfo", MKMMDB_IPINFO, false, false, true, false, true, true },
	{ "as_number", MKMMDB_AS_NUMBER, false, false, true, false, true, true },
};

static struct endpoint first_of(const char *net, bool mapped)
{
	char text[64];
	struct endpoint ep;

	snprintf(text, sizeof(text), "%.*s", (int)strcspn(net, "/"), net);
	assert_int_equal(endpoint_from_text(text, &ep), 0);
	assert_int_equal(endpoint_is4(&ep), mapped);
	return ep;
}

static void check_row(const struct geo_mmdb *m, size_t schema, const struct mkmmdb_row *r)
{
	struct endpoint ep = first_of(r->net, true);
	struct geo_place p = { 0 };
	char city[GEO_CITY_MAX];
	const char *name = schemas[schema].name;

	if (!geo_mmdb_lookup(m, &ep, &p))
		fail_msg("%s: %s not found", name, r->net);
	if (p.has_point != schemas[schema].point)
		fail_msg("%s: %s has_point", name, r->net);
	if (p.has_point && (fabs(p.lat - r->lat) > 1e-5 || fabs(p.lon - r->lon) > 1e-5))
		fail_msg("%s: %s lies at %f %f", name, r->net, (double)p.lat, (double)p.lon);
	if ((unsigned)p.radius_km != (schemas[schema].radius ? r->radius_km : 0))
		fail_msg("%s: %s radius %f", name, r->net, (double)p.radius_km);
	assert_string_equal(p.country, schemas[schema].country ? r->country : "");
	assert_int_equal(p.asn, schemas[schema].asn ? r->asn : 0);
	geo_mmdb_city(m, &ep, city, sizeof(city));
	assert_string_equal(city, schemas[schema].city ? r->city : "");
}

static void check_orgs(struct geo_mmdb *m, size_t schema)
{
	char org[GEO_ORG_MAX];

	for (const struct mkmmdb_row *r = rows; r < TABLE_END(rows); r++) {
		geo_mmdb_org(m, r->asn, org, sizeof(org));
		assert_string_equal(org, schemas[schema].org && r->asn && r->org ? r->org : "");
	}
	geo_mmdb_org(m, 12345, org, sizeof(org));
	assert_string_equal(org, "");
}

static void check_misses(const struct geo_mmdb *m)
{
	static const char *const outside[] = { "0.255.255.255", "1.0.2.0",         "1.3.0.0",
					       "10.0.0.0",      "223.255.255.254", "2001:db8::1" };
	struct geo_place p = { 0 };

	for (const char *const *o = outside; o < TABLE_END(outside); o++) {
		struct endpoint ep;

		assert_int_equal(endpoint_from_text(*o, &ep), 0);
		assert_false(geo_mmdb_lookup(m, &ep, &p));
		assert_false(p.has_point || p.asn || p.country[0]);
	}
}

static void every_schema_answers(void **state)
{
	static const unsigned record_bits[] = { 24, 28, 32 };
	char why[GEO_WHY_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof(schemas) / sizeof(schemas[0]) * 6; i++) {
		const struct mkmmdb_opts o = { .schema = schemas[i / 6].schema,
					       .ip_version = i % 2 ? 6 : 4,
					       .record_bits = record_bits[i / 2 % 3],
					       .build_s = 1700000000,
					       .type = "whatever" };
		struct geo_mmdb *m;
		size_t len;
		uint8_t *bytes = mkmmdb_bytes(&o, rows, 5, &len);

		if (open_bytes(bytes, len, &m, why) < 0)
			fail_msg("%s: %s", schemas[i / 6].name, why);
		for (const struct mkmmdb_row *r = rows; r < TABLE_END(rows); r++)
			check_row(m, i / 6, r);
		check_misses(m);
		check_orgs(m, i / 6);
		assert_int_equal(geo_mmdb_build_s(m), 1700000000);
		assert_string_equal(geo_mmdb_type(m), "whatever");
		assert_int_equal(!!(geo_mmdb_has(m) & GEO_HAS_6), i % 2);
		geo_mmdb_close(m);
		free(bytes);
	}
}

static void v6_networks(void **state)
{
	static const struct mkmmdb_row six[] = {
		{ "2001:218::/32", 35.5, 139.75, 100, "JP", "Tokyo", 0, NULL },
		{ "2a00::/11", 48.25, 16.5, 200, "AT", "Wien", 0, NULL },
	};
	const struct mkmmdb_opts o = { .schema = MKMMDB_MAXMIND_CITY,
				       .ip_version = 6,
				       .record_bits = 28 };
	struct endpoint jp = first_of("2001:218::1", false), none = first_of("2002::1", false);
	struct endpoint four = first_of("1.2.3.4", true);
	struct geo_place p = { 0 }, q = { 0 };
	char why[GEO_WHY_MAX];
	struct geo_mmdb *m;
	size_t len;
	uint8_t *bytes = mkmmdb_bytes(&o, six, 2, &len);

	(void)state;
	assert_int_equal(open_bytes(bytes, len, &m, why), 0);
	assert_true(geo_mmdb_lookup(m, &jp, &p));
	assert_string_equal(p.country, "JP");
	assert_false(geo_mmdb_lookup(m, &none, &q));
	assert_false(geo_mmdb_lookup(m, &four, &q));
	assert_int_equal(geo_mmdb_has(m) & (GEO_HAS_4 | GEO_HAS_6), GEO_HAS_6);
	geo_mmdb_close(m);
	free(bytes);
}

/* What is known already is not overwritten: two files may share the work. */
static void only_what_is_absent_is_filled(void **state)
{
	const struct mkmmdb_opts o = { .schema = MKMMDB_ENTERPRISE,
				       .ip_version = 4,
				       .record_bits = 24 };
	struct endpoint ep = first_of("9.1.1.1", true);
	struct geo_place p = { .asn = 5, .country = "XX", .has_point = true, .lat = 1 };
	char why[GEO_WHY_MAX];
	struct geo_mmdb *m;
	size_t len;
	uint8_t *bytes = mkmmdb_bytes(&o, rows, 5, &len);

	(void)state;
	assert_int_equal(open_bytes(bytes, len, &m, why), 0);
	assert_true(geo_mmdb_lookup(m, &ep, &p));
	assert_int_equal(p.asn, 5);
	assert_string_equal(p.country, "XX");
	assert_true(p.lat == 1);
	geo_mmdb_close(m);
	free(bytes);
}

struct ranges {
	uint32_t first[16], last[16], asn[16];
	unsigned count, stop_at;
};

static int collect(void *ctx, uint32_t first, uint32_t last, uint32_t asn)
{
	struct ranges *r = ctx;

	assert_true(r->count < 16);
	r->first[r->count] = first;
	r->last[r->count] = last;
	r->asn[r->count++] = asn;
	return r->count == r->stop_at ? 42 : 0;
}

static void each4_walks_in_order(void **state)
{
	char why[GEO_WHY_MAX];

	(void)state;
	for (unsigned version = 4; version <= 6; version += 2) {
		const struct mkmmdb_opts o = { .schema = MKMMDB_MAXMIND_ASN,
					       .ip_version = version,
					       .record_bits = 24 };
		struct ranges r = { 0 }, stopped = { .stop_at = 2 };
		struct geo_mmdb *m;
		size_t len;
		uint8_t *bytes = mkmmdb_bytes(&o, rows, 5, &len);

		assert_int_equal(open_bytes(bytes, len, &m, why), 0);
		assert_int_equal(geo_mmdb_each4(m, collect, &r), 0);
		assert_int_equal(r.count, 5);
		assert_int_equal(r.first[0], 0x01000000);
		assert_int_equal(r.last[0], 0x010000ff);
		assert_int_equal(r.asn[0], 0);
		assert_int_equal(r.asn[1], 1221);
		assert_int_equal(r.first[2], 0x01020000);
		assert_int_equal(r.last[2], 0x0102ffff);
		assert_int_equal(r.last[3], 0x09ffffff);
		assert_int_equal(r.first[4], 0xdfffffff);
		assert_int_equal(r.last[4], 0xdfffffff);
		assert_int_equal(geo_mmdb_each4(m, collect, &stopped), 42);
		assert_int_equal(stopped.count, 2);
		geo_mmdb_close(m);
		free(bytes);
	}
}

static void unknown_fields_are_refused(void **state)
{
	const struct mkmmdb_opts o = { .schema = MKMMDB_UNKNOWN,
				       .ip_version = 4,
				       .record_bits = 24 };
	char why[GEO_WHY_MAX] = "";
	struct geo_mmdb *m;
	size_t len;
	uint8_t *bytes = mkmmdb_bytes(&o, rows, 5, &len);

	(void)state;
	assert_int_equal(open_bytes(bytes, len, &m, why), DT_EKIND);
	assert_non_null(strstr(why, "latitude"));
	free(bytes);
	assert_true(open_bytes("", 0, &m, why) < 0);
	assert_true(open_bytes("not a database", 14, &m, why) < 0);
	assert_true(geo_mmdb_open("/nonexistent/x.mmdb", &m, why) < 0);
}

/* The library would follow this by recursion until the stack ends. */
static void deep_nesting_is_refused(void **state)
{
	char why[GEO_WHY_MAX];
	struct geo_mmdb *m;
	size_t len;
	uint8_t *bytes = mkmmdb_nested(4, &len);

	(void)state;
	assert_int_equal(open_bytes(bytes, len, &m, why), 0);
	geo_mmdb_close(m);
	free(bytes);
	bytes = mkmmdb_nested(5000000, &len);
	assert_int_equal(open_bytes(bytes, len, &m, why), DT_EDEPTH);
	free(bytes);
}

static void ask_everything(struct geo_mmdb *m)
{
	char text[GEO_ORG_MAX];
	struct ranges none = { .stop_at = 1 };

	for (uint32_t i = 0; i < 512; i++) {
		struct endpoint ep = endpoint_ip4(i * 8388607, 1);
		struct geo_place p = { 0 };

		geo_mmdb_lookup(m, &ep, &p);
		geo_mmdb_city(m, &ep, text, sizeof(text));
		assert_true(!p.has_point || (fabsf(p.lat) <= 90 && fabsf(p.lon) <= 180));
	}
	geo_mmdb_org(m, 1221, text, sizeof(text));
	geo_mmdb_each4(m, collect, &none);
}

/* Any byte of the file may be another: an error or an answer, nothing else. */
static void broken_bytes_never_crash(void **state)
{
	const struct mkmmdb_opts o = { .schema = MKMMDB_ENTERPRISE,
				       .ip_version = 6,
				       .record_bits = 28 };
	struct rng r = rng_open(21);
	char why[GEO_WHY_MAX];
	unsigned refused = 0;
	size_t len;
	uint8_t *good = mkmmdb_bytes(&o, rows, 5, &len), *bad = malloc(len);

	(void)state;
	for (unsigned i = 0; i < 2000; i++) {
		size_t cut = i % 4 == 3 ? 1 + rng_below(&r, len) : len;
		struct geo_mmdb *m;

		memcpy(bad, good, len);
		for (uint64_t n = 1 + rng_below(&r, 4); n; n--)
			bad[rng_below(&r, len)] = (uint8_t)rng_u64(&r);
		if (open_bytes(bad, cut, &m, why) < 0) {
			refused++;
			continue;
		}
		ask_everything(m);
		geo_mmdb_close(m);
	}
	assert_true(refused > 500);
	free(good);
	free(bad);
}

/* ---- MaxMind's own files ------------------------------------------------------- */

static bool have_theirs(void)
{
	struct stat st;

	if (stat(theirs, &st) == 0)
		return true;
	print_message("skipped: no %s\n", theirs);
	return false;
}

static void open_theirs(const char *name, struct geo_mmdb **m)
{
	char path[512], why[GEO_WHY_MAX];

	snprintf(path, sizeof(path), "%s/%s", theirs, name);
	if (geo_mmdb_open(path, m, why) < 0)
		fail_msg("%s: %s", name, why);
}

static void their_known_answers(void **state)
{
	struct endpoint telstra = first_of("1.128.0.1", true), att = first_of("12.81.96.1", true);
	struct endpoint se = first_of("89.160.20.112", true), jp = first_of("2001:218::1", false);
	struct geo_place p[4] = { 0 };
	char org[GEO_ORG_MAX];
	struct geo_mmdb *m;

	(void)state;
	if (!have_theirs())
		skip();
	open_theirs("GeoLite2-ASN-Test.mmdb", &m);
	assert_true(geo_mmdb_lookup(m, &telstra, &p[0]));
	assert_int_equal(p[0].asn, 1221);
	geo_mmdb_org(m, 1221, org, sizeof(org));
	assert_string_equal(org, "Telstra Pty Ltd");
	assert_true(geo_mmdb_lookup(m, &att, &p[1]));
	assert_int_equal(p[1].asn, 7018);
	geo_mmdb_close(m);
	open_theirs("GeoLite2-City-Test.mmdb", &m);
	assert_true(geo_mmdb_lookup(m, &se, &p[2]));
	assert_true(fabs(p[2].lat - 58.4167) < 1e-4 && fabs(p[2].lon - 15.6167) < 1e-4);
	assert_true(p[2].radius_km == 76);
	assert_string_equal(p[2].country, "SE");
	assert_true(geo_mmdb_lookup(m, &jp, &p[3]));
	assert_string_equal(p[3].country, "JP");
	geo_mmdb_close(m);
}

static unsigned try_all(const char *path, unsigned *opened)
{
	struct dirent **names;
	int n = scandir(path, &names, NULL, alphasort);
	unsigned tried = 0;

	for (int i = 0; i < n; i++) {
		char sub[1024], why[GEO_WHY_MAX];
		size_t len = strlen(names[i]->d_name);
		struct geo_mmdb *m;

		snprintf(sub, sizeof(sub), "%s/%s", path, names[i]->d_name);
		if (names[i]->d_type == DT_DIR && names[i]->d_name[0] != '.') {
			tried += try_all(sub, opened);
		} else if (len > 5 && strcmp(names[i]->d_name + len - 5, ".mmdb") == 0) {
			tried++;
			if (geo_mmdb_open(sub, &m, why) == 0) {
				++*opened;
				ask_everything(m);
				geo_mmdb_close(m);
			}
		}
		free(names[i]);
	}
	if (n >= 0)
		free(names);
	return tried;
}

static void their_bad_files_are_refused(void **state)
{
	static const char *const broken[] = { "GeoIP2-City-Test-Broken-Double-Format.mmdb",
					      "GeoIP2-City-Test-Invalid-Node-Count.mmdb",
					      "MaxMind-DB-test-broken-pointers-24.mmdb",
					      "MaxMind-DB-test-broken-search-tree-24.mmdb" };
	char path[512], why[GEO_WHY_MAX];
	unsigned opened = 0;
	struct geo_mmdb *m;

	(void)state;
	if (!have_theirs())
		skip();
	for (const char *const *b = broken; b < TABLE_END(broken); b++) {
		snprintf(path, sizeof(path), "%s/%s", theirs, *b);
		if (geo_mmdb_open(path, &m, why) >= 0)
			fail_msg("%s was taken", *b);
	}
	snprintf(path, sizeof(path), "%s/bad-data", theirs);
	assert_true(try_all(path, &opened) >= 20);
	assert_int_equal(opened, 0);
}

static void their_good_files_never_crash(void **state)
{
	unsigned opened = 0;

	(void)state;
	if (!have_theirs())
		skip();
	assert_true(try_all(theirs, &opened) >= 40);
	assert_true(opened >= 8);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_schema_answers),
		cmocka_unit_test(v6_networks),
		cmocka_unit_test(only_what_is_absent_is_filled),
		cmocka_unit_test(each4_walks_in_order),
		cmocka_unit_test(unknown_fields_are_refused),
		cmocka_unit_test(deep_nesting_is_refused),
		cmocka_unit_test(broken_bytes_never_crash),
		cmocka_unit_test(their_known_answers),
		cmocka_unit_test(their_bad_files_are_refused),
		cmocka_unit_test(their_good_files_never_crash),
	};

	return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
