/* SPDX-License-Identifier: MIT */
#ifndef PROTO_FRAME_H
#define PROTO_FRAME_H

#include <stdbool.h>
#include <stdint.h>

#include "proto/endpoint.h"
#include "proto/err.h"
#include "proto/span.h"

/**
 * DOC: from a captured frame to the payload of a UDP datagram, and back as far
 * as an IP packet. Link layers as libpcap numbers them; VLAN tags in any
 * number up to FRAME_TAGS_MAX, PPPoE, IPv4 options, IPv6 extension headers.
 * Nothing is put together again: fragments are named as such.
 *
 * Checksums are not looked at: a capture on the sending host holds what its
 * network card was still to fill in.
 */

enum {
	FRAME_TAGS_MAX = 4,       /* VLAN tags in a row; QinQ has two */
	FRAME_EXTENSIONS_MAX = 8, /* IPv6 headers before UDP; RFC 8200 lists each once */
	FRAME_HEAD_MAX = 48,      /* IPv6 and UDP */
};

/** What lies at the beginning of a frame. */
enum frame_link {
	FRAME_LINK_ETHERNET,
	FRAME_LINK_SLL,  /* Linux cooked, of the device "any" */
	FRAME_LINK_SLL2, /* its second version */
	FRAME_LINK_RAW,  /* IPv4 or IPv6 at once */
	FRAME_LINK_NULL, /* BSD loopback: family 4, in either byte order */
	FRAME_LINK_PPP,
	FRAME_LINK_PPPOE, /* PPPoE without its Ethernet header */
	FRAME_LINKS
};

/** frame_link_from_dlt() - libpcap's number of a link type. Errors: DT_EUNSUPPORTED. */
int frame_link_from_dlt(int dlt, enum frame_link *out) DT_MUST;

/** frame_link_name() - "ethernet", "sll", "raw", ...; "?" beyond. */
const char *frame_link_name(enum frame_link link);

/** What became of a frame. Names by frame_verdict_name(). */
enum frame_verdict {
	FRAME_UDP,       /* a whole datagram: every field of struct frame is set */
	FRAME_NOT_IP,    /* ARP, LLDP, MPLS, PPPoE discovery ... */
	FRAME_NOT_UDP,   /* IP with something else in it */
	FRAME_FRAGMENT,  /* a part of an IP packet */
	FRAME_CUT,       /* the capture kept less than the datagram had */
	FRAME_MALFORMED, /* headers that contradict themselves */
	FRAME_VERDICTS
};

/** struct frame - a datagram on its way; the payload borrows from the frame. */
struct frame {
	struct endpoint from, to;
	struct span payload;
	uint8_t tags; /* VLAN tags before the IP header */
	uint8_t pppoe;
};

/**
 * frame_parse() - find the datagram in a frame.
 * @in:       what the capture kept.
 * @wire_len: what the frame had on the wire, at least @in.len; tells a frame that was
 *            cut by the capture from one that lies about its length.
 * @out:      set for FRAME_UDP; for other verdicts nothing in it means anything.
 *
 * What follows the IP packet (padding of short Ethernet frames, trailers) is left out.
 * Cost:    no loop but over tags and extension headers; see bench frame_parse.
 * Threads: pure.
 * Source:  IEEE 802.1Q; RFC 2516; RFC 791; RFC 8200 4; tcpdump.org/linktypes.
 */
enum frame_verdict frame_parse(struct span in, uint32_t wire_len, enum frame_link link,
			       struct frame *out);

/** frame_verdict_name() - "udp", "not-ip", ...; "?" beyond. */
const char *frame_verdict_name(enum frame_verdict v);

/**
 * frame_head() - IP and UDP headers for @payload, checksums included: with the
 * payload behind it a packet of FRAME_LINK_RAW.
 * @from, @to: of one family, or both are written as IPv6 (IPv4 mapped).
 * Returns the length written: 28 or 48; 0 where @payload is longer than an IP packet holds.
 */
unsigned frame_head(const struct endpoint *from, const struct endpoint *to, struct span payload,
		    uint8_t out[static FRAME_HEAD_MAX]);

#endif
