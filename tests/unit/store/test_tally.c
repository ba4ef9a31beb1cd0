/* SPDX-License-Identifier: MIT */
#include "tests/support/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/krpc.h"
#include "store/store.h"
#include "tests/support/tempdir.h"

/* Three networks in two countries; one without a place; one without a country. */
static const char geo_tsv[] = "# dht-telescope geo table v1\n"
			      "1.0.0.0\t1.255.255.255\t100\tHundred\tSE\tOslo\t60\t10\t5\n"
			      "2.0.0.0\t2.255.255.255\t200\tTwo Hundred\tNO\tOslo\t60\t10\t5\n"
			      "3.0.0.0\t3.255.255.255\t300\tThree Hundred\tNO\t\t\t\t\n"
			      "4.0.0.0\t4.255.255.255\t400\t\t\t\t\t\t\n";

struct fixture {
	char dir[TEMPDIR_MAX];
	struct store *s;
	struct geo *geo;
	struct store_writer *w;
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	struct geo_opts geo = { .dir = f->dir };
	struct store_writer_opts opts = { .disk_floor_bytes = 1 };

	tempdir_make(f->dir);
	tempdir_write(f->dir, "geo.tsv", geo_tsv, strlen(geo_tsv));
	assert_int_equal(geo_open(&geo, NULL, NULL, &f->geo), 0);
	assert_int_equal(store_open(f->dir, STORE_CREATE, &f->s, NULL), 0);
	opts.geo = f->geo;
	assert_int_equal(store_writer_new(f->s, &opts, &f->w), 0);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	store_writer_free(f->w);
	store_close(f->s);
	geo_close(f->geo);
	tempdir_remove(f->dir);
	free(f);
	return 0;
}

static void put(struct fixture *f, uint8_t way, uint8_t id, uint32_t ip, uint16_t port,
		const char *v, uint16_t flags)
{
	struct sighting s = { .when_ms = 5000 + 1000 * port,
			      .way = way,
			      .flags = flags,
			      .from = endpoint_ip4(ip, port) };

	s.key.b[0] = id;
	s.key.bits = id ? NODEID_BITS : 0;
	s.version_len = (uint8_t)strlen(v);
	memcpy(s.version, v, s.version_len);
	assert_int_equal(store_writer_put(f->w, &s, 1), 0);
}

static struct store_tally tally(struct fixture *f)
{
	struct store_tally t;
	struct store_view *v;

	assert_int_equal(store_writer_flush(f->w), 0);
	assert_int_equal(store_view_open(f->s, &v), 0);
	assert_int_equal(store_tally(v, &t), 0);
	store_view_close(v);
	return t;
}

static void an_empty_store(void **state)
{
	struct store_tally t = tally(*state), none;

	memset(&none, 0, sizeof(none));
	assert_memory_equal(&t, &none, sizeof(t));
}

static void counted_by_hand(void **state)
{
	struct fixture *f = *state;
	struct store_tally t;

	put(f, SIGHTING_ANSWERED, 1, 0x01000001, 1, "LT\2\1", SIGHTING_BEP42_OK);
	put(f, SIGHTING_ANSWERED, 1, 0x01000001, 2, "LT\2\1", SIGHTING_IP_VOTE);
	put(f, SIGHTING_ANSWERED, 2, 0x02000002, 3, "LT\2\2", 0);
	put(f, SIGHTING_ANSWERED, 3, 0x03000003, 4, "", SIGHTING_READ_ONLY);
	put(f, SIGHTING_ANSWERED, 4, 0x04000004, 5, "UT\0\0", 0);
	put(f, SIGHTING_ANSWERED, 5, 0x09000005, 9, "??", 0);
	put(f, SIGHTING_ASKED_US, 6, 0x09000006, 7, "", 0);
	put(f, SIGHTING_MENTIONED, 7, 0x01000001, 1, "", 0);
	put(f, SIGHTING_MENTIONED, 7, 0x01000009, 1, "", 0);
	put(f, SIGHTING_MENTIONED, 0, 0x0100000a, 1, "", 0);
	t = tally(f);
	assert_int_equal(t.answered_nodes, 6);
	assert_int_equal(t.distinct_ids, 5);
	assert_int_equal(t.distinct_addresses, 6); /* who asked us was heard too */
	assert_int_equal(t.mentioned_only, 2);
	assert_int_equal(t.located, 3);
	assert_int_equal(t.country_level, 1);
	assert_int_equal(t.unlocated, 2);
	assert_int_equal(t.without_asn, 1);
	assert_int_equal(t.networks, 4);
	assert_int_equal(t.countries, 2);
	assert_int_equal(t.network_rows, 4);
	assert_int_equal(t.top_networks[0].asn, 100);
	assert_int_equal(t.top_networks[0].nodes, 2);
	assert_string_equal(t.top_networks[0].name, "Hundred");
	assert_int_equal(t.top_networks[1].asn, 200);
	assert_string_equal(t.top_networks[3].name, "");
	assert_int_equal(t.country_rows, 2);
	assert_string_equal(t.top_countries[0].name, "NO");
	assert_int_equal(t.top_countries[0].nodes, 2);
	assert_string_equal(t.top_countries[1].name, "SE");
	assert_int_equal(t.bep42_ok, 1);
	assert_int_equal(t.ip_vote, 1);
	assert_int_equal(t.read_only, 1);
	assert_int_equal(t.with_version, 5);
	assert_int_equal(t.classes[SIGHTING_CLASS_NORMAL], 6);
	assert_int_equal(t.support_rows, 4); /* two LT, those without a whole v, all */
	assert_string_equal(t.support[0].name, "libtorrent 2.1");
	assert_int_equal(t.support[0].nodes, 2);
	assert_int_equal(t.support[0].seen[STORE_SUPPORT_42_ID], 1);
	assert_int_equal(t.support[0].seen[STORE_SUPPORT_42_IP], 1);
	assert_string_equal(t.support[2].name, "");
	assert_int_equal(t.support[2].nodes, 3);
	assert_int_equal(t.support[2].seen[STORE_SUPPORT_43], 1);
	assert_string_equal(t.support[3].name, "all");
	assert_int_equal(t.support[3].nodes, 6);
	assert_int_equal(t.support[3].seen[STORE_SUPPORT_51], 0);
	assert_int_equal(t.first_seen_s, 6);
	assert_int_equal(t.last_seen_s, 14);
}

