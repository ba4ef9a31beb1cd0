/* SPDX-License-Identifier: MIT */
#include <math.h>
#include <string.h>

#include "proto/listing.h"
#include "viz/export_graph.h"
#include "viz/export_level.h"

/**
 * DOC: a graph as two tables: nodes, and who listed whom when. The edge list
 * begins with the columns that other crawlers of DHTs write (exports.md 2.1).
 */

enum { LABEL_DIGITS = 8 /* of an id: 4 G nodes are told apart */ };

struct listing_row {
	uint32_t source, target, when_s;
	uint8_t target_crawlable, bucket;
};

struct pair_row {
	struct span source, target;
	uint64_t listings;
};

struct group_row {
	struct span key, name, color;
	char key_chars[EXPORT_NUMBER_MAX], color_text[7];
	uint64_t nodes;
	float lat, lon;
};

struct question_row {
	uint32_t source, when_s;
	struct span outcome;
	uint8_t bucket, listed;
};

#define COL(row, column, column_type, field, text)                                                 \
	{                                                                                          \
		.name = column, .what = text, .type = column_type,                                 \
		.offset = offsetof(struct row, field), .size = sizeof(((struct row *)0)->field)    \
	}
#define COUNT(list) (sizeof(list) / sizeof((list)[0]))

static const struct export_column listing_columns[] = {
	COL(listing_row, "source", EXPORT_U32, source,
	    "number of the node that listed, as nodes have it"),
	COL(listing_row, "target", EXPORT_U32, target, "number of the node that was listed"),
	COL(listing_row, "target_crawlable", EXPORT_U8, target_crawlable,
	    "1 where the target itself answered in the censuses of this export"),
	COL(listing_row, "source_crawl_timestamp", EXPORT_U32, when_s, "Unix time of the reply"),
	COL(listing_row, "bucket", EXPORT_U8, bucket,
	    "leading bits that the id asked for shares with the source's; 160 its own, 255 "
	    "unknown"),
};

static const struct export_column question_columns[] = {
	COL(question_row, "source", EXPORT_U32, source, "number of the node that was asked"),
	COL(question_row, "source_crawl_timestamp", EXPORT_U32, when_s, "Unix time of the outcome"),
	COL(question_row, "bucket", EXPORT_U8, bucket,
	    "leading bits that the id asked for shares with the source's; 160 its own, 255 "
	    "unknown"),
	COL(question_row, "outcome", EXPORT_TEXT, outcome, "answered, refused or silent"),
	COL(question_row, "listed", EXPORT_U8, listed, "contacts in the answer"),
};

static const struct export_column pair_columns[] = {
	COL(pair_row, "source", EXPORT_TEXT, source, "key of the group that listed"),
	COL(pair_row, "target", EXPORT_TEXT, target, "key of the group that was listed"),
	COL(pair_row, "listings", EXPORT_U64, listings, "how often"),
};

static const struct export_column group_columns[] = {
	COL(group_row, "key", EXPORT_TEXT, key, "AS number or ISO 3166-1 code; 0, empty = unknown"),
	COL(group_row, "name", EXPORT_TEXT, name, "of a network"),
	COL(group_row, "nodes", EXPORT_U64, nodes, "nodes of it"),
	COL(group_row, "lat", EXPORT_F32, lat, "of a country's label; empty or NaN = unknown"),
	COL(group_row, "lon", EXPORT_F32, lon, "of a country's label; empty or NaN = unknown"),
	COL(group_row, "color", EXPORT_TEXT, color, "hue of a network in pictures"),
};

static const struct export_column group_binary_columns[] = {
	COL(group_row, "key", EXPORT_CHARS, key_chars,
	    "AS number or ISO 3166-1 code as text; 0, empty = unknown"),
	COL(group_row, "nodes", EXPORT_U64, nodes, "nodes of it"),
	COL(group_row, "lat", EXPORT_F32, lat, "of a country's label; NaN = unknown"),
	COL(group_row, "lon", EXPORT_F32, lon, "of a country's label; NaN = unknown"),
};

static const struct export_table listings = { "edges", listing_columns, COUNT(listing_columns),
					      NULL, 0 };
static const struct export_table questions = { "questions", question_columns,
					       COUNT(question_columns), NULL, 0 };
static const struct export_table pairs = { "edges", pair_columns, COUNT(pair_columns), NULL, 0 };
static const struct export_table groups = { "nodes", group_columns, COUNT(group_columns), NULL, 0 };
static const struct export_table groups_binary = { "nodes", group_binary_columns,
						   COUNT(group_binary_columns), NULL, 0 };

/* ---- nodes ------------------------------------------------------------------------ */

const struct export_table *export_graph_node_table(const struct export_graph *g, bool binary)
{
	if (g->level)
		return binary ? &groups_binary : &groups;
	return binary ? &export_graph_nodes_binary : &export_graph_nodes;
}

