/* SPDX-License-Identifier: MIT */
#include "engine/seat.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "tests/support/tinydev.h"
#include "tests/support/unit.h"

static const uint64_t S = 1000000000;

struct room {
	struct tinynet *world;
	struct net *net;
	struct engine_opts engine;
	struct seat_opts opts;
	struct blocklist *bogons;
	struct scribe *scribe;
	struct crawl_contact first;
	struct seat seat;
};

/* A seat without a thread on a device in memory. */
static void room_open(struct room *r, double rate_pps)
{
	struct tinydev_opts dev = { .rtt_ns = 20000000 };
	struct sink none = { .put = NULL };

	memset(r, 0, sizeof(*r));
	r->world = tinynet_new(3, 300, 100);
	r->engine = engine_opts_default();
	r->net = tinydev_open(r->world, &dev, &r->opts.clock);
	r->engine.device = r->net;
	r->engine.crawl.slots_log2 = 12;
	r->engine.crawl.endpoints_max = 10000;
	r->engine.crawl.mixing_all_until = 50;
	r->first.ep = r->world->nodes[0].ep;
	r->engine.bootstrap = &r->first;
	r->engine.bootstrap_count = 1;
	assert_int_equal(blocklist_new(&r->bogons), 0);
	assert_int_equal(scribe_new(1, &none, &r->scribe), 0);
	assert_int_equal(post_new(1, &r->opts.post), 0);
	r->opts.workers = 1;
	r->opts.engine = &r->engine;
	r->opts.blocklist = r->bogons;
	r->opts.lane = scribe_lane(r->scribe, 0);
	r->opts.rate_pps = rate_pps;
	r->opts.unlimited = rate_pps <= 0;
	seat_init(&r->seat, &r->opts);
}

static void room_close(struct room *r)
{
	seat_fini(&r->seat);
	post_free(r->opts.post);
	scribe_free(r->scribe);
	blocklist_free(r->bogons);
	net_close(r->net);
	tinynet_free(r->world);
}

static void turn_for(struct room *r, uint64_t ns)
{
	uint64_t until = worker_now_ns(r->seat.worker) + ns;

	while (worker_now_ns(r->seat.worker) < until)
		assert_true(seat_turn(&r->seat) >= 0);
}

static struct engine_counters counters(struct room *r)
{
	struct engine_counters c;

	seat_counters(&r->seat, &c);
	return c;
}

static void test_orders(void **state)
{
	struct seat_order order = { .kind = SEAT_TALLY };
	struct crawl_stats stats;
	uint64_t live = 0;
	struct room r;

	(void)state;
	room_open(&r, 0);
	assert_int_equal(seat_start(&r.seat), 0);
	assert_int_equal(seat_await(&r.seat), 0);
	assert_int_equal(seat_state(&r.seat), SEAT_SEATED);
	turn_for(&r, 20 * S);
	seat_tell(&r.seat, &order);
	assert_true(seat_obeyed(&r.seat));
	for (unsigned z = 0; z < CENSUS_ZONES; z++)
		live += r.seat.tally.zone[z].live;
	assert_true(live > 295 && live <= 300);
	assert_false(r.seat.quiet); /* the sweep is still to come */

	order.kind = SEAT_RAISE;
	memset(order.zones, 0xff, sizeof(order.zones));
	seat_tell(&r.seat, &order);
	assert_true(r.seat.raised > 100);

	order.kind = SEAT_STOP;
	seat_tell(&r.seat, &order);
	turn_for(&r, 10 * S);
	order.kind = SEAT_TALLY;
	seat_tell(&r.seat, &order);
	assert_true(r.seat.quiet);

	order.kind = SEAT_CLOSE;
	seat_tell(&r.seat, &order);
	crawl_stats(worker_crawl(r.seat.worker), &stats);
	assert_int_equal(counters(&r).crawl.sent, stats.sent); /* the last word is shown */
	assert_int_equal(scribe_finish(r.scribe), 0);
	room_close(&r);
}

static void test_blocklist(void **state)
{
	struct seat_order order = { .kind = SEAT_BLOCKLIST };
	char why[BLOCKLIST_WHY_MAX];
	struct blocklist *all;
	struct room r;

	(void)state;
	assert_int_equal(blocklist_parse(SPAN_LIT("0.0.0.0/0"), "all", &all, why), 0);
	room_open(&r, 0);
	assert_int_equal(seat_start(&r.seat), 0);
	order.blocklist = all;
	seat_tell(&r.seat, &order);
	turn_for(&r, S);
	assert_int_equal(counters(&r).crawl.sent, 0);
	assert_true(counters(&r).gate.refused[GATE_BLOCKLIST] > 0);
	room_close(&r);
	blocklist_free(all);
}

/* A new rate is taken up with the next turn, and shown counters are at most 0.1 s old. */
static void test_rate(void **state)
{
	struct engine_counters a, b, c;
	struct room r;

	(void)state;
	room_open(&r, 100);
	assert_int_equal(seat_start(&r.seat), 0);
	turn_for(&r, 3 * S);
	a = counters(&r);
	turn_for(&r, S);
	b = counters(&r);
	assert_true(b.crawl.sent - a.crawl.sent >= 85 && b.crawl.sent - a.crawl.sent <= 115);
	seat_set_rate(&r.seat, 20);
	turn_for(&r, 2 * S);
	c = counters(&r);
	assert_true(c.crawl.sent - b.crawl.sent >= 30 && c.crawl.sent - b.crawl.sent <= 55);
	room_close(&r);
}

static void test_hush(void **state)
{
	struct seat_order order = { .kind = SEAT_CLOSE };
	struct scribe_stats said;
	struct room r;

	(void)state;
	room_open(&r, 0);
	assert_int_equal(seat_start(&r.seat), 0);
	turn_for(&r, 5 * S);
	seat_hush(&r.seat);
	seat_tell(&r.seat, &order);
	assert_int_equal(scribe_finish(r.scribe), 0);
	scribe_stats(r.scribe, &said);
	/* every live node when it answered, and one closing word before the wish was seen */
	assert_int_equal(said.sightings, counters(&r).crawl.endpoints_live + 1);
	room_close(&r);
}

static void test_cannot_open(void **state)
{
	struct room r;

	(void)state;
	room_open(&r, 0);
	r.engine.crawl.slots_log2 = 77;
	assert_true(seat_start(&r.seat) < 0);
	assert_int_equal(seat_state(&r.seat), SEAT_FAILED);
	assert_true(seat_await(&r.seat) == r.seat.err);
	assert_non_null(strstr(r.seat.why, "worker 0: crawl: "));
	room_close(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_orders),      cmocka_unit_test(test_blocklist),
		cmocka_unit_test(test_rate),        cmocka_unit_test(test_hush),
		cmocka_unit_test(test_cannot_open),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
