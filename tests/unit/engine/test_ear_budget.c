/* SPDX-License-Identifier: MIT */
#include "engine/ear_budget.h"

#include <string.h>

#include "engine/ear_token.h"
#include "engine/ear_vote.h"
#include "tests/support/rng.h"
#include "tests/support/unit.h"

static const uint64_t s_ns = 1000000000;

/*
 * Floods of every kind for a while; each answer as long as it may be. The rule holds at every
 * moment: answered <= 0.9 x asked + allowance x time + burst.
 */
static void flood(struct rng *r, unsigned sources, double seconds, double per_s, bool known)
{
	uint64_t at = 77 * s_ns, step = (uint64_t)(1e9 / per_s), began = at;
	double half = EAR_ALLOWANCE_BYTES / 2.0;
	struct ear_budget b;
	enum ear_class c = known ? EAR_KNOWN : EAR_STRANGER;

	assert_int_equal(ear_budget_init(&b, 0, at), 0);
	for (; at - began < (uint64_t)(seconds * 1e9); at += step) {
		struct endpoint from =
			endpoint_ip4(0x0b000000 + (uint32_t)rng_below(r, sources), 1);
		unsigned len = 60 + (unsigned)rng_below(r, 60), room;
		double most;

		ear_budget_asked(&b, c, len, at);
		room = ear_budget_room(&b, c, &from, at);
		if (room >= 47)
			ear_budget_answered(&b, c, &from, room > 512 ? 512 : room);
		most = 0.9 * (double)b.asked_bytes +
		       half * ((double)(at - began) / 1e9 + EAR_BURST_S);
		if ((double)b.answered_bytes > most + 1)
			fail_msg("%u sources: %llu answered, %.0f allowed", sources,
				 (unsigned long long)b.answered_bytes, most);
	}
	printf("# %u sources, %.0f/s for %.0f s: factor %.3f\n", sources, per_s, seconds,
	       (double)b.answered_bytes / (double)b.asked_bytes);
	if (per_s >= 1000 && seconds >= 10)
		assert_true(b.answered_bytes <= b.asked_bytes);
	ear_budget_fini(&b);
}

static void test_no_flood_gains(void **state)
{
	struct rng r = rng_open(1);

	(void)state;
	flood(&r, 1, 10, 5000, false);
	flood(&r, 100, 10, 5000, false);
	flood(&r, 1000000, 10, 5000, false);
	flood(&r, 1000000, 10, 50000, false);
	flood(&r, 200, 10, 5000, true);
	flood(&r, 1000000, 60, 20, false);
}

static void test_one_address(void **state)
{
	struct endpoint from = endpoint_ip4(0x0b000001, 1);
	uint64_t at = s_ns;
	struct ear_budget b;
	unsigned answers = 0;

	(void)state;
	assert_int_equal(ear_budget_init(&b, 1e9, at), 0);
	for (unsigned i = 0; i < 20000; i++, at += s_ns / 1000) { /* 20 s at 1000/s */
		from.port = (uint16_t)(1 + i);                    /* ports are no escape */
		ear_budget_asked(&b, EAR_KNOWN, 100, at);
		if (ear_budget_room(&b, EAR_KNOWN, &from, at) < 100)
			continue;
		ear_budget_answered(&b, EAR_KNOWN, &from, 100);
		answers++;
	}
	assert_true(answers >= 40 + 19 * EAR_HOST_RATE && answers <= 40 + 20 * EAR_HOST_RATE + 1);
	ear_budget_fini(&b);
}

/* A flood of strangers leaves those who have proved themselves their answers. */
static void test_the_known_have_their_own(void **state)
{
	struct rng r = rng_open(2);
	uint64_t at = s_ns;
	struct ear_budget b;
	unsigned given = 0, asked = 0;

	(void)state;
	assert_int_equal(ear_budget_init(&b, 0, at), 0);
	for (unsigned i = 0; i < 100000; i++, at += s_ns / 10000) { /* 10 s */
		struct endpoint from = endpoint_ip4((uint32_t)rng_u64(&r), 1);
		unsigned room;

		ear_budget_asked(&b, EAR_STRANGER, 100, at);
		room = ear_budget_room(&b, EAR_STRANGER, &from, at);
		if (room > 100)
			ear_budget_answered(&b, EAR_STRANGER, &from, room > 300 ? 300 : room);
		if (i % 1000)
			continue;
		from = endpoint_ip4(0x0b000000 + i / 1000 % 10, 1);
		asked++;
		ear_budget_asked(&b, EAR_KNOWN, 100, at);
		if (ear_budget_room(&b, EAR_KNOWN, &from, at) < 300)
			continue;
		ear_budget_answered(&b, EAR_KNOWN, &from, 300);
		given++;
	}
	assert_int_equal(given, asked);
	ear_budget_fini(&b);
}

