/* SPDX-License-Identifier: MIT */
#include "engine/tap_run.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "engine/clock.h"
#include "engine/cpu.h"
#include "engine/priv.h"
#include "engine/scribe.h"
#include "engine/signals.h"

enum {
	READ_AT_ONCE = 512,
	LOOK_EVERY = 4096,        /* frames of a file between two looks at the clock */
	SHOW_NS = 100 * 1000000,  /* a queue shows its counters this often */
	FLUSH_NS = 250 * 1000000, /* and sends the block that is begun */
	NAP_NS = 10 * 1000000,
	STATUS_TERMINAL_S = 1,
	STATUS_LOG_S = 10,
	S_NS = 1000000000,
};

struct queue {
	struct tap_run *run;
	unsigned index;
	struct capture *capture;
	struct tap *tap;
	struct scribe_lane *lane;
	pthread_t thread;
	bool has_thread, pinned;
	uint64_t show_ns, flush_ns;
	int err; /* read after the thread has ended */
	atomic_bool over;
	pthread_mutex_t lock; /* of what follows */
	struct tap_stats shown;
	struct capture_stats kernel;
};

struct tap_run {
	struct tap_run_opts opts;
	struct clock clock;
	struct scribe *scribe;
	unsigned queues;
	struct queue queue[CAPTURE_QUEUES_MAX];
	atomic_bool stop;
	struct signals signals;
	uint64_t began_ns, status_ns;
	uint64_t status_packets, status_at_ns;
	uint64_t first_us, paced_ns; /* of a file at its recorded speed */
	int privileges;
	char why[CAPTURE_WHY_MAX];
};

static uint64_t now(const struct tap_run *r)
{
	return clock_now_ns(&r->clock);
}

static void nap(uint64_t ns)
{
	struct timespec t = { (time_t)(ns / S_NS), (long)(ns % S_NS) };

	nanosleep(&t, NULL);
}

/* ---- a tap's port ---------------------------------------------------------------- */

static bool put_sighting(void *ctx, const struct sighting *s)
{
	struct queue *q = ctx;

	if (!q->run->opts.file && !scribe_lane_room(q->lane))
		return false;
	scribe_lane_put(q->lane, s);
	return true;
}

static bool put_heard(void *ctx, const struct heard *h)
{
	struct queue *q = ctx;

	if (!q->run->opts.file && !scribe_lane_room(q->lane))
		return false;
	scribe_lane_put_heard(q->lane, h);
	return true;
}

static bool put_listing(void *ctx, const struct listing *l)
{
	struct queue *q = ctx;

	if (!q->run->opts.file && !scribe_lane_room(q->lane))
		return false;
	scribe_lane_put_listing(q->lane, l);
	return true;
}

static void show(struct queue *q)
{
	struct capture_stats kernel;
	struct tap_stats st;

	tap_stats(q->tap, &st);
	capture_stats(q->capture, &kernel);
	pthread_mutex_lock(&q->lock);
	q->shown = st;
	q->kernel = kernel;
	pthread_mutex_unlock(&q->lock);
}

/* ---- saying how it goes ------------------------------------------------------------ */

static void sum(struct tap_run *r, struct tap_stats *st, struct capture_stats *kernel)
{
	memset(st, 0, sizeof(*st));
	memset(kernel, 0, sizeof(*kernel));
	for (unsigned i = 0; i < r->queues; i++) {
		struct queue *q = &r->queue[i];

		pthread_mutex_lock(&q->lock);
		tap_stats_add(st, &q->shown);
		kernel->received += q->kernel.received;
		kernel->dropped += q->kernel.dropped;
		kernel->if_dropped += q->kernel.if_dropped;
		pthread_mutex_unlock(&q->lock);
	}
}

static uint64_t messages_of(const struct tap_stats *st)
{
	uint64_t n = 0;

	for (unsigned k = 0; k < HEARD_MALFORMED; k++)
		n += st->messages[k];
	return n;
}

