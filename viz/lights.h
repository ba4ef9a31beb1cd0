/* SPDX-License-Identifier: MIT */
#ifndef VIZ_LIGHTS_H
#define VIZ_LIGHTS_H

#include <stdint.h>

#include "proto/err.h"
#include "viz/accum.h"
#include "viz/ring.h"
#include "viz/scene.h"
#include "viz/spots.h"

/**
 * DOC: the nodes of a scene, at one instant, onto the plate. How bright a node
 * is follows from its age alone: full while it is seen, halved every half-life
 * after, dark beyond the cutoff and before it was first seen.
 */

struct lights_opts {
	struct spots_geometry geometry;   /* on an idmap nodes do not fade */
	const struct palette_rgb *colors; /* per network of the scene */
	uint32_t at_s;                    /* the instant, Unix */
	double half_life_s;               /* 0 = no fading */
	double cutoff_s;                  /* 0 = none */
	unsigned threads;
};

/** struct lights_tally - what is alight at the instant. */
struct lights_tally {
	uint64_t alight;         /* nodes of any weight, on the map or not */
	uint64_t drawn;          /* of which on the map */
	uint64_t unlocated;      /* no coordinates known */
	uint64_t country_level;  /* on the map, but only as somewhere in a country */
	uint64_t top[SCENE_TOP]; /* per network of the legend */
	uint64_t networks;       /* that have a node alight; unknown ones do not count */
	struct ring_facts ring;  /* of that layout */
};

/** lights_weight() - of a node seen from @first_s to @last_s; 0 .. 1. */
float lights_weight(const struct lights_opts *o, uint32_t first_s, uint32_t last_s);

/**
 * lights_draw() - all nodes onto @plate.
 * Errors:  -ENOMEM: then @plate is half lit and of no use.
 * Cost:    about 25 ns per node and thread at 1080p; see bench render_splat.
 */
int lights_draw(const struct scene *s, const struct lights_opts *o, struct accum *plate,
		struct lights_tally *tally) DT_MUST;

#endif
