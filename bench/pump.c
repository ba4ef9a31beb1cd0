/* SPDX-License-Identifier: MIT */
#include "bench/pump.h"

#include <errno.h>
#include <liburing.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bench/pump_raw.h"

enum {
	RX_STRIDE = 1664,
	BUFFERS = 256, /* as the device's */
	HEAD = sizeof(struct io_uring_recvmsg_out) + sizeof(struct sockaddr_in),
	DRAIN_MAX = 33, /* what the kernel takes for one multishot */
	TICK_NS = 500 * 1000,
	UD_SEND = 1,
	UD_RECV = 2,
};

struct pump {
	struct pump_way way;
	const struct pump_packets *packets;
	unsigned next;
	int fd;
	uint64_t refused;
	struct net *net;      /* a device */
	struct pump_raw *raw; /* a bare loop of raw frames */
	struct io_uring ring;
	bool ring_up, armed;
	unsigned drains;
	struct io_uring_buf_ring *buf_ring;
	struct msghdr rx_shape;
	struct mmsghdr tx[NET_BATCH_MAX], rx[NET_BATCH_MAX];
	struct iovec tx_vec[NET_BATCH_MAX], rx_vec[NET_BATCH_MAX];
	struct sockaddr_in rx_name[NET_BATCH_MAX];
	uint8_t *slots;
};

/* ---- packets ----------------------------------------------------------------- */

int pump_packets_new(unsigned count, uint32_t len, struct pump_packets *out)
{
	struct pump_packets p = { .count = count, .len = len };

	if (!count || (count & (count - 1)) || len > PUMP_STRIDE)
		return -EINVAL;
	p.bytes = calloc(count, PUMP_STRIDE);
	p.to = calloc(count, sizeof(*p.to));
	p.to_sa = calloc(count, sizeof(*p.to_sa));
	if (!p.bytes || !p.to || !p.to_sa) {
		pump_packets_free(&p);
		return -ENOMEM;
	}
	*out = p;
	return 0;
}

void pump_packets_free(struct pump_packets *p)
{
	free(p->bytes);
	free(p->to);
	free(p->to_sa);
	*p = (struct pump_packets){ 0 };
}

void pump_packet_set(struct pump_packets *p, unsigned i, const struct endpoint *to,
		     const void *bytes)
{
	memcpy(p->bytes + (size_t)i * PUMP_STRIDE, bytes, p->len);
	p->to[i] = *to;
	p->to_sa[i].sin_family = AF_INET;
	p->to_sa[i].sin_port = htons(to->port);
	p->to_sa[i].sin_addr.s_addr = htonl(endpoint_get_ip4(to));
}

static unsigned take_place(struct pump *p)
{
	return p->next++ & (p->packets->count - 1);
}

/* ---- a device ------------------------------------------------------------------ */

static void device_send(struct pump *p, unsigned count)
{
	struct net_msg msgs[NET_BATCH_MAX];

	count = net_send_alloc(p->net, msgs, count);
	for (unsigned i = 0; i < count; i++) {
		unsigned k = take_place(p);

		memcpy(msgs[i].data, p->packets->bytes + (size_t)k * PUMP_STRIDE, p->packets->len);
		msgs[i].len = p->packets->len;
		msgs[i].peer = p->packets->to[k];
		msgs[i].tag = k;
	}
	net_send(p->net, msgs, count);
}

static int device_turn(struct pump *p, unsigned send, unsigned max, uint64_t wait_ns)
{
	struct net_msg msgs[NET_BATCH_MAX];
	struct net_failure failures[NET_BATCH_MAX];
	int n;

	if (send)
		device_send(p, send);
	n = net_recv(p->net, msgs, max, wait_ns);
	net_recv_finish(p->net);
	p->refused += net_failures(p->net, failures, NET_BATCH_MAX);
	return n;
}

/* ---- bare: sending ---------------------------------------------------------------- */

static void bare_sendmmsg(struct pump *p, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		unsigned k = take_place(p);

		p->tx[i].msg_hdr.msg_name = &p->packets->to_sa[k];
		p->tx_vec[i].iov_base = p->packets->bytes + (size_t)k * PUMP_STRIDE;
	}
	for (unsigned at = 0; at < count;) {
		int n = sendmmsg(p->fd, p->tx + at, count - at, MSG_DONTWAIT);

		if (n <= 0)
			p->refused++;
		at += n > 0 ? (unsigned)n : 1;
	}
}

