/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include "store/addr.h"
#include "store/edgebatch.h"
#include "store/edges.h"
#include "store/inside.h"
#include "store/marks.h"
#include "store/merge.h"
#include "store/orgs.h"
#include "store/radix.h"
#include "store/resolve.h"
#include "store/retain.h"
#include "store/seal.h"

/**
 * DOC: the single writer. Sightings gather in a batch; a full or an old batch
 * is sorted by key, folded with what the tables hold, and committed as one
 * durable transaction. Sorting is what makes durable commits fast: each leaf
 * is touched once (S-1). Where a commit fails the batch is kept, so that
 * nothing is lost while the caller thinks about it.
 */

enum {
	BATCH_RECORDS_DEFAULT = 1000000,
	BATCH_MS_DEFAULT = 10000,
	BATCH_FIRST_RECORDS = 4096, /* what a small census costs; doubles up to the batch */
	PREFETCH_ROWS = 16,         /* some 4 us ahead of its use */
	HUGE_PAGE_BYTES = 2 << 20,
};
static const uint64_t disk_floor_default = (uint64_t)512 << 20;
static const uint64_t disk_cap_default = (uint64_t)20 << 30;

struct store_writer {
	struct store *store;
	struct store_writer_opts opts;
	struct sighting *rows;
	struct radix_ref *refs, *tmp; /* as long as rows */
	struct record_place *places;  /* the same, of each row; with geo files alone */
	unsigned count, cap;
	uint64_t oldest_ms;
	uint64_t acknowledged;
	struct orgs orgs;
	struct marks marks;
	struct retain retain;
	uint32_t ordinal_next;   /* within a commit */
	struct edgebatch *edges; /* NULL until the first listing */
};

/* What one commit works with. */
struct pass {
	struct store_writer *w;
	struct kv_txn *txn;
	struct radix_ref *refs; /* of one table; compacted in place as it is used */
	size_t count;
	bool six;
};

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

static uint64_t now_ms(void)
{
	return now_ns() / 1000000;
}

static uint64_t now_s(void)
{
	return (uint64_t)time(NULL);
}

int store_writer_new(struct store *s, const struct store_writer_opts *opts,
		     struct store_writer **out)
{
	struct store_writer *w;
	int rc;

	if (!s->write)
		return DT_EREFUSED;
	w = calloc(1, sizeof(*w));
	if (!w)
		return -ENOMEM;
	rc = marks_init(&w->marks, opts->bucket_s);
	if (rc < 0) {
		free(w);
		return rc;
	}
	w->store = s;
	w->opts = *opts;
	s->geo = opts->geo;
	if (!w->opts.batch_records)
		w->opts.batch_records = BATCH_RECORDS_DEFAULT;
	if (!w->opts.batch_ms)
		w->opts.batch_ms = BATCH_MS_DEFAULT;
	if (!w->opts.disk_floor_bytes)
		w->opts.disk_floor_bytes = disk_floor_default;
	w->retain = (struct retain){ .cap_bytes = opts->disk_cap_bytes ? opts->disk_cap_bytes
								       : disk_cap_default,
				     .keep_s = opts->retain_s,
				     .note = opts->note,
				     .note_ctx = opts->note_ctx };
	orgs_init(&w->orgs);
	rc = retain_enforce(s, &w->retain, now_s());
	if (rc < 0) {
		store_writer_free(w);
		return rc;
	}
	*out = w;
	return 0;
}

void store_writer_free(struct store_writer *w)
{
	if (!w)
		return;
	w->store->geo = NULL;
	orgs_fini(&w->orgs);
	marks_fini(&w->marks);
	edgebatch_free(w->edges);
	free(w->rows);
	free(w->refs);
	free(w->tmp);
	free(w->places);
	free(w);
}

uint64_t store_writer_acknowledged(const struct store_writer *w)
{
	return w->acknowledged;
}

/* ---- sorting ------------------------------------------------------------- */

static int compare_addr(const struct sighting *a, const struct sighting *b)
{
	int d = memcmp(a->from.addr, b->from.addr, sizeof(a->from.addr));

	return d ? d : (int)a->from.port - (int)b->from.port;
}

static int compare_node(const struct sighting *a, const struct sighting *b)
{
	int d = memcmp(a->key.b, b->key.b, NODEID_BYTES);

	return d ? d : compare_addr(a, b);
}

