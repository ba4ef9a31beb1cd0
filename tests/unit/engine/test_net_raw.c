/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <linux/if_link.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "engine/island.h"
#include "engine/net.h"
#include "engine/priv.h"
#include "engine/route.h"
#include "engine/rtnl.h"
#include "engine/udp4.h"
#include "tests/support/unit.h"

/*
 * DOC: what only raw devices do: routes, the way through the socket, ports,
 * queues, frames that are broken, privileges, and an XDP program that goes when its
 * process does. The device under test is at the near end of an island, a
 * plain UDP socket at its far end. test_net.c holds them to what every device does.
 */

enum { MS = 1000 * 1000, FAR_PORT = 6881 };

static struct island *island;

/* A socket of the far kernel on every address of 198.18.0.0/15. */
static int far_socket(void)
{
	struct sockaddr_in sa = { .sin_family = AF_INET, .sin_port = htons(FAR_PORT) };
	struct timeval limit = { .tv_sec = 2 };
	int fd, on = 1, bytes = 4 << 20;

	assert_int_equal(island_enter(island, ISLAND_FAR_END), 0);
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&sa, sizeof(sa)), 0);
	assert_int_equal(setsockopt(fd, IPPROTO_IP, IP_PKTINFO, &on, sizeof(on)), 0);
	assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes)), 0);
	assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)), 0);
	assert_int_equal(island_enter(island, ISLAND_NEAR_END), 0);
	return fd;
}

/* Answers @count datagrams with what they brought, each from the address that was asked. */
static void far_echo(int fd, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		union {
			struct cmsghdr align;
			char bytes[CMSG_SPACE(sizeof(struct in_pktinfo))];
		} control;
		char bytes[600];
		struct sockaddr_in from;
		struct iovec vec = { bytes, sizeof(bytes) };
		struct msghdr h = { .msg_name = &from,
				    .msg_namelen = sizeof(from),
				    .msg_iov = &vec,
				    .msg_iovlen = 1,
				    .msg_control = control.bytes,
				    .msg_controllen = sizeof(control.bytes) };
		ssize_t n = recvmsg(fd, &h, 0);
		struct in_pktinfo info;

		assert_true(n >= 0);
		vec.iov_len = (size_t)n;
		memcpy(&info, CMSG_DATA(CMSG_FIRSTHDR(&h)), sizeof(info));
		info.ipi_ifindex = 0;
		info.ipi_spec_dst = info.ipi_addr;
		memcpy(CMSG_DATA(CMSG_FIRSTHDR(&h)), &info, sizeof(info));
		assert_int_equal(sendmsg(fd, &h, 0), n);
	}
}

struct near {
	struct net_group *g;
	struct net *net[2];
	unsigned workers;
};

static void near_open(struct near *n, enum net_backend b, unsigned workers, unsigned ports)
{
	struct net_udp_opts o = { .bind = endpoint_ip4((uint32_t)ISLAND_NEAR, 0),
				  .workers = workers,
				  .raw = b,
				  .ports = ports };
	char why[NET_WHY_MAX];

	n->workers = workers;
	if (net_group_open_why(&o, &n->g, why))
		fail_msg("%s", why);
	for (unsigned i = 0; i < workers; i++) {
		const char *text;

		assert_int_equal(net_open(b, n->g, i, &n->net[i], &text), 0);
		assert_non_null(strstr(text, ISLAND_NEAR_NAME));
		assert_non_null(strstr(text, "from 198.51.100.1 over 192.0.2.2"));
	}
}

static void near_close(struct near *n)
{
	for (unsigned i = 0; i < n->workers; i++)
		net_close(n->net[i]);
	net_group_close(n->g);
}

/* Each of @count packets goes to an address of its own, which is what it says. */
static void send_many(struct net *net, uint32_t first, unsigned count)
{
	struct net_msg m[NET_BATCH_MAX];

	assert_int_equal(net_send_alloc(net, m, count), count);
	for (unsigned i = 0; i < count; i++) {
		uint32_t ip = first + i;

		memcpy(m[i].data, &ip, sizeof(ip));
		m[i].len = sizeof(ip);
		m[i].peer = endpoint_ip4(ip, FAR_PORT);
		m[i].tag = i;
	}
	net_send(net, m, count);
	assert_int_equal(net_recv(net, m, 1, 0), 0);
	net_recv_finish(net);
}

