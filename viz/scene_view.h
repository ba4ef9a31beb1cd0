/* SPDX-License-Identifier: MIT */
#ifndef VIZ_SCENE_VIEW_H
#define VIZ_SCENE_VIEW_H

#include <stdint.h>

#include "proto/endpoint.h"
#include "proto/err.h"
#include "store/store.h"
#include "viz/group.h"
#include "viz/scene.h"

/** DOC: a scene out of a store: the one place where rows become nodes. */

/** struct scene_want - what of the rows. */
struct scene_want {
	enum scene_space space; /* laid out in it */
	enum group_kind group;  /* told apart by it */
	bool numbered;          /* with their ordinals */
	const struct geo *geo;  /* places of those that the store has none of; NULL = none */
};

/**
 * scene_view_read() - all nodes of a store, sealed and named.
 * @why: a line for a person on error.
 */
int scene_view_read(struct store_view *v, const struct scene_want *want, struct scene **out,
		    char why[static 256]) DT_MUST;

/** scene_view_seed() - the spread seed of an endpoint. */
uint32_t scene_view_seed(const struct endpoint *ep);

#endif
