/* SPDX-License-Identifier: MIT */
#include "engine/udp4.h"

#include <stdbool.h>

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "udp4_write() swaps without asking");

enum {
	ETHERTYPE_IP4 = 0x0800,
	PROTOCOL_UDP = 17,
	IP_DONT_FRAGMENT = 0x40,
	MORE_OR_OFFSET = 0x3fff,
};

static uint16_t get16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static uint32_t get32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

void udp4_head_init(struct udp4_head *h, const uint8_t to_mac[static UDP4_MAC_BYTES],
		    const uint8_t from_mac[static UDP4_MAC_BYTES], uint32_t source)
{
	uint8_t *ip = h->bytes + UDP4_ETH_BYTES;

	memset(h, 0, sizeof(*h));
	memcpy(h->bytes, to_mac, UDP4_MAC_BYTES);
	memcpy(h->bytes + UDP4_MAC_BYTES, from_mac, UDP4_MAC_BYTES);
	h->bytes[12] = ETHERTYPE_IP4 >> 8;
	ip[0] = 0x45; /* version 4, five words */
	ip[6] = IP_DONT_FRAGMENT;
	ip[8] = UDP4_TTL;
	ip[9] = PROTOCOL_UDP;
	ip[12] = (uint8_t)(source >> 24);
	ip[13] = (uint8_t)(source >> 16);
	ip[14] = (uint8_t)(source >> 8);
	ip[15] = (uint8_t)source;
	h->ip_sum = udp4_fold(udp4_sum(ip, UDP4_IP_BYTES));
	h->udp_sum = udp4_fold(udp4_sum(ip + 12, 4) + __builtin_bswap16(PROTOCOL_UDP));
}

/* Right, absent, or left for hardware to finish. */
static bool checksum_good(const uint8_t *ip, const uint8_t *udp, uint16_t udp_len)
{
	uint16_t said, pseudo;

	memcpy(&said, udp + 6, 2);
	if (said == 0)
		return true;
	pseudo = udp4_fold(udp4_sum(ip + 12, 8) + __builtin_bswap16(PROTOCOL_UDP) +
			   __builtin_bswap16(udp_len));
	return said == pseudo || udp4_fold(pseudo + udp4_sum(udp, udp_len)) == 0xffff;
}

int udp4_parse(struct span frame, struct udp4_frame *out)
{
	const uint8_t *ip = frame.ptr + UDP4_ETH_BYTES, *udp;
	uint32_t head, ip_len, udp_len;

	if (frame.len < UDP4_HEAD_BYTES)
		return DT_ESHORT;
	if (get16(frame.ptr + 12) != ETHERTYPE_IP4 || ip[0] >> 4 != 4 || ip[9] != PROTOCOL_UDP ||
	    get16(ip + 6) & MORE_OR_OFFSET)
		return DT_EKIND;
	head = 4u * (ip[0] & 15);
	ip_len = get16(ip + 2);
	if (head < UDP4_IP_BYTES || ip_len < head + UDP4_UDP_BYTES)
		return DT_EMALF;
	if (frame.len < UDP4_ETH_BYTES + ip_len) /* an Ethernet frame may be padded, not cut */
		return DT_ESHORT;
	udp = ip + head;
	udp_len = get16(udp + 4);
	if (udp_len < UDP4_UDP_BYTES || udp_len > ip_len - head ||
	    udp4_fold(udp4_sum(ip, head)) != 0xffff || !checksum_good(ip, udp, (uint16_t)udp_len))
		return DT_EMALF;
	*out = (struct udp4_frame){
		.from_ip = get32(ip + 12),
		.to_ip = get32(ip + 16),
		.from_port = get16(udp),
		.to_port = get16(udp + 2),
		.datagram = span_of(udp + UDP4_UDP_BYTES, udp_len - UDP4_UDP_BYTES),
	};
	return 0;
}
