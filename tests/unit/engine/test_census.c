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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_by_hand),           cmocka_unit_test(test_edges),
		cmocka_unit_test(test_known_unmentioned), cmocka_unit_test(test_known_truth),
		cmocka_unit_test(test_zones_to_raise),
	};

	return cmocka_run_group_tests_name("census", tests, NULL, NULL);
}
