/* SPDX-License-Identifier: MIT */
#include "engine/suspects.h"
#include "tests/unit/engine/crawl_desk.h"

/* Nodes that say odd things, one answer at a time. */

static const struct nodeid advertised = { { 0x40, 1, 2, 3 } };
static const struct nodeid another = { { 0x91, 7 } };

static uint8_t class_of(const struct desk *d, struct endpoint ep)
{
	struct crawl_node n;

	assert_int_equal(crawl_find(d->crawl, &ep, &n), 0);
	return n.node_class;
}

/* The id of query @i, with its last byte turned: 152 bits in common. */
static struct nodeid next_to_asker(const struct desk *d, unsigned i)
{
	struct nodeid id;

	memcpy(id.b, desk_query(d, i).id.ptr, NODEID_BYTES);
	id.b[19] ^= 0x5a;
	return id;
}

static const struct span nothing = { NULL, 0 };

/* Its id moves with ours: only who was asked under both is called a liar. */
static void test_liar(void **state)
{
	struct crawl_opts o = desk_opts();
	struct desk *d = desk_open(&o, NULL);
	struct nodeid said;
	unsigned rounds = 0;

	(void)state;
	desk_offer(d, host(1), &advertised, 5);
	while (desk_send(d)) {
		assert_true(++rounds < 8);
		if (rounds == 2)
			assert_int_not_equal(class_of(d, host(1)), SIGHTING_CLASS_LIAR);
		said = next_to_asker(d, 0);
		desk_answer(d, 0, host(1), &said, nothing);
	}
	assert_int_equal(class_of(d, host(1)), SIGHTING_CLASS_LIAR);
	assert_true(desk_stats(d).probes_sent >= 1);
	desk_close(d);
}

/* An id that happens to be next to ours stays where it is when we are somebody else. */
static void test_neighbour_is_no_liar(void **state)
{
	struct crawl_opts o = desk_opts();
	struct desk *d = desk_open(&o, NULL);
	struct nodeid near = o.own_id;

	(void)state;
	near.b[10] ^= 1;
	desk_offer(d, host(1), &near, 5);
	while (desk_send(d))
		desk_answer(d, 0, host(1), &near, nothing);
	assert_int_equal(class_of(d, host(1)), SIGHTING_CLASS_NORMAL);
	assert_true(desk_stats(d).probes_sent >= 1 && desk_stats(d).probes_sent <= 3);
	desk_close(d);
}

/* A node that was restarted answers under a new id, and stays with it. */
static void test_one_change_is_no_flapper(void **state)
{
	struct crawl_opts o = desk_opts();
	struct desk *d = desk_open(&o, NULL);

	(void)state;
	desk_offer(d, host(1), &advertised, 5);
	while (desk_send(d))
		desk_answer(d, 0, host(1), &another, nothing);
	assert_int_equal(class_of(d, host(1)), SIGHTING_CLASS_NORMAL);
	assert_int_equal(desk_stats(d).probes_sent, 1);
	/* Even in the middle of the census. */
	desk_offer(d, host(2), &advertised, 5);
	for (unsigned i = 0; desk_send(d); i++)
		desk_answer(d, 0, host(2), i ? &another : &advertised, nothing);
	assert_int_equal(class_of(d, host(2)), SIGHTING_CLASS_NORMAL);
	desk_close(d);
}

static void test_flapper(void **state)
{
	struct crawl_opts o = desk_opts();
	struct desk *d = desk_open(&o, NULL);
	struct nodeid id = another;

	(void)state;
	desk_offer(d, host(1), &advertised, 5);
	for (; desk_send(d); id.b[3]++)
		desk_answer(d, 0, host(1), &id, nothing);
	assert_int_equal(class_of(d, host(1)), SIGHTING_CLASS_FLAPPER);
	desk_close(d);
}

