/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "viz/export_graph.h"
#include "viz/export_sessions.h"
#include "viz/export_xml.h"
#include "viz/project.h"

/**
 * DOC: GEXF 1.3, for Gephi and graphology: the graph as it changed. A node's
 * spells are its sessions, an edge lasts from its first listing to its last;
 * colours are those of pictures, and a node with a place stands where the map
 * has it. Between networks or countries there is no time, but weights.
 *
 * Source: gexf.net, GEXF 1.3 primer and schema.
 */

enum {
	SPELLS_MAX = 1 << 22, /* 48 MB; a reader of XML has given up long before */
	SPELLS_FIRST = 4096,
	UNITS_PER_RADIUS = 1000, /* of the globe: the map is 5,400 units wide */
};

struct spell {
	uint32_t rank, start_s, end_s;
};

struct writer {
	struct export_graph *g;
	struct export_out *out;
	const struct export_table *table;
	struct spell *spells;
	uint32_t spell_count, spell_cap, spell_at;
};

/* ---- spells ------------------------------------------------------------------------ */

static int keep_spell(void *ctx, const struct export_session *s)
{
	struct writer *w = ctx;

	if (w->spell_count == SPELLS_MAX) {
		w->g->beyond++;
		return 0;
	}
	if (w->spell_count == w->spell_cap) {
		uint32_t cap = w->spell_cap ? 2 * w->spell_cap : SPELLS_FIRST;
		struct spell *spells = reallocarray(w->spells, cap, sizeof(*spells));

		if (!spells)
			return -ENOMEM;
		w->spells = spells;
		w->spell_cap = cap;
	}
	w->spells[w->spell_count++] = (struct spell){ s->node, s->start_s, s->end_s };
	return 0;
}

static int compare(const void *a, const void *b)
{
	const struct spell *x = a, *y = b;

	if (x->rank != y->rank)
		return x->rank > y->rank ? 1 : -1;
	return (x->start_s > y->start_s) - (x->start_s < y->start_s);
}

/* The sessions of the picked nodes, by rank and time. */
static int read_spells(struct writer *w)
{
	const struct export_graph_source *src = &w->g->src;
	const struct export_pick *picked = &w->g->picked;
	uint32_t ordinal, from_s, to_s;
	struct export_sessions *s;
	int rc;

	if (w->g->level || !src->seen)
		return 0;
	rc = export_sessions_new(picked->count, w->g->job->opts->gap_s, keep_spell, w, &s);
	if (rc < 0)
		return rc;
	rc = src->rewind_seen(src->ctx);
	while (rc == 0 && (rc = src->seen(src->ctx, &ordinal, &from_s, &to_s)) == 1) {
		rc = 0;
		if (export_pick_has(picked, ordinal))
			rc = export_sessions_add(s, export_pick_index(picked, ordinal), from_s,
						 to_s);
	}
	if (rc == 0)
		rc = export_sessions_end(s);
	export_sessions_free(s);
	if (rc == 0 && w->spell_count)
		qsort(w->spells, w->spell_count, sizeof(*w->spells), compare);
	return rc;
}

static void put_lifetime(struct export_out *out, uint32_t start_s, uint32_t end_s)
{
	export_xml_put(out, " start=\"");
	export_xml_time(out, start_s);
	export_xml_put(out, "\" end=\"");
	export_xml_time(out, end_s);
	export_xml_put(out, "\"");
}

static void put_spells(struct writer *w, uint32_t rank, const struct export_node *n)
{
	uint32_t end_s = n->last_seen_s > n->first_seen_s ? n->last_seen_s : n->first_seen_s;
	bool any = false;

	export_xml_put(w->out, "<spells>");
	while (w->spell_at < w->spell_count && w->spells[w->spell_at].rank == rank) {
		const struct spell *s = &w->spells[w->spell_at++];

		export_xml_put(w->out, "<spell");
		put_lifetime(w->out, s->start_s, s->end_s);
		export_xml_put(w->out, "/>");
		any = true;
	}
	if (!any) {
		export_xml_put(w->out, "<spell");
		put_lifetime(w->out, n->first_seen_s, end_s);
		export_xml_put(w->out, "/>");
	}
	export_xml_put(w->out, "</spells>");
}

/* ---- nodes and edges ----------------------------------------------------------------- */

static void put_attributes(struct writer *w)
{
	export_xml_put(w->out, "  <attributes class=\"node\" mode=\"static\">\n");
	for (unsigned i = 0; i < w->table->count; i++) {
		export_xml_put(w->out, "   <attribute id=\"");
		export_xml_u64(w->out, i);
		export_xml_put(w->out, "\" title=\"");
		export_xml_put(w->out, w->table->columns[i].name);
		export_xml_put(w->out, "\" type=\"");
		export_xml_put(w->out, export_xml_type(&w->table->columns[i]));
		export_xml_put(w->out, "\"/>\n");
	}
	export_xml_put(w->out, "  </attributes>\n");
}

