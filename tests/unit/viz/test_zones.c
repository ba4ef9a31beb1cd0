/* SPDX-License-Identifier: MIT */
#include "tests/support/unit.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "viz/zones.h"

enum { REPORT_BYTES = 16384 };

/* A report with zones whose column @c has c * 1000 + zone, and a second pass over zone 7. */
static void make_report(char out[static REPORT_BYTES], unsigned zones, unsigned columns)
{
	static const char *const names[] = { "known",
					     "live",
					     "mentioned_once",
					     "mentioned_twice",
					     "unlisted_estimate",
					     "kth_distance_estimate",
					     "median_gap_estimate" };
	size_t at = (size_t)sprintf(out, "{ \"certificate\": { \"zones\": 16, \"by_zone\": [ { "
					 "\"zone\": 7, \"first\": 1, \"second\": 2, \"both\": 3, "
					 "\"left\": 4, \"fresh\": 5, \"fresh_known\": 6 } ] },\n"
					 "\"zones\": {");

	for (unsigned c = 0; c < columns; c++) {
		at += (size_t)sprintf(out + at, "%s\"%s\": [", c ? ",\n" : "", names[c]);
		for (unsigned z = 0; z < zones; z++)
			at += (size_t)sprintf(out + at, "%s%u", z ? ", " : "", c * 1000 + z);
		at += (size_t)sprintf(out + at, "]");
	}
	sprintf(out + at, "} }");
}

static void test_a_report(void **state)
{
	struct zones_row zones[ZONES];
	char report[REPORT_BYTES];

	(void)state;
	make_report(report, ZONES, 7);
	assert_int_equal(zones_parse(report, zones), 0);
	assert_true(zones[9].kth_distance == 5009 && zones[9].median_gap == 6009);
	/* Of an earlier version. */
	make_report(report, ZONES, 5);
	assert_int_equal(zones_parse(report, zones), 0);
	assert_true(isnan(zones[9].kth_distance) && isnan(zones[9].median_gap));
	for (unsigned z = 0; z < ZONES; z++) {
		assert_true(zones[z].known == z && zones[z].live == 1000 + z);
		assert_true(zones[z].unlisted_estimate == 4000 + z);
		assert_int_equal(zones[z].sampled, z == 7);
		for (unsigned i = 0; i < ZONE_CAPTURES; i++)
			assert_true(zones[z].captures[i] == (z == 7 ? i + 1 : 0));
	}
}

static void test_what_is_none(void **state)
{
	static const struct row {
		const char *text;
		int rc;
	} rows[] = {
		{ "", DT_ENOTFOUND },
		{ "{}", DT_ENOTFOUND },
		{ "{\"zones\": 16}", DT_ENOTFOUND },
		{ "{\"zones\": {\"known\": [1]}}", DT_ENOTFOUND },
		{ "{\"zones\": {\"known\": [1], \"live\": [nan], \"mentioned_once\": [1], "
		  "\"mentioned_twice\": [1], \"unlisted_estimate\": [1]}}",
		  DT_EMALF },
	};
	struct zones_row zones[ZONES];
	char report[REPORT_BYTES];

	(void)state;
	for (const struct row *r = rows; r < TABLE_END(rows); r++)
		if (zones_parse(r->text, zones) != r->rc)
			fail_msg("%s", r->text);
	make_report(report, ZONES - 1, 7); /* a column that ends early */
	assert_int_equal(zones_parse(report, zones), DT_EMALF);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_report),
		cmocka_unit_test(test_what_is_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
