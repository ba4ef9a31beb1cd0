/* SPDX-License-Identifier: MIT */
#include "tests/support/unit.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "store/segset.h"
#include "tests/support/rng.h"
#include "tests/support/tempdir.h"

static void fill(struct segset *s, struct rng *r, unsigned entries)
{
	segset_init(s, 1 + (uint32_t)rng_below(r, 1000));
	s->sealed = rng_u64(r);
	for (unsigned i = 0; i < entries; i++) {
		struct seg_entry e = { .kind = rng_below(r, 2) ? SEG_LOG : SEG_EDGES,
				       .sum = { rng_u64(r), rng_u64(r) },
				       .rows = rng_u64(r),
				       .vertices = rng_u64(r),
				       .first_s = (uint32_t)rng_u64(r),
				       .last_s = (uint32_t)rng_u64(r),
				       .epoch = (uint32_t)rng_u64(r) };

		s->next += (uint32_t)rng_below(r, 3);
		assert_int_equal(segset_add(s, e), 0);
	}
}

static void expect_equal(const struct segset *a, const struct segset *b)
{
	assert_int_equal(a->run, b->run);
	assert_int_equal(a->next, b->next);
	assert_int_equal(a->sealed, b->sealed);
	assert_int_equal(a->count, b->count);
	for (uint32_t i = 0; i < a->count; i++) {
		const struct seg_entry *x = &a->list[i], *y = &b->list[i];

		assert_true(x->kind == y->kind && x->number == y->number &&
			    x->sum.bytes == y->sum.bytes && x->sum.check == y->sum.check &&
			    x->rows == y->rows && x->vertices == y->vertices &&
			    x->first_s == y->first_s && x->last_s == y->last_s &&
			    x->epoch == y->epoch);
	}
}

static void text_and_file_come_back(void **state)
{
	struct rng r = rng_open(1);
	char dir[TEMPDIR_MAX];
	struct sio io;

	(void)state;
	io = (struct sio){ .dir_fd = open(tempdir_make(dir), O_RDONLY | O_DIRECTORY) };
	for (unsigned n = 0; n < 60; n++) {
		struct segset in, out, copy;
		size_t len;
		char *text;

		fill(&in, &r, n);
		assert_int_equal(segset_print(&in, &text, &len), 0);
		assert_int_equal(segset_parse(span_of(text, len), &out), 0);
		expect_equal(&in, &out);
		segset_fini(&out);
		assert_int_equal(segset_save(&io, &in), 0);
		assert_int_equal(segset_load(io.dir_fd, &out), 0);
		expect_equal(&in, &out);
		assert_int_equal(segset_copy(&in, &copy), 0);
		expect_equal(&in, &copy);
		assert_int_equal(n == 0 || !segset_is_listed(&in, "00000000.seg"), 1);
		assert_true(segset_is_listed(&in, "MANIFEST"));
		segset_fini(&copy);
		segset_fini(&out);
		segset_fini(&in);
		free(text);
	}
	close(io.dir_fd);
	tempdir_remove(dir);
}

/* Cut anywhere, or with any byte another one, it is not taken. */
static void damage_is_noticed(void **state)
{
	struct rng r = rng_open(2);
	struct segset in, out;
	size_t len;
	char *text;

	(void)state;
	fill(&in, &r, 4);
	assert_int_equal(segset_print(&in, &text, &len), 0);
	for (size_t n = 0; n < len; n++) {
		char *cut = malloc(n ? n : 1), was = text[n];
		int rc;

		memcpy(cut, text, n);
		rc = segset_parse(span_of(cut, n), &out);
		assert_true(rc == DT_ECORRUPT || rc == DT_EFOREIGN);
		free(cut);
		for (unsigned bit = 0; bit < 8; bit++) {
			text[n] = (char)(was ^ 1 << bit);
			rc = segset_parse(span_of(text, len), &out);
			assert_true(rc == DT_ECORRUPT || rc == DT_EFOREIGN || rc == DT_ENEWER);
		}
		text[n] = was;
	}
	assert_int_equal(segset_parse(SPAN_LIT("dht-telescope segments 2\n"), &out), DT_ENEWER);
	segset_fini(&in);
	free(text);
}

static void what_is_no_file_of_ours(void **state)
{
	char dir[TEMPDIR_MAX];
	struct segset out;
	int fd;

	(void)state;
	fd = open(tempdir_make(dir), O_RDONLY | O_DIRECTORY);
	assert_int_equal(segset_load(fd, &out), DT_ENOTFOUND);
	assert_int_equal(symlinkat("/etc/passwd", fd, "MANIFEST"), 0);
	assert_int_equal(segset_load(fd, &out), DT_EFOREIGN);
	assert_int_equal(unlinkat(fd, "MANIFEST", 0), 0);
	tempdir_write(dir, "MANIFEST", "hello\n", 6);
	assert_int_equal(segset_load(fd, &out), DT_EFOREIGN);
	close(fd);
	tempdir_remove(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text_and_file_come_back),
		cmocka_unit_test(damage_is_noticed),
		cmocka_unit_test(what_is_no_file_of_ours),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
