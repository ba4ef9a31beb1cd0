/* SPDX-License-Identifier: MIT */
#include "tests/support/unit.h"

#include <string.h>

#include "proto/frame.h"
#include "tests/support/guard.h"
#include "tests/support/rng.h"

/*
 * Frames are glued together from hand-written headers; each stands before a
 * guard page, whole and cut at every length.
 */

#define MACS    "\1\2\3\4\5\6\7\10\11\12\13\14"
#define ETH4    MACS "\x08\x00"
#define ETH6    MACS "\x86\xdd"
#define TAG(t)  "\x81\x00\x00" t
#define QINQ    "\x88\xa8\x00\x07"
#define SLL(p)  "\0\4\0\1\0\6\1\2\3\4\5\6\0\0" p
#define SLL2(p) p "\0\0\0\0\0\2\0\1\4\6\1\2\3\4\5\6\0\0"
/* PPPoE session 1 of PPP, and the protocol behind it. */
#define PPPOE(p) "\x88\x64\x11\x00\x00\x01\x00\x22" p
/* version, length of the packet, flags and offset, protocol */
#define IP4(len, frag, proto) "\x45\0\0" len "\0\1" frag "\x40" proto "\0\0\5\6\7\x8\x9\xa\xb\xc"
/* The same with 8 bytes of options. */
#define IP4_OPTIONS(len)                                                                           \
	"\x47\0\0" len "\0\1\x40\0\x40\x11\0\0\5\6\7\x8\x9\xa\xb\xc\1\1\1\1\1\1\1\0"
#define ADDR6(last)    "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0" last
#define IP6(len, next) "\x60\0\0\0\0" len next "\x40" ADDR6("\1") ADDR6("\2")
/* ports 6881 and 6882 */
#define UDP(len) "\x1a\xe1\x1a\xe2\0" len "\0\0"
#define HELLO    "hello"
#define UDP_OK   UDP("\15") HELLO /* 13 bytes */

#define FRAME(s)                                                                                   \
	{                                                                                          \
		(const uint8_t *)(s), sizeof(s) - 1                                                \
	}

