/* SPDX-License-Identifier: MIT */
#include "tests/support/unit.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/json_check.h"
#include "tests/support/rng.h"
#include "viz/feed.h"

enum { STARTED_S = 1795240800 };

static struct feed_seen seen(uint32_t n)
{
	struct feed_seen s = { .way = n % 3 == 2 ? SIGHTING_ASKED_US : SIGHTING_ANSWERED,
			       .seen_s = STARTED_S + n };

	s.node.key.bits = 160;
	memcpy(s.node.key.b, &n, sizeof(n));
	s.node.ep = endpoint_ip4(0x0b000000 + n, 6881);
	s.node.asn = n % 7;
	memcpy(s.node.country, n % 2 ? "DE" : "FR", 3);
	memcpy(s.node.version, "LT\2\10", 4);
	s.node.version_len = n % 5 ? 4 : 0;
	return s;
}

static void put(struct feed *f, uint32_t from, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		struct feed_seen s = seen(from + i);

		feed_put(f, &s, 1);
	}
}

static struct feed *feed_of(unsigned items)
{
	struct feed *f;

	assert_int_equal(feed_new(items, STARTED_S, &f), 0);
	return f;
}

/* All that a reader gets now, NUL at the end; the caller frees. */
static char *read_all(struct feed *f, struct feed_reader *r)
{
	char *text = calloc(1, 1 << 22);
	size_t len = 0;

	assert_non_null(text);
	while (feed_pending(f, r))
		len += feed_read(f, r, text + len, FEED_CHUNK_MIN + 700);
	return text;
}

static unsigned lines(const char *text, const char *with)
{
	unsigned n = 0;

	for (const char *at = text; *at; at = strchr(at, '\n') + 1) {
		const char *end = strchr(at, '\n'), *hit = strstr(at, with);

		n += hit && hit < end;
	}
	return n;
}

/* The seed's four keys come first, in its order; then ours; every line is JSON. */
static void test_a_line(void **state)
{
	struct feed *f = feed_of(16);
	struct feed_reader r = feed_reader_from(f, 0);
	char *text;

	(void)state;
	put(f, 1, 1);
	text = read_all(f, &r);
	assert_string_equal(text,
			    "{\"peerID\":\"0100000000000000000000000000000000000000\","
			    "\"addresses\":[\"/ip4/11.0.0.1/udp/6881\"],\"protocols\":[\"bep5\"],"
			    "\"agentVersion\":\"libtorrent 2.8\",\"seen\":1795240801,"
			    "\"way\":\"answered\",\"class\":\"normal\","
			    "\"asn\":1,\"country\":\"DE\","
			    "\"seq\":1882446417100801}\n");
	free(text);
	feed_free(f);
}

/* Versions are anybody's bytes, addresses are of both families: still one line of JSON. */
static void test_hostile_lines(void **state)
{
	static const char *const versions[] = { "\n\n\n\n", "\"}{\"", "\xff\xfe\0\0", "\\u00",
						"</sc" };
	struct feed *f = feed_of(16);
	struct feed_reader r = feed_reader_from(f, 0);

	(void)state;
	for (unsigned i = 0; i < 5; i++) {
		struct feed_seen s = seen(i);
		char *text;

		memcpy(s.node.version, versions[i], 4);
		s.node.version_len = 4;
		memset(s.node.ep.addr, 0x20 + (int)i, 16);
		feed_put(f, &s, 1);
		text = read_all(f, &r);
		assert_ptr_equal(strchr(text, '\n'), text + strlen(text) - 1);
		assert_true(strstr(text, "[\"/ip6/"));
		text[strlen(text) - 1] = 0;
		assert_true(json_check(text, strlen(text)));
		free(text);
	}
	feed_free(f);
}

/* Who is overtaken is told of exactly what is missing; nobody else is. */
static void test_gap(void **state)
{
	struct feed *f = feed_of(64);
	struct feed_reader slow = feed_reader_from(f, 0), quick = feed_reader_from(f, 0);
	unsigned got = 0;
	char *text;

	(void)state;
	for (uint32_t i = 0; i < 1000; i += 50) {
		put(f, i, 50);
		text = read_all(f, &quick);
		got += lines(text, "peerID");
		assert_int_equal(lines(text, "gap"), 0);
		free(text);
	}
	assert_int_equal(got, 1000);
	text = read_all(f, &slow);
	assert_int_equal(lines(text, "peerID"), 64);
	assert_int_equal(lines(text, "{\"type\":\"gap\",\"dropped\":936,"), 1);
	assert_int_equal(slow.dropped, 936);
	assert_true(strncmp(text, "{\"type\":\"gap\"", 13) == 0);
	free(text);
	feed_free(f);
}

