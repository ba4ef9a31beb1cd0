/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <time.h>

#include "bench/sim/farm_impl.h"

/**
 * DOC: the farm on UDP sockets: one per thread and port, all of a port in one SO_REUSEPORT group
 * that deals by CPU: what a worker on core i asks is answered on core i, and its
 * reply arrives there (limits.md B: two co-located pairs do 1.5 times what split
 * ones do).
 *
 * The sockets are bound to every address but to the device lo alone, so the
 * 16.7 million addresses of 127.0.0.0/8 need no configuration and nothing
 * outside can reach them; what does not come from 127.0.0.0/8 is dropped all the
 * same. Replies leave from the address that was asked (IP_PKTINFO).
 *
 * Sockets are opened before the fork: who started the farm learns of a taken
 * port at once, and the kernel queues what comes before the threads run.
 */

enum {
	BATCH = FARM_BATCH,
	PORT_TRIES = 64,
	PORT_STEP = 16,
	RCVBUF_BYTES = 32 << 20,
};

/** struct control - room for one IP_PKTINFO. */
union control {
	struct cmsghdr align;
	char bytes[CMSG_SPACE(sizeof(struct in_pktinfo))];
};

/** struct box - a lane's batch: what arrived and what leaves. */
struct box {
	uint32_t drops_seen[ALIAS_PORTS_MAX];
	unsigned answers; /* filled in tx, all from one socket */
	unsigned socket;
	struct mmsghdr rx[BATCH], tx[BATCH];
	struct iovec rx_vec[BATCH], tx_vec[BATCH];
	struct sockaddr_in rx_name[BATCH], tx_name[BATCH];
	union control rx_control[BATCH], tx_control[BATCH];
	uint8_t query[BATCH][FARM_QUERY_MAX], reply[BATCH][FARM_REPLY_MAX];
};

static void box_init(struct box *b)
{
	for (unsigned i = 0; i < BATCH; i++) {
		struct cmsghdr *c = &b->tx_control[i].align;

		b->rx_vec[i] = (struct iovec){ b->query[i], FARM_QUERY_MAX };
		b->rx[i].msg_hdr.msg_iov = &b->rx_vec[i];
		b->rx[i].msg_hdr.msg_iovlen = 1;
		b->rx[i].msg_hdr.msg_name = &b->rx_name[i];
		b->rx[i].msg_hdr.msg_control = &b->rx_control[i];
		b->tx_vec[i].iov_base = b->reply[i];
		b->tx[i].msg_hdr.msg_iov = &b->tx_vec[i];
		b->tx[i].msg_hdr.msg_iovlen = 1;
		b->tx[i].msg_hdr.msg_name = &b->tx_name[i];
		b->tx[i].msg_hdr.msg_namelen = sizeof(b->tx_name[i]);
		b->tx[i].msg_hdr.msg_control = c;
		b->tx[i].msg_hdr.msg_controllen = sizeof(b->tx_control[i]);
		b->tx_name[i].sin_family = AF_INET;
		*c = (struct cmsghdr){ .cmsg_level = IPPROTO_IP,
				       .cmsg_type = IP_PKTINFO,
				       .cmsg_len = CMSG_LEN(sizeof(struct in_pktinfo)) };
	}
}

/** asked_address() - which of the 16.7 million addresses a datagram came to; 0 unknown. */
static uint32_t asked_address(struct msghdr *h)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(h); c; c = CMSG_NXTHDR(h, c)) {
		struct in_pktinfo info;

		if (c->cmsg_level != IPPROTO_IP || c->cmsg_type != IP_PKTINFO)
			continue;
		memcpy(&info, CMSG_DATA(c), sizeof(info));
		return info.ipi_addr.s_addr;
	}
	return 0;
}

static int fd_of(const struct farm_lane *l, unsigned socket)
{
	return net_group_fd(l->farm->group[socket], l->index);
}

