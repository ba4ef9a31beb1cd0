/* SPDX-License-Identifier: MIT */
#include "engine/blocklist.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "engine/rng.h"
#include "tests/support/guard.h"
#include "tests/support/seed.h"
#include "tests/support/unit.h"

static struct endpoint ep_of(const char *text)
{
	struct endpoint ep = { .addr = { [10] = 0xff, [11] = 0xff } };

	if (inet_pton(AF_INET, text, ep.addr + 12) != 1)
		assert_int_equal(inet_pton(AF_INET6, text, ep.addr), 1);
	return ep;
}

static struct blocklist *parse(const char *text)
{
	char why[BLOCKLIST_WHY_MAX];
	struct blocklist *b = NULL;
	struct guard g;
	int err;

	guard_open(&g, strlen(text) + 1);
	err = blocklist_parse(span_of(guard_put(&g, text, strlen(text)), strlen(text)), "list", &b,
			      why);
	guard_close(&g);
	if (err)
		fail_msg("refused: %s", why);
	return b;
}

/* First and last address of every special range, and their neighbours outside. */
static const struct {
	const char *addr;
	enum blocklist_hit want;
} compiled_in[] = {
	{ "0.0.0.0", BLOCKLIST_BOGON },
	{ "0.255.255.255", BLOCKLIST_BOGON },
	{ "1.0.0.0", BLOCKLIST_CLEAR },
	{ "9.255.255.255", BLOCKLIST_CLEAR },
	{ "10.0.0.0", BLOCKLIST_BOGON },
	{ "10.255.255.255", BLOCKLIST_BOGON },
	{ "11.0.0.0", BLOCKLIST_CLEAR },
	{ "100.63.255.255", BLOCKLIST_CLEAR },
	{ "100.64.0.0", BLOCKLIST_BOGON },
	{ "100.127.255.255", BLOCKLIST_BOGON },
	{ "100.128.0.0", BLOCKLIST_CLEAR },
	{ "126.255.255.255", BLOCKLIST_CLEAR },
	{ "127.0.0.1", BLOCKLIST_BOGON },
	{ "128.0.0.0", BLOCKLIST_CLEAR },
	{ "169.253.255.255", BLOCKLIST_CLEAR },
	{ "169.254.0.0", BLOCKLIST_BOGON },
	{ "169.255.0.0", BLOCKLIST_CLEAR },
	{ "172.15.255.255", BLOCKLIST_CLEAR },
	{ "172.16.0.0", BLOCKLIST_BOGON },
	{ "172.31.255.255", BLOCKLIST_BOGON },
	{ "172.32.0.0", BLOCKLIST_CLEAR },
	{ "191.255.255.255", BLOCKLIST_CLEAR },
	{ "192.0.0.255", BLOCKLIST_BOGON },
	{ "192.0.1.0", BLOCKLIST_CLEAR },
	{ "192.0.2.0", BLOCKLIST_BOGON },
	{ "192.0.3.0", BLOCKLIST_CLEAR },
	{ "192.31.196.77", BLOCKLIST_BOGON },
	{ "192.52.193.1", BLOCKLIST_BOGON },
	{ "192.88.98.255", BLOCKLIST_CLEAR },
	{ "192.88.99.0", BLOCKLIST_BOGON },
	{ "192.88.100.0", BLOCKLIST_CLEAR },
	{ "192.167.255.255", BLOCKLIST_CLEAR },
	{ "192.168.0.0", BLOCKLIST_BOGON },
	{ "192.169.0.0", BLOCKLIST_CLEAR },
	{ "192.175.48.6", BLOCKLIST_BOGON },
	{ "198.17.255.255", BLOCKLIST_CLEAR },
	{ "198.18.0.0", BLOCKLIST_BOGON },
	{ "198.19.255.255", BLOCKLIST_BOGON },
	{ "198.20.0.0", BLOCKLIST_CLEAR },
	{ "198.51.100.1", BLOCKLIST_BOGON },
	{ "203.0.112.255", BLOCKLIST_CLEAR },
	{ "203.0.113.0", BLOCKLIST_BOGON },
	{ "203.0.114.0", BLOCKLIST_CLEAR },
	{ "223.255.255.255", BLOCKLIST_CLEAR },
	{ "224.0.0.0", BLOCKLIST_BOGON },
	{ "239.255.255.255", BLOCKLIST_BOGON },
	{ "240.0.0.0", BLOCKLIST_BOGON },
	{ "255.255.255.255", BLOCKLIST_BOGON },
	{ "::", BLOCKLIST_BOGON },
	{ "::1", BLOCKLIST_BOGON },
	{ "64:ff9b::808:808", BLOCKLIST_BOGON },
	{ "100::1", BLOCKLIST_BOGON },
	{ "1fff:ffff::1", BLOCKLIST_BOGON },
	{ "2000::1", BLOCKLIST_CLEAR },
	{ "2001:1::1", BLOCKLIST_BOGON },
	{ "2001:20::1", BLOCKLIST_BOGON },
	{ "2001:1ff:ffff::1", BLOCKLIST_BOGON },
	{ "2001:200::1", BLOCKLIST_CLEAR },
	{ "2001:db7:ffff::1", BLOCKLIST_CLEAR },
	{ "2001:db8::1", BLOCKLIST_BOGON },
	{ "2001:db9::1", BLOCKLIST_CLEAR },
	{ "2620:4f:8000::1", BLOCKLIST_BOGON },
	{ "2a00:1450::1", BLOCKLIST_CLEAR },
	{ "3ffe:ffff::1", BLOCKLIST_CLEAR },
	{ "3fff:0fff::1", BLOCKLIST_BOGON },
	{ "3fff:1000::1", BLOCKLIST_CLEAR },
	{ "4000::1", BLOCKLIST_BOGON },
	{ "5f00::1", BLOCKLIST_BOGON },
	{ "fc00::1", BLOCKLIST_BOGON },
	{ "fe80::1", BLOCKLIST_BOGON },
	{ "ff02::1", BLOCKLIST_BOGON },
	/* the IPv4 address inside decides: 8.8.8.8 and 10.0.0.1 */
	{ "2002:0808:0808::1", BLOCKLIST_CLEAR },
	{ "2002:0a00:0001::1", BLOCKLIST_BOGON },
	{ "2001::f7f7:f7f7", BLOCKLIST_CLEAR },
	{ "2001::f5ff:fffe", BLOCKLIST_BOGON },
};

