/* SPDX-License-Identifier: MIT */
#include "tests/support/unit.h"

#include <stdio.h>
#include <string.h>

#include "store/store.h"
#include "tests/support/rng.h"
#include "tests/support/tempdir.h"

/*
 * The graph beside lists that are sorted by qsort: random listings among few
 * nodes, so that the same edge is listed often, in one piece and in many.
 */

enum { NODES = 400, LISTINGS = 3000, ROWS_MAX = LISTINGS * LISTING_CONTACTS };

struct row { /* an edge or a question by names, not by numbers */
	struct store_vertex src, dst;
	uint32_t when_s;
	uint8_t depth, outcome, listed;
};

struct oracle {
	struct store_vertex vertices[NODES];
	size_t vertex_count;
	struct row *edges, *questions;
	size_t edge_count, question_count;
};

static int compare_vertex(const void *pa, const void *pb)
{
	const struct store_vertex *a = pa, *b = pb;
	int d = memcmp(a->key.b, b->key.b, NODEID_BYTES);

	if (d)
		return d;
	if (endpoint_is4(&a->ep) != endpoint_is4(&b->ep))
		return endpoint_is4(&a->ep) ? -1 : 1;
	d = memcmp(a->ep.addr, b->ep.addr, 16);
	return d ? d : (int)a->ep.port - (int)b->ep.port;
}

static int compare_edge(const void *pa, const void *pb)
{
	const struct row *a = pa, *b = pb;
	int d = compare_vertex(&a->src, &b->src);

	return d ? d : compare_vertex(&a->dst, &b->dst);
}

static int compare_question(const void *pa, const void *pb)
{
	const struct row *a = pa, *b = pb;
	int d = compare_vertex(&a->src, &b->src);

	return d ? d : (int)a->depth - (int)b->depth;
}

static struct store_vertex person(uint32_t i)
{
	struct rng r = { 77 + (uint64_t)i / 2 };
	struct store_vertex v = { .key.bits = NODEID_BITS };

	rng_fill(&r, v.key.b, NODEID_BYTES); /* two of each id, at different endpoints */
	v.ep = endpoint_ip4((uint32_t)rng_u64(&r), (uint16_t)(i + 1));
	if (i % 5 == 0) {
		memset(v.ep.addr, 0, 16);
		v.ep.addr[0] = 0x20;
		v.ep.addr[15] = (uint8_t)i;
	}
	return v;
}

static struct listing random_listing(struct rng *r)
{
	struct store_vertex from = person((uint32_t)rng_below(r, NODES));
	struct listing l = { .when_ms = 1000 * (1700000000 + rng_below(r, 5000)),
			     .id = nodekey_to_id(&from.key),
			     .from = from.ep,
			     .depth = (uint8_t)rng_below(r, 5),
			     .outcome = (uint8_t)rng_below(r, LISTING_OUTCOMES) };

	if (l.outcome != LISTING_ANSWERED)
		return l;
	l.count = l.listed = (uint8_t)rng_below(r, LISTING_CONTACTS + 1);
	for (unsigned i = 0; i < l.count; i++) {
		struct store_vertex to = person((uint32_t)rng_below(r, NODES));

		l.contacts[i] = (struct listing_contact){ nodekey_to_id(&to.key), to.ep };
	}
	return l;
}

static void know(struct oracle *o, const struct store_vertex *v, bool answered)
{
	for (size_t i = 0; i < o->vertex_count; i++) {
		if (compare_vertex(&o->vertices[i], v) != 0)
			continue;
		o->vertices[i].answered |= answered;
		return;
	}
	o->vertices[o->vertex_count] = *v;
	o->vertices[o->vertex_count++].answered = answered;
}

