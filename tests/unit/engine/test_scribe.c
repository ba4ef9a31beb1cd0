/* SPDX-License-Identifier: MIT */
#include "engine/scribe.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tests/support/unit.h"

enum { LANES = 3 };

/* A sink that checks: each lane's sightings come whole and in order. */
struct checked {
	uint64_t next[LANES], next_heard[LANES];
	uint64_t puts, flushes, flushed_at;
	unsigned slow_us; /* per put */
	uint64_t fail_at; /* put number that fails; 0 = never */
	int flush_error;
	bool inside;
};

static int checked_put(void *ctx, const struct sighting *list, unsigned count)
{
	struct checked *c = ctx;

	if (c->inside)
		return -EDEADLK; /* called twice at once */
	c->inside = true;
	for (unsigned i = 0; i < count; i++) {
		unsigned lane = list[i].attempts;

		if (lane >= LANES || list[i].when_ms != c->next[lane]++)
			return -EILSEQ;
	}
	if (c->slow_us)
		nanosleep(&(struct timespec){ 0, (long)c->slow_us * 1000 }, NULL);
	c->puts++;
	c->inside = false;
	return c->fail_at && c->puts >= c->fail_at ? -ENOSPC : 0;
}

static int checked_put_heard(void *ctx, const struct heard *list, unsigned count)
{
	struct checked *c = ctx;

	if (c->inside)
		return -EDEADLK;
	c->inside = true;
	for (unsigned i = 0; i < count; i++)
		if (list[i].ear >= LANES || list[i].when_ms != c->next_heard[list[i].ear]++)
			return -EILSEQ;
	c->inside = false;
	return 0;
}

static int checked_flush(void *ctx)
{
	struct checked *c = ctx;

	c->flushes++;
	c->flushed_at = c->puts;
	return c->flush_error;
}

static struct scribe *scribe_of(struct checked *c)
{
	struct sink sink = {
		.put = checked_put, .put_heard = checked_put_heard, .flush = checked_flush, .ctx = c
	};
	struct scribe *s;

	assert_int_equal(scribe_new(LANES, &sink, &s), 0);
	return s;
}

static void put(struct scribe *s, unsigned lane, uint64_t n)
{
	struct sighting sighting = { .when_ms = n, .attempts = (uint8_t)lane };

	scribe_lane_put(scribe_lane(s, lane), &sighting);
}

static int checked_list(void *ctx, const struct listing *list, unsigned count)
{
	struct checked *c = ctx;

	for (unsigned i = 0; i < count; i++)
		if (list[i].depth >= LANES || list[i].when_ms != c->next[list[i].depth]++)
			return -EILSEQ;
	c->puts++;
	return c->fail_at && c->puts >= c->fail_at ? -ENOSPC : 0;
}

/* Listings travel like sightings, where somebody wants them. */
static void test_listings(void **state)
{
	struct checked c = { .slow_us = 0 };
	struct sink sink = { .put_listings = checked_list, .ctx = &c };
	struct scribe_stats stats;
	struct scribe *s;
	enum { MANY = 3 * SCRIBE_LISTINGS * SCRIBE_BLOCKS + 7 };

	(void)state;
	for (unsigned threaded = 0; threaded < 2; threaded++) {
		memset(c.next, 0, sizeof(c.next));
		assert_int_equal(scribe_new(LANES, &sink, &s), 0);
		assert_true(scribe_lane_lists(scribe_lane(s, 0)));
		if (threaded)
			assert_int_equal(scribe_start(s), 0);
		for (uint64_t n = 0; n < MANY; n++) {
			struct listing l = { .when_ms = n, .depth = 1 };

			scribe_lane_put_listing(scribe_lane(s, 1), &l);
		}
		scribe_lane_flush(scribe_lane(s, 1));
		assert_int_equal(scribe_finish(s), 0);
		scribe_stats(s, &stats);
		assert_int_equal(stats.listings, MANY);
		assert_int_equal(c.next[1], MANY);
		scribe_free(s);
	}
	s = scribe_of(&c);
	assert_false(scribe_lane_lists(scribe_lane(s, 0)));
	scribe_free(s);
}

