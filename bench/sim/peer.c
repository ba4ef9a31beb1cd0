/* SPDX-License-Identifier: MIT */
#include "bench/sim/peer.h"

/**
 * DOC: census 4.2 as code. Where its text leaves freedom, what was chosen is
 * the reading under which the table of census 2b comes out (README, S-2):
 *
 * - A bucket is *deep* where it has at most 3.5 candidates per place. Then each
 *   candidate stands in it with 0.90, 0.80 or 0.30 by age, a dead one with 0.5;
 *   where more than the bucket holds would stand, those that stay are drawn.
 * - Else it is *shallow*: full, its entries drawn without repetition by the
 *   weights 1, 0.25 and 0.03 of age, a dead one with 0.15 of that.
 * - The large shallow buckets (16 to 128 places) hold one entry per 8-bit
 *   prefix, because libtorrent spreads a large bucket over its branches; so the
 *   eight nearest to a target are found without looking at the others.
 */

enum {
	DEEP_NUMERATOR = 7, /* deep: candidates * 2 <= places * 7 */
	DEEP_DENOMINATOR = 2,
	SHALLOW_TRIES = 64,     /* 0.30 of the tries succeed: one entry in 10^10 stays empty */
	ZONE_BITS = 8,          /* 128 places below 1 bit, 64 below 2, ...: always 8 bits */
	ZONED_NODES_MIN = 8192, /* 32 candidates per zone; smaller worlds draw from all */
	ZONE_TRIES = 4,
	CANDIDATES_MAX = PEER_BUCKET_MAX * DEEP_NUMERATOR / DEEP_DENOMINATOR,
	FOUND_MAX = PEER_REPLY_NODES + PEER_BUCKET_MAX, /* a bucket more than needed at most */
	NEAR_MAX = 64, /* expected candidates up to which walking beats the index */
};

#define THRESHOLD(share) ((uint32_t)((share)*4294967296.0))

/* By age, dead and alive; 32-bit draws below these count. */
static const uint32_t present_below[SIM_AGES][2] = {
	{ THRESHOLD(0.50), THRESHOLD(0.90) },
	{ THRESHOLD(0.50), THRESHOLD(0.80) },
	{ THRESHOLD(0.50), THRESHOLD(0.30) },
};

static const uint32_t chosen_below[SIM_AGES][2] = {
	{ THRESHOLD(0.15), UINT32_MAX },
	{ THRESHOLD(0.15 * 0.25), THRESHOLD(0.25) },
	{ THRESHOLD(0.15 * 0.03), THRESHOLD(0.03) },
};

/** struct range - nodes lo..hi-1. */
struct range {
	uint32_t lo, hi;
};

/** struct table - the node whose table is looked at. */
struct table {
	const struct sim_world *w;
	uint32_t n;
	bool lt, six;       /* libtorrent's rules; the table of its IPv6 side */
	bool choosy;        /* some nodes may not stand in it: peer_may_stand() */
	uint64_t self;      /* upper 64 bits of its id */
	uint64_t seed;      /* its shallow entries follow from it */
	struct range inner; /* ids that share more than inner_bit bits with it */
	unsigned inner_bit;
};

static struct table open_table(const struct sim_world *w, uint32_t n, bool six)
{
	return (struct table){
		.w = w,
		.n = n,
		.lt = world_is_lt(w, n),
		.six = six,
		.choosy = six || w->natures.any || w->opts.bad.cgn > 0,
		.self = w->prefix[n],
		.seed = sim_draw(w->key[SIM_DRAW_ENTRY], n, six),
		.inner = { n, n + 1 },
		.inner_bit = PEER_BUCKETS,
	};
}

unsigned peer_bucket_size(bool lt, unsigned bit)
{
	return lt && bit < 4 ? 128u >> bit : 8;
}

static uint64_t bit_of(unsigned bit)
{
	return 1ull << (63 - bit);
}

