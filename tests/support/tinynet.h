/* SPDX-License-Identifier: MIT */
#ifndef TESTS_SUPPORT_TINYNET_H
#define TESTS_SUPPORT_TINYNET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/endpoint.h"
#include "proto/nodekey.h"
#include "proto/span.h"

/**
 * DOC: a DHT of a few thousand nodes, computed stupidly: full routing tables of
 * eight per bucket, chosen at random of all who belong there, in memory. It has
 * nothing in common with bench/sim, on purpose: two worlds, one crawl.
 */
enum { TINYNET_BUCKET = 8, TINYNET_REPLY_MAX = 1500 };

struct tinynet_node {
	struct nodeid id;
	struct endpoint ep;
	bool live;
	uint32_t table_from, table_count; /* into tinynet.table */
};

struct tinynet {
	struct tinynet_node *nodes;
	uint32_t count, live;
	uint32_t *table;
	uint32_t reply_nodes; /* contacts in a reply; 8 */
	bool sampling;        /* answers sample_infohashes; else error 204 */
};

/** tinynet_new() - @live answering nodes and @dead silent ones that others list. */
struct tinynet *tinynet_new(uint64_t seed, uint32_t live, uint32_t dead);
void tinynet_free(struct tinynet *t);

/** tinynet_find() - the node at @ep, or NULL. */
const struct tinynet_node *tinynet_find(const struct tinynet *t, const struct endpoint *ep);

/** tinynet_answer() - what the node at @to replies to @query; 0 = nothing. */
size_t tinynet_answer(const struct tinynet *t, const struct endpoint *to, struct span query,
		      uint8_t out[static TINYNET_REPLY_MAX]);

#endif
