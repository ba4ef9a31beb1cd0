/* SPDX-License-Identifier: MIT */
#include "viz/export.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "viz/export_run.h"

/** DOC: an export from its first check to the name of its last file. */

enum { PROGRESS_EVERY = 1 << 14 /* nodes: some milliseconds */ };

static const struct {
	const char *name, *ending;
	const struct export_format *format;
	bool packs; /* may be compressed as a whole */
} kinds[EXPORT_KINDS] = {
	[EXPORT_CSV] = { "csv", ".csv", &export_csv, true },
	[EXPORT_TSV] = { "tsv", ".tsv", &export_tsv, true },
	[EXPORT_NDJSON] = { "ndjson", ".ndjson", &export_ndjson, true },
	[EXPORT_PARQUET] = { "parquet", ".parquet", &export_parquet, false },
	[EXPORT_NPY] = { "npy", ".npy", &export_npy, false },
	[EXPORT_GEOJSON] = { "geojson", ".geojsonl", NULL, true },
};

const char *export_kind_name(enum export_kind kind)
{
	return (unsigned)kind < EXPORT_KINDS ? kinds[kind].name : NULL;
}

const char *export_kind_ending(enum export_kind kind)
{
	return (unsigned)kind < EXPORT_KINDS ? kinds[kind].ending : NULL;
}

const struct export_format *export_format_of(enum export_kind kind)
{
	return kinds[kind].format;
}

const struct export_table *export_table_of(const struct export_opts *o)
{
	if (o->what == EXPORT_AGGREGATE)
		return &export_groups;
	return o->kind == EXPORT_NPY ? &export_nodes_binary : &export_nodes;
}

int export_check(const struct export_opts *o, char why[static 256])
{
	const char *line = NULL;

	if (o->zstd && !kinds[o->kind].packs)
		line = o->kind == EXPORT_PARQUET ? "its pages are zstd already"
						 : "it is made to be mapped as it is";
	else if (o->kind == EXPORT_GEOJSON && o->what == EXPORT_NODES)
		line = "it has counts per place, never nodes: --what aggregate";
	else if (o->kind == EXPORT_NPY && o->what == EXPORT_AGGREGATE)
		line = "it has numbers alone, aggregates have names";
	if (!line)
		return 0;
	snprintf(why, 256, "%s: %s", kinds[o->kind].name, line);
	return DT_EUNSUPPORTED;
}

int export_next(struct export_job *job, struct store_node *out)
{
	const struct export_opts *o = job->opts;
	int rc;

	while ((rc = store_view_next(job->view, out)) == 1) {
		if (++job->stats->nodes % PROGRESS_EVERY == 0 && o->progress)
			o->progress(o->ctx, job->stats->nodes, job->total);
		if (export_where_holds(&o->where, out)) {
			job->stats->taken++;
			return 1;
		}
	}
	return rc;
}

/* A snapshot does not change, so what is counted is what will come. */
static int count_rows(struct export_job *job, uint64_t *out)
{
	struct store_node n;
	int rc;

	*out = job->total;
	if (job->opts->kind != EXPORT_NPY || export_where_is_all(&job->opts->where))
		return 0;
	*out = 0;
	while ((rc = store_view_next(job->view, &n)) == 1)
		*out += export_where_holds(&job->opts->where, &n);
	store_view_rewind(job->view);
	return rc;
}

static int write_rows(struct export_job *job, struct export_sheet *s, const struct export_format *f)
{
	struct export_node row;
	struct store_node n;
	int rc;

	while ((rc = export_next(job, &n)) == 1) {
		export_namer_node(job->namer, &n, &row);
		rc = f->row(s, &row);
		if (rc < 0)
			return rc;
		job->stats->rows++;
	}
	return rc;
}

static int write_nodes(struct export_job *job)
{
	const struct export_format *f = export_format_of(job->opts->kind);
	struct export_sheet s = { .table = export_table_of(job->opts),
				  .out = &job->out,
				  .group_rows = export_group_rows(job->opts) };
	int rc = count_rows(job, &s.rows);

	if (rc == 0)
		rc = f->begin(&s);
	if (rc == 0)
		rc = write_rows(job, &s, f);
	if (rc == 0)
		rc = f->end(&s);
	if (f->free)
		f->free(&s);
	return rc;
}

static int write_data(struct export_job *job, char *why)
{
	const struct export_opts *o = job->opts;
	int rc = export_out_open(&job->out, o->path, o->zstd);

	if (rc == 0) {
		if (o->kind == EXPORT_GEOJSON)
			rc = export_places_write(job);
		else if (o->what == EXPORT_AGGREGATE)
			rc = export_groups_write(job);
		else
			rc = write_nodes(job);
		if (rc == 0)
			rc = export_out_close(&job->out, &job->stats->bytes, job->stats->sha256);
		else
			export_out_drop(&job->out);
	}
	if (rc < 0)
		snprintf(why, 256, "%.200s: %s", strcmp(o->path, "-") ? o->path : "standard output",
			 dt_strerror(rc));
	return rc;
}

static int write_all(struct export_job *job, char *why)
{
	const struct export_opts *o = job->opts;
	int rc = write_data(job, why);

	if (rc < 0 || !o->metadata_path)
		return rc;
	rc = export_meta_write(job);
	if (rc < 0) {
		snprintf(why, 256, "%.200s: %s", o->metadata_path, dt_strerror(rc));
		unlink(o->path); /* nobody shall wonder what it is */
	}
	return rc;
}

int export_run(struct store_view *v, const struct export_opts *o, struct export_stats *st,
	       char why[static 256])
{
	struct export_job job = { .view = v, .opts = o, .stats = st };
	struct store_counts counts;
	int rc = export_check(o, why);

	memset(st, 0, sizeof(*st));
	if (rc < 0)
		return rc;
	/* Counts name nobody: they need no secret. */
	rc = export_namer_new(v, o->raw || o->what == EXPORT_AGGREGATE, &job.namer);
	if (rc < 0) {
		snprintf(why, 256, "the secret that keys pseudonyms: %s", dt_strerror(rc));
		return rc;
	}
	store_view_rewind(v);
	rc = store_view_counts(v, &counts);
	job.total = counts.nodes;
	if (rc >= 0)
		rc = write_all(&job, why);
	export_namer_free(job.namer);
	return rc < 0 ? rc : 0;
}