/** index_range() - by the index: two lookups, for buckets that are large. */
static struct range index_range(const struct table *t, unsigned bit)
{
	uint64_t first = (t->self ^ bit_of(bit)) & ~(bit_of(bit) - 1);
	uint64_t end = first + bit_of(bit); /* 0 = past the last id */

	return (struct range){ world_rank(t->w, first), end ? world_rank(t->w, end) : t->w->nodes };
}

/** near_range() - by walking outward from the node, whose neighbours are in the cache. */
static struct range near_range(struct table *t, unsigned bit)
{
	const uint64_t *prefix = t->w->prefix, limit = bit_of(bit);
	struct range in = t->inner, r;

	for (; in.lo > 0 && (prefix[in.lo - 1] ^ t->self) < limit; in.lo--)
		;
	for (; in.hi < t->w->nodes && (prefix[in.hi] ^ t->self) < limit; in.hi++)
		;
	r = t->self & limit ? (struct range){ in.lo, in.lo } : (struct range){ in.hi, in.hi };
	if (t->self & limit)
		for (; r.lo > 0 && (prefix[r.lo - 1] ^ t->self) < 2 * limit; r.lo--)
			;
	else
		for (; r.hi < t->w->nodes && (prefix[r.hi] ^ t->self) < 2 * limit; r.hi++)
			;
	t->inner = in;
	t->inner_bit = bit;
	return r;
}

/** range_of() - the ids that share @bit bits with the node and differ in the next one. */
static struct range range_of(struct table *t, unsigned bit)
{
	if ((uint64_t)t->w->nodes >> bit > 2 * NEAR_MAX || bit == 0)
		return index_range(t, bit);
	if (bit > t->inner_bit)
		t->inner = (struct range){ t->n, t->n + 1 };
	return near_range(t, bit);
}

/** may_stand() - in this table, and by its rules. */
static bool may_stand(const struct table *t, uint32_t y)
{
	if (!t->choosy)
		return true;
	if (t->six && !seat_has6(t->w, world_seat(t->w, y)))
		return false;
	return nature_listed(t->w, t->n, t->lt, y);
}

static bool is_chosen(const struct sim_world *w, uint32_t y, uint32_t draw)
{
	uint64_t mood = world_mood(w, y);

	const uint32_t *below = chosen_below[mood_age(mood)];

	/* Who would be chosen either way, or neither, need not be known to be there. */
	if (w->presence.moves && (draw < below[0] || draw >= below[1]))
		return draw < below[0];
	return draw < below[mood_alive(w, y, mood)];
}

/**
 * keep_smallest() - the @keep items with the smallest keys, in ascending order.
 * Keys differ. By counting how many are smaller, which takes more comparisons
 * than sorting and no branch that could be mispredicted: for the ten to thirty
 * items of a bucket half the time.
 */
static unsigned keep_smallest(const uint64_t *key, const uint32_t *item, unsigned count,
			      unsigned keep, uint32_t *out)
{
	uint32_t sorted[CANDIDATES_MAX];

	if (count == 0)
		return 0;
	for (unsigned i = 0; i < count; i++) {
		unsigned smaller = 0;

		for (unsigned k = 0; k < count; k++)
			smaller += key[k] < key[i];
		sorted[smaller] = item[i];
	}
	keep = count < keep ? count : keep;
	memcpy(out, sorted, keep * sizeof(*out));
	return keep;
}

/** deep_bucket() - each candidate by its own chance; at most @size, drawn, stay. */
static unsigned deep_bucket(const struct table *t, struct range r, unsigned size, uint32_t *out)
{
	const struct sim_world *w = t->w;
	uint64_t seed = sim_draw(w->key[SIM_DRAW_PRESENT], t->n, t->six), key[CANDIDATES_MAX + 1];
	uint32_t found[CANDIDATES_MAX + 1];
	unsigned count = 0;

	for (uint32_t y = r.lo; y < r.hi && count < CANDIDATES_MAX; y++) {
		uint64_t draw = sim_mix(seed, y), mood = world_mood(w, y);

		if (t->choosy && !may_stand(t, y))
			continue;

		found[count] = y;
		key[count] = draw >> 32 << 32 | y; /* differs even where the draws do not */
		count += (uint32_t)draw < present_below[mood_age(mood)][mood_alive(w, y, mood)];
	}
	if (count > size)
		return keep_smallest(key, found, count, size, out);
	if (count > 0)
		memcpy(out, found, count * sizeof(*out));
	return count;
}

