/* SPDX-License-Identifier: MIT */
#include "engine/share.h"

#include <string.h>

/* A worker that is not held back keeps a fifth more than it used, and at least this
 * part of an even share, so that it can show that it has become hungry. */
static const double ROOM = 1.2, LEAST = 0.05;

void share_init(struct share *s, double rate_pps, unsigned count)
{
	memset(s, 0, sizeof(*s));
	s->rate_pps = rate_pps;
	s->count = count;
	for (unsigned i = 0; i < count; i++)
		s->given[i] = s->wanted[i] = rate_pps / count;
}

void share_set_rate(struct share *s, double rate_pps)
{
	for (unsigned i = 0; i < s->count; i++) {
		s->given[i] *= rate_pps / s->rate_pps;
		s->wanted[i] *= rate_pps / s->rate_pps;
	}
	s->rate_pps = rate_pps;
}

/* What @i would be content with, or 0: it takes all that it can get. */
static double enough(const struct share *s, unsigned i, uint64_t passed, uint64_t hungry,
		     uint64_t interval_ns)
{
	double even = s->rate_pps / s->count, used;

	if (hungry > s->hungry[i])
		return 0;
	used = (double)(passed - s->passed[i]) * 1e9 / (double)interval_ns * ROOM;
	if (used < even * LEAST)
		return even * LEAST;
	return used < even ? used : even;
}

void share_round(struct share *s, const uint64_t *passed, const uint64_t *hungry,
		 uint64_t interval_ns)
{
	double left = s->rate_pps, want[NET_WORKERS_MAX];
	unsigned takers = 0;

	if (interval_ns == 0)
		return;
	for (unsigned i = 0; i < s->count; i++) {
		want[i] = enough(s, i, passed[i], hungry[i], interval_ns);
		takers += want[i] == 0;
		left -= want[i];
		s->passed[i] = passed[i];
		s->hungry[i] = hungry[i];
	}
	for (unsigned i = 0; i < s->count; i++) {
		/* With nobody hungry all are content, and an even share is as good as any. */
		double target = takers == 0    ? s->rate_pps / s->count
				: want[i] == 0 ? left / takers
					       : want[i];

		s->given[i] = target < s->wanted[i] ? target : s->wanted[i];
		s->wanted[i] = target;
	}
}
