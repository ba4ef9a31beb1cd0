/* SPDX-License-Identifier: MIT */
#include "tests/support/unit.h"

#include <string.h>

/* The source itself: both forms of the checksum are static in it. */
#include "proto/nodekey.c"
#include "tests/support/rng.h"

/* BEP 42, "node ID restriction": address, last byte, the first 21 bits of the id and the rest. */
static const struct {
	const char *addr;
	const char *id;
} bep42[] = {
	{ "124.31.75.21", "5fbfbff10c5d6a4ec8a88e4c6ab4c28b95eee401" },
	{ "21.75.31.124", "5a3ce9c14e7a08645677bbd1cfe7d8f956d53256" },
	{ "65.23.51.170", "a5d43220bc8f112a3d426c84764f8c2a1150e616" },
	{ "84.124.73.14", "1b0321dd1bb1fe518101ceef99462b947a01ff41" },
	{ "43.213.53.83", "e56f6cbf5b7c4be0237986d5243b87aa6d51305a" },
};

static struct nodeid id_of(const char *hex)
{
	struct nodekey key;

	assert_int_equal(nodekey_from_hex(hex, &key), 0);
	return nodekey_to_id(&key);
}

static struct endpoint at(const char *text)
{
	struct endpoint ep;

	assert_int_equal(endpoint_from_text(text, &ep), 0);
	return ep;
}

static void test_bep42_vectors(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(bep42) / sizeof(bep42[0]); i++) {
		struct nodeid id = id_of(bep42[i].id), made, bad;
		struct endpoint ep = at(bep42[i].addr);

		if (!nodeid_bep42_ok(&id, &ep))
			fail_msg("%s does not fit %s", bep42[i].id, bep42[i].addr);
		/* Each of the 21 bits and of the 3 that feed the checksum matters, no other. */
		for (unsigned bit = 0; bit < NODEID_BITS; bit++) {
			bad = nodeid_flip(&id, bit);
			if (nodeid_bep42_ok(&bad, &ep) != (bit >= 21 && bit < 157))
				fail_msg("%s bit %u", bep42[i].addr, bit);
		}
		memset(made.b, 0xff, NODEID_BYTES);
		made.b[NODEID_BYTES - 1] = id.b[NODEID_BYTES - 1];
		made = nodeid_bep42_make(&made, &ep);
		assert_memory_equal(made.b, id.b, 2);
		assert_int_equal(made.b[2] & 0xf8, id.b[2] & 0xf8);
	}
}

static void test_crc32c_known_answers(void **state)
{
	static const struct {
		const char *in;
		uint32_t crc;
	} rows[] = {
		/* RFC 3720 B.4 for the two fills; "123456789" is the check value of the catalogue.
		 */
		{ "123456789", 0xe3069283 },
		{ "", 0 },
	};
	uint8_t fill[32];

	(void)state;
	for (size_t i = 0; i < 2; i++)
		assert_int_equal(crc32c_table((const uint8_t *)rows[i].in, strlen(rows[i].in)),
				 rows[i].crc);
	memset(fill, 0, 32);
	assert_int_equal(crc32c_table(fill, 32), 0x8a9136aa);
	memset(fill, 0xff, 32);
	assert_int_equal(crc32c_table(fill, 32), 0x62a8ab43);
}

static void test_crc32c_instruction_and_table_agree(void **state)
{
	struct rng r = rng_open(2);
	uint8_t in[16];

	(void)state;
#ifdef __x86_64__
	if (!__builtin_cpu_supports("sse4.2"))
		skip();
	for (int i = 0; i < 20000; i++) {
		size_t len = rng_below(&r, sizeof(in) + 1);

		rng_fill(&r, in, len);
		assert_int_equal(crc32c_table(in, len), crc32c_sse42(in, len));
	}
#else
	(void)r, (void)in;
	skip();
#endif
}

