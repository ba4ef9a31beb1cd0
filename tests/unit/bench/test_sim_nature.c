/* SPDX-License-Identifier: MIT */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "bench/sim/peer.h"
#include "bench/sim/say.h"
#include "engine/blocklist.h"
#include "engine/gate.h"

static struct sim_opts bad_opts(uint32_t live)
{
	struct sim_opts o = sim_opts_default();

	o.live = live;
	o.loss = 0;
	o.bad = (struct sim_bad){ .oneway = 0.10,
				  .read_only = 0.04,
				  .reflectors = 0.02,
				  .remapped = 0.05,
				  .multihomed = 0.03,
				  .clones = 0.04,
				  .flappers = 0.03,
				  .liars = 0.03,
				  .poisoners = 0.03,
				  .routers = 0.02,
				  .cgn = 0.20,
				  .bep42 = 0.5,
				  .bep43 = 0.5,
				  .bep44 = 0.5,
				  .bep51 = 0.5,
				  .v6 = 0.25,
				  .callers = 0.1 };
	return o;
}

static struct sim_world *world(uint32_t live)
{
	struct sim_opts o = bad_opts(live);
	struct sim_world *w;

	assert_int_equal(sim_world_new(&o, &w), 0);
	return w;
}

static void shares_are_what_was_asked_for(void **state)
{
	struct sim_world *w = world(60000);
	double is[SIM_NATURES] = { 0 }, fits = 0, shared = 0, six = 0, live = 0, n_all = w->nodes;
	(void)state;

	for (uint32_t n = 0; n < w->nodes; n++) {
		struct sim_node node;

		sim_world_node(w, n, &node);
		is[node.nature]++;
		live += node.live;
		assert_false(node.live && nature_is_silent(node.nature));
		fits += nature_leader(w, n) == n && nodeid_bep42_ok(&node.id, &node.public_ep);
		shared += seat_is_shared(w, world_seat(w, n));
		six += seat_has6(w, world_seat(w, n));
	}
	assert_true(live == 60000);
	assert_true(fabs(is[SIM_ONEWAY] / n_all - 0.10) < 0.006);
	assert_true(fabs(is[SIM_READ_ONLY] / n_all - 0.04) < 0.004);
	assert_true(fabs(is[SIM_REFLECTOR] / n_all - 0.02) < 0.003);
	assert_true(fabs(is[SIM_REMAPPED] / n_all - 0.05) < 0.005);
	assert_true(fabs(is[SIM_FLAPPER] / n_all - 0.03) < 0.004);
	assert_true(fabs(is[SIM_LIAR] / n_all - 0.03) < 0.004);
	assert_true(fabs(is[SIM_POISONER] / n_all - 0.03) < 0.004);
	/* Of the seven in ten who are nothing else; clones come in rows of sixteen. */
	assert_true(fabs(is[SIM_CLONE] / n_all - 0.04 * 0.70) < 0.009);
	assert_true(fabs(is[SIM_MULTIHOMED] / n_all - 0.03 * 0.67 * 0.70) < 0.006);
	assert_true(fabs(fits / n_all - 0.5 * 0.96) < 0.02);
	assert_true(fabs(shared / n_all - 0.20) < 0.05);
	assert_true(fabs(six / n_all - 0.25) < 0.01);
	sim_world_free(w);
}

/** Every face, both families and behind shared addresses, is found again from either name. */
static void faces_run_both_ways(void **state)
{
	struct sim_world *w = world(20000);
	struct blocklist *list;
	struct gate *gate;
	unsigned clashes = 0;
	(void)state;

	assert_int_equal(blocklist_new(&list), 0);
	assert_int_equal(gate_new(&(struct gate_opts){ .blocklist = list, .workers = 1 }, &gate),
			 0);
	for (uint32_t f = 0; f < w->nodes * w->seats.kinds; f++) {
		struct endpoint public = face_public(w, f), alias = face_alias(w, f);
		uint32_t back;

		assert_int_equal(gate_may_learn(gate, &public), GATE_OK);
		assert_false(gate_is_service_port(public.port));
		assert_int_equal(endpoint_get_ip4(&alias) >> 24, 127);
		assert_int_equal(face_from_alias(w, endpoint_get_ip4(&alias), alias.port, &back),
				 0);
		assert_int_equal(back, f);
		if (face_is6(w, f) && !seat_has6(w, face_seat(w, f)))
			continue;
		assert_int_equal(face_from_public(w, &public, &back), 0);
		/* Further ports may meet another seat's of the same shared address: one in 600. */
		if (back != f && face_kind(w, f) >= w->seats.kind_port)
			clashes++;
		else
			assert_int_equal(back, f);
		public.port ^= 0x4000;
		if (face_from_public(w, &public, &back) == 0)
			assert_int_not_equal(back, f);
	}
	assert_true(clashes < 60);
	gate_free(gate);
	blocklist_free(list);
	sim_world_free(w);
}

