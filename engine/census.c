/* SPDX-License-Identifier: MIT */
#include "engine/census.h"

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
	return chao1((double)t->zone[z].f1, (double)t->zone[z].f2, (double)t->zone[z].live);
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

void census_tally_add(struct census_tally *to, const struct census_tally *from)
{
	for (unsigned z = 0; z < CENSUS_ZONES; z++) {
		to->zone[z].live += from->zone[z].live;
		to->zone[z].f1 += from->zone[z].f1;
		to->zone[z].f2 += from->zone[z].f2;
		to->zone[z].known += from->zone[z].known;
	}
}

/* ---- distinct values ------------------------------------------------------- */

enum {
	RADIX = 256,
	/* Runs this short are sorted by insertion. */
	INSERTION_MAX = 32,
};

static void insertion_sort(uint64_t *list, uint64_t count)
{
	for (uint64_t i = 1; i < count; i++) {
		uint64_t v = list[i], at = i;

		for (; at > 0 && list[at - 1] > v; at--)
			list[at] = list[at - 1];
		list[at] = v;
	}
}

/*
 * American flag sort: by one byte, in place, then each part by the next.
 * Source: McIlroy, Bostic, McIlroy, "Engineering radix sort", Computing Systems 6 (1993).
 * Depth: one level a byte, eight at most.
 */
static void radix_sort(uint64_t *list, uint64_t count, unsigned shift)
{
	uint64_t start[RADIX] = { 0 }, end[RADIX], at = 0;

	if (count <= INSERTION_MAX) {
		insertion_sort(list, count);
		return;
	}
	for (uint64_t i = 0; i < count; i++)
		start[list[i] >> shift & (RADIX - 1)]++;
	for (unsigned b = 0; b < RADIX; b++) {
		uint64_t n = start[b];

		start[b] = at;
		end[b] = at += n;
	}
	for (unsigned b = 0; b < RADIX; b++) {
		while (start[b] < end[b]) {
			uint64_t v = list[start[b]];
			unsigned home;

			while ((home = v >> shift & (RADIX - 1)) != b) {
				uint64_t other = list[start[home]];

				list[start[home]++] = v;
				v = other;
			}
			list[start[b]++] = v;
		}
	}
	for (unsigned b = 0; shift > 0 && b < RADIX; b++) {
		uint64_t from = b ? end[b - 1] : 0;

		radix_sort(list + from, end[b] - from, shift - 8);
	}
}

uint64_t census_distinct(uint64_t *list, uint64_t count)
{
	uint64_t distinct = count > 0;

	radix_sort(list, count, 56);
	for (uint64_t i = 1; i < count; i++)
		distinct += list[i] != list[i - 1];
	return distinct;
}
