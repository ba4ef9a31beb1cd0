/* SPDX-License-Identifier: MIT */
#ifndef STORE_EDGESCAN_H
#define STORE_EDGESCAN_H

#include <stdint.h>

#include "store/edgefile.h"

/**
 * DOC: several segments of edges as one graph: vertices by key, each once; their
 * places in that order are their numbers. Order within a segment survives the
 * renumbering, so edges and questions are merged as they come. What two
 * segments say of one edge or question is joined by the least (bucket, time,
 * outcome) or the greatest (listed), so nothing depends on how the graph was
 * cut into pieces or whether a piece is there twice.
 */
struct edgescan;

int edgescan_new(struct edgescan **out) DT_MUST;
void edgescan_free(struct edgescan *s);

/** edgescan_add() - @in is taken over, on error too. */
int edgescan_add(struct edgescan *s, struct edge_in *in) DT_MUST;

/**
 * edgescan_start() - deal the numbers.
 * Cost: a walk over all vertices and 4 bytes for each of each segment where there
 * are more than one.
 */
int edgescan_start(struct edgescan *s) DT_MUST;

/** edgescan_counts() - exact of vertices; of edges and questions at most, exact of one segment. */
struct edge_counts edgescan_counts(const struct edgescan *s);

/* In this order or not at all: 1 and a row, 0 at the end, or an error. */
int edgescan_vertex(struct edgescan *s, struct vertex *out) DT_MUST;
int edgescan_edge(struct edgescan *s, struct edge *out) DT_MUST;
int edgescan_question(struct edgescan *s, struct question *out) DT_MUST;

/** edgescan_rewind() - of every part; the numbers stay. */
void edgescan_rewind(struct edgescan *s);

/** edgescan_write() - all of it as segment @number of @epoch. */
int edgescan_write(struct edgescan *s, const struct sio *io, uint32_t number, uint32_t epoch,
		   struct seg_entry *entry) DT_MUST;

#endif
