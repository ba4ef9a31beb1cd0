/* SPDX-License-Identifier: MIT */
#include "engine/worker.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/tinydev.h"
#include "tests/support/unit.h"

static const uint64_t S = 1000000000;

/* ---- one worker on a fake device --------------------------------------------- */

struct bench {
	struct tinynet *world;
	struct net *net;
	struct clock clock;
	struct gate *gate;
	struct scribe *scribe;
	struct post *post;
	struct worker *worker;
	uint64_t sightings, finals;
};

static int on_put(void *ctx, const struct sighting *list, unsigned count)
{
	struct bench *b = ctx;

	for (unsigned i = 0; i < count; i++) {
		b->sightings += !(list[i].flags & SIGHTING_FINAL);
		b->finals += !!(list[i].flags & SIGHTING_FINAL);
	}
	return 0;
}

static struct worker_opts options(struct bench *b)
{
	struct worker_opts o = { .index = 0,
				 .workers = 1,
				 .net = b->net,
				 .clock = b->clock,
				 .gate = b->gate,
				 .lane = scribe_lane(b->scribe, 0),
				 .post = b->post,
				 .crawl = crawl_opts_default() };

	o.crawl.seed = 5;
	o.crawl.own_id.b[0] = 0x77;
	o.crawl.slots_log2 = 14;
	o.crawl.endpoints_max = 100000;
	o.crawl.sweep_after_ns = 5 * S;
	o.crawl.mixing_all_until = 100;
	return o;
}

static void open_bench(struct bench *b, const struct tinydev_opts *dev, uint32_t live,
		       uint32_t dead, double rate_pps)
{
	struct gate_opts gate = { .rate_pps = rate_pps };
	struct sink sink = { .put = on_put, .ctx = b };

	memset(b, 0, sizeof(*b));
	b->world = tinynet_new(7, live, dead);
	b->net = tinydev_open(b->world, dev, &b->clock);
	assert_int_equal(gate_new(&gate, &b->gate), 0);
	assert_int_equal(scribe_new(1, &sink, &b->scribe), 0);
	assert_int_equal(post_new(1, &b->post), 0);
}

static void offer_first(struct bench *b)
{
	struct crawl_contact c = { .ep = b->world->nodes[0].ep };

	crawl_offer(worker_crawl(b->worker), &c, 1, worker_now_ns(b->worker));
}

static void close_bench(struct bench *b)
{
	worker_free(b->worker);
	post_free(b->post);
	scribe_free(b->scribe);
	gate_free(b->gate);
	net_close(b->net);
	tinynet_free(b->world);
}

/* Turn until it is quiet; returns how long that took on the device's clock. */
static uint64_t turn_to_end(struct bench *b)
{
	uint64_t from = clock_now_ns(&b->clock);

	for (unsigned i = 0; !worker_quiet(b->worker); i++) {
		int did = worker_turn(b->worker);

		if (did < 0 || i > 5000000)
			fail_msg("turn %u: %d", i, did);
	}
	return clock_now_ns(&b->clock) - from;
}

static void check_accounts(struct bench *b, struct crawl_stats *c)
{
	struct tinydev_witness seen = tinydev_witness(b->net);
	struct worker_stats w;

	crawl_stats(worker_crawl(b->worker), c);
	worker_stats(b->worker, &w);
	assert_int_equal(c->sent, c->answered + c->errors + c->expired + c->in_flight);
	assert_int_equal(c->sent, w.sent_packets);
	assert_int_equal(c->sent, seen.handed_over - seen.refused);
	assert_int_equal(c->send_failed, seen.refused);
	assert_int_equal(w.recv_packets, seen.delivered);
	assert_int_equal(seen.unknown, 0);
	assert_true(seen.worst_10s <= 9);
}

