/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "store/epoch.h"
#include "store/gather.h"
#include "store/inside.h"
#include "store/le.h"
#include "store/orgs.h"
#include "store/vantage.h"

/* ---- epochs -------------------------------------------------------------------------- */

/* An epoch as a source has it. */
struct met {
	struct epoch_row row;
	unsigned source;
};

struct epochs {
	struct met *list;
	uint32_t count, cap;
};

static int add(struct epochs *e, const struct met *m)
{
	uint32_t cap = e->cap ? 2 * e->cap : 64;
	struct met *list;

	if (e->count == e->cap) {
		list = reallocarray(e->list, cap, sizeof(*list));
		if (!list)
			return -ENOMEM;
		e->list = list;
		e->cap = cap;
	}
	e->list[e->count++] = *m;
	return 0;
}

static int collect(struct gather *g, unsigned source, struct epochs *e)
{
	struct gather_source *s = &g->list[source];
	struct met m = { .source = source };
	struct span key, val;
	struct kv_cursor *c;
	int rc = kv_cursor_open(s->txn, KV_EPOCHS, &c);

	while (rc >= 0 && (rc = kv_cursor_next(c, &key, &val)) == 1) {
		rc = epoch_decode(key, val, &m.row); /* borrows from the snapshot, which stays */
		if (rc == 0)
			rc = add(e, &m);
		if (m.row.epoch.id > s->epochs)
			s->epochs = m.row.epoch.id;
	}
	kv_cursor_close(c);
	if (rc < 0)
		return rc;
	s->epoch = calloc((size_t)s->epochs + 1, sizeof(*s->epoch));
	return s->epoch ? 0 : -ENOMEM;
}

static int compare_names(const struct epoch_row *a, const struct epoch_row *b)
{
	if (a->epoch.started_s != b->epoch.started_s)
		return a->epoch.started_s < b->epoch.started_s ? -1 : 1;
	return (a->vantage > b->vantage) - (a->vantage < b->vantage);
}

static int compare_texts(struct span a, struct span b)
{
	size_t n = a.len < b.len ? a.len : b.len;
	int d = n ? memcmp(a.ptr, b.ptr, n) : 0;

	return d ? d : (a.len > b.len) - (a.len < b.len);
}

/* Within one name the fullest is last: the later end, then the greater texts. */
static int compare_met(const void *pa, const void *pb)
{
	const struct epoch_row *a = &((const struct met *)pa)->row;
	const struct epoch_row *b = &((const struct met *)pb)->row;
	int d = compare_names(a, b);

	if (d)
		return d;
	if (a->epoch.ended_s != b->epoch.ended_s)
		return a->epoch.ended_s < b->epoch.ended_s ? -1 : 1;
	d = compare_texts(a->report, b->report);
	return d ? d : compare_texts(a->geo, b->geo);
}

static int write_epoch(struct gather *g, struct epoch_row row, uint32_t id)
{
	uint8_t key[EPOCH_KEY_BYTES], *val;
	size_t len;
	int rc = epoch_encode(&row, &val, &len);

	if (rc < 0)
		return rc;
	epoch_key(id, key);
	rc = rewrite_put(g->to, KV_EPOCHS, span_of(key, sizeof(key)), span_of(val, len));
	free(val);
	return rc;
}

static int number_epochs(struct gather *g, struct epochs *e)
{
	uint32_t id = 0;
	int rc = 0;

	if (e->count)
		qsort(e->list, e->count, sizeof(*e->list), compare_met);
	for (uint32_t i = 0, next; i < e->count && rc == 0; i = next) {
		id++;
		for (next = i;
		     next < e->count && compare_names(&e->list[next].row, &e->list[i].row) == 0;
		     next++) {
			const struct met *m = &e->list[next];

			g->list[m->source].epoch[m->row.epoch.id] = id;
		}
		rc = write_epoch(g, e->list[next - 1].row, id);
	}
	return rc;
}

static int gather_epochs(struct gather *g)
{
	struct epochs e = { .list = NULL };
	int rc = 0;

	for (unsigned i = 0; i < g->count && rc == 0; i++)
		rc = collect(g, i, &e);
	if (rc == 0)
		rc = number_epochs(g, &e);
	free(e.list);
	return rc;
}

/* ---- networks ------------------------------------------------------------------------- */

/* Two names for one network: any fixed choice does. */
static int gather_orgs(struct gather *g, struct gather_source *s)
{
	struct span key, val, there;
	struct kv_cursor *c;
	int rc = kv_cursor_open(s->txn, KV_ORGS, &c);

	while (rc >= 0 && (rc = kv_cursor_next(c, &key, &val)) == 1) {
		rc = rewrite_get(g->to, KV_ORGS, key, &there);
		if (rc == 0 || (rc == 1 && compare_texts(val, there) > 0))
			rc = rewrite_put(g->to, KV_ORGS, key, val);
	}
	kv_cursor_close(c);
	return rc;
}

/* ---- meta ------------------------------------------------------------------------------ */

static bool is_key(struct span key, const char *name)
{
	return span_equal(key, span_of(name, strlen(name)));
}

static int keep_mark(struct gather *g, struct span key, const struct vantage_mark *m)
{
	uint8_t val[VANTAGE_MARK_BYTES];
	struct vantage_mark there;
	struct span old;
	int rc = rewrite_get(g->to, KV_META, key, &old);

	if (rc == 1)
		rc = vantage_decode(old, &there);
	else if (rc == 0)
		there = (struct vantage_mark){ .run = 0 };
	if (rc < 0 || !vantage_later(m, &there))
		return rc < 0 ? rc : 0;
	vantage_encode(m, val);
	return rewrite_put(g->to, KV_META, key, span_of(val, sizeof(val)));
}

