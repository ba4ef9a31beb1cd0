/* SPDX-License-Identifier: MIT */
#include "tests/support/unit.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/store.h"
#include "tests/support/tempdir.h"
#include "viz/scene_view.h"

enum { STARTED_S = 1795219200, NODES = 300 };

/* Two networks with a place, one known by its country alone, the rest nowhere. */
static const char table[] = "# dht-telescope geo table v1\n"
			    "11.0.0.0\t11.0.0.255\t100\tFirst Network\tDE\tBerlin\t52.5\t13.4\t10\n"
			    "11.0.1.0\t11.0.1.255\t200\tSecond Network\tBR\tRio\t-22.9\t-43.2\t0\n";

struct fixture {
	char dir[TEMPDIR_MAX];
	struct store *s;
	struct geo *geo;
};

static void fixture_open(struct fixture *f)
{
	struct geo_opts opts = { .dir = f->dir };

	tempdir_make(f->dir);
	tempdir_write(f->dir, "geo.tsv", table, sizeof(table) - 1);
	assert_int_equal(geo_open(&opts, NULL, NULL, &f->geo), 0);
	assert_int_equal(store_open(f->dir, STORE_CREATE, &f->s, NULL), 0);
}

static void fixture_close(struct fixture *f)
{
	geo_close(f->geo);
	store_close(f->s);
	tempdir_remove(f->dir);
}

/* Half of them in the first network, a quarter in the second, a quarter unknown. */
static struct sighting seen(unsigned i)
{
	struct sighting s = { .when_ms = (STARTED_S + i) * 1000ull,
			      .way = SIGHTING_ANSWERED,
			      .attempts = 1,
			      .answers = 1,
			      .mentions = 1 };
	uint32_t ip = i % 4 < 2 ? 0x0b000000 : i % 4 == 2 ? 0x0b000100 : 0x0c000000;
	struct nodeid id = { { 0 } };

	id.b[0] = (uint8_t)(i * 37);
	id.b[1] = (uint8_t)(i >> 8);
	id.b[2] = (uint8_t)i;
	s.key = nodekey_from_id(&id);
	s.from = endpoint_ip4(ip + i / 4, (uint16_t)(6881 + i));
	return s;
}

static void fill(struct fixture *f)
{
	const struct store_writer_opts opts = { .geo = f->geo, .disk_floor_bytes = 1 };
	struct store_writer *w;
	uint32_t epoch;

	assert_int_equal(store_epoch_begin(f->s, STARTED_S, true, &epoch), 0);
	assert_int_equal(store_writer_new(f->s, &opts, &w), 0);
	for (unsigned i = 0; i < NODES; i++) {
		struct sighting s = seen(i);

		assert_int_equal(store_writer_put(w, &s, 1), 0);
	}
	assert_int_equal(store_writer_flush(w), 0);
	store_writer_free(w);
}

static struct scene *read_space(struct fixture *f, enum scene_space space)
{
	struct store_view *v;
	struct scene *s = NULL;
	char why[256] = "";

	assert_int_equal(store_view_open(f->s, &v), 0);
	assert_int_equal(scene_view_read(v, &(struct scene_want){ .space = space }, &s, why), 0);
	store_view_close(v);
	assert_non_null(s);
	return s;
}

static struct scene *read_scene(struct fixture *f)
{
	return read_space(f, SCENE_EARTH);
}

/* Node by node: the address itself, and nobody with a place on Earth. */
static void test_addresses(void **state)
{
	struct fixture f;
	struct scene *s;

	(void)state;
	fixture_open(&f);
	fill(&f);
	s = read_space(&f, SCENE_IPV4);
	assert_int_equal(s->space, SCENE_IPV4);
	assert_int_equal(s->node_count, NODES);
	for (unsigned i = 0; i < NODES; i++) {
		unsigned found = 0;
		struct endpoint ep = seen(i).from;

		for (uint32_t n = 0; n < s->node_count; n++)
			found += s->nodes[n].seed == endpoint_get_ip4(&ep) &&
				 s->nodes[n].place != SCENE_NOWHERE;
		assert_true(found > 0);
	}
	scene_free(s);
	fixture_close(&f);
}

/* The first 32 bits of the key; every node has one. */
static void test_ids(void **state)
{
	struct fixture f;
	struct scene *s;

	(void)state;
	fixture_open(&f);
	fill(&f);
	s = read_space(&f, SCENE_IDS);
	assert_int_equal(s->unlocated, 0);
	assert_int_equal(s->node_count, NODES);
	for (uint32_t n = 0; n < s->node_count; n++) {
		unsigned i = (s->nodes[n].seed >> 16 & 255) << 8 | (s->nodes[n].seed >> 8 & 255);

		assert_int_equal(s->nodes[n].seed >> 24, (uint8_t)(i * 37));
	}
	scene_free(s);
	fixture_close(&f);
}

static void test_read(void **state)
{
	struct fixture f;
	struct scene *s;

	(void)state;
	fixture_open(&f);
	fill(&f);
	s = read_scene(&f);
	assert_int_equal(s->node_count, NODES);
	assert_int_equal(s->located, NODES * 3 / 4);
	assert_int_equal(s->unlocated, NODES / 4);
	assert_int_equal(s->place_count, 2);
	assert_int_equal(s->network_count, 3);
	assert_int_equal(s->top_count, 2);
	assert_string_equal(s->top[0].name, "First Network");
	assert_string_equal(s->top[1].name, "Second Network");
	assert_int_equal(s->networks[s->top[0].network].nodes, NODES / 2);
	assert_int_equal(s->first_s, STARTED_S);
	assert_int_equal(s->last_s, STARTED_S + NODES - 1);
	assert_true(s->synthetic);
	for (uint32_t i = 0; i < s->place_count; i++)
		assert_true(fabsf(s->places[i].lat - 52.5f) < 0.01f ||
			    fabsf(s->places[i].lat + 22.9f) < 0.01f);
	scene_free(s);
	fixture_close(&f);
}

/* The same node lands on the same spot, whatever else the store holds. */
static void test_seed(void **state)
{
	struct endpoint a = endpoint_ip4(0x0b000001, 6881), b = endpoint_ip4(0x0b000001, 6882);

	(void)state;
	assert_int_equal(scene_view_seed(&a), scene_view_seed(&a));
	assert_true(scene_view_seed(&a) != scene_view_seed(&b));
	/* pinned: another value would move every light of every picture */
	assert_int_equal(scene_view_seed(&a), 0x7405f739);
}

static void test_empty(void **state)
{
	struct fixture f;
	struct scene *s;

	(void)state;
	fixture_open(&f);
	s = read_scene(&f);
	assert_int_equal(s->node_count, 0);
	assert_int_equal(s->top_count, 0);
	assert_false(s->synthetic);
	scene_free(s);
	fixture_close(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_read),  cmocka_unit_test(test_addresses),
		cmocka_unit_test(test_ids),   cmocka_unit_test(test_seed),
		cmocka_unit_test(test_empty),
	};

	return cmocka_run_group_tests_name("viz/scene_view", tests, NULL, NULL);
}
