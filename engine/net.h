/* SPDX-License-Identifier: MIT */
#ifndef ENGINE_NET_H
#define ENGINE_NET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/clock.h"
#include "proto/endpoint.h"
#include "proto/err.h"

/**
 * DOC: the datagram device: the only way in which the engine touches a wire.
 *
 * One device belongs to one worker thread. Life of a packet:
 *
 *   net_send_alloc()  the device lends buffers (NET_FRAME_MAX bytes each)
 *   ...               the caller writes data, len, peer, tag
 *   net_send()        the first k of them are handed over, the rest forgotten
 *   net_recv()        pushes what was handed over to the kernel, then returns
 *                     datagrams that have arrived; their bytes are the device's
 *   net_recv_finish() gives those bytes back
 *   net_failures()    which handed-over packets the kernel refused, by tag
 *
 * So that io_uring needs one system call per turn of the loop, sending may be
 * postponed until net_recv(). A packet counts as sent when it was handed over
 * and is not reported by net_failures().
 *
 * Implementations: net_uring.c, net_mmsg.c (UDP sockets), net_packet.c,
 * net_xdp.c (raw frames), bench/sim/net_sim.c (virtual time),
 * bench/sim/net_alias.c (wraps another device, translates addresses).
 */

enum {
	NET_FRAME_MAX = 512, /* longest datagram we send */
	NET_RECV_MAX = 1600, /* receive buffers: 20-node and 150-value replies fit (real peers) */
	NET_BATCH_MAX = 256, /* most messages in one call */
	NET_TAG_BITS = 48,   /* a tag is smaller than 2^48: io_uring carries it beside a length */
};

struct net_msg {
	struct endpoint peer; /* send: to; receive: from */
	uint32_t len;
	uint8_t *data;
	uint64_t tag; /* send only, < 2^NET_TAG_BITS: given back by net_failures() */
};

struct net_failure {
	uint64_t tag;
	int err; /* -errno */
};

/** struct net_stats - monotonic counters of one device; read by the owner's thread. */
struct net_stats {
	uint64_t sent_packets, sent_bytes; /* handed over, failures already taken off */
	uint64_t send_failures;            /* refused by the kernel */
	uint64_t recv_packets, recv_bytes;
	uint64_t recv_truncated; /* longer than NET_RECV_MAX: dropped */
	uint64_t recv_broken;    /* raw frames: no whole UDP datagram, or a wrong checksum */
	uint64_t recv_by_ring;   /* AF_XDP: of recv_packets, those that no socket saw */
	uint64_t by_socket;    /* raw back ends: sent through the UDP socket, see engine/route.h */
	uint64_t kernel_drops; /* of this device's sockets: receive queue or ring full */
	uint64_t xdp_drops;    /* of which on AF_XDP rings (XDP_STATISTICS) */
	uint64_t cq_overflow;  /* io_uring completions lost */
	uint64_t buffer_starved; /* AF_XDP: no frame to receive into */
	uint64_t syscalls;
};

struct net;

struct net_ops {
	const char *name; /* "uring", "mmsg", "packet", "xdp", "sim", "alias" */
	unsigned (*send_alloc)(struct net *net, struct net_msg *msgs, unsigned count);
	unsigned (*send)(struct net *net, const struct net_msg *msgs, unsigned count);
	int (*recv)(struct net *net, struct net_msg *msgs, unsigned max, uint64_t wait_ns);
	void (*recv_finish)(struct net *net);
	unsigned (*failures)(struct net *net, struct net_failure *out, unsigned max);
	void (*stats)(struct net *net, struct net_stats *out);
	void (*close)(struct net *net);
};

/** struct net - first member of every implementation's own struct. */
struct net {
	const struct net_ops *ops;
};

/**
 * net_send_alloc() - borrow up to @count send buffers.
 * @msgs: out; .data points to NET_FRAME_MAX writable bytes each.
 * Returns how many could be lent (0 when the device's queue is full: call
 * net_recv() and try again). Valid until the next net_send() or net_recv().
 */