/* What was seen is of everybody, and of the surveyed apart: the others were not asked. */
static void surveyed_and_reached(void **state)
{
	enum { ASKED = SIGHTING_SURVEYED | SIGHTING_SECOND_PORT };
	struct fixture *f = *state;
	const struct store_support *lt, *all;
	struct store_tally t;

	put(f, SIGHTING_ANSWERED, 1, 0x01000001, 1, "LT\2\1", SIGHTING_SAMPLES);
	put(f, SIGHTING_ANSWERED, 1, 0x01000001, 1, "LT\2\1", ASKED | SIGHTING_SCRAPE);
	put(f, SIGHTING_ANSWERED, 2, 0x02000002, 3, "LT\2\1", SIGHTING_SAMPLES);
	put(f, SIGHTING_ANSWERED, 3, 0x03000003, 4, "LT\2\1", SIGHTING_SURVEYED);
	put(f, SIGHTING_ANSWERED, 4, 0x04000004, 5, "", ASKED | SIGHTING_ITEMS);
	put(f, SIGHTING_ASKED_US, 5, 0x04000005, 5, "", 0);
	put(f, SIGHTING_ASKED_US, 6, 0x04000006, 5, "", SIGHTING_READ_ONLY);
	t = tally(f);
	lt = &t.support[0];
	all = &t.support[t.support_rows - 1];
	assert_string_equal(lt->name, "libtorrent 2.1");
	assert_int_equal(lt->nodes, 3);
	assert_int_equal(lt->surveyed, 2);
	assert_int_equal(lt->seen[STORE_SUPPORT_51], 2); /* the union of what was said */
	assert_int_equal(lt->seen_surveyed[STORE_SUPPORT_51], 1);
	assert_int_equal(lt->seen_surveyed[STORE_SUPPORT_33], 1);
	assert_int_equal(all->surveyed, 3);
	assert_int_equal(all->seen_surveyed[STORE_SUPPORT_44], 1);
	assert_int_equal(t.reach[SIGHTING_REACH_ANY_PORT], 2);
	assert_int_equal(t.reach[SIGHTING_REACH_ONE_PORT], 1);
	assert_int_equal(t.reach[SIGHTING_REACH_ONE_WAY], 1);
	assert_int_equal(t.reach[SIGHTING_REACH_READ_ONLY], 1);
	assert_int_equal(t.reach[SIGHTING_REACH_UNKNOWN], 1);
}

static void clients_by_family_and_by_version(void **state)
{
	struct fixture *f = *state;
	struct krpc_version ver = krpc_version_parse(SPAN_LIT("LT\2\1"));
	char text[KRPC_VERSION_TEXT_MAX];
	struct store_tally t;

	for (uint8_t i = 1; i <= 9; i++)
		put(f, SIGHTING_ANSWERED, i, 0x01000000u + i, 1, i < 4 ? "LT\2\2" : "LT\2\1", 0);
	for (uint8_t i = 20; i < 22; i++)
		put(f, SIGHTING_ANSWERED, i, 0x01000000u + i, 1, "", 0);
	t = tally(f);
	assert_int_equal(t.client_rows, 2);
	assert_string_equal(t.top_clients[0].name, krpc_client_name(KRPC_CLIENT_LIBTORRENT));
	assert_int_equal(t.top_clients[0].nodes, 9);
	assert_string_equal(t.top_clients[1].name, krpc_client_name(KRPC_CLIENT_NONE));
	assert_int_equal(t.version_rows, 2);
	assert_string_equal(t.top_versions[0].name, krpc_version_text(&ver, text));
	assert_int_equal(t.top_versions[0].nodes, 6);
}

/* A view that is half walked is walked whole, and stands at its begin afterwards. */
static void it_rewinds_before_and_after(void **state)
{
	struct fixture *f = *state;
	struct store_tally t;
	struct store_view *v;
	struct store_node n;
	unsigned rows = 0;

	for (uint8_t i = 1; i <= 5; i++)
		put(f, SIGHTING_ANSWERED, i, 0x01000000u + i, 1, "", 0);
	assert_int_equal(store_writer_flush(f->w), 0);
	assert_int_equal(store_view_open(f->s, &v), 0);
	assert_int_equal(store_view_next(v, &n), 1);
	assert_int_equal(store_view_next(v, &n), 1);
	assert_int_equal(store_tally(v, &t), 0);
	assert_int_equal(t.answered_nodes, 5);
	while (store_view_next(v, &n) == 1)
		rows++;
	assert_int_equal(rows, 5);
	store_view_close(v);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(an_empty_store, setup, teardown),
		cmocka_unit_test_setup_teardown(counted_by_hand, setup, teardown),
		cmocka_unit_test_setup_teardown(surveyed_and_reached, setup, teardown),
		cmocka_unit_test_setup_teardown(clients_by_family_and_by_version, setup, teardown),
		cmocka_unit_test_setup_teardown(it_rewinds_before_and_after, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
