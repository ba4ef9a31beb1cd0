/* SPDX-License-Identifier: MIT */
#include "engine/seat.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "engine/clock.h"
#include "engine/counters.h"
#include "engine/cpu.h"
#include "engine/rng.h"

enum {
	SHOW_NS = 100 * 1000 * 1000,
	/* In virtual time nobody else has post or orders meanwhile. */
	VIRTUAL_WAIT_NS = 100 * 1000 * 1000,
	WARM_BATCH = 64,
	/* Live nodes of other zones that a guest asks its way of; crawl.h asks 32 of a depth. */
	GUEST_OUTSIDE = 256,
	NAP_NS = 2 * 1000 * 1000, /* while waiting for a seat, or failed and waiting for orders */
};

static void nap(void)
{
	struct timespec t = { 0, NAP_NS };

	nanosleep(&t, NULL);
}

static int fail(struct seat *s, int err, const char *what)
{
	s->err = err;
	snprintf(s->why, sizeof(s->why), "worker %u: %s: %s", s->opts.index, what,
		 dt_strerror(err));
	return err;
}

static void set_state(struct seat *s, enum seat_state state)
{
	/* Release: who sees the state sees err, why and backend. */
	atomic_store_explicit(&s->state, (int)state, memory_order_release);
}

enum seat_state seat_state(const struct seat *s)
{
	return (enum seat_state)atomic_load_explicit(&s->state, memory_order_acquire);
}

/* ---- opening, on the worker's thread ---------------------------------------------- */

static int open_device(struct seat *s)
{
	const struct engine_opts *o = s->opts.engine;
	const char *why = "";
	int err;

	if (!s->opts.group) {
		s->net = o->device;
	} else {
		err = net_open(o->backend, s->opts.group, s->opts.index, &s->net, &why);
		if (err)
			return fail(s, err, *why ? why : "device");
		s->owns_net = true;
	}
	snprintf(s->backend, sizeof(s->backend), "%s", s->net->ops->name);
	snprintf(s->backend_why, sizeof(s->backend_why), "%s", why);
	if (s->opts.group && o->wrap) {
		s->net = o->wrap(o->wrap_ctx, s->net);
		if (!s->net)
			return fail(s, -ENOMEM, "wrapped device");
	}
	/* Device or socket may have served an engine before this one. */
	net_stats(s->net, &s->net_before);
	return 0;
}

static int open_gate(struct seat *s)
{
	struct gate_opts opts = { .blocklist = s->opts.blocklist,
				  .rate_pps = s->opts.unlimited ? 0 : s->opts.rate_pps,
				  .workers = s->opts.workers,
				  .shard = s->opts.engine->shard,
				  .shards = s->opts.engine->shards,
				  .wall_minus_now_ns = s->opts.clock.wall_minus_now_ns };
	int err = 0;

	/* Random on a real network; on a simulated one of the seed, as all else is. */
	memcpy(&opts.secret, s->opts.engine->crawl.mac_key, sizeof(opts.secret));
	opts.secret = rng_mix(opts.secret + s->opts.index) | 1;
	if (s->opts.host) {
		s->gate = s->opts.host->gate;
		gate_stats(s->gate, &s->gate_before);
	} else if (s->opts.gate) {
		s->gate = s->opts.gate;
		gate_set_blocklist(s->gate, opts.blocklist);
		gate_set_rate(s->gate, opts.rate_pps);
		gate_shut_services(s->gate);
	} else {
		err = gate_new(&opts, &s->gate);
	}
	return err ? fail(s, err, "gate") : 0;
}

/* The longest sleep of a seat without a guest; two that share a thread look in turns. */
static uint64_t idle_wait_ns(const struct seat *s)
{
	if (s->opts.host)
		return WORKER_NAP_NS;
	return s->opts.threaded ? (uint64_t)WORKER_IDLE_WAIT_NS : VIRTUAL_WAIT_NS;
}

