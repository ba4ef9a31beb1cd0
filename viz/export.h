/* SPDX-License-Identifier: MIT */
#ifndef VIZ_EXPORT_H
#define VIZ_EXPORT_H

#include "store/store.h"
#include "viz/export_where.h"

/**
 * DOC: a store as a file that other programs read, and a metadata.json that
 * says what it is. Memory is bounded at any number of nodes; a file gets its
 * name when it is whole. See viz/README.md, "Exports".
 */

enum export_what { EXPORT_NODES, EXPORT_AGGREGATE };

enum export_kind {
	EXPORT_CSV,
	EXPORT_TSV,
	EXPORT_NDJSON,
	EXPORT_PARQUET,
	EXPORT_NPY,
	EXPORT_GEOJSON,
	EXPORT_KINDS
};

struct export_opts {
	enum export_what what;
	enum export_kind kind;
	bool zstd;           /* csv, tsv, ndjson and geojson alone */
	bool raw;            /* true addresses */
	uint32_t group_rows; /* parquet: rows of a group; 0 = 524,288 */
	struct export_where where;
	const char *path;          /* "-" = standard output */
	const char *metadata_path; /* NULL = none */
	const char *version;       /* of the program */
	uint64_t now_s;
	/* NULL, or called now and then with nodes read and nodes in all. */
	void (*progress)(void *ctx, uint64_t done, uint64_t total);
	void *ctx;
};

struct export_stats {
	uint64_t nodes;    /* rows of the store that were read */
	uint64_t taken;    /* of which @where held */
	uint64_t rows;     /* written */
	uint64_t unplaced; /* geojson: taken, without a place */
	uint64_t beyond;   /* aggregate: groups beyond what is kept; 0 but for hostile stores */
	uint64_t bytes;    /* of the file */
	char sha256[65];   /* of the file */
};

/** export_kind_name() - "csv"; export_kind_ending() - ".csv", ".geojsonl". NULL past the last. */
const char *export_kind_name(enum export_kind kind);
const char *export_kind_ending(enum export_kind kind);

/** export_check() - can it be? Else DT_EUNSUPPORTED and a line in @why. */
int export_check(const struct export_opts *o, char why[static 256]) DT_MUST;

/**
 * export_run() - read @v from its start and write.
 * @why: a line for a person where it fails; then no file is left behind.
 * Errors:  DT_ENOTFOUND a store without a secret, opened for writing it gets one;
 *          DT_EUNSUPPORTED; DT_ENOSPACE; -errno; what the view says.
 */
int export_run(struct store_view *v, const struct export_opts *o, struct export_stats *st,
	       char why[static 256]) DT_MUST;

#endif
