/* SPDX-License-Identifier: MIT */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "bench/sim/world.h"
#include "proto/clock.h"

enum { DAY_S = 86400 };

static struct sim_world *world(uint32_t live, double churn, double diurnal, double time_s)
{
	struct sim_opts o = sim_opts_default();
	struct sim_world *w;

	o.live = live;
	o.churn = churn;
	o.diurnal = diurnal;
	o.time_s = time_s;
	assert_int_equal(sim_world_new(&o, &w), 0);
	return w;
}

static uint32_t live_at(struct sim_world *w, double s, bool *there)
{
	uint32_t live = 0;

	sim_world_set_time(w, s);
	for (uint32_t n = 0; n < w->nodes; n++) {
		bool is = world_alive(w, n);

		live += is;
		if (there)
			there[n] = is;
	}
	return live;
}

/** 0.7 % leave in 5 minutes and as many come; the count stays near what was asked for. */
static void churn_is_what_was_asked_for(void **state)
{
	struct sim_world *w = world(120000, 0.007, 0, 0);
	bool *before = calloc(w->nodes, sizeof(bool)), *now = calloc(w->nodes, sizeof(bool)), *swap;
	double left = 0, came = 0, live = live_at(w, 0, before), steps = 24;
	(void)state;

	for (unsigned i = 1; i <= steps; i++) {
		live = live_at(w, i * 300, now);
		assert_true(fabs(live - 120000) < 1100); /* five standard deviations */
		for (uint32_t n = 0; n < w->nodes; n++) {
			left += before[n] && !now[n];
			came += !before[n] && now[n];
		}
		swap = before, before = now, now = swap;
	}
	/* A little below: the young come and go twice within one step now and then. */
	assert_true(left / steps / 120000 > 0.0066 && left / steps / 120000 < 0.0071);
	assert_true(came / steps / 120000 > 0.0066 && came / steps / 120000 < 0.0071);
	free(before);
	free(now);
	sim_world_free(w);
}

/** Each longitude has its evening: the peak moves around the Earth, the day's mean stays. */
static void the_world_breathes(void **state)
{
	struct sim_world *w = world(60000, 0, 0.4, 0);
	double sum = 0, least = 1e9, most = 0;
	static double by_lon[24][8];
	(void)state;

	for (unsigned h = 0; h < 24; h++) {
		double live = live_at(w, h * 3600.0, NULL);

		for (uint32_t n = 0; n < w->nodes; n++)
			if (world_alive(w, n))
				by_lon[h]
				      [sim_places_range(w->places, world_seat(w, n))->lon / 32]++;
		sum += live / 24;
		least = fmin(least, live);
		most = fmax(most, live);
	}
	assert_true(fabs(sum - 60000) < 600);
	assert_true(most / least > 1.1); /* the world as a whole: few live in the Pacific */
	for (unsigned l = 0; l < 8; l++) {
		unsigned best = 0, worst = 0;
		double local;

		for (unsigned h = 1; h < 24; h++) {
			best = by_lon[h][l] > by_lon[best][l] ? h : best;
			worst = by_lon[h][l] < by_lon[worst][l] ? h : worst;
		}
		if (by_lon[best][l] < 2000)
			continue; /* an ocean: noise */
		/* The world begins at 14:13; the middle of an eighth of the circle. */
		local = fmod(14.22 + best + 24 + (l + 0.5) * 3 - 12, 24);
		assert_true(local > 18.5 && local < 23.9);
		/* Homes are three of four: 1 + 0.75 * 0.4 over 1 - 0.75 * 0.38. */
		assert_true(by_lon[best][l] / by_lon[worst][l] > 1.5);
		assert_true(by_lon[best][l] / by_lon[worst][l] < 2.1);
	}
	sim_world_free(w);
}

