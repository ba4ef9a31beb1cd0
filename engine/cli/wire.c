/* SPDX-License-Identifier: MIT */
/**
 * DOC: conf -> world, device, engine, sink, store. Order matters: the farm forks
 * before any thread and before the store is open (an LMDB environment must not
 * cross a fork), the store is open before privileges are dropped, and what was
 * opened last is closed first.
 */
#include "engine/cli/wire_impl.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "engine/cli/campaign.h"
#include "engine/cli/cli.h"
#include "engine/clock.h"
#include "engine/cpu.h"

static void unwire(struct wire *w)
{
	engine_free(w->engine);
	store_writer_free(w->writer);
	store_close(w->store);
	if (w->csv && w->csv != stdout)
		fclose(w->csv);
	if (bad_close(w->bad) < 0)
		cli_say("%s: not everything could be written", w->c->keep_bad);
	net_close(w->device);
	sim_farm_stop(w->farm);
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
	w->workers = w->c->workers ? (unsigned)w->c->workers : cpu_usable();
	if (!strcmp(w->c->sim_mode, "virtual") && w->c->sim)
		w->workers = 1;
	campaign_part(w->c, &w->part, w->part_name);
	w->clock = clock_system();
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
		rc = wire_open_store(w);
	return rc;
}

static void broke_off(const struct wire *w, int rc, const char *why)
{
	cli_fail("the census broke off: %s", *why ? why : dt_strerror(rc));
	if (rc == DT_ENOSPACE || rc == -ENOSPC)
		wire_store_fail(w, rc);
	else if (rc == DT_EUNSUPPORTED && !strcmp(w->c->backend, "uring"))
		cli_fail("cure: --backend auto, which takes mmsg where io_uring is refused");
}

int wire_census(const struct conf *c, const struct wire_talk *talk, struct wire_result *out)
{
	struct wire w = { .c = c };
	int rc;

	memset(out, 0, sizeof(*out));
	out->simulated = c->sim != 0;
	rc = prepare(&w);
	if (rc >= 0)
		rc = wire_make_engine(&w, talk);
	if (rc >= 0) {
		rc = engine_run(w.engine, &out->engine);
		if (rc < 0)
			broke_off(&w, rc, out->engine.why);
	}
	if (rc >= 0) {
		wire_farm_losses(&w);
		rc = wire_score(&w, out);
	}
	if (rc >= 0)
		rc = wire_make_report(out);
	if (rc >= 0) {
		int sealed = wire_seal(&w, out); /* a report is worth more where that failed */

		rc = wire_write_report(&w, out);
		if (sealed < 0)
			rc = sealed;
	}
	unwire(&w);
	return rc < 0 ? rc : 0;
}

void wire_result_free(struct wire_result *r)
{
	free(r->report_json);
	free(r->report_text);
	r->report_json = r->report_text = NULL;
}
