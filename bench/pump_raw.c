/* SPDX-License-Identifier: MIT */
#include "bench/pump_raw.h"

#include <errno.h>
#include <liburing.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "engine/net_raw.h"

enum { TICK_NS = 500 * 1000, HEADROOM = 64 };
_Static_assert((int)UDP4_HEAD_BYTES <= (int)HEADROOM, "headers before a datagram");

struct pump_raw {
	struct pump_way way;
	const struct pump_packets *packets;
	struct net_group *g;
	unsigned index, next;
	int fd; /* AF_PACKET */
	struct xsk *xsk;
	uint64_t refused;
	uint8_t *frames; /* the packets as frames, PUMP_FRAME_STRIDE apart */
	struct io_uring ring;
	bool ring_up;
	struct net_stats stats;
	struct mmsghdr tx[NET_BATCH_MAX];
	struct iovec vec[NET_BATCH_MAX];
	struct net_raw_rx rx;
};

static uint8_t *next_frame(struct pump_raw *p)
{
	unsigned k = p->next++ & (p->packets->count - 1);

	return p->frames + (size_t)k * PUMP_FRAME_STRIDE + HEADROOM - UDP4_HEAD_BYTES;
}

static uint32_t frame_len(const struct pump_raw *p)
{
	return UDP4_HEAD_BYTES + p->packets->len;
}

/* ---- sending --------------------------------------------------------------------- */

static void by_sendmmsg(struct pump_raw *p, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		p->vec[i].iov_base = next_frame(p);
	for (unsigned at = 0; at < count;) {
		int n = sendmmsg(p->fd, p->tx + at, count - at, MSG_DONTWAIT);

		if (n <= 0)
			p->refused++;
		at += n > 0 ? (unsigned)n : 1;
	}
}

static void by_op_send(struct pump_raw *p, unsigned count)
{
	struct io_uring_cqe *cqe;
	unsigned head, seen = 0;

	for (unsigned i = 0; i < count; i++) {
		struct io_uring_sqe *sqe = io_uring_get_sqe(&p->ring);

		io_uring_prep_send(sqe, 0, next_frame(p), frame_len(p), MSG_DONTWAIT);
		sqe->flags |= IOSQE_FIXED_FILE | IOSQE_CQE_SKIP_SUCCESS;
	}
	io_uring_submit_and_get_events(&p->ring);
	io_uring_for_each_cqe(&p->ring, head, cqe)
	{
		seen++;
		p->refused++;
	}
	io_uring_cq_advance(&p->ring, seen);
}

static void by_xsk(struct pump_raw *p, unsigned count)
{
	bool used[NET_BATCH_MAX];
	unsigned room = xsk_frames_free(p->xsk);

	if (count > room) {
		p->refused += count - room;
		count = room;
	}
	for (unsigned i = 0; i < count; i++) {
		uint8_t *frame = xsk_free_frame(p->xsk, i);

		memcpy(frame, next_frame(p), frame_len(p));
		xsk_put(p->xsk, frame, frame_len(p));
		used[i] = true;
	}
	xsk_used(p->xsk, used, count);
	xsk_flush(p->xsk, NULL, NULL);
}

/* ---- receiving ---------------------------------------------------------------------- */

static int take(struct pump_raw *p, unsigned max)
{
	struct xsk_frame frames[XSK_BATCH_MAX];
	struct net_msg msgs[NET_BATCH_MAX];
	int n;

	if (!p->xsk) {
		n = net_raw_rx_take(&p->rx, msgs, max, &p->stats);
		p->rx.used = 0;
		return n;
	}
	n = (int)xsk_peek(p->xsk, frames, max);
	xsk_release(p->xsk);
	return n;
}

int pump_raw_turn(struct pump_raw *p, unsigned send, unsigned max, uint64_t wait_ns)
{
	struct timespec ts = { .tv_nsec = (long)(wait_ns < TICK_NS ? wait_ns : TICK_NS) };
	int n;

	if (p->xsk)
		by_xsk(p, send);
	else if (p->way.send == PUMP_OP_SEND)
		by_op_send(p, send);
	else
		by_sendmmsg(p, send);
	n = take(p, max);
	if (n == 0 && wait_ns) {
		clock_nanosleep(CLOCK_MONOTONIC, 0, &ts, NULL);
		n = take(p, max);
	}
	return n;
}

uint64_t pump_raw_refused(const struct pump_raw *p)
{
	return p->refused;
}

/* ---- opening --------------------------------------------------------------------------- */

static int build_frames(struct pump_raw *p)
{
	const struct pump_packets *k = p->packets;

	p->frames = aligned_alloc(64, (size_t)k->count * PUMP_FRAME_STRIDE);
	if (!p->frames)
		return -ENOMEM;
	for (unsigned i = 0; i < k->count; i++) {
		uint8_t *datagram = p->frames + (size_t)i * PUMP_FRAME_STRIDE + HEADROOM;
		int way = route_way(&p->g->raw->route, endpoint_get_ip4(&k->to[i]));

		if (way < 0)
			return -ENETUNREACH;
		memcpy(datagram, k->bytes + (size_t)i * PUMP_STRIDE, k->len);
		(void)udp4_write(&p->g->raw->head[way], p->g->port[0], &k->to[i], datagram, k->len);
	}
	return 0;
}

static int open_ring(struct pump_raw *p)
{
	struct io_uring_params params = { .flags = IORING_SETUP_SINGLE_ISSUER |
						   IORING_SETUP_DEFER_TASKRUN |
						   IORING_SETUP_SUBMIT_ALL };
	int err = io_uring_queue_init_params(512, &p->ring, &params);

	p->ring_up = err == 0;
	if (!err)
		err = io_uring_register_files(&p->ring, &p->fd, 1);
	if (!err)
		(void)io_uring_register_ring_fd(&p->ring);
	return err;
}

int pump_raw_open(const struct pump_way *way, struct net_group *g, unsigned i,
		  const struct pump_packets *packets, unsigned first, struct pump_raw **out)
{
	struct pump_raw *p = calloc(1, sizeof(*p));
	int err;

	if (!p)
		return -ENOMEM;
	p->way = *way;
	p->packets = packets;
	p->g = g;
	p->index = i;
	p->next = first;
	p->fd = g->raw->packet_fd[i];
	p->xsk = g->raw->xsk[i];
	net_raw_rx_init(&p->rx, g, i);
	for (unsigned k = 0; k < NET_BATCH_MAX; k++) {
		p->vec[k].iov_len = frame_len(p);
		p->tx[k].msg_hdr = (struct msghdr){ .msg_iov = &p->vec[k], .msg_iovlen = 1 };
	}
	err = build_frames(p);
	if (!err && way->send == PUMP_OP_SEND)
		err = open_ring(p);
	if (err) {
		pump_raw_close(p);
		return err;
	}
	*out = p;
	return 0;
}

void pump_raw_close(struct pump_raw *p)
{
	if (!p)
		return;
	if (p->ring_up)
		io_uring_queue_exit(&p->ring);
	free(p->frames);
	free(p);
}