/** Who comes back is who left: the same id at the same address, but for the renumbered. */
static void who_returns_is_known(void **state)
{
	struct sim_world *w = world(20000, 0.007, 0.3, 0);
	struct sim_node *first = calloc(w->nodes, sizeof(*first));
	bool *was_away = calloc(w->nodes, sizeof(bool));
	unsigned returned = 0, moved = 0;
	(void)state;

	for (uint32_t n = 0; n < w->nodes; n++)
		sim_world_node(w, n, &first[n]);
	for (uint32_t n = 0; n < w->nodes; n++)
		was_away[n] = first[n].live;
	sim_world_set_time(w, DAY_S / 2);
	for (uint32_t n = 0; n < w->nodes; n++)
		was_away[n] &= !world_alive(w, n);
	sim_world_set_time(w, DAY_S);
	for (uint32_t n = 0; n < w->nodes; n++) {
		struct sim_node now;
		uint32_t back;

		sim_world_node(w, n, &now);
		assert_true(nodeid_equal(&now.id, &first[n].id));
		assert_int_equal(sim_world_by_public(w, &now.public_ep, &back), 0);
		assert_int_equal(back, n);
		assert_int_equal(sim_world_by_alias(w, &now.alias, &back), 0);
		assert_int_equal(back, n);
		returned += was_away[n] && now.live;
		moved += !endpoint_equal(&now.public_ep, &first[n].public_ep);
	}
	assert_true(returned > 1000);
	/* A tenth of the pairs, once in the day. */
	assert_true(moved > w->nodes / 10 * 0.9 && moved < w->nodes / 10 * 1.1);
	free(first);
	free(was_away);
	sim_world_free(w);
}

/** The past can be asked again, by another world of the same seed, in another order. */
static void presence_follows_from_the_seed(void **state)
{
	struct sim_world *a = world(3000, 0.02, 0.3, 0), *b = world(3000, 0.02, 0.3, 50000);
	bool *x = calloc(a->nodes, sizeof(bool)), *y = calloc(a->nodes, sizeof(bool));
	(void)state;

	(void)live_at(a, 1000, x);
	(void)live_at(a, 50000, x);
	for (uint32_t n = 0; n < b->nodes; n++)
		assert_int_equal(world_alive(b, n), x[n]);
	(void)live_at(b, 1000, y);
	(void)live_at(a, 1000, x);
	assert_memory_equal(x, y, a->nodes * sizeof(bool));
	free(x);
	free(y);
	sim_world_free(a);
	sim_world_free(b);
}

/** The device keeps the world's clock, and the wall stands where the world is. */
static void time_passes_while_a_census_runs(void **state)
{
	struct sim_world *w = world(1000, 0.007, 0, 7200);
	struct net_msg msgs[4];
	struct clock clock;
	struct net *net;
	(void)state;

	assert_int_equal(net_sim_open(w, &net, &clock), 0);
	assert_int_equal(clock_wall_ns(&clock, clock_now_ns(&clock)),
			 SIM_WALL_NS + 7200ull * 1000000000);
	assert_true(sim_world_time(w) == 7200);
	assert_int_equal(net_recv(net, msgs, 4, 90ull * 1000000000), 0);
	assert_true(sim_world_time(w) == 7290);
	net_recv_finish(net);
	net_close(net);
	sim_world_free(w);
}

static void worlds_that_cannot_move_so_are_refused(void **state)
{
	static const struct {
		double dead, churn, diurnal, time_s;
	} rows[] = {
		{ 0.40, -0.1, 0, 0 },  { 0.40, 1.5, 0, 0 }, { 0.40, NAN, 0, 0 },
		{ 0.01, 0.007, 0, 0 }, { 0.40, 0, 0.7, 0 }, { 0.40, 0, -0.1, 0 },
		{ 0.40, 0, 0, -1 },    { 0.40, 0, 0, 2e9 },
	};
	(void)state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct sim_opts o = sim_opts_default();
		struct sim_world *w;

		o.live = 100;
		o.dead_share = rows[i].dead;
		o.churn = rows[i].churn;
		o.diurnal = rows[i].diurnal;
		o.time_s = rows[i].time_s;
		assert_int_equal(sim_world_new(&o, &w), DT_ERANGE);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(churn_is_what_was_asked_for),
		cmocka_unit_test(the_world_breathes),
		cmocka_unit_test(who_returns_is_known),
		cmocka_unit_test(presence_follows_from_the_seed),
		cmocka_unit_test(time_passes_while_a_census_runs),
		cmocka_unit_test(worlds_that_cannot_move_so_are_refused),
	};

	return cmocka_run_group_tests_name("sim_presence", tests, NULL, NULL);
}
