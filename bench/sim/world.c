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
		.bad = {
#define BAD(name, value, help) .name = (value),
#include "bench/sim/bad.def"
#undef BAD
		},
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
 * draw_ids() - every seat's prefix in ascending order, and the index over them. No two
 * are equal: their lower bits are a permutation.
 */
static void draw_ids(struct sim_world *w)
{
	unsigned shift = 64 - w->index_bits;
	uint32_t runs = 1u << w->index_bits;

	for (uint32_t i = 0; i < w->nodes; i++)
		w->index[seat_prefix(w, i) >> shift]++;
	for (uint32_t r = 0, sum = 0; r <= runs; r++) {
		uint32_t count = w->index[r];

		w->index[r] = sum;
		sum += count;
	}
	for (uint32_t i = 0; i < w->nodes; i++) {
		uint64_t v = seat_prefix(w, i);

		w->prefix[w->index[v >> shift]++] = v;
	}
	/* Each entry has moved on to its successor's start: move them back. */
	memmove(w->index + 1, w->index, runs * sizeof(*w->index));
	w->index[0] = 0;
	sort_runs(w->prefix, w->nodes);
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
		draw_ids(w);
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
 * draw_alive() - the opts.live-th smallest mood of those who answer, digit by digit: those
 * up to it are there, exactly so many answer, and every subset is equally likely.
 * Errors: DT_ERANGE where too few could.
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

			if (above >> shift < MOOD_DIGITS && !nature_is_silent(world_nature(w, n)))
				count[above >> shift]++;
		}
		for (digit = 0; digit < MOOD_DIGITS && before >= count[digit]; digit++)
			before -= count[digit];
		if (digit == MOOD_DIGITS)
			break;
		w->last_alive |= (uint64_t)digit << shift;
	}
	free(count);
	return digit == MOOD_DIGITS ? DT_ERANGE : 0;
}

static bool is_share(double x, double below)
{
	return x >= 0 && x <= 1 && x < below; /* false for NaN */
}

/** silent_share() - who is there and does not answer. */
static double silent_share(const struct sim_opts *o)
{
	return o->bad.oneway + o->bad.read_only + o->bad.reflectors;
}

/** moves_well() - who comes must have been away, and no chance is above one. */
static bool moves_well(const struct sim_opts *o)
{
	return is_share(o->churn, 2) && is_share(o->diurnal, 2) && o->time_s >= 0 &&
	       o->time_s <= SIM_TIME_MAX_S && (o->churn <= 0 || o->dead_share >= SIM_AWAY_MIN) &&
	       (1 - o->dead_share) * (1 + o->diurnal) <= 1 - silent_share(o);
}

/** bad_well() - every one a share, and those who never answer fewer than the dead_share. */
static bool bad_well(const struct sim_opts *o)
{
	const struct sim_bad *b = &o->bad;
	const double all[] = {
#define BAD(name, value, help) b->name,
#include "bench/sim/bad.def"
#undef BAD
	};
	double live = (1 - o->dead_share);

	for (unsigned i = 0; i < sizeof(all) / sizeof(*all); i++)
		if (!is_share(all[i], 2))
			return false;
	return b->remapped + b->flappers + b->liars + b->poisoners + silent_share(o) < 1 &&
	       live <= 1 - silent_share(o);
}

static double faces_of(const struct sim_opts *o)
{
	return 1 + (o->bad.v6 > 0) + (o->bad.remapped > 0) * (FACE_PORTS - 1);
}

/** check_opts() - also says how many nodes there will be. */
static int check_opts(const struct sim_opts *o, uint32_t *nodes)
{
	double all;

	if (o->live < LIVE_MIN || !is_share(o->dead_share, 1) || !is_share(o->loss, 2) ||
	    !is_share(o->lt_share, 2) || !moves_well(o) || !bad_well(o))
		return DT_ERANGE;
	all = round(o->live / (1 - o->dead_share));
	if (all * faces_of(o) > (double)ALIAS_ROOM * ALIAS_PORTS_MAX)
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
	w->alias_first = ALIAS_FIRST;
	w->alias_room = ALIAS_ROOM;
	for (unsigned k = 0; k < SIM_DRAW_KINDS; k++)
		w->key[k] = sim_draw(opts->seed, k, 0x73696d);
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
	err = sim_places_new(nodes, w->key[SIM_DRAW_PLACE], opts->geo, &w->places);
	if (!err) {
		face_init(w);
		nature_init(w);
		presence_init(w);
		err = draw_alive(w);
	}
	if (!err)
		err = sim_world_load(w);
	if (err) {
		sim_world_free(w);
		return err;
	}
	*out = w;
	return 0;
}

