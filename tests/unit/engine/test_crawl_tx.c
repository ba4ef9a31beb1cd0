/* SPDX-License-Identifier: MIT */
#include <errno.h>

#include "tests/unit/engine/crawl_desk.h"

/* What leaves, when, how often, and what the gate and the kernel have to say. */

static const struct nodeid a_id = { { 0xa0, 1 } };

static void test_options(void **state)
{
	static const struct {
		const char *name;
		unsigned shard, shards, slots_log2;
		double mixing;
		uint64_t endpoints_max;
	} rows[] = {
		{ "no shards", 0, 0, 10, 0.1, 10 },
		{ "shard beyond", 2, 2, 10, 0.1, 10 },
		{ "too many shards", 0, NET_WORKERS_MAX + 1, 10, 0.1, 10 },
		{ "no bits left for slots", 0, 64, 19, 0.1, 10 },
		{ "slots", 0, 1, 24, 0.1, 10 },
		{ "mixing", 0, 1, 10, 1.5, 10 },
		{ "no table", 0, 1, 10, 0.1, 0 },
	};
	struct gate_opts g = { .workers = 1 };
	struct crawl_port port = { 0 };
	struct gate *gate;

	(void)state;
	assert_int_equal(gate_new(&g, &gate), 0);
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct crawl_opts o = desk_opts();
		struct crawl *c = (void *)&o;

		o.shard = rows[i].shard;
		o.shards = rows[i].shards;
		o.slots_log2 = rows[i].slots_log2;
		o.mixing = rows[i].mixing;
		o.endpoints_max = rows[i].endpoints_max;
		if (crawl_new(&o, gate, &port, 0, 0, &c) != -EINVAL || c)
			fail_msg("%s was taken", rows[i].name);
	}
	crawl_free(NULL);
	gate_free(gate);
}

/* The dead: at once, 2 s later, and 60 s after that; then never again. */
static void test_three_attempts(void **state)
{
	struct crawl_opts o = desk_opts();
	struct desk *d = desk_open(&o, NULL);
	uint64_t at[8], start = d->now_ns;
	struct nodeid target[8];
	uint8_t t[8][8];
	unsigned n = 0;

	(void)state;
	desk_offer(d, host(1), &a_id, 5);
	assert_false(crawl_idle(d->crawl));
	for (;;) {
		uint64_t due = crawl_next_due_ns(d->crawl, d->now_ns);

		if (due == UINT64_MAX)
			break;
		d->now_ns = due;
		if (!desk_send(d))
			continue;
		assert_int_equal(d->sent, 1);
		assert_true(n < 8);
		at[n] = d->now_ns - start;
		target[n] = desk_target(d, 0);
		memcpy(t[n++], desk_query(d, 0).t.ptr, 8);
	}
	assert_int_equal(n, 3);
	assert_int_equal(at[0], 0);
	assert_int_equal(at[1], 2 * S);
	assert_true(at[2] >= 62 * S && at[2] < 62 * S + 200 * MS);
	/* the same question under another t */
	for (unsigned i = 0; i < 3; i++)
		assert_memory_equal(target[i].b, a_id.b, NODEID_BYTES);
	assert_memory_not_equal(t[0], t[1], 8);
	assert_memory_not_equal(t[1], t[2], 8);
	assert_true(d->now_ns - start >= 66 * S); /* 4 s for the last */
	assert_true(crawl_idle(d->crawl));
	assert_int_equal(desk_stats(d).expired, 3);
	assert_int_equal(desk_stats(d).first_attempts, 1);
	desk_close(d);
}

