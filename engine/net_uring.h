/* SPDX-License-Identifier: MIT */
#ifndef ENGINE_NET_URING_H
#define ENGINE_NET_URING_H

#include "engine/net.h"

/**
 * DOC: the shapes that the io_uring device can take. net_uring_open() tries
 * them best first and keeps the first one that carries a datagram there and
 * back; tests and benchmarks ask for a worse one to see it work.
 */

/** How the ring is set up; each step asks less of the kernel. */
enum net_uring_rung {
	NET_URING_DEFER, /* SINGLE_ISSUER | DEFER_TASKRUN: 6.1 */
	NET_URING_COOP,  /* COOP_TASKRUN: 5.19 */
	NET_URING_PLAIN,
	NET_URING_RUNGS
};

/** Which operation sends. */
enum net_uring_send {
	NET_URING_SEND,    /* OP_SEND with the address in the sqe: 6.1 */
	NET_URING_SENDMSG, /* OP_SENDMSG */
	NET_URING_SENDS
};

struct net_uring_form {
	enum net_uring_rung rung;
	enum net_uring_send send;
};

/**
 * net_uring_open_form() - like net_uring_open(), but begin at @form and take
 * only what is weaker. @form: in and out; out: what was taken.
 */
int net_uring_open_form(struct net_group *g, unsigned i, struct net_uring_form *form,
			struct net **out, const char **why) DT_MUST;

#endif