static const struct sample {
	const char *name;
	enum frame_link link;
	struct span bytes;
	enum frame_verdict verdict;
	uint8_t tags, pppoe;
	uint8_t extra; /* bytes that the wire had more than the capture */
} samples[] = {
	{ "ethernet", FRAME_LINK_ETHERNET, FRAME(ETH4 IP4("\x21", "\x40\0", "\x11") UDP_OK), 0, 0,
	  0, 0 },
	{ "padding", FRAME_LINK_ETHERNET,
	  FRAME(ETH4 IP4("\x21", "\0\0", "\x11") UDP_OK "\0\0\0\0\0\0\0\0\0\0"), 0, 0, 0, 0 },
	{ "vlan", FRAME_LINK_ETHERNET,
	  FRAME(MACS TAG("\5") "\x08\0" IP4("\x21", "\0\0", "\x11") UDP_OK), 0, 1, 0, 0 },
	{ "qinq", FRAME_LINK_ETHERNET,
	  FRAME(MACS QINQ TAG("\5") "\x08\0" IP4("\x21", "\0\0", "\x11") UDP_OK), 0, 2, 0, 0 },
	{ "pppoe", FRAME_LINK_ETHERNET,
	  FRAME(MACS PPPOE("\0\x21") IP4("\x21", "\0\0", "\x11") UDP_OK), 0, 0, 1, 0 },
	{ "pppoe in vlan, ipv6", FRAME_LINK_ETHERNET,
	  FRAME(MACS TAG("\7") PPPOE("\0\x57") IP6("\15", "\x11") UDP_OK), 0, 1, 1, 0 },
	{ "pppoe alone", FRAME_LINK_PPPOE,
	  FRAME("\x11\0\0\1\0\x22\0\x21" IP4("\x21", "\0\0", "\x11") UDP_OK), 0, 0, 1, 0 },
	{ "ppp, compressed protocol", FRAME_LINK_PPP,
	  FRAME("\xff\3\x21" IP4("\x21", "\0\0", "\x11") UDP_OK), 0, 0, 0, 0 },
	{ "sll", FRAME_LINK_SLL, FRAME(SLL("\x08\0") IP4("\x21", "\0\0", "\x11") UDP_OK), 0, 0, 0,
	  0 },
	{ "sll vlan", FRAME_LINK_SLL, FRAME(SLL("\x81\0") "\0\5\x86\xdd" IP6("\15", "\x11") UDP_OK),
	  0, 1, 0, 0 },
	{ "sll2", FRAME_LINK_SLL2, FRAME(SLL2("\x08\0") IP4("\x21", "\0\0", "\x11") UDP_OK), 0, 0,
	  0, 0 },
	{ "raw 4", FRAME_LINK_RAW, FRAME(IP4("\x21", "\0\0", "\x11") UDP_OK), 0, 0, 0, 0 },
	{ "raw 6", FRAME_LINK_RAW, FRAME(IP6("\15", "\x11") UDP_OK), 0, 0, 0, 0 },
	{ "null", FRAME_LINK_NULL, FRAME("\2\0\0\0" IP4("\x21", "\0\0", "\x11") UDP_OK), 0, 0, 0,
	  0 },
	{ "options", FRAME_LINK_RAW, FRAME(IP4_OPTIONS("\x29") UDP_OK), 0, 0, 0, 0 },
	{ "length left to the card", FRAME_LINK_RAW, FRAME(IP4("\0", "\0\0", "\x11") UDP_OK), 0, 0,
	  0, 0 },
	{ "hop by hop, routing, options", FRAME_LINK_RAW,
	  FRAME(IP6("\x2d", "\0") "\x2b\0\1\4\0\0\0\0"
				  "\x3c\1\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
				  "\x11\0\1\4\0\0\0\0" UDP_OK),
	  0, 0, 0, 0 },
	{ "authentication", FRAME_LINK_RAW,
	  FRAME(IP6("\x19", "\x33") "\x11\1\0\0\0\0\0\0\0\0\0\0" UDP_OK), 0, 0, 0, 0 },
	{ "atomic fragment", FRAME_LINK_RAW, FRAME(IP6("\x15", "\x2c") "\x11\0\0\0\0\0\0\7" UDP_OK),
	  0, 0, 0, 0 },

	{ "first fragment", FRAME_LINK_RAW, FRAME(IP4("\x21", "\x20\0", "\x11") UDP_OK),
	  FRAME_FRAGMENT, 0, 0, 0 },
	{ "last fragment", FRAME_LINK_RAW, FRAME(IP4("\x21", "\0\x20", "\x11") UDP_OK),
	  FRAME_FRAGMENT, 0, 0, 0 },
	{ "fragment of ipv6", FRAME_LINK_RAW,
	  FRAME(IP6("\x15", "\x2c") "\x11\0\0\1\0\0\0\7" UDP_OK), FRAME_FRAGMENT, 0, 0, 0 },
	{ "fragment of tcp", FRAME_LINK_RAW, FRAME(IP6("\x15", "\x2c") "\6\0\0\1\0\0\0\7" UDP_OK),
	  FRAME_NOT_UDP, 0, 0, 0 },
	{ "arp", FRAME_LINK_ETHERNET, FRAME(MACS "\x08\x06\0\1\x08\0\6\4\0\1"), FRAME_NOT_IP, 0, 0,
	  0 },
	{ "pppoe discovery", FRAME_LINK_ETHERNET, FRAME(MACS "\x88\x63\x11\x09\0\0\0\0"),
	  FRAME_NOT_IP, 0, 0, 0 },
	{ "lcp", FRAME_LINK_ETHERNET, FRAME(MACS PPPOE("\xc0\x21") "\1\1\0\4"), FRAME_NOT_IP, 0, 0,
	  0 },
	{ "tcp", FRAME_LINK_RAW, FRAME(IP4("\x21", "\0\0", "\6") UDP_OK), FRAME_NOT_UDP, 0, 0, 0 },
	{ "icmp6 behind hop by hop", FRAME_LINK_RAW,
	  FRAME(IP6("\x15", "\0") "\x3a\0\1\4\0\0\0\0" UDP_OK), FRAME_NOT_UDP, 0, 0, 0 },
	{ "raw of neither version", FRAME_LINK_RAW, FRAME("\x15zzzzzzzzzzzzzzzzzzzzzzzzzzzz"),
	  FRAME_NOT_IP, 0, 0, 0 },

	{ "cut by the capture", FRAME_LINK_RAW, FRAME(IP4("\x21", "\0\0", "\x11") UDP("\15") "he"),
	  FRAME_CUT, 0, 0, 3 },
	{ "cut in the udp header", FRAME_LINK_RAW, FRAME(IP4("\x21", "\0\0", "\x11") "\x1a\xe1"),
	  FRAME_CUT, 0, 0, 11 },
	{ "cut behind the datagram", FRAME_LINK_RAW, FRAME(IP4("\x21", "\0\0", "\x11") UDP_OK),
	  FRAME_UDP, 0, 0, 30 },

	{ "packet longer than its frame", FRAME_LINK_RAW, FRAME(IP4("\x22", "\0\0", "\x11") UDP_OK),
	  FRAME_MALFORMED, 0, 0, 0 },
	{ "packet shorter than its header", FRAME_LINK_RAW,
	  FRAME(IP4("\x13", "\0\0", "\x11") UDP_OK), FRAME_MALFORMED, 0, 0, 0 },
	{ "datagram longer than its packet", FRAME_LINK_RAW,
	  FRAME(IP4("\x21", "\0\0", "\x11") UDP("\16") HELLO), FRAME_MALFORMED, 0, 0, 0 },
	{ "datagram shorter than its header", FRAME_LINK_RAW,
	  FRAME(IP4("\x21", "\0\0", "\x11") UDP("\7") HELLO), FRAME_MALFORMED, 0, 0, 0 },
	{ "jumbogram", FRAME_LINK_RAW, FRAME(IP6("\0", "\x11") UDP_OK), FRAME_MALFORMED, 0, 0, 0 },
	{ "five tags", FRAME_LINK_ETHERNET,
	  FRAME(MACS QINQ QINQ QINQ QINQ QINQ "\x08\0" IP4("\x21", "\0\0", "\x11") UDP_OK),
	  FRAME_MALFORMED, 4, 0, 0 },
	{ "nine extension headers", FRAME_LINK_RAW,
	  FRAME(IP6("\x55", "\0") "\0\0\1\4\0\0\0\0"
				  "\0\0\1\4\0\0\0\0"
				  "\0\0\1\4\0\0\0\0"
				  "\0\0\1\4\0\0\0\0"
				  "\0\0\1\4\0\0\0\0"
				  "\0\0\1\4\0\0\0\0"
				  "\0\0\1\4\0\0\0\0"
				  "\0\0\1\4\0\0\0\0"
				  "\x11\0\1\4\0\0\0\0" UDP_OK),
	  FRAME_MALFORMED, 0, 0, 0 },
	{ "extension that runs out", FRAME_LINK_RAW,
	  FRAME(IP6("\15", "\0") "\x11\xff\1\4\0\0\0\0" HELLO), FRAME_MALFORMED, 0, 0, 0 },
	{ "nothing", FRAME_LINK_RAW, { NULL, 0 }, FRAME_MALFORMED, 0, 0, 0 },
};

