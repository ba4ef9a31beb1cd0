/* SPDX-License-Identifier: MIT */
#include "engine/rng.h"
#include "tests/support/guard.h"
#include "tests/unit/engine/crawl_desk.h"

/* What arrives: late, twice, forged, cut, from elsewhere, from mirrors and poisoners. */

static const struct nodeid a_id = { { 0xa0, 1 } };
static const struct span none = { NULL, 0 };

/* A reply to query @i, ready to be spoilt. */
static size_t reply_to(const struct desk *d, unsigned i, const struct nodeid *id, uint8_t *out)
{
	struct krpc_answer a = { .t = desk_query(d, i).t, .id = *id, .num = -1, .interval = -1 };
	int len = krpc_build_reply(&a, out, KRPC_DATAGRAM_MAX);

	assert_true(len > 0);
	return (size_t)len;
}

static struct desk *with_query(struct crawl_opts o)
{
	struct desk *d = desk_open(&o, NULL);

	desk_offer(d, host(1), &a_id, 5);
	assert_int_equal(desk_send(d), 1);
	return d;
}

static void test_answer(void **state)
{
	struct desk *d = with_query(desk_opts());
	const struct sighting *s = &d->said[0];
	struct endpoint ep = host(1);
	struct crawl_node n;

	(void)state;
	d->now_ns += 30 * MS;
	desk_answer(d, 0, ep, &a_id, none);
	assert_int_equal(desk_stats(d).answered, 1);
	assert_int_equal(desk_stats(d).in_flight, 0);
	assert_int_equal(desk_stats(d).endpoints_live, 1);
	assert_int_equal(d->said_count, 1);
	assert_int_equal(s->when_ms, (5000 + 77) * 1000 + 30);
	assert_int_equal(s->way, SIGHTING_ANSWERED);
	assert_int_equal(s->rtt_us, 30000);
	assert_int_equal(s->attempts, 1);
	assert_int_equal(s->answers, 1);
	assert_int_equal(s->mentions, 1);
	assert_int_equal(s->flags & ~SIGHTING_BEP42_OK, SIGHTING_HAS_V);
	assert_int_equal(s->version_len, 4);
	assert_memory_equal(s->version, "LT\x01\x02", 4);
	assert_memory_equal(&s->from, &ep, sizeof(ep));
	assert_int_equal(s->key.bits, 160);
	/* 30 ms: 16 us x 2^10.87, three quarters into its octave */
	assert_int_equal(desk_stats(d).rtt_hist[43], 1);
	assert_int_equal(crawl_find(d->crawl, &ep, &n), 0);
	assert_true(n.answered);
	ep = host(2);
	assert_int_equal(crawl_find(d->crawl, &ep, &n), DT_ENOTFOUND);
	desk_close(d);
}

static void test_twice(void **state)
{
	struct desk *d = with_query(desk_opts());
	struct crawl_stats s;

	(void)state;
	for (unsigned i = 0; i < 3; i++)
		desk_answer(d, 0, host(1), &a_id, none);
	s = desk_stats(d);
	assert_int_equal(s.answered, 1);
	assert_int_equal(s.duplicate, 2);
	assert_int_equal(d->said_count, 1);
	desk_close(d);
}

