/* SPDX-License-Identifier: MIT */
#ifndef ENGINE_ISLAND_H
#define ENGINE_ISLAND_H

#include <stdbool.h>
#include <stdint.h>

#include "engine/udp4.h"
#include "proto/err.h"

/**
 * DOC: a network without a way out, for raw frames to be tried and measured in:
 * two network namespaces of this process's own, joined by a pair of veth devices, and
 * nothing else in either.
 *
 *	near namespace                          far namespace
 *	 lo  198.51.100.1/32                     lo  198.51.100.2/32, local 198.18.0.0/15
 *	 dtn0 192.0.2.1/30  ====== veth ======  dtf0 192.0.2.2/30
 *	 198.18.0.0/15, 198.51.100.2 via .2      198.51.100.1 via .1
 *
 * Addresses are those reserved for documentation and benchmarks (RFC 5737, RFC
 * 2544). The namespaces live as long as something is open in them, and no longer.
 */

enum {
	ISLAND_NET = (int)0xc6120000u, /* 198.18.0.0/15: whom the far end answers for */
	ISLAND_MASK = (int)0xfffe0000u,
	ISLAND_NEAR = (int)0xc6336401u, /* 198.51.100.1, reached over a gateway */
	ISLAND_FAR = (int)0xc6336402u,
	ISLAND_NEAR_LINK = (int)0xc0000201u, /* 192.0.2.1, on the wire */
	ISLAND_FAR_LINK = (int)0xc0000202u,
	ISLAND_QUEUES_MAX = 64,
	ISLAND_WHY_MAX = 240,
};

#define ISLAND_NEAR_NAME "dtn0"
#define ISLAND_FAR_NAME  "dtf0"

struct island_opts {
	unsigned queues; /* of each device; 0 = 1; for AF_XDP one more than workers */
	/**
	 * The far kernel reads what arrives, for tests with UDP sockets there. Else frames
	 * carry a MAC that is nobody's: a packet socket or XDP program at the far end gets
	 * them and its kernel drops the rest at the first look.
	 */
	bool far_kernel;
};

struct island;

/**
 * island_open() - make it; the calling thread stays where it is.
 * A user who may not make namespaces gets one of users around them, if the
 * process has one thread; that cannot be left again.
 * @why: out; on error a phrase with the cure.
 * Errors:  DT_EUNSUPPORTED not permitted; -errno.
 */
int island_open(const struct island_opts *o, struct island **out,
		char why[static ISLAND_WHY_MAX]) DT_MUST;
void island_close(struct island *i);

enum island_end { ISLAND_HOME, ISLAND_NEAR_END, ISLAND_FAR_END };

/** island_enter() - move the calling thread; sockets stay where they were opened. Errors: -errno.
 */
int island_enter(const struct island *i, enum island_end end) DT_MUST;

/** island_mac() - of the veth device at an end. */
const uint8_t *island_mac(enum island_end end);

/**
 * island_holds() - is the calling thread at @end and is there really nothing but lo
 * and the one veth? Whoever sends raw frames in there asks first.
 */
bool island_holds(const struct island *i, enum island_end end);

#endif
