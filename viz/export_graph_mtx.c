/* SPDX-License-Identifier: MIT */
#include <stdio.h>

#include "viz/export_graph.h"

/**
 * DOC: Matrix Market coordinates: a line an edge, counted from 1. Row and
 * column i is row i - 1 of the table of nodes beside it. Between nodes the
 * matrix is a pattern, between networks or countries it holds listings.
 *
 * Source: NIST, "The Matrix Market Exchange Formats: Initial Design", NISTIR 5935.
 */

enum { LINE_MAX_BYTES = 80 };

static void put_head(struct export_graph *g, struct export_out *out)
{
	unsigned long long n = export_graph_node_count(g);
	char text[256];
	int len = snprintf(text, sizeof(text),
			   "%%%%MatrixMarket matrix coordinate %s general\n"
			   "%% row listed column in a reply; see metadata.json\n%llu %llu %llu\n",
			   g->level ? "integer" : "pattern", n, n, (unsigned long long)g->edges);

	export_out_put(out, text, (size_t)len);
}

static int put_edges(struct export_graph *g, struct export_out *out)
{
	struct export_edge e;
	int rc;

	while ((rc = export_graph_next_edge(g, &e)) == 1) {
		char *start = (char *)export_out_room(out, LINE_MAX_BYTES), *at = start;

		at += export_put_u64(at, e.source + 1ull);
		*at++ = ' ';
		at += export_put_u64(at, e.target + 1ull);
		if (g->level) {
			*at++ = ' ';
			at += export_put_u64(at, e.times);
		}
		*at++ = '\n';
		export_out_took(out, (size_t)(at - start));
		if (out->err)
			return out->err;
	}
	return rc;
}

static int write(struct export_graph *g)
{
	struct export_out *out;
	int rc = g->job->opts->dir ? export_graph_write_nodes(g, EXPORT_CSV) : 0;

	if (rc == 0)
		rc = export_files_open(&g->job->files, "graph", ".mtx", true, &out);
	if (rc < 0)
		return rc;
	put_head(g, out);
	rc = put_edges(g, out);
	if (rc == 0)
		rc = export_files_close(&g->job->files, out, g->edges, NULL);
	g->job->stats->rows = g->edges;
	return rc;
}

const struct export_graph_format export_graph_mtx = {
	.counts = true,
	.one_file = true,
	.write = write,
};
