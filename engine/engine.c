/* SPDX-License-Identifier: MIT */
#include "engine/engine_impl.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "engine/clock.h"
#include "engine/cpu.h"
#include "engine/failures.h"
#include "engine/kernel.h"
#include "engine/metadata.h"
#include "engine/priv.h"

/*
 * DOC: the monitor's part. A run has four phases:
 *
 *	RUNNING --> all at rest, zones to ask deeper: raise, go on
 *	   |    --> all at rest, nothing to ask deeper -----------------> CLOSING
 *	   +------> SIGINT, time is up: STOPPING --> at rest, cooldown --> CLOSING
 *	any ------> second SIGINT, an error ----------------------------> LEAVING
 *
 * CLOSING says every endpoint once more, LEAVING does not; both drain the
 * scribe and flush the sink.
 */

enum {
	PAUSE_NS = 10 * 1000 * 1000,  /* between two looks of the monitor */
	VIRTUAL_TURNS = 256,          /* turns between two looks in virtual time */
	SHARE_NS = 100 * 1000 * 1000, /* between two rounds of shares */
	/* Each round asks one question more of a zone; a plan has two to add. More than
	 * this would mean that the estimate does not fall: then it is not for lack of asking. */
	RAISE_ROUNDS_MAX = 8,
	DEFAULT_RATE_PPS = 2000,
	DEFAULT_COOLDOWN_S = 8, /* the longest timeout is 4 s */
};

/* ---- options --------------------------------------------------------------------- */

struct engine_opts engine_opts_default(void)
{
	return (struct engine_opts){
		.pin = true,
		.backend = NET_BACKEND_AUTO,
		.udp = { .bind = endpoint_ip4(0, 0), .steer = NET_STEER_SOURCE },
		.rate_pps = DEFAULT_RATE_PPS,
		.crawl = crawl_opts_default(),
		.cooldown_ns = DEFAULT_COOLDOWN_S * UINT64_C(1000000000),
	};
}

const char *engine_end_name(enum engine_end end)
{
	switch (end) {
	case ENGINE_END_DONE:
		return "done";
	case ENGINE_END_INTERRUPTED:
		return "interrupted";
	case ENGINE_END_RUNTIME:
		return "runtime";
	case ENGINE_END_FAILED:
		return "failed";
	}
	return "?";
}

/* ---- making -------------------------------------------------------------------------- */

static int open_blocklist(struct engine *e, char *why)
{
	if (e->opts.blocklist_path)
		return blocklist_load(e->opts.blocklist_path, &e->blocklist, why);
	return blocklist_new(&e->blocklist);
}

static int open_metadata(struct engine *e, char *why)
{
	int err;

	if (!e->opts.metadata_path)
		return 0;
	e->metadata = fopen(e->opts.metadata_path, "we");
	if (e->metadata)
		return 0;
	err = -errno;
	snprintf(why, ENGINE_WHY_MAX, "%.150s: %s", e->opts.metadata_path, dt_strerror(err));
	return err;
}

static int open_sockets(struct engine *e, char *why)
{
	char text[ENDPOINT_TEXT_MAX];
	int err;

	if (e->opts.device)
		return 0;
	if (e->opts.sockets && *e->opts.sockets) {
		e->group = *e->opts.sockets;
		net_group_drain(e->group);
		return 0;
	}
	e->opts.udp.workers = e->workers;
	e->opts.udp.raw = e->opts.backend;
	err = net_group_open_why(&e->opts.udp, &e->group, why);
	if (!err && e->opts.sockets)
		*e->opts.sockets = e->group;
	if (err && !*why)
		snprintf(why, ENGINE_WHY_MAX, "%s: %s%s", endpoint_to_text(&e->opts.udp.bind, text),
			 dt_strerror(err),
			 err == -EADDRINUSE ? "; another program has this port, try --bind" : "");
	return err;
}