static int by_addr(const void *a, const void *b, void *rows)
{
	const struct sighting *r = rows;

	return compare_addr(&r[((const struct radix_ref *)a)->row],
			    &r[((const struct radix_ref *)b)->row]);
}

static int by_node(const void *a, const void *b, void *rows)
{
	const struct sighting *r = rows;

	return compare_node(&r[((const struct radix_ref *)a)->row],
			    &r[((const struct radix_ref *)b)->row]);
}

/* Rows whose first 8 key bytes agree are few: an ordinary sort ends the work. */
static void sort_refs(struct pass *p, int (*compare)(const void *, const void *, void *))
{
	size_t run = 0;

	radix_sort(p->refs, p->w->tmp, p->count);
	for (size_t i = 1; i <= p->count; i++) {
		if (i < p->count && p->refs[i].prefix == p->refs[run].prefix)
			continue;
		if (i - run > 1)
			qsort_r(p->refs + run, i - run, sizeof(*p->refs), compare, p->w->rows);
		run = i;
	}
}

static uint64_t addr_prefix(const struct endpoint *ep)
{
	uint64_t v;

	if (endpoint_is4(ep))
		return (uint64_t)endpoint_get_ip4(ep) << 16 | ep->port;
	memcpy(&v, ep->addr, sizeof(v));
	return __builtin_bswap64(v);
}

static uint64_t id_prefix(const struct sighting *s)
{
	uint64_t v;

	memcpy(&v, s->key.b, sizeof(v));
	return __builtin_bswap64(v);
}

/* Heard under an id: a node. Anything less is a contact. */
static bool is_node(const struct sighting *s)
{
	return s->way != SIGHTING_MENTIONED && s->key.bits == NODEID_BITS;
}

static void select_refs(struct pass *p, bool nodes)
{
	const struct sighting *rows = p->w->rows;

	p->count = 0;
	for (unsigned i = 0; i < p->w->count; i++) {
		if (is_node(&rows[i]) != nodes || endpoint_is4(&rows[i].from) == p->six)
			continue;
		p->refs[p->count++] = (struct radix_ref){
			.prefix = nodes ? id_prefix(&rows[i]) : addr_prefix(&rows[i].from),
			.row = i,
		};
	}
}

/*
 * Rows lie in the order they came: each is a miss unless it is called for early.
 * Inlined for certain: gcc 12 takes a function that only prefetches for one
 * without effect and drops the call.
 */
static inline __attribute__((always_inline)) void prefetch_row(const struct pass *p, size_t at)
{
	const char *row;

	if (at >= p->count)
		return;
	row = (const char *)&p->w->rows[p->refs[at].row];
	__builtin_prefetch(row);
	__builtin_prefetch(row + sizeof(struct sighting) - 1);
}

/* As the row before it: only then may they be of one key. */
static bool same_prefix(const struct pass *p, size_t at)
{
	return p->refs[at].prefix == p->refs[at - 1].prefix;
}

/* ---- places ----------------------------------------------------------------- */

static bool is_placed(const struct record_place *p)
{
	return p->asn || p->has_point || p->country[0];
}

/* All zeros: never looked up. A lookup in vain leaves the colour of nobody. */
static bool is_looked_up(const struct record_place *p)
{
	static const struct record_place never;

	return memcmp(p, &never, sizeof(never)) != 0;
}

static int look_up(struct store_writer *w, const struct endpoint *ep, struct record_place *out)
{
	struct geo_place g;

	geo_lookup(w->opts.geo, ep, &g);
	*out = record_place_of(&g);
	return orgs_note(&w->orgs, g.asn);
}

/* The closing words of a census come with nodes whose place is known by then. */
static bool wants_place(const struct store_writer *w, size_t row)
{
	return is_node(&w->rows[row]) && !(w->rows[row].flags & SIGHTING_FINAL);
}

/* In the order of addresses neighbours lie on the same pages of the databases (S-8). */
static int look_up_all(struct pass *p)
{
	struct store_writer *w = p->w;
	int rc = 0;

	p->count = 0;
	for (uint32_t i = 0; i < w->count; i++)
		if (wants_place(w, i) && endpoint_is4(&w->rows[i].from) != p->six)
			p->refs[p->count++] =
				(struct radix_ref){ .prefix = addr_prefix(&w->rows[i].from),
						    .row = i };
	radix_sort(p->refs, w->tmp, p->count);
	for (size_t i = 0; i < p->count && rc == 0; i++) {
		uint32_t row = p->refs[i].row;

		prefetch_row(p, i + PREFETCH_ROWS);
		rc = look_up(w, &w->rows[row].from, &w->places[row]);
	}
	return rc;
}

