/* SPDX-License-Identifier: MIT */
#ifndef BENCH_SIM_WORLD_H
#define BENCH_SIM_WORLD_H

#include <string.h>

#include "bench/sim/face.h"
#include "bench/sim/hole.h"
#include "bench/sim/limit.h"
#include "bench/sim/nature.h"
#include "bench/sim/place.h"
#include "bench/sim/presence.h"
#include "bench/sim/shuffle.h"
#include "bench/sim/sim.h"
#include "engine/arena.h"
#include "engine/island.h"
#include "engine/rng.h"

/**
 * DOC: the inside of a world, for the files of bench/sim alone.
 *
 * Node number n is the rank of its id: ids are sorted, so the nodes that share
 * a prefix, and with them every bucket of every routing table, are a contiguous
 * range of numbers. Stored are the upper 64 bits of each id and an index over
 * them, 8.5 bytes a node; the lower 96 bits of an id, whether the node is alive,
 * its age, client, table and address are computed from n.
 *
 * A seat is an address with its port and its alias, computed from the seat's number.
 * Who sits where follows from the upper half of the id, and the other way round
 * (face.h); it changes a little with time (presence.h).
 */

/** Age classes of census 4.2: 30, 60 and 10 % of the nodes. */
enum sim_age { SIM_OLD, SIM_MIDDLE, SIM_YOUNG, SIM_AGES };

/** What is drawn, so that no two kinds of draws share their numbers. */
enum sim_draw_kind {
	SIM_DRAW_ID,
	SIM_DRAW_TAIL,
	SIM_DRAW_MOOD,
	SIM_DRAW_CLIENT,
	SIM_DRAW_PORT,
	SIM_DRAW_SEAT,
	SIM_DRAW_PLACE,
	SIM_DRAW_BOOTSTRAP,
	SIM_DRAW_PRESENT,
	SIM_DRAW_ENTRY,
	SIM_DRAW_LOSS,
	SIM_DRAW_DELAY,
	SIM_DRAW_TOKEN,
	SIM_DRAW_SWARM,
	SIM_DRAW_THROW,
	SIM_DRAW_RENUMBER,
	SIM_DRAW_NATURE,
	SIM_DRAW_GROUP,
	SIM_DRAW_FACE,
	SIM_DRAW_FLAP,
	SIM_DRAW_POISON,
	SIM_DRAW_BUSY,
	SIM_DRAW_ABLE,
	SIM_DRAW_CALL,
	SIM_DRAW_NAT,
	SIM_DRAW_KINDS
};

struct sim_world {
	struct sim_opts opts;
	uint32_t nodes, live;
	uint64_t loss_32;                 /* of opts: 32-bit draws below it are lost */
	uint32_t lt_16;                   /* of opts: 16-bit draws below it are like libtorrent */
	uint16_t alias_port;              /* first port of the farm */
	uint32_t alias_first, alias_room; /* addresses of the farm: loopback's, or an island's */
	unsigned index_bits;
	uint64_t last_alive; /* the greatest mood of a live node */
	struct arena ids;    /* holds: */
	uint64_t *prefix;    /* sorted; NULL after sim_world_shed() */
	uint32_t *index;     /* [i]: the first node whose upper index_bits bits are >= i */
	uint64_t key[SIM_DRAW_KINDS];
	struct sim_seats seats;
	struct sim_places *places;
	struct sim_presence presence;
	struct sim_natures natures;
	struct limit_table *limits; /* of virtual time; NULL: the world has none */
	struct hole_table *holes;   /* likewise */
	unsigned runs;              /* devices of virtual time that were opened */
	struct sim_harm harm;       /* by packets of this process; words, added to by any thread */
};

static inline uint64_t sim_fold(uint64_t a, uint64_t b)
{
	unsigned __int128 p = (unsigned __int128)a * b;

	return (uint64_t)p ^ (uint64_t)(p >> 64);
}

/**
 * sim_draw() - a random number that is a function of (key, a, b).
 * Source:  the two folded multiplications of wyhash64 and its constants (Wang
 *          Yi, public domain).
 */
static inline uint64_t sim_draw(uint64_t key, uint64_t a, uint64_t b)
{
	uint64_t x = a ^ key ^ 0xa0761d6478bd642full, y = b ^ 0xe7037ed1a0b428dbull;
	unsigned __int128 p = (unsigned __int128)x * y;

	return sim_fold((uint64_t)p ^ 0x8ebc6af09c88c6e3ull,
			(uint64_t)(p >> 64) ^ key ^ 0x589965cc75374cc3ull);
}

/** sim_below() - a 32-bit draw scaled to 0..@limit-1. */
static inline uint32_t sim_below(uint32_t draw, uint32_t limit)
{
	return (uint32_t)((uint64_t)draw * limit >> 32);
}

/** sim_mix() - number @i of the splitmix64 series that a draw begins; for inner loops. */
static inline uint64_t sim_mix(uint64_t seed, uint64_t i)
{
	return rng_mix(seed + i * 0x9e3779b97f4a7c15ull);
}

/**
 * world_mood() - the one draw that says who a node is: its upper half whether it
 * is alive (or when it throws its dice), bits 0..15 its age, bits 16..31 its kind of table.
 *
 * splitmix64 is a bijection, so all draws differ, and draw_alive() found the
 * one of them that exactly opts.live do not exceed.
 */
static inline uint64_t world_mood(const struct sim_world *w, uint32_t n)
{
	return sim_mix(w->key[SIM_DRAW_MOOD], n);
}

/** mood_alive() - is node @n, whose mood this is, there now (if only to ask others)? */
static inline bool mood_alive(const struct sim_world *w, uint32_t n, uint64_t mood)
{
	if (w->presence.moves)
		return presence_in(w, n, mood, &w->presence.now);
	return mood <= w->last_alive;
}

