/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "bench/sim/sim.h"
#include "engine/engine.h"

/**
 * DOC: the shipped engine in the simulated DHT, in virtual time and on real
 * sockets, scored against the truth. 40 % dead ids, 5 % loss, as census 2b.
 */

#define MS 1000000ull

struct census {
	struct sim_world *w;
	struct net *device;
	struct sim_farm *farm;
	struct engine_result result;
	struct sim_truth truth;
};

static struct net *behind_alias(void *ctx, struct net *inner)
{
	struct net *out;

	if (net_alias_open(ctx, inner, &out) == 0)
		return out;
	net_close(inner);
	return NULL;
}

static int what_was_found(void *ctx, const struct endpoint *ep, struct nodeid *id)
{
	struct crawl_node n;

	if (engine_find(ctx, ep, &n) < 0)
		return 0;
	*id = n.id;
	return n.answered ? 2 : 1;
}

static struct engine_opts options(struct census *c)
{
	struct engine_opts o = engine_opts_default();

	o.workers = 1;
	o.rate_pps = 0;
	o.crawl = crawl_opts_default();
	o.crawl.seed = 3;
	memset(o.crawl.own_id.b, 0xa5, NODEID_BYTES);
	memcpy(o.crawl.v, "DT\0\1", 4);
	o.crawl.mixing_all_until = 0; /* census 2b has no start-up rule */
	o.crawl.timeout1_ns = 400 * MS;
	o.crawl.timeout2_ns = 400 * MS;
	o.crawl.sweep_after_ns = 400 * MS;
	o.crawl.endpoints_max = sim_world_nodes(c->w) + 1;
	o.crawl.endpoints_hint = sim_world_nodes(c->w);
	o.crawl.slots_log2 = 16;
	return o;
}

/** take() - a census of @live nodes; @on_farm: over real sockets. */
static void take(struct census *c, uint32_t live, uint32_t delay_us, bool on_farm)
{
	struct sim_opts so = sim_opts_default();
	struct crawl_contact boot[32] = { 0 };
	struct endpoint ep[32];
	char why[ENGINE_WHY_MAX];
	struct engine_opts o;
	struct engine *e;
	unsigned count;

	so.live = live;
	so.delay_us = delay_us;
	assert_int_equal(sim_world_new(&so, &c->w), 0);
	o = options(c);
	if (on_farm) {
		struct sim_farm_opts fo = { .threads = 1 };

		assert_int_equal(sim_farm_start(c->w, &fo, &c->farm), 0);
		o.udp.bind = endpoint_ip4(0x7f000001, 0);
		o.window = 2048;
		o.wrap = behind_alias;
		o.wrap_ctx = c->w;
	} else {
		assert_int_equal(net_sim_open(c->w, &c->device, &o.clock), 0);
		o.device = c->device;
	}
	count = sim_world_bootstrap(c->w, ep, 32);
	for (unsigned i = 0; i < count; i++)
		boot[i].ep = ep[i];
	o.bootstrap = boot;
	o.bootstrap_count = count;
	assert_int_equal(engine_new(&o, &e, why), 0);
	assert_int_equal(engine_run(e, &c->result), 0);
	sim_score(c->w, what_was_found, e, &c->truth);
	c->truth.estimate_error =
		((double)c->truth.answered + c->result.estimate.unseen) / live - 1;
	engine_free(e);
}

static void end(struct census *c)
{
	net_close(c->device);
	sim_farm_stop(c->farm);
	sim_world_free(c->w);
}

static void is_good(const struct census *c, double recall, double error)
{
	const struct crawl_stats *s = &c->result.counters.crawl;
	double live = (double)c->truth.live, dead = sim_world_nodes(c->w) - live;

	assert_int_equal(c->result.end, ENGINE_END_DONE);
	print_message(
		"# recall %.3f %%, seen %.3f %%, estimate %+.3f %%, %.3f questions a live node\n",
		100 * c->truth.recall, 100 * c->truth.seen_share, 100 * c->truth.estimate_error,
		(double)s->first_attempts / live);
	assert_true(c->truth.recall > recall);
	assert_true(c->truth.seen_share >= c->truth.recall);
	assert_true(c->truth.estimate_error > -error && c->truth.estimate_error < error);
	assert_int_equal(c->truth.false_nodes, 0);
	assert_int_equal(c->truth.wrong_ids, 0);
	assert_int_equal(c->result.counters.unexplained, 0);
	/* 2.1 questions to the living, one to each of the dead. */
	assert_true((double)s->first_attempts < 2.13 * live + dead);
	assert_int_equal(s->sent, s->answered + s->errors + s->expired + s->in_flight);
}

static void a_census_in_virtual_time_finds_the_truth(void **state)
{
	struct census c = { 0 };
	(void)state;

	take(&c, 60000, 0, false);
	is_good(&c, 0.9970, 0.001);
	assert_int_equal(c.result.counters.gate.refused[GATE_BOGON], 0);
	assert_true(c.result.counters.gate.worst_host_10s <= 9);
	end(&c);
}

static void the_same_seed_gives_the_same_census(void **state)
{
	struct census a = { 0 }, b = { 0 };
	(void)state;

	take(&a, 5000, 30000, false);
	take(&b, 5000, 30000, false);
	assert_int_equal(a.result.counters.crawl.sent, b.result.counters.crawl.sent);
	assert_int_equal(a.result.counters.crawl.answered, b.result.counters.crawl.answered);
	assert_int_equal(a.result.elapsed_ns, b.result.elapsed_ns);
	assert_int_equal(a.truth.answered, b.truth.answered);
	end(&a);
	end(&b);
}

static void a_census_on_real_sockets_finds_the_same(void **state)
{
	struct census farm = { 0 }, rehearsal = { 0 };
	struct sim_farm_stats s;
	(void)state;

	take(&farm, 20000, 0, true);
	take(&rehearsal, 20000, 0, false);
	is_good(&farm, 0.9960, 0.004);
	is_good(&rehearsal, 0.9960, 0.004);
	/* Only who is lost differs: within five standard deviations of what 0.3 % unseen has. */
	assert_true(farm.truth.recall - rehearsal.truth.recall < 0.002);
	assert_true(rehearsal.truth.recall - farm.truth.recall < 0.002);
	/* Every packet is accounted for on both sides. */
	sim_farm_stats(farm.farm, &s);
	assert_int_equal(s.received + s.kernel_drops, farm.result.counters.crawl.sent);
	assert_int_equal(s.answered, farm.result.counters.crawl.answered +
					     farm.result.counters.crawl.late +
					     farm.result.counters.crawl.duplicate +
					     farm.result.counters.net.kernel_drops);
	assert_int_equal(s.malformed + s.foreign + s.send_failures, 0);
	end(&farm);
	end(&rehearsal);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_census_in_virtual_time_finds_the_truth),
		cmocka_unit_test(the_same_seed_gives_the_same_census),
		cmocka_unit_test(a_census_on_real_sockets_finds_the_same),
	};

	return cmocka_run_group_tests_name("sim_census", tests, NULL, NULL);
}