static int ask(const struct sim_world *w, uint32_t n, const struct nodeid *own,
	       const struct nodeid *target, uint64_t nonce, uint8_t *reply, struct krpc_msg *m)
{
	struct krpc_query q = {
		.method = KRPC_FIND_NODE, .t = span_of("abcdefgh", 8), .id = *own, .target = *target
	};
	struct endpoint from = endpoint_ip4(0xc6336401, 6881);
	uint8_t query[256];
	int len = krpc_build_query(&q, query, sizeof(query));

	len = sim_peer_answer(w, n, &from, span_of(query, (size_t)len), nonce, reply, 1500);
	if (len > 0)
		assert_int_equal(krpc_parse(span_of(reply, (size_t)len), m), 0);
	return len;
}

/** What each kind says, asked eight times under two ids. */
static void each_kind_says_what_it_is(void **state)
{
	struct sim_world *w = world(4000);
	struct nodeid us[2] = { { { 1, 2, 3 } }, { { 0xf0, 9 } } };
	unsigned met[SIM_NATURES] = { 0 }, mirrored = 0, own = 0;
	(void)state;

	for (uint32_t n = 0; n < w->nodes; n++) {
		enum sim_nature nature = world_nature(w, n);
		struct sim_node node;
		unsigned same = 0, near = 0;

		if (!peer_there(w, n))
			continue;
		sim_world_node(w, n, &node);
		met[nature]++;
		for (uint64_t i = 0; i < 8; i++) {
			struct nodeid said;
			struct krpc_msg m;
			uint8_t reply[1500];

			assert_true(ask(w, n, &us[i & 1], &node.id, i, reply, &m) > 0);
			if (m.kind == KRPC_QUERY) {
				mirrored++;
				continue;
			}
			memcpy(said.b, m.id.ptr, NODEID_BYTES);
			same += nodeid_equal(&said, &node.id);
			near += nodeid_common_bits(&said, &us[i & 1]) >= 100;
			own += nodeid_equal(&said, &us[i & 1]);
			assert_true(m.nodes.len <= (nature == SIM_ROUTER ? 16 : 8) * 26);
		}
		if (nature == SIM_LIAR)
			assert_true(near == 8 && same == 0);
		else if (nature == SIM_FLAPPER)
			assert_true(same < 8);
		else if (nature != SIM_REFLECTOR)
			assert_true(same == 8 && near == 0);
	}
	for (unsigned i = 0; i < SIM_REFLECTOR + 1u; i++)
		assert_true(met[i] > 0);
	assert_true(mirrored > 0 && own > 0);
	sim_world_free(w);
}

/** Sixteen clones say one id from sixteen seats; a pair two. */
static void clones_share_an_id(void **state)
{
	struct sim_world *w = world(20000);
	struct sim_node a, b;
	unsigned rows = 0, pairs = 0;
	(void)state;

	for (uint32_t n = 0; n + 1 < w->nodes; n++) {
		enum sim_nature nature = world_nature(w, n);
		uint32_t leader = nature_leader(w, n);

		if (nature != SIM_CLONE && nature != SIM_MULTIHOMED)
			continue;
		sim_world_node(w, n, &a);
		sim_world_node(w, leader, &b);
		assert_true(world_nature(w, leader) != nature || nodeid_equal(&a.id, &b.id));
		assert_true(n == leader || !endpoint_equal(&a.public_ep, &b.public_ep));
		rows += nature == SIM_CLONE && leader == n;
		pairs += nature == SIM_MULTIHOMED && leader == n;
	}
	assert_true(rows > 20 && pairs > 200);
	sim_world_free(w);
}

/** libtorrent's tables: one entry of an address, one of a /24 in a bucket, nobody who is read-only.
 */
static void libtorrents_rules_hold_in_its_tables(void **state)
{
	struct sim_opts o = bad_opts(20000);
	unsigned shared[2] = { 0 }, read_only[2] = { 0 }, entries[2] = { 0 };
	struct sim_world *w;
	(void)state;

	o.bad.bep43 = 1;
	o.bad.cgn = 0.8;
	assert_int_equal(sim_world_new(&o, &w), 0);
	for (uint32_t n = 0; n < w->nodes; n += 37) {
		bool lt = world_is_lt(w, n);
		uint32_t seen[64 * PEER_BUCKET_MAX];
		unsigned count = 0;

		for (unsigned bit = 0; bit < 24; bit++) {
			uint32_t list[PEER_BUCKET_MAX], from = count;
			unsigned got = peer_bucket(w, n, bit, list);

			for (unsigned i = 0; i < got; i++) {
				struct endpoint ep = face_public(w, world_seat(w, list[i]));

				entries[lt]++;
				shared[lt] += seat_is_shared(w, world_seat(w, list[i]));
				read_only[lt] += world_nature(w, list[i]) == SIM_READ_ONLY;
				for (unsigned k = 0; lt && k < count; k++) {
					assert_int_not_equal(seen[k], endpoint_get_ip4(&ep));
					if (k >= from)
						assert_int_not_equal(seen[k] >> 8,
								     endpoint_get_ip4(&ep) >> 8);
				}
				seen[count++] = endpoint_get_ip4(&ep);
			}
		}
	}
	assert_int_equal(read_only[1], 0);
	assert_true(read_only[0] > 0);
	/* Under-listed, as they are in life (census P11). */
	assert_true((double)shared[1] / entries[1] < 0.5 * shared[0] / entries[0]);
	sim_world_free(w);
}

