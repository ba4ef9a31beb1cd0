/* SPDX-License-Identifier: MIT */
#include "tests/support/unit.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "proto/json_read.h"
#include "tests/support/guard.h"

enum { TEXT_MAX = 256 };

/* A letter a token, strings and numbers as they stand. Returns the last code. */
static int spell(struct span in, char out[static TEXT_MAX])
{
	struct json_reader r;
	struct json_token t;
	size_t at = 0;
	int rc;

	json_read_init(&r, in);
	out[0] = 0;
	while ((rc = json_read_next(&r, &t)) == 0 && t.kind != JSON_DONE)
		at += (size_t)snprintf(out + at, TEXT_MAX - at, "%c%.*s", "?{[.ks0tf_"[t.kind],
				       (int)t.raw.len, t.raw.ptr ? (const char *)t.raw.ptr : "");
	return rc;
}

static void test_texts(void **state)
{
	static const struct row {
		const char *in;
		int rc;
		const char *spelled;
	} rows[] = {
		{ "{}", 0, "{." },
		{ " [ ] ", 0, "[." },
		{ "{\"a\": [1, null], \"b\": {\"c\": \"d\"}}", 0, "{ka[01_.kb{kcsd.." },
		{ "[true,false,-1.5e+3,0,\"\"]", 0, "[tf0-1.5e+300s." },
		{ "\"a\\n\\u0041\"", 0, "sa\\n\\u0041" },
		{ "3", 0, "03" },
		{ "", DT_ESHORT, NULL },
		{ "  ", DT_ESHORT, NULL },
		{ "{", DT_ESHORT, NULL },
		{ "[1", DT_ESHORT, NULL },
		{ "[1,", DT_ESHORT, NULL },
		{ "\"abc", DT_ESHORT, NULL },
		{ "\"\\u12", DT_ESHORT, NULL },
		{ "tru", DT_ESHORT, NULL },
		{ "{\"a\"", DT_ESHORT, NULL },
		{ "{\"a\":", DT_ESHORT, NULL },
		{ "1e", DT_ESHORT, NULL },
		{ "-", DT_ESHORT, NULL },
		{ "{\"a\" 1}", DT_EMALF, NULL },
		{ "{1: 2}", DT_EMALF, NULL },
		{ "{\"a\": 1,}", DT_EMALF, NULL },
		{ "[1,]", DT_EMALF, NULL },
		{ "[,1]", DT_EMALF, NULL },
		{ "[1 2]", DT_EMALF, NULL },
		{ "[1}", DT_EMALF, NULL },
		{ "{]", DT_EMALF, NULL },
		{ "1 2", DT_EMALF, NULL },
		{ "01", DT_EMALF, NULL },
		{ ".5", DT_EMALF, NULL },
		{ "1.x", DT_EMALF, NULL },
		{ "nul0", DT_EMALF, NULL },
		{ "NaN", DT_EMALF, NULL },
		{ "'a'", DT_EMALF, NULL },
		{ "\"\\x\"", DT_EMALF, NULL },
		{ "\"\\u00zz\"", DT_EMALF, NULL },
		{ "\"a\nb\"", DT_EMALF, NULL },
	};
	struct guard g;

	(void)state;
	guard_open(&g, TEXT_MAX);
	for (const struct row *r = rows; r < TABLE_END(rows); r++) {
		size_t len = strlen(r->in);
		char got[TEXT_MAX];
		int rc = spell(span_of(guard_put(&g, r->in, len), len), got);

		if (rc != r->rc || (r->spelled && strcmp(got, r->spelled) != 0))
			fail_msg("%s: %d, %s", r->in, rc, got);
	}
	guard_close(&g);
}

static void test_depth(void **state)
{
	char in[2 * JSON_READ_DEPTH_MAX + 2], got[TEXT_MAX];

	(void)state;
	memset(in, '[', JSON_READ_DEPTH_MAX);
	memset(in + JSON_READ_DEPTH_MAX, ']', JSON_READ_DEPTH_MAX);
	assert_int_equal(spell(span_of(in, 2 * JSON_READ_DEPTH_MAX), got), 0);
	memset(in, '[', sizeof(in));
	assert_int_equal(spell(span_of(in, JSON_READ_DEPTH_MAX + 1), got), DT_EDEPTH);
}

