/* SPDX-License-Identifier: MIT */
#include "tests/support/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/geo.h"
#include "tests/support/mkmmdb.h"
#include "tests/support/tempdir.h"

enum { NOTES_MAX = 16, NOTE_BYTES = 1024 };

struct notes {
	char line[NOTES_MAX][NOTE_BYTES];
	unsigned count;
};

static char dir[TEMPDIR_MAX];
static struct notes notes;

static int setup(void **state)
{
	(void)state;
	tempdir_make(dir);
	notes.count = 0;
	/* Nothing of this machine may be found. */
	setenv("XDG_DATA_HOME", dir, 1);
	unsetenv("GEOIP2_CITY_DB");
	unsetenv("GEOIP2_ASN_DB");
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	tempdir_remove(dir);
	return 0;
}

static void note(void *ctx, const char *line)
{
	struct notes *n = ctx;

	assert_true(n->count < NOTES_MAX);
	snprintf(n->line[n->count++], NOTE_BYTES, "%s", line);
}

static bool noted(const char *a, const char *b)
{
	for (unsigned i = 0; i < notes.count; i++)
		if (strstr(notes.line[i], a) && strstr(notes.line[i], b))
			return true;
	return false;
}

static char *path_of(const char *name)
{
	static char paths[8][TEMPDIR_MAX + 64];
	static unsigned turn;
	char *p = paths[turn++ % 8];

	snprintf(p, sizeof(paths[0]), "%s/%s", dir, name);
	return p;
}

static void put_mmdb(const char *name, enum mkmmdb_schema schema, unsigned version,
		     const char *type, uint64_t build_s, const struct mkmmdb_row *row)
{
	const struct mkmmdb_opts o = { .schema = schema,
				       .ip_version = version,
				       .record_bits = 28,
				       .type = type,
				       .build_s = build_s };
	size_t len;
	uint8_t *bytes = mkmmdb_bytes(&o, row, 1, &len);

	tempdir_write(dir, name, bytes, len);
	free(bytes);
}

static void put_text(const char *name, const char *text)
{
	tempdir_write(dir, name, text, strlen(text));
}

static struct geo *open_with(struct geo_opts opts)
{
	struct geo *g;

	assert_int_equal(geo_open(&opts, note, &notes, &g), 0);
	return g;
}

static struct geo_place ask(const struct geo *g, const char *address)
{
	struct geo_place p;
	struct endpoint ep;

	assert_int_equal(endpoint_from_text(address, &ep), 0);
	geo_lookup(g, &ep, &p);
	return p;
}

static const struct mkmmdb_row oslo = { "1.0.0.0/8", 59.9, 10.75, 20, "NO", "Oslo", 100, "Old" };
static const struct mkmmdb_row lima = { "1.0.0.0/8", -12, -77, 20, "PE", "Lima", 200, "New" };
static const struct mkmmdb_row lima6 = { "2001:db8::/32", -12, -77, 20, "PE", "Lima", 200, "New" };

static void an_empty_set_is_a_success(void **state)
{
	struct geo *g = open_with((struct geo_opts){ .search = true });
	struct geo_place p = ask(g, "8.8.8.8");
	struct geo_source source;
	char text[GEO_ORG_MAX];

	(void)state;
	assert_true(p.asn == 0 && !p.has_point && !p.country[0]);
	assert_string_equal(geo_org(g, 15169, text), "");
	assert_string_equal(geo_attribution(g, text, sizeof(text)), "");
	assert_int_equal(geo_sources(g, &source, 1), 0);
	assert_int_equal(geo_each_network4(g, NULL, NULL), 0);
	assert_false(geo_is_synthetic(g));
	geo_close(g);
	geo_close(NULL);
}

static void the_newest_of_a_place_wins(void **state)
{
	struct geo *g;

	(void)state;
	put_mmdb("a.mmdb", MKMMDB_MAXMIND_CITY, 4, "GeoLite2-City", 1000000, &oslo);
	put_mmdb("b.mmdb", MKMMDB_MAXMIND_CITY, 4, "GeoLite2-City", 2000000, &lima);
	put_mmdb("c.mmdb", MKMMDB_MAXMIND_ASN, 4, "GeoLite2-ASN", 1000000, &oslo);
	g = open_with((struct geo_opts){ .dir = dir });
	assert_string_equal(ask(g, "1.1.1.1").country, "PE");
	assert_int_equal(ask(g, "1.1.1.1").asn, 100);
	assert_true(noted("b.mmdb", "1970-01-24") && noted("b.mmdb", "90 days"));
	assert_false(noted("a.mmdb", ""));
	geo_close(g);
}

