/* SPDX-License-Identifier: MIT */
#ifndef VIZ_HILBERT_H
#define VIZ_HILBERT_H

#include <stdbool.h>
#include <stdint.h>

#include "proto/err.h"
#include "viz/basemap.h"

/**
 * DOC: all IPv4 addresses on a square along a Hilbert curve, on which what is
 * near in number stays near and every prefix of even length is a square. Block
 * 0/8 lies upper left, 255/8 upper right, as on every such map since xkcd 195.
 */

/** struct hilbert - the square on a frame. */
struct hilbert {
	unsigned x, y;  /* of its upper left pixel */
	unsigned order; /* its side is 2^order pixels, each a /(2 * order) */
	/*
	 * It fills the frame: what stands around a picture stands in its upper right
	 * corner, on 224/3, where nobody lives.
	 */
	bool poster;
};

enum {
	HILBERT_ORDER_MIN = 8,         /* a /8 of 16 pixels, below which no number is readable */
	HILBERT_POSTER_ORDER_MIN = 11, /* whose corner is a page of 1024 x 512 */
};

/**
 * hilbert_init() - where the square lies on a frame.
 * Errors:  DT_ERANGE where neither the furniture has room beside it nor a poster's corner.
 */
int hilbert_init(struct hilbert *h, unsigned width, unsigned height) DT_MUST;

/** hilbert_square() - all of a square of @side pixels, a view among others. Errors: DT_ERANGE. */
int hilbert_square(struct hilbert *h, unsigned side) DT_MUST;

/** hilbert_xy() - of cell @d of the 4^@order along the curve; y downwards. */
void hilbert_xy(unsigned order, uint32_t d, unsigned *x, unsigned *y);

/** hilbert_pixel() - of an address, in host order, on the frame. */
static inline void hilbert_pixel(const struct hilbert *h, uint32_t ip, unsigned *x, unsigned *y)
{
	hilbert_xy(h->order, ip >> (32 - 2 * h->order), x, y);
	*x += h->x;
	*y += h->y;
}

/** hilbert_ground() - blocks that nobody may use, in grey, on a bare basemap. Errors: -ENOMEM. */
int hilbert_ground(const struct hilbert *h, struct basemap *b) DT_MUST;

/**
 * hilbert_words() - the net of /8 blocks, their numbers and the names of the grey ones,
 * onto @overlay of @stride pixels a row, premultiplied ARGB.
 * Errors:  -ENOMEM; DT_ECORRUPT of the embedded fonts.
 */
int hilbert_words(const struct hilbert *h, unsigned width, unsigned height, unsigned stride,
		  double text_scale, uint32_t *overlay) DT_MUST;

#endif
