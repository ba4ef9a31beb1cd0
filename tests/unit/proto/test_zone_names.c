/* SPDX-License-Identifier: MIT */
#include "proto/zone_names.h"

#include <string.h>

#include "tests/support/unit.h"

/* Stores hold reports with these names: none of them may change. */
static void names_are_those_of_stored_reports(void **state)
{
	static const char *const columns[] = { "known",
					       "live",
					       "mentioned_once",
					       "mentioned_twice",
					       "unlisted_estimate",
					       "kth_distance_estimate",
					       "median_gap_estimate" };
	static const char *const captures[] = { "first", "second", "both",
						"left",  "fresh",  "fresh_known" };

	(void)state;
	assert_int_equal(ZONE_COLUMNS, sizeof(columns) / sizeof(*columns));
	for (unsigned i = 0; i < ZONE_COLUMNS; i++)
		assert_string_equal(zone_column_name((enum zone_column)i), columns[i]);
	assert_int_equal(ZONE_CAPTURES, sizeof(captures) / sizeof(*captures));
	for (unsigned i = 0; i < ZONE_CAPTURES; i++)
		assert_string_equal(zone_capture_name((enum zone_capture)i), captures[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(names_are_those_of_stored_reports) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
