/* SPDX-License-Identifier: MIT */
#include "tests/unit/engine/crawl_desk.h"

/* Where each plan's questions aim, how many there are, and when a walk ends. */

static const struct nodeid a_id = { { 0xa0, 1 } };

static void test_names(void **state)
{
	enum crawl_plan back;

	(void)state;
	for (unsigned i = 0; i < CRAWL_PLAN_SURVEY; i++) {
		assert_int_equal(crawl_plan_from_text(crawl_plan_name((enum crawl_plan)i), &back),
				 0);
		assert_int_equal(back, i);
	}
	/* It has a name in reports, and nobody chooses it. */
	assert_string_equal(crawl_plan_name(CRAWL_PLAN_SURVEY), "survey");
	assert_int_equal(crawl_plan_from_text("survey", &back), DT_ENOTFOUND);
	assert_int_equal(crawl_plan_from_text("9", &back), DT_ENOTFOUND);
	assert_int_equal(crawl_plan_from_text("", &back), DT_ENOTFOUND);
	assert_string_equal(crawl_plan_name(CRAWL_PLANS), "?");
}

/* Node 1 is asked all that its plan has; it always names the same one, who keeps silent. */
static unsigned ask_all(enum crawl_plan plan, double mixing, struct nodeid *target, unsigned max)
{
	struct crawl_opts o = desk_opts();
	struct nodeid far = id_of(0xa8000000); /* 4 bits in common with a_id */
	struct desk *d;
	uint8_t nodes[26];
	unsigned n = 0;

	o.plan = plan;
	o.mixing = mixing;
	o.mixing_all_until = 0;
	d = desk_open(&o, NULL);
	contact4(nodes, &far, host(2));
	desk_offer(d, host(1), &a_id, 5);
	for (unsigned turns = 0; turns < 200; turns++) {
		desk_send(d);
		for (unsigned i = 0; i < d->sent; i++) {
			if (d->out[i].peer.port != host(1).port)
				continue;
			assert_true(n < max);
			target[n++] = desk_target(d, i);
			desk_answer(d, i, host(1), &a_id, span_of(nodes, sizeof(nodes)));
		}
		d->now_ns += 2 * S;
	}
	assert_true(crawl_idle(d->crawl));
	desk_close(d);
	return n;
}

static unsigned common(const struct nodeid *a)
{
	return nodeid_common_bits(a, &a_id);
}

static void test_counts(void **state)
{
	static const struct {
		enum crawl_plan plan;
		double mixing;
		unsigned questions;
	} rows[] = {
		{ CRAWL_PLAN_2PLUS, 0, 2 },   { CRAWL_PLAN_2PLUS, 1, 3 },
		{ CRAWL_PLAN_3, 0, 3 },       { CRAWL_PLAN_4, 0, 4 },
		{ CRAWL_PLAN_5, 0, 5 },       { CRAWL_PLAN_OWN, 0, 1 },
		{ CRAWL_PLAN_OWN, 1, 2 },     { CRAWL_PLAN_FLIP_C, 0, 2 },
		{ CRAWL_PLAN_RANDOM1, 1, 1 }, { CRAWL_PLAN_RANDOM2, 0, 2 },
		{ CRAWL_PLAN_RANDOM4, 0, 4 }, { CRAWL_PLAN_RANDOM8, 0, 8 },
		{ CRAWL_PLAN_CPL16, 0, 16 },  { CRAWL_PLAN_PING, 0, 1 },
		{ CRAWL_PLAN_DRAIN, 0, 3 }, /* own id, c for the sample; the walk's first step: no
					       news */
	};
	struct nodeid target[32];

	(void)state;
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		unsigned n = ask_all(rows[i].plan, rows[i].mixing, target, 32);

		if (n != rows[i].questions)
			fail_msg("plan %s, mixing %.0f: %u questions, not %u",
				 crawl_plan_name(rows[i].plan), rows[i].mixing, n,
				 rows[i].questions);
	}
}

static void test_targets(void **state)
{
	static const unsigned flips[] = { 160, 3, 2, 1 }; /* c = 4; up to c-3 */
	struct nodeid target[32];
	unsigned n;

	(void)state;
	assert_int_equal(ask_all(CRAWL_PLAN_5, 0, target, 32), 5);
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(common(&target[i]), flips[i]);
	assert_int_equal(common(&target[3]), 4); /* bit c itself */
	assert_int_equal(common(&target[4]), 1);
	n = ask_all(CRAWL_PLAN_CPL16, 0, target, 32);
	for (unsigned i = 0; i < n; i++)
		assert_int_equal(common(&target[i]), i);
	n = ask_all(CRAWL_PLAN_RANDOM8, 0, target, 32);
	for (unsigned i = 0; i < n; i++)
		for (unsigned k = 0; k < i; k++)
			assert_false(nodeid_equal(&target[i], &target[k]));
}

/* As long as there is news the walk goes on, down to bit 0. */
static void test_drain(void **state)
{
	struct crawl_opts o = desk_opts();
	struct nodeid far = id_of(0xa8000000);
	unsigned asked = 0, want[] = { 160, 4, 3, 2, 1, 0 }; /* c = 4: of the sample */
	struct desk *d;
	uint8_t nodes[26];

	(void)state;
	o.plan = CRAWL_PLAN_DRAIN;
	o.mixing = 0;
	o.mixing_all_until = 0;
	d = desk_open(&o, NULL);
	desk_offer(d, host(1), &a_id, 5);
	for (unsigned turns = 0; turns < 200; turns++) {
		desk_send(d);
		for (unsigned i = 0; i < d->sent; i++) {
			struct nodeid target;

			if (d->out[i].peer.port != host(1).port)
				continue;
			target = desk_target(d, i);
			assert_true(asked < 6);
			assert_int_equal(common(&target), want[asked]);
			contact4(nodes, &far, host(10 + asked++));
			desk_answer(d, i, host(1), &a_id, span_of(nodes, sizeof(nodes)));
		}
		d->now_ns += 2 * S;
	}
	assert_int_equal(asked, 6);
	desk_close(d);
}

/* The dead are asked three times by every plan, and once only where they are services. */
static void test_dead(void **state)
{
	(void)state;
	for (unsigned p = 0; p < CRAWL_PLANS; p++) {
		struct crawl_opts o = desk_opts();
		struct desk *d;
		unsigned sent = 0;

		o.plan = (enum crawl_plan)p;
		d = desk_open(&o, NULL);
		desk_offer(d, host(1), &a_id, 5);
		for (unsigned turns = 0; turns < 60; turns++, d->now_ns += 2 * S)
			sent += desk_send(d);
		if (sent != 3)
			fail_msg("plan %s: %u packets", crawl_plan_name((enum crawl_plan)p), sent);
		assert_true(crawl_idle(d->crawl));
		desk_close(d);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),   cmocka_unit_test(test_counts),
		cmocka_unit_test(test_targets), cmocka_unit_test(test_drain),
		cmocka_unit_test(test_dead),
	};

	return cmocka_run_group_tests_name("crawl_plan", tests, NULL, NULL);
}
