/* SPDX-License-Identifier: MIT */
#include <math.h>
#include <string.h>

#include "engine/crawl.h"
#include "engine/rng.h"
#include "tests/support/unit.h"

static void close_to(double got, double want, double within)
{
	if (!(fabs(got - want) <= within))
		fail_msg("%f, not %f", got, want);
}

/* By hand: f1 = 10, f2 = 5: 10 x 9 / 12; variance 7.5 + 3610/144 + 40500/5184. */
static void test_by_hand(void **state)
{
	struct census_tally t = { 0 };
	struct census_estimate e;
	double spread = exp(1.959964 * sqrt(log(1 + 40.381944 / 56.25)));

	(void)state;
	t.zone[3].live = 100;
	t.zone[3].f1 = 10;
	t.zone[3].f2 = 5;
	e = census_chao1(&t);
	assert_int_equal(e.live, 100);
	close_to(e.unseen, 7.5, 1e-9);
	close_to(e.unseen_low, 7.5 / spread, 1e-4);
	close_to(e.unseen_high, 7.5 * spread, 1e-4);
	close_to(e.recall, 100 / 107.5, 1e-9);
}

static void test_edges(void **state)
{
	static const struct {
		const char *name;
		uint64_t live, f1, f2;
		double unseen;
	} rows[] = {
		{ "nobody", 0, 0, 0, 0 },          { "no singles", 50, 0, 9, 0 },
		{ "one single", 50, 1, 0, 0 },     { "no doubles", 50, 4, 0, 6 },
		{ "all single", 50, 50, 0, 1225 },
	};

	(void)state;
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct census_tally t = { 0 };
		struct census_estimate e;

		t.zone[255].live = rows[i].live;
		t.zone[255].f1 = rows[i].f1;
		t.zone[255].f2 = rows[i].f2;
		e = census_chao1(&t);
		if (fabs(e.unseen - rows[i].unseen) > 1e-9 || !(e.unseen_low <= e.unseen) ||
		    !(e.unseen_high >= e.unseen) || !isfinite(e.unseen_high) ||
		    !(e.recall >= 0 && e.recall <= 1))
			fail_msg("%s: %f [%f %f] recall %f", rows[i].name, e.unseen, e.unseen_low,
				 e.unseen_high, e.recall);
	}
}

/* Of those whom nobody mentioned some are known from an earlier census: they are not unseen. */
static void test_known_unmentioned(void **state)
{
	struct census_tally t = { 0 };
	uint8_t zones[CENSUS_ZONES / 8];
	struct census_estimate e;

	(void)state;
	t.zone[3].live = 1100;
	t.zone[3].f0 = 5;
	t.zone[3].f1 = 10;
	t.zone[3].f2 = 5;
	e = census_chao1(&t);
	assert_int_equal(e.live, 1100);
	close_to(e.unseen, 2.5, 1e-9);
	t.zone[3].f0 = 100;
	e = census_chao1(&t);
	close_to(e.unseen, 0, 1e-9);
	close_to(e.recall, 1, 1e-9);
	assert_true(e.unseen_low == 0 && e.unseen_high >= 0 && isfinite(e.unseen_high));
	assert_int_equal(census_zones_to_raise(&t, 0.002, zones), 0);
}

/* ---- a population whose truth is known -------------------------------------------- */

/* Poisson by multiplication (Knuth): small means only. */
static unsigned poisson(struct rng *r, double mean)
{
	double limit = exp(-mean), p = 1;
	unsigned k = 0;

	do {
		k++;
		p *= rng_double(r);
	} while (p > limit);
	return k - 1;
}

/* @n nodes, each mentioned Poisson(@mean) times; unmentioned ones are not seen. */
static uint64_t populate(struct census_tally *t, struct rng *r, unsigned n, double mean)
{
	uint64_t unseen = 0;

	memset(t, 0, sizeof(*t));
	for (unsigned i = 0; i < n; i++) {
		unsigned z = i % CENSUS_ZONES, m = poisson(r, mean);

		unseen += m == 0;
		t->zone[z].live += m > 0;
		t->zone[z].f1 += m == 1;
		t->zone[z].f2 += m == 2;
	}
	return unseen;
}

/* Where mentions fall at random Chao1 is right, and its interval holds the truth. */
static void test_known_truth(void **state)
{
	enum { RUNS = 200, NODES = 100000 };
	unsigned covered = 0;
	double sum_error = 0;
	struct rng r;

	(void)state;
	rng_init(&r, 2, 0);
	for (unsigned i = 0; i < RUNS; i++) {
		struct census_tally t;
		uint64_t unseen = populate(&t, &r, NODES, 6);
		struct census_estimate e = census_chao1(&t);

		covered += (double)unseen >= e.unseen_low && (double)unseen <= e.unseen_high;
		sum_error += e.unseen - (double)unseen;
		close_to((e.unseen - (double)unseen) / NODES, 0, 0.001);
	}
	close_to(sum_error / RUNS / NODES, 0, 0.0001);
	assert_true(covered >= RUNS * 90 / 100);
}

