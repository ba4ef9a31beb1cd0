/* SPDX-License-Identifier: MIT */
#ifndef ENGINE_NET_RAW_H
#define ENGINE_NET_RAW_H

#include <errno.h>

#include "engine/net_failed.h"
#include "engine/net_mmsg_rx.h"
#include "engine/net_udp.h"
#include "engine/route.h"
#include "engine/udp4.h"
#include "engine/xdp_prog.h"
#include "engine/xsk.h"

/**
 * DOC: what the two raw devices share: where frames go, what is opened before
 * privileges are dropped, the way through the UDP socket for packets that no
 * gateway takes, and the datagrams that the kernel brings to those sockets.
 *
 * The UDP sockets stay bound in either case: the port is ours, the kernel answers
 * no reply with an ICMP error, and what is not for us to read raw (fragments, IP
 * options, other queues) arrives there.
 */

struct net_raw {
	enum net_backend kind;
	unsigned workers;
	struct route_table route;
	struct udp4_head head[ROUTE_GATEWAYS_MAX];
	int packet_fd[NET_WORKERS_MAX]; /* AF_PACKET: one a worker */
	struct xdp_prog prog;           /* AF_XDP */
	struct xsk *xsk[NET_WORKERS_MAX];
	char text[NET_WHY_MAX];
};

int net_raw_open(struct net_group *g, const struct net_udp_opts *o, struct net_raw **out,
		 char why[static NET_WHY_MAX]) DT_MUST;
void net_raw_close(struct net_raw *r);
const char *net_raw_text(const struct net_raw *r);

/** struct net_raw_rx - the sockets of one worker, all ports, read in turn. */
struct net_raw_rx {
	const struct net_group *g;
	unsigned index, turn;
	unsigned used; /* slots lent since net_raw_rx_finish() */
	uint32_t drops_seen[NET_PORTS_MAX];
	struct net_mmsg_rx rx;
};

void net_raw_rx_init(struct net_raw_rx *r, const struct net_group *g, unsigned index);
int net_raw_rx_take(struct net_raw_rx *r, struct net_msg *msgs, unsigned max,
		    struct net_stats *stats) DT_MUST;
void net_raw_rx_drops(struct net_raw_rx *r, struct net_stats *stats);

/**
 * net_raw_aim() - whereto with one message.
 * @port: out, our port for it: always the same one for the same address.
 * Returns a gateway's index; ROUTE_SOCKET; or -errno where it cannot be sent at all.
 */
static inline int net_raw_aim(const struct net_group *g, const struct net_msg *m, unsigned *port)
{
	uint32_t ip;
	int way;

	if (!endpoint_is4(&m->peer))
		return -EAFNOSUPPORT;
	if (m->peer.port == 0)
		return -EINVAL;
	ip = endpoint_get_ip4(&m->peer);
	*port = g->ports == 1 ? 0 : net_deal4(ip * 0x9e3779b1u, g->ports);
	way = route_way(&g->raw->route, ip);
	return way == ROUTE_NONE ? -ENETUNREACH : way;
}

/**
 * net_raw_write() - the headers of one message before its data.
 * Returns where the frame begins, or NULL where none is to be sent: it went by the
 * UDP socket, or failed, and is counted.
 */
uint8_t *net_raw_write(const struct net_group *g, unsigned worker, const struct net_msg *m,
		       struct net_failed *failed, struct net_stats *stats);

#endif