/* Who is heard anew is placed anew; a lookup in vain takes nothing away. */
static int settle_place(struct store_writer *w, const struct endpoint *ep,
			const struct record_place *fresh, struct record_place *place)
{
	if (!w->opts.geo)
		return 0;
	if (is_looked_up(fresh)) {
		if (is_placed(fresh) || !is_placed(place))
			*place = *fresh;
		return 0;
	}
	return is_looked_up(place) ? 0 : look_up(w, ep, place);
}

/* ---- nodes ------------------------------------------------------------------ */

static int replace_if_changed(struct kv_cursor *c, struct span key, const uint8_t *old,
			      const uint8_t *now, size_t len)
{
	if (memcmp(old, now, len) == 0)
		return 0;
	return kv_cursor_replace(c, key, span_of(now, len));
}

/* @r: what the batch says; out: what the table holds afterwards. */
static int upsert_node(struct pass *p, struct kv_cursor *c, const struct sighting *s,
		       struct record *r)
{
	uint8_t key[RECORD_KEY_MAX], was[RECORD_BYTES], now[RECORD_BYTES];
	const struct record_place fresh = r->place;
	const struct nodeid id = nodekey_to_id(&s->key);
	struct span k = span_of(key, record_key(&id, &s->from, key)), old;
	struct record before;
	int rc;

	r->ordinal = p->w->ordinal_next;
	record_encode(r, now);
	rc = kv_cursor_insert(c, k, span_of(now, sizeof(now)), &old);
	if (rc < 0)
		return rc;
	if (rc == 1) {
		if (p->w->ordinal_next == UINT32_MAX)
			return DT_EFULL;
		p->w->ordinal_next++;
		if (!p->w->opts.geo || is_looked_up(&r->place))
			return 0; /* it stands as it should: the usual case of a new node */
		memcpy(was, now, sizeof(was));
	} else {
		rc = record_decode(old, &before);
		if (rc < 0)
			return rc;
		memcpy(was, old.ptr, sizeof(was));
		r->place = before.place;
		r->ordinal = before.ordinal;
		merge_record(r, &before);
	}
	rc = settle_place(p->w, &s->from, &fresh, &r->place);
	if (rc < 0)
		return rc;
	record_encode(r, now);
	return replace_if_changed(c, k, was, now, sizeof(now));
}

/* Everything that rows @from..@to of one node say. */
static struct record fold(const struct pass *p, size_t from, size_t to)
{
	const struct store_writer *w = p->w;
	struct record r = { 0 }, more;

	for (size_t i = from; i < to; i++) {
		uint32_t row = p->refs[i].row;

		more = merge_from_sighting(&w->rows[row], w->store->epoch_s);
		if (w->opts.geo)
			more.place = w->places[row];
		if (i == from)
			r = more;
		else
			merge_record(&r, &more);
	}
	return r;
}

static int mark_all(const struct pass *p, size_t from, size_t to, uint32_t ordinal)
{
	int rc = 0;

	for (size_t i = from; i < to && rc == 0; i++)
		rc = marks_add(&p->w->marks, ordinal, &p->w->rows[p->refs[i].row]);
	return rc;
}

static int write_nodes(struct pass *p)
{
	const struct sighting *rows = p->w->rows;
	struct kv_cursor *c;
	size_t folded = 0;
	int rc = kv_cursor_open(p->txn, p->six ? KV_NODES6 : KV_NODES4, &c);

	if (rc < 0)
		return rc;
	for (size_t i = 0, next; i < p->count && rc == 0; i = next) {
		const struct sighting *first = &rows[p->refs[i].row];
		uint32_t row = p->refs[i].row;
		struct record r;

		prefetch_row(p, i + PREFETCH_ROWS);
		for (next = i + 1; next < p->count && same_prefix(p, next) &&
				   compare_node(first, &rows[p->refs[next].row]) == 0;)
			next++;
		r = fold(p, i, next);
		rc = upsert_node(p, c, first, &r);
		if (rc == 0)
			rc = mark_all(p, i, next, r.ordinal);
		/* What stands behind is used up: the addresses of the next pass go there. */
		p->refs[folded] =
			(struct radix_ref){ .prefix = addr_prefix(&first->from), .row = row };
		memcpy(&p->refs[folded++].extra, first->key.b, RECORD_ADDR_BYTES);
	}
	p->count = folded;
	kv_cursor_close(c);
	return rc;
}

