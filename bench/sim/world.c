/* SPDX-License-Identifier: MIT */
#include "bench/sim/world.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

/**
 * DOC: a population from a seed. Making it costs one counting pass, one
 * scatter and a sort of runs of about eight ids; the index over the ids is what
 * the counting pass leaves behind.
 */

enum {
	INDEX_RUN_LOG2 = 3, /* about eight ids per index entry: one cache line of prefixes */
	INDEX_BITS_MAX = 26,
	LIVE_MIN = 1,
	MOOD_BITS = 16, /* per pass of the selection */
	MOOD_DIGITS = 1 << MOOD_BITS,
};

struct sim_opts sim_opts_default(void)
{
	return (struct sim_opts){
		.seed = 1,
		.live = 200000,
		.dead_share = 0.40,
		.loss = 0.05,
		.lt_share = 0.70,
	};
}

static size_t prefix_bytes(const struct sim_world *w)
{
	return (size_t)w->nodes * sizeof(*w->prefix);
}

static size_t index_bytes(const struct sim_world *w)
{
	return (((size_t)1 << w->index_bits) + 1) * sizeof(*w->index);
}

/** sort_runs() - after the scatter each run of the index is unordered inside. */
static void sort_runs(uint64_t *prefix, uint32_t nodes)
{
	for (uint32_t i = 1; i < nodes; i++) {
		uint64_t v = prefix[i];
		uint32_t k = i;

		for (; k > 0 && prefix[k - 1] > v; k--)
			prefix[k] = prefix[k - 1];
		prefix[k] = v;
	}
}

/**
 * make_distinct() - two of 33 million ids share 64 bits once in 30,000 seeds.
 * Moving the second one up by one keeps the order; it could only leave its
 * index run where 38 or more low bits are all ones.
 */
static int make_distinct(const struct sim_world *w)
{
	for (uint32_t i = 1; i < w->nodes; i++) {
		if (w->prefix[i] > w->prefix[i - 1])
			continue;
		w->prefix[i] = w->prefix[i - 1] + 1;
		if (w->prefix[i] << w->index_bits == 0)
			return DT_ERANGE;
	}
	return 0;
}

/** draw_ids() - uniform prefixes in ascending order, and the index over them. */
static int draw_ids(struct sim_world *w)
{
	unsigned shift = 64 - w->index_bits;
	uint32_t runs = 1u << w->index_bits;
	uint64_t key = w->key[SIM_DRAW_ID];

	for (uint32_t i = 0; i < w->nodes; i++)
		w->index[sim_draw(key, i, 0) >> shift]++;
	for (uint32_t r = 0, sum = 0; r <= runs; r++) {
		uint32_t count = w->index[r];

		w->index[r] = sum;
		sum += count;
	}
	for (uint32_t i = 0; i < w->nodes; i++) {
		uint64_t v = sim_draw(key, i, 0);

		w->prefix[w->index[v >> shift]++] = v;
	}
	/* Each entry has moved on to its successor's start: move them back. */
	memmove(w->index + 1, w->index, runs * sizeof(*w->index));
	w->index[0] = 0;
	sort_runs(w->prefix, w->nodes);
	return make_distinct(w);
}

int sim_world_load(struct sim_world *w)
{
	size_t bytes = prefix_bytes(w) + index_bytes(w);
	int err;

	if (w->prefix)
		return 0;
	err = arena_init(&w->ids, bytes);
	if (!err)
		err = arena_need(&w->ids, bytes);
	if (!err) {
		w->prefix = (uint64_t *)w->ids.base;
		w->index = (uint32_t *)(w->ids.base + prefix_bytes(w));
		err = draw_ids(w);
	}
	if (err)
		sim_world_shed(w);
	return err;
}

void sim_world_shed(struct sim_world *w)
{
	arena_free(&w->ids);
	w->prefix = NULL;
	w->index = NULL;
}

uint64_t sim_world_bytes(const struct sim_world *w)
{
	return w->ids.committed;
}

/**
 * draw_alive() - the opts.live-th smallest mood, digit by digit: those up to it
 * are alive, exactly so many, and every subset is equally likely.
 */
