/* SPDX-License-Identifier: MIT */
#include "tests/support/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "store/heardlog.h"
#include "store/inside.h"
#include "store/record.h"
#include "store/store.h"
#include "tests/support/store_model.h"
#include "tests/support/tempdir.h"

/* A store with everything in it, damaged in one way at a time: each is said. */

struct said {
	char all[8192];
};

static void take_line(void *ctx, const char *line)
{
	struct said *h = ctx;

	strncat(h->all, line, sizeof(h->all) - strlen(h->all) - 2);
	strcat(h->all, "\n");
}

enum { MESSAGES = 500 };

static void fill_heard(struct store *s)
{
	const struct heardlog_opts o = { .batch = 0 };
	struct heardlog_writer *w;

	assert_int_equal(store_heard_open(s, &o, &w), 0);
	for (uint32_t i = 0; i < MESSAGES; i++) {
		struct heard h = { .when_ms = 1700000000000 + i,
				   .from = endpoint_ip4(i * 7919, 6881),
				   .kind = HEARD_GET_PEERS };

		assert_int_equal(heardlog_put(w, &h, 1), 0);
	}
	assert_int_equal(heardlog_flush(w), 0);
	heardlog_close(w);
}

static void fill(struct store *s)
{
	const struct store_writer_opts opts = { .disk_floor_bytes = 1 };
	struct rng r = rng_open(3);
	struct store_writer *w;
	uint32_t id;

	assert_int_equal(store_writer_new(s, &opts, &w), 0);
	for (unsigned e = 0; e < 2; e++) {
		assert_int_equal(store_epoch_begin(s, 1700000000 + e, true, &id), 0);
		for (unsigned i = 0; i < 300; i++) {
			struct sighting one = model_sighting(&r, 300);
			struct listing l = { .when_ms = one.when_ms,
					     .id = nodekey_to_id(&one.key),
					     .from = one.from,
					     .count = 1,
					     .contacts[0].ep = endpoint_ip4(i, 7) };

			assert_int_equal(store_writer_put(w, &one, 1), 0);
			assert_int_equal(store_writer_list(w, &l, 1), 0);
		}
		assert_int_equal(store_writer_flush(w), 0);
		assert_int_equal(store_epoch_end(s, id, 1700000010, "{}", 2), 0);
		if (e == 0)
			assert_int_equal(store_seal(s), 0); /* the second waits */
	}
	store_writer_free(w);
	fill_heard(s);
}

static void put_raw(struct store *s, enum kv_table table, struct span key, struct span val)
{
	struct kv_txn *t;

	assert_int_equal(kv_begin(s->kv, true, &t), 0);
	assert_int_equal(kv_put(t, table, key, val), 0);
	assert_int_equal(kv_commit(t), 0);
}

/* A node that was never there, with this ordinal; its address in the index or not. */
static void add_node(struct store *s, uint32_t ordinal, bool indexed)
{
	struct record rec = { .ways = 1, .ordinal = ordinal };
	struct nodeid id = { .b = { 0xab, 0xcd } };
	struct endpoint ep = endpoint_ip4(0x63636363, 99);
	uint8_t key[RECORD_KEY_MAX], addr[ENDPOINT_COMPACT6], val[RECORD_BYTES];

	record_encode(&rec, val);
	put_raw(s, KV_NODES4, span_of(key, record_key(&id, &ep, key)), span_of(val, sizeof(val)));
	if (indexed)
		put_raw(s, KV_ADDR4, span_of(addr, record_addr(&ep, addr)), span_of(id.b, 4));
}

static void no_index(struct store *s)
{
	add_node(s, UINT32_MAX - 1, false);
}

static void twice_an_ordinal(struct store *s)
{
	add_node(s, 0, true);
}

static void short_node(struct store *s)
{
	put_raw(s, KV_NODES4, SPAN_LIT("aaaaaaaaaaaaaaaaaaaaaaaaaa"), SPAN_LIT("x"));
}

static void address_of_nobody(struct store *s)
{
	put_raw(s, KV_ADDR4, SPAN_LIT("abcdef"), SPAN_LIT("none"));
}

static void short_contact(struct store *s)
{
	put_raw(s, KV_MENTIONED4, SPAN_LIT("abcdef"), SPAN_LIT("none"));
}

static void missing_epoch(struct store *s)
{
	uint8_t head[28] = { 2 };

	put_raw(s, KV_EPOCHS, SPAN_LIT("\0\0\0\7"), span_of(head, sizeof(head)));
}

static void long_name(struct store *s)
{
	char name[200];

	memset(name, 'n', sizeof(name));
	put_raw(s, KV_ORGS, SPAN_LIT("\0\0\0\7"), span_of(name, sizeof(name)));
}

static void damaged_chunk(struct store *s)
{
	put_raw(s, KV_PENDING, SPAN_LIT("\1\0\0\0\0\0\0\0"), SPAN_LIT("DTL and more"));
}

static void missing_segment(struct store *s)
{
	assert_int_equal(unlinkat(s->seg_io.dir_fd, "00000002.seg", 0), 0);
}

static void flip_in(int dir_fd, const char *name, off_t at)
{
	int fd = openat(dir_fd, name, O_RDWR);
	uint8_t byte;

	assert_int_equal(pread(fd, &byte, 1, at), 1);
	byte ^= 1;
	assert_int_equal(pwrite(fd, &byte, 1, at), 1);
	close(fd);
}

static void flip(struct store *s, const char *name, off_t at)
{
	flip_in(s->seg_io.dir_fd, name, at);
}

static void flipped_heard(struct store *s)
{
	flip_in(s->dir_fd, "heard/00000001-00000001.seg", 200);
}

