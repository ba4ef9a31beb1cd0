/* SPDX-License-Identifier: MIT */
#include "engine/checkpoint.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "engine/crawl_impl.h"
#include "tests/support/seed.h"
#include "tests/support/tempdir.h"
#include "tests/unit/engine/crawl_desk.h"

enum { CONTACTS = 700, PATH_ROOM = TEMPDIR_MAX + 32 };

static struct checkpoint_head head;

static void write_one(const char *path, unsigned generation, const void *bytes, size_t len)
{
	struct checkpoint_out *out;

	assert_int_equal(checkpoint_create(path, generation, 0, &out), 0);
	memcpy(checkpoint_room(out), bytes, len);
	checkpoint_put(out, len);
	memset(&head, 0, sizeof(head));
	assert_int_equal(checkpoint_finish(out, &head.file[0]), 0);
	assert_int_equal(head.file[0].count, 1);
	assert_int_equal(head.file[0].bytes, len);
	head.generation = generation;
	head.workers = 1;
	head.note_len = (uint32_t)snprintf(head.note, sizeof(head.note), "note %u", generation);
}

static unsigned files_in(const char *dir)
{
	DIR *d = opendir(dir);
	unsigned n = 0;

	while (readdir(d))
		n++;
	closedir(d);
	return n - 2;
}

static void spoil(const char *path, long at)
{
	FILE *f = fopen(path, "r+b");
	int c;

	assert_non_null(f);
	fseek(f, at, SEEK_SET);
	c = fgetc(f);
	fseek(f, at, SEEK_SET);
	fputc(c ^ 1, f);
	fclose(f);
}

static void test_in_force(void **state)
{
	char dir[TEMPDIR_MAX], path[PATH_ROOM], file[PATH_ROOM + 8], why[CHECKPOINT_WHY_MAX];
	struct checkpoint *c;

	(void)state;
	tempdir_make(dir);
	snprintf(path, sizeof(path), "%s/resume", dir);
	assert_int_equal(checkpoint_open(path, &c, why), DT_ENOTFOUND);
	write_one(path, 1, "one", 3);
	assert_int_equal(checkpoint_commit(path, &head), 0);
	/* Killed before the head of the second was in force. */
	write_one(path, 2, "other", 5);
	assert_int_equal(checkpoint_open(path, &c, why), 0);
	assert_string_equal(checkpoint_head(c)->note, "note 1");
	assert_memory_equal(checkpoint_records(c, 0).ptr, "one", 3);
	checkpoint_close(c);
	assert_int_equal(checkpoint_commit(path, &head), 0);
	assert_int_equal(checkpoint_open(path, &c, why), 0);
	assert_memory_equal(checkpoint_records(c, 0).ptr, "other", 5);
	checkpoint_close(c);
	assert_int_equal(files_in(dir), 2);
	/* A byte of the file, a byte of the head, no file. */
	snprintf(file, sizeof(file), "%s.2.0", path);
	spoil(file, 2);
	assert_int_equal(checkpoint_open(path, &c, why), DT_ECORRUPT);
	assert_non_null(strstr(why, "resume.2.0"));
	spoil(file, 2);
	spoil(path, 40);
	assert_int_equal(checkpoint_open(path, &c, why), DT_ECORRUPT);
	spoil(path, 40);
	assert_int_equal(checkpoint_open(path, &c, why), 0);
	checkpoint_close(c);
	unlink(file);
	assert_int_equal(checkpoint_open(path, &c, why), -ENOENT);
	write_one(path, 2, "other", 5);
	write_one(path, 3, "begun", 5);
	checkpoint_remove(path);
	assert_int_equal(files_in(dir), 0);
	tempdir_remove(dir);
}

/* Another number where the version stands; nothing else is looked at then. */
static void set_version(const char *path, uint32_t version)
{
	int fd = open(path, O_RDWR);

	assert_true(fd >= 0);
	assert_int_equal(pwrite(fd, &version, sizeof(version), 8), sizeof(version));
	close(fd);
}

