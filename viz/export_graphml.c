/* SPDX-License-Identifier: MIT */
#include "viz/export_graph.h"
#include "viz/export_xml.h"

/**
 * DOC: GraphML, for igraph, networkx, Gephi, Cytoscape and yEd. Each column of
 * the table of nodes is a key; what is unknown is left out, and so is the first
 * time of an edge where it is the last.
 *
 * Source: graphml.graphdrawing.org, "The GraphML File Format", schema 1.1.
 */

struct writer {
	struct export_graph *g;
	struct export_out *out;
	const struct export_table *table;
};

static void put_keys(struct writer *w)
{
	for (unsigned i = 0; i < w->table->count; i++) {
		export_xml_put(w->out, " <key id=\"");
		export_xml_put(w->out, w->table->columns[i].name);
		export_xml_put(w->out, "\" for=\"node\" attr.name=\"");
		/* igraph and networkx keep the id of an element under this name themselves. */
		export_xml_put(w->out,
			       i == 1 && !w->g->level ? "node_id" : w->table->columns[i].name);
		export_xml_put(w->out, "\" attr.type=\"");
		export_xml_put(w->out, export_xml_type(&w->table->columns[i]));
		export_xml_put(w->out, "\"/>\n");
	}
	export_xml_put(w->out, w->g->level ? " <key id=\"weight\" for=\"edge\" "
					     "attr.name=\"weight\" attr.type=\"long\"/>\n"
					   : " <key id=\"first\" for=\"edge\" "
					     "attr.name=\"first_s\" attr.type=\"long\"/>\n"
					     " <key id=\"last\" for=\"edge\" attr.name=\"last_s\" "
					     "attr.type=\"long\"/>\n");
}

static int put_node(void *ctx, uint32_t rank, const void *row, const struct export_look *look)
{
	struct writer *w = ctx;

	(void)look;
	export_xml_put(w->out, "  <node id=\"n");
	export_xml_u64(w->out, rank);
	export_xml_put(w->out, "\">");
	for (unsigned i = 0; i < w->table->count; i++) {
		const struct export_column *c = &w->table->columns[i];

		if (!export_xml_has(c, row))
			continue;
		export_xml_put(w->out, "<data key=\"");
		export_xml_put(w->out, c->name);
		export_xml_put(w->out, "\">");
		export_xml_cell(w->out, c, row);
		export_xml_put(w->out, "</data>");
	}
	export_xml_put(w->out, "</node>\n");
	return w->out->err;
}

static void put_datum(struct export_out *out, const char *key, uint64_t v)
{
	export_xml_put(out, "<data key=\"");
	export_xml_put(out, key);
	export_xml_put(out, "\">");
	export_xml_u64(out, v);
	export_xml_put(out, "</data>");
}

static int put_edges(struct writer *w)
{
	struct export_edge e;
	int rc;

	while ((rc = export_graph_next_edge(w->g, &e)) == 1) {
		export_xml_put(w->out, "  <edge source=\"n");
		export_xml_u64(w->out, e.source);
		export_xml_put(w->out, "\" target=\"n");
		export_xml_u64(w->out, e.target);
		export_xml_put(w->out, "\">");
		if (w->g->level) {
			put_datum(w->out, "weight", e.times);
		} else {
			if (e.first_s != e.last_s)
				put_datum(w->out, "first", e.first_s);
			put_datum(w->out, "last", e.last_s);
		}
		export_xml_put(w->out, "</edge>\n");
		if (w->out->err)
			return w->out->err;
	}
	return rc;
}

static int write(struct export_graph *g)
{
	struct writer w = { .g = g, .table = export_graph_node_table(g, false) };
	int rc = export_files_open(&g->job->files, "graph", ".graphml", true, &w.out);

	if (rc < 0)
		return rc;
	export_xml_put(w.out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
			      "<graphml xmlns=\"http://graphml.graphdrawing.org/xmlns\" "
			      "xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" "
			      "xsi:schemaLocation=\"http://graphml.graphdrawing.org/xmlns "
			      "http://graphml.graphdrawing.org/xmlns/1.1/graphml.xsd\">\n");
	put_keys(&w);
	export_xml_put(w.out, " <graph id=\"dht\" edgedefault=\"directed\">\n");
	rc = export_graph_each_node(g, put_node, &w);
	if (rc == 0)
		rc = put_edges(&w);
	export_xml_put(w.out, " </graph>\n</graphml>\n");
	if (rc == 0)
		rc = export_files_close(&g->job->files, w.out, g->edges, NULL);
	g->job->stats->rows = g->edges;
	return rc;
}

const struct export_graph_format export_graphml = {
	.counts = true,
	.xml = true,
	.one_file = true,
	.write = write,
};
