/* SPDX-License-Identifier: MIT */
#include "engine/cli/past.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "engine/cli/cli.h"
#include "store/heardlog.h"
#include "store/torrents.h"

enum {
	HASHES_MAX = 1 << 20, /* of the table of top */
};

struct past {
	struct store *store;
	struct observatory *file;
};

int past_open(const char *path, struct past **out)
{
	struct past *p = calloc(1, sizeof(*p));
	char why[OBSERVATORY_WHY_MAX] = "";
	struct stat st;
	int rc = p ? 0 : -ENOMEM;

	if (rc == 0 && stat(path, &st) == 0 && S_ISREG(st.st_mode))
		rc = observatory_open(path, &p->file, why);
	else if (rc == 0)
		rc = store_open(path, STORE_READ, &p->store, why);
	if (rc < 0) {
		cli_fail("%s", *why ? why : dt_strerror(rc));
		free(p);
		return rc;
	}
	*out = p;
	return 0;
}

void past_close(struct past *p)
{
	if (!p)
		return;
	store_close(p->store);
	observatory_close(p->file);
	free(p);
}

struct store *past_store(const struct past *p)
{
	return p->store;
}

struct observatory *past_file(const struct past *p)
{
	return p->file;
}

void past_rows_fini(struct past_rows *r)
{
	free(r->announces);
	free(r->getpeers);
	free(r->top);
	*r = (struct past_rows){ .odd = 0 };
}

/* ---- the newest rows of a store --------------------------------------------------------- */

/* Twice as many as are wanted, cut to them when it is full. */
struct newest {
	struct observatory_row *list;
	uint64_t count, cap, limit;
};

static int by_age(const void *a, const void *b)
{
	const struct observatory_row *x = a, *y = b;

	if (x->ts_s != y->ts_s)
		return x->ts_s > y->ts_s ? -1 : 1;
	return (x->id < y->id) - (x->id > y->id);
}

static void cut(struct newest *n)
{
	if (n->count)
		qsort(n->list, n->count, sizeof(*n->list), by_age);
	if (n->count > n->limit)
		n->count = n->limit;
}

static int put_newest(struct newest *n, const struct observatory_row *row)
{
	if (n->count >= 2 * n->limit)
		cut(n);
	if (n->count == n->cap) {
		uint64_t cap = n->cap ? n->cap * 2 : 64;
		struct observatory_row *list = reallocarray(n->list, cap, sizeof(*list));

		if (!list)
			return -ENOMEM;
		n->list = list;
		n->cap = cap;
	}
	n->list[n->count++] = *row;
	return 0;
}

/* ---- hashes by how often they were asked for --------------------------------------------- */

static int by_hits(const void *a, const void *b)
{
	const struct observatory_top *x = a, *y = b;

	if (x->hits != y->hits)
		return x->hits > y->hits ? -1 : 1;
	if (x->last_s != y->last_s)
		return x->last_s > y->last_s ? -1 : 1;
	return memcmp(x->hash.b, y->hash.b, sizeof(x->hash.b));
}

static int take_top(const struct torrents *t, uint64_t limit, struct past_rows *out)
{
	const struct torrent *one;
	uint32_t at = 0;

	out->without_room = t->without_room;
	out->top = t->count ? calloc(t->count, sizeof(*out->top)) : NULL;
	if (t->count && !out->top)
		return -ENOMEM;
	while ((one = torrents_next(t, &at)) != NULL)
		out->top[out->top_count++] = (struct observatory_top){ .hash = one->hash,
								       .hits = one->get_peers,
								       .first_s = one->first_s,
								       .last_s = one->last_s };
	if (out->top_count)
		qsort(out->top, out->top_count, sizeof(*out->top), by_hits);
	if (out->top_count > limit)
		out->top_count = limit;
	return 0;
}

/* ---- a store, row by row ------------------------------------------------------------------ */

/* Is it a row of either table? @ids: how many of each there were before. */
static bool row_of(const struct heard *h, uint64_t ids[static 2], enum observatory_walk *table,
		   struct observatory_row *out)
{
	bool announce = h->kind == HEARD_ANNOUNCE_PEER;

	if ((!announce && h->kind != HEARD_GET_PEERS) || !(h->flags & HEARD_HAS_TARGET))
		return false;
	*table = announce ? OBSERVATORY_ANNOUNCES : OBSERVATORY_GETPEERS;
	*out = (struct observatory_row){ .id = ++ids[!announce],
					 .ts_s = h->when_ms / 1000,
					 .peer = h->from,
					 .hash = h->target,
					 .status = "" };
	if (announce) {
		out->peer.port = h->peer_port ? h->peer_port : h->from.port;
		memcpy(out->status, "pending", sizeof("pending"));
	}
	return true;
}

