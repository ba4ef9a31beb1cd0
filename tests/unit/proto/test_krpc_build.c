/* SPDX-License-Identifier: MIT */
#include "tests/support/unit.h"

#include <string.h>

#include "proto/krpc.h"
#include "tests/support/guard.h"
#include "tests/support/rng.h"

#define ID     "abcdefghij0123456789"
#define TARGET "mnopqrstuvwxyz123456"

static struct krpc_query query(enum krpc_method method)
{
	struct krpc_query q = { .method = method, .t = SPAN_LIT("aa") };

	memcpy(q.id.b, ID, NODEID_BYTES);
	memcpy(q.target.b, TARGET, NODEID_BYTES);
	return q;
}

static void want_query(const struct krpc_query *q, const char *bytes, size_t len)
{
	uint8_t out[256];

	assert_int_equal(krpc_build_query(q, out, sizeof(out)), len);
	assert_memory_equal(out, bytes, len);
}
#define WANT_QUERY(q, s) want_query(q, s, sizeof(s) - 1)

/* Bytes of BEP 5's and BEP 51's own examples, and ours with every optional key. */
static void test_queries_byte_by_byte(void **state)
{
	struct krpc_query q = query(KRPC_PING);

	(void)state;
	WANT_QUERY(&q, "d1:ad2:id20:" ID "e1:q4:ping1:t2:aa1:y1:qe");
	q = query(KRPC_FIND_NODE);
	WANT_QUERY(&q, "d1:ad2:id20:" ID "6:target20:" TARGET "e1:q9:find_node1:t2:aa1:y1:qe");
	q = query(KRPC_GET_PEERS);
	WANT_QUERY(&q, "d1:ad2:id20:" ID "9:info_hash20:" TARGET "e1:q9:get_peers1:t2:aa1:y1:qe");
	q.scrape = true; /* BEP 33 */
	WANT_QUERY(&q, "d1:ad2:id20:" ID "9:info_hash20:" TARGET
		       "6:scrapei1ee1:q9:get_peers1:t2:aa1:y1:qe");
	q = query(KRPC_ANNOUNCE_PEER);
	q.implied_port = true;
	q.port = 6881;
	q.token = SPAN_LIT("aoeusnth");
	WANT_QUERY(&q, "d1:ad2:id20:" ID "12:implied_porti1e9:info_hash20:" TARGET
		       "4:porti6881e5:token8:aoeusnthe1:q13:announce_peer1:t2:aa1:y1:qe");
	q = query(KRPC_SAMPLE_INFOHASHES);
	WANT_QUERY(&q,
		   "d1:ad2:id20:" ID "6:target20:" TARGET "e1:q17:sample_infohashes1:t2:aa1:y1:qe");
	q = query(KRPC_GET);
	WANT_QUERY(&q, "d1:ad2:id20:" ID "6:target20:" TARGET "e1:q3:get1:t2:aa1:y1:qe");
	q = query(KRPC_FIND_NODE);
	q.ro = true;
	q.want = KRPC_WANT_N4 | KRPC_WANT_N6;
	q.v = SPAN_LIT("DT\0\1");
	WANT_QUERY(&q, "d1:ad2:id20:" ID "6:target20:" TARGET "4:wantl2:n42:n6ee1:q9:find_node"
		       "2:roi1e1:t2:aa1:v4:DT\0\1"
		       "1:y1:qe");
}

static void test_what_cannot_be_asked(void **state)
{
	struct krpc_query q = query(KRPC_PUT);
	struct krpc_template tp;
	uint8_t out[256];

	(void)state;
	assert_int_equal(krpc_build_query(&q, out, sizeof(out)), DT_EKIND);
	assert_int_equal(krpc_template_init(&tp, &q), DT_EKIND);
	q = query(KRPC_NO_METHOD);
	assert_int_equal(krpc_build_query(&q, out, sizeof(out)), DT_EKIND);
	q = query(KRPC_OTHER_METHOD);
	assert_int_equal(krpc_build_query(&q, out, sizeof(out)), DT_EKIND);
	q = query(KRPC_PING);
	q.t = SPAN_LIT("");
	assert_int_equal(krpc_build_query(&q, out, sizeof(out)), DT_ESIZE);
	q.t = SPAN_LIT("0123456789abcdefX");
	assert_int_equal(krpc_build_query(&q, out, sizeof(out)), DT_ESIZE);
}

