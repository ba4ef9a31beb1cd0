/* SPDX-License-Identifier: MIT */
#include "tests/support/unit.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/inside.h"
#include "store/seal.h"
#include "store/store.h"
#include "tests/support/rng.h"
#include "tests/support/tempdir.h"

/*
 * Power cuts among the segments. Every operation below DIR/seg is written down by
 * the tap of sio.h while batches are sealed, edges added and joined, small segments
 * joined. Then the disk is built as it may look after a cut at each operation: as if
 * all had reached it; as if what was not synced had not; as if names had and bytes
 * only by half; as if bytes had and names not. The tables are those of the last
 * commit before. Each such store must open, be sound, and have every mark and edge
 * that was acknowledged.
 */

enum { OPS_MAX = 4096, FILES_MAX = 256, BATCH = 60, ROUNDS = 14, PATH_BYTES = TEMPDIR_MAX + 64 };

struct op {
	enum sio_kind kind;
	char name[64], to[64];
	uint64_t offset;
	uint8_t *bytes;
	size_t len;
	unsigned tables; /* which copy of the tables was in force */
};

struct tape {
	char dir[TEMPDIR_MAX], copies[TEMPDIR_MAX];
	struct op ops[OPS_MAX];
	unsigned count, copy_count;
	uint64_t nodes[ROUNDS * 4], edges[ROUNDS * 4]; /* acknowledged as of each copy */
	uint64_t nodes_now, edges_now;
};

static void write_down(void *ctx, const struct sio_op *op)
{
	struct tape *t = ctx;
	struct op *o = &t->ops[t->count++];

	assert_true(t->count <= OPS_MAX);
	*o = (struct op){
		.kind = op->kind, .offset = op->offset, .len = op->len, .tables = t->copy_count - 1
	};
	snprintf(o->name, sizeof(o->name), "%s", op->name ? op->name : "");
	snprintf(o->to, sizeof(o->to), "%s", op->to ? op->to : "");
	if (op->len) {
		o->bytes = malloc(op->len);
		memcpy(o->bytes, op->bytes, op->len);
	}
}