static void test_other_versions(void **state)
{
	char dir[TEMPDIR_MAX], path[PATH_ROOM], why[CHECKPOINT_WHY_MAX];
	struct checkpoint *c;

	(void)state;
	tempdir_make(dir);
	snprintf(path, sizeof(path), "%s/resume", dir);
	write_one(path, 1, "one", 3);
	assert_int_equal(checkpoint_commit(path, &head), 0);
	set_version(path, 2);
	assert_int_equal(checkpoint_open(path, &c, why), DT_EUNSUPPORTED);
	assert_non_null(strstr(why, "of version 2, written by an older program; this one reads"));
	set_version(path, 99);
	assert_int_equal(checkpoint_open(path, &c, why), DT_ENEWER);
	assert_non_null(strstr(why, "of version 99, written by a newer program"));
	set_version(path, 4);
	assert_int_equal(checkpoint_open(path, &c, why), 0);
	checkpoint_close(c);
	/* Of an older one that is given up nothing is left, its data files neither. */
	set_version(path, 2);
	checkpoint_remove(path);
	assert_int_equal(files_in(dir), 0);
	tempdir_remove(dir);
}

static void test_not_written(void **state)
{
	struct checkpoint_out *out;
	struct checkpoint_file file;

	(void)state;
	assert_int_equal(checkpoint_create("/nowhere/at/all", 1, 0, &out), 0);
	checkpoint_put(out, 10);
	assert_int_equal(checkpoint_finish(out, &file), -ENOENT);
	memset(&head, 0, sizeof(head));
	assert_int_equal(checkpoint_commit("/nowhere/at/all", &head), -ENOENT);
}

/* A crawl with contacts in every state: waiting, in flight, answered, mentioned again. */
static struct desk *busy_desk(void)
{
	struct crawl_opts o = desk_opts();
	struct gate_opts g = { .workers = 1, .net_rate = 1e4, .net_burst = 1000 };
	struct desk *d = desk_open(&o, &g);

	for (unsigned i = 0; i < CONTACTS; i++) {
		struct nodeid id = id_of(i * 0x9e3779b9u);

		desk_offer(d, host(i), &id, 1 + i % 7);
		if (i % 3 == 0)
			desk_offer(d, host(i), &id, 100 + i % 5);
	}
	for (unsigned turn = 0; turn < 12; turn++) {
		unsigned n = desk_send(d);

		for (unsigned i = 0; i < n; i += 2) {
			struct nodeid id = desk_target(d, i);

			desk_answer(d, i, d->out[i].peer, &id, (struct span){ NULL, 0 });
		}
		d->now_ns += turn == 8 ? 3 * S : 40 * MS;
	}
	return d;
}

static struct span save_desk(struct desk *d, const char *path, struct checkpoint **out)
{
	char why[CHECKPOINT_WHY_MAX];
	struct checkpoint_out *file;

	memset(&head, 0, sizeof(head));
	head.generation = 1;
	head.workers = 1;
	assert_int_equal(checkpoint_create(path, 1, 0, &file), 0);
	crawl_save(d->crawl, d->now_ns, file);
	assert_int_equal(checkpoint_finish(file, &head.file[0]), 0);
	assert_int_equal(checkpoint_commit(path, &head), 0);
	assert_int_equal(checkpoint_open(path, out, why), 0);
	return checkpoint_records(*out, 0);
}

/* However many shards take a census up, each endpoint is of one of them, as it was. */
static void test_shards(void **state)
{
	char dir[TEMPDIR_MAX], path[PATH_ROOM];
	struct desk *d = busy_desk();
	struct crawl_stats before = desk_stats(d);
	struct checkpoint *c;
	struct span records;

	(void)state;
	tempdir_make(dir);
	snprintf(path, sizeof(path), "%s/resume", dir);
	records = save_desk(d, path, &c);
	assert_true(before.in_flight > 20 && before.endpoints_live > 50 && before.frontier > 20);
	for (unsigned shards = 1; shards <= 3; shards++) {
		uint64_t known = 0, live = 0, asked = 0, waiting = 0;
		struct crawl_restored restored = { 0 };

		for (unsigned i = 0; i < shards; i++) {
			struct crawl_opts o = desk_opts();
			struct desk *one;
			struct crawl_stats s;

			o.shard = i;
			o.shards = shards;
			one = desk_open(&o, NULL);
			assert_int_equal(crawl_restore(one->crawl, records, one->now_ns, &restored),
					 0);
			/* Twice is once. */
			assert_int_equal(crawl_restore(one->crawl, records, one->now_ns, &restored),
					 0);
			s = desk_stats(one);
			known += s.endpoints_known;
			live += s.endpoints_live;
			asked += s.endpoints_asked;
			waiting += s.frontier;
			for (uint32_t n = 0; n < CONTACTS; n++) {
				struct endpoint ep = host(n);
				struct crawl_node was, is;

				if (crawl_find(one->crawl, &ep, &is))
					continue;
				assert_int_equal(crawl_find(d->crawl, &ep, &was), 0);
				assert_int_equal(is.answered, was.answered);
				assert_int_equal(is.mentions, was.mentions);
				assert_int_equal(is.attempts, was.attempts);
				assert_true(nodeid_equal(&is.id, &was.id));
			}
			desk_close(one);
		}
		assert_int_equal(known, CONTACTS);
		assert_int_equal(live, before.endpoints_live);
		assert_int_equal(asked, before.endpoints_asked);
		assert_int_equal(waiting, before.frontier);
		assert_true(restored.in_flight > 0 && restored.in_flight <= before.in_flight);
	}
	checkpoint_close(c);
	desk_close(d);
	tempdir_remove(dir);
}

