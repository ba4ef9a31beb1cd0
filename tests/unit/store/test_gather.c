/* SPDX-License-Identifier: MIT */
#include "tests/support/unit.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#include "store/heardlog.h"
#include "store/inside.h"
#include "store/store.h"
#include "store/vantage.h"
#include "tests/support/store_model.h"
#include "tests/support/tempdir.h"

/*
 * Stores of a few hundred sightings, listings and epochs that overlap; merged in
 * any order, with repetitions, in any nesting: equal to the last byte of table
 * and segment. DT_SHUFFLES=1000 for the long run.
 */

enum {
	STORES = 4,
	SIGHTINGS = 400,
	HEARD = 200,
	SHUFFLES = 25,
	PARTS_MAX = 6,
	DIRS = 3 + SHUFFLES
};

static char base[TEMPDIR_MAX];

static int make_base(void **state)
{
	(void)state;
	/* Merging is fsync; what it proves here is not. */
	if (access("/dev/shm", W_OK) == 0)
		setenv("TMPDIR", "/dev/shm", 0);
	tempdir_make(base);
	return 0;
}

static int remove_base(void **state)
{
	(void)state;
	tempdir_remove(base);
	return 0;
}

static void path_of(const char *kind, unsigned i, char out[static 2 * TEMPDIR_MAX])
{
	snprintf(out, 2 * TEMPDIR_MAX, "%s/%s%u", base, kind, i);
}

static struct store *open_store(const char *path, enum store_mode mode)
{
	char why[256];
	struct store *s;

	if (store_open(path, mode, &s, why) < 0)
		fail_msg("%s", why);
	return s;
}

static void put_listing(struct store_writer *w, struct rng *r, const struct sighting *from)
{
	struct listing l = { .when_ms = from->when_ms,
			     .id = nodekey_to_id(&from->key),
			     .from = from->from,
			     .depth = (uint8_t)rng_below(r, 4),
			     .count = (uint8_t)rng_below(r, 4) };

	for (unsigned i = 0; i < l.count; i++) {
		struct sighting to = model_sighting(r, 100);

		l.contacts[i] = (struct listing_contact){ nodekey_to_id(&to.key), to.from };
	}
	assert_int_equal(store_writer_list(w, &l, 1), 0);
}

/* One of 300 messages, so that stores have many in common; some are said twice in one store. */
static struct heard model_heard(struct rng *r)
{
	uint32_t n = (uint32_t)rng_below(r, 300);
	struct heard h = { .when_ms = 1700000000000 + n / 2 * 1000,
			   .kind = (uint8_t)(1 + n % (HEARD_KINDS - 1)),
			   .way = SIGHTING_ASKED_US,
			   .bytes = (uint16_t)n };

	h.from = endpoint_ip4(0x51024500 + n, (uint16_t)(6881 + n));
	memset(h.target.b, (int)n, sizeof(h.target.b));
	return h;
}

/* The third store heard nothing. Batches are as large as they come, not in order of time. */
static void put_heard(struct store *s, struct rng *r, unsigned i)
{
	struct heardlog_opts o = { .batch = 1 + (uint32_t)rng_below(r, 60) };
	struct heardlog_writer *w;

	if (i == 2)
		return;
	assert_int_equal(store_heard_open(s, &o, &w), 0);
	for (unsigned k = 0; k < HEARD; k++) {
		struct heard h = model_heard(r);

		assert_int_equal(heardlog_put(w, &h, 1), 0);
	}
	assert_int_equal(heardlog_flush(w), 0);
	heardlog_close(w);
}

/* Store @i: an epoch of its own and one that it shares in time with its neighbours. */
static void make_store(unsigned i)
{
	struct rng r = rng_open(100 + i);
	char path[2 * TEMPDIR_MAX];
	struct store *s;

	path_of("from", i, path);
	s = open_store(path, STORE_CREATE);
	for (unsigned e = 0; e < 2; e++) {
		const struct store_writer_opts opts = { .batch_records =
								1 + (unsigned)rng_below(&r, 300),
							.disk_floor_bytes = 1,
							.bucket_s = e ? 600 : 3600 };
		struct store_writer *w;
		uint32_t id;

		assert_int_equal(store_writer_new(s, &opts, &w), 0);
		assert_int_equal(store_epoch_begin(s, 1700000000 + 50000 * (e + i / 2), i % 2, &id),
				 0);
		for (unsigned k = 0; k < SIGHTINGS / 2; k++) {
			struct sighting one = model_sighting(&r, 250);

			assert_int_equal(store_writer_put(w, &one, 1), 0);
			if (i != 1)
				put_listing(w, &r, &one);
		}
		assert_int_equal(store_writer_flush(w), 0);
		if (e == 0 || i % 2)
			assert_int_equal(store_epoch_end(s, id, 1700100000 + i, "{\"a\":1}", 7), 0);
		store_writer_free(w);
		if (i % 3 == 0)
			assert_int_equal(store_compact(s), 0);
	}
	put_heard(s, &r, i);
	store_close(s);
}