static int drop_privileges(struct engine *e, char *why)
{
	if (!e->opts.drop_privileges)
		return 0;
	e->privileges = priv_drop(e->opts.keep_writable);
	e->opts.keep_writable = NULL; /* the caller's; not needed any more */
	if (e->privileges >= 0)
		return 0;
	snprintf(why, ENGINE_WHY_MAX, "cannot drop privileges: %s", dt_strerror(e->privileges));
	return e->privileges;
}

static void init_seat(struct engine *e, unsigned i)
{
	struct seat_opts opts = {
		.index = i,
		.workers = e->workers,
		.threaded = e->threaded,
		.pin = e->opts.pin && e->threaded,
		.engine = &e->opts,
		.blocklist = e->blocklist,
		.group = e->group,
		.clock = e->clock,
		.lane = scribe_lane(e->scribe, i),
		.post = e->post,
		.rate_pps = e->opts.rate_pps / e->workers,
		.unlimited = e->opts.rate_pps <= 0,
		.gate = e->opts.before ? e->opts.before->seats[i].gate : NULL,
		.host = e->opts.host ? &e->opts.host->seats[i] : NULL,
	};

	seat_init(&e->seats[i], &opts);
	e->seats_made++;
}

static int make_rooms(struct engine *e)
{
	int err = post_new(e->workers, &e->post);

	if (!err)
		err = scribe_new(e->workers, &e->opts.sink, &e->scribe);
	if (err)
		return err;
	e->seats = calloc(e->workers, sizeof(*e->seats));
	if (!e->seats)
		return -ENOMEM;
	for (unsigned i = 0; i < e->workers; i++)
		init_seat(e, i);
	return 0;
}

int engine_new(const struct engine_opts *opts, struct engine **out, char why[static ENGINE_WHY_MAX])
{
	struct engine *e = calloc(1, sizeof(*e));
	int err = -ENOMEM;

	snprintf(why, ENGINE_WHY_MAX, "out of memory");
	if (!e)
		return err;
	e->opts = *opts;
	e->threaded = !opts->device;
	e->clock = opts->clock.now_ns ? opts->clock : clock_system();
	e->workers = opts->workers ? opts->workers : cpu_usable();
	if (!e->threaded)
		e->workers = 1;
	if (e->workers > NET_WORKERS_MAX)
		e->workers = NET_WORKERS_MAX;
	if (e->opts.before)
		e->workers = e->opts.before->workers;
	if (e->opts.host) {
		e->workers = e->opts.host->workers;
		e->opts.rate_pps = 0; /* the gates are its host's */
		e->opts.signals = false;
	}
	engine_pace_start(e, clock_now_ns(&e->clock));
	err = open_blocklist(e, why);
	if (!err)
		err = monitor_open(&e->opts, &e->monitor, why);
	if (!err)
		err = open_metadata(e, why);
	if (!err)
		err = open_sockets(e, why);
	if (!err)
		err = drop_privileges(e, why);
	if (!err)
		err = make_rooms(e);
	if (err) {
		engine_free(e);
		return err;
	}
	why[0] = '\0';
	*out = e;
	return 0;
}

/* Gates that were taken over go on with the list of their own run: ours ends here. */
static void give_gates_back(struct engine *e)
{
	for (unsigned i = 0; e->opts.before && i < e->seats_made; i++)
		if (e->opts.before->seats[i].gate)
			gate_set_blocklist(e->opts.before->seats[i].gate,
					   e->opts.before->blocklist);
}

void engine_free(struct engine *e)
{
	if (!e)
		return;
	for (unsigned i = 0; i < e->seats_made; i++)
		seat_fini(&e->seats[i]);
	give_gates_back(e);
	free(e->seats);
	scribe_free(e->scribe);
	post_free(e->post);
	if (!e->opts.sockets)
		net_group_close(e->group);
	monitor_close(e->monitor);
	if (e->metadata)
		fclose(e->metadata);
	blocklist_free(e->blocklist);
	free(e);
}

struct endpoint engine_local(const struct engine *e)
{
	static const struct endpoint none;

	return e->group ? net_group_local(e->group) : none;
}

