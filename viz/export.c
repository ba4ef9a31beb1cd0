/* SPDX-License-Identifier: MIT */
#include "viz/export.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "viz/export_graph_store.h"
#include "viz/export_run.h"

/** DOC: an export from its first check to the name of its last file. */

enum { PROGRESS_EVERY = 1 << 14 /* nodes: some milliseconds */ };

const char *export_what_name(enum export_what what)
{
	static const char *const names[EXPORT_WHATS] = {
		[EXPORT_NODES] = "nodes",
		[EXPORT_AGGREGATE] = "aggregate",
		[EXPORT_OBSERVATIONS] = "observations",
		[EXPORT_SESSIONS] = "sessions",
		[EXPORT_EDGES] = "edges",
		[EXPORT_QUESTIONS] = "questions",
		[EXPORT_ZONES] = "zones",
		[EXPORT_MESSAGES] = "messages",
		[EXPORT_ANNOUNCES] = "announces",
		[EXPORT_GETPEERS] = "getpeers",
	};

	return (unsigned)what < EXPORT_WHATS ? names[what] : NULL;
}

/* What a kind cannot hold, in words; NULL where it can. */
static const char *unfit(const struct export_opts *o)
{
	bool table = export_format_of(o->kind) != NULL;

	if (o->zstd && !export_kind_packs(o->kind))
		return o->kind == EXPORT_PARQUET ? "its pages are zstd already"
						 : "it is made to be mapped as it is";
	if (o->kind == EXPORT_GEOJSON && o->what != EXPORT_AGGREGATE)
		return "it has counts per place, never nodes: --what aggregate";
	if (o->what == EXPORT_EDGES)
		return o->kind == EXPORT_NPY && !o->dir
			       ? "a graph is three arrays: --out a directory"
			       : NULL;
	if (!table && o->kind != EXPORT_GEOJSON)
		return "it holds a graph: --what edges";
	if (o->kind == EXPORT_NPY && (o->what == EXPORT_AGGREGATE || o->what == EXPORT_QUESTIONS))
		return "it has numbers alone, and these have names";
	return NULL;
}

/* An option that means nothing for what is asked for. */
static const char *idle_option(const struct export_opts *o)
{
	if (o->what == EXPORT_EDGES)
		return NULL;
	if (o->level != EXPORT_LEVEL_NODE)
		return "--level: of a graph: --what edges";
	if (o->what == EXPORT_ZONES && !export_where_is_all(&o->where))
		return "--where: of nodes; zones are counts of all of them";
	if (o->sample && o->what != EXPORT_QUESTIONS)
		return "--sample: of a graph: --what edges";
	return o->force ? "--force: of a graph: --what edges" : NULL;
}

int export_check(const struct export_opts *o, char why[static 256])
{
	const char *line = unfit(o);

	if (line) {
		snprintf(why, 256, "%s: %s", export_kind_name(o->kind), line);
		return DT_EUNSUPPORTED;
	}
	line = idle_option(o);
	if (line)
		snprintf(why, 256, "%s", line);
	return line ? DT_EUNSUPPORTED : 0;
}

static bool is_wanted(const struct export_job *job, const struct store_node *n)
{
	return export_where_holds(&job->opts->where, n) &&
	       (!job->opts->timed || presence_has(&job->present, n->ordinal));
}

int export_next(struct export_job *job, struct store_node *out)
{
	const struct export_opts *o = job->opts;
	int rc;

	while ((rc = store_view_next(job->view, out)) == 1) {
		if (++job->stats->nodes % PROGRESS_EVERY == 0 && o->progress)
			o->progress(o->ctx, "nodes", job->stats->nodes, job->total);
		if (is_wanted(job, out)) {
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
	if (job->opts->kind != EXPORT_NPY ||
	    (export_where_is_all(&job->opts->where) && !job->opts->timed))
		return 0;
	*out = 0;
	while ((rc = store_view_next(job->view, &n)) == 1)
		*out += is_wanted(job, &n);
	store_view_rewind(job->view);
	return rc;
}

static int write_nodes(struct export_job *job)
{
	enum export_kind kind = job->opts->kind;
	struct export_node row;
	struct export_sheet s;
	struct store_node n;
	uint64_t rows;
	int rc = count_rows(job, &rows);

	if (rc < 0)
		return rc;
	rc = export_table_open(job, kind, "nodes",
			       kind == EXPORT_NPY ? &export_nodes_binary : &export_nodes, rows, &s);
	while (rc == 0 && (rc = export_next(job, &n)) == 1) {
		export_namer_node(job->namer, &n, &row);
		rc = export_table_row(&s, &row);
	}
	job->stats->rows = s.written;
	return export_table_close(job, &s, rc);
}

static int write_graph(struct export_job *job)
{
	struct export_graph_source src;
	struct export_graph_store *g;
	int rc = export_graph_store_open(job->view, job->opts, &src, &g, job->why);

	if (rc == DT_ENOTFOUND && *job->why)
		return DT_EMISSING; /* the former is of a store without a secret */
	if (rc < 0)
		return rc;
	rc = export_graph_write(job, &src);
	export_graph_store_close(g);
	return rc;
}

static int write_data(struct export_job *job)
{
	const struct export_opts *o = job->opts;

	if (export_is_graph(o))
		return write_graph(job);
	if (o->what == EXPORT_OBSERVATIONS || o->what == EXPORT_SESSIONS)
		return export_seen_write(job);
	if (o->what == EXPORT_ZONES)
		return export_zones_write(job);
	if (export_is_heard(o))
		return export_heard_write(job);
	if (o->kind == EXPORT_GEOJSON)
		return export_places_write(job);
	return o->what == EXPORT_AGGREGATE ? export_groups_write(job) : write_nodes(job);
}

/* All files of it, and what they are, or nothing. */
static int write_all(struct export_job *job, char *why)
{
	const struct export_opts *o = job->opts;
	const char *name = job->files.failed;
	int rc = write_data(job);

	if (rc == 0 && o->metadata_path) {
		rc = export_meta_write(job);
		if (rc < 0)
			name = o->metadata_path;
	}
	export_files_end(&job->files, rc == 0);
	if (rc >= 0)
		return 0;
	if (!*name)
		name = o->dir ? o->dir : o->path;
	if (*job->why)
		snprintf(why, 256, "%s", job->why);
	else
		snprintf(why, 256, "%.200s: %s", strcmp(name, "-") ? name : "standard output",
			 dt_strerror(rc));
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
	rc = export_namer_new(v, o->raw || export_names_nobody(o), &job.namer);
	if (rc < 0) {
		snprintf(why, 256, "the secret that keys pseudonyms: %s", dt_strerror(rc));
		return rc;
	}
	export_files_init(&job.files, o, st);
	store_view_rewind(v);
	rc = store_view_counts(v, &counts);
	job.total = counts.nodes;
	if (rc >= 0 && o->timed && !export_is_graph(o) && !export_is_heard(o) &&
	    o->what != EXPORT_ZONES)
		rc = presence_read(v, o->when.from_s, o->when.to_s, &job.present);
	if (rc < 0)
		snprintf(why, 256, "the sightings log: %s", dt_strerror(rc));
	else
		rc = write_all(&job, why);
	presence_free(&job.present);
	export_namer_free(job.namer);
	return rc;
}