static void put_values(struct writer *w, const void *row)
{
	export_xml_put(w->out, "<attvalues>");
	for (unsigned i = 0; i < w->table->count; i++) {
		const struct export_column *c = &w->table->columns[i];

		if (!export_xml_has(c, row))
			continue;
		export_xml_put(w->out, "<attvalue for=\"");
		export_xml_u64(w->out, i);
		export_xml_put(w->out, "\" value=\"");
		export_xml_cell(w->out, c, row);
		export_xml_put(w->out, "\"/>");
	}
	export_xml_put(w->out, "</attvalues>");
}

static void put_look(struct export_out *out, const struct export_look *look)
{
	static const char *const names[] = { "<viz:color r=\"", "\" g=\"", "\" b=\"" };
	double lon = (double)look->lon - PROJECT_MERIDIAN;
	struct project_xy at;

	for (unsigned i = 0; i < 3; i++) {
		export_xml_put(out, names[i]);
		export_xml_u64(out, look->color[i]);
	}
	export_xml_put(out, "\"/>");
	if (!look->placed)
		return;
	lon += lon < -180 ? 360 : 0;
	at = project_equal_earth(lon * M_PI / 180, (double)look->lat * M_PI / 180);
	export_xml_put(out, "<viz:position x=\"");
	export_xml_float(out, (float)(at.x * UNITS_PER_RADIUS));
	export_xml_put(out, "\" y=\"");
	export_xml_float(out, (float)(at.y * UNITS_PER_RADIUS));
	export_xml_put(out, "\" z=\"0\"/>");
}

static int put_node(void *ctx, uint32_t rank, const void *row, const struct export_look *look)
{
	struct writer *w = ctx;

	export_xml_put(w->out, "   <node id=\"");
	export_xml_u64(w->out, rank);
	export_xml_put(w->out, "\" label=\"");
	export_xml_text(w->out, look->label);
	export_xml_put(w->out, "\">");
	put_values(w, row);
	if (!w->g->level)
		put_spells(w, rank, row);
	put_look(w->out, look);
	export_xml_put(w->out, "</node>\n");
	return w->out->err;
}

static int put_edges(struct writer *w)
{
	struct export_edge e;
	uint64_t id = 0;
	int rc;

	while ((rc = export_graph_next_edge(w->g, &e)) == 1) {
		export_xml_put(w->out, "   <edge id=\"");
		export_xml_u64(w->out, id++);
		export_xml_put(w->out, "\" source=\"");
		export_xml_u64(w->out, e.source);
		export_xml_put(w->out, "\" target=\"");
		export_xml_u64(w->out, e.target);
		export_xml_put(w->out, "\"");
		if (w->g->level) {
			export_xml_put(w->out, " weight=\"");
			export_xml_u64(w->out, e.times);
			export_xml_put(w->out, "\"");
		} else {
			put_lifetime(w->out, e.first_s, e.last_s);
		}
		export_xml_put(w->out, "/>\n");
		if (w->out->err)
			return w->out->err;
	}
	return rc;
}

static int put_graph(struct writer *w)
{
	int rc;

	export_xml_put(w->out,
		       "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
		       "<gexf xmlns=\"http://gexf.net/1.3\" xmlns:viz=\"http://gexf.net/1.3/viz\" "
		       "xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" "
		       "xsi:schemaLocation=\"http://gexf.net/1.3 http://gexf.net/1.3/gexf.xsd\" "
		       "version=\"1.3\">\n"
		       " <meta><creator>dht-telescope</creator></meta>\n");
	export_xml_put(w->out, w->g->level
				       ? " <graph mode=\"static\" defaultedgetype=\"directed\">\n"
				       : " <graph mode=\"dynamic\" defaultedgetype=\"directed\" "
					 "timeformat=\"dateTime\" "
					 "timerepresentation=\"interval\">\n");
	put_attributes(w);
	export_xml_put(w->out, "  <nodes>\n");
	rc = export_graph_each_node(w->g, put_node, w);
	export_xml_put(w->out, "  </nodes>\n  <edges>\n");
	if (rc == 0)
		rc = put_edges(w);
	export_xml_put(w->out, "  </edges>\n </graph>\n</gexf>\n");
	return rc;
}

static int write(struct export_graph *g)
{
	struct writer w = { .g = g, .table = export_graph_node_table(g, false) };
	int rc = read_spells(&w);

	if (rc == 0)
		rc = export_files_open(&g->job->files, "graph", ".gexf", true, &w.out);
	if (rc == 0)
		rc = put_graph(&w);
	if (rc == 0)
		rc = export_files_close(&g->job->files, w.out, g->edges, NULL);
	g->job->stats->rows = g->edges;
	free(w.spells);
	return rc;
}

const struct export_graph_format export_gexf = {
	.counts = true,
	.xml = true,
	.one_file = true,
	.write = write,
};
