/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "bench/sim/farm_impl.h"
#include "engine/island.h"
#include "engine/udp4.h"
#include "engine/xdp_prog.h"
#include "engine/xsk.h"

/**
 * DOC: the farm as raw frames at the far end of an island, so that what is
 * measured is the asker and not the responder's sockets: a packet socket with a
 * ring per thread, dealt by CPU (PACKET_FANOUT_CPU), or an AF_XDP socket per thread and
 * queue. 131,070 addresses times as many ports as the world needs; no kernel
 * there knows any of them.
 *
 * It opens nothing before island_holds() has said that there is no way out, and
 * answers nobody but the near end.
 */

enum {
	RING_FRAME = 2048,
	RING_BLOCK = 128 << 10,
	RING_BLOCKS = 64, /* 4096 frames */
	RING_FRAMES = RING_BLOCK / RING_FRAME * RING_BLOCKS,
	XSK_FRAMES = 16384, /* what a burst of the asker may leave here while others run */
	HEADROOM = 64,
	STRIDE = HEADROOM + FARM_REPLY_MAX,
	SNDBUF_BYTES = 8 << 20,
	FANOUT_GROUP = 0x4454,
};

struct farm_raw {
	struct udp4_head head; /* of all answers; their source is who was asked */
	struct xdp_prog prog;
	struct xsk *xsk[NET_WORKERS_MAX];
	int fd[NET_WORKERS_MAX];
	uint8_t *ring[NET_WORKERS_MAX];
};

/** struct box - a lane's way in and out. */
struct box {
	struct farm_raw *raw;
	struct xsk *xsk;
	int fd;
	uint8_t *ring;
	unsigned at;   /* next frame of the ring */
	unsigned held; /* frames behind asked[] */
	unsigned answers;
	uint64_t drops_seen;
	struct mmsghdr tx[FARM_BATCH];
	struct iovec vec[FARM_BATCH];
	uint8_t reply[FARM_BATCH * STRIDE];
};

/* ---- what arrives ------------------------------------------------------------------ */

static void ask(struct farm_lane *l, struct span frame)
{
	struct udp4_frame u;

	if (udp4_parse(frame, &u)) {
		l->counters.received++;
		l->counters.malformed++;
		return;
	}
	l->asked[l->count++] = (struct farm_asked){
		.peer_ip = htonl(u.from_ip),
		.peer_port = htons(u.from_port),
		.local_ip = htonl(u.to_ip),
		.local_port = u.to_port,
		.query = u.datagram,
	};
}

static void nap(int fd, uint64_t until_ns)
{
	uint64_t now_ns = until_ns ? farm_now_ns() : 0, nap_ns = FARM_IDLE_NS;
	struct pollfd p = { .fd = fd, .events = POLLIN };
	struct timespec ts = { 0 };

	if (until_ns && until_ns <= now_ns)
		return;
	if (until_ns && until_ns - now_ns < nap_ns)
		nap_ns = until_ns - now_ns;
	ts.tv_nsec = (long)nap_ns;
	(void)ppoll(&p, 1, &ts, NULL);
}

static struct tpacket2_hdr *ring_frame(const struct box *b, unsigned at)
{
	return (void *)(b->ring + (size_t)(at % RING_FRAMES) * RING_FRAME);
}

static void collect_ring(struct farm_lane *l)
{
	struct box *b = l->state;

	while (l->count < FARM_BATCH && b->held < FARM_BATCH) {
		struct tpacket2_hdr *h = ring_frame(b, b->at + b->held);

		/* Acquire: the frame was written before its status. */
		if (!(__atomic_load_n(&h->tp_status, __ATOMIC_ACQUIRE) & TP_STATUS_USER))
			return;
		b->held++;
		ask(l, span_of((uint8_t *)h + h->tp_mac, h->tp_snaplen));
	}
}

static void turn_packet(struct farm_lane *l, uint64_t until_ns)
{
	struct box *b = l->state;

	collect_ring(l);
	if (b->held == 0) {
		nap(b->fd, until_ns);
		collect_ring(l);
	}
	farm_lane_serve(l);
	for (; b->held; b->held--)
		__atomic_store_n(&ring_frame(b, b->at++)->tp_status, TP_STATUS_KERNEL,
				 __ATOMIC_RELEASE);
}

