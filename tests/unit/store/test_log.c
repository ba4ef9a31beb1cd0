/* SPDX-License-Identifier: MIT */
#include "tests/support/unit.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "store/record.h"
#include "store/store.h"
#include "tests/support/store_model.h"
#include "tests/support/tempdir.h"

/*
 * The log beside a list that is searched from the front: random sightings in
 * random batches, with seals, compactions and reopenings in between.
 */

enum { WIDTH_S = 3600, MARKS_MAX = 20000 };

struct known {
	struct nodekey key;
	struct endpoint ep;
	uint32_t bucket_s;
	uint16_t after_s, flags;
	uint32_t rtt_us;
	uint8_t ways;
	bool met;
};

struct oracle {
	struct known *list;
	size_t count;
};

static void oracle_put(struct oracle *o, const struct sighting *s)
{
	uint32_t t = (uint32_t)(s->when_ms / 1000), bucket_s = t - t % WIDTH_S;
	uint32_t rtt_us = record_rtt_unpack(record_rtt_pack(s->rtt_us));
	struct known *k = o->list;

	if (s->way == SIGHTING_MENTIONED || !s->key.bits || s->flags & SIGHTING_FINAL)
		return;
	for (; k < o->list + o->count; k++)
		if (k->bucket_s == bucket_s && endpoint_equal(&k->ep, &s->from) &&
		    nodekey_equal(&k->key, &s->key))
			break;
	if (k == o->list + o->count) {
		assert_true(o->count++ < MARKS_MAX);
		*k = (struct known){
			.key = s->key, .ep = s->from, .bucket_s = bucket_s, .after_s = UINT16_MAX
		};
	}
	k->ways |= (uint8_t)(1u << s->way);
	k->flags |= s->flags;
	if (t - bucket_s < k->after_s)
		k->after_s = (uint16_t)(t - bucket_s);
	if (rtt_us && (!k->rtt_us || rtt_us < k->rtt_us))
		k->rtt_us = rtt_us;
}

static struct known *oracle_find(struct oracle *o, const struct store_node *n, uint64_t bucket_s)
{
	for (struct known *k = o->list; k < o->list + o->count; k++)
		if (k->bucket_s == bucket_s && endpoint_equal(&k->ep, &n->ep) &&
		    nodekey_equal(&k->key, &n->key))
			return k;
	return NULL;
}

static struct store_node *load_nodes(struct store_view *v, uint64_t *count)
{
	struct store_counts c;
	struct store_node *nodes, n;

	assert_int_equal(store_view_counts(v, &c), 0);
	nodes = calloc(c.nodes + 1, sizeof(*nodes));
	store_view_rewind(v);
	while (store_view_next(v, &n) == 1) {
		assert_true(n.ordinal < c.nodes && !nodes[n.ordinal].key.bits);
		nodes[n.ordinal] = n;
	}
	*count = c.nodes;
	return nodes;
}

static void expect_mark(struct oracle *o, const struct store_node *n,
			const struct store_log_block *b, uint32_t i)
{
	struct known *k = oracle_find(o, n, b->bucket_s);

	if (!k || k->met)
		fail_msg("a mark that is none, or twice");
	k->met = true;
	assert_int_equal(b->ways[i], k->ways);
	assert_int_equal(b->after_s[i], k->after_s);
	assert_int_equal(store_rtt_us(b->rtt[i]), k->rtt_us);
	assert_int_equal(b->flags[i], k->flags);
}

