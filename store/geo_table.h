/* SPDX-License-Identifier: MIT */
#ifndef STORE_GEO_TABLE_H
#define STORE_GEO_TABLE_H

#include "proto/span.h"
#include "store/geo.h"
#include "store/geo_source.h"

/**
 * DOC: range tables in text: ASN as CSV (start,end,asn,"org"), country as CSV
 * (start,end,CC), IPtoASN's TSV (start, end, asn, CC, name), Tor's geoip and
 * geoip6, and the table that a simulation writes beside its truth. Addresses
 * dotted, with colons, or as decimal numbers. Sorted once, then a binary search
 * within a 16-bit bucket.
 *
 * The simulation's form: first line "# dht-telescope geo table v1"; then
 * start, end, asn, org, country, city, lat, lon, radius_km, tab-separated.
 */

struct geo_table;

/**
 * geo_table_parse() - a whole file's bytes, hostile.
 * @why: a line for a person on error, with the number of the line at fault.
 * Errors:  DT_EKIND no form that we know; DT_EMALF; DT_ERANGE; DT_EMISSING no
 *          range at all; -ENOMEM.
 */
int geo_table_parse(struct span text, struct geo_table **out, char why[static GEO_WHY_MAX]) DT_MUST;

/**
 * geo_table_probe() - GEO_HAS_* bits that a file's first bytes promise; 0 for no table.
 * Cheap, so that of several files only the one that is wanted is read.
 */
unsigned geo_table_probe(const char *path);

/** geo_table_open() - geo_table_parse() from a file. */
int geo_table_open(const char *path, struct geo_table **out, char why[static GEO_WHY_MAX]) DT_MUST;
void geo_table_close(struct geo_table *t);

/** geo_table_has() - GEO_HAS_* bits. */
unsigned geo_table_has(const struct geo_table *t);

/** geo_table_format() - "asn csv", "simulation", ...; never NULL. */
const char *geo_table_format(const struct geo_table *t);
uint64_t geo_table_entries(const struct geo_table *t);

/** geo_table_lookup() - fill what is still absent of @out. Returns whether a range holds @ep. */
bool geo_table_lookup(const struct geo_table *t, const struct endpoint *ep, struct geo_place *out);
const char *geo_table_org(const struct geo_table *t, uint32_t asn);
const char *geo_table_city(const struct geo_table *t, const struct endpoint *ep);

/** geo_table_each4() - v4 ranges, ascending; stops where @visit returns non-zero. */
int geo_table_each4(const struct geo_table *t,
		    int (*visit)(void *ctx, uint32_t first, uint32_t last, uint32_t asn),
		    void *ctx);

#endif
