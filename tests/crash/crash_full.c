/* SPDX-License-Identifier: MIT */
#include "tests/support/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <xxhash.h>

#include "store/store.h"
#include "tests/support/rng.h"
#include "tests/support/tempdir.h"

/*
 * Disks that are full or read-only, and stores that are not as they should be.
 * Small file systems are tmpfs in a mount namespace of a child's own, where
 * that is allowed; where it is not, a file size limit stands for the full disk.
 */

enum { BATCH = 200, BATCHES_MAX = 5000 };

enum outcome { FINE = 0, NOT_ALLOWED = 77, FAILED = 1 };

#define HOLDS(what)                                                                                \
	do {                                                                                       \
		if (!(what)) {                                                                     \
			fprintf(stderr, "line %d: %s\n", __LINE__, #what);                         \
			_exit(FAILED);                                                             \
		}                                                                                  \
	} while (0)

static struct sighting node(uint32_t i)
{
	struct rng r = { i };
	struct sighting s = { .when_ms = 1700000000000, .way = SIGHTING_ANSWERED };

	s.key.bits = NODEID_BITS;
	rng_fill(&r, s.key.b, NODEID_BYTES);
	s.from = endpoint_ip4((uint32_t)rng_u64(&r), (uint16_t)(i % 60000 + 1));
	return s;
}

static int put_batch(struct store_writer *w, uint32_t batch)
{
	for (uint32_t i = batch * BATCH; i < (batch + 1) * BATCH; i++) {
		const struct sighting s = node(i);

		if (store_writer_put(w, &s, 1))
			return -1;
	}
	return store_writer_flush(w);
}

static uint64_t count_rows(struct store *s)
{
	struct store_view *v;
	struct store_node n;
	uint64_t rows = 0;

	HOLDS(store_view_open(s, &v) == 0);
	while (store_view_next(v, &n) == 1) {
		struct store_node found;

		HOLDS(store_view_find(v, &n.ep, &found) == 1);
		rows++;
	}
	store_view_close(v);
	return rows;
}

/* Writes until the disk says no; all that was acknowledged is there, then and later. */
static void fill_the_disk(const char *dir, void (*make_room)(const char *dir))
{
	const struct store_writer_opts opts = { .disk_floor_bytes = 1 };
	struct store_writer *w;
	struct store *s;
	uint32_t batch = 0;
	int rc = 0;

	HOLDS(store_open(dir, STORE_CREATE, &s, NULL) == 0);
	HOLDS(store_writer_new(s, &opts, &w) == 0);
	while (rc == 0 && batch < BATCHES_MAX)
		rc = put_batch(w, batch++);
	HOLDS(rc == DT_ENOSPACE);
	HOLDS(batch > 5);
	HOLDS(store_writer_acknowledged(w) == (uint64_t)(batch - 1) * BATCH);
	HOLDS(count_rows(s) == store_writer_acknowledged(w));
	rc = store_compact(s); /* where the limit is per file a copy may fit */
	HOLDS(rc == 0 || rc == DT_ENOSPACE);
	HOLDS(count_rows(s) == store_writer_acknowledged(w));
	make_room(dir);
	/* The batch that did not fit was kept. */
	HOLDS(store_writer_flush(w) == 0);
	HOLDS(store_writer_acknowledged(w) == (uint64_t)batch * BATCH);
	store_writer_free(w);
	store_close(s);
	HOLDS(store_open(dir, STORE_WRITE, &s, NULL) == 0);
	HOLDS(count_rows(s) == (uint64_t)batch * BATCH);
	HOLDS(store_compact(s) == 0);
	HOLDS(count_rows(s) == (uint64_t)batch * BATCH);
	store_close(s);
}

static int enter_tmpfs(const char *dir, const char *options)
{
	if (unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	    mount("tmpfs", dir, "tmpfs", 0, options))
		return -1;
	return 0;
}

static void enlarge_tmpfs(const char *dir)
{
	HOLDS(mount("tmpfs", dir, "tmpfs", MS_REMOUNT, "size=64m") == 0);
}

static void full_tmpfs(const char *dir)
{
	if (enter_tmpfs(dir, "size=2m"))
		_exit(NOT_ALLOWED);
	fill_the_disk(dir, enlarge_tmpfs);
}

static void lift_limit(const char *dir)
{
	struct rlimit limit;

	(void)dir;
	HOLDS(getrlimit(RLIMIT_FSIZE, &limit) == 0);
	limit.rlim_cur = limit.rlim_max;
	HOLDS(setrlimit(RLIMIT_FSIZE, &limit) == 0);
}

static void file_size_limit(const char *dir)
{
	struct rlimit limit;

	HOLDS(getrlimit(RLIMIT_FSIZE, &limit) == 0);
	limit.rlim_cur = 2 << 20;
	HOLDS(setrlimit(RLIMIT_FSIZE, &limit) == 0);
	signal(SIGXFSZ, SIG_IGN); /* the error is wanted, not the signal */
	fill_the_disk(dir, lift_limit);
}

static void read_only_disk(const char *dir)
{
	struct store *s;
	char why[256];

	if (enter_tmpfs(dir, "size=16m"))
		_exit(NOT_ALLOWED);
	HOLDS(store_open(dir, STORE_CREATE, &s, NULL) == 0);
	store_close(s);
	HOLDS(mount("tmpfs", dir, "tmpfs", MS_REMOUNT | MS_RDONLY, NULL) == 0);
	HOLDS(store_open(dir, STORE_WRITE, &s, why) == -EROFS);
	HOLDS(strstr(why, dir));
	HOLDS(store_open(dir, STORE_CREATE, &s, why) == -EROFS);
	HOLDS(store_open(dir, STORE_READ, &s, why) == 0);
	HOLDS(count_rows(s) == 0);
	store_close(s);
}

/* In a child: limits and mounts go with it. */
static void in_a_child(void (*body)(const char *dir), const char *what)
{
	char dir[TEMPDIR_MAX];
	int status;
	pid_t pid;

	tempdir_make(dir);
	pid = fork();
	if (pid == 0) {
		body(dir);
		_exit(FINE);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	tempdir_remove(dir);
	if (WIFEXITED(status) && WEXITSTATUS(status) == NOT_ALLOWED) {
		print_message("skipped: %s needs the right to mount\n", what);
		skip();
	}
	assert_int_equal(status, FINE);
}

static void a_full_disk(void **state)
{
	(void)state;
	in_a_child(full_tmpfs, "a small tmpfs");
}

static void a_file_size_limit(void **state)
{
	(void)state;
	in_a_child(file_size_limit, "a file size limit");
}

static void a_read_only_disk(void **state)
{
	(void)state;
	in_a_child(read_only_disk, "a read-only tmpfs");
}

/* ---- stores that are not as they should be ---------------------------------------- */

static uint64_t digest(const char *path)
{
	XXH3_state_t *x = XXH3_createState();
	uint8_t buf[8192];
	FILE *f = fopen(path, "re");
	uint64_t sum;
	size_t n;

	assert_non_null(f);
	XXH3_64bits_reset(x);
	while ((n = fread(buf, 1, sizeof(buf), f)) > 0)
		XXH3_64bits_update(x, buf, n);
	fclose(f);
	sum = XXH3_64bits_digest(x);
	XXH3_freeState(x);
	return sum;
}

static void make_store(const char *dir)
{
	const struct store_writer_opts opts = { .disk_floor_bytes = 1 };
	struct store_writer *w;
	struct store *s;

	assert_int_equal(store_open(dir, STORE_CREATE, &s, NULL), 0);
	assert_int_equal(store_writer_new(s, &opts, &w), 0);
	for (uint32_t b = 0; b < 10; b++)
		assert_int_equal(put_batch(w, b), 0);
	store_writer_free(w);
	store_close(s);
}

/* The bytes of the schema number's own pair are found and one is changed. */
static void make_newer(const char *path)
{
	uint8_t bytes[1 << 20];
	FILE *f = fopen(path, "r+e");
	size_t n = fread(bytes, 1, sizeof(bytes), f), changed = 0;

	for (size_t i = 0; i + 10 <= n; i++) {
		if (memcmp(bytes + i, "schema\2\0\0\0", 10) != 0)
			continue;
		assert_int_equal(fseek(f, (long)i + 6, SEEK_SET), 0);
		assert_int_equal(fputc(200, f), 200);
		changed++;
	}
	assert_true(changed >= 1);
	assert_int_equal(fclose(f), 0);
}

static void make_foreign(const char *path)
{
	FILE *f = fopen(path, "we");

	assert_true(fputs("SQLite format 3", f) >= 0);
	assert_int_equal(fclose(f), 0);
}

static void cut_short(const char *path)
{
	struct stat st;

	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(truncate(path, st.st_size / 2), 0);
}

static void refused_and_left_alone(void **state)
{
	static const struct {
		const char *name;
		void (*spoil)(const char *path);
		int rc;
		const char *says;
	} rows[] = {
		{ "newer", make_newer, DT_ENEWER, "schema 200" },
		{ "foreign", make_foreign, DT_EFOREIGN, "not an LMDB file" },
		{ "cut short", cut_short, DT_ECORRUPT, "cut short" },
	};
	static const enum store_mode modes[] = { STORE_READ, STORE_WRITE, STORE_CREATE };

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char dir[TEMPDIR_MAX], path[TEMPDIR_MAX + 32], why[256];
		uint64_t before;

		make_store(tempdir_make(dir));
		snprintf(path, sizeof(path), "%s/state/data.mdb", dir);
		rows[i].spoil(path);
		before = digest(path);
		for (const enum store_mode *m = modes; m < TABLE_END(modes); m++) {
			struct store *s;
			int rc = store_open(dir, *m, &s, why);

			if (rc != rows[i].rc || !strstr(why, rows[i].says))
				fail_msg("%s: %d \"%s\"", rows[i].name, rc, why);
			assert_int_equal(digest(path), before);
		}
		tempdir_remove(dir);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_full_disk),
		cmocka_unit_test(a_file_size_limit),
		cmocka_unit_test(a_read_only_disk),
		cmocka_unit_test(refused_and_left_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
