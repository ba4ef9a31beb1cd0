/* SPDX-License-Identifier: MIT */
#ifndef BENCH_PUMP_RAW_H
#define BENCH_PUMP_RAW_H

#include "bench/pump.h"

/**
 * DOC: the bare loops of raw frames, for pump.c: prebuilt frames by sendmmsg or
 * io_uring on a packet socket, or through an AF_XDP ring; what comes back is taken
 * from the UDP socket or the ring and thrown away.
 */
struct pump_raw;

/** pump_raw_open() - socket @i of @g, which was opened for raw frames of the way's kind. */
int pump_raw_open(const struct pump_way *way, struct net_group *g, unsigned i,
		  const struct pump_packets *packets, unsigned first,
		  struct pump_raw **out) DT_MUST;
void pump_raw_close(struct pump_raw *p);
int pump_raw_turn(struct pump_raw *p, unsigned send, unsigned max, uint64_t wait_ns) DT_MUST;
uint64_t pump_raw_refused(const struct pump_raw *p);

#endif
