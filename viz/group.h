/* SPDX-License-Identifier: MIT */
#ifndef VIZ_GROUP_H
#define VIZ_GROUP_H

#include <stdint.h>

#include "proto/err.h"
#include "store/store.h"

/**
 * DOC: by what nodes are told apart: what a hue stands for and a legend counts.
 * A group has a number; 0 is the unknown.
 *
 *   network   its AS number (the default)
 *   country   two letters, as the geo source has it
 *   client    the family of its software, by what it says of itself
 *   class     what this and other censuses made of it
 *   registry  the regional Internet registry of its country
 */

enum group_kind { GROUP_NETWORK, GROUP_COUNTRY, GROUP_CLIENT, GROUP_CLASS, GROUP_REGISTRY };

/** group_parse() - NULL and "" are "network". Errors: DT_ENOTFOUND. */
int group_parse(const char *name, enum group_kind *out) DT_MUST;

/** group_kind_name() - the inverse. */
const char *group_kind_name(enum group_kind kind);

/** group_of() - a node's. */
uint32_t group_of(enum group_kind kind, const struct store_node *n);

/** group_name() - of a number; networks need the store. Returns @out. */
char *group_name(enum group_kind kind, uint32_t group, struct store_view *v,
		 char out[static GEO_ORG_MAX]);

/** struct group_words - how it is spoken of. */
struct group_words {
	const char *one;    /* "a network" */
	const char *many;   /* "networks" */
	const char *legend; /* "TOP NETWORKS" */
	const char *count;  /* "networks (ASN)" */
	const char *mixed;  /* "white = many networks" */
};

const struct group_words *group_words(enum group_kind kind);

/** The five registries. Source: their service regions by country, nro.net. */
enum group_registry { REGISTRY_NONE, AFRINIC, APNIC, ARIN, LACNIC, RIPE, REGISTRIES };

/** group_registry() - of a country, two letters. */
enum group_registry group_registry(const char *country);

#endif