static int open_worker(struct seat *s)
{
	struct worker_opts opts = { .index = s->opts.index,
				    .workers = s->opts.workers,
				    .net = s->net,
				    .clock = s->opts.clock,
				    .gate = s->gate,
				    .lane = s->opts.lane,
				    .post = s->opts.post,
				    .crawl = s->opts.engine->crawl,
				    .idle_wait_max_ns = idle_wait_ns(s),
				    .hushed = &s->hushed,
				    .bad = s->opts.engine->bad,
				    .window = s->opts.engine->window,
				    .canaries = s->opts.engine->adaptive };
	int err = worker_new(&opts, &s->worker);

	return err ? fail(s, err, "crawl") : 0;
}

/* Contacts to start from, those of this shard. */
static void offer_bootstrap(struct seat *s)
{
	const struct engine_opts *o = s->opts.engine;
	uint64_t now = worker_now_ns(s->worker);

	for (size_t i = 0; i < o->bootstrap_count; i++)
		if (net_deal(&o->bootstrap[i].ep, s->opts.workers) == s->opts.index)
			crawl_offer(worker_crawl(s->worker), &o->bootstrap[i], 1, now);
}

/* The contacts of the census before, on their way into this shard. */
struct warm {
	struct seat *seat;
	struct crawl_contact list[WARM_BATCH];
	unsigned count;
};

static void warm_flush(struct warm *w)
{
	crawl_offer(worker_crawl(w->seat->worker), w->list, w->count,
		    worker_now_ns(w->seat->worker));
	w->count = 0;
}

static void warm_take(void *ctx, const struct crawl_contact *c)
{
	struct warm *w = ctx;

	if (net_deal(&c->ep, w->seat->opts.workers) != w->seat->opts.index)
		return;
	w->list[w->count++] = *c;
	if (w->count == WARM_BATCH)
		warm_flush(w);
}

static int offer_warm(struct seat *s)
{
	const struct engine_opts *o = s->opts.engine;
	struct warm w = { .seat = s };
	int err = o->warm ? o->warm(o->warm_ctx, warm_take, &w) : 0;

	if (err < 0)
		return fail(s, err, "the census before");
	warm_flush(&w);
	return 0;
}

/* A census that was broken off: what its workers knew, those endpoints that are this shard's. */
static int take_up(struct seat *s)
{
	const struct checkpoint *from = s->opts.engine->resume;
	const struct checkpoint_head *head = checkpoint_head(from);
	struct crawl *crawl = worker_crawl(s->worker);
	int err = 0;

	crawl_set_levels(crawl, head->zone_level);
	if (s->opts.index == 0)
		crawl_set_heard(crawl, head->counters.crawl.heard);
	for (unsigned i = 0; !err && i < head->workers; i++)
		err = crawl_restore(crawl, checkpoint_records(from, i), worker_now_ns(s->worker),
				    &s->restored);
	return err ? fail(s, err, "checkpoint") : 0;
}

/* Whom a guest begins with, out of its host's tables. */
struct known {
	struct warm warm;
	const struct crawl_part *part;
	unsigned outside; /* so many of them were offered */
};

static void known_take(void *ctx, const struct crawl_entry *e)
{
	struct known *k = ctx;
	bool inside = part_has(k->part, nodeid_prefix64(&e->node.id));
	struct crawl_contact c = {
		.ep = e->ep, .id = e->node.id, .has_id = inside, .confirmed = inside
	};

	if (!e->node.answered || (!inside && k->outside == GUEST_OUTSIDE))
		return;
	k->outside += !inside;
	k->warm.list[k->warm.count++] = c;
	if (k->warm.count == WARM_BATCH)
		warm_flush(&k->warm);
}

/*
 * Whom the host has heard: the zone's, asked again first, and some others as a way in. Where
 * it knows enough nobody is asked who was told at the start: routers have their own budget.
 */
