/* SPDX-License-Identifier: MIT */
#ifndef VIZ_SUN_H
#define VIZ_SUN_H

#include <stdint.h>

/** DOC: where the sun stands, for the line between day and night. */

struct sun {
	double lat, lon; /* degrees: where it is overhead */
};

/**
 * sun_at() - of an instant.
 *
 * Errors:  within 0.01 degree in declination, 0.02 in longitude, 1950 to 2050.
 * Source:  Astronomical Almanac, "Low precision formulas for the Sun's coordinates".
 */
struct sun sun_at(uint64_t unix_s);

/** sun_sin_elevation() - at a place; degrees. */
double sun_sin_elevation(const struct sun *sun, double lat, double lon);

#endif
