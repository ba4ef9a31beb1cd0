/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "bench/sim/geo_own.h"
#include "bench/sim/place_geo.h"
#include "bench/sim/world.h"

/** A geo set made of one IPtoASN table (start, end, asn, country, name). */
struct table {
	char path[64];
	struct geo *geo;
};

static void note(void *ctx, const char *line)
{
	(void)ctx, (void)line;
}

static struct table table_open(const char *text)
{
	struct table t = { .path = "/tmp/dt-sim-ip2asn-XXXXXX.tsv" };
	int fd = mkstemps(t.path, 4);
	struct geo_opts o = { .asn_file = t.path, .country_file = t.path };

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
	assert_int_equal(geo_open(&o, note, NULL, &t.geo), 0);
	return t;
}

static void table_close(struct table *t)
{
	geo_close(t->geo);
	unlink(t->path);
}

static const char networks[] = "1.32.0.0\t1.63.255.255\t4134\tCN\tCHINANET\n"
			       "4.0.0.0\t5.255.255.255\t749\tUS\tDNIC\n"
			       "8.0.0.0\t12.255.255.255\t3356\tUS\tLEVEL3\n"
			       "24.0.0.0\t24.31.255.255\t7922\tUS\tCOMCAST\n"
			       "31.0.0.0\t31.3.255.255\t64511\tUS\tSOMEBODY\n"
			       "33.0.0.0\t33.255.255.255\t7922\tUS\tCOMCAST\n"
			       "100.0.0.0\t100.255.255.255\t577\tCA\tBELL\n"
			       "126.0.0.0\t128.0.255.255\t17676\tJP\tSOFTBANK\n"
			       "203.0.0.0\t203.0.255.255\t1221\tAU\tTELSTRA\n";

static double share_of(const struct sim_weighted *list, unsigned count, uint32_t lo, uint32_t hi)
{
	double all = 0, some = 0;

	for (unsigned i = 0; i < count; i++) {
		all += list[i].weight;
		some += list[i].ip >= lo && list[i].ip <= hi ? list[i].weight : 0;
	}
	return some / all;
}

static void special_ranges_are_cut_out(void **state)
{
	/* What is left of the table above: no 10/8, 100.64/10, 127/8, 203.0.113/24. */
	static const uint32_t want[][2] = {
		{ 0x01200000, 0x013fffff }, { 0x04000000, 0x05ffffff }, { 0x08000000, 0x09ffffff },
		{ 0x0b000000, 0x0cffffff }, { 0x18000000, 0x181fffff }, { 0x1f000000, 0x1f03ffff },
		{ 0x21000000, 0x21ffffff }, { 0x64000000, 0x643fffff }, { 0x64800000, 0x64ffffff },
		{ 0x7e000000, 0x7effffff }, { 0x80000000, 0x8000ffff }, { 0xcb000000, 0xcb0070ff },
		{ 0xcb007200, 0xcb00ffff },
	};
	struct table t = table_open(networks);
	struct sim_weighted *list;
	unsigned count;
	(void)state;

	assert_int_equal(sim_place_geo(t.geo, &list, &count), 0);
	assert_int_equal(count, sizeof(want) / sizeof(want[0]));
	for (unsigned i = 0; i < count; i++) {
		assert_int_equal(list[i].ip, want[i][0]);
		assert_int_equal(list[i].ip + list[i].size - 1, want[i][1]);
		assert_true(list[i].weight > 0);
	}
	free(list);
	table_close(&t);
}

static double listed_share(const char *code)
{
	for (const struct sim_geo_country *c = sim_geo_countries; c->code[0]; c++)
		if (strcmp(c->code, code) == 0)
			return c->share;
	return 0;
}

static void countries_get_their_share_and_homes_most_of_it(void **state)
{
	struct table t = table_open(networks);
	double all = listed_share("CN") + listed_share("US") + listed_share("CA") +
		     listed_share("JP") + listed_share("AU");
	double cn, us, comcast, hoarders, other;
	struct sim_weighted *list;
	unsigned count;
	(void)state;

	assert_int_equal(sim_place_geo(t.geo, &list, &count), 0);
	cn = share_of(list, count, 0x01000000, 0x01ffffff);
	us = share_of(list, count, 0x04000000, 0x21ffffff);
	assert_true(cn > 0.999 * listed_share("CN") / all && cn < 1.001 * listed_share("CN") / all);
	assert_true(us > 0.999 * listed_share("US") / all && us < 1.001 * listed_share("US") / all);
	/* 2 M home addresses outweigh 101 M of hoarders, and 17 M that libtorrent never lists. */
	comcast = share_of(list, count, 0x18000000, 0x181fffff);
	hoarders = share_of(list, count, 0x04000000, 0x0cffffff);
	other = share_of(list, count, 0x1f000000, 0x1f03ffff);
	assert_true(comcast > 1.5 * hoarders);
	assert_true(comcast > 10 * share_of(list, count, 0x21000000, 0x21ffffff));
	assert_true(comcast / other > 53 && comcast / other < 54); /* 8 times the size, 1 : 0.15 */
	free(list);
	table_close(&t);
}

