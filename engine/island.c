/* SPDX-License-Identifier: MIT */
#include "engine/island.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/neighbour.h>
#include <linux/veth.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/rtnl.h"

enum { LINK_BITS = 30, HOST_BITS = 32, NET_BITS = 15, ENDS = 3 };

static const uint8_t near_mac[UDP4_MAC_BYTES] = { 2, 0, 0, 0, 0, 1 };
static const uint8_t far_mac[UDP4_MAC_BYTES] = { 2, 0, 0, 0, 0, 2 };
static const uint8_t no_mac[UDP4_MAC_BYTES] = { 2, 0, 0, 0, 0, 3 };

struct island {
	struct island_opts opts;
	int ns[ENDS]; /* by enum island_end */
	ino_t inode[ENDS];
};

/* ---- namespaces ------------------------------------------------------------------ */

static int this_ns(int *fd, ino_t *inode)
{
	struct stat st;

	*fd = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
	if (*fd < 0 || fstat(*fd, &st))
		return -errno;
	*inode = st.st_ino;
	return 0;
}

static int write_text(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC), err = 0;

	if (fd < 0)
		return -errno;
	if (write(fd, text, strlen(text)) < 0)
		err = -errno;
	close(fd);
	return err;
}

/* Ourselves as ourselves, with the right to make networks. */
static int user_ns(void)
{
	uid_t uid = geteuid();
	gid_t gid = getegid();
	char map[64];
	int err;

	if (unshare(CLONE_NEWUSER))
		return -errno;
	err = write_text("/proc/self/setgroups", "deny");
	snprintf(map, sizeof(map), "%u %u 1", uid, uid);
	if (!err)
		err = write_text("/proc/self/uid_map", map);
	snprintf(map, sizeof(map), "%u %u 1", gid, gid);
	return err ? err : write_text("/proc/self/gid_map", map);
}

static int make_namespaces(struct island *i)
{
	int err = this_ns(&i->ns[ISLAND_HOME], &i->inode[ISLAND_HOME]);

	if (!err && unshare(CLONE_NEWNET)) {
		err = errno == EPERM ? user_ns() : -errno;
		if (!err && unshare(CLONE_NEWNET))
			err = -errno;
	}
	if (!err)
		err = this_ns(&i->ns[ISLAND_FAR_END], &i->inode[ISLAND_FAR_END]);
	if (!err && unshare(CLONE_NEWNET))
		err = -errno;
	return err ? err : this_ns(&i->ns[ISLAND_NEAR_END], &i->inode[ISLAND_NEAR_END]);
}

/* ---- what is in them --------------------------------------------------------------- */

static int make_pair(const struct island *i)
{
	struct ifinfomsg body = { .ifi_family = AF_UNSPEC };
	uint32_t queues = i->opts.queues ? i->opts.queues : 1;
	struct rtnl_req r;
	size_t info, data, peer;

	rtnl_begin(&r, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, &body, sizeof(body));
	rtnl_put_text(&r, IFLA_IFNAME, ISLAND_NEAR_NAME);
	rtnl_put(&r, IFLA_ADDRESS, near_mac, sizeof(near_mac));
	rtnl_put_u32(&r, IFLA_NUM_TX_QUEUES, queues);
	rtnl_put_u32(&r, IFLA_NUM_RX_QUEUES, queues);
	info = rtnl_nest(&r, IFLA_LINKINFO, NULL, 0);
	rtnl_put_text(&r, IFLA_INFO_KIND, "veth");
	data = rtnl_nest(&r, IFLA_INFO_DATA, NULL, 0);
	peer = rtnl_nest(&r, VETH_INFO_PEER, &body, sizeof(body));
	rtnl_put_text(&r, IFLA_IFNAME, ISLAND_FAR_NAME);
	rtnl_put(&r, IFLA_ADDRESS, far_mac, sizeof(far_mac));
	rtnl_put_u32(&r, IFLA_NUM_TX_QUEUES, queues);
	rtnl_put_u32(&r, IFLA_NUM_RX_QUEUES, queues);
	rtnl_put_u32(&r, IFLA_NET_NS_FD, (uint32_t)i->ns[ISLAND_FAR_END]);
	rtnl_nest_end(&r, peer);
	rtnl_nest_end(&r, data);
	rtnl_nest_end(&r, info);
	return rtnl_do(&r);
}