static void offer_known(struct seat *s)
{
	struct known k = { .warm.seat = s, .part = &s->opts.engine->crawl.part };
	struct crawl_stats host;

	crawl_stats(worker_crawl(s->opts.host->worker), &host);
	crawl_each(worker_crawl(s->opts.host->worker), known_take, &k);
	warm_flush(&k.warm);
	if (host.endpoints_live < GUEST_OUTSIDE)
		offer_bootstrap(s);
}

static int open_guest(struct seat *s)
{
	int err = open_device(s);

	if (!err)
		err = open_gate(s);
	if (!err)
		err = open_worker(s);
	if (!err)
		offer_known(s);
	return err;
}

static int open_seat(struct seat *s)
{
	int err;

	/* Not being pinned is slower, not wrong: a container may forbid it. */
	if (s->opts.pin && cpu_pin(s->opts.index))
		snprintf(s->backend_why, sizeof(s->backend_why), "cannot pin");
	err = open_device(s);
	if (!err)
		err = open_gate(s);
	if (!err)
		err = open_worker(s);
	if (!err)
		err = s->opts.engine->resume ? take_up(s) : offer_warm(s);
	if (!err)
		offer_bootstrap(s);
	return err;
}

/* ---- counters ------------------------------------------------------------------------ */

static void show(struct seat *s)
{
	struct engine_counters now = { .unexplained = 0 };
	uint64_t gap;

	crawl_stats(worker_crawl(s->worker), &now.crawl);
	gate_stats(s->gate, &now.gate);
	counters_gate_since(&now.gate, &s->gate_before);
	net_stats(s->net, &now.net);
	counters_net_since(&now.net, &s->net_before);
	worker_stats(s->worker, &now.worker);
	now.worker.cpu_ns = clock_thread_cpu_ns();
	gap = counters_gap(&now);
	if (gap > s->unexplained)
		s->unexplained = gap;
	now.unexplained = s->unexplained;
	pthread_mutex_lock(&s->lock);
	s->shown = now;
	pthread_mutex_unlock(&s->lock);
}

void seat_counters(struct seat *s, struct engine_counters *out)
{
	pthread_mutex_lock(&s->lock);
	*out = s->shown;
	pthread_mutex_unlock(&s->lock);
}

/* ---- orders ---------------------------------------------------------------------------- */

/*
 * A last look at the device: packets that wait for the next net_recv() leave or
 * fail, so that its counts and the crawl's agree to the end.
 */
static void last_turn(struct seat *s)
{
	int err;

	crawl_stop(worker_crawl(s->worker));
	err = worker_turn(s->worker);
	if (err < 0)
		fail(s, err, "device");
}

/* What this shard knows, on disk; and into the scribe's hands what it has said. */
static void save(struct seat *s, const struct seat_order *order)
{
	struct checkpoint_out *out;

	scribe_lane_flush(s->opts.lane);
	memset(&s->saved, 0, sizeof(s->saved));
	s->saved.err = checkpoint_create(order->save_path, order->generation, s->opts.index, &out);
	if (s->saved.err)
		return;
	crawl_save(worker_crawl(s->worker), worker_now_ns(s->worker), out);
	s->saved.err = checkpoint_finish(out, &s->saved.file);
	crawl_levels(worker_crawl(s->worker), s->saved.levels);
	show(s);
	seat_counters(s, &s->saved.counters);
}

static void take_guest(struct seat *s, struct seat *guest)
{
	int err = s->worker ? open_guest(guest) : fail(guest, -ECANCELED, "its host has failed");

	s->guest = guest;
	set_state(guest, err ? SEAT_FAILED : SEAT_SEATED);
}

