/* SPDX-License-Identifier: MIT */
/**
 * DOC: conf -> world, device, engine, sink, store. Order matters: the farm forks
 * before any thread and before the store is open (an LMDB environment must not
 * cross a fork), the store is open before privileges are dropped, and what was
 * opened last is closed first.
 */
#include "engine/cli/wire_impl.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "engine/cli/cli.h"
#include "engine/cli/conf_place.h"
#include "engine/clock.h"
#include "engine/cpu.h"
#include "engine/failures.h"

static void unwire(struct wire *w)
{
	engine_free(w->engine);
	net_group_close(w->sockets);
	failures_free(w->failures);
	checkpoint_close(w->resume);
	free(w->census_keys);
	store_writer_free(w->writer);
	if (w->talk->store_closing)
		w->talk->store_closing(w->talk->ctx);
	store_close(w->store);
	if (w->csv && w->csv != stdout)
		fclose(w->csv);
	if (bad_close(w->bad) < 0)
		cli_say("%s: not everything could be written", w->c->keep_bad);
	wire_close_beside(w);
	wire_close_second(w);
	wire_close_mirror(w);
	wire_ledger_free(w->ledger);
	net_close(w->device);
	sim_farm_stop(w->farm);
	island_close(w->island);
	sim_world_free(w->world);
	geo_close(w->geo);
	free(w->boot);
}

static int prepare(struct wire *w)
{
	int rc;

	w->boot = calloc(WIRE_BOOTSTRAP_MAX, sizeof(*w->boot));
	if (!w->boot || sodium_init() < 0)
		return -ENOMEM;
	rc = w->c->cores[0] ? cpu_use(w->c->cores) : 0;
	if (rc < 0) {
		cli_fail("cores: '%s': %s; cure: a list of cores that exist and are allowed: 0,2-5",
			 w->c->cores, dt_strerror(rc));
		return rc;
	}
	w->workers = w->c->workers ? (unsigned)w->c->workers : cpu_usable();
	if (!strcmp(w->c->sim_mode, "virtual") && w->c->sim)
		w->workers = 1;
	w->clock = clock_system();
	w->time_s = w->c->sim_time;
	rc = wire_resume_open(w);
	if (rc < 0)
		return rc;
	rc = wire_open_geo(w, NULL);
	if (rc >= 0)
		rc = w->c->sim ? wire_start_simulation(w) : wire_find_network(w);
	if (rc >= 0)
		rc = wire_try_report(w);
	if (rc >= 0)
		rc = wire_open_csv(w);
	if (rc >= 0)
		rc = wire_open_bad(w);
	if (rc >= 0)
		rc = wire_open_mirror(w);
	if (rc >= 0)
		rc = wire_open_store(w);
	if (rc >= 0)
		rc = wire_recall(w);
	if (rc >= 0)
		wire_resume_claim(w);
	return rc;
}

static void broke_off(const struct wire *w, int rc, const char *why)
{
	if (rc == -EPIPE)
		return; /* whoever read what this census finds has left */
	cli_fail("the census broke off: %s", *why ? why : dt_strerror(rc));
	if (rc == DT_ENOSPACE || rc == -ENOSPC)
		wire_store_fail(w, rc);
	else if (rc == DT_EUNSUPPORTED && !strcmp(w->c->backend, "uring"))
		cli_fail("cure: --backend auto, which takes mmsg where io_uring is refused");
}

/* What comes after a census that has run: the score, the report, the sealed epoch. */
static int conclude(struct wire *w, struct wire_result *r)
{
	int rc, sealed;

	wire_farm_losses(w);
	if (w->ledger)
		r->engine.worst_asn_10s = wire_ledger_worst(w->ledger, &r->engine.worst_asn);
	wire_remember(w, r);
	rc = wire_score(w, r); /* before the second pass: a moving world moves on */
	if (rc >= 0) {
		wire_certify(w, r);
		rc = wire_make_report(r);
	}
	if (rc < 0)
		return rc;
	sealed = wire_seal(w, r); /* a report is worth more where that failed */
	rc = wire_write_report(w, r);
	return sealed < 0 ? sealed : rc;
}

static int one_census(struct wire *w, const struct wire_talk *talk, struct wire_result *r)
{
	int rc = wire_begin_epoch(w);

	wire_begin_truth(w);
	memset(r, 0, sizeof(*r));
	r->simulated = w->c->sim != 0;
	r->step = w->step;
	if (rc >= 0)
		rc = wire_make_engine(w, talk);
	if (rc >= 0) {
		wire_mirror_from(w, engine_local(w->engine));
		rc = engine_run(w->engine, &r->engine);
		network_file_end(&w->network, r->engine.counters.crawl.endpoints_known);
		if (rc < 0)
			broke_off(w, rc, r->engine.why);
	}
	if (rc >= 0)
		rc = conclude(w, r);
	engine_free(w->engine);
	w->engine = NULL;
	checkpoint_close(w->resume);
	w->resume = NULL;
	return rc;
}

