/* SPDX-License-Identifier: MIT */
#include "engine/engine_impl.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "engine/checkpoint.h"
#include "engine/clock.h"
#include "engine/counters.h"
#include "engine/kernel.h"

/*
 * DOC: a checkpoint of a running census.
 *
 *	PAUSE	each worker does nothing but open its post
 *	...	until no contact is under way between two of them
 *	SAVE	each writes what it knows, hands what it said to the scribe, goes on
 *	SYNC	the scribe has put all of that into the sink, and flushed it
 *	COMMIT	files synced, the head renamed into force
 *
 * So a head in force never knows more than the sink has kept, and no contact is
 * in neither of two shards. Asking stands still for PAUSE and SAVE alone.
 */
enum {
	COST_SHARE = 20,           /* a checkpoint may cost 1/20 of the time */
	REST_WAIT_NS = 50 * 1000,  /* between two looks at the post */
	REST_WAIT_MAX = 20 * 1000, /* looks: a second */
};

static uint64_t system_ns(void)
{
	struct clock c = clock_system();

	return clock_now_ns(&c);
}

/* ---- going on ------------------------------------------------------------------- */

/* What the tables will tell again, and what ended with its process. */
static void drop_gauges(struct crawl_stats *c)
{
	c->expired += c->in_flight;
	c->in_flight = 0;
	c->endpoints_known = c->endpoints_asked = c->endpoints_live = 0;
	c->guides_live = c->warm_known = c->warm_live = 0;
	c->doubted_known = c->doubted_live = 0;
	c->frontier = c->retry_waiting = 0;
	memset(c->heard, 0, sizeof(c->heard));
	c->bytes_tables = c->bytes_frontier = 0;
}

void engine_take_up(struct engine *e)
{
	const struct checkpoint_head *head;

	e->started_wall_ns = clock_wall_ns(&e->clock, e->started_ns);
	e->save_due_ns = system_ns() + e->opts.keep.every_ns;
	if (!e->opts.resume)
		return;
	head = checkpoint_head(e->opts.resume);
	e->before = head->counters;
	drop_gauges(&e->before.crawl);
	e->before.gate.table_bytes = 0;
	e->started_wall_ns = head->started_wall_ns;
	e->elapsed_before_ns = head->elapsed_ns;
	e->span_before_ns = head->span_ns;
	e->resumes = head->resumes + 1;
	e->raise_rounds = head->raise_rounds;
	e->generation = head->generation;
}

/* A first attempt whose answer nobody was there for will be a first attempt again. */
void engine_taken_up(struct engine *e)
{
	uint64_t again = 0;

	for (unsigned i = 0; i < e->workers; i++)
		again += e->seats[i].restored.first_in_flight;
	e->before.crawl.first_attempts -= again;
	e->before.crawl.retries_sent += again;
}

/* ---- saving ---------------------------------------------------------------------- */

static bool await_rest(struct engine *e)
{
	for (unsigned i = 0; i < REST_WAIT_MAX; i++) {
		if (post_at_rest(e->post))
			return true;
		nanosleep(&(struct timespec){ 0, REST_WAIT_NS }, NULL);
	}
	return false;
}

static int write_files(struct engine *e)
{
	struct seat_order order = { .kind = SEAT_PAUSE,
				    .save_path = e->opts.keep.path,
				    .generation = e->generation + 1 };
	uint64_t start_ns = system_ns(), pause_ns;
	int err = 0;

	engine_order_all(e, &order);
	/* Where a worker is stuck the cut would not be clean: then not now. */
	if (!await_rest(e))
		err = -EBUSY;
	order.kind = SEAT_SAVE;
	engine_order_all(e, &order);
	for (unsigned i = 0; i < e->workers; i++)
		if (e->seats[i].saved.err && !err)
			err = e->seats[i].saved.err;
	pause_ns = system_ns() - start_ns;
	if (pause_ns > e->save_pause_ns)
		e->save_pause_ns = pause_ns;
	return err;
}

static void fill_head(struct engine *e, struct checkpoint_head *head)
{
	const struct worker_stats *w = &head->counters.worker;
	struct engine_kernel kernel;

	head->generation = e->generation + 1;
	head->workers = e->workers;
	head->resumes = e->resumes;
	head->raise_rounds = e->raise_rounds;
	head->started_wall_ns = e->started_wall_ns;
	head->elapsed_ns = e->elapsed_before_ns + clock_now_ns(&e->clock) - e->started_ns;
	head->own_id = e->opts.crawl.own_id;
	memcpy(head->zone_level, e->seats[0].saved.levels, sizeof(head->zone_level));
	for (unsigned i = 0; i < e->workers; i++) {
		counters_add(&head->counters, &e->seats[i].saved.counters);
		head->file[i] = e->seats[i].saved.file;
	}
	if (e->threaded) {
		engine_read_kernel(e, &kernel);
		head->counters.kernel = kernel_since(&kernel, &e->kernel_start);
	}
	head->span_ns = e->span_before_ns;
	if (w->first_send_ns && w->last_recv_ns > w->first_send_ns)
		head->span_ns += w->last_recv_ns - w->first_send_ns;
	if (e->resumes)
		counters_go_on(&head->counters, &e->before);
	if (e->opts.keep.note)
		e->opts.keep.note(e->opts.keep.ctx, head->note, sizeof(head->note));
	head->note_len = (uint32_t)strnlen(head->note, sizeof(head->note) - 1);
}

static int save(struct engine *e)
{
	struct checkpoint_head *head = calloc(1, sizeof(*head));
	int err = head ? write_files(e) : -ENOMEM;

	if (!err)
		err = scribe_sync(e->scribe);
	if (!err) {
		fill_head(e, head);
		err = checkpoint_commit(e->opts.keep.path, head);
	}
	free(head);
	return err;
}

void engine_save(struct engine *e)
{
	uint64_t start_ns = system_ns(), cost_ns;
	int err;

	if (!e->opts.keep.path)
		return;
	err = save(e);
	if (err)
		monitor_note(e->monitor, "checkpoint: %s: %s; the one before is kept",
			     e->opts.keep.path, dt_strerror(err));
	else
		e->checkpoints++;
	/* A generation whose files failed is not used again. */
	e->generation++;
	cost_ns = system_ns() - start_ns;
	e->save_due_ns = start_ns + cost_ns +
			 (cost_ns * COST_SHARE > e->opts.keep.every_ns ? cost_ns * COST_SHARE
								       : e->opts.keep.every_ns);
}

void engine_save_when_due(struct engine *e)
{
	if (e->opts.keep.path && e->opts.keep.every_ns && system_ns() >= e->save_due_ns)
		engine_save(e);
}