static void turn_xdp(struct farm_lane *l, uint64_t until_ns)
{
	struct box *b = l->state;
	struct xsk_frame frames[FARM_BATCH];
	unsigned n = xsk_peek(b->xsk, frames, FARM_BATCH);

	if (n == 0) {
		nap(xsk_fd(b->xsk), until_ns);
		n = xsk_peek(b->xsk, frames, FARM_BATCH);
	}
	for (unsigned i = 0; i < n; i++)
		ask(l, span_of(frames[i].ptr, frames[i].len));
	farm_lane_serve(l);
	xsk_release(b->xsk);
}

/* ---- what leaves --------------------------------------------------------------------- */

static uint8_t *write_answer(const struct farm_lane *l, const struct endpoint *local,
			     const struct sim_event *e, uint8_t *datagram, uint32_t len)
{
	const struct box *b = l->state;
	struct endpoint to = endpoint_ip4(ntohl(e->peer_ip), ntohs(e->peer_port));

	return udp4_write_from(&b->raw->head, local, &to, datagram, len);
}

static void flush_packet(struct farm_lane *l)
{
	struct box *b = l->state;
	unsigned at = 0;

	while (at < b->answers) {
		int n = sendmmsg(b->fd, b->tx + at, b->answers - at, 0);

		if (n > 0) {
			at += (unsigned)n;
			l->counters.answered += (unsigned)n;
		} else if (errno != EINTR) {
			at++;
			l->counters.send_failures++;
		}
	}
	b->answers = 0;
}

static uint8_t *room_packet(struct farm_lane *l, const struct endpoint *local)
{
	struct box *b = l->state;

	(void)local;
	if (b->answers == FARM_BATCH)
		flush_packet(l);
	return b->reply + (size_t)b->answers * STRIDE + HEADROOM;
}

static void put_packet(struct farm_lane *l, const struct endpoint *local, const struct sim_event *e,
		       uint32_t len)
{
	struct box *b = l->state;
	unsigned i = b->answers++;

	b->vec[i].iov_base =
		write_answer(l, local, e, b->reply + (size_t)i * STRIDE + HEADROOM, len);
	b->vec[i].iov_len = UDP4_HEAD_BYTES + len;
}

static void on_drop(void *ctx, uint32_t place)
{
	struct farm_lane *l = ctx;

	(void)place;
	l->counters.send_failures++;
	l->counters.answered--;
}

static void flush_xdp(struct farm_lane *l)
{
	xsk_flush(((struct box *)l->state)->xsk, on_drop, l);
}

static uint8_t *room_xdp(struct farm_lane *l, const struct endpoint *local)
{
	struct box *b = l->state;

	(void)local;
	if (xsk_frames_free(b->xsk) == 0)
		flush_xdp(l);
	return xsk_frames_free(b->xsk) ? xsk_free_frame(b->xsk, 0) + HEADROOM : NULL;
}

static void put_xdp(struct farm_lane *l, const struct endpoint *local, const struct sim_event *e,
		    uint32_t len)
{
	struct box *b = l->state;
	const bool used = true;

	xsk_put(b->xsk, write_answer(l, local, e, xsk_free_frame(b->xsk, 0) + HEADROOM, len),
		UDP4_HEAD_BYTES + len);
	xsk_used(b->xsk, &used, 1);
	l->counters.answered++;
}

/* ---- drops -------------------------------------------------------------------------- */

/* The kernel's counter begins anew with each look. */
static void drops_packet(struct farm_lane *l)
{
	struct box *b = l->state;
	struct tpacket_stats s = { 0 };
	socklen_t len = sizeof(s);

	if (getsockopt(b->fd, SOL_PACKET, PACKET_STATISTICS, &s, &len) == 0)
		l->counters.kernel_drops += s.tp_drops;
}

static void drops_xdp(struct farm_lane *l)
{
	struct box *b = l->state;
	struct xsk_drops d;

	xsk_drops(b->xsk, &d);
	l->counters.kernel_drops += d.rx_dropped + d.rx_ring_full - b->drops_seen;
	b->drops_seen = d.rx_dropped + d.rx_ring_full;
}

static const struct farm_io io_packet = { turn_packet, room_packet, put_packet, flush_packet,
					  drops_packet };
static const struct farm_io io_xdp = { turn_xdp, room_xdp, put_xdp, flush_xdp, drops_xdp };

int farm_raw_lane(struct farm_lane *l)
{
	struct farm_raw *r = l->farm->raw_state;
	struct box *b = net_udp_alloc(sizeof(*b));

	if (!b)
		return -ENOMEM;
	b->raw = r;
	b->xsk = r->xsk[l->index];
	b->fd = r->fd[l->index];
	b->ring = r->ring[l->index];
	for (unsigned i = 0; i < FARM_BATCH; i++)
		b->tx[i].msg_hdr = (struct msghdr){ .msg_iov = &b->vec[i], .msg_iovlen = 1 };
	l->io = b->xsk ? &io_xdp : &io_packet;
	l->state = b;
	return 0;
}

