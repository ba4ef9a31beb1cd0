/* SPDX-License-Identifier: MIT */
#include "viz/layout.h"

#include <string.h>

static const struct {
	const char *name;
	enum scene_space space;
} layouts[] = {
	[LAYOUT_MAP] = { "map", SCENE_EARTH },
	[LAYOUT_HILBERT] = { "hilbert", SCENE_IPV4 },
	[LAYOUT_IDMAP] = { "idmap", SCENE_IDS },
	[LAYOUT_RING] = { "ring", SCENE_IDS },
	[LAYOUT_OBSERVATORY] = { "observatory", SCENE_EARTH },
};

int layout_parse(const char *name, enum layout_kind *out)
{
	if (!name || !*name)
		name = layouts[LAYOUT_MAP].name;
	for (unsigned i = 0; i < sizeof(layouts) / sizeof(layouts[0]); i++)
		if (strcmp(name, layouts[i].name) == 0) {
			*out = (enum layout_kind)i;
			return 0;
		}
	return DT_ENOTFOUND;
}

const char *layout_name(enum layout_kind kind)
{
	return layouts[kind].name;
}

enum scene_space layout_space(enum layout_kind kind)
{
	return layouts[kind].space;
}

/*
 * The map takes at least 70 % of the width and all of the height; two squares stand
 * one above the other to its right. A square is a power of two of pixels, as its
 * layout wants it: 512 at 1440 lines, 1024 at 2160. What it leaves of its column
 * beside margins of 40 U is the map's.
 */
unsigned layout_views(enum layout_kind kind, unsigned width, unsigned height,
		      struct layout_view out[LAYOUT_VIEWS_MAX])
{
	unsigned map = (unsigned)((double)width * 0.7) & ~1u, side = 512, x, gap;

	if (kind != LAYOUT_OBSERVATORY) {
		out[0] = (struct layout_view){ kind, 0, 0, width, height };
		return 1;
	}
	if (height < LAYOUT_OBSERVATORY_HEIGHT_MIN)
		return 0;
	while (4 * side <= height && 2 * side <= width - map)
		side *= 2;
	if (map + side > width || width > 3 * height)
		return 0;
	if (width - map > side + 80 * height / 1080)
		map = (width - side - 80 * height / 1080) & ~1u;
	gap = (height - 2 * side) / 3;
	x = map + (width - map - side) / 2;
	out[0] = (struct layout_view){ LAYOUT_MAP, 0, 0, map, height };
	out[1] = (struct layout_view){ LAYOUT_HILBERT, x, gap, side, side };
	out[2] = (struct layout_view){ LAYOUT_IDMAP, x, 2 * gap + side, side, side };
	return 3;
}
