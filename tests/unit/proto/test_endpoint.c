/* SPDX-License-Identifier: MIT */
#include "tests/support/unit.h"

#include <string.h>

#include "proto/endpoint.h"
#include "tests/support/guard.h"
#include "tests/support/rng.h"

static const struct {
	const char *text;
	int err;
	const char *back; /* NULL: the same */
} texts[] = {
	{ "1.2.3.4:6881", 0, NULL },
	{ "255.255.255.255:65535", 0, NULL },
	{ "1.2.3.4", 0, "1.2.3.4:0" },
	{ "[2001:db8::1]:6881", 0, NULL },
	{ "[2001:db8::1]", 0, "[2001:db8::1]:0" },
	{ "2001:db8::1", 0, "[2001:db8::1]:0" },
	{ "::", 0, "[::]:0" },
	{ "[::ffff:1.2.3.4]:1", 0, "1.2.3.4:1" }, /* one shape for both families */
	{ "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535", 0, NULL },
	{ "1.2.3.4:0", 0, NULL },
	{ "1.2.3.4:65536", DT_ERANGE, NULL },
	{ "1.2.3.4:99999999999999999999", DT_ERANGE, NULL },
	{ "", DT_EMALF, NULL },
	{ ":", DT_EMALF, NULL },
	{ ":6881", DT_EMALF, NULL },
	{ "1.2.3.4:", DT_EMALF, NULL },
	{ "1.2.3.4:-1", DT_EMALF, NULL },
	{ "1.2.3.4:+1", DT_EMALF, NULL },
	{ "1.2.3.4:1 ", DT_EMALF, NULL },
	{ " 1.2.3.4:1", DT_EMALF, NULL },
	{ "1.2.3:1", DT_EMALF, NULL },
	{ "1.2.3.256:1", DT_EMALF, NULL },
	{ "[1.2.3.4]:1", DT_EMALF, NULL },
	{ "[::1", DT_EMALF, NULL },
	{ "[::1]x", DT_EMALF, NULL },
	{ "[::1]:", DT_EMALF, NULL },
	{ "[]:1", DT_EMALF, NULL },
	{ "[::1%lo]:1", DT_EMALF, NULL },
	{ "router.bittorrent.com:6881", DT_EMALF, NULL },
	{ "[0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000]:1", DT_EMALF, NULL },
};

static void test_text(void **state)
{
	char out[ENDPOINT_TEXT_MAX];
	struct endpoint e;

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		int err = endpoint_from_text(texts[i].text, &e);

		if (err != texts[i].err)
			fail_msg("'%s': %s, want %s", texts[i].text, dt_strerror(err),
				 dt_strerror(texts[i].err));
		if (!err)
			assert_string_equal(endpoint_to_text(&e, out),
					    texts[i].back ? texts[i].back : texts[i].text);
	}
}

static void test_text_ends_at_the_guard_page(void **state)
{
	struct endpoint e;
	struct guard g;

	(void)state;
	guard_open(&g, 256);
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		const char *text = texts[i].text;
		char cut[128];

		for (size_t len = 0; len <= strlen(text); len++) {
			memcpy(cut, text, len);
			cut[len] = '\0';
			(void)!endpoint_from_text((char *)guard_put(&g, cut, len + 1), &e);
		}
	}
	guard_close(&g);
}

static void test_a_failed_read_leaves_the_output(void **state)
{
	struct endpoint e = endpoint_ip4(0x01020304, 5), before = e;

	(void)state;
	assert_int_equal(endpoint_from_text("9.9.9.9:70000", &e), DT_ERANGE);
	assert_true(endpoint_equal(&e, &before));
	assert_int_equal(endpoint_from_compact(SPAN_LIT("12345"), &e), DT_ESIZE);
	assert_true(endpoint_equal(&e, &before));
}

static void test_text_and_compact_are_inverse(void **state)
{
	struct rng r = rng_open(1);

	(void)state;
	for (int i = 0; i < 20000; i++) {
		uint8_t compact[ENDPOINT_COMPACT6];
		char text[ENDPOINT_TEXT_MAX];
		struct endpoint e, back;
		int len;

		if (i % 2) {
			e = endpoint_ip4((uint32_t)rng_u64(&r), (uint16_t)rng_u64(&r));
		} else {
			rng_fill(&r, &e, sizeof(e));
			/* Runs of zeros are what the text form shortens. */
			memset(e.addr + rng_below(&r, 8), 0, rng_below(&r, 9));
		}
		len = endpoint_to_compact(&e, compact);
		assert_int_equal(len, endpoint_is4(&e) ? ENDPOINT_COMPACT4 : ENDPOINT_COMPACT6);
		assert_int_equal(endpoint_from_compact(span_of(compact, (size_t)len), &back), 0);
		assert_true(endpoint_equal(&e, &back));
		assert_int_equal(endpoint_from_text(endpoint_to_text(&e, text), &back), 0);
		assert_true(endpoint_equal(&e, &back));
	}
}

static void test_compact_takes_6_and_18_bytes_only(void **state)
{
	static const uint8_t zeros[64];
	struct endpoint e;
	struct guard g;

	(void)state;
	guard_open(&g, sizeof(zeros));
	for (size_t len = 0; len <= sizeof(zeros); len++) {
		int err = endpoint_from_compact(span_of(guard_put(&g, zeros, len), len), &e);

		assert_int_equal(err, len == 6 || len == 18 ? 0 : DT_ESIZE);
	}
	guard_close(&g);
	assert_int_equal(endpoint_from_compact(SPAN_LIT("\x01\x02\x03\x04\x1a\xe1"), &e), 0);
	assert_int_equal(endpoint_get_ip4(&e), 0x01020304);
	assert_int_equal(e.port, 6881);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_text),
		cmocka_unit_test(test_text_ends_at_the_guard_page),
		cmocka_unit_test(test_a_failed_read_leaves_the_output),
		cmocka_unit_test(test_text_and_compact_are_inverse),
		cmocka_unit_test(test_compact_takes_6_and_18_bytes_only),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