/* How far this source's own segments have come into what is being written. */
static int mark_source(struct gather *g, const struct gather_source *s)
{
	struct vantage_mark m = { .run = s->segs.run,
				  .segment = s->segs.next,
				  .chunk = s->segs.sealed + kv_entries(s->txn, KV_PENDING) };
	uint8_t key[VANTAGE_KEY_BYTES];
	uint64_t vantage;
	int rc = vantage_get(s->txn, &vantage);

	return rc == 1 ? keep_mark(g, vantage_key(vantage, key), &m) : rc;
}

/* The least secret, so that it does not matter who came first. */
static int keep_secret(struct gather *g, struct span key, struct span val)
{
	struct span there;
	int rc = rewrite_get(g->to, KV_META, key, &there);

	if (rc < 0 || (rc == 1 && compare_texts(val, there) >= 0))
		return rc < 0 ? rc : 0;
	return rewrite_put(g->to, KV_META, key, val);
}

/* The line of the databases that looked last: any fixed choice does. */
static int keep_line(struct gather *g, struct span key, struct span val)
{
	struct span there;
	int rc = rewrite_get(g->to, KV_META, key, &there);

	if (rc < 0 || (rc == 1 && compare_texts(val, there) <= 0))
		return rc < 0 ? rc : 0;
	return rewrite_put(g->to, KV_META, key, val);
}

static int compare_lines(const void *pa, const void *pb)
{
	return compare_texts(*(const struct span *)pa, *(const struct span *)pb);
}

enum { LINES_MAX = 2 * ORGS_ATTRIBUTION_MAX };

static unsigned split(struct span text, struct span *lines, unsigned count)
{
	for (size_t at = 0; at < text.len;) {
		const uint8_t *end = memchr(text.ptr + at, '\n', text.len - at);
		size_t n = end ? (size_t)(end - text.ptr) - at : text.len - at;

		if (n && count < LINES_MAX)
			lines[count++] = span_of(text.ptr + at, n);
		at += n + 1;
	}
	return count;
}

/* Each line once, in order; what has no room any more is the end of it. */
static int keep_attribution(struct gather *g, struct span key, struct span val)
{
	char both[ORGS_ATTRIBUTION_MAX];
	struct span lines[LINES_MAX], there = { NULL, 0 };
	unsigned count;
	size_t n = 0;
	int rc = rewrite_get(g->to, KV_META, key, &there);

	if (rc < 0)
		return rc;
	count = split(val, lines, split(there, lines, 0));
	if (count)
		qsort(lines, count, sizeof(lines[0]), compare_lines);
	for (unsigned i = 0; i < count; i++) {
		if ((i && span_equal(lines[i], lines[i - 1])) ||
		    n + lines[i].len + 1 > sizeof(both))
			continue;
		if (n)
			both[n++] = '\n';
		memcpy(both + n, lines[i].ptr, lines[i].len);
		n += lines[i].len;
	}
	return rewrite_put(g->to, KV_META, key, span_of(both, n));
}

/* Nothing in it yet, so it has nothing to lend: neither its secret nor its name. */
static bool is_blank(const struct gather_source *s)
{
	return s->nodes == 0 && kv_entries(s->txn, KV_EPOCHS) == 0 &&
	       kv_entries(s->txn, KV_MENTIONED4) + kv_entries(s->txn, KV_MENTIONED6) == 0;
}

static int gather_meta_row(struct gather *g, struct span key, struct span val, bool own)
{
	struct vantage_mark m;
	int rc;

	if (vantage_is_mark(key)) {
		rc = vantage_decode(val, &m);
		return rc < 0 ? rc : keep_mark(g, key, &m);
	}
	if (is_key(key, "secret"))
		return keep_secret(g, key, val);
	if (is_key(key, "attribution"))
		return keep_attribution(g, key, val);
	if (is_key(key, "geo"))
		return keep_line(g, key, val);
	if (is_key(key, "magic") || is_key(key, "schema") || (own && is_key(key, "vantage")))
		return rewrite_put(g->to, KV_META, key, val);
	return 0; /* "run" and "sealed" are of the segments that are written now */
}

static int gather_meta_of(struct gather *g, struct gather_source *s, bool own)
{
	bool blank = own && is_blank(s);
	struct span key, val;
	struct kv_cursor *c;
	int rc = kv_cursor_open(s->txn, KV_META, &c);

	while (rc >= 0 && (rc = kv_cursor_next(c, &key, &val)) == 1) {
		if (blank && !is_key(key, "magic") && !is_key(key, "schema"))
			continue;
		rc = gather_meta_row(g, key, val, own);
	}
	kv_cursor_close(c);
	if (rc == 0 && !blank)
		rc = mark_source(g, s);
	return rc;
}

static int put_run(struct gather *g)
{
	uint8_t run[4];

	le_put32(run, g->run);
	return rewrite_put(g->to, KV_META, SPAN_LIT("run"), span_of(run, sizeof(run)));
}

int gather_meta(struct gather *g)
{
	int rc = gather_epochs(g);

	for (unsigned i = 0; i < g->count && rc == 0; i++) {
		rc = gather_orgs(g, &g->list[i]);
		if (rc == 0)
			rc = gather_meta_of(g, &g->list[i], i == 0);
	}
	return rc == 0 ? put_run(g) : rc;
}
