/* SPDX-License-Identifier: MIT */
#include "engine/post.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "engine/rng.h"
#include "tests/support/seed.h"
#include "tests/support/unit.h"

struct inbox {
	unsigned contacts, datagrams;
	uint64_t sum;  /* of what stood in them */
	uint32_t last; /* contacts of one sender come in order */
	bool ordered;
};

static void got_contacts(void *ctx, const struct crawl_contact *list, unsigned count)
{
	struct inbox *in = ctx;

	for (unsigned i = 0; i < count; i++) {
		in->ordered &= list[i].introducer > in->last;
		in->last = list[i].introducer;
		in->sum += list[i].introducer;
	}
	in->contacts += count;
}

static void got_datagrams(void *ctx, const struct net_msg *msgs, unsigned count)
{
	struct inbox *in = ctx;

	for (unsigned i = 0; i < count; i++) {
		for (uint32_t k = 0; k < msgs[i].len; k++)
			if (msgs[i].data[k] != (uint8_t)(msgs[i].peer.port + k))
				fail_msg("datagram %u, byte %u", msgs[i].peer.port, k);
		in->sum += msgs[i].len;
	}
	in->datagrams += count;
}

static struct post_box box_of(struct inbox *in)
{
	*in = (struct inbox){ .ordered = true };
	return (struct post_box){ in, got_contacts, got_datagrams };
}

static void send_contact(struct post *p, unsigned from, unsigned to, uint32_t n)
{
	struct crawl_contact c = { .ep = endpoint_ip4(n, 1), .introducer = n };

	post_contact(p, from, to, &c);
}

static void test_contacts(void **state)
{
	struct post *p;
	struct inbox in;
	struct post_box box = box_of(&in);

	(void)state;
	assert_int_equal(post_new(3, &p), 0);
	assert_true(post_at_rest(p) == false); /* nobody has said that it is quiet */
	for (uint32_t n = 1; n <= 200; n++)
		send_contact(p, 0, 2, n);
	assert_true(post_waiting(p, 0));
	assert_int_equal(post_collect(p, 2, &box), 200 / 84);
	post_flush(p, 0);
	assert_false(post_waiting(p, 0));
	assert_int_equal(post_collect(p, 1, &box), 0);
	post_collect(p, 2, &box);
	assert_int_equal(in.contacts, 200);
	assert_int_equal(in.sum, 200 * 201 / 2);
	assert_true(in.ordered);
	post_free(p);
	post_free(NULL);
}

/* Lengths from nothing to the longest; those that do not fit begin a new parcel. */
static void test_datagrams(void **state)
{
	uint8_t bytes[NET_RECV_MAX];
	struct post *p;
	struct inbox in;
	struct post_box box = box_of(&in);
	uint64_t sum = 0;
	unsigned n = 0;
	struct post_stats stats;

	(void)state;
	assert_int_equal(post_new(2, &p), 0);
	for (uint32_t len = 0; len <= NET_RECV_MAX; len += len < 100 ? 1 : 300, n++) {
		struct net_msg msg = { .peer = endpoint_ip4(7, (uint16_t)n),
				       .len = len,
				       .data = bytes };

		for (uint32_t k = 0; k < len; k++)
			bytes[k] = (uint8_t)(n + k);
		post_datagram(p, 1, 0, &msg);
		sum += len;
	}
	post_flush(p, 1);
	post_collect(p, 0, &box);
	assert_int_equal(in.datagrams, n);
	assert_int_equal(in.sum, sum);
	/* Nobody collects: parcels run out, and what is lost is counted. */
	for (unsigned i = 0; i < 300; i++) {
		struct net_msg msg = { .len = NET_RECV_MAX, .data = bytes };

		memset(bytes, 0, sizeof(bytes));
		post_datagram(p, 1, 0, &msg);
	}
	post_stats(p, 1, &stats);
	assert_true(stats.datagrams_dropped > 0);
	assert_int_equal(stats.datagrams + stats.datagrams_dropped, n + 300);
	post_free(p);
}

