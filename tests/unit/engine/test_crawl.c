/* SPDX-License-Identifier: MIT */
#include "engine/distinct.h"
#include "tests/unit/engine/crawl_world.h"

/* The whole census over a tiny network: recall, cost, certificate, modes. */

static void test_lossless(void **state)
{
	(void)state;
	for (unsigned shards = 1; shards <= 3; shards++) {
		struct world *w = world_new(tinynet_new(11, 2000, 0), opts_for(), shards);
		struct crawl_stats s;

		bootstrap(w, 3);
		run(w);
		s = total(w);
		assert_int_equal(recalled(w), 2000);
		assert_int_equal(s.endpoints_live, 2000);
		assert_int_equal(s.expired, 0);
		assert_int_equal(s.retries_sent, 0);
		assert_int_equal(w->sightings, 2000);
		assert_true(shards == 1 || w->forwarded > 1000);
		/* own id, flip, and a tenth at random, but for the start */
		assert_true((double)(s.first_attempts - s.startup_mixing_sent) / 2000 < 2.15);
		world_free(w);
	}
}

/* Live nodes that are known and did not answer. */
static uint32_t mentioned_in_vain(const struct world *w)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < w->net->count; i++) {
		const struct tinynet_node *node = &w->net->nodes[i];
		struct crawl_node found;

		n += node->live &&
		     !crawl_find(w->crawl[net_deal(&node->ep, w->shards)], &node->ep, &found) &&
		     !found.answered;
	}
	return n;
}

static void test_lossy(void **state)
{
	uint32_t vain = 0;

	(void)state;
	for (uint64_t seed = 1; seed <= 5; seed++) {
		struct crawl_opts o = opts_for();
		struct world *w;
		struct crawl_stats s;

		o.seed = seed;
		w = world_new(tinynet_new(seed, 1500, 1000), o, 1 + (unsigned)(seed % 3));
		w->loss = 0.05;
		bootstrap(w, 3);
		run(w);
		s = total(w);
		vain += mentioned_in_vain(w);
		/* Whom nobody listed is the network's doing: with tables of eight, a
		 * neighbourhood of twenty is sometimes hit by no question. */
		assert_true(recalled(w) >= 1475);
		assert_int_equal(s.endpoints_live, recalled(w));
		/* the dead were asked three times each, no more */
		assert_true(s.sent <= s.endpoints_live * 3 + 1000 * 3);
		assert_true(s.expired >= 1000 * 3 - 100);
		world_free(w);
	}
	/* Of live nodes that somebody listed, three attempts at 5 % miss 0.0125 %:
	 * 0.9 of these 7500; six or more would be one run in three hundred. */
	assert_true(vain <= 5);
}

/* The answer to everything, said again at the end. */
static void test_close(void **state)
{
	struct world *w = world_new(tinynet_new(5, 300, 100), opts_for(), 2);
	struct crawl_stats s;

	(void)state;
	bootstrap(w, 0);
	run(w);
	s = total(w);
	for (unsigned i = 0; i < 2; i++)
		crawl_close(w->crawl[i], w->now_ns);
	assert_int_equal(w->finals, s.endpoints_known);
	assert_int_equal(w->final_answered, s.endpoints_live);
	world_free(w);
}

static void test_counts(void **state)
{
	struct world *w = world_new(tinynet_new(6, 700, 300), opts_for(), 2);
	struct census_tally t = { 0 };
	uint64_t list[1000], n = 0, known = 0;
	struct crawl_stats s;

	(void)state;
	bootstrap(w, 1);
	run(w);
	s = total(w);
	for (unsigned i = 0; i < 2; i++)
		n += crawl_ids(w->crawl[i], list + n, 1000 - n);
	assert_int_equal(n, s.endpoints_live);
	assert_int_equal(distinct_u64(list, n), n);
	n = 0;
	for (unsigned i = 0; i < 2; i++)
		n += crawl_addresses(w->crawl[i], list + n, 1000 - n);
	assert_int_equal(n, s.endpoints_live);
	assert_int_equal(distinct_u64(list, n), n);
	for (unsigned i = 0; i < 2; i++)
		crawl_tally(w->crawl[i], &t);
	for (unsigned z = 0; z < CENSUS_ZONES; z++)
		known += t.zone[z].known;
	assert_int_equal(known, s.endpoints_known);
	assert_int_equal(census_chao1(&t).live, s.endpoints_live);
	world_free(w);
}

/* The seed decides all that can be seen; the secret keys nothing. */
static void test_same_seed_same_run(void **state)
{
	struct crawl_stats s[2];

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		struct crawl_opts o = opts_for();
		struct world *w;

		memset(o.mac_key, 1 + (int)i, sizeof(o.mac_key));
		w = world_new(tinynet_new(8, 600, 400), o, 2);
		w->loss = 0.1;
		bootstrap(w, 0);
		run(w);
		s[i] = total(w);
		world_free(w);
	}
	assert_memory_equal(&s[0], &s[1], sizeof(s[0]));
}

static void test_depth(void **state)
{
	static const enum crawl_plan plans[] = { CRAWL_PLAN_2PLUS, CRAWL_PLAN_3, CRAWL_PLAN_4 };
	uint64_t sent[3];

	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		struct crawl_opts o = opts_for();
		struct world *w;

		o.plan = plans[i];
		w = world_new(tinynet_new(9, 800, 0), o, 1);
		bootstrap(w, 0);
		run(w);
		sent[i] = total(w).first_attempts;
		assert_int_equal(total(w).raised_sent, 0);
		world_free(w);
	}
	assert_true(sent[1] > sent[0] + 600 && sent[2] > sent[1] + 600);
}