static void test_every_capacity(void **state)
{
	static const uint8_t zeros[256];
	struct krpc_query q = query(KRPC_FIND_NODE);
	uint8_t full[256];
	int len = krpc_build_query(&q, full, sizeof(full));
	struct guard g;

	(void)state;
	guard_open(&g, sizeof(zeros));
	for (int cap = 0; cap <= len; cap++)
		assert_int_equal(
			krpc_build_query(&q, guard_put(&g, zeros, (size_t)cap), (size_t)cap),
			cap < len ? DT_EFULL : len);
	guard_close(&g);
}

static void test_template_is_the_query_with_bytes_exchanged(void **state)
{
	static const enum krpc_method methods[] = {
		KRPC_PING,          KRPC_FIND_NODE,         KRPC_GET_PEERS,
		KRPC_ANNOUNCE_PEER, KRPC_SAMPLE_INFOHASHES, KRPC_GET
	};
	struct rng r = rng_open(8);

	(void)state;
	for (int round = 0; round < 200; round++) {
		for (const enum krpc_method *m = methods; m < TABLE_END(methods); m++) {
			uint8_t want[256], got[KRPC_TEMPLATE_MAX], t[KRPC_TEMPLATE_T];
			struct krpc_query q = query(*m);
			struct krpc_template tp;
			int len;

			q.ro = rng_u64(&r) & 1;
			q.want = (uint8_t)rng_below(&r, 4);
			q.v = rng_u64(&r) & 1 ? SPAN_LIT("DT\0\1") : (struct span){ NULL, 0 };
			q.token = SPAN_LIT("12345678");
			rng_fill(&r, q.id.b, NODEID_BYTES);
			assert_int_equal(krpc_template_init(&tp, &q), 0);
			assert_memory_equal(tp.bytes + tp.id_at, q.id.b, NODEID_BYTES);
			assert_int_equal(tp.target_at == 0, *m == KRPC_PING);

			rng_fill(&r, q.target.b, NODEID_BYTES);
			rng_fill(&r, t, sizeof(t));
			q.t = span_of(t, sizeof(t));
			len = krpc_build_query(&q, want, sizeof(want));
			krpc_template_write(&tp, &q.target, t, got);
			assert_int_equal(len, tp.len);
			assert_memory_equal(got, want, (size_t)len);
		}
	}
}

static void test_template_too_long(void **state)
{
	static const uint8_t token[200];
	struct krpc_query q = query(KRPC_ANNOUNCE_PEER);
	struct krpc_template tp;

	(void)state;
	q.token = span_of(token, sizeof(token));
	assert_int_equal(krpc_template_init(&tp, &q), DT_EFULL);
}

