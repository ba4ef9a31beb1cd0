/* SPDX-License-Identifier: MIT */
#include "engine/bad.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "tests/support/tempdir.h"
#include "tests/support/unit.h"

struct fixture {
	char dir[TEMPDIR_MAX], path[TEMPDIR_MAX + 8];
	struct bad *bad;
};

static void begin(struct fixture *f)
{
	tempdir_make(f->dir);
	snprintf(f->path, sizeof(f->path), "%s/bad", f->dir);
	assert_int_equal(bad_open(f->path, &f->bad), 0);
}

static void test_lines(void **state)
{
	struct fixture f;
	char line[256];
	FILE *in;

	(void)state;
	begin(&f);
	bad_keep(f.bad,
		 "\x00\xff"
		 "d1:",
		 5, DT_ESHORT);
	bad_keep(f.bad, "", 0, DT_EMALF);
	assert_int_equal(bad_close(f.bad), 0);
	in = fopen(f.path, "r");
	assert_non_null(in);
	assert_non_null(fgets(line, sizeof(line), in));
	assert_int_equal(line[0], '#');
	assert_non_null(fgets(line, sizeof(line), in));
	assert_int_equal(strncmp(line, "00ff64313a\t", 11), 0);
	line[strcspn(line, "\n")] = 0;
	assert_string_equal(line + 11, dt_strerror(DT_ESHORT));
	assert_non_null(fgets(line, sizeof(line), in));
	assert_int_equal(line[0], '\t');
	assert_null(fgets(line, sizeof(line), in));
	fclose(in);
	tempdir_remove(f.dir);
}

/* However much is sent, and however long: a bounded file, and whole lines. */
static void fill(size_t len, unsigned lines_most)
{
	static unsigned char datagram[65507];
	struct fixture f;
	struct stat st;
	unsigned lines = 0;
	FILE *in;
	int c, last = 0;

	begin(&f);
	for (unsigned i = 0; i < 5 * BAD_DATAGRAMS_MAX; i++)
		bad_keep(f.bad, datagram, len, DT_EMALF);
	assert_int_equal(bad_close(f.bad), 0);
	assert_int_equal(stat(f.path, &st), 0);
	assert_true(st.st_size <= BAD_BYTES_MAX);
	in = fopen(f.path, "r");
	assert_non_null(in);
	while ((c = fgetc(in)) != EOF) {
		lines += c == '\n';
		last = c;
	}
	fclose(in);
	assert_int_equal(last, '\n');
	assert_true(lines > 500);
	assert_true(lines <= lines_most + 1);
	tempdir_remove(f.dir);
}

static void test_bound_of_datagrams(void **state)
{
	(void)state;
	fill(20, BAD_DATAGRAMS_MAX);
}

static void test_bound_of_bytes(void **state)
{
	(void)state;
	fill(65507, BAD_BYTES_MAX / (2 * BAD_DATAGRAM_BYTES));
}

static void test_no_file(void **state)
{
	struct bad *b;

	(void)state;
	assert_true(bad_open("/nonexistent/bad", &b) < 0);
	assert_int_equal(bad_close(NULL), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lines),
		cmocka_unit_test(test_bound_of_datagrams),
		cmocka_unit_test(test_bound_of_bytes),
		cmocka_unit_test(test_no_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
