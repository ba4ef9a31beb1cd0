/* SPDX-License-Identifier: MIT */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "bench/sim/world.h"
#include "engine/blocklist.h"
#include "engine/gate.h"

static struct sim_world *world(uint32_t live, double dead, uint64_t seed)
{
	struct sim_opts o = sim_opts_default();
	struct sim_world *w;

	o.live = live;
	o.dead_share = dead;
	o.seed = seed;
	assert_int_equal(sim_world_new(&o, &w), 0);
	return w;
}

static void exactly_so_many_are_alive(void **state)
{
	static const struct {
		uint32_t live;
		double dead;
		uint32_t nodes;
	} rows[] = {
		{ 1, 0, 1 },       { 1, 0.5, 2 },          { 2, 0, 2 },
		{ 7, 0.9, 70 },    { 999, 0.40, 1665 },    { 60000, 0.40, 100000 },
		{ 1000, 0, 1000 }, { 50000, 0.01, 50505 },
	};
	(void)state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		for (uint64_t seed = 0; seed < 3; seed++) {
			struct sim_world *w = world(rows[i].live, rows[i].dead, seed);
			uint32_t live = 0;

			assert_int_equal(sim_world_nodes(w), rows[i].nodes);
			for (uint32_t n = 0; n < w->nodes; n++)
				live += world_alive(w, n);
			assert_int_equal(live, rows[i].live);
			sim_world_free(w);
		}
}

static void ids_ascend_and_differ_in_every_byte(void **state)
{
	struct sim_world *w = world(30000, 0.40, 7);
	unsigned seen[20][256] = { { 0 } };
	struct sim_node a, b;
	(void)state;

	sim_world_node(w, 0, &a);
	for (uint32_t n = 1; n < w->nodes; n++, a = b) {
		sim_world_node(w, n, &b);
		assert_true(memcmp(a.id.b, b.id.b, NODEID_BYTES) < 0);
		for (unsigned i = 0; i < 20; i++)
			seen[i][b.id.b[i]]++;
	}
	/* 50,000 draws, 256 values: 195 expected, standard deviation 14. */
	for (unsigned i = 0; i < 20; i++)
		for (unsigned v = 0; v < 256; v++)
			assert_true(seen[i][v] > 195 - 7 * 14 && seen[i][v] < 195 + 7 * 14);
	sim_world_free(w);
}

static void the_index_finds_what_a_scan_finds(void **state)
{
	struct sim_world *w = world(3000, 0.40, 3);
	(void)state;

	for (uint64_t i = 0; i < 3000; i++) {
		uint64_t v = i < 1500 ? sim_draw(99, i, 0) : w->prefix[i] + i % 3 - 1;
		uint32_t n = 0;

		while (n < w->nodes && w->prefix[n] < v)
			n++;
		assert_int_equal(world_rank(w, v), n);
	}
	assert_int_equal(world_rank(w, 0), 0);
	assert_int_equal(world_rank(w, UINT64_MAX), w->nodes);
	sim_world_free(w);
}

static void one_seed_one_world(void **state)
{
	struct sim_world *a = world(5000, 0.40, 11), *b = world(5000, 0.40, 11);
	struct sim_world *c = world(5000, 0.40, 12);
	unsigned same = 0;
	(void)state;

	/* Throwing the table away and making it again changes nothing. */
	assert_true(sim_world_bytes(b) > 8 * b->nodes);
	sim_world_shed(b);
	assert_int_equal(sim_world_bytes(b), 0);
	assert_int_equal(sim_world_load(b), 0);
	assert_int_equal(sim_world_load(b), 0);
	for (uint32_t n = 0; n < a->nodes; n++) {
		struct sim_node x, y, z;

		sim_world_node(a, n, &x);
		sim_world_node(b, n, &y);
		sim_world_node(c, n, &z);
		assert_memory_equal(&x.id, &y.id, sizeof(x.id));
		assert_true(endpoint_equal(&x.public_ep, &y.public_ep));
		assert_int_equal(x.live, y.live);
		same += nodeid_equal(&x.id, &z.id) + endpoint_equal(&x.public_ep, &z.public_ep);
	}
	assert_int_equal(same, 0);
	sim_world_free(a);
	sim_world_free(b);
	sim_world_free(c);
}

