/* SPDX-License-Identifier: MIT */
#include "tests/support/unit.h"

#include <string.h>

#include "proto/bencode.h"
#include "proto/krpc.h"
#include "tests/support/guard.h"
#include "tests/support/krpc_same.h"
#include "tests/support/krpc_samples.h"
#include "tests/support/rng.h"

static void check(const struct krpc_sample *s, const struct krpc_msg *m)
{
#define WANT(got, want)                                                                            \
	do {                                                                                       \
		if ((long long)(got) != (long long)(want))                                         \
			fail_msg("%s: " #got " is %lld, want %lld", s->name, (long long)(got),     \
				 (long long)(want));                                               \
	} while (0)
	struct endpoint peer;
	size_t cursor = 0;
	unsigned peers = 0;

	WANT(m->kind, s->kind);
	WANT(m->method, s->method);
	WANT(m->nodes.len, s->nodes * 26);
	WANT(m->nodes6.len, s->nodes6 * 38);
	WANT(m->samples.len, s->samples * 20);
	WANT(m->values_count, s->values);
	while (krpc_value_next(m->values, &cursor, &peer))
		peers++;
	WANT(peers, s->values);
	WANT(m->t.len, s->t_len);
	WANT(m->v.len, s->v_len);
	WANT(m->token.len, s->token_len);
	WANT(m->error_code, s->error_code);
	WANT(m->num, s->num ? s->num : -1);
	WANT(m->odd, s->odd);
#undef WANT
}

static void test_each_sample(void **state)
{
	struct krpc_msg m;
	struct guard g;

	(void)state;
	guard_open(&g, 4096);
	for (const struct krpc_sample *s = krpc_samples; s->name; s++) {
		const uint8_t *at = guard_put(&g, s->bytes.ptr, s->bytes.len);
		int err = krpc_parse(span_of(at, s->bytes.len), &m);

		if (err != s->err)
			fail_msg("%s: %s, want %s", s->name, dt_strerror(err), dt_strerror(s->err));
		if (!err)
			check(s, &m);
	}
	guard_close(&g);
}

static void test_each_sample_cut_at_every_length(void **state)
{
	struct krpc_msg m;
	struct guard g;

	(void)state;
	guard_open(&g, 4096);
	for (const struct krpc_sample *s = krpc_samples; s->name; s++) {
		for (size_t len = 0; len < s->bytes.len; len++) {
			const uint8_t *at = guard_put(&g, s->bytes.ptr, len);
			int err = krpc_parse(span_of(at, len), &m);

			/* A message that was whole and tidy is never whole when cut. */
			if (!s->err && !(s->odd & KRPC_ODD_TRAILING) && err != DT_ESHORT)
				fail_msg("%s cut to %zu: %s", s->name, len, dt_strerror(err));
		}
	}
	guard_close(&g);
}

/* 60,000 broken messages: whatever they say, nothing outside of them is read. */
static void test_mutations_end_at_the_guard_page(void **state)
{
	struct rng r = rng_open(5);
	struct krpc_msg m;
	struct guard g;
	unsigned taken = 0, refused = 0;

	(void)state;
	guard_open(&g, 4096);
	for (int round = 0; round < 600; round++) {
		for (const struct krpc_sample *s = krpc_samples; s->name; s++) {
			uint8_t *at = guard_put(&g, s->bytes.ptr, s->bytes.len);
			struct endpoint peer;
			size_t cursor = 0;

			for (uint64_t n = rng_below(&r, 4); n && s->bytes.len; n--)
				at[rng_below(&r, s->bytes.len)] =
					(uint8_t) "0123456789:deilnrqy\xff"[rng_below(&r, 20)];
			if (krpc_parse(span_of(at, s->bytes.len), &m)) {
				refused++;
				continue;
			}
			taken++;
			while (krpc_value_next(m.values, &cursor, &peer))
				;
		}
	}
	guard_close(&g);
	assert_true(taken > 1000 && refused > 1000);
}

static const struct krpc_sample *sample(const char *name)
{
	for (const struct krpc_sample *s = krpc_samples; s->name; s++)
		if (strncmp(s->name, name, strlen(name)) == 0)
			return s;
	fail_msg("no sample '%s'", name);
	return NULL;
}