static void named_files_win_over_found_ones(void **state)
{
	struct geo *g;

	(void)state;
	assert_int_equal(mkdir(path_of("named"), 0700), 0);
	put_mmdb("named/x.mmdb", MKMMDB_MAXMIND_CITY, 4, NULL, 1000000, &oslo);
	put_mmdb("b.mmdb", MKMMDB_MAXMIND_CITY, 4, NULL, 2000000, &lima);
	g = open_with((struct geo_opts){ .dir = dir, .city_file = path_of("named/x.mmdb") });
	assert_string_equal(ask(g, "1.1.1.1").country, "NO");
	geo_close(g);
	setenv("GEOIP2_CITY_DB", path_of("named/x.mmdb"), 1);
	g = open_with((struct geo_opts){ .search = true });
	assert_string_equal(ask(g, "1.1.1.1").country, "NO");
	geo_close(g);
}

/* Files of one family each, under names that tell: one source. */
static void siblings_answer_together(void **state)
{
	struct geo *g;

	(void)state;
	put_mmdb("x-ipv4.mmdb", MKMMDB_FLAT_CITY, 4, NULL, 1, &oslo);
	put_mmdb("x-ipv6.mmdb", MKMMDB_FLAT_CITY, 6, NULL, 1, &lima6);
	put_text("asn-ipv4.csv", "1.0.0.0,1.255.255.255,5,Five\n");
	put_text("asn-ipv6.csv", "2001:db8::,2001:db8:ffff::,6,Six\n");
	g = open_with((struct geo_opts){ .city_file = path_of("x-ipv4.mmdb"),
					 .asn_file = path_of("asn-ipv6.csv") });
	assert_string_equal(ask(g, "1.1.1.1").country, "NO");
	assert_string_equal(ask(g, "2001:db8::1").country, "PE");
	assert_int_equal(ask(g, "1.1.1.1").asn, 5);
	assert_int_equal(ask(g, "2001:db8::1").asn, 6);
	assert_string_equal(geo_org(g, 6, (char[GEO_ORG_MAX]){ 0 }), "Six");
	geo_close(g);
}

static void a_country_alone_gives_its_label_point(void **state)
{
	struct geo_place p;
	struct geo *g;

	(void)state;
	put_text("geoip", "16777216,33554431,SE\n33554432,50331647,??\n");
	put_text("geoip6", "2001:db8::,2001:db8::ffff,SE\n");
	g = open_with((struct geo_opts){ .dir = dir });
	p = ask(g, "1.2.3.4");
	assert_string_equal(p.country, "SE");
	assert_true(p.has_point && p.country_level && p.lat > 55 && p.lat < 70);
	p = ask(g, "2.2.3.4");
	assert_false(p.has_point || p.country[0]);
	assert_true(ask(g, "2001:db8::1").country_level);
	assert_non_null(strstr(geo_attribution(g, (char[256]){ 0 }, 256), "IPFire"));
	geo_close(g);
}

/* The network's file speaks for networks, the city's for countries. */
static void each_file_speaks_for_its_own(void **state)
{
	struct geo *g;

	(void)state;
	put_mmdb("city.mmdb", MKMMDB_ENTERPRISE, 4, NULL, 1, &oslo);
	put_text("named.tsv", "1.0.0.0\t1.127.255.255\t7\tUS\tSeven\n");
	g = open_with((struct geo_opts){ .dir = dir, .asn_file = path_of("named.tsv") });
	assert_int_equal(ask(g, "1.1.1.1").asn, 7);
	assert_string_equal(ask(g, "1.1.1.1").country, "NO");
	assert_int_equal(ask(g, "1.200.1.1").asn, 100);
	geo_close(g);
}

static void broken_files_are_said_and_passed_over(void **state)
{
	struct geo *g;

	(void)state;
	put_text("broken.mmdb", "this is no database");
	put_text("broken.csv", "1.0.0.0,1.0.0.1,5,x\nand then nonsense\n");
	put_text("truth.csv", "id,endpoint,alias,live\n");
	put_mmdb("good.mmdb", MKMMDB_MAXMIND_ASN, 4, NULL, 1, &oslo);
	g = open_with((struct geo_opts){ .dir = dir, .city_file = "/nonexistent" });
	assert_true(noted("broken.mmdb", "refused"));
	assert_true(noted("/nonexistent", "refused"));
	assert_false(noted("truth.csv", ""));
	assert_int_equal(ask(g, "1.1.1.1").asn, 100);
	geo_close(g);
	notes.count = 0;
	g = open_with((struct geo_opts){ .asn_file = path_of("broken.csv"),
					 .city_file = path_of("good.mmdb") });
	assert_true(noted("broken.csv", "line 2"));
	assert_true(noted("good.mmdb", "no city data"));
	geo_close(g);
}

static void a_simulation_is_synthetic(void **state)
{
	char text[256];
	struct geo_source source[2];
	struct geo *g;

	(void)state;
	put_text("geo.tsv", "# dht-telescope geo table v1\n"
			    "1.0.0.0\t1.255.255.255\t9\tNine\tKR\tSeoul\t37.5\t127\t20\n");
	g = open_with((struct geo_opts){ .dir = dir });
	assert_true(geo_is_synthetic(g));
	assert_int_equal(ask(g, "1.1.1.1").asn, 9);
	assert_string_equal(geo_org(g, 9, (char[GEO_ORG_MAX]){ 0 }), "Nine");
	assert_string_equal(geo_attribution(g, text, sizeof(text)), "");
	assert_int_equal(geo_sources(g, source, 2), 1);
	assert_string_equal(source[0].kind, "table");
	assert_int_equal(source[0].entries, 1);
	geo_close(g);
}