static inline unsigned net_send_alloc(struct net *net, struct net_msg *msgs, unsigned count)
{
	return net->ops->send_alloc(net, msgs, count);
}

/** net_send() - hand over the first @count messages of the last alloc. Returns @count. */
static inline unsigned net_send(struct net *net, const struct net_msg *msgs, unsigned count)
{
	return net->ops->send(net, msgs, count);
}

/**
 * net_recv() - flush what was sent, then collect datagrams.
 * @wait_ns: 0 = never sleep; else sleep at most this long while nothing arrives.
 * Returns the count (0..max) or a negative error that means the device is dead.
 * Call net_recv_finish() before the next net_recv().
 */
static inline int net_recv(struct net *net, struct net_msg *msgs, unsigned max, uint64_t wait_ns)
{
	return net->ops->recv(net, msgs, max, wait_ns);
}

static inline void net_recv_finish(struct net *net)
{
	net->ops->recv_finish(net);
}

/** net_failures() - drain refused sends; call after net_recv(). Returns the count. */
static inline unsigned net_failures(struct net *net, struct net_failure *out, unsigned max)
{
	return net->ops->failures(net, out, max);
}

static inline void net_stats(struct net *net, struct net_stats *out)
{
	net->ops->stats(net, out);
}

static inline void net_close(struct net *net)
{
	if (net)
		net->ops->close(net);
}

/* ---- real UDP devices -------------------------------------------------- */

enum net_backend {
	NET_BACKEND_AUTO, /* uring, and where it is refused mmsg */
	NET_BACKEND_URING,
	NET_BACKEND_MMSG,
	NET_BACKEND_PACKET, /* raw frames out, the UDP sockets of the same ports in */
	NET_BACKEND_XDP,    /* AF_XDP both ways */
};

/** Where the XDP program runs and who copies. */
enum net_xdp_mode {
	NET_XDP_AUTO,   /* zero copy where the device can, else as the table in net_xdp.c says */
	NET_XDP_NATIVE, /* in the driver */
	NET_XDP_GENERIC,
};

/** How the kernel deals arriving datagrams to the sockets of one port. */
enum net_steer {
	NET_STEER_SOURCE, /* by net_deal() of the source address (cBPF): the real network */
	NET_STEER_CPU,    /* by the CPU that delivers: co-located with a farm on loopback */
};

struct net_udp_opts {
	struct endpoint bind; /* address and port; port 0 = kernel chooses, the group shares it */
	unsigned workers;     /* sockets in the SO_REUSEPORT group, 1..NET_WORKERS_MAX */
	enum net_steer steer;
	size_t rcvbuf_bytes;     /* asked for with SO_RCVBUFFORCE, else SO_RCVBUF; 0 = 64 MiB */
	size_t sndbuf_bytes;     /* 0 = 8 MiB */
	const char *bind_device; /* SO_BINDTODEVICE; NULL = none */

	/* raw frames */
	enum net_backend raw;  /* NET_BACKEND_PACKET or _XDP: what it needs is opened too */
	const char *interface; /* to send from; NULL = the default route's */
	unsigned ports;        /* source ports, from bind.port on; 0 = 1; at most NET_PORTS_MAX */
	enum net_xdp_mode xdp_mode;
};

enum {
	NET_WORKERS_MAX = 64,
	NET_PORTS_MAX = 16,
	NET_WHY_MAX = 256,
};

/**
 * net_deal() - which worker owns a remote IPv4 address. The same function in
 * the kernel's filter and everywhere in the engine.
 * @ip: host order.
 */
static inline unsigned net_deal4(uint32_t ip, unsigned workers)
{
	ip ^= ip >> 16;
	ip ^= ip >> 8;
	/* A division costs more than the rest; one or two workers need none. */
	return workers & (workers - 1) ? (ip & 0xffffu) % workers : ip & 0xffffu & (workers - 1);
}

/** net_deal() - the same for either family (v6: folds the /64). */
unsigned net_deal(const struct endpoint *ep, unsigned workers);

/** struct net_group - the sockets of one public port, bound before any device is made. */
struct net_group;

