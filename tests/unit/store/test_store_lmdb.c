/* SPDX-License-Identifier: MIT */
#include "tests/support/unit.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "store/kv.h"
#include "tests/support/rng.h"
#include "tests/support/tempdir.h"

struct fixture {
	char dir[TEMPDIR_MAX];
	struct kv *kv;
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	char why[KV_WHY_MAX] = "";

	tempdir_make(f->dir);
	if (kv_open(f->dir, KV_WRITE | KV_CREATE, &f->kv, why) < 0)
		fail_msg("%s", why);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	kv_unref(f->kv);
	tempdir_remove(f->dir);
	free(f);
	return 0;
}

static struct kv_txn *begin(struct fixture *f, bool write)
{
	struct kv_txn *t;

	assert_int_equal(kv_begin(f->kv, write, &t), 0);
	return t;
}

static struct kv_cursor *cursor(struct kv_txn *t, enum kv_table table)
{
	struct kv_cursor *c;

	assert_int_equal(kv_cursor_open(t, table, &c), 0);
	return c;
}

static struct span number(uint32_t n, uint8_t out[4])
{
	for (unsigned i = 0; i < 4; i++)
		out[i] = (uint8_t)(n >> (24 - 8 * i));
	return span_of(out, 4);
}

static uint32_t number_of(struct span s)
{
	assert_int_equal(s.len, 4);
	return (uint32_t)s.ptr[0] << 24 | (uint32_t)s.ptr[1] << 16 | (uint32_t)s.ptr[2] << 8 |
	       s.ptr[3];
}

static void put_and_get(void **state)
{
	struct fixture *f = *state;
	struct kv_txn *t = begin(f, true);
	struct span val;

	assert_int_equal(kv_get(t, KV_META, SPAN_LIT("k"), &val), 0);
	assert_int_equal(kv_put(t, KV_META, SPAN_LIT("k"), SPAN_LIT("one")), 0);
	assert_int_equal(kv_put(t, KV_META, SPAN_LIT("k"), SPAN_LIT("three")), 0);
	assert_int_equal(kv_get(t, KV_META, SPAN_LIT("k"), &val), 1);
	assert_true(span_equal(val, SPAN_LIT("three")));
	assert_int_equal(kv_get(t, KV_ORGS, SPAN_LIT("k"), &val), 0);
	assert_int_equal(kv_entries(t, KV_META), 1);
	assert_int_equal(kv_commit(t), 0);
}

static void an_abort_leaves_nothing(void **state)
{
	struct fixture *f = *state;
	struct kv_txn *t = begin(f, true);
	struct span val;

	assert_int_equal(kv_put(t, KV_META, SPAN_LIT("k"), SPAN_LIT("v")), 0);
	kv_abort(t);
	kv_abort(NULL);
	t = begin(f, false);
	assert_int_equal(kv_get(t, KV_META, SPAN_LIT("k"), &val), 0);
	kv_abort(t);
}

static void a_reader_keeps_its_snapshot(void **state)
{
	struct fixture *f = *state;
	struct kv_txn *old = begin(f, false), *t = begin(f, true), *now;
	struct span val;

	assert_int_equal(kv_put(t, KV_META, SPAN_LIT("k"), SPAN_LIT("v")), 0);
	assert_int_equal(kv_commit(t), 0);
	now = begin(f, false);
	assert_int_equal(kv_get(old, KV_META, SPAN_LIT("k"), &val), 0);
	assert_int_equal(kv_get(now, KV_META, SPAN_LIT("k"), &val), 1);
	kv_abort(old);
	kv_abort(now);
}

/* Insert, replace, walk, seek: beside an array with one slot for each key. */
static void cursor_against_an_array(void **state)
{
	enum { KEYS = 4000 };
	static uint32_t want[KEYS]; /* 0 = absent */
	struct fixture *f = *state;
	struct rng r = rng_open(1);
	struct kv_txn *t = begin(f, true);
	struct kv_cursor *c = cursor(t, KV_NODES4);
	uint8_t kb[4], vb[4];
	struct span key, val, old;
	uint32_t at = 0;
	int rc;

	for (unsigned i = 0; i < 20000; i++) {
		uint32_t k = (uint32_t)rng_below(&r, KEYS), v = 1 + (uint32_t)rng_below(&r, 1000);

		rc = kv_cursor_insert(c, number(k, kb), number(v, vb), &old);
		assert_int_equal(rc, want[k] == 0);
		if (rc == 0) {
			assert_int_equal(number_of(old), want[k]);
			assert_int_equal(kv_cursor_replace(c, number(k, kb), number(v, vb)), 0);
		} else if (i % 3 == 0) { /* a row may be mended right after it was put */
			assert_int_equal(kv_cursor_replace(c, number(k, kb), number(++v, vb)), 0);
		}
		want[k] = v;
	}
	kv_cursor_rewind(c);
	while ((rc = kv_cursor_next(c, &key, &val)) == 1) {
		while (!want[at])
			at++;
		assert_int_equal(number_of(key), at);
		assert_int_equal(number_of(val), want[at++]);
	}
	assert_int_equal(rc, 0);
	assert_int_equal(kv_cursor_next(c, &key, &val), 0);
	for (unsigned i = 0; i < 500; i++) {
		uint32_t from = (uint32_t)rng_below(&r, KEYS + 10), k = from;

		while (k < KEYS && !want[k])
			k++;
		rc = kv_cursor_seek(c, number(from, kb), &key, &val);
		assert_int_equal(rc, k < KEYS);
		if (rc)
			assert_int_equal(number_of(key), k);
	}
	assert_int_equal(kv_cursor_last(c, &key, &val), 1);
	kv_cursor_close(c);
	kv_cursor_close(NULL);
	assert_int_equal(kv_commit(t), 0);
}