int engine_find(const struct engine *e, const struct endpoint *ep, struct crawl_node *out)
{
	const struct seat *s = &e->seats[net_deal(ep, e->workers)];

	return s->worker ? crawl_find(worker_crawl(s->worker), ep, out) : DT_ENOTFOUND;
}

void engine_remember(const struct engine *e, struct failures *f)
{
	failures_begin(f);
	for (unsigned i = 0; i < e->workers; i++)
		if (e->seats[i].worker)
			crawl_remember(worker_crawl(e->seats[i].worker), f);
}

void engine_sum_net16(const struct engine *e, uint32_t sum[static GATE_NETS16])
{
	for (unsigned i = 0; i < e->workers; i++)
		if (seat_state(&e->seats[i]) == SEAT_SEATED)
			gate_sum_net16(e->seats[i].gate, sum);
}

void engine_each(const struct engine *e, void (*take)(void *ctx, const struct crawl_entry *entry),
		 void *ctx)
{
	for (unsigned i = 0; i < e->workers; i++)
		if (e->seats[i].worker)
			crawl_each(worker_crawl(e->seats[i].worker), take, ctx);
}

void engine_stop(struct engine *e)
{
	atomic_fetch_add(&e->stops, 1);
}

/* ---- while it runs ------------------------------------------------------------------------ */

static void share_rate(struct engine *e, uint64_t now_ns)
{
	uint64_t passed[NET_WORKERS_MAX], hungry[NET_WORKERS_MAX];

	if (e->workers == 1 || e->rate_pps <= 0 || now_ns - e->shared_ns < SHARE_NS)
		return;
	for (unsigned i = 0; i < e->workers; i++) {
		struct engine_counters one;

		seat_counters(&e->seats[i], &one);
		passed[i] = one.gate.passed;
		hungry[i] = one.gate.refused[GATE_RATE];
	}
	share_round(&e->share, passed, hungry, now_ns - e->shared_ns);
	for (unsigned i = 0; i < e->workers; i++)
		seat_set_rate(&e->seats[i], share_given(&e->share, i));
	e->shared_ns = now_ns;
}

static void watch(struct engine *e, uint64_t now_ns)
{
	struct engine_counters sum;

	share_rate(e, now_ns);
	engine_pace(e, now_ns);
	engine_heed_nudges(e);
	if (now_ns < monitor_due_ns(e->monitor))
		return;
	engine_sum_counters(e, &sum);
	monitor_tick(e->monitor, now_ns, &sum, e->phase != PHASE_RUNNING, false);
}

/* ---- orders ------------------------------------------------------------------------------ */

/*
 * Naps of a tenth of a millisecond at first, for a small census ends in a few of
 * these. @meanwhile may be NULL.
 */
static void await_orders(struct engine *e, void (*meanwhile)(struct engine *e))
{
	struct timespec t = { 0, 100 * 1000 };

	for (unsigned i = 0; i < e->workers; i++)
		while (!seat_obeyed(&e->seats[i])) {
			nanosleep(&t, NULL);
			if (t.tv_nsec < 5 * 1000 * 1000)
				t.tv_nsec *= 2;
			watch(e, clock_now_ns(&e->clock));
			if (meanwhile)
				meanwhile(e);
		}
}

void engine_order_all(struct engine *e, const struct seat_order *order)
{
	for (unsigned i = 0; i < e->workers; i++)
		seat_tell(&e->seats[i], order);
	await_orders(e, NULL);
}

static void begin_stop(struct engine *e, enum engine_end end, uint64_t now_ns)
{
	struct seat_order stop = { .kind = SEAT_STOP };

	e->end = end;
	e->phase = PHASE_STOPPING;
	e->stop_ns = now_ns;
	engine_order_all(e, &stop);
}

static void fail(struct engine *e, int err, const char *why)
{
	if (e->err)
		return;
	e->err = err;
	e->end = ENGINE_END_FAILED;
	e->phase = PHASE_LEAVING;
	snprintf(e->why, sizeof(e->why), "%s", why);
}

