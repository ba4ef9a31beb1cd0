/* SPDX-License-Identifier: MIT */
#ifndef BENCH_SIM_PEER_H
#define BENCH_SIM_PEER_H

#include "bench/sim/world.h"
#include "proto/krpc.h"

/**
 * DOC: one simulated node: which entries its routing table holds, and what it
 * says. A table is a pure function of the world and the node (census 4.2); an
 * entry is computed when a question touches it and forgotten again.
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
 * @target: the upper 64 bits.
 * Returns the count, 0..PEER_REPLY_NODES.
 */
unsigned peer_nearest(const struct sim_world *w, uint32_t n, uint64_t target,
		      uint32_t out[static PEER_REPLY_NODES]);

/** struct peer_question - a query, reduced to what an answer needs: 40 bytes that can wait. */
struct peer_question {
	uint8_t target[NODEID_BYTES];
	uint8_t t[KRPC_T_MAX];
	uint8_t t_len;
	uint8_t method; /* enum krpc_method */
};

/** peer_read() - Errors: those of krpc_parse(); DT_EKIND for what is no query. */
int peer_read(struct span query, struct peer_question *out) DT_MUST;

/** peer_say() - the reply or error message of node @n, wherever it is alive or not. Returns its
 * length. */
int peer_say(const struct sim_world *w, uint32_t n, const struct peer_question *q,
	     const struct endpoint *from, uint8_t *out, size_t cap);

/** peer_lost() - is this round trip lost? Drawn from the seed, @n and @nonce. */
static inline bool peer_lost(const struct sim_world *w, uint32_t n, uint64_t nonce)
{
	return (sim_draw(w->key[SIM_DRAW_LOSS], n, nonce) & UINT32_MAX) < w->loss_32;
}

/**
 * peer_delay_ns() - this round trip's time: opts.delay_us in the median, spread
 * over three octaves by the sum of three draws, as distances on Earth spread it.
 */
uint64_t peer_delay_ns(const struct sim_world *w, uint32_t n, uint64_t nonce);

#endif