/* Our own words: as a reply under our id, or the query itself. */
static void test_reflectors(void **state)
{
	struct crawl_opts o = desk_opts();
	struct desk *d = desk_open(&o, NULL);

	(void)state;
	desk_offer(d, host(1), &advertised, 5);
	desk_offer(d, host(2), &another, 5);
	assert_int_equal(desk_send(d), 2);
	for (unsigned i = 0; i < 2; i++) {
		struct endpoint peer = d->out[i].peer, one = host(1);

		if (endpoint_equal(&peer, &one))
			desk_answer(d, i, peer, &o.own_id, nothing);
		else
			desk_arrives(d, peer, d->out[i].data, d->out[i].len);
	}
	assert_int_equal(class_of(d, host(1)), SIGHTING_CLASS_REFLECTOR);
	assert_int_equal(class_of(d, host(2)), SIGHTING_CLASS_REFLECTOR);
	assert_int_equal(desk_stats(d).reflected, 2);
	assert_int_equal(desk_send(d), 0);
	desk_close(d);
}

/* Somebody else's packet with our id in it accuses nobody. */
static void test_nobody_is_framed(void **state)
{
	struct crawl_opts o = desk_opts();
	struct desk *d = desk_open(&o, NULL);
	struct krpc_query forged = { .method = KRPC_PING,
				     .t = span_of("abcdefgh", 8),
				     .id = o.own_id };
	uint8_t data[256];
	int len = krpc_build_query(&forged, data, sizeof(data));

	(void)state;
	desk_offer(d, host(1), &advertised, 5);
	assert_int_equal(desk_send(d), 1);
	desk_arrives(d, host(1), data, (size_t)len);
	assert_int_equal(class_of(d, host(1)), SIGHTING_CLASS_NORMAL);
	desk_close(d);
}

static size_t contact(uint8_t out[26], const struct nodeid *id, struct endpoint ep)
{
	uint32_t ip = __builtin_bswap32(endpoint_get_ip4(&ep));
	uint16_t port = __builtin_bswap16(ep.port);

	memcpy(out, id->b, NODEID_BYTES);
	memcpy(out + 20, &ip, 4);
	memcpy(out + 24, &port, 2);
	return 26;
}

/* Whom only a misleading node lists is not asked before an honest one lists him too. */
static void test_contacts_in_doubt_wait(void **state)
{
	struct crawl_opts o = desk_opts();
	struct desk *d = desk_open(&o, NULL);
	struct nodeid far = { { 0x13 } };
	struct nodeid said;
	struct endpoint listed = host(9);
	uint8_t list[26];
	size_t len = contact(list, &far, listed);

	(void)state;
	desk_offer(d, host(1), &advertised, 5);
	desk_send(d);
	said = next_to_asker(d, 0);
	desk_answer(d, 0, host(1), &said, span_of(list, len));
	while (desk_send(d))
		for (unsigned i = 0; i < d->sent; i++) {
			assert_false(endpoint_equal(&d->out[i].peer, &listed));
			said = next_to_asker(d, i);
			desk_answer(d, i, host(1), &said, span_of(list, len));
		}
	desk_offer(d, host(2), &another, 6);
	assert_int_equal(desk_send(d), 1);
	desk_answer(d, 0, host(2), &another, span_of(list, len));
	assert_true(desk_send(d) >= 1);
	len = 0;
	for (unsigned i = 0; i < d->sent; i++)
		len += endpoint_equal(&d->out[i].peer, &listed);
	assert_int_equal(len, 1);
	desk_close(d);
}

