/* SPDX-License-Identifier: MIT */
#include "tests/support/unit.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "store/inside.h"
#include "tests/support/tempdir.h"

static struct store s;

static int setup(void **state)
{
	char dir[TEMPDIR_MAX];

	(void)state;
	memset(&s, 0, sizeof(s));
	snprintf(s.dir, sizeof(s.dir), "%s", tempdir_make(dir));
	s.dir_fd = open(s.dir, O_RDONLY | O_DIRECTORY);
	return s.dir_fd < 0;
}

static int teardown(void **state)
{
	(void)state;
	close(s.dir_fd);
	tempdir_remove(s.dir);
	return 0;
}

static unsigned entries(void)
{
	struct dirent **names;
	int n = scandir(s.dir, &names, NULL, alphasort);

	for (int i = 0; i < n; i++)
		free(names[i]);
	free(names);
	return (unsigned)n - 2; /* . and .. */
}

static void what_a_link_may_say(void **state)
{
	static const struct {
		const char *target;
		int rc;
		unsigned generation;
	} rows[] = {
		{ "state-1", 0, 1 },
		{ "state-999999999", 0, 999999999 },
		{ "state-1000000000", DT_EFOREIGN, 0 },
		{ "state-", DT_EFOREIGN, 0 },
		{ "state-0", DT_EFOREIGN, 0 },
		{ "state-01", DT_EFOREIGN, 0 },
		{ "state-1/", DT_EFOREIGN, 0 },
		{ "state-1x", DT_EFOREIGN, 0 },
		{ "../state-1", DT_EFOREIGN, 0 },
		{ "/etc/passwd", DT_EFOREIGN, 0 },
		{ "state--1", DT_EFOREIGN, 0 },
		{ "state-1aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", DT_EFOREIGN, 0 },
	};
	unsigned g;

	(void)state;
	assert_int_equal(generation_current(s.dir_fd, &g), DT_ENOTFOUND);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(symlinkat(rows[i].target, s.dir_fd, "state"), 0);
		if (generation_current(s.dir_fd, &g) != rows[i].rc)
			fail_msg("%s", rows[i].target);
		if (rows[i].rc == 0)
			assert_int_equal(g, rows[i].generation);
		assert_int_equal(unlinkat(s.dir_fd, "state", 0), 0);
	}
}

static void begun_adopted_removed(void **state)
{
	char path[STORE_PATH_MAX];
	unsigned g;

	(void)state;
	assert_int_equal(generation_begin(&s, 4), 0);
	assert_int_equal(generation_path(&s, 4, path), 0);
	assert_int_equal(access(path, R_OK | W_OK | X_OK), 0);
	assert_int_equal(generation_adopt(&s, 4), 0);
	assert_int_equal(generation_current(s.dir_fd, &g), 0);
	assert_int_equal(g, 4);
	assert_int_equal(generation_begin(&s, 5), 0);
	tempdir_write(s.dir, "state-5/data.mdb", "x", 1);
	tempdir_write(s.dir, "state-5/lock.mdb", "x", 1);
	assert_int_equal(generation_begin(&s, 5), 0); /* a leftover is in nobody's way */
	assert_int_equal(generation_adopt(&s, 5), 0);
	generation_remove(&s, 4);
	assert_int_equal(generation_current(s.dir_fd, &g), 0);
	assert_int_equal(g, 5);
	assert_int_equal(entries(), 2);
	assert_true(generation_adopt(&s, 77) < 0);
	assert_int_equal(generation_current(s.dir_fd, &g), 0);
	assert_int_equal(g, 5);
}

static void leftovers_are_swept_and_nothing_else(void **state)
{
	(void)state;
	for (unsigned g = 1; g <= 4; g++)
		assert_int_equal(generation_begin(&s, g), 0);
	tempdir_write(s.dir, "state-2/data.mdb", "x", 1);
	tempdir_write(s.dir, "state-old", "x", 1);
	tempdir_write(s.dir, "truth.csv", "x", 1);
	assert_int_equal(symlinkat("state-3", s.dir_fd, "state.new"), 0);
	assert_int_equal(generation_adopt(&s, 3), 0);
	generation_sweep(&s, 3);
	assert_int_equal(entries(), 4); /* state, state-3 and two strangers */
	assert_int_equal(faccessat(s.dir_fd, "state-3", F_OK, 0), 0);
	assert_int_equal(faccessat(s.dir_fd, "state-old", F_OK, 0), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(what_a_link_may_say, setup, teardown),
		cmocka_unit_test_setup_teardown(begun_adopted_removed, setup, teardown),
		cmocka_unit_test_setup_teardown(leftovers_are_swept_and_nothing_else, setup,
						teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