static void check(const struct sample *s, const struct frame *f)
{
	char from[ENDPOINT_TEXT_MAX], to[ENDPOINT_TEXT_MAX];

	endpoint_to_text(&f->from, from);
	endpoint_to_text(&f->to, to);
	if (endpoint_is4(&f->from)) {
		assert_string_equal(from, "5.6.7.8:6881");
		assert_string_equal(to, "9.10.11.12:6882");
	} else {
		assert_string_equal(from, "[2001:db8::1]:6881");
		assert_string_equal(to, "[2001:db8::2]:6882");
	}
	assert_int_equal(f->payload.len, 5);
	assert_memory_equal(f->payload.ptr, HELLO, 5);
	if (f->tags != s->tags || f->pppoe != s->pppoe)
		fail_msg("%s: %u tags, pppoe %u", s->name, f->tags, f->pppoe);
}

static void test_each_sample(void **state)
{
	struct frame f;
	struct guard g;

	(void)state;
	guard_open(&g, 4096);
	for (const struct sample *s = samples; s < TABLE_END(samples); s++) {
		const uint8_t *at = guard_put(&g, s->bytes.ptr, s->bytes.len);
		enum frame_verdict v = frame_parse(span_of(at, s->bytes.len),
						   (uint32_t)s->bytes.len + s->extra, s->link, &f);

		if (v != s->verdict)
			fail_msg("%s: %s, want %s", s->name, frame_verdict_name(v),
				 frame_verdict_name(s->verdict));
		if (v == FRAME_UDP)
			check(s, &f);
	}
	guard_close(&g);
}

/* Whatever the capture kept of it, a good frame is never called malformed, nor half a datagram
 * whole. */
static void test_each_sample_cut_at_every_length(void **state)
{
	struct frame f;
	struct guard g;

	(void)state;
	guard_open(&g, 4096);
	for (const struct sample *s = samples; s < TABLE_END(samples); s++) {
		for (size_t len = 0; len < s->bytes.len; len++) {
			const uint8_t *at = guard_put(&g, s->bytes.ptr, len);
			uint32_t wire = (uint32_t)s->bytes.len + s->extra;
			enum frame_verdict v = frame_parse(span_of(at, len), wire, s->link, &f);

			if (v == FRAME_UDP)
				check(s, &f);
			if (s->verdict == FRAME_UDP && v == FRAME_MALFORMED)
				fail_msg("%s cut at %zu: malformed", s->name, len);
			(void)frame_parse(span_of(at, len), (uint32_t)len, s->link, &f);
		}
	}
	guard_close(&g);
}

