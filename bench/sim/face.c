/* SPDX-License-Identifier: MIT */
#include "bench/sim/face.h"

#include "bench/sim/world.h"

enum {
	DEFAULT_PORT_BELOW = 1288490189, /* 0.30 of 2^32 */
	/* Ports behind a carrier's NAT, apart from each other and from every service. */
	SHARED_PORT_FIRST = 48000,
	SHARED_PORT_SPAN = 8000,
	SHARED_STEP_MAX = 250,
	TOP_BITS = 64 - SEAT_BITS, /* 21, as many as BEP 42 wants */
	NET6_FIRST = 0x2a,         /* 2a00::/12, RIPE's */
};

/** inverse_of() - of an odd number modulo 2^64, by Newton: each step doubles the good bits. */
static uint64_t inverse_of(uint64_t odd)
{
	uint64_t x = odd;

	for (unsigned i = 0; i < 5; i++)
		x *= 2 - odd * x;
	return x;
}

void face_init(struct sim_world *w)
{
	struct sim_seats *s = &w->seats;
	const struct sim_bad *b = &w->opts.bad;

	for (unsigned i = 0; i < 2; i++) {
		s->odd[i] = sim_draw(w->key[SIM_DRAW_SEAT], i, 0) | 1;
		s->inverse[i] = inverse_of(s->odd[i]);
		s->key[i] = sim_draw(w->key[SIM_DRAW_SEAT], i, 1);
	}
	s->kinds = 1;
	if (b->v6 > 0)
		s->kind6 = s->kinds++;
	if (b->remapped > 0) {
		s->kind_port = s->kinds;
		s->kinds += FACE_PORTS - 1;
	}
}

bool seat_is_shared(const struct sim_world *w, uint32_t seat)
{
	return nature_drawn(w, w->key[SIM_DRAW_FACE], seat / SEAT_SHARERS, w->opts.bad.cgn) &&
	       seat / SEAT_SHARERS < w->nodes / SEAT_SHARERS;
}

bool seat_has6(const struct sim_world *w, uint32_t seat)
{
	return nature_drawn(w, w->key[SIM_DRAW_FACE] + 1, seat, w->opts.bad.v6);
}

static uint32_t seat_ip(const struct sim_world *w, uint32_t seat)
{
	if (seat_is_shared(w, seat))
		seat -= seat % SEAT_SHARERS;
	return sim_places_ip(w->places, seat);
}

uint64_t seat_prefix(const struct sim_world *w, uint32_t seat)
{
	uint64_t low = seat_scramble(&w->seats, seat);
	uint64_t draw = sim_mix(w->key[SIM_DRAW_ID], seat);
	struct endpoint ep;
	struct nodeid id = { { 0 } };

	if (!nature_drawn(w, w->key[SIM_DRAW_ABLE] + 1, seat, w->opts.bad.bep42))
		return draw >> SEAT_BITS << SEAT_BITS | low;
	ep = endpoint_ip4(seat_ip(w, seat), 0);
	id.b[NODEID_BYTES - 1] = low & 7;
	id = nodeid_bep42_make(&id, &ep);
	return (uint64_t)id.b[0] << 56 | (uint64_t)id.b[1] << 48 |
	       (uint64_t)(id.b[2] & 0xf8) << 40 | low;
}

/* ---- ports ------------------------------------------------------------------- */

/** UDP services above 1023 that a gate protects (census P7): no node may stand there. */
static bool is_service_port(uint32_t port)
{
	switch (port) {
	case 1194: /* OpenVPN */
	case 1434: /* SQL Server browser */
	case 1701: /* L2TP */
	case 1812: /* RADIUS */
	case 1813:
	case 1900: /* SSDP */
	case 2049: /* NFS */
	case 3283: /* Apple Remote Desktop */
	case 3389: /* RDP */
	case 3478: /* STUN, TURN */
	case 3702: /* WS-Discovery */
	case 4500: /* IPsec NAT traversal */
	case 5060: /* SIP */
	case 5061:
	case 5351:  /* NAT-PMP, PCP */
	case 5353:  /* mDNS */
	case 5683:  /* CoAP */
	case 10001: /* Ubiquiti discovery */
	case 11211: /* memcached */
	case 32414: /* Plex discovery */
	case 37810: /* DVR discovery */
	case 47808: /* BACnet */
		return true;
	default:
		return false;
	}
}

static uint16_t any_port(uint32_t draw)
{
	uint32_t port = 1024 + sim_below(draw, 64512);

	return (uint16_t)(is_service_port(port) ? port + 16384 : port);
}

/** shared_port() - in steps from a start, both drawn for the address: so they differ. */
static uint16_t shared_port(const struct sim_world *w, uint32_t seat)
{
	uint64_t draw = sim_mix(w->key[SIM_DRAW_FACE] + 2, seat / SEAT_SHARERS);
	uint32_t first = SHARED_PORT_FIRST + sim_below((uint32_t)draw, SHARED_PORT_SPAN);
	uint32_t step = 1 + sim_below((uint32_t)(draw >> 32), SHARED_STEP_MAX);

	return (uint16_t)(first + step * (seat % SEAT_SHARERS));
}

/**
 * port_of() - three of ten nodes keep a client's default range, as in real
 * censuses; the others chose at random. Never a service's.
 */