void sim_world_harm(const struct sim_world *w, struct sim_harm *out)
{
	const uint64_t *from = (const uint64_t *)&w->harm;
	uint64_t *to = (uint64_t *)out;

	for (size_t i = 0; i < sizeof(*out) / sizeof(*to); i++)
		to[i] = __atomic_load_n(&from[i], __ATOMIC_RELAXED);
}

static void count(uint64_t *word, bool yes)
{
	if (yes)
		__atomic_add_fetch(word, 1, __ATOMIC_RELAXED);
}

/** is_bogon() - by its own list, not by the engine's that is to be judged (RFC 6890, 5735). */
static bool is_bogon(const struct endpoint *ep)
{
	uint32_t ip = endpoint_is4(ep) ? endpoint_get_ip4(ep) : 0;
	unsigned first = ip >> 24;

	if (!endpoint_is4(ep))
		return ep->addr[0] >> 5 != 1 || (ep->addr[0] == 0x20 && ep->addr[1] == 0x01 &&
						 ep->addr[2] == 0x0d && ep->addr[3] == 0xb8);
	return first == 0 || first == 10 || first == 127 || first >= 224 || ip >> 22 == 0x191 ||
	       ip >> 16 == 0xa9fe || ip >> 20 == 0xac1 || ip >> 16 == 0xc0a8 ||
	       ip >> 8 == 0xc00000 || ip >> 8 == 0xc00002 || ip >> 17 == 0x6309 ||
	       ip >> 8 == 0xc63364 || ip >> 8 == 0xcb0071;
}

void world_harm_note(struct sim_world *w, const struct endpoint *ep)
{
	uint32_t ip = endpoint_is4(ep) ? endpoint_get_ip4(ep) : 0;

	count(&w->harm.to_nobody, true);
	count(&w->harm.to_bogons, is_bogon(ep));
	count(&w->harm.to_victim, w->natures.victim && ip >> 8 == w->natures.victim >> 8);
	count(&w->harm.to_service_ports, ep->port == 53 || ep->port == 123);
}

void sim_world_free(struct sim_world *w)
{
	if (!w)
		return;
	sim_world_shed(w);
	sim_places_free(w->places);
	limit_table_free(w->limits);
	hole_table_free(w->holes);
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

/* ---- who is where ------------------------------------------------------------- */

int sim_world_by_public(const struct sim_world *w, const struct endpoint *ep, uint32_t *n)
{
	uint32_t face;
	int err = face_from_public(w, ep, &face);

	if (!err)
		*n = world_sitter(w, face_seat(w, face));
	return err;
}

int sim_world_by_alias(const struct sim_world *w, const struct endpoint *ep, uint32_t *n)
{
	uint32_t face;
	int err = DT_ENOTFOUND;

	if (endpoint_is4(ep))
		err = face_from_alias(w, endpoint_get_ip4(ep), ep->port, &face);
	if (!err)
		*n = world_sitter(w, face_seat(w, face));
	return err;
}

void sim_world_node(const struct sim_world *w, uint32_t n, struct sim_node *out)
{
	uint32_t seat = world_seat(w, n);

	world_said_id(w, n, out->id.b);
	out->public_ep = face_public(w, seat);
	out->alias = face_alias(w, seat);
	out->live = world_alive(w, n);
	out->nature = world_nature(w, n);
}

struct endpoint sim_world_contact(const struct sim_world *w, uint32_t n)
{
	return world_contact(w, n);
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
		if (world_alive(w, n) && world_nature(w, n) == SIM_NORMAL)
			out[found++] = sim_world_contact(w, n);
	}
	return found;
}
