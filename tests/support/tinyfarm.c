/* SPDX-License-Identifier: MIT */
#include "tests/support/tinyfarm.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/support/rng.h"

enum { PUBLIC_NET = 0x14000000, LOOPBACK_NET = 0x7f000000, HOST_MASK = 0x00ffffff, POLL_MS = 20 };

struct tinyfarm {
	const struct tinynet *world;
	pthread_t thread;
	int fd;
	uint16_t port;
	double loss;
	atomic_bool stop;
	_Atomic uint64_t received;
};

/* ---- the answering side ----------------------------------------------------- */

/* The node that stands at a loopback address, whatever its port. */
static const struct tinynet_node *node_at(const struct tinynet *t, uint32_t ip)
{
	uint32_t first = endpoint_get_ip4(&t->nodes[0].ep), i;
	uint32_t step = t->count > 1 ? endpoint_get_ip4(&t->nodes[1].ep) - first : 1;

	ip = (ip & HOST_MASK) | PUBLIC_NET;
	i = (ip - first) / step;
	return i < t->count && endpoint_get_ip4(&t->nodes[i].ep) == ip ? &t->nodes[i] : NULL;
}

static void answer_one(struct tinyfarm *f, struct rng *rng)
{
	uint8_t in[NET_RECV_MAX], out[TINYNET_REPLY_MAX];
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(struct in_pktinfo))];
	} control;
	struct sockaddr_in from;
	struct iovec vec = { in, sizeof(in) };
	struct msghdr msg = { &from, sizeof(from), &vec, 1, &control, sizeof(control), 0 };
	ssize_t n = recvmsg(f->fd, &msg, 0);
	const struct tinynet_node *node;
	struct in_pktinfo info;
	size_t len;

	if (n < 0 || !CMSG_FIRSTHDR(&msg))
		return;
	atomic_fetch_add(&f->received, 1);
	memcpy(&info, CMSG_DATA(CMSG_FIRSTHDR(&msg)), sizeof(info));
	node = node_at(f->world, ntohl(info.ipi_addr.s_addr));
	if (!node || (double)(rng_u64(rng) >> 11) * 0x1p-53 < f->loss)
		return;
	len = tinynet_answer(f->world, &node->ep, span_of(in, (size_t)n), out);
	if (len == 0)
		return;
	info.ipi_spec_dst = info.ipi_addr; /* answer from where it was asked */
	info.ipi_ifindex = 0;
	memcpy(CMSG_DATA(CMSG_FIRSTHDR(&msg)), &info, sizeof(info));
	vec = (struct iovec){ out, len };
	(void)!sendmsg(f->fd, &msg, 0);
}

static void *farm_main(void *arg)
{
	struct tinyfarm *f = arg;
	struct rng rng = { 99 };

	while (!atomic_load(&f->stop))
		answer_one(f, &rng);
	return NULL;
}

static int open_socket(struct tinyfarm *f)
{
	struct sockaddr_in any = { .sin_family = AF_INET };
	struct timeval poll = { 0, POLL_MS * 1000 };
	socklen_t len = sizeof(any);
	int on = 1, bytes = 4 << 20;

	f->fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (f->fd < 0)
		return -errno;
	if (setsockopt(f->fd, SOL_SOCKET, SO_BINDTODEVICE, "lo", 2) ||
	    setsockopt(f->fd, IPPROTO_IP, IP_PKTINFO, &on, sizeof(on)) ||
	    setsockopt(f->fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes)) ||
	    setsockopt(f->fd, SOL_SOCKET, SO_RCVTIMEO, &poll, sizeof(poll)) ||
	    bind(f->fd, (struct sockaddr *)&any, sizeof(any)) ||
	    getsockname(f->fd, (struct sockaddr *)&any, &len))
		return -errno;
	f->port = ntohs(any.sin_port);
	return 0;
}

struct tinyfarm *tinyfarm_start(const struct tinynet *t, double loss)
{
	struct tinyfarm *f = calloc(1, sizeof(*f));

	if (!f)
		abort();
	f->world = t;
	f->loss = loss;
	if (open_socket(f)) {
		if (f->fd >= 0)
			close(f->fd);
		free(f);
		return NULL;
	}
	if (pthread_create(&f->thread, NULL, farm_main, f))
		abort();
	return f;
}

void tinyfarm_stop(struct tinyfarm *f)
{
	if (!f)
		return;
	atomic_store(&f->stop, true);
	pthread_join(f->thread, NULL);
	close(f->fd);
	free(f);
}

uint64_t tinyfarm_received(const struct tinyfarm *f)
{
	return atomic_load(&f->received);
}

/* ---- the device around ------------------------------------------------------- */

struct wrapped {
	struct net base;
	struct net *inner;
	const struct tinyfarm *farm;
	struct net_failure refused[NET_BATCH_MAX];
	unsigned refused_count;
};

static struct wrapped *self(struct net *net)
{
	return (struct wrapped *)net;
}

static unsigned wrapped_alloc(struct net *net, struct net_msg *msgs, unsigned count)
{
	return net_send_alloc(self(net)->inner, msgs, count);
}

static unsigned wrapped_send(struct net *net, const struct net_msg *msgs, unsigned count)
{
	struct wrapped *w = self(net);
	struct net_msg out[NET_BATCH_MAX];
	unsigned n = 0;

	for (unsigned i = 0; i < count; i++) {
		const struct tinynet_node *node = tinynet_find(w->farm->world, &msgs[i].peer);

		if (!node) {
			w->refused[w->refused_count++] =
				(struct net_failure){ msgs[i].tag, -EACCES };
			continue;
		}
		out[n] = msgs[i];
		out[n++].peer = endpoint_ip4(
			LOOPBACK_NET | (endpoint_get_ip4(&node->ep) & HOST_MASK), w->farm->port);
	}
	net_send(w->inner, out, n);
	return count;
}

static int wrapped_recv(struct net *net, struct net_msg *msgs, unsigned max, uint64_t wait_ns)
{
	struct wrapped *w = self(net);
	int n = net_recv(w->inner, msgs, max, wait_ns);

	for (int i = 0; i < n; i++) {
		const struct tinynet_node *node =
			node_at(w->farm->world, endpoint_get_ip4(&msgs[i].peer));

		if (node)
			msgs[i].peer = node->ep;
	}
	return n;
}

static void wrapped_recv_finish(struct net *net)
{
	net_recv_finish(self(net)->inner);
}

static unsigned wrapped_failures(struct net *net, struct net_failure *out, unsigned max)
{
	struct wrapped *w = self(net);
	unsigned n = w->refused_count < max ? w->refused_count : max;

	memcpy(out, w->refused, n * sizeof(*out));
	memmove(w->refused, w->refused + n, (w->refused_count - n) * sizeof(*out));
	w->refused_count -= n;
	return n + net_failures(w->inner, out + n, max - n);
}

static void wrapped_stats(struct net *net, struct net_stats *out)
{
	net_stats(self(net)->inner, out);
}

static void wrapped_close(struct net *net)
{
	net_close(self(net)->inner);
	free(net);
}

static const struct net_ops ops = { "tiny-alias",  wrapped_alloc,       wrapped_send,
				    wrapped_recv,  wrapped_recv_finish, wrapped_failures,
				    wrapped_stats, wrapped_close };

struct net *tinyfarm_wrap(void *ctx, struct net *inner)
{
	struct wrapped *w = calloc(1, sizeof(*w));

	if (!w)
		abort();
	w->base.ops = &ops;
	w->inner = inner;
	w->farm = ctx;
	return &w->base;
}
