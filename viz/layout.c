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

enum scene_space layout_space(enum layout_kind kind)
{
	return layouts[kind].space;
}