/* q1, then the bit above the farthest contact; a lost q2 is tried once more. */
static void test_plan(void **state)
{
	struct crawl_opts o = desk_opts();
	struct desk *d = desk_open(&o, NULL);
	struct nodeid near = id_of(0xa0000000), far = id_of(0xa8000000),
		      want = nodeid_flip(&a_id, 3);
	unsigned q2 = DESK_BATCH;
	uint8_t nodes[52];
	size_t len;

	(void)state;
	desk_offer(d, host(1), &a_id, 5);
	desk_send(d);
	assert_int_equal(d->sent, 1);
	len = contact4(nodes, &near, host(2));
	len += contact4(nodes + len, &far, host(3)); /* 0xa0.. and 0xa8..: 4 bits in common */
	desk_answer(d, 0, host(1), &a_id, span_of(nodes, len));
	/* q2, and the first questions of the two, who will say nothing */
	desk_send(d);
	assert_int_equal(d->sent, 3);
	for (unsigned i = 0; i < 3; i++)
		if (d->out[i].peer.port == host(1).port)
			q2 = i;
	assert_memory_equal(desk_target(d, q2).b, want.b, NODEID_BYTES);
	assert_int_equal(desk_stats(d).first_attempts, 4);
	d->now_ns += 2 * S;
	desk_send(d);
	assert_int_equal(d->sent, 3);
	assert_int_equal(desk_stats(d).retries_sent, 3);
	d->now_ns += 4 * S;
	assert_int_equal(desk_send(d), 0); /* q2 is over; the two wait for the sweep */
	assert_int_equal(desk_stats(d).retry_waiting, 2);
	desk_close(d);
}

/* Nobody told its id: a random target first, then its own id as it says it. */
static void test_bootstrap(void **state)
{
	struct crawl_opts o = desk_opts();
	struct desk *d = desk_open(&o, NULL);
	struct nodeid first, again;

	(void)state;
	desk_offer(d, host(1), NULL, 0);
	desk_send(d);
	assert_int_equal(d->sent, 1);
	first = desk_target(d, 0);
	assert_memory_not_equal(first.b, (struct nodeid){ { 0 } }.b, NODEID_BYTES);
	d->now_ns += 2 * S;
	desk_send(d);
	again = desk_target(d, 0);
	assert_memory_equal(first.b, again.b, NODEID_BYTES);
	desk_answer(d, 0, host(1), &a_id, (struct span){ NULL, 0 });
	desk_send(d);
	assert_int_equal(d->sent, 1);
	assert_memory_equal(desk_target(d, 0).b, a_id.b, NODEID_BYTES);
	assert_int_equal(desk_stats(d).endpoints_live, 1);
	assert_int_equal(desk_stats(d).mixing_sent, 1);
	desk_close(d);
}

/* Another id than advertised: it is asked about the one it has. */
static void test_id_changed(void **state)
{
	struct crawl_opts o = desk_opts();
	struct desk *d = desk_open(&o, NULL);
	struct nodeid real = id_of(0x77000000), third = id_of(0x78000000);
	struct crawl_node n;

	(void)state;
	desk_offer(d, host(1), &a_id, 5);
	desk_send(d);
	desk_answer(d, 0, host(1), &real, (struct span){ NULL, 0 });
	assert_true(d->said[0].flags & SIGHTING_ID_CHANGED);
	assert_memory_equal(d->said[0].key.b, real.b, NODEID_BYTES);
	desk_send(d);
	assert_int_equal(d->sent, 1);
	assert_memory_equal(desk_target(d, 0).b, real.b, NODEID_BYTES);
	/* a third id: never chased, but asked once more under our other id, to be sure */
	desk_answer(d, 0, host(1), &third, (struct span){ NULL, 0 });
	assert_int_equal(desk_send(d), 1);
	assert_memory_equal(desk_target(d, 0).b, real.b, NODEID_BYTES);
	assert_int_not_equal(memcmp(desk_query(d, 0).id.ptr, o.own_id.b, NODEID_BYTES), 0);
	desk_answer(d, 0, host(1), &real, (struct span){ NULL, 0 });
	assert_int_equal(desk_send(d), 0);
	assert_int_equal(desk_stats(d).probes_sent, 1);
	assert_int_equal(crawl_find(d->crawl, &d->said[0].from, &n), 0);
	assert_memory_equal(n.id.b, real.b, NODEID_BYTES);
	assert_int_equal(n.node_class, SIGHTING_CLASS_FLAPPER);
	assert_int_equal(d->said_count, 1);
	desk_close(d);
}

