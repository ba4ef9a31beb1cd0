/* SPDX-License-Identifier: MIT */
#include "engine/route.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/neighbour.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "engine/rtnl.h"

enum {
	PORT_DISCARD = 9,
	RESOLVE_MS = 1000, /* the kernel asks three times, a second apart; an answer takes 1 ms */
	RESOLVE_STEP_MS = 10,
};

/* A route as it was told; which gateway counts is known when all were. */
struct told {
	uint32_t ip, mask, metric, gateway;
	int oif;
	bool plain; /* unicast by one gateway: raw frames can take it */
};

struct reader {
	struct told list[ROUTES_MAX];
	unsigned count;
};

static char *ip_text(uint32_t ip, char out[static INET_ADDRSTRLEN])
{
	struct in_addr a = { .s_addr = htonl(ip) };

	inet_ntop(AF_INET, &a, out, INET_ADDRSTRLEN);
	return out;
}

static int take_route(void *ctx, const struct nlmsghdr *msg)
{
	const struct rtmsg *r = NLMSG_DATA(msg);
	struct reader *rd = ctx;
	struct told *t;
	uint32_t table;

	if (msg->nlmsg_type != RTM_NEWROUTE || msg->nlmsg_len < NLMSG_LENGTH(sizeof(*r)))
		return 0;
	table = rtnl_attr_u32(msg, sizeof(*r), RTA_TABLE, r->rtm_table);
	if ((table != RT_TABLE_MAIN && table != RT_TABLE_LOCAL) || r->rtm_dst_len > 32 ||
	    r->rtm_flags & RTM_F_CLONED)
		return 0;
	if (rd->count == ROUTES_MAX)
		return -E2BIG;
	t = &rd->list[rd->count++];
	t->mask = r->rtm_dst_len ? ~0u << (32 - r->rtm_dst_len) : 0;
	t->ip = ntohl(rtnl_attr_u32(msg, sizeof(*r), RTA_DST, 0)) & t->mask;
	t->metric = rtnl_attr_u32(msg, sizeof(*r), RTA_PRIORITY, 0);
	t->gateway = ntohl(rtnl_attr_u32(msg, sizeof(*r), RTA_GATEWAY, 0));
	t->oif = (int)rtnl_attr_u32(msg, sizeof(*r), RTA_OIF, 0);
	t->plain = r->rtm_type == RTN_UNICAST && t->gateway && t->oif && !r->rtm_tos &&
		   !rtnl_attr(msg, sizeof(*r), RTA_ENCAP);
	return 0;
}

static int by_length(const void *a, const void *b)
{
	const struct told *x = a, *y = b;

	if (x->mask != y->mask)
		return x->mask > y->mask ? -1 : 1;
	return (x->metric > y->metric) - (x->metric < y->metric);
}

static int read_routes(struct reader *rd, char *why)
{
	struct rtmsg body = { .rtm_family = AF_INET };
	struct rtnl_req req;
	int err;

	rtnl_begin(&req, RTM_GETROUTE, NLM_F_DUMP, &body, sizeof(body));
	err = rtnl_dump(&req, take_route, rd);
	if (err == -E2BIG) {
		snprintf(why, ROUTE_WHY_MAX,
			 "this machine has more than %d routes; cure: --backend uring", ROUTES_MAX);
		return DT_EUNSUPPORTED;
	}
	if (err) {
		snprintf(why, ROUTE_WHY_MAX, "routes cannot be read: %s", dt_strerror(err));
		return err;
	}
	qsort(rd->list, rd->count, sizeof(*rd->list), by_length);
	return 0;
}

/* The default route's device; where there is none, that of the first route over a gateway. */
static int choose_device(const struct reader *rd)
{
	int oif = 0;

	for (unsigned i = 0; i < rd->count; i++) {
		if (!rd->list[i].plain)
			continue;
		if (rd->list[i].mask == 0)
			return rd->list[i].oif;
		if (!oif)
			oif = rd->list[i].oif;
	}
	return oif;
}

static int read_device(struct route_table *t, char *why)
{
	struct ifreq r = { .ifr_ifru = { .ifru_ivalue = 0 } };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), err = 0;

	if (fd < 0)
		return -errno;
	memcpy(r.ifr_name, t->interface, sizeof(r.ifr_name));
	if (ioctl(fd, SIOCGIFHWADDR, &r)) {
		snprintf(why, ROUTE_WHY_MAX, "no interface '%s'; cure: --interface, one of ip link",
			 t->interface);
		err = DT_EUNSUPPORTED;
	} else if (r.ifr_hwaddr.sa_family != ARPHRD_ETHER) {
		snprintf(why, ROUTE_WHY_MAX,
			 "%s is not an Ethernet device; cure: --interface, or --backend uring",
			 t->interface);
		err = DT_EUNSUPPORTED;
	} else {
		memcpy(t->mac, r.ifr_hwaddr.sa_data, sizeof(t->mac));
		err = ioctl(fd, SIOCGIFMTU, &r) ? -errno : 0;
		t->mtu = (uint32_t)r.ifr_mtu;
	}
	close(fd);
	return err;
}

/* What the kernel would write as source; connecting a UDP socket sends nothing. */
static int choose_source(struct route_table *t, uint32_t gateway)
{
	struct sockaddr_in sa = { .sin_family = AF_INET,
				  .sin_port = htons(PORT_DISCARD),
				  .sin_addr.s_addr = htonl(gateway) };
	socklen_t len = sizeof(sa);
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), err = 0;

	if (fd < 0)
		return -errno;
	if (connect(fd, (struct sockaddr *)&sa, sizeof(sa)) ||
	    getsockname(fd, (struct sockaddr *)&sa, &len))
		err = -errno;
	t->source = ntohl(sa.sin_addr.s_addr);
	close(fd);
	return err;
}

