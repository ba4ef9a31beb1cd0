/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include "viz/export_pick.h"
#include "viz/export_run.h"
#include "viz/export_sessions.h"

/**
 * DOC: the sightings log as a table: observations (a node, a bucket of time)
 * or sessions (a node, from when to when). Nodes are told by their ordinals;
 * in a directory the table of nodes lies beside.
 */

struct observation_row {
	uint32_t node, bucket_s, width_s, seen_s, rtt_us;
	uint16_t flags;
	uint8_t ways;
};

#define COL(row, column, column_type, field, text)                                                 \
	{                                                                                          \
		.name = column, .what = text, .type = column_type,                                 \
		.offset = offsetof(struct row, field), .size = sizeof(((struct row *)0)->field)    \
	}
#define COUNT(list) (sizeof(list) / sizeof((list)[0]))

static const struct export_column observation_columns[] = {
	COL(observation_row, "node", EXPORT_U32, node, "its number, as the table of nodes has it"),
	COL(observation_row, "bucket_s", EXPORT_U32, bucket_s,
	    "Unix time at which the bucket begins; a node is in it once"),
	COL(observation_row, "width_s", EXPORT_U32, width_s, "length of the bucket"),
	COL(observation_row, "seen_s", EXPORT_U32, seen_s,
	    "Unix time at which it was first heard in the bucket"),
	COL(observation_row, "ways", EXPORT_U8, ways, "bits: 1 answered, 4 asked us, 8 tapped"),
	COL(observation_row, "rtt_us", EXPORT_U32, rtt_us,
	    "least round trip in the bucket, microseconds; 0 = not measured"),
	COL(observation_row, "flags", EXPORT_U16, flags, "bits met in the bucket, as of nodes"),
};

static const struct export_column session_columns[] = {
	COL(export_session, "node", EXPORT_U32, node, "its number, as the table of nodes has it"),
	COL(export_session, "start_s", EXPORT_U32, start_s,
	    "Unix time at which it was first heard in it"),
	COL(export_session, "end_s", EXPORT_U32, end_s,
	    "Unix time at which the last bucket ends in which it was heard"),
	COL(export_session, "buckets", EXPORT_U32, sightings, "buckets in which it was heard"),
	COL(export_session, "gap_s", EXPORT_U32, gap_s,
	    "silence since its session before; 0 = its first"),
};

static const struct export_table observations = { "observations", observation_columns,
						  COUNT(observation_columns), NULL, 0 };
static const struct export_table sessions = { "sessions", session_columns, COUNT(session_columns),
					      NULL, 0 };

struct seen {
	struct export_job *job;
	struct export_pick picked;
	struct export_sheet *sheet; /* NULL: rows are counted alone */
	struct export_sessions *running;
	uint64_t rows, from_s, to_s;
};

/* ---- the nodes --------------------------------------------------------------------- */

static int pick_nodes(struct seen *s)
{
	struct store_node n;
	int rc;

	while ((rc = export_next(s->job, &n)) == 1)
		export_pick_set(&s->picked, n.ordinal);
	export_pick_seal(&s->picked);
	return rc;
}

static int write_nodes(struct seen *s)
{
	enum export_kind kind = s->job->opts->kind;
	struct export_sheet sheet;
	struct export_node row;
	struct store_node n;
	int rc = export_table_open(s->job, kind, "nodes",
				   kind == EXPORT_NPY ? &export_graph_nodes_binary
						      : &export_graph_nodes,
				   s->picked.count, &sheet);

	store_view_rewind(s->job->view);
	while (rc == 0 && (rc = store_view_next(s->job->view, &n)) == 1) {
		rc = 0;
		if (!export_pick_has(&s->picked, n.ordinal))
			continue;
		export_namer_node(s->job->namer, &n, &row);
		row.node = n.ordinal;
		rc = export_table_row(&sheet, &row);
	}
	return export_table_close(s->job, &sheet, rc);
}

/* ---- the log ------------------------------------------------------------------------- */

