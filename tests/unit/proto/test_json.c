/* SPDX-License-Identifier: MIT */
#include "tests/support/unit.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "proto/json.h"
#include "tests/support/guard.h"
#include "tests/support/json_check.h"
#include "tests/support/rng.h"

static void write_report(struct json *j)
{
	json_object_begin(j);
	json_kv_cstring(j, "schema", "x/1");
	json_kv_u64(j, "n", UINT64_MAX);
	json_key(j, "low");
	json_i64(j, INT64_MIN);
	json_kv_double(j, "share", 0.5);
	json_key(j, "list");
	json_array_begin(j);
	json_bool(j, true);
	json_bool(j, false);
	json_null(j);
	json_object_begin(j);
	json_object_end(j);
	json_array_begin(j);
	json_array_end(j);
	json_array_end(j);
	json_kv_cstring(j, "none", NULL);
	json_key(j, "raw");
	json_raw(j, SPAN_LIT("{\"a\": 1}"));
	json_object_end(j);
}

static const char line[] = "{\"schema\":\"x/1\",\"n\":18446744073709551615,"
			   "\"low\":-9223372036854775808,\"share\":0.5,"
			   "\"list\":[true,false,null,{},[]],\"none\":null,\"raw\":{\"a\": 1}}";

static const char page[] = "{\n"
			   "  \"schema\": \"x/1\",\n"
			   "  \"n\": 18446744073709551615,\n"
			   "  \"low\": -9223372036854775808,\n"
			   "  \"share\": 0.5,\n"
			   "  \"list\": [\n"
			   "    true,\n"
			   "    false,\n"
			   "    null,\n"
			   "    {},\n"
			   "    []\n"
			   "  ],\n"
			   "  \"none\": null,\n"
			   "  \"raw\": {\"a\": 1}\n"
			   "}";

static void test_one_line_and_one_page(void **state)
{
	char buf[512];
	struct json j;

	(void)state;
	json_init(&j, buf, sizeof(buf), false);
	write_report(&j);
	assert_int_equal(json_finish(&j), sizeof(line) - 1);
	assert_string_equal(buf, line);
	assert_true(json_check(buf, sizeof(line) - 1));
	json_init(&j, buf, sizeof(buf), true);
	write_report(&j);
	assert_int_equal(json_finish(&j), sizeof(page) - 1);
	assert_string_equal(buf, page);
	assert_true(json_check(buf, sizeof(page) - 1));
}

static void test_every_capacity(void **state)
{
	static const char zeros[512];
	struct guard g;
	struct json j;

	(void)state;
	guard_open(&g, sizeof(zeros));
	for (size_t cap = 0; cap <= sizeof(line); cap++) {
		char *buf = (char *)guard_put(&g, zeros, cap);

		json_init(&j, buf, cap, false);
		write_report(&j);
		if (cap < sizeof(line)) {
			assert_int_equal(json_finish(&j), DT_EFULL);
			assert_true(!cap || !buf[0]); /* nothing half written is left */
		} else {
			assert_int_equal(json_finish(&j), sizeof(line) - 1);
		}
	}
	guard_close(&g);
}

static const struct {
	const char *name, *in, *out;
	size_t len;
} strings[] = {
#define S(name, in, out)                                                                           \
	{                                                                                          \
		name, in, out, sizeof(in) - 1                                                      \
	}
	S("plain", "abc", "\"abc\""),
	S("quote and backslash", "a\"b\\c/", "\"a\\\"b\\\\c/\""),
	S("controls", "\n\t\r\0\x1b\x7f", "\"\\n\\t\\u000d\\u0000\\u001b\\u007f\""),
	S("two, three, four bytes", "\xc3\xa9\xe2\x82\xac\xf0\x9f\x94\xad",
	  "\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x94\xad\""),
	S("lone continuation", "\x80", "\"\\u0080\""),
	S("overlong slash", "\xc0\xaf", "\"\\u00c0\\u00af\""),
	S("overlong of three", "\xe0\x80\xaf", "\"\\u00e0\\u0080\\u00af\""),
	S("overlong of four", "\xf0\x80\x80\xaf", "\"\\u00f0\\u0080\\u0080\\u00af\""),
	S("surrogate", "\xed\xa0\x80", "\"\\u00ed\\u00a0\\u0080\""),
	S("last before the surrogates", "\xed\x9f\xbf", "\"\xed\x9f\xbf\""),
	S("last character", "\xf4\x8f\xbf\xbf", "\"\xf4\x8f\xbf\xbf\""),
	S("beyond the last", "\xf4\x90\x80\x80", "\"\\u00f4\\u0090\\u0080\\u0080\""),
	S("cut in two", "\xc3", "\"\\u00c3\""),
	S("cut in three", "\xe2\x82", "\"\\u00e2\\u0082\""),
	S("cut in four", "\xf0\x9f\x94", "\"\\u00f0\\u009f\\u0094\""),
	S("cut by a letter", "\xe2\x82x", "\"\\u00e2\\u0082x\""),
	S("never bytes", "\xfe\xff", "\"\\u00fe\\u00ff\""),
	S("empty", "", "\"\""),
#undef S
};

static void test_strings_from_peers(void **state)
{
	char buf[128];
	struct guard g;
	struct json j;

	(void)state;
	guard_open(&g, 64);
	for (size_t i = 0; i < sizeof(strings) / sizeof(strings[0]); i++) {
		json_init(&j, buf, sizeof(buf), false);
		json_string(&j,
			    span_of(guard_put(&g, strings[i].in, strings[i].len), strings[i].len));
		assert_true(json_finish(&j) > 0);
		if (strcmp(buf, strings[i].out))
			fail_msg("%s: %s", strings[i].name, buf);
		assert_true(json_check(buf, strlen(buf)));
	}
	guard_close(&g);
}

