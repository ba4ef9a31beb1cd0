/* SPDX-License-Identifier: MIT */
#include "store/heardlog.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "proto/sighting.h"
#include "store/heardtally.h"
#include "tests/support/rng.h"
#include "tests/support/tempdir.h"
#include "tests/support/unit.h"

static char dir[TEMPDIR_MAX];
static int dir_fd;

static void open_dir(void)
{
	tempdir_make(dir);
	dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(dir_fd >= 0);
}

static void close_dir(void)
{
	close(dir_fd);
	tempdir_remove(dir);
}

/* Message @i: always the same. */
static struct heard message(uint32_t i)
{
	struct rng r = { i * 77 + 1 };
	struct heard h = { .when_ms = 1700000000000 + i * 3, .way = SIGHTING_ASKED_US };

	h.from = endpoint_ip4((uint32_t)rng_u64(&r), (uint16_t)rng_u64(&r));
	h.kind = (uint8_t)(1 + rng_below(&r, HEARD_KINDS - 1));
	h.outcome = (uint8_t)rng_below(&r, HEARD_OUTCOMES);
	h.flags = (uint8_t)rng_u64(&r);
	h.ear = (uint8_t)i;
	h.code = (int16_t)rng_u64(&r);
	h.bytes = (uint16_t)rng_u64(&r);
	h.peer_port = (uint16_t)rng_u64(&r);
	h.version_len = (uint8_t)rng_below(&r, 5);
	rng_fill(&r, h.version, sizeof(h.version));
	rng_fill(&r, h.id.b, sizeof(h.id.b));
	rng_fill(&r, h.target.b, sizeof(h.target.b));
	snprintf(h.method, sizeof(h.method), "m%u", i);
	return h;
}

static bool same(const struct heard *a, const struct heard *b)
{
	uint8_t x[HEARDLOG_ROW_BYTES], y[HEARDLOG_ROW_BYTES];

	heardlog_encode(a, x);
	heardlog_encode(b, y);
	return memcmp(x, y, sizeof(x)) == 0;
}

static void put(struct heardlog_writer *w, uint32_t from, uint32_t count)
{
	for (uint32_t i = from; i < from + count; i++) {
		struct heard h = message(i);

		assert_int_equal(heardlog_put(w, &h, 1), 0);
	}
}

/* Messages @from to @to - 1 in order and nothing else. */
static void expect(uint32_t from, uint32_t to)
{
	struct heardlog_reader *r;
	struct heard got, want;
	int rc;

	assert_int_equal(heardlog_read(dir_fd, &r), 0);
	for (uint32_t i = from; i < to; i++) {
		want = message(i);
		rc = heardlog_next(r, &got);
		if (rc != 1 || !same(&got, &want))
			fail_msg("message %u: %d", i, rc);
	}
	assert_int_equal(heardlog_next(r, &got), 0);
	assert_int_equal(heardlog_next(r, &got), 0);
	heardlog_end(r);
}

static unsigned files(void)
{
	char path[TEMPDIR_MAX + 8];
	struct dirent *e;
	unsigned n = 0;
	DIR *d;

	snprintf(path, sizeof(path), "%s/heard", dir);
	d = opendir(path);
	assert_non_null(d);
	while ((e = readdir(d)) != NULL)
		n += e->d_name[0] != '.';
	closedir(d);
	return n;
}

static struct heardlog_writer *writer(uint32_t batch, uint64_t max_bytes)
{
	struct heardlog_opts o = { .batch = batch, .max_bytes = max_bytes };
	struct heardlog_writer *w;

	assert_int_equal(heardlog_open(dir_fd, &o, &w), 0);
	return w;
}

static void test_what_was_flushed_is_there(void **state)
{
	struct heardlog_reader *r;
	struct heardlog_writer *w;

	(void)state;
	open_dir();
	assert_int_equal(heardlog_read(dir_fd, &r), DT_ENOTFOUND);
	w = writer(0, 0);
	assert_int_equal(heardlog_flush(w), 0);
	expect(0, 0);
	put(w, 0, 20000); /* more than a block */
	expect(0, 0);     /* not sealed yet */
	assert_int_equal(heardlog_flush(w), 0);
	expect(0, 20000);
	put(w, 20000, 10);
	heardlog_close(w); /* without a flush: gone, and nothing with it */
	expect(0, 20000);
	w = writer(0, 0);
	put(w, 20000, 5);
	assert_int_equal(heardlog_flush(w), 0);
	assert_int_equal(heardlog_flush(w), 0);
	heardlog_close(w);
	expect(0, 20005);
	close_dir();
}

