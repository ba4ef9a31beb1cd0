/* SPDX-License-Identifier: MIT */
#ifndef VIZ_SPOTS_H
#define VIZ_SPOTS_H

#include <stdbool.h>
#include <stdint.h>

#include "proto/err.h"
#include "viz/hilbert.h"
#include "viz/idmap.h"
#include "viz/project.h"
#include "viz/ring.h"
#include "viz/scene.h"
#include "viz/spread.h"

/** DOC: where the nodes of a scene lie on a frame, in any layout: the one place that knows. */

/** struct spots_geometry - one of them is set: that of the scene's space and layout. */
struct spots_geometry {
	const struct project_map *map;
	const struct hilbert *hilbert;
	const struct idmap *idmap;
	const struct ring *ring;
};

struct spots {
	const struct scene *scene;
	struct spots_geometry geometry;
	struct spread spread;
	struct spread_spot *list; /* on Earth: per place */
	struct ring_lane *lanes;  /* of a ring: per network, about its palette_turn() */
	uint32_t crowd;           /* at least as many as share one pixel's middle */
};

/** spots_open() - @u = height of the frame / 1080. Errors: -ENOMEM. Borrows @s and @g's. */
int spots_open(struct spots *p, const struct scene *s, const struct spots_geometry *g, double u,
	       unsigned threads) DT_MUST;
void spots_close(struct spots *p);

struct spots_at {
	int32_t x, y; /* 1/16 pixel */
	float dim;    /* weight of this node: 1, less where it stands for a country's disc */
	bool country; /* known by its country alone */
};

/** spots_node() - of a node that has a place; false where it is off the picture. */
static inline bool spots_node(const struct spots *p, const struct scene_node *n,
			      struct spots_at *out)
{
	const struct spots_geometry *g = &p->geometry;
	const struct spread_spot *spot;
	unsigned x, y;

	*out = (struct spots_at){ .dim = 1 };
	if (g->ring) {
		ring_spot(g->ring, n->seed, p->lanes[n->network], &out->x, &out->y);
		return true;
	}
	if (g->hilbert || g->idmap) {
		if (g->hilbert)
			hilbert_pixel(g->hilbert, n->seed, &x, &y);
		else
			idmap_pixel(g->idmap, n->seed, &x, &y);
		out->x = (int32_t)(x * 16 + 8);
		out->y = (int32_t)(y * 16 + 8);
		return true;
	}
	spot = &p->list[n->place];
	if (spot->off)
		return false;
	out->country = spot->disc;
	out->dim = spot->dim;
	spread_node(&p->spread, spot, n->seed, &out->x, &out->y);
	return true;
}

#endif
