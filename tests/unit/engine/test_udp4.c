/* SPDX-License-Identifier: MIT */
#include "engine/udp4.h"

#include "tests/support/guard.h"
#include "tests/support/rng.h"
#include "tests/support/unit.h"

/* DOC: frames beside the sum of RFC 1071 written out two bytes at a time. */

static const uint8_t to_mac[UDP4_MAC_BYTES] = { 2, 0, 0, 0, 0, 9 };
static const uint8_t from_mac[UDP4_MAC_BYTES] = { 2, 0, 0, 0, 0, 8 };

static uint32_t slow_sum(const uint8_t *p, size_t len, uint32_t sum)
{
	for (size_t i = 0; i < len; i++) {
		sum += (uint32_t)p[i] << (i % 2 ? 0 : 8);
		sum = (sum & 0xffff) + (sum >> 16);
	}
	return sum;
}

static void assert_checksums(const uint8_t *frame, uint32_t datagram_len)
{
	const uint8_t *ip = frame + UDP4_ETH_BYTES, *udp = ip + UDP4_IP_BYTES;
	uint32_t udp_len = UDP4_UDP_BYTES + datagram_len;
	uint32_t pseudo = slow_sum(ip + 12, 8, 17 + udp_len);

	assert_int_equal(slow_sum(ip, UDP4_IP_BYTES, 0), 0xffff);
	assert_int_equal(slow_sum(udp, udp_len, pseudo), 0xffff);
	assert_true(udp[6] || udp[7]);
}

static void test_written_frames_are_right(void **state)
{
	struct rng rng = rng_open(4);
	static uint8_t buf[UDP4_HEAD_BYTES + 1500];
	struct udp4_head head;

	(void)state;
	udp4_head_init(&head, to_mac, from_mac, 0xc6336401);
	for (unsigned i = 0; i < 20000; i++) {
		uint32_t len = (uint32_t)(rng_u64(&rng) % 1473), ip = (uint32_t)rng_u64(&rng);
		uint8_t *datagram = buf + UDP4_HEAD_BYTES;
		struct endpoint to = endpoint_ip4(ip, (uint16_t)rng_u64(&rng));
		uint16_t from_port = (uint16_t)rng_u64(&rng);
		struct udp4_frame u;

		for (uint32_t k = 0; k < len; k++)
			datagram[k] = i % 7 ? (uint8_t)rng_u64(&rng) : 0xff;
		assert_ptr_equal(udp4_write(&head, from_port, &to, datagram, len), buf);
		assert_memory_equal(buf, to_mac, 6);
		assert_memory_equal(buf + 6, from_mac, 6);
		assert_checksums(buf, len);
		assert_int_equal(udp4_parse(span_of(buf, UDP4_HEAD_BYTES + len), &u), 0);
		assert_int_equal(u.from_ip, 0xc6336401);
		assert_int_equal(u.to_ip, ip);
		assert_int_equal(u.from_port, from_port);
		assert_int_equal(u.to_port, to.port);
		assert_ptr_equal(u.datagram.ptr, datagram);
		assert_int_equal(u.datagram.len, len);
	}
}

