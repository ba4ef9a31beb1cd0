/* SPDX-License-Identifier: MIT */
#include "tests/support/unit.h"

#include <string.h>
#include <time.h>

#include "store/store.h"
#include "tests/support/store_model.h"
#include "tests/support/tempdir.h"

enum { STARTED_S = 1700000000 };

struct fixture {
	char dir[TEMPDIR_MAX];
	struct store *s;
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	tempdir_make(f->dir);
	assert_int_equal(store_open(f->dir, STORE_CREATE, &f->s, NULL), 0);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	store_close(f->s);
	tempdir_remove(f->dir);
	free(f);
	return 0;
}

static struct store_writer *writer(struct fixture *f, unsigned batch_records)
{
	const struct store_writer_opts opts = { .batch_records = batch_records,
						.disk_floor_bytes = 1 };
	struct store_writer *w;

	assert_int_equal(store_writer_new(f->s, &opts, &w), 0);
	return w;
}

static struct store_view *view(struct fixture *f)
{
	struct store_view *v;

	assert_int_equal(store_view_open(f->s, &v), 0);
	return v;
}

static void expect_nodes(struct store_view *v, struct model *m, size_t *at)
{
	struct store_node n;

	for (; *at < m->count && !m->rows[*at].contact; ++*at) {
		assert_int_equal(store_view_next(v, &n), 1);
		if (model_differs(&n, &m->rows[*at].n))
			fail_msg("node %zu differs in %s", *at, model_differs(&n, &m->rows[*at].n));
	}
	assert_int_equal(store_view_next(v, &n), 0);
	assert_int_equal(store_view_next(v, &n), 0);
}

static void expect_contacts(struct store_view *v, struct model *m, size_t at)
{
	struct store_node n;

	for (; at < m->count; at++) {
		if (model_is_hidden(m, &m->rows[at]))
			continue;
		assert_int_equal(store_view_next_mentioned(v, &n), 1);
		if (model_differs(&n, &m->rows[at].n))
			fail_msg("contact %zu differs in %s", at,
				 model_differs(&n, &m->rows[at].n));
	}
	assert_int_equal(store_view_next_mentioned(v, &n), 0);
}

/* The id last heard at each endpoint; the greater one where two were heard last. */
static const struct model_row *last_at(struct model *m, const struct endpoint *ep)
{
	const struct model_row *last = NULL;

	for (size_t i = 0; i < m->count; i++) {
		const struct model_row *row = &m->rows[i];

		if (row->contact || !endpoint_equal(&row->n.ep, ep))
			continue;
		if (!last || row->heard_s > last->heard_s ||
		    (row->heard_s == last->heard_s &&
		     memcmp(row->n.key.b, last->n.key.b, NODEID_BYTES) > 0))
			last = row;
	}
	return last;
}

static void expect_found(struct store_view *v, struct model *m)
{
	struct endpoint nowhere = endpoint_ip4(0xdeadbeef, 1);
	struct store_node n;

	for (size_t i = 0; i < m->count; i++) {
		const struct model_row *want = last_at(m, &m->rows[i].n.ep);

		assert_int_equal(store_view_find(v, &m->rows[i].n.ep, &n), want != NULL);
		if (want && model_differs(&n, &want->n))
			fail_msg("row %zu: not the id last heard there", i);
	}
	assert_int_equal(store_view_find(v, &nowhere, &n), 0);
}

static void expect_model(struct fixture *f, struct model *m)
{
	struct store_view *v = view(f);
	struct store_counts counts;
	size_t at = 0;

	model_sort(m);
	expect_nodes(v, m, &at);
	expect_contacts(v, m, at);
	expect_found(v, m);
	assert_int_equal(store_view_counts(v, &counts), 0);
	assert_int_equal(counts.nodes, at);
	assert_int_equal(counts.mentioned, m->count - at);
	store_view_rewind(v);
	at = 0;
	expect_nodes(v, m, &at);
	expect_contacts(v, m, at);
	store_view_close(v);
}