static void carry_out(struct seat *s, const struct seat_order *order)
{
	struct crawl *crawl = s->worker ? worker_crawl(s->worker) : NULL;

	if (order->kind == SEAT_HOST)
		take_guest(s, order->guest);
	if (!crawl)
		return;
	switch (order->kind) {
	case SEAT_TALLY:
		memset(&s->tally, 0, sizeof(s->tally));
		crawl_tally(crawl, &s->tally);
		s->quiet = worker_quiet(s->worker);
		break;
	case SEAT_RAISE:
		s->raised = crawl_raise(crawl, order->zones, worker_now_ns(s->worker));
		break;
	case SEAT_TWINS:
		crawl_twins_mark(crawl, order->twins);
		break;
	case SEAT_LIST:
		s->listed = crawl_twins_list(crawl, order->twins, NULL, 0);
		s->list = calloc(s->listed ? s->listed : 1, sizeof(*s->list));
		s->listed = s->list ? crawl_twins_list(crawl, order->twins, s->list, s->listed) : 0;
		break;
	case SEAT_JUDGE:
		/* Without memory who shares an id stays unsaid. */
		(void)!crawl_judge(crawl, order->list, order->listed);
		break;
	case SEAT_STOP:
		crawl_stop(crawl);
		break;
	case SEAT_PAUSE:
		worker_pause(s->worker, true);
		break;
	case SEAT_SAVE:
		save(s, order);
		worker_pause(s->worker, false);
		break;
	case SEAT_BLOCKLIST:
		gate_set_blocklist(s->gate, order->blocklist);
		break;
	case SEAT_HOST:
		break;
	case SEAT_CLOSE:
		last_turn(s);
		worker_close(s->worker);
		break;
	case SEAT_LEAVE:
		last_turn(s);
		scribe_lane_flush(s->opts.lane);
		break;
	}
}

/* A guest goes; its host's thread, which this is, has no more to do with it. */
static void leave_host(struct seat *s)
{
	s->opts.host->guest = NULL;
	if (s->opts.host->worker)
		worker_rest(s->opts.host->worker, idle_wait_ns(s->opts.host));
	if (s->owns_net)
		net_close(s->net);
	s->net = NULL;
}

/* False when the order was to end. */
static bool obey(struct seat *s)
{
	/* Acquire: the order was written before its number. */
	unsigned no = atomic_load_explicit(&s->order_no, memory_order_acquire);
	bool ends;

	if (no == atomic_load_explicit(&s->done_no, memory_order_relaxed))
		return true;
	carry_out(s, &s->order);
	ends = s->order.kind == SEAT_CLOSE || s->order.kind == SEAT_LEAVE;
	if (ends && s->worker)
		show(s);
	if (ends && s->opts.host)
		leave_host(s);
	/* The mood as it is after the order, before anybody may ask for it. */
	if (!ends && s->worker)
		post_settle(s->opts.post, s->opts.index, worker_quiet(s->worker));
	/* Release: answers were written before. */
	atomic_store_explicit(&s->done_no, no, memory_order_release);
	return !ends;
}

void seat_tell(struct seat *s, const struct seat_order *order)
{
	unsigned no = atomic_load_explicit(&s->order_no, memory_order_relaxed);

	s->order = *order;
	atomic_store_explicit(&s->order_no, no + 1, memory_order_release);
	if (!s->has_thread && !s->hosted)
		obey(s);
}

bool seat_obeys(const struct seat *s)
{
	return s->has_thread || s->hosted || s->worker;
}

bool seat_obeyed(const struct seat *s)
{
	return atomic_load_explicit(&s->done_no, memory_order_acquire) ==
	       atomic_load_explicit(&s->order_no, memory_order_relaxed);
}

static uint64_t bits_of(double v)
{
	uint64_t bits;

	memcpy(&bits, &v, sizeof(bits));
	return bits;
}

void seat_set_rate(struct seat *s, double rate_pps)
{
	/* Relaxed: a number on its own. */
	atomic_store_explicit(&s->rate_bits, bits_of(rate_pps), memory_order_relaxed);
}

static void take_rate(struct seat *s)
{
	uint64_t bits = atomic_load_explicit(&s->rate_bits, memory_order_relaxed);
	double rate;

	if (bits == s->rate_taken)
		return;
	s->rate_taken = bits;
	memcpy(&rate, &bits, sizeof(rate));
	gate_set_rate(s->gate, rate);
}