/* One id: on two ports, on two addresses, on five; and on none but its own. */
static void test_twins(void **state)
{
	struct crawl_opts o = desk_opts();
	struct desk *d = desk_open(&o, NULL);
	struct nodeid id[4] = { { { 0x10 } }, { { 0x30 } }, { { 0x50 } }, { { 0x70 } } };
	struct crawl_twin list[64];
	struct crawl_twins *t;
	struct endpoint port2 = host(1);
	uint64_t count;

	(void)state;
	port2.port++;
	desk_offer(d, host(1), &id[0], 5);
	desk_offer(d, port2, &id[0], 5);
	for (uint32_t i = 0; i < 2; i++)
		desk_offer(d, host(10 + i), &id[1], 5);
	for (uint32_t i = 0; i < 5; i++)
		desk_offer(d, host(20 + i), &id[2], 5);
	desk_offer(d, host(40), &id[3], 5);
	while (desk_send(d))
		for (unsigned i = 0; i < d->sent; i++) {
			struct crawl_node n;

			assert_int_equal(crawl_find(d->crawl, &d->out[i].peer, &n), 0);
			desk_answer(d, i, d->out[i].peer, &n.id, nothing);
		}
	assert_int_equal(crawl_twins_new(10, &t), 0);
	crawl_twins_mark(d->crawl, t);
	count = crawl_twins_list(d->crawl, t, list, 64);
	assert_true(count >= 9 && count <= 10);
	crawl_twins_judge(list, count);
	assert_int_equal(crawl_judge(d->crawl, list, count), 0);
	crawl_twins_free(t);
	assert_int_equal(class_of(d, host(1)), SIGHTING_CLASS_REMAPPED);
	assert_int_equal(class_of(d, port2), SIGHTING_CLASS_REMAPPED);
	assert_int_equal(class_of(d, host(10)), SIGHTING_CLASS_MULTIHOMED);
	assert_int_equal(class_of(d, host(24)), SIGHTING_CLASS_CLONE);
	assert_int_equal(class_of(d, host(40)), SIGHTING_CLASS_NORMAL);
	desk_close(d);
}

/* A query of somebody whom we asked in vain: he cannot be reached, or says that he will not. */
static void test_one_way(void **state)
{
	struct crawl_opts o = desk_opts();
	struct desk *d = desk_open(&o, NULL);
	struct krpc_query q = { .method = KRPC_PING, .t = span_of("ab", 2), .id = advertised };
	uint8_t data[256];

	(void)state;
	for (unsigned i = 1; i < 3; i++) {
		desk_offer(d, host(i), &advertised, 5);
		assert_int_equal(desk_send(d), 1);
		q.ro = i == 2;
		desk_arrives(d, host(i), data, (size_t)krpc_build_query(&q, data, sizeof(data)));
	}
	/* A stranger is not taken up for his word. */
	desk_arrives(d, host(7), data, (size_t)krpc_build_query(&q, data, sizeof(data)));
	assert_int_equal(class_of(d, host(1)), SIGHTING_CLASS_ONE_WAY);
	assert_int_equal(class_of(d, host(2)), SIGHTING_CLASS_READ_ONLY);
	assert_int_equal(desk_stats(d).endpoints_known, 2);
	/* Each is said once when it asks, and by its kind at the end: as a node, not a contact. */
	assert_int_equal(d->said_count, 2);
	crawl_close(d->crawl, d->now_ns);
	assert_int_equal(d->said_count, 4);
	for (unsigned i = 0; i < 4; i++) {
		const struct sighting *s = &d->said[i];

		assert_int_equal(s->way, SIGHTING_ASKED_US);
		assert_int_equal(!(s->flags & SIGHTING_READ_ONLY), i % 2 == 0);
		assert_int_equal(!(s->flags & SIGHTING_FINAL), i < 2);
		assert_int_equal(sighting_reach(1u << s->way, s->flags, s->node_class),
				 i % 2 ? SIGHTING_REACH_READ_ONLY : SIGHTING_REACH_ONE_WAY);
	}
	desk_close(d);
}

/* @bogons of eight contacts lie in private networks; host @i answers every question so. */
static void answer_spoilt(struct desk *d, uint32_t i, unsigned bogons)
{
	uint8_t nodes[8 * 26];

	desk_offer(d, host(i), &advertised, 5);
	for (unsigned round = 0; desk_send(d); round++) {
		for (unsigned k = 0; k < 8; k++) {
			struct nodeid id = id_of(0x40000000 + k);

			contact4(nodes + k * 26, &id,
				 k < bogons ? endpoint_ip4(0x0a000001 + k, 7000)
					    : host(1000 * i + 8 * round + k));
		}
		assert_true(round < 12);
		for (unsigned k = 0; k < d->sent; k++) {
			struct endpoint peer = d->out[k].peer, asked = host(i);

			if (endpoint_equal(&peer, &asked))
				desk_answer(d, k, peer, &advertised, span_of(nodes, sizeof(nodes)));
		}
		d->now_ns += 300 * MS;
	}
}

