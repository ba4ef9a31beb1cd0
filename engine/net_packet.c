/* SPDX-License-Identifier: MIT */
#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>

#include "engine/net_raw.h"

/*
 * DOC: the device that sends whole frames by AF_PACKET, past the routing, the
 * queueing disciplines and conntrack, and hears by the UDP sockets of the same ports
 * (E-100): no capture, no firewall rule, no ICMP error to whoever answers.
 *
 * What no gateway takes goes through the socket at once; the order between the two
 * kinds is not kept, nor would the network keep it.
 */

enum {
	HEADROOM = 64, /* before a datagram, for its headers; keeps data on a cache line */
	STRIDE = HEADROOM + NET_FRAME_MAX,
	FAILURES_MAX = NET_BATCH_MAX,
};
_Static_assert((int)HEADROOM >= (int)UDP4_HEAD_BYTES, "the headers fit before a datagram");

struct net_packet {
	struct net base;
	struct net_group *g;
	unsigned index;
	int fd;
	unsigned queued, frames_used, failed;
	struct net_stats stats;
	struct net_failure failures[FAILURES_MAX];
	uint64_t tag[NET_BATCH_MAX];
	struct mmsghdr tx[NET_BATCH_MAX];
	struct iovec vec[NET_BATCH_MAX];
	struct net_raw_rx rx;
	uint8_t frames[NET_BATCH_MAX * STRIDE];
};

static struct net_packet *self(struct net *net)
{
	return (struct net_packet *)net;
}

static unsigned packet_send_alloc(struct net *net, struct net_msg *msgs, unsigned count)
{
	struct net_packet *d = self(net);
	unsigned room = NET_BATCH_MAX - d->frames_used;

	if (room > FAILURES_MAX - d->failed - d->queued)
		room = FAILURES_MAX - d->failed - d->queued;
	if (count > room)
		count = room;
	for (unsigned i = 0; i < count; i++)
		msgs[i].data = d->frames + (size_t)(d->frames_used + i) * STRIDE + HEADROOM;
	return count;
}

static void fail(struct net_packet *d, uint64_t tag, size_t len, int err)
{
	d->failures[d->failed++] = (struct net_failure){ .tag = tag, .err = err };
	d->stats.send_failures++;
	d->stats.sent_packets--;
	d->stats.sent_bytes -= len;
}

static void queue(struct net_packet *d, const struct net_msg *m)
{
	unsigned port = 0, k = d->queued;
	int way = net_raw_aim(d->g, m, &port), err = way;

	if (way >= 0) {
		d->vec[k].iov_base = udp4_write(&d->g->raw->head[way], d->g->port[port], &m->peer,
						m->data, m->len);
		d->vec[k].iov_len = UDP4_HEAD_BYTES + m->len;
		d->tag[k] = m->tag;
		d->queued++;
		return;
	}
	if (way == ROUTE_SOCKET) {
		err = net_raw_by_socket(d->g, d->index, port, m);
		d->stats.syscalls++;
		d->stats.by_socket += err == 0;
	}
	if (err)
		fail(d, m->tag, m->len, err);
}

/* Data may lie in any of the lent frames: a wrapping device drops some of a batch and closes up. */
static unsigned packet_send(struct net *net, const struct net_msg *msgs, unsigned count)
{
	struct net_packet *d = self(net);

	d->stats.sent_packets += count;
	for (unsigned i = 0; i < count; i++) {
		unsigned frame = (unsigned)((size_t)(msgs[i].data - d->frames) / STRIDE);

		assert(msgs[i].len <= NET_FRAME_MAX && frame < NET_BATCH_MAX);
		if (frame >= d->frames_used)
			d->frames_used = frame + 1;
		d->stats.sent_bytes += msgs[i].len;
		queue(d, &msgs[i]);
	}
	return count;
}

/*
 * A frame that the device has no room for (ENOBUFS) ends a call early; its error
 * comes with the next one. It is reported and stepped over, as in net_mmsg.c.
 */
static void flush(struct net_packet *d)
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
			fail(d, d->tag[at], d->vec[at].iov_len - UDP4_HEAD_BYTES, -err);
		while (++at < d->queued && err == EAGAIN);
	}
	d->queued = 0;
	d->frames_used = 0;
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
	flush(d);
	n = net_raw_rx_take(&d->rx, msgs, max, &d->stats);
	for (unsigned round = 0; n == 0 && !d->failed && sleep_on_sockets(d, round, &wait_ns);
	     round++) {
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
	struct net_packet *d = self(net);
	unsigned n = d->failed < max ? d->failed : max;

	memcpy(out, d->failures, n * sizeof(*out));
	memmove(d->failures, d->failures + n, (d->failed - n) * sizeof(*out));
	d->failed -= n;
	return n;
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
	d->fd = g->raw->packet_fd[i];
	net_raw_rx_init(&d->rx, g, i);
	for (unsigned k = 0; k < NET_BATCH_MAX; k++)
		d->tx[k].msg_hdr = (struct msghdr){ .msg_iov = &d->vec[k], .msg_iovlen = 1 };
	*out = &d->base;
	return 0;
}
