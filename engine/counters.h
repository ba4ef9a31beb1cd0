/* SPDX-License-Identifier: MIT */
#ifndef ENGINE_COUNTERS_H
#define ENGINE_COUNTERS_H

#include <stdbool.h>

#include "engine/engine.h"

/**
 * DOC: what workers count, added up. Each worker counts for itself; only sums
 * cross, once in a tenth of a second.
 */

/** counters_add() - add one worker's to @sum; largest of the worsts, first and last of times. */
void counters_add(struct engine_counters *sum, const struct engine_counters *one);

/**
 * counters_go_on() - add what an earlier process of the same census counted; the
 * times of its worker were of another clock and are left out.
 */
void counters_go_on(struct engine_counters *sum, const struct engine_counters *before);

/** counters_net_since(), counters_gate_since() - take @before off; what was worst stays. */
void counters_net_since(struct net_stats *now, const struct net_stats *before);
void counters_gate_since(struct gate_stats *now, const struct gate_stats *before);

/**
 * counters_gap() - how far one worker's accounts are off, the larger of two gaps:
 * sent against answered + errors + expired + in flight, and what crawl and canaries
 * handed to the device against what it sent or saw refused.
 */
uint64_t counters_gap(const struct engine_counters *c);

/**
 * counters_kernel_gap() - what all workers say to have passed through UDP sockets and
 * the kernel, asked later, did not see: datagrams sent, received, dropped. Other
 * programs in the network namespace can only hide such a gap, not make one.
 */
uint64_t counters_kernel_gap(const struct engine_counters *sum, bool raw);

/** counters_rtt_ms() - quantile @q (0..1) of a histogram of round trips; NAN when it is empty. */
double counters_rtt_ms(const uint64_t hist[static 64], double q);

#endif
