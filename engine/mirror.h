/* SPDX-License-Identifier: MIT */
#ifndef ENGINE_MIRROR_H
#define ENGINE_MIRROR_H

#include <stdint.h>

#include "engine/net.h"
#include "proto/clock.h"
#include "proto/endpoint.h"
#include "proto/err.h"

/**
 * DOC: what a run exchanged, as a pcap file. A thin device around each worker's
 * own copies every datagram as it is handed over and as it is received, headers
 * made anew, so it shows what no tap can see: frames that pass the kernel by,
 * virtual time, and a simulation's public addresses instead of its loopback
 * ones. What the kernel then refused to send is in it, too.
 *
 * A worker never waits for the file: each has a ring of blocks to the writing
 * thread, and what finds no block is counted.
 */

enum {
	MIRROR_LANES = 128, /* devices open at once: workers of both passes */
	MIRROR_BLOCK_BYTES = 1 << 16,
	MIRROR_BLOCKS = 64, /* of a lane: 4 MiB, a power of two */
	MIRROR_WHY_MAX = 256,
};

struct mirror;

/** mirror_open() - @path: "-" = standard output. @why: a line for a person. */
int mirror_open(const char *path, const struct clock *clock, struct mirror **out,
		char why[static MIRROR_WHY_MAX]) DT_MUST;

/** mirror_set_local() - where the devices that are wrapped from now on send from. */
void mirror_set_local(struct mirror *m, const struct endpoint *local);

/**
 * mirror_wrap() - a device around @inner, which it closes with itself. Any thread.
 * NULL: no memory or no lane left; @inner is closed then.
 */
struct net *mirror_wrap(struct mirror *m, struct net *inner);

/**
 * mirror_around() - the same for a device of virtual time: @inner stays its owner's, and where
 * the file is slow the device waits for it, since no clock runs meanwhile.
 */
struct net *mirror_around(struct mirror *m, struct net *inner);

struct mirror_stats {
	uint64_t packets; /* in the file */
	uint64_t dropped; /* for want of a block */
};

/** mirror_close() - after its devices. Errors: -EIO not everything could be written. */
int mirror_close(struct mirror *m, struct mirror_stats *out) DT_MUST;

#endif
