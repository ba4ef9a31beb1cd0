/* SPDX-License-Identifier: MIT */
#include "engine/udp4.h"
#include "tests/fuzz/fuzz.h"

/*
 * The datagram of a frame lies inside of it, and a frame written from the
 * parts of one that was read is read as the same.
 */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t mac[UDP4_MAC_BYTES] = { 2 };
	static uint8_t buf[UDP4_HEAD_BYTES + UINT16_MAX];
	struct udp4_frame u, back;
	struct udp4_head head;
	struct endpoint to;
	int err = udp4_parse(span_of(data, size), &u);

	if (err) {
		FUZZ_HOLDS(err == DT_ESHORT || err == DT_EMALF || err == DT_EKIND);
		return 0;
	}
	FUZZ_HOLDS(fuzz_inside(span_of(data, size), u.datagram));
	FUZZ_HOLDS(u.datagram.len <= UINT16_MAX - UDP4_IP_BYTES - UDP4_UDP_BYTES);
	udp4_head_init(&head, mac, mac, u.from_ip);
	to = endpoint_ip4(u.to_ip, u.to_port);
	memcpy(buf + UDP4_HEAD_BYTES, u.datagram.ptr, u.datagram.len);
	(void)udp4_write(&head, u.from_port, &to, buf + UDP4_HEAD_BYTES, (uint32_t)u.datagram.len);
	FUZZ_HOLDS(udp4_parse(span_of(buf, UDP4_HEAD_BYTES + u.datagram.len), &back) == 0);
	FUZZ_HOLDS(back.from_ip == u.from_ip && back.to_ip == u.to_ip);
	FUZZ_HOLDS(back.from_port == u.from_port && back.to_port == u.to_port);
	FUZZ_HOLDS(span_equal(back.datagram, u.datagram));
	return 0;
}
