/* SPDX-License-Identifier: MIT */
#include "engine/net_uring.h"

#include <assert.h>
#include <errno.h>
#include <liburing.h>
#include <stdlib.h>
#include <unistd.h>

#include "engine/net_failed.h"
#include "engine/net_mmsg_rx.h"
#include "engine/net_udp.h"
#include "engine/tsan.h"

/*
 * DOC: the io_uring device: one io_uring_enter per turn carries all sends, one recvmmsg
 * empties the receive queue; a turn without anything to send needs no io_uring_enter.
 *
 * Sending: OP_SEND with the address in the sqe and MSG_DONTWAIT, so each send
 * is done or refused before enter returns and its frame is free again;
 * CQE_SKIP_SUCCESS, so only refusals come back.
 *
 * Receiving by a multishot into provided buffers was tried in every form and is dearer (E-241);
 * the bare loops of it are still measured (bench net_pair).
 *
 * user_data of a send is its tag and length, which is all that a refusal needs.
 */

enum {
	SQ_ENTRIES = 512,
	CQ_ENTRIES = 1024, /* refusals, of which a turn reports NET_FAILED_MAX at most */
	FILE_SLOT = 0,
	UD_LEN_SHIFT = NET_TAG_BITS,
};
_Static_assert((int)NET_BATCH_MAX <= (int)SQ_ENTRIES, "a turn fits the queue");

#define UD_TAG_MASK ((UINT64_C(1) << NET_TAG_BITS) - 1)
_Static_assert((NET_FRAME_MAX >> (64 - UD_LEN_SHIFT)) == 0, "tag and length fit");

struct net_uring {
	struct net base;
	struct io_uring ring;
	bool ring_up;
	int fd;
	int family;
	socklen_t name_len;
	enum net_uring_send send;
	uint32_t drops_seen;
	unsigned frames_used; /* behind packets that the kernel has not taken yet */
	struct net_stats stats;
	struct net_failed failed;
	struct net_mmsg_rx rx;
	struct iovec tx_vec[NET_BATCH_MAX];
	struct msghdr tx_head[NET_BATCH_MAX];
	union net_sockaddr tx_name[NET_BATCH_MAX];
	uint8_t frames[NET_BATCH_MAX * NET_UDP_FRAME_STRIDE];
};

/* Its address stands for the order of all rings' mappings: tsan.h. */
static const char ring_order;

static struct net_uring *self(struct net *net)
{
	return (struct net_uring *)net;
}

/* ---- sending ---------------------------------------------------------------- */

static unsigned uring_send_alloc(struct net *net, struct net_msg *msgs, unsigned count)
{
	struct net_uring *d = self(net);
	unsigned room = NET_BATCH_MAX - d->frames_used;

	if (room > NET_FAILED_MAX - d->failed.count)
		room = NET_FAILED_MAX - d->failed.count;
	if (count > room)
		count = room;
	for (unsigned i = 0; i < count; i++)
		msgs[i].data = d->frames + (size_t)(d->frames_used + i) * NET_UDP_FRAME_STRIDE;
	return count;
}

static void prep_send(struct net_uring *d, unsigned frame, const struct net_msg *m)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(&d->ring);

	assert(sqe); /* frames are fewer than entries */
	if (d->send == NET_URING_SEND) {
		io_uring_prep_send(sqe, FILE_SLOT, m->data, m->len, MSG_DONTWAIT);
		io_uring_prep_send_set_addr(sqe, &d->tx_name[frame].any, (uint16_t)d->name_len);
	} else {
		d->tx_vec[frame] = (struct iovec){ .iov_base = m->data, .iov_len = m->len };
		io_uring_prep_sendmsg(sqe, FILE_SLOT, &d->tx_head[frame], MSG_DONTWAIT);
	}
	sqe->flags |= IOSQE_FIXED_FILE | IOSQE_CQE_SKIP_SUCCESS;
	sqe->user_data = m->tag | (uint64_t)m->len << UD_LEN_SHIFT;
}

/* Data may lie in any of the lent frames: a wrapping device drops some of a batch and closes up. */
static unsigned uring_send(struct net *net, const struct net_msg *msgs, unsigned count)
{
	struct net_uring *d = self(net);

	d->stats.sent_packets += count;
	for (unsigned i = 0; i < count; i++) {
		const struct net_msg *m = &msgs[i];
		unsigned frame = (unsigned)((size_t)(m->data - d->frames) / NET_UDP_FRAME_STRIDE);

		assert(m->len <= NET_FRAME_MAX && frame < NET_BATCH_MAX && m->tag <= UD_TAG_MASK);
		if (frame >= d->frames_used)
			d->frames_used = frame + 1;
		d->stats.sent_bytes += m->len;
		if (net_udp_to_sockaddr(&m->peer, d->family, &d->tx_name[frame]))
			prep_send(d, frame, m);
		else
			net_failed_add(&d->failed, &d->stats, m->tag, m->len, -EAFNOSUPPORT);
	}
	return count;
}