/* Every tenth gets a random target too; all of them until enough are known. */
static void test_mixing(void **state)
{
	enum { NODES = 2000 };
	struct crawl_opts o = desk_opts();
	struct desk *d;
	struct crawl_stats s;

	(void)state;
	o.mixing = 0.1;
	o.mixing_all_until = 1000;
	d = desk_open(&o, NULL);
	for (uint32_t i = 0; i < NODES; i++) {
		struct nodeid id = id_of(i << 16 | 1);

		desk_offer(d, host(i), &id, 5);
		while (desk_send(d))
			for (unsigned k = 0; k < d->sent; k++)
				desk_answer(d, k, d->out[k].peer, &id, (struct span){ NULL, 0 });
	}
	s = desk_stats(d);
	assert_int_equal(s.endpoints_live, NODES);
	assert_int_equal(s.first_attempts, NODES + s.mixing_sent);
	/* 999 of the start, and a tenth of the other 1001 */
	assert_true(s.mixing_sent > 999 + 60 && s.mixing_sent < 999 + 140);
	assert_true(s.startup_mixing_sent > 999 - 140 && s.startup_mixing_sent < 999 - 60);
	desk_close(d);
}

/* ---- the gate ----------------------------------------------------------------------- */

static void test_rate(void **state)
{
	struct crawl_opts o = desk_opts();
	struct gate_opts g = { .workers = 1, .rate_pps = 100 };
	struct desk *d = desk_open(&o, &g);
	unsigned sent = 0, turns = 0;
	uint64_t end = d->now_ns + S;

	(void)state;
	for (uint32_t i = 0; i < 500; i++) {
		struct nodeid id = id_of(i << 20 | 1);

		desk_offer(d, host(i), &id, 5);
	}
	while (d->now_ns < end) {
		uint64_t due;

		sent += desk_send(d);
		due = crawl_next_due_ns(d->crawl, d->now_ns);
		assert_true(due > d->now_ns);
		d->now_ns = due;
		assert_true(++turns < 1000);
	}
	assert_true(sent >= 99 && sent <= 101);
	desk_close(d);
}

/* Ten ports of one host: its budget lets four go, the others wait their time. */
static void test_host_budget(void **state)
{
	struct crawl_opts o = desk_opts();
	struct desk *d = desk_open(&o, NULL);
	struct crawl_stats s;
	unsigned turns = 0;

	(void)state;
	for (uint32_t i = 0; i < 10; i++) {
		struct nodeid id = id_of(i << 20 | 1);

		desk_offer(d, endpoint_ip4(0x15000001, (uint16_t)(7000 + i)), &id, 5);
	}
	assert_int_equal(desk_send(d), 4);
	s = desk_stats(d);
	assert_int_equal(s.frontier, 6);
	assert_int_equal(s.retry_waiting, 6);
	while (desk_stats(d).endpoints_asked < 10) {
		uint64_t due = crawl_next_due_ns(d->crawl, d->now_ns);

		assert_true(due > d->now_ns && due < UINT64_MAX);
		d->now_ns = due;
		desk_send(d);
		assert_true(++turns < 400);
	}
	assert_int_equal(desk_stats(d).frontier, 0);
	desk_close(d);
}

/* A service port is asked only when a second host names it (P7). */
static void test_service_port(void **state)
{
	struct crawl_opts o = desk_opts();
	struct desk *d = desk_open(&o, NULL);
	struct endpoint dns = endpoint_ip4(0x15000001, 53);

	(void)state;
	desk_offer(d, dns, &a_id, 5);
	desk_offer(d, dns, &a_id, 5);
	assert_int_equal(desk_send(d), 0);
	assert_true(crawl_idle(d->crawl));
	assert_int_equal(desk_stats(d).frontier, 0);
	desk_offer(d, dns, &a_id, 6);
	assert_false(crawl_idle(d->crawl));
	assert_int_equal(desk_send(d), 1);
	/* It keeps silent: once was enough, whoever names it again. */
	d->now_ns += 3 * S;
	assert_int_equal(desk_send(d), 0);
	assert_true(crawl_idle(d->crawl));
	desk_offer(d, dns, &a_id, 7);
	d->now_ns += 100 * S;
	assert_int_equal(desk_send(d), 0);
	assert_int_equal(desk_stats(d).expired, 1);
	desk_close(d);
}

/* Addresses that may not be learnt never enter. */
static void test_may_learn(void **state)
{
	static const struct {
		uint32_t ip;
		uint16_t port;
		enum gate_reason why;
	} rows[] = {
		{ 0x0a000001, 6881, GATE_BOGON },
		{ 0x7f000001, 6881, GATE_BOGON },
		{ 0xe0000001, 6881, GATE_BOGON },
		{ 0x15000001, 0, GATE_PORT_ZERO },
	};
	struct crawl_opts o = desk_opts();
	struct desk *d = desk_open(&o, NULL);

	(void)state;
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint64_t before = desk_stats(d).endpoints_refused[rows[i].why];

		desk_offer(d, endpoint_ip4(rows[i].ip, rows[i].port), &a_id, 5);
		assert_int_equal(desk_stats(d).endpoints_refused[rows[i].why], before + 1);
	}
	assert_int_equal(desk_stats(d).endpoints_known, 0);
	desk_close(d);
}

