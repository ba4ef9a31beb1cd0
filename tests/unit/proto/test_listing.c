/* SPDX-License-Identifier: MIT */
#include "proto/listing.h"

#include "tests/support/unit.h"

static void outcomes_have_names(void **state)
{
	(void)state;
	assert_string_equal(listing_outcome_name(LISTING_ANSWERED), "answered");
	assert_string_equal(listing_outcome_name(LISTING_REFUSED), "refused");
	assert_string_equal(listing_outcome_name(LISTING_SILENT), "silent");
	assert_string_equal(listing_outcome_name(LISTING_OUTCOMES), "?");
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(outcomes_have_names) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
