/* SPDX-License-Identifier: MIT */
/**
 * DOC: zone censuses while a full one runs: a copy of the wire whose census is the zone's,
 * on the full one's workers and behind its gates (engine_opts.host), from a port of its
 * own, into the same store as an epoch of its own. The full census learns nothing of it.
 */
#include "engine/cli/wire_impl.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "engine/cli/cli.h"
#include "engine/clock.h"

struct wire_beside {
	struct net_group *group; /* its sockets; NULL in virtual time */
	struct wire zone;        /* the copy */
	struct wire_result result;
	struct net *device; /* of virtual time */
	double truth_from_s;
	bool running, scored; /* the full one is: its ids stay loaded until all is done */
	int stops;
};

int wire_open_beside(struct wire *w)
{
	struct net_udp_opts udp = w->engine_opts.udp;
	char text[ENDPOINT_TEXT_MAX];
	int err;

	if (!w->c->every[0] || w->beside)
		return 0;
	w->beside = calloc(1, sizeof(*w->beside));
	if (!w->beside)
		return -ENOMEM;
	if (w->device)
		return 0;
	udp.bind.port = 0; /* any other one */
	udp.raw = NET_BACKEND_AUTO;
	udp.workers = w->engine_opts.workers;
	err = net_group_open(&udp, &w->beside->group);
	if (err)
		cli_fail("zones beside a census: %s: %s", endpoint_to_text(&udp.bind, text),
			 dt_strerror(err));
	return err;
}

void wire_close_beside(struct wire *w)
{
	struct wire_beside *b = w->beside;

	if (!b)
		return;
	engine_free(b->zone.engine);
	net_close(b->device);
	net_group_close(b->group);
	free(b);
	w->beside = NULL;
}

/* ---- beginning ------------------------------------------------------------------- */

static int begin_epoch(struct wire *zone)
{
	uint64_t now_s = clock_wall_ns(&zone->clock, clock_now_ns(&zone->clock)) / 1000000000;
	int rc = 0;

	if (!zone->store)
		return 0;
	pthread_mutex_lock(zone->sink_lock);
	rc = store_epoch_beside(zone->store, now_s, zone->c->sim != 0, &zone->epoch);
	pthread_mutex_unlock(zone->sink_lock);
	if (rc < 0)
		wire_store_fail(zone, rc);
	return rc;
}

/* The full one's, but for what is the zone's alone. */
static struct engine_opts options(struct wire *w, struct wire_beside *b, struct engine *host)
{
	struct engine_opts o = w->engine_opts;

	o.host = host;
	o.beside = NULL;
	o.before = NULL;
	o.sockets = b->group ? &b->group : NULL;
	o.backend = NET_BACKEND_AUTO;
	o.adaptive = false;
	o.warm = NULL;
	memset(&o.keep, 0, sizeof(o.keep));
	o.resume = NULL;
	o.max_runtime_ns = 0;
	o.status = NULL;
	o.status_path = o.metadata_path = NULL;
	o.on_status = NULL;
	o.drop_privileges = false; /* they are dropped already */
	o.keep_writable = NULL;
	o.sink = (struct sink){ .put = wire_put, .flush = wire_flush, .ctx = w };
	o.crawl.part = b->zone.step.part;
	o.part_name = b->zone.step.name;
	o.crawl.endpoints_hint = 0;
	o.clock = b->zone.clock;
	o.device = b->device;
	wire_secrets(&b->zone, WIRE_BESIDE, &o.crawl.own_id, o.crawl.mac_key);
	return o;
}

/* In virtual time both go on in one time: the mirror has none of its own. */
static int open_device(struct wire *w, struct wire_beside *b, struct engine *host)
{
	struct net *at = engine_device(host);

	b->zone.clock = engine_clock(host);
	if (!at)
		return 0;
	return net_sim_along(at == w->mirrored ? w->device : at, ENGINE_FOURTH_PORT, &b->device,
			     &b->zone.clock);
}