static void fail_sink(struct engine *e, int err)
{
	char why[ENGINE_WHY_MAX];

	snprintf(why, sizeof(why), "sightings cannot be kept: %s", dt_strerror(err));
	fail(e, err, why);
}

static void reload_blocklist(struct engine *e)
{
	struct seat_order order = { .kind = SEAT_BLOCKLIST };
	struct blocklist_info info;
	struct blocklist *list;
	char why[BLOCKLIST_WHY_MAX];

	if (!e->opts.blocklist_path)
		return;
	if (blocklist_load(e->opts.blocklist_path, &list, why)) {
		monitor_note(e->monitor, "blocklist kept as it was: %s", why);
		return;
	}
	order.blocklist = list;
	engine_order_all(e, &order);
	blocklist_free(e->blocklist); /* every worker has let go of it */
	e->blocklist = list;
	blocklist_info(list, &info);
	monitor_note(e->monitor, "blocklist %s: %u prefixes", e->opts.blocklist_path,
		     info.file_prefixes);
}

/* ---- stops --------------------------------------------------------------------------------- */

static int stops_asked(const struct engine *e)
{
	return atomic_load(&e->stops) + signals_stops(&e->signals);
}

static void heed_stops(struct engine *e, uint64_t now_ns)
{
	int asked = stops_asked(e);

	if (asked > 0 && e->stops_obeyed == 0) {
		e->stops_obeyed = 1;
		monitor_note(e->monitor, "stopping: answers are still awaited; once more = now");
		if (e->phase == PHASE_RUNNING)
			begin_stop(e, ENGINE_END_INTERRUPTED, now_ns);
	}
	if (asked > 1 && e->stops_obeyed == 1) {
		e->stops_obeyed = 2;
		e->phase = PHASE_LEAVING;
		e->end = ENGINE_END_INTERRUPTED;
	}
}

/* ---- the run --------------------------------------------------------------------------------- */

/* Everything is at rest. True when there was more to ask; false: it is the end. */
static bool go_deeper(struct engine *e)
{
	struct seat_order order = { .kind = SEAT_TALLY };
	struct census_tally sum = { 0 };
	uint64_t added = 0;

	if (e->opts.crawl.raise_above <= 0 || e->raise_rounds == RAISE_ROUNDS_MAX)
		return false;
	engine_order_all(e, &order);
	for (unsigned i = 0; i < e->workers; i++) {
		if (!e->seats[i].quiet)
			return true; /* a late answer woke it: look again later */
		for (unsigned z = 0; z < CENSUS_ZONES; z++) {
			sum.zone[z].live += e->seats[i].tally.zone[z].live;
			sum.zone[z].f0 += e->seats[i].tally.zone[z].f0;
			sum.zone[z].f1 += e->seats[i].tally.zone[z].f1;
			sum.zone[z].f2 += e->seats[i].tally.zone[z].f2;
			sum.zone[z].known += e->seats[i].tally.zone[z].known;
		}
	}
	if (census_zones_to_raise(&sum, e->opts.crawl.raise_above, order.zones) == 0)
		return false;
	order.kind = SEAT_RAISE;
	engine_order_all(e, &order);
	for (unsigned i = 0; i < e->workers; i++)
		added += e->seats[i].raised;
	e->raise_rounds += added > 0;
	return added > 0;
}

static void look(struct engine *e, uint64_t now_ns)
{
	int err = scribe_error(e->scribe);

	watch(e, now_ns);
	heed_stops(e, now_ns);
	if (e->phase == PHASE_RUNNING)
		engine_save_when_due(e);
	if (err)
		fail_sink(e, err);
	for (unsigned i = 0; i < e->workers; i++)
		if (seat_state(&e->seats[i]) == SEAT_FAILED)
			fail(e, e->seats[i].err, e->seats[i].why);
	if (e->phase == PHASE_RUNNING && e->opts.max_runtime_ns &&
	    now_ns - e->started_ns >= e->opts.max_runtime_ns)
		begin_stop(e, ENGINE_END_RUNTIME, now_ns);
	if (e->phase == PHASE_RUNNING && !e->has_guest && post_at_rest(e->post) && !go_deeper(e))
		e->phase = PHASE_CLOSING;
	if (e->phase == PHASE_STOPPING && !e->has_guest &&
	    (post_at_rest(e->post) ||
	     (e->opts.cooldown_ns && now_ns - e->stop_ns >= e->opts.cooldown_ns)))
		e->phase = PHASE_CLOSING;
}