static void test_census(void **state)
{
	struct tinydev_opts dev = { .rtt_ns = 50000000 };
	struct crawl_stats c;
	struct worker_stats w;
	struct worker_opts o;
	struct bench b;

	(void)state;
	open_bench(&b, &dev, 900, 300, 0);
	o = options(&b);
	assert_int_equal(worker_new(&o, &b.worker), 0);
	assert_true(worker_quiet(b.worker)); /* nothing to do yet */
	offer_first(&b);
	assert_false(worker_quiet(b.worker));
	turn_to_end(&b);
	check_accounts(&b, &c);
	assert_int_equal(c.in_flight, 0);
	assert_true(c.endpoints_live > 890);
	worker_close(b.worker);
	assert_int_equal(scribe_finish(b.scribe), 0);
	assert_int_equal(b.sightings, c.endpoints_live);
	assert_int_equal(b.finals, c.endpoints_known);
	worker_stats(b.worker, &w);
	assert_true(w.first_send_ns > 0 && w.last_recv_ns > w.first_send_ns);
	assert_int_equal(w.ring_full + w.window_full + w.misdealt + w.forward_dropped, 0);
	close_bench(&b);
}

/* What the kernel refuses is asked again, and the accounts agree. */
static void test_refused_sends(void **state)
{
	struct tinydev_opts dev = { .rtt_ns = 1000000, .refuse_every = 5 };
	struct crawl_stats c;
	struct worker_opts o;
	struct bench b;

	(void)state;
	open_bench(&b, &dev, 400, 100, 0);
	o = options(&b);
	assert_int_equal(worker_new(&o, &b.worker), 0);
	offer_first(&b);
	turn_to_end(&b);
	check_accounts(&b, &c);
	assert_true(c.send_failed > 100);
	assert_true(c.endpoints_live > 395);
	close_bench(&b);
}

/* It sleeps while it waits, a few times a second, and neither spins nor oversleeps. */
static void test_sleeps(void **state)
{
	struct tinydev_opts dev = { .rtt_ns = 10000000 };
	struct worker_stats w;
	struct worker_opts o;
	struct bench b;
	uint64_t took;

	(void)state;
	open_bench(&b, &dev, 200, 200, 500);
	o = options(&b);
	assert_int_equal(worker_new(&o, &b.worker), 0);
	offer_first(&b);
	took = turn_to_end(&b);
	worker_stats(b.worker, &w);
	/* 2 per millisecond while the rate holds it back, 200 a second in the sweep's pause */
	assert_true(w.sleeps > 0 && w.turns < 3 * took / 1000000);
	assert_true(took > 5 * S && took < 60 * S);
	close_bench(&b);
}

/* Recounted by the millisecond: packets out less packets in never pass the window. */
static void test_window(void **state)
{
	enum { WINDOW = 40, MS = WORKER_WINDOW_NS / 1000000, SPAN = 65536 };
	struct tinydev_opts dev = { .rtt_ns = 7000000, .loss = 0.3 };
	static int64_t out_less_in[SPAN];
	struct worker_stats w, last;
	struct worker_opts o;
	struct bench b;

	(void)state;
	open_bench(&b, &dev, 900, 600, 0);
	o = options(&b);
	o.window = WINDOW;
	assert_int_equal(worker_new(&o, &b.worker), 0);
	offer_first(&b);
	worker_stats(b.worker, &last);
	while (!worker_quiet(b.worker)) {
		uint64_t ms;
		int64_t sum = 0;

		assert_true(worker_turn(b.worker) >= 0);
		worker_stats(b.worker, &w);
		ms = worker_now_ns(b.worker) / 1000000;
		assert_true(ms > MS && ms < SPAN);
		out_less_in[ms] += (int64_t)(w.sent_packets - last.sent_packets);
		out_less_in[ms] -= (int64_t)(w.recv_packets - last.recv_packets);
		for (uint64_t k = ms - MS + 1; k <= ms; k++)
			sum += out_less_in[k];
		if (w.sent_packets > last.sent_packets && sum > WINDOW)
			fail_msg("%lld without answer at %llu ms", (long long)sum,
				 (unsigned long long)ms);
		last = w;
	}
	assert_true(w.window_full > 0);
	close_bench(&b);
}

