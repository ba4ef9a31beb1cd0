/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "bench/sim/peer.h"
#include "bench/sim/say.h"

#define MS 1000000ull

struct bed {
	struct sim_world *w;
	struct net *net;
	struct clock clock;
};

static struct bed bed_open(uint32_t live, uint32_t delay_us, double loss)
{
	struct sim_opts o = sim_opts_default();
	struct bed b;

	o.live = live;
	o.delay_us = delay_us;
	o.loss = loss;
	assert_int_equal(sim_world_new(&o, &b.w), 0);
	assert_int_equal(net_sim_open(b.w, &b.net, &b.clock), 0);
	return b;
}

static void bed_close(struct bed *b)
{
	net_close(b->net);
	sim_world_free(b->w);
}

/** find_node to @peer, @t in its transaction id. */
static void ask(struct bed *b, const struct endpoint *peer, uint64_t t)
{
	struct krpc_query q = { .method = KRPC_FIND_NODE, .t = span_of(&t, 8) };
	struct net_msg m;
	int len;

	assert_int_equal(net_send_alloc(b->net, &m, 1), 1);
	len = krpc_build_query(&q, m.data, NET_FRAME_MAX);
	assert_true(len > 0);
	m.len = (uint32_t)len;
	m.peer = *peer;
	m.tag = t;
	assert_int_equal(net_send(b->net, &m, 1), 1);
}

static uint64_t t_of(const struct net_msg *m)
{
	struct krpc_msg msg;
	uint64_t t;

	assert_int_equal(krpc_parse(span_of(m->data, m->len), &msg), 0);
	assert_int_equal(msg.kind, KRPC_REPLY);
	assert_int_equal(msg.t.len, 8);
	memcpy(&t, msg.t.ptr, 8);
	return t;
}

static void answers_come_from_who_was_asked_and_in_order(void **state)
{
	enum { ASKED = 9000 };
	struct bed b = bed_open(3000, 40000, 0);
	uint64_t sent_at[ASKED], last = 0, start = clock_now_ns(&b.clock);
	static struct net_msg got[NET_BATCH_MAX];
	uint32_t asked = 0, answered = 0, live_asked = 0;
	struct net_stats stats;
	uint32_t n;
	(void)state;

	while (answered < live_asked || asked < ASKED) {
		uint64_t before = clock_now_ns(&b.clock);
		int count;

		for (unsigned i = 0; i < 100 && asked < ASKED; i++, asked++) {
			struct endpoint ep = sim_world_contact(b.w, asked % b.w->nodes);

			live_asked += world_alive(b.w, asked % b.w->nodes);
			sent_at[asked] = before;
			ask(&b, &ep, asked);
		}
		count = net_recv(b.net, got, NET_BATCH_MAX, asked < ASKED ? 2 * MS : 400 * MS);
		assert_true(clock_now_ns(&b.clock) > before);
		assert_true(clock_now_ns(&b.clock) <= before + 401 * MS);
		for (int i = 0; i < count; i++) {
			uint64_t t = t_of(&got[i]), due;

			assert_int_equal(sim_world_by_public(b.w, &got[i].peer, &n), 0);
			assert_int_equal(n, t % b.w->nodes);
			/* Its own delay later, and nobody who came later was given before it. */
			due = sent_at[t] + peer_delay_ns(b.w, n, t);
			assert_true(due <= clock_now_ns(&b.clock));
			assert_true(due >= last);
			last = due;
		}
		answered += (uint32_t)count;
		net_recv_finish(b.net);
	}
	net_stats(b.net, &stats);
	assert_int_equal(stats.sent_packets, ASKED);
	assert_int_equal(stats.recv_packets, live_asked);
	assert_true(stats.recv_bytes > 200 * stats.recv_packets);
	assert_int_equal(net_failures(b.net, NULL, 0), 0);
	assert_true(clock_now_ns(&b.clock) - start < 1000 * MS);
	bed_close(&b);
}

static void without_delay_first_asked_is_first_answered(void **state)
{
	struct bed b = bed_open(2000, 0, 0);
	static struct net_msg got[NET_BATCH_MAX];
	uint64_t want = 0;
	unsigned answered = 0;
	(void)state;

	for (uint32_t n = 0; n < 2000; n++) {
		struct endpoint ep = sim_world_contact(b.w, n);

		ask(&b, &ep, n);
	}
	for (int count; (count = net_recv(b.net, got, 100, 0)) > 0;)
		for (int i = 0; i < count; i++, want++, answered++) {
			while (!world_alive(b.w, (uint32_t)want))
				want++;
			assert_int_equal(t_of(&got[i]), want);
		}
	assert_true(answered > 1100);
	bed_close(&b);
}