static void attribution_names_each_source_once(void **state)
{
	char text[512], tight[80];
	struct geo *g;

	(void)state;
	put_mmdb("dbip-city-ipv4.mmdb", MKMMDB_FLAT_CITY, 4, "city ipv4", 1, &oslo);
	put_mmdb("dbip-city-ipv6.mmdb", MKMMDB_FLAT_CITY, 6, "city ipv6", 1, &lima6);
	put_text("asn-ipv4.csv", "1.0.0.0,1.255.255.255,5,Five\n");
	g = open_with((struct geo_opts){ .dir = dir });
	geo_attribution(g, text, sizeof(text));
	assert_non_null(strstr(text, "https://db-ip.com"));
	assert_null(strstr(strstr(text, "db-ip.com") + 1, "db-ip.com"));
	assert_non_null(strstr(text, "RouteViews"));
	geo_attribution(g, tight, sizeof(tight));
	assert_non_null(strstr(tight, "DB-IP"));
	assert_null(strstr(tight, ";"));
	geo_close(g);
}

struct visits {
	unsigned count;
	uint32_t first, last;
};

static int visit(void *ctx, uint32_t first, uint32_t last, uint32_t asn)
{
	struct visits *v = ctx;

	assert_true(v->count == 0 || first > v->last);
	if (asn == 5 && first == 0x01000000) {
		v->first = first;
		v->last = last;
	}
	v->last = last;
	v->count++;
	return 0;
}

static void neighbours_of_one_network_are_one(void **state)
{
	struct visits v = { 0 };
	struct geo *g;

	(void)state;
	put_text("asn.csv", "1.0.0.0,1.0.0.255,5,a\n1.0.1.0,1.0.1.255,5,a\n1.0.2.0,1.0.2.255,6,b\n"
			    "1.0.4.0,1.0.4.255,6,b\n");
	g = open_with((struct geo_opts){ .dir = dir });
	assert_int_equal(geo_each_network4(g, visit, &v), 0);
	assert_int_equal(v.count, 3);
	assert_int_equal(v.first, 0x01000000);
	geo_close(g);
	unlink(path_of("asn.csv"));
	put_mmdb("city.mmdb", MKMMDB_MAXMIND_CITY, 6, NULL, 1, &oslo);
	g = open_with((struct geo_opts){ .dir = dir });
	v = (struct visits){ 0 };
	assert_int_equal(geo_each_network4(g, visit, &v), 0);
	assert_int_equal(v.count, 1);
	assert_int_equal(v.last, 0x01ffffff);
	geo_close(g);
}

static void hostile_names_leave_clean(void **state)
{
	static const struct mkmmdb_row evil = {
		"1.0.0.0/8", 1, 1, 1, "NO", "a\xff\x1b[31mb", 66, "x\xe2\x80\xaey\n</script>"
	};
	char text[GEO_ORG_MAX], city[GEO_CITY_MAX];
	struct endpoint ep = endpoint_ip4(0x01010101, 1);
	struct geo *g;

	(void)state;
	put_mmdb("city.mmdb", MKMMDB_MAXMIND_CITY, 4, NULL, 1, &evil);
	put_mmdb("asn.mmdb", MKMMDB_MAXMIND_ASN, 4, NULL, 1, &evil);
	g = open_with((struct geo_opts){ .dir = dir });
	assert_string_equal(geo_org(g, 66, text), "x?y </script>");
	assert_string_equal(geo_city(g, &ep, city), "a??[31mb");
	geo_close(g);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(an_empty_set_is_a_success, setup, teardown),
		cmocka_unit_test_setup_teardown(the_newest_of_a_place_wins, setup, teardown),
		cmocka_unit_test_setup_teardown(named_files_win_over_found_ones, setup, teardown),
		cmocka_unit_test_setup_teardown(siblings_answer_together, setup, teardown),
		cmocka_unit_test_setup_teardown(a_country_alone_gives_its_label_point, setup,
						teardown),
		cmocka_unit_test_setup_teardown(each_file_speaks_for_its_own, setup, teardown),
		cmocka_unit_test_setup_teardown(broken_files_are_said_and_passed_over, setup,
						teardown),
		cmocka_unit_test_setup_teardown(a_simulation_is_synthetic, setup, teardown),
		cmocka_unit_test_setup_teardown(attribution_names_each_source_once, setup,
						teardown),
		cmocka_unit_test_setup_teardown(neighbours_of_one_network_are_one, setup, teardown),
		cmocka_unit_test_setup_teardown(hostile_names_leave_clean, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
