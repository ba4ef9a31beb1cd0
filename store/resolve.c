/* SPDX-License-Identifier: MIT */
#include "store/resolve.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "store/inside.h"
#include "store/orgs.h"

enum { SOURCES_MAX = 8, DATE_MAX = 16 };

static const struct span line_key = { (const uint8_t *)"geo", 3 };

struct resolve {
	const struct geo *geo;
	struct orgs orgs;
	uint64_t changed;
};

static const char *date_of(uint64_t s, char out[static DATE_MAX])
{
	time_t t = (time_t)s;
	struct tm tm;

	if (!s || !gmtime_r(&t, &tm) || !strftime(out, DATE_MAX, "%Y-%m-%d", &tm))
		return "undated";
	return out;
}

char *resolve_line(const struct geo *geo, char out[static RESOLVE_LINE_MAX])
{
	struct geo_source list[SOURCES_MAX];
	unsigned n = geo ? geo_sources(geo, list, SOURCES_MAX) : 0;
	char date[DATE_MAX];
	size_t len = 0;

	out[0] = '\0';
	for (unsigned i = 0; i < n && len < RESOLVE_LINE_MAX - 1; i++)
		len += (size_t)snprintf(out + len, RESOLVE_LINE_MAX - len, "%s%s %s %s",
					i ? "; " : "", list[i].kind, list[i].format,
					date_of(list[i].build_s, date));
	return out;
}

bool resolve_is_due(struct store *s, const struct geo *geo)
{
	char line[RESOLVE_LINE_MAX];
	struct kv_txn *txn;
	struct span val;
	bool due;

	resolve_line(geo, line);
	if (!line[0] || kv_begin(s->kv, false, &txn) < 0)
		return false; /* without a database there is nothing to look with */
	due = kv_get(txn, KV_META, line_key, &val) != 1 ||
	      !span_equal(val, span_of(line, strlen(line)));
	kv_abort(txn);
	return due;
}

int resolve_note(const struct geo *geo, struct kv_txn *txn)
{
	char line[RESOLVE_LINE_MAX];

	resolve_line(geo, line);
	return kv_put(txn, KV_META, line_key, span_of(line, strlen(line)));
}

int resolve_new(const struct geo *geo, struct resolve **out)
{
	struct resolve *r = calloc(1, sizeof(*r));

	if (!r)
		return -ENOMEM;
	r->geo = geo;
	orgs_init(&r->orgs);
	*out = r;
	return 0;
}

void resolve_free(struct resolve *r)
{
	if (!r)
		return;
	orgs_fini(&r->orgs);
	free(r);
}

uint64_t resolve_changed(const struct resolve *r)
{
	return r->changed;
}

static bool is_placed(const struct record_place *p)
{
	return p->asn || p->has_point || p->country[0];
}

int resolve_row(struct resolve *r, struct span key, struct span val,
		uint8_t out[static RECORD_BYTES])
{
	struct record_place now;
	struct endpoint ep;
	struct geo_place g;
	struct nodeid id;
	struct record rec;
	int rc = record_key_decode(key, &id, &ep);

	if (rc == 0)
		rc = record_decode(val, &rec);
	if (rc < 0)
		return rc;
	geo_lookup(r->geo, &ep, &g);
	now = record_place_of(&g);
	if (is_placed(&now) || !is_placed(&rec.place)) {
		r->changed += memcmp(&now, &rec.place, sizeof(now)) != 0;
		rec.place = now;
	}
	record_encode(&rec, out);
	return orgs_note(&r->orgs, g.asn);
}

int resolve_finish(struct resolve *r, struct rewrite *to)
{
	int rc = orgs_write(&r->orgs, rewrite_txn(to), r->geo);

	return rc == 0 ? resolve_note(r->geo, rewrite_txn(to)) : rc;
}