static unsigned hear_all(struct net *net, unsigned workers, unsigned index)
{
	struct net_msg m[NET_BATCH_MAX];
	unsigned seen = 0;
	int n;

	while ((n = net_recv(net, m, NET_BATCH_MAX, 20 * MS)) > 0) {
		for (int i = 0; i < n; i++, seen++) {
			uint32_t ip;

			assert_int_equal(m[i].len, sizeof(ip));
			memcpy(&ip, m[i].data, sizeof(ip));
			assert_int_equal(endpoint_get_ip4(&m[i].peer), ip);
			assert_int_equal(m[i].peer.port, FAR_PORT);
			if (index < workers)
				assert_int_equal(net_deal(&m[i].peer, workers), index);
		}
		net_recv_finish(net);
	}
	net_recv_finish(net);
	assert_int_equal(n, 0);
	return seen;
}

static const enum net_backend raws[] = { NET_BACKEND_PACKET, NET_BACKEND_XDP };

/* Queries to 200 addresses, replies back; the far kernel found no checksum wrong. */
static void test_round_trips(void **state)
{
	int fd = far_socket();

	(void)state;
	for (unsigned b = 0; b < 2; b++) {
		struct net_stats s;
		struct near n;

		near_open(&n, raws[b], 1, 0);
		send_many(n.net[0], (uint32_t)ISLAND_NET + 5, 200);
		far_echo(fd, 200);
		assert_int_equal(hear_all(n.net[0], 1, 0), 200);
		net_stats(n.net[0], &s);
		assert_int_equal(s.sent_packets, 200);
		assert_int_equal(s.recv_packets, 200);
		assert_int_equal(s.recv_broken + s.send_failures + s.by_socket, 0);
		near_close(&n);
	}
	close(fd);
}

/* One address sees one port; all ports are used; replies to each of them come. */
static void test_ports(void **state)
{
	enum { PORTS = 5, COUNT = 200 };
	int fd = far_socket();

	(void)state;
	for (unsigned b = 0; b < 2; b++) {
		unsigned count[PORTS] = { 0 };
		uint16_t port[COUNT];
		struct near n;

		near_open(&n, raws[b], 1, PORTS);
		assert_int_equal(net_group_ports(n.g), PORTS);
		for (unsigned round = 0; round < 2; round++) {
			send_many(n.net[0], (uint32_t)ISLAND_NET + 77, COUNT);
			for (unsigned i = 0; i < COUNT; i++) {
				struct sockaddr_in from;
				socklen_t len = sizeof(from);
				uint32_t ip;

				assert_int_equal(
					recvfrom(fd, &ip, 4, 0, (struct sockaddr *)&from, &len), 4);
				ip -= (uint32_t)ISLAND_NET + 77;
				assert_true(round == 0 || port[ip] == from.sin_port);
				port[ip] = from.sin_port;
			}
		}
		for (unsigned k = 0; k < PORTS; k++) {
			struct sockaddr_in sa;
			socklen_t len = sizeof(sa);

			assert_int_equal(getsockname(net_group_port_fd(n.g, k, 0),
						     (struct sockaddr *)&sa, &len),
					 0);
			for (unsigned i = 0; i < COUNT; i++)
				count[k] += port[i] == sa.sin_port;
			assert_true(count[k] > COUNT / PORTS / 2);
		}
		send_many(n.net[0], (uint32_t)ISLAND_NET + 77, COUNT);
		far_echo(fd, COUNT);
		assert_int_equal(hear_all(n.net[0], 1, 0), COUNT);
		near_close(&n);
	}
	close(fd);
}

/* Two workers, replies dealt by source as in net_udp.c, whatever the way they come. */
static void test_workers(void **state)
{
	int fd = far_socket();
	struct near n;

	(void)state;
	near_open(&n, NET_BACKEND_PACKET, 2, 2);
	assert_true(net_group_steered(n.g));
	for (unsigned i = 0; i < 2; i++)
		send_many(n.net[i], (uint32_t)ISLAND_NET + 1000, 200);
	far_echo(fd, 400);
	assert_int_equal(hear_all(n.net[0], 2, 0) + hear_all(n.net[1], 2, 1), 400);
	near_close(&n);
	/* By queue: nothing is lost, and who gets it is told by net_deal() afterwards. */
	near_open(&n, NET_BACKEND_XDP, 2, 2);
	for (unsigned i = 0; i < 2; i++)
		send_many(n.net[i], (uint32_t)ISLAND_NET + 1000, 200);
	far_echo(fd, 400);
	assert_int_equal(hear_all(n.net[0], 2, 2) + hear_all(n.net[1], 2, 2), 400);
	near_close(&n);
	close(fd);
}

