/* SPDX-License-Identifier: MIT */
#include "tests/support/unit.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/segfile.h"
#include "tests/support/rng.h"
#include "tests/support/tempdir.h"

struct fixture {
	char dir[TEMPDIR_MAX];
	struct sio io;
	struct seg_sum sum;
	uint64_t second; /* offset of the second frame */
};

static void write_one(struct fixture *f, const char *name, size_t first, size_t second)
{
	uint8_t *bytes = malloc(first + second + 1);
	struct rng r = rng_open(1);
	struct seg_writer *w;
	uint64_t at;

	rng_fill(&r, bytes, first + second);
	assert_int_equal(seg_create(&f->io, SEG_LOG, name, &w), 0);
	assert_int_equal(seg_put(w, span_of(bytes, first), &at), 0);
	assert_int_equal(at, 0);
	assert_int_equal(seg_put(w, span_of(bytes + first, second), &f->second), 0);
	assert_int_equal(faccessat(f->io.dir_fd, name, F_OK, 0), -1);
	assert_int_equal(seg_finish(w, SPAN_LIT("the index"), &f->sum), 0);
	free(bytes);
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	tempdir_make(f->dir);
	f->io.dir_fd = open(f->dir, O_RDONLY | O_DIRECTORY);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	close(f->io.dir_fd);
	tempdir_remove(f->dir);
	free(f);
	return 0;
}

static void frames_come_back(void **state)
{
	struct fixture *f = *state;
	static uint8_t want[3000000], got[3000000];
	struct rng r = rng_open(1);
	struct stat st;
	struct seg *s;

	rng_fill(&r, want, sizeof(want));
	write_one(f, "a", 2000000, 1000000);
	assert_int_equal(f->second, 2000000);
	assert_int_equal(seg_open(f->io.dir_fd, "a", SEG_LOG, &f->sum, &s), 0);
	assert_true(span_equal(seg_index(s), SPAN_LIT("the index")));
	assert_int_equal(seg_read(s, 0, sizeof(got), got), 0);
	assert_memory_equal(got, want, sizeof(got));
	assert_int_equal(seg_read(s, f->second, 1000000, got), 0);
	assert_memory_equal(got, want + 2000000, 1000000);
	assert_int_equal(seg_read(s, 2999999, 2, got), DT_ECORRUPT);
	assert_int_equal(seg_read(s, UINT64_MAX, 2, got), DT_ECORRUPT);
	assert_int_equal(seg_verify(s), 0);
	seg_close(s);
	assert_int_equal(fstatat(f->io.dir_fd, "a", &st, 0), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal((uint64_t)st.st_size, f->sum.bytes);
	assert_int_equal(seg_open(f->io.dir_fd, "a", SEG_EDGES, NULL, &s), DT_EFOREIGN);
	assert_int_equal(seg_open(f->io.dir_fd, "b", SEG_LOG, NULL, &s), DT_ENOTFOUND);
	f->sum.check++;
	assert_int_equal(seg_open(f->io.dir_fd, "a", SEG_LOG, &f->sum, &s), DT_ECORRUPT);
}

/* Any byte another one, or any length less: refused at open or by verify. */
static void damage_is_noticed(void **state)
{
	struct fixture *f = *state;
	uint8_t byte;
	int fd;

	write_one(f, "a", 200, 100);
	fd = openat(f->io.dir_fd, "a", O_RDWR);
	for (off_t at = 0; at < (off_t)f->sum.bytes; at++) {
		struct seg *s;
		int rc;

		assert_int_equal(pread(fd, &byte, 1, at), 1);
		byte ^= 0x10;
		assert_int_equal(pwrite(fd, &byte, 1, at), 1);
		rc = seg_open(f->io.dir_fd, "a", SEG_LOG, &f->sum, &s);
		if (rc == 0) {
			rc = seg_verify(s);
			seg_close(s);
		}
		if (rc >= 0)
			fail_msg("byte %ld changed, not noticed", (long)at);
		byte ^= 0x10;
		assert_int_equal(pwrite(fd, &byte, 1, at), 1);
	}
	for (off_t n = (off_t)f->sum.bytes - 1; n >= 0; n--) {
		struct seg *s;

		assert_int_equal(ftruncate(fd, n), 0);
		assert_int_equal(seg_open(f->io.dir_fd, "a", SEG_LOG, NULL, &s), DT_ECORRUPT);
	}
	close(fd);
}

static void what_is_begun_and_left(void **state)
{
	struct fixture *f = *state;
	struct seg_writer *w;
	uint64_t at;

	assert_int_equal(seg_create(&f->io, SEG_LOG, "x", &w), 0);
	assert_int_equal(seg_put(w, SPAN_LIT("abc"), &at), 0);
	seg_abort(w);
	seg_abort(NULL);
	assert_int_equal(faccessat(f->io.dir_fd, "x", F_OK, 0), -1);
	assert_int_equal(faccessat(f->io.dir_fd, "x.tmp", F_OK, 0), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(frames_come_back, setup, teardown),
		cmocka_unit_test_setup_teardown(damage_is_noticed, setup, teardown),
		cmocka_unit_test_setup_teardown(what_is_begun_and_left, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