static void oracle_put(struct oracle *o, const struct listing *l)
{
	struct row q = { .src = { .key = nodekey_from_id(&l->id), .ep = l->from },
			 .when_s = (uint32_t)(l->when_ms / 1000),
			 .depth = l->depth,
			 .outcome = l->outcome,
			 .listed = l->listed };

	know(o, &q.src, l->outcome == LISTING_ANSWERED);
	o->questions[o->question_count++] = q;
	for (unsigned i = 0; i < l->count; i++) {
		q.dst = (struct store_vertex){ .key = nodekey_from_id(&l->contacts[i].id),
					       .ep = l->contacts[i].ep };
		know(o, &q.dst, false);
		o->edges[o->edge_count++] = q;
	}
}

/* Equal ones in a row become one. Returns how many are left. */
static size_t fold(struct row *list, size_t count, int (*compare)(const void *, const void *))
{
	size_t kept = 0;

	qsort(list, count, sizeof(*list), compare);
	for (size_t i = 0; i < count; i++) {
		struct row *last = kept ? &list[kept - 1] : NULL;

		if (!last || compare(last, &list[i]) != 0) {
			list[kept++] = list[i];
			continue;
		}
		last->depth = list[i].depth < last->depth ? list[i].depth : last->depth;
		last->outcome = list[i].outcome < last->outcome ? list[i].outcome : last->outcome;
		last->listed = list[i].listed > last->listed ? list[i].listed : last->listed;
		last->when_s = list[i].when_s < last->when_s ? list[i].when_s : last->when_s;
	}
	return kept;
}

static void expect_vertices(struct store_edges *e, struct oracle *o)
{
	struct store_vertex v;

	qsort(o->vertices, o->vertex_count, sizeof(o->vertices[0]), compare_vertex);
	for (size_t i = 0; i < o->vertex_count; i++) {
		assert_int_equal(store_edges_next_vertex(e, &v), 1);
		assert_int_equal(compare_vertex(&v, &o->vertices[i]), 0);
		assert_int_equal(v.answered, o->vertices[i].answered);
	}
	assert_int_equal(store_edges_next_vertex(e, &v), 0);
}

static void expect_rows(struct store_edges *e, struct oracle *o)
{
	struct store_question q;
	struct store_edge row;

	o->edge_count = fold(o->edges, o->edge_count, compare_edge);
	o->question_count = fold(o->questions, o->question_count, compare_question);
	for (size_t i = 0; i < o->edge_count; i++) {
		assert_int_equal(store_edges_next(e, &row), 1);
		assert_true(row.src < o->vertex_count && row.dst < o->vertex_count);
		assert_int_equal(compare_vertex(&o->vertices[row.src], &o->edges[i].src), 0);
		assert_int_equal(compare_vertex(&o->vertices[row.dst], &o->edges[i].dst), 0);
		assert_int_equal(row.depth, o->edges[i].depth);
	}
	assert_int_equal(store_edges_next(e, &row), 0);
	for (size_t i = 0; i < o->question_count; i++) {
		assert_int_equal(store_edges_next_question(e, &q), 1);
		assert_int_equal(compare_vertex(&o->vertices[q.src], &o->questions[i].src), 0);
		assert_int_equal(q.depth, o->questions[i].depth);
		assert_int_equal(q.outcome, o->questions[i].outcome);
		assert_int_equal(q.listed, o->questions[i].listed);
		assert_int_equal(q.when_s, o->questions[i].when_s);
	}
	assert_int_equal(store_edges_next_question(e, &q), 0);
}

static void expect_graph(struct store *s, uint32_t epoch, struct oracle *o, bool joined)
{
	struct store_edges_info info;
	struct store_edges *e;
	struct store_view *v;

	assert_int_equal(store_view_open(s, &v), 0);
	assert_int_equal(store_edges_open(v, epoch, &e), 0);
	store_view_close(v);
	for (unsigned pass = 0; pass < 2; pass++) {
		expect_vertices(e, o);
		expect_rows(e, o);
		store_edges_rewind(e);
	}
	store_edges_info(e, &info);
	assert_int_equal(info.vertices, o->vertex_count);
	assert_int_equal(info.exact, joined);
	assert_true(info.edges >= o->edge_count && info.questions >= o->question_count);
	if (joined)
		assert_true(info.edges == o->edge_count && info.questions == o->question_count);
	store_edges_close(e);
	store_edges_close(NULL);
}

