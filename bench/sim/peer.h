/* SPDX-License-Identifier: MIT */
#ifndef BENCH_SIM_PEER_H
#define BENCH_SIM_PEER_H

#include "bench/sim/world.h"

/**
 * DOC: one simulated node's routing table: which entries it holds. A table is a pure function of
 * the world and the node (census 4.2); an entry is computed when a question touches it and
 * forgotten again.
 */

enum {
	PEER_REPLY_NODES = 8, /* BEP 5's k */
	PEER_BUCKETS = 64,    /* deeper ones are empty: ids differ in their upper 64 bits */
	PEER_BUCKET_MAX = 128,
};

/** peer_bucket_size() - how many entries bucket @bit holds at most: 128/64/32/16/8, or 8. */
unsigned peer_bucket_size(bool lt, unsigned bit);

/**
 * peer_bucket() - every entry of bucket @bit (0 = the other half of the id space).
 * @out: room for PEER_BUCKET_MAX node numbers.
 * Returns the count. The order means nothing.
 */
unsigned peer_bucket(const struct sim_world *w, uint32_t n, unsigned bit, uint32_t *out);

/**
 * peer_nearest() - what find_node(@target) at node @n lists: entries of the
 * target's bucket, then of the deeper ones, then of the shallower ones, until
 * eight are there; of the last bucket that was opened the nearest.
 * @target: the upper 64 bits. @six: of its IPv6 table.
 * Returns the count, 0..PEER_REPLY_NODES.
 */
unsigned peer_nearest_of(const struct sim_world *w, uint32_t n, uint64_t target, bool six,
			 uint32_t out[static PEER_REPLY_NODES]);

static inline unsigned peer_nearest(const struct sim_world *w, uint32_t n, uint64_t target,
				    uint32_t out[static PEER_REPLY_NODES])
{
	return peer_nearest_of(w, n, target, false, out);
}

#endif
