/* SPDX-License-Identifier: MIT */
#include "tests/support/unit.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "proto/bencode.h"
#include "tests/support/guard.h"
#include "tests/support/rng.h"

/* The tokens of an input as text: "d s3:abc i5 e", or the error that ends them. */
static const char *tokens_of(struct span in, char *out, size_t cap, int *end)
{
	struct bencode_token tok;
	struct bencode_reader r;
	size_t at = 0;
	int kind;

	*out = '\0';
	bencode_reader_init(&r, in);
	while ((kind = bencode_next(&r, &tok)) > 0 && at + 64 < cap) {
		const char *gap = at ? " " : "";

		if (kind == BENCODE_STRING)
			at += (size_t)snprintf(out + at, cap - at, "%ss%zu:%.*s", gap,
					       tok.bytes.len, (int)tok.bytes.len,
					       (const char *)tok.bytes.ptr);
		else if (kind == BENCODE_INT)
			at += (size_t)snprintf(out + at, cap - at, "%si%" PRId64, gap, tok.number);
		else
			at += (size_t)snprintf(out + at, cap - at, "%s%c", gap,
					       kind == BENCODE_DICT   ? 'd'
					       : kind == BENCODE_LIST ? 'l'
								      : 'e');
	}
	*end = kind;
	return out;
}

static const struct {
	const char *in;
	int end; /* 0: whole */
	const char *tokens;
} rows[] = {
	{ "0:", 0, "s0:" },
	{ "4:spam", 0, "s4:spam" },
	{ "10:abcdefghij", 0, "s10:abcdefghij" },
	{ "i0e", 0, "i0" },
	{ "i-3e", 0, "i-3" },
	{ "i9223372036854775807e", 0, "i9223372036854775807" },
	{ "i-9223372036854775808e", 0, "i-9223372036854775808" },
	{ "le", 0, "l e" },
	{ "de", 0, "d e" },
	{ "l4:spami7ee", 0, "l s4:spam i7 e" },
	{ "d3:cow3:moo4:spami-1ee", 0, "d s3:cow s3:moo s4:spam i-1 e" },
	{ "d1:ad1:bl1:cdeee1:xi1ee", 0, "d s1:a d s1:b l s1:c d e e e s1:x i1 e" },
	{ "d0:0:e", 0, "d s0: s0: e" },
	{ "d2:zz1:x2:aa1:ye", 0, "d s2:zz s1:x s2:aa s1:y e" }, /* unsorted: not its business */
	{ "i1eGARBAGE", 0, "i1" },
	{ "llllllllllllllll1:xeeeeeeeeeeeeeeee", 0,
	  "l l l l l l l l l l l l l l l l s1:x e e e e e e e e e e e e e e e e" },
	{ "lllllllllllllllll", DT_EDEPTH, "l l l l l l l l l l l l l l l l" },
	{ "", DT_ESHORT, "" },
	{ "4", DT_ESHORT, "" },
	{ "4:", DT_ESHORT, "" },
	{ "4:spa", DT_ESHORT, "" },
	{ "i", DT_ESHORT, "" },
	{ "i-", DT_ESHORT, "" },
	{ "i12", DT_ESHORT, "" },
	{ "l", DT_ESHORT, "l" },
	{ "d1:a", DT_ESHORT, "d s1:a" },
	{ "999999999:x", DT_ESHORT, "" },
	{ "1000000000:x", DT_ESIZE, "" },
	{ "00:", DT_EMALF, "" },
	{ "01:a", DT_EMALF, "" },
	{ "4spam", DT_EMALF, "" },
	{ "4;spam", DT_EMALF, "" },
	{ "-1:a", DT_EMALF, "" },
	{ "e", DT_EMALF, "" },
	{ "x", DT_EMALF, "" },
	{ ":", DT_EMALF, "" },
	{ "ie", DT_EMALF, "" },
	{ "i-e", DT_EMALF, "" },
	{ "i-0e", DT_EMALF, "" },
	{ "i00e", DT_EMALF, "" },
	{ "i03e", DT_EMALF, "" },
	{ "i-03e", DT_EMALF, "" },
	{ "i--3e", DT_EMALF, "" },
	{ "i3 e", DT_EMALF, "" },
	{ "i3.5e", DT_EMALF, "" },
	{ "i9223372036854775808e", DT_ERANGE, "" },
	{ "i-9223372036854775809e", DT_ERANGE, "" },
	{ "i99999999999999999999999999e", DT_ERANGE, "" },
	{ "di1e1:xe", DT_EMALF, "d" },
	{ "dlee", DT_EMALF, "d" },
	{ "ddee", DT_EMALF, "d" },
	{ "d1:ae", DT_EMALF, "d s1:a" },
	{ "d1:ai1e1:be", DT_EMALF, "d s1:a i1 s1:b" },
	{ "ld1:aee", DT_EMALF, "l d s1:a" },
};

