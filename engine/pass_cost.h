/* SPDX-License-Identifier: MIT */
#ifndef ENGINE_PASS_COST_H
#define ENGINE_PASS_COST_H

#include <stdint.h>

struct engine_result;

/** struct pass_cost - what a further pass over a census's nodes took, beside the census. */
struct pass_cost {
	uint64_t queries_sent; /* first attempts */
	uint64_t packets_sent, packets_received;
	uint64_t bytes_sent, bytes_received;
	uint64_t unexplained;
	uint64_t span_ns;
};

/** pass_cost_add() - one run of an engine more. */
void pass_cost_add(struct pass_cost *c, const struct engine_result *r);

#endif
