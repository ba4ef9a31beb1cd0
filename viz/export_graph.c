/* SPDX-License-Identifier: MIT */
#include "viz/export_graph.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "viz/export_level.h"

enum { LISTED_FIRST = 1024, PROGRESS_EVERY = 1 << 16 /* listings: some milliseconds */ };

static const struct export_graph_format *const formats[EXPORT_KINDS] = {
	[EXPORT_CSV] = &export_graph_tables,    [EXPORT_TSV] = &export_graph_tables,
	[EXPORT_NDJSON] = &export_graph_tables, [EXPORT_PARQUET] = &export_graph_tables,
	[EXPORT_NPY] = &export_graph_csr,       [EXPORT_MTX] = &export_graph_mtx,
	[EXPORT_GRAPHML] = &export_graphml,     [EXPORT_GEXF] = &export_gexf,
};

const struct export_graph_format *export_graph_format_of(enum export_kind kind)
{
	return formats[kind];
}

uint32_t export_graph_node_count(const struct export_graph *g)
{
	return g->level ? export_level_groups(g->level) : g->picked.count;
}

int export_graph_rewind(struct export_graph *g)
{
	g->listed_count = g->listed_at = 0;
	g->has_ahead = g->at_end = false;
	return g->src.rewind(g->src.ctx);
}

int export_graph_next_node(struct export_graph *g, uint32_t *ordinal, struct store_node *out)
{
	bool answered;
	int rc;

	while ((rc = g->src.node(g->src.ctx, ordinal, &answered, out)) == 1)
		if (export_pick_has(&g->picked, *ordinal))
			return 1;
	return rc;
}

static void say_progress(struct export_graph *g)
{
	const struct export_opts *o = g->job->opts;

	if (++g->job->stats->edges % PROGRESS_EVERY == 0 && o->progress)
		o->progress(o->ctx, "listings", g->job->stats->edges, g->src.arcs);
}

int export_graph_next_arc(struct export_graph *g, struct export_arc *out)
{
	int rc;

	while ((rc = g->src.arc(g->src.ctx, out)) == 1) {
		say_progress(g);
		if (export_pick_has(&g->picked, out->source) &&
		    export_pick_has(&g->picked, out->target))
			return 1;
	}
	return rc;
}

int export_graph_next_question(struct export_graph *g, struct export_question *out)
{
	int rc;

	while ((rc = g->src.question(g->src.ctx, out)) == 1) {
		say_progress(g);
		if (export_pick_has(&g->picked, out->source))
			return 1;
	}
	return rc;
}

/* ---- each pair once ------------------------------------------------------------ */

static int add_listing(struct export_graph *g, const struct export_arc *arc)
{
	if (g->listed_count == EXPORT_ARCS_MAX) {
		g->beyond++;
		return 0;
	}
	if (g->listed_count == g->listed_cap) {
		uint32_t cap = g->listed_cap ? 2 * g->listed_cap : LISTED_FIRST;
		struct export_listing *l = reallocarray(g->listed, cap, sizeof(*l));

		if (!l)
			return -ENOMEM;
		g->listed = l;
		g->listed_cap = cap;
	}
	g->listed[g->listed_count++] =
		(struct export_listing){ arc->target, arc->when_s, arc->when_s, 1 };
	return 0;
}

static int compare(const void *a, const void *b)
{
	const struct export_listing *x = a, *y = b;

	return (x->target > y->target) - (x->target < y->target);
}

static bool is_sorted(const struct export_listing *l, uint32_t n)
{
	for (uint32_t i = 1; i < n; i++)
		if (l[i].target < l[i - 1].target)
			return false;
	return true;
}

static void fold(struct export_graph *g)
{
	struct export_listing *l = g->listed;
	uint32_t n = 0;

	if (!is_sorted(l, g->listed_count))
		qsort(l, g->listed_count, sizeof(*l), compare);
	for (uint32_t i = 0; i < g->listed_count; i++) {
		if (n && l[n - 1].target == l[i].target) {
			struct export_listing *into = &l[n - 1];

			into->times++;
			into->first_s = into->first_s < l[i].first_s ? into->first_s : l[i].first_s;
			into->last_s = into->last_s > l[i].last_s ? into->last_s : l[i].last_s;
		} else {
			l[n++] = l[i];
		}
	}
	g->listed_count = n;
	g->listed_at = 0;
}

/* All listings of the next source that has any: 1, 0 at the end, or an error. */
static int gather(struct export_graph *g)
{
	int rc = 1;

	g->listed_count = 0;
	if (!g->has_ahead && !g->at_end)
		rc = export_graph_next_arc(g, &g->ahead);
	if (rc <= 0 || g->at_end)
		return rc < 0 ? rc : 0;
	g->listed_source = g->ahead.source;
	while (rc == 1 && g->ahead.source == g->listed_source) {
		rc = add_listing(g, &g->ahead);
		if (rc < 0)
			return rc;
		rc = export_graph_next_arc(g, &g->ahead);
	}
	if (rc < 0)
		return rc;
	if (rc == 1 && g->ahead.source < g->listed_source)
		return DT_ECORRUPT; /* the store keeps them by source */
	g->has_ahead = rc == 1;
	g->at_end = rc == 0;
	fold(g);
	return 1;
}

