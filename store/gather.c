/* SPDX-License-Identifier: MIT */
#include "store/gather.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/addr.h"
#include "store/heardlog_impl.h"
#include "store/inside.h"
#include "store/merge.h"
#include "store/record.h"
#include "store/seal.h"

/* ---- tables side by side ----------------------------------------------------------- */

/* One table of one source, with a pair in hand. */
struct hand {
	struct kv_cursor *cursor;
	struct span key, val;
	int rc;
};

static int compare_spans(struct span a, struct span b)
{
	size_t n = a.len < b.len ? a.len : b.len;
	int d = n ? memcmp(a.ptr, b.ptr, n) : 0;

	return d ? d : (a.len > b.len) - (a.len < b.len);
}

static void step(struct hand *h)
{
	h->rc = kv_cursor_next(h->cursor, &h->key, &h->val);
}

static int open_hands(struct gather *g, enum kv_table table, struct hand **out)
{
	struct hand *hands = calloc(g->count, sizeof(*hands));
	int rc = hands ? 0 : -ENOMEM;

	for (unsigned i = 0; i < g->count && rc == 0; i++) {
		rc = kv_cursor_open(g->list[i].txn, table, &hands[i].cursor);
		if (rc == 0)
			step(&hands[i]);
	}
	*out = hands;
	return rc;
}

static void close_hands(struct gather *g, struct hand *hands)
{
	for (unsigned i = 0; hands && i < g->count; i++)
		kv_cursor_close(hands[i].cursor);
	free(hands);
}

/* 1 and the least key, 0 where all are at their end, or an error. */
static int least(const struct gather *g, const struct hand *hands, struct span *key)
{
	bool found = false;

	for (unsigned i = 0; i < g->count; i++) {
		if (hands[i].rc < 0)
			return hands[i].rc;
		if (hands[i].rc == 1 && (!found || compare_spans(hands[i].key, *key) < 0)) {
			*key = hands[i].key;
			found = true;
		}
	}
	return found;
}

static bool has(const struct hand *h, struct span key)
{
	return h->rc == 1 && span_equal(h->key, key);
}

/*
 * Each key of @table once, with the hands of those sources that have it; they
 * step on behind @row. The key is copied: a step of its source moves it.
 */
static int each_key(struct gather *g, enum kv_table table,
		    int (*row)(struct gather *g, enum kv_table table, struct span key,
			       struct hand *hands))
{
	uint8_t copy[RECORD_KEY_MAX];
	struct hand *hands;
	struct span key;
	int rc = open_hands(g, table, &hands);

	while (rc >= 0 && (rc = least(g, hands, &key)) == 1) {
		if (key.len > sizeof(copy)) {
			rc = DT_ECORRUPT;
			break;
		}
		memcpy(copy, key.ptr, key.len);
		key.ptr = copy;
		rc = row(g, table, key, hands);
		if (rc < 0)
			break;
		for (unsigned i = 0; i < g->count; i++)
			if (has(&hands[i], key))
				step(&hands[i]);
	}
	close_hands(g, hands);
	return rc;
}

static int note_ordinal(struct gather_source *s, uint32_t old, uint32_t now)
{
	if (old >= s->nodes)
		return DT_ECORRUPT;
	s->ordinal[old] = now;
	return 0;
}

static int merge_node(struct gather *g, enum kv_table table, struct span key, struct hand *hands)
{
	uint8_t val[RECORD_BYTES];
	struct record sum, one;
	bool any = false;

	if (g->nodes == UINT32_MAX)
		return DT_EFULL;
	for (unsigned i = 0; i < g->count; i++) {
		int rc;

		if (!has(&hands[i], key))
			continue;
		rc = record_decode(hands[i].val, &one);
		if (rc == 0)
			rc = note_ordinal(&g->list[i], one.ordinal, (uint32_t)g->nodes);
		if (rc < 0)
			return rc;
		if (any)
			merge_record(&sum, &one);
		else
			sum = one;
		any = true;
	}
	sum.ordinal = (uint32_t)g->nodes++;
	record_encode(&sum, val);
	if (g->progress && (g->nodes & 0xfffff) == 0)
		g->progress(g->progress_ctx, "nodes", g->nodes);
	return rewrite_append(g->to, table, key, span_of(val, sizeof(val)));
}

/* When the node that source @s has at @ep was last heard: what decides between ids. */
static int last_heard(struct gather_source *s, const struct endpoint *ep, struct span id4,
		      uint32_t *when_s)
{
	struct kv_cursor *c;
	struct record r;
	struct nodeid id;
	int rc = kv_cursor_open(s->txn, endpoint_is4(ep) ? KV_NODES4 : KV_NODES6, &c);

	if (rc < 0)
		return rc;
	rc = addr_find(c, ep, id4.ptr, &id, &r);
	kv_cursor_close(c);
	if (rc == 1)
		*when_s = r.last_seen_s;
	return rc == 1 ? 0 : rc < 0 ? rc : DT_ECORRUPT;
}

