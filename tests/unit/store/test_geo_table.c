/* SPDX-License-Identifier: MIT */
#include "tests/support/unit.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "store/geo_table.h"
#include "tests/support/guard.h"
#include "tests/support/tempdir.h"

static struct guard guard;

static int open_guard(void **state)
{
	(void)state;
	guard_open(&guard, 1 << 16);
	return 0;
}

static int close_guard(void **state)
{
	(void)state;
	guard_close(&guard);
	return 0;
}

static int parse(const char *text, struct geo_table **t, char *why)
{
	size_t n = strlen(text);

	return geo_table_parse(span_of(guard_put(&guard, text, n), n), t, why);
}

static struct geo_table *table(const char *text)
{
	char why[GEO_WHY_MAX] = "";
	struct geo_table *t;

	if (parse(text, &t, why) < 0)
		fail_msg("%s", why);
	return t;
}

static struct geo_place ask(const struct geo_table *t, const char *address)
{
	struct geo_place p = { 0 };
	struct endpoint ep;

	assert_int_equal(endpoint_from_text(address, &ep), 0);
	geo_table_lookup(t, &ep, &p);
	return p;
}

static void asn_csv(void **state)
{
	struct geo_table *t = table("1.0.0.0,1.0.0.255,13335,\"Cloudflare, Inc.\"\n"
				    "16778240,16779263,38803,Gtelecom \"Pty\" Ltd\r\n"
				    "\n# a comment\n"
				    "9.0.0.0,9.0.0.255,AS7018,\"The \"\"Quoted\"\"\"\n"
				    "10.0.0.0,10.0.0.1,0,Not routed\n"
				    "2001::,2001::ffff:ffff:ffff:ffff:ffff:ffff,6939,HE\n"
				    "42540528726795050063891204319802818560,"
				    "42540528727329395276160870415022948351,2500,WIDE Project");

	(void)state;
	assert_string_equal(geo_table_format(t), "asn csv");
	assert_int_equal(geo_table_has(t), GEO_HAS_ASN | GEO_HAS_4 | GEO_HAS_6);
	assert_int_equal(geo_table_entries(t), 5);
	assert_int_equal(ask(t, "1.0.0.0").asn, 13335);
	assert_int_equal(ask(t, "1.0.0.255").asn, 13335);
	assert_int_equal(ask(t, "1.0.1.0").asn, 0);
	assert_int_equal(ask(t, "1.0.4.0").asn, 38803);
	assert_int_equal(ask(t, "9.0.0.1").asn, 7018);
	assert_int_equal(ask(t, "10.0.0.1").asn, 0);
	assert_int_equal(ask(t, "2001::5").asn, 6939);
	assert_int_equal(ask(t, "2001:200::1").asn, 2500);
	assert_int_equal(ask(t, "2001:1000::").asn, 0);
	assert_string_equal(geo_table_org(t, 13335), "Cloudflare, Inc.");
	assert_string_equal(geo_table_org(t, 38803), "Gtelecom \"Pty\" Ltd");
	assert_string_equal(geo_table_org(t, 7018), "The \"Quoted\"");
	assert_string_equal(geo_table_org(t, 1), "");
	geo_table_close(t);
}

static void country_csv(void **state)
{
	struct geo_table *t = table("1.0.0.0,1.0.0.255,au\n1.0.1.0,1.0.3.255,??\n"
				    "2001::,2001::1,JP\n");

	(void)state;
	assert_string_equal(geo_table_format(t), "country csv");
	assert_string_equal(ask(t, "1.0.0.9").country, "AU");
	assert_string_equal(ask(t, "1.0.1.9").country, "");
	assert_string_equal(ask(t, "2001::1").country, "JP");
	geo_table_close(t);
}

static void tor_geoip(void **state)
{
	struct geo_table *t = table("# Last updated based on some database\n#\n"
				    "16777216,16777471,US\n16777472,16778239,CN\n");

	(void)state;
	assert_string_equal(ask(t, "1.0.0.1").country, "US");
	assert_string_equal(ask(t, "1.0.1.1").country, "CN");
	geo_table_close(t);
}

