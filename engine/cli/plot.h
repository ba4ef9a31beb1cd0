/* SPDX-License-Identifier: MIT */
#ifndef ENGINE_CLI_PLOT_H
#define ENGINE_CLI_PLOT_H

#include <argp.h>
#include <stdbool.h>

#include "store/geo.h"
#include "store/store.h"

/**
 * DOC: the page beside a summary: its options, spelt as in the first dht-telescope's
 * resolver.py, its geo_cache.json, and the writing of it. A page that fails fails
 * nothing else: `[plot] error: ...` on standard error is all.
 */
struct plot {
	bool wanted, constellation;
	const char *output;
	const char *geo_cache; /* NULL = none is read or written */
	const char *city_mmdb, *asn_mmdb;
	double half_life_min, cutoff_hours;
	unsigned refresh_s, target_points, cell_top;
};

struct plot plot_default(void);

/** plot_argp() - a child parser for its options; its input is a struct plot. */
extern const struct argp plot_argp;

/**
 * plot_geo() - what places addresses: the databases that were named or found, and below them
 * the cache where there is one that can be read. NULL where that fails, which is said.
 */
struct geo *plot_geo(const struct plot *p);

/** plot_write() - of a store; @geo may be NULL. False where it failed, which was said. */
bool plot_write(const struct plot *p, struct store_view *v, const struct geo *geo);

/**
 * plot_cache() - the cache of @p, made from the places of those whom the store heard in the last
 * ten days where it is missing or cannot be read; what is there else stays. True if there is one.
 */
bool plot_cache(const struct plot *p, struct store_view *v, const struct geo *geo);

#endif
