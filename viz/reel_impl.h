/* SPDX-License-Identifier: MIT */
#ifndef VIZ_REEL_IMPL_H
#define VIZ_REEL_IMPL_H

#include "viz/reel.h"

/** DOC: what reel.c and reel_log.c share: two ways from sightings to light, one pair of plates. */

#define REEL_SPARK_HALF_LIFE 3.0 /* frames: 1/32 after REEL_SPARK_FRAMES */

/** reel_tally_node() - node @i has come or gone. */
void reel_tally_node(struct reel *r, uint32_t i, int sign);
void reel_tally_clear(struct reel *r);

/** reel_dot() - a node's in full light. */
struct plates_dot reel_dot(const struct reel *r, const struct cast_node *n);

/**
 * reel_soon() - of the @n nodes in @order the one at @i is at hand: those behind it are sent for,
 * and their spots on the plates (@spark: of the sparks).
 */
static inline void reel_soon(const struct reel *r, const uint32_t *order, uint32_t i, uint32_t n,
			     bool spark)
{
	enum { NODE = 16, SPOT = 6 };
	const struct cast_node *nodes = r->o.cast->nodes;

	if (i + NODE < n)
		__builtin_prefetch(&nodes[order[i + NODE]]);
	if (i + SPOT < n)
		plates_soon(&r->plates, cast_x(&nodes[order[i + SPOT]]),
			    cast_y(&nodes[order[i + SPOT]]), spark);
}

/** reel_stored() - weight on the fading plate of what fades since @since_s. */
float reel_stored(const struct reel *r, int64_t since_s);

/** reel_spark() - of a node that came in a frame of reel_spark_weight(). */
float reel_spark_weight(const struct reel *r, uint32_t f);
void reel_spark(struct reel *r, const struct cast_node *n, float weight, int sign);

/** reel_rebuild() - both plates from nothing: @shed of every node that is drawn. */
void reel_rebuild(struct reel *r, uint32_t f,
		  void (*shed)(struct reel *r, struct plates_rows rows, uint32_t i, int64_t at,
			       int sign));

/* of a log */
int reel_log_open(struct reel *r) DT_MUST;
void reel_log_close(struct reel *r);
int reel_log_seek(struct reel *r, uint32_t f) DT_MUST;

#endif
