/* SPDX-License-Identifier: MIT */
#ifndef STORE_MOVEMENT_H
#define STORE_MOVEMENT_H

#include "store/presence.h"

/**
 * DOC: how the network changed. Every node of a store once in memory, by its
 * ordinal, as far as it takes to compare any number of times: which rows bear
 * one id, which stand at one endpoint, and where they lie.
 *
 * A node is an id at an endpoint. Of two times it stayed, or it is in one of
 * them alone; then, in this order: its id is at another endpoint that is in the
 * other time alone (moved); its endpoint has another id that is in the other
 * time alone (changed id); else it joined or left. So
 *
 *     before = stayed + moved + changed_id + left
 *     after  = stayed + moved + changed_id + joined
 */
struct movement;

/**
 * movement_new() - reads all nodes of @v.
 * Cost:    28 bytes a node; bench movement_diff. The view is rewound.
 */
int movement_new(struct store_view *v, struct movement **out) DT_MUST;
void movement_free(struct movement *m);

struct movement_counts {
	uint64_t before, after, stayed, joined, left, moved, changed_id;
};

/** movement_between() - @a and @b of the view that @m was read from. Cost: a sort of the differing.
 */
int movement_between(const struct movement *m, const struct presence *a, const struct presence *b,
		     struct movement_counts *out) DT_MUST;

enum { MOVEMENT_TOP = 20 };

/** struct movement_look - the network at a time. */
struct movement_look {
	uint64_t nodes, placed;
	uint64_t places;  /* coordinates with a node on them */
	uint64_t densest; /* nodes at the fullest of them */
	float densest_lat, densest_lon;
	uint64_t networks, countries;
	struct store_tally_row top_networks[MOVEMENT_TOP], top_countries[MOVEMENT_TOP];
	unsigned network_rows, country_rows;
};

/** movement_look() - @v for the names of networks. */
int movement_look(const struct movement *m, struct store_view *v, const struct presence *p,
		  struct movement_look *out) DT_MUST;

#endif