/* Who keeps on listing addresses that nobody has is a poisoner; a private neighbour is a leak. */
static void test_poisoner(void **state)
{
	struct crawl_opts o = desk_opts();
	struct desk *d = desk_open(&o, NULL);
	struct crawl_classes c = { .marked = 0 };

	(void)state;
	answer_spoilt(d, 1, 2);
	answer_spoilt(d, 2, 1);
	assert_int_equal(class_of(d, host(1)), SIGHTING_CLASS_POISONER);
	assert_int_equal(class_of(d, host(2)), SIGHTING_CLASS_NORMAL);
	crawl_count_classes(d->crawl, &c);
	assert_int_equal(c.count[SIGHTING_CLASS_POISONER], 1);
	/* Its other contacts of the second answer wait for somebody else's word. */
	assert_true(c.marked > 0);
	desk_close(d);
}

/* Sixteen contacts from anywhere, as a bootstrap router gives them. */
static void test_router(void **state)
{
	struct crawl_opts o = desk_opts();
	struct desk *d = desk_open(&o, NULL);
	uint8_t nodes[16 * 26];

	(void)state;
	for (unsigned k = 0; k < 16; k++) {
		struct nodeid id = id_of(k << 28);

		contact4(nodes + k * 26, &id, host(100 + k));
	}
	for (unsigned i = 1; i < 3; i++) {
		desk_offer(d, host(i), &advertised, 5);
		assert_int_equal(desk_send(d) > 0, 1);
		for (unsigned k = 0; k < d->sent; k++) {
			struct endpoint peer = d->out[k].peer, asked = host(i);

			if (endpoint_equal(&peer, &asked))
				desk_answer(d, k, peer, &advertised, span_of(nodes, i * 8 * 26));
		}
	}
	assert_int_equal(class_of(d, host(1)), SIGHTING_CLASS_NORMAL);
	assert_int_equal(class_of(d, host(2)), SIGHTING_CLASS_ROUTER);
	desk_close(d);
}

static void test_names(void **state)
{
	(void)state;
	for (unsigned k = 0; k < SIGHTING_CLASSES; k++) {
		assert_string_not_equal(sighting_class_name(k), "?");
		for (unsigned m = 0; m < k; m++)
			assert_string_not_equal(sighting_class_name(k), sighting_class_name(m));
	}
	assert_string_equal(sighting_class_name(SIGHTING_CLASSES), "?");
}

/* Many suspects: found again, and none but them. */
static void test_suspects(void **state)
{
	struct suspects s = { 0 };

	(void)state;
	assert_null(suspects_find(&s, 0));
	for (uint32_t ref = 0; ref < 30000; ref += 3)
		suspects_note(&s, ref)->switches = (uint8_t)ref;
	for (uint32_t ref = 0; ref < 30000; ref++) {
		const struct suspect *p = suspects_find(&s, ref);

		if (ref % 3)
			assert_null(p);
		else
			assert_int_equal(p->switches, (uint8_t)ref);
	}
	assert_int_equal(s.used, 10000);
	assert_true(suspects_bytes(&s) < 10000 * 24 * 2);
	suspects_free(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_liar),
		cmocka_unit_test(test_neighbour_is_no_liar),
		cmocka_unit_test(test_one_change_is_no_flapper),
		cmocka_unit_test(test_flapper),
		cmocka_unit_test(test_reflectors),
		cmocka_unit_test(test_nobody_is_framed),
		cmocka_unit_test(test_contacts_in_doubt_wait),
		cmocka_unit_test(test_twins),
		cmocka_unit_test(test_one_way),
		cmocka_unit_test(test_poisoner),
		cmocka_unit_test(test_router),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_suspects),
	};

	return cmocka_run_group_tests_name("crawl_class", tests, NULL, NULL);
}