/* A neighbour on the wire and ourselves go by the socket; the rest of the world has no route. */
static void test_ways(void **state)
{
	static const uint32_t to[] = { (uint32_t)ISLAND_FAR_LINK, INADDR_LOOPBACK,
				       (uint32_t)ISLAND_NEAR, (uint32_t)ISLAND_NET + 9,
				       0x08080808 };
	int fd = far_socket();

	(void)state;
	for (unsigned b = 0; b < 2; b++) {
		struct net_failure f[8];
		struct net_msg m[5];
		struct net_stats s;
		struct near n;
		char byte;

		near_open(&n, raws[b], 1, 0);
		assert_int_equal(net_send_alloc(n.net[0], m, 5), 5);
		for (unsigned i = 0; i < 5; i++) {
			m[i].data[0] = (uint8_t)i;
			m[i].len = 1;
			m[i].peer = endpoint_ip4(to[i], FAR_PORT);
			m[i].tag = i;
		}
		net_send(n.net[0], m, 5);
		assert_int_equal(net_recv(n.net[0], m, 1, 0), 0);
		net_recv_finish(n.net[0]);
		assert_int_equal(net_failures(n.net[0], f, 8), 1);
		assert_int_equal(f[0].tag, 4);
		assert_int_equal(f[0].err, -ENETUNREACH);
		net_stats(n.net[0], &s);
		assert_int_equal(s.by_socket, 3);
		assert_int_equal(s.sent_packets, 4);
		assert_int_equal(recv(fd, &byte, 1, 0), 1); /* 0 and 3, in either order */
		assert_int_equal(recv(fd, &byte, 1, 0), 1);
		near_close(&n);
	}
	close(fd);
}

static void inject(const uint8_t *frame, size_t len)
{
	struct sockaddr_ll sa = { .sll_family = AF_PACKET };
	int fd;

	assert_int_equal(island_enter(island, ISLAND_FAR_END), 0);
	fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	sa.sll_ifindex = (int)if_nametoindex(ISLAND_FAR_NAME);
	assert_int_equal(sendto(fd, frame, len, 0, (struct sockaddr *)&sa, sizeof(sa)), len);
	close(fd);
	assert_int_equal(island_enter(island, ISLAND_NEAR_END), 0);
}

/* Frames for our port that no kernel would hand to a socket: none is delivered, all are counted. */
static void test_broken_frames(void **state)
{
	static const uint8_t to_mac[UDP4_MAC_BYTES] = { 2, 0, 0, 0, 0, 1 };
	static const uint8_t from_mac[UDP4_MAC_BYTES] = { 2, 0, 0, 0, 0, 2 };
	uint8_t buf[UDP4_HEAD_BYTES + 40];
	struct udp4_head head;
	struct endpoint local;
	struct net_stats s;
	struct near n;

	(void)state;
	near_open(&n, NET_BACKEND_XDP, 1, 0);
	local = net_group_local(n.g);
	udp4_head_init(&head, to_mac, from_mac, (uint32_t)ISLAND_NET + 1);
	for (unsigned i = 0; i < 4; i++) {
		memset(buf, 0, sizeof(buf));
		(void)udp4_write(&head, FAR_PORT, &local, buf + UDP4_HEAD_BYTES, 40);
		if (i == 0)
			buf[sizeof(buf) - 1] ^= 1; /* the checksum */
		if (i == 1)
			buf[UDP4_ETH_BYTES + 3] = 200; /* longer than it is */
		if (i == 2)
			buf[UDP4_HEAD_BYTES - 3] = 200; /* UDP longer than IP */
		inject(buf, sizeof(buf));               /* the last one is whole */
	}
	{
		struct net_msg m[8];

		assert_int_equal(net_recv(n.net[0], m, 8, 50 * MS), 1);
		assert_int_equal(m[0].len, 40);
		net_recv_finish(n.net[0]);
	}
	net_stats(n.net[0], &s);
	assert_int_equal(s.recv_broken, 3);
	near_close(&n);
}

/* ---- privileges -------------------------------------------------------------------- */

enum { CHILD_OK = 0 };