/* An error stays one; the end stays the end. */
static void test_says_it_again(void **state)
{
	struct json_reader r;
	struct json_token t;

	(void)state;
	json_read_init(&r, SPAN_LIT("[}"));
	assert_int_equal(json_read_next(&r, &t), 0);
	assert_int_equal(json_read_next(&r, &t), DT_EMALF);
	assert_int_equal(json_read_next(&r, &t), DT_EMALF);
	assert_int_equal(json_read_offset(&r), 1);
	json_read_init(&r, SPAN_LIT("1 "));
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(json_read_next(&r, &t), 0);
		assert_int_equal(t.kind, i ? JSON_DONE : JSON_NUMBER);
	}
}

static void test_skip(void **state)
{
	struct json_reader r;
	struct json_token t;

	(void)state;
	json_read_init(&r, SPAN_LIT("{\"a\": {\"b\": [[], {}]}, \"c\": 7}"));
	for (unsigned i = 0; i < 3; i++) /* { a { */
		assert_int_equal(json_read_next(&r, &t), 0);
	assert_int_equal(json_read_skip(&r, &t), 0);
	assert_int_equal(json_read_next(&r, &t), 0);
	assert_true(t.kind == JSON_KEY && json_read_is(&t, "c") && !json_read_is(&t, "cc"));
	assert_int_equal(json_read_skip(&r, &t), 0); /* a key begins nothing */
	assert_int_equal(json_read_next(&r, &t), 0);
	assert_true(json_read_double(&t) == 7);
	json_read_init(&r, SPAN_LIT("[[[1"));
	assert_int_equal(json_read_next(&r, &t), 0);
	assert_int_equal(json_read_skip(&r, &t), DT_ESHORT);
}

static void test_strings(void **state)
{
	static const struct row {
		const char *in;
		size_t cap;
		const char *out;
	} rows[] = {
		{ "\"plain\"", 64, "plain" },
		{ "\"a\\\"b\\\\c\\/d\\b\\f\\n\\r\\t\"", 64, "a\"b\\c/d\b\f\n\r\t" },
		{ "\"\\u00e9\\u20ac\"", 64, "\xc3\xa9\xe2\x82\xac" },
		{ "\"\\ud83c\\udf0d\"", 64, "\xf0\x9f\x8c\x8d" },
		{ "\"\\ud83c!\"", 64, "?!" },
		{ "\"\\udf0d\\u0000\"", 64, "??" },
		{ "\"\\ud83c\\u0041\"", 64, "?A" },
		{ "\"abcdef\"", 4, "abc" },
		{ "\"abc\"", 4, "abc" },
		{ "\"ab\\u20ac\"", 4, "ab" },
		{ "\"ab\xe2\x82\xac\"", 5, "ab" },
		{ "\"\"", 1, "" },
	};

	(void)state;
	for (const struct row *r = rows; r < TABLE_END(rows); r++) {
		struct json_reader j;
		struct json_token t;
		char out[64];

		json_read_init(&j, span_of(r->in, strlen(r->in)));
		assert_int_equal(json_read_next(&j, &t), 0);
		if (strcmp(json_read_text(&t, out, r->cap), r->out) != 0)
			fail_msg("%s: %s", r->in, out);
	}
}

static void test_numbers(void **state)
{
	static const struct row {
		const char *in;
		double want;
	} rows[] = { { "0", 0 }, { "-12.5", -12.5 }, { "1e3", 1000 }, { "55.6761", 55.6761 } };
	static const char *const none[] = { "null", "\"1\"", "1e999" };
	struct json_reader j;
	struct json_token t;

	(void)state;
	for (const struct row *r = rows; r < TABLE_END(rows); r++) {
		json_read_init(&j, span_of(r->in, strlen(r->in)));
		assert_int_equal(json_read_next(&j, &t), 0);
		assert_true(json_read_double(&t) == r->want);
	}
	for (const char *const *in = none; in < TABLE_END(none); in++) {
		json_read_init(&j, span_of(*in, strlen(*in)));
		assert_int_equal(json_read_next(&j, &t), 0);
		assert_true(isnan(json_read_double(&t)));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_texts),         cmocka_unit_test(test_depth),
		cmocka_unit_test(test_says_it_again), cmocka_unit_test(test_skip),
		cmocka_unit_test(test_strings),       cmocka_unit_test(test_numbers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