/* Refusals in their order, until none fits any more: then the others wait for the next turn. */
static void reap(struct net_uring *d)
{
	struct io_uring_cqe *cqe;
	unsigned head, seen = 0;

	io_uring_for_each_cqe(&d->ring, head, cqe)
	{
		uint64_t ud = cqe->user_data;

		if (d->failed.count == NET_FAILED_MAX)
			break;
		seen++;
		net_failed_add(&d->failed, &d->stats, ud & UD_TAG_MASK, ud >> UD_LEN_SHIFT,
			       cqe->res);
	}
	io_uring_cq_advance(&d->ring, seen);
}

/* All that is queued goes to the kernel. */
static int push(struct net_uring *d)
{
	int ret;

	if (io_uring_sq_ready(&d->ring)) {
		ret = io_uring_submit_and_get_events(&d->ring);
		d->stats.syscalls++;
		/* What the kernel did not take for now stays queued, with its frames, for the next
		 * turn. */
		if (ret < 0 && ret != -EINTR && ret != -EAGAIN && ret != -EBUSY)
			return ret;
		if (io_uring_sq_ready(&d->ring))
			return 0;
	}
	d->frames_used = 0;
	return 0;
}

/* ---- receiving --------------------------------------------------------------- */

static int collect(struct net_uring *d, struct net_msg *msgs, unsigned max)
{
	unsigned used = 0;

	return net_mmsg_rx_take(&d->rx, d->fd, &used, msgs, max, &d->stats);
}

static int uring_recv(struct net *net, struct net_msg *msgs, unsigned max, uint64_t wait_ns)
{
	struct net_uring *d = self(net);
	int n = push(d);

	if (n < 0)
		return n;
	if (io_uring_cq_ready(&d->ring))
		reap(d);
	if (max > NET_BATCH_MAX)
		max = NET_BATCH_MAX;
	n = collect(d, msgs, max);
	/* A failure is something to hear, too. */
	for (unsigned round = 0;
	     n == 0 && !d->failed.count && net_udp_sleep(d->fd, round, &wait_ns); round++) {
		d->stats.syscalls++;
		n = collect(d, msgs, max);
	}
	return n;
}

static void uring_recv_finish(struct net *net)
{
	(void)net; /* the slots are free again with the next recvmmsg */
}

static unsigned uring_failures(struct net *net, struct net_failure *out, unsigned max)
{
	return net_failed_take(&self(net)->failed, out, max);
}

static void uring_stats(struct net *net, struct net_stats *out)
{
	struct net_uring *d = self(net);

	net_udp_drops(d->fd, &d->drops_seen, &d->stats.kernel_drops);
	d->stats.cq_overflow = *d->ring.cq.koverflow;
	*out = d->stats;
}

static void uring_close(struct net *net)
{
	struct net_uring *d = self(net);

	if (d->ring_up) {
		TSAN_UNMAPS(&ring_order);
		io_uring_queue_exit(&d->ring);
	}
	free(d);
}

static const struct net_ops ops = {
	.name = "uring",
	.send_alloc = uring_send_alloc,
	.send = uring_send,
	.recv = uring_recv,
	.recv_finish = uring_recv_finish,
	.failures = uring_failures,
	.stats = uring_stats,
	.close = uring_close,
};

/* ---- opening ----------------------------------------------------------------- */

static const unsigned rung_flags[NET_URING_RUNGS] = {
	[NET_URING_DEFER] =
		IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_SUBMIT_ALL,
	[NET_URING_COOP] = IORING_SETUP_COOP_TASKRUN | IORING_SETUP_SUBMIT_ALL,
	[NET_URING_PLAIN] = 0,
};

static const char *setup_refusal(int err)
{
	switch (err) {
	case -EPERM:
	case -EACCES:
		return "io_uring_setup is not permitted (seccomp or kernel.io_uring_disabled)";
	case -ENOSYS:
		return "this kernel has no io_uring";
	case -ENOMEM:
		return "no memory for the io_uring queues (RLIMIT_MEMLOCK)";
	case -EINVAL:
		return "io_uring_setup knows none of our flags (kernel older than 5.5)";
	default:
		return "io_uring_setup failed";
	}
}