/* A far end that answers nothing for longer than the window remembers, again and again: what is
 * under way does not grow from one time to the next (E-191). */
static void test_window_after_stalls(void **state)
{
	enum { WINDOW = 40 };
	struct tinydev_opts dev = { .rtt_ns = 2000000, .stall_every_ns = 80000000 };
	struct worker_opts o;
	struct bench b;
	uint64_t most = 0;

	(void)state;
	dev.stall_ns = 30000000;
	open_bench(&b, &dev, 4000, 0, 0);
	o = options(&b);
	o.window = WINDOW;
	assert_int_equal(worker_new(&o, &b.worker), 0);
	offer_first(&b);
	while (!worker_quiet(b.worker)) {
		struct worker_stats w;

		assert_true(worker_turn(b.worker) >= 0);
		worker_stats(b.worker, &w);
		if (w.sent_packets - w.recv_packets > most)
			most = w.sent_packets - w.recv_packets;
	}
	assert_true(most > WINDOW);
	assert_in_range(most, WINDOW, 2 * WINDOW);
	close_bench(&b);
}

/* ---- a worker that is taken off its core ------------------------------------------ */

/** Before the device's own net_recv() time passes, and batches leave; it notes when. */
struct sticky {
	struct net net; /* first: engine/net.h */
	struct net *inner;
	uint64_t passed_ns; /* in stalls, beside the inner device's time */
	struct clock inner_clock;
	uint64_t rng, left[1 << 16];
	unsigned pending, count;
};

static struct sticky *sticky_of(struct net *net)
{
	return (struct sticky *)net;
}

static uint64_t sticky_now(void *ctx)
{
	struct sticky *s = ctx;

	return clock_now_ns(&s->inner_clock) + s->passed_ns;
}

static unsigned sticky_alloc(struct net *net, struct net_msg *msgs, unsigned count)
{
	return net_send_alloc(sticky_of(net)->inner, msgs, count);
}

static unsigned sticky_send(struct net *net, const struct net_msg *msgs, unsigned count)
{
	sticky_of(net)->pending += count;
	return net_send(sticky_of(net)->inner, msgs, count);
}

/* One batch in eight lies for up to 20 ms. */
static int sticky_recv(struct net *net, struct net_msg *msgs, unsigned max, uint64_t wait_ns)
{
	struct sticky *s = sticky_of(net);

	s->rng = s->rng * 6364136223846793005 + 1442695040888963407;
	if (s->pending && s->rng >> 61 == 0)
		s->passed_ns += (s->rng >> 32) % 20000000;
	for (; s->pending; s->pending--) {
		assert_true(s->count < sizeof(s->left) / sizeof(s->left[0]));
		s->left[s->count++] = sticky_now(s);
	}
	s->passed_ns += 20000; /* a turn takes time */
	return net_recv(s->inner, msgs, max, wait_ns);
}

static void sticky_finish(struct net *net)
{
	net_recv_finish(sticky_of(net)->inner);
}

static unsigned sticky_failures(struct net *net, struct net_failure *out, unsigned max)
{
	return net_failures(sticky_of(net)->inner, out, max);
}

static void sticky_stats(struct net *net, struct net_stats *out)
{
	net_stats(sticky_of(net)->inner, out);
}

static const struct net_ops sticky_ops = { .name = "sticky",
					   .send_alloc = sticky_alloc,
					   .send = sticky_send,
					   .recv = sticky_recv,
					   .recv_finish = sticky_finish,
					   .failures = sticky_failures,
					   .stats = sticky_stats };