/* Random sightings in random portions, batches, epochs: always what the fool has. */
static void against_model(void **state)
{
	struct fixture *f = *state;
	struct rng r = rng_open(7);
	struct model m;

	model_init(&m);
	for (unsigned epoch = 1; epoch <= 3; epoch++) {
		struct store_writer *w = writer(f, 1 + (unsigned)rng_below(&r, 700));
		uint64_t started = STARTED_S + 1000 * epoch;
		uint32_t id;

		assert_int_equal(store_epoch_begin(f->s, started, true, &id), 0);
		assert_int_equal(id, epoch);
		for (unsigned i = 0; i < 300; i++) {
			struct sighting list[32];
			unsigned n = (unsigned)rng_below(&r, 33);

			for (unsigned k = 0; k < n; k++) {
				list[k] = model_sighting(&r, 600);
				model_put(&m, &list[k], started);
			}
			assert_int_equal(store_writer_put(w, list, n), 0);
		}
		assert_int_equal(store_writer_flush(w), 0);
		store_writer_free(w);
		expect_model(f, &m);
	}
	model_fini(&m);
}

/* The same sightings in another order and with repetitions give the same bytes. */
static void order_does_not_matter(void **state)
{
	struct fixture *f = *state;
	struct rng r = rng_open(11);
	enum { N = 2000 };
	struct sighting *list = calloc(N, sizeof(*list));
	struct model m;

	model_init(&m);
	for (unsigned i = 0; i < N; i++) {
		list[i] = model_sighting(&r, 300);
		model_put(&m, &list[i], 0);
	}
	for (unsigned pass = 0; pass < 4; pass++) {
		struct store_writer *w = writer(f, 100 + 333 * pass);

		for (unsigned i = N - 1; i > 0; i--) {
			unsigned k = (unsigned)rng_below(&r, i + 1);
			struct sighting swap = list[i];

			list[i] = list[k];
			list[k] = swap;
		}
		assert_int_equal(store_writer_put(w, list, N), 0);
		assert_int_equal(store_writer_flush(w), 0);
		store_writer_free(w);
		expect_model(f, &m);
	}
	model_fini(&m);
	free(list);
}

static void acknowledged_counts_what_is_durable(void **state)
{
	struct fixture *f = *state;
	struct store_writer *w = writer(f, 10);
	struct rng r = rng_open(3);
	struct sighting list[25];
	uint64_t ns;

	for (unsigned i = 0; i < 25; i++)
		list[i] = model_sighting(&r, 1000);
	assert_int_equal(store_writer_put(w, list, 9), 0);
	assert_int_equal(store_writer_acknowledged(w), 0);
	assert_int_equal(store_writer_put(w, list + 9, 1), 0);
	assert_int_equal(store_writer_acknowledged(w), 10);
	assert_int_equal(store_writer_put(w, list + 10, 15), 0);
	assert_int_equal(store_writer_acknowledged(w), 20);
	assert_int_equal(store_writer_flush(w), 0);
	assert_int_equal(store_writer_acknowledged(w), 25);
	assert_int_equal(store_writer_flush(w), 0);
	assert_int_equal(store_commits(f->s, &ns), 3); /* the last flush had nothing to do */
	assert_true(ns > 0 && ns < UINT64_C(60000000000));
	store_writer_free(w);
}

static void an_old_batch_is_committed(void **state)
{
	const struct store_writer_opts opts = { .batch_ms = 1, .disk_floor_bytes = 1 };
	struct fixture *f = *state;
	struct rng r = rng_open(5);
	struct sighting s = model_sighting(&r, 10);
	struct store_writer *w;

	assert_int_equal(store_writer_new(f->s, &opts, &w), 0);
	assert_int_equal(store_writer_put(w, &s, 1), 0);
	for (unsigned i = 0; i < 1000 && store_writer_acknowledged(w) == 0; i++) {
		const struct timespec ms = { .tv_nsec = 1000000 };

		nanosleep(&ms, NULL);
		assert_int_equal(store_writer_put(w, NULL, 0), 0);
	}
	assert_int_equal(store_writer_acknowledged(w), 1);
	store_writer_free(w);
}