/* ---- opening ------------------------------------------------------------------------- */

static int set(int fd, int name, const void *value, socklen_t len)
{
	return setsockopt(fd, SOL_PACKET, name, value, len) ? -errno : 0;
}

static int open_ring(struct farm_raw *r, unsigned i)
{
	const struct tpacket_req req = { .tp_block_size = RING_BLOCK,
					 .tp_block_nr = RING_BLOCKS,
					 .tp_frame_size = RING_FRAME,
					 .tp_frame_nr = RING_FRAMES };
	int version = TPACKET_V2, err = set(r->fd[i], PACKET_VERSION, &version, sizeof(version));
	void *map;

	if (!err)
		err = set(r->fd[i], PACKET_RX_RING, &req, sizeof(req));
	if (err)
		return err;
	map = mmap(NULL, (size_t)RING_BLOCK * RING_BLOCKS, PROT_READ | PROT_WRITE,
		   MAP_SHARED | MAP_POPULATE, r->fd[i], 0);
	if (map == MAP_FAILED)
		return -errno;
	r->ring[i] = map;
	return 0;
}

/* Bound before it joins the others, ring first: what arrives before is nobody's. */
static int open_packet(struct farm_raw *r, unsigned i, int ifindex)
{
	struct sockaddr_ll sa = { .sll_family = AF_PACKET,
				  .sll_protocol = htons(0x0800),
				  .sll_ifindex = ifindex };
	int on = 1, snd = SNDBUF_BYTES, fanout = FANOUT_GROUP | PACKET_FANOUT_CPU << 16, err;

	r->fd[i] = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	if (r->fd[i] < 0)
		return -errno;
	err = open_ring(r, i);
	if (!err)
		err = set(r->fd[i], PACKET_QDISC_BYPASS, &on, sizeof(on));
	if (!err)
		err = set(r->fd[i], PACKET_IGNORE_OUTGOING, &on, sizeof(on));
	(void)setsockopt(r->fd[i], SOL_SOCKET, SO_SNDBUF, &snd, sizeof(snd));
	if (!err && bind(r->fd[i], (struct sockaddr *)&sa, sizeof(sa)))
		err = -errno;
	return err ? err : set(r->fd[i], PACKET_FANOUT, &fanout, sizeof(fanout));
}

static int open_xdp(struct farm_raw *r, unsigned threads, int ifindex, char *why)
{
	struct xdp_filter f = { .to_ip = (uint32_t)ISLAND_NET, .to_mask = (uint32_t)ISLAND_MASK };
	int err = xdp_prog_open(ifindex, false, &f, &r->prog, why);

	for (unsigned i = 0; i < threads && !err; i++) {
		struct xsk_opts o = { .interface = ISLAND_FAR_NAME,
				      .queue = i,
				      .rx_frames = XSK_FRAMES,
				      .tx_queue = xsk_tx_queue_of_veth(i) };

		err = xsk_open(&o, &r->xsk[i]);
		if (!err)
			err = xdp_prog_set(&r->prog, i, xsk_fd(r->xsk[i]));
	}
	return err;
}

int farm_raw_enter(const struct sim_farm *f, char why[static FARM_WHY_MAX])
{
	int err = island_enter(f->island, ISLAND_FAR_END);

	if (!err && island_holds(f->island, ISLAND_FAR_END))
		return 0;
	snprintf(why, FARM_WHY_MAX, "the raw farm runs nowhere but on an island of its own");
	return err ? err : DT_EREFUSED;
}

int farm_raw_open(struct sim_farm *f, char why[static FARM_WHY_MAX])
{
	struct farm_raw *r;
	int err = 0, ifindex;

	r = calloc(1, sizeof(*r));
	if (!r)
		return -ENOMEM;
	f->raw_state = r;
	udp4_head_init(&r->head, island_mac(ISLAND_NEAR_END), island_mac(ISLAND_FAR_END), 0);
	ifindex = (int)if_nametoindex(ISLAND_FAR_NAME);
	if (f->raw == NET_BACKEND_XDP)
		return open_xdp(r, f->threads, ifindex, why);
	for (unsigned i = 0; i < f->threads && !err; i++)
		err = open_packet(r, i, ifindex);
	if (err)
		snprintf(why, FARM_WHY_MAX, "packet sockets: %s", dt_strerror(err));
	return err;
}