static void test_fields_of_a_reply(void **state)
{
	const struct krpc_sample *s = sample("libtorrent sample_infohashes");
	struct endpoint ep;
	struct krpc_msg m;
	struct nodeid id;

	(void)state;
	assert_int_equal(krpc_parse(s->bytes, &m), 0);
	assert_true(m.has_r);
	assert_true(span_equal(m.t, SPAN_LIT("tttttttt")));
	assert_true(span_equal(m.id, SPAN_LIT("abcdefghij0123456789")));
	assert_true(span_equal(m.ip, SPAN_LIT("\xcb\x00\x71\x02\x1a\xe1")));
	assert_int_equal(m.interval, 21600);
	assert_int_equal(m.port, 6881);
	krpc_node4(m.nodes, 7, &id, &ep);
	assert_memory_equal(id.b, "nodenodenodenodenode", 20);
	assert_int_equal(endpoint_get_ip4(&ep), 0x5db8d822);
	assert_int_equal(ep.port, 6881);

	assert_int_equal(krpc_parse(sample("libtorrent dual")->bytes, &m), 0);
	krpc_node6(m.nodes6, 1, &id, &ep);
	assert_memory_equal(id.b, "six.six.six.six.six.", 20);
	assert_false(endpoint_is4(&ep));
	assert_int_equal(ep.addr[15], 1);
	assert_int_equal(ep.port, 6881);
}

static void test_fields_of_a_query(void **state)
{
	struct krpc_msg m;

	(void)state;
	assert_int_equal(krpc_parse(sample("announce_peer")->bytes, &m), 0);
	assert_true(span_equal(m.info_hash, SPAN_LIT("TARGETtargetTARGET20")));
	assert_true(m.implied_port);
	assert_false(m.ro);
	assert_int_equal(m.port, 6881);
	assert_int_equal(krpc_parse(sample("libtorrent find_node with want")->bytes, &m), 0);
	assert_int_equal(m.want, KRPC_WANT_N4 | KRPC_WANT_N6);
	assert_true(span_equal(m.target, SPAN_LIT("TARGETtargetTARGET20")));
	assert_int_equal(krpc_parse(sample("ping with ro")->bytes, &m), 0);
	assert_true(m.ro);
	assert_false(m.has_r);
	assert_int_equal(krpc_parse(sample("vote")->bytes, &m), 0);
	assert_true(span_equal(m.method_name, SPAN_LIT("vote")));
}

static void test_an_error_keeps_its_reply_and_text(void **state)
{
	struct krpc_msg m;

	(void)state;
	assert_int_equal(krpc_parse(sample("libtorrent: r beside e")->bytes, &m), 0);
	assert_true(m.has_r);
	assert_non_null(m.id.ptr);
	assert_true(span_equal(m.error_text, SPAN_LIT("missing targ")));
}

static void test_absent_and_empty_are_told_apart(void **state)
{
	struct krpc_msg m;

	(void)state;
	assert_int_equal(krpc_parse(sample("libtorrent and jech: empty t")->bytes, &m), 0);
	assert_non_null(m.t.ptr);
	assert_int_equal(krpc_parse(sample("bittorrent-dht: no t")->bytes, &m), 0);
	assert_null(m.t.ptr);
	assert_int_equal(krpc_parse(sample("empty nodes")->bytes, &m), 0);
	assert_non_null(m.nodes.ptr);
	assert_int_equal(krpc_parse(sample("a port and a num")->bytes, &m), 0);
	assert_int_equal(m.port, -1);
	assert_int_equal(m.interval, -1);
}

static void test_the_largest_datagram(void **state)
{
	static uint8_t big[65507];
	struct bencode_writer w;
	struct krpc_msg m;

	(void)state;
	bencode_writer_init(&w, big, sizeof(big));
	bencode_put_raw(&w, SPAN_LIT("d1:rd2:id20:abcdefghij01234567895:nodes65442:"));
	w.len += 65442; /* zeros */
	bencode_put_raw(&w, SPAN_LIT("e1:t2:aa1:y1:re"));
	assert_true(bencode_finish(&w) > 65000);
	assert_int_equal(krpc_parse(span_of(big, w.len), &m), 0);
	assert_int_equal(m.nodes.len, 65442);
	/* As many tokens as fit: the bound stops it, not the end. */
	memset(big, 'l', sizeof(big));
	memcpy(big, "d1:x", 4);
	assert_int_equal(krpc_parse(span_of(big, sizeof(big)), &m), DT_EDEPTH);
	bencode_writer_init(&w, big, sizeof(big));
	bencode_put_raw(&w, SPAN_LIT("d1:xl"));
	while (!w.err)
		bencode_put_raw(&w, SPAN_LIT("le"));
	assert_int_equal(krpc_parse(span_of(big, sizeof(big)), &m), DT_ETOKENS);
}

