/* SPDX-License-Identifier: MIT */
#include <stdio.h>

#include "tests/unit/engine/crawl_desk.h"

/**
 * DOC: two families in one crawl: who is asked for contacts of both (census P23), what a
 * reply of both says of its sender's place, and who is told apart by family.
 */

static struct endpoint host6(unsigned n)
{
	struct endpoint ep = { .addr = { 0x2a, 0x02 }, .port = 6881 };

	ep.addr[5] = (uint8_t)n;
	ep.addr[15] = 1;
	return ep;
}

/* Every question that a node is asked, answered with nothing; how many said want. */
static unsigned wants(struct desk *d, struct endpoint ep, unsigned *asked)
{
	unsigned want = 0;

	*asked = 0;
	for (unsigned turn = 0; turn < 12; turn++) {
		unsigned n = desk_send(d);

		for (unsigned i = 0; i < n; i++) {
			struct krpc_msg q = desk_query(d, i);
			struct nodeid id = id_of(0x40000000);

			assert_true(endpoint_equal(&d->out[i].peer, &ep));
			assert_true(q.want == 0 || q.want == (KRPC_WANT_N4 | KRPC_WANT_N6));
			want += q.want != 0;
			(*asked)++;
			desk_answer(d, i, ep, &id, (struct span){ NULL, 0 });
		}
		d->now_ns += 1200 * MS;
	}
	return want;
}

static void test_want(void **state)
{
	static const struct {
		const char *name;
		bool learn6, six;
		double mixing;
		unsigned want;
	} rows[] = {
		{ "IPv4 alone", false, false, 1, 0 },
		{ "both, not chosen", true, false, 0, 0 },
		{ "both, chosen", true, false, 1, 1 },
		{ "both, a node of IPv6", true, true, 1, 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct crawl_opts o = desk_opts();
		struct endpoint ep = rows[i].six ? host6(1) : host(1);
		struct nodeid id = id_of(0x40000000);
		unsigned asked, want;
		struct desk *d;

		o.learn6 = rows[i].learn6;
		o.mixing = rows[i].mixing;
		d = desk_open(&o, NULL);
		desk_offer(d, ep, &id, 1);
		want = wants(d, ep, &asked);
		if (want != rows[i].want || asked < 1)
			fail_msg("%s: %u of %u", rows[i].name, want, asked);
		desk_close(d);
	}
}

/* One in ten, and the same ones however often it is drawn. */
static void test_share(void **state)
{
	enum { NODES = 3000 };
	struct crawl_opts o = desk_opts();
	struct gate_opts g = { .workers = 1, .net_rate = 1e4, .net_burst = 1000 };
	struct desk *d;
	unsigned want = 0;

	(void)state;
	o.learn6 = true;
	o.mixing = 0.10;
	d = desk_open(&o, &g);
	for (unsigned i = 0; i < NODES; i++) {
		struct nodeid id = id_of(i * 0x9e3779b9u);

		desk_offer(d, host(i), &id, 1);
	}
	for (unsigned turn = 0; turn < 400; turn++) {
		unsigned n = desk_send(d);

		d->said_count = 0;
		for (unsigned i = 0; i < n; i++) {
			struct nodeid id =
				id_of((uint32_t)(d->out[i].peer.port - 7000) * 0x9e3779b9u);

			want += desk_query(d, i).want != 0;
			desk_answer(d, i, d->out[i].peer, &id, (struct span){ NULL, 0 });
		}
		d->now_ns += 50 * MS;
	}
	if (want < NODES / 10 - 60 || want > NODES / 10 + 60)
		fail_msg("%u of %d", want, NODES);
	desk_close(d);
}

/* The neighbourhood is that of the node's own overlay, whatever else it lists. */
static void test_place(void **state)
{
	struct nodeid own = id_of(0x40000000), near[8], far[8];
	struct krpc_answer a = {
		.v = SPAN_LIT("LT\x01\x02"), .id = own, .num = -1, .interval = -1
	};
	uint8_t data[KRPC_DATAGRAM_MAX], four[8 * 26], six[8 * 38];
	struct crawl_opts o = desk_opts();
	struct desk *d;
	size_t at = 0;
	int len;

	(void)state;
	o.learn6 = true;
	d = desk_open(&o, NULL);
	for (unsigned i = 0; i < 8; i++) {
		struct endpoint ep = host6(9 + i);
		uint8_t compact[ENDPOINT_COMPACT6];

		near[i] = id_of(0x40100000 + i * 0x1000);
		far[i] = id_of(0xc0000000 + i);
		at += contact4(four + at, &near[i], host(20 + i));
		assert_int_equal(endpoint_to_compact(&ep, compact), ENDPOINT_COMPACT6);
		memcpy(six + i * 38, far[i].b, NODEID_BYTES);
		memcpy(six + i * 38 + NODEID_BYTES, compact, ENDPOINT_COMPACT6);
	}
	desk_offer(d, host(1), &own, 1);
	assert_int_equal(desk_send(d), 1);
	a.t = desk_query(d, 0).t;
	a.nodes = span_of(four, sizeof(four));
	a.nodes6 = span_of(six, sizeof(six));
	len = krpc_build_reply(&a, data, sizeof(data));
	assert_true(len > 0);
	desk_arrives(d, host(1), data, (size_t)len);
	assert_int_equal(desk_stats(d).endpoints_known, 17);
	/* c is 11, by its neighbours in IPv4: bit 10 is flipped. */
	d->now_ns += 1200 * MS;
	for (unsigned i = 0, n = desk_send(d); i < n; i++) {
		struct endpoint one = host(1);
		struct nodeid target = desk_target(d, i), flipped = nodeid_flip(&own, 10);

		if (endpoint_equal(&d->out[i].peer, &one))
			assert_true(nodeid_equal(&target, &flipped));
	}
	desk_close(d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_want),
		cmocka_unit_test(test_share),
		cmocka_unit_test(test_place),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