static void expect_log(struct store *s, struct oracle *o, uint64_t from_s, uint64_t to_s)
{
	const struct store_log_opts opts = { .from_s = from_s,
					     .to_s = to_s,
					     .columns = STORE_LOG_ALL };
	uint64_t nodes_count, last_bucket = 0, last_ordinal = 0;
	struct store_log_block b;
	struct store_node *nodes;
	struct store_view *v;
	struct store_log *l;

	assert_int_equal(store_view_open(s, &v), 0);
	nodes = load_nodes(v, &nodes_count);
	assert_int_equal(store_log_open(v, &opts, &l), 0);
	store_view_close(v); /* it is not needed any more */
	for (size_t i = 0; i < o->count; i++)
		o->list[i].met = o->list[i].bucket_s < from_s || o->list[i].bucket_s >= to_s;
	while (store_log_next(l, &b) == 1) {
		assert_true(b.count > 0 && b.width_s == WIDTH_S && b.bucket_s >= last_bucket);
		for (uint32_t i = 0; i < b.count; i++) {
			assert_true(b.ordinal[i] < nodes_count);
			if (b.bucket_s == last_bucket)
				assert_true(b.ordinal[i] > last_ordinal);
			expect_mark(o, &nodes[b.ordinal[i]], &b, i);
			last_bucket = b.bucket_s;
			last_ordinal = b.ordinal[i];
		}
	}
	for (size_t i = 0; i < o->count; i++)
		assert_true(o->list[i].met);
	store_log_close(l);
	free(nodes);
}

/* Presence of a node, told by the list. */
static void expect_sessions(struct store *s, struct oracle *o)
{
	struct store_session list[64], *last;
	struct store_view *v;
	struct store_node n;
	int count;

	assert_int_equal(store_view_open(s, &v), 0);
	for (unsigned i = 0; i < 20 && store_view_next(v, &n) == 1; i++) {
		uint64_t first_s = UINT64_MAX, last_s = 0, answered_s = 0;
		unsigned buckets = 0, told = 0;

		for (const struct known *k = o->list; k < o->list + o->count; k++) {
			uint64_t when = (uint64_t)k->bucket_s + k->after_s;

			if (!endpoint_equal(&k->ep, &n.ep) || !nodekey_equal(&k->key, &n.key))
				continue;
			buckets++;
			first_s = when < first_s ? when : first_s;
			last_s = when > last_s ? when : last_s;
			if (k->ways & 1 && when > answered_s)
				answered_s = when;
		}
		count = store_sessions(v, n.ordinal, 0, list, 64);
		assert_true(buckets == 0 ? count == 0 : count > 0 && count <= 64);
		for (int c = 0; c < count; c++)
			told += list[c].buckets;
		assert_int_equal(told, buckets);
		for (int c = 1; c < count; c++)
			assert_true(list[c].first_seen_s > list[c - 1].last_seen_s + WIDTH_S);
		if (!count)
			continue;
		last = &list[count - 1];
		assert_true(list[0].first_seen_s == first_s && last->last_seen_s == last_s);
		while (last > list && !last->last_answered_s)
			last--;
		assert_int_equal(last->last_answered_s, answered_s);
		assert_int_equal(store_sessions(v, n.ordinal, UINT32_MAX, list, 1), 1);
	}
	store_view_close(v);
}

static struct store *reopen(struct store *s, const char *dir)
{
	char why[256];

	store_close(s);
	if (store_open(dir, STORE_CREATE, &s, why) < 0)
		fail_msg("%s", why);
	return s;
}

static void put_some(struct store *s, struct oracle *o, struct rng *r)
{
	const struct store_writer_opts opts = { .batch_records = 1 + (unsigned)rng_below(r, 400),
						.disk_floor_bytes = 1,
						.bucket_s = WIDTH_S };
	struct store_writer *w;

	assert_int_equal(store_writer_new(s, &opts, &w), 0);
	for (unsigned i = 0; i < 700; i++) {
		struct sighting one = model_sighting(r, 300);

		one.when_ms = 1700000000000 + rng_below(r, 40) * 1800000;
		oracle_put(o, &one);
		assert_int_equal(store_writer_put(w, &one, 1), 0);
	}
	assert_int_equal(store_writer_flush(w), 0);
	store_writer_free(w);
}

