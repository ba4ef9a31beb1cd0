/* SPDX-License-Identifier: MIT */
#include "tests/unit/engine/crawl_desk.h"

/* What a survey asks, and what it makes of the answers. */

static const struct nodeid a_id = { { 0xa0, 1 } };
static const uint8_t hash[NODEID_BYTES] = "a torrent of its own";

struct look {
	struct endpoint ep;
	struct crawl_trait trait;
	bool found;
};

static void take(void *ctx, const struct crawl_entry *e)
{
	struct look *l = ctx;

	if (!endpoint_equal(&e->ep, &l->ep))
		return;
	l->found = true;
	if (e->trait)
		l->trait = *e->trait;
}

static struct crawl_trait trait_of(const struct desk *d, struct endpoint ep)
{
	struct look l = { .ep = ep };

	crawl_each(d->crawl, take, &l);
	assert_true(l.found);
	return l.trait;
}

static struct desk *desk_of(uint32_t hosts)
{
	struct crawl_opts o = desk_opts();
	struct desk *d;

	o.plan = CRAWL_PLAN_SURVEY;
	d = desk_open(&o, NULL);
	for (uint32_t i = 1; i <= hosts; i++)
		desk_offer(d, host(i), &a_id, 0);
	return d;
}

static void reply(struct desk *d, unsigned i, struct krpc_answer a)
{
	struct krpc_msg q = desk_query(d, i);
	uint8_t out[1500];
	int len;

	a.t = q.t;
	a.id = a_id;
	if (!a.samples.ptr)
		a.num = a.interval = -1;
	len = krpc_build_reply(&a, out, sizeof(out));
	assert_true(len > 0);
	desk_arrives(d, d->out[i].peer, out, (size_t)len);
}

/* Everything there is, in four questions; the scrape is for a torrent that it named itself. */
static void test_all_of_it(void **state)
{
	static const uint8_t bloom[2 * KRPC_BLOOM_BYTES] = { 1 };
	uint8_t six[38] = { 1 }, four[26] = { 2 };
	struct endpoint us = endpoint_ip4(0x01020304, 5);
	struct desk *d = desk_of(1);
	struct crawl_trait t;
	struct krpc_msg q;

	(void)state;
	assert_int_equal(desk_send(d), 1);
	q = desk_query(d, 0);
	assert_int_equal(q.method, KRPC_FIND_NODE);
	assert_int_equal(q.want, KRPC_WANT_N4 | KRPC_WANT_N6);
	reply(d, 0,
	      (struct krpc_answer){ .nodes = span_of(four, 26),
				    .nodes6 = span_of(six, 38),
				    .ip = &us,
				    .v = SPAN_LIT("LT\x02\x0b") });
	assert_int_equal(desk_send(d), 1);
	assert_int_equal(desk_query(d, 0).method, KRPC_SAMPLE_INFOHASHES);
	reply(d, 0, (struct krpc_answer){ .samples = span_of(hash, sizeof(hash)), .num = 9 });
	d->now_ns += 2 * S; /* a packet a second to one address, four at once */
	assert_int_equal(desk_send(d), 1);
	assert_int_equal(desk_query(d, 0).method, KRPC_GET);
	reply(d, 0, (struct krpc_answer){ .token = SPAN_LIT("tokn") });
	assert_int_equal(desk_send(d), 1);
	q = desk_query(d, 0);
	assert_int_equal(q.method, KRPC_GET_PEERS);
	assert_true(q.scrape);
	assert_memory_equal(q.info_hash.ptr, hash, sizeof(hash));
	reply(d, 0, (struct krpc_answer){ .bloom = bloom, .token = SPAN_LIT("tokn") });
	assert_int_equal(desk_send(d), 0);
	assert_true(crawl_idle(d->crawl));
	t = trait_of(d, host(1));
	assert_true(t.there && t.version_len == 4);
	assert_int_equal(t.asked, (1 << SURVEY_QUESTIONS) - 1);
	assert_int_equal(t.flags, SIGHTING_NODES6 | SIGHTING_IP_VOTE | SIGHTING_SAMPLES |
					  SIGHTING_ITEMS | SIGHTING_SCRAPE | SIGHTING_TOKEN);
	/* Nobody new is asked for it. */
	assert_int_equal(desk_stats(d).endpoints_known, 1);
	desk_close(d);
}

/* An error and silence say what it cannot do; without a torrent there is nothing to scrape. */
static void test_what_it_cannot(void **state)
{
	struct desk *d = desk_of(1);
	unsigned asked[KRPC_OTHER_METHOD + 1] = { 0 };
	struct crawl_trait t;

	(void)state;
	for (unsigned turn = 0; turn < 60; turn++) {
		unsigned n = desk_send(d);

		for (unsigned i = 0; i < n; i++) {
			struct krpc_msg q = desk_query(d, i);
			uint8_t out[256];
			int len;

			asked[q.method]++;
			if (q.method == KRPC_FIND_NODE)
				reply(d, i, (struct krpc_answer){ .token = SPAN_LIT("no matter") });
			if (q.method != KRPC_SAMPLE_INFOHASHES)
				continue;
			len = krpc_build_error(q.t, (struct span){ NULL, 0 }, 204, "unknown", out,
					       sizeof(out));
			desk_arrives(d, d->out[i].peer, out, (size_t)len);
		}
		d->now_ns += S;
	}
	assert_true(crawl_idle(d->crawl));
	t = trait_of(d, host(1));
	assert_true(t.there && t.error == 204);
	assert_int_equal(t.flags, SIGHTING_ERROR);
	assert_int_equal(t.asked, 1 << SURVEY_FIND | 1 << SURVEY_SAMPLE | 1 << SURVEY_ITEM);
	assert_int_equal(asked[KRPC_GET_PEERS], 0);
	assert_int_equal(asked[KRPC_SAMPLE_INFOHASHES], 1);
	assert_int_equal(asked[KRPC_GET], 2); /* silence: once more, and no more */
	desk_close(d);
}

/* Who never answers is asked the first question three times, and is not there. */
static void test_nobody(void **state)
{
	struct desk *d = desk_of(3);
	unsigned sent = 0;

	(void)state;
	for (unsigned turn = 0; turn < 100; turn++) {
		sent += desk_send(d);
		d->now_ns += S;
	}
	assert_int_equal(sent, 9);
	assert_true(crawl_idle(d->crawl));
	assert_false(trait_of(d, host(2)).there);
	desk_close(d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all_of_it),
		cmocka_unit_test(test_what_it_cannot),
		cmocka_unit_test(test_nobody),
	};

	return cmocka_run_group_tests_name("crawl_survey", tests, NULL, NULL);
}
