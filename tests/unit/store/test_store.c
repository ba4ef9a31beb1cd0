/* SPDX-License-Identifier: MIT */
#include "tests/support/unit.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "store/inside.h"
#include "tests/support/tempdir.h"

static char dir[TEMPDIR_MAX];

static int setup(void **state)
{
	(void)state;
	tempdir_make(dir);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	tempdir_remove(dir);
	return 0;
}

static struct store *open_ok(enum store_mode mode)
{
	char why[256];
	struct store *s;

	if (store_open(dir, mode, &s, why) < 0)
		fail_msg("%s", why);
	assert_string_equal(why, "");
	return s;
}

static void expect_refused(const char *path, enum store_mode mode, int rc, const char *says)
{
	char why[256] = "";
	struct store *s;
	int got = store_open(path, mode, &s, why);

	if (got != rc || !strstr(why, says))
		fail_msg("%d, \"%s\" does not say \"%s\"", got, why, says);
}

static void made_once_then_opened(void **state)
{
	struct store *s = open_ok(STORE_CREATE);
	struct store_counts counts;
	struct store_view *v;
	struct stat st;
	char path[TEMPDIR_MAX + 32];

	(void)state;
	store_close(s);
	store_close(NULL);
	s = open_ok(STORE_CREATE);
	store_close(s);
	s = open_ok(STORE_WRITE);
	store_close(s);
	s = open_ok(STORE_READ);
	assert_int_equal(store_view_open(s, &v), 0);
	assert_int_equal(store_view_counts(v, &counts), 0);
	assert_true(counts.nodes == 0 && counts.epochs == 0 && counts.file_bytes > 0);
	store_view_close(v);
	store_view_close(NULL);
	store_close(s);
	/* Addresses are personal data. */
	snprintf(path, sizeof(path), "%s/state/data.mdb", dir);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
}

static void what_is_not_there(void **state)
{
	char path[TEMPDIR_MAX + 16];

	(void)state;
	snprintf(path, sizeof(path), "%s/none", dir);
	expect_refused(path, STORE_READ, DT_ENOTFOUND, "none");
	expect_refused(path, STORE_WRITE, DT_ENOTFOUND, "none");
	assert_int_equal(access(path, F_OK), -1);
	expect_refused(dir, STORE_READ, DT_ENOTFOUND, "no store here");
	expect_refused(dir, STORE_WRITE, DT_ENOTFOUND, "no store here");
	snprintf(path, sizeof(path), "%s/a/b/c", dir);
	expect_refused(path, STORE_CREATE, -ENOENT, "cannot make it");
}

static void what_is_not_ours(void **state)
{
	char path[TEMPDIR_MAX + 16];

	(void)state;
	tempdir_write(dir, "file", "x", 1);
	snprintf(path, sizeof(path), "%s/file", dir);
	expect_refused(path, STORE_CREATE, DT_EFOREIGN, "not a directory");
	snprintf(path, sizeof(path), "%s/state", dir);
	assert_int_equal(mkdir(path, 0700), 0);
	expect_refused(dir, STORE_CREATE, DT_EFOREIGN, "not made by this program");
	assert_int_equal(rmdir(path), 0);
	assert_int_equal(symlink("/etc", path), 0);
	expect_refused(dir, STORE_READ, DT_EFOREIGN, "not made by this program");
	assert_int_equal(unlink(path), 0);
	assert_int_equal(symlink("state-9", path), 0);
	expect_refused(dir, STORE_READ, DT_ECORRUPT, "points at nothing");
}

static void put_meta(const char *key, const void *val, size_t len)
{
	struct store *s = open_ok(STORE_WRITE);
	struct kv_txn *t;

	assert_int_equal(kv_begin(s->kv, true, &t), 0);
	assert_int_equal(kv_put(t, KV_META, span_of(key, strlen(key)), span_of(val, len)), 0);
	assert_int_equal(kv_commit(t), 0);
	store_close(s);
}

static void newer_and_foreign_schemas(void **state)
{
	(void)state;
	store_close(open_ok(STORE_CREATE));
	put_meta("schema", "\3\0\0\0", 4);
	expect_refused(dir, STORE_READ, DT_ENEWER, "schema 3");
	expect_refused(dir, STORE_WRITE, DT_ENEWER, "use a newer one");
	expect_refused(dir, STORE_CREATE, DT_ENEWER, "schema 3");
	tempdir_remove(dir);
	assert_int_equal(mkdir(dir, 0700), 0);
	store_close(open_ok(STORE_CREATE));
	put_meta("schema", "\1\0\0\0", 4);
	expect_refused(dir, STORE_READ, DT_EUNSUPPORTED, "store migrate");
	expect_refused(dir, STORE_CREATE, DT_EUNSUPPORTED, "schema 1");
	tempdir_remove(dir);
	assert_int_equal(mkdir(dir, 0700), 0);
	store_close(open_ok(STORE_CREATE));
	put_meta("magic", "another program", 15);
	expect_refused(dir, STORE_WRITE, DT_EFOREIGN, "not a store of this program");
}

/* Its lock goes with the process, however that ends. */
static void one_writer_many_readers(void **state)
{
	struct store *w = open_ok(STORE_CREATE);
	int status;
	pid_t pid;

	(void)state;
	expect_refused(dir, STORE_WRITE, -EBUSY, "another program is writing it");
	pid = fork();
	if (pid == 0) {
		struct store_view *v;
		struct store *s;

		_exit(store_open(dir, STORE_READ, &s, NULL) || store_view_open(s, &v));
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	store_close(w);
	store_close(open_ok(STORE_WRITE));
}

static void a_reader_does_not_write(void **state)
{
	const struct store_writer_opts opts = { 0 };
	struct store_writer *w;
	struct store *s;
	uint32_t id;

	(void)state;
	store_close(open_ok(STORE_CREATE));
	s = open_ok(STORE_READ);
	assert_int_equal(store_writer_new(s, &opts, &w), DT_EREFUSED);
	assert_int_equal(store_epoch_begin(s, 1, false, &id), DT_EREFUSED);
	assert_int_equal(store_epoch_end(s, 1, 1, "", 0), DT_EREFUSED);
	assert_int_equal(store_compact(s), DT_EREFUSED);
	store_close(s);
	store_writer_free(NULL);
}

/* In a child, since root may write anywhere. */
static void no_right_to_write(void **state)
{
	int status;
	pid_t pid;

	(void)state;
	store_close(open_ok(STORE_CREATE));
	assert_int_equal(chmod(dir, 0755), 0);
	pid = fork();
	if (pid == 0) {
		char why[256] = "";
		struct store *s;
		int rc;

		if (geteuid() == 0 && seteuid(65534))
			_exit(1);
		rc = store_open(dir, STORE_WRITE, &s, why);
		_exit(rc != -EACCES || !strstr(why, dir));
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	store_close(open_ok(STORE_READ));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(made_once_then_opened, setup, teardown),
		cmocka_unit_test_setup_teardown(what_is_not_there, setup, teardown),
		cmocka_unit_test_setup_teardown(what_is_not_ours, setup, teardown),
		cmocka_unit_test_setup_teardown(newer_and_foreign_schemas, setup, teardown),
		cmocka_unit_test_setup_teardown(one_writer_many_readers, setup, teardown),
		cmocka_unit_test_setup_teardown(a_reader_does_not_write, setup, teardown),
		cmocka_unit_test_setup_teardown(no_right_to_write, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
