/* SPDX-License-Identifier: MIT */
#include "tests/support/unit.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/inside.h"
#include "store/store.h"
#include "store/view.h"
#include "tests/support/tempdir.h"

/* Iteration, finding and hiding are proved beside the fool's store in test_writer.c. */

static const char geo_tsv[] =
	"# dht-telescope geo table v1\n"
	"1.0.0.0\t1.255.255.255\t3320\tDeutsche Telekom AG\tDE\tBerlin\t52.52\t13.405\t20\n"
	"2.0.0.0\t2.255.255.255\t7\tSeven\tSE\t\t\t\t\n";

struct fixture {
	char dir[TEMPDIR_MAX];
	struct store *s;
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	tempdir_make(f->dir);
	tempdir_write(f->dir, "geo.tsv", geo_tsv, strlen(geo_tsv));
	tempdir_write(f->dir, "asn-ipv4.csv", "1.0.0.0,1.255.255.255,3320,Deutsche Telekom\n", 44);
	*state = f;
	return store_open(f->dir, STORE_CREATE, &f->s, NULL);
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	store_close(f->s);
	tempdir_remove(f->dir);
	free(f);
	return 0;
}

static void put(struct fixture *f, struct geo *geo, uint32_t ip, uint8_t id)
{
	const struct store_writer_opts opts = { .geo = geo, .disk_floor_bytes = 1 };
	struct sighting s = { .when_ms = 1000,
			      .from = endpoint_ip4(ip, 1),
			      .key = { .bits = NODEID_BITS, .b = { id } } };
	struct store_writer *w;

	assert_int_equal(store_writer_new(f->s, &opts, &w), 0);
	assert_int_equal(store_writer_put(w, &s, 1), 0);
	assert_int_equal(store_writer_flush(w), 0);
	store_writer_free(w);
}

static struct geo *open_geo(struct fixture *f, bool csv)
{
	char path[TEMPDIR_MAX + 16];
	const struct geo_opts dir = { .dir = f->dir }, file = { .asn_file = path };
	struct geo *g;

	snprintf(path, sizeof(path), "%s/asn-ipv4.csv", f->dir);
	if (!csv)
		remove(path);
	assert_int_equal(geo_open(csv ? &file : &dir, NULL, NULL, &g), 0);
	return g;
}

static void places_are_kept_with_the_node(void **state)
{
	struct fixture *f = *state;
	struct geo *g = open_geo(f, false);
	uint8_t telekom[3], grey[3];
	char text[GEO_ORG_MAX];
	struct store_view *v;
	struct store_node n;

	put(f, g, 0x01020304, 1);
	put(f, g, 0x02020304, 2);
	put(f, g, 0x09020304, 3);
	asn_color(3320, telekom);
	asn_color(0, grey);
	assert_int_equal(store_view_open(f->s, &v), 0);
	assert_int_equal(store_view_next(v, &n), 1);
	assert_int_equal(n.asn, 3320);
	assert_string_equal(n.country, "DE");
	assert_memory_equal(n.color, telekom, 3);
	assert_true(n.has_point && !n.country_level);
	assert_true(fabs(n.lat - 52.52) < 0.002 && fabs(n.lon - 13.405) < 0.004);
	assert_true(fabs(n.radius_km - 20) < 0.5);
	assert_int_equal(store_view_next(v, &n), 1);
	assert_true(n.has_point && n.country_level);
	assert_int_equal(store_view_next(v, &n), 1);
	assert_true(n.asn == 0 && !n.has_point && !n.country[0]);
	assert_memory_equal(n.color, grey, 3);
	assert_string_equal(store_view_org(v, 3320, text), "Deutsche Telekom AG");
	assert_string_equal(store_view_org(v, 1, text), "");
	assert_string_equal(store_view_attribution(v, text, sizeof(text)), "");
	store_view_close(v);
	geo_close(g);
}

/* Written without files, seen again with them; then seen again without. */
static void a_place_comes_late_and_stays(void **state)
{
	struct fixture *f = *state;
	struct geo *g = open_geo(f, true);
	uint8_t grey[3];
	char text[256];
	struct store_view *v;
	struct store_node n;

	asn_color(0, grey);
	for (unsigned pass = 0; pass < 3; pass++) {
		put(f, pass == 1 ? g : NULL, 0x01020304, 1);
		assert_int_equal(store_view_open(f->s, &v), 0);
		assert_int_equal(store_view_next(v, &n), 1);
		assert_int_equal(n.asn, pass ? 3320 : 0);
		if (!pass)
			assert_memory_equal(n.color, grey, 3);
		store_view_attribution(v, text, sizeof(text));
		assert_int_equal(strstr(text, "RouteViews") != NULL, pass > 0);
		store_view_close(v);
	}
	geo_close(g);
}