#define CHILD_CHECK(x)                                                                             \
	do {                                                                                       \
		if (!(x)) {                                                                        \
			fprintf(stderr, "child: line %d: %s\n", __LINE__, #x);                     \
			_exit(1);                                                                  \
		}                                                                                  \
	} while (0)

static void in_child(void (*fn)(enum net_backend b), enum net_backend b)
{
	int status;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		fn(b);
		_exit(CHILD_OK);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), CHILD_OK);
}

static struct net_udp_opts opts_of(enum net_backend b)
{
	return (struct net_udp_opts){ .bind = endpoint_ip4((uint32_t)ISLAND_NEAR, 0),
				      .workers = 1,
				      .raw = b };
}

/* Opened with privileges, used without. */
static void drops(enum net_backend b)
{
	struct net_udp_opts o = opts_of(b);
	char why[NET_WHY_MAX], byte;
	struct net_failure f;
	struct net_group *g;
	struct net_stats s;
	struct net_msg m;
	struct net *net;
	int fd;

	CHILD_CHECK(island_enter(island, ISLAND_FAR_END) == 0);
	fd = socket(AF_INET, SOCK_DGRAM, 0);
	CHILD_CHECK(bind(fd,
			 (struct sockaddr *)&(struct sockaddr_in){ .sin_family = AF_INET,
								   .sin_port = htons(FAR_PORT) },
			 sizeof(struct sockaddr_in)) == 0);
	CHILD_CHECK(island_enter(island, ISLAND_NEAR_END) == 0);
	CHILD_CHECK(net_group_open_why(&o, &g, why) == 0);
	CHILD_CHECK(priv_drop(NULL) == PRIV_DROPPED);
	CHILD_CHECK((b == NET_BACKEND_XDP ? net_xdp_open(g, 0, &net)
					  : net_packet_open(g, 0, &net)) == 0);
	CHILD_CHECK(net_send_alloc(net, &m, 1) == 1);
	m.data[0] = 'p';
	m.len = 1;
	m.tag = 1;
	m.peer = endpoint_ip4((uint32_t)ISLAND_NET + 3, FAR_PORT);
	net_send(net, &m, 1);
	CHILD_CHECK(net_recv(net, &m, 1, 0) == 0);
	CHILD_CHECK(net_failures(net, &f, 1) == 0);
	CHILD_CHECK(recv(fd, &byte, 1, 0) == 1 && byte == 'p');
	net_stats(net, &s);
	CHILD_CHECK(s.sent_packets == 1);
	net_close(net);
	net_group_close(g);
}

/* Without them: a line that says what to do. */
static void lacks(enum net_backend b)
{
	struct net_udp_opts o = opts_of(b);
	char why[NET_WHY_MAX];
	struct net_group *g;

	CHILD_CHECK(priv_drop(NULL) == PRIV_DROPPED);
	CHILD_CHECK(net_group_open_why(&o, &g, why) == DT_EUNSUPPORTED);
	CHILD_CHECK(strstr(why, "cure: run as root") && strstr(why, "--backend uring"));
}

static void test_privileges(void **state)
{
	(void)state;
	for (unsigned b = 0; b < 2; b++) {
		in_child(drops, raws[b]);
		in_child(lacks, raws[b]);
	}
}

static void test_wrong_interface(void **state)
{
	static const struct {
		const char *name, *why;
	} rows[] = {
		{ "nowhere0", "no interface 'nowhere0'; cure: --interface" },
		{ "lo", "lo is not an Ethernet device" },
	};

	(void)state;
	for (unsigned b = 0; b < 2; b++) {
		for (unsigned i = 0; i < 2; i++) {
			struct net_udp_opts o = opts_of(raws[b]);
			char why[NET_WHY_MAX];
			struct net_group *g;

			o.interface = rows[i].name;
			assert_int_equal(net_group_open_why(&o, &g, why), DT_EUNSUPPORTED);
			assert_non_null(strstr(why, rows[i].why));
		}
	}
}

static void test_ipv6_is_refused(void **state)
{
	struct net_udp_opts o = { .workers = 1, .raw = NET_BACKEND_PACKET };
	char why[NET_WHY_MAX];
	struct net_group *g;
	int err;

	(void)state;
	err = net_group_open_why(&o, &g, why);
	if (err == -EAFNOSUPPORT || err == -EADDRNOTAVAIL)
		skip(); /* no IPv6 here at all */
	assert_int_equal(err, DT_EUNSUPPORTED);
	assert_non_null(strstr(why, "IPv4 only"));
}

