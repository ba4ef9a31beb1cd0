/* SPDX-License-Identifier: MIT */
#include "bench/sim/nature.h"

#include "bench/sim/world.h"

static const char *const names[SIM_NATURES] = {
	[SIM_NORMAL] = "normal",         [SIM_REMAPPED] = "remapped",
	[SIM_MULTIHOMED] = "multihomed", [SIM_CLONE] = "clone",
	[SIM_FLAPPER] = "flapper",       [SIM_LIAR] = "liar",
	[SIM_POISONER] = "poisoner",     [SIM_REFLECTOR] = "reflector",
	[SIM_ONEWAY] = "one-way",        [SIM_READ_ONLY] = "read-only",
	[SIM_ROUTER] = "router",
};

static const char *const nats[SIM_NATS] = {
	[SIM_NAT_NONE] = "none",
	[SIM_NAT_ADDRESS] = "address",
	[SIM_NAT_PORT] = "port",
	[SIM_NAT_CLOSED] = "closed",
};

const char *sim_nature_name(enum sim_nature nature)
{
	return (unsigned)nature < SIM_NATURES ? names[nature] : "?";
}

const char *sim_nat_name(enum sim_nat nat)
{
	return (unsigned)nat < SIM_NATS ? nats[nat] : "?";
}

static uint64_t of_32(double share)
{
	return (uint64_t)(share * 0x1p32);
}

bool nature_drawn(const struct sim_world *w, uint64_t key, uint64_t who, double share)
{
	(void)w;
	return share > 0 && (uint32_t)sim_mix(key, who) < of_32(share);
}

/** nobodys_ip() - an address of the places where nobody sits. */
static uint32_t nobodys_ip(const struct sim_world *w, uint64_t draw)
{
	uint32_t ip = sim_places_ip(w->places, sim_below((uint32_t)draw, w->nodes)), number;

	while (sim_places_number(w->places, ip, &number) == 0)
		ip++;
	return ip;
}

/** choose_victim() - a /24 of a real range with nobody in it: nine of ten are, in most worlds. */
static void choose_victim(struct sim_world *w)
{
	enum { TRIES = 4096 };

	for (unsigned try = 0; try < TRIES; try++) {
		uint64_t draw = sim_draw(w->key[SIM_DRAW_POISON], try, 0);
		const struct sim_range *r =
			sim_places_range(w->places, sim_below((uint32_t)draw, w->nodes));
		uint32_t net = (r->ip + sim_below((uint32_t)(draw >> 32), r->size)) & ~255u;
		uint32_t number, taken = 0;

		for (uint32_t ip = net; ip < net + 256; ip++)
			taken += sim_places_number(w->places, ip, &number) == 0;
		w->natures.victim = net;
		if (!taken)
			break;
	}
	for (unsigned i = 0; i < NATURE_SERVICES; i++)
		w->natures.service[i] = nobodys_ip(w, sim_draw(w->key[SIM_DRAW_POISON], i, 1));
}

void nature_init(struct sim_world *w)
{
	const struct sim_bad *b = &w->opts.bad;
	const double share[SIM_NATURES] = {
		[SIM_REMAPPED] = b->remapped,    [SIM_FLAPPER] = b->flappers,
		[SIM_LIAR] = b->liars,           [SIM_POISONER] = b->poisoners,
		[SIM_REFLECTOR] = b->reflectors, [SIM_ONEWAY] = b->oneway,
		[SIM_READ_ONLY] = b->read_only,  [SIM_ROUTER] = b->routers,
	};
	struct sim_natures *s = &w->natures;
	double sum = 0;

	for (unsigned i = 0; i < SIM_NATURES; i++) {
		sum += share[i];
		s->below[i] = of_32(sum);
	}
	s->clones_32 = of_32(b->clones);
	s->homes_32 = of_32(b->multihomed);
	s->silent = b->oneway + b->read_only + b->reflectors;
	s->any = sum > 0 || b->clones > 0 || b->multihomed > 0;
	if (b->poisoners > 0)
		choose_victim(w);
}