static bool holds(const uint32_t *list, unsigned count, uint32_t y)
{
	for (unsigned i = 0; i < count; i++)
		if (list[i] == y)
			return true;
	return false;
}

/** shallow_bucket() - @size candidates without repetition, by weight. */
static unsigned shallow_bucket(const struct table *t, unsigned bit, struct range r, unsigned size,
			       uint32_t *out)
{
	uint64_t seed = sim_mix(t->seed, (1u << ZONE_BITS) + bit);
	unsigned count = 0;

	for (uint64_t try = 0; count < size && try < (uint64_t)size * SHALLOW_TRIES; try++) {
		uint64_t draw = sim_mix(seed, try);
		uint32_t y = r.lo + sim_below((uint32_t)(draw >> 32), r.hi - r.lo);

		if (is_chosen(t->w, y, (uint32_t)draw) && !holds(out, count, y) && may_stand(t, y))
			out[count++] = y;
	}
	return count;
}

/**
 * zone_entry() - the one entry of a large bucket with prefix @zone; 0 where none is.
 *
 * Three of ten tries succeed, so they are made four at a time and one branch
 * asks for the first that did. Their numbers are a multiplicative congruential
 * series (multiplier of Steele and Vigna 2021): the upper 24 bits say who, the
 * next 24 whether.
 */
static unsigned zone_entry(const struct table *t, unsigned zone, uint32_t *out)
{
	uint64_t x = sim_mix(t->seed, zone) | 1;
	unsigned shift = t->w->index_bits - ZONE_BITS;
	uint32_t lo = t->w->index[zone << shift], room = t->w->index[(zone + 1) << shift] - lo;
	uint32_t y[ZONE_TRIES];

	for (unsigned try = 0; try < SHALLOW_TRIES && room; try += ZONE_TRIES) {
		unsigned hits = 0;

		for (unsigned i = 0; i < ZONE_TRIES; i++) {
			x *= 0xd1342543de82ef95ull;
			y[i] = lo + (uint32_t)((x >> 40) * room >> 24);
			hits |= (unsigned)is_chosen(t->w, y[i], (uint32_t)(x >> 8)) << i;
		}
		for (; hits; hits &= hits - 1) {
			*out = y[__builtin_ctz(hits)];
			if (may_stand(t, *out))
				return 1;
		}
	}
	return 0;
}

static bool is_zoned(const struct table *t, unsigned bit)
{
	return t->lt && !t->six && bit < 4 && t->w->nodes >= ZONED_NODES_MIN;
}

/** candidates() - of a range, those who have this family at all. */
static uint64_t candidates(const struct table *t, struct range r)
{
	double share = t->six ? t->w->opts.bad.v6 : 1;

	return (uint64_t)((r.hi - r.lo) * share);
}

/** one_per_24() - libtorrent holds one of a /24 (v6: /64) per bucket: the first that came. */
static unsigned one_per_24(const struct table *t, uint32_t *list, unsigned count)
{
	uint32_t net[PEER_BUCKET_MAX];
	unsigned kept = 0;

	if (t->six)
		return count; /* no two seats share a /48 and a subnet */
	for (unsigned i = 0; i < count; i++) {
		struct endpoint ep = face_public(t->w, world_seat(t->w, list[i]));
		uint32_t own = endpoint_get_ip4(&ep) >> 8;

		if (holds(net, kept, own))
			continue;
		net[kept] = own;
		list[kept++] = list[i];
	}
	return kept;
}