static void against_a_list(void **state)
{
	struct oracle o = { .list = calloc(MARKS_MAX, sizeof(*o.list)) };
	struct rng r = rng_open(31);
	struct store *s = NULL;
	char dir[TEMPDIR_MAX];

	(void)state;
	tempdir_make(dir);
	s = reopen(s, dir);
	for (unsigned round = 0; round < 14; round++) {
		put_some(s, &o, &r);
		if (round % 3 != 1)
			assert_int_equal(store_seal(s), 0);
		if (round % 5 == 4)
			assert_int_equal(store_compact(s), 0);
		expect_log(s, &o, 0, UINT64_MAX);
		if (round % 4 == 3)
			s = reopen(s, dir);
	}
	expect_log(s, &o, 1700000000 - 1700000000 % WIDTH_S + 5 * WIDTH_S, 1700000000 + 50000);
	expect_log(s, &o, 1, 2);
	expect_sessions(s, &o);
	store_close(s);
	free(o.list);
	tempdir_remove(dir);
}

/* A bucket of more nodes than a block has rows, in more pieces than one. */
static void large_buckets_come_in_blocks(void **state)
{
	const struct store_writer_opts opts = { .disk_floor_bytes = 1 };
	const struct store_log_opts all = { .columns = 0 };
	enum { NODES = 150000 };
	struct store_log_span span;
	struct store_log_block b;
	struct store_writer *w;
	struct store_view *v;
	struct store_log *l;
	struct store *s = NULL;
	char dir[TEMPDIR_MAX];
	uint32_t next = 0;

	(void)state;
	tempdir_make(dir);
	s = reopen(s, dir);
	assert_int_equal(store_writer_new(s, &opts, &w), 0);
	for (unsigned pass = 0; pass < 3; pass++) {
		for (uint32_t i = 0; i < NODES; i++) {
			struct sighting one = { .when_ms = 600000 * 1000,
						.key = { .bits = NODEID_BITS },
						.from = endpoint_ip4(i, 1) };

			memcpy(one.key.b, &i, sizeof(i));
			if (i % 3 == pass || i % 2)
				assert_int_equal(store_writer_put(w, &one, 1), 0);
		}
		assert_int_equal(store_writer_flush(w), 0);
		if (pass == 0)
			assert_int_equal(store_seal(s), 0);
	}
	store_writer_free(w);
	assert_int_equal(store_view_open(s, &v), 0);
	assert_int_equal(store_log_open(v, &all, &l), 0);
	store_log_span(l, &span);
	assert_int_equal(span.first_s, 600000);
	assert_int_equal(span.end_s, 600600);
	assert_int_equal(span.marks, 3 * NODES * 2 / 3);
	while (store_log_next(l, &b) == 1) {
		assert_null(b.ways);
		assert_int_equal(b.bucket_s, 600000);
		for (uint32_t i = 0; i < b.count; i++)
			assert_int_equal(b.ordinal[i], next++);
	}
	assert_int_equal(next, NODES);
	store_log_close(l);
	store_log_close(NULL);
	store_view_close(v);
	store_close(s);
	tempdir_remove(dir);
}

/* A reader in the midst of sealing and joining sees every mark, once. */
static void many_seals_are_joined(void **state)
{
	const struct store_writer_opts opts = { .disk_floor_bytes = 1, .bucket_s = 60 };
	const struct store_log_opts all = { .columns = STORE_LOG_AFTER };
	struct store *s = NULL;
	char dir[TEMPDIR_MAX];
	struct store_writer *w;

	(void)state;
	tempdir_make(dir);
	s = reopen(s, dir);
	assert_int_equal(store_writer_new(s, &opts, &w), 0);
	for (uint32_t i = 0; i < 30; i++) {
		struct sighting one = { .when_ms = 1000 * (600000 + i),
					.key = { .bits = NODEID_BITS, .b = { 1 } },
					.from = endpoint_ip4(1, 1) };
		struct store_log_block b;
		struct store_view *v;
		struct store_log *l;

		assert_int_equal(store_writer_put(w, &one, 1), 0);
		assert_int_equal(store_writer_flush(w), 0);
		assert_int_equal(i % 2 ? store_seal(s) : 0, 0);
		assert_int_equal(i % 9 == 8 ? store_compact(s) : 0, 0);
		assert_int_equal(store_view_open(s, &v), 0);
		assert_int_equal(store_log_open(v, &all, &l), 0);
		assert_int_equal(store_log_next(l, &b), 1);
		assert_int_equal(b.count, 1);
		assert_int_equal(b.after_s[0], 0);
		assert_int_equal(store_log_next(l, &b), 0);
		store_log_close(l);
		store_view_close(v);
	}
	store_writer_free(w);
	store_close(s);
	tempdir_remove(dir);
}

