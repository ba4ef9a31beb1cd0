/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <string.h>

#include "store/inside.h"
#include "store/record.h"
#include "store/resolve.h"
#include "store/rewrite.h"
#include "store/seal.h"

/**
 * DOC: the rewrite at the end of a run. What waits is sealed, then every table is
 * copied in key order into the next generation, which leaves pages full. Where
 * the geo databases are others than at the last look, nodes are placed anew on
 * the way (S-31). A leftover of either generation is swept by the next writer.
 */

/* Contacts that were heard under an id since have done their duty. */
static int is_kept(struct kv_txn *from, enum kv_table table, struct span key)
{
	struct span val;
	int rc;

	if (table != KV_MENTIONED4 && table != KV_MENTIONED6)
		return 1;
	rc = kv_get(from, table == KV_MENTIONED4 ? KV_ADDR4 : KV_ADDR6, key, &val);
	return rc < 0 ? rc : !rc;
}

struct copy {
	struct kv_txn *from;
	struct rewrite *to;
	struct resolve *places; /* NULL: they stay */
};

static int copy_row(struct copy *c, enum kv_table table, struct span key, struct span val)
{
	uint8_t now[RECORD_BYTES];
	int rc = is_kept(c->from, table, key);

	if (rc <= 0)
		return rc;
	if (c->places && (table == KV_NODES4 || table == KV_NODES6)) {
		rc = resolve_row(c->places, key, val, now);
		val = span_of(now, sizeof(now));
	}
	return rc < 0 ? rc : rewrite_append(c->to, table, key, val);
}

static int copy_table(struct copy *c, enum kv_table table)
{
	struct kv_cursor *from;
	struct span key, val;
	int rc = kv_cursor_open(c->from, table, &from);

	if (rc < 0)
		return rc;
	while ((rc = kv_cursor_next(from, &key, &val)) == 1) {
		rc = copy_row(c, table, key, val);
		if (rc < 0)
			break;
	}
	kv_cursor_close(from);
	return rc;
}

static int fill(struct copy *c)
{
	int rc = 0;

	for (unsigned t = 0; t < KV_TABLES && rc == 0; t++)
		rc = copy_table(c, (enum kv_table)t);
	return rc == 0 && c->places ? resolve_finish(c->places, c->to) : rc;
}

static int copy_all(struct store *s, struct resolve *places)
{
	struct copy c = { .places = places };
	int rc = rewrite_begin(s, kv_used_bytes(s->kv), &c.to);

	if (rc < 0)
		return rc;
	rc = kv_begin(s->kv, false, &c.from);
	if (rc == 0) {
		rc = fill(&c);
		kv_abort(c.from);
	}
	if (rc < 0) {
		rewrite_abort(c.to);
		return rc;
	}
	return rewrite_adopt(c.to);
}

static int compact(struct store *s, const struct geo *geo, uint64_t *changed)
{
	struct resolve *places = NULL;
	int rc;

	if (!s->write)
		return DT_EREFUSED;
	rc = seal_pending(s);
	if (rc == 0)
		rc = seal_coalesce(s);
	if (rc == 0 && geo)
		rc = resolve_new(geo, &places);
	if (rc == 0)
		rc = copy_all(s, places);
	if (changed)
		*changed = places ? resolve_changed(places) : 0;
	resolve_free(places);
	return rc;
}

int store_compact(struct store *s)
{
	const struct geo *geo = s->geo && resolve_is_due(s, s->geo) ? s->geo : NULL;

	return compact(s, geo, NULL);
}

int store_resolve(struct store *s, const struct geo *geo, uint64_t *changed)
{
	return compact(s, geo, changed);
}