static void status(struct tap_run *r, bool last)
{
	bool terminal = r->opts.status && isatty(fileno(r->opts.status));
	uint64_t at = now(r), s = (at - r->began_ns) / S_NS;
	struct capture_stats kernel;
	struct tap_stats st;
	double rate;

	if (!r->opts.status || (at < r->status_ns && !last))
		return;
	sum(r, &st, &kernel);
	rate = (double)(st.packets - r->status_packets) * 1e9 / (double)(at - r->status_at_ns + 1);
	fprintf(r->opts.status,
		"%s%u:%02u frames: %llu (%.0f/s); messages: %llu; answered: %llu; nodes: %llu; "
		"malformed: %llu; drops: %llu kernel, %llu ours%s",
		terminal ? "\r" : "", (unsigned)(s / 60), (unsigned)(s % 60),
		(unsigned long long)st.packets, rate, (unsigned long long)messages_of(&st),
		(unsigned long long)st.answered, (unsigned long long)st.nodes,
		(unsigned long long)st.messages[HEARD_MALFORMED],
		(unsigned long long)(kernel.dropped + kernel.if_dropped),
		(unsigned long long)(st.sightings_dropped + st.heard_dropped + st.listings_dropped),
		terminal && !last ? "\033[K" : "\n");
	fflush(r->opts.status);
	r->status_packets = st.packets;
	r->status_at_ns = at;
	r->status_ns = at + (uint64_t)(terminal ? STATUS_TERMINAL_S : STATUS_LOG_S) * S_NS;
}

static bool out_of_time(const struct tap_run *r)
{
	return r->opts.max_runtime_ns && now(r) - r->began_ns >= r->opts.max_runtime_ns;
}

static bool asked_to_stop(const struct tap_run *r)
{
	return r->opts.signals && signals_stops(&r->signals) > 0;
}

/* ---- a file, on the caller's thread -------------------------------------------------- */

/* Each frame at its time; a gap is slept through in naps, so that a stop is seen. */
static void pace(struct tap_run *r, uint64_t when_us)
{
	uint64_t due;

	if (!r->paced_ns) {
		r->paced_ns = now(r);
		r->first_us = when_us;
	}
	if (when_us <= r->first_us)
		return;
	due = r->paced_ns + (uint64_t)((double)(when_us - r->first_us) * 1000 / r->opts.speed);
	while (now(r) < due && !asked_to_stop(r) && !out_of_time(r)) {
		uint64_t left = due - now(r);

		tap_settle(r->queue[0].tap);
		show(&r->queue[0]);
		scribe_lane_flush(r->queue[0].lane);
		status(r, false);
		nap(left < NAP_NS ? left : NAP_NS);
	}
}

static void take_file(void *ctx, const struct tap_packet *p)
{
	struct queue *q = ctx;

	if (q->run->opts.speed > 0)
		pace(q->run, p->when_us);
	tap_packet(q->tap, p);
}

static enum tap_end file_end(struct tap_run *r, int n)
{
	if (n == DT_ENOTFOUND)
		return TAP_END_FILE;
	snprintf(r->why, sizeof(r->why), "%.200s", capture_error(r->queue[0].capture));
	return n == DT_ESHORT ? TAP_END_CUT : TAP_END_BROKEN;
}

static enum tap_end read_file(struct tap_run *r)
{
	struct queue *q = &r->queue[0];
	unsigned since = 0;

	for (;;) {
		/* A frame at a time where it is paced: libpcap cannot be stopped inside of a batch.
		 */
		int n = capture_read(q->capture, r->opts.speed > 0 ? 1 : READ_AT_ONCE, take_file,
				     q);

		if (n < 0)
			return file_end(r, n);
		if (asked_to_stop(r))
			return TAP_END_INTERRUPTED;
		if (scribe_error(r->scribe))
			return TAP_END_FAILED;
		since += (unsigned)n;
		if (since < LOOK_EVERY && r->opts.speed <= 0)
			continue;
		since = 0;
		if (out_of_time(r))
			return TAP_END_RUNTIME;
		show(q);
		status(r, false);
	}
}

/* ---- a device, a thread per queue ------------------------------------------------------ */

static void take_live(void *ctx, const struct tap_packet *p)
{
	tap_packet(((struct queue *)ctx)->tap, p);
}

static void look_around(struct queue *q)
{
	uint64_t at = now(q->run);

	if (at >= q->show_ns) {
		show(q);
		q->show_ns = at + SHOW_NS;
	}
	if (at >= q->flush_ns) {
		scribe_lane_flush(q->lane);
		q->flush_ns = at + FLUSH_NS;
	}
}

