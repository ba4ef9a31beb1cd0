/* SPDX-License-Identifier: MIT */
#include "engine/tap_pairs.h"

#include <string.h>

#include "tests/support/rng.h"
#include "tests/support/unit.h"

enum { TIMEOUT_US = 1000000 };

static void test_a_reply_meets_its_query(void **state)
{
	struct endpoint a, b;
	struct tap_pairs p;
	uint32_t rtt = 7;
	uint64_t key;

	(void)state;
	assert_int_equal(endpoint_from_text("1.2.3.4:5", &a), 0);
	assert_int_equal(endpoint_from_text("1.2.3.4:6", &b), 0);
	assert_int_equal(tap_pairs_init(&p, 4, TIMEOUT_US), 0);
	key = tap_pairs_key(&a, &b, SPAN_LIT("tt"));
	assert_true(key != tap_pairs_key(&b, &a, SPAN_LIT("tt")));
	assert_true(key != tap_pairs_key(&a, &b, SPAN_LIT("tu")));
	assert_true(key != tap_pairs_key(&a, &b, SPAN_LIT("")));

	assert_int_equal(tap_pairs_close(&p, key, 500, &rtt), 0);
	tap_pairs_open(&p, key, 1000, 3);
	assert_int_equal(tap_pairs_close(&p, key, 1250, &rtt), 3);
	assert_int_equal(rtt, 250);
	assert_int_equal(tap_pairs_close(&p, key, 1250, &rtt), 0); /* once */
	assert_int_equal(p.pending, 0);

	tap_pairs_open(&p, key, 2000, 4);
	tap_pairs_open(&p, key, 3000, 5); /* asked again: the answer is to this one */
	assert_int_equal(p.repeated, 1);
	assert_int_equal(tap_pairs_close(&p, key, 2900, &rtt), 5); /* out of order by a little */
	assert_int_equal(rtt, 0);

	tap_pairs_open(&p, key, 4000, 1);
	assert_int_equal(tap_pairs_close(&p, key, 4000 + TIMEOUT_US + 1, &rtt), 0);
	assert_int_equal(p.expired, 1);
	tap_pairs_fini(&p);
}

/*
 * Beside a list that forgets nothing: whatever the table closes, the list closes with the same
 * kind and time; what the list alone closes was crowded out; every query is accounted for.
 */
static void test_beside_a_stupid_list(void **state)
{
	enum { KEYS = 400, STEPS = 200000 };
	struct {
		uint64_t sent_us;
		uint8_t kind;
	} list[KEYS];
	struct rng rng = rng_open(11);
	uint64_t now = 1, opened = 0, closed = 0, missed = 0;
	struct tap_pairs p;

	(void)state;
	memset(list, 0, sizeof(list));
	assert_int_equal(tap_pairs_init(&p, 7, TIMEOUT_US), 0); /* 128 for up to 400 */
	for (unsigned i = 0; i < STEPS; i++) {
		unsigned k = (unsigned)rng_below(&rng, KEYS);
		uint64_t key = (k + 1) * 0x9e3779b97f4a7c15u;
		uint32_t rtt = 0;
		uint8_t kind;

		now += rng_below(&rng, 8000);
		if (rng_below(&rng, 2)) {
			list[k].kind = (uint8_t)(1 + rng_below(&rng, 8));
			list[k].sent_us = now;
			tap_pairs_open(&p, key, now, list[k].kind);
			opened++;
			continue;
		}
		kind = tap_pairs_close(&p, key, now, &rtt);
		if (kind) {
			assert_int_equal(kind, list[k].kind);
			assert_int_equal(rtt, now - list[k].sent_us);
			closed++;
		} else if (list[k].kind && now - list[k].sent_us <= TIMEOUT_US) {
			missed++;
		}
		list[k].kind = 0;
	}
	assert_true(missed <= p.crowded);
	assert_true(closed > STEPS / 16 && p.crowded > 0 && p.expired > 0 && p.repeated > 0);
	assert_int_equal(opened, closed + p.expired + p.crowded + p.repeated + p.pending);
	tap_pairs_expire(&p, now + TIMEOUT_US + 1);
	assert_int_equal(p.pending, 0);
	assert_int_equal(opened, closed + p.expired + p.crowded + p.repeated);
	tap_pairs_fini(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_reply_meets_its_query),
		cmocka_unit_test(test_beside_a_stupid_list),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
