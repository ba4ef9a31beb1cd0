/* SPDX-License-Identifier: MIT */
#include "engine/nodetab.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "engine/rng.h"
#include "tests/support/unit.h"

static void test_options(void **state)
{
	struct nodetab t;

	(void)state;
	assert_int_equal(nodetab_init(&t, 0, 0, 1), -EINVAL);
	assert_int_equal(nodetab_init(&t, (uint64_t)NODETAB_MAX + 1, 0, 1), -EINVAL);
	assert_int_equal(nodetab_init(&t, NODETAB_MAX, 0, 1), 0);
	nodetab_free(&t);
	assert_int_equal(nodetab_init(&t, 1000, 5000, 1), 0); /* a hint is only a hint */
	nodetab_free(&t);
	nodetab_free(&t);
}

/* ---- beside a map that is an array --------------------------------------------- */

enum { ENDPOINTS = 3000, ROUNDS = 60000 };

/* A small world of both families, so that look-ups hit and miss. */
static struct endpoint random_endpoint(struct rng *r)
{
	struct endpoint ep = { .addr = { 0x20, 1 }, .port = (uint16_t)(1 + rng_below(r, 4)) };

	if (rng_below(r, 3))
		return endpoint_ip4(0x01000000 + rng_below(r, 1000) * 65537, ep.port);
	ep.addr[15] = (uint8_t)rng_below(r, 200);
	return ep;
}

static void test_oracle(void **state)
{
	struct endpoint *list = calloc(ENDPOINTS * 4, sizeof(*list));
	struct nodetab t;
	struct rng r;
	uint32_t count = 0;

	(void)state;
	assert_non_null(list);
	rng_init(&r, 17, 0);
	assert_int_equal(nodetab_init(&t, ENDPOINTS * 4, 0, 99), 0);
	for (unsigned round = 0; round < ROUNDS; round++) {
		struct endpoint ep = random_endpoint(&r);
		struct nodetab_key key = nodetab_key(&t, &ep);
		uint32_t want = NODETAB_NONE, got = nodetab_find(&t, &key), guess;

		for (uint32_t i = 0; i < count && want == NODETAB_NONE; i++)
			if (endpoint_equal(&list[i], &ep))
				want = i;
		assert_int_equal(got, want);
		guess = nodetab_guess(&t, key.hash);
		assert_true(guess != NODETAB_NONE || want == NODETAB_NONE);
		if (want != NODETAB_NONE)
			continue;
		assert_int_equal(nodetab_add(&t, &key, &got), 0);
		assert_int_equal(got, count);
		list[count++] = ep;
	}
	for (uint32_t i = 0; i < count; i++) {
		struct endpoint ep = nodetab_endpoint(&t, i);

		assert_memory_equal(&ep, &list[i], sizeof(ep));
	}
	assert_true(count > 4000);
	nodetab_free(&t);
	free(list);
}

/* Records stay where they are while every sub-table grows many times. */
static void test_growth(void **state)
{
	enum { MANY = 400000 };
	struct nodetab t;
	uint32_t ref, guess;
	uint64_t wrong = 0;

	(void)state;
	assert_int_equal(nodetab_init(&t, MANY, 0, 7), 0);
	for (uint32_t i = 0; i < MANY; i++) {
		struct nodetab_key key = nodetab_key4(&t, i * 2654435761u, 6881);

		assert_int_equal(nodetab_add(&t, &key, &ref), 0);
		assert_int_equal(ref, i);
		nodetab_at(&t, i)->mentions = (uint16_t)i;
	}
	for (uint32_t i = 0; i < MANY; i++) {
		struct nodetab_key key = nodetab_key4(&t, i * 2654435761u, 6881);

		assert_int_equal(nodetab_find(&t, &key), i);
		assert_int_equal(nodetab_at(&t, i)->mentions, (uint16_t)i);
		guess = nodetab_guess(&t, key.hash);
		wrong += guess != i;
	}
	assert_true(wrong < MANY / 100);
	/* 40 bytes and an index entry at 40 to 80 % of use, and a step of the arena */
	assert_true((double)nodetab_bytes(&t) / MANY < 40 + 4 / 0.56 + 2.7);
	/* at its maximum it refuses and stays as it was */
	struct nodetab_key one_more = nodetab_key4(&t, 0xfffffffe, 1);

	assert_int_equal(nodetab_add(&t, &one_more, &ref), DT_EFULL);
	assert_int_equal(nodetab_find(&t, &one_more), NODETAB_NONE);
	assert_int_equal(t.count, MANY);
	nodetab_free(&t);
}

/* A hint spares the growing and costs no more than the entries would. */
static void test_hint(void **state)
{
	enum { MANY = 200000 };
	struct nodetab t;
	uint64_t before;
	uint32_t ref;

	(void)state;
	assert_int_equal(nodetab_init(&t, 1 << 24, MANY, 7), 0);
	before = nodetab_bytes(&t);
	for (uint32_t i = 0; i < MANY; i++) {
		struct nodetab_key key = nodetab_key4(&t, i * 2654435761u, 6881);

		assert_int_equal(nodetab_add(&t, &key, &ref), 0);
	}
	assert_true(nodetab_bytes(&t) - before < before / 10);
	assert_true((double)before / MANY < 50);
	nodetab_free(&t);
}

static void test_mentions(void **state)
{
	static const struct {
		const char *name;
		uint16_t tags[8];
		unsigned want;
	} rows[] = {
		{ "none", { 0 }, 0 },
		{ "one", { 5 }, 1 },
		{ "one twice", { 5, 5 }, 1 },
		{ "two", { 5, 6 }, 2 },
		{ "two in turns", { 5, 6, 5, 6, 6, 5 }, 2 },
		{ "three", { 5, 6, 7 }, 3 },
		{ "three, last two again", { 5, 6, 7, 6, 7 }, 3 },
		{ "beyond two the first is forgotten", { 5, 6, 7, 5 }, 4 },
	};

	(void)state;
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct node n = { 0 };

		for (unsigned k = 0; rows[i].tags[k]; k++)
			nodetab_mention(&n, rows[i].tags[k]);
		if (n.mentions != rows[i].want)
			fail_msg("%s: %u, not %u", rows[i].name, n.mentions, rows[i].want);
	}
	struct node full = { .mentions = UINT16_MAX };

	assert_true(nodetab_mention(&full, 3));
	assert_int_equal(full.mentions, UINT16_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_options),  cmocka_unit_test(test_oracle),
		cmocka_unit_test(test_growth),   cmocka_unit_test(test_hint),
		cmocka_unit_test(test_mentions),
	};

	return cmocka_run_group_tests_name("nodetab", tests, NULL, NULL);
}
