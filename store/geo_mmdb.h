/* SPDX-License-Identifier: MIT */
#ifndef STORE_GEO_MMDB_H
#define STORE_GEO_MMDB_H

#include <stdbool.h>

#include "store/geo.h"
#include "store/geo_source.h"

/**
 * DOC: one MaxMind DB file. What its records are called is found by trying the
 * paths of viz.md 3.3 on a sample of records when it is opened; those that hit
 * are remembered in their order. The file's claimed type is shown, never
 * trusted. A file whose sample or tree breaks the format is refused.
 */

struct geo_mmdb;

/**
 * geo_mmdb_open()
 * @why: a line for a person on error.
 * Errors:  DT_EKIND no field that we know; DT_ECORRUPT; DT_EMALF; -errno.
 */
int geo_mmdb_open(const char *path, struct geo_mmdb **out, char why[static GEO_WHY_MAX]) DT_MUST;
void geo_mmdb_close(struct geo_mmdb *m);

/** geo_mmdb_has() - GEO_HAS_* bits. */
unsigned geo_mmdb_has(const struct geo_mmdb *m);
const char *geo_mmdb_type(const struct geo_mmdb *m);
uint64_t geo_mmdb_build_s(const struct geo_mmdb *m);
uint64_t geo_mmdb_entries(const struct geo_mmdb *m);

/** geo_mmdb_lookup() - fill what is still absent of @out. Returns whether a record was found. */
bool geo_mmdb_lookup(const struct geo_mmdb *m, const struct endpoint *ep, struct geo_place *out);

/** geo_mmdb_city() - UTF-8 as the file has it, cut to @cap; "" where unknown. */
void geo_mmdb_city(const struct geo_mmdb *m, const struct endpoint *ep, char *out, size_t cap);

/**
 * geo_mmdb_org() - the same for a network's name.
 * Cost: the first call walks the whole file (a second for a million networks).
 * Threads: many.
 */
void geo_mmdb_org(struct geo_mmdb *m, uint32_t asn, char *out, size_t cap);

/**
 * geo_mmdb_each4() - v4 networks, ascending, neighbours not merged; stops where
 * @visit returns non-zero and returns that. Errors: DT_ECORRUPT.
 */
int geo_mmdb_each4(const struct geo_mmdb *m,
		   int (*visit)(void *ctx, uint32_t first, uint32_t last, uint32_t asn), void *ctx);

#endif