static void test_reply_byte_by_byte(void **state)
{
	struct endpoint peers[] = { endpoint_ip4(0x01020304, 0x3536),
				    { .addr = { 0x20, 1 }, .port = 7 } };
	struct endpoint ip = endpoint_ip4(0xcb007102, 6881);
	struct krpc_answer a = { .t = SPAN_LIT("aa"), .num = -1, .interval = -1 };
	static const char plain[] = "d1:rd2:id20:" ID "e1:t2:aa1:y1:re";
	static const char all[] = "d2:ip6:\xcb\0\x71\x02\x1a\xe1"
				  "1:rd2:id20:" ID "8:intervali0e5:nodes0:6:nodes60:3:numi5e"
				  "7:samples20:" TARGET "5:token4:tokn6:valuesl6:\1\2\3\4"
				  "56"
				  "18:\x20\1\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\7"
				  "ee1:t2:aa1:v4:DT\0\1"
				  "1:y1:re";
	uint8_t out[512];

	(void)state;
	memcpy(a.id.b, ID, NODEID_BYTES);
	assert_int_equal(krpc_build_reply(&a, out, sizeof(out)), sizeof(plain) - 1);
	assert_memory_equal(out, plain, sizeof(plain) - 1);
	a.ip = &ip;
	a.interval = 0;
	a.num = 5;
	a.nodes = a.nodes6 = SPAN_LIT("");
	a.samples = SPAN_LIT(TARGET);
	a.token = SPAN_LIT("tokn");
	a.values = peers;
	a.values_count = 2;
	a.v = SPAN_LIT("DT\0\1");
	assert_int_equal(krpc_build_reply(&a, out, sizeof(out)), sizeof(all) - 1);
	assert_memory_equal(out, all, sizeof(all) - 1);
}

/* BEP 33: two filters of 256 bytes; one of another length is none. */
static void test_bloom_filters(void **state)
{
	uint8_t bloom[2 * KRPC_BLOOM_BYTES], out[1024];
	struct krpc_answer a = { .t = SPAN_LIT("aa"), .num = -1, .interval = -1, .bloom = bloom };
	struct krpc_msg m;
	uint8_t *length;
	int len;

	(void)state;
	memset(bloom, 0x55, sizeof(bloom));
	memcpy(a.id.b, ID, NODEID_BYTES);
	len = krpc_build_reply(&a, out, sizeof(out));
	assert_true(len > 0);
	assert_int_equal(krpc_parse(span_of(out, (size_t)len), &m), 0);
	assert_true(m.bloom);
	assert_memory_equal(m.id.ptr, ID, NODEID_BYTES);
	a.bloom = NULL;
	len = krpc_build_reply(&a, out, sizeof(out));
	assert_int_equal(krpc_parse(span_of(out, (size_t)len), &m), 0);
	assert_false(m.bloom);
	a.bloom = bloom;
	len = krpc_build_reply(&a, out, sizeof(out));
	/* "4:BFpe256:" twice: the one becomes a key and the other a filter that is too short */
	while ((length = memmem(out, (size_t)len, "256:", 4)) != NULL) {
		memmove(length + 4 + 255, length + 4 + 256,
			(size_t)(out + len - (length + 4 + 256)));
		len--;
		memcpy(length, "255:", 4);
	}
	assert_int_equal(krpc_parse(span_of(out, (size_t)len), &m), 0);
	assert_false(m.bloom);
}

static void test_reply_of_impossible_lengths(void **state)
{
	struct krpc_answer good = { .t = SPAN_LIT("aa"), .num = -1, .interval = -1 }, a;
	uint8_t out[512];

	(void)state;
	assert_true(krpc_build_reply(&good, out, sizeof(out)) > 0);
	a = good, a.nodes = SPAN_LIT("25 bytes, one is missing.");
	assert_int_equal(krpc_build_reply(&a, out, sizeof(out)), DT_ESIZE);
	a = good, a.nodes6 = SPAN_LIT("x");
	assert_int_equal(krpc_build_reply(&a, out, sizeof(out)), DT_ESIZE);
	a = good, a.samples = SPAN_LIT("x");
	assert_int_equal(krpc_build_reply(&a, out, sizeof(out)), DT_ESIZE);
	a = good, a.t = SPAN_LIT("0123456789abcdefX");
	assert_int_equal(krpc_build_reply(&a, out, sizeof(out)), DT_ESIZE);
	assert_int_equal(krpc_build_reply(&good, out, 10), DT_EFULL);
}

