/* SPDX-License-Identifier: MIT */
#ifndef VIZ_WORLD_H
#define VIZ_WORLD_H

#include <stdint.h>

#include "proto/err.h"
#include "proto/span.h"

/**
 * DOC: coasts, borders and countries of the Earth, read from world-50m.bin
 * (viz/data/README.md). Lines are kept as arcs that rings refer to, so a line
 * between two countries is there once.
 */

struct world_point {
	float lon, lat; /* degrees */
};

struct world_arc {
	uint32_t first, count; /* in points */
	uint8_t uses;          /* by countries: 1 a coast, 2 a border */
};

struct world_ring {
	uint32_t first, count; /* in refs */
};

struct world_country {
	char code[3];          /* ISO 3166-1 alpha-2, "--" where it has none */
	uint32_t first, count; /* in country_rings */
};

struct world {
	struct world_point *points;
	struct world_arc *arcs;
	int32_t *refs; /* arc n, or ~n for arc n backwards */
	struct world_ring *land, *country_rings;
	struct world_country *countries;
	uint32_t point_count, arc_count, ref_count, land_count, country_ring_count, country_count;
};

/** world_open() - read @in, which need not outlive it. Errors: DT_EFOREIGN, DT_ECORRUPT, -ENOMEM.
 */
int world_open(struct world *w, struct span in) DT_MUST;
void world_close(struct world *w);

/** world_embedded() - the file within the program. */
struct span world_embedded(void);

/** world_ring_points() - points of a ring, joints once; @out may be NULL to count. */
uint32_t world_ring_points(const struct world *w, struct world_ring r, struct world_point *out);

#endif