static void test_tokens_and_errors(void **state)
{
	char out[512];
	struct guard g;
	int end;

	(void)state;
	guard_open(&g, 256);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		size_t len = strlen(rows[i].in);

		tokens_of(span_of(guard_put(&g, rows[i].in, len), len), out, sizeof(out), &end);
		if (end != rows[i].end || strcmp(out, rows[i].tokens))
			fail_msg("'%s': %s after '%s', want %s after '%s'", rows[i].in,
				 dt_strerror(end), out, dt_strerror(rows[i].end), rows[i].tokens);
	}
	guard_close(&g);
}

static void test_each_row_cut_at_every_length(void **state)
{
	char out[512];
	struct guard g;
	int end;

	(void)state;
	guard_open(&g, 256);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		for (size_t len = 0; len < strlen(rows[i].in); len++)
			tokens_of(span_of(guard_put(&g, rows[i].in, len), len), out, sizeof(out),
				  &end);
	guard_close(&g);
}

static void test_the_token_bound_is_exact(void **state)
{
	char in[BENCODE_TOKENS_MAX * 2 + 8];
	struct bencode_token tok;
	struct bencode_reader r;

	(void)state;
	for (int extra = 0; extra < 2; extra++) {
		int kind, tokens = 0, strings = BENCODE_TOKENS_MAX - 2 + extra;

		in[0] = 'l';
		for (int i = 0; i < strings; i++)
			memcpy(in + 1 + 2 * i, "0:", 2);
		in[1 + 2 * strings] = 'e';
		bencode_reader_init(&r, span_of(in, 2 + 2 * (size_t)strings));
		while ((kind = bencode_next(&r, &tok)) > 0)
			tokens++;
		assert_int_equal(kind, extra ? DT_ETOKENS : BENCODE_DONE);
		assert_int_equal(tokens, BENCODE_TOKENS_MAX);
	}
}

static void test_done_stays_done_and_the_rest_is_there(void **state)
{
	struct bencode_token tok;
	struct bencode_reader r;

	(void)state;
	bencode_reader_init(&r, SPAN_LIT("le5:trail"));
	assert_int_equal(bencode_next(&r, &tok), BENCODE_LIST);
	assert_int_equal(bencode_next(&r, &tok), BENCODE_END);
	for (int i = 0; i < 3; i++)
		assert_int_equal(bencode_next(&r, &tok), BENCODE_DONE);
	assert_true(span_equal(bencode_rest(&r), SPAN_LIT("5:trail")));
	bencode_reader_init(&r, (struct span){ NULL, 0 });
	assert_int_equal(bencode_next(&r, &tok), DT_ESHORT);
	assert_int_equal(bencode_rest(&r).len, 0);
}

