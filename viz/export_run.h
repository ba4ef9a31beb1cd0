/* SPDX-License-Identifier: MIT */
#ifndef VIZ_EXPORT_RUN_H
#define VIZ_EXPORT_RUN_H

#include "viz/export.h"
#include "viz/export_format.h"

/** DOC: what the parts of an export share while it runs. */
struct export_job {
	struct store_view *view;
	const struct export_opts *opts;
	struct export_stats *stats;
	struct export_namer *namer;
	struct export_out out;
	uint64_t total; /* nodes of the store */
};

/** export_next() - the next node that is wanted: 1 and @out, 0 at the end, or an error. */
int export_next(struct export_job *job, struct store_node *out) DT_MUST;

/** export_format_of() - NULL for geojson, which is no table. */
const struct export_format *export_format_of(enum export_kind kind);
const struct export_table *export_table_of(const struct export_opts *o);

/* A page of this many rows stays below 70 MB; 2 GB is the format's end. */
enum { EXPORT_GROUP_ROWS = 1 << 19 };

static inline uint32_t export_group_rows(const struct export_opts *o)
{
	return o->group_rows ? o->group_rows : EXPORT_GROUP_ROWS;
}

/** export_groups_write() - counts by network, country and client (export_groups.c). */
int export_groups_write(struct export_job *job) DT_MUST;

/** export_places_write() - counts by place, a GeoJSON feature a line (export_groups.c). */
int export_places_write(struct export_job *job) DT_MUST;

/** export_meta_write() - metadata.json (export_meta.c). */
int export_meta_write(const struct export_job *job) DT_MUST;

#endif
