/* SPDX-License-Identifier: MIT */
#include "proto/frame.h"

/*
 * DOC: one header after the other, each with its bounds first. A walk is the
 * bytes not yet read plus how many of the wire's bytes were never captured, so
 * that "cut by the capture" and "says more than there was" stay two things.
 */

enum {
	ETHER_BYTES = 14,
	SLL_BYTES = 16,
	SLL2_BYTES = 20,
	PPPOE_BYTES = 6,
	IP4_BYTES = 20,
	IP6_BYTES = 40,
	UDP_BYTES = 8,

	TYPE_IP4 = 0x0800,
	TYPE_IP6 = 0x86dd,
	TYPE_VLAN = 0x8100,
	TYPE_QINQ = 0x88a8,
	TYPE_QINQ_OLD = 0x9100,
	TYPE_PPPOE = 0x8864,
	PPP_IP4 = 0x0021,
	PPP_IP6 = 0x0057,

	PROTOCOL_UDP = 17,
	IP_PACKET_MAX = 65535,
};

/* libpcap's DLT_ numbers; proto knows no libpcap. */
enum {
	DLT_OF_NULL = 0,
	DLT_OF_ETHERNET = 1,
	DLT_OF_PPP = 9,
	DLT_OF_RAW = 12,
	DLT_OF_RAW_OPENBSD = 14,
	DLT_OF_PPPOE = 51,
	DLT_OF_RAW_LINKTYPE = 101,
	DLT_OF_LOOP = 108,
	DLT_OF_SLL = 113,
	DLT_OF_IPV4 = 228,
	DLT_OF_IPV6 = 229,
	DLT_OF_SLL2 = 276,
};

struct walk {
	const uint8_t *at, *end;
	uint32_t missing; /* bytes of the wire behind @end */
	struct frame *out;
};

static uint16_t be16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static size_t left(const struct walk *w)
{
	return (size_t)(w->end - w->at);
}

/* Too short: by the capture, or by itself? */
static enum frame_verdict short_of(const struct walk *w)
{
	return w->missing ? FRAME_CUT : FRAME_MALFORMED;
}

static enum frame_verdict parse_udp(struct walk *w)
{
	uint16_t len;

	if (left(w) < UDP_BYTES)
		return short_of(w);
	len = be16(w->at + 4);
	if (len < UDP_BYTES)
		return FRAME_MALFORMED;
	if (len > left(w))
		return short_of(w);
	w->out->from.port = be16(w->at);
	w->out->to.port = be16(w->at + 2);
	w->out->payload = span_of(w->at + UDP_BYTES, len - UDP_BYTES);
	return FRAME_UDP;
}

/* The packet ends at @len of its own bytes; what the capture holds behind that is no part of it. */
static bool limit(struct walk *w, size_t len)
{
	if (len <= left(w)) {
		w->end = w->at + len;
		w->missing = 0;
		return true;
	}
	return w->missing >= len - left(w);
}

static enum frame_verdict parse_ip4(struct walk *w)
{
	const uint8_t *ip = w->at;
	size_t head, total;
	uint16_t fragment;

	if (left(w) < IP4_BYTES)
		return short_of(w);
	head = (size_t)(ip[0] & 15) * 4;
	total = be16(ip + 2);
	if (ip[0] >> 4 != 4 || head < IP4_BYTES)
		return FRAME_MALFORMED;
	if (total == 0) /* left to the network card: the frame's end is the packet's */
		total = left(w) + w->missing;
	if (total < head || !limit(w, total))
		return FRAME_MALFORMED;
	if (ip[9] != PROTOCOL_UDP)
		return FRAME_NOT_UDP;
	fragment = be16(ip + 6) & 0x3fff; /* more fragments, or an offset */
	if (fragment)
		return FRAME_FRAGMENT;
	if (left(w) < head)
		return short_of(w);
	memset(w->out->from.addr, 0, 10);
	memset(w->out->from.addr + 10, 0xff, 2);
	memcpy(w->out->to.addr, w->out->from.addr, 12);
	memcpy(w->out->from.addr + 12, ip + 12, 4);
	memcpy(w->out->to.addr + 12, ip + 16, 4);
	w->at += head;
	return parse_udp(w);
}

/* Length of an extension header, 0 where @next is none. The fragment header is told by @next. */
static size_t extension_bytes(uint8_t next, uint8_t len)
{
	switch (next) {
	case 0:   /* hop by hop */
	case 43:  /* routing */
	case 60:  /* destination options */
	case 135: /* mobility */
	case 139: /* HIP */
	case 140: /* shim6 */
		return ((size_t)len + 1) * 8;
	case 44: /* fragment */
		return 8;
	case 51: /* authentication */
		return ((size_t)len + 2) * 4;
	default:
		return 0;
	}
}

