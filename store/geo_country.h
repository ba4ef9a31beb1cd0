/* SPDX-License-Identifier: MIT */
#ifndef STORE_GEO_COUNTRY_H
#define STORE_GEO_COUNTRY_H

#include <stdbool.h>

/** geo_country_point() - where a country's label goes; false for a code that is none. */
bool geo_country_point(const char code[static 2], float *lat, float *lon);

#endif
