/* SPDX-License-Identifier: MIT */
#ifndef VIZ_PROJECT_H
#define VIZ_PROJECT_H

#include <stdbool.h>

/**
 * DOC: the Equal Earth projection and where it lies on a frame. Equal areas, so
 * that a dense place is dense and not merely large.
 *
 * Source:  Savric, Patterson, Jenny, "The Equal Earth map projection",
 *          Int. J. Geographical Information Science 33(3), 2019, eq. 1 to 3.
 */

struct project_xy {
	double x, y;
};

/** project_equal_earth() - radians; @lon from the central meridian. Unit sphere, y to the north. */
struct project_xy project_equal_earth(double lon, double lat);

/** project_equal_earth_inverse() - false where the point is off the globe. Radians. */
bool project_equal_earth_inverse(struct project_xy p, double *lon, double *lat);

/** project_latitude() - of a row at @y of the unit sphere; false beyond the poles. */
bool project_latitude(double y, double *lat);

/** project_stretch() - x per radian of longitude along the parallel @lat (radians). */
double project_stretch(double lat);

/** struct project_map - the globe on a frame of pixels, y downwards. */
struct project_map {
	double scale;     /* pixels per unit */
	double x0, y0;    /* pixel of the crossing of central meridian and equator */
	double meridian;  /* degrees east */
	double km_per_px; /* along the equator */
};

/** The cut lies in the Bering Strait, so that no inhabited land is divided. */
#define PROJECT_MERIDIAN 11.0

/** Degrees: from here on southwards the page has taken over. */
#define PROJECT_SOUTH (-60.0f)

/**
 * project_map_init() - as wide as the frame, 84 N at 40 U (U = @height / 1080).
 * On wider frames than 16:9 the globe keeps clear of the band at the bottom, on
 * taller ones it stands in the middle of what is free.
 */
void project_map_init(struct project_map *m, unsigned width, unsigned height);

/** project_to_px() - degrees in, any longitude; pixels out, (0,0) the frame's upper left corner. */
struct project_xy project_to_px(const struct project_map *m, double lat, double lon);

/** project_from_px() - false off the globe. Degrees, longitude -180..180. */
bool project_from_px(const struct project_map *m, struct project_xy px, double *lat, double *lon);

#endif