static void test_listings_behind_and_failing(void **state)
{
	struct checked c = { .fail_at = 2 };
	struct sink sink = { .put_listings = checked_list, .ctx = &c };
	struct listing l = { .depth = 0 };
	struct scribe *s;

	(void)state;
	assert_int_equal(scribe_new(LANES, &sink, &s), 0);
	for (; !scribe_lane_behind(scribe_lane(s, 0)); l.when_ms++)
		scribe_lane_put_listing(scribe_lane(s, 0), &l);
	assert_int_equal(c.puts, 0);
	assert_int_equal(scribe_finish(s), -ENOSPC);
	assert_int_equal(c.puts, 2); /* the sink is left alone after its error */
	scribe_free(s);
}

/* Without a thread a full lane is drained on the spot: nothing waits, nothing is lost. */
static void test_inline(void **state)
{
	struct checked c = { .slow_us = 0 };
	struct scribe *s = scribe_of(&c);
	struct scribe_stats stats;
	enum { MANY = SCRIBE_BLOCK * SCRIBE_BLOCKS + 10 };

	(void)state;
	for (uint64_t n = 0; n < MANY; n++)
		put(s, 1, n);
	assert_true(c.puts > 0);
	put(s, 0, 0);
	scribe_lane_flush(scribe_lane(s, 0));
	scribe_lane_flush(scribe_lane(s, 1));
	scribe_lane_flush(scribe_lane(s, 2)); /* nothing begun */
	assert_int_equal(scribe_finish(s), 0);
	scribe_stats(s, &stats);
	assert_int_equal(stats.sightings, MANY + 1);
	assert_int_equal(stats.lost, 0);
	assert_int_equal(c.next[1], MANY);
	assert_int_equal(c.flushes, 1);
	assert_int_equal(c.flushed_at, c.puts);
	scribe_free(s);
	scribe_free(NULL);
}

static void test_behind(void **state)
{
	struct checked c = { .slow_us = 0 };
	struct scribe *s = scribe_of(&c);
	uint64_t n = 0;

	(void)state;
	assert_false(scribe_lane_behind(scribe_lane(s, 2)));
	while (!scribe_lane_behind(scribe_lane(s, 2)) && n < SCRIBE_BLOCK * SCRIBE_BLOCKS)
		put(s, 2, n++);
	assert_int_equal(c.puts, 0); /* said so before anything had to wait */
	scribe_turn(s);
	assert_false(scribe_lane_behind(scribe_lane(s, 2)));
	scribe_lane_flush(scribe_lane(s, 2));
	assert_int_equal(scribe_finish(s), 0);
	assert_int_equal(c.next[2], n);
	scribe_free(s);
}

/* After the disk is full the workers must come to an end all the same. */
static void test_sink_fails(void **state)
{
	struct checked c = { .fail_at = 3 };
	struct scribe *s = scribe_of(&c);
	struct scribe_stats stats;

	(void)state;
	for (uint64_t n = 0; n < SCRIBE_BLOCK * 300; n++)
		put(s, 0, n);
	assert_int_equal(scribe_error(s), -ENOSPC);
	scribe_lane_flush(scribe_lane(s, 0));
	assert_int_equal(scribe_finish(s), -ENOSPC);
	scribe_stats(s, &stats);
	assert_int_equal(c.puts, 3);
	assert_int_equal(c.flushes, 0);
	assert_int_equal(stats.sightings, 2 * SCRIBE_BLOCK);
	assert_int_equal(stats.sightings + stats.lost, SCRIBE_BLOCK * 300);
	scribe_free(s);
}

static void test_flush_fails(void **state)
{
	struct checked c = { .flush_error = -EIO };
	struct scribe *s = scribe_of(&c);

	(void)state;
	assert_int_equal(scribe_finish(s), -EIO);
	assert_int_equal(scribe_error(s), -EIO);
	scribe_free(s);
}

