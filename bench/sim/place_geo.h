/* SPDX-License-Identifier: MIT */
#ifndef BENCH_SIM_PLACE_GEO_H
#define BENCH_SIM_PLACE_GEO_H

#include <stdint.h>

#include "proto/err.h"
#include "store/geo.h"

/** struct sim_weighted - an address range and how much of the DHT lives there. */
struct sim_weighted {
	uint32_t ip, size;
	double weight; /* any scale */
	float lon;     /* degrees */
};

/**
 * sim_place_geo() - ranges of real routed networks, ascending, free of bogons.
 * @out: malloc'ed.
 * Errors: DT_ENOTFOUND where the set has no networks, or is a simulation's own; -ENOMEM.
 */
int sim_place_geo(const struct geo *geo, struct sim_weighted **out, unsigned *count) DT_MUST;

#endif
