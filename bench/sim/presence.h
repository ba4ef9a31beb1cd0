/* SPDX-License-Identifier: MIT */
#ifndef BENCH_SIM_PRESENCE_H
#define BENCH_SIM_PRESENCE_H

#include <stdbool.h>
#include <stdint.h>

/**
 * DOC: who is there when: a function of (seed, node, second), nothing kept.
 *
 * Every node throws a die again and again, at intervals of its own that depend on its
 * age class; it is there while its last throw is below its chance. The chance is
 * 1 - dead share for servers, and for homes goes up and down with the hour of the
 * day where they live. So the expected count at any time is known exactly, a node
 * stays for one interval or several, comes back under the same id at the same
 * address, and one of whom the throw is high comes online every evening only.
 *
 * The intervals are such that opts.churn of the live nodes leaves in 5 minutes;
 * as many come. In a world with churn a tenth of the seats (addresses) are
 * renumbered: once a day two neighbours of one network swap theirs, ids stay.
 */

struct sim_world;

enum { PRESENCE_LONS = 256, PRESENCE_AGES = 3 };

/** struct sim_tide - the chances of one second, as bounds of 32-bit throws. */
struct sim_tide {
	uint32_t now_s;               /* since the world began */
	uint32_t server;              /* of those whom no hour moves */
	uint32_t least, most;         /* of all homes */
	uint32_t home[PRESENCE_LONS]; /* by 256ths of longitude */
};

struct sim_presence {
	bool moves; /* anything of what follows */
	bool renumbers;
	double chance, wave;                /* 1 - dead share; opts.diurnal */
	uint32_t interval_s[PRESENCE_AGES]; /* between two throws */
	uint32_t began_s;                   /* when the census's device was opened */
	struct sim_tide now;
};

/** presence_init() - from w->opts; its keys are drawn. */
void presence_init(struct sim_world *w);

/** presence_tide() - the chances at second @s. */
void presence_tide(const struct sim_world *w, uint32_t s, struct sim_tide *out);

/** presence_in() - is node @n of mood @mood there in @t? */
bool presence_in(const struct sim_world *w, uint32_t n, uint64_t mood, const struct sim_tide *t);

/** presence_seat() - who sits at seat @seat by right sits at the seat returned, now; and back. */
uint32_t presence_seat(const struct sim_world *w, uint32_t seat);

/** presence_hour() - how much more or less than the mean are online at hour 0..24: -1..1. */
double presence_hour(double hour);

#endif
