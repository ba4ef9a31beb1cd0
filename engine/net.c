/* SPDX-License-Identifier: MIT */
#include "engine/net.h"

#include <errno.h>
#include <string.h>

unsigned net_deal(const struct endpoint *ep, unsigned workers)
{
	const uint8_t *a = ep->addr;
	uint32_t high, low;

	if (endpoint_is4(ep))
		return net_deal4(endpoint_get_ip4(ep), workers);
	high = (uint32_t)a[0] << 24 | (uint32_t)a[1] << 16 | (uint32_t)a[2] << 8 | a[3];
	low = (uint32_t)a[4] << 24 | (uint32_t)a[5] << 16 | (uint32_t)a[6] << 8 | a[7];
	return net_deal4(high ^ low, workers);
}

int net_open(enum net_backend b, struct net_group *g, unsigned i, struct net **out,
	     const char **why)
{
	*why = "";
	switch (b) {
	case NET_BACKEND_URING:
		return net_uring_open(g, i, out, why);
	case NET_BACKEND_MMSG:
		return net_mmsg_open(g, i, out);
	case NET_BACKEND_AUTO:
		if (net_uring_open(g, i, out, why) == 0)
			return 0;
		return net_mmsg_open(g, i, out);
	case NET_BACKEND_PACKET:
		*why = net_group_raw(g);
		return net_packet_open(g, i, out);
	case NET_BACKEND_XDP:
		*why = net_group_raw(g);
		return net_xdp_open(g, i, out);
	}
	return -EINVAL;
}

static const struct {
	const char *text;
	enum net_backend backend;
} names[] = {
	{ "auto", NET_BACKEND_AUTO }, { "uring", NET_BACKEND_URING },
	{ "mmsg", NET_BACKEND_MMSG }, { "packet", NET_BACKEND_PACKET },
	{ "xdp", NET_BACKEND_XDP },
};

int net_backend_from_text(const char *text, enum net_backend *out)
{
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (strcmp(text, names[i].text) == 0) {
			*out = names[i].backend;
			return 0;
		}
	}
	return DT_EMALF;
}
