/* SPDX-License-Identifier: MIT */
#include "store/edgebatch.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <xxhash.h>

#include "store/radix.h"

enum {
	SLOTS_FIRST = 1 << 12, /* power of two */
	ROWS_FIRST = 1 << 12,
	LOAD_NUM = 2, /* slots in use, of LOAD_DEN */
	LOAD_DEN = 3,
	ROWS_MAX = 1 << 22, /* of any kind: a batch is written before */
};

/* A list that doubles. */
struct rows {
	uint8_t *list;
	uint32_t count, cap;
};

struct edgebatch {
	struct rows vertices;  /* struct vertex, in the order they came */
	struct rows edges;     /* struct edge, numbers of that order */
	struct rows questions; /* struct question, likewise */
	uint64_t seed;         /* of the hash: who lists contacts cannot aim at a slot */
	uint32_t *slots;       /* number of a vertex + 1; 0 = empty */
	uint32_t slot_count;
	uint32_t *rank; /* while it is written: place of a vertex in key order */
};

int edgebatch_new(struct edgebatch **out)
{
	struct edgebatch *b = calloc(1, sizeof(*b));

	if (!b)
		return -ENOMEM;
	b->slots = calloc(SLOTS_FIRST, sizeof(*b->slots));
	b->slot_count = SLOTS_FIRST;
	if (!b->slots || getrandom(&b->seed, sizeof(b->seed), 0) != sizeof(b->seed)) {
		edgebatch_free(b);
		return -ENOMEM;
	}
	*out = b;
	return 0;
}

void edgebatch_free(struct edgebatch *b)
{
	if (!b)
		return;
	free(b->vertices.list);
	free(b->edges.list);
	free(b->questions.list);
	free(b->slots);
	free(b->rank);
	free(b);
}

void edgebatch_clear(struct edgebatch *b)
{
	b->vertices.count = b->edges.count = b->questions.count = 0;
	memset(b->slots, 0, b->slot_count * sizeof(*b->slots));
}

bool edgebatch_is_full(const struct edgebatch *b)
{
	return b->edges.count >= EDGEBATCH_EDGES || b->questions.count >= EDGEBATCH_EDGES ||
	       b->vertices.count >= EDGEBATCH_EDGES;
}

bool edgebatch_is_empty(const struct edgebatch *b)
{
	return b->edges.count == 0 && b->questions.count == 0;
}

/* ---- gathering --------------------------------------------------------------------- */

static int push(struct rows *r, const void *row, size_t bytes)
{
	uint32_t cap = r->cap ? 2 * r->cap : ROWS_FIRST;
	uint8_t *list;

	if (r->count == r->cap) {
		if (cap > ROWS_MAX)
			return DT_EFULL;
		list = reallocarray(r->list, cap, bytes);
		if (!list)
			return -ENOMEM;
		r->list = list;
		r->cap = cap;
	}
	memcpy(r->list + r->count++ * bytes, row, bytes);
	return 0;
}

static struct vertex *vertex_at(const struct edgebatch *b, uint32_t i)
{
	return (struct vertex *)(void *)b->vertices.list + i;
}

/* Where @key stands or would stand. */
static uint32_t find_slot(const struct edgebatch *b, const uint8_t *key)
{
	uint32_t i = (uint32_t)XXH3_64bits_withSeed(key, VERTEX_KEY_BYTES, b->seed) &
		     (b->slot_count - 1);

	while (b->slots[i] &&
	       memcmp(vertex_at(b, b->slots[i] - 1)->key, key, VERTEX_KEY_BYTES) != 0)
		i = (i + 1) & (b->slot_count - 1);
	return i;
}

static int grow_slots(struct edgebatch *b)
{
	uint32_t *slots = calloc(2 * (size_t)b->slot_count, sizeof(*slots));

	if (!slots)
		return -ENOMEM;
	free(b->slots);
	b->slots = slots;
	b->slot_count *= 2;
	for (uint32_t i = 0; i < b->vertices.count; i++)
		b->slots[find_slot(b, vertex_at(b, i)->key)] = i + 1;
	return 0;
}

static int number_of(struct edgebatch *b, const struct vertex *v, uint32_t *out)
{
	uint32_t slot;
	int rc = 0;

	if (b->vertices.count + 1 > b->slot_count / LOAD_DEN * LOAD_NUM)
		rc = grow_slots(b);
	if (rc < 0)
		return rc;
	slot = find_slot(b, v->key);
	if (!b->slots[slot]) {
		rc = push(&b->vertices, v, sizeof(*v));
		if (rc < 0)
			return rc;
		b->slots[slot] = b->vertices.count;
	}
	*out = b->slots[slot] - 1;
	vertex_at(b, *out)->heard |= v->heard;
	return 0;
}

static int add_contact(struct edgebatch *b, uint32_t src, const struct listing *l, unsigned i)
{
	const struct listing_contact *c = &l->contacts[i];
	struct vertex v = vertex_of(&c->id, &c->ep);
	struct edge e = { .src = src, .depth = l->depth };
	int rc = number_of(b, &v, &e.dst);

	return rc == 0 ? push(&b->edges, &e, sizeof(e)) : rc;
}

int edgebatch_add(struct edgebatch *b, const struct listing *l)
{
	struct vertex from = vertex_of(&l->id, &l->from);
	uint64_t when_s = l->when_ms / 1000;
	struct question q = { .when_s = when_s > UINT32_MAX ? UINT32_MAX : (uint32_t)when_s,
			      .depth = l->depth,
			      .outcome = l->outcome,
			      .listed = l->listed };
	int rc;

	if (l->count > LISTING_CONTACTS || l->outcome >= LISTING_OUTCOMES)
		return DT_EKIND;
	from.heard = l->outcome == LISTING_ANSWERED;
	rc = number_of(b, &from, &q.src);
	if (rc == 0)
		rc = push(&b->questions, &q, sizeof(q));
	for (unsigned i = 0; i < l->count && rc == 0; i++)
		rc = add_contact(b, q.src, l, i);
	return rc;
}

