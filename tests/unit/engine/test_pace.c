/* SPDX-License-Identifier: MIT */
#include "engine/pace.h"

#include <stdbool.h>

#include "tests/support/rng.h"
#include "tests/support/unit.h"

/* DOC: the controller against model networks, in virtual time. */

enum { MS = 1000000, TICK_MS = 200 };

struct plant {
	double capacity; /* packets/s that get through; more are lost, silently or by drops */
	bool counted;    /* the loss shows in a drop counter, not only by canaries */
	double loss;     /* of the network itself */
	bool idle;       /* nothing to ask: the rate does not limit */
};

static double share_lost(const struct plant *n, double rate)
{
	double passed = rate > n->capacity ? n->capacity / rate : 1;

	return 1 - passed * (1 - n->loss);
}

/* Runs @seconds; returns the mean rate over the last third. */
static double run(const struct plant *n, struct pace *p, double start, double most,
		  unsigned seconds, struct rng *rng)
{
	struct pace_look look = { .sent = 0 };
	double rate = start, sum = 0;
	unsigned count = 0;

	pace_init(p, start, most, 0);
	for (unsigned ms = TICK_MS; ms < seconds * 1000; ms += TICK_MS) {
		double sent = rate * TICK_MS / 1000, lost = share_lost(n, rate);
		unsigned canaries = (unsigned)(sent / 100 + 1);

		if (canaries > 40)
			canaries = 40;
		look.sent += (uint64_t)sent;
		look.held_back += !n->idle;
		if (n->counted && rate > n->capacity)
			look.own_drops += (uint64_t)(sent * (1 - n->capacity / rate));
		for (unsigned i = 0; i < canaries; i++) {
			bool gone = (double)(rng_u64(rng) >> 11) * 0x1p-53 < lost;

			look.canaries_lost += gone;
			look.canaries_answered += !gone;
		}
		rate = pace_tick(p, &look, (uint64_t)ms * MS);
		if (ms > seconds * 2000 / 3) {
			sum += rate;
			count++;
		}
	}
	return sum / count;
}

static const struct {
	const char *name;
	struct plant plant;
	double most, low, high; /* of the mean rate, as shares of the capacity */
} rows[] = {
	{ "a bottleneck that nobody counts", { 40000, false, 0.03, false }, 0, 0.7, 1.1 },
	{ "a receive buffer that counts", { 40000, true, 0.03, false }, 0, 0.7, 1.1 },
	{ "a slow line", { 5000, false, 0, false }, 0, 0.7, 1.1 },
	{ "a network that loses a third anyway", { 40000, false, 0.33, false }, 0, 0.6, 1.25 },
	{ "nothing in the way but the bound", { 1e9, false, 0.03, false }, 100000, 1e-4, 1.001e-4 },
	{ "less than the start", { 600, true, 0, false }, 0, 0.6, 1.1 },
};

static void test_finds_the_bottleneck(void **state)
{
	struct rng rng = rng_open(20261127);

	(void)state;
	for (unsigned i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct pace p;
		double mean = run(&rows[i].plant, &p, 1000, rows[i].most, 180, &rng);
		double share = mean / rows[i].plant.capacity;

		if (share < rows[i].low || share > rows[i].high)
			fail_msg("%s: %.0f pps of %.0f", rows[i].name, mean,
				 rows[i].plant.capacity);
		/* A step is a sample: a little beyond looks clean, more where much is lost anyway.
		 */
		if (p.clean_pps > rows[i].plant.capacity * (1.15 + rows[i].plant.loss))
			fail_msg("%s: %.0f pps said to be clean", rows[i].name, p.clean_pps);
		if (rows[i].plant.capacity < 1e9 && p.lost_pps < rows[i].plant.capacity * 0.98)
			fail_msg("%s: %.0f pps said to lose", rows[i].name, p.lost_pps);
	}
}

/* Who has nothing more to ask is not said to be held back, and the rate stays. */
static void test_idle(void **state)
{
	struct plant n = { 40000, false, 0.03, true };
	struct rng rng = rng_open(3);
	struct pace p;

	(void)state;
	assert_true(run(&n, &p, 1000, 0, 60, &rng) == 1000);
	assert_true(p.clean_pps == 0);
	assert_int_equal(p.backoffs, 0);
}

/* Drops need no canaries: the answer comes within half a second. */
static void test_drops_at_once(void **state)
{
	struct pace_look look = { .sent = 0 };
	struct pace p;

	(void)state;
	pace_init(&p, 10000, 0, 0);
	look.sent = 4000;
	look.own_drops = 3; /* a hiccup */
	assert_true(pace_tick(&p, &look, 400ull * MS) == 10000);
	look.sent = 5000;
	look.own_drops = 50;
	assert_true(pace_tick(&p, &look, 500ull * MS) == 7000);
	assert_true(p.lost_pps == 10000);
	assert_int_equal(p.backoffs, 1);
}

/* No canaries, no verdict: the rate is not raised blindly. */
static void test_without_canaries(void **state)
{
	struct pace_look look = { .sent = 0 };
	struct pace p;

	(void)state;
	pace_init(&p, 1000, 0, 0);
	for (unsigned s = 1; s < 100; s++) {
		look.sent += 1000;
		look.held_back++;
		assert_true(pace_tick(&p, &look, s * 1000ull * MS) == 1000);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_finds_the_bottleneck),
		cmocka_unit_test(test_idle),
		cmocka_unit_test(test_drops_at_once),
		cmocka_unit_test(test_without_canaries),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