static void attributions_of_all_runs_are_kept(void **state)
{
	struct fixture *f = *state;
	struct geo *g = open_geo(f, true);
	char text[512], once[512];
	struct store_view *v;
	struct kv_txn *t;

	assert_int_equal(kv_begin(f->s->kv, true, &t), 0);
	assert_int_equal(kv_put(t, KV_META, SPAN_LIT("attribution"), SPAN_LIT("Earlier data.")), 0);
	assert_int_equal(kv_commit(t), 0);
	put(f, g, 0x01020304, 1);
	assert_int_equal(store_view_open(f->s, &v), 0);
	store_view_attribution(v, once, sizeof(once));
	assert_non_null(strstr(once, "Earlier data."));
	assert_non_null(strstr(once, "RouteViews"));
	store_view_close(v);
	put(f, g, 0x01020305, 2);
	assert_int_equal(store_view_open(f->s, &v), 0);
	assert_string_equal(store_view_attribution(v, text, sizeof(text)), once);
	assert_string_equal(store_view_attribution(v, text, 8), "Earlier");
	store_view_close(v);
	geo_close(g);
}

static void put_raw(struct fixture *f, enum kv_table table, struct span key, struct span val)
{
	struct kv_txn *t;

	assert_int_equal(kv_begin(f->s->kv, true, &t), 0);
	assert_int_equal(kv_put(t, table, key, val), 0);
	assert_int_equal(kv_commit(t), 0);
}

/* Rows that nobody of ours wrote: said, never read past their end. */
static void damaged_rows_are_said(void **state)
{
	static const struct {
		const char *name;
		enum kv_table table;
		size_t key_len, val_len;
		uint8_t first;
		int next, contact, find;
	} rows[] = {
		{ "short node key", KV_NODES4, 5, 50, 1, DT_ESIZE, 0, 0 },
		{ "short node", KV_NODES4, 26, 49, 2, DT_ESIZE, 0, 0 },
		{ "node of tomorrow", KV_NODES4, 26, 50, 9, DT_ENEWER, 0, 0 },
		{ "short v6 key", KV_NODES6, 26, 50, 2, 1, 0, 0 },
		{ "short contact", KV_MENTIONED4, 6, 39, 1, 0, DT_ESIZE, 0 },
		{ "short contact key", KV_MENTIONED4, 5, 40, 1, 0, DT_ESIZE, 0 },
		{ "address without a node", KV_ADDR4, 6, 4, 1, 0, 0, DT_ECORRUPT },
		{ "address of five bytes", KV_ADDR4, 6, 5, 1, 0, 0, DT_ECORRUPT },
	};
	static const uint8_t zeros[64];
	uint8_t val[64] = { 0 };

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct endpoint ep = endpoint_ip4(0, 0);
		struct fixture *f;
		struct store_view *v;
		struct store_node n;
		void *fresh;

		setup(&fresh);
		f = fresh;
		val[0] = rows[i].first;
		put_raw(f, rows[i].table, span_of(zeros, rows[i].key_len),
			span_of(val, rows[i].val_len));
		assert_int_equal(store_view_open(f->s, &v), 0);
		if (store_view_next(v, &n) != rows[i].next ||
		    store_view_next_mentioned(v, &n) != rows[i].contact ||
		    store_view_find(v, &ep, &n) != rows[i].find)
			fail_msg("%s", rows[i].name);
		store_view_close(v);
		teardown(&fresh);
	}
	(void)state;
}

/* Seeking behind each node, or to where none is, reads on as one walk would. */
static void seeking_reads_on(void **state)
{
	enum { NODES = 40 };
	struct fixture *f = *state;
	struct store_node all[2 * NODES], n;
	struct store_view *v;
	unsigned count = 0;

	for (unsigned i = 0; i < NODES; i++) {
		const struct store_writer_opts opts = { .disk_floor_bytes = 1 };
		struct sighting s = { .when_ms = 1000,
				      .from = endpoint_ip4(0x01000000 + i, 1),
				      .key = { .bits = NODEID_BITS, .b = { (uint8_t)(i / 3) } } };
		struct store_writer *w;

		if (i % 4 == 0) /* of both families, some under one id */
			memset(s.from.addr, 0x20 + (int)i, sizeof(s.from.addr));
		assert_int_equal(store_writer_new(f->s, &opts, &w), 0);
		assert_int_equal(store_writer_put(w, &s, 1), 0);
		assert_int_equal(store_writer_flush(w), 0);
		store_writer_free(w);
	}
	assert_int_equal(store_view_open(f->s, &v), 0);
	while (store_view_next(v, &all[count]) == 1)
		count++;
	assert_int_equal(count, NODES);
	for (unsigned from = 0; from < count; from++) {
		assert_int_equal(store_view_seek(v, &all[from].key, &all[from].ep), 0);
		for (unsigned at = from + 1; at < count; at++) {
			assert_int_equal(store_view_next(v, &n), 1);
			assert_memory_equal(&n.ep, &all[at].ep, sizeof(n.ep));
		}
		assert_int_equal(store_view_next(v, &n), 0);
	}
	n = all[0];
	n.key.b[19] = 1; /* nobody: behind the first id, before the second */
	assert_int_equal(store_view_seek(v, &n.key, &n.ep), 0);
	assert_int_equal(store_view_next(v, &n), 1);
	assert_int_equal(n.key.b[0], 1);
	store_view_close(v);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(places_are_kept_with_the_node, setup, teardown),
		cmocka_unit_test_setup_teardown(a_place_comes_late_and_stays, setup, teardown),
		cmocka_unit_test_setup_teardown(attributions_of_all_runs_are_kept, setup, teardown),
		cmocka_unit_test_setup_teardown(seeking_reads_on, setup, teardown),
		cmocka_unit_test(damaged_rows_are_said),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
