/* SPDX-License-Identifier: MIT */
#include "tests/support/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/listing.h"
#include "store/store.h"
#include "tests/support/tempdir.h"
#include "viz/export_graph_store.h"

/**
 * DOC: the graph of one census, and of two as one, against what was put: who
 * listed whom is a function of the two and of the census.
 */

enum { NOON_S = 1795262400, HOUR_S = 3600, NODES = 60, HEARD = 40, CENSUSES = 2 };

struct fixture {
	char dir[TEMPDIR_MAX];
	struct store *s;
	struct store_view *v;
};

/* Ids rise with i but for their first byte; every ninth is at an IPv6 address. */
static struct nodeid id_of(unsigned i)
{
	return (struct nodeid){ { (uint8_t)(i * 59), (uint8_t)i } };
}

static struct endpoint ep_of(unsigned i)
{
	struct endpoint ep = endpoint_ip4(0x0b000000 + i, 6881);

	if (i % 9 == 8)
		assert_int_equal(endpoint_from_text("[2001:db8::9]:6881", &ep), 0);
	return ep;
}

static bool lists(unsigned census, unsigned s, unsigned t)
{
	return s < HEARD && s % 7 != 3 && (s * 31 + t * 17 + census * 5) % 11 < 3 &&
	       !(census == 1 && t >= NODES - 5);
}

static unsigned bucket_of(unsigned s, unsigned t)
{
	return (s + t) % 2 ? 3 : LISTING_DEPTH_OWN;
}

static uint64_t when_of(unsigned census, unsigned s, unsigned bucket)
{
	return NOON_S + census * HOUR_S + 10 + s + (bucket == 3);
}

static void put_listings(struct store_writer *w, unsigned census, unsigned s, unsigned bucket)
{
	struct listing l = { .when_ms = 1000 * when_of(census, s, bucket),
			     .id = id_of(s),
			     .from = ep_of(s),
			     .depth = (uint8_t)bucket,
			     .outcome = s % 7 == 3 ? LISTING_SILENT : LISTING_ANSWERED };

	for (unsigned t = 0; t < NODES; t++) {
		if (!lists(census, s, t) || bucket_of(s, t) != bucket)
			continue;
		l.contacts[l.count++] = (struct listing_contact){ id_of(t), ep_of(t) };
		if (l.count < LISTING_CONTACTS)
			continue;
		l.listed = l.count;
		assert_int_equal(store_writer_list(w, &l, 1), 0);
		l.count = 0;
	}
	l.listed = l.count;
	assert_int_equal(store_writer_list(w, &l, 1), 0);
}

static void take_census(struct store *s, struct store_writer *w, unsigned census)
{
	uint32_t epoch;

	assert_int_equal(store_epoch_begin(s, NOON_S + census * HOUR_S, true, &epoch), 0);
	for (unsigned i = 0; i < HEARD; i++) {
		struct nodeid id = id_of(i);
		struct sighting seen = { .when_ms = 1000ull * (NOON_S + census * HOUR_S + i),
					 .key = nodekey_from_id(&id),
					 .from = ep_of(i),
					 .way = SIGHTING_ANSWERED };

		assert_int_equal(store_writer_put(w, &seen, 1), 0);
		put_listings(w, census, i, 3);
		put_listings(w, census, i, LISTING_DEPTH_OWN);
	}
	assert_int_equal(store_writer_flush(w), 0);
	assert_int_equal(store_epoch_end(s, epoch, NOON_S + census * HOUR_S + 600, "{}", 2), 0);
}

static void fixture_open(struct fixture *f)
{
	const struct store_writer_opts opts = { .disk_floor_bytes = 1 };
	struct store_writer *w;

	tempdir_make(f->dir);
	assert_int_equal(store_open(f->dir, STORE_CREATE, &f->s, NULL), 0);
	assert_int_equal(store_writer_new(f->s, &opts, &w), 0);
	for (unsigned c = 0; c < CENSUSES; c++)
		take_census(f->s, w, c);
	store_writer_free(w);
	assert_int_equal(store_view_open(f->s, &f->v), 0);
}

static void fixture_close(struct fixture *f)
{
	store_view_close(f->v);
	store_close(f->s);
	tempdir_remove(f->dir);
}

/* Which of ours a vertex is. */
static unsigned person(const struct store_node *n)
{
	for (unsigned i = 0; i < NODES; i++) {
		struct nodeid id = id_of(i);
		struct endpoint ep = ep_of(i);

		if (memcmp(n->key.b, id.b, NODEID_BYTES) == 0 &&
		    memcmp(&n->ep, &ep, sizeof(ep)) == 0)
			return i;
	}
	fail_msg("a vertex that is nobody");
	return 0;
}

static bool is_vertex(unsigned from, unsigned to, unsigned i)
{
	for (unsigned c = from; c <= to; c++) {
		if (i < HEARD)
			return true;
		for (unsigned s = 0; s < HEARD; s++)
			if (lists(c, s, i))
				return true;
	}
	return false;
}