static void bare_queue_sends(struct pump *p, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		struct io_uring_sqe *sqe = io_uring_get_sqe(&p->ring);
		unsigned k = take_place(p);
		uint8_t *bytes = p->packets->bytes + (size_t)k * PUMP_STRIDE;

		if (p->way.send == PUMP_OP_SEND) {
			io_uring_prep_send(sqe, 0, bytes, p->packets->len, MSG_DONTWAIT);
			io_uring_prep_send_set_addr(sqe, (struct sockaddr *)&p->packets->to_sa[k],
						    sizeof(struct sockaddr_in));
		} else {
			p->tx[i].msg_hdr.msg_name = &p->packets->to_sa[k];
			p->tx_vec[i].iov_base = bytes;
			io_uring_prep_sendmsg(sqe, 0, &p->tx[i].msg_hdr, MSG_DONTWAIT);
		}
		sqe->flags |= IOSQE_FIXED_FILE | IOSQE_CQE_SKIP_SUCCESS;
		sqe->user_data = UD_SEND;
	}
}

/* ---- bare: receiving ----------------------------------------------------------- */

static void nap(uint64_t wait_ns)
{
	struct timespec ts = { .tv_nsec = (long)(wait_ns < TICK_NS ? wait_ns : TICK_NS) };

	clock_nanosleep(CLOCK_MONOTONIC, 0, &ts, NULL);
}

static int bare_recvmmsg(struct pump *p, unsigned max, uint64_t wait_ns)
{
	int n = recvmmsg(p->fd, p->rx, max, MSG_DONTWAIT, NULL);

	if (n < 0 && errno == EAGAIN && wait_ns) {
		if (p->way.recv == PUMP_BLOCKING)
			(void)poll(&(struct pollfd){ .fd = p->fd, .events = POLLIN }, 1,
				   (int)(wait_ns / 1000000));
		else
			nap(wait_ns);
		n = recvmmsg(p->fd, p->rx, max, MSG_DONTWAIT, NULL);
	}
	return n >= 0 ? n : errno == EAGAIN ? 0 : -errno;
}

static void give_back(struct pump *p, unsigned bid, int place)
{
	io_uring_buf_ring_add(p->buf_ring, p->slots + (size_t)bid * RX_STRIDE, HEAD + NET_RECV_MAX,
			      (unsigned short)bid, BUFFERS - 1, place);
}

static void queue_recv(struct pump *p, int flags)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(&p->ring);

	io_uring_prep_recvmsg_multishot(sqe, 0, &p->rx_shape, flags);
	sqe->flags |= IOSQE_FIXED_FILE | IOSQE_BUFFER_SELECT;
	sqe->user_data = UD_RECV;
}

static int bare_reap(struct pump *p)
{
	struct io_uring_cqe *cqe;
	unsigned head, seen = 0;
	int n = 0;

	io_uring_for_each_cqe(&p->ring, head, cqe)
	{
		seen++;
		if (cqe->user_data == UD_SEND) {
			p->refused++;
			continue;
		}
		if (!(cqe->flags & IORING_CQE_F_MORE))
			p->armed = false;
		if (cqe->flags & IORING_CQE_F_BUFFER)
			give_back(p, cqe->flags >> IORING_CQE_BUFFER_SHIFT, n++);
	}
	io_uring_cq_advance(&p->ring, seen);
	io_uring_buf_ring_advance(p->buf_ring, n);
	return n;
}

static int bare_drained(struct pump *p, unsigned max, uint64_t wait_ns)
{
	int n = 0;

	for (unsigned round = 0; round < 2 && !n; round++) {
		if (round && !wait_ns)
			break;
		if (round)
			nap(wait_ns);
		for (unsigned i = 0; i < p->drains; i++)
			queue_recv(p, MSG_DONTWAIT);
		io_uring_submit_and_get_events(&p->ring);
		n = bare_reap(p);
	}
	p->drains = (unsigned)n / DRAIN_MAX + 1;
	if (p->drains > max / DRAIN_MAX + 1)
		p->drains = max / DRAIN_MAX + 1;
	return n;
}

static int bare_armed(struct pump *p, uint64_t wait_ns)
{
	struct __kernel_timespec ts = { .tv_nsec = TICK_NS };
	struct io_uring_cqe *cqe;
	int n;

	if (!p->armed)
		queue_recv(p, 0);
	p->armed = true;
	io_uring_submit_and_get_events(&p->ring);
	n = bare_reap(p);
	if (!n && wait_ns) {
		(void)io_uring_submit_and_wait_timeout(&p->ring, &cqe, 64, &ts, NULL);
		n = bare_reap(p);
	}
	return n;
}