/* ---- a store as one number ------------------------------------------------------------ */

static void hash_tables(struct store *s, XXH3_state_t *x)
{
	struct span key, val;
	struct kv_txn *txn;

	assert_int_equal(kv_begin(s->kv, false, &txn), 0);
	for (unsigned t = 0; t < KV_TABLES; t++) {
		struct kv_cursor *c;

		assert_int_equal(kv_cursor_open(txn, (enum kv_table)t, &c), 0);
		while (kv_cursor_next(c, &key, &val) == 1) {
			/* Which run of segments: how often this directory was merged into. */
			if (t == KV_META && span_equal(key, SPAN_LIT("run")))
				continue;
			XXH3_64bits_update(x, &t, sizeof(t));
			XXH3_64bits_update(x, key.ptr, key.len);
			XXH3_64bits_update(x, val.ptr, val.len);
		}
		kv_cursor_close(c);
	}
	kv_abort(txn);
}

static void hash_file(int dir, const char *name, XXH3_state_t *x)
{
	int fd = openat(dir, name, O_RDONLY);
	char buf[4096];
	ssize_t n;

	assert_true(fd >= 0);
	XXH3_64bits_update(x, name, strlen(name));
	while ((n = read(fd, buf, sizeof(buf))) > 0)
		XXH3_64bits_update(x, buf, (size_t)n);
	close(fd);
}

/* All segments in the folder, by name. */
static void hash_segments(int dir_fd, int at_least, XXH3_state_t *x)
{
	struct dirent **names;
	int n = scandirat(dir_fd, ".", &names, NULL, alphasort), segments = 0;

	for (int i = 0; i < n; i++) {
		if (strstr(names[i]->d_name, ".seg")) {
			hash_file(dir_fd, names[i]->d_name, x);
			segments++;
		}
		free(names[i]);
	}
	free(names);
	assert_true(segments >= at_least);
}

static uint64_t digest(const char *path)
{
	XXH3_state_t *x = XXH3_createState();
	struct store *s = open_store(path, STORE_WRITE);
	uint64_t sum;
	int heard;

	XXH3_64bits_reset(x);
	hash_tables(s, x);
	assert_true(s->seg_io.dir_fd >= 0);
	hash_segments(s->seg_io.dir_fd, 1, x);
	heard = openat(s->dir_fd, "heard", O_RDONLY | O_DIRECTORY);
	assert_true(heard >= 0);
	hash_segments(heard, 1, x);
	close(heard);
	assert_int_not_equal(faccessat(s->dir_fd, "heard.new", F_OK, 0), 0);
	store_close(s);
	sum = XXH3_64bits_digest(x);
	XXH3_freeState(x);
	return sum;
}

/* ---- shuffles --------------------------------------------------------------------------- */

static void merge(const char *into, char parts[][2 * TEMPDIR_MAX], unsigned count)
{
	struct store *s = open_store(into, STORE_CREATE);
	const char *list[PARTS_MAX];
	char why[256];

	for (unsigned i = 0; i < count; i++)
		list[i] = parts[i];
	if (store_merge(s, list, count, NULL, why) < 0)
		fail_msg("%s", why);
	store_close(s);
}

static void merge_all(const char *into)
{
	char parts[PARTS_MAX][2 * TEMPDIR_MAX];

	for (unsigned i = 0; i < STORES; i++)
		path_of("from", i, parts[i]);
	merge(into, parts, STORES);
}

/* Steps of one to three parts each, intermediate stores among them, until all are in. */
static void merge_somehow(struct rng *r, unsigned number, const char *into)
{
	unsigned in = 0, steps = 0, middles = 0;

	while (in != (1u << STORES) - 1 || rng_below(r, 3) == 0) {
		char parts[PARTS_MAX][2 * TEMPDIR_MAX], middle[2 * TEMPDIR_MAX];
		unsigned count = 1 + (unsigned)rng_below(r, 3);

		for (unsigned i = 0; i < count; i++) {
			unsigned pick = (unsigned)rng_below(r, STORES);

			path_of("from", pick, parts[i]);
			in |= 1u << pick;
		}
		if (rng_below(r, 3) == 0) { /* first among themselves */
			path_of("middle", number * 100 + middles++, middle);
			merge(middle, parts, count);
			memcpy(parts[0], middle, sizeof(middle));
			count = 1;
		}
		merge(into, parts, count);
		assert_true(++steps < 100);
	}
	while (middles--) {
		char middle[2 * TEMPDIR_MAX];

		path_of("middle", number * 100 + middles, middle);
		tempdir_remove(middle);
	}
}