/* Many small files become few; a reader that was under way reads on; leftovers do not count. */
static void test_joined(void **state)
{
	char from[TEMPDIR_MAX + 40], to[TEMPDIR_MAX + 40], command[4 * TEMPDIR_MAX];
	struct heardlog_reader *r;
	struct heardlog_writer *w;
	struct heard got, want;

	(void)state;
	open_dir();
	w = writer(100, 0);
	put(w, 0, 1000);
	assert_int_equal(files(), 10);
	assert_int_equal(heardlog_read(dir_fd, &r), 0);
	for (uint32_t i = 0; i < 250; i++)
		assert_int_equal(heardlog_next(r, &got), 1);
	snprintf(from, sizeof(from), "%s/heard/00000003-00000003.seg", dir);
	snprintf(to, sizeof(to), "%s/kept", dir);
	snprintf(command, sizeof(command), "cp %s %s", from, to);
	assert_int_equal(system(command), 0);
	put(w, 1000, 650); /* the sixteenth makes them one */
	assert_true(files() <= 2);
	/* what was joined with what it had read comes too, and nothing twice */
	for (uint32_t i = 250; i < 1600; i++) {
		want = message(i);
		assert_int_equal(heardlog_next(r, &got), 1);
		assert_true(same(&got, &want));
	}
	assert_int_equal(heardlog_next(r, &got), 0);
	put(w, 1650, 50);
	for (uint32_t i = 1600; i < 1700; i++) {
		want = message(i);
		assert_int_equal(heardlog_next(r, &got), 1);
		assert_true(same(&got, &want));
	}
	assert_int_equal(heardlog_next(r, &got), 0);
	heardlog_end(r);
	expect(0, 1700);
	/* A crash between the joining and the removal. */
	snprintf(command, sizeof(command), "cp %s %s; : >%s/heard/00000099-00000099.seg.tmp", to,
		 from, dir);
	assert_int_equal(system(command), 0);
	expect(0, 1700);
	heardlog_close(w);
	w = writer(100, 0); /* the next writer sweeps */
	assert_true(files() <= 2);
	put(w, 1700, 100);
	expect(0, 1800);
	heardlog_close(w);
	close_dir();
}

static void test_the_oldest_go(void **state)
{
	struct heardlog_writer *w;
	struct heardlog_reader *r;
	struct heard got;
	uint32_t first;

	(void)state;
	open_dir();
	w = writer(1000, 300000);
	put(w, 0, 12000);
	assert_true(heardlog_dropped(w) > 0);
	assert_int_equal(heardlog_read(dir_fd, &r), 0);
	assert_int_equal(heardlog_next(r, &got), 1);
	first = (uint32_t)((got.when_ms - 1700000000000) / 3);
	heardlog_end(r);
	assert_true(first > 0 && first % 1000 == 0);
	expect(first, 12000);
	heardlog_close(w);
	close_dir();
}

static void test_damage_is_told(void **state)
{
	char path[TEMPDIR_MAX + 40];
	struct heardlog_writer *w;
	struct heardlog_reader *r;
	struct heard got;
	FILE *f;
	int rc;

	(void)state;
	open_dir();
	w = writer(1000, 0);
	put(w, 0, 1000);
	heardlog_close(w);
	snprintf(path, sizeof(path), "%s/heard/00000001-00000001.seg", dir);
	f = fopen(path, "r+");
	fseek(f, 500, SEEK_SET);
	fputc(fgetc(f) ^ 0xff, f);
	fclose(f);
	assert_int_equal(heardlog_read(dir_fd, &r), 0);
	while ((rc = heardlog_next(r, &got)) == 1)
		;
	assert_int_equal(rc, DT_ECORRUPT);
	heardlog_end(r);
	assert_int_equal(truncate(path, 600), 0);
	assert_int_equal(heardlog_read(dir_fd, &r), 0);
	assert_true(heardlog_next(r, &got) < 0);
	heardlog_end(r);
	close_dir();
}

