/* SPDX-License-Identifier: MIT */
#include "tests/support/unit.h"

#include <stdlib.h>
#include <string.h>

#include "bench/bench.h"

/* Short runs: here it matters that each line is said, not how steady it is. */
static const struct bench_ctx ctx = {
	.version = "v0 \"quoted\"", .command = "test_bench", .runs = 3, .run_ms = 1
};

static void test_a_codec_benchmark_says_one_line(void **state)
{
	const char *name = "krpc_template";
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);

	(void)state;
	assert_int_equal(bench_run(&name, 1, &ctx, out), 0);
	fclose(out);
	assert_non_null(strstr(text, "{\"name\":\"krpc_template\",\"best\":"));
	assert_non_null(strstr(text, "\"unit\":\"ns\",\"better\":\"lower\",\"runs\":3,"));
	assert_non_null(
		strstr(text, "\"version\":\"v0 \\\"quoted\\\"\",\"command\":\"test_bench\"}\n"));
	assert_ptr_equal(strchr(text, '\n'), text + len - 1);
	free(text);
}

static void test_patterns_choose_and_all_is_the_default(void **state)
{
	const char *pattern = "krpc_[bt]*", *nothing[] = { "krpc_mac", "no_such" };
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);

	(void)state;
	assert_int_equal(bench_run(nothing, 2, &ctx, out), DT_ENOTFOUND);
	fflush(out);
	assert_int_equal(len, 0); /* nothing ran */
	assert_int_equal(bench_run(&pattern, 1, &ctx, out), 0);
	fclose(out);
	assert_non_null(strstr(text, "\"krpc_build\""));
	assert_non_null(strstr(text, "\"krpc_template\""));
	assert_null(strstr(text, "\"krpc_parse\""));
	free(text);
}

static void test_the_list_names_each_once(void **state)
{
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);

	(void)state;
	bench_list(out);
	fclose(out);
	for (const struct bench *b = bench_krpc; b->name; b++) {
		const char *at = strstr(text, b->name);

		assert_non_null(at);
		assert_non_null(b->what);
	}
	free(text);
}

static void test_a_figure_carries_its_extras(void **state)
{
	const struct bench_extra extra[] = { { "bare_ratio", 0.5 }, { "user_share", 0.25 } };
	const struct bench_figure f = { .name = "x",
					.unit = "1/s",
					.better = BENCH_HIGHER,
					.best = 2,
					.median = 1.5,
					.runs = 5,
					.extra = extra,
					.extra_count = 2 };
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);

	(void)state;
	assert_int_equal(bench_emit(&ctx, &f, out), 0);
	fclose(out);
	assert_non_null(
		strstr(text, "\"best\":2,\"median\":1.5,\"unit\":\"1/s\",\"better\":\"higher\""));
	assert_non_null(strstr(text, "\"bare_ratio\":0.5,\"user_share\":0.25,\"kernel\":\""));
	free(text);
}

static void test_median(void **state)
{
	double odd[] = { 9, 1, 5 }, even[] = { 4, 1, 3, 2 };

	(void)state;
	assert_true(bench_median(odd, 3) == 5);
	assert_true(odd[0] == 1 && odd[2] == 9);
	assert_true(bench_median(even, 4) == 2.5);
	assert_true(bench_median(NULL, 0) == 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_codec_benchmark_says_one_line),
		cmocka_unit_test(test_patterns_choose_and_all_is_the_default),
		cmocka_unit_test(test_the_list_names_each_once),
		cmocka_unit_test(test_a_figure_carries_its_extras),
		cmocka_unit_test(test_median),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