/* ---- the program's life ------------------------------------------------------------- */

static int take_xdp(void *ctx, const struct nlmsghdr *msg)
{
	const struct rtattr *xdp = rtnl_attr(msg, sizeof(struct ifinfomsg), IFLA_XDP);
	uint32_t left = xdp ? (uint32_t)RTA_PAYLOAD(xdp) : 0;

	for (const struct rtattr *a = xdp ? RTA_DATA(xdp) : NULL; a && RTA_OK(a, left);
	     a = RTA_NEXT(a, left))
		if (a->rta_type == IFLA_XDP_ATTACHED)
			*(int *)ctx = *(const uint8_t *)RTA_DATA(a);
	return 0;
}

static int attached(void)
{
	struct ifinfomsg body = { .ifi_index = (int)if_nametoindex(ISLAND_NEAR_NAME) };
	struct rtnl_req r;
	int mode = -1;

	rtnl_begin(&r, RTM_GETLINK, 0, &body, sizeof(body));
	assert_int_equal(rtnl_dump(&r, take_xdp, &mode), 0);
	return mode;
}

static void test_program_goes_with_the_group(void **state)
{
	struct net_udp_opts o = opts_of(NET_BACKEND_XDP);
	struct net_group *g, *second;
	char why[NET_WHY_MAX];

	(void)state;
	assert_int_equal(attached(), XDP_ATTACHED_NONE);
	assert_int_equal(net_group_open_why(&o, &g, why), 0);
	assert_int_equal(attached(), XDP_ATTACHED_SKB);
	/* A second one finds the device taken, says so, and disturbs nothing. */
	assert_int_equal(net_group_open_why(&o, &second, why), DT_EUNSUPPORTED);
	assert_non_null(strstr(why, "another XDP program is on this interface"));
	assert_int_equal(attached(), XDP_ATTACHED_SKB);
	net_group_close(g);
	assert_int_equal(attached(), XDP_ATTACHED_NONE);
}

/* Killed without a chance to clean up. */
static void test_program_goes_with_the_process(void **state)
{
	int ready[2], status;
	char byte;
	pid_t pid;

	(void)state;
	assert_int_equal(pipe(ready), 0);
	pid = fork();
	if (pid == 0) {
		struct net_udp_opts o = opts_of(NET_BACKEND_XDP);
		char why[NET_WHY_MAX];
		struct net_group *g;

		CHILD_CHECK(net_group_open_why(&o, &g, why) == 0);
		CHILD_CHECK(write(ready[1], "r", 1) == 1);
		for (;;)
			pause();
	}
	close(ready[1]);
	assert_int_equal(read(ready[0], &byte, 1), 1);
	close(ready[0]);
	assert_int_equal(attached(), XDP_ATTACHED_SKB);
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	for (unsigned i = 0; i < 200 && attached() != XDP_ATTACHED_NONE; i++)
		usleep(5000);
	assert_int_equal(attached(), XDP_ATTACHED_NONE);
}

static void test_island_holds(void **state)
{
	(void)state;
	assert_true(island_holds(island, ISLAND_NEAR_END));
	assert_false(island_holds(island, ISLAND_FAR_END));
	assert_int_equal(island_enter(island, ISLAND_HOME), 0);
	assert_false(island_holds(island, ISLAND_NEAR_END));
	assert_false(island_holds(island, ISLAND_HOME));
	assert_int_equal(island_enter(island, ISLAND_NEAR_END), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_island_holds),
		cmocka_unit_test(test_round_trips),
		cmocka_unit_test(test_ports),
		cmocka_unit_test(test_workers),
		cmocka_unit_test(test_ways),
		cmocka_unit_test(test_broken_frames),
		cmocka_unit_test(test_privileges),
		cmocka_unit_test(test_wrong_interface),
		cmocka_unit_test(test_ipv6_is_refused),
		cmocka_unit_test(test_program_goes_with_the_group),
		cmocka_unit_test(test_program_goes_with_the_process),
	};
	struct island_opts o = { .queues = 2, .far_kernel = true };
	char why[ISLAND_WHY_MAX] = "";

	if (geteuid() != 0 || island_open(&o, &island, why) ||
	    island_enter(island, ISLAND_NEAR_END)) {
		printf("skipped: %s\n", *why ? why : "not root");
		return 77;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
