/* SPDX-License-Identifier: MIT */
#ifndef BENCH_SIM_PLACE_H
#define BENCH_SIM_PLACE_H

#include <stdbool.h>
#include <stdint.h>

#include "bench/sim/shuffle.h"
#include "proto/err.h"
#include "proto/prefetch.h"
#include "store/geo.h"

/**
 * DOC: where on Earth's address space the nodes live. A sim_places is a list of
 * public IPv4 ranges, each with a count of nodes; address number i (0..nodes-1)
 * belongs to one range and there to one address, computed both ways.
 *
 * The ranges come from real geo files where some are found (routed networks,
 * weighed by how much of the DHT their country holds), else from the table of
 * geo_own.h.
 */

/** struct sim_range - addresses first..next range's first - 1 lie in ip..ip+size-1. */
struct sim_range {
	uint32_t ip, size, first;
	uint32_t key; /* how they are strewn there */
	uint8_t lon;  /* 256ths of the circle, from -180 degrees on */
};

struct sim_places {
	/* private */
	uint32_t nodes, count;
	uint32_t number_shift; /* address numbers per entry of by_number, log2 */
	bool own;
	struct sim_range *range; /* count + 1: the last one closes the numbers */
	uint32_t *by_number;     /* [number >> number_shift]: a range at or before it */
	uint32_t *by_ip;         /* [ip >> 16]: the last range that begins at or before it */
};

/**
 * sim_places_new() - spread @nodes over the world.
 * @geo: real networks; NULL, empty or synthetic = own table. Borrowed for the call.
 * Errors:  -ENOMEM; DT_ERANGE where @nodes do not fit.
 */
int sim_places_new(uint32_t nodes, uint64_t key, const struct geo *geo,
		   struct sim_places **out) DT_MUST;
void sim_places_free(struct sim_places *p);

/** sim_places_range() - where address @number lies. */
static inline const struct sim_range *sim_places_range(const struct sim_places *p, uint32_t number)
{
	const struct sim_range *r = &p->range[p->by_number[number >> p->number_shift]];

	while (r[1].first <= number)
		r++;
	return r;
}

/** sim_places_ip() - address @number as a host-order IPv4 address. */
static inline uint32_t sim_places_ip(const struct sim_places *p, uint32_t number)
{
	const struct sim_range *r = sim_places_range(p, number);
	struct sim_shuffle s = sim_shuffle_init(r->size, r->key);

	return r->ip + sim_shuffle_forward(&s, number - r->first);
}

/*
 * Either way costs two reads that depend on each other. Who translates many
 * takes them in three passes: fetch the guides, fetch the ranges, translate.
 */
static inline void sim_places_fetch_ip(const struct sim_places *p, uint32_t ip)
{
	prefetch_read(&p->by_ip[ip >> 16]);
}

static inline void sim_places_fetch_ip_range(const struct sim_places *p, uint32_t ip)
{
	prefetch_read(&p->range[p->by_ip[ip >> 16]]);
}

static inline void sim_places_fetch_number(const struct sim_places *p, uint32_t number)
{
	prefetch_read(&p->by_number[number >> p->number_shift]);
}

static inline void sim_places_fetch_number_range(const struct sim_places *p, uint32_t number)
{
	prefetch_read(&p->range[p->by_number[number >> p->number_shift]]);
}

/** sim_places_number() - the inverse; DT_ENOTFOUND where no node lives. */
int sim_places_number(const struct sim_places *p, uint32_t ip, uint32_t *number) DT_MUST;

#endif
