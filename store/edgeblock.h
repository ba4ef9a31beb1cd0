/* SPDX-License-Identifier: MIT */
#ifndef STORE_EDGEBLOCK_H
#define STORE_EDGEBLOCK_H

#include <stdbool.h>
#include <stdint.h>

#include "proto/endpoint.h"
#include "proto/nodekey.h"
#include "store/pack.h"

/**
 * DOC: blocks of an edge segment: vertices in the order of their keys, whose
 * place is their number; edges by source and destination; questions by source
 * and bucket. Neighbours in the id space list each other, so numbers in key
 * order lie near one another, and a step from one destination to the next is
 * mostly a byte (S-24). Each block is one zstd frame with its checksum.
 *
 *     vertices   20 planes of the id · family · heard · 2 planes of the port ·
 *                4 planes of the v4 addresses · v6 addresses, 16 bytes each
 *     edges      sources, then for each source: gap to the one before, how many;
 *                then for each edge: the first as distance from its source, the
 *                others as gap; then the buckets, a byte each
 *     questions  gap to the source before · bucket, outcome, listed, a plane
 *                each · 4 planes of the time
 */

enum {
	EDGE_BLOCK_VERTICES = 32768,
	EDGE_BLOCK_EDGES = 65536, /* a block ends within a source's list where it must */
	EDGE_BLOCK_QUESTIONS = 65536,
	VERTEX_KEY_BYTES = NODEID_BYTES + 1 + 16 + 2,
};

/** struct vertex - id, family (0 v4, 1 v6), address, port, in the order of the node table. */
struct vertex {
	uint8_t key[VERTEX_KEY_BYTES];
	uint8_t heard; /* it answered under this id */
};
_Static_assert(sizeof(struct vertex) == 40, "no padding");

struct vertex vertex_of(const struct nodeid *id, const struct endpoint *ep);
void vertex_expand(const struct vertex *v, struct nodeid *id, struct endpoint *ep);

struct edge {
	uint32_t src, dst;
	uint8_t depth;
};

struct question {
	uint32_t src, when_s;
	uint8_t depth, outcome, listed, zero;
};

int edgeblock_put_vertices(struct pack *p, const struct vertex *list, uint32_t count,
			   struct span *frame) DT_MUST;

/** edgeblock_get_vertices() - hostile bytes in; @count as the index has it. Errors: DT_ECORRUPT. */
int edgeblock_get_vertices(struct pack *p, struct span frame, uint32_t count,
			   struct vertex *out) DT_MUST;

/** edgeblock_put_edges() - @list rises by (src, dst). */
int edgeblock_put_edges(struct pack *p, const struct edge *list, uint32_t count,
			struct span *frame) DT_MUST;

/** edgeblock_get_edges() - hostile bytes in; every number is below @vertices. */
int edgeblock_get_edges(struct pack *p, struct span frame, uint32_t count, uint32_t vertices,
			struct edge *out) DT_MUST;

/** edgeblock_put_questions() - @list rises by (src, depth). */
int edgeblock_put_questions(struct pack *p, const struct question *list, uint32_t count,
			    struct span *frame) DT_MUST;
int edgeblock_get_questions(struct pack *p, struct span frame, uint32_t count, uint32_t vertices,
			    struct question *out) DT_MUST;

#endif
