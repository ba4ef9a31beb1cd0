/* SPDX-License-Identifier: MIT */
#include "store/edgescan.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Its next row of the part at hand; 0: at its end. */
struct stream {
	struct edge_in *in;
	uint32_t *number; /* of its vertices, in the whole; NULL: the same */
	uint32_t numbered;
	int rc; /* of the last step */
	const struct vertex *vertex;
	struct edge edge;
	struct question question;
};

struct edgescan {
	struct stream *streams;
	uint32_t count;
	uint64_t vertices;
	enum edge_part part; /* that the rows in hand are of */
	bool in_hand;
};

int edgescan_new(struct edgescan **out)
{
	*out = calloc(1, sizeof(**out));
	return *out ? 0 : -ENOMEM;
}

void edgescan_free(struct edgescan *s)
{
	if (!s)
		return;
	for (uint32_t i = 0; i < s->count; i++) {
		edge_in_free(s->streams[i].in);
		free(s->streams[i].number);
	}
	free(s->streams);
	free(s);
}

int edgescan_add(struct edgescan *s, struct edge_in *in)
{
	struct stream *list = reallocarray(s->streams, s->count + 1, sizeof(*list));

	if (!list) {
		edge_in_free(in);
		return -ENOMEM;
	}
	s->streams = list;
	s->streams[s->count++] = (struct stream){ .in = in };
	return 0;
}

void edgescan_rewind(struct edgescan *s)
{
	for (uint32_t i = 0; i < s->count; i++)
		edge_in_rewind(s->streams[i].in);
	s->in_hand = false;
}

/* ---- a step of one stream ---------------------------------------------------------- */

static uint32_t renumber(const struct stream *t, uint32_t v)
{
	return t->number ? t->number[v] : v;
}

static void step_edge(struct stream *t)
{
	const struct edge *e;

	t->rc = edge_in_edge(t->in, &e);
	if (t->rc != 1)
		return;
	t->edge = (struct edge){ .src = renumber(t, e->src),
				 .dst = renumber(t, e->dst),
				 .depth = e->depth };
}

static void step_question(struct stream *t)
{
	const struct question *q;

	t->rc = edge_in_question(t->in, &q);
	if (t->rc != 1)
		return;
	t->question = *q;
	t->question.src = renumber(t, q->src);
}

static void step(struct stream *t, enum edge_part part)
{
	if (part == EDGE_VERTICES)
		t->rc = edge_in_vertex(t->in, &t->vertex);
	else if (part == EDGE_EDGES)
		step_edge(t);
	else
		step_question(t);
}

static int begin(struct edgescan *s, enum edge_part part)
{
	if (s->in_hand && s->part == part)
		return 0;
	for (uint32_t i = 0; i < s->count; i++)
		step(&s->streams[i], part);
	s->part = part;
	s->in_hand = true;
	return 0;
}

static int compare(const struct stream *a, const struct stream *b, enum edge_part part)
{
	uint64_t x, y;

	if (part == EDGE_VERTICES)
		return memcmp(a->vertex->key, b->vertex->key, VERTEX_KEY_BYTES);
	if (part == EDGE_EDGES) {
		x = (uint64_t)a->edge.src << 32 | a->edge.dst;
		y = (uint64_t)b->edge.src << 32 | b->edge.dst;
	} else {
		x = (uint64_t)a->question.src << 32 | a->question.depth;
		y = (uint64_t)b->question.src << 32 | b->question.depth;
	}
	return (x > y) - (x < y);
}

/* 1 and the stream with the least row, 0 where all are at their end, or an error. */
static int least(struct edgescan *s, enum edge_part part, struct stream **out)
{
	struct stream *best = NULL;
	int rc = begin(s, part);

	for (uint32_t i = 0; i < s->count && rc == 0; i++) {
		struct stream *t = &s->streams[i];

		if (t->rc < 0)
			rc = t->rc;
		else if (t->rc == 1 && (!best || compare(t, best, part) < 0))
			best = t;
	}
	*out = best;
	return rc < 0 ? rc : best != NULL;
}

/* Every stream whose row is the same as @first's takes a step; @join hears of each. */
static int take_equal(struct edgescan *s, struct stream *first, enum edge_part part,
		      void (*join)(void *into, const struct stream *t), void *into)
{
	for (uint32_t i = 0; i < s->count; i++) {
		struct stream *t = &s->streams[i];

		if (t == first || t->rc != 1 || compare(t, first, part) != 0)
			continue;
		join(into, t);
		step(t, part);
		if (t->rc < 0)
			return t->rc;
	}
	step(first, part);
	return first->rc < 0 ? first->rc : 1;
}

/* ---- rows ---------------------------------------------------------------------------- */

static void join_vertex(void *into, const struct stream *t)
{
	struct vertex *v = into;

	v->heard |= t->vertex->heard;
}

