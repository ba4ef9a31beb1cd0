/* SPDX-License-Identifier: MIT */
#include "tests/support/unit.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "viz/captions.h"

static const struct {
	const char *text;
	int err;
	uint64_t at;
} times[] = {
	{ "0", 0, 0 },
	{ "1795219200", 0, 1795219200 },
	{ "4294967295", 0, 4294967295 },
	{ "4294967296", DT_EMALF, 0 },
	{ "99999999999", DT_EMALF, 0 },
	{ "2026-11-21", 0, 1795219200 },
	{ "2026-11-21 14:00", 0, 1795269600 },
	{ "2026-11-21T14:00", 0, 1795269600 },
	{ "2026-11-21T14:00:05Z", 0, 1795269605 },
	{ "2026-11-21T14:00:05", 0, 1795269605 },
	{ "2024-02-29", 0, 1709164800 },
	{ "1970-01-01", 0, 0 },
	{ "2026-13-01", DT_EMALF, 0 },
	{ "2026-11-00", DT_EMALF, 0 },
	{ "2026-11-21 24:00", DT_EMALF, 0 },
	{ "2026-11-21 14:0", DT_EMALF, 0 },
	{ "2026-11-21 14:00 ", 0, 1795269600 },
	{ "2026-11-21x14:00", DT_EMALF, 0 },
	{ "now", DT_EMALF, 0 },
	{ "", DT_EMALF, 0 },
	{ "-5", DT_EMALF, 0 },
};

static void test_times(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
		uint64_t at = 0;
		int err = captions_time(times[i].text, strlen(times[i].text), &at);

		if (err != times[i].err || (!err && at != times[i].at))
			fail_msg("'%s': %d, %llu", times[i].text, err, (unsigned long long)at);
	}
}

static void test_file(void **state)
{
	static const char text[] = "# what happened\n"
				   "\n"
				   "300\tlater\r\n"
				   "2026-11-21 00:00\ta \xe2\x80\xae"
				   "b\x01\xff c\n"
				   "100\tfirst\n"
				   "300\tlater, the second";
	struct captions c;
	char why[256] = "";

	(void)state;
	assert_int_equal(captions_parse(text, sizeof(text) - 1, &c, why), 0);
	assert_int_equal(c.count, 4);
	assert_string_equal(c.list[0].text, "first");
	assert_string_equal(c.list[1].text, "later");
	assert_string_equal(c.list[2].text, "later, the second");
	assert_null(strstr(c.list[3].text, "\xe2\x80\xae")); /* no word runs backwards */
	assert_null(strchr(c.list[3].text, 1));
	captions_close(&c);
	assert_int_equal(captions_parse("1\ta\nnonsense\n", 13, &c, why), DT_EMALF);
	assert_non_null(strstr(why, "line 2"));
	assert_int_equal(captions_open("/nowhere/at-all", &c, why), -2);
	assert_non_null(strstr(why, "/nowhere/at-all"));
}

static void test_shown(void **state)
{
	static const char text[] = "1000\tone\n1600\ttwo\n";
	struct captions c;
	double alpha = 0;
	char why[256];

	(void)state;
	assert_int_equal(captions_parse(text, sizeof(text) - 1, &c, why), 0);
	/* a minute is a tenth of a second of film */
	assert_null(captions_at(&c, 999, 1 / 600.0, &alpha));
	assert_string_equal(captions_at(&c, 1000, 1 / 600.0, &alpha), "one");
	assert_true(alpha < 0.2);
	assert_string_equal(captions_at(&c, 1599, 1 / 600.0, &alpha), "one");
	assert_true(alpha == 1);
	assert_string_equal(captions_at(&c, 1600, 1 / 600.0, &alpha), "two");
	assert_string_equal(captions_at(&c, 4590, 1 / 600.0, &alpha), "two");
	assert_true(alpha < 0.1);
	assert_null(captions_at(&c, 4700, 1 / 600.0, &alpha));
	captions_close(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_times),
		cmocka_unit_test(test_file),
		cmocka_unit_test(test_shown),
	};

	return cmocka_run_group_tests_name("viz/captions", tests, NULL, NULL);
}