static enum frame_verdict skip_extensions(struct walk *w, uint8_t next)
{
	for (unsigned i = 0; next != PROTOCOL_UDP; i++) {
		size_t bytes = left(w) < 8 ? 8 : extension_bytes(next, w->at[1]);

		if (!extension_bytes(next, 0))
			return FRAME_NOT_UDP;
		if (i == FRAME_EXTENSIONS_MAX)
			return FRAME_MALFORMED;
		if (left(w) < bytes)
			return short_of(w);
		/* An "atomic" fragment (RFC 6946) is the whole packet. */
		if (next == 44 && (be16(w->at + 2) & 0xfff9))
			return w->at[0] == PROTOCOL_UDP ? FRAME_FRAGMENT : FRAME_NOT_UDP;
		next = w->at[0];
		w->at += bytes;
	}
	return parse_udp(w);
}

static enum frame_verdict parse_ip6(struct walk *w)
{
	const uint8_t *ip = w->at;
	size_t payload;

	if (left(w) < IP6_BYTES)
		return short_of(w);
	if (ip[0] >> 4 != 6)
		return FRAME_MALFORMED;
	payload = be16(ip + 4); /* 0 is a jumbogram, which no datagram of ours needs */
	memcpy(w->out->from.addr, ip + 8, 16);
	memcpy(w->out->to.addr, ip + 24, 16);
	w->at += IP6_BYTES;
	if (!limit(w, payload))
		return FRAME_MALFORMED;
	return skip_extensions(w, ip[6]);
}

static enum frame_verdict parse_ip(struct walk *w)
{
	if (left(w) == 0)
		return short_of(w);
	switch (w->at[0] >> 4) {
	case 4:
		return parse_ip4(w);
	case 6:
		return parse_ip6(w);
	default:
		return FRAME_NOT_IP;
	}
}

static enum frame_verdict parse_ppp(struct walk *w)
{
	uint16_t protocol;

	if (left(w) >= 2 && w->at[0] == 0xff && w->at[1] == 0x03) /* HDLC's address and control */
		w->at += 2;
	if (left(w) < 2)
		return short_of(w);
	if (w->at[0] & 1) { /* compressed to a byte */
		protocol = w->at[0];
		w->at += 1;
	} else {
		protocol = be16(w->at);
		w->at += 2;
	}
	return protocol == PPP_IP4   ? parse_ip4(w)
	       : protocol == PPP_IP6 ? parse_ip6(w)
				     : FRAME_NOT_IP;
}

static enum frame_verdict parse_pppoe(struct walk *w)
{
	if (left(w) < PPPOE_BYTES)
		return short_of(w);
	if (w->at[0] != 0x11 || w->at[1] != 0) /* version 1, type 1, session data */
		return FRAME_NOT_IP;
	w->out->pppoe = 1;
	w->at += PPPOE_BYTES;
	return parse_ppp(w);
}

static enum frame_verdict parse_ethertype(struct walk *w, uint16_t type)
{
	while (type == TYPE_VLAN || type == TYPE_QINQ || type == TYPE_QINQ_OLD) {
		if (w->out->tags == FRAME_TAGS_MAX)
			return FRAME_MALFORMED;
		if (left(w) < 4)
			return short_of(w);
		w->out->tags++;
		type = be16(w->at + 2);
		w->at += 4;
	}
	switch (type) {
	case TYPE_IP4:
		return parse_ip4(w);
	case TYPE_IP6:
		return parse_ip6(w);
	case TYPE_PPPOE:
		return parse_pppoe(w);
	default:
		return FRAME_NOT_IP;
	}
}

/* A header of @bytes whose EtherType stands @type_at into it. */
static enum frame_verdict parse_link(struct walk *w, size_t bytes, size_t type_at)
{
	const uint8_t *head = w->at;

	if (left(w) < bytes)
		return short_of(w);
	w->at += bytes;
	return parse_ethertype(w, be16(head + type_at));
}

/* The family's number differs between systems; the version of the packet does not. */
static enum frame_verdict parse_null(struct walk *w)
{
	if (left(w) < 4)
		return short_of(w);
	w->at += 4;
	return parse_ip(w);
}

enum frame_verdict frame_parse(struct span in, uint32_t wire_len, enum frame_link link,
			       struct frame *out)
{
	struct walk w = { .at = in.ptr,
			  .end = in.len ? in.ptr + in.len : in.ptr,
			  .missing = wire_len > in.len ? (uint32_t)(wire_len - in.len) : 0,
			  .out = out };