/* Its slot has expired, but the seal in t tells that we asked it. */
static void test_late(void **state)
{
	static const struct {
		const char *name;
		uint64_t after_s;
		bool taken;
	} rows[] = { { "in time", 1, true },
		     { "during the retry", 3, true },
		     { "waiting for the sweep", 8, true },
		     { "at the limit", 15, true },
		     { "too late", 20, false } };

	(void)state;
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct desk *d = with_query(desk_opts());
		uint8_t data[KRPC_DATAGRAM_MAX];
		size_t len = reply_to(d, 0, &a_id, data);
		struct crawl_stats s;

		for (uint64_t t = 0; t < rows[i].after_s; t++) {
			d->now_ns += S;
			desk_send(d);
		}
		desk_arrives(d, host(1), data, len);
		s = desk_stats(d);
		if (s.endpoints_live != rows[i].taken || s.late != (rows[i].taken && i > 0) ||
		    s.foreign != !rows[i].taken)
			fail_msg("%s: live %d late %d foreign %d", rows[i].name,
				 (int)s.endpoints_live, (int)s.late, (int)s.foreign);
		if (s.late)
			assert_true(d->said[0].flags & SIGHTING_LATE && !d->said[0].rtt_us);
		/* an answer is an answer: no third attempt any more */
		while (rows[i].taken && crawl_next_due_ns(d->crawl, d->now_ns) != UINT64_MAX) {
			d->now_ns = crawl_next_due_ns(d->crawl, d->now_ns);
			assert_int_equal(desk_send(d), 0);
		}
		desk_close(d);
	}
}

/* A node that was given up comes back to life and is asked on. */
static void test_late_after_giving_up(void **state)
{
	struct crawl_opts o = desk_opts();
	struct desk *d;
	uint8_t data[KRPC_DATAGRAM_MAX], nodes[26];
	size_t len;

	(void)state;
	o.sweep_after_ns = 4 * S;
	d = with_query(o);
	for (unsigned sent = 1; sent < 3;) {
		d->now_ns = crawl_next_due_ns(d->crawl, d->now_ns);
		sent += desk_send(d);
	}
	contact4(nodes, &a_id, host(9));
	{
		struct krpc_answer a = { .t = desk_query(d, 0).t,
					 .id = a_id,
					 .nodes = span_of(nodes, sizeof(nodes)),
					 .num = -1,
					 .interval = -1 };

		len = (size_t)krpc_build_reply(&a, data, sizeof(data));
	}
	d->now_ns += 5 * S;
	desk_send(d);
	assert_true(crawl_idle(d->crawl));
	desk_arrives(d, host(1), data, len);
	assert_int_equal(desk_stats(d).late, 1);
	assert_int_equal(desk_stats(d).endpoints_live, 1);
	assert_int_equal(desk_send(d), 2); /* its q2, and the contact it named */
	desk_close(d);
}

/* From another port: known by the slot, said of the one we asked. */
static void test_alias(void **state)
{
	struct desk *d = with_query(desk_opts());
	struct endpoint asked = host(1), other = asked;

	(void)state;
	other.port++;
	desk_answer(d, 0, other, &a_id, none);
	assert_int_equal(desk_stats(d).alias, 1);
	assert_int_equal(desk_stats(d).answered, 1);
	assert_memory_equal(&d->said[0].from, &asked, sizeof(asked));
	assert_true(d->said[0].flags & SIGHTING_ALIAS);
	desk_close(d);
}

