/* SPDX-License-Identifier: MIT */
#include "engine/worker.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "engine/canary.h"

enum {
	/* Blocks that are begun go to the scribe at least this often. */
	LANE_FLUSH_NS = 100 * 1000 * 1000,
	PAUSED_NAP_NS = 100 * 1000,
	FAILURES_MAX = 64, /* per round; drained until none is left */
	WINDOW_BINS = CRAWL_AGES,
	WINDOW_BIN_NS = CRAWL_AGE_US * 1000,
};
_Static_assert((int)WINDOW_BINS *(int)WINDOW_BIN_NS == (int)WORKER_WINDOW_NS, "all of it");

/* Packets out in the last WORKER_WINDOW_NS and not answered, by the ms in which they left. */
struct window {
	uint32_t bin[WINDOW_BINS];
	uint64_t sum;
	uint64_t at; /* number of the running bin */
};

struct worker {
	struct worker_opts opts;
	struct crawl *crawl;
	struct canary *canary; /* NULL: none are kept */
	struct worker_stats stats;
	struct window window;
	uint64_t now_ns;
	uint64_t flush_ns; /* when the lane is flushed next */
	uint64_t rest_ns;  /* longest sleep */
	bool closing, hushed, paused;
	bool busy; /* the last turn found something to do */
	struct net_msg in[NET_BATCH_MAX], out[NET_BATCH_MAX];
	uint16_t elsewhere[NET_BATCH_MAX];
};

/* ---- what leaves the crawl -------------------------------------------------- */

static void on_sighting(void *ctx, const struct sighting *s)
{
	struct worker *w = ctx;

	if (w->canary && s->way == SIGHTING_ANSWERED && !(s->flags & SIGHTING_FINAL))
		canary_meet(w->canary, &s->from);
	if (!w->hushed)
		scribe_lane_put(w->opts.lane, s);
	/* Relaxed: a wish. Looked at after each, for a slow sink may take a second for one. */
	if (w->closing && w->opts.hushed)
		w->hushed = atomic_load_explicit(w->opts.hushed, memory_order_relaxed);
}

static void on_listing(void *ctx, const struct listing *l)
{
	struct worker *w = ctx;

	scribe_lane_put_listing(w->opts.lane, l);
}

static void on_contact(void *ctx, unsigned shard, const struct crawl_contact *contact)
{
	struct worker *w = ctx;

	post_contact(w->opts.post, w->opts.index, shard, contact);
}

static void on_malformed(void *ctx, const void *data, size_t len, int why)
{
	struct worker *w = ctx;

	bad_keep(w->opts.bad, data, len, why);
}

/* ---- what arrives ------------------------------------------------------------ */

static void forward(struct worker *w, const struct net_msg *msg)
{
	int owner = crawl_slot_owner(msg, w->opts.workers);

	if (owner < 0 || (unsigned)owner == w->opts.index || !w->opts.post) {
		w->stats.forward_dropped++;
		return;
	}
	w->stats.misdealt++;
	post_datagram(w->opts.post, w->opts.index, (unsigned)owner, msg);
}

/* Answers to canaries are nobody else's. Returns how many datagrams are left. */
static unsigned take_canaries(struct worker *w, unsigned count)
{
	unsigned kept = 0;

	for (unsigned i = 0; i < count; i++)
		if (!canary_take(w->canary, &w->in[i], w->now_ns))
			w->in[kept++] = w->in[i];
	return kept;
}

static void received(struct worker *w, unsigned count)
{
	unsigned elsewhere = 0;

	if (count && w->canary)
		count = take_canaries(w, count);
	if (count == 0)
		return;
	crawl_rx(w->crawl, w->now_ns, w->in, count, w->elsewhere, &elsewhere);
	for (unsigned i = 0; i < elsewhere; i++)
		forward(w, &w->in[w->elsewhere[i]]);
	w->stats.recv_packets += count;
	w->stats.last_recv_ns = w->now_ns;
}

static void posted_contacts(void *ctx, const struct crawl_contact *list, unsigned count)
{
	struct worker *w = ctx;

	crawl_offer(w->crawl, list, count, w->now_ns);
}

/* A forwarded datagram that is not ours either has lied about its owner: no second journey. */
static void posted_datagrams(void *ctx, const struct net_msg *msgs, unsigned count)
{
	struct worker *w = ctx;
	unsigned elsewhere = 0;

	crawl_rx(w->crawl, w->now_ns, msgs, count, w->elsewhere, &elsewhere);
	w->stats.forward_dropped += elsewhere;
	w->stats.last_recv_ns = w->now_ns;
}

static unsigned collect_post(struct worker *w)
{
	struct post_box box = { w, posted_contacts, posted_datagrams };

	return w->opts.post ? post_collect(w->opts.post, w->opts.index, &box) : 0;
}

