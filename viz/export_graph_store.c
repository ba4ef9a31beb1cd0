/* SPDX-License-Identifier: MIT */
#include "viz/export_graph_store.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/listing.h"

enum { DEPTHS = 256 };

/* One census on its way: vertices, then edges, and beside the edges its questions. */
struct part {
	struct store_edges *edges, *questions;
	uint64_t vertices;
	uint32_t started_s;
	uint32_t *number; /* of its vertices in the whole; NULL where it is alone */
	struct store_vertex vertex;
	struct store_edge edge;
	struct store_question question;
	uint32_t at; /* vertices taken */
	bool has_vertex, has_edge, has_question;
	uint32_t asked; /* the source that @when_s is of; UINT32_MAX = none */
	uint32_t when_s[DEPTHS];
};

struct export_graph_store {
	struct store_view *view;
	struct part *part;
	unsigned part_count;
	struct store_node node; /* of the store, ahead in the same order */
	bool has_node, nodes_at_end;
	uint32_t next; /* number of the next vertex */
	bool edges_begun;
	struct store_log *log;
	struct store_log_block block;
	uint32_t block_at;
	uint32_t *vertex_of; /* by ordinal of the store: what the log names */
	uint32_t ordinals;
};

/* ---- vertices ------------------------------------------------------------------------ */

static int compare_keys(const struct nodekey *a, const struct endpoint *ea, const struct nodekey *b,
			const struct endpoint *eb)
{
	int order = memcmp(a->b, b->b, NODEID_BYTES);

	if (!order)
		order = endpoint_is4(eb) - endpoint_is4(ea);
	if (!order)
		order = memcmp(ea->addr, eb->addr, sizeof(ea->addr));
	return order ? order : (ea->port > eb->port) - (ea->port < eb->port);
}

static int step_vertex(struct part *p)
{
	int rc = store_edges_next_vertex(p->edges, &p->vertex);

	p->has_vertex = rc == 1;
	return rc < 0 ? rc : 0;
}

static int compare_vertices(const struct store_vertex *a, const struct store_vertex *b)
{
	return compare_keys(&a->key, &a->ep, &b->key, &b->ep);
}

/* The least vertex of all parts, each of which steps over it: 1, 0 at the end, or an error. */
static int take_vertex(struct export_graph_store *g, struct store_vertex *out, uint32_t *seen_s)
{
	struct part *least = NULL;
	int rc = 0;

	for (unsigned i = 0; i < g->part_count; i++) {
		struct part *p = &g->part[i];

		if (p->has_vertex && (!least || compare_vertices(&p->vertex, &least->vertex) < 0))
			least = p;
	}
	if (!least)
		return 0;
	*out = least->vertex;
	*seen_s = least->started_s;
	for (unsigned i = 0; i < g->part_count && rc == 0; i++) {
		struct part *p = &g->part[i];

		if (!p->has_vertex || compare_vertices(&p->vertex, out) != 0)
			continue;
		out->answered |= p->vertex.answered;
		if (p->number && p->at < p->vertices)
			p->number[p->at] = g->next;
		p->at++;
		rc = step_vertex(p);
	}
	g->next++;
	return rc < 0 ? rc : 1;
}

/* The store's node that is this vertex, where there is one. */
static int join(struct export_graph_store *g, const struct store_vertex *v, bool *found)
{
	*found = false;
	for (;;) {
		int order, rc;

		if (!g->has_node && !g->nodes_at_end) {
			rc = store_view_next(g->view, &g->node);
			if (rc < 0)
				return rc;
			g->has_node = rc == 1;
			g->nodes_at_end = rc == 0;
		}
		if (!g->has_node)
			return 0;
		order = compare_keys(&g->node.key, &g->node.ep, &v->key, &v->ep);
		if (order > 0)
			return 0;
		g->has_node = false;
		*found = order == 0;
		if (*found)
			return 0;
	}
}

static int next_node(void *ctx, uint32_t *number, bool *answered, struct store_node *out)
{
	struct export_graph_store *g = ctx;
	struct store_vertex v;
	uint32_t seen_s;
	bool found;
	int rc;

	*number = g->next;
	rc = take_vertex(g, &v, &seen_s);
	if (rc <= 0)
		return rc;
	rc = join(g, &v, &found);
	if (rc < 0)
		return rc;
	*answered = v.answered;
	if (found) {
		*out = g->node;
		if (out->ordinal < g->ordinals)
			g->vertex_of[out->ordinal] = *number;
		return 1;
	}
	*out = (struct store_node){ .key = v.key,
				    .ep = v.ep,
				    .first_seen_s = seen_s,
				    .last_seen_s = seen_s,
				    .ways = 1 << SIGHTING_MENTIONED };
	asn_color(0, out->color);
	return 1;
}

/* ---- edges --------------------------------------------------------------------------- */

static uint32_t number_of(const struct part *p, uint32_t vertex)
{
	return p->number ? p->number[vertex] : vertex;
}

static int step_edge(struct part *p)
{
	int rc = store_edges_next(p->edges, &p->edge);

	p->has_edge = rc == 1;
	if (rc == 1 && (p->edge.src >= p->vertices || p->edge.dst >= p->vertices))
		return DT_ECORRUPT;
	return rc < 0 ? rc : 0;
}

