/* SPDX-License-Identifier: MIT */
#include "engine/vantage.h"

#include <arpa/inet.h>
#include <errno.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>

#include "engine/blocklist.h"

bool vantage_is_dark(const struct endpoint *ep)
{
	static const uint8_t octets[] = { 3,  6,  7,  9,  11, 19, 21, 22, 25,
					  26, 28, 29, 30, 33, 34, 48, 56 };

	return endpoint_is4(ep) && memchr(octets, ep->addr[12], sizeof(octets)) != NULL;
}

bool vantage_is_public(const struct endpoint *ep)
{
	struct blocklist *b;
	bool hit;

	if (blocklist_new(&b) < 0)
		return true;
	hit = blocklist_lookup(b, ep) != BLOCKLIST_CLEAR;
	blocklist_free(b);
	return !hit;
}

int vantage_local(void (*visit)(void *ctx, const char *device, const struct endpoint *ep),
		  void *ctx)
{
	struct ifaddrs *list, *a;

	if (getifaddrs(&list))
		return -errno;
	for (a = list; a; a = a->ifa_next) {
		struct sockaddr_in sin;
		struct endpoint ep;

		if (!a->ifa_addr || a->ifa_addr->sa_family != AF_INET ||
		    a->ifa_flags & IFF_LOOPBACK)
			continue;
		memcpy(&sin, a->ifa_addr, sizeof(sin));
		ep = endpoint_ip4(ntohl(sin.sin_addr.s_addr), 0);
		visit(ctx, a->ifa_name, &ep);
	}
	freeifaddrs(list);
	return 0;
}

/* ---- votes ---------------------------------------------------------------------- */

/* Everybody gives as many as the poorest has, which frees a place. */
static void pay(struct vantage_votes *v, uint64_t votes)
{
	for (unsigned i = 0; i < VANTAGE_PLACES; i++)
		v->place[i].votes -= votes < v->place[i].votes ? votes : v->place[i].votes;
}

void vantage_count(struct vantage_votes *v, const struct endpoint *ep, uint64_t votes)
{
	unsigned least = 0;

	v->all += votes;
	for (unsigned i = 0; i < VANTAGE_PLACES; i++)
		if (v->place[i].votes && endpoint_equal(&v->place[i].ep, ep)) {
			v->place[i].votes += votes;
			return;
		}
	for (unsigned i = 1; i < VANTAGE_PLACES; i++)
		if (v->place[i].votes < v->place[least].votes)
			least = i;
	if (v->place[least].votes) {
		uint64_t paid = votes < v->place[least].votes ? votes : v->place[least].votes;

		pay(v, paid);
		votes -= paid;
	}
	if (votes && !v->place[least].votes) {
		v->place[least].ep = *ep;
		v->place[least].votes = votes;
	}
}

void vantage_add(struct vantage_votes *sum, const struct vantage_votes *one)
{
	uint64_t all = sum->all + one->all;

	for (unsigned i = 0; i < VANTAGE_PLACES; i++)
		if (one->place[i].votes)
			vantage_count(sum, &one->place[i].ep, one->place[i].votes);
	sum->all = all;
}

uint64_t vantage_best(const struct vantage_votes *v, struct endpoint *out)
{
	unsigned best = 0;

	for (unsigned i = 1; i < VANTAGE_PLACES; i++)
		if (v->place[i].votes > v->place[best].votes)
			best = i;
	*out = v->place[best].ep;
	return v->place[best].votes;
}
