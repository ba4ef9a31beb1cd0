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

/*
 * Of those whose packets are lost with probability p, n2 = N p (1 - p) answer the
 * second packet only, n3 = N p^2 (1 - p) the third only, and N p^3 none:
 * with r = n3 / n2 that is n3 r / (1 - r).
 */
static struct chao1 unheard(const uint64_t heard[3])
{
	static const double r_max = 0.9; /* beyond, loss is not what keeps them silent */
	double n2 = (double)heard[1], n3 = (double)heard[2], r, few;

	if (heard[1] == 0 || heard[2] == 0)
		return (struct chao1){ 0, 0 };
	r = n3 / n2 < r_max ? n3 / n2 : r_max;
	few = n3 * r / (1 - r);
	/* Its own chance, and that of n3 and n2, of which it is n3^2 / n2. */
	return (struct chao1){ few, few + few * few * (4 / n3 + 1 / n2) };
}

static struct chao1 unlisted(const struct census_tally *t, uint64_t *live)
{
	struct chao1 sum = { 0 };

	*live = 0;
	for (unsigned z = 0; z < CENSUS_ZONES; z++) {
		struct chao1 e = zone_chao1(t, z);

		sum.unseen += e.unseen;
		sum.variance += e.variance;
		*live += t->zone[z].live;
	}
	if (sum.unseen < 0)
		sum.unseen = 0;
	return sum;
}

struct census_estimate census_chao1(const struct census_tally *t)
{
	struct census_estimate out = { 0 };
	struct chao1 sum = unlisted(t, &out.live), lost = unheard(t->heard);

	out.unlisted = sum.unseen;
	out.unheard = lost.unseen;
	sum.unseen += lost.unseen;
	sum.variance += lost.variance;
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

/* ---- mark and recapture ----------------------------------------------------------- */

/* N of @a marked, @b caught, @m of them marked, and its variance (Seber, eq. 3.1, 3.2). */
static double chapman(double a, double b, double m, double *variance)
{
	*variance = (a + 1) * (b + 1) * (a - m) * (b - m) / ((m + 1) * (m + 1) * (m + 2));
	return (a + 1) * (b + 1) / (m + 1) - 1;
}

struct census_chapman census_chapman(uint64_t live, const struct census_capture *c)
{
	/* Nobody new was found: the upper end of a Poisson count of 0 at 97.5 %. */
	static const double none_high = 3.689;
	double a = (double)live, m = (double)c->both, fresh = (double)c->fresh, stayed;
	double left = (double)c->left, scale = m > 0 ? a / m : 0;
	struct census_chapman out = { .arrived = left < fresh ? left : fresh };
	struct chao1 unseen = { 0 }, now = { 0 };
	double low, high;

	if (c->both == 0)
		return out;
	unseen.unseen = chapman(a, m + fresh - out.arrived, m, &unseen.variance) - a;
	/* Both counts of churn vary as themselves. */
	unseen.variance += scale * scale * 2 * out.arrived;
	interval(&unseen, &out.unseen_low, &out.unseen_high);
	if (fresh - out.arrived < 1)
		out.unseen_high = none_high * scale;
	out.unseen = unseen.unseen;
	out.recall = a / (a + unseen.unseen);
	stayed = a * (1 - left / (double)c->first);
	now.unseen = chapman(stayed, m + fresh, m, &now.variance) - stayed;
	interval(&now, &low, &high);
	out.population = stayed + now.unseen;
	out.population_low = stayed + low;
	out.population_high = stayed + (fresh < 1 ? none_high * scale : high);
	return out;
}

/*
 * Who was silent in the first pass may be silent in the second as well: a quota that others use up,
 * a link that comes and goes. @twice of them answered the second pass and the check after it,
 * @once the second pass alone; as many will have answered the check alone, to which nobody asked
 * them. So the second pass found n1 = twice + once of them, the check as many, twice in both:
 * Lincoln and Petersen's n1^2 / twice are there, with Chapman's + 1. Low where the check comes
 * within the same spell.
 */
static struct chao1 often_silent(double twice, double once, double came)
{
	double n1 = twice + once, r = (n1 + 1) / (twice + 1), by_twice = r * (2 - r);

	return (struct chao1){ (n1 + 1) * r - 1,
			       by_twice * by_twice * (twice + 2 * came) + 4 * r * r * once };
}

/*
 * Captures of the silent are counts: were all zones alike, their variance between zones would be
 * their mean. What it is more widens the interval (quasi-Poisson: McCullagh and Nelder, Generalized
 * Linear Models, 1989, 6.2.4).
 */
double census_dispersion(const struct census_capture zone[static CENSUS_ZONES],
			 const uint8_t zones[static CENSUS_ZONES / 8])
{
	double n = 0, sum = 0, squares = 0, mean, x;

	for (unsigned z = 0; z < CENSUS_ZONES; z++) {
		if (!census_zone_in(zones, z))
			continue;
		x = (double)zone[z].fresh_known;
		n++;
		sum += x;
		squares += x * x;
	}
	if (n < 2 || sum <= 0)
		return 1;
	mean = sum / n;
	return fmax(1, (squares - n * mean * mean) / (n - 1) / mean);
}

struct census_combined census_combine(const struct census_tally *t, const struct census_capture *c,
				      double dispersion)
{
	uint64_t live;
	struct chao1 sum = unlisted(t, &live), lost = unheard(t->heard);
	struct census_combined out = { .unlisted = sum.unseen, .silent = lost.unseen };
	double scale = c->both ? (double)live / (double)c->both : 0;
	double known = (double)c->fresh_known, expected = scale > 0 ? lost.unseen / scale : 0;
	/* Of those who came meanwhile, as many are thought to be among these as among the fresh. */
	double came = c->fresh ? (double)c->left * known / (double)c->fresh : 0;

	known -= came < known ? came : known;
	out.from_second = scale > 0 && known > expected + Z95 * sqrt(expected) + 1;
	if (out.from_second) {
		lost = often_silent(known, (double)c->known_once, came);
		out.silent = lost.unseen * scale;
		lost.variance *= scale * scale * dispersion;
	}
	sum.unseen += out.silent;
	sum.variance += lost.variance;
	out.unseen = sum.unseen;
	interval(&sum, &out.unseen_low, &out.unseen_high);
	out.recall = live ? (double)live / ((double)live + out.unseen) : 0;
	return out;
}

struct census_canaries census_canaries(uint64_t planted, uint64_t found)
{
	double n = (double)planted, p = n > 0 ? (double)found / n : 0, z2 = Z95 * Z95;
	double middle = (p + z2 / (2 * n)) / (1 + z2 / n);
	double half = Z95 / (1 + z2 / n) * sqrt(p * (1 - p) / n + z2 / (4 * n * n));

	if (planted == 0)
		return (struct census_canaries){ 0 };
	return (struct census_canaries){ .planted = planted,
					 .found = found,
					 .recall = p,
					 .low = middle - half,
					 .high = middle + half > 1 ? 1 : middle + half };
}
