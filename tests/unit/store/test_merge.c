/* SPDX-License-Identifier: MIT */
#include "tests/support/unit.h"

#include <string.h>

#include "store/merge.h"
#include "tests/support/store_model.h"

/* Compared as they are kept: what is not on disk does not count. */
struct kept {
	uint8_t node[RECORD_BYTES], contact[RECORD_CONTACT_BYTES];
};

static struct kept keep(const struct record *r, const struct record_contact *c)
{
	struct kept k;

	record_encode(r, k.node);
	record_contact_encode(c, k.contact);
	return k;
}

struct both {
	struct record r;
	struct record_contact c;
};

static struct both random_both(struct rng *r)
{
	struct sighting s = model_sighting(r, 5);
	uint32_t epoch_s = (uint32_t)rng_below(r, 4);
	struct both b = { merge_from_sighting(&s, epoch_s),
			  merge_contact_from_sighting(&s, epoch_s) };

	b.r.node_class = (uint8_t)rng_below(r, 4);
	if (rng_below(r, 2)) {
		b.r.place.asn = (uint32_t)rng_below(r, 3);
		b.r.place.has_point = 1;
		b.r.place.lat_q = (uint16_t)rng_below(r, 3);
	}
	return b;
}

static struct both join(struct both a, const struct both *b)
{
	merge_record(&a.r, &b->r);
	merge_contact(&a.c, &b->c);
	return a;
}

static void expect_same(const struct both *a, const struct both *b, const char *law)
{
	struct kept x = keep(&a->r, &a->c), y = keep(&b->r, &b->c);

	if (memcmp(x.node, y.node, sizeof(x.node)) != 0)
		fail_msg("nodes: not %s", law);
	if (memcmp(x.contact, y.contact, sizeof(x.contact)) != 0)
		fail_msg("contacts: not %s", law);
}

static void it_is_a_join(void **state)
{
	struct rng r = rng_open(1);

	(void)state;
	for (unsigned i = 0; i < 20000; i++) {
		struct both a = random_both(&r), b = random_both(&r), c = random_both(&r);
		struct both ab = join(a, &b), ba = join(b, &a), bc = join(b, &c);
		struct both ab_c = join(ab, &c), a_bc = join(a, &bc);
		struct both aa = join(a, &a), ab_a = join(ab, &a);

		expect_same(&ab, &ba, "commutative");
		expect_same(&ab_c, &a_bc, "associative");
		expect_same(&aa, &a, "idempotent");
		expect_same(&ab_a, &ab, "absorbing");
	}
}

/* Named cases: the laws alone would also hold for a merge that forgets everything. */
static void what_it_keeps(void **state)
{
	struct sighting s = { .when_ms = 10000,
			      .way = SIGHTING_ANSWERED,
			      .attempts = 2,
			      .answers = 1,
			      .rtt_us = 900,
			      .mentions = 5,
			      .version_len = 4,
			      .version = "LT\2\1",
			      .flags = SIGHTING_HAS_V };
	struct record a = merge_from_sighting(&s, 100), b, final, later;

	(void)state;
	s.when_ms = 20000;
	s.rtt_us = 400;
	s.mentions = 3;
	s.version_len = 0;
	memset(s.version, 0, 4);
	s.flags = SIGHTING_IP_VOTE;
	b = merge_from_sighting(&s, 100);
	merge_record(&a, &b);
	assert_int_equal(a.first_seen_s, 10);
	assert_int_equal(a.last_seen_s, 20);
	assert_int_equal(a.first_answered_s, 10);
	assert_int_equal(a.last_answered_s, 20);
	assert_int_equal(a.rtt_us, 400);
	assert_int_equal(a.mentions, 5);
	assert_int_equal(a.version_len, 4);
	assert_int_equal(a.flags, SIGHTING_HAS_V | SIGHTING_IP_VOTE);
	s.when_ms = 90000;
	s.flags = SIGHTING_FINAL;
	s.attempts = 7;
	s.rtt_us = 0;
	s.mentions = 40;
	final = merge_from_sighting(&s, 100);
	merge_record(&a, &final);
	assert_int_equal(a.last_seen_s, 20);
	assert_int_equal(a.last_answered_s, 20);
	assert_int_equal(a.attempts, 7);
	assert_int_equal(a.mentions, 40);
	assert_int_equal(a.rtt_us, 400);
	assert_int_equal(a.version_len, 4);
	s.attempts = 1;
	s.flags = 0;
	later = merge_from_sighting(&s, 200);
	merge_record(&a, &later);
	assert_int_equal(a.attempts, 1);
	assert_int_equal(a.version_len, 0);
	assert_int_equal(a.epoch_s, 200);
	assert_int_equal(a.mentions, 40);
}

static void numbers_that_do_not_fit_are_held(void **state)
{
	struct sighting s = { .when_ms = UINT64_MAX, .rtt_us = UINT32_MAX, .version_len = 200 };
	struct record r = merge_from_sighting(&s, 0);

	(void)state;
	assert_int_equal(r.last_seen_s, UINT32_MAX);
	assert_int_equal(r.rtt_us, RECORD_RTT_MAX_US);
	assert_int_equal(r.version_len, 4);
	s.when_ms = 0;
	assert_int_equal(merge_from_sighting(&s, 0).first_seen_s, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_is_a_join),
		cmocka_unit_test(what_it_keeps),
		cmocka_unit_test(numbers_that_do_not_fit_are_held),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