static int link_up(const char *name)
{
	struct ifinfomsg body = { .ifi_family = AF_UNSPEC,
				  .ifi_index = (int)if_nametoindex(name),
				  .ifi_flags = IFF_UP,
				  .ifi_change = IFF_UP };
	struct rtnl_req r;

	rtnl_begin(&r, RTM_NEWLINK, 0, &body, sizeof(body));
	return rtnl_do(&r);
}

static int add_address(const char *name, uint32_t ip, uint8_t bits)
{
	struct ifaddrmsg body = { .ifa_family = AF_INET,
				  .ifa_prefixlen = bits,
				  .ifa_index = if_nametoindex(name) };
	struct rtnl_req r;

	rtnl_begin(&r, RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, &body, sizeof(body));
	rtnl_put_u32(&r, IFA_LOCAL, htonl(ip));
	rtnl_put_u32(&r, IFA_ADDRESS, htonl(ip));
	return rtnl_do(&r);
}

/* @gateway 0: the addresses are local. */
static int add_route(uint32_t ip, uint8_t bits, uint32_t gateway)
{
	struct rtmsg body = { .rtm_family = AF_INET,
			      .rtm_dst_len = bits,
			      .rtm_table = gateway ? RT_TABLE_MAIN : RT_TABLE_LOCAL,
			      .rtm_protocol = RTPROT_STATIC,
			      .rtm_scope = gateway ? RT_SCOPE_UNIVERSE : RT_SCOPE_HOST,
			      .rtm_type = gateway ? RTN_UNICAST : RTN_LOCAL };
	struct rtnl_req r;

	rtnl_begin(&r, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL, &body, sizeof(body));
	rtnl_put_u32(&r, RTA_DST, htonl(ip));
	if (gateway)
		rtnl_put_u32(&r, RTA_GATEWAY, htonl(gateway));
	else
		rtnl_put_u32(&r, RTA_OIF, if_nametoindex("lo"));
	return rtnl_do(&r);
}

static int add_neighbour(const char *name, uint32_t ip, const uint8_t mac[static UDP4_MAC_BYTES])
{
	struct ndmsg body = { .ndm_family = AF_INET,
			      .ndm_ifindex = (int)if_nametoindex(name),
			      .ndm_state = NUD_PERMANENT };
	struct rtnl_req r;

	rtnl_begin(&r, RTM_NEWNEIGH, NLM_F_CREATE | NLM_F_REPLACE, &body, sizeof(body));
	rtnl_put_u32(&r, NDA_DST, htonl(ip));
	rtnl_put(&r, NDA_LLADDR, mac, UDP4_MAC_BYTES);
	return rtnl_do(&r);
}

/* No router solicitations and the like: what is counted in there is ours. */
static void silence_ipv6(void)
{
	(void)write_text("/proc/sys/net/ipv6/conf/all/disable_ipv6", "1");
	(void)write_text("/proc/sys/net/ipv6/conf/default/disable_ipv6", "1");
}

static int furnish(const char *device, uint32_t link, uint32_t host, uint32_t gateway,
		   const uint8_t *gateway_mac)
{
	int err;

	silence_ipv6();
	err = link_up("lo");
	if (!err)
		err = link_up(device);
	if (!err)
		err = add_address(device, link, LINK_BITS);
	if (!err)
		err = add_address("lo", host, HOST_BITS);
	return err ? err : add_neighbour(device, gateway, gateway_mac);
}

