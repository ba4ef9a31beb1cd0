/* SPDX-License-Identifier: MIT */
#ifndef STORE_GEO_CACHE_H
#define STORE_GEO_CACHE_H

#include "proto/span.h"
#include "store/geo.h"
#include "store/geo_source.h"
#include "store/geo_table.h"

/**
 * DOC: geo_cache.json, in which the first dht-telescope keeps where addresses are:
 *
 *	{"89.160.20.112": {"city": {"lat": 58.41, "lon": 15.62, "country": "SE"} | null,
 *			   "asn": {"asn": 29518, "org": "Bredband2 AB"} | null}, ...}
 *
 * Its first version had lat, lon and country in the entry itself, which is read as
 * well. Whatever else an entry holds is passed over. The file is anybody's: it is read
 * within bounds, and what it says of an address counts only where no database knows it.
 */

enum {
	GEO_CACHE_BYTES_MAX = 256 << 20,
	GEO_CACHE_ENTRIES_MAX = 2 << 20, /* some 110 bytes each */
};

struct geo_cache_entry {
	struct endpoint ep; /* without a port */
	struct geo_place place;
	char org[GEO_ORG_MAX];
};

/**
 * geo_cache_parse() - each entry with a place or a network to @entry, which ends it by an error.
 * @why: a line for a person where it fails, with the byte at fault.
 * Errors:  DT_ESHORT, DT_EMALF, DT_EDEPTH no JSON; DT_EKIND no object of objects; DT_EFULL more
 *          entries than that.
 */
int geo_cache_parse(struct span text, int (*entry)(void *ctx, const struct geo_cache_entry *e),
		    void *ctx, char why[static GEO_WHY_MAX]) DT_MUST;

/**
 * geo_cache_open() - a file as a table; NULL in @out for one that says nothing.
 * Errors:  as above; -errno; DT_EFULL too large.
 */
int geo_cache_open(const char *path, struct geo_table **out, char why[static GEO_WHY_MAX]) DT_MUST;

struct geo_cache_writer;

/** geo_cache_create() - beside @path, as NAME.tmp.json; it gets its name when it is whole. */
int geo_cache_create(const char *path, struct geo_cache_writer **out) DT_MUST;

/** geo_cache_put() - each address once. Errors are kept until the end. */
void geo_cache_put(struct geo_cache_writer *w, const struct geo_cache_entry *e);

/** geo_cache_finish() - durable is not asked for: it is a cache. @w is gone either way. */
int geo_cache_finish(struct geo_cache_writer *w) DT_MUST;

#endif
