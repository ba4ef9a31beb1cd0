/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "viz/export_run.h"

/** DOC: the kinds of files, and one table on its way into one of them. */

/* A page of this many rows stays below 70 MB; 2 GB is Parquet's end. */
enum { GROUP_ROWS = 1 << 19 };

static const struct {
	const char *name, *ending;
	const struct export_format *format;
	bool packs;
} kinds[EXPORT_KINDS] = {
	[EXPORT_CSV] = { "csv", ".csv", &export_csv, true },
	[EXPORT_TSV] = { "tsv", ".tsv", &export_tsv, true },
	[EXPORT_NDJSON] = { "ndjson", ".ndjson", &export_ndjson, true },
	[EXPORT_PARQUET] = { "parquet", ".parquet", &export_parquet, false },
	[EXPORT_NPY] = { "npy", ".npy", &export_npy, false },
	[EXPORT_GEOJSON] = { "geojson", ".geojsonl", NULL, true },
	[EXPORT_MTX] = { "mtx", ".mtx", NULL, true },
	[EXPORT_GRAPHML] = { "graphml", ".graphml", NULL, true },
	[EXPORT_GEXF] = { "gexf", ".gexf", NULL, true },
};

const char *export_kind_name(enum export_kind kind)
{
	return (unsigned)kind < EXPORT_KINDS ? kinds[kind].name : NULL;
}

const char *export_kind_ending(enum export_kind kind)
{
	return (unsigned)kind < EXPORT_KINDS ? kinds[kind].ending : NULL;
}

bool export_kind_packs(enum export_kind kind)
{
	return kinds[kind].packs;
}

const struct export_format *export_format_of(enum export_kind kind)
{
	return kinds[kind].format;
}

int export_table_open(struct export_job *job, enum export_kind kind, const char *name,
		      const struct export_table *table, uint64_t rows, struct export_sheet *s)
{
	int rc;

	*s = (struct export_sheet){ .table = table,
				    .format = export_format_of(kind),
				    .rows = rows,
				    .group_rows = job->opts->group_rows ? job->opts->group_rows
									: GROUP_ROWS };
	rc = export_files_open(&job->files, name, export_kind_ending(kind), export_kind_packs(kind),
			       &s->out);
	return rc == 0 ? s->format->begin(s) : rc;
}

int export_table_row(struct export_sheet *s, const void *row)
{
	int rc = s->format->row(s, row);

	s->written += rc == 0;
	return rc;
}

int export_table_close(struct export_job *job, struct export_sheet *s, int rc)
{
	if (rc == 0)
		rc = s->format->end(s);
	if (s->format->free)
		s->format->free(s);
	if (rc == 0)
		rc = export_files_close(&job->files, s->out, s->written, s->table);
	return rc;
}