/* Any bit of t spoilt: not ours, nothing changes. */
static void test_forged(void **state)
{
	struct desk *d = with_query(desk_opts());
	uint8_t data[KRPC_DATAGRAM_MAX];
	size_t len = reply_to(d, 0, &a_id, data), at = len - 7 - 8;

	(void)state;
	for (unsigned bit = 0; bit < 64; bit++) {
		data[at + bit / 8] ^= (uint8_t)(1 << bit % 8);
		desk_arrives(d, host(1), data, len);
		assert_int_equal(desk_stats(d).foreign, bit + 1);
		data[at + bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	assert_int_equal(desk_stats(d).in_flight, 1);
	assert_int_equal(desk_stats(d).endpoints_live, 0);
	desk_arrives(d, host(1), data, len);
	assert_int_equal(desk_stats(d).endpoints_live, 1);
	/* what was right for one host is foreign from another once the slot is closed */
	desk_arrives(d, host(2), data, len);
	assert_int_equal(desk_stats(d).foreign, 65);
	desk_close(d);
}

/* Half a t: good where the address fits, and only there. */
static void test_truncated_t(void **state)
{
	struct desk *d = with_query(desk_opts());
	struct krpc_answer a = { .id = a_id, .num = -1, .interval = -1 };
	uint8_t data[KRPC_DATAGRAM_MAX];
	int len;

	(void)state;
	a.t = span_slice(desk_query(d, 0).t, 0, 4);
	len = krpc_build_reply(&a, data, sizeof(data));
	desk_arrives(d, host(2), data, (size_t)len);
	assert_int_equal(desk_stats(d).foreign, 1);
	desk_arrives(d, host(1), data, (size_t)len);
	assert_int_equal(desk_stats(d).truncated_t, 2);
	assert_int_equal(desk_stats(d).answered, 1);
	a.t = SPAN_LIT("aa");
	len = krpc_build_reply(&a, data, sizeof(data));
	desk_arrives(d, host(1), data, (size_t)len);
	assert_int_equal(desk_stats(d).foreign, 2);
	desk_close(d);
}

/* Cut anywhere, at the edge of readable memory: never read over, never believed. */
static void test_cut(void **state)
{
	struct desk *d = with_query(desk_opts());
	uint8_t data[KRPC_DATAGRAM_MAX];
	size_t len = reply_to(d, 0, &a_id, data);
	struct guard g;

	(void)state;
	guard_open(&g, KRPC_DATAGRAM_MAX);
	for (size_t cut = 0; cut < len; cut++) {
		struct net_msg m = { .peer = host(1), .len = (uint32_t)cut };
		uint16_t elsewhere[1];
		unsigned count;

		m.data = guard_put(&g, data, cut);
		crawl_rx(d->crawl, d->now_ns, &m, 1, elsewhere, &count);
		assert_int_equal(count, 0);
		(void)crawl_slot_owner(&m, 4);
	}
	assert_int_equal(desk_stats(d).malformed, len);
	assert_int_equal(desk_stats(d).answered, 0);
	guard_close(&g);
	desk_close(d);
}

/* Noise, and true replies with noise in them: no crash, and the books stay balanced. */
static void test_noise(void **state)
{
	struct desk *d = with_query(desk_opts());
	uint8_t data[KRPC_DATAGRAM_MAX], spoilt[KRPC_DATAGRAM_MAX];
	size_t len = reply_to(d, 0, &a_id, data);
	struct rng r;

	(void)state;
	rng_init(&r, 8, 0);
	for (unsigned i = 0; i < 20000; i++) {
		size_t n = len;

		memcpy(spoilt, data, len);
		for (unsigned k = 0; k < 1 + i % 3; k++)
			spoilt[rng_below(&r, (uint32_t)n)] = (uint8_t)rng_u64(&r);
		if (i % 10 == 0)
			rng_bytes(&r, spoilt, n = rng_below(&r, 200));
		desk_arrives(d, host(1 + i % 2), spoilt, n);
		if (desk_stats(d).in_flight == 0) {
			/* a spoilt id is still an answer; ask afresh */
			desk_close(d);
			d = with_query(desk_opts());
			len = reply_to(d, 0, &a_id, data);
		}
	}
	desk_close(d);
}

/* An error message closes the slot; a node that only errs is not counted as live. */
static void test_error(void **state)
{
	struct crawl_opts o = desk_opts();
	struct desk *d;
	uint8_t data[KRPC_DATAGRAM_MAX];
	unsigned sent = 1;

	(void)state;
	o.sweep_after_ns = 5 * S;
	d = with_query(o);
	for (;;) {
		uint64_t due;

		if (d->sent) {
			int len = krpc_build_error(desk_query(d, 0).t, none, 202, "busy", data,
						   sizeof(data));
			desk_arrives(d, host(1), data, (size_t)len);
		}
		due = crawl_next_due_ns(d->crawl, d->now_ns);
		if (due == UINT64_MAX)
			break;
		d->now_ns = due;
		sent += desk_send(d);
	}
	assert_int_equal(sent, 2); /* once more in the sweep, then no more */
	assert_int_equal(desk_stats(d).errors, 2);
	assert_int_equal(desk_stats(d).endpoints_live, 0);
	crawl_close(d->crawl, d->now_ns);
	assert_int_equal(d->said_count, 1);
	assert_int_equal(d->said[0].flags, SIGHTING_FINAL | SIGHTING_ERROR);
	assert_int_equal(d->said[0].way, SIGHTING_MENTIONED);
	desk_close(d);
}

/* ---- mirrors and strangers --------------------------------------------------------------- */

static void test_reflector(void **state)
{
	struct crawl_opts o = desk_opts();
	struct desk *d = with_query(o);
	uint8_t data[KRPC_DATAGRAM_MAX];
	size_t len;

	(void)state;
	/* our own query comes back */
	desk_arrives(d, host(1), d->out[0].data, d->out[0].len);
	assert_int_equal(desk_stats(d).reflected, 1);
	/* a reply in our name */
	len = reply_to(d, 0, &o.own_id, data);
	desk_arrives(d, host(1), data, len);
	assert_int_equal(desk_stats(d).reflected, 2);
	assert_int_equal(desk_stats(d).endpoints_live, 0);
	/* and it is asked no more */
	while (crawl_next_due_ns(d->crawl, d->now_ns) != UINT64_MAX) {
		d->now_ns = crawl_next_due_ns(d->crawl, d->now_ns);
		assert_int_equal(desk_send(d), 0);
	}
	assert_int_equal(desk_stats(d).expired, 1);
	assert_true(crawl_idle(d->crawl));
	desk_close(d);
}

static void test_queries(void **state)
{
	static const char ping[] = "d1:ad2:id20:abcdefghij0123456789e1:q4:ping1:t2:aa1:y1:qe";
	struct desk *d = with_query(desk_opts());

	(void)state;
	desk_arrives(d, host(3), ping, sizeof(ping) - 1);
	assert_int_equal(desk_stats(d).queries_received, 1);
	assert_int_equal(desk_send(d), 0);
	desk_close(d);
}

/* A reply that does not say who it is leaves the query open. */
static void test_no_id(void **state)
{
	struct desk *d = with_query(desk_opts());
	uint8_t data[64] = "d1:rde1:t8:........1:y1:re";
	size_t len = strlen((char *)data);

	(void)state;
	memcpy(data + 11, desk_query(d, 0).t.ptr, 8);
	desk_arrives(d, host(1), data, len);
	assert_int_equal(desk_stats(d).malformed, 1);
	assert_int_equal(desk_stats(d).in_flight, 1);
	desk_close(d);
}

/* ---- contacts ------------------------------------------------------------------------------- */

/* 20 contacts are taken; itself and our own id are not. */
static void test_lists(void **state)
{
	struct crawl_opts o = desk_opts();
	struct desk *d = with_query(o);
	uint8_t nodes[22 * 26];
	size_t len = 0;

	(void)state;
	for (uint32_t i = 0; i < 20; i++) {
		struct nodeid id = id_of(0xb0000000 + i);

		len += contact4(nodes + len, &id, host(10 + i));
	}
	len += contact4(nodes + len, &a_id, host(1));
	len += contact4(nodes + len, &o.own_id, host(50));
	desk_answer(d, 0, host(1), &a_id, span_of(nodes, len));
	assert_int_equal(desk_stats(d).endpoints_known, 21);
	assert_int_equal(desk_stats(d).reflected, 1);
	desk_close(d);
}

/* Who names whom counts once a host, however often and from however many ports. */
static void test_distinct_introducers(void **state)
{
	struct crawl_opts o = desk_opts();
	struct desk *d = desk_open(&o, NULL);
	struct endpoint who[3] = { host(1), host(1), host(2) }, named = host(30);
	static const unsigned want[3] = { 1, 1, 2 };
	struct nodeid id = id_of(0x30000000);
	struct crawl_node n;
	uint8_t nodes[26];

	(void)state;
	who[1].port = 9999;
	contact4(nodes, &id, named);
	for (unsigned i = 0; i < 3; i++) {
		struct nodeid by = id_of(0xa0000000 + i);

		desk_offer(d, who[i], &by, 5);
		/* each is asked, and names the same one in all its answers */
		while (desk_send(d))
			for (unsigned k = 0; k < d->sent; k++)
				if (endpoint_equal(&d->out[k].peer, &who[i]))
					desk_answer(d, k, who[i], &by, span_of(nodes, 26));
		assert_int_equal(crawl_find(d->crawl, &named, &n), 0);
		assert_int_equal(n.mentions, want[i]);
	}
	desk_close(d);
}

/* One introducer may add 64 contacts to the work, in all its answers together (P7). */
static void test_introducer_budget(void **state)
{
	struct crawl_opts o = desk_opts();
	struct desk *d = desk_open(&o, NULL);
	uint32_t made = 0;
	struct crawl_stats s;

	(void)state;
	o.plan = CRAWL_PLAN_4;
	desk_close(d);
	d = desk_open(&o, NULL);
	desk_offer(d, host(1), &a_id, 5);
	while (desk_send(d)) {
		for (unsigned k = 0; k < d->sent; k++) {
			uint8_t nodes[40 * 26];
			size_t len = 0;

			if (d->out[k].peer.port != host(1).port)
				continue;
			for (unsigned i = 0; i < 40; i++, made++) {
				struct nodeid id = id_of(0xa8000000 + made);

				len += contact4(nodes + len, &id, host(100 + made));
			}
			desk_answer(d, k, host(1), &a_id, span_of(nodes, len));
		}
	}
	s = desk_stats(d);
	assert_true(made > 64);
	assert_int_equal(s.endpoints_known, 1 + 64);
	assert_int_equal(s.endpoints_refused[GATE_INTRODUCER_BUDGET], made - 64);
	desk_close(d);
}

/* IPv6 contacts where the socket reaches them, and only there. */
static void test_nodes6(void **state)
{
	uint8_t nodes6[38 * 2] = { 0x66 };
	struct krpc_answer a = { .id = a_id, .num = -1, .interval = -1 };
	uint8_t data[KRPC_DATAGRAM_MAX];

	(void)state;
	memcpy(nodes6 + 20, "\x2a\x01\x04\xf8\0\0\0\0\0\0\0\0\0\0\0\1\x1a\xe1", 18);
	/* IPv4 in disguise */
	memcpy(nodes6 + 38 + 20, "\0\0\0\0\0\0\0\0\0\0\xff\xff\x15\0\0\1\x1a\xe1", 18);
	for (unsigned learn6 = 0; learn6 < 2; learn6++) {
		struct crawl_opts o = desk_opts();
		struct desk *d;
		int len;

		o.learn6 = learn6;
		d = with_query(o);
		a.t = desk_query(d, 0).t;
		a.nodes6 = span_of(nodes6, sizeof(nodes6));
		len = krpc_build_reply(&a, data, sizeof(data));
		desk_arrives(d, host(1), data, (size_t)len);
		assert_true(d->said[0].flags & SIGHTING_NODES6);
		assert_int_equal(desk_stats(d).endpoints_known, 1 + learn6);
		if (learn6) {
			struct nodeid id = { { 0x66 } };
			unsigned k;

			desk_send(d);
			for (k = 0; k < d->sent && endpoint_is4(&d->out[k].peer); k++)
				;
			assert_true(k < d->sent);
			assert_int_equal(d->out[k].peer.port, 6881);
			desk_answer(d, k, d->out[k].peer, &id, none);
			assert_int_equal(desk_stats(d).endpoints_live, 2);
			assert_int_equal(desk_stats(d).alias, 0);
		}
		desk_close(d);
	}
}

/* ---- shards ---------------------------------------------------------------------------------- */

/* A t of another worker is handed on; the contacts of other shards are told. */
static void test_elsewhere(void **state)
{
	(void)state;
	for (unsigned shards = 2; shards <= 64; shards = shards * 3 - 1) {
		for (unsigned shard = 0; shard < shards; shard += 1 + shards / 5) {
			struct crawl_opts o = desk_opts();
			struct desk *d;
			uint8_t data[KRPC_DATAGRAM_MAX];
			struct net_msg m = { .peer = host(1), .data = data };

			o.shards = shards;
			o.shard = shard;
			d = with_query(o);
			m.len = (uint32_t)reply_to(d, 0, &a_id, data);
			assert_int_equal(crawl_slot_owner(&m, shards), shard);
			desk_close(d);
			o.shard = (shard + 1) % shards;
			d = desk_open(&o, NULL);
			assert_int_equal(desk_arrives(d, host(1), data, m.len), 1);
			assert_int_equal(desk_stats(d).foreign, 0);
			desk_close(d);
		}
	}
}

#define QUERY "d1:ad2:id20:abcdefghij0123456789e1:q4:ping1:t8:\1\0\0\0abcd1:y1:qe"
/* SPAN_LIT() is no constant expression. */
#define LIT(s)                                                                                     \
	{                                                                                          \
		(const uint8_t *)(s), sizeof(s) - 1                                                \
	}
#define REPLY "d1:rd2:id20:abcdefghij0123456789e"

static void test_owner_of_strangers(void **state)
{
	static const struct {
		const char *name;
		struct span data;
		int want;
	} rows[] = {
		{ "a query: by its sender", LIT(QUERY), -2 },
		{ "a short t", LIT(REPLY "1:t2:aa1:y1:re"), -1 },
		{ "the foreign bit", LIT(REPLY "1:t8:aaa\x81xaaa1:y1:re"), -1 },
		{ "no datagram", LIT("hello"), -1 },
		{ "ours", LIT(REPLY "1:t8:aa\x80xaaaa1:y1:re"), 1 },
		{ "ours, v behind t", LIT(REPLY "1:t8:aa\x7fxaaaa1:v4:LT001:y1:re"), 0 },
		{ "ours, a long v", LIT(REPLY "1:t8:aa\x80xaaaa1:v6:LT00001:y1:re"), 1 },
		{ "ours, an error", LIT("d1:eli201e1:xe1:t8:aa\x80xaaaa1:y1:ee"), 1 },
	};

	(void)state;
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint8_t data[128];
		struct net_msg m = { .data = data, .len = (uint32_t)rows[i].data.len };

		int want = rows[i].want;

		memcpy(data, rows[i].data.ptr, rows[i].data.len);
		m.peer = host(i + 1);
		if (want == -2)
			want = (int)net_deal(&m.peer, 2);
		if (crawl_slot_owner(&m, 2) != want)
			fail_msg("%s: %d", rows[i].name, crawl_slot_owner(&m, 2));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_answer),
		cmocka_unit_test(test_twice),
		cmocka_unit_test(test_late),
		cmocka_unit_test(test_late_after_giving_up),
		cmocka_unit_test(test_alias),
		cmocka_unit_test(test_forged),
		cmocka_unit_test(test_truncated_t),
		cmocka_unit_test(test_cut),
		cmocka_unit_test(test_noise),
		cmocka_unit_test(test_error),
		cmocka_unit_test(test_reflector),
		cmocka_unit_test(test_queries),
		cmocka_unit_test(test_no_id),
		cmocka_unit_test(test_lists),
		cmocka_unit_test(test_distinct_introducers),
		cmocka_unit_test(test_introducer_budget),
		cmocka_unit_test(test_nodes6),
		cmocka_unit_test(test_elsewhere),
		cmocka_unit_test(test_owner_of_strangers),
	};

	return cmocka_run_group_tests_name("crawl_rx", tests, NULL, NULL);
}
