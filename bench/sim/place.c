/* SPDX-License-Identifier: MIT */
#include "bench/sim/place.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "bench/sim/geo_own.h"
#include "bench/sim/place_geo.h"
#include "bench/sim/shuffle.h"
#include "bench/sim/world.h"

enum {
	IP_SLOTS = 1 << 16,
	/* Never more than one address in four taken: a /24 of 64 nodes is the densest
	 * that real censuses show outside of carrier NAT. */
	FILL_DIVISOR = 4,
	FILL_ROUNDS = 32,
};

/** limit_fill() - hand the surplus of too full networks to the others. */
static int limit_fill(struct sim_weighted *list, unsigned count, uint32_t nodes)
{
	for (unsigned round = 0; round < FILL_ROUNDS; round++) {
		double sum = 0, worst = 0;

		for (unsigned i = 0; i < count; i++)
			sum += list[i].weight;
		if (!(sum > 0))
			return DT_ERANGE;
		for (unsigned i = 0; i < count; i++) {
			double most = (double)list[i].size / FILL_DIVISOR;
			double has = list[i].weight / sum * nodes;

			worst = fmax(worst, has / most);
			if (has > most)
				list[i].weight = most / nodes * sum;
		}
		if (worst <= 1.01)
			return 0;
	}
	return DT_ERANGE;
}

static uint8_t lon_of(float degrees)
{
	return (uint8_t)(int)((degrees + 180) * (256.0f / 360));
}

/**
 * deal_numbers() - how many nodes each network gets: systematic sampling, so
 * that the counts add up exactly and a network of weight 0.3 nodes gets one in
 * three worlds of ten.
 */
static void deal_numbers(struct sim_places *p, uint64_t key, const struct sim_weighted *list,
			 unsigned count)
{
	double sum = 0, before = 0;
	double start = (double)(sim_draw(key, 1, 1) >> 11) * 0x1p-53;

	for (unsigned i = 0; i < count; i++)
		sum += list[i].weight;
	p->count = 0;
	for (unsigned i = 0; i < count; i++) {
		double first = before / sum * p->nodes + start;
		double end = (before + list[i].weight) / sum * p->nodes + start;
		uint32_t a = (uint32_t)first, b = i + 1 == count ? p->nodes : (uint32_t)end;

		before += list[i].weight;
		if (b > p->nodes)
			b = p->nodes;
		if (b <= a)
			continue;
		p->range[p->count++] = (struct sim_range){ .ip = list[i].ip,
							   .size = list[i].size,
							   .first = a,
							   .key = (uint32_t)sim_draw(key, a, 2),
							   .lon = lon_of(list[i].lon) };
	}
	p->range[p->count] = (struct sim_range){ .first = p->nodes };
}

static int build_guides(struct sim_places *p)
{
	uint32_t slots, r = 0;

	p->number_shift = 0;
	while (p->nodes >> p->number_shift > 2 * p->count)
		p->number_shift++;
	slots = (p->nodes >> p->number_shift) + 1;
	p->by_number = calloc(slots, sizeof(*p->by_number));
	p->by_ip = calloc(IP_SLOTS, sizeof(*p->by_ip));
	if (!p->by_number || !p->by_ip)
		return -ENOMEM;
	for (uint32_t s = 0; s < slots; s++) {
		while (p->range[r + 1].first <= (uint64_t)s << p->number_shift && r + 1 < p->count)
			r++;
		p->by_number[s] = r;
	}
	r = 0;
	for (uint32_t s = 0; s < IP_SLOTS; s++) {
		while (r + 1 < p->count && p->range[r + 1].ip <= s << 16)
			r++;
		p->by_ip[s] = r;
	}
	return 0;
}

/** own_weights() - the table of geo_own.h in the form of limit_fill(). */
static int own_weights(struct sim_weighted **out, unsigned *count)
{
	struct sim_geo_row *rows;
	int n = sim_geo_own_rows(&rows);

	if (n < 0)
		return n;
	*out = calloc((size_t)n, sizeof(**out));
	if (!*out) {
		free(rows);
		return -ENOMEM;
	}
	for (int i = 0; i < n; i++)
		(*out)[i] = (struct sim_weighted){ .ip = rows[i].ip,
						   .size = rows[i].size,
						   .weight = rows[i].weight,
						   .lon = sim_geo_cities[rows[i].city].lon };
	*count = (unsigned)n;
	free(rows);
	return 0;
}

int sim_places_new(uint32_t nodes, uint64_t key, const struct geo *geo, struct sim_places **out)
{
	struct sim_places *p = calloc(1, sizeof(*p));
	struct sim_weighted *list = NULL;
	unsigned count = 0;
	int err = -ENOMEM;

	*out = NULL;
	if (!p)
		return err;
	p->nodes = nodes;
	err = geo ? sim_place_geo(geo, &list, &count) : DT_ENOTFOUND;
	p->own = err == DT_ENOTFOUND;
	if (p->own)
		err = own_weights(&list, &count);
	if (!err)
		err = limit_fill(list, count, nodes);
	if (!err) {
		p->range = calloc(count + 1, sizeof(*p->range));
		err = p->range ? 0 : -ENOMEM;
	}
	if (!err) {
		deal_numbers(p, key, list, count);
		err = build_guides(p);
	}
	free(list);
	if (err) {
		sim_places_free(p);
		return err;
	}
	*out = p;
	return 0;
}

void sim_places_free(struct sim_places *p)
{
	if (!p)
		return;
	free(p->range);
	free(p->by_number);
	free(p->by_ip);
	free(p);
}

int sim_places_number(const struct sim_places *p, uint32_t ip, uint32_t *number)
{
	const struct sim_range *r = &p->range[p->by_ip[ip >> 16]];
	const struct sim_range *end = p->range + p->count;
	struct sim_shuffle s;
	uint32_t at;

	while (r + 1 < end && r[1].ip <= ip)
		r++;
	if (ip < r->ip || ip - r->ip >= r->size)
		return DT_ENOTFOUND;
	s = sim_shuffle_init(r->size, r->key);
	at = r->first + sim_shuffle_back(&s, ip - r->ip);
	if (at >= r[1].first)
		return DT_ENOTFOUND;
	*number = at;
	return 0;
}
