/* SPDX-License-Identifier: MIT */
#include "engine/net_raw.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { SNDBUF_BYTES = 8 << 20 };

/* ---- opening -------------------------------------------------------------------- */

static int refuse(int err, const char *what, char *why)
{
	snprintf(why, NET_WHY_MAX, "%s: %s%s", what, dt_strerror(err),
		 err == -EPERM ? "; cure: run as root, or setcap cap_net_raw,cap_net_admin+ep on "
				 "the program, or --backend uring"
			       : "");
	return err == -EPERM ? DT_EUNSUPPORTED : err;
}

/* Protocol 0: it sends and hears nothing. */
static int open_packet_fd(const struct net_raw *r, int *out)
{
	struct sockaddr_ll sa = { .sll_family = AF_PACKET, .sll_ifindex = r->route.ifindex };
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0), on = 1, snd = SNDBUF_BYTES;

	if (fd < 0)
		return -errno;
	*out = fd;
	if (setsockopt(fd, SOL_PACKET, PACKET_QDISC_BYPASS, &on, sizeof(on)) ||
	    bind(fd, (struct sockaddr *)&sa, sizeof(sa)))
		return -errno;
	if (setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &snd, sizeof(snd)))
		(void)setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &snd, sizeof(snd));
	return 0;
}

static int open_packet(struct net_raw *r, char *why)
{
	for (unsigned i = 0; i < r->workers; i++) {
		int err = open_packet_fd(r, &r->packet_fd[i]);

		if (err)
			return refuse(err, "raw frames (AF_PACKET)", why);
	}
	snprintf(r->text, sizeof(r->text), "%s", r->route.interface);
	return 0;
}

/* A real device has a driver behind it; a virtual one has no device folder. */
static bool is_virtual(const char *interface)
{
	char path[64 + ROUTE_NAME_MAX], target[256];
	ssize_t n;

	snprintf(path, sizeof(path), "/sys/class/net/%s/device", interface);
	n = readlink(path, target, sizeof(target));
	return n < 0;
}

/* A program and a socket for each worker's queue, in one mode; nothing stays where one fails. */
static int try_xdp(struct net_raw *r, const struct xdp_filter *f, bool native, bool zero_copy,
		   char *why)
{
	bool veth = !native && is_virtual(r->route.interface);
	int err = xdp_prog_open(r->route.ifindex, native, f, &r->prog, why);

	for (unsigned i = 0; i < r->workers && !err; i++) {
		struct xsk_opts o = { .interface = r->route.interface,
				      .queue = i,
				      .tx_queue = veth ? xsk_tx_queue_of_veth(i) : i,
				      .native = native,
				      .zero_copy = zero_copy };

		err = xsk_open(&o, &r->xsk[i]);
		if (err == -EINVAL && o.tx_queue != i) { /* it has no queue more */
			o.tx_queue = i;
			err = xsk_open(&o, &r->xsk[i]);
		}
		if (!err)
			err = xdp_prog_set(&r->prog, i, xsk_fd(r->xsk[i]));
		if (err == -EINVAL && i > 0)
			snprintf(why, NET_WHY_MAX,
				 "%s has no queue %u for worker %u; cure: ethtool -L %s combined "
				 "%u, or --workers %u",
				 r->route.interface, i, i, r->route.interface, r->workers, i);
		else if (err)
			(void)refuse(err, "an AF_XDP socket", why);
	}
	if (!err) {
		snprintf(r->text, sizeof(r->text), "%s, %s XDP, %s", r->route.interface,
			 native ? "native" : "generic", zero_copy ? "zero copy" : "copying");
		return 0;
	}
	for (unsigned i = 0; i < r->workers; i++) {
		xsk_close(r->xsk[i]);
		r->xsk[i] = NULL;
	}
	xdp_prog_close(&r->prog);
	return DT_EUNSUPPORTED;
}

static int open_xdp(struct net_group *g, struct net_raw *r, const struct net_udp_opts *o, char *why)
{
	struct xdp_filter f = { .to_ip = r->route.source, .to_mask = ~0u, .ports = g->ports };
	bool real = !is_virtual(r->route.interface); /* native is slower on veth: E-104 */

	memcpy(f.port, g->port, g->ports * sizeof(*f.port));
	if (o->xdp_mode != NET_XDP_GENERIC && (real || o->xdp_mode == NET_XDP_NATIVE)) {
		if (real && try_xdp(r, &f, true, true, why) == 0)
			return 0;
		if (try_xdp(r, &f, true, false, why) == 0 || o->xdp_mode == NET_XDP_NATIVE)
			return r->xsk[0] ? 0 : DT_EUNSUPPORTED;
	}
	return try_xdp(r, &f, false, false, why);
}