static void begin(struct wire *w, struct engine *host, const struct campaign_step *step)
{
	struct wire_beside *b = w->beside;
	char why[ENGINE_WHY_MAX] = "";
	struct engine_opts o;
	int rc;

	b->zone = *w;
	b->zone.engine = NULL;
	b->zone.ledger = NULL;
	b->zone.step = *step;
	b->stops = 0;
	b->scored = host != w->engine;
	rc = open_device(w, b, host);
	if (rc >= 0)
		rc = begin_epoch(&b->zone);
	if (w->farm)
		sim_farm_sync(w->farm);
	if (w->world)
		b->truth_from_s = sim_world_time(w->world);
	if (rc >= 0) {
		o = options(w, b, host);
		if (b->group)
			wire_mirror_from(w, net_group_local(b->group));
		rc = engine_new(&o, &b->zone.engine, why);
	}
	if (rc < 0) {
		cli_say("note: no census of %s beside this one: %s", step->name,
			*why ? why : dt_strerror(rc));
		net_close(b->device);
		b->device = NULL;
		return;
	}
	memset(&b->result, 0, sizeof(b->result));
	engine_begin(b->zone.engine);
	b->running = true;
}

/* ---- what came of it --------------------------------------------------------------- */

static int score(struct wire_beside *b)
{
	struct wire *zone = &b->zone;
	double was;
	int rc;

	if (!zone->world)
		return 0;
	was = sim_world_census_from(zone->world, b->truth_from_s);
	rc = wire_score(zone, &b->result);
	sim_world_census_from(zone->world, was);
	if (zone->farm && !b->scored)
		sim_world_shed(zone->world);
	return rc;
}

static int seal(struct wire_beside *b)
{
	const struct wire_result *r = &b->result;
	uint64_t end_s = (r->engine.started_ms + r->engine.elapsed_ns / 1000000 + 999) / 1000;
	int rc;

	if (!b->zone.store)
		return 0;
	pthread_mutex_lock(b->zone.sink_lock);
	rc = store_epoch_end(b->zone.store, b->zone.epoch, end_s, r->report_json,
			     strlen(r->report_json));
	pthread_mutex_unlock(b->zone.sink_lock);
	if (rc < 0)
		wire_store_fail(&b->zone, rc);
	return rc;
}

static void end(struct wire *w)
{
	struct wire_beside *b = w->beside;
	struct wire_result *r = &b->result;
	int rc = engine_end(b->zone.engine, &r->engine);

	r->simulated = w->c->sim != 0;
	r->step = b->zone.step;
	r->beside = true;
	if (rc >= 0)
		rc = score(b);
	if (rc >= 0)
		rc = wire_make_report(r);
	if (rc >= 0)
		rc = seal(b);
	if (rc >= 0)
		rc = wire_write_report(w, r);
	if (rc >= 0)
		w->done(w->done_ctx, r);
	else
		cli_say("note: the census of %s broke off: %s", b->zone.step.name,
			r->engine.why[0] ? r->engine.why : dt_strerror(rc));
	wire_result_free(r);
	engine_free(b->zone.engine);
	b->zone.engine = NULL;
	net_close(b->device);
	b->device = NULL;
	b->running = false;
}

bool wire_beside(void *ctx, struct engine *host, bool may_begin, int stops)
{
	struct wire *w = ctx;
	struct wire_beside *b = w->beside;
	struct clock clock = engine_clock(host);
	struct campaign_step step;

	if (!b->running && may_begin && stops == 0 &&
	    campaign_beside(&w->plan, wire_since_began(w, &clock), &step))
		begin(w, host, &step);
	if (!b->running)
		return false;
	for (; b->stops < stops; b->stops++)
		engine_stop(b->zone.engine);
	if (engine_step(b->zone.engine))
		return true;
	end(w);
	return false;
}
