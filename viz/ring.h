/* SPDX-License-Identifier: MIT */
#ifndef VIZ_RING_H
#define VIZ_RING_H

#include <stdint.h>

#include "proto/err.h"

/**
 * DOC: the id space as a ring. Outside 1,024 arcs, one for each first 10 bits of
 * an id, as long as their share of the nodes; ids are drawn by lot, so the ring
 * should be even, and an arc above twice its share is marked. Inside, the
 * k-buckets of one id: a node is the nearer to the middle the more bits it
 * shares with that id, one circle a bit, and lies at the angle of the bits that
 * follow. Half of all nodes are on the outermost circle, a quarter on the next:
 * what a routing table of that id has to choose from. Within its circle a node
 * lies where its hue lies on the circle of hues: networks beside networks of
 * their colour, which a million of them by lot would average to white. A lane is
 * as wide as its network's share, so that all of a circle is filled evenly.
 */

enum {
	RING_ARC_BITS = 10,
	RING_ARCS = 1 << RING_ARC_BITS,
	RING_BUCKETS = 20, /* beyond these bits all lie in the middle */
	RING_ANGLES = 4096,
};

/** struct ring - where it lies on a frame. */
struct ring {
	double x, y;       /* its middle, pixels */
	double arcs, room; /* radius where arcs begin; how long an arc of twice its share is */
	double hub, outer; /* radii of the buckets: bits shared 20 .. 0 */
	double u;
	uint32_t reference; /* the first 32 bits of the id */
	float cosine[RING_ANGLES], sine[RING_ANGLES];
};

/** ring_init() - Errors: DT_ERANGE where it has no room beside the furniture. */
int ring_init(struct ring *r, unsigned width, unsigned height, uint32_t reference) DT_MUST;

/** ring_bucket() - bits that @id shares with the reference, 0 .. RING_BUCKETS. */
unsigned ring_bucket(const struct ring *r, uint32_t id);

/** ring_radii() - from where to where bucket @bits lies. */
void ring_radii(const struct ring *r, unsigned bits, double *from, double *to);

/** struct ring_lane - of a network within each circle, in parts of its width; closed as hues are.
 */
struct ring_lane {
	float from, width;
};

/** ring_lane() - about @hue (0 .. 1), of a network that has @share of all nodes. */
struct ring_lane ring_lane(double hue, double share);

/** ring_spot() - of an id's first 32 bits, in @lane of its circle; 1/16 pixel. */
void ring_spot(const struct ring *r, uint32_t id, struct ring_lane lane, int32_t *x, int32_t *y);

/** struct ring_facts - what stands around it. */
struct ring_facts {
	uint64_t nodes;
	uint32_t arc[RING_ARCS];
	uint32_t bucket[RING_BUCKETS + 1];
	unsigned crowded;  /* arcs with more than twice their share */
	double dispersion; /* variance over mean of the arcs: 1 = by lot */
};

/** ring_measure() - @nodes, @crowded and @dispersion from the arcs. */
void ring_measure(struct ring_facts *f);

/** ring_is_crowded() - more than twice its share, and more than lot explains. */
int ring_is_crowded(const struct ring_facts *f, unsigned arc);

/**
 * ring_ground() - what never changes: the circles, their bits, the digits, onto
 * @overlay of @stride pixels a row, premultiplied ARGB.
 * Errors:  -ENOMEM; DT_ECORRUPT of the embedded fonts.
 */
int ring_ground(const struct ring *r, unsigned width, unsigned height, unsigned stride,
		double text_scale, uint32_t *overlay) DT_MUST;

/** ring_arcs() - the arcs of an instant. Errors: -ENOMEM. */
int ring_arcs(const struct ring *r, const struct ring_facts *f, unsigned width, unsigned height,
	      unsigned stride, uint32_t *overlay) DT_MUST;

#endif
