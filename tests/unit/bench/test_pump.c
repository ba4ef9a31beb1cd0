/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "bench/echo.h"
#include "bench/pair.h"
#include "bench/pump.h"

/*
 * DOC: a benchmark that measures something else than it says is worse than none:
 * every pump must really send what it was given and take what comes back, every
 * transaction counted must have happened.
 */

enum { LEN = 100, PACKETS = 256 };

static const struct pump_way ways[] = {
	{ .name = "mmsg", .send = PUMP_SENDMMSG, .recv = PUMP_RECVMMSG },
	{ .name = "mmsg, blocking", .send = PUMP_SENDMMSG, .recv = PUMP_BLOCKING },
	{ .name = "op_send, armed", .send = PUMP_OP_SEND, .recv = PUMP_ARMED },
	{ .name = "op_send, drained", .send = PUMP_OP_SEND, .recv = PUMP_DRAINED },
	{ .name = "op_sendmsg, recvmmsg", .send = PUMP_OP_SENDMSG, .recv = PUMP_RECVMMSG },
	{ .name = "device mmsg", .device = true, .backend = NET_BACKEND_MMSG },
	{ .name = "device uring", .device = true, .backend = NET_BACKEND_URING },
};

enum { WAYS = sizeof(ways) / sizeof(ways[0]) };

static bool needs_uring(const struct pump_way *w)
{
	return w->device ? w->backend == NET_BACKEND_URING
			 : w->send != PUMP_SENDMMSG || w->recv > PUMP_BLOCKING;
}

static bool uring_here(struct net_group *g)
{
	struct net *net;
	const char *why;

	if (net_uring_open(g, 0, &net, &why))
		return false;
	net_close(net);
	return true;
}

static struct net_group *group_of_one(void)
{
	struct net_udp_opts o = { .bind = endpoint_ip4(INADDR_LOOPBACK, 0), .workers = 1 };
	struct net_group *g;

	assert_int_equal(net_group_open(&o, &g), 0);
	return g;
}

/* Packet i says i. */
static struct pump_packets numbered(const struct endpoint *to)
{
	struct pump_packets p;

	assert_int_equal(pump_packets_new(PACKETS, LEN, &p), 0);
	for (unsigned i = 0; i < PACKETS; i++) {
		uint8_t bytes[LEN];

		memset(bytes, (int)i, sizeof(bytes));
		pump_packet_set(&p, i, to, bytes);
	}
	return p;
}

/* What leaves: all of them, in order, whole; what arrives is counted. */
static void test_every_way(void **state)
{
	(void)state;
	for (unsigned w = 0; w < WAYS; w++) {
		struct net_group *g = group_of_one();
		struct endpoint self = net_group_local(g), to;
		struct sockaddr_in sa = { .sin_family = AF_INET };
		socklen_t salen = sizeof(sa);
		int fd = socket(AF_INET, SOCK_DGRAM, 0), back = 0;
		struct pump_packets packets;
		struct pump *p;
		uint8_t got[LEN + 1];

		if (needs_uring(&ways[w]) && !uring_here(g)) {
			net_group_close(g);
			continue;
		}
		sa.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
		assert_int_equal(bind(fd, (struct sockaddr *)&sa, sizeof(sa)), 0);
		assert_int_equal(getsockname(fd, (struct sockaddr *)&sa, &salen), 0);
		to = endpoint_ip4(INADDR_LOOPBACK, ntohs(sa.sin_port));
		packets = numbered(&to);
		assert_int_equal(pump_open(&ways[w], g, 0, &packets, 10, &p), 0);
		assert_int_equal(pump_turn(p, 100, 64, 0), 0);
		sa.sin_port = htons(self.port);
		for (unsigned i = 0; i < 100; i++) {
			assert_int_equal(recv(fd, got, sizeof(got), MSG_DONTWAIT), LEN);
			if (got[0] != 10 + i || got[LEN - 1] != 10 + i)
				fail_msg("%s: packet %u says %u", ways[w].name, i, got[0]);
			assert_int_equal(sendto(fd, got, 7, 0, (struct sockaddr *)&sa, sizeof(sa)),
					 7);
		}
		for (unsigned turn = 0; turn < 100 && back < 100; turn++) {
			int n = pump_turn(p, 0, 64, 1000 * 1000);

			assert_true(n >= 0);
			back += n;
		}
		assert_int_equal(back, 100);
		assert_int_equal(pump_refused(p), 0);
		pump_close(p);
		pump_packets_free(&packets);
		close(fd);
		net_group_close(g);
	}
}

static void test_refused(void **state)
{
	struct endpoint nowhere = endpoint_ip4(INADDR_LOOPBACK, 0);
	struct pump_packets packets = numbered(&nowhere);

	(void)state;
	for (unsigned w = 0; w < WAYS; w++) {
		struct net_group *g = group_of_one();
		struct pump *p;

		if (needs_uring(&ways[w]) && !uring_here(g)) {
			net_group_close(g);
			continue;
		}
		assert_int_equal(pump_open(&ways[w], g, 0, &packets, 0, &p), 0);
		assert_int_equal(pump_turn(p, 20, 64, 0), 0);
		if (pump_refused(p) != 20)
			fail_msg("%s: %u refused", ways[w].name, (unsigned)pump_refused(p));
		pump_close(p);
		net_group_close(g);
	}
	pump_packets_free(&packets);
}

static void test_packets(void **state)
{
	struct pump_packets p;

	(void)state;
	assert_int_equal(pump_packets_new(100, LEN, &p), -EINVAL); /* not a power of two */
	assert_int_equal(pump_packets_new(0, LEN, &p), -EINVAL);
	assert_int_equal(pump_packets_new(64, PUMP_STRIDE + 1, &p), -EINVAL);
}

/* What the pumps say they got is what the echo was asked for. */
static void test_pair(void **state)
{
	struct endpoint to;
	struct echo *echo;

	(void)state;
	assert_int_equal(echo_start(1, 300, &echo), 0);
	to = endpoint_ip4(0x7f010203, echo_port(echo));
	for (unsigned w = WAYS - 2; w < WAYS; w++) {
		struct net_group *g = group_of_one();
		struct pump_packets packets = numbered(&to);
		struct pair_opts opts = { .way = &ways[w],
					  .packets = &packets,
					  .cores = 1,
					  .batch = 64,
					  .window = 256,
					  .run_ns = 50 * 1000 * 1000 };
		struct pair_result r;
		bool here = !needs_uring(&ways[w]) || uring_here(g);

		net_group_close(g);
		if (here) {
			assert_int_equal(pair_run(&opts, &r), 0);
			assert_true(r.answered_per_s > 1000);
			assert_true(r.received > 0 && r.received <= r.sent);
			assert_true(r.sent - r.received <= 256); /* only the window is missing */
			assert_int_equal(r.refused, 0);
		}
		pump_packets_free(&packets);
	}
	echo_stop(echo);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_way),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_packets),
		cmocka_unit_test(test_pair),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
