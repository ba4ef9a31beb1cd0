/* SPDX-License-Identifier: MIT */
#ifndef BENCH_SIM_NATURE_H
#define BENCH_SIM_NATURE_H

#include <stdbool.h>
#include <stdint.h>

#include "bench/sim/sim.h"

/**
 * DOC: who is bad: a function of the seed and the node, nothing kept.
 *
 * One draw says what a node is. Clones are sixteen nodes in a row, which in a world of
 * sorted ids are neighbours: all of them say the first one's id, each from its own
 * address, so they stand in the tables where that id belongs. The multihomed are
 * pairs in a row. Who shares an address behind a carrier's NAT is a matter of seats.
 */

struct sim_world;

enum {
	NATURE_CLONES = 16, /* to an id; 9.6 of them alive at 40 % dead */
	NATURE_HOMES = 2,
	NATURE_FLAPPER_IDS = 8,
	NATURE_SERVICES = 64, /* endpoints of services that poisoners list */
};

struct sim_natures {
	bool any;                          /* else everybody is SIM_NORMAL */
	uint64_t below[SIM_NATURES];       /* 32-bit draws below it, and not below the one before */
	uint64_t clones_32, homes_32;      /* of the rows of sixteen, of the pairs */
	double silent;                     /* share of those who are there and do not answer */
	uint32_t victim;                   /* its /24 */
	uint32_t service[NATURE_SERVICES]; /* addresses; nobody lives there */
};

/** nature_init() - after places and keys. */
void nature_init(struct sim_world *w);

enum sim_nature nature_of(const struct sim_world *w, uint32_t n);

static inline bool nature_is_silent(enum sim_nature n)
{
	return n >= SIM_REFLECTOR;
}

/** nature_leader() - whose id node @n says: its own number, but for clones and multihomed. */
uint32_t nature_leader(const struct sim_world *w, uint32_t n);

/** nature_truth() - what a census could have seen of @n: a pair with one half away is normal. */
enum sim_nature nature_truth(const struct sim_world *w, uint32_t n);

/** nature_nat() - what stands before node @n. */
enum sim_nat nature_nat(const struct sim_world *w, uint32_t n);

/**
 * nature_listed() - may the table of node @n hold @y?
 *
 * libtorrent's rules: one entry per address and per id, no read-only node. Which of
 * those who share an address or an id it holds is drawn per table. Older clients'
 * tables hold all of them.
 */
bool nature_listed(const struct sim_world *w, uint32_t n, bool lt, uint32_t y);

/** nature_drawn() - a share of all nodes, by purpose. */
bool nature_drawn(const struct sim_world *w, uint64_t key, uint64_t who, double share);

#endif
