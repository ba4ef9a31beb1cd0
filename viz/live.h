/* SPDX-License-Identifier: MIT */
#ifndef VIZ_LIVE_H
#define VIZ_LIVE_H

#include <stddef.h>
#include <stdint.h>

#include "proto/err.h"
#include "store/store.h"
#include "viz/scene.h"

/**
 * DOC: the live page: one HTML file that shows the map in a browser, alone and
 * offline. data/live.html is the page; this packs what it shows into it. No
 * address, port or id of a node gets in: a node is a spot near its city, a
 * network and an age. README.md draws the packed data as bytes.
 */

struct live_opts {
	double half_life_s, cutoff_s; /* > 0 */
	unsigned refresh_s;           /* how often the page looks for a newer one; 0 = never */
	uint64_t written_s;           /* now, Unix: the page fades on from here */
	const char *title;            /* NULL = DHT TELESCOPE */
};

enum {
	LIVE_NODES_MAX = 500 * 1000, /* beyond, one in n is shown, and said: a browser's memory */
	LIVE_NAMES_MAX = 500,        /* networks with a name, by nodes; others are their number */
};

struct live_stats {
	uint64_t nodes, shown, unlocated, bytes;
	unsigned every; /* one in so many is shown */
};

/** live_name - of a network; "" where unknown. Returns @out. */
typedef char *live_name(void *ctx, uint32_t asn, char out[static GEO_ORG_MAX]);

/**
 * live_page() - the whole file into memory; free(@html).
 * The same bytes for the same scene and options.
 * Errors:  DT_ENOTFOUND where no node lies within the cutoff; -ENOMEM; DT_ECORRUPT.
 */
int live_page(const struct scene *s, const struct live_opts *o, live_name *name, void *ctx,
	      char **html, size_t *len, struct live_stats *stats) DT_MUST;

/** live_write() - of a store, at its last sighting. @why: a line for a person on error. */
int live_write(struct store_view *v, const struct live_opts *o, const char *path,
	       struct live_stats *stats, char why[static 256]) DT_MUST;

#endif