/* Sources differ about who was heard last at an endpoint. */
static int settle_addr(struct gather *g, struct span key, struct hand *hands,
		       uint8_t best[static RECORD_ADDR_BYTES])
{
	uint32_t best_s = 0, when_s;
	struct endpoint ep;
	bool any = false;
	int rc = record_addr_decode(key, &ep);

	for (unsigned i = 0; i < g->count && rc == 0; i++) {
		if (!has(&hands[i], key))
			continue;
		rc = last_heard(&g->list[i], &ep, hands[i].val, &when_s);
		if (rc < 0 || (any && !addr_later(when_s, hands[i].val.ptr, best_s, best)))
			continue;
		memcpy(best, hands[i].val.ptr, RECORD_ADDR_BYTES);
		best_s = when_s;
		any = true;
	}
	return rc;
}

static int merge_addr(struct gather *g, enum kv_table table, struct span key, struct hand *hands)
{
	uint8_t best[RECORD_ADDR_BYTES];
	bool any = false, differ = false;
	int rc = 0;

	for (unsigned i = 0; i < g->count; i++) {
		if (!has(&hands[i], key))
			continue;
		if (hands[i].val.len != RECORD_ADDR_BYTES)
			return DT_ECORRUPT;
		differ |= any && memcmp(best, hands[i].val.ptr, sizeof(best)) != 0;
		memcpy(best, hands[i].val.ptr, sizeof(best));
		any = true;
	}
	if (differ)
		rc = settle_addr(g, key, hands, best);
	return rc < 0 ? rc : rewrite_append(g->to, table, key, span_of(best, sizeof(best)));
}

static int merge_mentioned(struct gather *g, enum kv_table table, struct span key,
			   struct hand *hands)
{
	enum kv_table addr = table == KV_MENTIONED4 ? KV_ADDR4 : KV_ADDR6;
	uint8_t val[RECORD_CONTACT_BYTES];
	struct record_contact sum, one;
	struct span heard;
	bool any = false;
	int rc = rewrite_get(g->to, addr, key, &heard);

	if (rc != 0)
		return rc < 0 ? rc : 0; /* heard under an id: it has done its duty */
	for (unsigned i = 0; i < g->count; i++) {
		if (!has(&hands[i], key))
			continue;
		rc = record_contact_decode(hands[i].val, &one);
		if (rc < 0)
			return rc;
		if (any)
			merge_contact(&sum, &one);
		else
			sum = one;
		any = true;
	}
	record_contact_encode(&sum, val);
	return rewrite_append(g->to, table, key, span_of(val, sizeof(val)));
}

static int gather_tables(struct gather *g)
{
	int rc = each_key(g, KV_NODES4, merge_node);

	if (rc == 0)
		rc = each_key(g, KV_NODES6, merge_node);
	if (rc == 0)
		rc = each_key(g, KV_ADDR4, merge_addr);
	if (rc == 0)
		rc = each_key(g, KV_ADDR6, merge_addr);
	if (rc == 0)
		rc = each_key(g, KV_MENTIONED4, merge_mentioned);
	return rc == 0 ? each_key(g, KV_MENTIONED6, merge_mentioned) : rc;
}

/* ---- sources -------------------------------------------------------------------------- */

static int open_segments(struct gather_source *s, const struct store *store)
{
	uint32_t run;
	int rc = seal_run(s->txn, &run);

	segset_init(&s->segs, run);
	if (rc < 0)
		return rc;
	rc = seal_dir(store, run, false, &s->dir_fd);
	if (rc == 0)
		rc = segset_load(s->dir_fd, &s->segs);
	return rc == DT_ENOTFOUND ? 0 : rc;
}

/* The snapshot first, the manifest after it: no chunk is missed (log.c). */
static int take_snapshot(struct gather_source *s, struct store *store)
{
	uint64_t nodes;
	int rc;

	s->dir_fd = -1;
	rc = store_kv_get(store, &s->kv);
	if (rc == 0)
		rc = kv_begin(s->kv, false, &s->txn);
	if (rc < 0)
		return rc;
	nodes = kv_entries(s->txn, KV_NODES4) + kv_entries(s->txn, KV_NODES6);
	if (nodes > UINT32_MAX)
		return DT_ECORRUPT;
	s->nodes = (uint32_t)nodes;
	s->ordinal = malloc((nodes + 1) * sizeof(*s->ordinal));
	if (!s->ordinal)
		return -ENOMEM;
	memset(s->ordinal, 0xff, nodes * sizeof(*s->ordinal));
	return open_segments(s, store);
}

static void close_source(struct gather_source *s)
{
	kv_abort(s->txn);
	kv_unref(s->kv);
	segset_fini(&s->segs);
	if (s->dir_fd >= 0)
		close(s->dir_fd);
	free(s->ordinal);
	free(s->epoch);
	store_close(s->store);
}