static unsigned collect_failures(struct worker *w)
{
	struct net_failure list[FAILURES_MAX];
	unsigned all = 0, n;

	while ((n = net_failures(w->opts.net, list, FAILURES_MAX)) > 0) {
		for (unsigned i = 0; i < n; i++) {
			if (w->canary && canary_owns(w->canary, list[i].tag))
				continue;
			crawl_send_failed(w->crawl, list[i].tag, list[i].err, w->now_ns);
			all++;
		}
	}
	w->stats.sent_packets -= all;
	return all;
}

/* ---- what is sent -------------------------------------------------------------- */

/* Move the window on to now: what was sent before it is counted no more. */
static void window_move(struct window *win, uint64_t now_ns)
{
	uint64_t at = now_ns / WINDOW_BIN_NS;

	if (at - win->at >= WINDOW_BINS) {
		memset(win->bin, 0, sizeof(win->bin));
		win->sum = 0;
		win->at = at;
	}
	while (win->at < at) {
		uint32_t *bin = &win->bin[++win->at % WINDOW_BINS];

		win->sum -= *bin;
		*bin = 0;
	}
}

static void window_sent(struct window *win, unsigned packets)
{
	win->bin[win->at % WINDOW_BINS] += packets;
	win->sum += packets;
}

/*
 * Answers are taken off where their question was counted (E-191): what is left are packets
 * without one, however many older ones are still under way.
 */
static void window_answered(struct window *win, const uint32_t by_age[static WINDOW_BINS])
{
	for (unsigned age = 0; age < WINDOW_BINS && age <= win->at; age++) {
		uint32_t *bin = &win->bin[(win->at - age) % WINDOW_BINS];
		uint32_t n = by_age[age] < *bin ? by_age[age] : *bin;

		*bin -= n;
		win->sum -= n;
	}
}

/* How many packets the window still lets out. */
static unsigned window_room(const struct worker *w)
{
	uint64_t rtt_us = crawl_rtt_us(w->crawl), window = w->opts.window;
	uint64_t room;

	if (window == 0)
		return NET_BATCH_MAX;
	if (rtt_us > WORKER_WINDOW_RTT_US)
		window = window * WORKER_WINDOW_RTT_US / rtt_us + 1;
	room = window > w->window.sum ? window - w->window.sum : 0;
	return room > NET_BATCH_MAX ? NET_BATCH_MAX : (unsigned)room;
}

/*
 * No more than the rate lets out, so that the crawl draws and prefetches no
 * candidates in vain; but one at least, so that it learns when to come again.
 */
static unsigned within_rate(const struct worker *w, unsigned room)
{
	unsigned rate = gate_room(w->opts.gate, w->now_ns);

	if (rate >= room)
		return room;
	return rate ? rate : 1;
}

static unsigned ask(struct worker *w)
{
	unsigned room = window_room(w), count = 0;

	if (scribe_lane_behind(w->opts.lane)) {
		w->stats.ring_full++;
		return 0;
	}
	if (w->opts.post && post_behind(w->opts.post, w->opts.index)) {
		w->stats.post_behind++;
		return 0;
	}
	if (room == 0)
		w->stats.window_full++;
	else
		count = net_send_alloc(w->opts.net, w->out, within_rate(w, room));
	if (count)
		count = crawl_tx(w->crawl, w->now_ns, w->out, count);
	if (count == 0)
		return 0;
	if (w->stats.first_send_ns == 0)
		w->stats.first_send_ns = w->now_ns;
	w->stats.sent_packets += count;
	return net_send(w->opts.net, w->out, count);
}

/* Before the crawl asks, so that a rate that is used up leaves room for them. */
static unsigned ask_canaries(struct worker *w)
{
	struct net_msg msgs[CANARY_BATCH];
	unsigned count;

	if (!w->canary)
		return 0;
	count = net_send_alloc(w->opts.net, msgs, CANARY_BATCH);
	count = canary_ask(w->canary, w->opts.gate, w->now_ns, w->stats.sent_packets, msgs, count);
	return count ? net_send(w->opts.net, msgs, count) : 0;
}

/* ---- the turn -------------------------------------------------------------------- */

static uint64_t wait_ns(const struct worker *w)
{
	uint64_t most = w->rest_ns, due;

	if (w->busy || most == 0)
		return 0;
	due = crawl_next_due_ns(w->crawl, w->now_ns);
	if (due <= w->now_ns + WORKER_NAP_NS)
		return WORKER_NAP_NS;
	return due - w->now_ns < most ? due - w->now_ns : most;
}

static void flush(struct worker *w)
{
	if (w->opts.post)
		post_flush(w->opts.post, w->opts.index);
	if (w->now_ns >= w->flush_ns) {
		scribe_lane_flush(w->opts.lane);
		w->flush_ns = w->now_ns + LANE_FLUSH_NS;
	}
}

