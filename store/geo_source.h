/* SPDX-License-Identifier: MIT */
#ifndef STORE_GEO_SOURCE_H
#define STORE_GEO_SOURCE_H

#include <stdint.h>

/** DOC: what the two kinds of geo files (geo_mmdb.c, geo_table.c) have in common. */

enum { GEO_WHY_MAX = 192 };

/** What a file can say; the last two, whom it can speak of. */
enum geo_has {
	GEO_HAS_POINT = 1 << 0,
	GEO_HAS_ASN = 1 << 1,
	GEO_HAS_COUNTRY = 1 << 2,
	GEO_HAS_4 = 1 << 3,
	GEO_HAS_6 = 1 << 4,
	GEO_HAS_SYNTHETIC = 1 << 5,
};

#endif
