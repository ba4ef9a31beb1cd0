/* SPDX-License-Identifier: MIT */
#include "tests/support/unit.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/inside.h"
#include "store/store.h"
#include "tests/support/tempdir.h"

static int secret_of(struct store *s, uint8_t out[static STORE_SECRET_BYTES])
{
	struct store_view *v;
	int rc;

	assert_int_equal(store_view_open(s, &v), 0);
	rc = store_view_secret(v, out);
	store_view_close(v);
	return rc;
}

static struct store *open_store(const char *dir, enum store_mode mode)
{
	struct store *s;

	assert_int_equal(store_open(dir, mode, &s, NULL), 0);
	return s;
}

/* One byte where 32 belong. */
static void damage_secret(struct store *s)
{
	static const uint8_t nothing[1] = { 0 };
	struct kv_txn *txn;
	struct kv_cursor *c;
	struct span key, val;

	assert_int_equal(kv_begin(s->kv, false, &txn), 0);
	assert_int_equal(kv_cursor_open(txn, KV_META, &c), 0);
	assert_int_equal(kv_cursor_seek(c, SPAN_LIT("secret"), &key, &val), 1);
	assert_true(span_equal(key, SPAN_LIT("secret")));
	assert_int_equal(val.len, STORE_SECRET_BYTES);
	kv_cursor_close(c);
	kv_abort(txn);
	assert_int_equal(kv_begin(s->kv, true, &txn), 0);
	assert_int_equal(kv_put(txn, KV_META, SPAN_LIT("secret"), span_of(nothing, 1)), 0);
	assert_int_equal(kv_commit(txn), 0);
}

static void test_kept(void **state)
{
	uint8_t first[STORE_SECRET_BYTES], now[STORE_SECRET_BYTES];
	static const uint8_t zeros[STORE_SECRET_BYTES] = { 0 };
	char dir[TEMPDIR_MAX];
	struct store *s;

	(void)state;
	s = open_store(tempdir_make(dir), STORE_CREATE);
	assert_int_equal(secret_of(s, first), 0);
	assert_memory_not_equal(first, zeros, sizeof(first));
	assert_int_equal(store_compact(s), 0);
	assert_int_equal(secret_of(s, now), 0);
	assert_memory_equal(first, now, sizeof(first));
	store_close(s);
	for (unsigned mode = STORE_READ; mode <= STORE_CREATE; mode++) {
		s = open_store(dir, (enum store_mode)mode);
		assert_int_equal(secret_of(s, now), 0);
		assert_memory_equal(first, now, sizeof(first));
		store_close(s);
	}
	tempdir_remove(dir);
}

static void test_each_its_own(void **state)
{
	uint8_t a[STORE_SECRET_BYTES], b[STORE_SECRET_BYTES];
	char dir_a[TEMPDIR_MAX], dir_b[TEMPDIR_MAX];
	struct store *s;

	(void)state;
	s = open_store(tempdir_make(dir_a), STORE_CREATE);
	assert_int_equal(secret_of(s, a), 0);
	store_close(s);
	s = open_store(tempdir_make(dir_b), STORE_CREATE);
	assert_int_equal(secret_of(s, b), 0);
	store_close(s);
	assert_memory_not_equal(a, b, sizeof(a));
	tempdir_remove(dir_a);
	tempdir_remove(dir_b);
}

/* The tables of a version that knew no secret. */
static void make_older(const char *dir)
{
	static const uint8_t schema[4] = { STORE_SCHEMA };
	char path[TEMPDIR_MAX + 16], link[TEMPDIR_MAX + 16], why[KV_WHY_MAX];
	struct kv_txn *txn;
	struct kv *kv;

	snprintf(path, sizeof(path), "%s/state-2", dir);
	snprintf(link, sizeof(link), "%s/state", dir);
	assert_int_equal(mkdir(path, 0700), 0);
	assert_int_equal(kv_open(path, KV_WRITE | KV_CREATE, &kv, why), 0);
	assert_int_equal(kv_begin(kv, true, &txn), 0);
	assert_int_equal(kv_put(txn, KV_META, SPAN_LIT("magic"), SPAN_LIT("dht-telescope store")),
			 0);
	assert_int_equal(kv_put(txn, KV_META, SPAN_LIT("schema"), span_of(schema, 4)), 0);
	assert_int_equal(kv_commit(txn), 0);
	kv_unref(kv);
	assert_int_equal(unlink(link), 0);
	assert_int_equal(symlink("state-2", link), 0);
}

/* A reader changes nothing; the next writer draws one, once. */
static void test_older_store(void **state)
{
	uint8_t first[STORE_SECRET_BYTES], now[STORE_SECRET_BYTES];
	char dir[TEMPDIR_MAX];
	struct store *s;

	(void)state;
	store_close(open_store(tempdir_make(dir), STORE_CREATE));
	make_older(dir);
	s = open_store(dir, STORE_READ);
	assert_int_equal(secret_of(s, now), DT_ENOTFOUND);
	store_close(s);
	s = open_store(dir, STORE_WRITE);
	assert_int_equal(secret_of(s, first), 0);
	store_close(s);
	s = open_store(dir, STORE_WRITE);
	assert_int_equal(secret_of(s, now), 0);
	assert_memory_equal(first, now, sizeof(first));
	store_close(s);
	tempdir_remove(dir);
}

/* A secret of another length is damage: not used, and not quietly replaced by a new one. */
static void test_damaged(void **state)
{
	uint8_t now[STORE_SECRET_BYTES];
	char dir[TEMPDIR_MAX];
	struct store *s;

	(void)state;
	s = open_store(tempdir_make(dir), STORE_CREATE);
	damage_secret(s);
	assert_int_equal(secret_of(s, now), DT_ECORRUPT);
	store_close(s);
	s = open_store(dir, STORE_WRITE);
	assert_int_equal(secret_of(s, now), DT_ECORRUPT);
	store_close(s);
	tempdir_remove(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_kept),
		cmocka_unit_test(test_each_its_own),
		cmocka_unit_test(test_older_store),
		cmocka_unit_test(test_damaged),
	};

	return cmocka_run_group_tests_name("store/secret", tests, NULL, NULL);
}