static void cut_heard(struct store *s)
{
	int fd = openat(s->dir_fd, "heard/00000001-00000001.seg", O_RDWR);

	assert_int_equal(ftruncate(fd, 60), 0);
	close(fd);
}

static void flipped_log(struct store *s)
{
	flip(s, "00000002.seg", 100);
}

static void flipped_edges(struct store *s)
{
	flip(s, "00000001.seg", 200);
}

static void cut_segment(struct store *s)
{
	int fd = openat(s->seg_io.dir_fd, "00000002.seg", O_RDWR);

	assert_int_equal(ftruncate(fd, 60), 0);
	close(fd);
}

static void flipped_manifest(struct store *s)
{
	flip(s, "MANIFEST", 30);
}

static void missing_manifest(struct store *s)
{
	assert_int_equal(unlinkat(s->seg_io.dir_fd, "MANIFEST", 0), 0);
}

static void old_manifest(struct store *s)
{
	struct segset old;

	assert_int_equal(segset_copy(&s->segs, &old), 0);
	assert_int_equal(store_seal(s), 0);
	assert_int_equal(segset_save(&s->seg_io, &old), 0);
	segset_fini(&old);
}

static void damage_is_said(void **state)
{
	static const struct {
		const char *name;
		void (*damage)(struct store *s);
		const char *says;
	} rows[] = {
		{ "nothing", NULL, "" },
		{ "a node without index", no_index, "in no index" },
		{ "an ordinal beyond all", no_index, "ordinal 4294967294 of" },
		{ "an ordinal twice", twice_an_ordinal, "another's too" },
		{ "a short node", short_node, "node" },
		{ "an address of nobody", address_of_nobody, "names no node" },
		{ "a short contact", short_contact, "contact" },
		{ "a gap among epochs", missing_epoch, "epoch 7 stands where" },
		{ "a name too long", long_name, "a name that is none" },
		{ "a damaged chunk", damaged_chunk, "pending: a chunk is damaged" },
		{ "a missing segment", missing_segment, "segment 00000002.seg: missing; lost" },
		{ "a bit of the log", flipped_log, "others than were written" },
		{ "a bit of the edges", flipped_edges, "others than were written" },
		{ "a bit of what was heard", flipped_heard, "a block of 500 messages is damaged" },
		{ "what was heard, cut", cut_heard, "heard 00000001-00000001.seg" },
		{ "a cut segment", cut_segment, "segment 00000002.seg" },
		{ "a bit of the manifest", flipped_manifest, "MANIFEST" },
		{ "no manifest", missing_manifest, "MANIFEST: missing" },
		{ "an old manifest", old_manifest, "an old one" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct said heard = { .all = "" };
		const struct store_check_opts opts = { .problem = take_line, .ctx = &heard };
		char dir[TEMPDIR_MAX];
		uint64_t problems;
		struct store *s;

		assert_int_equal(store_open(tempdir_make(dir), STORE_CREATE, &s, NULL), 0);
		fill(s);
		if (rows[i].damage)
			rows[i].damage(s);
		assert_int_equal(store_check(s, &opts, &problems), 0);
		if (!strstr(heard.all, rows[i].says) || (problems != 0) != (rows[i].damage != NULL))
			fail_msg("%s: said was: %s", rows[i].name, heard.all);
		store_close(s);
		tempdir_remove(dir);
	}
}

/* A writer does not sweep away what a lost manifest named. */
static void a_lost_manifest_is_refused(void **state)
{
	char dir[TEMPDIR_MAX], path[TEMPDIR_MAX + 32], why[256];
	struct store *s;

	(void)state;
	assert_int_equal(store_open(tempdir_make(dir), STORE_CREATE, &s, NULL), 0);
	fill(s);
	missing_manifest(s);
	store_close(s);
	assert_int_equal(store_open(dir, STORE_WRITE, &s, why), DT_ECORRUPT);
	assert_non_null(strstr(why, "MANIFEST: missing"));
	snprintf(path, sizeof(path), "%s/seg/1/00000002.seg", dir);
	assert_int_equal(access(path, F_OK), 0);
	tempdir_remove(dir);
}

/* A copy taken while a writer goes on is whole. */
static void a_backup_is_sound(void **state)
{
	const struct store_check_opts quiet = { .problem = NULL };
	char dir[TEMPDIR_MAX], to[TEMPDIR_MAX + 8];
	struct store_info from_info, to_info;
	struct store *s, *copy;
	struct store_view *v;
	uint64_t problems, heard;

	(void)state;
	assert_int_equal(store_open(tempdir_make(dir), STORE_CREATE, &s, NULL), 0);
	fill(s);
	snprintf(to, sizeof(to), "%s/copy", dir);
	assert_int_equal(store_backup(s, to), 0);
	assert_int_equal(store_backup(s, to), -EEXIST);
	assert_int_equal(store_open(to, STORE_WRITE, &copy, NULL), 0);
	assert_int_equal(store_check(copy, &quiet, &problems), 0);
	assert_int_equal(problems, 0);
	assert_int_equal(store_view_open(s, &v), 0);
	assert_int_equal(store_view_info(v, &from_info), 0);
	store_view_close(v);
	assert_int_equal(store_view_open(copy, &v), 0);
	assert_int_equal(store_view_info(v, &to_info), 0);
	store_view_close(v);
	assert_true(from_info.log_marks == to_info.log_marks && from_info.edges == to_info.edges &&
		    from_info.pending_chunks == to_info.pending_chunks && to_info.edges > 0);
	assert_int_equal(store_heard_count(copy, &heard), 0);
	assert_int_equal(heard, MESSAGES);
	store_close(copy);
	store_close(s);
	tempdir_remove(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(damage_is_said),
		cmocka_unit_test(a_lost_manifest_is_refused),
		cmocka_unit_test(a_backup_is_sound),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
