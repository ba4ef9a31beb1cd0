/* SPDX-License-Identifier: MIT */
#ifndef TESTS_SUPPORT_TINYDEV_H
#define TESTS_SUPPORT_TINYDEV_H

#include <stdint.h>

#include "engine/net.h"
#include "proto/clock.h"
#include "tests/support/tinynet.h"

/**
 * DOC: a datagram device in memory with a tinynet behind it, in fake time: the
 * clock moves when a receiver waits, and then to the next datagram or the end
 * of the wait. It counts what was sent to whom, as a witness against the engine.
 */
struct tinydev_opts {
	uint64_t rtt_ns;
	double loss;                       /* of round trips */
	uint64_t stall_every_ns, stall_ns; /* answers due in the first stall_ns of each are late */
	unsigned refuse_every;             /* each n-th packet is refused with -ENOBUFS; 0 = none */
	uint64_t die_at_ns;                /* net_recv() fails from then on; 0 = never */
	uint64_t seed;
};

struct tinydev_witness {
	uint64_t handed_over, refused, delivered, unknown; /* unknown: no node of ours */
	uint32_t worst_10s; /* most packets to one address in any closed 10 s, recounted */
};

/** tinydev_open() - @clock: out; the time that the device makes. Aborts without memory. */
struct net *tinydev_open(const struct tinynet *t, const struct tinydev_opts *opts,
			 struct clock *clock);

/** tinydev_witness() - of a device of ours. */
struct tinydev_witness tinydev_witness(const struct net *net);

#endif
