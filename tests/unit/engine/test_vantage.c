/* SPDX-License-Identifier: MIT */
#include <stdlib.h>

#include "engine/rng.h"
#include "engine/vantage.h"
#include "tests/support/unit.h"

static void test_dark(void **state)
{
	static const struct {
		const char *text;
		bool dark, public;
	} rows[] = {
		{ "3.5.6.7:1", true, true },       { "34.1.1.1:1", true, true },
		{ "56.0.0.1:1", true, true },      { "5.9.1.1:1", false, true },
		{ "45.1.1.1:1", false, true },     { "10.0.0.1:1", false, false },
		{ "192.168.1.1:1", false, false }, { "127.0.0.1:1", false, false },
		{ "[2a00::3]:1", false, true },
	};

	(void)state;
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct endpoint ep;

		assert_int_equal(endpoint_from_text(rows[i].text, &ep), 0);
		if (vantage_is_dark(&ep) != rows[i].dark ||
		    vantage_is_public(&ep) != rows[i].public)
			fail_msg("%s", rows[i].text);
	}
}

static void test_votes(void **state)
{
	static const uint8_t us[6] = { 93, 184, 216, 34, 0x1a, 0xe1 }, six[18] = { 0x2a, 1 };
	struct vantage_votes v = { .all = 0 };
	struct endpoint best;

	(void)state;
	assert_int_equal(vantage_best(&v, &best), 0);
	vantage_vote(&v, span_of(us, 6));
	vantage_vote(&v, span_of(us, 4)); /* without a port: the same place */
	vantage_vote(&v, span_of(six, 18));
	vantage_vote(&v, span_of(us, 5)); /* no address */
	vantage_vote(&v, span_of(us, 0));
	assert_int_equal(v.all, 3);
	assert_int_equal(vantage_best(&v, &best), 2);
	assert_int_equal(endpoint_get_ip4(&best), 0x5db8d822);
}

/* Liars cannot hide the truth: what has over a ninth of the votes is found, over workers too. */
static void test_liars(void **state)
{
	struct vantage_votes sum = { .all = 0 };
	struct endpoint best;
	struct rng r;

	(void)state;
	rng_init(&r, 1, 0);
	for (unsigned worker = 0; worker < 3; worker++) {
		struct vantage_votes v = { .all = 0 };

		for (unsigned i = 0; i < 20000; i++) {
			uint32_t lie = (uint32_t)rng_u64(&r);
			uint8_t ip[6] = { 5, 6, 7, 8 };

			if (rng_double(&r) < 0.6)
				for (unsigned k = 0; k < 4; k++)
					ip[k] = (uint8_t)(lie >> 8 * k);
			vantage_vote(&v, span_of(ip, 6));
		}
		assert_int_equal(v.all, 20000);
		vantage_add(&sum, &v);
	}
	assert_int_equal(sum.all, 60000);
	assert_true(vantage_best(&sum, &best) > 60000 * 0.4 * 0.7);
	assert_int_equal(endpoint_get_ip4(&best), 0x05060708);
}

static void seen(void *ctx, const char *device, const struct endpoint *ep)
{
	unsigned *count = ctx;

	assert_non_null(device);
	assert_true(endpoint_is4(ep) && ep->addr[12] != 127);
	(*count)++;
}

static void test_local(void **state)
{
	unsigned count = 0;

	(void)state;
	assert_int_equal(vantage_local(seen, &count), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_dark),
		cmocka_unit_test(test_votes),
		cmocka_unit_test(test_liars),
		cmocka_unit_test(test_local),
	};

	return cmocka_run_group_tests_name("vantage", tests, NULL, NULL);
}
