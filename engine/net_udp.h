/* SPDX-License-Identifier: MIT */
#ifndef ENGINE_NET_UDP_H
#define ENGINE_NET_UDP_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "engine/net.h"

/**
 * DOC: what the two UDP devices share and nobody else needs: the group's
 * insides, socket addresses, the drop counter, the way to sleep. The public
 * side is engine/net.h.
 */

enum {
	/*
	 * How long a device gathers before it looks again. A wake-up of an idle
	 * core costs some 25 us on each side, a datagram 1 us: waking per datagram
	 * would be most of the work (E-22).
	 */
	NET_UDP_TICK_NS = 500 * 1000,
	NET_UDP_FRAME_STRIDE = NET_FRAME_MAX,
};

struct net_raw; /* engine/net_raw.h */
struct pollfd;

struct net_group {
	unsigned workers;
	int family; /* AF_INET, or AF_INET6 (also IPv4, mapped) */
	bool steered;
	size_t rcvbuf_bytes;
	unsigned ports;
	struct endpoint local; /* of the first port */
	uint16_t port[NET_PORTS_MAX];
	int fd[NET_PORTS_MAX][NET_WORKERS_MAX]; /* a SO_REUSEPORT group a port */
	struct net_raw *raw;                    /* NULL: UDP sockets only */
};

union net_sockaddr {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
};

static inline socklen_t net_udp_sockaddr_len(int family)
{
	return family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6);
}

/**
 * net_udp_to_sockaddr() - write @ep for a socket of @family.
 * @sa: zeroed once by the caller; family, port and address are written.
 * Returns false for an IPv6 endpoint on an IPv4 socket.
 */
static inline bool net_udp_to_sockaddr(const struct endpoint *ep, int family,
				       union net_sockaddr *sa)
{
	if (family == AF_INET) {
		sa->v4.sin_family = AF_INET;
		sa->v4.sin_port = htons(ep->port);
		memcpy(&sa->v4.sin_addr, ep->addr + 12, 4);
		return endpoint_is4(ep);
	}
	sa->v6.sin6_family = AF_INET6;
	sa->v6.sin6_port = htons(ep->port);
	memcpy(&sa->v6.sin6_addr, ep->addr, 16);
	return true;
}

static inline struct endpoint net_udp_from_sockaddr(const union net_sockaddr *sa, int family)
{
	struct endpoint ep;

	if (family == AF_INET)
		return endpoint_ip4(ntohl(sa->v4.sin_addr.s_addr), ntohs(sa->v4.sin_port));
	memcpy(ep.addr, &sa->v6.sin6_addr, 16);
	ep.port = ntohs(sa->v6.sin6_port);
	return ep;
}

/**
 * net_udp_drops() - add the drops of @fd since the last call to @total.
 * @seen: the kernel's 32-bit counter at the last call; may wrap once between calls.
 *
 * Cost:    one getsockopt(SO_MEMINFO).
 * Source:  sock_diag.h SK_MEMINFO_DROPS, the counter that SO_RXQ_OVFL would
 *          attach to each datagram as a control message.
 */
void net_udp_drops(int fd, uint32_t *seen, uint64_t *total);

/**
 * net_udp_sleep() - one sleep of a device that found nothing.
 * @round: 0 for the first sleep of a net_recv(): a tick, whatever arrives;
 *         later ones: until something arrives or the rest is over.
 * @left_ns: in and out; what remains to wait. A signal ends the waiting.
 * Returns false where nothing was left to wait.
 */
bool net_udp_sleep(int fd, unsigned round, uint64_t *left_ns);

/** net_udp_sleep_on() - the same on several descriptors. */
bool net_udp_sleep_on(struct pollfd *fds, unsigned count, unsigned round, uint64_t *left_ns);

/** net_udp_fatal() - does this errno of a receive mean that the device is dead? */
bool net_udp_fatal(int err);

/**
 * net_udp_alloc() - @bytes on pages of their own, zeroed and so touched: no
 * page fault later (10 us each where the host must back the page), and a shape
 * that io_uring takes for a buffer ring. NULL where refused; free() it.
 */
void *net_udp_alloc(size_t bytes);

#endif