static void ip2asn_tsv(void **state)
{
	struct geo_table *t = table("1.0.0.0\t1.0.0.255\t13335\tUS\tCLOUDFLARENET\n"
				    "1.0.1.0\t1.0.3.255\t0\tNone\tNot routed\n"
				    "1.0.4.0\t1.0.7.255\t38803\tAU\tWPL-AS-AP Wirefreebroadband\n"
				    "2001:200::\t2001:200:ffff::\t2500\tJP\tWIDE-BB\n");

	(void)state;
	assert_string_equal(geo_table_format(t), "ip2asn tsv");
	assert_int_equal(geo_table_has(t), GEO_HAS_ASN | GEO_HAS_COUNTRY | GEO_HAS_4 | GEO_HAS_6);
	assert_int_equal(ask(t, "1.0.4.1").asn, 38803);
	assert_string_equal(ask(t, "1.0.4.1").country, "AU");
	assert_int_equal(ask(t, "1.0.2.1").asn, 0);
	assert_string_equal(ask(t, "2001:200::9").country, "JP");
	assert_string_equal(geo_table_org(t, 38803), "WPL-AS-AP Wirefreebroadband");
	geo_table_close(t);
}

static const char simulation[] =
	"# dht-telescope geo table v1\n"
	"# start\tend\tasn\torg\tcountry\tcity\tlat\tlon\tradius_km\n"
	"1.0.0.0\t1.255.255.255\t4766\tKorea Telecom\tKR\tSeoul\t37.5665\t126.978\t20\n"
	"33554432\t50331647\t3320\tDeutsche Telekom AG\tDE\tBerlin\t52.52\t13.405\t12.5\n"
	"4.0.0.0\t4.255.255.255\t1\tNowhere Net\tXX\t\t\t\t\n"
	"5.0.0.0\t5.0.0.255\t\t\tFR\tParis\t48.8566\t2.3522\t0\n";

static void simulation_tsv(void **state)
{
	struct geo_table *t = table(simulation);
	struct endpoint ep = endpoint_ip4(0x02010203, 1);
	struct geo_place p = ask(t, "1.2.3.4");

	(void)state;
	assert_int_equal(geo_table_has(t), GEO_HAS_ASN | GEO_HAS_COUNTRY | GEO_HAS_POINT |
						   GEO_HAS_SYNTHETIC | GEO_HAS_4);
	assert_int_equal(p.asn, 4766);
	assert_string_equal(p.country, "KR");
	assert_true(p.has_point && fabsf(p.lat - 37.5665f) < 1e-4f);
	assert_true(fabsf(p.lon - 126.978f) < 1e-4f && p.radius_km == 20);
	p = ask(t, "2.1.2.3");
	assert_true(p.radius_km == 12.5f);
	assert_string_equal(geo_table_city(t, &ep), "Berlin");
	assert_string_equal(geo_table_org(t, 3320), "Deutsche Telekom AG");
	p = ask(t, "4.1.1.1");
	assert_int_equal(p.asn, 1);
	assert_false(p.has_point);
	p = ask(t, "5.0.0.1");
	assert_true(p.has_point && p.asn == 0);
	geo_table_close(t);
}

static const struct {
	const char *name, *text;
	int rc;
	const char *says;
} bad[] = {
	{ "nothing at all", "", DT_EMISSING, "line 0" },
	{ "comments alone", "# a\n# b\n", DT_EMISSING, "line 2" },
	{ "another kind of CSV", "id,endpoint,alias,live\n1,2,3,4\n", DT_EKIND, "line 1" },
	{ "a picture", "\x89PNG\r\n\x1a\n", DT_EKIND, "line 1" },
	{ "one column", "1.0.0.0\n", DT_EKIND, "line 1" },
	{ "a bad address later", "1.0.0.0,1.0.0.1,5,x\n1.0.0.300,1.0.1.0,5,x\n", DT_EMALF,
	  "line 2" },
	{ "end before start", "1.0.0.9,1.0.0.1,5,x\n", DT_ERANGE, "line 1" },
	{ "v4 to v6", "1.0.0.0,2001::,5,x\n", DT_ERANGE, "line 1" },
	{ "v6 to v4", "::1,1.0.0.0,5,x\n", DT_ERANGE, "line 1" },
	{ "ASN of 33 bits", "1.0.0.0,1.0.0.1,5,x\n1.1.0.0,1.1.0.1,4294967296,x\n", DT_ERANGE,
	  "line 2" },
	{ "ASN in words", "1.0.0.0,1.0.0.1,5,x\n1.1.0.0,1.1.0.1,five,x\n", DT_EMALF, "line 2" },
	{ "129 bits",
	  "340282366920938463463374607431768211456,"
	  "340282366920938463463374607431768211456,5,x\n",
	  DT_EKIND, "line 1" },
	{ "too few columns", "1.0.0.0,1.0.0.1,5,x\n1.1.0.0,1.1.0.1\n", DT_EMISSING, "line 2" },
	{ "nothing but unrouted", "1.0.0.0,1.0.0.1,0,none\n", DT_EMISSING, "no range" },
	{ "north of the pole",
	  "# dht-telescope geo table v1\n1.0.0.0\t1.0.0.1\t5\tx\tKR\tX\t90.5\t0\t1\n", DT_ERANGE,
	  "line 2" },
	{ "not a number",
	  "# dht-telescope geo table v1\n1.0.0.0\t1.0.0.1\t5\tx\tKR\tX\tnan\t0\t1\n", DT_ERANGE,
	  "line 2" },
	{ "words for a place",
	  "# dht-telescope geo table v1\n1.0.0.0\t1.0.0.1\t5\tx\tKR\tX\tnorth\t0\t1\n", DT_EMALF,
	  "line 2" },
	{ "a row cut off", "# dht-telescope geo table v1\n1.0.0.0\t1.0.0.1\t5\tx", DT_EMISSING,
	  "line 2" },
};