	out->tags = out->pppoe = 0;
	switch (link) {
	case FRAME_LINK_ETHERNET:
		return parse_link(&w, ETHER_BYTES, 12);
	case FRAME_LINK_SLL:
		return parse_link(&w, SLL_BYTES, 14);
	case FRAME_LINK_SLL2:
		return parse_link(&w, SLL2_BYTES, 0);
	case FRAME_LINK_RAW:
		return parse_ip(&w);
	case FRAME_LINK_NULL:
		return parse_null(&w);
	case FRAME_LINK_PPP:
		return parse_ppp(&w);
	case FRAME_LINK_PPPOE:
		return parse_pppoe(&w);
	case FRAME_LINKS:
		break;
	}
	return FRAME_NOT_IP;
}

int frame_link_from_dlt(int dlt, enum frame_link *out)
{
	static const struct {
		int dlt;
		enum frame_link link;
	} known[] = {
		{ DLT_OF_ETHERNET, FRAME_LINK_ETHERNET }, { DLT_OF_SLL, FRAME_LINK_SLL },
		{ DLT_OF_SLL2, FRAME_LINK_SLL2 },         { DLT_OF_RAW, FRAME_LINK_RAW },
		{ DLT_OF_RAW_OPENBSD, FRAME_LINK_RAW },   { DLT_OF_RAW_LINKTYPE, FRAME_LINK_RAW },
		{ DLT_OF_IPV4, FRAME_LINK_RAW },          { DLT_OF_IPV6, FRAME_LINK_RAW },
		{ DLT_OF_NULL, FRAME_LINK_NULL },         { DLT_OF_LOOP, FRAME_LINK_NULL },
		{ DLT_OF_PPP, FRAME_LINK_PPP },           { DLT_OF_PPPOE, FRAME_LINK_PPPOE },
	};

	for (unsigned i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (known[i].dlt == dlt) {
			*out = known[i].link;
			return 0;
		}
	return DT_EUNSUPPORTED;
}

const char *frame_link_name(enum frame_link link)
{
	static const char *const names[FRAME_LINKS] = { "ethernet", "sll", "sll2", "raw",
							"null",     "ppp", "pppoe" };

	return (unsigned)link < FRAME_LINKS ? names[link] : "?";
}

const char *frame_verdict_name(enum frame_verdict v)
{
	static const char *const names[FRAME_VERDICTS] = { "udp",      "not-ip", "not-udp",
							   "fragment", "cut",    "malformed" };

	return (unsigned)v < FRAME_VERDICTS ? names[v] : "?";
}

/* ---- writing ------------------------------------------------------------------- */

static void put16(uint8_t *p, size_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static uint32_t add_words(uint32_t sum, const uint8_t *p, size_t len)
{
	size_t i = 0;

	for (; i + 1 < len; i += 2)
		sum += be16(p + i);
	return i < len ? sum + (uint32_t)(p[i] << 8) : sum;
}

static uint16_t fold(uint32_t sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

/* @addresses: as in the IP header, source and destination. */
static void put_udp(uint8_t *udp, const struct endpoint *from, const struct endpoint *to,
		    struct span payload, struct span addresses)
{
	size_t len = UDP_BYTES + payload.len;
	uint32_t sum = PROTOCOL_UDP + (uint32_t)len;
	uint16_t check;

	put16(udp, from->port);
	put16(udp + 2, to->port);
	put16(udp + 4, len);
	put16(udp + 6, 0);
	sum = add_words(sum, addresses.ptr, addresses.len);
	sum = add_words(sum, udp, UDP_BYTES);
	check = fold(add_words(sum, payload.ptr, payload.len));
	put16(udp + 6, check ? check : 0xffff); /* 0 would mean none */
}

unsigned frame_head(const struct endpoint *from, const struct endpoint *to, struct span payload,
		    uint8_t out[static FRAME_HEAD_MAX])
{
	bool four = endpoint_is4(from) && endpoint_is4(to);

	if (payload.len > IP_PACKET_MAX - FRAME_HEAD_MAX)
		return 0;
	memset(out, 0, FRAME_HEAD_MAX);
	if (!four) {
		out[0] = 0x60;
		put16(out + 4, UDP_BYTES + payload.len);
		out[6] = PROTOCOL_UDP;
		out[7] = 64;
		memcpy(out + 8, from->addr, 16);
		memcpy(out + 24, to->addr, 16);
		put_udp(out + IP6_BYTES, from, to, payload, span_of(out + 8, 32));
		return IP6_BYTES + UDP_BYTES;
	}
	out[0] = 0x45;
	put16(out + 2, IP4_BYTES + UDP_BYTES + payload.len);
	out[6] = 0x40; /* may not be fragmented, as our sockets send */
	out[8] = 64;
	out[9] = PROTOCOL_UDP;
	memcpy(out + 12, from->addr + 12, 4);
	memcpy(out + 16, to->addr + 12, 4);
	put16(out + 10, fold(add_words(0, out, IP4_BYTES)));
	put_udp(out + IP4_BYTES, from, to, payload, span_of(out + 12, 8));
	return IP4_BYTES + UDP_BYTES;
}