static bool is_set(const uint8_t *zones, unsigned z)
{
	return zones[z / 8] >> z % 8 & 1;
}

/* Only where the lower bound says so: noise in small zones raises nothing. */
static void test_zones_to_raise(void **state)
{
	uint8_t zones[CENSUS_ZONES / 8];
	struct census_tally t = { 0 };

	(void)state;
	t.zone[1] = (typeof(t.zone[1])){ .live = 4000, .f1 = 28, .f2 = 60 };   /* usual: 6 unseen */
	t.zone[2] = (typeof(t.zone[2])){ .live = 4000, .f1 = 400, .f2 = 200 }; /* bad: 400 unseen */
	t.zone[3] = (typeof(t.zone[3])){ .live = 40, .f1 = 2, .f2 = 0 };       /* noise */
	t.zone[200] = (typeof(t.zone[200])){ .live = 80000, .f1 = 2000, .f2 = 2000 };
	assert_int_equal(census_zones_to_raise(&t, 0.002, zones), 2);
	assert_true(is_set(zones, 2) && is_set(zones, 200));
	assert_false(is_set(zones, 1) || is_set(zones, 3));
	assert_int_equal(census_zones_to_raise(&t, 0.5, zones), 0);
	assert_int_equal(census_zones_to_raise(&t, 0, zones), 0);
	for (unsigned i = 0; i < sizeof(zones); i++)
		assert_int_equal(zones[i], 0);
}

/* By hand: 1000 marked, 104 caught, 99 of them marked. */
static void test_chapman(void **state)
{
	struct census_capture c = {
		.first = 100, .second = 104, .both = 99, .fresh = 5, .left = 0
	};
	struct census_chapman e = census_chapman(1000, &c);
	double n = 1001.0 * 105 / 100 - 1, var = 1001.0 * 105 * 901 * 5 / (100.0 * 100 * 101);
	double spread = exp(1.959964 * sqrt(log(1 + var / ((n - 1000) * (n - 1000)))));

	(void)state;
	close_to(e.unseen, n - 1000, 1e-9);
	close_to(e.unseen_low, (n - 1000) / spread, 1e-3);
	close_to(e.unseen_high, (n - 1000) * spread, 1e-3);
	close_to(e.recall, 1000 / n, 1e-12);
	close_to(e.population, n, 1e-9);
	assert_true(e.arrived == 0);
	/* two left, so two of the five have come since: not the first pass's fault */
	c.left = 2;
	e = census_chapman(1000, &c);
	close_to(e.arrived, 2, 0);
	close_to(e.unseen, 1001.0 * 103 / 100 - 1001, 1e-9);
	close_to(e.population, 981.0 * 105 / 100 - 1, 1e-9);
	/* as many left as are new: nothing was missed, and the bound is Poisson's */
	c.left = 9;
	e = census_chapman(1000, &c);
	close_to(e.arrived, 5, 0);
	close_to(e.unseen, 0, 1e-9);
	close_to(e.unseen_high, 3.689 * 1000 / 99, 1e-3);
	assert_true(e.population_low <= e.population && e.population <= e.population_high);
	/* nobody was met twice: nothing can be said */
	c = (struct census_capture){ .first = 3, .second = 3, .fresh = 3 };
	e = census_chapman(1000, &c);
	assert_true(e.unseen == 0 && e.recall == 0 && e.population == 0);
}

/* n2 and n3 of a loss of a fifth: 1000 live, 8 of them never heard. */
static void test_unheard(void **state)
{
	struct census_tally t = { .heard = { 800, 160, 32 } };
	struct census_estimate e;

	(void)state;
	t.zone[0].live = 992;
	e = census_chao1(&t);
	close_to(e.unheard, 8, 1e-9);
	close_to(e.unlisted, 0, 0);
	close_to(e.unseen, 8, 1e-9);
	assert_true(e.unseen_low < 8 && e.unseen_high > 8);
	t.heard[2] = 5000; /* not what loss does: bounded all the same */
	e = census_chao1(&t);
	assert_true(isfinite(e.unheard) && isfinite(e.unseen_high));
	t.heard[1] = 0;
	assert_true(census_chao1(&t).unheard == 0);
}