/* The rate is one of packets as they leave, wherever the worker was kept before (E-240). */
static void test_rate_as_they_leave(void **state)
{
	static const double rates[] = { 50, 1000, 8000 };
	struct tinydev_opts dev = { .rtt_ns = 5000000 };

	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		double most = rates[i] * 0.010 + 1 + rates[i] * 1.5e-3;
		struct sticky *s = calloc(1, sizeof(*s));
		struct worker_opts o;
		struct bench b;

		assert_non_null(s);
		open_bench(&b, &dev, i ? 2000 : 60, i ? 500 : 0, rates[i]);
		s->net.ops = &sticky_ops;
		s->inner = b.net;
		s->inner_clock = b.clock;
		s->rng = 12 + i;
		b.clock.now_ns = sticky_now;
		b.clock.ctx = s;
		o = options(&b);
		o.net = &s->net;
		o.canaries = true;
		assert_int_equal(worker_new(&o, &b.worker), 0);
		offer_first(&b);
		while (!worker_quiet(b.worker)) {
			assert_true(worker_turn(b.worker) >= 0);
			(void)scribe_turn(b.scribe);
		}
		assert_true(s->count > (i ? 4000 : 100));
		for (unsigned at = 0, first = 0; at < s->count; at++) {
			while (s->left[at] - s->left[first] >= 10000000)
				first++;
			if (at - first + 1 > most)
				fail_msg("%.0f pps: %u in 10 ms, %.1f allowed", rates[i],
					 at - first + 1, most);
		}
		close_bench(&b);
		free(s);
	}
}

static void test_device_dies(void **state)
{
	struct tinydev_opts dev = { .rtt_ns = 10000000, .die_at_ns = 2 * S };
	struct worker_opts o;
	struct bench b;
	int did = 0;

	(void)state;
	open_bench(&b, &dev, 100, 400, 1000);
	o = options(&b);
	assert_int_equal(worker_new(&o, &b.worker), 0);
	offer_first(&b);
	for (unsigned i = 0; did >= 0 && i < 100000; i++)
		did = worker_turn(b.worker);
	assert_int_equal(did, -ENODEV);
	close_bench(&b);
}

static void test_bad_options(void **state)
{
	struct tinydev_opts dev = { .rtt_ns = 0 };
	struct worker_opts o;
	struct bench b;

	(void)state;
	open_bench(&b, &dev, 2, 0, 0);
	o = options(&b);
	o.crawl.slots_log2 = 60;
	assert_true(worker_new(&o, &b.worker) < 0);
	assert_null(b.worker);
	close_bench(&b);
}

static void forget_contacts(void *ctx, const struct crawl_contact *list, unsigned count)
{
	(void)ctx;
	(void)list;
	(void)count;
}

/* ---- another worker is behind ---------------------------------------------------- */

/* It opens no post: who fills the list stops asking long before a contact is lost. */
static void test_post_behind(void **state)
{
	struct tinydev_opts dev = { .rtt_ns = 1000000 };
	struct crawl_contact c = { .ep = endpoint_ip4(0x05060708, 1000) };
	struct worker_stats s;
	struct worker_opts o;
	struct post *post;
	struct bench b;

	(void)state;
	open_bench(&b, &dev, 50, 0, 0);
	assert_int_equal(post_new(2, &post), 0);
	o = options(&b);
	o.workers = 2;
	o.post = post;
	assert_int_equal(worker_new(&o, &b.worker), 0);
	offer_first(&b);
	while (!post_behind(post, 0))
		post_contact(post, 0, 1, &c);
	for (unsigned i = 0; i < 50; i++)
		assert_true(worker_turn(b.worker) >= 0);
	worker_stats(b.worker, &s);
	assert_int_equal(s.sent_packets, 0);
	assert_int_equal(s.post_behind, 50);
	assert_int_equal(s.post_dropped, 0);
	/* The other one turns again. */
	while (post_waiting(post, 0)) {
		post_collect(post, 1, &(struct post_box){ &b, forget_contacts, NULL });
		assert_true(worker_turn(b.worker) >= 0);
	}
	worker_stats(b.worker, &s);
	assert_true(s.sent_packets > 0);
	worker_free(b.worker);
	b.worker = NULL;
	post_free(post);
	close_bench(&b);
}