/* Left and come back behind any line: every line once. */
static void test_resume(void **state)
{
	struct rng g = { 11 };
	struct feed *f = feed_of(4096);
	struct feed_reader r = feed_reader_from(f, 0);
	uint64_t last = feed_head(f) - 1;
	uint32_t written = 0;

	(void)state;
	for (unsigned round = 0; round < 200; round++) {
		char *text, *at;
		uint32_t n = (uint32_t)rng_below(&g, 60);

		put(f, written, n);
		written += n;
		text = read_all(f, &r);
		for (at = strstr(text, "\"seq\":"); at; at = strstr(at + 6, "\"seq\":"))
			assert_int_equal(strtoull(at + 6, NULL, 10), ++last);
		free(text);
		r = feed_reader_from(f, last);
	}
	assert_int_equal(feed_written(f), written);
	assert_int_equal(last, feed_head(f) - 1);
	feed_free(f);
}

/* A number of an earlier run: all there is of this one, and a word that it is another. */
static void test_restarted(void **state)
{
	struct feed *f = feed_of(64);
	struct feed_reader r;
	char *text;

	(void)state;
	put(f, 0, 10);
	r = feed_reader_from(f, (uint64_t)(STARTED_S - 100) << FEED_SEQ_SHIFT | 77);
	text = read_all(f, &r);
	assert_int_equal(lines(text, "\"dropped\":0,\"restarted\":true"), 1);
	assert_int_equal(lines(text, "peerID"), 10);
	free(text);
	/* one that is yet to come is no cursor: from now on */
	r = feed_reader_from(f, UINT64_MAX);
	assert_false(feed_pending(f, &r));
	feed_free(f);
}

static const struct {
	const char *where;
	uint8_t ways;
	unsigned want; /* of 210 */
} filters[] = {
	{ "asn=3", 0, 30 },
	{ "country=FR", 0, 105 },
	{ "country=FR,asn=2", 0, 15 },
	{ "client=libtorrent", 0, 168 },
	{ "prefix=11.0.0.0/25", 0, 128 },
	{ "", 1 << SIGHTING_ASKED_US, 70 },
	{ "", 1 << SIGHTING_TAPPED, 0 },
	{ "asn=1", 1 << SIGHTING_ANSWERED, 20 },
};

static void test_filters(void **state)
{
	struct feed *f = feed_of(256);
	uint64_t since = feed_head(f) - 1;

	(void)state;
	put(f, 0, 210);
	for (size_t i = 0; i < sizeof(filters) / sizeof(*filters); i++) {
		struct feed_reader r = feed_reader_from(f, since);
		char why[256] = "", *text;

		r.ways = filters[i].ways;
		if (*filters[i].where)
			assert_int_equal(export_where_add(&r.where, filters[i].where, why), 0);
		r.next = since + 1;
		text = read_all(f, &r);
		if (lines(text, "peerID") != filters[i].want)
			fail_msg("%s ways %u: %u", filters[i].where, filters[i].ways,
				 lines(text, "peerID"));
		free(text);
	}
	feed_free(f);
}

/* ---- many at once --------------------------------------------------------------------- */

enum { READERS = 4, LINES = 40000 };

struct reading {
	struct feed *f;
	struct feed_reader r;
	uint64_t got, told;
	_Atomic bool *over;
};

static void *read_on(void *arg)
{
	struct reading *m = arg;
	char chunk[8192];
	uint64_t last = m->r.next - 1;
	bool over;

	do {
		size_t len;

		over = atomic_load(m->over);
		len = feed_read(m->f, &m->r, chunk, sizeof(chunk) - 1);
		chunk[len] = 0;
		for (char *at = chunk; *at; at = strchr(at, '\n') + 1) {
			uint64_t seq = strtoull(strstr(at, "\"seq\":") + 6, NULL, 10);

			if (!strncmp(at, "{\"type\"", 7))
				m->told += seq - last;
			else
				m->got += seq == last + 1;
			last = seq;
		}
	} while (!over || feed_pending(m->f, &m->r));
	return NULL;
}

/* Written while read: what was written is what was got and what was told to be lost. */
static void test_threads(void **state)
{
	_Atomic bool over = false;
	struct feed *f = feed_of(1024);
	struct reading m[READERS];
	pthread_t t[READERS];

	(void)state;
	for (unsigned i = 0; i < READERS; i++) {
		m[i] = (struct reading){ .f = f, .r = feed_reader_from(f, 0), .over = &over };
		assert_int_equal(pthread_create(&t[i], NULL, read_on, &m[i]), 0);
	}
	put(f, 0, LINES);
	atomic_store(&over, true);
	for (unsigned i = 0; i < READERS; i++) {
		pthread_join(t[i], NULL);
		assert_int_equal(m[i].got + m[i].told, LINES);
		assert_int_equal(m[i].told, m[i].r.dropped);
	}
	feed_free(f);
}

static void test_sizes(void **state)
{
	struct feed *f;

	(void)state;
	assert_int_equal(feed_new(0, 1, &f), -EINVAL);
	assert_int_equal(feed_new(100, 1, &f), -EINVAL);
	feed_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_line),    cmocka_unit_test(test_hostile_lines),
		cmocka_unit_test(test_gap),       cmocka_unit_test(test_resume),
		cmocka_unit_test(test_restarted), cmocka_unit_test(test_filters),
		cmocka_unit_test(test_threads),   cmocka_unit_test(test_sizes),
	};

	return cmocka_run_group_tests_name("viz/feed", tests, NULL, NULL);
}