static void test_mutations_end_at_the_guard_page(void **state)
{
	struct rng rng = rng_open(7);
	uint8_t bytes[256];
	struct frame f;
	struct guard g;

	(void)state;
	guard_open(&g, 4096);
	for (unsigned i = 0; i < 400000; i++) {
		const struct sample *s =
			&samples[rng_below(&rng, (uint64_t)(TABLE_END(samples) - samples))];
		size_t len = s->bytes.len;
		const uint8_t *at;
		enum frame_verdict v;

		if (len)
			memcpy(bytes, s->bytes.ptr, len);
		for (unsigned k = (unsigned)rng_below(&rng, 4); k && len; k--)
			bytes[rng_below(&rng, len)] = (uint8_t)rng_u64(&rng);
		at = guard_put(&g, bytes, len);
		v = frame_parse(span_of(at, len), (uint32_t)(len + rng_below(&rng, 3)),
				(enum frame_link)rng_below(&rng, FRAME_LINKS + 1), &f);
		assert_true(v < FRAME_VERDICTS);
		if (v == FRAME_UDP)
			assert_true(f.payload.ptr >= at &&
				    f.payload.ptr + f.payload.len <= at + len);
	}
	guard_close(&g);
}

/* The one's complement sum over a packet with its checksum is all ones. */
static uint32_t sum16(const uint8_t *p, size_t len)
{
	uint32_t sum = 0;

	for (size_t i = 0; i < len; i++)
		sum += (uint32_t)p[i] << (i % 2 ? 0 : 8);
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return sum;
}

static void round_trip(const char *from_text, const char *to_text, unsigned head)
{
	uint8_t packet[FRAME_HEAD_MAX + 301], pseudo[40 + 8 + 301];
	struct endpoint from, to;
	struct frame f;

	assert_int_equal(endpoint_from_text(from_text, &from), 0);
	assert_int_equal(endpoint_from_text(to_text, &to), 0);
	for (size_t len = 0; len <= 301; len += 43) {
		unsigned wide = head == 28 ? 8 : 32;
		uint8_t payload[301];

		for (size_t i = 0; i < len; i++)
			payload[i] = (uint8_t)(i * 7 + len);
		assert_int_equal(frame_head(&from, &to, span_of(payload, len), packet), head);
		memcpy(packet + head, payload, len);
		assert_int_equal(frame_parse(span_of(packet, head + len), (uint32_t)(head + len),
					     FRAME_LINK_RAW, &f),
				 FRAME_UDP);
		assert_true(endpoint_equal(&f.from, &from) && endpoint_equal(&f.to, &to));
		assert_true(span_equal(f.payload, span_of(payload, len)));
		if (head == 28)
			assert_int_equal(sum16(packet, 20), 0xffff);
		memcpy(pseudo, packet + (head == 28 ? 12 : 8), wide);
		pseudo[wide] = 0;
		pseudo[wide + 1] = 17;
		pseudo[wide + 2] = (uint8_t)((8 + len) >> 8);
		pseudo[wide + 3] = (uint8_t)(8 + len);
		memcpy(pseudo + wide + 4, packet + head - 8, 8 + len);
		assert_int_equal(sum16(pseudo, wide + 4 + 8 + len), 0xffff);
	}
}

static void test_head_is_read_back(void **state)
{
	struct endpoint a;
	uint8_t head[FRAME_HEAD_MAX];

	(void)state;
	round_trip("5.6.7.8:6881", "200.1.2.3:1", 28);
	round_trip("[2001:db8::1]:6881", "[2001:db8::2]:65535", 48);
	round_trip("5.6.7.8:6881", "[2001:db8::2]:65535", 48);
	assert_int_equal(endpoint_from_text("5.6.7.8:6881", &a), 0);
	assert_int_equal(frame_head(&a, &a, span_of(NULL, 65535), head), 0);
}

static void test_link_types(void **state)
{
	static const struct {
		int dlt;
		const char *name;
	} rows[] = { { 0, "null" },  { 1, "ethernet" }, { 12, "raw" },  { 101, "raw" },
		     { 113, "sll" }, { 276, "sll2" },   { 228, "raw" }, { 51, "pppoe" },
		     { 9, "ppp" },   { 108, "null" } };
	enum frame_link link;

	(void)state;
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(frame_link_from_dlt(rows[i].dlt, &link), 0);
		assert_string_equal(frame_link_name(link), rows[i].name);
	}
	assert_int_equal(frame_link_from_dlt(105, &link), DT_EUNSUPPORTED);
	assert_string_equal(frame_link_name(FRAME_LINKS), "?");
	assert_string_equal(frame_verdict_name(FRAME_VERDICTS), "?");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_sample),
		cmocka_unit_test(test_each_sample_cut_at_every_length),
		cmocka_unit_test(test_mutations_end_at_the_guard_page),
		cmocka_unit_test(test_head_is_read_back),
		cmocka_unit_test(test_link_types),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