static int draw_alive(struct sim_world *w)
{
	uint32_t *count = calloc(MOOD_DIGITS, sizeof(*count)), before = w->live - 1, digit;

	if (!count)
		return -ENOMEM;
	w->last_alive = 0;
	for (int shift = 64 - MOOD_BITS; shift >= 0; shift -= MOOD_BITS) {
		memset(count, 0, MOOD_DIGITS * sizeof(*count));
		for (uint32_t n = 0; n < w->nodes; n++) {
			uint64_t above = world_mood(w, n) ^ w->last_alive;

			if (above >> shift < MOOD_DIGITS)
				count[above >> shift]++;
		}
		for (digit = 0; before >= count[digit]; digit++)
			before -= count[digit];
		w->last_alive |= (uint64_t)digit << shift;
	}
	free(count);
	return 0;
}

static bool is_share(double x, double below)
{
	return x >= 0 && x <= 1 && x < below; /* false for NaN */
}

/** moves_well() - who comes must have been away, and no chance is above one. */
static bool moves_well(const struct sim_opts *o)
{
	return is_share(o->churn, 2) && is_share(o->diurnal, 2) && o->time_s >= 0 &&
	       o->time_s <= SIM_TIME_MAX_S && (o->churn <= 0 || o->dead_share >= SIM_AWAY_MIN) &&
	       (1 - o->dead_share) * (1 + o->diurnal) <= 1;
}

/** check_opts() - also says how many nodes there will be. */
static int check_opts(const struct sim_opts *o, uint32_t *nodes)
{
	double all;

	if (o->live < LIVE_MIN || !is_share(o->dead_share, 1) || !is_share(o->loss, 2) ||
	    !is_share(o->lt_share, 2) || !moves_well(o))
		return DT_ERANGE;
	all = round(o->live / (1 - o->dead_share));
	if (all > (double)ALIAS_ROOM * ALIAS_PORTS_MAX)
		return DT_ERANGE;
	*nodes = (uint32_t)all;
	return 0;
}

static void init_numbers(struct sim_world *w, const struct sim_opts *opts, uint32_t nodes)
{
	w->opts = *opts;
	w->nodes = nodes;
	w->live = opts->live;
	w->loss_32 = (uint64_t)(opts->loss * 0x1p32);
	w->lt_16 = (uint32_t)(opts->lt_share * 0x1p16);
	w->alias_port = ALIAS_PORT;
	for (unsigned k = 0; k < SIM_DRAW_KINDS; k++)
		w->key[k] = sim_draw(opts->seed, k, 0x73696d);
	w->number = sim_shuffle_init(nodes, (uint32_t)w->key[SIM_DRAW_NUMBER]);
	w->index_bits = 1;
	while (w->index_bits < INDEX_BITS_MAX && nodes >> (w->index_bits + INDEX_RUN_LOG2))
		w->index_bits++;
}

int sim_world_new(const struct sim_opts *opts, struct sim_world **out)
{
	uint32_t nodes;
	struct sim_world *w;
	int err = check_opts(opts, &nodes);

	*out = NULL;
	if (err)
		return err;
	w = calloc(1, sizeof(*w));
	if (!w)
		return -ENOMEM;
	init_numbers(w, opts, nodes);
	err = draw_alive(w);
	if (!err)
		err = sim_places_new(nodes, w->key[SIM_DRAW_PLACE], opts->geo, &w->places);
	if (!err)
		err = sim_world_load(w);
	presence_init(w);
	if (err) {
		sim_world_free(w);
		return err;
	}
	*out = w;
	return 0;
}

void sim_world_free(struct sim_world *w)
{
	if (!w)
		return;
	sim_world_shed(w);
	sim_places_free(w->places);
	free(w);
}

uint32_t sim_world_nodes(const struct sim_world *w)
{
	return w->nodes;
}

const struct sim_opts *sim_world_opts(const struct sim_world *w)
{
	return &w->opts;
}

uint32_t world_rank(const struct sim_world *w, uint64_t v)
{
	uint64_t run = v >> (64 - w->index_bits);
	uint32_t n = w->index[run], end = w->index[run + 1];

	while (n < end && w->prefix[n] < v)
		n++;
	return n;
}

/* ---- addresses -------------------------------------------------------------- */

enum { DEFAULT_PORT_BELOW = 1288490189 }; /* 0.30 of 2^32 */

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

