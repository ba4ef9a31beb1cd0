/* SPDX-License-Identifier: MIT */
#include "engine/cookie.h"

#include "tests/support/rng.h"
#include "tests/support/unit.h"

static const uint64_t S = 1000000000;
static const uint8_t key[COOKIE_KEY_BYTES] = "0123456789abcdef";

static struct endpoint ep6(uint8_t last, uint16_t port)
{
	return (struct endpoint){ .addr = { 0x20, 1, 0xd, 0xb8, [15] = last }, .port = port };
}

/* Known for as long as late answers are taken, forgotten soon after. */
static void test_age(void **state)
{
	struct cookie c;

	(void)state;
	cookie_init(&c, key, 15 * S);
	for (uint64_t start = 100 * S; start < 120 * S; start += S / 3) {
		struct endpoint ep = endpoint_ip4(0x01020304, 6881);
		uint32_t mac = cookie_make(&c, &ep, 77, start);

		assert_true(cookie_known(&c, &ep, 77, mac, start));
		assert_true(cookie_known(&c, &ep, 77, mac, start + 15 * S));
		assert_false(cookie_known(&c, &ep, 77, mac, start + 19 * S));
	}
}

/* A seal fits one address, one port, one t, one key. */
static void test_binds(void **state)
{
	const struct endpoint eps[] = { endpoint_ip4(0x01020304, 6881),
					endpoint_ip4(0x01020304, 6882),
					endpoint_ip4(0x01020305, 6881),
					ep6(1, 6881),
					ep6(2, 6881),
					ep6(1, 6882) };
	enum { N = sizeof(eps) / sizeof(eps[0]) };
	struct cookie c, other;

	(void)state;
	cookie_init(&c, key, 15 * S);
	cookie_init(&other, (const uint8_t *)"another-secret-1", 15 * S);
	for (unsigned i = 0; i < N; i++) {
		uint32_t mac = cookie_make(&c, &eps[i], 5, S);

		for (unsigned k = 0; k < N; k++)
			assert_int_equal(cookie_known(&c, &eps[k], 5, mac, S), i == k);
		assert_false(cookie_known(&c, &eps[i], 6, mac, S));
		assert_false(cookie_known(&other, &eps[i], 5, mac, S));
	}
}

/* Nobody guesses one: of a million tries a handful at most fits by chance. */
static void test_guesses(void **state)
{
	struct rng r = rng_open(5);
	struct cookie c;
	unsigned hits = 0;

	(void)state;
	cookie_init(&c, key, 15 * S);
	for (unsigned i = 0; i < 1000000; i++) {
		struct endpoint ep = endpoint_ip4((uint32_t)rng_u64(&r), 6881);

		hits += cookie_known(&c, &ep, i, (uint32_t)rng_u64(&r), 50 * S);
	}
	assert_true(hits <= 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_age),
		cmocka_unit_test(test_binds),
		cmocka_unit_test(test_guesses),
	};

	return cmocka_run_group_tests_name("cookie", tests, NULL, NULL);
}