static void what_is_not_flushed_is_not_there(void **state)
{
	struct fixture *f = *state;
	struct store_writer *w = writer(f, 100);
	struct rng r = rng_open(9);
	struct sighting s = model_sighting(&r, 10);
	struct model empty;

	assert_int_equal(store_writer_put(w, &s, 1), 0);
	store_writer_free(w);
	model_init(&empty);
	expect_model(f, &empty);
}

static void below_the_floor_nothing_is_written(void **state)
{
	const struct store_writer_opts opts = { .disk_floor_bytes = UINT64_MAX };
	struct fixture *f = *state;
	struct rng r = rng_open(9);
	struct sighting s = model_sighting(&r, 10);
	struct store_writer *w;
	struct model empty;

	assert_int_equal(store_writer_new(f->s, &opts, &w), 0);
	assert_int_equal(store_writer_put(w, &s, 1), 0);
	assert_int_equal(store_writer_flush(w), DT_ENOSPACE);
	assert_int_equal(store_writer_flush(w), DT_ENOSPACE);
	assert_int_equal(store_writer_acknowledged(w), 0);
	store_writer_free(w);
	model_init(&empty);
	expect_model(f, &empty);
}

static void what_no_table_can_hold_is_refused(void **state)
{
	struct fixture *f = *state;
	struct store_writer *w = writer(f, 10);
	struct rng r = rng_open(1);
	struct sighting wide = model_sighting(&r, 10), odd = wide;

	wide.key.bits = 256;
	odd.way = SIGHTING_WAYS;
	assert_int_equal(store_writer_put(w, &wide, 1), DT_EUNSUPPORTED);
	assert_int_equal(store_writer_put(w, &odd, 1), DT_EKIND);
	assert_int_equal(store_writer_flush(w), 0);
	assert_int_equal(store_writer_acknowledged(w), 0);
	store_writer_free(w);
}

/* One id on very many endpoints, and very many ids on one: the ordinary sort's share. */
static void clones_and_flappers(void **state)
{
	struct fixture *f = *state;
	struct store_writer *w = writer(f, 5000);
	struct store_view *v;
	struct store_node n;
	struct endpoint ep = endpoint_ip4(0x01020304, 6881);

	for (unsigned i = 0; i < 3000; i++) {
		struct sighting clone = { .when_ms = 5000,
					  .key = { .bits = NODEID_BITS, .b = { 9, 9, 9 } },
					  .from = endpoint_ip4(0x0a000000 + i * 7919 % 3000, 1) };
		struct sighting flap = { .when_ms = 5000 + 1000 * (i * 31 % 3000),
					 .key = { .bits = NODEID_BITS, .b = { 7, 7, 7, 7 } },
					 .from = ep };

		flap.key.b[10] = (uint8_t)(i >> 8);
		flap.key.b[11] = (uint8_t)i;
		assert_int_equal(store_writer_put(w, &clone, 1), 0);
		assert_int_equal(store_writer_put(w, &flap, 1), 0);
	}
	assert_int_equal(store_writer_flush(w), 0);
	store_writer_free(w);
	v = view(f);
	assert_int_equal(store_view_find(v, &ep, &n), 1);
	assert_int_equal(n.last_seen_s, 5 + 2999);
	for (unsigned i = 0; i < 6000; i++)
		assert_int_equal(store_view_next(v, &n), 1);
	assert_int_equal(store_view_next(v, &n), 0);
	store_view_close(v);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(against_model, setup, teardown),
		cmocka_unit_test_setup_teardown(order_does_not_matter, setup, teardown),
		cmocka_unit_test_setup_teardown(acknowledged_counts_what_is_durable, setup,
						teardown),
		cmocka_unit_test_setup_teardown(an_old_batch_is_committed, setup, teardown),
		cmocka_unit_test_setup_teardown(what_is_not_flushed_is_not_there, setup, teardown),
		cmocka_unit_test_setup_teardown(below_the_floor_nothing_is_written, setup,
						teardown),
		cmocka_unit_test_setup_teardown(what_no_table_can_hold_is_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(clones_and_flappers, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
