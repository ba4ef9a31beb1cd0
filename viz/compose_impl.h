/* SPDX-License-Identifier: MIT */
#ifndef VIZ_COMPOSE_IMPL_H
#define VIZ_COMPOSE_IMPL_H

#include <stdbool.h>
#include <stddef.h>

#include "viz/compose.h"

/** DOC: what compose.c and compose_wide.c share. */

struct compose_pass {
	const struct compose *tables;
	const struct compose_parts *parts;
	uint8_t *rgba;
	accum_light *rows; /* COMPOSE_ROWS per worker */
};

/* Ground, glow and noise; a row of the latter is as long as its tile, three times where it is wide.
 */
enum { COMPOSE_ROWS = 3 };
#define COMPOSE_ROW_ROOM(width) ((size_t)(width) + 3 * COMPOSE_NOISE_SIDE)

/** struct compose_kind - what of a tile's row there is; constants where code is made of it. */
struct compose_kind {
	bool lit, worded, dark;
};

/* What is nearly dark is bent without a division, to within 1e-5 of it. */
#define COMPOSE_NEARLY_DARK 0x1p-9f

static inline bool compose_nearly_dark(const accum_light *glow, unsigned x0, unsigned x1,
				       float gain)
{
	accum_light most = { 0 };

	for (unsigned x = x0; x < x1; x++)
		most = accum_most(most, glow[x]);
	return most[0] * gain < COMPOSE_NEARLY_DARK && most[1] * gain < COMPOSE_NEARLY_DARK &&
	       most[2] * gain < COMPOSE_NEARLY_DARK;
}

/** compose_wide_here() - can this machine take eight pixels at a time? */
bool compose_wide_here(void);

/**
 * compose_wide_row() - row @y, @rows being the worker's own.
 * Only where compose_wide_here(); widths that are multiples of ACCUM_TILE.
 */
void compose_wide_row(const struct compose_pass *p, unsigned y, accum_light *rows);

#endif
