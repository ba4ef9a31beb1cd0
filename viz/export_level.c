/* SPDX-License-Identifier: MIT */
#include "viz/export_level.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "store/geo_country.h"
#include "viz/export_tally.h"

enum { NO_RANK = UINT32_MAX /* of a group past the limit */ };

struct export_level_graph {
	enum export_level kind;
	uint32_t space;
	uint32_t *of; /* per ordinal: its value; once sealed, its group's rank */
	struct export_tally values, pairs;
	struct export_level_group *groups;
	uint32_t group_count;
	const struct export_tally_slot *edges;
	uint32_t edge_count;
};

int export_level_new(enum export_level kind, uint32_t space, struct export_level_graph **out)
{
	struct export_level_graph *l = calloc(1, sizeof(*l));

	if (!l)
		return -ENOMEM;
	l->kind = kind;
	l->space = space;
	l->of = calloc((size_t)space + 1, sizeof(*l->of));
	l->values = export_tally_of(EXPORT_GROUPS_MAX);
	l->pairs = export_tally_of(EXPORT_PAIRS_MAX);
	if (!l->of) {
		export_level_free(l);
		return -ENOMEM;
	}
	*out = l;
	return 0;
}

void export_level_free(struct export_level_graph *l)
{
	if (!l)
		return;
	export_tally_free(&l->values);
	export_tally_free(&l->pairs);
	free(l->groups);
	free(l->of);
	free(l);
}

static uint32_t value_of(const struct export_level_graph *l, const struct store_node *n)
{
	if (l->kind == EXPORT_LEVEL_ASN)
		return n->asn;
	return (uint32_t)(uint8_t)n->country[0] << 8 | (uint8_t)n->country[1];
}

int export_level_put_node(struct export_level_graph *l, uint32_t ordinal,
			  const struct store_node *n)
{
	if (ordinal >= l->space)
		return DT_ECORRUPT;
	l->of[ordinal] = value_of(l, n);
	return export_tally_add(&l->values, l->of[ordinal]);
}

static uint32_t rank_of(const struct export_level_graph *l, uint32_t value)
{
	uint32_t low = 0, high = l->group_count;

	while (low < high) {
		uint32_t mid = low + (high - low) / 2;

		if (l->groups[mid].value < value)
			low = mid + 1;
		else
			high = mid;
	}
	return low < l->group_count && l->groups[low].value == value ? low : NO_RANK;
}

static void put_look(const struct export_level_graph *l, struct export_level_group *g)
{
	const char code[2] = { (char)(g->value >> 8), (char)g->value };

	g->lat = g->lon = NAN;
	asn_color(g->value, g->color);
	if (l->kind == EXPORT_LEVEL_COUNTRY)
		geo_country_point(code, &g->lat, &g->lon);
}

int export_level_seal(struct export_level_graph *l)
{
	const struct export_tally_slot *slots = export_tally_keys(&l->values, &l->group_count);

	l->groups = calloc((size_t)l->group_count + 1, sizeof(*l->groups));
	if (!l->groups)
		return -ENOMEM;
	for (uint32_t i = 0; i < l->group_count; i++) {
		l->groups[i].value = (uint32_t)slots[i].key;
		l->groups[i].nodes = (uint32_t)slots[i].times;
		put_look(l, &l->groups[i]);
	}
	for (uint32_t i = 0; i < l->space; i++)
		l->of[i] = rank_of(l, l->of[i]);
	return 0;
}

int export_level_put_arc(struct export_level_graph *l, uint32_t source, uint32_t target)
{
	if (l->of[source] == NO_RANK || l->of[target] == NO_RANK) {
		l->pairs.beyond++;
		return 0;
	}
	return export_tally_add(&l->pairs, (uint64_t)l->of[source] << 32 | l->of[target]);
}

void export_level_finish(struct export_level_graph *l, uint64_t *edges, uint64_t *beyond)
{
	l->edges = export_tally_keys(&l->pairs, &l->edge_count);
	*edges = l->edge_count;
	*beyond = l->pairs.beyond + l->values.beyond;
}

uint32_t export_level_groups(const struct export_level_graph *l)
{
	return l->group_count;
}

const struct export_level_group *export_level_group(const struct export_level_graph *l,
						    uint32_t rank)
{
	return &l->groups[rank];
}

enum export_level export_level_kind(const struct export_level_graph *l)
{
	return l->kind;
}

bool export_level_edge(const struct export_level_graph *l, uint64_t at, struct export_edge *out)
{
	if (at >= l->edge_count)
		return false;
	*out = (struct export_edge){ .source = (uint32_t)(l->edges[at].key >> 32),
				     .target = (uint32_t)l->edges[at].key,
				     .times = l->edges[at].times };
	return true;
}

unsigned export_level_key(const struct export_level_graph *l, uint32_t rank, char out[static 24])
{
	uint32_t value = l->groups[rank].value;

	if (l->kind == EXPORT_LEVEL_ASN)
		return export_put_u64(out, value);
	out[0] = (char)(value >> 8);
	out[1] = (char)value;
	return value ? 2 : 0;
}