/**
 * net_group_open() - bind all sockets, attach the steering filter, size the
 * buffers; done once, before threads start and before privileges are dropped.
 *
 * Each socket: SO_REUSEPORT, IP_MTU_DISCOVER = IP_PMTUDISC_PROBE. A port that
 * anybody else holds is refused, even by SO_REUSEPORT. A bind address of IPv6
 * (:: as well) makes sockets that carry both families.
 * Errors:  -errno of bind and friends; -EINVAL. Where steering cannot be
 *          attached the group still opens: see net_group_steered().
 */
int net_group_open(const struct net_udp_opts *opts, struct net_group **out) DT_MUST;

/**
 * net_group_open_why() - the same; on error @why is a line with the cure where
 * there is more to say than the error's text, else "".
 * Errors:  DT_EUNSUPPORTED too, where raw frames cannot be had.
 */
int net_group_open_why(const struct net_udp_opts *opts, struct net_group **out,
		       char why[static NET_WHY_MAX]) DT_MUST;
void net_group_close(struct net_group *g);

/**
 * net_group_drain() - forget what waits in the sockets: of a time when nobody read them, and would
 * be taken for news. Before a device is opened on a group that another has used. Returns how
 * many datagrams that were.
 */
unsigned net_group_drain(struct net_group *g);

/** net_group_local() - the address bound, with the port the kernel chose. */
struct endpoint net_group_local(const struct net_group *g);

/** net_group_steered() - true where the kernel deals; false: workers forward by ring. */
bool net_group_steered(const struct net_group *g);

/** net_group_rcvbuf() - bytes the kernel granted per socket (as getsockopt says). */
size_t net_group_rcvbuf(const struct net_group *g);

/** net_group_fd() - socket @i of the first port, for counters and tests. */
int net_group_fd(const struct net_group *g, unsigned i);

/** net_group_ports() - how many ports; net_group_port_fd() - socket @i of port @k. */
unsigned net_group_ports(const struct net_group *g);
int net_group_port_fd(const struct net_group *g, unsigned k, unsigned i);

/** net_group_raw() - what raw frames go by: "eth0 over 192.0.2.1, ..."; "" without any. */
const char *net_group_raw(const struct net_group *g);

/**
 * net_uring_open() - device over socket @i by io_uring; call on the owning
 * thread (SINGLE_ISSUER). Errors: DT_EUNSUPPORTED with a reason in @why where
 * this kernel or a sandbox refuses; never half open.
 */
int net_uring_open(struct net_group *g, unsigned i, struct net **out, const char **why) DT_MUST;

/** net_mmsg_open() - the plain twin over sendmmsg and recvmmsg. */
int net_mmsg_open(struct net_group *g, unsigned i, struct net **out) DT_MUST;

/**
 * net_packet_open() - raw frames by AF_PACKET past the queueing disciplines, replies
 * by the UDP sockets of the same ports (E-100). The group must have been
 * opened with opts.raw. IPv4 only: an IPv6 endpoint is refused with -EAFNOSUPPORT.
 */
int net_packet_open(struct net_group *g, unsigned i, struct net **out) DT_MUST;

/** net_xdp_open() - raw frames by AF_XDP both ways; worker @i has queue @i of the device. */
int net_xdp_open(struct net_group *g, unsigned i, struct net **out) DT_MUST;

/**
 * net_open() - the chosen back end, or for AUTO io_uring and where it is
 * refused mmsg.
 * @why: out; for AUTO that fell back, the reason in a phrase; else "".
 */
int net_open(enum net_backend b, struct net_group *g, unsigned i, struct net **out,
	     const char **why) DT_MUST;

/** net_backend_is_raw() - needs opts.raw, an interface, and privileges. */
static inline bool net_backend_is_raw(enum net_backend b)
{
	return b == NET_BACKEND_PACKET || b == NET_BACKEND_XDP;
}

/** net_backend_from_text() - "auto", "uring", "mmsg", "packet", "xdp"; else DT_EMALF. */
int net_backend_from_text(const char *text, enum net_backend *out) DT_MUST;

#endif