/* Each row of both tables, in the order in which they were heard. */
static int each_heard(struct store *s,
		      int (*row)(void *ctx, enum observatory_walk table,
				 const struct observatory_row *r, const struct heard *h),
		      void *ctx)
{
	struct heardlog_reader *reader;
	struct observatory_row r;
	enum observatory_walk table;
	uint64_t ids[2] = { 0 };
	struct heard h;
	int rc = store_heard_read(s, &reader);

	if (rc < 0)
		return rc == DT_ENOTFOUND ? 0 : rc; /* nothing was ever heard */
	while (rc >= 0 && (rc = heardlog_next(reader, &h)) == 1)
		if (row_of(&h, ids, &table, &r))
			rc = row(ctx, table, &r, &h);
	heardlog_end(reader);
	return rc < 0 ? rc : 0;
}

struct scan {
	const struct past_want *want;
	struct past_rows *out;
	struct newest announces, getpeers;
	struct torrents asked_for;
};

static int scan_row(void *ctx, enum observatory_walk table, const struct observatory_row *r,
		    const struct heard *h)
{
	struct scan *s = ctx;
	int rc = 0;

	if (table == OBSERVATORY_ANNOUNCES) {
		s->out->counts.announces++;
		return s->want->announces ? put_newest(&s->announces, r) : 0;
	}
	s->out->counts.getpeers++;
	if (s->want->getpeers)
		rc = put_newest(&s->getpeers, r);
	return rc == 0 && s->want->top ? torrents_add(&s->asked_for, h) : rc;
}

static int read_store(struct store *st, const struct past_want *want, struct past_rows *out)
{
	struct scan s = { .want = want,
			  .out = out,
			  .announces.limit = want->limit,
			  .getpeers.limit = want->limit,
			  .asked_for.max = HASHES_MAX };
	int rc = each_heard(st, scan_row, &s);

	cut(&s.announces);
	cut(&s.getpeers);
	out->announces = s.announces.list;
	out->announce_count = s.announces.count;
	out->getpeers = s.getpeers.list;
	out->getpeers_count = s.getpeers.count;
	if (rc == 0)
		rc = take_top(&s.asked_for, want->limit, out);
	torrents_fini(&s.asked_for);
	if (out->counts.announces) {
		out->counts.statuses = 1;
		memcpy(out->counts.by_status[0].status, "pending", sizeof("pending"));
		out->counts.by_status[0].count = out->counts.announces;
	}
	return rc;
}

/* ---- a file -------------------------------------------------------------------------------- */

static int read_walk(struct observatory *o, enum observatory_walk walk, uint64_t limit,
		     struct observatory_row **list, uint64_t *count)
{
	struct newest n = { .limit = limit };
	struct observatory_row row;
	int rc = observatory_begin(o, walk, limit);

	while (rc == 0 && (rc = observatory_next(o, &row)) == 1)
		rc = put_newest(&n, &row);
	*list = n.list;
	*count = n.count;
	return rc;
}

static int read_top(struct observatory *o, uint64_t limit, struct past_rows *out)
{
	struct observatory_top row;
	uint64_t cap = 0;
	int rc = observatory_begin_top(o, limit);

	while (rc == 0 && (rc = observatory_next_top(o, &row)) == 1) {
		if (out->top_count == cap) {
			struct observatory_top *list;

			cap = cap ? cap * 2 : 64;
			list = reallocarray(out->top, cap, sizeof(*list));
			if (!list)
				return -ENOMEM;
			out->top = list;
		}
		out->top[out->top_count++] = row;
		rc = 0;
	}
	return rc;
}

static int read_file(struct observatory *o, const struct past_want *want, struct past_rows *out)
{
	int rc = observatory_counts(o, &out->counts);

	if (rc == 0 && want->announces)
		rc = read_walk(o, want->unresolved ? OBSERVATORY_UNRESOLVED : OBSERVATORY_ANNOUNCES,
			       want->limit, &out->announces, &out->announce_count);
	if (rc == 0 && want->getpeers)
		rc = read_walk(o, OBSERVATORY_GETPEERS, want->limit, &out->getpeers,
			       &out->getpeers_count);
	if (rc == 0 && want->top)
		rc = read_top(o, want->limit, out);
	out->odd = observatory_odd(o);
	return rc;
}

int past_read(struct past *p, const struct past_want *want, struct past_rows *out)
{
	*out = (struct past_rows){ .odd = 0 };
	return p->file ? read_file(p->file, want, out) : read_store(p->store, want, out);
}

struct each {
	enum observatory_walk table;
	int (*row)(void *ctx, const struct observatory_row *r);
	void *ctx;
};

static int each_row(void *ctx, enum observatory_walk table, const struct observatory_row *r,
		    const struct heard *h)
{
	const struct each *e = ctx;

	(void)h;

	return table == e->table ? e->row(e->ctx, r) : 0;
}

int past_each(struct past *p, enum observatory_walk table,
	      int (*row)(void *ctx, const struct observatory_row *r), void *ctx)
{
	struct each e = { table, row, ctx };
	struct observatory_row r;
	int rc;

	if (!p->file)
		return each_heard(p->store, each_row, &e);
	rc = observatory_begin(p->file, table, 0);
	while (rc == 0 && (rc = observatory_next(p->file, &r)) == 1)
		rc = row(ctx, &r);
	return rc;
}