static int open_ring(struct net_uring *d, enum net_uring_rung rung, const char **why)
{
	struct io_uring_params p = {
		.flags = rung_flags[rung] | IORING_SETUP_CQSIZE | IORING_SETUP_CLAMP,
		.cq_entries = CQ_ENTRIES,
	};
	int err = io_uring_queue_init_params(SQ_ENTRIES, &d->ring, &p);

	if (err) {
		*why = setup_refusal(err);
		return err;
	}
	TSAN_MAPPED(&ring_order);
	d->ring_up = true;
	if (!(p.features & IORING_FEAT_CQE_SKIP)) {
		*why = "io_uring cannot skip completions (kernel older than 5.17)";
		return DT_EUNSUPPORTED;
	}
	if (io_uring_register_files(&d->ring, &d->fd, 1)) {
		*why = "io_uring refused to register the socket";
		return DT_EUNSUPPORTED;
	}
	(void)io_uring_register_ring_fd(&d->ring); /* saves a file lookup per enter; 5.18 */
	return 0;
}

static int device_new(int fd, int family, struct net_uring_form form, struct net **out,
		      const char **why)
{
	struct net_uring *d = net_udp_alloc(sizeof(*d));
	int err;

	if (!d) {
		*why = "no memory for send frames";
		return -ENOMEM;
	}
	d->base.ops = &ops;
	d->fd = fd;
	d->family = family;
	net_udp_drops(fd, &d->drops_seen, &(uint64_t){ 0 }); /* of those before us */
	d->name_len = net_udp_sockaddr_len(family);
	net_mmsg_rx_init(&d->rx, family);
	d->send = form.send;
	for (unsigned i = 0; i < NET_BATCH_MAX; i++)
		d->tx_head[i] = (struct msghdr){ .msg_name = &d->tx_name[i],
						 .msg_namelen = d->name_len,
						 .msg_iov = &d->tx_vec[i],
						 .msg_iovlen = 1 };
	err = open_ring(d, form.rung, why);
	if (err) {
		uring_close(&d->base);
		return err;
	}
	*out = &d->base;
	return 0;
}

/* A socket of our own on loopback; -1 where there is no loopback. */
static int loopback_socket(struct endpoint *local)
{
	union net_sockaddr sa;
	socklen_t len = sizeof(sa.v4);
	struct endpoint any = endpoint_ip4(INADDR_LOOPBACK, 0);
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	memset(&sa, 0, sizeof(sa));
	if (fd < 0 || !net_udp_to_sockaddr(&any, AF_INET, &sa))
		return -1;
	if (bind(fd, &sa.any, len) || getsockname(fd, &sa.any, &len)) {
		close(fd);
		return -1;
	}
	*local = net_udp_from_sockaddr(&sa, AF_INET);
	return fd;
}

/* One datagram to ourselves through the very device: a kernel may accept an op and not honour it.
 */
static int carries_a_datagram(struct net *net, const struct endpoint *self_ep)
{
	static const char word[] = "self-test";
	struct net_msg m;
	int n;

	if (net_send_alloc(net, &m, 1) != 1)
		return 0;
	memcpy(m.data, word, sizeof(word));
	m.len = sizeof(word);
	m.peer = *self_ep;
	m.tag = 1;
	net_send(net, &m, 1);
	n = net_recv(net, &m, 1, 50 * 1000 * 1000);
	return n == 1 && m.len == sizeof(word) && memcmp(m.data, word, sizeof(word)) == 0 &&
	       endpoint_equal(&m.peer, self_ep);
}

static int self_test(struct net_uring_form form, const char **why)
{
	struct endpoint local;
	struct net *net;
	int fd = loopback_socket(&local);
	int err;

	if (fd < 0) {
		*why = "io_uring could not be tried: no loopback interface";
		return DT_EUNSUPPORTED;
	}
	err = device_new(fd, AF_INET, form, &net, why);
	if (!err) {
		if (!carries_a_datagram(net, &local)) {
			*why = "io_uring did not carry a datagram in the self-test";
			err = DT_EUNSUPPORTED;
		}
		net_close(net);
	}
	close(fd);
	return err;
}

int net_uring_open_form(struct net_group *g, unsigned i, struct net_uring_form *form,
			struct net **out, const char **why)
{
	struct net_uring_form f = *form;

	*why = "";
	if (net_group_fd(g, i) < 0)
		return -EINVAL;
	for (; f.rung < NET_URING_RUNGS; f.rung++, f.send = form->send) {
		for (; f.send < NET_URING_SENDS; f.send++) {
			if (self_test(f, why) || device_new(g->fd[0][i], g->family, f, out, why))
				continue;
			*form = f;
			*why = "";
			return 0;
		}
	}
	return DT_EUNSUPPORTED;
}

int net_uring_open(struct net_group *g, unsigned i, struct net **out, const char **why)
{
	struct net_uring_form best = { .rung = NET_URING_DEFER, .send = NET_URING_SEND };

	return net_uring_open_form(g, i, &best, out, why);
}