/* ---- the slots ------------------------------------------------------------------------ */

static void test_slots_are_the_window(void **state)
{
	struct crawl_opts o = desk_opts();
	struct desk *d;
	struct crawl_stats s;

	(void)state;
	o.slots_log2 = 5;
	d = desk_open(&o, NULL);
	for (uint32_t i = 0; i < 100; i++) {
		struct nodeid id = id_of(i << 20 | 1);

		desk_offer(d, host(i), &id, 5);
	}
	assert_int_equal(desk_send(d), 32);
	assert_int_equal(desk_send(d), 0);
	s = desk_stats(d);
	assert_int_equal(s.in_flight, 32);
	assert_int_equal(s.ring_full, 1);
	assert_int_equal(crawl_next_due_ns(d->crawl, d->now_ns), d->now_ns + 2 * S);
	d->now_ns += 2 * S;
	assert_int_equal(desk_send(d), 32);
	desk_close(d);
}

/* ---- the kernel ------------------------------------------------------------------------- */

/* No memory for the packet: undone, and tried again as if it had not been. */
static void test_send_failed(void **state)
{
	struct crawl_opts o = desk_opts();
	struct desk *d = desk_open(&o, NULL);
	struct crawl_stats s;
	uint64_t due;

	(void)state;
	desk_offer(d, host(1), &a_id, 5);
	assert_int_equal(desk_send(d), 1);
	crawl_send_failed(d->crawl, d->out[0].tag, -ENOBUFS, d->now_ns);
	s = desk_stats(d);
	assert_int_equal(s.sent, 0);
	assert_int_equal(s.send_failed, 1);
	assert_int_equal(s.in_flight, 0);
	assert_int_equal(s.first_attempts, 0);
	/* the same news twice, or of a stranger: nothing */
	crawl_send_failed(d->crawl, d->out[0].tag, -ENOBUFS, d->now_ns);
	crawl_send_failed(d->crawl, 0x7fffffff, -ENOBUFS, d->now_ns);
	assert_int_equal(desk_stats(d).send_failed, 1);
	due = crawl_next_due_ns(d->crawl, d->now_ns);
	assert_true(due > d->now_ns && due < d->now_ns + S);
	d->now_ns = due;
	assert_int_equal(desk_send(d), 1);
	assert_int_equal(desk_stats(d).first_attempts, 1);
	assert_int_equal(desk_stats(d).retries_sent, 0);
	desk_close(d);
}

/* A destination that is refused each time is given up after its attempts. */
static void test_send_refused(void **state)
{
	struct crawl_opts o = desk_opts();
	struct desk *d = desk_open(&o, NULL);
	unsigned tries = 0;

	(void)state;
	desk_offer(d, host(1), &a_id, 5);
	for (uint64_t due; (due = crawl_next_due_ns(d->crawl, d->now_ns)) != UINT64_MAX;) {
		d->now_ns = due;
		if (desk_send(d)) {
			tries++;
			crawl_send_failed(d->crawl, d->out[0].tag, -EACCES, d->now_ns);
		}
		assert_true(tries < 10);
	}
	assert_int_equal(tries, 3);
	assert_true(crawl_idle(d->crawl));
	assert_int_equal(desk_stats(d).sent, 0);
	assert_int_equal(desk_stats(d).send_failed, 3);
	desk_close(d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_options),
		cmocka_unit_test(test_three_attempts),
		cmocka_unit_test(test_plan),
		cmocka_unit_test(test_bootstrap),
		cmocka_unit_test(test_id_changed),
		cmocka_unit_test(test_mixing),
		cmocka_unit_test(test_rate),
		cmocka_unit_test(test_host_budget),
		cmocka_unit_test(test_service_port),
		cmocka_unit_test(test_may_learn),
		cmocka_unit_test(test_slots_are_the_window),
		cmocka_unit_test(test_send_failed),
		cmocka_unit_test(test_send_refused),
	};

	return cmocka_run_group_tests_name("crawl_tx", tests, NULL, NULL);
}