/* Virtual time passes by waiting for datagrams; late ones are nobody's any more. */
static bool pass_virtual(struct wire *w, uint64_t until_ns)
{
	struct net_msg msgs[NET_BATCH_MAX];
	uint64_t now;

	while ((now = clock_now_ns(&w->clock)) < until_ns) {
		if (net_recv(w->device, msgs, NET_BATCH_MAX, until_ns - now) < 0)
			return false;
		net_recv_finish(w->device);
	}
	return true;
}

/* False: somebody wants it to end. */
static bool pass_real(struct wire *w, uint64_t until_ns)
{
	uint64_t now = clock_now_ns(&w->clock), left = until_ns > now ? until_ns - now : 0;
	struct timespec t = { (time_t)(left / 1000000000), (long)(left % 1000000000) };
	sigset_t stops, before;
	int signal;

	if (left == 0)
		return true;
	sigemptyset(&stops);
	sigaddset(&stops, SIGINT);
	sigaddset(&stops, SIGTERM);
	pthread_sigmask(SIG_BLOCK, &stops, &before);
	signal = sigtimedwait(&stops, NULL, &t);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return signal < 0;
}

uint64_t wire_since_began(const struct wire *w, const struct clock *clock)
{
	uint64_t now = clock_wall_ns(clock, clock_now_ns(clock));

	return now > w->began_wall_ns ? now - w->began_wall_ns : 0;
}

static uint64_t since_began(const struct wire *w)
{
	return wire_since_began(w, &w->clock);
}

/* Until the step that was handed out is due and every budget is whole; false: it is to end. */
static bool await_step(struct wire *w, uint64_t free_ns)
{
	uint64_t now = clock_now_ns(&w->clock), since = since_began(w);
	uint64_t due = w->step.due_ns > since ? now + (w->step.due_ns - since) : now;

	due = due > free_ns ? due : free_ns;
	return w->device ? pass_virtual(w, due) : pass_real(w, due);
}

static int run_campaign(struct wire *w, const struct wire_talk *talk)
{
	const uint64_t gap_ns = CAMPAIGN_GAP_S * UINT64_C(1000000000);
	bool go_on = w->resume && checkpoint_head(w->resume)->workers;
	uint64_t free_ns = clock_now_ns(&w->clock);
	int rc = 0;

	/* Budgets reach from one census into the next, and from a killed process into this. */
	if (w->resume)
		free_ns += gap_ns;
	else
		w->began_wall_ns = clock_wall_ns(&w->clock, free_ns);
	while (rc >= 0 && (go_on || campaign_next(&w->plan, since_began(w), &w->step))) {
		struct wire_result r;
		enum engine_end end;
		bool more;

		go_on = false;
		if (!await_step(w, free_ns))
			return 1;
		rc = one_census(w, talk, &r);
		if (rc >= 0)
			w->done(w->done_ctx, &r);
		end = r.engine.end;
		wire_result_free(&r);
		more = campaign_more(&w->plan, since_began(w));
		if (rc < 0 || end == ENGINE_END_INTERRUPTED ||
		    (end == ENGINE_END_RUNTIME && !more)) {
			if (rc >= 0 && w->store && w->c->checkpoint_s > 0)
				cli_say("broken off; the same command with --resume goes on");
			return rc < 0 ? rc : end == ENGINE_END_INTERRUPTED;
		}
		wire_resume_mark(w, more);
		free_ns = clock_now_ns(&w->clock) + gap_ns;
	}
	return rc < 0 ? rc : 0;
}

int wire_campaign(const struct conf *c, const struct wire_talk *talk,
		  void (*done)(void *ctx, const struct wire_result *r), void *ctx)
{
	pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
	struct conf_placed placed;
	struct wire w = {
		.c = &placed.conf, .talk = talk, .sink_lock = &lock, .done = done, .done_ctx = ctx
	};
	int rc = conf_place(c, &placed);

	if (rc < 0)
		return cli_fail("names of files: %s", dt_strerror(rc)), rc;
	w.network.path = placed.conf.network_file;
	rc = prepare(&w);
	if (rc >= 0 && talk->store_open)
		rc = talk->store_open(talk->ctx, w.store);
	if (rc >= 0)
		rc = run_campaign(&w, talk);
	unwire(&w);
	conf_placed_fini(&placed);
	return rc;
}

/* Takes what the campaign would free. */
static void keep_result(void *ctx, const struct wire_result *r)
{
	struct wire_result *out = ctx;

	wire_result_free(out);
	*out = *r;
	out->report_json = strdup(r->report_json);
	out->report_text = strdup(r->report_text);
}

int wire_census(const struct conf *c, const struct wire_talk *talk, struct wire_result *out)
{
	int rc;

	memset(out, 0, sizeof(*out));
	rc = wire_campaign(c, talk, keep_result, out);
	return rc < 0 ? rc : 0;
}

void wire_result_free(struct wire_result *r)
{
	free(r->report_json);
	free(r->report_text);
	r->report_json = r->report_text = NULL;
}
