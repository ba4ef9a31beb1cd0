/* SPDX-License-Identifier: MIT */
#include "engine/kernel.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/support/guard.h"
#include "tests/support/unit.h"

static struct engine_kernel parse(const char *text, bool six)
{
	struct engine_kernel k = { 0 };
	struct guard g;
	struct span s;

	guard_open(&g, strlen(text) + 1);
	s = span_of(guard_put(&g, text, strlen(text)), strlen(text));
	if (six)
		kernel_parse_snmp6(s, &k);
	else
		kernel_parse_snmp(s, &k);
	guard_close(&g);
	return k;
}

static void test_snmp(void **state)
{
	struct engine_kernel k =
		parse("Tcp: InSegs OutSegs\nTcp: 1 2\n"
		      "Udp: InDatagrams NoPorts InErrors OutDatagrams RcvbufErrors SndbufErrors "
		      "InCsumErrors\n"
		      "Udp: 101 2 33 404 55 6 7\n"
		      "UdpLite: InDatagrams\nUdpLite: 9\n",
		      false);

	(void)state;
	assert_int_equal(k.in_datagrams, 101);
	assert_int_equal(k.in_errors, 33);
	assert_int_equal(k.out_datagrams, 404);
	assert_int_equal(k.rcvbuf_errors, 55);
	assert_int_equal(k.sndbuf_errors, 6);
}

static void test_softnet(void **state)
{
	struct engine_kernel k = { 0 };

	(void)state;
	kernel_parse_softnet(SPAN_LIT("0001a2b3 00000010 0000000f 00000000\n"
				      "00000001 000000FF 00000001 0\n\nzz yy\n12"),
			     &k);
	assert_int_equal(k.softnet_dropped, 0x10f);
	assert_int_equal(k.softnet_squeezed, 0x10);
}

static void test_snmp6(void **state)
{
	struct engine_kernel k = parse("Ip6InReceives   5\nUdp6InDatagrams    \t 17\n"
				       "Udp6RcvbufErrors 3\nUdp6OutDatagrams 18446744073709551615\n"
				       "UdpLite6InDatagrams 4",
				       true);

	(void)state;
	assert_int_equal(k.in_datagrams, 17);
	assert_int_equal(k.rcvbuf_errors, 3);
	assert_true(k.out_datagrams == UINT64_MAX);
}

/* Cut off anywhere, or not what it should be: never read beyond, never hang. */
static void test_damaged(void **state)
{
	const char *whole = "Udp: InDatagrams InErrors\nUdp: 12 34\n";
	char part[64];

	(void)state;
	for (size_t n = 0; n <= strlen(whole); n++) {
		memcpy(part, whole, n);
		part[n] = '\0';
		parse(part, false);
		parse(part, true);
	}
	assert_int_equal(parse("Udp: A B C\n", false).in_datagrams, 0);
	assert_int_equal(parse("Udp: InDatagrams X\nUdp:\n", false).in_datagrams, 0);
	assert_int_equal(parse("\n\n\n", false).in_datagrams, 0);
}

/* A datagram to ourselves moves the kernel's counters; a socket with no room drops. */
static void test_counts(void **state)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
	struct engine_kernel start, now, since;
	socklen_t len = sizeof(at);
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0), small = 1;
	char bytes[1000] = { 0 };

	(void)state;
	assert_true(fd >= 0);
	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
	assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof(at)), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &len), 0);
	kernel_read(&fd, 1, &start);
	for (unsigned i = 0; i < 50; i++)
		(void)!sendto(fd, bytes, sizeof(bytes), 0, (struct sockaddr *)&at, sizeof(at));
	kernel_read(&fd, 1, &now);
	since = kernel_since(&now, &start);
	close(fd);
	if (start.out_datagrams == 0 && now.out_datagrams == 0)
		skip(); /* no /proc/net here */
	assert_true(since.out_datagrams >= 50);
	assert_true(since.socket_drops > 0 && since.socket_drops < 50);
	assert_true(since.rcvbuf_errors >= since.socket_drops);
}

static void test_sysctl(void **state)
{
	char value[KERNEL_SYSCTL_MAX];

	(void)state;
	assert_int_equal(kernel_sysctl("kernel.no.such.thing", value), -ENOENT);
	if (access("/proc/sys/kernel/ostype", R_OK))
		skip();
	assert_int_equal(kernel_sysctl("kernel.ostype", value), 0);
	assert_string_equal(value, "Linux");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_snmp),    cmocka_unit_test(test_snmp6),
		cmocka_unit_test(test_softnet), cmocka_unit_test(test_damaged),
		cmocka_unit_test(test_counts),  cmocka_unit_test(test_sysctl),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