/** Poisoners list bogons, the victim and services; the victim's /24 is nobody's. */
static void poisoners_list_whom_nobody_should_ask(void **state)
{
	struct sim_world *w = world(20000);
	unsigned victim = 0, bogon = 0, service = 0, poisoners = 0;
	struct blocklist *list;
	struct gate *gate;
	uint32_t face;
	(void)state;

	assert_int_equal(blocklist_new(&list), 0);
	assert_int_equal(gate_new(&(struct gate_opts){ .blocklist = list, .workers = 1 }, &gate),
			 0);
	for (face = 0; face < w->nodes; face++) {
		struct endpoint ep = face_public(w, face);

		assert_int_not_equal(endpoint_get_ip4(&ep) >> 8, sim_world_victim(w) >> 8);
	}
	for (uint32_t n = 0; n < w->nodes && poisoners < 100; n++) {
		struct nodeid us = { { 7 } }, target = { { 9, 9 } };
		struct krpc_msg m;
		uint8_t reply[1500];

		if (!world_alive(w, n) || world_nature(w, n) != SIM_POISONER)
			continue;
		poisoners++;
		assert_true(ask(w, n, &us, &target, n, reply, &m) > 0);
		assert_int_equal(m.nodes.len, 8 * 26);
		for (unsigned i = 0; i < 8; i++) {
			const uint8_t *p = m.nodes.ptr + i * 26 + 20;
			struct endpoint ep =
				endpoint_ip4((uint32_t)p[0] << 24 | p[1] << 16 | p[2] << 8 | p[3],
					     (uint16_t)(p[4] << 8 | p[5]));

			victim += endpoint_get_ip4(&ep) >> 8 == sim_world_victim(w) >> 8;
			bogon += gate_may_learn(gate, &ep) == GATE_BOGON;
			service += gate_is_service_port(ep.port);
		}
	}
	assert_int_equal(poisoners, 100);
	assert_true(victim >= 390 && bogon == 200 && service >= 200);
	gate_free(gate);
	blocklist_free(list);
	sim_world_free(w);
}

/** BEP 32: the family that was asked over, or what is wanted. */
static void families_are_answered_as_wanted(void **state)
{
	struct sim_world *w = world(4000);
	struct endpoint from = endpoint_ip4(0xc6336401, 6881);
	unsigned both = 0;
	(void)state;

	for (uint32_t n = 0; n < w->nodes; n++) {
		struct peer_question q = { .method = KRPC_FIND_NODE, .t_len = 2, .target = { 5 } };
		bool has6 = seat_has6(w, world_seat(w, n));
		struct krpc_msg m;
		uint8_t reply[1500];

		if (!world_alive(w, n) || world_nature(w, n) != SIM_NORMAL)
			continue;
		for (unsigned want = 0; want < 8; want++) {
			q.want = want & 3;
			q.six = want >> 2;
			assert_int_equal(krpc_parse(span_of(reply, (size_t)peer_say(w, n, &q, &from,
										    reply, 1500)),
						    &m),
					 0);
			if (q.six && !has6)
				continue;
			assert_int_equal(m.nodes.len > 0, q.want ? q.want & KRPC_WANT_N4 : !q.six);
			assert_int_equal(m.nodes6.len > 0,
					 has6 && (q.want ? (q.want & KRPC_WANT_N6) != 0 : q.six));
			both += m.nodes.len && m.nodes6.len;
		}
	}
	assert_true(both > 100);
	sim_world_free(w);
}

static void impossible_mixtures_are_refused(void **state)
{
	struct sim_opts o;
	struct sim_world *w;
	(void)state;

	o = bad_opts(1000);
	o.bad.oneway = 0.5; /* more than the dead */
	assert_int_equal(sim_world_new(&o, &w), DT_ERANGE);
	o = bad_opts(1000);
	o.bad.liars = NAN;
	assert_int_equal(sim_world_new(&o, &w), DT_ERANGE);
	o = bad_opts(1000);
	o.bad.liars = o.bad.remapped = 0.45;
	assert_int_equal(sim_world_new(&o, &w), DT_ERANGE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(shares_are_what_was_asked_for),
		cmocka_unit_test(faces_run_both_ways),
		cmocka_unit_test(each_kind_says_what_it_is),
		cmocka_unit_test(clones_share_an_id),
		cmocka_unit_test(libtorrents_rules_hold_in_its_tables),
		cmocka_unit_test(poisoners_list_whom_nobody_should_ask),
		cmocka_unit_test(families_are_answered_as_wanted),
		cmocka_unit_test(impossible_mixtures_are_refused),
	};

	return cmocka_run_group_tests_name("sim_nature", tests, NULL, NULL);
}
