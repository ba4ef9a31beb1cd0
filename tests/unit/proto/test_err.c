/* SPDX-License-Identifier: MIT */
#include "tests/support/unit.h"

#include <errno.h>
#include <string.h>

#include "proto/err.h"

static void test_every_own_error_has_its_own_phrase(void **state)
{
	(void)state;
	for (int a = DT_ESHORT; a >= DT_ENOSPACE; a--) {
		assert_string_not_equal(dt_strerror(a), "unknown error");
		for (int b = DT_ESHORT; b > a; b--)
			assert_string_not_equal(dt_strerror(a), dt_strerror(b));
	}
}

static void test_errno_is_named_by_the_c_library(void **state)
{
	(void)state;
	assert_string_equal(dt_strerror(-ENOENT), strerror(ENOENT));
	assert_string_equal(dt_strerror(-EPERM), strerror(EPERM));
}

static void test_success_and_the_unknown(void **state)
{
	(void)state;
	assert_string_equal(dt_strerror(0), "ok");
	assert_string_equal(dt_strerror(42), "ok");
	assert_string_equal(dt_strerror(DT_ENOSPACE - 1), "unknown error");
	assert_string_equal(dt_strerror(INT32_MIN), "unknown error");
	assert_string_equal(dt_strerror(-999), "unknown system error");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_own_error_has_its_own_phrase),
		cmocka_unit_test(test_errno_is_named_by_the_c_library),
		cmocka_unit_test(test_success_and_the_unknown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