static void check_nodes(struct export_graph_source *src, unsigned from, unsigned to,
			unsigned who[static NODES])
{
	bool met[NODES] = { false }, answered;
	struct store_node n;
	uint32_t number, count = 0;
	int rc;

	while ((rc = src->node(src->ctx, &number, &answered, &n)) == 1) {
		unsigned i = person(&n);

		assert_int_equal(number, count++);
		assert_true(number < src->space);
		assert_false(met[i]);
		met[i] = true;
		who[number] = i;
		assert_int_equal(answered, i < HEARD && i % 7 != 3);
		/* Who was heard bears the store's row. */
		assert_int_equal(n.ways,
				 i < HEARD ? 1 << SIGHTING_ANSWERED : 1 << SIGHTING_MENTIONED);
		assert_int_equal(n.first_seen_s, i < HEARD ? NOON_S + i : NOON_S + from * HOUR_S);
	}
	assert_int_equal(rc, 0);
	for (unsigned i = 0; i < NODES; i++)
		assert_int_equal(met[i], is_vertex(from, to, i));
	assert_int_equal(count, src->space);
}

static void check_arcs(struct export_graph_source *src, unsigned from, unsigned to,
		       const unsigned who[static NODES])
{
	static unsigned got[CENSUSES][NODES][NODES];
	uint64_t last = 0;
	struct export_arc a;
	int rc;

	memset(got, 0, sizeof(got));
	while ((rc = src->arc(src->ctx, &a)) == 1) {
		unsigned s, t, c;

		assert_true(a.source < src->space && a.target < src->space);
		assert_true(((uint64_t)a.source << 32 | a.target) >= last);
		last = (uint64_t)a.source << 32 | a.target;
		s = who[a.source];
		t = who[a.target];
		c = a.when_s >= NOON_S + HOUR_S;
		assert_int_equal(a.bucket, bucket_of(s, t));
		assert_int_equal(a.when_s, when_of(c, s, a.bucket));
		got[c][s][t]++;
	}
	assert_int_equal(rc, 0);
	for (unsigned c = 0; c < CENSUSES; c++)
		for (unsigned s = 0; s < NODES; s++)
			for (unsigned t = 0; t < NODES; t++)
				assert_int_equal(got[c][s][t],
						 c >= from && c <= to && lists(c, s, t));
}

static void check_questions(struct export_graph_source *src, unsigned from, unsigned to,
			    const unsigned who[static NODES])
{
	struct export_question q;
	unsigned count = 0, s;
	int rc;

	assert_int_equal(src->rewind(src->ctx), 0);
	while ((rc = src->question(src->ctx, &q)) == 1) {
		s = who[q.source];
		assert_int_equal(q.outcome, s % 7 == 3 ? LISTING_SILENT : LISTING_ANSWERED);
		assert_int_equal(q.when_s, when_of(q.when_s >= NOON_S + HOUR_S, s, q.bucket));
		count++;
	}
	assert_int_equal(rc, 0);
	assert_int_equal(count, 2 * HEARD * (to - from + 1));
}

static void check_seen(struct export_graph_source *src, const unsigned who[static NODES])
{
	uint32_t number, from_s, to_s;
	unsigned count = 0;
	int rc;

	assert_int_equal(src->rewind_seen(src->ctx), 0);
	while ((rc = src->seen(src->ctx, &number, &from_s, &to_s)) == 1) {
		unsigned i = who[number];

		assert_true(from_s == NOON_S + i || from_s == NOON_S + HOUR_S + i);
		assert_true(to_s > from_s);
		count++;
	}
	assert_int_equal(rc, 0);
	assert_int_equal(count, CENSUSES * HEARD);
}

static void check(struct fixture *f, bool timed, struct when w, unsigned from, unsigned to)
{
	const struct export_opts o = { .what = EXPORT_EDGES, .timed = timed, .when = w };
	struct export_graph_source src;
	struct export_graph_store *g;
	unsigned who[NODES];
	char why[256] = "";

	if (export_graph_store_open(f->v, &o, &src, &g, why) < 0)
		fail_msg("%s", why);
	for (unsigned pass = 0; pass < 2; pass++) {
		assert_int_equal(src.rewind(src.ctx), 0);
		check_nodes(&src, from, to, who);
		check_arcs(&src, from, to, who);
	}
	/* Edges alone: nobody has to read the vertices. */
	assert_int_equal(src.rewind(src.ctx), 0);
	check_arcs(&src, from, to, who);
	check_questions(&src, from, to, who);
	check_seen(&src, who);
	export_graph_store_close(g);
}

static void test_one(void **state)
{
	struct fixture f;

	(void)state;
	fixture_open(&f);
	check(&f, false, (struct when){ 0 }, 1, 1); /* the last that has any */
	check(&f, true, (struct when){ NOON_S, NOON_S + 600, 1 }, 0, 0);
	check(&f, true, (struct when){ NOON_S + HOUR_S, NOON_S + HOUR_S + 600, 2 }, 1, 1);
	fixture_close(&f);
}

static void test_two(void **state)
{
	struct fixture f;

	(void)state;
	fixture_open(&f);
	check(&f, true, (struct when){ NOON_S, NOON_S + 2 * HOUR_S, 0 }, 0, 1);
	fixture_close(&f);
}

static void test_none(void **state)
{
	struct export_opts o = { .what = EXPORT_EDGES,
				 .timed = true,
				 .when = { NOON_S + 60, NOON_S + 120, 0 } };
	struct export_graph_source src;
	struct export_graph_store *g;
	struct fixture f;
	char why[256];

	(void)state;
	fixture_open(&f);
	assert_int_equal(export_graph_store_open(f.v, &o, &src, &g, why), DT_ENOTFOUND);
	assert_non_null(strstr(why, "crawl --edges"));
	fixture_close(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_one), cmocka_unit_test(test_two),
					    cmocka_unit_test(test_none) };

	return cmocka_run_group_tests_name("viz/export_graph_store", tests, NULL, NULL);
}
