/* SPDX-License-Identifier: MIT */
#include "engine/net_uring.h"

#include <assert.h>
#include <errno.h>
#include <liburing.h>
#include <stdlib.h>
#include <unistd.h>

#include "engine/net_failed.h"
#include "engine/net_udp.h"
#include "engine/tsan.h"

/*
 * DOC: the io_uring device: one io_uring_enter per turn carries all sends and
 * empties the receive queue.
 *
 * Sending: OP_SEND with the address in the sqe and MSG_DONTWAIT, so each send
 * is done or refused before enter returns and its frame is free again;
 * CQE_SKIP_SUCCESS, so only refusals come back.
 *
 * Receiving: multishot recvmsg into a ring of provided buffers, issued anew
 * each turn with MSG_DONTWAIT: it takes what lies in the queue and ends. A
 * multishot that stays armed costs a poll wake-up in the sender's softirq for
 * each datagram and brings nothing to a loop that comes back anyway (E-21).
 *
 * user_data of a send is its tag and length, which is all that a refusal needs.
 */

enum {
	SQ_ENTRIES = 512,
	CQ_ENTRIES = 16384,
	/* The kernel takes 1 + 32 datagrams for one multishot (MULTISHOT_MAX_RETRY). */
	DRAIN_MAX = 33,
	DRAINS_MAX = (NET_BATCH_MAX + DRAIN_MAX - 1) / DRAIN_MAX,
	/* An empty datagram ends a multishot: under a flood of them, one each. */
	DRAINS_CUT = 64,
	BUF_GROUP = 0,
	FILE_SLOT = 0,
	/* io_uring_recvmsg_out, then the name, then the datagram. */
	RX_HEAD_MAX = (int)sizeof(struct io_uring_recvmsg_out) + (int)sizeof(struct sockaddr_in6),
	RX_STRIDE = 1664, /* odd count of cache lines, as in net_mmsg.c */
};
_Static_assert((int)RX_STRIDE >= (int)RX_HEAD_MAX + (int)NET_RECV_MAX,
	       "a buffer holds the longest datagram and its head");
_Static_assert((int)NET_BATCH_MAX + (int)DRAINS_CUT <= (int)SQ_ENTRIES, "a turn fits the queue");

#define UD_RECV (UINT64_C(1) << 63)
enum { UD_LEN_SHIFT = NET_TAG_BITS };
#define UD_TAG_MASK ((UINT64_C(1) << NET_TAG_BITS) - 1)
_Static_assert((NET_FRAME_MAX >> (63 - UD_LEN_SHIFT)) == 0, "tag and length leave the top bit");

struct net_uring {
	struct net base;
	struct io_uring ring;
	bool ring_up;
	int fd;
	int family;
	socklen_t name_len;
	enum net_uring_send send;
	int fatal; /* a receive error that will not pass */
	uint32_t drops_seen;
	unsigned frames_used; /* behind packets that the kernel has not taken yet */
	unsigned drains;      /* multishots for the next turn */
	unsigned cut;         /* of this turn's multishots, ended by an empty datagram */
	unsigned lent;
	unsigned buffers;
	struct io_uring_buf_ring *buf_ring;
	uint8_t *slots;         /* @buffers of RX_STRIDE bytes */
	struct msghdr rx_shape; /* only its name length is read */
	struct net_stats stats;
	uint16_t lent_bid[NET_BATCH_MAX];
	struct net_failed failed;
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

/* ---- receiving --------------------------------------------------------------- */

static void prep_drain(struct net_uring *d)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(&d->ring);

	if (!sqe)
		return; /* sends of an earlier turn are still queued: they go first */
	io_uring_prep_recvmsg_multishot(sqe, FILE_SLOT, &d->rx_shape, MSG_DONTWAIT);
	sqe->flags |= IOSQE_FIXED_FILE | IOSQE_BUFFER_SELECT;
	sqe->buf_group = BUF_GROUP;
	sqe->user_data = UD_RECV;
}

