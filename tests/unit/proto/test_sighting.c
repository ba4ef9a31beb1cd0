/* SPDX-License-Identifier: MIT */
#include "tests/support/unit.h"

#include <string.h>

#include "proto/sighting.h"
#include "tests/support/rng.h"

static void test_one_line(void **state)
{
	struct sighting s = { .when_ms = 1795219200123,
			      .from = endpoint_ip4(0x01020304, 6881),
			      .way = SIGHTING_ANSWERED,
			      .attempts = 2,
			      .answers = 1,
			      .version_len = 4,
			      .version = { 'L', 'T', 2, 8 },
			      .flags = SIGHTING_HAS_V | SIGHTING_FINAL,
			      .mentions = 7,
			      .rtt_us = 1234 };
	char out[SIGHTING_TEXT_MAX];

	(void)state;
	assert_int_equal(nodekey_from_hex("0123456789abcdef0123456789abcdef01234567", &s.key), 0);
	assert_string_equal(
		sighting_to_text(&s, out),
		"1795219200.123 answered 1.2.3.4:6881 "
		"0123456789abcdef0123456789abcdef01234567 \"libtorrent 2.8\" mentions=7 "
		"answers=1/2 rtt_us=1234 flags=0401");
	s = (struct sighting){ .way = SIGHTING_MENTIONED, .from = endpoint_ip4(0x05060708, 1) };
	assert_string_equal(sighting_to_text(&s, out),
			    "0.000 mentioned 5.6.7.8:1 - \"none\" mentions=0 flags=0000");
}

static void test_way_names(void **state)
{
	(void)state;
	assert_string_equal(sighting_way_name(SIGHTING_ANSWERED), "answered");
	assert_string_equal(sighting_way_name(SIGHTING_MENTIONED), "mentioned");
	assert_string_equal(sighting_way_name(SIGHTING_ASKED_US), "asked-us");
	assert_string_equal(sighting_way_name(SIGHTING_TAPPED), "tapped");
	assert_string_equal(sighting_way_name(SIGHTING_WAYS), "?");
	assert_string_equal(sighting_way_name(255), "?");
}

static void test_reach(void **state)
{
	enum { ANSWERED = 1 << SIGHTING_ANSWERED, ASKED = 1 << SIGHTING_ASKED_US };
	static const struct {
		unsigned ways, flags, node_class;
		enum sighting_reach want;
	} rows[] = {
		{ 0, 0, 0, SIGHTING_REACH_UNKNOWN },
		{ ANSWERED, SIGHTING_TOKEN, 0, SIGHTING_REACH_UNKNOWN },
		{ ANSWERED, SIGHTING_SECOND_PORT, 0, SIGHTING_REACH_ANY_PORT },
		{ ANSWERED, SIGHTING_SECOND_PORT | SIGHTING_SURVEYED, 0, SIGHTING_REACH_ANY_PORT },
		{ ANSWERED, SIGHTING_SURVEYED, 0, SIGHTING_REACH_ONE_PORT },
		{ ANSWERED | ASKED, SIGHTING_SURVEYED, SIGHTING_CLASS_ONE_WAY,
		  SIGHTING_REACH_ONE_PORT },
		{ ANSWERED | ASKED, 0, SIGHTING_CLASS_ONE_WAY, SIGHTING_REACH_ONE_WAY },
		{ ASKED, 0, 0, SIGHTING_REACH_ONE_WAY },
		{ ASKED, SIGHTING_READ_ONLY, 0, SIGHTING_REACH_READ_ONLY },
		{ ANSWERED, SIGHTING_READ_ONLY, 0, SIGHTING_REACH_UNKNOWN },
		{ ASKED, 0, SIGHTING_CLASS_READ_ONLY, SIGHTING_REACH_READ_ONLY },
	};

	(void)state;
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (sighting_reach(rows[i].ways, rows[i].flags, rows[i].node_class) != rows[i].want)
			fail_msg("row %u", i);
	assert_string_equal(sighting_reach_name(SIGHTING_REACH_ONE_PORT), "one-port");
	assert_string_equal(sighting_reach_name(SIGHTING_REACHES), "?");
}

static void test_any_bytes_give_a_printable_line(void **state)
{
	struct rng r = rng_open(11);
	char out[SIGHTING_TEXT_MAX];
	size_t longest = 0;

	(void)state;
	for (int i = 0; i < 50000; i++) {
		struct sighting s;

		rng_fill(&r, &s, sizeof(s));
		sighting_to_text(&s, out);
		assert_true(strlen(out) < SIGHTING_TEXT_MAX);
		for (const char *c = out; *c; c++)
			assert_true(*c >= 0x20 && *c < 0x7f);
		if (strlen(out) > longest)
			longest = strlen(out);
	}
	assert_true(longest > 150); /* wide keys and IPv6 were met */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_line),
		cmocka_unit_test(test_reach),
		cmocka_unit_test(test_way_names),
		cmocka_unit_test(test_any_bytes_give_a_printable_line),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
