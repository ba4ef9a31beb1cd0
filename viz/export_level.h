/* SPDX-License-Identifier: MIT */
#ifndef VIZ_EXPORT_LEVEL_H
#define VIZ_EXPORT_LEVEL_H

#include "viz/export_graph.h"

/**
 * DOC: a graph of networks or of countries: nodes by their group, and how
 * often members of one list members of another. Groups and pairs are bounded;
 * what is beyond is counted.
 */

/** struct export_level_group - one node of such a graph. */
struct export_level_group {
	uint32_t value; /* AS number, or two letters; 0 = unknown */
	uint32_t nodes;
	float lat, lon; /* of a country's label; else NAN */
	uint8_t color[3];
};

int export_level_new(enum export_level kind, uint32_t space,
		     struct export_level_graph **out) DT_MUST;
void export_level_free(struct export_level_graph *l);

/** export_level_put_node() - before any edge. */
int export_level_put_node(struct export_level_graph *l, uint32_t ordinal,
			  const struct store_node *n) DT_MUST;

/** export_level_seal() - no more nodes; groups get their ranks, by value. */
int export_level_seal(struct export_level_graph *l) DT_MUST;

/** export_level_put_arc() - between ordinals that were put. */
int export_level_put_arc(struct export_level_graph *l, uint32_t source, uint32_t target) DT_MUST;

/** export_level_finish() - no more listings. @beyond: those of pairs past the limit. */
void export_level_finish(struct export_level_graph *l, uint64_t *edges, uint64_t *beyond);

uint32_t export_level_groups(const struct export_level_graph *l);
const struct export_level_group *export_level_group(const struct export_level_graph *l,
						    uint32_t rank);
enum export_level export_level_kind(const struct export_level_graph *l);

/** export_level_edge() - the edge at @at, ascending by source and target; false past the last. */
bool export_level_edge(const struct export_level_graph *l, uint64_t at, struct export_edge *out);

/** export_level_key() - "3320", "DE"; empty where unknown. Returns its length, at most 12. */
unsigned export_level_key(const struct export_level_graph *l, uint32_t rank, char out[static 24]);

#endif