static void bad_tables_are_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		char why[GEO_WHY_MAX] = "";
		struct geo_table *t;
		int rc = parse(bad[i].text, &t, why);

		if (rc != bad[i].rc || !strstr(why, bad[i].says))
			fail_msg("%s: %d \"%s\"", bad[i].name, rc, why);
	}
}

static void a_long_name_is_cut(void **state)
{
	char text[4096], name[2001];
	struct geo_table *t;

	(void)state;
	memset(name, 'x', 2000);
	name[2000] = '\0';
	snprintf(text, sizeof(text), "1.0.0.0,1.0.0.255,5,%s\n", name);
	t = table(text);
	assert_int_equal(strlen(geo_table_org(t, 5)), GEO_ORG_MAX - 1);
	geo_table_close(t);
}

struct visits {
	unsigned count;
	uint64_t addresses;
	uint32_t asn;
};

static int visit(void *ctx, uint32_t first, uint32_t last, uint32_t asn)
{
	struct visits *v = ctx;

	v->count++;
	v->addresses += (uint64_t)last - first + 1;
	v->asn ^= asn;
	return v->count == 3 ? 9 : 0;
}

static void each4(void **state)
{
	struct geo_table *t = table("2.0.0.0,2.0.0.255,7,b\n1.0.0.0,1.0.0.255,5,a\n::1,::2,9,c\n");
	struct visits v = { 0 };

	(void)state;
	assert_int_equal(geo_table_each4(t, visit, &v), 0);
	assert_int_equal(v.count, 2);
	assert_int_equal(v.addresses, 512);
	assert_int_equal(v.asn, 5 ^ 7);
	v.count = 2;
	assert_int_equal(geo_table_each4(t, visit, &v), 9);
	geo_table_close(t);
}

static void probe_tells_without_reading_all(void **state)
{
	static const struct {
		const char *text;
		unsigned has;
	} rows[] = {
		{ "1.0.0.0,1.0.0.255,13335,x\n", GEO_HAS_ASN | GEO_HAS_4 },
		{ "# c\n2001::,2001::1,5,x\n", GEO_HAS_ASN | GEO_HAS_6 },
		{ "16777216,16777471,US\n", GEO_HAS_COUNTRY | GEO_HAS_4 },
		{ simulation, GEO_HAS_ASN | GEO_HAS_COUNTRY | GEO_HAS_POINT | GEO_HAS_SYNTHETIC |
				      GEO_HAS_4 | GEO_HAS_6 },
		{ "id,endpoint,alias,live\n", 0 },
		{ "", 0 },
	};
	char dir[TEMPDIR_MAX], path[TEMPDIR_MAX + 8], why[GEO_WHY_MAX];
	struct geo_table *t;

	(void)state;
	tempdir_make(dir);
	snprintf(path, sizeof(path), "%s/t", dir);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		tempdir_write(dir, "t", rows[i].text, strlen(rows[i].text));
		assert_int_equal(geo_table_probe(path), rows[i].has);
		if (rows[i].has) {
			assert_int_equal(geo_table_open(path, &t, why), 0);
			geo_table_close(t);
		} else {
			assert_true(geo_table_open(path, &t, why) < 0);
		}
	}
	tempdir_remove(dir);
	assert_int_equal(geo_table_probe(path), 0);
	assert_int_equal(geo_table_open(path, &t, why), -ENOENT);
	assert_int_equal(geo_table_open("/", &t, why), DT_EKIND);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(asn_csv),
		cmocka_unit_test(country_csv),
		cmocka_unit_test(tor_geoip),
		cmocka_unit_test(ip2asn_tsv),
		cmocka_unit_test(simulation_tsv),
		cmocka_unit_test(bad_tables_are_refused),
		cmocka_unit_test(a_long_name_is_cut),
		cmocka_unit_test(each4),
		cmocka_unit_test(probe_tells_without_reading_all),
	};

	return cmocka_run_group_tests(tests, open_guard, close_guard);
}