/* Every plan through a whole network, with loss, over shards: it ends, and finds most. */
static void test_networks(void **state)
{
	(void)state;
	for (unsigned p = 0; p < CRAWL_PLANS; p++) {
		struct crawl_opts o = opts_for();
		struct world *w;

		if (p == CRAWL_PLAN_PING || p == CRAWL_PLAN_SURVEY)
			continue;
		o.plan = (enum crawl_plan)p;
		w = world_new(tinynet_new(20 + p, 600, 200), o, 1 + p % 3);
		w->loss = 0.05;
		bootstrap(w, 0);
		run(w);
		if (recalled(w) < 550)
			fail_msg("plan %s finds %u of 600", crawl_plan_name((enum crawl_plan)p),
				 recalled(w));
		world_free(w);
	}
}

/* Two zones are asked deeper, and deeper once more; a third time finds nothing to ask. */
static void test_raise(void **state)
{
	struct world *w = world_new(tinynet_new(10, 2000, 0), opts_for(), 1);
	uint8_t zones[CENSUS_ZONES / 8] = { 0 };
	struct crawl_stats before, after;
	uint32_t there = 0;
	uint64_t added;

	(void)state;
	bootstrap(w, 0);
	run(w);
	for (uint32_t i = 0; i < w->net->count; i++)
		there += w->net->nodes[i].id.b[0] == 0x12 || w->net->nodes[i].id.b[0] == 0xff;
	zones[0x12 / 8] |= 1 << 0x12 % 8;
	zones[0xff / 8] |= 1 << 0xff % 8;
	before = total(w);
	for (unsigned round = 0; round < 3; round++) {
		added = crawl_raise(w->crawl[0], zones, w->now_ns);
		assert_int_equal(added, round < 2 ? there : 0);
		assert_int_equal(crawl_idle(w->crawl[0]), round == 2);
		run(w);
	}
	after = total(w);
	assert_int_equal(after.raised_sent, 2 * there);
	assert_int_equal(after.first_attempts, before.first_attempts + 2 * there);
	world_free(w);
}

static void test_methods(void **state)
{
	static const struct {
		const char *name;
		enum crawl_method method;
		bool sampling;
		bool errors;
		unsigned flag;
	} rows[] = {
		{ "get_peers", CRAWL_GET_PEERS, false, false, SIGHTING_TOKEN },
		{ "sample, known", CRAWL_SAMPLE, true, false, 0 },
		{ "sample, unknown", CRAWL_SAMPLE, false, true, 0 },
	};

	(void)state;
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct crawl_opts o = opts_for();
		struct world *w;

		o.method = rows[i].method;
		w = world_new(tinynet_new(12, 500, 0), o, 1);
		w->net->sampling = rows[i].sampling;
		bootstrap(w, 0);
		run(w);
		if (recalled(w) != 500 || !!total(w).errors != rows[i].errors)
			fail_msg("%s: %u found, %llu errors", rows[i].name, recalled(w),
				 (unsigned long long)total(w).errors);
		assert_int_equal(w->last.flags & rows[i].flag, rows[i].flag);
		world_free(w);
	}
}

/* Revisit: every contact is pinged, nothing is learnt. */
static void test_ping(void **state)
{
	struct crawl_opts o = opts_for();
	struct world *w;
	struct crawl_contact list[300];

	(void)state;
	o.plan = CRAWL_PLAN_PING;
	w = world_new(tinynet_new(13, 200, 200), o, 1);
	for (unsigned i = 0; i < 300; i++)
		list[i] = (struct crawl_contact){ .ep = w->net->nodes[i].ep,
						  .id = w->net->nodes[i].id,
						  .has_id = i % 2 };
	crawl_offer(w->crawl[0], list, 300, w->now_ns);
	run(w);
	assert_int_equal(total(w).endpoints_known, 300);
	assert_int_equal(total(w).endpoints_live, recalled(w));
	assert_int_equal(total(w).endpoints_live, 150);
	assert_int_equal(total(w).sent, 150 + 3 * 150);
	world_free(w);
}

static void test_stop(void **state)
{
	struct world *w = world_new(tinynet_new(14, 1000, 500), opts_for(), 2);
	uint64_t sent;

	(void)state;
	bootstrap(w, 0);
	while (total(w).endpoints_live < 200) {
		turn(w);
		assert_true(advance(w));
	}
	sent = total(w).sent;
	for (unsigned i = 0; i < 2; i++)
		crawl_stop(w->crawl[i]);
	assert_false(crawl_idle(w->crawl[0]) && crawl_idle(w->crawl[1]));
	run(w);
	assert_int_equal(total(w).sent, sent);
	assert_true(recalled(w) > 200);
	world_free(w);
}

/* A table that is full says so and goes on with what it has. */
static void test_full_table(void **state)
{
	struct crawl_opts o = opts_for();
	struct world *w;
	struct crawl_stats s;

	(void)state;
	o.endpoints_max = 300;
	w = world_new(tinynet_new(15, 1000, 0), o, 1);
	bootstrap(w, 0);
	run(w);
	crawl_stats(w->crawl[0], &s);
	assert_int_equal(s.endpoints_known, 300);
	assert_int_equal(s.endpoints_live, 300);
	assert_true(s.endpoints_full > 0);
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lossless),
		cmocka_unit_test(test_lossy),
		cmocka_unit_test(test_close),
		cmocka_unit_test(test_counts),
		cmocka_unit_test(test_same_seed_same_run),
		cmocka_unit_test(test_depth),
		cmocka_unit_test(test_networks),
		cmocka_unit_test(test_raise),
		cmocka_unit_test(test_methods),
		cmocka_unit_test(test_ping),
		cmocka_unit_test(test_stop),
		cmocka_unit_test(test_full_table),
	};

	return cmocka_run_group_tests_name("crawl", tests, NULL, NULL);
}