/* ---- the scribe is behind ------------------------------------------------------- */

/* Nobody drains: the worker must stop asking before a put has to wait. */
static void test_scribe_behind(void **state)
{
	struct tinydev_opts dev = { .rtt_ns = 1000000 };
	struct sighting filler = { .way = SIGHTING_MENTIONED };
	struct worker_stats before, after;
	struct worker_opts o;
	struct bench b;

	(void)state;
	open_bench(&b, &dev, 50, 0, 0);
	o = options(&b);
	assert_int_equal(worker_new(&o, &b.worker), 0);
	offer_first(&b);
	while (!scribe_lane_behind(o.lane))
		scribe_lane_put(o.lane, &filler);
	for (unsigned i = 0; i < 50; i++)
		assert_true(worker_turn(b.worker) >= 0);
	worker_stats(b.worker, &before);
	assert_int_equal(before.sent_packets, 0);
	assert_int_equal(before.ring_full, 50);
	while (scribe_turn(b.scribe))
		;
	turn_to_end(&b);
	worker_stats(b.worker, &after);
	assert_true(after.sent_packets > 100);
	close_bench(&b);
}

/* ---- two workers, one thread ------------------------------------------------------ */

struct pair {
	struct bench half[2]; /* world, net and clock are the first one's */
};

/*
 * Both share one device, so each receives the other's answers: a kernel that
 * deals nothing. They must find their way by the slot named in t.
 */
static void test_misdealt(void **state)
{
	struct tinydev_opts dev = { .rtt_ns = 5000000 };
	struct crawl_stats c[2];
	struct worker_stats w[2];
	struct post *post;
	struct pair p;

	(void)state;
	assert_int_equal(post_new(2, &post), 0);
	open_bench(&p.half[0], &dev, 600, 200, 0);
	open_bench(&p.half[1], &dev, 2, 0, 0);
	for (unsigned i = 0; i < 2; i++) {
		struct worker_opts o = options(&p.half[i]);

		o.index = i;
		o.workers = 2;
		o.net = p.half[0].net;
		o.clock = p.half[0].clock;
		o.post = post;
		assert_int_equal(worker_new(&o, &p.half[i].worker), 0);
	}
	p.half[1].world->nodes[0] = p.half[0].world->nodes[0];
	offer_first(&p.half[net_deal(&p.half[0].world->nodes[0].ep, 2)]);
	for (unsigned i = 0; i < 100 || !post_at_rest(post); i++) {
		assert_true(worker_turn(p.half[i % 2].worker) >= 0);
		assert_true(i < 1000000);
	}
	for (unsigned i = 0; i < 2; i++) {
		crawl_stats(worker_crawl(p.half[i].worker), &c[i]);
		worker_stats(p.half[i].worker, &w[i]);
		assert_int_equal(c[i].sent, c[i].answered + c[i].errors + c[i].expired);
		assert_true(w[i].misdealt > 100);
		assert_int_equal(w[i].post_dropped + w[i].forward_dropped, 0);
	}
	assert_true(c[0].endpoints_live + c[1].endpoints_live > 590);
	close_bench(&p.half[0]);
	close_bench(&p.half[1]);
	post_free(post);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_census),
		cmocka_unit_test(test_refused_sends),
		cmocka_unit_test(test_sleeps),
		cmocka_unit_test(test_window),
		cmocka_unit_test(test_window_after_stalls),
		cmocka_unit_test(test_rate_as_they_leave),
		cmocka_unit_test(test_device_dies),
		cmocka_unit_test(test_bad_options),
		cmocka_unit_test(test_post_behind),
		cmocka_unit_test(test_scribe_behind),
		cmocka_unit_test(test_misdealt),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