static void *queue_main(void *arg)
{
	struct queue *q = arg;
	struct tap_run *r = q->run;

	/* Slower without, not wrong: a container may forbid it. */
	q->pinned = r->opts.pin && cpu_pin(q->index) == 0;
	while (!atomic_load_explicit(&r->stop, memory_order_relaxed)) {
		int n = capture_read(q->capture, READ_AT_ONCE, take_live, q);

		if (n < 0) {
			q->err = n;
			break;
		}
		look_around(q);
		if (n > 0)
			continue;
		tap_settle(q->tap);
		capture_wait(q->capture, CAPTURE_TIMEOUT_MS);
	}
	/* What lies in the ring was on the wire before the stop. */
	while (!q->err) {
		int n = capture_read(q->capture, READ_AT_ONCE, take_live, q);

		if (n <= 0)
			break;
	}
	atomic_store_explicit(&q->over, true, memory_order_release);
	return NULL;
}

static bool any_over(struct tap_run *r)
{
	for (unsigned i = 0; i < r->queues; i++)
		if (atomic_load_explicit(&r->queue[i].over, memory_order_acquire))
			return true;
	return false;
}

static enum tap_end watch(struct tap_run *r)
{
	for (;;) {
		if (asked_to_stop(r))
			return TAP_END_INTERRUPTED;
		if (out_of_time(r))
			return TAP_END_RUNTIME;
		if (any_over(r) || scribe_error(r->scribe))
			return TAP_END_FAILED;
		status(r, false);
		nap(NAP_NS);
	}
}

static enum tap_end run_live(struct tap_run *r)
{
	enum tap_end end = TAP_END_FAILED;
	unsigned started = 0;
	sigset_t before;
	int err = 0;

	signals_block(&before); /* they are the watcher's */
	for (; started < r->queues && !err; started += !err) {
		struct queue *q = &r->queue[started];

		err = pthread_create(&q->thread, NULL, queue_main, q);
		q->has_thread = !err;
		if (err)
			q->err = -err;
	}
	signals_unblock(&before);
	if (!err)
		end = watch(r);
	/* Relaxed: a wish; the join is what orders. */
	atomic_store_explicit(&r->stop, true, memory_order_relaxed);
	for (unsigned i = 0; i < started; i++)
		pthread_join(r->queue[i].thread, NULL);
	for (unsigned i = 0; i < r->queues && end == TAP_END_FAILED; i++)
		if (r->queue[i].err && !r->why[0])
			snprintf(r->why, sizeof(r->why), "queue %u: %.180s", i,
				 r->queue[i].err == -EIO ? capture_error(r->queue[i].capture)
							 : dt_strerror(r->queue[i].err));
	return end;
}

/* ---- the end --------------------------------------------------------------------------- */

static void close_accounts(struct tap_run *r, struct tap_result *out)
{
	struct rusage use;

	out->queues = r->queues;
	for (unsigned i = 0; i < r->queues; i++) {
		struct queue *q = &r->queue[i];

		tap_finish(q->tap);
		scribe_lane_flush(q->lane);
		show(q);
		out->queue[i] = (struct tap_queue){ .packets = q->shown.packets,
						    .sightings_dropped = q->shown.sightings_dropped,
						    .heard_dropped = q->shown.heard_dropped,
						    .listings_dropped = q->shown.listings_dropped,
						    .kernel = q->kernel };
		out->kernel.received += q->kernel.received;
		out->kernel.dropped += q->kernel.dropped;
		out->kernel.if_dropped += q->kernel.if_dropped;
		if (i)
			tap_absorb(r->queue[0].tap, q->tap);
	}
	status(r, true);
	tap_stats(r->queue[0].tap, &out->stats);
	getrusage(RUSAGE_SELF, &use);
	out->wall_ns = now(r) - r->began_ns;
	out->cpu_ns = (uint64_t)(use.ru_utime.tv_sec + use.ru_stime.tv_sec) * S_NS +
		      (uint64_t)(use.ru_utime.tv_usec + use.ru_stime.tv_usec) * 1000;
	out->peak_rss_bytes = (uint64_t)use.ru_maxrss * 1024;
	out->privileges = r->privileges;
	snprintf(out->link, sizeof(out->link), "%s",
		 frame_link_name(capture_link(r->queue[0].capture)));
}

