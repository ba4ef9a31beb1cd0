/* SPDX-License-Identifier: MIT */
#include "tests/support/unit.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/rng.h"
#include "tests/support/seed.h"
#include "viz/sights.h"

/**
 * DOC: a log of sightings handed out by the second, against a plain list of all
 * of them, sorted.
 */

enum { NODES = 200, ORDINALS = 260, MARKS = 5000, NOBODY = UINT32_MAX };

struct mark {
	uint64_t second;
	uint32_t time, node, order; /* @second, or the last that 32 bits hold; place in the log */
};

/* A log as a store hands it out: bucket by bucket, each in several blocks. */
struct log {
	unsigned blocks, at;
	struct block {
		uint64_t bucket_s;
		uint32_t from, count;
	} block[MARKS];
	uint32_t ordinal[MARKS];
	uint16_t after_s[MARKS];
	uint32_t number[ORDINALS];
	struct mark mark[MARKS]; /* of those the cast knows */
	uint32_t marks;
	int rewind_err, next_err; /* what goes wrong, and from which block on */
	unsigned next_err_at;
};

static int log_rewind(void *ctx)
{
	struct log *l = ctx;

	l->at = 0;
	return l->rewind_err;
}

static int log_next(void *ctx, struct sights_block *out)
{
	struct log *l = ctx;
	const struct block *b = &l->block[l->at];

	if (l->next_err && l->at >= l->next_err_at)
		return l->next_err;
	if (l->at == l->blocks)
		return 0;
	l->at++;
	*out = (struct sights_block){ b->bucket_s, b->count, l->ordinal + b->from,
				      l->after_s + b->from };
	return 1;
}

static int by_time(const void *a, const void *b)
{
	const struct mark *p = a, *q = b;

	if (p->second != q->second)
		return p->second < q->second ? -1 : 1;
	return p->order < q->order ? -1 : p->order > q->order;
}

static void one_mark(struct rng *r, struct log *l, uint32_t at, uint64_t bucket_s, uint32_t step_s)
{
	uint32_t ordinal = (uint32_t)rng_below(r, ORDINALS + 20);
	uint64_t time;

	l->ordinal[at] = ordinal;
	l->after_s[at] = (uint16_t)rng_below(r, step_s);
	time = bucket_s + l->after_s[at];
	if (ordinal < ORDINALS && l->number[ordinal] != NOBODY)
		l->mark[l->marks++] =
			(struct mark){ time, time < UINT32_MAX ? (uint32_t)time : UINT32_MAX,
				       l->number[ordinal], at };
}

/* Some ordinals are nobody's, some beyond what the cast had heard of when it was made. */
static struct log *make_log(uint64_t seed, uint64_t begin_s, uint32_t step_s)
{
	struct rng r = { seed };
	struct log *l = calloc(1, sizeof(*l));
	uint64_t bucket_s = begin_s;

	assert_non_null(l);
	for (unsigned i = 0; i < ORDINALS; i++)
		l->number[i] = rng_below(&r, 20) ? (i * 37 + 11) % NODES : NOBODY;
	for (uint32_t at = 0; at < MARKS;) {
		uint32_t count = (uint32_t)rng_below(&r, 40); /* a block may be empty */

		count = count < MARKS - at ? count : MARKS - at;
		assert_true(l->blocks < MARKS);
		l->block[l->blocks++] = (struct block){ bucket_s, at, count };
		for (uint32_t i = 0; i < count; i++)
			one_mark(&r, l, at + i, bucket_s, step_s);
		at += count;
		if (rng_below(&r, 3) == 0)
			bucket_s += step_s * (1 + rng_below(&r, 2) * rng_below(&r, 20));
	}
	qsort(l->mark, l->marks, sizeof(l->mark[0]), by_time);
	return l;
}

static void open_log(struct sights *s, struct log *l)
{
	const struct sights_source source = { log_rewind, log_next, l };

	assert_int_equal(sights_open(s, &source, l->number, ORDINALS), 0);
}

static const struct {
	const char *name;
	uint64_t begin_s;
	uint32_t step_s;
} logs[] = {
	{ "ten minutes", 1795219200, 600 },
	{ "a second", 1795219200, 1 },
	{ "18 hours, the longest", 1795219200, 65536 },
	{ "at the end of 32 bits", UINT32_MAX - 900, 600 },
};