/* What threads do elsewhere, some 10 ms of virtual time of it. */
static void turn_here(struct engine *e)
{
	struct seat *s = &e->seats[0];
	uint64_t until = worker_now_ns(s->worker) + PAUSE_NS;

	for (unsigned i = 0; i < VIRTUAL_TURNS; i++)
		if (seat_turn(s) < 0 || (!s->guest && post_at_rest(e->post)) ||
		    worker_now_ns(s->worker) >= until)
			break;
}

/* Its threads work meanwhile; a signal ends the nap. A guest's work is done by its host. */
static void pause_here(struct engine *e)
{
	if (!e->threaded)
		turn_here(e);
	else
		nanosleep(&(struct timespec){ 0, PAUSE_NS }, NULL);
}

static bool goes_on(const struct engine *e)
{
	return e->phase == PHASE_RUNNING || e->phase == PHASE_STOPPING || e->has_guest;
}

bool engine_step(struct engine *e)
{
	if (!goes_on(e))
		return false;
	if (!e->threaded)
		scribe_turn(e->scribe);
	if (signals_reload(&e->signals))
		reload_blocklist(e);
	if (e->phase == PHASE_RUNNING || e->phase == PHASE_STOPPING)
		look(e, clock_now_ns(&e->clock));
	engine_attend_guest(e);
	return goes_on(e);
}

static int start(struct engine *e)
{
	sigset_t before;
	int err;

	signals_block(&before); /* for the threads to inherit */
	err = e->threaded ? scribe_start(e->scribe) : 0;
	for (unsigned i = 0; !err && i < e->workers; i++)
		err = seat_start(&e->seats[i]);
	signals_unblock(&before);
	for (unsigned i = 0; !err && i < e->workers; i++)
		err = seat_await(&e->seats[i]);
	if (!err)
		return 0;
	for (unsigned i = 0; i < e->workers; i++)
		if (seat_state(&e->seats[i]) == SEAT_FAILED)
			fail(e, e->seats[i].err, e->seats[i].why);
	fail(e, err, "cannot start");
	return err;
}

/*
 * The closing words of ten million endpoints take as long as the sink takes. An
 * interruption meanwhile cuts them short: what was put is still committed.
 */
static void heed_haste(struct engine *e)
{
	if (stops_asked(e) <= e->stops_obeyed)
		return;
	e->stops_obeyed = stops_asked(e);
	for (unsigned i = 0; i < e->workers; i++)
		seat_hush(&e->seats[i]);
	/* And should the disk hang: once more ends the program in the usual way. */
	signals_give_back(&e->signals);
}

/* The lists of all seats, one after the other; NULL without memory. */
static struct crawl_twin *collect(struct engine *e, uint64_t *count)
{
	struct crawl_twin *all;
	uint64_t at = 0;

	*count = 0;
	for (unsigned i = 0; i < e->workers; i++)
		*count += e->seats[i].listed;
	all = calloc(*count ? *count : 1, sizeof(*all));
	for (unsigned i = 0; i < e->workers; i++) {
		struct seat *s = &e->seats[i];

		if (all && s->listed)
			memcpy(all + at, s->list, s->listed * sizeof(*all));
		at += s->listed;
		free(s->list);
		s->list = NULL;
		s->listed = 0;
	}
	return all;
}

/*
 * Who shares an id with whom, before the closing words: ids are dealt by address, so
 * it is seen over all shards only. Two passes over the tables, each in parallel.
 */