/* A worker that does not collect: contacts wait, in order, up to the bound. */
static void test_overflow(void **state)
{
	enum { SENT = POST_OVERFLOW_MAX + 10000 };
	struct post *p;
	struct inbox in;
	struct post_box box = box_of(&in);
	struct post_stats stats;

	(void)state;
	assert_int_equal(post_new(2, &p), 0);
	for (uint32_t n = 1; n <= SENT; n++)
		send_contact(p, 0, 1, n);
	post_flush(p, 0);
	assert_true(post_waiting(p, 0));
	post_stats(p, 0, &stats);
	assert_int_equal(stats.contacts + stats.contacts_dropped, SENT);
	assert_true(stats.contacts_dropped > 0);
	assert_int_equal(stats.overflow_peak, POST_OVERFLOW_MAX);
	post_settle(p, 0, true);
	post_settle(p, 1, true);
	for (unsigned i = 0; post_waiting(p, 0) && i < 1000; i++) {
		assert_false(post_at_rest(p));
		post_collect(p, 1, &box);
		post_settle(p, 1, true);
		post_flush(p, 0);
	}
	post_collect(p, 1, &box);
	assert_false(post_at_rest(p)); /* opened, but the worker has not said how it is */
	post_settle(p, 1, true);
	assert_true(post_at_rest(p));
	assert_int_equal(in.contacts, stats.contacts);
	assert_true(in.ordered);
	post_free(p);
}

/* ---- the end of a computation ------------------------------------------------- */

/*
 * Workers hand tasks to each other; a task makes up to two more, until a budget
 * is spent. The monitor must not see rest before the last task is done, and must
 * see it soon after.
 */
enum { WORKERS = 3, TASKS = 60000 };

struct world {
	struct post *post;
	_Atomic int64_t undone; /* tasks that exist; the truth that the monitor may not read */
	_Atomic int64_t budget;
	atomic_bool over;
};

struct player {
	struct world *world;
	unsigned index;
	struct rng rng;
	uint64_t queue; /* tasks in hand */
};

static void got_tasks(void *ctx, const struct crawl_contact *list, unsigned count)
{
	struct player *me = ctx;

	(void)list;
	me->queue += count;
}

static void no_datagrams(void *ctx, const struct net_msg *msgs, unsigned count)
{
	(void)ctx;
	(void)msgs;
	(void)count;
	abort();
}

static void do_task(struct player *me)
{
	unsigned children = rng_below(&me->rng, 4) ? 1 : 2;

	for (unsigned i = 0; i < children; i++) {
		unsigned to = rng_below(&me->rng, WORKERS);

		if (atomic_fetch_sub(&me->world->budget, 1) <= 0)
			break;
		atomic_fetch_add(&me->world->undone, 1);
		if (to == me->index)
			me->queue++;
		else
			send_contact(me->world->post, me->index, to, 1);
	}
	atomic_fetch_sub(&me->world->undone, 1);
}

static void *play(void *arg)
{
	struct player *me = arg;
	struct post_box box = { me, got_tasks, no_datagrams };

	while (!atomic_load(&me->world->over)) {
		post_collect(me->world->post, me->index, &box);
		for (unsigned n = rng_below(&me->rng, 8); n > 0 && me->queue > 0; n--) {
			me->queue--;
			do_task(me);
		}
		if (rng_below(&me->rng, 3) == 0)
			post_flush(me->world->post, me->index);
		post_settle(me->world->post, me->index,
			    me->queue == 0 && !post_waiting(me->world->post, me->index));
		if (me->queue == 0)
			sched_yield();
	}
	return NULL;
}

static void one_game(uint64_t seed, unsigned round)
{
	struct world w = { .undone = 1, .budget = TASKS };
	struct player players[WORKERS];
	pthread_t threads[WORKERS];
	time_t until = time(NULL) + 30;

	assert_int_equal(post_new(WORKERS, &w.post), 0);
	for (unsigned i = 0; i < WORKERS; i++) {
		players[i] = (struct player){ .world = &w, .index = i, .queue = i == 0 };
		rng_init(&players[i].rng, seed, round * WORKERS + i);
		assert_int_equal(pthread_create(&threads[i], NULL, play, &players[i]), 0);
	}
	while (!post_at_rest(w.post) && time(NULL) < until)
		sched_yield();
	if (atomic_load(&w.undone) != 0)
		fail_msg("seed %llu: rest seen with %lld tasks undone", (unsigned long long)seed,
			 (long long)atomic_load(&w.undone));
	atomic_store(&w.over, true);
	for (unsigned i = 0; i < WORKERS; i++)
		pthread_join(threads[i], NULL);
	post_free(w.post);
}

static void test_rest(void **state)
{
	uint64_t seed = seed_open();

	(void)state;
	for (unsigned round = 0; round < 12; round++)
		one_game(seed, round);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_contacts),
		cmocka_unit_test(test_datagrams),
		cmocka_unit_test(test_overflow),
		cmocka_unit_test(test_rest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