static void test_compiled_in(void **state)
{
	struct blocklist *b;

	(void)state;
	assert_int_equal(blocklist_new(&b), 0);
	for (size_t i = 0; i < sizeof(compiled_in) / sizeof(*compiled_in); i++) {
		struct endpoint ep = ep_of(compiled_in[i].addr);

		if (blocklist_lookup(b, &ep) != compiled_in[i].want)
			fail_msg("%s: not %d", compiled_in[i].addr, (int)compiled_in[i].want);
	}
	blocklist_free(b);
}

static void test_file_forms(void **state)
{
	struct blocklist *b = parse("# a comment\n"
				    "\n"
				    "   \t \r\n"
				    "8.8.8.8\n"
				    "9.1.2.3/16   # bits below the prefix are ignored\r\n"
				    "\t12.0.0.0/7\n"
				    "2a00::/16\n"
				    "2a01:1::5#no blank\n"
				    "10.0.0.0/8\n"
				    "7.7.7.7/32");
	static const struct {
		const char *addr;
		enum blocklist_hit want;
	} rows[] = {
		{ "8.8.8.8", BLOCKLIST_LISTED },      { "8.8.8.9", BLOCKLIST_CLEAR },
		{ "8.8.8.7", BLOCKLIST_CLEAR },       { "9.1.0.0", BLOCKLIST_LISTED },
		{ "9.1.255.255", BLOCKLIST_LISTED },  { "9.2.0.0", BLOCKLIST_CLEAR },
		{ "12.0.0.0", BLOCKLIST_LISTED },     { "13.255.255.255", BLOCKLIST_LISTED },
		{ "14.0.0.0", BLOCKLIST_CLEAR },      { "11.255.255.255", BLOCKLIST_CLEAR },
		{ "10.1.1.1", BLOCKLIST_BOGON },      { "7.7.7.7", BLOCKLIST_LISTED },
		{ "2a00:ffff::1", BLOCKLIST_LISTED }, { "2a01:1::5", BLOCKLIST_LISTED },
		{ "2a01:1::6", BLOCKLIST_CLEAR },     { "2002:0808:0808::", BLOCKLIST_LISTED },
	};
	struct blocklist_info info;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct endpoint ep = ep_of(rows[i].addr);

		if (blocklist_lookup(b, &ep) != rows[i].want)
			fail_msg("%s: not %d", rows[i].addr, (int)rows[i].want);
	}
	blocklist_info(b, &info);
	assert_int_equal(info.file_prefixes, 7);
	assert_int_equal(info.listed4, 1 + 65536 + (1u << 25) + 1);
	blocklist_free(b);
}

