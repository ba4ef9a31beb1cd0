/* SPDX-License-Identifier: MIT */
#ifndef ENGINE_NET_MMSG_RX_H
#define ENGINE_NET_MMSG_RX_H

#include "engine/net_udp.h"

/**
 * DOC: the receiving half of the plain device, for whoever reads UDP sockets by
 * recvmmsg: net_mmsg.c all of its datagrams, the raw devices those that the
 * kernel brings them.
 *
 * Everything that does not change from turn to turn is written once.
 */

enum {
	/* Odd count of cache lines: slots of equal rank do not fall into one set. */
	NET_MMSG_RX_STRIDE = 1664,
};
_Static_assert((int)NET_MMSG_RX_STRIDE >= (int)NET_RECV_MAX, "a slot holds the longest datagram");

struct net_mmsg_rx {
	int family;
	struct mmsghdr head[NET_BATCH_MAX];
	struct iovec vec[NET_BATCH_MAX];
	union net_sockaddr name[NET_BATCH_MAX];
	uint8_t slots[NET_BATCH_MAX * NET_MMSG_RX_STRIDE];
};

void net_mmsg_rx_init(struct net_mmsg_rx *rx, int family);

/**
 * net_mmsg_rx_take() - up to @max whole datagrams from @fd; others are counted in @stats.
 * @used: slots that hold datagrams of an earlier call, still needed.
 * Returns the count, 0 where there is none, or an error that will not pass.
 */
int net_mmsg_rx_take(struct net_mmsg_rx *rx, int fd, unsigned *used, struct net_msg *msgs,
		     unsigned max, struct net_stats *stats) DT_MUST;

#endif