static void test_rows_of_rubbish(void **state)
{
	struct rng r = rng_open(3);
	uint8_t row[HEARDLOG_ROW_BYTES], again[HEARDLOG_ROW_BYTES];
	unsigned good = 0;
	struct heard h;

	(void)state;
	for (unsigned i = 0; i < 200000; i++) {
		rng_fill(&r, row, sizeof(row));
		row[32] %= 16;
		row[33] %= 8;
		row[35] %= 5;
		row[37] %= 6;
		row[97] = (uint8_t)(row[97] & 1);
		if (heardlog_decode(row, &h) < 0)
			continue;
		heardlog_encode(&h, again);
		assert_memory_equal(row, again, sizeof(row));
		good++;
	}
	assert_true(good > 1000);
}

/* ---- counted -------------------------------------------------------------------------- */

static struct heard announce(uint32_t torrent, uint32_t peer, bool good)
{
	struct heard h = { .when_ms = 1700000000000 + peer,
			   .from = endpoint_ip4(0x05060708 + peer, 6881),
			   .kind = HEARD_ANNOUNCE_PEER,
			   .outcome = good ? HEARD_ANSWERED : HEARD_ANSWERED_ERROR,
			   .flags = (uint8_t)(HEARD_HAS_TARGET | (good ? 0 : HEARD_BAD_TOKEN)),
			   .way = SIGHTING_ASKED_US,
			   .version_len = 4,
			   .version = { 'L', 'T', 2, 8 },
			   .peer_port = 6881 };

	memcpy(h.target.b, &torrent, sizeof(torrent));
	return h;
}

static void test_tally(void **state)
{
	struct heardlog_writer *w;
	struct store_view *view;
	struct heardtally t;
	struct store *s;
	char why[256];

	(void)state;
	open_dir();
	assert_int_equal(store_open(dir, STORE_CREATE, &s, why), 0);
	assert_int_equal(store_view_open(s, &view), 0);
	assert_int_equal(heardtally(s, view, &t), 0);
	w = writer(0, 0);
	for (uint32_t torrent = 0; torrent < 3000; torrent++)
		for (uint32_t k = 0; k < (torrent < 30 ? 30 - torrent : 1); k++) {
			struct heard h = announce(torrent, k, torrent != 5);

			if (torrent >= 100)
				h.kind = HEARD_GET_PEERS;
			assert_int_equal(heardlog_put(w, &h, 1), 0);
			assert_int_equal(heardlog_put(w, &h, 1),
					 0); /* twice: one peer all the same */
		}
	assert_int_equal(heardlog_flush(w), 0);
	assert_int_equal(heardtally(s, view, &t), 1);
	assert_int_equal(t.infohashes, 3000);
	assert_int_equal(t.announced, 100);
	assert_int_equal(t.messages[HEARD_GET_PEERS], 2 * 2900);
	assert_int_equal(t.all, t.messages[HEARD_GET_PEERS] + t.messages[HEARD_ANNOUNCE_PEER]);
	assert_int_equal(t.torrent_rows, HEARDTALLY_TOP);
	for (unsigned i = 0; i < 5; i++) {
		assert_int_equal(t.torrents[i].hash.b[0], i);
		assert_int_equal(t.torrents[i].peers, 30 - i);
		assert_int_equal(t.torrents[i].announces, 2 * (30 - i));
	}
	assert_int_equal(t.torrents[5].hash.b[0],
			 6); /* 5's tokens were bad: nobody is known there */
	assert_int_equal(t.client_rows, 1);
	assert_string_equal(t.clients[0].name, "libtorrent");
	assert_int_equal(t.network_rows, 1);
	heardlog_close(w);
	store_view_close(view);
	store_close(s);
	close_dir();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_was_flushed_is_there),
		cmocka_unit_test(test_joined),
		cmocka_unit_test(test_the_oldest_go),
		cmocka_unit_test(test_damage_is_told),
		cmocka_unit_test(test_rows_of_rubbish),
		cmocka_unit_test(test_tally),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
