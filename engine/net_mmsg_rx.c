/* SPDX-License-Identifier: MIT */
#include "engine/net_mmsg_rx.h"

#include <errno.h>

void net_mmsg_rx_init(struct net_mmsg_rx *rx, int family)
{
	socklen_t name_len = net_udp_sockaddr_len(family);

	rx->family = family;
	for (unsigned k = 0; k < NET_BATCH_MAX; k++) {
		rx->vec[k].iov_base = rx->slots + (size_t)k * NET_MMSG_RX_STRIDE;
		rx->vec[k].iov_len = NET_RECV_MAX;
		rx->head[k].msg_hdr = (struct msghdr){ .msg_name = &rx->name[k],
						       .msg_namelen = name_len,
						       .msg_iov = &rx->vec[k],
						       .msg_iovlen = 1 };
	}
}

/* How many of slots @from to @until are whole datagrams; the others are counted and closed up. */
static unsigned deliver(struct net_mmsg_rx *rx, unsigned from, unsigned until, struct net_msg *msgs,
			struct net_stats *stats)
{
	unsigned n = 0;

	for (unsigned i = from; i < until; i++) {
		if (rx->head[i].msg_hdr.msg_flags & MSG_TRUNC) {
			stats->recv_truncated++;
			continue;
		}
		msgs[n].peer = net_udp_from_sockaddr(&rx->name[i], rx->family);
		msgs[n].len = rx->head[i].msg_len;
		msgs[n].data = rx->slots + (size_t)i * NET_MMSG_RX_STRIDE;
		stats->recv_bytes += msgs[n].len;
		n++;
	}
	stats->recv_packets += n;
	return n;
}

int net_mmsg_rx_take(struct net_mmsg_rx *rx, int fd, unsigned *used, struct net_msg *msgs,
		     unsigned max, struct net_stats *stats)
{
	unsigned room = NET_BATCH_MAX - *used, from = *used;
	int n;

	if (max > room)
		max = room;
	if (max == 0)
		return 0;
	n = recvmmsg(fd, rx->head + from, max, MSG_DONTWAIT, NULL);
	stats->syscalls++;
	if (n < 0)
		return net_udp_fatal(errno) ? -errno : 0;
	*used += (unsigned)n;
	return (int)deliver(rx, from, from + (unsigned)n, msgs, stats);
}