/* ---- writing ------------------------------------------------------------------------- */

/* What is sorted: references by a number, and where that is equal by a closer look. */
struct sorted {
	struct radix_ref *refs, *tmp;
};

static int by_key(const void *pa, const void *pb, void *ctx)
{
	const struct vertex *v = ctx;

	return memcmp(v[((const struct radix_ref *)pa)->row].key,
		      v[((const struct radix_ref *)pb)->row].key, VERTEX_KEY_BYTES);
}

static void sort_vertices(struct edgebatch *b, struct sorted *s)
{
	uint32_t n = b->vertices.count;

	for (uint32_t i = 0; i < n; i++) {
		uint64_t prefix;

		memcpy(&prefix, vertex_at(b, i)->key, sizeof(prefix));
		s->refs[i] = (struct radix_ref){ .prefix = __builtin_bswap64(prefix), .row = i };
	}
	radix_sort(s->refs, s->tmp, n);
	for (uint32_t i = 0, end; i < n; i = end) {
		for (end = i + 1; end < n && s->refs[end].prefix == s->refs[i].prefix;)
			end++;
		if (end - i > 1)
			qsort_r(s->refs + i, end - i, sizeof(*s->refs), by_key, b->vertices.list);
	}
}

static int write_vertices(struct edgebatch *b, struct sorted *s, struct edge_out *o)
{
	int rc = 0;

	sort_vertices(b, s);
	for (uint32_t i = 0; i < b->vertices.count && rc == 0; i++) {
		b->rank[s->refs[i].row] = i;
		rc = edge_out_vertex(o, vertex_at(b, s->refs[i].row));
	}
	return rc;
}

static int write_edges(struct edgebatch *b, struct sorted *s, struct edge_out *o)
{
	const struct edge *list = (const void *)b->edges.list;
	uint32_t n = b->edges.count;
	int rc = 0;

	for (uint32_t i = 0; i < n; i++)
		s->refs[i] = (struct radix_ref){
			.prefix = (uint64_t)b->rank[list[i].src] << 32 | b->rank[list[i].dst],
			.row = i,
		};
	radix_sort(s->refs, s->tmp, n);
	for (uint32_t i = 0, next; i < n && rc == 0; i = next) {
		struct edge e = { .src = (uint32_t)(s->refs[i].prefix >> 32),
				  .dst = (uint32_t)s->refs[i].prefix,
				  .depth = UINT8_MAX };

		for (next = i; next < n && s->refs[next].prefix == s->refs[i].prefix; next++)
			if (list[s->refs[next].row].depth < e.depth)
				e.depth = list[s->refs[next].row].depth;
		rc = edge_out_edge(o, &e);
	}
	return rc;
}

static void join_question(struct question *into, const struct question *q)
{
	if (q->outcome < into->outcome)
		into->outcome = q->outcome;
	if (q->listed > into->listed)
		into->listed = q->listed;
	if (q->when_s < into->when_s)
		into->when_s = q->when_s;
}

static int write_questions(struct edgebatch *b, struct sorted *s, struct edge_out *o)
{
	const struct question *list = (const void *)b->questions.list;
	uint32_t n = b->questions.count;
	int rc = 0;

	for (uint32_t i = 0; i < n; i++)
		s->refs[i] = (struct radix_ref){
			.prefix = (uint64_t)b->rank[list[i].src] << 32 | list[i].depth,
			.row = i,
		};
	radix_sort(s->refs, s->tmp, n);
	for (uint32_t i = 0, next; i < n && rc == 0; i = next) {
		struct question q = list[s->refs[i].row];

		q.src = (uint32_t)(s->refs[i].prefix >> 32);
		for (next = i + 1; next < n && s->refs[next].prefix == s->refs[i].prefix; next++)
			join_question(&q, &list[s->refs[next].row]);
		rc = edge_out_question(o, &q);
	}
	return rc;
}

static uint32_t most_rows(const struct edgebatch *b)
{
	uint32_t most = b->vertices.count;

	most = b->edges.count > most ? b->edges.count : most;
	return b->questions.count > most ? b->questions.count : most;
}

static int write_all(struct edgebatch *b, struct sorted *s, struct edge_out *o)
{
	int rc = write_vertices(b, s, o);

	if (rc == 0)
		rc = write_edges(b, s, o);
	return rc == 0 ? write_questions(b, s, o) : rc;
}

int edgebatch_write(struct edgebatch *b, const struct sio *io, uint32_t number, uint32_t epoch,
		    struct seg_entry *entry)
{
	size_t n = most_rows(b);
	struct sorted s = { malloc(n * sizeof(*s.refs)), malloc(n * sizeof(*s.tmp)) };
	struct edge_out *o = NULL;
	int rc = -ENOMEM;

	b->rank = malloc(n * sizeof(*b->rank));
	if (s.refs && s.tmp && b->rank)
		rc = edge_out_new(io, number, epoch, &o);
	if (rc == 0) {
		rc = write_all(b, &s, o);
		if (rc < 0)
			edge_out_abort(o);
		else
			rc = edge_out_finish(o, entry);
	}
	free(s.refs);
	free(s.tmp);
	free(b->rank);
	b->rank = NULL;
	return rc;
}