static void join_edge(void *into, const struct stream *t)
{
	struct edge *e = into;

	if (t->edge.depth < e->depth)
		e->depth = t->edge.depth;
}

static void join_question(void *into, const struct stream *t)
{
	const struct question *o = &t->question;
	struct question *q = into;

	if (o->outcome < q->outcome)
		q->outcome = o->outcome;
	if (o->listed > q->listed)
		q->listed = o->listed;
	if (o->when_s < q->when_s)
		q->when_s = o->when_s;
}

int edgescan_vertex(struct edgescan *s, struct vertex *out)
{
	struct stream *t;
	int rc = least(s, EDGE_VERTICES, &t);

	if (rc != 1)
		return rc;
	*out = *t->vertex;
	return take_equal(s, t, EDGE_VERTICES, join_vertex, out);
}

int edgescan_edge(struct edgescan *s, struct edge *out)
{
	struct stream *t;
	int rc = least(s, EDGE_EDGES, &t);

	if (rc != 1)
		return rc;
	*out = t->edge;
	return take_equal(s, t, EDGE_EDGES, join_edge, out);
}

int edgescan_question(struct edgescan *s, struct question *out)
{
	struct stream *t;
	int rc = least(s, EDGE_QUESTIONS, &t);

	if (rc != 1)
		return rc;
	*out = t->question;
	return take_equal(s, t, EDGE_QUESTIONS, join_question, out);
}

/* ---- numbers -------------------------------------------------------------------------- */

static int note_number(struct stream *t, uint32_t number)
{
	uint32_t *list;

	/* Grown as vertices truly come: what a file claims is not believed. */
	if ((t->numbered & (t->numbered + 1)) == 0) {
		list = reallocarray(t->number, 2 * ((size_t)t->numbered + 1), sizeof(*list));
		if (!list)
			return -ENOMEM;
		t->number = list;
	}
	t->number[t->numbered++] = number;
	return 0;
}

/* As edgescan_vertex(), and each stream that has it learns its number. */
static int deal_one(struct edgescan *s)
{
	struct stream *first;
	int rc = least(s, EDGE_VERTICES, &first);

	if (rc != 1)
		return rc;
	if (s->vertices == UINT32_MAX)
		return DT_EFULL;
	for (uint32_t i = 0; i < s->count; i++) {
		struct stream *t = &s->streams[i];

		if (t == first || t->rc != 1 || compare(t, first, EDGE_VERTICES) != 0)
			continue;
		rc = note_number(t, (uint32_t)s->vertices);
		step(t, EDGE_VERTICES);
		if (rc < 0 || t->rc < 0)
			return rc < 0 ? rc : t->rc;
	}
	rc = note_number(first, (uint32_t)s->vertices++);
	step(first, EDGE_VERTICES);
	return rc < 0 ? rc : first->rc < 0 ? first->rc : 1;
}

int edgescan_start(struct edgescan *s)
{
	int rc = 1;

	s->vertices = 0;
	if (s->count <= 1) {
		s->vertices = s->count ? edge_in_counts(s->streams[0].in).n[EDGE_VERTICES] : 0;
		return 0;
	}
	while (rc == 1)
		rc = deal_one(s);
	edgescan_rewind(s);
	return rc;
}

struct edge_counts edgescan_counts(const struct edgescan *s)
{
	struct edge_counts sum = { { 0 } };

	for (uint32_t i = 0; i < s->count; i++) {
		struct edge_counts one = edge_in_counts(s->streams[i].in);

		for (unsigned p = 0; p < EDGE_PARTS; p++)
			sum.n[p] += one.n[p];
	}
	sum.n[EDGE_VERTICES] = s->vertices;
	return sum;
}

/* ---- into one segment ------------------------------------------------------------------- */

static int write_rows(struct edgescan *s, struct edge_out *o)
{
	struct question q;
	struct vertex v;
	struct edge e;
	int rc;

	while ((rc = edgescan_vertex(s, &v)) == 1)
		if ((rc = edge_out_vertex(o, &v)) < 0)
			return rc;
	while (rc == 0 && (rc = edgescan_edge(s, &e)) == 1)
		rc = edge_out_edge(o, &e);
	if (rc < 0)
		return rc;
	while (rc == 0 && (rc = edgescan_question(s, &q)) == 1)
		rc = edge_out_question(o, &q);
	return rc;
}

int edgescan_write(struct edgescan *s, const struct sio *io, uint32_t number, uint32_t epoch,
		   struct seg_entry *entry)
{
	struct edge_out *o;
	int rc = edge_out_new(io, number, epoch, &o);

	if (rc < 0)
		return rc;
	rc = write_rows(s, o);
	if (rc < 0) {
		edge_out_abort(o);
		return rc;
	}
	return edge_out_finish(o, entry);
}