static void test_no_sink(void **state)
{
	struct sink none = { 0 };
	struct scribe_stats stats;
	struct scribe *s;

	(void)state;
	assert_int_equal(scribe_new(1, &none, &s), 0);
	put(s, 0, 1);
	scribe_lane_flush(scribe_lane(s, 0));
	assert_int_equal(scribe_finish(s), 0);
	scribe_stats(s, &stats);
	assert_int_equal(stats.sightings, 1);
	scribe_free(s);
}

/* ---- on its own thread ---------------------------------------------------------- */

struct writer {
	struct scribe *scribe;
	unsigned lane;
	uint64_t count;
};

static void *write_all(void *arg)
{
	struct writer *w = arg;

	for (uint64_t n = 0; n < w->count; n++) {
		put(w->scribe, w->lane, n);
		if (n % 7777 == 0)
			scribe_lane_flush(scribe_lane(w->scribe, w->lane));
	}
	scribe_lane_flush(scribe_lane(w->scribe, w->lane));
	return NULL;
}

/* @slow_us makes the writers wait for blocks. */
static void threaded(unsigned slow_us, uint64_t count, bool expect_waits)
{
	struct checked c = { .slow_us = slow_us };
	struct scribe *s = scribe_of(&c);
	struct writer w[LANES];
	pthread_t t[LANES];
	struct scribe_stats stats;

	assert_int_equal(scribe_start(s), 0);
	for (unsigned i = 0; i < LANES; i++) {
		w[i] = (struct writer){ s, i, count };
		assert_int_equal(pthread_create(&t[i], NULL, write_all, &w[i]), 0);
	}
	for (unsigned i = 0; i < LANES; i++)
		pthread_join(t[i], NULL);
	assert_int_equal(scribe_finish(s), 0);
	scribe_stats(s, &stats);
	assert_int_equal(stats.sightings, LANES * count);
	for (unsigned i = 0; i < LANES; i++)
		assert_int_equal(c.next[i], count);
	assert_int_equal(c.flushes, 1);
	if (expect_waits)
		assert_true(stats.waits > 0);
	scribe_free(s);
}

static void test_thread(void **state)
{
	(void)state;
	threaded(0, 300000, false);
}

static void test_thread_slow_sink(void **state)
{
	(void)state;
	threaded(1000, 100000, true);
}

/* Messages heard travel beside sightings, in blocks of their own; neither loses or swaps any. */
static void test_messages_heard(void **state)
{
	enum { EACH = 100000 };
	struct checked c = { .slow_us = 20 };
	struct scribe *s = scribe_of(&c);
	struct scribe_stats st;
	unsigned no_room = 0;

	(void)state;
	assert_int_equal(scribe_start(s), 0);
	for (uint64_t i = 0; i < EACH; i++) {
		struct scribe_lane *lane = scribe_lane(s, 1);
		struct sighting seen = { .when_ms = i, .attempts = 1 };
		struct heard h = { .when_ms = i, .ear = 1 };

		no_room += !scribe_lane_room(lane);
		scribe_lane_put_heard(lane, &h);
		if (i % 3 == 0) {
			seen.when_ms = i / 3;
			scribe_lane_put(lane, &seen);
		}
	}
	scribe_lane_flush(scribe_lane(s, 1));
	assert_int_equal(scribe_finish(s), 0);
	scribe_stats(s, &st);
	assert_int_equal(st.heard, EACH);
	assert_int_equal(st.sightings, (EACH + 2) / 3);
	assert_int_equal(c.next_heard[1], EACH);
	assert_int_equal(st.lost, 0);
	assert_true(no_room > 0 || st.waits == 0); /* who asked first need not have waited */
	scribe_free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_inline),
		cmocka_unit_test(test_behind),
		cmocka_unit_test(test_sink_fails),
		cmocka_unit_test(test_flush_fails),
		cmocka_unit_test(test_no_sink),
		cmocka_unit_test(test_thread),
		cmocka_unit_test(test_thread_slow_sink),
		cmocka_unit_test(test_messages_heard),
		cmocka_unit_test(test_listings),
		cmocka_unit_test(test_listings_behind_and_failing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