static void test_refused(void **state)
{
	static const struct {
		const char *name, *text, *says;
		int err;
	} rows[] = {
		{ "word", "8.8.8.8\nexample.org\n", "list:2: not an address", DT_EMALF },
		{ "v4 length", "1.2.3.4/33", "list:1: prefix length", DT_ERANGE },
		{ "v6 length", "\n\n2a00::/129", "list:3: prefix length", DT_ERANGE },
		{ "no length", "1.2.3.4/", "list:1: not an address", DT_EMALF },
		{ "negative", "1.2.3.4/-1", "list:1: not an address", DT_EMALF },
		{ "two on a line", "1.2.3.4 5.6.7.8", "list:1: not an address", DT_EMALF },
		{ "short address", "1.2.3/8", "list:1: not an address", DT_EMALF },
		{ "port", "1.2.3.4:80", "list:1: not an address", DT_EMALF },
		{ "long token",
		  "111111111111111111111111111111111111111111111111111111111111111111111111",
		  "list:1: not an address", DT_EMALF },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		char why[BLOCKLIST_WHY_MAX];
		struct blocklist *b = NULL;
		struct span text = span_of(rows[i].text, strlen(rows[i].text));
		int err = blocklist_parse(text, "list", &b, why);

		if (err != rows[i].err || b || !strstr(why, rows[i].says))
			fail_msg("%s: %d '%s'", rows[i].name, err, why);
	}
}

static void test_long_line(void **state)
{
	char text[BLOCKLIST_LINE_MAX + 8], why[BLOCKLIST_WHY_MAX];
	struct blocklist *b = NULL;

	(void)state;
	memset(text, '#', sizeof(text));
	text[0] = '\n';
	assert_int_equal(blocklist_parse(span_of(text, sizeof(text)), "f", &b, why), DT_ESIZE);
	assert_non_null(strstr(why, "f:2: line too long"));
	assert_int_equal(blocklist_parse(span_of(text, BLOCKLIST_LINE_MAX + 1), "f", &b, why), 0);
	blocklist_free(b);
}

static void test_load(void **state)
{
	char why[BLOCKLIST_WHY_MAX];
	struct blocklist *b = NULL;
	struct blocklist_info info;

	(void)state;
	assert_int_equal(blocklist_load("build/no-such-file", &b, why), -ENOENT);
	assert_non_null(strstr(why, "build/no-such-file: "));
	assert_true(blocklist_load("build", &b, why) < 0); /* a directory */
	assert_null(b);

	/* The sample in the house says in words what is compiled in: nothing more. */
	if (access("configs/blocklist.conf", R_OK))
		skip();
	if (blocklist_load("configs/blocklist.conf", &b, why))
		fail_msg("%s", why);
	blocklist_info(b, &info);
	assert_true(info.file_prefixes > 30);
	assert_int_equal(info.listed4, 0);
	for (unsigned i = 0; i < info.ranges4 + info.ranges6; i++) {
		struct blocklist_range r;

		assert_int_equal(blocklist_range(b, i, &r), 1);
		assert_int_equal(r.hit, BLOCKLIST_BOGON);
	}
	blocklist_free(b);
}

/* ---- beside a stupid list -------------------------------------------------- */

enum { RULES = 400, PROBES = 200000 };

struct stupid {
	struct {
		uint8_t addr[16];
		unsigned bits;
	} rule[RULES];
	unsigned count;
};

static bool under(const uint8_t *addr, const uint8_t *prefix, unsigned bits)
{
	for (unsigned i = 0; i < bits; i++)
		if ((addr[i / 8] ^ prefix[i / 8]) >> (7 - i % 8) & 1)
			return false;
	return true;
}

static bool stupid_has(const struct stupid *s, const struct endpoint *ep)
{
	for (unsigned i = 0; i < s->count; i++)
		if (under(ep->addr, s->rule[i].addr, s->rule[i].bits))
			return true;
	return false;
}

