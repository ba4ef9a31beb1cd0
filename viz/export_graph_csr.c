/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "viz/export_graph.h"
#include "viz/export_level.h"
#include "viz/export_npy.h"

/**
 * DOC: a graph as the arrays of a compressed sparse row matrix, which numpy
 * maps without reading them:
 *
 *     a = csr_matrix((np.ones(len(indices), "u1"), indices, indptr), shape=(n, n))
 *
 * Row i of nodes.npy is row and column i. indices of a row ascend and are
 * distinct. Between networks or countries weights.npy has the listings.
 */

struct arrays {
	struct export_out *indptr, *indices, *weights;
	int64_t at;   /* edges written */
	uint32_t row; /* the next whose beginning is to be told */
};

static int open_array(struct export_graph *g, const char *name, const char *type, uint64_t count,
		      struct export_out **out)
{
	int rc = export_files_open(&g->job->files, name, ".npy", false, out);

	return rc == 0 ? export_npy_head(*out, type, count) : rc;
}

static void begin_rows(struct arrays *a, uint32_t to)
{
	for (; a->row <= to; a->row++)
		export_out_put(a->indptr, &a->at, sizeof(a->at));
}

static int put_edges(struct export_graph *g, struct arrays *a)
{
	struct export_edge e;
	int rc;

	while ((rc = export_graph_next_edge(g, &e)) == 1) {
		const int32_t target = (int32_t)e.target;

		begin_rows(a, e.source);
		export_out_put(a->indices, &target, sizeof(target));
		if (a->weights)
			export_out_put(a->weights, &e.times, sizeof(e.times));
		a->at++;
		if (a->indices->err)
			return a->indices->err;
	}
	begin_rows(a, export_graph_node_count(g));
	return rc;
}

static int close_arrays(struct export_graph *g, struct arrays *a)
{
	struct export_files *fs = &g->job->files;
	int rc = (uint64_t)a->at == g->edges ? 0 : DT_ECORRUPT; /* the head has promised others */

	if (rc == 0)
		rc = export_files_close(fs, a->indptr, export_graph_node_count(g) + 1ull, NULL);
	if (rc == 0)
		rc = export_files_close(fs, a->indices, g->edges, NULL);
	if (rc == 0 && a->weights)
		rc = export_files_close(fs, a->weights, g->edges, NULL);
	return rc;
}

static int write(struct export_graph *g)
{
	struct arrays a = { .at = 0 };
	int rc = export_graph_node_count(g) <= INT32_MAX ? 0 : DT_ERANGE;

	if (rc == 0)
		rc = export_graph_write_nodes(g, EXPORT_NPY);
	if (rc == 0)
		rc = open_array(g, "indptr", "<i8", export_graph_node_count(g) + 1ull, &a.indptr);
	if (rc == 0)
		rc = open_array(g, "indices", "<i4", g->edges, &a.indices);
	if (rc == 0 && g->level)
		rc = open_array(g, "weights", "<u8", g->edges, &a.weights);
	if (rc == 0)
		rc = put_edges(g, &a);
	if (rc == 0)
		rc = close_arrays(g, &a);
	g->job->stats->rows = g->edges;
	return rc;
}

const struct export_graph_format export_graph_csr = { .counts = true, .write = write };