/** drawn() - without regard to rows and pairs. */
static enum sim_nature drawn(const struct sim_world *w, uint32_t n)
{
	uint32_t draw = (uint32_t)sim_mix(w->key[SIM_DRAW_NATURE], n);

	for (unsigned i = SIM_REMAPPED; i < SIM_NATURES; i++)
		if (draw < w->natures.below[i])
			return (enum sim_nature)i;
	return SIM_NORMAL;
}

static bool in_row(const struct sim_world *w, uint32_t n)
{
	return (uint32_t)sim_mix(w->key[SIM_DRAW_GROUP], n / NATURE_CLONES) < w->natures.clones_32;
}

static bool in_pair(const struct sim_world *w, uint32_t n)
{
	uint64_t draw = sim_mix(w->key[SIM_DRAW_GROUP], UINT32_MAX + (uint64_t)(n / NATURE_HOMES));

	return (uint32_t)draw < w->natures.homes_32 && (n ^ 1) < w->nodes &&
	       drawn(w, n ^ 1) == SIM_NORMAL;
}

enum sim_nature nature_of(const struct sim_world *w, uint32_t n)
{
	enum sim_nature is = drawn(w, n);

	if (is != SIM_NORMAL)
		return is;
	if (w->natures.clones_32 && in_row(w, n))
		return SIM_CLONE;
	return w->natures.homes_32 && in_pair(w, n) ? SIM_MULTIHOMED : SIM_NORMAL;
}

uint32_t nature_leader(const struct sim_world *w, uint32_t n)
{
	enum sim_nature is = nature_of(w, n);

	if (is == SIM_CLONE)
		return n - n % NATURE_CLONES;
	return is == SIM_MULTIHOMED ? n - n % NATURE_HOMES : n;
}

enum sim_nature nature_truth(const struct sim_world *w, uint32_t n)
{
	enum sim_nature is = world_nature(w, n);

	if (is == SIM_MULTIHOMED && !world_alive(w, n ^ 1))
		return SIM_NORMAL;
	return is;
}

enum sim_nat nature_nat(const struct sim_world *w, uint32_t n)
{
	const struct sim_bad *b = &w->opts.bad;
	enum sim_nature is = world_nature(w, n);
	uint64_t draw;

	if (is != SIM_ONEWAY)
		return is == SIM_READ_ONLY ? SIM_NAT_CLOSED : SIM_NAT_NONE;
	draw = (uint32_t)sim_mix(w->key[SIM_DRAW_NAT], n);
	if (draw < of_32(b->nat_address))
		return SIM_NAT_ADDRESS;
	return draw < of_32(b->nat_address + b->nat_port) ? SIM_NAT_PORT : SIM_NAT_CLOSED;
}

enum sim_nat sim_world_nat(const struct sim_world *w, uint32_t n)
{
	return nature_nat(w, n);
}

bool nature_listed(const struct sim_world *w, uint32_t n, bool lt, uint32_t y)
{
	const struct sim_bad *b = &w->opts.bad;
	enum sim_nature is = world_nature(w, y);
	uint32_t seat;

	if (!lt)
		return true;
	if (is == SIM_READ_ONLY && nature_drawn(w, w->key[SIM_DRAW_ABLE], n, b->bep43))
		return false;
	if (is == SIM_CLONE &&
	    sim_draw(w->key[SIM_DRAW_GROUP], n, y / NATURE_CLONES) % NATURE_CLONES !=
		    y % NATURE_CLONES)
		return false;
	if (is == SIM_MULTIHOMED &&
	    (sim_draw(w->key[SIM_DRAW_GROUP], n, y / NATURE_HOMES) & 1) != y % NATURE_HOMES)
		return false;
	if (b->cgn <= 0)
		return true;
	seat = world_seat(w, y);
	return !seat_is_shared(w, seat) ||
	       sim_draw(w->key[SIM_DRAW_FACE], n, seat / SEAT_SHARERS) % SEAT_SHARERS ==
		       seat % SEAT_SHARERS;
}

uint32_t sim_world_victim(const struct sim_world *w)
{
	return w->natures.victim;
}