static int bare_turn(struct pump *p, unsigned send, unsigned max, uint64_t wait_ns)
{
	if (p->way.send == PUMP_SENDMMSG)
		bare_sendmmsg(p, send);
	else
		bare_queue_sends(p, send);
	switch (p->way.recv) {
	case PUMP_ARMED:
		return bare_armed(p, wait_ns);
	case PUMP_DRAINED:
		return bare_drained(p, max, wait_ns);
	case PUMP_BLOCKING:
	case PUMP_RECVMMSG:
		break;
	}
	if (p->way.send != PUMP_SENDMMSG) {
		io_uring_submit(&p->ring);
		(void)bare_reap(p);
	}
	return bare_recvmmsg(p, max, wait_ns);
}

/* ---- opening ------------------------------------------------------------------- */

static int open_ring(struct pump *p)
{
	struct io_uring_params params = { .flags = IORING_SETUP_SINGLE_ISSUER |
						   IORING_SETUP_DEFER_TASKRUN |
						   IORING_SETUP_SUBMIT_ALL | IORING_SETUP_CQSIZE |
						   IORING_SETUP_CLAMP,
					  .cq_entries = 16384 };
	struct io_uring_buf_reg reg = { .ring_entries = BUFFERS };
	int err = io_uring_queue_init_params(512, &p->ring, &params);

	if (err)
		return err;
	p->ring_up = true;
	p->buf_ring = aligned_alloc(4096, BUFFERS * sizeof(struct io_uring_buf));
	if (!p->buf_ring)
		return -ENOMEM;
	memset(p->buf_ring, 0, BUFFERS * sizeof(struct io_uring_buf));
	reg.ring_addr = (uint64_t)(uintptr_t)p->buf_ring;
	err = io_uring_register_files(&p->ring, &p->fd, 1);
	if (!err)
		err = io_uring_register_buf_ring(&p->ring, &reg, 0);
	if (err)
		return err;
	(void)io_uring_register_ring_fd(&p->ring);
	for (unsigned i = 0; i < BUFFERS; i++)
		give_back(p, i, (int)i);
	io_uring_buf_ring_advance(p->buf_ring, BUFFERS);
	p->rx_shape.msg_namelen = sizeof(struct sockaddr_in);
	p->drains = 1;
	return 0;
}

static int open_bare(struct pump *p)
{
	p->slots = aligned_alloc(64, (size_t)BUFFERS * RX_STRIDE);
	if (!p->slots)
		return -ENOMEM;
	memset(p->slots, 0, (size_t)BUFFERS * RX_STRIDE);
	for (unsigned i = 0; i < NET_BATCH_MAX; i++) {
		p->tx_vec[i].iov_len = p->packets->len;
		p->rx_vec[i].iov_base = p->slots + (size_t)i * RX_STRIDE;
		p->rx_vec[i].iov_len = NET_RECV_MAX;
		p->tx[i].msg_hdr = (struct msghdr){ .msg_namelen = sizeof(struct sockaddr_in),
						    .msg_iov = &p->tx_vec[i],
						    .msg_iovlen = 1 };
		p->rx[i].msg_hdr = (struct msghdr){ .msg_name = &p->rx_name[i],
						    .msg_namelen = sizeof(struct sockaddr_in),
						    .msg_iov = &p->rx_vec[i],
						    .msg_iovlen = 1 };
	}
	return p->way.send == PUMP_SENDMMSG && p->way.recv <= PUMP_BLOCKING ? 0 : open_ring(p);
}

int pump_open(const struct pump_way *way, struct net_group *g, unsigned i,
	      const struct pump_packets *packets, unsigned first, struct pump **out)
{
	struct pump *p = calloc(1, sizeof(*p));
	const char *why;
	int err;

	if (!p)
		return -ENOMEM;
	p->way = *way;
	p->packets = packets;
	p->next = first;
	p->fd = net_group_fd(g, i);
	if (way->device)
		err = net_open(way->backend, g, i, &p->net, &why);
	else if (net_backend_is_raw(way->backend))
		err = pump_raw_open(way, g, i, packets, first, &p->raw);
	else
		err = open_bare(p);
	if (err) {
		pump_close(p);
		return err;
	}
	*out = p;
	return 0;
}

void pump_close(struct pump *p)
{
	if (!p)
		return;
	net_close(p->net);
	pump_raw_close(p->raw);
	if (p->ring_up)
		io_uring_queue_exit(&p->ring);
	free(p->buf_ring);
	free(p->slots);
	free(p);
}

int pump_turn(struct pump *p, unsigned send, unsigned max, uint64_t wait_ns)
{
	if (p->raw)
		return pump_raw_turn(p->raw, send, max, wait_ns);
	return p->way.device ? device_turn(p, send, max, wait_ns)
			     : bare_turn(p, send, max, wait_ns);
}

uint64_t pump_refused(const struct pump *p)
{
	return p->raw ? pump_raw_refused(p->raw) : p->refused;
}