struct gone {
	unsigned lines;
	char last[256];
};

static void count_line(void *ctx, const char *line)
{
	struct gone *g = ctx;

	g->lines++;
	snprintf(g->last, sizeof(g->last), "%s", line);
}

static void put_at(struct store *s, const struct store_writer_opts *opts, uint64_t when_s)
{
	struct sighting one = { .when_ms = 1000 * when_s,
				.key = { .bits = NODEID_BITS, .b = { 1 } },
				.from = endpoint_ip4(1, 1) };
	struct store_writer *w;

	assert_int_equal(store_writer_new(s, opts, &w), 0);
	assert_int_equal(store_writer_put(w, &one, 1), 0);
	assert_int_equal(store_writer_flush(w), 0);
	assert_int_equal(store_seal(s), 0);
	store_writer_free(w);
}

static uint64_t first_bucket(struct store *s)
{
	const struct store_log_opts all = { .columns = 0 };
	struct store_log_span span;
	struct store_view *v;
	struct store_log *l;

	assert_int_equal(store_view_open(s, &v), 0);
	assert_int_equal(store_log_open(v, &all, &l), 0);
	store_log_span(l, &span);
	store_log_close(l);
	store_view_close(v);
	return span.first_s;
}

/* At the cap the oldest goes first, and it is said; what is over its days goes too. */
static void the_oldest_goes_first(void **state)
{
	struct gone gone = { .lines = 0 };
	struct store_writer_opts opts = { .disk_floor_bytes = 1,
					  .note = count_line,
					  .note_ctx = &gone };
	uint64_t now = (uint64_t)time(NULL) / 600 * 600, used = 0;
	struct store_info info;
	struct store_writer *w;
	struct store_view *v;
	struct store *s = NULL;
	char dir[TEMPDIR_MAX];

	(void)state;
	tempdir_make(dir);
	s = reopen(s, dir);
	for (unsigned i = 5; i > 0; i--)
		put_at(s, &opts, now - 86400 * i);
	assert_int_equal(gone.lines, 0);
	assert_int_equal(first_bucket(s), now - 5 * 86400);
	opts.retain_s = 86400 * 4 - 3600;
	put_at(s, &opts, now);
	assert_int_equal(gone.lines, 2);
	assert_non_null(strstr(gone.last, "older than it is kept"));
	assert_int_equal(first_bucket(s), now - 3 * 86400);
	assert_int_equal(store_view_open(s, &v), 0);
	assert_int_equal(store_view_info(v, &info), 0);
	used = info.table_bytes + info.log_bytes;
	store_view_close(v);
	opts.disk_cap_bytes = used - 1;
	assert_int_equal(store_writer_new(s, &opts, &w), 0);
	store_writer_free(w);
	assert_int_equal(gone.lines, 3);
	assert_non_null(strstr(gone.last, "at its cap"));
	assert_int_equal(first_bucket(s), now - 2 * 86400);
	opts.disk_cap_bytes = 4096;
	assert_int_equal(store_writer_new(s, &opts, &w), 0);
	assert_int_equal(store_writer_room(w), DT_EFULL);
	store_writer_free(w);
	assert_int_equal(first_bucket(s), 0);
	store_close(s);
	tempdir_remove(dir);
}

static void odd_buckets_are_refused(void **state)
{
	const struct store_writer_opts opts = { .bucket_s = 65536 };
	struct store_writer *w;
	struct store *s = NULL;
	char dir[TEMPDIR_MAX];

	(void)state;
	tempdir_make(dir);
	s = reopen(s, dir);
	assert_int_equal(store_writer_new(s, &opts, &w), DT_ERANGE);
	store_close(s);
	tempdir_remove(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(against_a_list),
		cmocka_unit_test(large_buckets_come_in_blocks),
		cmocka_unit_test(many_seals_are_joined),
		cmocka_unit_test(the_oldest_goes_first),
		cmocka_unit_test(odd_buckets_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