static void any_order_any_nesting(void **state)
{
	const char *more = getenv("DT_SHUFFLES");
	unsigned shuffles = more ? (unsigned)atoi(more) : SHUFFLES;
	char whole[2 * TEMPDIR_MAX], into[2 * TEMPDIR_MAX];
	struct rng r = rng_open(1);
	uint64_t want;

	(void)state;
	for (unsigned i = 0; i < STORES; i++)
		make_store(i);
	path_of("whole", 0, whole);
	merge_all(whole);
	want = digest(whole);
	merge_all(whole); /* once more into itself */
	assert_int_equal(digest(whole), want);
	for (unsigned n = 0; n < shuffles; n++) {
		path_of("into", n, into);
		merge_somehow(&r, n, into);
		if (digest(into) != want)
			fail_msg("shuffle %u differs", n);
		tempdir_remove(into);
	}
	print_message("# %u shuffles of %d stores\n", shuffles, STORES);
}

/* Every message as often as the one store that has it most often, by time. */
static void heard_as_often(void **state)
{
	unsigned want[300] = { 0 }, got[300] = { 0 };
	struct heardlog_reader *r;
	uint64_t last_ms = 0;
	struct heard h;
	int rc;

	(void)state;
	for (unsigned i = 0; i <= STORES; i++) {
		unsigned times[300] = { 0 };
		char path[2 * TEMPDIR_MAX];
		struct store *s;

		path_of(i < STORES ? "from" : "whole", i < STORES ? i : 0, path);
		s = open_store(path, STORE_READ);
		rc = heardlog_read(s->dir_fd, &r);
		store_close(s);
		if (rc == DT_ENOTFOUND)
			continue;
		assert_int_equal(rc, 0);
		while ((rc = heardlog_next(r, &h)) == 1) {
			assert_true(i < STORES || h.when_ms >= last_ms);
			last_ms = i < STORES ? 0 : h.when_ms;
			times[h.bytes]++;
		}
		assert_int_equal(rc, 0);
		heardlog_end(r);
		for (unsigned n = 0; n < 300; n++) {
			if (i < STORES)
				want[n] = times[n] > want[n] ? times[n] : want[n];
			else
				got[n] = times[n];
		}
	}
	assert_memory_equal(got, want, sizeof(want));
}

/* The merged store says what the model of all sightings says, and its log has all marks. */
static void nothing_is_lost(void **state)
{
	char whole[2 * TEMPDIR_MAX], parts[1][2 * TEMPDIR_MAX];
	const struct store_log_opts all = { .columns = STORE_LOG_ALL };
	struct store_counts counts;
	struct store_log_block b;
	struct store_edges *e;
	struct store_epoch epoch;
	struct store_view *v;
	struct store_log *l;
	struct store *s;
	uint64_t marks = 0;

	(void)state;
	path_of("whole", 0, whole);
	s = open_store(whole, STORE_READ);
	assert_int_equal(store_view_open(s, &v), 0);
	assert_int_equal(store_view_counts(v, &counts), 0);
	assert_int_equal(counts.epochs, 2 * STORES); /* each by its start and its vantage */
	for (uint32_t i = 1; i <= counts.epochs; i++)
		assert_int_equal(store_view_epoch(v, i, &epoch, NULL, 0), 0);
	assert_int_equal(store_log_open(v, &all, &l), 0);
	while (store_log_next(l, &b) == 1)
		for (uint32_t i = 0; i < b.count; i++, marks++)
			assert_true(b.ordinal[i] < counts.nodes);
	assert_true(marks > STORES * SIGHTINGS / 3);
	store_log_close(l);
	assert_int_equal(store_edges_open(v, 0, &e), 0);
	store_edges_close(e);
	store_view_close(v);
	store_close(s);
	path_of("none", 0, parts[0]);
	s = open_store(whole, STORE_WRITE);
	{
		const char *list[1] = { parts[0] };
		char why[256];

		assert_int_equal(store_merge(s, list, 1, NULL, why), DT_ENOTFOUND);
		assert_non_null(strstr(why, "none0"));
	}
	store_close(s);
}

/* How far each vantage's segments have come is in the tables of the merged store. */
static void marks_of_vantages(void **state)
{
	char path[2 * TEMPDIR_MAX];
	unsigned marks = 0;
	struct span key, val;
	struct kv_cursor *c;
	struct kv_txn *txn;
	struct store *s;

	(void)state;
	path_of("whole", 0, path);
	s = open_store(path, STORE_READ);
	assert_int_equal(kv_begin(s->kv, false, &txn), 0);
	assert_int_equal(kv_cursor_open(txn, KV_META, &c), 0);
	while (kv_cursor_next(c, &key, &val) == 1) {
		struct vantage_mark m;

		if (!vantage_is_mark(key))
			continue;
		assert_int_equal(vantage_decode(val, &m), 0);
		assert_true(m.run == 1 && m.segment >= 1 && m.chunk >= 1);
		marks++;
	}
	assert_int_equal(marks, STORES);
	kv_cursor_close(c);
	kv_abort(txn);
	store_close(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(any_order_any_nesting),
		cmocka_unit_test(heard_as_often),
		cmocka_unit_test(nothing_is_lost),
		cmocka_unit_test(marks_of_vantages),
	};

	return cmocka_run_group_tests(tests, make_base, remove_base);
}
