/* SPDX-License-Identifier: MIT */
#include "tests/support/unit.h"

#include <stdbool.h>
#include <string.h>

#include "bench/dns.h"

/* A name's text and its question's length say the same; no label is empty or too long. */
static void test_names(void **state)
{
	(void)state;
	for (unsigned bytes = DNS_QUERY_MIN; bytes <= DNS_QUERY_MAX; bytes++) {
		char name[DNS_QUERY_MAX], other[DNS_QUERY_MAX];
		uint8_t query[DNS_QUERY_MAX];

		assert_int_equal(dns_name(7, bytes, name), 0);
		assert_int_equal(dns_name(8, bytes, other), 0);
		assert_string_not_equal(name, other);
		assert_int_equal(dns_query(name, 0x1234, query), bytes);
		assert_int_equal(query[0], 0x12);
		assert_int_equal(query[1], 0x34);
		for (const char *at = name; *at;) {
			size_t label = strcspn(at, ".");

			if (label < 1 || label > 63)
				fail_msg("%u bytes: a label of %zu", bytes, label);
			assert_true(at[label] == 0 || at[label + 1] != 0);
			at += label + (at[label] == '.');
		}
	}
	assert_int_equal(dns_name(1, DNS_QUERY_MIN - 1, (char[DNS_QUERY_MAX]){ 0 }), DT_ERANGE);
	assert_int_equal(dns_name(1, DNS_QUERY_MAX + 1, (char[DNS_QUERY_MAX]){ 0 }), DT_ERANGE);
}

static void test_an_answer(void **state)
{
	uint8_t query[DNS_QUERY_MAX], reply[512];
	char name[DNS_QUERY_MAX];
	uint32_t len, got;

	(void)state;
	assert_int_equal(dns_name(1, 114, name), 0);
	len = dns_query(name, 0xbeef, query);
	got = dns_answer(span_of(query, len), 300, reply, sizeof(reply));
	assert_int_equal(got, 114 + 11 * 16); /* as many as fit */
	assert_memory_equal(reply, query, 2); /* its id */
	assert_int_equal(reply[2], 0x85);     /* a reply, authoritative, recursion was wished for */
	assert_int_equal(reply[3], 0);        /* no error */
	assert_int_equal(reply[5], 1);
	assert_int_equal(reply[7], 11);
	assert_memory_equal(reply + 12, query + 12, len - 12);
	assert_memory_equal(reply + len, "\xc0\x0c\0\1\0\1", 6);
}

/* What is no question is not answered, wherever it was cut. */
static void test_no_question(void **state)
{
	uint8_t query[DNS_QUERY_MAX], reply[512];
	char name[DNS_QUERY_MAX];
	uint32_t len;

	(void)state;
	assert_int_equal(dns_name(1, 60, name), 0);
	len = dns_query(name, 1, query);
	for (uint32_t cut = 0; cut < len; cut++)
		assert_int_equal(dns_answer(span_of(query, cut), 100, reply, sizeof(reply)), 0);
	assert_int_equal(dns_answer(span_of(query, len), 100, reply, len + 15), 0); /* no room */
	query[12] = 0xc0; /* a pointer in a question */
	assert_int_equal(dns_answer(span_of(query, len), 100, reply, sizeof(reply)), 0);
	query[12] = 7;
	assert_true(dns_answer(span_of(query, len), 100, reply, sizeof(reply)) > 0);
	query[2] |= 0x80; /* an answer */
	assert_int_equal(dns_answer(span_of(query, len), 100, reply, sizeof(reply)), 0);
	query[2] = 1;
	query[5] = 2;
	assert_int_equal(dns_answer(span_of(query, len), 100, reply, sizeof(reply)), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_an_answer),
		cmocka_unit_test(test_no_question),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
