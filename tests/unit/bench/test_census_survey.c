/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "bench/sim/sim.h"
#include "engine/survey.h"

/**
 * DOC: a census and its survey in virtual time, among NATs of every kind and clients that can
 * this and that: what was found against what is.
 */

#define S 1000000000ull

enum { DEVICES = 4 };

struct survey {
	struct sim_world *w;
	struct net *first, *last, *all[DEVICES];
	unsigned devices;
	uint64_t reach[SIM_NATS][SURVEY_REACHES];
	uint64_t asked[SURVEY_ABILITIES], wrong[SURVEY_ABILITIES], able[SURVEY_ABILITIES];
	uint64_t found, one_way;
};

static int next_device(void *ctx, enum engine_port port, struct net **out, struct clock *clock)
{
	struct survey *s = ctx;

	assert_true(s->devices < DEVICES);
	assert_int_equal(net_sim_beside(s->last, (unsigned)port, out, clock), 0);
	s->last = s->all[s->devices++] = *out;
	return 0;
}

static void found(void *ctx, const struct survey_find *f)
{
	static const uint16_t flag[SURVEY_ABILITIES] = {
		[SURVEY_BEP32] = SIGHTING_NODES6,     [SURVEY_BEP33] = SIGHTING_SCRAPE,
		[SURVEY_BEP42_IP] = SIGHTING_IP_VOTE, [SURVEY_BEP44] = SIGHTING_ITEMS,
		[SURVEY_BEP51] = SIGHTING_SAMPLES,
	};
	struct survey *s = ctx;
	uint32_t n;

	assert_int_equal(sim_world_by_public(s->w, &f->ep, &n), 0);
	s->found++;
	s->reach[sim_world_nat(s->w, n)][f->reach]++;
	for (unsigned a = 0; a < SURVEY_ABILITIES; a++) {
		bool truly = sim_world_able(s->w, n) & flag[a];
		bool able = survey_able(f, (enum survey_ability)a);

		if (!flag[a] || !survey_asked(f, (enum survey_ability)a))
			continue;
		s->asked[a]++;
		s->able[a] += able;
		s->wrong[a] += able != truly;
	}
}

static struct sim_opts natted_world(void)
{
	struct sim_opts o = sim_opts_default();

	o.live = 6000;
	o.dead_share = 0.45;
	o.delay_us = 80000;
	o.seed = 5;
	o.bad = (struct sim_bad){ .oneway = 0.25,
				  .nat_address = 0.2,
				  .nat_port = 0.5,
				  .limiters = 1,
				  .callers = 0.05,
				  .bep33 = 0.9,
				  .bep43 = 1,
				  .bep44 = 0.8,
				  .bep51 = 0.9,
				  .v6 = 0.3 };
	return o;
}

static void census(struct survey *s, struct engine_opts *o, struct engine **e,
		   struct engine_result *r)
{
	static struct crawl_contact boot[8];
	struct endpoint ep[8];
	char why[ENGINE_WHY_MAX];
	unsigned count = sim_world_bootstrap(s->w, ep, 8);

	for (unsigned i = 0; i < count; i++)
		boot[i].ep = ep[i];
	o->device = s->first;
	o->workers = 1;
	o->rate_pps = 5000;
	o->crawl.seed = 1;
	o->crawl.mixing_all_until = 2000;
	o->crawl.sweep_after_ns = 5 * S;
	o->crawl.endpoints_max = 1 << 18;
	o->crawl.slots_log2 = 15;
	o->bootstrap = boot;
	o->bootstrap_count = count;
	memset(o->crawl.own_id.b, 0xa5, NODEID_BYTES);
	assert_int_equal(engine_new(o, e, why), 0);
	assert_int_equal(engine_run(*e, r), 0);
}

/* The row of what one kind of NAT was found to be. */
static uint64_t row(const struct survey *s, enum sim_nat nat)
{
	uint64_t sum = 0;

	for (unsigned r = 0; r < SURVEY_REACHES; r++) {
		print_message("# %-8s %-8s %5u\n", sim_nat_name(nat), survey_reach_name(r),
			      (unsigned)s->reach[nat][r]);
		sum += s->reach[nat][r];
	}
	return sum;
}

