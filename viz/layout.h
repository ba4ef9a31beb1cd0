/* SPDX-License-Identifier: MIT */
#ifndef VIZ_LAYOUT_H
#define VIZ_LAYOUT_H

#include "proto/err.h"
#include "viz/scene.h"

/**
 * DOC: in which order the lights are laid out.
 *
 *   map          where on Earth (the default)
 *   hilbert      the IPv4 address space along a Hilbert curve
 *   idmap        the id space in Z-order, as far as it is from chance
 *   ring         the id space as a ring, and the k-buckets of one id
 *   observatory  map, hilbert and idmap side by side, by one clock
 */

enum layout_kind { LAYOUT_MAP, LAYOUT_HILBERT, LAYOUT_IDMAP, LAYOUT_RING, LAYOUT_OBSERVATORY };

/** layout_parse() - NULL and "" are "map". Errors: DT_ENOTFOUND. */
int layout_parse(const char *name, enum layout_kind *out) DT_MUST;

/** layout_name() - the inverse. */
const char *layout_name(enum layout_kind kind);

/** layout_space() - what a scene for it must be read as; of an observatory, its map. */
enum scene_space layout_space(enum layout_kind kind);

/** struct layout_view - one view of a layout on a frame. */
struct layout_view {
	enum layout_kind kind; /* never an observatory */
	unsigned x, y, width, height;
};

enum { LAYOUT_VIEWS_MAX = 3, LAYOUT_OBSERVATORY_HEIGHT_MIN = 1440 };

/**
 * layout_views() - of a layout on a frame: one that fills it, or an observatory's.
 * Returns how many; 0 where it has no room.
 */
unsigned layout_views(enum layout_kind kind, unsigned width, unsigned height,
		      struct layout_view out[LAYOUT_VIEWS_MAX]);

#endif
