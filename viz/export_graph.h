/* SPDX-License-Identifier: MIT */
#ifndef VIZ_EXPORT_GRAPH_H
#define VIZ_EXPORT_GRAPH_H

#include "viz/export_pick.h"
#include "viz/export_run.h"

/**
 * DOC: who listed whom, as a graph. A source tells the nodes in the order of
 * their ordinals and the listings in the order of who listed; this file picks
 * the nodes that are wanted and folds the listings between them; a format
 * pulls nodes and edges and writes them down.
 *
 * Memory: 12 bits for each node of the store, the listings of one node, the
 * names of networks; by network or country the counted pairs as well.
 */

/** struct export_arc - one listing: in its reply @source named @target. */
struct export_arc {
	uint32_t source, target; /* ordinals */
	uint32_t when_s;         /* of the reply; Unix time */
	uint8_t bucket; /* bits that the id asked for shares with the source's; LISTING_DEPTH_* */
};

/** struct export_question - @source was asked for a bucket of its table. */
struct export_question {
	uint32_t source, when_s;
	uint8_t bucket, listed, outcome; /* enum listing_outcome */
};

/** struct export_graph_source - the store, or a test. */
struct export_graph_source {
	void *ctx;
	uint32_t space; /* ordinals are below */
	uint64_t arcs;  /* as far as known; for the progress line */
	int (*rewind)(void *ctx);
	/* 1, 0 at the end, or an error; numbers ascend. @answered: in the time of the graph. */
	int (*node)(void *ctx, uint32_t *ordinal, bool *answered, struct store_node *out);
	/* 1, 0 at the end, or an error; sources ascend. */
	int (*arc)(void *ctx, struct export_arc *out);
	/* Instead of arcs, questions; sources ascend. */
	int (*question)(void *ctx, struct export_question *out);
	/*
	 * NULL, or buckets in which a node was seen, times ascending; rewound by
	 * rewind_seen().
	 */
	int (*seen)(void *ctx, uint32_t *ordinal, uint32_t *from_s, uint32_t *to_s);
	int (*rewind_seen)(void *ctx);
};

/** struct export_edge - all listings of one node by another, or from one group to another. */
struct export_edge {
	uint32_t source, target; /* 0-based, by rank among the picked nodes or of the groups */
	uint32_t first_s, last_s;
	uint64_t times; /* listings */
};

enum {
	EXPORT_ARCS_MAX = 1 << 22,  /* of one node: 8 a reply, hundreds of replies, years of days */
	EXPORT_PAIRS_MAX = 1 << 22, /* of groups: 200 MB while they are counted */
	EXPORT_GROUPS_MAX = 1 << 20, /* networks: some 120,000 exist */
};

struct export_level_graph;

struct export_graph {
	struct export_job *job;
	struct export_graph_source src;
	struct export_pick picked, answered; /* answered: of all nodes */
	uint64_t edges;                      /* distinct, once counted */
	uint64_t beyond;                     /* listings past EXPORT_ARCS_MAX of one node */
	struct export_level_graph *level;    /* NULL: nodes are nodes */
	/* private: the listings of the node in hand */
	struct export_listing {
		uint32_t target, first_s, last_s, times;
	} * listed;
	uint32_t listed_count, listed_cap, listed_at, listed_source;
	struct export_arc ahead;
	bool has_ahead, at_end;
};

/** export_graph_write() - the files of an export of edges. */
int export_graph_write(struct export_job *job, const struct export_graph_source *src) DT_MUST;

/* ---- for formats -------------------------------------------------------------- */

/** export_graph_node_count() - picked nodes, or groups. */
uint32_t export_graph_node_count(const struct export_graph *g);

int export_graph_rewind(struct export_graph *g) DT_MUST;

/** export_graph_next_node() - the next picked one; its rank is how many came before. */
int export_graph_next_node(struct export_graph *g, uint32_t *ordinal,
			   struct store_node *out) DT_MUST;

/** export_graph_next_arc() - the next listing between picked nodes, by its ordinals. */
int export_graph_next_arc(struct export_graph *g, struct export_arc *out) DT_MUST;

/** export_graph_next_question() - the next one to a picked node; instead of arcs. */
int export_graph_next_question(struct export_graph *g, struct export_question *out) DT_MUST;

/** export_graph_next_edge() - ascending by source and target, each pair once. */
int export_graph_next_edge(struct export_graph *g, struct export_edge *out) DT_MUST;

/** struct export_graph_format - one way to write a graph down. */
struct export_graph_format {
	bool counts; /* it says how many edges come before they do */
	bool xml;
	bool one_file; /* and may so go to a pipe */
	int (*write)(struct export_graph *g);
};

extern const struct export_graph_format export_graph_tables;    /* export_graph_table.c */
extern const struct export_graph_format export_graph_questions; /* the same, questions for edges */
extern const struct export_graph_format export_graph_csr;       /* export_graph_csr.c */
extern const struct export_graph_format export_graph_mtx;       /* export_graph_mtx.c */
extern const struct export_graph_format export_graphml;         /* export_graphml.c */
extern const struct export_graph_format export_gexf;            /* export_gexf.c */

/** export_graph_format_of() - NULL: this kind has no edges. */
const struct export_graph_format *export_graph_format_of(enum export_kind kind);

/** struct export_look - how a node or group is drawn, beside what is told of it. */
struct export_look {
	struct span label;
	uint8_t color[3];
	bool placed;
	float lat, lon;
};

typedef int export_graph_row_fn(void *ctx, uint32_t rank, const void *row,
				const struct export_look *look);

/** export_graph_each_node() - every picked node or group as a row of its table, by rank. */
int export_graph_each_node(struct export_graph *g, export_graph_row_fn *fn, void *ctx) DT_MUST;

/** export_graph_node_table() - the columns of those rows. @binary: without text. */
const struct export_table *export_graph_node_table(const struct export_graph *g, bool binary);

/** export_graph_write_nodes() - the picked nodes or the groups as a table of this kind. */
int export_graph_write_nodes(struct export_graph *g, enum export_kind kind) DT_MUST;

#endif
