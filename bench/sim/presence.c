/* SPDX-License-Identifier: MIT */
#include "bench/sim/presence.h"

#include <math.h>

#include "bench/sim/world.h"

enum {
	DAY_S = 86400,
	CHURN_S = 300,                /* opts.churn is a share in this time */
	HOME_256TH = 192,             /* three of four nodes are homes, whose owners sleep */
	RENUMBERED_OF_32 = 429496729, /* a tenth of the pairs of seats */
	TIME_MAX_S = 2000000000,
};

/*
 * How often the young throw for one throw of the middle-aged, and the old: those who
 * stay short are those whom few know (census 4.2).
 */
static const double throws_of_age[PRESENCE_AGES] = { 0.125, 1, 8 };
static const double share_of_age[PRESENCE_AGES] = { 0.30, 0.60, 0.10 };

/*
 * By the hour of local time, relative to the mean; sums to 0. A trough at five, a
 * slow rise over the day, a peak at nine in the evening, as home networks show.
 */
static const double hours[24] = {
	0.35,  -0.05, -0.35, -0.65, -0.85, -0.95, -0.90, -0.75, -0.55, -0.40, -0.25, -0.15,
	-0.10, -0.05, 0.00,  0.10,  0.25,  0.40,  0.55,  0.75,  0.90,  1.00,  0.95,  0.75,
};

double presence_hour(double hour)
{
	double whole = floor(hour), part = hour - whole;
	int h = (int)whole % 24;

	return hours[h] * (1 - part) + hours[(h + 1) % 24] * part;
}

static uint32_t bound(double chance)
{
	return chance >= 1 ? UINT32_MAX : (uint32_t)(chance * 0x1p32);
}

void presence_tide(const struct sim_world *w, uint32_t s, struct sim_tide *out)
{
	const struct sim_presence *p = &w->presence;
	double utc = (double)((SIM_WALL_NS / 1000000000 + s) % DAY_S) / 3600;

	out->now_s = s;
	out->server = bound(p->chance);
	out->least = UINT32_MAX;
	out->most = 0;
	for (unsigned i = 0; i < PRESENCE_LONS; i++) {
		/* Longitudes run from -12 to +12 hours; 24 more keep the sum positive. */
		double local = utc + 24 + (i + 0.5) * 24 / PRESENCE_LONS - 12;

		out->home[i] = bound(p->chance * (1 + p->wave * presence_hour(local)));
		if (out->home[i] < out->least)
			out->least = out->home[i];
		if (out->home[i] > out->most)
			out->most = out->home[i];
	}
}

/**
 * init_intervals() - per node and throw somebody who is there leaves with chance
 * 1 - chance, so opts.churn = throws in 5 minutes x (1 - chance) on the mean of all ages.
 */
static void init_intervals(struct sim_presence *p, double churn)
{
	double mean = 0, middle;

	for (unsigned a = 0; a < PRESENCE_AGES; a++) {
		p->interval_s[a] = UINT32_MAX;
		mean += throws_of_age[a] * share_of_age[a];
	}
	if (!(churn > 0))
		return;
	middle = CHURN_S * (1 - p->chance) / churn * mean;
	for (unsigned a = 0; a < PRESENCE_AGES; a++) {
		double s = round(middle / throws_of_age[a]);

		p->interval_s[a] = s < 1 ? 1 : s > TIME_MAX_S ? TIME_MAX_S : (uint32_t)s;
	}
}

void presence_init(struct sim_world *w)
{
	struct sim_presence *p = &w->presence;
	const struct sim_opts *o = &w->opts;

	p->chance = (1 - o->dead_share) / (1 - w->natures.silent);
	p->wave = o->diurnal;
	p->renumbers = o->churn > 0;
	p->moves = o->churn > 0 || o->diurnal > 0;
	init_intervals(p, o->churn);
	p->began_s = (uint32_t)o->time_s;
	presence_tide(w, p->began_s, &p->now);
}

bool sim_world_moves(const struct sim_world *w)
{
	return w->presence.moves;
}

/** set_now() - the farm's lanes read while its child's main thread writes: word by word. */
static void set_now(struct sim_tide *now, const struct sim_tide *t)
{
	__atomic_store_n(&now->server, t->server, __ATOMIC_RELAXED);
	__atomic_store_n(&now->least, t->least, __ATOMIC_RELAXED);
	__atomic_store_n(&now->most, t->most, __ATOMIC_RELAXED);
	for (unsigned i = 0; i < PRESENCE_LONS; i++)
		__atomic_store_n(&now->home[i], t->home[i], __ATOMIC_RELAXED);
	__atomic_store_n(&now->now_s, t->now_s, __ATOMIC_RELAXED);
}

void sim_world_set_time(struct sim_world *w, double s)
{
	uint32_t now_s = s > 0 ? s < TIME_MAX_S ? (uint32_t)s : TIME_MAX_S : 0;
	struct sim_tide t;

	if (now_s == w->presence.now.now_s)
		return;
	presence_tide(w, now_s, &t);
	set_now(&w->presence.now, &t);
}

double sim_world_time(const struct sim_world *w)
{
	return w->presence.now.now_s;
}

void sim_world_begin_census(struct sim_world *w)
{
	w->presence.began_s = w->presence.now.now_s;
}

double sim_world_census_from(struct sim_world *w, double s)
{
	double was = w->presence.began_s;

	w->presence.began_s = (uint32_t)s;
	return was;
}

bool presence_in(const struct sim_world *w, uint32_t n, uint64_t mood, const struct sim_tide *t)
{
	uint32_t own = (uint32_t)(mood >> 32), interval = w->presence.interval_s[mood_age(mood)];
	uint64_t now_s = __atomic_load_n(&t->now_s, __ATOMIC_RELAXED);
	uint64_t turn = (now_s + sim_below(own, interval)) / interval;
	uint32_t die = (uint32_t)sim_draw(w->key[SIM_DRAW_THROW], n, turn), seat;

	if ((own & 0xff) >= HOME_256TH)
		return die < __atomic_load_n(&t->server, __ATOMIC_RELAXED);
	if (die < __atomic_load_n(&t->least, __ATOMIC_RELAXED))
		return true;
	if (die >= __atomic_load_n(&t->most, __ATOMIC_RELAXED))
		return false;
	/* By right, not where it sits today: its neighbour lives in the same town. */
	seat = seat_of_prefix(&w->seats, w->prefix[n]);
	return die <
	       __atomic_load_n(&t->home[sim_places_range(w->places, seat)->lon], __ATOMIC_RELAXED);
}

uint32_t presence_seat(const struct sim_world *w, uint32_t seat)
{
	uint64_t draw;
	uint32_t now_s, phase;

	if (!w->presence.renumbers || (seat ^ 1) >= w->nodes)
		return seat;
	draw = sim_mix(w->key[SIM_DRAW_RENUMBER], seat >> 1);
	if ((uint32_t)draw >= RENUMBERED_OF_32)
		return seat;
	now_s = __atomic_load_n(&w->presence.now.now_s, __ATOMIC_RELAXED);
	phase = sim_below((uint32_t)(draw >> 32), DAY_S);
	return seat ^ (((uint64_t)now_s + phase) / DAY_S & 1);
}
