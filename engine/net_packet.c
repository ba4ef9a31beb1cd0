/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>

#include "engine/net_mmsg_tx.h"
#include "engine/net_raw.h"

/*
 * DOC: the device that sends whole frames by AF_PACKET, past the routing, the
 * queueing disciplines and conntrack, and hears by the UDP sockets of the same ports
 * (E-100): no capture, no firewall rule, no ICMP error to whoever answers.
 *
 * What no gateway takes goes through the socket at once; the order between the two
 * kinds is not kept, nor would the network keep it.
 */

enum { HEADROOM = 64 }; /* before a datagram, for its headers; keeps data on a cache line */
_Static_assert((int)HEADROOM >= (int)UDP4_HEAD_BYTES, "the headers fit before a datagram");

struct net_packet {
	struct net base;
	struct net_group *g;
	unsigned index;
	struct net_stats stats;
	struct net_mmsg_tx tx;
	struct net_raw_rx rx;
};

static struct net_packet *self(struct net *net)
{
	return (struct net_packet *)net;
}

static unsigned packet_send_alloc(struct net *net, struct net_msg *msgs, unsigned count)
{
	return net_mmsg_tx_lend(&self(net)->tx, msgs, count);
}

static unsigned packet_send(struct net *net, const struct net_msg *msgs, unsigned count)
{
	struct net_packet *d = self(net);

	d->stats.sent_packets += count;
	for (unsigned i = 0; i < count; i++) {
		const struct net_msg *m = &msgs[i];
		uint8_t *frame = net_raw_write(d->g, d->index, m, &d->tx.failed, &d->stats);

		net_mmsg_tx_keep(&d->tx, m);
		d->stats.sent_bytes += m->len;
		if (frame)
			net_mmsg_tx_queue(&d->tx, frame, UDP4_HEAD_BYTES + m->len, m->tag);
	}
	return count;
}

static bool sleep_on_sockets(struct net_packet *d, unsigned round, uint64_t *left_ns)
{
	struct pollfd p[NET_PORTS_MAX];

	for (unsigned k = 0; k < d->g->ports; k++)
		p[k] = (struct pollfd){ .fd = d->g->fd[k][d->index], .events = POLLIN };
	return net_udp_sleep_on(p, d->g->ports, round, left_ns);
}

static int packet_recv(struct net *net, struct net_msg *msgs, unsigned max, uint64_t wait_ns)
{
	struct net_packet *d = self(net);
	int n;

	if (max > NET_BATCH_MAX)
		max = NET_BATCH_MAX;
	net_mmsg_tx_flush(&d->tx, &d->stats);
	n = net_raw_rx_take(&d->rx, msgs, max, &d->stats);
	for (unsigned round = 0;
	     n == 0 && !d->tx.failed.count && sleep_on_sockets(d, round, &wait_ns); round++) {
		d->stats.syscalls++;
		n = net_raw_rx_take(&d->rx, msgs, max, &d->stats);
	}
	return n;
}

static void packet_recv_finish(struct net *net)
{
	self(net)->rx.used = 0;
}

static unsigned packet_failures(struct net *net, struct net_failure *out, unsigned max)
{
	return net_failed_take(&self(net)->tx.failed, out, max);
}

static void packet_stats(struct net *net, struct net_stats *out)
{
	struct net_packet *d = self(net);

	net_raw_rx_drops(&d->rx, &d->stats);
	*out = d->stats;
}

static void packet_close(struct net *net)
{
	free(net);
}

static const struct net_ops ops = {
	.name = "packet",
	.send_alloc = packet_send_alloc,
	.send = packet_send,
	.recv = packet_recv,
	.recv_finish = packet_recv_finish,
	.failures = packet_failures,
	.stats = packet_stats,
	.close = packet_close,
};

int net_packet_open(struct net_group *g, unsigned i, struct net **out)
{
	struct net_packet *d;

	if (i >= g->workers || !g->raw || g->raw->kind != NET_BACKEND_PACKET)
		return -EINVAL;
	d = net_udp_alloc(sizeof(*d));
	if (!d)
		return -ENOMEM;
	d->base.ops = &ops;
	d->g = g;
	d->index = i;
	net_mmsg_tx_init(&d->tx, g->raw->packet_fd[i], 0, HEADROOM, UDP4_HEAD_BYTES);
	net_raw_rx_init(&d->rx, g, i);
	*out = &d->base;
	return 0;
}