/* What spoke against a node speaks against it after a kill, whichever shard takes it up. */
static void test_suspects(void **state)
{
	char dir[TEMPDIR_MAX], path[PATH_ROOM];
	struct crawl_opts o = desk_opts();
	struct desk *d = desk_open(&o, NULL), *one;
	struct crawl_restored restored = { 0 };
	struct nodeid id = id_of(0x40010203);
	struct crawl_classes was = { .marked = 0 }, is = { .marked = 0 };
	struct checkpoint *c;
	struct span records;

	(void)state;
	tempdir_make(dir);
	snprintf(path, sizeof(path), "%s/resume", dir);
	for (unsigned i = 1; i <= 3; i++) {
		desk_offer(d, host(i), &id, 5);
		/* A flapper, one that has changed once, and a plain one. */
		for (unsigned round = 0; desk_send(d); round++) {
			struct nodeid said = id;

			said.b[3] ^= (uint8_t)(i == 1 ? round + 1 : i == 2);
			desk_answer(d, 0, host(i), &said, (struct span){ NULL, 0 });
		}
	}
	records = save_desk(d, path, &c);
	one = desk_open(&o, NULL);
	assert_int_equal(crawl_restore(one->crawl, records, one->now_ns, &restored), 0);
	crawl_count_classes(d->crawl, &was);
	crawl_count_classes(one->crawl, &is);
	assert_int_equal(was.count[SIGHTING_CLASS_FLAPPER], 1);
	assert_int_equal(was.suspects, 2);
	assert_memory_equal(&was, &is, sizeof(was));
	checkpoint_close(c);
	desk_close(one);
	desk_close(d);
	tempdir_remove(dir);
}

/* Records that nobody has written: a crawl that goes on is still one. */
static void test_hostile(void **state)
{
	char dir[TEMPDIR_MAX], path[PATH_ROOM];
	struct desk *d = busy_desk();
	struct checkpoint *c;
	struct span records;
	struct rng r;

	(void)state;
	tempdir_make(dir);
	snprintf(path, sizeof(path), "%s/resume", dir);
	records = save_desk(d, path, &c);
	rng_init(&r, seed_open(), 0);
	for (unsigned round = 0; round < 200; round++) {
		uint8_t *copy = malloc(records.len);
		size_t len = rng_below(&r, 8) ? records.len : rng_below(&r, (uint32_t)records.len);
		struct crawl_restored restored = { 0 };
		struct crawl_opts o = desk_opts();
		struct desk *one = desk_open(&o, NULL);
		int rc;

		memcpy(copy, records.ptr, records.len);
		for (unsigned i = 0; i < 1u + round * 4; i++)
			copy[rng_below(&r, (uint32_t)records.len)] = (uint8_t)rng_u64(&r);
		rc = crawl_restore(one->crawl, span_of(copy, len), one->now_ns, &restored);
		assert_true(rc == 0 || rc == DT_ECORRUPT);
		for (unsigned turn = 0; turn < 40; turn++) {
			desk_send(one);
			one->now_ns += 500 * MS;
		}
		desk_close(one);
		free(copy);
	}
	checkpoint_close(c);
	desk_close(d);
	tempdir_remove(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_in_force),    cmocka_unit_test(test_other_versions),
		cmocka_unit_test(test_not_written), cmocka_unit_test(test_shards),
		cmocka_unit_test(test_suspects),    cmocka_unit_test(test_hostile),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