/* ---- addresses ---------------------------------------------------------------- */

/* Two ids at one endpoint: the one heard last stays. */
static int settle_addr(struct kv_cursor *addr, struct kv_cursor *nodes, struct span key,
		       const struct sighting *s, struct span old)
{
	uint8_t id4[RECORD_ADDR_BYTES];
	struct record ours, other;
	struct nodeid id;
	int rc;

	memcpy(id4, old.ptr, sizeof(id4));
	rc = addr_find(nodes, &s->from, id4, &id, &other);
	if (rc < 0)
		return rc;
	if (rc == 1) {
		rc = addr_find(nodes, &s->from, s->key.b, &id, &ours);
		if (rc <= 0)
			return rc < 0 ? rc : DT_ECORRUPT; /* it was put a moment ago */
		if (addr_later(other.last_seen_s, id4, ours.last_seen_s, s->key.b))
			return 0;
	}
	return kv_cursor_replace(addr, key, span_of(s->key.b, RECORD_ADDR_BYTES));
}

/* A v4 endpoint is wholly in its prefix, so its row need not be fetched once more. */
static struct span addr_key(const struct pass *p, size_t at, uint8_t out[static ENDPOINT_COMPACT6])
{
	uint64_t prefix = p->refs[at].prefix;

	if (p->six) {
		prefetch_row(p, at + PREFETCH_ROWS);
		return span_of(out, record_addr(&p->w->rows[p->refs[at].row].from, out));
	}
	for (unsigned i = 0; i < ENDPOINT_COMPACT4; i++)
		out[i] = (uint8_t)(prefix >> (8 * (ENDPOINT_COMPACT4 - 1 - i)));
	return span_of(out, ENDPOINT_COMPACT4);
}

static int upsert_addrs(struct pass *p, struct kv_cursor *addr, struct kv_cursor *nodes)
{
	uint8_t key[ENDPOINT_COMPACT6];
	struct span old;

	for (size_t i = 0; i < p->count; i++) {
		struct span k = addr_key(p, i, key);
		/* Kept as the bytes of the id stand. */
		const void *id4 = &p->refs[i].extra;
		int rc = kv_cursor_insert(addr, k, span_of(id4, RECORD_ADDR_BYTES), &old);

		if (rc == 0 && old.len != RECORD_ADDR_BYTES)
			return DT_ECORRUPT;
		if (rc == 0 && memcmp(old.ptr, id4, RECORD_ADDR_BYTES) != 0)
			rc = settle_addr(addr, nodes, k, &p->w->rows[p->refs[i].row], old);
		if (rc < 0)
			return rc;
	}
	return 0;
}

static int write_addrs(struct pass *p)
{
	struct kv_cursor *addr, *nodes;
	int rc = kv_cursor_open(p->txn, p->six ? KV_ADDR6 : KV_ADDR4, &addr);

	if (rc < 0)
		return rc;
	rc = kv_cursor_open(p->txn, p->six ? KV_NODES6 : KV_NODES4, &nodes);
	if (rc == 0) {
		rc = upsert_addrs(p, addr, nodes);
		kv_cursor_close(nodes);
	}
	kv_cursor_close(addr);
	return rc;
}

/* ---- contacts -------------------------------------------------------------------- */

static int upsert_contact(struct kv_cursor *c, const struct endpoint *ep, struct record_contact *r)
{
	uint8_t key[ENDPOINT_COMPACT6], now[RECORD_CONTACT_BYTES];
	struct span k = span_of(key, record_addr(ep, key)), old;
	struct record_contact before;
	int rc;

	record_contact_encode(r, now);
	rc = kv_cursor_insert(c, k, span_of(now, sizeof(now)), &old);
	if (rc != 0)
		return rc < 0 ? rc : 0;
	rc = record_contact_decode(old, &before);
	if (rc < 0)
		return rc;
	merge_contact(r, &before);
	record_contact_encode(r, now);
	return replace_if_changed(c, k, old.ptr, now, sizeof(now));
}