/* Long enough to let others run, short against what a socket's buffer holds. */
static int paused_turn(struct worker *w)
{
	unsigned others = collect_post(w);

	flush(w);
	if (w->opts.post)
		post_settle(w->opts.post, w->opts.index, worker_quiet(w));
	if (others == 0)
		nanosleep(&(struct timespec){ 0, PAUSED_NAP_NS }, NULL);
	return 1;
}

void worker_pause(struct worker *w, bool pause)
{
	w->paused = pause;
	w->busy = true; /* what arrived meanwhile is not slept over */
}

void worker_rest(struct worker *w, uint64_t most_ns)
{
	w->rest_ns = most_ns;
}

int worker_turn(struct worker *w)
{
	uint64_t wait = wait_ns(w);
	uint32_t ages[CRAWL_AGES];
	unsigned sent, asked, others;
	int got;

	if (w->paused)
		return paused_turn(w);
	got = net_recv(w->opts.net, w->in, NET_BATCH_MAX, wait);
	if (got < 0)
		return got;
	w->now_ns = clock_now_ns(&w->opts.clock);
	gate_handed_over(w->opts.gate, w->now_ns);
	received(w, (unsigned)got);
	net_recv_finish(w->opts.net);
	others = collect_failures(w);
	crawl_tick(w->crawl, w->now_ns);
	others += collect_post(w);
	window_move(&w->window, w->now_ns);
	crawl_take_ages(w->crawl, ages);
	window_answered(&w->window, ages);
	asked = ask_canaries(w);
	sent = ask(w);
	window_sent(&w->window, sent);
	sent += asked;
	flush(w);
	w->busy = got > 0 || sent > 0 || others > 0;
	w->stats.turns++;
	w->stats.busy_turns += w->busy;
	w->stats.sleeps += wait > 0;
	if (w->opts.post)
		post_settle(w->opts.post, w->opts.index, worker_quiet(w));
	return w->busy;
}

bool worker_quiet(const struct worker *w)
{
	if (w->opts.post && post_waiting(w->opts.post, w->opts.index))
		return false;
	return w->paused || crawl_idle(w->crawl);
}

void worker_close(struct worker *w)
{
	w->now_ns = clock_now_ns(&w->opts.clock);
	w->closing = true;
	crawl_close(w->crawl, w->now_ns);
	scribe_lane_flush(w->opts.lane);
}

/* ---- life ------------------------------------------------------------------------ */

int worker_new(const struct worker_opts *opts, struct worker **out)
{
	struct worker *w = calloc(1, sizeof(*w));
	struct crawl_port port = { .ctx = w,
				   .sighting = on_sighting,
				   .contact = on_contact,
				   .malformed = opts->bad ? on_malformed : NULL,
				   .listing = scribe_lane_lists(opts->lane) ? on_listing : NULL };
	int err;

	if (!w)
		return -ENOMEM;
	w->opts = *opts;
	w->opts.crawl.shard = opts->index;
	w->opts.crawl.shards = opts->workers;
	if (w->opts.idle_wait_max_ns == 0)
		w->opts.idle_wait_max_ns = WORKER_IDLE_WAIT_NS;
	w->rest_ns = w->opts.idle_wait_max_ns;
	w->now_ns = clock_now_ns(&opts->clock);
	err = crawl_new(&w->opts.crawl, opts->gate, &port, w->now_ns, opts->clock.wall_minus_now_ns,
			&w->crawl);
	if (err) {
		free(w);
		return err;
	}
	if (opts->canaries) {
		struct canary_opts c = { .mac_key = opts->crawl.mac_key,
					 .own_id = opts->crawl.own_id,
					 .v = span_of(opts->crawl.v, sizeof(opts->crawl.v)) };

		err = canary_new(&c, &w->canary);
		if (err) {
			worker_free(w);
			return err;
		}
	}
	w->busy = true;
	*out = w;
	return 0;
}

void worker_free(struct worker *w)
{
	if (!w)
		return;
	crawl_free(w->crawl);
	canary_free(w->canary);
	free(w);
}

struct crawl *worker_crawl(struct worker *w)
{
	return w->crawl;
}

uint64_t worker_now_ns(const struct worker *w)
{
	return w->now_ns;
}

void worker_stats(const struct worker *w, struct worker_stats *out)
{
	struct post_stats post;
	struct canary_stats canary;

	*out = w->stats;
	if (w->canary) {
		canary_stats(w->canary, &canary);
		out->canary_sent = canary.sent;
		out->canary_answered = canary.answered;
		out->canary_lost = canary.lost;
		out->canary_failed = canary.failed;
		out->canary_in_flight = canary.in_flight;
	}
	if (!w->opts.post)
		return;
	post_stats(w->opts.post, w->opts.index, &post);
	out->post_dropped = post.contacts_dropped;
	out->forward_dropped += post.datagrams_dropped;
}