/** zoned_nearest() - entries of the eight zones nearest to @target within its bucket. */
static unsigned zoned_nearest(const struct table *t, uint64_t target, uint32_t *out)
{
	unsigned zone = (unsigned)(target >> (64 - ZONE_BITS)), count = 0;

	for (unsigned i = 0; i < PEER_REPLY_NODES; i++)
		count += zone_entry(t, zone ^ i, out + count);
	return t->choosy ? one_per_24(t, out, count) : count;
}

static unsigned read_bucket(struct table *t, unsigned bit, uint32_t *out)
{
	unsigned size = peer_bucket_size(t->lt, bit), count = 0;
	struct range r;

	if (is_zoned(t, bit)) {
		unsigned first = (unsigned)((t->self ^ bit_of(bit)) >> (64 - ZONE_BITS));

		first &= ~(size - 1);
		for (unsigned i = 0; i < size; i++)
			count += zone_entry(t, first + i, out + count);
		return t->choosy ? one_per_24(t, out, count) : count;
	}
	r = range_of(t, bit);
	if (candidates(t, r) * DEEP_DENOMINATOR <= (uint64_t)size * DEEP_NUMERATOR)
		count = deep_bucket(t, r, size, out);
	else
		count = shallow_bucket(t, bit, r, size, out);
	return t->lt && t->choosy ? one_per_24(t, out, count) : count;
}

unsigned peer_bucket(const struct sim_world *w, uint32_t n, unsigned bit, uint32_t *out)
{
	struct table t = open_table(w, n, false);

	return bit < PEER_BUCKETS ? read_bucket(&t, bit, out) : 0;
}

/** deepest_bit() - the last bucket that has a candidate; -1 in a world of one node. */
static int deepest_bit(const struct table *t)
{
	const struct sim_world *w = t->w;
	uint64_t below = t->n > 0 ? w->prefix[t->n - 1] ^ t->self : UINT64_MAX;
	uint64_t above = t->n + 1 < w->nodes ? w->prefix[t->n + 1] ^ t->self : UINT64_MAX;

	if (w->nodes == 1)
		return -1;
	return __builtin_clzll(below < above ? below : above);
}

/** keep_nearest() - the PEER_REPLY_NODES of @list nearest to @target, nearest first. */
static unsigned keep_nearest(const struct sim_world *w, uint64_t target, const uint32_t *list,
			     unsigned count, uint32_t *out)
{
	uint64_t distance[FOUND_MAX];

	for (unsigned i = 0; i < count; i++)
		distance[i] = w->prefix[list[i]] ^ target;
	return keep_smallest(distance, list, count, PEER_REPLY_NODES, out);
}

unsigned peer_nearest_of(const struct sim_world *w, uint32_t n, uint64_t target, bool six,
			 uint32_t out[static PEER_REPLY_NODES])
{
	uint32_t found[FOUND_MAX];
	struct table t = open_table(w, n, six);
	int deepest = deepest_bit(&t), bit = deepest + 1;
	unsigned count = 0;

	if (target != t.self && __builtin_clzll(target ^ t.self) <= deepest)
		bit = __builtin_clzll(target ^ t.self);
	if (bit <= deepest && is_zoned(&t, (unsigned)bit)) {
		count = zoned_nearest(&t, target, found);
		if (count == PEER_REPLY_NODES) {
			memcpy(out, found, sizeof(*out) * PEER_REPLY_NODES);
			return count;
		}
		count = 0;
	}
	for (int b = bit; b <= deepest && count < PEER_REPLY_NODES; b++)
		count += read_bucket(&t, (unsigned)b, found + count);
	for (int b = bit - 1; b >= 0 && count < PEER_REPLY_NODES; b--)
		count += read_bucket(&t, (unsigned)b, found + count);
	return keep_nearest(w, target, found, count, out);
}
