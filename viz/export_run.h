/* SPDX-License-Identifier: MIT */
#ifndef VIZ_EXPORT_RUN_H
#define VIZ_EXPORT_RUN_H

#include "store/presence.h"
#include "viz/export.h"
#include "viz/export_files.h"
#include "viz/export_format.h"

/** DOC: what the parts of an export share while it runs. */
struct export_job {
	struct store_view *view;
	const struct export_opts *opts;
	struct export_stats *stats;
	struct export_namer *namer;
	struct export_files files;
	uint64_t total;          /* nodes of the store */
	struct presence present; /* of a timed export */
	char why[256];           /* "" or a better line than the error's name */
};

/** export_next() - the next node that is wanted: 1 and @out, 0 at the end, or an error. */
int export_next(struct export_job *job, struct store_node *out) DT_MUST;

/** export_format_of() - NULL for what is no table. */
const struct export_format *export_format_of(enum export_kind kind);

/** export_kind_packs() - may it be packed as a whole? */
bool export_kind_packs(enum export_kind kind);

/**
 * export_table_open() - a file of its own for one table; export_format_of() has its rows.
 * @name: of the file in a directory. @rows: how many will come; npy must know.
 */
int export_table_open(struct export_job *job, enum export_kind kind, const char *name,
		      const struct export_table *table, uint64_t rows,
		      struct export_sheet *s) DT_MUST;

/** export_table_row() - counts it. */
int export_table_row(struct export_sheet *s, const void *row) DT_MUST;

/** export_table_close() - @rc: 0, or the error it ends with, which is returned. */
int export_table_close(struct export_job *job, struct export_sheet *s, int rc) DT_MUST;

/** export_groups_write() - counts by network, country and client (export_groups.c). */
int export_groups_write(struct export_job *job) DT_MUST;

/** export_places_write() - counts by place, a GeoJSON feature a line (export_groups.c). */
int export_places_write(struct export_job *job) DT_MUST;

/** export_seen_write() - observations or sessions (export_seen.c). */
int export_seen_write(struct export_job *job) DT_MUST;

/** export_zones_write() - the zones of censuses (export_zones.c). */
int export_zones_write(struct export_job *job) DT_MUST;

/** export_heard_write() - messages heard (export_heard.c). */
int export_heard_write(struct export_job *job) DT_MUST;

/** export_meta_write() - metadata.json (export_meta.c). */
int export_meta_write(const struct export_job *job) DT_MUST;

#endif