static int write_contacts(struct pass *p)
{
	const struct sighting *rows = p->w->rows;
	struct kv_cursor *c;
	int rc = kv_cursor_open(p->txn, p->six ? KV_MENTIONED6 : KV_MENTIONED4, &c);

	if (rc < 0)
		return rc;
	for (size_t i = 0; i < p->count && rc == 0;) {
		uint32_t first = p->refs[i].row, epoch_s = p->w->store->epoch_s;
		struct record_contact r = merge_contact_from_sighting(&rows[first], epoch_s), more;

		prefetch_row(p, i + PREFETCH_ROWS);
		for (i++; i < p->count && same_prefix(p, i) &&
			  compare_addr(&rows[first], &rows[p->refs[i].row]) == 0;
		     i++) {
			more = merge_contact_from_sighting(&rows[p->refs[i].row], epoch_s);
			merge_contact(&r, &more);
		}
		rc = upsert_contact(c, &rows[first].from, &r);
	}
	kv_cursor_close(c);
	return rc;
}

/* ---- the batch --------------------------------------------------------------------- */

static int write_family(struct pass *p)
{
	int rc = p->w->opts.geo ? look_up_all(p) : 0;

	if (rc < 0)
		return rc;
	select_refs(p, true);
	if (p->count) {
		sort_refs(p, by_node);
		rc = write_nodes(p);
		sort_refs(p, by_addr);
		if (rc == 0)
			rc = write_addrs(p);
	}
	if (rc < 0)
		return rc;
	select_refs(p, false);
	sort_refs(p, by_addr);
	return p->count ? write_contacts(p) : 0;
}

static int write_marks(struct store_writer *w, struct kv_txn *txn)
{
	struct span chunk;
	int rc = marks_chunk(&w->marks, w->refs, w->tmp, PENDING_LEVEL, &chunk);

	return rc == 0 ? seal_append(w->store, txn, chunk) : rc;
}

static int write_batch(struct store_writer *w, struct kv_txn *txn)
{
	struct pass four = { .w = w, .txn = txn, .refs = w->refs };
	struct pass six = { .w = w, .txn = txn, .refs = w->refs, .six = true };
	uint64_t nodes = kv_entries(txn, KV_NODES4) + kv_entries(txn, KV_NODES6);
	int rc;

	if (w->opts.geo)
		memset(w->places, 0, w->count * sizeof(*w->places));
	/* Nothing is ever deleted, so the ordinals in use are 0 .. nodes - 1. */
	w->ordinal_next = nodes < UINT32_MAX ? (uint32_t)nodes : UINT32_MAX;
	marks_clear(&w->marks);
	rc = write_family(&four);
	if (rc == 0)
		rc = write_family(&six);
	if (rc == 0)
		rc = write_marks(w, txn);
	if (rc == 0 && w->opts.geo)
		rc = orgs_write(&w->orgs, txn, w->opts.geo);
	if (rc == 0 && w->opts.geo && nodes == 0)
		rc = resolve_note(w->opts.geo, txn); /* all that is here was just looked up */
	return rc;
}

int store_writer_room(const struct store_writer *w)
{
	uint64_t free_bytes;
	int rc = fs_free_bytes(w->store->dir_fd, &free_bytes);

	if (rc < 0)
		return rc;
	return free_bytes < w->opts.disk_floor_bytes ? DT_ENOSPACE
						     : retain_room(w->store, &w->retain);
}

static int commit(struct store_writer *w)
{
	uint64_t begun_ns = now_ns();
	struct kv_txn *txn;
	int rc = store_writer_room(w);

	kv_clear_dead(w->store->kv);
	if (rc == 0)
		rc = kv_begin(w->store->kv, true, &txn);
	if (rc < 0)
		return rc;
	rc = write_batch(w, txn);
	if (rc == 0)
		rc = kv_commit(txn);
	else
		kv_abort(txn);
	orgs_settle(&w->orgs, rc == 0);
	seal_settle(w->store, rc == 0);
	if (rc < 0)
		return rc;
	w->acknowledged += w->count;
	w->count = 0;
	w->store->commits++;
	w->store->commit_ns += now_ns() - begun_ns;
	if (!seal_is_due(w->store))
		return 0;
	rc = seal_pending(w->store);
	return rc == 0 ? retain_enforce(w->store, &w->retain, now_s()) : rc;
}