static void oracle_init(struct oracle *o)
{
	memset(o, 0, sizeof(*o));
	o->edges = calloc(ROWS_MAX, sizeof(*o->edges));
	o->questions = calloc(ROWS_MAX, sizeof(*o->questions));
}

static void oracle_fini(struct oracle *o)
{
	free(o->edges);
	free(o->questions);
}

/* As many pieces as flushes; more than are joined at once. */
static void pieces_do_not_matter(void **state)
{
	static const unsigned pieces[] = { 1, 2, 37 };
	const struct store_writer_opts opts = { .disk_floor_bytes = 1 };
	struct rng r = rng_open(5);
	struct store *s;
	struct store_view *v;
	struct store_edges *e;
	char dir[TEMPDIR_MAX];

	(void)state;
	assert_int_equal(store_open(tempdir_make(dir), STORE_CREATE, &s, NULL), 0);
	for (size_t p = 0; p < sizeof(pieces) / sizeof(pieces[0]); p++) {
		struct store_writer *w;
		struct oracle o;
		uint32_t epoch;

		oracle_init(&o);
		assert_int_equal(store_epoch_begin(s, 100 + p, true, &epoch), 0);
		assert_int_equal(store_writer_new(s, &opts, &w), 0);
		for (unsigned i = 0; i < LISTINGS; i++) {
			struct listing l = random_listing(&r);

			oracle_put(&o, &l);
			assert_int_equal(store_writer_list(w, &l, 1), 0);
			if (i % (LISTINGS / pieces[p]) == LISTINGS / pieces[p] - 1)
				assert_int_equal(store_writer_flush(w), 0);
		}
		assert_int_equal(store_writer_flush(w), 0);
		expect_graph(s, epoch, &o, pieces[p] == 1);
		assert_int_equal(store_epoch_end(s, epoch, 200 + p, "{}", 2), 0);
		expect_graph(s, epoch, &o, true);
		assert_int_equal(store_compact(s), 0);
		expect_graph(s, 0, &o, true);
		store_writer_free(w);
		oracle_fini(&o);
	}
	assert_int_equal(store_view_open(s, &v), 0);
	assert_int_equal(store_edges_open(v, 9, &e), DT_ENOTFOUND);
	store_view_close(v);
	store_close(s);
	tempdir_remove(dir);
}

static void without_an_epoch_or_a_shape(void **state)
{
	const struct store_writer_opts opts = { .disk_floor_bytes = 1 };
	struct rng r = rng_open(6);
	struct listing l = random_listing(&r);
	struct store_edges *e;
	struct store_writer *w;
	struct store_view *v;
	struct store *s;
	char dir[TEMPDIR_MAX];
	uint32_t epoch;

	(void)state;
	assert_int_equal(store_open(tempdir_make(dir), STORE_CREATE, &s, NULL), 0);
	assert_int_equal(store_writer_new(s, &opts, &w), 0);
	assert_int_equal(store_writer_list(w, &l, 1), DT_EREFUSED);
	assert_int_equal(store_epoch_begin(s, 100, true, &epoch), 0);
	l.count = LISTING_CONTACTS + 1;
	assert_int_equal(store_writer_list(w, &l, 1), DT_EKIND);
	l.count = 0;
	l.outcome = LISTING_OUTCOMES;
	assert_int_equal(store_writer_list(w, &l, 1), DT_EKIND);
	assert_int_equal(store_writer_flush(w), 0);
	assert_int_equal(store_view_open(s, &v), 0);
	assert_int_equal(store_edges_open(v, 0, &e), DT_ENOTFOUND);
	store_view_close(v);
	store_writer_free(w);
	store_close(s);
	tempdir_remove(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pieces_do_not_matter),
		cmocka_unit_test(without_an_epoch_or_a_shape),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