static int step_question(struct part *p)
{
	int rc = store_edges_next_question(p->questions, &p->question);

	p->has_question = rc == 1;
	if (rc == 1 && p->question.src >= p->vertices)
		return DT_ECORRUPT;
	return rc < 0 ? rc : 0;
}

/* When was this source asked for each bucket? Questions come by source as edges do. */
static int read_questions(struct part *p)
{
	int rc = 0;

	if (p->asked == p->edge.src)
		return 0;
	p->asked = p->edge.src;
	for (unsigned d = 0; d < DEPTHS; d++)
		p->when_s[d] = p->started_s;
	while (rc == 0 && p->has_question && p->question.src <= p->edge.src) {
		if (p->question.src == p->edge.src)
			p->when_s[p->question.depth] = p->question.when_s;
		rc = step_question(p);
	}
	return rc;
}

static bool is_before(const struct part *a, const struct part *b)
{
	uint32_t as = number_of(a, a->edge.src), bs = number_of(b, b->edge.src);

	return as != bs ? as < bs : number_of(a, a->edge.dst) < number_of(b, b->edge.dst);
}

/* After the vertices every part has its first edge in hand. */
static int begin_edges(struct export_graph_store *g)
{
	struct store_vertex v;
	uint32_t seen_s;
	int rc;

	while ((rc = take_vertex(g, &v, &seen_s)) == 1)
		;
	for (unsigned i = 0; i < g->part_count && rc == 0; i++) {
		rc = step_edge(&g->part[i]);
		if (rc == 0)
			rc = step_question(&g->part[i]);
	}
	g->edges_begun = rc == 0;
	return rc;
}

static int next_arc(void *ctx, struct export_arc *out)
{
	struct export_graph_store *g = ctx;
	struct part *least = NULL;
	int rc = g->edges_begun ? 0 : begin_edges(g);

	if (rc < 0)
		return rc;
	for (unsigned i = 0; i < g->part_count; i++)
		if (g->part[i].has_edge && (!least || is_before(&g->part[i], least)))
			least = &g->part[i];
	if (!least)
		return 0;
	rc = read_questions(least);
	if (rc < 0)
		return rc;
	*out = (struct export_arc){ .source = number_of(least, least->edge.src),
				    .target = number_of(least, least->edge.dst),
				    .when_s = least->when_s[least->edge.depth],
				    .bucket = least->edge.depth };
	rc = step_edge(least);
	return rc < 0 ? rc : 1;
}

static int rewind_all(void *ctx)
{
	struct export_graph_store *g = ctx;
	int rc = 0;

	store_view_rewind(g->view);
	g->has_node = g->nodes_at_end = g->edges_begun = false;
	g->next = 0;
	for (unsigned i = 0; i < g->part_count && rc == 0; i++) {
		struct part *p = &g->part[i];

		store_edges_rewind(p->edges);
		store_edges_rewind(p->questions);
		p->at = 0;
		p->asked = UINT32_MAX;
		p->has_edge = p->has_question = false;
		rc = step_vertex(p);
	}
	return rc;
}

/* ---- questions ------------------------------------------------------------------------- */

static int next_question(void *ctx, struct export_question *out)
{
	struct export_graph_store *g = ctx;
	struct part *least = NULL;
	int rc = g->edges_begun ? 0 : begin_edges(g);

	if (rc < 0)
		return rc;
	for (unsigned i = 0; i < g->part_count; i++) {
		struct part *p = &g->part[i];

		if (p->has_question && (!least || number_of(p, p->question.src) <
							  number_of(least, least->question.src)))
			least = p;
	}
	if (!least)
		return 0;
	*out = (struct export_question){ .source = number_of(least, least->question.src),
					 .when_s = least->question.when_s,
					 .bucket = least->question.depth,
					 .listed = least->question.listed,
					 .outcome = least->question.outcome };
	rc = step_question(least);
	return rc < 0 ? rc : 1;
}

/* ---- presence --------------------------------------------------------------------------- */

static int next_seen(void *ctx, uint32_t *number, uint32_t *from_s, uint32_t *to_s)
{
	struct export_graph_store *g = ctx;
	int rc;

	for (;;) {
		while (g->block_at < g->block.count) {
			uint32_t i = g->block_at++, o = g->block.ordinal[i];

			if (o >= g->ordinals || g->vertex_of[o] == UINT32_MAX)
				continue;
			*number = g->vertex_of[o];
			*from_s = (uint32_t)g->block.bucket_s + g->block.after_s[i];
			*to_s = (uint32_t)g->block.bucket_s + g->block.width_s;
			return 1;
		}
		g->block_at = 0;
		rc = store_log_next(g->log, &g->block);
		if (rc <= 0) {
			g->block.count = 0;
			return rc;
		}
	}
}

static int rewind_seen(void *ctx)
{
	struct export_graph_store *g = ctx;

	store_log_close(g->log);
	g->log = NULL;
	g->block = (struct store_log_block){ .count = 0 };
	g->block_at = 0;
	return store_log_open(g->view, &(struct store_log_opts){ .columns = STORE_LOG_AFTER },
			      &g->log);
}