/* In strides of any length, no sighting is missed, none comes early, none out of order. */
static void test_until(void **state)
{
	struct rng r = { seed_open() + 1 };

	(void)state;
	for (size_t k = 0; k < sizeof(logs) / sizeof(logs[0]); k++) {
		struct log *l = make_log(rng_u64(&r), logs[k].begin_s, logs[k].step_s);
		struct sights s;

		open_log(&s, l);
		for (unsigned turn = 0; turn < 5; turn++) {
			int64_t to_s = (int64_t)logs[k].begin_s - 5;
			uint32_t seen = 0;

			assert_int_equal(sights_rewind(&s), 0);
			while (seen < l->marks) {
				const uint32_t *node, *time;
				int n;

				while ((n = sights_until(&s, to_s, &node, &time)) > 0)
					for (int i = 0; i < n; i++, seen++)
						if (seen >= l->marks || (int64_t)time[i] > to_s ||
						    time[i] != l->mark[seen].time ||
						    node[i] != l->mark[seen].node)
							fail_msg("%s: sighting %u is another",
								 logs[k].name, seen);
				assert_int_equal(n, 0);
				if (seen < l->marks && (int64_t)l->mark[seen].second <= to_s)
					fail_msg("%s: sighting %u is late", logs[k].name, seen);
				to_s += (int64_t)rng_below(&r, 10ull * logs[k].step_s);
				if (turn == 0)
					to_s = INT64_MAX;
			}
		}
		sights_close(&s);
		free(l);
	}
}

/* ---- spells --------------------------------------------------------------------------- */

struct spell {
	uint32_t node;
	int64_t from_s, to_s;
};

struct spells {
	struct spell spell[MARKS];
	unsigned count;
};

static void keep_spell(void *ctx, uint32_t node, int64_t from_s, int64_t to_s)
{
	struct spells *s = ctx;

	assert_true(s->count < MARKS);
	s->spell[s->count++] = (struct spell){ node, from_s, to_s };
}

static int by_node(const void *a, const void *b)
{
	const struct spell *p = a, *q = b;

	if (p->node != q->node)
		return p->node < q->node ? -1 : 1;
	return p->from_s < q->from_s ? -1 : p->from_s > q->from_s;
}

/* Node by node, the whole list each time. */
static void spells_told(const struct log *l, int64_t hold_s, struct spells *out)
{
	out->count = 0;
	for (uint32_t node = 0; node < NODES; node++) {
		bool there = false;
		int64_t from_s = 0, last_s = 0;

		for (uint32_t i = 0; i < l->marks; i++) {
			int64_t time = l->mark[i].time;

			if (l->mark[i].node != node)
				continue;
			if (there && hold_s >= 0 && time - last_s > hold_s) {
				keep_spell(out, node, from_s, last_s + hold_s);
				there = false;
			}
			from_s = there ? from_s : time;
			last_s = time;
			there = true;
		}
		if (there)
			keep_spell(out, node, from_s, hold_s < 0 ? INT64_MAX : last_s + hold_s);
	}
}

static void test_spells(void **state)
{
	static const int64_t holds[] = { -1, 0, 1, 60, 900, 7200, 1 << 20 };
	struct spells *have = calloc(1, sizeof(*have)), *want = calloc(1, sizeof(*want));
	struct rng r = { seed_open() + 2 };

	(void)state;
	assert_true(have && want);
	for (size_t k = 0; k < sizeof(logs) / sizeof(logs[0]); k++) {
		struct log *l = make_log(rng_u64(&r), logs[k].begin_s, logs[k].step_s);
		struct sights s;

		open_log(&s, l);
		for (size_t i = 0; i < sizeof(holds) / sizeof(holds[0]); i++) {
			have->count = 0;
			assert_int_equal(sights_spells(&s, NODES, holds[i], keep_spell, have), 0);
			spells_told(l, holds[i], want);
			qsort(have->spell, have->count, sizeof(have->spell[0]), by_node);
			assert_int_equal(have->count, want->count);
			for (unsigned j = 0; j < have->count; j++)
				if (have->spell[j].node != want->spell[j].node ||
				    have->spell[j].from_s != want->spell[j].from_s ||
				    have->spell[j].to_s != want->spell[j].to_s)
					fail_msg("%s, held %lld s: spell %u is another",
						 logs[k].name, (long long)holds[i], j);
		}
		sights_close(&s);
		free(l);
	}
	free(have);
	free(want);
}

