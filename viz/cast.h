/* SPDX-License-Identifier: MIT */
#ifndef VIZ_CAST_H
#define VIZ_CAST_H

#include <stdbool.h>
#include <stdint.h>

#include "proto/err.h"
#include "viz/spots.h"

/**
 * DOC: who appears in a film: each node with its place on the frame, its network
 * and its two times, in 16 bytes, sorted by where they stand, so that drawing all
 * of them walks through the plate and not all over it. Beside them two orders:
 * who comes when, and who is seen for the last time when.
 */

enum {
	CAST_NETWORKS_MAX = 1 << 21,
	CAST_AT_BIAS = 1 << 18, /* dots may lie a little off the frame */
	CAST_AT_BITS = 20,
};

struct cast_node {
	uint64_t at; /* x 20 bits, y 20, network 21, flags 3: see below */
	uint32_t first_s, last_s;
};
_Static_assert(sizeof(struct cast_node) == 16, "the bulk of a film's memory");

enum cast_flag {
	CAST_OFF = 1,       /* nowhere on the frame */
	CAST_UNLOCATED = 2, /* because nobody knows where it is */
	CAST_COUNTRY = 4,   /* known by its country alone */
};

static inline uint32_t cast_network(const struct cast_node *n)
{
	return (uint32_t)(n->at >> 3) & (CAST_NETWORKS_MAX - 1);
}

static inline int32_t cast_y(const struct cast_node *n)
{
	return (int32_t)(n->at >> 24 & ((1u << CAST_AT_BITS) - 1)) - CAST_AT_BIAS;
}

static inline int32_t cast_x(const struct cast_node *n)
{
	return (int32_t)(n->at >> 44) - CAST_AT_BIAS;
}

struct cast {
	struct cast_node *nodes;
	uint32_t count, drawn;        /* those on the frame come first */
	uint32_t *by_first, *by_last; /* NULL where a log tells */
	uint32_t *number; /* of an ordinal -> of the cast; NULL where the scene has none */
	uint32_t numbers; /* how many ordinals; UINT32_MAX stands at one that is nobody's */
	uint16_t *
		arc; /* first RING_ARC_BITS of its id, above them its bucket; NULL but for a ring */
	uint32_t *row; /* per row of tiles: its first node; [tile_rows] = drawn */
	unsigned tile_rows;
	uint32_t crowd; /* of spots */
};

/** struct cast_opts - how to set the scene. */
struct cast_opts {
	struct spots_geometry geometry;
	unsigned width, height;
	unsigned threads;
	bool by_log; /* who comes when is told by a log of sightings: no orders are made */
};

/**
 * cast_open() - of a scene, which may be freed afterwards.
 * Errors:  -ENOMEM; DT_EFULL more than CAST_NETWORKS_MAX networks.
 * Cost:    about 0.1 us a node; 24 bytes each are kept, 4 more where they are numbered, 8 less
 *          where a log tells who comes when.
 */
int cast_open(struct cast *c, const struct scene *s, const struct cast_opts *opts) DT_MUST;
void cast_close(struct cast *c);

/** cast_before() - how many have their time (@last: the last one) before @time_s. */
uint32_t cast_before(const struct cast *c, bool last, int64_t time_s);

#endif