/* Every turned bit of the three headers and the datagram is noticed. */
static void test_turned_bits(void **state)
{
	uint8_t buf[UDP4_HEAD_BYTES + 101];
	struct endpoint to = endpoint_ip4(0xc6120304, 6881);
	struct udp4_head head;
	struct udp4_frame u;

	(void)state;
	udp4_head_init(&head, to_mac, from_mac, 0xc6336401);
	memset(buf + UDP4_HEAD_BYTES, 'q', 101);
	(void)udp4_write(&head, 7777, &to, buf + UDP4_HEAD_BYTES, 101);
	for (unsigned bit = 8 * UDP4_ETH_BYTES; bit < 8 * sizeof(buf); bit++) {
		buf[bit / 8] ^= (uint8_t)(1 << bit % 8);
		assert_true(udp4_parse(span_of(buf, sizeof(buf)), &u) < 0);
		buf[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	assert_int_equal(udp4_parse(span_of(buf, sizeof(buf)), &u), 0);
}

static const struct {
	const char *name;
	unsigned at;
	uint8_t value;
	int err;
} changes[] = {
	{ "IPv6", 12, 0x86, DT_EKIND },
	{ "VLAN", 12, 0x81, DT_EKIND },
	{ "TCP", UDP4_ETH_BYTES + 9, 6, DT_EKIND },
	{ "more fragments", UDP4_ETH_BYTES + 6, 0x20, DT_EKIND },
	{ "a later fragment", UDP4_ETH_BYTES + 7, 1, DT_EKIND },
	{ "a header of four words", UDP4_ETH_BYTES, 0x44, DT_EMALF },
	{ "longer than the frame", UDP4_ETH_BYTES + 2, 1, DT_ESHORT },
	{ "shorter than its headers", UDP4_ETH_BYTES + 3, 27, DT_EMALF },
	{ "UDP longer than IP", UDP4_ETH_BYTES + UDP4_IP_BYTES + 4, 2, DT_EMALF },
	{ "UDP shorter than its header", UDP4_ETH_BYTES + UDP4_IP_BYTES + 5, 7, DT_EMALF },
	{ "header options beyond the datagram", UDP4_ETH_BYTES, 0x4f, DT_EMALF },
};

static void test_odd_frames(void **state)
{
	uint8_t buf[UDP4_HEAD_BYTES + 20];
	struct endpoint to = endpoint_ip4(0xc6120304, 6881);
	struct udp4_head head;
	struct udp4_frame u;
	struct guard guard;

	(void)state;
	guard_open(&guard, sizeof(buf));
	udp4_head_init(&head, to_mac, from_mac, 0xc6336401);
	for (unsigned i = 0; i < sizeof(changes) / sizeof(*changes); i++) {
		memset(buf + UDP4_HEAD_BYTES, 0, 20);
		(void)udp4_write(&head, 7777, &to, buf + UDP4_HEAD_BYTES, 20);
		buf[changes[i].at] = changes[i].value;
		if (udp4_parse(span_of(guard_put(&guard, buf, sizeof(buf)), sizeof(buf)), &u) !=
		    changes[i].err)
			fail_msg("%s", changes[i].name);
	}
	for (size_t len = 0; len < sizeof(buf); len++) {
		(void)udp4_write(&head, 7777, &to, buf + UDP4_HEAD_BYTES, 20);
		assert_int_equal(udp4_parse(span_of(guard_put(&guard, buf, len), len), &u),
				 DT_ESHORT);
	}
	guard_close(&guard);
}

/* A padded frame, no checksum, and one that hardware was to finish. */
static void test_frames_that_are_good(void **state)
{
	uint8_t buf[64] = { 0 };
	uint8_t *udp = buf + UDP4_ETH_BYTES + UDP4_IP_BYTES;
	struct endpoint to = endpoint_ip4(0xc6120304, 6881);
	struct udp4_head head;
	struct udp4_frame u;
	uint32_t pseudo;

	(void)state;
	udp4_head_init(&head, to_mac, from_mac, 0xc6336401);
	(void)udp4_write(&head, 7777, &to, buf + UDP4_HEAD_BYTES, 3);
	assert_int_equal(udp4_parse(span_of(buf, sizeof(buf)), &u), 0);
	assert_int_equal(u.datagram.len, 3);
	pseudo = slow_sum(buf + UDP4_ETH_BYTES + 12, 8, 17 + 11);
	udp[6] = (uint8_t)(pseudo >> 8);
	udp[7] = (uint8_t)pseudo;
	assert_int_equal(udp4_parse(span_of(buf, sizeof(buf)), &u), 0);
	udp[6] = udp[7] = 0;
	assert_int_equal(udp4_parse(span_of(buf, sizeof(buf)), &u), 0);
	udp[7] = 1;
	assert_int_equal(udp4_parse(span_of(buf, sizeof(buf)), &u), DT_EMALF);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_written_frames_are_right),
		cmocka_unit_test(test_turned_bits),
		cmocka_unit_test(test_odd_frames),
		cmocka_unit_test(test_frames_that_are_good),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
