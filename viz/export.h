/* SPDX-License-Identifier: MIT */
#ifndef VIZ_EXPORT_H
#define VIZ_EXPORT_H

#include "store/store.h"
#include "viz/export_where.h"
#include "viz/when.h"

/**
 * DOC: a store as a file that other programs read, and a metadata.json that
 * says what it is. Memory is bounded at any number of nodes; a file gets its
 * name when it is whole. See viz/README.md, "Exports".
 */

enum export_what {
	EXPORT_NODES,
	EXPORT_AGGREGATE,
	EXPORT_OBSERVATIONS,
	EXPORT_SESSIONS,
	EXPORT_EDGES,
	EXPORT_QUESTIONS,
	EXPORT_ZONES,
	EXPORT_MESSAGES,
	EXPORT_ANNOUNCES,
	EXPORT_GETPEERS,
	EXPORT_WHATS
};

enum export_kind {
	EXPORT_CSV,
	EXPORT_TSV,
	EXPORT_NDJSON,
	EXPORT_PARQUET,
	EXPORT_NPY,
	EXPORT_GEOJSON,
	EXPORT_MTX,
	EXPORT_GRAPHML,
	EXPORT_GEXF,
	EXPORT_KINDS
};

/** What the nodes of a graph are. */
enum export_level { EXPORT_LEVEL_NODE, EXPORT_LEVEL_ASN, EXPORT_LEVEL_COUNTRY };

struct export_opts {
	enum export_what what;
	enum export_kind kind;
	bool zstd;           /* csv, tsv, ndjson and geojson alone */
	bool raw;            /* true addresses */
	uint32_t group_rows; /* parquet: rows of a group; 0 = 524,288 */
	struct export_where where;
	bool timed; /* @when is to be kept to */
	struct when when;
	enum export_level level; /* of edges */
	uint32_t sample; /* edges: this many nodes drawn by lot and what is between them; 0 = all */
	uint32_t gap_s;  /* a longer silence ends a session */
	bool force;      /* XML of more than EXPORT_XML_EDGES_MAX edges */
	const char *path;          /* one file, "-" = standard output; or NULL */
	const char *dir;           /* a directory that exists, for files with names of their own */
	const char *metadata_path; /* NULL = none */
	const char *version;       /* of the program */
	uint64_t now_s;
	/* NULL, or called now and then with how many of @what were read; @total 0 = unknown. */
	void (*progress)(void *ctx, const char *what, uint64_t done, uint64_t total);
	void *ctx;
};

/** XML takes 45 bytes an edge and its readers a kilobyte (exports.md 2.2). */
enum { EXPORT_XML_EDGES_MAX = 2000000 };

enum { EXPORT_FILES_MAX = 4, EXPORT_FILE_NAME_MAX = 256 };

struct export_table;

struct export_file_stats {
	char name[EXPORT_FILE_NAME_MAX]; /* without its directory */
	uint64_t rows, bytes;
	char sha256[65];
	const struct export_table *table; /* its columns; NULL where it has none */
};

struct export_stats {
	uint64_t nodes;       /* rows of the store that were read */
	uint64_t taken;       /* of which @where held */
	uint64_t rows;        /* written, of what was asked for */
	uint64_t unplaced;    /* geojson: taken, without a place */
	uint64_t beyond;      /* aggregate: groups beyond what is kept; 0 but for hostile stores */
	uint64_t edges;       /* listings read */
	uint64_t graph_nodes; /* of a graph that was written */
	uint64_t bytes;       /* of all files */
	struct export_file_stats files[EXPORT_FILES_MAX];
	unsigned file_count;
};

/** export_kind_name() - "csv"; export_kind_ending() - ".csv", ".geojsonl". NULL past the last. */
const char *export_kind_name(enum export_kind kind);
const char *export_kind_ending(enum export_kind kind);

/** export_what_name() - "nodes"; NULL past the last. */
const char *export_what_name(enum export_what what);

/** export_check() - can it be? Else DT_EUNSUPPORTED and a line in @why. */
int export_check(const struct export_opts *o, char why[static 256]) DT_MUST;

/** export_is_graph() - does it come from the listings of a census? */
static inline bool export_is_graph(const struct export_opts *o)
{
	return o->what == EXPORT_EDGES || o->what == EXPORT_QUESTIONS;
}

/** export_is_heard() - does it come from the log of messages? */
static inline bool export_is_heard(const struct export_opts *o)
{
	return o->what == EXPORT_MESSAGES || o->what == EXPORT_ANNOUNCES ||
	       o->what == EXPORT_GETPEERS;
}

/** export_names_nobody() - counts alone, no address. */
static inline bool export_names_nobody(const struct export_opts *o)
{
	return o->what == EXPORT_AGGREGATE || o->what == EXPORT_ZONES ||
	       (o->what == EXPORT_EDGES && o->level != EXPORT_LEVEL_NODE);
}

/**
 * export_run() - read @v from its start and write.
 * @why: a line for a person where it fails; then no file is left behind.
 * Errors:  DT_ENOTFOUND a store without a secret, opened for writing it gets one;
 *          DT_EUNSUPPORTED; DT_ENOSPACE; -errno; what the view says.
 */
int export_run(struct store_view *v, const struct export_opts *o, struct export_stats *st,
	       char why[static 256]) DT_MUST;

#endif
