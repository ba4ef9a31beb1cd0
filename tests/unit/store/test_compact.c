/* SPDX-License-Identifier: MIT */
#include "tests/support/unit.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "store/store.h"
#include "tests/support/store_model.h"
#include "tests/support/tempdir.h"

struct fixture {
	char dir[TEMPDIR_MAX];
	struct store *s;
	struct model m;
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	tempdir_make(f->dir);
	model_init(&f->m);
	*state = f;
	return store_open(f->dir, STORE_CREATE, &f->s, NULL);
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	store_close(f->s);
	model_fini(&f->m);
	tempdir_remove(f->dir);
	free(f);
	return 0;
}

static void fill(struct fixture *f, uint64_t seed, unsigned count)
{
	const struct store_writer_opts opts = { .batch_records = 300, .disk_floor_bytes = 1 };
	struct rng r = rng_open(seed);
	struct store_writer *w;

	assert_int_equal(store_writer_new(f->s, &opts, &w), 0);
	for (unsigned i = 0; i < count; i++) {
		struct sighting s = model_sighting(&r, 900);

		model_put(&f->m, &s, 0);
		assert_int_equal(store_writer_put(w, &s, 1), 0);
	}
	assert_int_equal(store_writer_flush(w), 0);
	store_writer_free(w);
}

static void expect_model(struct store *s, struct model *m, bool compacted)
{
	struct store_counts counts;
	struct store_view *v;
	struct store_node n;
	size_t at = 0, seen = 0;

	model_sort(m);
	assert_int_equal(store_view_open(s, &v), 0);
	for (; at < m->count && !m->rows[at].contact; at++) {
		assert_int_equal(store_view_next(v, &n), 1);
		assert_null(model_differs(&n, &m->rows[at].n));
	}
	assert_int_equal(store_view_next(v, &n), 0);
	for (; at < m->count; at++) {
		if (model_is_hidden(m, &m->rows[at]))
			continue;
		assert_int_equal(store_view_next_mentioned(v, &n), 1);
		assert_null(model_differs(&n, &m->rows[at].n));
		seen++;
	}
	assert_int_equal(store_view_next_mentioned(v, &n), 0);
	assert_int_equal(store_view_counts(v, &counts), 0);
	if (compacted)
		assert_int_equal(counts.mentioned, seen);
	store_view_close(v);
}

static void nothing_is_lost_and_writing_goes_on(void **state)
{
	struct fixture *f = *state;
	struct store_epoch e;
	struct store_view *v;
	char report[8];
	uint32_t id;

	assert_int_equal(store_epoch_begin(f->s, 0, true, &id), 0);
	fill(f, 1, 3000);
	assert_int_equal(store_epoch_end(f->s, id, 9, "{}", 2), 0);
	assert_int_equal(store_compact(f->s), 0);
	expect_model(f->s, &f->m, true);
	assert_int_equal(store_view_open(f->s, &v), 0);
	assert_int_equal(store_view_epoch(v, id, &e, report, sizeof(report)), 0);
	assert_string_equal(report, "{}");
	store_view_close(v);
	fill(f, 2, 1000);
	expect_model(f->s, &f->m, false);
	assert_int_equal(store_compact(f->s), 0);
	assert_int_equal(store_compact(f->s), 0);
	store_close(f->s);
	assert_int_equal(store_open(f->dir, STORE_READ, &f->s, NULL), 0);
	expect_model(f->s, &f->m, true);
}

static void an_empty_store_may_be_compacted(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(store_compact(f->s), 0);
	expect_model(f->s, &f->m, true);
}

/* Who reads keeps what it reads; who opens next, in any process, sees the new. */
static void readers_keep_what_they_have(void **state)
{
	struct fixture *f = *state;
	struct store_view *old;
	struct store_node n;
	unsigned rows = 0;

	fill(f, 3, 2000);
	assert_int_equal(store_view_open(f->s, &old), 0);
	assert_int_equal(store_view_next(old, &n), 1);
	assert_int_equal(store_compact(f->s), 0);
	fill(f, 4, 500);
	assert_int_equal(store_compact(f->s), 0);
	while (store_view_next(old, &n) == 1)
		rows++;
	assert_true(rows > 100);
	store_view_close(old);
	expect_model(f->s, &f->m, true);
}

/* Reads while the parent compacts; every snapshot must be whole. */
static int read_until_told(const char *dir, int told)
{
	struct store *s;
	unsigned views = 0;
	char byte;

	if (store_open(dir, STORE_READ, &s, NULL))
		return 1;
	for (;; views++) {
		struct store_counts c;
		struct store_view *v;
		struct store_node n;
		uint64_t rows = 0;
		int rc;

		if (store_view_open(s, &v) || store_view_counts(v, &c))
			return 2;
		while ((rc = store_view_next(v, &n)) == 1)
			rows++;
		store_view_close(v);
		if (rc < 0 || rows != c.nodes)
			return 3;
		if (read(told, &byte, 1) == 1)
			break;
	}
	if (!views)
		return 4;
	store_close(s);
	return 0;
}

static void readers_of_another_process_follow(void **state)
{
	struct fixture *f = *state;
	int told[2], status;
	pid_t pid;

	fill(f, 5, 500);
	store_close(f->s);
	assert_int_equal(pipe2(told, O_NONBLOCK), 0);
	pid = fork();
	if (pid == 0)
		_exit(read_until_told(f->dir, told[0]));
	assert_int_equal(store_open(f->dir, STORE_WRITE, &f->s, NULL), 0);
	for (unsigned i = 0; i < 20; i++) {
		fill(f, 100 + i, 50);
		assert_int_equal(store_compact(f->s), 0);
	}
	assert_int_equal(write(told[1], "x", 1), 1);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	close(told[0]);
	close(told[1]);
}

/* The same within one process: views come and go on another thread. */
struct reader {
	struct store *s;
	atomic_bool stop;
	atomic_int rc;
	atomic_uint views;
};

static void *read_views(void *arg)
{
	struct reader *r = arg;

	while (!atomic_load(&r->stop)) {
		struct store_counts c;
		struct store_view *v;
		struct store_node n;
		uint64_t rows = 0;
		int rc = store_view_open(r->s, &v);

		if (rc == 0)
			rc = store_view_counts(v, &c);
		while (rc == 0 && store_view_next(v, &n) == 1)
			rows++;
		if (rc == 0 && rows != c.nodes)
			rc = DT_ECORRUPT;
		if (rc < 0)
			atomic_store(&r->rc, rc);
		else
			store_view_close(v);
		atomic_fetch_add(&r->views, 1);
	}
	return NULL;
}

static void a_thread_may_read_meanwhile(void **state)
{
	struct fixture *f = *state;
	struct reader r = { .s = f->s };
	pthread_t thread;

	fill(f, 6, 300);
	assert_int_equal(pthread_create(&thread, NULL, read_views, &r), 0);
	for (unsigned i = 0; i < 20 || atomic_load(&r.views) < 20; i++) {
		fill(f, 200 + i, 30);
		assert_int_equal(store_compact(f->s), 0);
	}
	atomic_store(&r.stop, true);
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_int_equal(atomic_load(&r.rc), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(nothing_is_lost_and_writing_goes_on, setup,
						teardown),
		cmocka_unit_test_setup_teardown(an_empty_store_may_be_compacted, setup, teardown),
		cmocka_unit_test_setup_teardown(readers_keep_what_they_have, setup, teardown),
		cmocka_unit_test_setup_teardown(readers_of_another_process_follow, setup, teardown),
		cmocka_unit_test_setup_teardown(a_thread_may_read_meanwhile, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