static void time_moves_by_waiting_alone(void **state)
{
	struct bed b = bed_open(100, 50000, 0);
	struct net_msg got[4];
	uint64_t t0 = clock_now_ns(&b.clock), wall = clock_wall_ns(&b.clock, t0);
	struct endpoint ep;
	uint32_t n = 0;
	(void)state;

	assert_true(wall > 1700000000ull * 1000 * MS && wall < 1900000000ull * 1000 * MS);
	/* Polling costs a turn, a wait its length, an endless wait does not overflow. */
	assert_int_equal(net_recv(b.net, got, 4, 0), 0);
	assert_int_equal(clock_now_ns(&b.clock) - t0, 1000);
	assert_int_equal(net_recv(b.net, got, 4, 7 * MS), 0);
	assert_int_equal(clock_now_ns(&b.clock) - t0, 7 * MS + 2000);
	assert_int_equal(net_recv(b.net, got, 4, UINT64_MAX), 0);
	t0 = clock_now_ns(&b.clock);
	/* A wait ends at the arrival, not at its end. */
	while (!world_alive(b.w, n))
		n++;
	ep = sim_world_contact(b.w, n);
	ask(&b, &ep, 1);
	assert_int_equal(net_recv(b.net, got, 4, 1 * MS), 0);
	assert_int_equal(net_recv(b.net, got, 4, 900 * MS), 1);
	assert_int_equal(clock_now_ns(&b.clock) - t0, peer_delay_ns(b.w, n, 0));
	bed_close(&b);
}

static void nobody_answers_where_nobody_stands(void **state)
{
	struct bed b = bed_open(1000, 0, 0);
	struct endpoint strange[] = { endpoint_ip4(0x7f000001, 6881),
				      endpoint_ip4(0, 0),
				      endpoint_ip4(UINT32_MAX, 65535),
				      { .addr = { 0x20, 1 } } };
	struct net_msg got[4], m;
	struct net_stats stats;
	uint32_t n;
	(void)state;

	for (unsigned i = 0; i < 4; i++)
		ask(&b, &strange[i], i);
	for (n = 0; n < b.w->nodes; n++) {
		struct endpoint ep = sim_world_contact(b.w, n);

		if (!world_alive(b.w, n)) {
			ask(&b, &ep, n);
			continue;
		}
		ep.port++; /* the right address, another port */
		ask(&b, &ep, n);
	}
	/* Garbage to a live node. */
	for (n = 0; !world_alive(b.w, n); n++)
		;
	assert_int_equal(net_send_alloc(b.net, &m, 1), 1);
	memset(m.data, 'x', 40);
	m.len = 40;
	m.peer = sim_world_contact(b.w, n);
	net_send(b.net, &m, 1);
	assert_int_equal(net_recv(b.net, got, 4, 10000 * MS), 0);
	net_stats(b.net, &stats);
	assert_int_equal(stats.sent_packets, 4 + b.w->nodes + 1);
	bed_close(&b);
}

static void a_run_can_be_repeated(void **state)
{
	uint64_t sum[2] = { 0 };
	unsigned answered[2] = { 0 };
	(void)state;

	for (unsigned run = 0; run < 2; run++) {
		struct bed b = bed_open(2000, 30000, 0.2);
		static struct net_msg got[NET_BATCH_MAX];

		for (uint32_t n = 0; n < b.w->nodes; n++) {
			struct endpoint ep = sim_world_contact(b.w, n);

			ask(&b, &ep, n);
		}
		for (int count; (count = net_recv(b.net, got, NET_BATCH_MAX, 1000 * MS)) > 0;)
			for (int i = 0; i < count; i++, answered[run]++)
				sum[run] =
					sim_draw(sum[run], t_of(&got[i]), clock_now_ns(&b.clock));
		bed_close(&b);
	}
	assert_int_equal(sum[0], sum[1]);
	assert_int_equal(answered[0], answered[1]);
	/* 2,000 round trips at 20 % loss: standard deviation 18. */
	assert_true(answered[0] > 1500 && answered[0] < 1700);
}

static void batches_are_bounded(void **state)
{
	static struct net_msg msgs[NET_BATCH_MAX + 50];
	struct bed b = bed_open(600, 0, 0);
	(void)state;

	assert_int_equal(net_send_alloc(b.net, msgs, NET_BATCH_MAX + 50), NET_BATCH_MAX);
	for (uint32_t n = 0; n < b.w->nodes; n++) {
		struct endpoint ep = sim_world_contact(b.w, n);

		ask(&b, &ep, n);
	}
	assert_int_equal(net_recv(b.net, msgs, NET_BATCH_MAX + 50, 0), NET_BATCH_MAX);
	assert_int_equal(net_recv(b.net, msgs, 3, 0), 3);
	bed_close(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(answers_come_from_who_was_asked_and_in_order),
		cmocka_unit_test(without_delay_first_asked_is_first_answered),
		cmocka_unit_test(time_moves_by_waiting_alone),
		cmocka_unit_test(nobody_answers_where_nobody_stands),
		cmocka_unit_test(a_run_can_be_repeated),
		cmocka_unit_test(batches_are_bounded),
	};

	return cmocka_run_group_tests_name("sim_net", tests, NULL, NULL);
}