static void append_wants_order(void **state)
{
	struct fixture *f = *state;
	struct kv_txn *t = begin(f, true);
	struct kv_cursor *c = cursor(t, KV_ADDR4);
	uint8_t k[4];

	for (uint32_t i = 1; i < 1000; i++)
		assert_int_equal(kv_cursor_append(c, number(2 * i, k), SPAN_LIT("v")), 0);
	assert_true(kv_cursor_append(c, number(7, k), SPAN_LIT("v")) < 0);
	kv_cursor_close(c);
	kv_abort(t);
}

static void refs_keep_it_open(void **state)
{
	struct fixture *f = *state;
	struct kv_txn *t;
	struct kv *second = kv_ref(f->kv);

	kv_unref(f->kv);
	assert_int_equal(kv_begin(second, false, &t), 0);
	kv_abort(t);
	f->kv = second;
	kv_unref(NULL);
	assert_true(kv_file_bytes(f->kv) >= kv_used_bytes(f->kv));
	assert_int_equal(kv_sync(f->kv), 0);
	assert_int_equal(kv_clear_dead(f->kv), 0);
}

static void only_a_writer_writes(void **state)
{
	struct fixture *f = *state;
	char why[KV_WHY_MAX];
	struct kv_txn *t;
	struct kv *r;

	kv_unref(f->kv);
	f->kv = NULL;
	assert_int_equal(kv_open(f->dir, 0, &r, why), 0);
	assert_int_equal(kv_begin(r, true, &t), -EACCES);
	kv_unref(r);
}

/* A process that opens, begins to read, says so, and goes when it is told to. */
static pid_t reader(const char *dir, int say, int wait)
{
	pid_t pid = fork();
	char why[KV_WHY_MAX], byte = 'r';
	struct kv_txn *t;
	struct kv *kv;

	if (pid)
		return pid;
	if (kv_open(dir, 0, &kv, why) || kv_begin(kv, false, &t) || write(say, &byte, 1) != 1)
		_exit(1);
	if (wait >= 0 && read(wait, &byte, 1) < 0)
		_exit(1);
	_exit(0);
}

/* Who dies while reading leaves its slot; who lives keeps his. */
static void slots_of_the_dead_are_cleared(void **state)
{
	struct fixture *f = *state;
	char why[KV_WHY_MAX], byte;
	int up[2], down[2], status;
	pid_t stays, dies;

	kv_unref(f->kv);
	f->kv = NULL;
	assert_int_equal(pipe(up), 0);
	assert_int_equal(pipe(down), 0);
	stays = reader(f->dir, up[1], down[0]);
	assert_int_equal(read(up[0], &byte, 1), 1);
	assert_int_equal(kv_open(f->dir, KV_WRITE, &f->kv, why), 0);
	dies = reader(f->dir, up[1], -1);
	assert_int_equal(read(up[0], &byte, 1), 1);
	assert_int_equal(waitpid(dies, &status, 0), dies);
	assert_int_equal(kv_clear_dead(f->kv), 1);
	assert_int_equal(kv_clear_dead(f->kv), 0);
	assert_int_equal(write(down[1], "x", 1), 1);
	assert_int_equal(waitpid(stays, &status, 0), stays);
	assert_int_equal(status, 0);
	for (unsigned i = 0; i < 2; i++) {
		close(up[i]);
		close(down[i]);
	}
}

/* 256 GiB of address space are asked for; less must do. In a child: limits stay. */
static void less_address_space_does_too(void **state)
{
	struct fixture *f = *state;
	int status;
	pid_t pid;

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
	print_message("skipped: a sanitizer needs the address space itself\n");
	skip();
#endif
	kv_unref(f->kv);
	f->kv = NULL;
	pid = fork();
	if (pid == 0) {
		const struct rlimit limit = { (rlim_t)6 << 30, (rlim_t)6 << 30 };
		char why[KV_WHY_MAX];
		struct kv_txn *t;
		struct kv *kv;

		if (setrlimit(RLIMIT_AS, &limit) || kv_open(f->dir, KV_WRITE, &kv, why) ||
		    kv_begin(kv, true, &t) || kv_put(t, KV_META, SPAN_LIT("k"), SPAN_LIT("v")) ||
		    kv_commit(t))
			_exit(1);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(put_and_get, setup, teardown),
		cmocka_unit_test_setup_teardown(an_abort_leaves_nothing, setup, teardown),
		cmocka_unit_test_setup_teardown(a_reader_keeps_its_snapshot, setup, teardown),
		cmocka_unit_test_setup_teardown(cursor_against_an_array, setup, teardown),
		cmocka_unit_test_setup_teardown(append_wants_order, setup, teardown),
		cmocka_unit_test_setup_teardown(refs_keep_it_open, setup, teardown),
		cmocka_unit_test_setup_teardown(only_a_writer_writes, setup, teardown),
		cmocka_unit_test_setup_teardown(slots_of_the_dead_are_cleared, setup, teardown),
		cmocka_unit_test_setup_teardown(less_address_space_does_too, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