static int furnish_both(const struct island *i)
{
	const uint8_t *mac = i->opts.far_kernel ? far_mac : no_mac;
	uint32_t net = (uint32_t)ISLAND_NET, near = (uint32_t)ISLAND_NEAR_LINK,
		 far = (uint32_t)ISLAND_FAR_LINK;
	int err = make_pair(i);

	if (!err)
		err = furnish(ISLAND_NEAR_NAME, near, (uint32_t)ISLAND_NEAR, far, mac);
	if (!err)
		err = add_route(net, NET_BITS, far);
	if (!err)
		err = add_route((uint32_t)ISLAND_FAR, HOST_BITS, far);
	if (!err)
		err = island_enter(i, ISLAND_FAR_END);
	if (!err)
		err = furnish(ISLAND_FAR_NAME, far, (uint32_t)ISLAND_FAR, near, near_mac);
	if (!err)
		err = add_route((uint32_t)ISLAND_NEAR, HOST_BITS, near);
	return err ? err : add_route(net, NET_BITS, 0);
}

int island_open(const struct island_opts *o, struct island **out, char why[static ISLAND_WHY_MAX])
{
	struct island *i = calloc(1, sizeof(*i));
	int err;

	if (!i)
		return -ENOMEM;
	i->opts = *o;
	for (unsigned k = 0; k < ENDS; k++)
		i->ns[k] = -1;
	err = make_namespaces(i);
	if (err)
		snprintf(why, ISLAND_WHY_MAX,
			 "a network namespace cannot be made: %s; cure: run as root, or --backend "
			 "uring",
			 dt_strerror(err));
	if (!err) {
		err = furnish_both(i);
		if (err)
			snprintf(why, ISLAND_WHY_MAX,
				 "a pair of veth devices cannot be made: %s; cure: modprobe veth",
				 dt_strerror(err));
	}
	/* Home again, but from a namespace of users there is no way: then stay at the near end. */
	if (i->ns[ISLAND_HOME] >= 0 && island_enter(i, ISLAND_HOME) && !err)
		err = island_enter(i, ISLAND_NEAR_END);
	if (err) {
		island_close(i);
		return err == -EPERM ? DT_EUNSUPPORTED : err;
	}
	*out = i;
	return 0;
}

void island_close(struct island *i)
{
	if (!i)
		return;
	for (unsigned k = 0; k < ENDS; k++)
		if (i->ns[k] >= 0)
			close(i->ns[k]);
	free(i);
}

int island_enter(const struct island *i, enum island_end end)
{
	return setns(i->ns[end], CLONE_NEWNET) ? -errno : 0;
}

const uint8_t *island_mac(enum island_end end)
{
	return end == ISLAND_FAR_END ? far_mac : near_mac;
}

/* Some kernels put tunnel devices into each new namespace; down they are no way out. */
static bool is_up(const char *name)
{
	struct ifreq r = { .ifr_ifru = { .ifru_flags = 0 } };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	bool up;

	snprintf(r.ifr_name, sizeof(r.ifr_name), "%s", name);
	up = fd < 0 || ioctl(fd, SIOCGIFFLAGS, &r) || r.ifr_flags & IFF_UP;
	if (fd >= 0)
		close(fd);
	return up;
}

bool island_holds(const struct island *i, enum island_end end)
{
	const char *veth = end == ISLAND_FAR_END ? ISLAND_FAR_NAME : ISLAND_NEAR_NAME;
	struct if_nameindex *list;
	unsigned lo = 0, ours = 0, others = 0;
	ino_t inode = 0;
	int fd = -1, err = this_ns(&fd, &inode);

	if (fd >= 0)
		close(fd);
	if (err || end == ISLAND_HOME || inode != i->inode[end] || inode == i->inode[ISLAND_HOME])
		return false;
	list = if_nameindex();
	for (struct if_nameindex *n = list; n && n->if_index; n++) {
		bool is_lo = strcmp(n->if_name, "lo") == 0, is_veth = strcmp(n->if_name, veth) == 0;

		lo += is_lo;
		ours += is_veth;
		others += !is_lo && !is_veth && is_up(n->if_name);
	}
	if_freenameindex(list);
	return lo == 1 && ours == 1 && others == 0;
}
