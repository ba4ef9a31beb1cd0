/* SPDX-License-Identifier: MIT */
#ifndef ENGINE_UDP4_H
#define ENGINE_UDP4_H

#include <stdint.h>
#include <string.h>

#include "proto/endpoint.h"
#include "proto/err.h"
#include "proto/span.h"

/**
 * DOC: a UDP datagram as an Ethernet frame: what the raw back ends write and
 * read where the kernel otherwise would. IPv4 without options; fragments are
 * left to the kernel, which is the one to put them together.
 *
 * What does not change from packet to packet (MACs, our address, the sum of the
 * IP header) is written once into a struct udp4_head; a packet costs a copy of
 * 42 bytes, a sum over the IP header's five changing bytes and one over the datagram.
 */

enum {
	UDP4_MAC_BYTES = 6,
	UDP4_ETH_BYTES = 14,
	UDP4_IP_BYTES = 20,
	UDP4_UDP_BYTES = 8,
	UDP4_HEAD_BYTES = UDP4_ETH_BYTES + UDP4_IP_BYTES + UDP4_UDP_BYTES,
	UDP4_TTL = 64,
};

/** struct udp4_head - the headers that all packets over one next hop share. */
struct udp4_head {
	uint8_t bytes[UDP4_HEAD_BYTES];
	uint32_t ip_sum;  /* of the IP header without length, destination */
	uint32_t udp_sum; /* of our address and the protocol, for the pseudo header */
};

/** udp4_head_init() - @source: our address, host order. */
void udp4_head_init(struct udp4_head *h, const uint8_t to_mac[static UDP4_MAC_BYTES],
		    const uint8_t from_mac[static UDP4_MAC_BYTES], uint32_t source);

/**
 * udp4_sum() - the one's complement sum of @len bytes, not folded to the end:
 * add sums, then udp4_fold(). Bytes are taken as they lie in memory, so the
 * sum fits network order on any machine (RFC 1071 2(B)).
 */
static inline uint64_t udp4_sum(const uint8_t *p, size_t len)
{
	typedef uint64_t two __attribute__((vector_size(16)));
	two even = { 0 }, odd = { 0 }, block;
	uint64_t word, sum;
	uint32_t half;
	uint16_t quarter;

	/* Halves of 32 bits into sums of 64: no carry, so no addition waits for another's. */
	for (; len >= 16; p += 16, len -= 16) {
		memcpy(&block, p, 16);
		even += block & 0xffffffff;
		odd += block >> 32;
	}
	even += odd;
	sum = even[0] + even[1];
	if (len & 8) {
		memcpy(&word, p, 8);
		sum += (word >> 32) + (word & 0xffffffff);
		p += 8;
	}
	if (len & 4) {
		memcpy(&half, p, 4);
		sum += half;
		p += 4;
	}
	if (len & 2) {
		memcpy(&quarter, p, 2);
		sum += quarter;
		p += 2;
	}
	return sum + (len & 1 ? *p : 0u);
}

/** udp4_fold() - a sum of up to 2^16 udp4_sum()s, to 16 bits. */
static inline uint16_t udp4_fold(uint64_t sum)
{
	sum = (sum >> 32) + (sum & 0xffffffff);
	sum = (sum >> 16) + (sum & 0xffff);
	sum = (sum >> 16) + (sum & 0xffff);
	sum = (sum >> 16) + (sum & 0xffff);
	return (uint16_t)sum;
}

/* Headers before a datagram; @from_sum: of a source that the caller writes, 0 = the head's. */
static inline uint8_t *udp4_write_sum(const struct udp4_head *h, uint64_t from_sum,
				      uint16_t from_port, const struct endpoint *to,
				      uint8_t *datagram, uint32_t len)
{
	uint8_t *frame = datagram - UDP4_HEAD_BYTES, *ip = frame + UDP4_ETH_BYTES;
	uint16_t ip_len = __builtin_bswap16((uint16_t)(UDP4_IP_BYTES + UDP4_UDP_BYTES + len));
	uint16_t udp[4] = { __builtin_bswap16(from_port), __builtin_bswap16(to->port),
			    __builtin_bswap16((uint16_t)(UDP4_UDP_BYTES + len)), 0 };
	uint16_t half[2], sum;
	uint64_t to_sum;

	memcpy(half, to->addr + 12, 4);
	to_sum = from_sum + half[0] + half[1];
	memcpy(frame, h->bytes, UDP4_HEAD_BYTES);
	memcpy(ip + 2, &ip_len, 2);
	sum = (uint16_t)~udp4_fold(h->ip_sum + ip_len + to_sum);
	memcpy(ip + 10, &sum, 2);
	memcpy(ip + 16, to->addr + 12, 4);
	sum = (uint16_t)~udp4_fold(h->udp_sum + to_sum + 2u * udp[2] + udp[0] + udp[1] +
				   udp4_sum(datagram, len));
	udp[3] = sum ? sum : 0xffff; /* zero would say: no checksum */
	memcpy(ip + UDP4_IP_BYTES, udp, sizeof(udp));
	return frame;
}

/**
 * udp4_write() - headers before a datagram.
 * @datagram: @len bytes, with UDP4_HEAD_BYTES writable before them.
 * @to: IPv4.
 * Returns where the frame begins; it is UDP4_HEAD_BYTES + @len long.
 */
static inline uint8_t *udp4_write(const struct udp4_head *h, uint16_t from_port,
				  const struct endpoint *to, uint8_t *datagram, uint32_t len)
{
	return udp4_write_sum(h, 0, from_port, to, datagram, len);
}

/** udp4_write_from() - the same from any address; @h was made with source 0. */
static inline uint8_t *udp4_write_from(const struct udp4_head *h, const struct endpoint *from,
				       const struct endpoint *to, uint8_t *datagram, uint32_t len)
{
	uint16_t half[2];
	uint8_t *frame;

	memcpy(half, from->addr + 12, 4);
	frame = udp4_write_sum(h, (uint64_t)half[0] + half[1], from->port, to, datagram, len);
	memcpy(frame + UDP4_ETH_BYTES + 12, half, 4);
	return frame;
}

/** struct udp4_frame - what a frame says; @datagram points into it. */
struct udp4_frame {
	uint32_t from_ip, to_ip; /* host order */
	uint16_t from_port, to_port;
	struct span datagram;
};

/**
 * udp4_parse() - read one Ethernet frame.
 *
 * A UDP checksum of zero is none; one that is the sum of the pseudo header alone
 * is what a host on the same machine leaves for hardware to finish (veth).
 *
 * Errors:  DT_ESHORT cut off; DT_EKIND no UDP over IPv4, or a fragment;
 *          DT_EMALF lengths that contradict each other, a checksum that is wrong.
 * Cost:    one pass over the datagram for the sum; see bench udp4_frame.
 */
int udp4_parse(struct span frame, struct udp4_frame *out) DT_MUST;

#endif
