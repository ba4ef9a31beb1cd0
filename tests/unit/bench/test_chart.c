/* SPDX-License-Identifier: MIT */
#include "bench/chart.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tests/support/tempdir.h"
#include "tests/support/unit.h"

static int read_text(struct chart *c, const char *text)
{
	FILE *f = fmemopen((void *)(uintptr_t)text, strlen(text), "r");
	int n = chart_read(c, f);

	fclose(f);
	return n;
}

static void test_lines(void **state)
{
	struct chart *c;

	(void)state;
	assert_int_equal(chart_new(&c), 0);
	assert_int_equal(
		read_text(c,
			  "{\"name\":\"wire_send.device_xdp\",\"best\":300,\"median\":310,\"unit\":"
			  "\"ns\"}\n"
			  "{\"name\": \"rivals.python\", \"nodes_per_s\": 900}\n"
			  "{\"name\":\"krpc_parse\",\"best\":50,\"median\":51,\"unit\":\"ns\"}\n"
			  "not "
			  "json\n{\"name\":\"wire_send.\n{\"name\":\"wire_send.x\",\"median\":-3}\n"
			  "{\"name\":\"wire_send.y\",\"median\":nan,\"unit\":\"ns\"}\n\n"),
		2);
	chart_free(c);
}

static void test_picture(void **state)
{
	char dir[TEMPDIR_MAX];
	char path[TEMPDIR_MAX + 16], why[CHART_WHY_MAX], line[256];
	unsigned char head[24];
	struct chart *c;
	FILE *f;

	(void)state;
	tempdir_make(dir);
	assert_int_equal(chart_new(&c), 0);
	snprintf(path, sizeof(path), "%s/chart.png", dir);
	assert_int_equal(chart_draw(c, path, why), DT_EMISSING);
	for (int i = 0; i < 10; i++) {
		snprintf(line, sizeof(line),
			 "{\"name\":\"transactions.engine_%d\",\"median\":%d,\"best\":9,\"unit\":"
			 "\"1/s\",\"ratio_by_cpu\":0.9}\n",
			 i, 1 + i * i * i);
		assert_int_equal(read_text(c, line), 1);
	}
	assert_int_equal(chart_draw(c, path, why), 0);
	f = fopen(path, "rb");
	assert_non_null(f);
	assert_int_equal(fread(head, 1, sizeof(head), f), sizeof(head));
	fclose(f);
	assert_memory_equal(head, "\x89PNG\r\n\x1a\n", 8);
	assert_int_equal(head[18] << 8 | head[19], 1400);
	chart_free(c);
	tempdir_remove(dir);
}

static void test_full(void **state)
{
	struct chart *c;
	int n = 0;

	(void)state;
	assert_int_equal(chart_new(&c), 0);
	for (int i = 0; i < CHART_ROWS_MAX; i++)
		n += read_text(c, "{\"name\":\"rivals.x\",\"nodes_per_s\":5}\n");
	assert_int_equal(n, CHART_ROWS_MAX);
	assert_int_equal(read_text(c, "{\"name\":\"rivals.x\",\"nodes_per_s\":5}\n"), DT_EFULL);
	chart_free(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lines),
		cmocka_unit_test(test_picture),
		cmocka_unit_test(test_full),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