static void test_bep42_make_fits_both_families(void **state)
{
	struct rng r = rng_open(3);

	(void)state;
	for (int i = 0; i < 20000; i++) {
		struct nodeid random, id;
		struct endpoint ep;
		bool before;

		rng_fill(&r, &random, sizeof(random));
		rng_fill(&r, &ep, sizeof(ep));
		if (i % 2)
			ep = endpoint_ip4((uint32_t)rng_u64(&r), 1);
		id = nodeid_bep42_make(&random, &ep);
		assert_true(nodeid_bep42_ok(&id, &ep));
		/* What the rule does not speak of stays random. */
		assert_memory_equal(id.b + 3, random.b + 3, NODEID_BYTES - 3);
		assert_int_equal(id.b[2] & 7, random.b[2] & 7);
		before = nodeid_bep42_ok(&random, &ep);
		if (before && !bep42_exempt(&ep))
			assert_true(nodeid_equal(&id, &random));
	}
}

static void test_bep42_of_ipv6_looks_at_the_network_half(void **state)
{
	struct endpoint a = at("[2001:db8:1:2::1]:1"), b = at("[2001:db8:1:2:ffff::9]:2"),
			c = at("[2001:db8:1:3::1]:1");
	struct nodeid id = nodeid_bep42_make(&(struct nodeid){ { 1, 2, 3 } }, &a);

	(void)state;
	assert_true(nodeid_bep42_ok(&id, &b));
	assert_false(nodeid_bep42_ok(&id, &c));
}