static int each_node(struct export_graph *g, export_graph_row_fn *fn, void *ctx)
{
	struct export_node row;
	struct store_node n;
	uint32_t rank = 0;
	int rc;

	while ((rc = export_graph_next_node(g, &row.node, &n)) == 1) {
		struct export_look look = { .placed = n.has_point, .lat = n.lat, .lon = n.lon };

		export_namer_node(g->job->namer, &n, &row);
		memcpy(look.color, n.color, sizeof(look.color));
		look.label = row.id.len ? span_of(row.id.ptr, LABEL_DIGITS) : row.address;
		rc = fn(ctx, rank++, &row, &look);
		if (rc < 0)
			return rc;
	}
	return rc;
}

static int each_group(struct export_graph *g, export_graph_row_fn *fn, void *ctx)
{
	int rc = 0;

	for (uint32_t i = 0; i < export_level_groups(g->level) && rc >= 0; i++) {
		const struct export_level_group *group = export_level_group(g->level, i);
		struct export_look look = { .lat = group->lat, .lon = group->lon };
		struct group_row row = { .nodes = group->nodes,
					 .lat = group->lat,
					 .lon = group->lon };

		memcpy(look.color, group->color, sizeof(look.color));
		look.placed = !isnan(group->lat);
		row.key = span_of(row.key_chars, export_level_key(g->level, i, row.key_chars));
		row.name = row.color = SPAN_LIT("");
		look.label = row.key.len ? row.key : SPAN_LIT("?");
		if (export_level_kind(g->level) == EXPORT_LEVEL_ASN) {
			row.name = export_namer_org(g->job->namer, group->value);
			row.color = export_put_color(row.color_text, group->color);
			look.label = row.name.len ? row.name : look.label;
		}
		rc = fn(ctx, i, &row, &look);
	}
	return rc < 0 ? rc : 0;
}

int export_graph_each_node(struct export_graph *g, export_graph_row_fn *fn, void *ctx)
{
	return g->level ? each_group(g, fn, ctx) : each_node(g, fn, ctx);
}

static int put_row(void *ctx, uint32_t rank, const void *row, const struct export_look *look)
{
	(void)rank;
	(void)look;
	return export_table_row(ctx, row);
}

int export_graph_write_nodes(struct export_graph *g, enum export_kind kind)
{
	struct export_sheet s;
	int rc = export_table_open(g->job, kind, "nodes",
				   export_graph_node_table(g, kind == EXPORT_NPY),
				   export_graph_node_count(g), &s);

	if (rc == 0)
		rc = export_graph_each_node(g, put_row, &s);
	return export_table_close(g->job, &s, rc);
}

/* ---- edges ------------------------------------------------------------------------- */

static int write_listings(struct export_graph *g, struct export_sheet *s)
{
	struct export_arc arc;
	int rc;

	while ((rc = export_graph_next_arc(g, &arc)) == 1) {
		const struct listing_row row = { arc.source, arc.target, arc.when_s,
						 export_pick_has(&g->answered, arc.target),
						 arc.bucket };

		rc = export_table_row(s, &row);
		if (rc < 0)
			return rc;
	}
	return rc;
}

static int write_pairs(struct export_graph *g, struct export_sheet *s)
{
	char source[24], target[24];
	struct export_edge e;
	int rc;

	while ((rc = export_graph_next_edge(g, &e)) == 1) {
		struct pair_row row = { .listings = e.times };

		row.source = span_of(source, export_level_key(g->level, e.source, source));
		row.target = span_of(target, export_level_key(g->level, e.target, target));
		rc = export_table_row(s, &row);
		if (rc < 0)
			return rc;
	}
	return rc;
}

static int write(struct export_graph *g)
{
	enum export_kind kind = g->job->opts->kind;
	struct export_sheet s;
	int rc = 0;

	if (g->job->opts->dir)
		rc = export_graph_write_nodes(g, kind);
	if (rc == 0)
		rc = export_table_open(g->job, kind, "edges", g->level ? &pairs : &listings,
				       g->edges, &s);
	else
		return rc;
	if (rc == 0)
		rc = g->level ? write_pairs(g, &s) : write_listings(g, &s);
	g->job->stats->rows = s.written;
	return export_table_close(g->job, &s, rc);
}

const struct export_graph_format export_graph_tables = { .one_file = true, .write = write };

/* ---- questions --------------------------------------------------------------------- */

static int put_questions(struct export_graph *g, struct export_sheet *s)
{
	struct export_question q;
	int rc;

	while ((rc = export_graph_next_question(g, &q)) == 1) {
		const char *outcome = listing_outcome_name(q.outcome);
		const struct question_row row = { q.source, q.when_s,
						  span_of(outcome, strlen(outcome)), q.bucket,
						  q.listed };

		rc = export_table_row(s, &row);
		if (rc < 0)
			return rc;
	}
	return rc;
}

static int write_questions(struct export_graph *g)
{
	enum export_kind kind = g->job->opts->kind;
	struct export_sheet s;
	int rc = g->job->opts->dir ? export_graph_write_nodes(g, kind) : 0;

	if (rc < 0)
		return rc;
	rc = export_table_open(g->job, kind, "questions", &questions, 0, &s);
	if (rc == 0)
		rc = put_questions(g, &s);
	g->job->stats->rows = s.written;
	return export_table_close(g->job, &s, rc);
}

const struct export_graph_format export_graph_questions = { .one_file = true,
							    .write = write_questions };