static void copy_file(const char *from, const char *to)
{
	int in = open(from, O_RDONLY), out = open(to, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	char buf[65536];
	ssize_t n;

	assert_true(in >= 0 && out >= 0);
	while ((n = read(in, buf, sizeof(buf))) > 0)
		assert_int_equal(write(out, buf, (size_t)n), n);
	close(in);
	close(out);
}

/* The tables as they are now; what has been acknowledged by now goes with them. */
static void keep_tables(struct tape *t)
{
	char from[PATH_BYTES], to[PATH_BYTES];

	snprintf(from, sizeof(from), "%s/state/data.mdb", t->dir);
	snprintf(to, sizeof(to), "%s/%u", t->copies, t->copy_count);
	copy_file(from, to);
	t->nodes[t->copy_count] = t->nodes_now;
	t->edges[t->copy_count] = t->edges_now;
	t->copy_count++;
}

static void put_batch(struct store_writer *w, unsigned round)
{
	struct rng r = rng_open(1000 + round);

	for (unsigned i = 0; i < BATCH; i++) {
		struct sighting s = { .when_ms = 1000 * (1700000000 + 700 * (uint64_t)round),
				      .key.bits = NODEID_BITS,
				      .from = endpoint_ip4(1 + round * BATCH + i, 7) };
		struct listing l = { .when_ms = s.when_ms, .count = 1 };

		rng_fill(&r, s.key.b, NODEID_BYTES);
		l.id = nodekey_to_id(&s.key);
		l.from = s.from;
		l.contacts[0] = (struct listing_contact){ l.id, endpoint_ip4(i + 1, 9) };
		assert_int_equal(store_writer_put(w, &s, 1), 0);
		assert_int_equal(store_writer_list(w, &l, 1), 0);
	}
}

static void record(struct tape *t)
{
	const struct store_writer_opts opts = { .disk_floor_bytes = 1 };
	const struct sio_tap tap = { write_down, t };
	struct store_writer *w;
	struct store *s;
	uint32_t epoch;

	assert_int_equal(store_open(t->dir, STORE_CREATE, &s, NULL), 0);
	assert_int_equal(store_writer_new(s, &opts, &w), 0);
	assert_int_equal(store_epoch_begin(s, 1700000000, true, &epoch), 0);
	keep_tables(t);
	s->seg_io.tap = &tap;
	for (unsigned round = 0; round < ROUNDS; round++) {
		put_batch(w, round);
		/* Tables first, then edges: the flush acknowledges both when it returns. */
		t->nodes_now += BATCH;
		assert_int_equal(store_writer_flush(w), 0);
		t->edges_now += BATCH;
		keep_tables(t);
		if (round % 3 != 1)
			assert_int_equal(store_seal(s), 0);
		keep_tables(t);
	}
	assert_int_equal(store_epoch_end(s, epoch, 1700000001, "{}", 2), 0);
	keep_tables(t);
	assert_int_equal(seal_coalesce(s), 0);
	s->seg_io.tap = NULL;
	store_writer_free(w);
	store_close(s);
}

/* ---- a disk ------------------------------------------------------------------------- */

struct file {
	char now[64], durable[64]; /* names; "" = none */
	uint8_t *bytes, *synced;
	size_t len, synced_len, torn; /* torn: what of the last write had arrived */
};

struct disk {
	struct file files[FILES_MAX];
	unsigned count;
};

static struct file *find(struct disk *d, const char *name)
{
	for (unsigned i = 0; i < d->count; i++)
		if (strcmp(d->files[i].now, name) == 0)
			return &d->files[i];
	return NULL;
}

static void forget_name(struct disk *d, const char *name)
{
	struct file *f = find(d, name);

	if (f)
		f->now[0] = '\0';
}

static void apply(struct disk *d, const struct op *o)
{
	struct file *f;

	switch (o->kind) {
	case SIO_CREATE:
		forget_name(d, o->name);
		assert_true(d->count < FILES_MAX);
		f = &d->files[d->count++];
		snprintf(f->now, sizeof(f->now), "%s", o->name);
		break;
	case SIO_WRITE:
		f = find(d, o->name);
		assert_true(f && o->offset == f->len);
		f->bytes = realloc(f->bytes, f->len + o->len);
		memcpy(f->bytes + f->len, o->bytes, o->len);
		f->torn = f->len + o->len / 2;
		f->len += o->len;
		break;
	case SIO_SYNC:
		f = find(d, o->name);
		f->synced = realloc(f->synced, f->len);
		memcpy(f->synced, f->bytes, f->len);
		f->synced_len = f->torn = f->len;
		break;
	case SIO_RENAME:
		forget_name(d, o->to);
		f = find(d, o->name);
		snprintf(f->now, sizeof(f->now), "%s", o->to);
		break;
	case SIO_SYNC_DIR:
		for (unsigned i = 0; i < d->count; i++)
			memcpy(d->files[i].durable, d->files[i].now, sizeof(d->files[i].now));
		break;
	case SIO_UNLINK:
		forget_name(d, o->name);
		break;
	}
}

static void disk_free(struct disk *d)
{
	for (unsigned i = 0; i < d->count; i++) {
		free(d->files[i].bytes);
		free(d->files[i].synced);
	}
	memset(d, 0, sizeof(*d));
}

enum cut { CUT_ALL, CUT_UNSYNCED_LOST, CUT_BYTES_TORN, CUT_NAMES_LOST, CUTS };

static void build(const struct disk *d, enum cut cut, const char *dir)
{
	for (unsigned i = 0; i < d->count; i++) {
		const struct file *f = &d->files[i];
		bool durable = cut == CUT_UNSYNCED_LOST || cut == CUT_NAMES_LOST;
		const char *name = durable ? f->durable : f->now;
		char path[PATH_BYTES + 64];
		FILE *out;
		size_t len;

		if (!name[0])
			continue;
		snprintf(path, sizeof(path), "%s/%s", dir, name);
		out = fopen(path, "we");
		assert_non_null(out);
		len = cut == CUT_UNSYNCED_LOST ? f->synced_len
		      : cut == CUT_BYTES_TORN  ? f->torn
					       : f->len;
		if (len)
			fwrite(cut == CUT_UNSYNCED_LOST ? f->synced : f->bytes, 1, len, out);
		fclose(out);
	}
}

/* ---- what must be there ----------------------------------------------------------------- */

static uint64_t marks_of(struct store *s)
{
	const struct store_log_opts opts = { .columns = 0 };
	struct store_log_block b;
	struct store_view *v;
	struct store_log *l;
	uint64_t marks = 0;

	assert_int_equal(store_view_open(s, &v), 0);
	assert_int_equal(store_log_open(v, &opts, &l), 0);
	while (store_log_next(l, &b) == 1)
		marks += b.count;
	store_log_close(l);
	store_view_close(v);
	return marks;
}

static uint64_t edges_of(struct store *s)
{
	struct store_edges *e;
	struct store_edge row;
	struct store_view *v;
	uint64_t edges = 0;
	int rc;

	assert_int_equal(store_view_open(s, &v), 0);
	rc = store_edges_open(v, 0, &e);
	store_view_close(v);
	if (rc == DT_ENOTFOUND)
		return 0;
	assert_int_equal(rc, 0);
	while (store_edges_next(e, &row) == 1)
		edges++;
	store_edges_close(e);
	return edges;
}

static void say(void *ctx, const char *line)
{
	print_message("# %s: %s\n", (const char *)ctx, line);
}

static void expect_whole(const struct tape *t, const struct disk *d, unsigned tables, enum cut cut,
			 unsigned at)
{
	char dir[TEMPDIR_MAX], path[PATH_BYTES], from[PATH_BYTES], what[64], why[256];
	const struct store_check_opts opts = { .problem = say, .ctx = what };
	uint64_t problems, marks, edges;
	struct store *s;

	snprintf(what, sizeof(what), "operation %u, cut %d, tables %u", at, cut, tables);
	tempdir_make(dir);
	snprintf(path, sizeof(path), "%s/state-1", dir);
	assert_int_equal(mkdir(path, 0700), 0);
	snprintf(path, sizeof(path), "%s/state-1/data.mdb", dir);
	snprintf(from, sizeof(from), "%s/%u", t->copies, tables);
	copy_file(from, path);
	snprintf(path, sizeof(path), "%s/state", dir);
	assert_int_equal(symlink("state-1", path), 0);
	snprintf(path, sizeof(path), "%s/seg", dir);
	assert_int_equal(mkdir(path, 0700), 0);
	snprintf(path, sizeof(path), "%s/seg/1", dir);
	assert_int_equal(mkdir(path, 0700), 0);
	build(d, cut, path);
	if (store_open(dir, STORE_WRITE, &s, why) < 0)
		fail_msg("%s: %s", what, why);
	assert_int_equal(store_check(s, &opts, &problems), 0);
	marks = marks_of(s);
	edges = edges_of(s);
	if (problems || marks != t->nodes[tables] || edges < t->edges[tables])
		fail_msg("%s: %llu problems, %llu marks of %llu, %llu edges of %llu", what,
			 (unsigned long long)problems, (unsigned long long)marks,
			 (unsigned long long)t->nodes[tables], (unsigned long long)edges,
			 (unsigned long long)t->edges[tables]);
	store_close(s);
	tempdir_remove(dir);
}

static void every_cut(void **state)
{
	static struct tape t;
	static struct disk d;
	unsigned cuts = 0;

	(void)state;
	if (access("/dev/shm", W_OK) == 0)
		setenv("TMPDIR", "/dev/shm", 0); /* which cuts there are does not depend on it */
	tempdir_make(t.dir);
	tempdir_make(t.copies);
	record(&t);
	for (unsigned k = 0; k <= t.count; k++) {
		/* The tables that the next operation had, and those of the one before. */
		unsigned next = k < t.count ? t.ops[k].tables : t.copy_count - 1;

		for (unsigned tables = k ? t.ops[k - 1].tables : next; tables <= next; tables++)
			for (unsigned cut = 0; cut < CUTS; cut++, cuts++)
				expect_whole(&t, &d, tables, (enum cut)cut, k);
		if (k < t.count)
			apply(&d, &t.ops[k]);
	}
	print_message("# %u operations, %u cuts\n", t.count, cuts);
	assert_true(t.count > 100);
	disk_free(&d);
	for (unsigned k = 0; k < t.count; k++)
		free(t.ops[k].bytes);
	tempdir_remove(t.dir);
	tempdir_remove(t.copies);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(every_cut) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