static void say_way(struct net_raw *r)
{
	struct in_addr gw = { htonl(r->route.gateway[0].ip) }, src = { htonl(r->route.source) };
	char a[INET_ADDRSTRLEN], b[INET_ADDRSTRLEN];
	size_t n = strlen(r->text);

	inet_ntop(AF_INET, &gw, a, sizeof(a));
	inet_ntop(AF_INET, &src, b, sizeof(b));
	snprintf(r->text + n, sizeof(r->text) - n, ", from %s over %s", b, a);
}

int net_raw_open(struct net_group *g, const struct net_udp_opts *o, struct net_raw **out,
		 char why[static NET_WHY_MAX])
{
	struct net_raw *r;
	int err;

	if (g->family != AF_INET) {
		snprintf(why, NET_WHY_MAX,
			 "raw frames carry IPv4 only; cure: --bind 0.0.0.0:PORT, or --backend "
			 "uring");
		return DT_EUNSUPPORTED;
	}
	r = calloc(1, sizeof(*r));
	if (!r)
		return -ENOMEM;
	*out = r; /* the group closes it, half open or whole */
	r->kind = o->raw;
	r->workers = g->workers;
	r->prog = (struct xdp_prog){ -1, -1, -1 };
	memset(r->packet_fd, 0xff, sizeof(r->packet_fd)); /* -1 */
	err = route_open(o->interface, endpoint_get_ip4(&g->local), true, &r->route, why);
	if (err)
		return err;
	for (unsigned i = 0; i < r->route.gateways; i++)
		udp4_head_init(&r->head[i], r->route.gateway[i].mac, r->route.mac, r->route.source);
	err = r->kind == NET_BACKEND_PACKET ? open_packet(r, why) : open_xdp(g, r, o, why);
	if (!err)
		say_way(r);
	return err;
}

void net_raw_close(struct net_raw *r)
{
	if (!r)
		return;
	xdp_prog_close(&r->prog); /* before the sockets: nothing more comes to them */
	for (unsigned i = 0; i < r->workers; i++) {
		xsk_close(r->xsk[i]);
		if (r->packet_fd[i] >= 0)
			close(r->packet_fd[i]);
	}
	free(r);
}

const char *net_raw_text(const struct net_raw *r)
{
	return r->text;
}

/* ---- by the sockets ------------------------------------------------------------------ */

static int by_socket(const struct net_group *g, unsigned worker, unsigned port,
		     const struct net_msg *m)
{
	struct sockaddr_in sa = { .sin_family = AF_INET,
				  .sin_port = htons(m->peer.port),
				  .sin_addr.s_addr = htonl(endpoint_get_ip4(&m->peer)) };
	ssize_t n = sendto(g->fd[port][worker], m->data, m->len, MSG_DONTWAIT,
			   (struct sockaddr *)&sa, sizeof(sa));

	return n < 0 ? -errno : 0;
}

uint8_t *net_raw_write(const struct net_group *g, unsigned worker, const struct net_msg *m,
		       struct net_failed *failed, struct net_stats *stats)
{
	unsigned port = 0;
	int way = net_raw_aim(g, m, &port), err = way;

	if (way >= 0)
		return udp4_write(&g->raw->head[way], g->port[port], &m->peer, m->data, m->len);
	if (way == ROUTE_SOCKET) {
		err = by_socket(g, worker, port, m);
		stats->syscalls++;
		stats->by_socket += err == 0;
	}
	if (err)
		net_failed_add(failed, stats, m->tag, m->len, err);
	return NULL;
}

void net_raw_rx_init(struct net_raw_rx *r, const struct net_group *g, unsigned index)
{
	r->g = g;
	r->index = index;
	net_mmsg_rx_init(&r->rx, g->family);
	net_raw_rx_drops(r, &(struct net_stats){ 0 }); /* of those before us */
}

/* Who was read first is read last next time, so that no port starves behind another. */
int net_raw_rx_take(struct net_raw_rx *r, struct net_msg *msgs, unsigned max,
		    struct net_stats *stats)
{
	unsigned ports = r->g->ports, n = 0;

	r->turn++;
	for (unsigned k = 0; k < ports && n < max; k++) {
		int fd = r->g->fd[(r->turn + k) % ports][r->index];
		int got = net_mmsg_rx_take(&r->rx, fd, &r->used, msgs + n, max - n, stats);

		if (got < 0)
			return got;
		n += (unsigned)got;
	}
	return (int)n;
}

void net_raw_rx_drops(struct net_raw_rx *r, struct net_stats *stats)
{
	for (unsigned k = 0; k < r->g->ports; k++)
		net_udp_drops(r->g->fd[k][r->index], &r->drops_seen[k], &stats->kernel_drops);
}
