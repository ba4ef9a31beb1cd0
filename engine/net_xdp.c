/* SPDX-License-Identifier: MIT */
#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>

#include "engine/net_raw.h"

/*
 * DOC: the device over AF_XDP: frames go out by one system call for 32 of them and
 * come in by none. Worker @i has queue @i of the interface; a reply that the
 * device puts on a queue without a worker arrives at the UDP socket, which is read
 * whenever the ring had nothing, and every LOOK_TURNS turns in any case.
 */

enum {
	HEADROOM = 64,
	LOOK_TURNS = 8,
};
_Static_assert((int)HEADROOM + (int)NET_FRAME_MAX <= (int)XSK_FRAME_BYTES, "a frame holds it");
_Static_assert((XSK_TX_FRAMES & (XSK_TX_FRAMES - 1)) == 0, "places wrap by a mask");

/* What is needed of a packet should the device drop it. */
struct place {
	uint64_t tag;
	uint32_t len;
};

struct net_xdp {
	struct net base;
	struct net_group *g;
	struct xsk *xsk;
	unsigned index, lent, turn;
	uint32_t put; /* packets ever put on the ring */
	struct xsk_drops drops_seen;
	struct net_stats stats;
	struct net_failed failed;
	struct place place[XSK_TX_FRAMES];
	struct net_raw_rx rx;
};

static struct net_xdp *self(struct net *net)
{
	return (struct net_xdp *)net;
}

/* ---- sending -------------------------------------------------------------------- */

static unsigned xdp_send_alloc(struct net *net, struct net_msg *msgs, unsigned count)
{
	struct net_xdp *d = self(net);
	unsigned pending = xsk_unsent(d->xsk), room = xsk_frames_free(d->xsk);

	/* What is on its way to the device may each fail. */
	if (room > NET_BATCH_MAX)
		room = NET_BATCH_MAX;
	if (d->failed.count + pending >= NET_FAILED_MAX)
		room = 0;
	else if (room > NET_FAILED_MAX - d->failed.count - pending)
		room = NET_FAILED_MAX - d->failed.count - pending;
	if (count > room)
		count = room;
	for (unsigned i = 0; i < count; i++)
		msgs[i].data = xsk_free_frame(d->xsk, i) + HEADROOM;
	d->lent = count;
	return count;
}

static void on_drop(void *ctx, uint32_t at)
{
	struct net_xdp *d = ctx;
	const struct place *p = &d->place[at & (XSK_TX_FRAMES - 1)];

	if (d->failed.count < NET_FAILED_MAX)
		net_failed_add(&d->failed, &d->stats, p->tag, p->len, -ENOBUFS);
}

/* True where the frame is the kernel's now. */
static bool put(struct net_xdp *d, const struct net_msg *m)
{
	uint8_t *frame = net_raw_write(d->g, d->index, m, &d->failed, &d->stats);

	if (!frame)
		return false;
	d->place[d->put++ & (XSK_TX_FRAMES - 1)] = (struct place){ .tag = m->tag, .len = m->len };
	xsk_put(d->xsk, frame, UDP4_HEAD_BYTES + m->len);
	return true;
}

/* Data may lie in any of the lent frames: a wrapping device drops some of a batch and closes up. */
static unsigned xdp_send(struct net *net, const struct net_msg *msgs, unsigned count)
{
	struct net_xdp *d = self(net);
	bool used[NET_BATCH_MAX] = { false };
	unsigned at = 0;

	d->stats.sent_packets += count;
	for (unsigned i = 0; i < count; i++) {
		assert(msgs[i].len <= NET_FRAME_MAX);
		/* Messages keep the order in which their frames were lent. */
		while (at < d->lent && xsk_free_frame(d->xsk, at) + HEADROOM != msgs[i].data)
			at++;
		assert(at < d->lent);
		d->stats.sent_bytes += msgs[i].len;
		used[at] = put(d, &msgs[i]);
	}
	xsk_used(d->xsk, used, d->lent);
	d->lent = 0;
	return count;
}

/* ---- receiving ------------------------------------------------------------------- */

static unsigned deliver(struct net_xdp *d, const struct xsk_frame *frames, unsigned count,
			struct net_msg *msgs)
{
	unsigned n = 0;

