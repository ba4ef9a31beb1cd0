/* SPDX-License-Identifier: MIT */
#include "bench/pair.h"

#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/resource.h>
#include <unistd.h>

#include "bench/bench.h"
#include "engine/cpu.h"
#include "engine/island.h"

enum {
	WAIT_NS = 5 * 1000 * 1000,
	START_US = 50 * 1000, /* rings opened, windows full */
	/* What has not come by then never will: its place in the window is free again. */
	LOST_NS = 20 * 1000 * 1000,
};

struct side {
	const struct pair_opts *opts;
	struct net_group *g;
	unsigned index;
	atomic_bool *stop;
	_Atomic uint64_t received; /* read by the measuring thread, relaxed: a count */
	uint64_t sent, refused;
	double user_s, system_s;
	int err;
	pthread_t thread;
};

/*
 * Packets without an answer, counted in two halves: those of this while of
 * LOST_NS and those of the while before; older ones are forgotten.
 */
struct window {
	uint64_t now, before, turn_ns;
};

static void window_add(struct window *w, uint64_t sent)
{
	w->now += sent;
}

static void window_take(struct window *w, uint64_t answered)
{
	uint64_t old = answered < w->before ? answered : w->before;

	w->before -= old;
	answered -= old;
	w->now -= answered < w->now ? answered : w->now;
}

static void window_age(struct window *w, uint64_t now_ns)
{
	if (now_ns - w->turn_ns < LOST_NS)
		return;
	w->before = w->now;
	w->now = 0;
	w->turn_ns = now_ns;
}

static void side_loop(struct side *s, struct pump *p)
{
	const struct pair_opts *o = s->opts;
	struct window w = { .turn_ns = bench_now_ns() };
	bool idle = false;

	while (!atomic_load_explicit(s->stop, memory_order_relaxed)) {
		uint64_t used = w.now + w.before;
		uint64_t room = used < o->window ? o->window - used : 0;
		unsigned send = room > o->batch ? o->batch : (unsigned)room;
		int n = pump_turn(p, send, o->batch, idle ? WAIT_NS : 0);

		if (n < 0) {
			s->err = n;
			return;
		}
		s->sent += send;
		window_add(&w, send);
		window_take(&w, (uint64_t)n);
		window_age(&w, bench_now_ns());
		atomic_fetch_add_explicit(&s->received, (uint64_t)n, memory_order_relaxed);
		idle = !n && !send;
	}
}

static double seconds(struct timeval t)
{
	return (double)t.tv_sec + 1e-6 * (double)t.tv_usec;
}

static void *side_main(void *arg)
{
	struct side *s = arg;
	struct rusage before, after;
	struct pump *p;

	s->err = cpu_pin(s->index);
	if (!s->err)
		s->err = pump_open(s->opts->way, s->g, s->index, s->opts->packets,
				   s->index * (s->opts->packets->count / 2), &p);
	if (s->err)
		return NULL;
	getrusage(RUSAGE_THREAD, &before);
	side_loop(s, p);
	getrusage(RUSAGE_THREAD, &after);
	s->user_s = seconds(after.ru_utime) - seconds(before.ru_utime);
	s->system_s = seconds(after.ru_stime) - seconds(before.ru_stime);
	s->refused = pump_refused(p);
	pump_close(p);
	return NULL;
}

static uint64_t received_by(struct side *sides, unsigned count)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < count; i++)
		sum += atomic_load_explicit(&sides[i].received, memory_order_relaxed);
	return sum;
}

static double watch(struct side *sides, unsigned count, uint64_t run_ns)
{
	uint64_t start, received;

	usleep(START_US);
	start = bench_now_ns();
	received = received_by(sides, count);
	usleep((useconds_t)(run_ns / 1000));
	received = received_by(sides, count) - received;
	return (double)received * 1e9 / (double)(bench_now_ns() - start);
}

int pair_run(const struct pair_opts *opts, struct pair_result *out)
{
	struct net_udp_opts udp = {
		.bind = endpoint_ip4(opts->island ? (uint32_t)ISLAND_NEAR : INADDR_ANY, 0),
		.workers = opts->cores,
		.steer = NET_STEER_CPU,
		.bind_device = opts->island ? NULL : "lo",
		.raw = opts->way->backend,
	};
	struct side sides[NET_WORKERS_MAX] = { 0 };
	struct pair_result r = { 0 };
	atomic_bool stop = false;
	struct net_group *g;
	unsigned started = 0;
	int err = net_group_open(&udp, &g);

	if (err)
		return err;
	while (started < opts->cores && !err) {
		struct side *s = &sides[started];

		s->opts = opts;
		s->g = g;
		s->index = started;
		s->stop = &stop;
		err = -pthread_create(&s->thread, NULL, side_main, s);
		started += !err;
	}
	if (!err)
		r.answered_per_s = watch(sides, started, opts->run_ns);
	atomic_store_explicit(&stop, true, memory_order_relaxed);
	for (unsigned i = 0; i < started; i++) {
		pthread_join(sides[i].thread, NULL);
		err = err ? err : sides[i].err;
		r.sent += sides[i].sent;
		r.refused += sides[i].refused;
		r.user_s += sides[i].user_s;
		r.system_s += sides[i].system_s;
	}
	r.received = received_by(sides, started);
	net_group_close(g);
	*out = r;
	return err;
}
