/* SPDX-License-Identifier: MIT */
#include "engine/crawl.h"

#include <math.h>
#include <string.h>

/* 97.5 % of the normal distribution: two-sided 95 %. */
static const double Z95 = 1.959963984540054;

struct chao1 {
	double unseen, variance;
};

/*
 * Unseen classes from those seen once and twice: the bias-corrected form, which
 * also stands where nothing was seen twice.
 *
 * Source: A. Chao, "Nonparametric estimation of the number of classes in a
 *         population", Scand. J. Statist. 11 (1984); bias correction and
 *         variances as in R. Colwell, EstimateS user's guide, appendix B, eq. 2,
 *         6 and 7 (after Chao, Biometrics 43, 1987).
 */
static struct chao1 chao1(double f1, double f2, double seen)
{
	double unseen = f1 * (f1 - 1) / (2 * (f2 + 1));
	double twice = 2 * f1 - 1, v;

	if (f1 < 1)
		return (struct chao1){ 0, 0 };
	if (f2 > 0) {
		double d = f2 + 1;

		v = unseen + f1 * twice * twice / (4 * d * d) +
		    f1 * f1 * f2 * (f1 - 1) * (f1 - 1) / (4 * d * d * d * d);
	} else {
		v = unseen + f1 * twice * twice / 4 - pow(f1, 4) / (4 * (seen + unseen));
	}
	return (struct chao1){ unseen, v > 0 ? v : 0 };
}

/* The interval of Chao (1987): log-normal around the unseen, so never below zero. */
static void interval(const struct chao1 *e, double *low, double *high)
{
	double spread;

	if (e->unseen <= 0) {
		*low = 0;
		/* f1 = 1 estimates 0 unseen, with a variance: the plain normal bound. */
		*high = Z95 * sqrt(e->variance);
		return;
	}
	spread = exp(Z95 * sqrt(log1p(e->variance / (e->unseen * e->unseen))));
	*low = e->unseen / spread;
	*high = e->unseen * spread;
}

static struct chao1 zone_chao1(const struct census_tally *t, unsigned z)
{
	struct chao1 e = chao1((double)t->zone[z].f1, (double)t->zone[z].f2,
			       (double)t->zone[z].live - (double)t->zone[z].f0);

	e.unseen -= (double)t->zone[z].f0; /* of those whom nobody mentioned, these are known */
	return e;
}

struct census_estimate census_chao1(const struct census_tally *t)
{
	struct census_estimate out = { 0 };
	struct chao1 sum = { 0 };

	for (unsigned z = 0; z < CENSUS_ZONES; z++) {
		struct chao1 e = zone_chao1(t, z);

		sum.unseen += e.unseen;
		sum.variance += e.variance;
		out.live += t->zone[z].live;
	}
	if (sum.unseen < 0)
		sum.unseen = 0;
	out.unseen = sum.unseen;
	interval(&sum, &out.unseen_low, &out.unseen_high);
	out.recall = out.live ? (double)out.live / ((double)out.live + out.unseen) : 0;
	return out;
}

unsigned census_zones_to_raise(const struct census_tally *t, double above,
			       uint8_t zones[static CENSUS_ZONES / 8])
{
	unsigned count = 0;

	memset(zones, 0, CENSUS_ZONES / 8);
	if (above <= 0)
		return 0;
	for (unsigned z = 0; z < CENSUS_ZONES; z++) {
		struct chao1 e = zone_chao1(t, z);
		double low, high;

		interval(&e, &low, &high);
		if (t->zone[z].live == 0 || low <= above * (double)t->zone[z].live)
			continue;
		zones[z / 8] |= (uint8_t)(1u << z % 8);
		count++;
	}
	return count;
}