/* ---- open -------------------------------------------------------------------------------- */

static int add_part(struct export_graph_store *g, uint32_t epoch, uint64_t *edges)
{
	struct part *p, *parts;
	struct store_edges_info info;
	struct store_epoch e;
	int rc;

	parts = reallocarray(g->part, g->part_count + 1, sizeof(*parts));
	if (!parts)
		return -ENOMEM;
	g->part = parts;
	p = &g->part[g->part_count];
	memset(p, 0, sizeof(*p));
	rc = store_edges_open(g->view, epoch, &p->edges);
	if (rc < 0)
		return rc;
	g->part_count++;
	rc = store_edges_open(g->view, epoch, &p->questions);
	if (rc < 0)
		return rc;
	store_edges_info(p->edges, &info);
	if (info.vertices > UINT32_MAX)
		return DT_ECORRUPT;
	p->vertices = info.vertices;
	*edges += info.edges;
	rc = store_view_epoch(g->view, info.epoch, &e, NULL, 0);
	p->started_s = rc == 0 ? (uint32_t)e.started_s : 0;
	return rc;
}

static bool is_within(const struct when *w, const struct store_epoch *e)
{
	return e->started_s >= w->from_s && e->started_s <= w->to_s;
}

static int add_parts(struct export_graph_store *g, const struct export_opts *o, uint64_t *edges,
		     char *why)
{
	struct store_counts n;
	struct store_epoch e;
	int rc = store_view_counts(g->view, &n);

	if (rc < 0)
		return rc;
	if (!o->timed) {
		rc = add_part(g, 0, edges);
		if (rc == DT_ENOTFOUND)
			snprintf(why, 256,
				 "no census of this store has edges: crawl --edges "
				 "records who listed whom");
		return rc;
	}
	for (uint32_t id = 1; id <= n.epochs; id++) {
		rc = store_view_epoch(g->view, id, &e, NULL, 0);
		if (rc < 0)
			return rc;
		if (!is_within(&o->when, &e))
			continue;
		if (g->part_count == EXPORT_CENSUSES_MAX) {
			snprintf(why, 256, "edges of more than %d censuses: narrow --between",
				 EXPORT_CENSUSES_MAX);
			return DT_ERANGE;
		}
		rc = add_part(g, id, edges);
		if (rc < 0 && rc != DT_ENOTFOUND)
			return rc;
	}
	if (g->part_count)
		return 0;
	snprintf(why, 256,
		 "no census of that time has edges: crawl --edges records who listed "
		 "whom");
	return DT_ENOTFOUND;
}

/* Numbers of the whole, where several censuses make it. */
static int number_all(struct export_graph_store *g, uint32_t *space)
{
	struct store_vertex v;
	uint32_t seen_s;
	int rc = 0;

	*space = (uint32_t)g->part[0].vertices;
	if (g->part_count == 1)
		return 0;
	for (unsigned i = 0; i < g->part_count; i++) {
		struct part *p = &g->part[i];

		p->number = calloc(p->vertices + 1, sizeof(*p->number));
		if (!p->number)
			return -ENOMEM;
	}
	rc = rewind_all(g);
	while (rc == 0 && (rc = take_vertex(g, &v, &seen_s)) == 1)
		rc = 0;
	*space = g->next;
	return rc;
}

int export_graph_store_open(struct store_view *v, const struct export_opts *o,
			    struct export_graph_source *src, struct export_graph_store **out,
			    char why[static 256])
{
	struct export_graph_store *g = calloc(1, sizeof(*g));
	struct store_counts n;
	uint64_t edges = 0;
	uint32_t space = 0;
	int rc = g ? store_view_counts(v, &n) : -ENOMEM;

	if (rc < 0) {
		free(g);
		return rc;
	}
	g->view = v;
	g->ordinals = (uint32_t)n.nodes;
	g->vertex_of = malloc((n.nodes + 1) * sizeof(*g->vertex_of));
	rc = g->vertex_of ? add_parts(g, o, &edges, why) : -ENOMEM;
	if (rc == 0)
		rc = number_all(g, &space);
	if (rc < 0) {
		export_graph_store_close(g);
		return rc;
	}
	memset(g->vertex_of, 0xff, (n.nodes + 1) * sizeof(*g->vertex_of));
	*src = (struct export_graph_source){ .ctx = g,
					     .space = space,
					     .arcs = edges,
					     .rewind = rewind_all,
					     .node = next_node,
					     .arc = next_arc,
					     .question = next_question,
					     .seen = next_seen,
					     .rewind_seen = rewind_seen };
	*out = g;
	return 0;
}

void export_graph_store_close(struct export_graph_store *g)
{
	if (!g)
		return;
	for (unsigned i = 0; i < g->part_count; i++) {
		store_edges_close(g->part[i].edges);
		store_edges_close(g->part[i].questions);
		free(g->part[i].number);
	}
	store_log_close(g->log);
	free(g->part);
	free(g->vertex_of);
	free(g);
}