static void check_reach(const struct survey *s)
{
	uint64_t none = row(s, SIM_NAT_NONE), port = row(s, SIM_NAT_PORT);
	uint64_t address = row(s, SIM_NAT_ADDRESS);

	assert_true(none > 700 && port > 100 && address > 30);
	assert_true((double)s->reach[SIM_NAT_NONE][SURVEY_ANY_PORT] > 0.995 * (double)none);
	/* Only the port that the node had spoken to; a few speak to the second one as well. */
	assert_true((double)s->reach[SIM_NAT_PORT][SURVEY_ONE_PORT] > 0.75 * (double)port);
	assert_int_equal(s->reach[SIM_NAT_PORT][SURVEY_ANY_PORT], 0);
	/* What two ports of one address cannot tell. */
	assert_int_equal(s->reach[SIM_NAT_ADDRESS][SURVEY_ONE_PORT], 0);
	assert_int_equal(row(s, SIM_NAT_CLOSED), 0);
}

static void check_abilities(const struct survey *s)
{
	for (unsigned a = 0; a < SURVEY_ABILITIES; a++) {
		if (!s->asked[a])
			continue;
		print_message("# %-8s %5u asked, %5u able, %3u wrong\n", survey_ability_name(a),
			      (unsigned)s->asked[a], (unsigned)s->able[a], (unsigned)s->wrong[a]);
		assert_true(s->able[a] > 0 && s->able[a] <= s->asked[a]);
		assert_true((double)s->wrong[a] <= 0.01 * (double)s->asked[a]);
	}
	assert_true(s->asked[SURVEY_BEP33] > 300 && s->asked[SURVEY_BEP44] > 700);
	/* Not everybody who gives samples gives filters, nor does every client get. */
	assert_true(s->able[SURVEY_BEP33] < s->asked[SURVEY_BEP33]);
	assert_true(s->able[SURVEY_BEP44] < s->asked[SURVEY_BEP44]);
}

static void test_against_truth(void **state)
{
	static struct survey s;
	static struct engine_result r;
	struct sim_opts so = natted_world();
	struct engine_opts o = engine_opts_default();
	struct survey_opts opts = { .device = next_device, .found = found, .ctx = &s, .seed = 3 };
	const struct survey_row *all;
	char why[ENGINE_WHY_MAX];
	struct engine *e;

	(void)state;
	assert_int_equal(sim_world_new(&so, &s.w), 0);
	assert_int_equal(net_sim_open(s.w, &s.first, &o.clock), 0);
	s.last = s.first;
	census(&s, &o, &e, &r);
	opts.engine = o;
	memset(opts.own_id.b, 0x33, NODEID_BYTES);
	opts.nodes = 1500;
	assert_int_equal(survey_run(&opts, e, &r, why), 0);
	assert_true(r.survey.done);
	assert_int_equal(r.survey.sampled, 1500);
	assert_true(r.survey.callers > 150 && s.found >= 1500);
	assert_true(r.survey.cost.queries_sent < 5 * s.found);
	assert_int_equal(r.survey.cost.unexplained, 0);
	assert_true(r.counters.gate.worst_host_10s <= 9);
	check_reach(&s);
	check_abilities(&s);
	all = &r.survey.row[r.survey.rows - 1];
	assert_true(all->all && r.survey.rows > 5);
	for (unsigned i = 0; i + 1 < r.survey.rows; i++)
		assert_true(r.survey.row[i].nodes > 0 && r.survey.row[i].nodes <= all->nodes);
	engine_free(e);
	for (unsigned i = 0; i < s.devices; i++)
		net_close(s.all[i]);
	net_close(s.first);
	sim_world_free(s.w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_against_truth),
	};

	return cmocka_run_group_tests_name("census_survey", tests, NULL, NULL);
}