static void test_any_bytes_leave_as_valid_text(void **state)
{
	struct rng r = rng_open(12);
	uint8_t in[24];
	char buf[256];
	struct json j;

	(void)state;
	for (int i = 0; i < 200000; i++) {
		size_t len = rng_below(&r, sizeof(in) + 1);
		int n;

		for (size_t k = 0; k < len; k++) /* mostly lead and continuation bytes */
			in[k] = (uint8_t)(rng_below(&r, 4) ? 0x80 + rng_below(&r, 128)
							   : rng_u64(&r));
		json_init(&j, buf, sizeof(buf), false);
		json_string(&j, span_of(in, len));
		n = json_finish(&j);
		assert_true(n > 0);
		if (!json_check(buf, (size_t)n))
			fail_msg("%s", buf);
	}
}

static void test_doubles_read_back(void **state)
{
	static const struct {
		double v;
		const char *text;
	} doubles[] = {
		{ 0, "0" },
		{ 0.1, "0.1" },
		{ -1.5, "-1.5" },
		{ 1e300, "1e+300" },
		{ 1.0 / 3, "0.33333333333333331" },
		{ NAN, "null" },
		{ INFINITY, "null" },
		{ -INFINITY, "null" },
		{ 99.98, "99.98" },
	};
	struct rng r = rng_open(13);
	char buf[64];
	struct json j;

	(void)state;
	for (size_t i = 0; i < sizeof(doubles) / sizeof(doubles[0]); i++) {
		json_init(&j, buf, sizeof(buf), false);
		json_double(&j, doubles[i].v);
		assert_true(json_finish(&j) > 0);
		assert_string_equal(buf, doubles[i].text);
	}
	for (int i = 0; i < 50000; i++) {
		uint64_t bits = rng_u64(&r);
		double v;

		memcpy(&v, &bits, sizeof(v));
		json_init(&j, buf, sizeof(buf), false);
		json_double(&j, v);
		assert_true(json_finish(&j) > 0);
		assert_true(json_check(buf, strlen(buf)));
		if (isfinite(v))
			assert_true(strtod(buf, NULL) == v);
	}
}

static void misuse(struct json *j, int which)
{
	switch (which) {
	case 0: /* nothing at all */
		break;
	case 1: /* two values */
		json_null(j);
		json_null(j);
		break;
	case 2: /* not closed */
		json_object_begin(j);
		break;
	case 3: /* closed as the other */
		json_object_begin(j);
		json_array_end(j);
		break;
	case 4: /* closed twice */
		json_array_begin(j);
		json_array_end(j);
		json_array_end(j);
		break;
	case 5: /* a value without its key */
		json_object_begin(j);
		json_u64(j, 1);
		json_object_end(j);
		break;
	case 6: /* a key without its value */
		json_object_begin(j);
		json_key(j, "k");
		json_object_end(j);
		break;
	case 7: /* two keys */
		json_object_begin(j);
		json_key(j, "k");
		json_key(j, "k");
		json_null(j);
		json_object_end(j);
		break;
	case 8: /* a key in an array */
		json_array_begin(j);
		json_key(j, "k");
		json_null(j);
		json_array_end(j);
		break;
	default: /* a key outside of everything */
		json_key(j, "k");
		json_null(j);
	}
}

static void test_misuse_is_said_and_writes_nothing(void **state)
{
	char buf[64];
	struct json j;

	(void)state;
	for (int which = 0; which < 10; which++) {
		json_init(&j, buf, sizeof(buf), false);
		misuse(&j, which);
		if (json_finish(&j) != DT_EMALF)
			fail_msg("misuse %d: '%s'", which, buf);
		assert_string_equal(buf, "");
	}
}

static void test_depth_has_a_bound(void **state)
{
	char buf[256];
	struct json j;

	(void)state;
	for (int depth = 1; depth < 40; depth++) {
		json_init(&j, buf, sizeof(buf), false);
		for (int i = 0; i < depth; i++)
			json_array_begin(&j);
		for (int i = 0; i < depth; i++)
			json_array_end(&j);
		assert_int_equal(json_finish(&j), depth < JSON_DEPTH_MAX ? 2 * depth : DT_EDEPTH);
	}
}

/* The oracle must be able to say no. */
static void test_the_checker_refuses(void **state)
{
	static const char *const bad[] = { "",      "{",       "{\"a\"}",      "{\"a\":}",
					   "[1,]",  "[1 2]",   "\"a",          "01",
					   "1.",    "-",       "1e",           "nul",
					   "[]x",   "\"\\x\"", "\"\t\"",       "\"\x80\"",
					   "{a:1}", "+1",      "\"\xc0\xaf\"", "\"\xed\xa0\x80\"" };

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (json_check(bad[i], strlen(bad[i])))
			fail_msg("'%s' passed", bad[i]);
	assert_true(json_check(" { \"a\" : [ 1 , -2.5e+3 , \"\\u00e9\" ] } ", 38));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_line_and_one_page),
		cmocka_unit_test(test_every_capacity),
		cmocka_unit_test(test_strings_from_peers),
		cmocka_unit_test(test_any_bytes_leave_as_valid_text),
		cmocka_unit_test(test_doubles_read_back),
		cmocka_unit_test(test_misuse_is_said_and_writes_nothing),
		cmocka_unit_test(test_depth_has_a_bound),
		cmocka_unit_test(test_the_checker_refuses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