static void test_error_byte_by_byte(void **state)
{
	static const char want[] = "d1:eli201e23:A Generic Error Ocurrede1:t2:aa1:y1:ee";
	uint8_t out[128];

	(void)state;
	/* BEP 5's own example, its spelling included. */
	assert_int_equal(krpc_build_error(SPAN_LIT("aa"), (struct span){ NULL, 0 }, 201,
					  "A Generic Error Ocurred", out, sizeof(out)),
			 sizeof(want) - 1);
	assert_memory_equal(out, want, sizeof(want) - 1);
	assert_int_equal(krpc_build_error(SPAN_LIT("aa"), SPAN_LIT("DT\0\1"), 204, "", out, 20),
			 DT_EFULL);
}

static void test_a_reply_reads_back_as_it_was_meant(void **state)
{
	struct rng r = rng_open(9);

	(void)state;
	for (int round = 0; round < 5000; round++) {
		uint8_t t[KRPC_T_MAX], nodes[26 * 20], nodes6[38 * 8], samples[20 * 20], token[20];
		uint8_t out[4096];
		struct endpoint peers[50], peer;
		struct endpoint ip = endpoint_ip4((uint32_t)rng_u64(&r), (uint16_t)rng_u64(&r));
		struct krpc_answer a = { .num = -1, .interval = -1 };
		struct krpc_msg m;
		size_t cursor = 0, seen = 0;
		int len;

		rng_fill(&r, t, sizeof(t));
		rng_fill(&r, nodes, sizeof(nodes));
		rng_fill(&r, nodes6, sizeof(nodes6));
		rng_fill(&r, samples, sizeof(samples));
		rng_fill(&r, token, sizeof(token));
		rng_fill(&r, &a.id, sizeof(a.id));
		for (int i = 0; i < 50; i++)
			peers[i] = endpoint_ip4((uint32_t)rng_u64(&r), (uint16_t)rng_u64(&r));
		a.t = span_of(t, rng_below(&r, sizeof(t) + 1));
		a.nodes = span_of(nodes, 26 * rng_below(&r, 21));
		a.nodes6 = span_of(nodes6, 38 * rng_below(&r, 9));
		a.samples = span_of(samples, 20 * rng_below(&r, 21));
		a.token = span_of(token, rng_below(&r, 21));
		a.values = peers;
		a.values_count = rng_below(&r, 51);
		a.num = (int64_t)rng_below(&r, 1000);
		a.interval = (int64_t)rng_below(&r, 30000);
		a.ip = &ip;
		len = krpc_build_reply(&a, out, sizeof(out));
		assert_true(len > 0);
		assert_int_equal(krpc_parse(span_of(out, (size_t)len), &m), 0);
		assert_int_equal(m.kind, KRPC_REPLY);
		assert_int_equal(m.odd, 0);
		assert_true(span_equal(m.t, a.t));
		assert_true(span_equal(m.id, span_of(a.id.b, NODEID_BYTES)));
		assert_true(span_equal(m.nodes, a.nodes));
		assert_true(span_equal(m.nodes6, a.nodes6));
		assert_true(span_equal(m.samples, a.samples));
		assert_true(span_equal(m.token, a.token));
		assert_true(m.num == a.num && m.interval == a.interval);
		assert_int_equal(endpoint_from_compact(m.ip, &peer), 0);
		assert_true(endpoint_equal(&peer, &ip));
		assert_int_equal(m.values_count, a.values_count);
		while (krpc_value_next(m.values, &cursor, &peer))
			assert_true(endpoint_equal(&peer, &peers[seen++]));
		assert_int_equal(seen, a.values_count);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_queries_byte_by_byte),
		cmocka_unit_test(test_what_cannot_be_asked),
		cmocka_unit_test(test_every_capacity),
		cmocka_unit_test(test_template_is_the_query_with_bytes_exchanged),
		cmocka_unit_test(test_template_too_long),
		cmocka_unit_test(test_reply_byte_by_byte),
		cmocka_unit_test(test_bloom_filters),
		cmocka_unit_test(test_reply_of_impossible_lengths),
		cmocka_unit_test(test_error_byte_by_byte),
		cmocka_unit_test(test_a_reply_reads_back_as_it_was_meant),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