/* ---- the thread ------------------------------------------------------------------------ */

static int turn(struct seat *s)
{
	int did = worker_turn(s->worker);
	uint64_t now = worker_now_ns(s->worker);

	s->busy = did > 0;
	if (did < 0) {
		fail(s, did, "device");
		set_state(s, SEAT_FAILED);
		return did;
	}
	if (!s->opts.host)
		take_rate(s);
	if (now >= s->publish_ns) {
		show(s);
		s->publish_ns = now + SHOW_NS;
	}
	return did;
}

/* Neither sleeps while the other has something to do. */
static void turn_guest(struct seat *s)
{
	struct seat *guest = s->guest;

	if (!guest || (guest->hosted && !obey(guest)) || seat_state(guest) != SEAT_SEATED)
		return;
	worker_rest(guest->worker, s->busy ? 0 : WORKER_NAP_NS);
	(void)!turn(guest);
	if (s->worker)
		worker_rest(s->worker, guest->busy ? 0 : WORKER_NAP_NS);
}

int seat_turn(struct seat *s)
{
	turn_guest(s);
	return turn(s);
}

static void *seat_main(void *arg)
{
	struct seat *s = arg;
	char name[16];

	snprintf(name, sizeof(name), "dt-worker-%u", s->opts.index);
	pthread_setname_np(pthread_self(), name);
	set_state(s, open_seat(s) ? SEAT_FAILED : SEAT_SEATED);
	while (obey(s)) {
		/* Who has failed still takes orders, so that the others can be ended. */
		if (seat_state(s) == SEAT_SEATED && seat_turn(s) >= 0)
			continue;
		turn_guest(s);
		nap();
	}
	if (s->owns_net)
		net_close(s->net);
	s->net = NULL;
	return NULL;
}

/* On the host's thread, where it has one. */
static int start_guest(struct seat *s)
{
	struct seat_order order = { .kind = SEAT_HOST, .guest = s };

	s->hosted = s->opts.host->has_thread;
	seat_tell(s->opts.host, &order);
	return 0;
}

int seat_start(struct seat *s)
{
	int err;

	if (s->opts.host)
		return start_guest(s);
	if (!s->opts.threaded) {
		err = open_seat(s);
		set_state(s, err ? SEAT_FAILED : SEAT_SEATED);
		return err;
	}
	err = pthread_create(&s->thread, NULL, seat_main, s);
	if (err)
		return fail(s, -err, "thread");
	s->has_thread = true;
	return 0;
}

int seat_await(struct seat *s)
{
	while (seat_state(s) == SEAT_STARTING || (s->opts.host && !seat_obeyed(s->opts.host)))
		nap();
	return seat_state(s) == SEAT_FAILED ? s->err : 0;
}

void seat_hush(struct seat *s)
{
	atomic_store_explicit(&s->hushed, true, memory_order_relaxed);
}

void seat_join(struct seat *s)
{
	if (s->has_thread)
		pthread_join(s->thread, NULL);
	s->has_thread = s->hosted = false;
}

/* ---- life -------------------------------------------------------------------------------- */

void seat_init(struct seat *s, const struct seat_opts *opts)
{
	memset(s, 0, sizeof(*s));
	s->opts = *opts;
	s->rate_taken = bits_of(opts->rate_pps);
	atomic_init(&s->rate_bits, s->rate_taken);
	pthread_mutex_init(&s->lock, NULL);
}

void seat_fini(struct seat *s)
{
	if (s->has_thread || s->hosted) {
		struct seat_order leave = { .kind = SEAT_LEAVE };

		seat_tell(s, &leave);
		while (s->hosted && !seat_obeyed(s))
			nap();
		seat_join(s);
	}
	worker_free(s->worker);
	if (!s->opts.gate && !s->opts.host)
		gate_free(s->gate);
	pthread_mutex_destroy(&s->lock);
}
