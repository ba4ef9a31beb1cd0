/* SPDX-License-Identifier: MIT */
#ifndef VIZ_LAYOUT_H
#define VIZ_LAYOUT_H

#include "proto/err.h"
#include "viz/scene.h"

/**
 * DOC: in which order the lights are laid out.
 *
 *   map      where on Earth (the default)
 *   hilbert  the IPv4 address space along a Hilbert curve
 *   idmap    the id space in Z-order
 */

enum layout_kind { LAYOUT_MAP, LAYOUT_HILBERT, LAYOUT_IDMAP };

/** layout_parse() - NULL and "" are "map". Errors: DT_ENOTFOUND. */
int layout_parse(const char *name, enum layout_kind *out) DT_MUST;

/** layout_space() - what a scene for it must be read as. */
enum scene_space layout_space(enum layout_kind kind);

#endif