/* ---- the time between two censuses ---------------------------------------------------- */

static int by_value(const void *a, const void *b)
{
	int64_t p = *(const int64_t *)a, q = *(const int64_t *)b;

	return p < q ? -1 : p > q;
}

/* Gaps of every node that is asked (each 64th), sorted: three quarters of them, in minutes. */
static int64_t hold_told(const struct log *l)
{
	int64_t gaps[MARKS];
	unsigned count = 0;

	for (uint32_t node = 0; node < NODES; node += 64)
		for (uint32_t i = 0, last = 0; i < l->marks; i++) {
			if (l->mark[i].node != node)
				continue;
			if (last && l->mark[i].time - last < 4096 * 60)
				gaps[count++] = l->mark[i].time - last;
			last = l->mark[i].time;
		}
	qsort(gaps, count, sizeof(gaps[0]), by_value);
	return count ? (gaps[(3 * count + 3) / 4 - 1] / 60 + 1) * 60 : 0;
}

static void test_hold(void **state)
{
	struct rng r = { seed_open() + 3 };

	(void)state;
	for (unsigned turn = 0; turn < 40; turn++) {
		size_t k = turn % (sizeof(logs) / sizeof(logs[0]));
		struct log *l = make_log(rng_u64(&r), logs[k].begin_s, logs[k].step_s);
		int64_t hold_s = -1;
		struct sights s;

		open_log(&s, l);
		assert_int_equal(sights_hold(&s, NODES, &hold_s), 0);
		if (hold_s != hold_told(l))
			fail_msg("%s: %lld s, not %lld", logs[k].name, (long long)hold_s,
				 (long long)hold_told(l));
		sights_close(&s);
		free(l);
	}
}

/* ---- what goes wrong ------------------------------------------------------------------ */

static void test_nothing(void **state)
{
	struct log *l = calloc(1, sizeof(*l));
	struct spells *none = calloc(1, sizeof(*none));
	const uint32_t *node, *time;
	int64_t hold_s = 7;
	struct sights s;

	(void)state;
	assert_true(l && none);
	open_log(&s, l);
	assert_int_equal(sights_until(&s, INT64_MAX, &node, &time), 0);
	assert_int_equal(sights_hold(&s, 0, &hold_s), 0);
	assert_int_equal(hold_s, 0);
	assert_int_equal(sights_spells(&s, 0, 60, keep_spell, none), 0);
	assert_int_equal(none->count, 0);
	sights_close(&s);
	free(none);
	free(l);
}

static void test_errors_of_the_source(void **state)
{
	struct log *l = make_log(4, 1795219200, 600);
	const struct sights_source source = { log_rewind, log_next, l };
	struct spells *some = calloc(1, sizeof(*some));
	const uint32_t *node, *time;
	int64_t hold_s;
	struct sights s;
	int n;

	(void)state;
	assert_non_null(some);
	l->rewind_err = -EIO;
	assert_int_equal(sights_open(&s, &source, l->number, ORDINALS), -EIO);
	l->rewind_err = 0;
	for (unsigned at = 0; at < l->blocks; at += 41) {
		l->next_err = -EIO;
		l->next_err_at = at;
		if (at == 0) {
			assert_int_equal(sights_open(&s, &source, l->number, ORDINALS), -EIO);
			continue;
		}
		open_log(&s, l);
		while ((n = sights_until(&s, INT64_MAX, &node, &time)) > 0)
			;
		assert_int_equal(n, -EIO);
		assert_int_equal(sights_hold(&s, NODES, &hold_s), -EIO);
		some->count = 0;
		assert_int_equal(sights_spells(&s, NODES, 60, keep_spell, some), -EIO);
		/* and it goes on when the source does */
		l->next_err = 0;
		assert_int_equal(sights_hold(&s, NODES, &hold_s), 0);
		assert_int_equal(hold_s, hold_told(l));
		sights_close(&s);
	}
	free(some);
	free(l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_until),
		cmocka_unit_test(test_spells),
		cmocka_unit_test(test_hold),
		cmocka_unit_test(test_nothing),
		cmocka_unit_test(test_errors_of_the_source),
	};

	return cmocka_run_group_tests_name("viz/sights", tests, NULL, NULL);
}
