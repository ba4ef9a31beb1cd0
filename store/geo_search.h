/* SPDX-License-Identifier: MIT */
#ifndef STORE_GEO_SEARCH_H
#define STORE_GEO_SEARCH_H

#include "store/geo.h"

/**
 * DOC: where geo files may lie. The order of viz.md 3.3; what is found in an
 * earlier place is preferred whole.
 */
enum {
	GEO_SEARCH_PATH_MAX = 1024,
	GEO_SEARCH_FILES_MAX = 64, /* of one place */
};

struct geo_search {
	unsigned count;
	char path[GEO_SEARCH_FILES_MAX][GEO_SEARCH_PATH_MAX];
};

enum geo_search_place {
	GEO_SEARCH_OWN_DIR, /* geo_opts.dir */
	GEO_SEARCH_HERE,    /* ./GeoLite2-*, ./GeoLite2-<kind>_<date>/ */
	GEO_SEARCH_USR,
	GEO_SEARCH_VAR,
	GEO_SEARCH_DATA, /* $XDG_DATA_HOME/dht-telescope/geo */
	GEO_SEARCH_TOR,
	GEO_SEARCH_PLACES
};

/** geo_search_list() - files of one place whose names are those of geo files. */
void geo_search_list(enum geo_search_place place, const char *own_dir, struct geo_search *out);

/** geo_search_sibling() - the other family's file: "x-ipv4.csv" to "x-ipv6.csv". False: none. */
bool geo_search_sibling(const char *path, char out[static GEO_SEARCH_PATH_MAX]);

/** geo_search_data_dir() - $XDG_DATA_HOME/dht-telescope/geo; false where there is no home. */
bool geo_search_data_dir(char out[static GEO_SEARCH_PATH_MAX]);

#endif
