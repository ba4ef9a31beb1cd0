/* SPDX-License-Identifier: MIT */
#include "tests/support/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/kv.h"
#include "store/kv_page.h"
#include "tests/support/tempdir.h"

static char dir[TEMPDIR_MAX], data[TEMPDIR_MAX + 16];

static int setup(void **state)
{
	(void)state;
	tempdir_make(dir);
	snprintf(data, sizeof(data), "%s/data.mdb", dir);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	tempdir_remove(dir);
	return 0;
}

/* A real one, some pages long; its length. */
static off_t make(void)
{
	char why[KV_WHY_MAX];
	struct kv_txn *t;
	struct stat st;
	struct kv *kv;

	assert_int_equal(kv_open(dir, KV_WRITE | KV_CREATE, &kv, why), 0);
	for (unsigned round = 0; round < 5; round++) {
		assert_int_equal(kv_begin(kv, true, &t), 0);
		for (unsigned i = 0; i < 500; i++) {
			char key[16];

			snprintf(key, sizeof(key), "%u", i * 7919 % 500 + 500 * round);
			assert_int_equal(
				kv_put(t, KV_META, span_of(key, strlen(key)), span_of(dir, 60)), 0);
		}
		assert_int_equal(kv_commit(t), 0);
	}
	kv_unref(kv);
	assert_int_equal(stat(data, &st), 0);
	return st.st_size;
}

static int check(const char *says)
{
	char why[256] = "";
	int rc = kv_page_check(dir, why);

	if (says && !strstr(why, says))
		fail_msg("\"%s\" does not say \"%s\"", why, says);
	return rc;
}

static void a_whole_file_passes(void **state)
{
	(void)state;
	assert_true(make() > 8 * 4096);
	assert_int_equal(check(NULL), 0);
}

static void a_file_cut_short_is_refused(void **state)
{
	off_t size = make();

	(void)state;
	for (off_t cut = size - 4096; cut >= 3 * 4096; cut -= 4096) {
		assert_int_equal(truncate(data, cut), 0);
		assert_int_equal(check("cut short"), DT_ECORRUPT);
	}
	assert_int_equal(truncate(data, 4096 + 100), 0);
	assert_int_equal(check("damaged"), DT_ECORRUPT);
	assert_int_equal(truncate(data, 20), 0);
	assert_int_equal(check("not an LMDB file"), DT_EFOREIGN);
	assert_int_equal(truncate(data, 0), 0);
	assert_int_equal(check("not an LMDB file"), DT_EFOREIGN);
}

static void put_byte(off_t at, uint8_t byte)
{
	FILE *f = fopen(data, "r+e");

	assert_non_null(f);
	assert_int_equal(fseeko(f, at, SEEK_SET), 0);
	assert_int_equal(fputc(byte, f), byte);
	assert_int_equal(fclose(f), 0);
}

static void foreign_files_are_refused(void **state)
{
	(void)state;
	assert_int_equal(check("data.mdb"), DT_ENOTFOUND);
	tempdir_write(dir, "data.mdb", "SQLite format 3", 16);
	assert_int_equal(check("not an LMDB file"), DT_EFOREIGN);
	unlink(data);
	make();
	put_byte(16 + 4, 2); /* the format's version */
	assert_int_equal(check("another version"), DT_ENEWER);
	put_byte(16 + 4, 1);
	put_byte(16 + 25, 0); /* the page size: 4096 becomes 0 */
	assert_int_equal(check("page size"), DT_ECORRUPT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_whole_file_passes, setup, teardown),
		cmocka_unit_test_setup_teardown(a_file_cut_short_is_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(foreign_files_are_refused, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
