/* SPDX-License-Identifier: MIT */
#ifndef ENGINE_ROUTE_H
#define ENGINE_ROUTE_H

#include <stdbool.h>
#include <stdint.h>

#include "engine/udp4.h"
#include "proto/endpoint.h"
#include "proto/err.h"

/**
 * DOC: where a raw frame has to go: the routing table of IPv4, once read by
 * rtnetlink, cut down to one interface and its gateways.
 *
 * Raw frames leave through one Ethernet device to a gateway whose MAC is known.
 * Whatever the kernel would send another way (neighbours on the same wire, our own
 * addresses, another interface) is ROUTE_SOCKET: such packets go through the UDP
 * socket, whose kernel knows how. So a table of ours can be small without
 * being wrong. Read at the start; a route that changes later is not seen.
 */

enum {
	ROUTES_MAX = 64, /* prefixes; a host has ten, a BGP router a million */
	ROUTE_GATEWAYS_MAX = 8,
	ROUTE_SOCKET = -1, /* by the kernel */
	ROUTE_NONE = -2,   /* no route at all */
	ROUTE_WHY_MAX = 240,
	ROUTE_NAME_MAX = 16, /* IFNAMSIZ */
};

struct route_prefix {
	uint32_t ip, mask; /* host order */
	uint32_t metric;
	int16_t way; /* index of a gateway, or ROUTE_SOCKET */
};

struct route_gateway {
	uint32_t ip;
	uint8_t mac[UDP4_MAC_BYTES];
};

struct route_table {
	char interface[ROUTE_NAME_MAX];
	int ifindex;
	uint32_t mtu;
	uint32_t source; /* our address towards the gateways, host order */
	uint8_t mac[UDP4_MAC_BYTES];
	unsigned prefixes, gateways;
	struct route_prefix prefix[ROUTES_MAX]; /* longest first, then by metric */
	struct route_gateway gateway[ROUTE_GATEWAYS_MAX];
};

/**
 * route_open() - read the tables main and local.
 * @interface: NULL = that of the default route, else of the only gateway.
 * @source: 0 = the address that the kernel would choose.
 * @ask: have the kernel resolve a gateway that is not known (it sends ARP); else that is an error.
 * @why: out; on error a phrase with the cure.
 * Errors:  DT_EUNSUPPORTED no such device, not Ethernet, no gateway, its MAC
 *          unknown, too many routes; -errno of the sockets.
 * Source:  rtnetlink(7); NTF_USE asks the kernel to resolve a neighbour without
 *          a packet of ours.
 */
int route_open(const char *interface, uint32_t source, bool ask, struct route_table *out,
	       char why[static ROUTE_WHY_MAX]) DT_MUST;

/**
 * route_way() - the way to an address, in host order: a gateway's index,
 * ROUTE_SOCKET or ROUTE_NONE.
 * Cost:    a walk over the prefixes, a few ns where there are few.
 */
static inline int route_way(const struct route_table *t, uint32_t ip)
{
	for (unsigned i = 0; i < t->prefixes; i++)
		if ((ip & t->prefix[i].mask) == t->prefix[i].ip)
			return t->prefix[i].way;
	return ROUTE_NONE;
}

#endif