static bool same_directory(const struct store *a, const char *dir)
{
	struct stat x, y;

	return fstat(a->dir_fd, &x) == 0 && stat(dir, &y) == 0 && x.st_dev == y.st_dev &&
	       x.st_ino == y.st_ino;
}

static bool is_met(const struct gather *g, const char *dir)
{
	for (unsigned i = 0; i < g->count; i++)
		if (same_directory(g->list[i].store ? g->list[i].store : g->into, dir))
			return true;
	return false;
}

static int add_source(struct gather *g, const char *dir, char *why)
{
	struct gather_source *s = &g->list[g->count];
	int rc;

	if (is_met(g, dir))
		return 0; /* twice is once */
	rc = store_open(dir, STORE_READ, &s->store, why);
	if (rc < 0)
		return rc;
	g->count++;
	rc = take_snapshot(s, s->store);
	if (rc < 0)
		snprintf(why, STORE_WHY_MAX, "%.180s: %s", dir, dt_strerror(rc));
	return rc;
}

/* ---- all of it --------------------------------------------------------------------------- */

static uint64_t bytes_of(const struct gather *g)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < g->count; i++) {
		sum += kv_used_bytes(g->list[i].kv);
		for (uint32_t k = 0; k < g->list[i].segs.count; k++)
			sum += g->list[i].segs.list[k].sum.bytes;
	}
	return sum;
}

/* Segments of the new run lie beside the old ones; the tables decide which are in force. */
static int new_run(struct gather *g)
{
	uint32_t run = g->into->segs.run % SEGSET_RUN_MAX + 1;
	int rc;

	seal_remove_run(g->into, run);
	g->run = run;
	segset_init(&g->segs, run);
	rc = seal_dir(g->into, run, true, &g->io.dir_fd);
	g->io.tap = g->into->seg_io.tap;
	return rc;
}

static int fill(struct gather *g)
{
	int rc = gather_tables(g);

	if (rc == 0)
		rc = gather_meta(g);
	if (rc == 0)
		rc = gather_log(g);
	if (rc == 0)
		rc = gather_edges(g);
	return rc == 0 ? segset_save(&g->io, &g->segs) : rc;
}

/* From here on the new run is the store's. */
static void take_over(struct gather *g)
{
	struct store *s = g->into;
	uint32_t old = s->segs.run;

	seal_close(s);
	s->segs = g->segs;
	s->seg_io = g->io;
	s->chunk_next = 1;
	s->chunks = 0;
	s->chunk_bytes = 0;
	segset_init(&g->segs, 0);
	g->io.dir_fd = -1;
	seal_remove_run(s, old);
}

/* The tables stayed what they were, and so does the rest. */
static void undo(struct gather *g, int heard)
{
	seal_remove_run(g->into, g->run);
	/* where even this fails, what was heard is more than it was: nothing is lost */
	if (heard == 1 && gather_heard_swap(g->into) < 0)
		return;
}

static int gather_all(struct gather *g)
{
	unsigned before = g->into->generation;
	int heard = 0, rc = rewrite_begin(g->into, bytes_of(g), &g->to);

	if (rc < 0)
		return rc;
	rc = new_run(g);
	if (rc == 0)
		rc = fill(g);
	if (rc == 0)
		rc = heard = gather_heard(g);
	/* Before the tables: a crash in between leaves more heard than they tell of, never less,
	 * and the same merge once more makes it good. */
	if (rc == 1)
		rc = gather_heard_swap(g->into);
	if (rc < 0) {
		rewrite_abort(g->to);
		seal_remove_run(g->into, g->run);
		heardlog_drop_new(g->into->dir_fd);
		return rc;
	}
	rc = rewrite_adopt(g->to);
	if (g->into->generation != before)
		take_over(g);
	else
		undo(g, heard);
	heardlog_drop_new(g->into->dir_fd);
	return rc;
}

int store_merge(struct store *into, const char *const *dirs, unsigned count,
		const struct store_merge_opts *opts, char *why)
{
	struct gather g = { .into = into,
			    .io.dir_fd = -1,
			    .progress = opts ? opts->progress : NULL,
			    .progress_ctx = opts ? opts->progress_ctx : NULL };
	int rc;

	why[0] = '\0';
	if (!into->write || count > GATHER_SOURCES_MAX)
		return DT_EREFUSED;
	g.list = calloc(count + 1, sizeof(*g.list));
	if (!g.list)
		return -ENOMEM;
	g.count = 1;
	rc = take_snapshot(&g.list[0], into);
	for (unsigned i = 0; i < count && rc == 0; i++)
		rc = add_source(&g, dirs[i], why);
	if (rc == 0)
		rc = gather_all(&g);
	for (unsigned i = 0; i < g.count; i++)
		close_source(&g.list[i]);
	free(g.list);
	segset_fini(&g.segs);
	if (g.io.dir_fd >= 0)
		close(g.io.dir_fd);
	if (rc < 0 && !why[0])
		snprintf(why, STORE_WHY_MAX, "%.180s: %s", into->dir, dt_strerror(rc));
	return rc;
}