static inline enum sim_age mood_age(uint64_t mood)
{
	unsigned draw = mood & 0xffff;

	return (enum sim_age)((draw >= 19661) + (draw >= 58982)); /* 30, 60, 10 % */
}

/** world_nature() - what kind of node @n is. */
static inline enum sim_nature world_nature(const struct sim_world *w, uint32_t n)
{
	return w->natures.any ? nature_of(w, n) : SIM_NORMAL;
}

/** world_alive() - is it there and answers strangers' questions as itself? */
static inline bool world_alive(const struct sim_world *w, uint32_t n)
{
	return mood_alive(w, n, world_mood(w, n)) && !nature_is_silent(world_nature(w, n));
}

static inline bool world_is_lt(const struct sim_world *w, uint32_t n)
{
	return (world_mood(w, n) >> 16 & 0xffff) < w->lt_16;
}

/**
 * world_id() - all 160 bits of node @n's id. The last three are those that BEP 42
 * hashes with the address.
 */
static inline void world_id(const struct sim_world *w, uint32_t n, uint8_t out[static 20])
{
	uint64_t top = __builtin_bswap64(w->prefix[n]);
	uint64_t low = sim_mix(w->key[SIM_DRAW_TAIL], n);
	uint32_t last = (uint32_t)(low * 0xd1342543de82ef95ull >> 32); /* no need to be random */

	memcpy(out, &top, 8);
	memcpy(out + 8, &low, 8);
	memcpy(out + 16, &last, 4);
	out[19] = (uint8_t)((out[19] & ~7u) | (w->prefix[n] & 7));
}

/** world_rank() - the first node whose upper 64 id bits are >= @v; w->nodes when none is. */
uint32_t world_rank(const struct sim_world *w, uint64_t v);

/** world_said_id() - the id under which @n is known and, but for flappers and liars, answers. */
static inline void world_said_id(const struct sim_world *w, uint32_t n, uint8_t out[static 20])
{
	world_id(w, w->natures.any ? nature_leader(w, n) : n, out);
}

/** world_seat() - where node @n sits now. */
static inline uint32_t world_seat(const struct sim_world *w, uint32_t n)
{
	uint32_t seat = seat_of_prefix(&w->seats, w->prefix[n]);

	return w->presence.moves ? presence_seat(w, seat) : seat;
}

/** world_sitter() - who sits there. */
static inline uint32_t world_sitter(const struct sim_world *w, uint32_t seat)
{
	return world_rank(w, seat_prefix(w, w->presence.moves ? presence_seat(w, seat) : seat));
}

/** world_harm_note() - a packet to @ep, where no node ever was; from any thread. */
void world_harm_note(struct sim_world *w, const struct endpoint *ep);

/** world_contact() - node @n's first endpoint, as replies name it. */
static inline struct endpoint world_contact(const struct sim_world *w, uint32_t n)
{
	return face_contact(w, world_seat(w, n));
}

/**
 * Aliases keep away from 127.0/16 (127.0.0.1, the resolver's 127.0.0.53,
 * Debian's 127.0.1.1) and from the last /24 (the broadcast address).
 */
enum {
	ALIAS_NET = 0x7f, /* first octet of everything the farm answers for */
	ALIAS_FIRST = 0x7f010000,
	ALIAS_LAST = 0x7ffffeff,
	ALIAS_ROOM = ALIAS_LAST - ALIAS_FIRST + 1,
	ALIAS_PORTS_MAX = 8, /* 133 million nodes are room enough */
	ALIAS_PORT = 20000,  /* where no farm has chosen yet; below ip_local_port_range */

	/* Over an island: 198.18.0.0/15 but its first and last address, and as many ports as
	   needed. */
	ALIAS_ISLAND_FIRST = (int)0xc6120001u,
	ALIAS_ISLAND_ROOM = (1 << 17) - 2,
	ALIAS_ISLAND_PORT = 10000,
};

/** world_on_island() - aliases lie in 198.18.0.0/15 from now on; net_alias sends nowhere else. */
static inline void world_on_island(struct sim_world *w)
{
	w->alias_first = (uint32_t)ALIAS_ISLAND_FIRST;
	w->alias_room = ALIAS_ISLAND_ROOM;
	w->alias_port = ALIAS_ISLAND_PORT;
}

static inline bool world_is_on_island(const struct sim_world *w)
{
	return w->alias_first == (uint32_t)ALIAS_ISLAND_FIRST;
}

static inline bool alias_is_loopback(uint32_t ip)
{
	return ip >> 24 == ALIAS_NET;
}

/** alias_may_be_sent_to() - loopback, or over an island 198.18.0.0/15. */
static inline bool alias_may_be_sent_to(const struct sim_world *w, uint32_t ip)
{
	return world_is_on_island(w) ? ip - (uint32_t)ALIAS_ISLAND_FIRST < ALIAS_ISLAND_ROOM
				     : alias_is_loopback(ip);
}

/** alias_is_ours() - may this address ask the farm? Loopback; over an island its near end. */
static inline bool alias_is_ours(const struct sim_world *w, uint32_t ip)
{
	return world_is_on_island(w)
		       ? ip == (uint32_t)ISLAND_NEAR || ip == (uint32_t)ISLAND_NEAR_LINK
		       : alias_is_loopback(ip);
}

/** alias_ports() - how many ports a farm of @faces needs. */
static inline unsigned alias_ports(const struct sim_world *w, uint32_t faces)
{
	return (faces + w->alias_room - 1) / w->alias_room;
}

#endif