/* Read in key order, that is at random: large pages save a walk through the page table each. */
static void *move_to_larger(void *old, size_t old_bytes, size_t bytes)
{
	size_t rounded = (bytes + HUGE_PAGE_BYTES - 1) / HUGE_PAGE_BYTES * HUGE_PAGE_BYTES;
	bool huge = bytes >= HUGE_PAGE_BYTES;
	void *p = huge ? aligned_alloc(HUGE_PAGE_BYTES, rounded) : malloc(bytes);

	if (!p)
		return NULL;
	if (huge)
		madvise(p, rounded, MADV_HUGEPAGE); /* refused: slower, no more */
	if (old_bytes)
		memcpy(p, old, old_bytes);
	free(old);
	return p;
}

static int grow(struct store_writer *w)
{
	unsigned cap = w->cap ? 2 * w->cap : BATCH_FIRST_RECORDS;
	struct record_place *places;
	struct radix_ref *refs, *tmp;
	struct sighting *rows;

	if (cap > w->opts.batch_records)
		cap = w->opts.batch_records;
	rows = move_to_larger(w->rows, w->count * sizeof(*rows), cap * sizeof(*rows));
	if (!rows)
		return -ENOMEM;
	w->rows = rows;
	refs = reallocarray(w->refs, cap, sizeof(*refs));
	if (refs)
		w->refs = refs;
	tmp = reallocarray(w->tmp, cap, sizeof(*tmp));
	if (tmp)
		w->tmp = tmp;
	places = w->opts.geo ? reallocarray(w->places, cap, sizeof(*places)) : NULL;
	if (places)
		w->places = places;
	if (!refs || !tmp || (w->opts.geo && !places))
		return -ENOMEM;
	w->cap = cap;
	return 0;
}

static int check_sightings(const struct sighting *list, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		if (list[i].way >= SIGHTING_WAYS)
			return DT_EKIND;
		if (list[i].key.bits != 0 && list[i].key.bits != NODEID_BITS)
			return DT_EUNSUPPORTED; /* other networks get tables of their own */
	}
	return 0;
}

static int make_room(struct store_writer *w)
{
	if (w->count == w->opts.batch_records)
		return commit(w);
	return w->count == w->cap ? grow(w) : 0;
}

int store_writer_put(void *ctx, const struct sighting *list, unsigned count)
{
	struct store_writer *w = ctx;
	uint64_t now = now_ms();
	int rc = check_sightings(list, count);

	while (rc == 0 && count) {
		unsigned n;

		rc = make_room(w);
		if (rc < 0)
			return rc;
		n = w->cap - w->count < count ? w->cap - w->count : count;
		if (w->count == 0)
			w->oldest_ms = now;
		memcpy(w->rows + w->count, list, n * sizeof(*list));
		w->count += n;
		list += n;
		count -= n;
	}
	if (rc == 0 && w->count &&
	    (w->count == w->opts.batch_records || now - w->oldest_ms >= w->opts.batch_ms))
		rc = commit(w);
	return rc;
}

static int write_edges(struct store_writer *w)
{
	int rc = store_writer_room(w);

	if (rc == 0)
		rc = edges_add_batch(w->store, w->edges);
	if (rc < 0)
		return rc;
	edgebatch_clear(w->edges);
	return retain_enforce(w->store, &w->retain, now_s());
}

int store_writer_list(void *ctx, const struct listing *list, unsigned count)
{
	struct store_writer *w = ctx;
	int rc = w->store->epoch ? 0 : DT_EREFUSED;

	if (rc == 0 && !w->edges)
		rc = edgebatch_new(&w->edges);
	for (unsigned i = 0; i < count && rc == 0; i++) {
		rc = edgebatch_add(w->edges, &list[i]);
		if (rc == 0 && edgebatch_is_full(w->edges))
			rc = write_edges(w);
	}
	return rc;
}

int store_writer_flush(void *ctx)
{
	struct store_writer *w = ctx;
	int rc = w->count ? commit(w) : 0;

	if (rc == 0 && w->edges && !edgebatch_is_empty(w->edges))
		rc = write_edges(w);
	return rc;
}