	for (unsigned i = 0; i < count; i++) {
		struct udp4_frame u;

		if (udp4_parse(span_of(frames[i].ptr, frames[i].len), &u)) {
			d->stats.recv_broken++;
			continue;
		}
		if (u.datagram.len > NET_RECV_MAX) {
			d->stats.recv_truncated++;
			continue;
		}
		msgs[n].peer = endpoint_ip4(u.from_ip, u.from_port);
		msgs[n].data = frames[i].ptr + (u.datagram.ptr - frames[i].ptr);
		msgs[n].len = (uint32_t)u.datagram.len;
		d->stats.recv_bytes += msgs[n].len;
		n++;
	}
	d->stats.recv_by_ring += n;
	d->stats.recv_packets += n;
	return n;
}

static int collect(struct net_xdp *d, struct net_msg *msgs, unsigned max)
{
	struct xsk_frame frames[XSK_BATCH_MAX];
	unsigned count = xsk_peek(d->xsk, frames, max), n = deliver(d, frames, count, msgs);
	int got = 0;

	if ((count == 0 || ++d->turn % LOOK_TURNS == 0) && n < max)
		got = net_raw_rx_take(&d->rx, msgs + n, max - n, &d->stats);
	return got < 0 ? got : (int)n + got;
}

static bool sleep_on_all(struct net_xdp *d, unsigned round, uint64_t *left_ns)
{
	struct pollfd p[NET_PORTS_MAX + 1] = { { .fd = xsk_fd(d->xsk), .events = POLLIN } };

	for (unsigned k = 0; k < d->g->ports; k++)
		p[k + 1] = (struct pollfd){ .fd = d->g->fd[k][d->index], .events = POLLIN };
	return net_udp_sleep_on(p, d->g->ports + 1, round, left_ns);
}

static int xdp_recv(struct net *net, struct net_msg *msgs, unsigned max, uint64_t wait_ns)
{
	struct net_xdp *d = self(net);
	int n;

	if (max > NET_BATCH_MAX)
		max = NET_BATCH_MAX;
	xsk_flush(d->xsk, on_drop, d);
	n = collect(d, msgs, max);
	for (unsigned round = 0; n == 0 && !d->failed.count && sleep_on_all(d, round, &wait_ns);
	     round++) {
		d->stats.syscalls++;
		xsk_flush(d->xsk, on_drop, d);
		n = collect(d, msgs, max);
	}
	return n;
}

static void xdp_recv_finish(struct net *net)
{
	struct net_xdp *d = self(net);

	xsk_release(d->xsk);
	d->rx.used = 0;
}

static unsigned xdp_failures(struct net *net, struct net_failure *out, unsigned max)
{
	return net_failed_take(&self(net)->failed, out, max);
}

/* An empty fill ring is why packets are dropped, not how many: rx_dropped counts those. */
static void xdp_stats(struct net *net, struct net_stats *out)
{
	struct net_xdp *d = self(net);
	struct xsk_drops now;
	uint64_t news;

	xsk_drops(d->xsk, &now);
	news = now.rx_dropped - d->drops_seen.rx_dropped + now.rx_ring_full -
	       d->drops_seen.rx_ring_full;
	d->stats.buffer_starved += now.fill_empty - d->drops_seen.fill_empty;
	d->stats.kernel_drops += news;
	d->stats.xdp_drops += news;
	d->drops_seen = now;
	net_raw_rx_drops(&d->rx, &d->stats);
	*out = d->stats;
	out->syscalls += d->xsk->syscalls;
}

static void xdp_close(struct net *net)
{
	free(net); /* the socket is the group's */
}

static const struct net_ops ops = {
	.name = "xdp",
	.send_alloc = xdp_send_alloc,
	.send = xdp_send,
	.recv = xdp_recv,
	.recv_finish = xdp_recv_finish,
	.failures = xdp_failures,
	.stats = xdp_stats,
	.close = xdp_close,
};

int net_xdp_open(struct net_group *g, unsigned i, struct net **out)
{
	struct net_xdp *d;

	if (i >= g->workers || !g->raw || g->raw->kind != NET_BACKEND_XDP)
		return -EINVAL;
	d = net_udp_alloc(sizeof(*d));
	if (!d)
		return -ENOMEM;
	d->base.ops = &ops;
	d->g = g;
	d->index = i;
	d->xsk = g->raw->xsk[i];
	d->put = d->xsk->tx_first + d->xsk->tx_count;
	net_raw_rx_init(&d->rx, g, i);
	*out = &d->base;
	return 0;
}
