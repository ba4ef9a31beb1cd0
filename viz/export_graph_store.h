/* SPDX-License-Identifier: MIT */
#ifndef VIZ_EXPORT_GRAPH_STORE_H
#define VIZ_EXPORT_GRAPH_STORE_H

#include "viz/export_graph.h"

/**
 * DOC: the graph of a store: that of one census, or of several as one. Each
 * census has its vertices in the order of the node table and numbers them; the
 * whole numbers them anew in the same order, so that edges stay sorted and are
 * merged as they come. A vertex that the store has heard of bears its row; who
 * was only listed has an id and an endpoint.
 *
 * Memory: 4 bytes for each node of the store; of several censuses, 4 bytes for
 * each vertex of each.
 */
struct export_graph_store;

enum { EXPORT_CENSUSES_MAX = 64 /* at once: each holds its blocks in memory */ };

/**
 * export_graph_store_open() - of the censuses of @o's time; where it has none, of the last that
 * has edges.
 * @src: to be used until close. @why: a line for a person on error, or "".
 * Errors:  DT_ENOTFOUND no edges; DT_ERANGE too many censuses; what the store says.
 */
int export_graph_store_open(struct store_view *v, const struct export_opts *o,
			    struct export_graph_source *src, struct export_graph_store **out,
			    char why[static 256]) DT_MUST;
void export_graph_store_close(struct export_graph_store *g);

#endif
