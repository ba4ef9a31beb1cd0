/* SPDX-License-Identifier: MIT */
#ifndef BENCH_SIM_FACE_H
#define BENCH_SIM_FACE_H

#include <stdbool.h>
#include <stdint.h>

#include "proto/endpoint.h"
#include "proto/err.h"

/**
 * DOC: where nodes can be reached. A seat is a number, 0..nodes-1; its address, ports
 * and aliases are computed from it and it from them.
 *
 * Whose seat it is stands in the id: the lower 43 of its upper 64 bits are a keyed
 * permutation of the seat's number, the upper 21 are drawn or, where the node obeys
 * BEP 42, what that makes of the seat's address. So a node's address follows from its
 * id and the other way round, and no table of them is kept.
 *
 * A face is an endpoint of a seat: number seat + kind x nodes. Every seat has its
 * first, IPv4; with IPv6 in the world one more; with remapped ones two further ports.
 */

struct sim_world;

enum {
	SEAT_BITS = 43,    /* of the prefix */
	SEAT_SHARERS = 32, /* seats behind one address of a carrier's NAT */
	FACE_KINDS_MAX = 4,
	FACE_PORTS = 3, /* of a remapped node */
};

/** struct sim_seats - both ways of the permutation: two rounds of x * odd + key, folded. */
struct sim_seats {
	uint64_t odd[2], inverse[2], key[2];
	unsigned kinds;     /* of faces */
	unsigned kind6;     /* the IPv6 one's; 0 = none */
	unsigned kind_port; /* the first of the further ports'; 0 = none */
};

void face_init(struct sim_world *w);

#define SEAT_MASK ((1ull << SEAT_BITS) - 1)

/** seat_scramble() - the permutation of 43-bit numbers. */
static inline uint64_t seat_scramble(const struct sim_seats *s, uint64_t x)
{
	x = (x * s->odd[0] + s->key[0]) & SEAT_MASK;
	x ^= x >> (SEAT_BITS + 1) / 2;
	x = (x * s->odd[1] + s->key[1]) & SEAT_MASK;
	return x ^ x >> (SEAT_BITS + 1) / 2;
}

/** seat_of_prefix() - by right, whoever renumbered. */
static inline uint32_t seat_of_prefix(const struct sim_seats *s, uint64_t prefix)
{
	uint64_t x = prefix & SEAT_MASK;

	x ^= x >> (SEAT_BITS + 1) / 2;
	x = ((x - s->key[1]) * s->inverse[1]) & SEAT_MASK;
	x ^= x >> (SEAT_BITS + 1) / 2;
	return (uint32_t)(((x - s->key[0]) * s->inverse[0]) & SEAT_MASK);
}

/** seat_prefix() - the upper 64 bits of the id of the one whose seat it is. */
uint64_t seat_prefix(const struct sim_world *w, uint32_t seat);

/** seat_is_shared() - is it one of SEAT_SHARERS behind one address? */
bool seat_is_shared(const struct sim_world *w, uint32_t seat);

/** seat_has6() - can it be reached by IPv6 too? */
bool seat_has6(const struct sim_world *w, uint32_t seat);

/** face_seat(), face_kind() - of a face's number. */
uint32_t face_seat(const struct sim_world *w, uint32_t face);
unsigned face_kind(const struct sim_world *w, uint32_t face);

/** face_of() - kind @kind of seat @seat. */
uint32_t face_of(const struct sim_world *w, uint32_t seat, unsigned kind);

/** face_is6() - of the IPv6 kind? */
bool face_is6(const struct sim_world *w, uint32_t face);

/** face_public() - what contacts, store, geo and maps see. */
struct endpoint face_public(const struct sim_world *w, uint32_t face);

/** face_alias() - where the farm answers for it: 127.x.y.z:port. */
struct endpoint face_alias(const struct sim_world *w, uint32_t face);

/** face_contact() - which of the two replies carry. */
struct endpoint face_contact(const struct sim_world *w, uint32_t face);

/** face_from_public(), _alias() - the inverse; DT_ENOTFOUND where no seat is. */
int face_from_public(const struct sim_world *w, const struct endpoint *ep, uint32_t *face) DT_MUST;
int face_from_alias(const struct sim_world *w, uint32_t ip, uint16_t port, uint32_t *face) DT_MUST;

#endif