/** flush() - the whole batch; a refused one is counted and stepped over. */
static void flush(struct farm_lane *l)
{
	struct box *b = l->state;
	unsigned at = 0;

	while (at < b->answers) {
		int n = sendmmsg(fd_of(l, b->socket), b->tx + at, b->answers - at, 0);

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

static uint8_t *room(struct farm_lane *l, const struct endpoint *local)
{
	struct box *b = l->state;
	unsigned socket = (unsigned)(local->port - l->farm->world->alias_port);

	if (b->answers == BATCH || (b->answers && socket != b->socket))
		flush(l);
	b->socket = socket;
	return b->reply[b->answers];
}

static void put(struct farm_lane *l, const struct endpoint *local, const struct sim_event *e,
		uint32_t len)
{
	struct box *b = l->state;
	unsigned i = b->answers++;
	struct in_pktinfo info = { .ipi_spec_dst.s_addr = htonl(endpoint_get_ip4(local)) };

	b->tx_vec[i].iov_len = len;
	b->tx_name[i].sin_addr.s_addr = e->peer_ip;
	b->tx_name[i].sin_port = e->peer_port;
	memcpy(CMSG_DATA(&b->tx_control[i].align), &info, sizeof(info));
}

/** serve_socket() - a batch from one socket, and the answers that go at once. */
static void serve_socket(struct farm_lane *l, unsigned socket, int flags)
{
	struct box *b = l->state;
	int n;

	for (unsigned i = 0; i < BATCH; i++) {
		b->rx[i].msg_hdr.msg_namelen = sizeof(b->rx_name[i]);
		b->rx[i].msg_hdr.msg_controllen = sizeof(b->rx_control[i]);
	}
	n = recvmmsg(fd_of(l, socket), b->rx, BATCH, flags, NULL);
	for (int i = 0; i < n; i++)
		l->asked[i] = (struct farm_asked){
			.peer_ip = b->rx_name[i].sin_addr.s_addr,
			.peer_port = b->rx_name[i].sin_port,
			.local_ip = asked_address(&b->rx[i].msg_hdr),
			.local_port = (uint16_t)(l->farm->world->alias_port + socket),
			.query = span_of(b->query[i], b->rx[i].msg_len),
		};
	l->count = n > 0 ? (unsigned)n : 0;
	farm_lane_serve(l);
}

/** turn() - one socket and nothing that waits: the kernel wakes us; else by ppoll(). */
static void turn(struct farm_lane *l, uint64_t until_ns)
{
	uint64_t now_ns = until_ns ? farm_now_ns() : 0;
	uint64_t nap_ns = until_ns <= now_ns ? 0 : until_ns - now_ns;
	struct pollfd p[ALIAS_PORTS_MAX];
	struct timespec ts = { 0 };

	if (until_ns == 0 && l->farm->ports == 1) {
		serve_socket(l, 0, MSG_WAITFORONE);
		return;
	}
	if (until_ns == 0 || nap_ns > FARM_IDLE_NS)
		nap_ns = FARM_IDLE_NS;
	for (unsigned s = 0; s < l->farm->ports; s++)
		p[s] = (struct pollfd){ .fd = fd_of(l, s), .events = POLLIN };
	ts.tv_nsec = (long)nap_ns;
	if (ppoll(p, l->farm->ports, &ts, NULL) > 0)
		for (unsigned s = 0; s < l->farm->ports; s++)
			if (p[s].revents)
				serve_socket(l, s, MSG_DONTWAIT);
}

static void look_at_drops(struct farm_lane *l)
{
	struct box *b = l->state;

	for (unsigned s = 0; s < l->farm->ports; s++)
		net_udp_drops(fd_of(l, s), &b->drops_seen[s], &l->counters.kernel_drops);
}

static const struct farm_io io = { turn, room, put, flush, look_at_drops };

int farm_socket_lane(struct farm_lane *l)
{
	struct box *b = net_udp_alloc(sizeof(*b));

	if (!b)
		return -ENOMEM;
	box_init(b);
	l->io = &io;
	l->state = b;
	return 0;
}

/* ---- opening --------------------------------------------------------------------- */

static int prepare_sockets(struct net_group *g, unsigned threads)
{
	const struct timeval idle = { .tv_usec = FARM_IDLE_NS / 1000 };
	const int on = 1;

	for (unsigned t = 0; t < threads; t++) {
		int fd = net_group_fd(g, t);

		if (setsockopt(fd, IPPROTO_IP, IP_PKTINFO, &on, sizeof(on)) < 0 ||
		    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &idle, sizeof(idle)) < 0)
			return -errno;
	}
	return 0;
}

void farm_socket_close(struct sim_farm *f)
{
	for (unsigned p = 0; p < ALIAS_PORTS_MAX; p++) {
		net_group_close(f->group[p]);
		f->group[p] = NULL;
	}
}

/** open_ports() - all of them from @first on, or none. */
static int open_ports(struct sim_farm *f, uint16_t first)
{
	struct net_udp_opts o = { .workers = f->threads,
				  .steer = NET_STEER_CPU,
				  .rcvbuf_bytes = RCVBUF_BYTES,
				  .bind_device = "lo" };
	int err = 0;

	for (unsigned p = 0; p < f->ports && !err; p++) {
		o.bind = endpoint_ip4(INADDR_ANY, (uint16_t)(first + p));
		err = net_group_open(&o, &f->group[p]);
		/* Kernels before 5.7 want a privilege for the device; sources are checked anyway.
		 */
		if (err == -EPERM) {
			o.bind_device = NULL;
			err = net_group_open(&o, &f->group[p]);
		}
		if (!err)
			err = prepare_sockets(f->group[p], f->threads);
	}
	if (err)
		farm_socket_close(f);
	return err;
}

int farm_socket_open(struct sim_farm *f, uint16_t base_port)
{
	uint16_t first = base_port ? base_port : ALIAS_PORT;
	int err = open_ports(f, first);

	for (unsigned i = 0; err == -EADDRINUSE && !base_port && i < PORT_TRIES; i++) {
		first = (uint16_t)(first + PORT_STEP);
		err = open_ports(f, first);
	}
	if (!err)
		f->world->alias_port = first;
	return err;
}