static void give_back(struct net_uring *d, unsigned bid, int place)
{
	io_uring_buf_ring_add(
		d->buf_ring, d->slots + (size_t)bid * RX_STRIDE,
		(unsigned)(sizeof(struct io_uring_recvmsg_out) + d->name_len + NET_RECV_MAX),
		(unsigned short)bid, io_uring_buf_ring_mask(d->buffers), place);
}

/* One filled buffer: returns 1 and @msg, or 0 where it holds nothing for the caller. */
static unsigned take(struct net_uring *d, const struct io_uring_cqe *cqe, struct net_msg *msg)
{
	unsigned bid = cqe->flags >> IORING_CQE_BUFFER_SHIFT;
	uint8_t *slot = d->slots + (size_t)bid * RX_STRIDE;
	const struct io_uring_recvmsg_out *head = (const void *)slot;

	d->cut += !(cqe->flags & IORING_CQE_F_MORE);
	if (head->flags & MSG_TRUNC) {
		d->stats.recv_truncated++;
		give_back(d, bid, 0);
		io_uring_buf_ring_advance(d->buf_ring, 1);
		return 0;
	}
	msg->peer = net_udp_from_sockaddr((const void *)(slot + sizeof(*head)), d->family);
	msg->len = head->payloadlen;
	msg->data = slot + sizeof(*head) + d->name_len;
	d->stats.recv_bytes += msg->len;
	d->lent_bid[d->lent++] = (uint16_t)bid;
	return 1;
}

/* A multishot ended: nothing more to take (EAGAIN), or something to note. */
static void note_end(struct net_uring *d, const struct io_uring_cqe *cqe)
{
	if (cqe->flags & IORING_CQE_F_BUFFER) {
		give_back(d, cqe->flags >> IORING_CQE_BUFFER_SHIFT, 0);
		io_uring_buf_ring_advance(d->buf_ring, 1);
	}
	if (cqe->res == -ENOBUFS)
		d->stats.buffer_starved++;
	else if (net_udp_fatal(-cqe->res))
		d->fatal = cqe->res;
}

/* Completions in their order, until @max datagrams are out or no failure fits any more. */
static unsigned reap(struct net_uring *d, struct net_msg *msgs, unsigned max)
{
	struct io_uring_cqe *cqe;
	unsigned head, seen = 0, n = 0;

	io_uring_for_each_cqe(&d->ring, head, cqe)
	{
		uint64_t ud = cqe->user_data;

		if (n == max || d->failed.count == NET_FAILED_MAX)
			break;
		seen++;
		if (!(ud & UD_RECV))
			net_failed_add(&d->failed, &d->stats, ud & UD_TAG_MASK, ud >> UD_LEN_SHIFT,
				       cqe->res);
		else if (cqe->res < 0)
			note_end(d, cqe);
		else if (cqe->flags & IORING_CQE_F_BUFFER)
			n += take(d, cqe, &msgs[n]);
	}
	io_uring_cq_advance(&d->ring, seen);
	d->stats.recv_packets += n;
	return n;
}

/* Everything queued goes to the kernel, receives behind sends. */
static int enter(struct net_uring *d, unsigned drains)
{
	int ret;

	for (unsigned i = 0; i < drains; i++)
		prep_drain(d);
	ret = io_uring_submit_and_get_events(&d->ring);
	d->stats.syscalls++;
	/* What the kernel did not take for now stays queued, with its frames, for the next turn. */
	if (ret < 0 && ret != -EINTR && ret != -EAGAIN && ret != -EBUSY)
		return ret;
	if (io_uring_sq_ready(&d->ring) == 0)
		d->frames_used = 0;
	return 0;
}

