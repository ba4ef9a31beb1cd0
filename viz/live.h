/* SPDX-License-Identifier: MIT */
#ifndef VIZ_LIVE_H
#define VIZ_LIVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/err.h"
#include "store/store.h"
#include "viz/scene.h"

/**
 * DOC: the live page: one HTML file that shows the map in a browser, alone and
 * offline, lets one go back in time, and shows the address space beside it.
 * data/live.html and data/live.js are the page; this packs what it shows into it.
 * No address, port or id of a node gets in: a node is a spot near its city, a
 * network, a /20 of the address space, an age and the steps in which it was seen.
 * README.md draws the packed data as bytes.
 */

struct live_opts {
	double half_life_s, cutoff_s; /* > 0 */
	unsigned refresh_s;           /* how often the page looks for newer data; 0 = never */
	uint64_t written_s;           /* now, Unix: the page fades on from here */
	const char *title;            /* NULL = DHT TELESCOPE */
	const char *sidecar;          /* name of the file of newer data beside it; NULL = none */
	bool served;                  /* from a server, which says when there are newer data */
	bool constellation;           /* few nodes as stars: @target_points, @cell_top > 0 */
	unsigned target_points, cell_top;
	const struct geo *geo; /* of what the store has no place or name; borrowed; NULL = none */
};

enum {
	LIVE_NODES_MAX = 500 * 1000, /* beyond, one in n is shown, and said: a browser's memory */
	LIVE_NAMES_MAX = 500,        /* networks with a name, by nodes; others are their number */
	LIVE_STEPS = 64,             /* of the cutoff, for going back in time */
	LIVE_NO_PREFIX = 1 << 20,    /* of a node without an IPv4 address */
};

/** struct live_scene - what there is to show; the arrays are parallel to the nodes of @earth. */
struct live_scene {
	const struct scene *earth;
	const uint32_t *prefix; /* IPv4 address >> 12, or LIVE_NO_PREFIX; NULL = no address space */
	const uint64_t
		*history; /* bit k: seen in step k of LIVE_STEPS; NULL = from first to last */
};

struct live_stats {
	uint64_t nodes, shown, unlocated, bytes;
	unsigned every; /* one in so many is shown */
};

/** live_name - of a network; "" where unknown. Returns @out. */
typedef char *live_name(void *ctx, uint32_t asn, char out[static GEO_ORG_MAX]);

/** struct live_files - the page, and the data alone, which it reads where it finds it newer. */
struct live_files {
	char *html, *sidecar; /* NUL at the end; owned */
	size_t html_len, sidecar_len;
};

/**
 * live_page() - both files into memory; live_files_fini() after success.
 * The same bytes for the same scene and options.
 * Errors:  DT_ENOTFOUND where no node lies within the cutoff; -ENOMEM; DT_ECORRUPT.
 */
int live_page(const struct live_scene *s, const struct live_opts *o, live_name *name, void *ctx,
	      struct live_files *out, struct live_stats *stats) DT_MUST;
void live_files_fini(struct live_files *f);

/** live_of_view() - live_page() of a store, at its last sighting. @why: a line on error. */
int live_of_view(struct store_view *v, const struct live_opts *o, struct live_files *out,
		 struct live_stats *stats, char why[static 256]) DT_MUST;

/**
 * live_write() - of a store, at its last sighting: @path, and beside it NAME.data.js where
 * @path is NAME.html. Each is written beside and renamed. @o->sidecar is not looked at.
 * @why: a line for a person on error.
 */
int live_write(struct store_view *v, const struct live_opts *o, const char *path,
	       struct live_stats *stats, char why[static 256]) DT_MUST;

#endif
