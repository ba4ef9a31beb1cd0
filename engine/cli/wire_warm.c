/* SPDX-License-Identifier: MIT */
/**
 * DOC: what one census leaves to the next: whom it confirmed, out of the store; who was
 * silent, in a file beside the store's tables.
 */
#include "engine/cli/wire_impl.h"

#include <errno.h>
#include <limits.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "engine/cli/cli.h"
#include "engine/failures.h"

enum { REPORT_MAX = 1 << 18 };

static const char failures_file[] = "silent";

static int failures_path(const struct wire *w, char out[static PATH_MAX])
{
	int n = snprintf(out, PATH_MAX, "%s/%s", w->c->store, failures_file);

	return n < PATH_MAX ? 0 : -ENAMETOOLONG;
}

/* ---- recalling -------------------------------------------------------------------- */

/* Was it a census of what this campaign asks? Of everything where the report has no part. */
static bool was_ours(const struct wire *w, const char *report)
{
	const char *part = strstr(report, "\"part\": {");
	char name[PART_TEXT_MAX], quoted[PART_TEXT_MAX + 16];
	struct crawl_part ours;

	if (!part)
		return true;
	campaign_part(w->c, &ours, name);
	snprintf(quoted, sizeof(quoted), "\"name\": \"%s\"", name);
	return name[0] && strstr(part, quoted);
}

/* The start of the last such census that ended; and whether all were of our kind of network. */
static int recall_epochs(struct wire *w, struct store_view *v)
{
	char *report = malloc(REPORT_MAX);
	struct store_counts counts;
	int rc = report ? store_view_counts(v, &counts) : -ENOMEM;

	w->warm_allowed = true;
	for (uint32_t id = 1; rc >= 0 && id <= counts.epochs; id++) {
		struct store_epoch e;

		rc = store_view_epoch(v, id, &e, report, REPORT_MAX - 1);
		if (rc < 0)
			break;
		report[e.report_bytes < REPORT_MAX ? e.report_bytes : REPORT_MAX - 1] = 0;
		if (e.synthetic != (w->c->sim != 0))
			w->warm_allowed = false;
		if (e.ended_s && was_ours(w, report))
			w->warm_since_s = e.started_s;
	}
	free(report);
	return rc < 0 ? rc : 0;
}

static int new_failures(struct wire *w)
{
	uint8_t key[FAILURES_KEY_BYTES];

	randombytes_buf(key, sizeof(key));
	return failures_new(key, 0, &w->failures);
}

static int load_failures(struct wire *w)
{
	char path[PATH_MAX];
	int rc = failures_path(w, path);

	if (rc == 0)
		rc = failures_load(path, 0, &w->failures);
	if (rc < 0 && rc != DT_ENOTFOUND)
		cli_say("note: %s/%s: %s; who was silent is learnt anew", w->c->store,
			failures_file, dt_strerror(rc));
	return rc < 0 ? new_failures(w) : 0;
}

int wire_recall(struct wire *w)
{
	struct store_view *v;
	int rc;

	if (!w->c->warm)
		return 0;
	if (!w->store) {
		rc = new_failures(w);
		return rc;
	}
	rc = store_view_open(w->store, &v);
	if (rc < 0) {
		wire_store_fail(w, rc);
		return rc;
	}
	rc = recall_epochs(w, v);
	store_view_close(v);
	if (rc < 0)
		wire_store_fail(w, rc);
	else if (!w->warm_allowed)
		cli_say("note: %s holds censuses of %s too, so this one begins from nothing; cure: "
			"a store of its own (--store DIR)",
			w->c->store, w->c->sim ? "the real network" : "a simulation");
	if (rc >= 0)
		rc = w->warm_allowed ? load_failures(w) : new_failures(w);
	return rc;
}

/* ---- offering ------------------------------------------------------------------------ */

int wire_offer_warm(void *ctx, void (*take)(void *seat, const struct crawl_contact *c), void *seat)
{
	struct wire *w = ctx;
	struct store_view *v;
	struct store_node n;
	int rc = store_view_open(w->store, &v);

	if (rc < 0)
		return rc;
	while ((rc = store_view_next(v, &n)) > 0) {
		struct crawl_contact c = { .ep = n.ep, .has_id = true, .confirmed = true };

		c.id = nodekey_to_id(&n.key);
		if (n.last_answered_s >= w->warm_since_s &&
		    part_has(&w->step.part, nodeid_prefix64(&c.id)))
			take(seat, &c);
	}
	store_view_close(v);
	return rc;
}

/* ---- remembering ---------------------------------------------------------------------- */

void wire_remember(struct wire *w, const struct wire_result *r)
{
	char path[PATH_MAX];
	int rc;

	if (!w->c->warm)
		return;
	engine_remember(w->engine, w->failures);
	if (!w->store)
		return;
	if (w->step.full && r->engine.end == ENGINE_END_DONE)
		w->warm_since_s = r->engine.started_ms / 1000;
	rc = failures_path(w, path);
	if (rc == 0)
		rc = failures_save(w->failures, path);
	if (rc < 0) /* the next census is a little slower for it, no less true */
		cli_say("note: who was silent could not be kept: %s/%s: %s", w->c->store,
			failures_file, dt_strerror(rc));
}