static void test_value_next_on_bytes_that_no_parser_saw(void **state)
{
	static const char *const rows[] = { "",  "x",         "6:",  "6:abc",
					    "9", "99999999:", "i5e", "06:abcdef" };
	struct endpoint peer;
	struct guard g;

	(void)state;
	guard_open(&g, 64);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		size_t len = strlen(rows[i]), cursor = 0;

		if (krpc_value_next(span_of(guard_put(&g, rows[i], len), len), &cursor, &peer))
			fail_msg("'%s'", rows[i]);
		assert_int_equal(cursor, len);
	}
	guard_close(&g);
}

/* What libtorrent, Transmission and the simulator send, each part there or not. */
static size_t usual_reply(struct rng *r, uint8_t *out, size_t cap)
{
	static const uint8_t bytes[400];
	uint64_t with = rng_u64(r);
	struct bencode_writer w;

	bencode_writer_init(&w, out, cap);
	bencode_put_raw(&w, with & 1 ? SPAN_LIT("d2:ip6:abcdef1:r") : SPAN_LIT("d1:r"));
	bencode_put_raw(&w, SPAN_LIT("d2:id20:abcdefghij0123456789"));
	if (with & 2) {
		bencode_put_raw(&w, SPAN_LIT("5:nodes"));
		bencode_put_string(&w,
				   span_of(bytes, with >> 8 & 15 ? 26 * (with >> 12 & 15) : 25));
	}
	if (with & 4) {
		bencode_put_raw(&w, SPAN_LIT("6:nodes6"));
		bencode_put_string(&w, span_of(bytes, 38 * (with >> 16 & 7)));
	}
	if (with & 8) {
		bencode_put_raw(&w, SPAN_LIT("1:p"));
		bencode_put_int(&w, (int64_t)(with >> 20 & 0x1ffff) - (with >> 37 & 1));
	}
	if (with & 16) {
		bencode_put_raw(&w, SPAN_LIT("5:token"));
		bencode_put_string(&w, span_of(bytes, with >> 40 & 31));
	}
	bencode_put_raw(&w, SPAN_LIT("e1:t"));
	bencode_put_string(&w, span_of(bytes, with >> 48 & 31));
	if (with & 32)
		bencode_put_raw(&w, SPAN_LIT("1:v4:LT01"));
	bencode_put_raw(&w, with & 0xc0 ? SPAN_LIT("1:y1:re") : SPAN_LIT("1:y1:ree"));
	return w.len;
}

/* As they are, and with a byte of them changed, gone or doubled. */
static void test_the_shortcut_reads_what_the_general_reader_does(void **state)
{
	enum { ROUNDS = 200000 };
	struct rng r = rng_open(7);
	unsigned taken = 0, spoilt = 0;
	struct guard g;

	(void)state;
	guard_open(&g, 4096);
	for (unsigned i = 0; i < ROUNDS; i++) {
		uint8_t buf[1024];
		size_t len = usual_reply(&r, buf, sizeof(buf)), at = rng_u64(&r) % len;
		unsigned how = i % 4;
		struct krpc_msg usual, any;
		const uint8_t *p;

		if (how == 1)
			buf[at] = (uint8_t) "0123456789:deilprtvy"[rng_u64(&r) % 20];
		if (how == 2)
			memmove(buf + at, buf + at + 1, --len - at);
		if (how == 3)
			memmove(buf + at + 1, buf + at, len++ - at);
		p = guard_put(&g, buf, len);
		if (!krpc_parse_usual(span_of(p, len), &usual))
			continue;
		taken++;
		spoilt += how != 0;
		if (krpc_parse_any(span_of(p, len), &any) || !krpc_same(&usual, &any))
			fail_msg("round %u: %.*s", i, (int)len, (const char *)buf);
	}
	guard_close(&g);
	/* It takes most of what nodes send, and some of what was spoilt within a string. */
	assert_true(taken - spoilt > ROUNDS / 4 / 5);
	assert_true(spoilt > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_sample),
		cmocka_unit_test(test_each_sample_cut_at_every_length),
		cmocka_unit_test(test_mutations_end_at_the_guard_page),
		cmocka_unit_test(test_fields_of_a_reply),
		cmocka_unit_test(test_fields_of_a_query),
		cmocka_unit_test(test_an_error_keeps_its_reply_and_text),
		cmocka_unit_test(test_absent_and_empty_are_told_apart),
		cmocka_unit_test(test_the_largest_datagram),
		cmocka_unit_test(test_value_next_on_bytes_that_no_parser_saw),
		cmocka_unit_test(test_the_shortcut_reads_what_the_general_reader_does),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
