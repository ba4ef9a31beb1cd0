/* SPDX-License-Identifier: MIT */
#ifndef VIZ_IDMAP_H
#define VIZ_IDMAP_H

#include <stdint.h>

#include "proto/err.h"
#include "viz/accum.h"
#include "viz/basemap.h"

/**
 * DOC: the id space: a square of 512 x 512 cells, one for each first 18 bits of
 * an id, in Z-order, so that every prefix of even length is a square. Ids should
 * be drawn by lot; colour says how far a cell is from what lot would give. A
 * crowd of ids around one key, which is how a key is eclipsed, is a bright spot.
 */

enum { IDMAP_BITS = 18, IDMAP_SIDE = 1 << (IDMAP_BITS / 2), IDMAP_PREFIXES = 256 };

/** struct idmap - the square on a frame. */
struct idmap {
	unsigned x, y; /* of its upper left pixel */
	unsigned cell; /* pixels of a cell's side */
};

/** idmap_init() - where it lies. Errors: DT_ERANGE where it has no room beside the furniture. */
int idmap_init(struct idmap *m, unsigned width, unsigned height) DT_MUST;

/** idmap_square() - all of a square of @side pixels, a view among others. Errors: DT_ERANGE. */
int idmap_square(struct idmap *m, unsigned side) DT_MUST;

/** idmap_xy() - of a prefix of 2 * @order bits; y downwards, 0 upper left, 1 to its right. */
void idmap_xy(unsigned order, uint32_t prefix, unsigned *x, unsigned *y);

/** idmap_pixel() - the upper left pixel of an id's cell; @id: its first 32 bits. */
void idmap_pixel(const struct idmap *m, uint32_t id, unsigned *x, unsigned *y);

/** struct idmap_facts - what the square says in numbers. */
struct idmap_facts {
	uint64_t nodes;
	double mean;                     /* nodes a cell */
	double dispersion;               /* variance / mean over all cells: 1 = by lot */
	uint64_t prefix[IDMAP_PREFIXES]; /* nodes by the first 8 bits */
	unsigned crowded;                /* prefixes with more than twice their share */
};

/**
 * idmap_paint() - cells onto @ground, pixels of a bare basemap, from a plate on which every node
 * lies with weight 1 on its cell's idmap_pixel().
 */
void idmap_paint(const struct idmap *m, const struct accum *plate, uint32_t *ground,
		 struct idmap_facts *facts);

/** idmap_is_crowded() - more than twice its share: perhaps somebody's doing. */
bool idmap_is_crowded(const struct idmap_facts *f, unsigned prefix);

/**
 * idmap_words() - the net of 8-bit prefixes, their digits, and a frame around the crowded
 * ones, onto @overlay of @stride pixels a row, premultiplied ARGB.
 * Errors:  -ENOMEM; DT_ECORRUPT of the embedded fonts.
 */
int idmap_words(const struct idmap *m, const struct idmap_facts *f, unsigned width, unsigned height,
		unsigned stride, double text_scale, uint32_t *overlay) DT_MUST;

#endif