static void judge_twins(struct engine *e)
{
	struct seat_order order = { .kind = SEAT_TWINS };
	struct crawl_twin *all;
	uint64_t live = 0, count;

	for (unsigned i = 0; i < e->workers; i++) {
		struct engine_counters one;

		seat_counters(&e->seats[i], &one);
		live += one.crawl.endpoints_live;
	}
	if (crawl_twins_new(live, &order.twins) < 0)
		return;
	engine_order_all(e, &order);
	order.kind = SEAT_LIST;
	engine_order_all(e, &order);
	all = collect(e, &count);
	if (all) {
		crawl_twins_judge(all, count);
		order.kind = SEAT_JUDGE;
		order.list = all;
		order.listed = count;
		engine_order_all(e, &order);
	}
	free(all);
	crawl_twins_free(order.twins);
}

static void finish(struct engine *e)
{
	struct seat_order order = { .kind = e->phase == PHASE_LEAVING ? SEAT_LEAVE : SEAT_CLOSE };
	int err;

	/* Whoever was interrupted may want to go on some day. */
	if (e->phase == PHASE_CLOSING && e->end != ENGINE_END_DONE)
		engine_save(e);
	if (order.kind == SEAT_CLOSE)
		judge_twins(e);
	for (unsigned i = 0; i < e->workers; i++)
		if (seat_obeys(&e->seats[i]))
			seat_tell(&e->seats[i], &order);
	await_orders(e, heed_haste);
	for (unsigned i = 0; i < e->workers; i++)
		seat_join(&e->seats[i]);
	err = scribe_finish(e->scribe);
	if (err)
		fail_sink(e, err);
}

static void write_metadata(struct engine *e, const struct engine_result *r)
{
	struct metadata m = { .opts = &e->opts,
			      .result = r,
			      .blocklist = e->blocklist,
			      .privileges = e->opts.drop_privileges
						    ? priv_outcome_text(e->privileges)
						    : "not asked to drop" };
	int err;

	if (!e->metadata)
		return;
	err = metadata_write(e->metadata, &m);
	if (err)
		monitor_note(e->monitor, "%s: %s", e->opts.metadata_path, dt_strerror(err));
}

/*
 * An ordinary user gets what sysctl allows. The kernel counts its own overhead
 * in and so grants twice what was asked.
 */
static void say_buffers(struct engine *e)
{
	size_t granted = e->group ? net_group_rcvbuf(e->group) / 2 : 0;
	size_t asked = e->opts.udp.rcvbuf_bytes;

	if (e->group && granted < asked)
		monitor_note(e->monitor,
			     "receive buffer: %zu KiB of %zu granted, so bursts may be dropped "
			     "(and are counted); cure: CAP_NET_ADMIN, or sysctl -w "
			     "net.core.rmem_max=%zu",
			     granted >> 10, asked >> 10, asked);
}

void engine_begin(struct engine *e)
{
	struct clock system = clock_system();

	e->system_start_ns = clock_now_ns(&system);
	if (e->opts.signals)
		signals_take(&e->signals);
	e->started_ns = e->shared_ns = clock_now_ns(&e->clock);
	e->rate_pps = e->opts.rate_pps;
	share_init(&e->share, e->opts.rate_pps, e->workers);
	if (e->threaded)
		engine_read_kernel(e, &e->kernel_start);
	getrusage(RUSAGE_SELF, &e->usage_start);
	monitor_start(e->monitor, e->started_ns, e->clock.wall_minus_now_ns);
	say_buffers(e);
	engine_take_up(e);
	if (start(e) == 0)
		engine_taken_up(e);
}

int engine_end(struct engine *e, struct engine_result *out)
{
	finish(e);
	engine_fill_result(e, e->system_start_ns, out);
	monitor_tick(e->monitor, clock_now_ns(&e->clock), &out->counters, e->phase != PHASE_CLOSING,
		     true);
	write_metadata(e, out);
	signals_give_back(&e->signals);
	return e->err;
}

int engine_run(struct engine *e, struct engine_result *out)
{
	engine_begin(e);
	while (goes_on(e)) {
		pause_here(e);
		(void)engine_step(e);
	}
	return engine_end(e, out);
}