static int put_session(void *ctx, const struct export_session *session)
{
	struct seen *s = ctx;

	s->rows++;
	return s->sheet ? export_table_row(s->sheet, session) : 0;
}

static int put_observation(struct seen *s, const struct store_log_block *b, uint32_t i)
{
	const struct observation_row row = { .node = b->ordinal[i],
					     .bucket_s = (uint32_t)b->bucket_s,
					     .width_s = b->width_s,
					     .seen_s = (uint32_t)b->bucket_s + b->after_s[i],
					     .ways = b->ways[i],
					     .rtt_us = store_rtt_us(b->rtt[i]),
					     .flags = b->flags[i] };

	s->rows++;
	return s->sheet ? export_table_row(s->sheet, &row) : 0;
}

static int put_block(struct seen *s, const struct store_log_block *b)
{
	int rc = 0;

	for (uint32_t i = 0; i < b->count && rc == 0; i++) {
		uint64_t at_s = b->bucket_s + b->after_s[i];

		if (at_s < s->from_s || at_s > s->to_s ||
		    !export_pick_has(&s->picked, b->ordinal[i]))
			continue;
		if (s->running)
			rc = export_sessions_add(s->running, b->ordinal[i], (uint32_t)at_s,
						 (uint32_t)b->bucket_s + b->width_s);
		else
			rc = put_observation(s, b, i);
	}
	return rc;
}

static int read_log(struct seen *s)
{
	const struct export_opts *o = s->job->opts;
	const struct store_log_opts opts = {
		.from_s = s->from_s > UINT16_MAX ? s->from_s - UINT16_MAX : 0,
		.to_s = s->to_s + 1,
		.columns = s->running ? STORE_LOG_AFTER : STORE_LOG_ALL
	};
	struct store_log_block b;
	struct store_log_span span;
	struct store_log *l;
	uint64_t marks = 0;
	int rc = store_log_open(s->job->view, &opts, &l);

	if (rc < 0)
		return rc;
	store_log_span(l, &span);
	while (rc == 0 && (rc = store_log_next(l, &b)) == 1) {
		rc = put_block(s, &b);
		marks += b.count;
		if (o->progress)
			o->progress(o->ctx, "observations", marks, span.marks);
	}
	store_log_close(l);
	return rc;
}

static int read_rows(struct seen *s)
{
	int rc = 0;

	s->rows = 0;
	if (s->job->opts->what == EXPORT_SESSIONS)
		rc = export_sessions_new(s->picked.space, s->job->opts->gap_s, put_session, s,
					 &s->running);
	if (rc == 0)
		rc = read_log(s);
	if (rc == 0 && s->running)
		rc = export_sessions_end(s->running);
	export_sessions_free(s->running);
	s->running = NULL;
	return rc;
}

static int write_rows(struct seen *s)
{
	bool is_sessions = s->job->opts->what == EXPORT_SESSIONS;
	const struct export_table *t = is_sessions ? &sessions : &observations;
	struct export_sheet sheet;
	int rc = s->job->opts->kind == EXPORT_NPY ? read_rows(s) : 0; /* it says how many */

	if (rc < 0)
		return rc;
	rc = export_table_open(s->job, s->job->opts->kind, t->name, t, s->rows, &sheet);
	s->sheet = &sheet;
	if (rc == 0)
		rc = read_rows(s);
	s->sheet = NULL;
	s->job->stats->rows = s->rows;
	return export_table_close(s->job, &sheet, rc);
}

int export_seen_write(struct export_job *job)
{
	const struct export_opts *o = job->opts;
	struct seen s = { .job = job, .to_s = UINT32_MAX };
	int rc = job->total < UINT32_MAX ? export_pick_init(&s.picked, (uint32_t)job->total)
					 : DT_ECORRUPT;

	if (o->timed) {
		s.from_s = o->when.from_s;
		s.to_s = o->when.to_s;
	}
	if (rc == 0)
		rc = pick_nodes(&s);
	if (rc == 0 && o->dir)
		rc = write_nodes(&s);
	if (rc == 0)
		rc = write_rows(&s);
	export_pick_fini(&s.picked);
	return rc;
}