/**
 * seat_port() - three of ten nodes keep a client's default range, as in real
 * censuses; the others chose at random.
 */
uint16_t seat_port(const struct sim_world *w, uint32_t seat)
{
	uint64_t draw = sim_mix(w->key[SIM_DRAW_PORT], seat);
	uint32_t low = (uint32_t)draw, port = 1024 + sim_below((uint32_t)(draw >> 32), 64512);

	if (low < DEFAULT_PORT_BELOW)
		return (uint16_t)(6881 + low % 10);
	return (uint16_t)(is_service_port(port) ? port + 16384 : port);
}

int seat_from_public(const struct sim_world *w, uint32_t ip, uint16_t port, uint32_t *seat)
{
	int err = sim_places_number(w->places, ip, seat);

	if (err)
		return err;
	return seat_port(w, *seat) == port ? 0 : DT_ENOTFOUND;
}

void seat_alias(const struct sim_world *w, uint32_t seat, uint32_t *ip, uint16_t *port)
{
	*ip = ALIAS_FIRST + seat % ALIAS_ROOM;
	*port = (uint16_t)(w->alias_port + seat / ALIAS_ROOM);
}

int seat_from_alias(const struct sim_world *w, uint32_t ip, uint16_t port, uint32_t *seat)
{
	return world_alias_number(w, ip, port, seat) ? 0 : DT_ENOTFOUND;
}

void world_public(const struct sim_world *w, uint32_t n, uint32_t *ip, uint16_t *port)
{
	seat_public(w, world_seat(w, n), ip, port);
}

void world_alias(const struct sim_world *w, uint32_t n, uint32_t *ip, uint16_t *port)
{
	seat_alias(w, world_seat(w, n), ip, port);
}

int world_from_public(const struct sim_world *w, uint32_t ip, uint16_t port, uint32_t *n)
{
	uint32_t seat;
	int err = seat_from_public(w, ip, port, &seat);

	if (!err)
		*n = world_sitter(w, seat);
	return err;
}

int world_from_alias(const struct sim_world *w, uint32_t ip, uint16_t port, uint32_t *n)
{
	uint32_t seat;
	int err = seat_from_alias(w, ip, port, &seat);

	if (!err)
		*n = world_sitter(w, seat);
	return err;
}

int sim_world_by_public(const struct sim_world *w, const struct endpoint *ep, uint32_t *n)
{
	if (!endpoint_is4(ep))
		return DT_ENOTFOUND;
	return world_from_public(w, endpoint_get_ip4(ep), ep->port, n);
}

int sim_world_by_alias(const struct sim_world *w, const struct endpoint *ep, uint32_t *n)
{
	if (!endpoint_is4(ep))
		return DT_ENOTFOUND;
	return world_from_alias(w, endpoint_get_ip4(ep), ep->port, n);
}

void sim_world_node(const struct sim_world *w, uint32_t n, struct sim_node *out)
{
	uint32_t ip;
	uint16_t port;

	world_id(w, n, out->id.b);
	world_public(w, n, &ip, &port);
	out->public_ep = endpoint_ip4(ip, port);
	world_alias(w, n, &ip, &port);
	out->alias = endpoint_ip4(ip, port);
	out->live = world_alive(w, n);
}

struct endpoint sim_world_contact(const struct sim_world *w, uint32_t n)
{
	uint32_t ip;
	uint16_t port;

	world_contact(w, n, &ip, &port);
	return endpoint_ip4(ip, port);
}

unsigned sim_world_bootstrap(const struct sim_world *w, struct endpoint *out, unsigned max)
{
	uint32_t start = sim_below((uint32_t)sim_draw(w->key[SIM_DRAW_BOOTSTRAP], 0, 0), w->nodes);
	uint32_t count = max < w->live ? max : w->live;
	unsigned found = 0;

	/* Evenly round the circle of ids; a dead node's turn goes to the next live one. */
	for (uint32_t k = 0; found < count && k < w->nodes; k++) {
		uint32_t turn = (uint32_t)((uint64_t)found * w->nodes / count), n;

		if (k < turn)
			k = turn;
		n = (uint32_t)(((uint64_t)start + k) % w->nodes);
		if (world_alive(w, n))
			out[found++] = sim_world_contact(w, n);
	}
	return found;
}