/* ---- neighbours ---------------------------------------------------------------- */

struct wanted {
	int ifindex;
	uint32_t ip;
	uint8_t *mac;
	bool found;
};

static int take_neighbour(void *ctx, const struct nlmsghdr *msg)
{
	enum { USABLE = NUD_PERMANENT | NUD_REACHABLE | NUD_STALE | NUD_DELAY | NUD_PROBE };
	const struct ndmsg *n = NLMSG_DATA(msg);
	const struct rtattr *mac;
	struct wanted *w = ctx;

	if (msg->nlmsg_type != RTM_NEWNEIGH || msg->nlmsg_len < NLMSG_LENGTH(sizeof(*n)) ||
	    n->ndm_ifindex != w->ifindex || !(n->ndm_state & USABLE) ||
	    ntohl(rtnl_attr_u32(msg, sizeof(*n), NDA_DST, 0)) != w->ip)
		return 0;
	mac = rtnl_attr(msg, sizeof(*n), NDA_LLADDR);
	if (!mac || RTA_PAYLOAD(mac) != UDP4_MAC_BYTES)
		return 0;
	memcpy(w->mac, RTA_DATA(mac), UDP4_MAC_BYTES);
	w->found = true;
	return 0;
}

static int look_up(struct wanted *w)
{
	struct ndmsg body = { .ndm_family = AF_INET, .ndm_ifindex = w->ifindex };
	struct rtnl_req req;

	rtnl_begin(&req, RTM_GETNEIGH, NLM_F_DUMP, &body, sizeof(body));
	return rtnl_dump(&req, take_neighbour, w);
}

/* Ask the kernel to find it out. Refused without CAP_NET_ADMIN: then it must be known already. */
static void ask_kernel(const struct wanted *w)
{
	struct ndmsg body = { .ndm_family = AF_INET,
			      .ndm_ifindex = w->ifindex,
			      .ndm_flags = NTF_USE };
	struct rtnl_req req;

	rtnl_begin(&req, RTM_NEWNEIGH, NLM_F_CREATE, &body, sizeof(body));
	rtnl_put_u32(&req, NDA_DST, htonl(w->ip));
	(void)!rtnl_do(&req);
}

static int resolve(const struct route_table *t, struct route_gateway *g, bool ask, char *why)
{
	struct wanted w = { .ifindex = t->ifindex, .ip = g->ip, .mac = g->mac };
	char text[INET_ADDRSTRLEN];
	int err = look_up(&w);

	if (!err && !w.found && ask)
		ask_kernel(&w);
	for (unsigned ms = 0; !err && !w.found && ask && ms < RESOLVE_MS; ms += RESOLVE_STEP_MS) {
		nanosleep(&(struct timespec){ .tv_nsec = RESOLVE_STEP_MS * 1000000 }, NULL);
		err = look_up(&w);
	}
	if (err || w.found)
		return err;
	snprintf(
		why, ROUTE_WHY_MAX,
		"the MAC address of gateway %s on %s is not known; cure: ping -c1 %s, or --backend "
		"uring",
		ip_text(g->ip, text), t->interface, text);
	return DT_EUNSUPPORTED;
}

/* ---- the table --------------------------------------------------------------------- */

static int gateway_of(struct route_table *t, uint32_t ip)
{
	for (unsigned i = 0; i < t->gateways; i++)
		if (t->gateway[i].ip == ip)
			return (int)i;
	if (t->gateways == ROUTE_GATEWAYS_MAX)
		return ROUTE_SOCKET; /* slower, not wrong */
	t->gateway[t->gateways].ip = ip;
	return (int)t->gateways++;
}

static int fill(struct route_table *t, const struct reader *rd, bool ask, char *why)
{
	int err = 0;

	for (unsigned i = 0; i < rd->count; i++) {
		const struct told *r = &rd->list[i];
		bool raw = r->plain && r->oif == t->ifindex;

		t->prefix[t->prefixes++] = (struct route_prefix){
			.ip = r->ip,
			.mask = r->mask,
			.metric = r->metric,
			.way = (int16_t)(raw ? gateway_of(t, r->gateway) : ROUTE_SOCKET),
		};
	}
	if (t->gateways == 0) {
		snprintf(why, ROUTE_WHY_MAX,
			 "no route leads over a gateway of %s; cure: --interface, or --backend "
			 "uring",
			 t->interface);
		return DT_EUNSUPPORTED;
	}
	if (!t->source)
		err = choose_source(t, t->gateway[0].ip);
	for (unsigned i = 0; !err && i < t->gateways; i++)
		err = resolve(t, &t->gateway[i], ask, why);
	return err;
}

int route_open(const char *interface, uint32_t source, bool ask, struct route_table *out,
	       char why[static ROUTE_WHY_MAX])
{
	struct reader rd = { .count = 0 };
	int err = read_routes(&rd, why);

	memset(out, 0, sizeof(*out));
	if (err)
		return err;
	out->source = source;
	if (interface && *interface) {
		snprintf(out->interface, sizeof(out->interface), "%s", interface);
		out->ifindex = (int)if_nametoindex(out->interface);
	} else {
		out->ifindex = choose_device(&rd);
		if (!out->ifindex || !if_indextoname((unsigned)out->ifindex, out->interface)) {
			snprintf(why, ROUTE_WHY_MAX,
				 "no route leads over a gateway, so raw frames have no address to "
				 "go to; cure: --interface, or --backend uring");
			return DT_EUNSUPPORTED;
		}
	}
	err = read_device(out, why);
	if (!err)
		err = fill(out, &rd, ask, why);
	if (err && !*why)
		snprintf(why, ROUTE_WHY_MAX, "%s: %s", out->interface, dt_strerror(err));
	return err;
}