int tap_run(struct tap_run *r, struct tap_result *out)
{
	int err;

	memset(out, 0, sizeof(*out));
	if (r->opts.signals)
		signals_take(&r->signals);
	r->began_ns = r->status_at_ns = now(r);
	r->status_ns = r->began_ns + S_NS;
	err = scribe_start(r->scribe);
	if (err)
		out->end = TAP_END_FAILED;
	else
		out->end = r->opts.file ? read_file(r) : run_live(r);
	close_accounts(r, out);
	if (!err)
		err = scribe_finish(r->scribe);
	if (r->opts.signals)
		signals_give_back(&r->signals);
	for (unsigned i = 0; i < r->queues && !err; i++)
		err = r->queue[i].err;
	if (err) {
		out->end = TAP_END_FAILED;
		out->err = err;
	}
	snprintf(out->why, sizeof(out->why), "%s",
		 r->why[0] ? r->why
		 : err     ? dt_strerror(err)
			   : "");
	return err;
}

const struct tap *tap_run_nodes(const struct tap_run *r)
{
	return r->queue[0].tap;
}

const char *tap_end_name(enum tap_end end)
{
	static const char *const names[] = { "end of file", "cut file", "broken file",
					     "interrupted", "runtime",  "failed" };

	return (unsigned)end < sizeof(names) / sizeof(names[0]) ? names[end] : "?";
}

/* ---- life ------------------------------------------------------------------------------ */

static int open_captures(struct tap_run *r, char *why)
{
	struct capture *list[CAPTURE_QUEUES_MAX] = { NULL };
	char filter[CAPTURE_FILTER_MAX];
	int err;

	if (r->opts.file) {
		r->queues = 1;
		err = capture_open_file(r->opts.file, r->opts.filter, &list[0], why);
	} else {
		struct capture_live live = r->opts.live;

		r->queues = live.queues = live.queues ? live.queues : cpu_usable();
		live.filter = r->opts.filter ? r->opts.filter
					     : capture_filter(r->opts.tap.ports,
							      r->opts.tap.port_count, filter);
		err = capture_open_live(&live, list, why);
	}
	for (unsigned i = 0; i < r->queues && err >= 0; i++)
		r->queue[i].capture = list[i];
	return err;
}

static int open_queue(struct tap_run *r, unsigned i)
{
	struct queue *q = &r->queue[i];
	struct tap_port port = { .ctx = q,
				 .sighting = put_sighting,
				 .heard = r->opts.heard ? put_heard : NULL,
				 .listing = r->opts.edges ? put_listing : NULL };
	struct tap_opts opts = r->opts.tap;

	opts.queue = (uint8_t)i;
	q->run = r;
	q->index = i;
	q->lane = scribe_lane(r->scribe, i);
	return tap_new(&opts, &port, &q->tap);
}

int tap_run_open(const struct tap_run_opts *opts, struct tap_run **out,
		 char why[static CAPTURE_WHY_MAX])
{
	struct tap_run *r = calloc(1, sizeof(*r));
	int err;

	why[0] = 0;
	if (!r)
		return -ENOMEM;
	r->opts = *opts;
	r->clock = clock_system();
	r->privileges = -1;
	for (unsigned i = 0; i < CAPTURE_QUEUES_MAX; i++)
		pthread_mutex_init(&r->queue[i].lock, NULL);
	err = open_captures(r, why);
	if (err >= 0)
		err = scribe_new(r->queues, &opts->sink, &r->scribe);
	for (unsigned i = 0; i < r->queues && err >= 0; i++)
		err = open_queue(r, i);
	if (err >= 0 && opts->drop_privileges)
		err = r->privileges = priv_drop(opts->keep_writable);
	if (err < 0) {
		tap_run_close(r);
		return err;
	}
	*out = r;
	return 0;
}

void tap_run_close(struct tap_run *r)
{
	if (!r)
		return;
	scribe_free(r->scribe);
	for (unsigned i = 0; i < CAPTURE_QUEUES_MAX; i++) {
		tap_free(r->queue[i].tap);
		capture_close(r->queue[i].capture);
		pthread_mutex_destroy(&r->queue[i].lock);
	}
	free(r);
}