static int next_of_level(struct export_graph *g, struct export_edge *out)
{
	return export_level_edge(g->level, g->listed_at++, out);
}

int export_graph_next_edge(struct export_graph *g, struct export_edge *out)
{
	const struct export_listing *l;

	if (g->level)
		return next_of_level(g, out);
	if (g->listed_at == g->listed_count) {
		int rc = gather(g);

		if (rc <= 0)
			return rc;
	}
	l = &g->listed[g->listed_at++];
	*out = (struct export_edge){ export_pick_index(&g->picked, g->listed_source),
				     export_pick_index(&g->picked, l->target), l->first_s,
				     l->last_s, l->times };
	return 1;
}

/* ---- before a format begins ------------------------------------------------------ */

static int pick_node(struct export_graph *g, uint32_t ordinal, bool answered,
		     const struct store_node *n)
{
	struct export_job *job = g->job;
	const struct export_opts *o = job->opts;

	if (++job->stats->nodes % PROGRESS_EVERY == 0 && o->progress)
		o->progress(o->ctx, "nodes", job->stats->nodes, g->src.space);
	if (answered)
		export_pick_set(&g->answered, ordinal);
	if (!export_where_holds(&o->where, n))
		return 0;
	export_pick_set(&g->picked, ordinal);
	return 0;
}

static int pick(struct export_graph *g)
{
	struct store_node n;
	uint32_t ordinal;
	bool answered;
	int rc;

	while ((rc = g->src.node(g->src.ctx, &ordinal, &answered, &n)) == 1) {
		rc = pick_node(g, ordinal, answered, &n);
		if (rc < 0)
			return rc;
	}
	if (rc < 0)
		return rc;
	export_pick_seal(&g->picked);
	if (g->job->opts->sample)
		rc = export_pick_draw(&g->picked, g->job->opts->sample);
	g->job->stats->taken = g->picked.count;
	return rc;
}

static int group(struct export_graph *g)
{
	struct export_arc arc;
	struct store_node n;
	uint32_t ordinal;
	int rc = export_level_new(g->job->opts->level, g->src.space, &g->level);

	if (rc == 0)
		rc = export_graph_rewind(g);
	while (rc == 0 && (rc = export_graph_next_node(g, &ordinal, &n)) == 1)
		rc = export_level_put_node(g->level, ordinal, &n);
	if (rc == 0)
		rc = export_level_seal(g->level);
	while (rc == 0 && (rc = export_graph_next_arc(g, &arc)) == 1)
		rc = export_level_put_arc(g->level, arc.source, arc.target);
	if (rc == 0)
		export_level_finish(g->level, &g->edges, &g->beyond);
	return rc;
}

static int count(struct export_graph *g)
{
	struct export_edge e;
	int rc = export_graph_rewind(g);

	while (rc == 0 && (rc = export_graph_next_edge(g, &e)) == 1) {
		g->edges++;
		rc = 0;
	}
	g->beyond = 0; /* the second pass counts them again */
	g->job->stats->edges = 0;
	return rc;
}

static int refuse(struct export_graph *g, const struct export_graph_format *f)
{
	const struct export_opts *o = g->job->opts;

	if (!f->xml || o->force || g->edges <= EXPORT_XML_EDGES_MAX)
		return 0;
	snprintf(g->job->why, sizeof(g->job->why),
		 "%s: %llu edges, and XML of more than %d few programs can read: give --level asn "
		 "or country, --sample N, another format, or --force",
		 export_kind_name(o->kind), (unsigned long long)g->edges, EXPORT_XML_EDGES_MAX);
	return DT_EREFUSED;
}

static int prepare(struct export_graph *g, const struct export_graph_format *f)
{
	int rc = export_pick_init(&g->picked, g->src.space);

	if (rc == 0)
		rc = export_pick_init(&g->answered, g->src.space);
	if (rc == 0)
		rc = export_graph_rewind(g);
	if (rc == 0)
		rc = pick(g);
	if (rc == 0 && g->job->opts->level != EXPORT_LEVEL_NODE)
		rc = group(g);
	else if (rc == 0 && f->counts)
		rc = count(g);
	return rc == 0 ? refuse(g, f) : rc;
}

int export_graph_write(struct export_job *job, const struct export_graph_source *src)
{
	const struct export_graph_format *f = job->opts->what == EXPORT_QUESTIONS
						      ? &export_graph_questions
						      : export_graph_format_of(job->opts->kind);
	struct export_graph g = { .job = job, .src = *src };
	int rc = prepare(&g, f);

	if (rc == 0)
		rc = export_graph_rewind(&g);
	if (rc == 0)
		rc = f->write(&g);
	job->stats->beyond += g.beyond;
	job->stats->graph_nodes = export_graph_node_count(&g);
	export_level_free(g.level);
	export_pick_fini(&g.picked);
	export_pick_fini(&g.answered);
	free(g.listed);
	return rc;
}