static void addresses_run_both_ways(void **state)
{
	struct sim_world *w = world(120000, 0.40, 5);
	(void)state;

	for (uint32_t n = 0; n < w->nodes; n++) {
		struct sim_node node;
		struct endpoint off;
		uint32_t back;

		sim_world_node(w, n, &node);
		assert_int_equal(sim_world_by_public(w, &node.public_ep, &back), 0);
		assert_int_equal(back, n);
		assert_int_equal(sim_world_by_alias(w, &node.alias, &back), 0);
		assert_int_equal(back, n);
		off = node.public_ep;
		off.port ^= 1;
		assert_int_equal(sim_world_by_public(w, &off, &back), DT_ENOTFOUND);
	}
	sim_world_free(w);
}

static int by_value(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

/** What a gate lets through, no address twice, no /24 crowded. */
static void addresses_are_what_a_census_may_ask(void **state)
{
	struct sim_world *w = world(300000, 0.40, 9);
	uint32_t *ips = calloc(w->nodes, sizeof(*ips));
	struct blocklist *list;
	struct gate *gate;
	unsigned crowd = 0;
	(void)state;

	assert_int_equal(blocklist_new(&list), 0);
	assert_int_equal(gate_new(&(struct gate_opts){ .blocklist = list, .workers = 1 }, &gate),
			 0);
	for (uint32_t n = 0; n < w->nodes; n++) {
		struct endpoint ep = sim_world_contact(w, n);
		enum gate_reason why;
		uint64_t retry;

		ips[n] = endpoint_get_ip4(&ep);
		assert_int_equal(gate_may_learn(gate, &ep), GATE_OK);
		if (gate_admit(gate, &ep, 1, 1000000000ull * (n + 1), &why, &retry) != GATE_PASS)
			fail_msg("node %u at port %u: %s", n, ep.port, gate_reason_name(why));
	}
	qsort(ips, w->nodes, sizeof(*ips), by_value);
	for (uint32_t n = 1; n < w->nodes; n++) {
		assert_true(ips[n] != ips[n - 1]);
		crowd = ips[n] >> 8 == ips[n - 1] >> 8 ? crowd + 1 : 0;
		assert_true(crowd < 8);
	}
	gate_free(gate);
	blocklist_free(list);
	free(ips);
	sim_world_free(w);
}

static void aliases_stay_in_127_and_off_its_reserved_ends(void **state)
{
	struct sim_world *w = world(20000, 0.40, 2);
	struct sim_node node;
	uint32_t n, ip;
	(void)state;

	for (n = 0; n < w->nodes; n++) {
		sim_world_node(w, n, &node);
		ip = endpoint_get_ip4(&node.alias);
		assert_true(ip >> 24 == 127 && (ip >> 16 & 255) != 0 && ip >> 8 != 0x7fffff);
		assert_int_equal(node.alias.port, w->alias_port);
	}
	/* The corners: nobody is there, and nothing outside 127/8 is ever somebody. */
	assert_int_equal(face_from_alias(w, 0x7f000001, w->alias_port, &n), DT_ENOTFOUND);
	assert_int_equal(face_from_alias(w, ALIAS_FIRST - 1, w->alias_port, &n), DT_ENOTFOUND);
	assert_int_equal(face_from_alias(w, ALIAS_LAST + 1u, w->alias_port, &n), DT_ENOTFOUND);
	assert_int_equal(face_from_alias(w, ALIAS_FIRST, (uint16_t)(w->alias_port + 1), &n),
			 DT_ENOTFOUND);
	assert_int_equal(face_from_alias(w, ALIAS_FIRST, 0, &n), DT_ENOTFOUND);
	assert_int_equal(face_from_alias(w, 0x08080808, w->alias_port, &n), DT_ENOTFOUND);
	/* Beyond the room of one port the next one is used. */
	w->nodes = ALIAS_ROOM + 10;
	node.alias = face_alias(w, ALIAS_ROOM + 3);
	assert_int_equal(endpoint_get_ip4(&node.alias), ALIAS_FIRST + 3);
	assert_int_equal(node.alias.port, w->alias_port + 1);
	assert_int_equal(face_from_alias(w, endpoint_get_ip4(&node.alias), node.alias.port, &n), 0);
	assert_int_equal(n, ALIAS_ROOM + 3);
	w->nodes = 33333;
	sim_world_free(w);
}

static void bootstrap_nodes_live_and_differ(void **state)
{
	static const struct {
		uint32_t live;
		unsigned max, least;
	} rows[] = { { 1000, 16, 16 }, { 3, 16, 3 }, { 1, 1, 1 }, { 50, 40, 20 }, { 9, 0, 0 } };
	(void)state;

	for (size_t r = 0; r < sizeof(rows) / sizeof(rows[0]); r++)
		for (uint64_t seed = 1; seed < 20; seed++) {
			struct sim_world *w = world(rows[r].live, 0.40, seed);
			struct endpoint out[64];
			unsigned count = sim_world_bootstrap(w, out, rows[r].max);
			uint32_t n;

			assert_true(count >= rows[r].least && count <= rows[r].max);
			for (unsigned i = 0; i < count; i++) {
				assert_int_equal(sim_world_by_public(w, &out[i], &n), 0);
				assert_true(world_alive(w, n));
				for (unsigned k = 0; k < i; k++)
					assert_false(endpoint_equal(&out[i], &out[k]));
			}
			sim_world_free(w);
		}
}

static void plain_worlds_name_aliases(void **state)
{
	struct sim_opts o = sim_opts_default();
	struct endpoint ep, boot[4];
	struct sim_node node;
	struct sim_world *w;
	(void)state;

	o.live = 100;
	o.plain = true;
	assert_int_equal(sim_world_new(&o, &w), 0);
	sim_world_node(w, 5, &node);
	ep = sim_world_contact(w, 5);
	assert_true(endpoint_equal(&ep, &node.alias));
	assert_int_equal(sim_world_bootstrap(w, boot, 4), 4);
	assert_int_equal(endpoint_get_ip4(&boot[0]) >> 24, 127);
	sim_world_free(w);
}

static void shares_are_what_was_asked_for(void **state)
{
	struct sim_world *w = world(120000, 0.40, 21);
	unsigned age[SIM_AGES] = { 0 }, lt = 0, old_alive = 0;
	(void)state;

	for (uint32_t n = 0; n < w->nodes; n++) {
		enum sim_age a = mood_age(world_mood(w, n));

		age[a]++;
		lt += world_is_lt(w, n);
		old_alive += a == SIM_OLD && world_alive(w, n);
	}
	/* Standard deviations are below 225; age and life do not depend on each other. */
	assert_true(abs((int)age[SIM_OLD] - 60000) < 1000);
	assert_true(abs((int)age[SIM_MIDDLE] - 120000) < 1000);
	assert_true(abs((int)age[SIM_YOUNG] - 20000) < 700);
	assert_true(abs((int)lt - 140000) < 1000);
	assert_true(abs((int)old_alive - 36000) < 900);
	sim_world_free(w);
}

static void impossible_worlds_are_refused(void **state)
{
	static const struct {
		const char *name;
		uint32_t live;
		double dead, loss, lt;
	} rows[] = {
		{ "nobody", 0, 0.4, 0, 0.7 },
		{ "all dead", 10, 1.0, 0, 0.7 },
		{ "negative dead", 10, -0.1, 0, 0.7 },
		{ "loss above one", 10, 0.4, 1.1, 0.7 },
		{ "negative loss", 10, 0.4, -1, 0.7 },
		{ "share above one", 10, 0.4, 0, 1.5 },
		{ "not a number", 10, NAN, 0, 0.7 },
		{ "too many", 200000000, 0, 0, 0.7 },
		{ "too many dead", 20000000, 0.99, 0, 0.7 },
	};
	(void)state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct sim_opts o = sim_opts_default();
		struct sim_world *w = (void *)1;

		o.live = rows[i].live;
		o.dead_share = rows[i].dead;
		o.loss = rows[i].loss;
		o.lt_share = rows[i].lt;
		if (sim_world_new(&o, &w) != DT_ERANGE || w)
			fail_msg("accepted: %s", rows[i].name);
	}
	sim_world_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(exactly_so_many_are_alive),
		cmocka_unit_test(ids_ascend_and_differ_in_every_byte),
		cmocka_unit_test(the_index_finds_what_a_scan_finds),
		cmocka_unit_test(one_seed_one_world),
		cmocka_unit_test(addresses_run_both_ways),
		cmocka_unit_test(addresses_are_what_a_census_may_ask),
		cmocka_unit_test(aliases_stay_in_127_and_off_its_reserved_ends),
		cmocka_unit_test(bootstrap_nodes_live_and_differ),
		cmocka_unit_test(plain_worlds_name_aliases),
		cmocka_unit_test(shares_are_what_was_asked_for),
		cmocka_unit_test(impossible_worlds_are_refused),
	};

	return cmocka_run_group_tests_name("sim_world", tests, NULL, NULL);
}