static void test_skip_and_leave(void **state)
{
	struct bencode_token tok;
	struct bencode_reader r;

	(void)state;
	bencode_reader_init(&r, SPAN_LIT("d1:ali1ed1:x1:yelee1:b2:zze"));
	assert_int_equal(bencode_next(&r, &tok), BENCODE_DICT);
	assert_int_equal(bencode_next(&r, &tok), BENCODE_STRING);
	assert_int_equal(bencode_skip(&r), 0); /* the list */
	assert_int_equal(bencode_next(&r, &tok), BENCODE_STRING);
	assert_true(span_equal(tok.bytes, SPAN_LIT("b")));
	assert_int_equal(bencode_skip(&r), 0);        /* a string */
	assert_int_equal(bencode_skip(&r), DT_EMALF); /* no value, but an end */

	bencode_reader_init(&r, SPAN_LIT("l1:ali1ee1:be"));
	assert_int_equal(bencode_next(&r, &tok), BENCODE_LIST);
	assert_int_equal(bencode_leave(&r), 0);
	assert_int_equal(bencode_next(&r, &tok), BENCODE_DONE);
	assert_int_equal(bencode_skip(&r), DT_EMALF); /* nothing is left */

	bencode_reader_init(&r, SPAN_LIT("ll1:xi01ee"));
	assert_int_equal(bencode_next(&r, &tok), BENCODE_LIST);
	assert_int_equal(bencode_skip(&r), DT_EMALF); /* what it steps over is checked too */
}

/*
 * The grammar once more, as a stupid recursive reader: agrees on whole inputs.
 * Returns the bytes of one value, or -1.
 */
static int naive_value(const char *s, int len, int depth)
{
	int at = 1, n, digits = 0;
	long long count = 0;

	if (!len)
		return -1;
	if (s[0] == 'i') {
		int neg = len > 1 && s[1] == '-';

		for (at += neg; at < len && s[at] >= '0' && s[at] <= '9'; at++)
			digits++;
		if (!digits || at == len || s[at] != 'e' ||
		    (s[1 + neg] == '0' && (digits > 1 || neg)))
			return -1;
		return at + 1;
	}
	if (s[0] == 'l' || s[0] == 'd') {
		if (depth == BENCODE_DEPTH_MAX)
			return -1;
		for (int i = 0; at < len && s[at] != 'e'; i++, at += n) {
			if (s[0] == 'd' && i % 2 == 0 && !(s[at] >= '0' && s[at] <= '9'))
				return -1;
			n = naive_value(s + at, len - at, depth + 1);
			if (n < 0)
				return -1;
			if (s[0] == 'd' && i % 2 == 0 && at + n < len && s[at + n] == 'e')
				return -1;
		}
		return at < len ? at + 1 : -1;
	}
	for (at = 0; at < len && s[at] >= '0' && s[at] <= '9'; at++)
		count = count * 10 + s[at] - '0';
	if (!at || at == len || s[at] != ':' || (s[0] == '0' && at > 1) || count > len - at - 1)
		return -1;
	return at + 1 + (int)count;
}

static void test_beside_a_recursive_reader(void **state)
{
	static const char letters[] = "ilde0123:::eeee-dl1";
	struct rng r = rng_open(6);
	unsigned whole = 0;

	(void)state;
	for (int i = 0; i < 400000; i++) {
		char in[24];
		size_t len = rng_below(&r, sizeof(in));
		struct bencode_reader reader;
		struct bencode_token tok;
		int kind, want;

		for (size_t n = 0; n < len; n++)
			in[n] = letters[rng_below(&r, sizeof(letters) - 1)];
		bencode_reader_init(&reader, span_of(in, len));
		while ((kind = bencode_next(&reader, &tok)) > 0)
			;
		want = naive_value(in, (int)len, 0);
		if ((kind == 0) != (want >= 0))
			fail_msg("'%.*s': %s, naive %d", (int)len, in, dt_strerror(kind), want);
		if (kind == 0) {
			assert_int_equal(len - bencode_rest(&reader).len, want);
			whole++;
		}
	}
	assert_true(whole > 1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tokens_and_errors),
		cmocka_unit_test(test_each_row_cut_at_every_length),
		cmocka_unit_test(test_the_token_bound_is_exact),
		cmocka_unit_test(test_done_stays_done_and_the_rest_is_there),
		cmocka_unit_test(test_skip_and_leave),
		cmocka_unit_test(test_beside_a_recursive_reader),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