static void test_bep42_exempts_local_networks(void **state)
{
	static const struct {
		const char *addr;
		bool exempt;
	} rows[] = {
		{ "10.0.0.1", true },       { "10.255.255.255", true }, { "11.0.0.0", false },
		{ "127.0.0.1", true },      { "128.0.0.1", false },     { "172.16.0.1", true },
		{ "172.31.255.255", true }, { "172.32.0.1", false },    { "172.15.0.1", false },
		{ "192.168.0.1", true },    { "192.169.0.1", false },   { "169.254.1.1", true },
		{ "169.253.1.1", false },   { "[::1]", true },          { "[::2]", false },
		{ "[fe80::1]", true },      { "[febf::1]", true },      { "[fec0::1]", false },
		{ "[fc00::1]", true },      { "[fdff::1]", true },      { "[fe00::1]", false },
		{ "[2001:db8::1]", false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct endpoint ep = at(rows[i].addr);
		struct nodeid id = { { 0 } };
		int fits = 0;

		/* Of many ids only an exempt address takes all. */
		for (int n = 0; n < 64; n++) {
			id.b[0] = (uint8_t)n;
			fits += nodeid_bep42_ok(&id, &ep);
		}
		if ((fits == 64) != rows[i].exempt)
			fail_msg("%s", rows[i].addr);
	}
}

/* XOR distance as a person would work it out: 160 bits, one by one. */
static int naive_closer(const struct nodeid *t, const struct nodeid *a, const struct nodeid *b)
{
	for (unsigned bit = 0; bit < NODEID_BITS; bit++) {
		unsigned shift = 7 - bit % 8;
		unsigned tb = t->b[bit / 8] >> shift & 1;
		unsigned da = (a->b[bit / 8] >> shift & 1) ^ tb;
		unsigned db = (b->b[bit / 8] >> shift & 1) ^ tb;

		if (da != db)
			return da < db;
	}
	return 0;
}

static unsigned naive_common(const struct nodeid *a, const struct nodeid *b)
{
	unsigned bit = 0;

	while (bit < NODEID_BITS && ((a->b[bit / 8] ^ b->b[bit / 8]) >> (7 - bit % 8) & 1) == 0)
		bit++;
	return bit;
}

static void test_distance_beside_a_naive_one(void **state)
{
	struct rng r = rng_open(4);

	(void)state;
	for (int i = 0; i < 50000; i++) {
		struct nodeid t, a, b;
		size_t shared = rng_below(&r, NODEID_BYTES + 1);

		rng_fill(&r, &t, sizeof(t));
		rng_fill(&r, &a, sizeof(a));
		rng_fill(&r, &b, sizeof(b));
		/* Long shared prefixes, so that every byte gets to decide. */
		memcpy(a.b, t.b, shared);
		memcpy(b.b, i % 3 ? a.b : t.b, rng_below(&r, NODEID_BYTES + 1));
		assert_int_equal(nodeid_closer(&t, &a, &b), naive_closer(&t, &a, &b));
		assert_int_equal(nodeid_common_bits(&a, &b), naive_common(&a, &b));
		assert_false(nodeid_closer(&t, &a, &a));
	}
}

static void test_flip_differs_in_that_bit_alone(void **state)
{
	struct nodeid id = id_of("0123456789abcdef0123456789abcdef01234567");

	(void)state;
	assert_true(nodeid_prefix64(&id) == 0x0123456789abcdef);
	assert_int_equal(nodeid_common_bits(&id, &id), NODEID_BITS);
	for (unsigned bit = 0; bit < NODEID_BITS; bit++) {
		struct nodeid other = nodeid_flip(&id, bit);

		assert_int_equal(nodeid_common_bits(&id, &other), bit);
		other = nodeid_flip(&other, bit);
		assert_true(nodeid_equal(&id, &other));
	}
}

static void test_hex(void **state)
{
	static const struct {
		const char *hex;
		int err;
	} rows[] = {
		{ "00", 0 },
		{ "0123456789abcdef0123456789abcdef01234567", 0 },
		{ "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef", 0 },
		{ "", DT_ESIZE },
		{ "0", DT_ESIZE },
		{ "000", DT_ESIZE },
		{ "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef00", DT_ESIZE },
		{ "0g", DT_EMALF },
		{ "0x", DT_EMALF },
		{ "@1", DT_EMALF },
		{ "`1", DT_EMALF },
		{ " 1", DT_EMALF },
	};
	char out[2 * NODEKEY_BYTES + 1];
	struct nodekey key, upper;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		int err = nodekey_from_hex(rows[i].hex, &key);

		if (err != rows[i].err)
			fail_msg("'%s': %s", rows[i].hex, dt_strerror(err));
		if (err)
			continue;
		assert_int_equal(key.bits, 4 * strlen(rows[i].hex));
		assert_string_equal(nodekey_to_hex(&key, out), rows[i].hex);
	}
	assert_int_equal(nodekey_from_hex("ABCDEF", &upper), 0);
	assert_string_equal(nodekey_to_hex(&upper, out), "abcdef");
	assert_string_equal(nodekey_to_hex(&(struct nodekey){ .bits = 0 }, out), "");
}

static void test_widening_keeps_the_id(void **state)
{
	struct nodeid id = id_of("0123456789abcdef0123456789abcdef01234567"), back;
	struct nodekey key = nodekey_from_id(&id), other = key;

	(void)state;
	assert_int_equal(key.bits, 160);
	back = nodekey_to_id(&key);
	assert_true(nodeid_equal(&id, &back));
	assert_true(nodekey_equal(&key, &other));
	other.bits = 168; /* the same bytes, a longer name: another key */
	assert_false(nodekey_equal(&key, &other));
	other = key;
	other.b[19] ^= 1;
	assert_false(nodekey_equal(&key, &other));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bep42_vectors),
		cmocka_unit_test(test_crc32c_known_answers),
		cmocka_unit_test(test_crc32c_instruction_and_table_agree),
		cmocka_unit_test(test_bep42_make_fits_both_families),
		cmocka_unit_test(test_bep42_of_ipv6_looks_at_the_network_half),
		cmocka_unit_test(test_bep42_exempts_local_networks),
		cmocka_unit_test(test_distance_beside_a_naive_one),
		cmocka_unit_test(test_flip_differs_in_that_bit_alone),
		cmocka_unit_test(test_hex),
		cmocka_unit_test(test_widening_keeps_the_id),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
