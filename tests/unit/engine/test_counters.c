/* SPDX-License-Identifier: MIT */
#include "engine/counters.h"

#include <math.h>
#include <string.h>

#include "tests/support/unit.h"

static void test_add(void **state)
{
	struct engine_counters a = { .unexplained = 1 }, b = { .unexplained = 2 }, sum = { 0 };

	(void)state;
	a.crawl.sent = 10;
	b.crawl.sent = 32;
	b.crawl.rtt_hist[63] = 5;
	a.net.syscalls = 1;
	b.net.syscalls = 2;
	a.gate.passed = 3;
	a.gate.refused[GATE_RATE] = 4;
	b.gate.refused[GATE_RATE] = 5;
	a.gate.worst_host_10s = 7;
	b.gate.worst_host_10s = 5;
	a.gate.worst_net_10s = 20;
	b.gate.worst_net_10s = 30;
	a.worker.first_send_ns = 900;
	b.worker.first_send_ns = 800;
	a.worker.last_recv_ns = 5000;
	b.worker.last_recv_ns = 4000;
	a.worker.misdealt = 6;
	counters_add(&sum, &a);
	counters_add(&sum, &b);
	assert_int_equal(sum.crawl.sent, 42);
	assert_int_equal(sum.crawl.rtt_hist[63], 5);
	assert_int_equal(sum.net.syscalls, 3);
	assert_int_equal(sum.gate.passed, 3);
	assert_int_equal(sum.gate.refused[GATE_RATE], 9);
	assert_int_equal(sum.gate.worst_host_10s, 7); /* a host has one worker */
	assert_int_equal(sum.gate.worst_net_10s, 50); /* a /24 may have had both's */
	assert_int_equal(sum.worker.first_send_ns, 800);
	assert_int_equal(sum.worker.last_recv_ns, 5000);
	assert_int_equal(sum.worker.misdealt, 6);
	assert_int_equal(sum.unexplained, 3);
	/* A worker that sent nothing has no first packet. */
	memset(&b, 0, sizeof(b));
	counters_add(&sum, &b);
	assert_int_equal(sum.worker.first_send_ns, 800);
}

static void test_gap(void **state)
{
	struct engine_counters c = {
		.crawl = { .sent = 10, .answered = 4, .errors = 1, .expired = 2, .in_flight = 3 },
		.net = { .sent_packets = 10 },
	};

	(void)state;
	assert_int_equal(counters_gap(&c), 0);
	c.crawl.sent = c.net.sent_packets = 12;
	assert_int_equal(counters_gap(&c), 2);
	c.crawl.sent = c.net.sent_packets = 7;
	assert_int_equal(counters_gap(&c), 3);
	c.crawl.sent = 10;
	c.net.sent_packets = 15; /* the device says more than crawl and canaries do */
	assert_int_equal(counters_gap(&c), 5);
	c.worker.canary_sent = 5;
	assert_int_equal(counters_gap(&c), 0);
	c.net.sent_packets = 12; /* three were refused, and the crawl has not heard of it */
	c.net.send_failures = 3;
	assert_int_equal(counters_gap(&c), 0);
	c.crawl.sent = 8; /* now it has, of two */
	c.crawl.in_flight = 1;
	c.crawl.send_failed = 2;
	c.worker.canary_sent = 4;
	c.worker.canary_failed = 1;
	assert_int_equal(counters_gap(&c), 0);
	c.net.send_failures = 0; /* a device that loses packets without a word */
	assert_int_equal(counters_gap(&c), 3);
}

/* Other programs make the kernel count more, never less. */
static void test_kernel_gap(void **state)
{
	struct engine_counters c = {
		.net = { .sent_packets = 100,
			 .recv_packets = 50,
			 .recv_truncated = 1,
			 .kernel_drops = 4 },
		.kernel = { .out_datagrams = 90,
			    .sndbuf_errors = 10,
			    .in_datagrams = 60,
			    .rcvbuf_errors = 4 },
	};

	(void)state;
	assert_int_equal(counters_kernel_gap(&c, false), 0);
	c.kernel.out_datagrams = 88;
	assert_int_equal(counters_kernel_gap(&c, false), 2);
	assert_int_equal(counters_kernel_gap(&c, true), 0); /* raw: nothing went by sockets */
	c.net.by_socket = 99;
	assert_int_equal(counters_kernel_gap(&c, true), 1);
	c.kernel.in_datagrams = 40;
	assert_int_equal(counters_kernel_gap(&c, true), 12);
	c.net.recv_by_ring = 11;
	assert_int_equal(counters_kernel_gap(&c, true), 1);
	c.net.kernel_drops = 7;
	assert_int_equal(counters_kernel_gap(&c, true), 4);
	c.net.xdp_drops = 3;
	assert_int_equal(counters_kernel_gap(&c, true), 1);
}

static void test_rtt(void **state)
{
	uint64_t hist[64] = { 0 };

	(void)state;
	assert_true(isnan(counters_rtt_ms(hist, 0.5)));
	hist[0] = 1; /* 16 us to 19 us */
	assert_true(fabs(counters_rtt_ms(hist, 0.5) - 0.01745) < 1e-4);
	hist[24] = 98; /* 16 us x 64 = 1.024 ms to 1.218 ms */
	hist[63] = 1;
	assert_true(counters_rtt_ms(hist, 0.5) > 1.024 && counters_rtt_ms(hist, 0.5) < 1.218);
	assert_true(counters_rtt_ms(hist, 0.98) < 1.218);
	assert_true(counters_rtt_ms(hist, 1) > 500);
	assert_true(counters_rtt_ms(hist, 0) < 0.02);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_add),
		cmocka_unit_test(test_gap),
		cmocka_unit_test(test_kernel_gap),
		cmocka_unit_test(test_rtt),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