static void test_tokens(void **state)
{
	struct endpoint a = endpoint_ip4(0x0b000001, 1), b = endpoint_ip4(0x0b000002, 1);
	uint8_t first[EAR_TOKEN_BYTES], second[EAR_TOKEN_BYTES];
	uint64_t at = 5 * s_ns;
	struct ear_token t;

	(void)state;
	ear_token_init(&t, at);
	ear_token_make(&t, &a, at, first);
	assert_true(ear_token_ok(&t, &a, at, span_of(first, sizeof(first))));
	assert_false(ear_token_ok(&t, &b, at, span_of(first, sizeof(first))));
	a.port = 9; /* a NAT's port */
	assert_true(ear_token_ok(&t, &a, at, span_of(first, sizeof(first))));
	assert_false(ear_token_ok(&t, &a, at, span_of(first, sizeof(first) - 1)));
	assert_false(ear_token_ok(&t, &a, at, (struct span){ NULL, 0 }));
	first[3] ^= 1;
	assert_false(ear_token_ok(&t, &a, at, span_of(first, sizeof(first))));
	first[3] ^= 1;
	at += 299 * s_ns + s_ns;
	ear_token_make(&t, &a, at, second);
	assert_memory_not_equal(first, second, sizeof(first));
	assert_true(ear_token_ok(&t, &a, at, span_of(first, sizeof(first))));
	at += 300 * s_ns; /* ten minutes after the first */
	assert_false(ear_token_ok(&t, &a, at, span_of(first, sizeof(first))));
	assert_true(ear_token_ok(&t, &a, at, span_of(second, sizeof(second))));
	at += 36000 * s_ns; /* a long pause forgets both */
	assert_false(ear_token_ok(&t, &a, at, span_of(second, sizeof(second))));
	ear_token_make(&t, &a, at, first);
	assert_true(ear_token_ok(&t, &a, at + s_ns, span_of(first, sizeof(first))));
}

static void test_votes(void **state)
{
	struct endpoint truth = endpoint_ip4(0x51020304, 6881), lie = endpoint_ip4(0x0a0a0a0a, 1);
	struct endpoint won;
	struct ear_vote v = { .count = 0 };

	(void)state;
	for (uint32_t i = 0; i < 100; i++) { /* one network has one voice */
		struct endpoint voter = endpoint_ip4(0x0b000000 + i * 251, 1);

		ear_vote_cast(&v, &voter, &lie);
	}
	assert_false(ear_vote_winner(&v, &won));
	for (uint32_t i = 0; i < 3; i++) {
		struct endpoint voter = endpoint_ip4(0x20000000 + (i << 16), 1);

		ear_vote_cast(&v, &voter, &truth);
		assert_false(ear_vote_winner(&v, &won));
	}
	ear_vote_cast(&v, &(struct endpoint){ .addr = { 0x20, 1 } }, &truth);
	assert_true(ear_vote_winner(&v, &won));
	assert_memory_equal(won.addr, truth.addr, 16);
	assert_int_equal(won.port, 0);
	for (uint32_t i = 0; i < 1000; i++) { /* old voices go; the last ones count */
		struct endpoint voter = endpoint_ip4(0x30000000 + (i << 16), 1);

		ear_vote_cast(&v, &voter, i % 2 ? &truth : &lie);
	}
	assert_int_equal(v.count, EAR_VOTES_MAX);
	assert_false(ear_vote_winner(&v, &won)); /* half is not more than half */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_no_flood_gains),
		cmocka_unit_test(test_one_address),
		cmocka_unit_test(test_the_known_have_their_own),
		cmocka_unit_test(test_tokens),
		cmocka_unit_test(test_votes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
