/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdlib.h>

#include "engine/net_mmsg_rx.h"
#include "engine/net_mmsg_tx.h"

/*
 * DOC: the plain device: one sendmmsg and one recvmmsg per turn. It needs
 * nothing but UDP sockets, and it is the oracle of the io_uring device: one
 * test body holds both to the same promises.
 */

struct net_mmsg {
	struct net base;
	int fd;
	int family;
	uint32_t drops_seen;
	struct net_stats stats;
	struct net_mmsg_tx tx;
	struct net_mmsg_rx rx;
};

static struct net_mmsg *self(struct net *net)
{
	return (struct net_mmsg *)net;
}

static unsigned mmsg_send_alloc(struct net *net, struct net_msg *msgs, unsigned count)
{
	return net_mmsg_tx_lend(&self(net)->tx, msgs, count);
}

static unsigned mmsg_send(struct net *net, const struct net_msg *msgs, unsigned count)
{
	struct net_mmsg *d = self(net);

	d->stats.sent_packets += count;
	for (unsigned i = 0; i < count; i++) {
		const struct net_msg *m = &msgs[i];

		net_mmsg_tx_keep(&d->tx, m);
		d->stats.sent_bytes += m->len;
		if (net_udp_to_sockaddr(&m->peer, d->family, &d->tx.name[d->tx.queued]))
			net_mmsg_tx_queue(&d->tx, m->data, m->len, m->tag);
		else
			net_failed_add(&d->tx.failed, &d->stats, m->tag, m->len, -EAFNOSUPPORT);
	}
	return count;
}

static int collect(struct net_mmsg *d, struct net_msg *msgs, unsigned max)
{
	unsigned used = 0;

	return net_mmsg_rx_take(&d->rx, d->fd, &used, msgs, max, &d->stats);
}

static int mmsg_recv(struct net *net, struct net_msg *msgs, unsigned max, uint64_t wait_ns)
{
	struct net_mmsg *d = self(net);
	int n;

	if (max > NET_BATCH_MAX)
		max = NET_BATCH_MAX;
	net_mmsg_tx_flush(&d->tx, &d->stats);
	n = collect(d, msgs, max);
	/* A failure is something to hear, too. */
	for (unsigned round = 0;
	     n == 0 && !d->tx.failed.count && net_udp_sleep(d->fd, round, &wait_ns); round++) {
		d->stats.syscalls++;
		n = collect(d, msgs, max);
	}
	return n;
}

static void mmsg_recv_finish(struct net *net)
{
	(void)net; /* the slots are free again with the next recvmmsg */
}

static unsigned mmsg_failures(struct net *net, struct net_failure *out, unsigned max)
{
	return net_failed_take(&self(net)->tx.failed, out, max);
}

static void mmsg_stats(struct net *net, struct net_stats *out)
{
	struct net_mmsg *d = self(net);

	net_udp_drops(d->fd, &d->drops_seen, &d->stats.kernel_drops);
	*out = d->stats;
}

static void mmsg_close(struct net *net)
{
	free(net);
}

static const struct net_ops ops = {
	.name = "mmsg",
	.send_alloc = mmsg_send_alloc,
	.send = mmsg_send,
	.recv = mmsg_recv,
	.recv_finish = mmsg_recv_finish,
	.failures = mmsg_failures,
	.stats = mmsg_stats,
	.close = mmsg_close,
};

int net_mmsg_open(struct net_group *g, unsigned i, struct net **out)
{
	struct net_mmsg *d;

	if (i >= g->workers)
		return -EINVAL;
	d = net_udp_alloc(sizeof(*d));
	if (!d)
		return -ENOMEM;
	d->base.ops = &ops;
	d->fd = g->fd[0][i];
	d->family = g->family;
	net_udp_drops(d->fd, &d->drops_seen, &(uint64_t){ 0 }); /* of those before us */
	net_mmsg_tx_init(&d->tx, d->fd, net_udp_sockaddr_len(g->family), 0, 0);
	net_mmsg_rx_init(&d->rx, g->family);
	*out = &d->base;
	return 0;
}