/* Marked and caught at random: the interval holds what is true nineteen times in twenty. */
static void test_chapman_covers(void **state)
{
	unsigned held = 0;
	struct rng r;

	(void)state;
	rng_init(&r, 5, 0);
	for (unsigned round = 0; round < 200; round++) {
		struct census_capture c = { 0 };
		uint64_t live = 0;
		struct census_chapman e;

		for (unsigned i = 0; i < 20000; i++) {
			bool marked = rng_double(&r) < 0.99, caught = rng_double(&r) < 0.25;

			live += marked;
			c.first += marked && caught;
			c.both += marked && caught;
			c.second += caught;
			c.fresh += !marked && caught;
		}
		e = census_chapman(live, &c);
		held += e.unseen_low <= (double)(20000 - live) &&
			e.unseen_high >= (double)(20000 - live);
	}
	assert_true(held >= 180);
}

/* Wilson's interval by hand: 990 of 1000. */
static void test_canaries(void **state)
{
	struct census_canaries c = census_canaries(1000, 990);

	(void)state;
	close_to(c.recall, 0.99, 1e-12);
	close_to(c.low, 0.98169, 1e-4);
	close_to(c.high, 0.99456, 1e-4);
	c = census_canaries(50, 50);
	assert_true(c.high == 1 && c.low < 1 && c.low > 0.9);
	c = census_canaries(0, 0);
	assert_true(c.recall == 0 && c.high == 0);
}

/* Ten in the second pass that the first knew and did not hear, where loss explains one. */
static void test_combined(void **state)
{
	struct census_tally t = { .heard = { 95000, 4750, 240 } };
	struct census_capture c = {
		.first = 10000, .second = 10010, .both = 10000, .fresh = 12, .fresh_known = 10
	};
	struct census_combined e;

	(void)state;
	t.zone[0].live = t.zone[0].known = 100000;
	t.zone[0].f1 = 100;
	t.zone[0].f2 = 400;
	e = census_combine(&t, &c, 1);
	assert_true(e.from_second);
	close_to(e.unlisted, 100.0 * 99 / (2 * 401), 1e-9);
	close_to(e.silent, 100, 1e-9);
	close_to(e.unseen, e.unlisted + e.silent, 1e-9);
	assert_true(e.unseen_low < e.unseen && e.unseen_high > e.unseen + 50);
	close_to(e.recall, 100000 / (100000 + e.unseen), 1e-12);
	/* Four more that the check did not hear: as many were silent to the second pass alone, and
	 * some to both. */
	c.known_once = 4;
	assert_true(e.silent + 60 < census_combine(&t, &c, 1).silent);
	close_to(census_combine(&t, &c, 1).silent, 10 * (15.0 * 15 / 11 - 1), 1e-9);
	assert_true(census_combine(&t, &c, 1).unseen_high > e.unseen_high + 60);
	c.known_once = 0;
	/* Zones that differ by more than chance widen it, and move nothing. */
	assert_true(census_combine(&t, &c, 4).unseen_high > e.unseen_high + 50);
	close_to(census_combine(&t, &c, 4).unseen, e.unseen, 1e-9);
	/* One or two are what loss explains: then they say nothing new. */
	c.fresh_known = 2;
	e = census_combine(&t, &c, 1);
	assert_false(e.from_second);
	close_to(e.silent, census_chao1(&t).unheard, 1e-9);
	close_to(e.unseen, census_chao1(&t).unseen, 1e-9);
	/* As many left as were new: they may all have come. */
	c = (struct census_capture){ .first = 10000,
				     .second = 10010,
				     .both = 10000,
				     .left = 12,
				     .fresh = 12,
				     .fresh_known = 10 };
	assert_false(census_combine(&t, &c, 1).from_second);
	c.both = 0;
	assert_false(census_combine(&t, &c, 1).from_second);
}

static void test_dispersion(void **state)
{
	struct census_capture zone[CENSUS_ZONES] = { [3] = { .fresh_known = 2 } };
	uint8_t zones[CENSUS_ZONES / 8] = { 0x0f }; /* 0 to 3 */

	(void)state;
	/* 0 0 0 2: mean 1/2, variance 1. */
	close_to(census_dispersion(zone, zones), 2, 1e-12);
	for (unsigned z = 0; z < 4; z++)
		zone[z].fresh_known = 5;
	close_to(census_dispersion(zone, zones), 1, 1e-12);
	zones[0] = 1;
	close_to(census_dispersion(zone, zones), 1, 1e-12);
	memset(zone, 0, sizeof(zone));
	zones[0] = 0xff;
	close_to(census_dispersion(zone, zones), 1, 1e-12);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_dispersion),     cmocka_unit_test(test_by_hand),
		cmocka_unit_test(test_edges),          cmocka_unit_test(test_known_unmentioned),
		cmocka_unit_test(test_known_truth),    cmocka_unit_test(test_chapman),
		cmocka_unit_test(test_canaries),       cmocka_unit_test(test_unheard),
		cmocka_unit_test(test_chapman_covers), cmocka_unit_test(test_zones_to_raise),
		cmocka_unit_test(test_combined),
	};

	return cmocka_run_group_tests_name("census", tests, NULL, NULL);
}