static int turn(struct net_uring *d, struct net_msg *msgs, unsigned max)
{
	unsigned ready = io_uring_cq_ready(&d->ring);
	unsigned drains = ready >= max ? 0 : d->drains;
	/* completions that wait may each hold a buffer */
	unsigned fit = ready < d->buffers ? (d->buffers - ready) / DRAIN_MAX : 0;
	unsigned n;
	int err;

	if (drains > fit && !d->cut)
		drains = fit ? fit : 1;
	err = enter(d, drains);
	if (err)
		return err;
	d->cut = 0;
	n = reap(d, msgs, max);
	/* An emptied queue needs no more multishots than it took; a full haul may have left some.
	 */
	if (d->cut)
		d->drains = DRAINS_CUT;
	else if (n >= drains * DRAIN_MAX && 2 * drains < DRAINS_MAX)
		d->drains = 2 * drains + 1;
	else
		d->drains = n / DRAIN_MAX + 1;
	return d->fatal ? d->fatal : (int)n;
}

static int uring_recv(struct net *net, struct net_msg *msgs, unsigned max, uint64_t wait_ns)
{
	struct net_uring *d = self(net);
	int n;

	if (max > NET_BATCH_MAX)
		max = NET_BATCH_MAX;
	assert(d->lent == 0); /* net_recv_finish() comes between two of these */
	n = turn(d, msgs, max);
	/* A failure is something to hear, too. */
	for (unsigned round = 0;
	     n == 0 && !d->failed.count && net_udp_sleep(d->fd, round, &wait_ns); round++) {
		d->stats.syscalls++;
		n = turn(d, msgs, max);
	}
	return n;
}

static void uring_recv_finish(struct net *net)
{
	struct net_uring *d = self(net);

	for (unsigned i = 0; i < d->lent; i++)
		give_back(d, d->lent_bid[i], (int)i);
	io_uring_buf_ring_advance(d->buf_ring, (int)d->lent);
	d->lent = 0;
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
	free(d->buf_ring);
	free(d->slots);
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

static int open_buffers(struct net_uring *d, const char **why)
{
	struct io_uring_buf_reg reg = { 0 };

	d->buf_ring = net_udp_alloc(d->buffers * sizeof(struct io_uring_buf));
	d->slots = net_udp_alloc((size_t)d->buffers * RX_STRIDE);
	if (!d->buf_ring || !d->slots) {
		*why = "no memory for receive buffers";
		return -ENOMEM;
	}
	reg.ring_addr = (uint64_t)(uintptr_t)d->buf_ring;
	reg.ring_entries = d->buffers;
	reg.bgid = BUF_GROUP;
	if (io_uring_register_buf_ring(&d->ring, &reg, 0)) {
		*why = "io_uring has no provided-buffer ring (kernel older than 5.19)";
		return DT_EUNSUPPORTED;
	}
	io_uring_buf_ring_init(d->buf_ring);
	for (unsigned i = 0; i < d->buffers; i++)
		give_back(d, i, (int)i);
	io_uring_buf_ring_advance(d->buf_ring, (int)d->buffers);
	return 0;
}

static int device_new(int fd, int family, unsigned buffers, struct net_uring_form form,
		      struct net **out, const char **why)
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
	d->rx_shape.msg_namelen = d->name_len;
	d->send = form.send;
	d->drains = 1;
	d->buffers = buffers;
	for (unsigned i = 0; i < NET_BATCH_MAX; i++)
		d->tx_head[i] = (struct msghdr){ .msg_name = &d->tx_name[i],
						 .msg_namelen = d->name_len,
						 .msg_iov = &d->tx_vec[i],
						 .msg_iovlen = 1 };
	err = open_ring(d, form.rung, why);
	if (!err)
		err = open_buffers(d, why);
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
	enum { TEST_BUFFERS = 8 };
	struct endpoint local;
	struct net *net;
	int fd = loopback_socket(&local);
	int err;

	if (fd < 0) {
		*why = "io_uring could not be tried: no loopback interface";
		return DT_EUNSUPPORTED;
	}
	err = device_new(fd, AF_INET, TEST_BUFFERS, form, &net, why);
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
			if (self_test(f, why) ||
			    device_new(g->fd[0][i], g->family, g->recv_buffers, f, out, why))
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