static uint16_t port_of(const struct sim_world *w, uint32_t seat, unsigned kind)
{
	uint64_t draw;

	if (w->seats.kind_port && kind >= w->seats.kind_port)
		return any_port((uint32_t)sim_draw(w->key[SIM_DRAW_PORT], seat, kind));
	if (seat_is_shared(w, seat))
		return shared_port(w, seat);
	draw = sim_mix(w->key[SIM_DRAW_PORT], seat);
	if ((uint32_t)draw < DEFAULT_PORT_BELOW)
		return (uint16_t)(6881 + (uint32_t)draw % 10);
	return any_port((uint32_t)(draw >> 32));
}

/* ---- faces -------------------------------------------------------------------- */

uint32_t face_seat(const struct sim_world *w, uint32_t face)
{
	return w->seats.kinds == 1 ? face : face % w->nodes;
}

unsigned face_kind(const struct sim_world *w, uint32_t face)
{
	return w->seats.kinds == 1 ? 0 : face / w->nodes;
}

uint32_t face_of(const struct sim_world *w, uint32_t seat, unsigned kind)
{
	return kind * w->nodes + seat;
}

bool face_is6(const struct sim_world *w, uint32_t face)
{
	return w->seats.kind6 && face_kind(w, face) == w->seats.kind6;
}

/** mask6() - what an interface id is scrambled with. */
static uint64_t mask6(const struct sim_world *w)
{
	return w->key[SIM_DRAW_FACE] ^ 0x36;
}

/**
 * public6() - the /48 is the operator's, after its IPv4 range; the interface id the
 * seat's number, scrambled as seats are, below 21 bits that say nothing.
 */
static struct endpoint public6(const struct sim_world *w, uint32_t seat, uint16_t port)
{
	uint32_t net = sim_places_range(w->places, seat)->ip;
	uint64_t iid = seat_scramble(&w->seats, seat) ^ (mask6(w) & SEAT_MASK);
	struct endpoint ep = { .port = port, .addr = { NET6_FIRST, 0 } };

	iid |= sim_mix(mask6(w), iid) >> SEAT_BITS << SEAT_BITS;
	for (unsigned i = 0; i < 4; i++)
		ep.addr[2 + i] = (uint8_t)(net >> (24 - 8 * i));
	for (unsigned i = 0; i < 8; i++)
		ep.addr[8 + i] = (uint8_t)(iid >> (56 - 8 * i));
	return ep;
}

struct endpoint face_public(const struct sim_world *w, uint32_t face)
{
	uint32_t seat = face_seat(w, face);
	unsigned kind = face_kind(w, face);
	uint16_t port = port_of(w, seat, kind);

	return kind && kind == w->seats.kind6 ? public6(w, seat, port)
					      : endpoint_ip4(seat_ip(w, seat), port);
}

struct endpoint face_alias(const struct sim_world *w, uint32_t face)
{
	return endpoint_ip4(w->alias_first + face % w->alias_room,
			    (uint16_t)(w->alias_port + face / w->alias_room));
}

struct endpoint face_contact(const struct sim_world *w, uint32_t face)
{
	return w->opts.plain ? face_alias(w, face) : face_public(w, face);
}

static int from_public6(const struct sim_world *w, const struct endpoint *ep, uint32_t *face)
{
	struct endpoint there;
	uint64_t iid = 0;
	uint32_t seat;

	for (unsigned i = 0; i < 8; i++)
		iid = iid << 8 | ep->addr[8 + i];
	seat = seat_of_prefix(&w->seats, iid ^ (mask6(w) & SEAT_MASK));
	if (!w->seats.kind6 || seat >= w->nodes || !seat_has6(w, seat))
		return DT_ENOTFOUND;
	*face = face_of(w, seat, w->seats.kind6);
	there = face_public(w, *face);
	return endpoint_equal(&there, ep) ? 0 : DT_ENOTFOUND;
}

/** by_port() - which of the seats @first.. of one address has it; first their first ports. */
static int by_port(const struct sim_world *w, uint32_t first, unsigned seats, uint16_t port,
		   uint32_t *face)
{
	for (unsigned kind = 0; kind < w->seats.kinds; kind++)
		for (uint32_t seat = first; seat < first + seats; seat++)
			if (!(kind && kind == w->seats.kind6) && port_of(w, seat, kind) == port) {
				*face = face_of(w, seat, kind);
				return 0;
			}
	return DT_ENOTFOUND;
}

int face_from_public(const struct sim_world *w, const struct endpoint *ep, uint32_t *face)
{
	uint32_t seat;
	int err;

	if (!endpoint_is4(ep))
		return from_public6(w, ep, face);
	err = sim_places_number(w->places, endpoint_get_ip4(ep), &seat);
	if (err)
		return err;
	if (!seat_is_shared(w, seat))
		return by_port(w, seat, 1, ep->port, face);
	return seat % SEAT_SHARERS ? DT_ENOTFOUND : by_port(w, seat, SEAT_SHARERS, ep->port, face);
}

int face_from_alias(const struct sim_world *w, uint32_t ip, uint16_t port, uint32_t *face)
{
	uint64_t v;

	if (ip - w->alias_first >= w->alias_room || port < w->alias_port)
		return DT_ENOTFOUND;
	v = (uint64_t)(port - w->alias_port) * w->alias_room + (ip - w->alias_first);
	*face = (uint32_t)v;
	return v < (uint64_t)w->nodes * w->seats.kinds ? 0 : DT_ENOTFOUND;
}
