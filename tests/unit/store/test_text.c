/* SPDX-License-Identifier: MIT */
#include "tests/support/unit.h"

#include <string.h>

#include "store/text.h"
#include "tests/support/guard.h"
#include "tests/support/rng.h"

static void rows_of_it(void **state)
{
	static const struct {
		const char *name, *in, *out;
	} rows[] = {
		{ "plain", "Deutsche Telekom AG", "Deutsche Telekom AG" },
		{ "empty", "", "" },
		{ "two bytes", "Telefónica", "Telefónica" },
		{ "three and four", "中国电信 🛰", "中国电信 🛰" },
		{ "Latin-1", "Telef\xf3nica", "Telef?nica" },
		{ "cut in the middle", "a\xe4\xb8", "a??" },
		{ "overlong slash", "\xc0\xaf", "??" },
		{ "surrogate", "\xed\xa0\x80", "???" },
		{ "beyond Unicode", "\xf4\x90\x80\x80", "????" },
		{ "control", "a\x1b[2Jb\x7f", "a?[2Jb?" },
		{ "white space", "a\tb\nc\rd", "a b c d" },
		{ "right to left", "x\xe2\x80\xaey", "x?y" },
		{ "zero width", "x\xe2\x80\x8by\xef\xbb\xbf", "x?y?" },
		{ "C1", "\xc2\x9b", "?" },
		{ "no characters", "\xef\xbf\xbe\xef\xbf\xbf \xef\xb7\x90 \xf4\x8f\xbf\xbf",
		  "?? ? ?" },
		{ "replacement character", "\xef\xbf\xbd", "\xef\xbf\xbd" },
	};
	char out[64];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		text_clean(rows[i].in, out, sizeof(out));
		/* A character that is refused whole is one mark; broken bytes are one each. */
		if (strcmp(out, rows[i].out) != 0)
			fail_msg("%s: \"%s\"", rows[i].name, out);
	}
}

static void whole_characters_only(void **state)
{
	char out[8];

	(void)state;
	assert_string_equal(text_clean("abcdef中", out, sizeof(out)), "abcdef");
	assert_string_equal(text_clean("abcd中", out, sizeof(out)), "abcd中");
	assert_string_equal(text_clean("abc", out, 1), "");
}

static void it_stays_inside(void **state)
{
	struct rng r = rng_open(1);
	struct guard in, out;

	(void)state;
	guard_open(&in, 64);
	guard_open(&out, 64);
	for (unsigned i = 0; i < 20000; i++) {
		char raw[33], *clean;
		size_t n = rng_below(&r, 32), cap = 1 + rng_below(&r, 40);

		rng_fill(&r, raw, n);
		for (size_t k = 0; k < n; k++)
			raw[k] |= (char)(rng_below(&r, 3) ? 0x80 : 1);
		for (size_t k = 0; k < n; k++)
			if (!raw[k])
				raw[k] = 1;
		raw[n] = '\0';
		clean = (char *)out.end - cap;
		text_clean((char *)guard_put(&in, raw, n + 1), clean, cap);
		assert_true(strlen(clean) < cap);
	}
	guard_close(&in);
	guard_close(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rows_of_it),
		cmocka_unit_test(whole_characters_only),
		cmocka_unit_test(it_stays_inside),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
