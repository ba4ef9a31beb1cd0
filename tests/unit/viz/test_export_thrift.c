/* SPDX-License-Identifier: MIT */
#include "tests/support/unit.h"

#include <string.h>

#include "viz/export_thrift.h"

static void check(const struct thrift *t, const char *bytes, size_t len)
{
	assert_int_equal(t->err, 0);
	assert_int_equal(t->len, len);
	assert_memory_equal(t->buf, bytes, len);
}
#define CHECK(t, bytes) check(t, bytes, sizeof(bytes) - 1)

/* Bytes worked out by hand from the specification. */
static void test_bytes(void **state)
{
	struct thrift t = { .buf = NULL };

	(void)state;
	thrift_begin(&t);
	thrift_i32(&t, 1, 1);
	thrift_i32(&t, 3, -2);
	thrift_i64(&t, 4, 300);
	thrift_end(&t);
	CHECK(&t, "\x15\x02\x25\x03\x16\xd8\x04\x00");

	thrift_reset(&t);
	thrift_begin(&t);
	thrift_string(&t, 4, "id");
	thrift_struct(&t, 5);
	thrift_i32(&t, 1, 0);
	thrift_end(&t);
	thrift_i32(&t, 6, 0); /* steps go on from 5, not from the inner 1 */
	thrift_end(&t);
	CHECK(&t, "\x48\x02id\x1c\x15\x00\x00\x15\x00\x00");

	thrift_reset(&t);
	thrift_begin(&t);
	thrift_list(&t, 2, THRIFT_I32, 2);
	thrift_element_i32(&t, 0);
	thrift_element_i32(&t, 3);
	thrift_list(&t, 3, THRIFT_BINARY, 1);
	thrift_element_string(&t, "x");
	thrift_list(&t, 4, THRIFT_STRUCT, 24);
	thrift_end(&t);
	CHECK(&t, "\x29\x25\x00\x06\x19\x18\x01x\x19\xfc\x18\x00");
	thrift_free(&t);
}

static void test_wide(void **state)
{
	struct thrift t = { .buf = NULL };

	(void)state;
	thrift_begin(&t);
	thrift_i64(&t, 1, INT64_MAX);
	thrift_i64(&t, 2, INT64_MIN);
	thrift_i32(&t, 3, INT32_MIN);
	thrift_end(&t);
	CHECK(&t, "\x16\xfe\xff\xff\xff\xff\xff\xff\xff\xff\x01"
		  "\x16\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"
		  "\x15\xff\xff\xff\xff\x0f\x00");
	thrift_free(&t);
}

/* As for a footer of many row groups: it grows, and what stood there stays. */
static void test_growth(void **state)
{
	struct thrift t = { .buf = NULL };
	char name[1000];

	(void)state;
	memset(name, 'n', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	for (unsigned i = 0; i < 200; i++)
		thrift_element_string(&t, name);
	assert_int_equal(t.err, 0);
	assert_int_equal(t.len, 200 * (2 + sizeof(name) - 1));
	for (unsigned i = 0; i < 200; i++)
		assert_memory_equal(t.buf + i * 1001 + 2, name, 999);
	thrift_free(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bytes),
		cmocka_unit_test(test_wide),
		cmocka_unit_test(test_growth),
	};

	return cmocka_run_group_tests_name("viz/export_thrift", tests, NULL, NULL);
}
