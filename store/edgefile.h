/* SPDX-License-Identifier: MIT */
#ifndef STORE_EDGEFILE_H
#define STORE_EDGEFILE_H

#include <stdint.h>

#include "store/edgeblock.h"
#include "store/segfile.h"
#include "store/segset.h"

/**
 * DOC: a segment of edges: first all vertices in key order, then all edges by
 * (source, destination), then all questions by (source, bucket).
 *
 *     index   epoch 4, zero 4, vertices 8, edges 8, questions 8, then for each
 *             block kind 4, rows 4, offset 8, bytes 4, zero 4
 */

enum edge_part { EDGE_VERTICES, EDGE_EDGES, EDGE_QUESTIONS, EDGE_PARTS };

struct edge_counts {
	uint64_t n[EDGE_PARTS];
};

/* ---- writing: rows of one part after the other ------------------------------------ */

struct edge_out;

int edge_out_new(const struct sio *io, uint32_t number, uint32_t epoch,
		 struct edge_out **out) DT_MUST;
int edge_out_vertex(struct edge_out *o, const struct vertex *v) DT_MUST;
int edge_out_edge(struct edge_out *o, const struct edge *e) DT_MUST;
int edge_out_question(struct edge_out *o, const struct question *q) DT_MUST;

/** edge_out_finish() - durable when it returns 0; @entry is what the manifest wants. */
int edge_out_finish(struct edge_out *o, struct seg_entry *entry) DT_MUST;
void edge_out_abort(struct edge_out *o);

/* ---- reading ---------------------------------------------------------------------- */

struct edge_in;

/** edge_in_new() - @seg is taken over, on error too. Hostile bytes: DT_ECORRUPT. */
int edge_in_new(struct seg *seg, struct edge_in **out) DT_MUST;
void edge_in_free(struct edge_in *in);

uint32_t edge_in_epoch(const struct edge_in *in);
struct edge_counts edge_in_counts(const struct edge_in *in);

/* The next of its part: 1 and a row borrowed until the next call of this part, 0, or an error. */
int edge_in_vertex(struct edge_in *in, const struct vertex **out) DT_MUST;
int edge_in_edge(struct edge_in *in, const struct edge **out) DT_MUST;
int edge_in_question(struct edge_in *in, const struct question **out) DT_MUST;
void edge_in_rewind(struct edge_in *in);

#endif
