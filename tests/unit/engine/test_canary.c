/* SPDX-License-Identifier: MIT */
#include "engine/canary.h"

#include <stdbool.h>
#include <string.h>

#include "tests/support/unit.h"

/* DOC: a flock whose nodes answer or not, in time that is passed in. */

enum { MS = 1000000, START_MS = 100000, NODES = 40 };

static const uint8_t key[COOKIE_KEY_BYTES] = { 7 };

struct rig {
	struct canary *c;
	struct gate *g;
	uint8_t bytes[CANARY_BATCH][NET_FRAME_MAX];
	struct net_msg msgs[CANARY_BATCH];
};

static void rig_open(struct rig *r)
{
	struct canary_opts o = { .mac_key = key, .v = SPAN_LIT("DT\0\1") };
	struct gate_opts gate = { .workers = 1 };

	assert_int_equal(canary_new(&o, &r->c), 0);
	assert_int_equal(gate_new(&gate, &r->g), 0);
	for (unsigned i = 0; i < NODES; i++) {
		struct endpoint ep = endpoint_ip4(0x08080000 + i * 0x10000 + 5, 6881);

		canary_meet(r->c, &ep);
	}
	for (unsigned i = 0; i < CANARY_BATCH; i++)
		r->msgs[i].data = r->bytes[i];
}

static void rig_close(struct rig *r)
{
	canary_free(r->c);
	gate_free(r->g);
}

static unsigned ask(struct rig *r, uint64_t ms, uint64_t sent)
{
	return canary_ask(r->c, r->g, ms * MS, sent, r->msgs, CANARY_BATCH);
}

/* What a node would say to ping @m: its t in a reply. */
static struct net_msg reply_to(const struct net_msg *m, uint8_t buf[static NET_FRAME_MAX])
{
	static const char head[] = "d1:rd2:id20:abcdefghij0123456789e1:t8:", tail[] = "1:y1:re";
	struct krpc_msg q;
	size_t at = sizeof(head) - 1;

	assert_int_equal(krpc_parse(span_of(m->data, m->len), &q), 0);
	assert_int_equal(q.kind, KRPC_QUERY);
	assert_int_equal(q.method, KRPC_PING);
	assert_true(q.ro);
	assert_int_equal(q.t.len, 8);
	memcpy(buf, head, at);
	memcpy(buf + at, q.t.ptr, 8);
	memcpy(buf + at + 8, tail, sizeof(tail) - 1);
	return (struct net_msg){ .peer = m->peer,
				 .data = buf,
				 .len = (uint32_t)(at + 8 + sizeof(tail) - 1) };
}

/* Runs @ms of time; a node answers where (its number % every) is not 0. */
static uint64_t run(struct rig *r, uint64_t from_ms, uint64_t ms, uint64_t pps, unsigned every)
{
	struct canary_stats s;
	uint64_t sent = 0;

	for (uint64_t t = from_ms; t < from_ms + ms; t++) {
		unsigned n;

		sent += pps / 1000;
		n = ask(r, t, sent);
		for (unsigned i = 0; i < n; i++) {
			uint8_t buf[NET_FRAME_MAX];
			struct net_msg m = reply_to(&r->msgs[i], buf);

			if (every == 0 || endpoint_get_ip4(&m.peer) >> 16 & 0xff & (every - 1))
				assert_true(canary_take(r->c, &m, (t + 1) * MS));
		}
	}
	canary_stats(r->c, &s);
	assert_int_equal(s.sent, s.answered + s.lost + s.in_flight);
	return s.sent;
}

/* At most one packet in a hundred, and none to one node more than once in 2.5 s. */
static void test_share(void **state)
{
	struct canary_stats s;
	struct rig r;

	(void)state;
	rig_open(&r);
	assert_true(run(&r, START_MS, 10000, 1000, 0) <= 10000 / 100 + 1);
	canary_stats(r.c, &s);
	assert_int_equal(s.lost, 0);
	assert_true(s.answered >= 90);
	rig_close(&r);
	rig_open(&r);
	assert_true(run(&r, START_MS, 10000, 1000000, 0) <= NODES * 4);
	rig_close(&r);
}

/* Who is silent counts as lost, and leaves after three times. */
static void test_silence(void **state)
{
	struct canary_stats s;
	struct rig r;

	(void)state;
	rig_open(&r);
	run(&r, START_MS, 20000, 100000, 2); /* every other node is silent */
	canary_stats(r.c, &s);
	assert_int_equal(s.lost, NODES / 2 * CANARY_MISSES_MAX);
	assert_int_equal(s.members, NODES / 2);
	rig_close(&r);
}

/* Nobody else's answer counts: another's address, another t, twice, late. */
static void test_forgeries(void **state)
{
	uint8_t buf[NET_FRAME_MAX];
	struct canary_stats s;
	struct net_msg m, bad;
	struct rig r;

	(void)state;
	rig_open(&r);
	assert_int_equal(ask(&r, START_MS, 0), 1);
	m = reply_to(&r.msgs[0], buf);
	bad = m;
	bad.peer.port++;
	assert_false(canary_take(r.c, &bad, (START_MS + 1) * (uint64_t)MS));
	for (unsigned i = 0; i < m.len; i++) {
		bool taken;

		buf[i] ^= 1;
		taken = canary_take(r.c, &m, (START_MS + 1) * (uint64_t)MS);
		buf[i] ^= 1;
		canary_stats(r.c, &s);
		assert_true(s.answered == (taken ? 1u : 0u) || taken);
		if (taken)
			break; /* a byte that says nothing to us */
	}
	for (uint32_t len = 0; len < m.len; len++) {
		bad = m;
		bad.len = len;
		(void)canary_take(r.c, &bad, (START_MS + 1) * (uint64_t)MS);
	}
	canary_take(r.c, &m, (START_MS + 2) * (uint64_t)MS);
	canary_take(r.c, &m, (START_MS + 3) * (uint64_t)MS);
	canary_stats(r.c, &s);
	assert_int_equal(s.answered, 1);
	assert_int_equal(s.in_flight, 0);
	rig_close(&r);
}

/* A ping that could not be sent was none. */
static void test_refused(void **state)
{
	struct canary_stats s;
	struct rig r;

	(void)state;
	rig_open(&r);
	assert_int_equal(ask(&r, START_MS, 0), 1);
	assert_false(canary_owns(r.c, 12345));
	assert_true(canary_owns(r.c, r.msgs[0].tag));
	canary_stats(r.c, &s);
	assert_int_equal(s.sent, 0);
	assert_int_equal(s.in_flight, 0);
	assert_true(r.msgs[0].tag < UINT64_C(1) << NET_TAG_BITS);
	rig_close(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_share),
		cmocka_unit_test(test_silence),
		cmocka_unit_test(test_forgeries),
		cmocka_unit_test(test_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
