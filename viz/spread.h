/* SPDX-License-Identifier: MIT */
#ifndef VIZ_SPREAD_H
#define VIZ_SPREAD_H

#include <stdbool.h>
#include <stdint.h>

#include "viz/project.h"
#include "viz/scene.h"

/**
 * DOC: where within its place a node is drawn. Millions of nodes share some
 * hundred thousand coordinates; drawn on them exactly they would be a few
 * blinding dots. Each is moved by what its own seed says, the same in every
 * frame and every run: further where the place is known less exactly, and a
 * little further where many share it. Their density falls off exponentially
 * with distance, so that under a logarithmic tone map a city is a point with a
 * glow; a Gaussian would make it a disc (V-6). A place that stands for a whole
 * country becomes an even disc.
 *
 * It also keeps a picture from saying more than geolocation knows: no light
 * marks an address.
 */

enum { SPREAD_STEPS = 4096 };

/** Weight of a node on a country's disc. */
#define SPREAD_DIM 0.35f

struct spread {
	float radius[SPREAD_STEPS]; /* quantiles of the distance, in sigmas */
	float root[SPREAD_STEPS];   /* of the distance on an even disc, in radii */
	float sine[SPREAD_STEPS];
};

/** spread_init() - the tables. Cost: about a millisecond. */
void spread_init(struct spread *t);

/** struct spread_spot - a place on a frame. */
struct spread_spot {
	int32_t x, y; /* 1/16 pixel */
	float reach;  /* sigma, or radius of a disc: 1/16 pixel */
	float dim;    /* weight of its nodes: 1, less on a disc */
	bool disc;
	bool off; /* south of what the map shows */
};

/** spread_spot() - @u = height / 1080. */
struct spread_spot spread_spot(const struct project_map *m, const struct scene_place *p, double u);

/** spread_node() - of a node with this @seed; 1/16 pixel. */
static inline void spread_node(const struct spread *t, const struct spread_spot *s, uint32_t seed,
			       int32_t *x, int32_t *y)
{
	/* 12 bits for the angle, 12 others for the distance */
	uint32_t h = seed * 0x9e3779b1u, a = h >> 20, b = (seed ^ h >> 8) & (SPREAD_STEPS - 1);
	float r = s->reach * (s->disc ? t->root[b] : t->radius[b]);
	float dx = r * t->sine[a];
	float dy = r * t->sine[(a + SPREAD_STEPS / 4) & (SPREAD_STEPS - 1)];

	*x = s->x + (int32_t)(dx + (dx < 0 ? -0.5f : 0.5f));
	*y = s->y + (int32_t)(dy + (dy < 0 ? -0.5f : 0.5f));
}

#endif
