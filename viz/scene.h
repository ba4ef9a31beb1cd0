/* SPDX-License-Identifier: MIT */
#ifndef VIZ_SCENE_H
#define VIZ_SCENE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/err.h"
#include "store/geo.h"

/**
 * DOC: what there is to show, as data: nodes that refer to the places where
 * they stand and the networks that they belong to. No pixel, no colour, no
 * instant; those are a frame's. A scene is filled once from a store (or by a
 * test's hand) and may then be drawn any number of times, by any layout.
 *
 * Millions of nodes stand on some hundred thousand places, so what depends on
 * the place alone (projection, spread) is computed once per place.
 */

enum {
	SCENE_NOWHERE = UINT32_MAX, /* place of a node without coordinates */
	SCENE_TOP = 10,             /* networks named in the legend */
	/* 32-bit indices, and 20 bytes each: 4 GiB of nodes are more than one picture needs */
	SCENE_NODES_MAX = 200 * 1000 * 1000,
};

/** enum scene_space - what the nodes of a scene are laid out in. */
enum scene_space {
	SCENE_EARTH, /* by coordinates */
	SCENE_IPV4,  /* by address; IPv6 nodes are nowhere */
	SCENE_IDS,   /* by node id */
};

struct scene_node {
	uint32_t place;   /* index, or SCENE_NOWHERE */
	uint32_t network; /* index */
	/*
	 * On Earth a hash of its address, which decides where within its place it is drawn;
	 * in other spaces all nodes share one place and this is where they stand: the IPv4
	 * address, or the first 32 bits of the id.
	 */
	uint32_t seed;
	uint32_t first_s, last_s; /* Unix */
};
_Static_assert(sizeof(struct scene_node) == 20, "the bulk of a scene's memory");

struct scene_place {
	float lat, lon, radius_km; /* radius 0 = unknown */
	uint32_t nodes;
	bool country_level; /* the label point of a country */
};

struct scene_network {
	uint32_t asn; /* 0 = unknown */
	uint32_t nodes;
};

struct scene_top {
	uint32_t network; /* index */
	char name[GEO_ORG_MAX];
};

struct scene {
	struct scene_node *nodes;
	uint32_t *ordinals; /* of the nodes, in a log of sightings; NULL where not kept */
	struct scene_place *places;
	struct scene_network *networks;
	uint32_t node_count, place_count, network_count;
	uint64_t located, country_level, unlocated; /* sum = node_count */
	uint32_t first_s, last_s; /* the range of all sightings, Unix; 0 where there are none */
	struct scene_top top[SCENE_TOP]; /* by nodes over the whole range */
	unsigned top_count;
	enum scene_space space;
	unsigned group; /* enum group_kind: what a network here is */
	bool synthetic;
	char attribution[512]; /* of the geo sources; may be "" */

	/* private */
	uint32_t node_room;
	struct scene_index {
		uint32_t *slots; /* index + 1; 0 = free */
		uint32_t mask, room;
	} place_index, network_index;
};

/** struct scene_row - one node as it comes. */
struct scene_row {
	uint64_t first_s, last_s; /* Unix */
	uint32_t asn, seed, ordinal;
	float lat, lon, radius_km;
	bool has_point, country_level;
};

/** scene_new() - empty. @nodes: how many to make room for; more may come. NULL = no memory. */
struct scene *scene_new(uint64_t nodes);
void scene_free(struct scene *s);

/** scene_number() - before the first node: keep their ordinals. Errors: -ENOMEM. */
int scene_number(struct scene *s) DT_MUST;

/**
 * scene_add() - @count more nodes. A coordinate that is no number or out of
 * range counts as no point.
 *
 * Errors:  -ENOMEM; DT_EFULL past SCENE_NODES_MAX. Some of @rows may have been taken.
 * Cost:    two hash look-ups each, cheaper by the hundred than one by one; see
 *          bench render_scene.
 */
int scene_add(struct scene *s, const struct scene_row *rows, unsigned count) DT_MUST;

/** scene_seal() - after the last node: finds the top networks (unnamed). */
void scene_seal(struct scene *s);

#endif
