/* SPDX-License-Identifier: MIT */
#ifndef VIZ_BASEMAP_H
#define VIZ_BASEMAP_H

#include <stdbool.h>
#include <stdint.h>

#include "proto/err.h"
#include "viz/accum.h"
#include "viz/project.h"
#include "viz/sun.h"

/**
 * DOC: the ground under the lights: sea, land, coasts, a faint net of
 * longitude and latitude. Drawn once for a run; day and night and the fading
 * towards the band at the bottom are laid over it row by row in linear light.
 */

enum {
	BASEMAP_WIDTH_MAX = 16384,
	BASEMAP_STEP = 8, /* pixels between two of which day and night change evenly */
	BASEMAP_STEPS_MAX = BASEMAP_WIDTH_MAX / BASEMAP_STEP + 2,
};

struct basemap {
	unsigned width, height;
	struct project_map map;
	uint32_t *px; /* 0x00rrggbb, sRGB */
	float *fade;  /* per row: 1 on the map, 0 where the page has taken over */
	/* private */
	float byte[256]; /* linear light of an sRGB byte */
	accum_light page;
	struct basemap_row {       /* of the globe */
		float left, right; /* its edges, pixels; right <= left where there is none */
		unsigned from, to; /* pixels wholly on it */
		float sin_lat, cos_lat, lon0,
			lon_step; /* radians, at pixel 0's centre and per pixel */
	} * rows;
};

struct basemap_opts {
	bool borders;
	bool bare; /* the page alone, nowhere faded: what other layouts draw on */
};

/** basemap_open() - draw it. Errors: -ENOMEM; DT_ECORRUPT of the embedded data. */
int basemap_open(struct basemap *b, unsigned width, unsigned height,
		 const struct basemap_opts *opts) DT_MUST;
void basemap_close(struct basemap *b);

/**
 * basemap_land() - the outline of all land, for who draws it otherwise: ring after ring, each
 * begun with @starts, pixels of @map. Errors: of basemap_open().
 */
int basemap_land(const struct project_map *map,
		 void (*point)(void *ctx, bool starts, double x, double y), void *ctx) DT_MUST;

/**
 * basemap_row() - linear r, g, b of row @y, faded.
 * @sun: NULL = no day and night.
 * @out: @width times r g b and a nought, aligned as accum_light is.
 */
void basemap_row(const struct basemap *b, unsigned y, const struct sun *sun, float *out);

/**
 * basemap_day() - the same in two halves, for who takes pixels otherwise: of row @y by how much
 * more (less: negative) than one the ground takes at each BASEMAP_STEPth pixel.
 * @day: width / BASEMAP_STEP + 2.
 * Returns: false where there is no globe in this row, and so no day.
 */
bool basemap_day(const struct basemap *b, unsigned y, const struct sun *sun, float *day);

/** basemap_more() - and so at each pixel from @x0 on, which is a multiple of BASEMAP_STEP. */
void basemap_more(const struct basemap_row *r, const float *day, unsigned x0,
		  float more[static BASEMAP_STEP]);

#endif
