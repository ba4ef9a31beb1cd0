/* SPDX-License-Identifier: MIT */
#include "tests/support/unit.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "viz/serve_rows.h"

enum { ROWS = 250 };

static struct serve_rows *rows_of(unsigned n)
{
	struct serve_rows *r = serve_rows_new(n, 1795240800);
	char text[SERVE_ROW_MAX];

	assert_non_null(r);
	for (unsigned i = 0; i < n; i++) {
		struct json j;

		json_init(&j, text, sizeof(text), false);
		json_object_begin(&j);
		json_kv_u64(&j, "i", i);
		json_object_end(&j);
		assert_int_equal(serve_rows_add(r, &j), 0);
	}
	return r;
}

static void holds(const struct serve_rows *r, uint64_t after, uint32_t limit, const char *want)
{
	size_t len;
	char *got = serve_rows_page(r, "rows", after, limit, &len);

	assert_non_null(got);
	assert_int_equal(len, strlen(want));
	assert_memory_equal(got, want, len);
	free(got);
}

static void test_pages(void **state)
{
	struct serve_rows *r = rows_of(3), *none = rows_of(0);

	(void)state;
	holds(r, 0, 2,
	      "{\"total\":3,\"as_of_s\":1795240800,\"rows\":[{\"i\":0},{\"i\":1}],\"next\":\"2\"}"
	      "\n");
	holds(r, 2, 2, "{\"total\":3,\"as_of_s\":1795240800,\"rows\":[{\"i\":2}],\"next\":null}\n");
	holds(r, 0, 3,
	      "{\"total\":3,\"as_of_s\":1795240800,\"rows\":[{\"i\":0},{\"i\":1},{\"i\":2}],"
	      "\"next\":"
	      "null}\n");
	holds(r, UINT32_MAX, 9, "{\"total\":3,\"as_of_s\":1795240800,\"rows\":[],\"next\":null}\n");
	holds(none, 0, 9, "{\"total\":0,\"as_of_s\":1795240800,\"rows\":[],\"next\":null}\n");
	serve_rows_unref(none);
	serve_rows_unref(serve_rows_ref(r));
	serve_rows_unref(r);
	serve_rows_unref(NULL);
}

/* Whatever the page's size, each row comes once. */
static void test_all_of_them(void **state)
{
	struct serve_rows *r = rows_of(ROWS);

	(void)state;
	for (uint32_t limit = 1; limit < ROWS + 2; limit += 13) {
		unsigned seen = 0;
		uint64_t after = 0;

		for (bool more = true; more;) {
			size_t len;
			char *page = serve_rows_page(r, "rows", after, limit, &len), *at = page,
			     *next;
			char want[32];

			for (; (at = strstr(at, "{\"i\":")) != NULL; at++, seen++) {
				snprintf(want, sizeof(want), "{\"i\":%u}", seen);
				assert_memory_equal(at, want, strlen(want));
			}
			next = strstr(page, "\"next\":\"");
			more = next != NULL;
			after = more ? strtoull(next + 8, NULL, 10) : 0;
			free(page);
		}
		assert_int_equal(seen, ROWS);
	}
	serve_rows_unref(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_pages),
					    cmocka_unit_test(test_all_of_them) };

	return cmocka_run_group_tests_name("viz/serve_rows", tests, NULL, NULL);
}