/* Prefixes that crowd into few networks, so that they nest and touch. */
static size_t random_rule(struct rng *r, struct stupid *s, char *text, size_t cap)
{
	struct endpoint ep = ep_of("60.0.0.0");
	char addr[64];
	unsigned n = s->count++, bits;

	if (rng_below(r, 4) == 0) {
		ep = ep_of("2a00::");
		ep.addr[2] = (uint8_t)rng_below(r, 4);
		ep.addr[15] = (uint8_t)rng_below(r, 8);
		bits = 16 + rng_below(r, 113);
		inet_ntop(AF_INET6, ep.addr, addr, sizeof(addr));
	} else {
		ep.addr[12] = (uint8_t)(60 + rng_below(r, 3));
		ep.addr[13] = (uint8_t)rng_below(r, 3);
		ep.addr[14] = (uint8_t)rng_below(r, 4);
		ep.addr[15] = (uint8_t)rng_below(r, 256);
		bits = 96 + 14 + rng_below(r, 19);
		inet_ntop(AF_INET, ep.addr + 12, addr, sizeof(addr));
	}
	memcpy(s->rule[n].addr, ep.addr, 16);
	s->rule[n].bits = bits;
	return (size_t)snprintf(text, cap, "%s/%u\n", addr, endpoint_is4(&ep) ? bits - 96 : bits);
}

static struct endpoint random_probe(struct rng *r)
{
	struct endpoint ep;

	if (rng_below(r, 4) == 0) {
		ep = ep_of("2a00::");
		ep.addr[2] = (uint8_t)rng_below(r, 4);
		ep.addr[14] = (uint8_t)(rng_below(r, 16) == 0);
		ep.addr[15] = (uint8_t)rng_below(r, 10);
	} else {
		ep = endpoint_ip4((59 + rng_below(r, 5)) << 24 | rng_below(r, 4) << 16 |
					  rng_below(r, 5) << 8 | rng_below(r, 256),
				  0);
	}
	return ep;
}

static void test_oracle(void **state)
{
	uint64_t seed = seed_open();
	static char text[RULES * 64];

	(void)state;
	for (unsigned round = 0; round < 6; round++) {
		struct stupid s = { .count = 0 };
		struct blocklist *b;
		struct rng r;
		size_t len = 0;

		rng_init(&r, seed, round);
		for (unsigned i = 0, n = 1u << (round + 3); i < n && i < RULES; i++)
			len += random_rule(&r, &s, text + len, sizeof(text) - len);
		b = parse(text);
		for (unsigned i = 0; i < PROBES / s.count; i++) {
			struct endpoint ep = random_probe(&r);
			bool got = blocklist_lookup(b, &ep) == BLOCKLIST_LISTED;

			if (got != stupid_has(&s, &ep))
				fail_msg("round %u probe %u: trie says %d", round, i, got);
		}
		blocklist_free(b);
	}
}

/* Ranges are disjoint, ascending within a family, and say what lookup says. */
static void test_ranges(void **state)
{
	struct blocklist *b = parse("::/0\n0.0.0.0/0\n");
	struct blocklist_range r, last = { .hit = BLOCKLIST_CLEAR };
	struct blocklist_info info;
	struct endpoint ep = ep_of("8.8.8.8");
	unsigned i = 0;

	(void)state;
	assert_int_equal(blocklist_lookup(b, &ep), BLOCKLIST_LISTED);
	blocklist_info(b, &info);
	assert_true(info.bogon4 + info.listed4 == (uint64_t)1 << 32);
	for (; blocklist_range(b, i, &r); i++) {
		bool first = i == 0 || i == info.ranges4;

		assert_true(memcmp(r.lo.addr, r.hi.addr, 16) <= 0);
		assert_true(first || memcmp(last.hi.addr, r.lo.addr, 16) < 0);
		assert_int_equal(blocklist_lookup(b, &r.lo), r.hit);
		assert_int_equal(blocklist_lookup(b, &r.hi), r.hit);
		assert_int_equal(endpoint_is4(&r.lo), i < info.ranges4);
		assert_int_equal(endpoint_is4(&r.hi), i < info.ranges4);
		last = r;
	}
	assert_int_equal(i, info.ranges4 + info.ranges6);
	blocklist_free(b);
	blocklist_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_compiled_in), cmocka_unit_test(test_file_forms),
		cmocka_unit_test(test_refused),     cmocka_unit_test(test_long_line),
		cmocka_unit_test(test_load),        cmocka_unit_test(test_oracle),
		cmocka_unit_test(test_ranges),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
