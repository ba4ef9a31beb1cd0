/* SPDX-License-Identifier: MIT */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "engine/net_mmsg_rx.h"
#include "engine/net_udp.h"

/*
 * DOC: the plain device: one sendmmsg and one recvmmsg per turn. It needs
 * nothing but UDP sockets, and it is the oracle of the io_uring device: one
 * test body holds both to the same promises.
 *
 * Everything that does not change from turn to turn (headers, vectors, name
 * lengths) is written once at open.
 */

enum {
	/* Each queued packet may fail, so a free place is kept for each. */
	FAILURES_MAX = NET_BATCH_MAX,
};

struct net_mmsg {
	struct net base;
	int fd;
	int family;
	uint32_t drops_seen;
	unsigned queued;      /* packets handed over, not yet pushed */
	unsigned frames_used; /* frames behind them */
	unsigned failed;
	struct net_stats stats;
	struct net_failure failures[FAILURES_MAX];
	uint64_t tx_tag[NET_BATCH_MAX];
	struct mmsghdr tx[NET_BATCH_MAX];
	struct iovec tx_vec[NET_BATCH_MAX];
	union net_sockaddr tx_name[NET_BATCH_MAX];
	uint8_t frames[NET_BATCH_MAX * NET_UDP_FRAME_STRIDE];
	struct net_mmsg_rx rx;
};

static struct net_mmsg *self(struct net *net)
{
	return (struct net_mmsg *)net;
}

static unsigned mmsg_send_alloc(struct net *net, struct net_msg *msgs, unsigned count)
{
	struct net_mmsg *d = self(net);
	unsigned room = NET_BATCH_MAX - d->frames_used;

	if (room > FAILURES_MAX - d->failed - d->queued)
		room = FAILURES_MAX - d->failed - d->queued;
	if (count > room)
		count = room;
	for (unsigned i = 0; i < count; i++)
		msgs[i].data = d->frames + (size_t)(d->frames_used + i) * NET_UDP_FRAME_STRIDE;
	return count;
}

static void fail(struct net_mmsg *d, uint64_t tag, size_t len, int err)
{
	d->failures[d->failed++] = (struct net_failure){ .tag = tag, .err = err };
	d->stats.send_failures++;
	d->stats.sent_packets--;
	d->stats.sent_bytes -= len;
}

/* Data may lie in any of the lent frames: a wrapping device drops some of a batch and closes up. */
static unsigned mmsg_send(struct net *net, const struct net_msg *msgs, unsigned count)
{
	struct net_mmsg *d = self(net);

	d->stats.sent_packets += count;
	for (unsigned i = 0; i < count; i++) {
		const struct net_msg *m = &msgs[i];
		unsigned frame = (unsigned)((size_t)(m->data - d->frames) / NET_UDP_FRAME_STRIDE);
		unsigned k = d->queued;

		assert(m->len <= NET_FRAME_MAX && frame < NET_BATCH_MAX);
		if (frame >= d->frames_used)
			d->frames_used = frame + 1;
		d->stats.sent_bytes += m->len;
		if (!net_udp_to_sockaddr(&m->peer, d->family, &d->tx_name[k])) {
			fail(d, m->tag, m->len, -EAFNOSUPPORT);
			continue;
		}
		d->tx_vec[k].iov_base = m->data;
		d->tx_vec[k].iov_len = m->len;
		d->tx_tag[k] = m->tag;
		d->queued++;
	}
	return count;
}

/*
 * A refused packet ends a sendmmsg() early; its own error comes with the next
 * call. It is reported and stepped over, once. A full send buffer refuses all
 * that are left.
 */
static void flush(struct net_mmsg *d)
{
	unsigned at = 0;

	while (at < d->queued) {
		int n = sendmmsg(d->fd, d->tx + at, d->queued - at, MSG_DONTWAIT);
		int err = n < 0 ? errno : 0;

		d->stats.syscalls++;
		if (n > 0) {
			at += (unsigned)n;
			continue;
		}
		do
			fail(d, d->tx_tag[at], d->tx_vec[at].iov_len, -err);
		while (++at < d->queued && err == EAGAIN);
	}
	d->queued = 0;
	d->frames_used = 0;
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
	flush(d);
	n = collect(d, msgs, max);
	/* A failure is something to hear, too. */
	for (unsigned round = 0; n == 0 && !d->failed && net_udp_sleep(d->fd, round, &wait_ns);
	     round++) {
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
	struct net_mmsg *d = self(net);
	unsigned n = d->failed < max ? d->failed : max;

	memcpy(out, d->failures, n * sizeof(*out));
	memmove(d->failures, d->failures + n, (d->failed - n) * sizeof(*out));
	d->failed -= n;
	return n;
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
	socklen_t name_len = net_udp_sockaddr_len(g->family);

	if (i >= g->workers)
		return -EINVAL;
	d = net_udp_alloc(sizeof(*d));
	if (!d)
		return -ENOMEM;
	d->base.ops = &ops;
	d->fd = g->fd[0][i];
	d->family = g->family;
	net_udp_drops(d->fd, &d->drops_seen, &(uint64_t){ 0 }); /* of those before us */
	net_mmsg_rx_init(&d->rx, g->family);
	for (unsigned k = 0; k < NET_BATCH_MAX; k++) {
		d->tx[k].msg_hdr = (struct msghdr){ .msg_name = &d->tx_name[k],
						    .msg_namelen = name_len,
						    .msg_iov = &d->tx_vec[k],
						    .msg_iovlen = 1 };
	}
	*out = &d->base;
	return 0;
}