static void a_world_lives_in_the_networks_that_were_given(void **state)
{
	struct table t = table_open(networks);
	struct sim_opts o = sim_opts_default();
	struct sim_world *w;
	(void)state;

	o.live = 60000;
	o.geo = t.geo;
	assert_int_equal(sim_world_new(&o, &w), 0);
	assert_false(sim_world_geo_is_own(w));
	assert_int_equal(sim_world_write_geo(w, "/tmp/never"), DT_EUNSUPPORTED);
	for (uint32_t n = 0; n < w->nodes; n++) {
		struct endpoint ep = sim_world_contact(w, n);
		struct geo_place place;
		uint32_t back;

		geo_lookup(t.geo, &ep, &place);
		assert_true(place.asn != 0);
		assert_int_equal(sim_world_by_public(w, &ep, &back), 0);
		assert_int_equal(back, n);
	}
	sim_world_free(w);
	table_close(&t);
}

/** One /24 for a tenth of the world: the surplus goes to those who have room. */
static void no_network_is_overfilled(void **state)
{
	struct table t = table_open("24.0.0.0\t24.0.0.255\t7922\tUS\tA\n"
				    "24.1.0.0\t24.1.255.255\t7922\tUS\tA\n"
				    "31.0.0.0\t31.0.0.255\t3320\tDE\tB\n");
	struct sim_places *p;
	(void)state;

	assert_int_equal(sim_places_new(10000, 1, t.geo, &p), 0);
	assert_int_equal(p->range[p->count].first, 10000);
	for (uint32_t r = 0; r < p->count; r++)
		assert_true((p->range[r + 1].first - p->range[r].first) * 4 <=
			    p->range[r].size + p->range[r].size / 16);
	sim_places_free(p);
	/* More than a quarter of all addresses there are: refused. */
	assert_int_equal(sim_places_new(20000, 1, t.geo, &p), DT_ERANGE);
	assert_null(p);
	table_close(&t);
}

static void a_simulations_own_table_is_not_taken_for_real(void **state)
{
	char dir[] = "/tmp/dt-sim-own-XXXXXX", path[64];
	struct geo *geo;
	struct sim_places *p;
	(void)state;

	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/geo.tsv", dir);
	assert_int_equal(sim_geo_own_write(path), 0);
	assert_int_equal(geo_open(&(struct geo_opts){ .dir = dir }, note, NULL, &geo), 0);
	assert_true(geo_is_synthetic(geo));
	assert_int_equal(sim_places_new(1000, 1, geo, &p), 0);
	assert_true(p->own);
	/* And where the world lives is what its table says of every node. */
	for (uint32_t i = 0; i < 1000; i++) {
		struct endpoint ep = endpoint_ip4(sim_places_ip(p, i), 6881);
		struct geo_place place;

		geo_lookup(geo, &ep, &place);
		assert_true(place.asn && place.country[0] && place.has_point);
		assert_true(place.radius_km >= 4 && place.radius_km < 120);
	}
	sim_places_free(p);
	geo_close(geo);
	/* An empty set is none either. */
	assert_int_equal(geo_open(&(struct geo_opts){ 0 }, note, NULL, &geo), 0);
	assert_int_equal(sim_places_new(1000, 1, geo, &p), 0);
	assert_true(p->own);
	sim_places_free(p);
	geo_close(geo);
	unlink(path);
	rmdir(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(special_ranges_are_cut_out),
		cmocka_unit_test(countries_get_their_share_and_homes_most_of_it),
		cmocka_unit_test(a_world_lives_in_the_networks_that_were_given),
		cmocka_unit_test(no_network_is_overfilled),
		cmocka_unit_test(a_simulations_own_table_is_not_taken_for_real),
	};

	return cmocka_run_group_tests_name("sim_place_geo", tests, NULL, NULL);
}
