/* SPDX-License-Identifier: MIT */
#include "bench/sim/peer.h"

#include <math.h>

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
	bool lt;
	uint64_t self;      /* upper 64 bits of its id */
	uint64_t seed;      /* its shallow entries follow from it */
	struct range inner; /* ids that share more than inner_bit bits with it */
	unsigned inner_bit;
};

static struct table open_table(const struct sim_world *w, uint32_t n)
{
	return (struct table){
		.w = w,
		.n = n,
		.lt = world_is_lt(w, n),
		.self = w->prefix[n],
		.seed = sim_draw(w->key[SIM_DRAW_ENTRY], n, 0),
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
	uint64_t seed = sim_draw(w->key[SIM_DRAW_PRESENT], t->n, 0), key[CANDIDATES_MAX + 1];
	uint32_t found[CANDIDATES_MAX + 1];
	unsigned count = 0;

	for (uint32_t y = r.lo; y < r.hi; y++) {
		uint64_t draw = sim_mix(seed, y), mood = world_mood(w, y);

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

		if (is_chosen(t->w, y, (uint32_t)draw) && !holds(out, count, y))
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
		if (hits) {
			*out = y[__builtin_ctz(hits)];
			return 1;
		}
	}
	return 0;
}

static bool is_zoned(const struct table *t, unsigned bit)
{
	return t->lt && bit < 4 && t->w->nodes >= ZONED_NODES_MIN;
}

/** zoned_nearest() - entries of the eight zones nearest to @target within its bucket. */
static unsigned zoned_nearest(const struct table *t, uint64_t target, uint32_t *out)
{
	unsigned zone = (unsigned)(target >> (64 - ZONE_BITS)), count = 0;

	for (unsigned i = 0; i < PEER_REPLY_NODES; i++)
		count += zone_entry(t, zone ^ i, out + count);
	return count;
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
		return count;
	}
	r = range_of(t, bit);
	if ((uint64_t)(r.hi - r.lo) * DEEP_DENOMINATOR <= (uint64_t)size * DEEP_NUMERATOR)
		return deep_bucket(t, r, size, out);
	return shallow_bucket(t, bit, r, size, out);
}

unsigned peer_bucket(const struct sim_world *w, uint32_t n, unsigned bit, uint32_t *out)
{
	struct table t = open_table(w, n);

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

unsigned peer_nearest(const struct sim_world *w, uint32_t n, uint64_t target,
		      uint32_t out[static PEER_REPLY_NODES])
{
	uint32_t found[FOUND_MAX];
	struct table t = open_table(w, n);
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

/* ---- what a node says --------------------------------------------------------- */

/** struct client - a kind of software, for nodes with and without libtorrent's table. */
struct client {
	char v[5];       /* "" = sends none */
	uint8_t percent; /* of the nodes with this kind of table */
	bool ip;         /* tells the asker its address (BEP 42) */
	bool samples;    /* answers sample_infohashes (BEP 51) */
};

/* v of libtorrent is major, then minor << 4 | tiny; uTorrent's a build number. */
static const struct client lt_clients[] = {
	{ "LT\x02\x0b", 22, true, true }, { "LT\x02\x0a", 18, true, true },
	{ "LT\x02\x09", 12, true, true }, { "LT\x02\x08", 8, true, true },
	{ "LT\x01\x2f", 28, true, true }, { "LT\x01\x2e", 9, true, true },
	{ "LT\x01\x1e", 3, true, false },
};
static const struct client other_clients[] = {
	{ "UT\xb2\x5c", 30, true, false }, { "UT\xb7\x40", 16, true, false },
	{ "UT\xa8\x3c", 6, true, false },  { "", 30, false, false },
	{ "ml\x01\x0b", 3, false, true },  { "lt\x0d\x80", 4, false, false },
	{ "A2\x01\x03", 3, false, false }, { "BC\x01\x63", 5, false, false },
	{ "WW\x01\x6c", 3, false, false },
};

static const struct client *client_of(const struct sim_world *w, uint32_t n)
{
	const struct client *c = world_is_lt(w, n) ? lt_clients : other_clients;
	unsigned percent = sim_below((uint32_t)sim_draw(w->key[SIM_DRAW_CLIENT], n, 0), 100);

	for (; percent >= c->percent; c++)
		percent -= c->percent;
	return c;
}

int peer_read(struct span query, struct peer_question *out)
{
	struct krpc_msg m;
	struct span target;
	int err = krpc_parse(query, &m);

	if (err)
		return err;
	if (m.kind != KRPC_QUERY)
		return DT_EKIND;
	target = m.target.ptr ? m.target : m.info_hash;
	if (!target.ptr && (m.method == KRPC_FIND_NODE || m.method == KRPC_GET_PEERS ||
			    m.method == KRPC_SAMPLE_INFOHASHES))
		return DT_EMISSING;
	out->method = (uint8_t)m.method;
	out->t_len = (uint8_t)m.t.len;
	if (m.t.len)
		memcpy(out->t, m.t.ptr, m.t.len);
	if (target.ptr)
		memcpy(out->target, target.ptr, NODEID_BYTES);
	return 0;
}

static uint64_t target_of(const struct peer_question *q)
{
	uint64_t v;

	memcpy(&v, q->target, sizeof(v));
	return __builtin_bswap64(v);
}

/** put_nodes() - contacts in compact form: id 20, address 4, port 2. Returns the bytes written. */
static size_t put_nodes(const struct sim_world *w, uint32_t n, uint64_t target,
			uint8_t out[static PEER_REPLY_NODES * 26])
{
	uint32_t list[PEER_REPLY_NODES], ip;
	unsigned count = peer_nearest(w, n, target, list);
	uint16_t port;
	uint8_t *p = out;

	for (unsigned i = 0; i < count; i++)
		__builtin_prefetch(&w->prefix[list[i]]);
	for (unsigned i = 0; i < count; i++, p += 26) {
		world_contact(w, list[i], &ip, &port);
		ip = __builtin_bswap32(ip);
		port = __builtin_bswap16(port);
		memcpy(p + 20, &ip, 4);
		memcpy(p + 24, &port, 2);
		world_id(w, list[i], p);
	}
	return (size_t)(p - out);
}

/** put() - @len bytes of @from, both known to the compiler. Returns the end. */
static inline uint8_t *put(uint8_t *p, const void *from, size_t len)
{
	memcpy(p, from, len);
	return p + len;
}

/** put_length() - "208:" for 208; at most three digits. */
static inline uint8_t *put_length(uint8_t *p, size_t len)
{
	if (len >= 100)
		*p++ = (uint8_t)('0' + len / 100);
	if (len >= 10)
		*p++ = (uint8_t)('0' + len / 10 % 10);
	*p++ = (uint8_t)('0' + len % 10);
	*p++ = ':';
	return p;
}

/**
 * say_find_node() - the reply that is nearly all replies: byte for byte what
 * krpc_build_reply() writes (a test holds them together) in an eighth of its
 * instructions, because every piece but t has one known length.
 */
static int say_find_node(const struct sim_world *w, uint32_t n, const struct peer_question *q,
			 const struct client *client, const struct endpoint *from, uint8_t *out)
{
	uint16_t port = __builtin_bswap16(from->port);
	uint8_t *p = out, nodes[PEER_REPLY_NODES * 26];
	size_t len = put_nodes(w, n, target_of(q), nodes);

	*p++ = 'd';
	if (client->ip) {
		p = put(p, "2:ip6:", 6);
		p = put(p, from->addr + 12, 4);
		p = put(p, &port, 2);
	}
	p = put(p, "1:rd2:id20:", 11);
	world_id(w, n, p);
	p = put(p + NODEID_BYTES, "5:nodes", 7);
	p = put_length(p, len);
	p = put(p, nodes, len);
	p = put_length(put(p, "e1:t", 4), q->t_len);
	p = put(p, q->t, q->t_len);
	if (client->v[0])
		p = put(put(p, "1:v4:", 5), client->v, 4);
	p = put(p, "1:y1:re", 7);
	return (int)(p - out);
}

enum {
	SWARM_PERCENT = 10, /* of the questions for peers that find some */
	SWARM_PEERS_MAX = 12,
	SAMPLES_MAX = 20,           /* libtorrent's cut */
	SAMPLES_INTERVAL_S = 21600, /* libtorrent's */
	ERROR_METHOD_UNKNOWN = 204, /* BEP 5 */
	FIND_NODE_MAX = 320,        /* longest reply to find_node with a t of KRPC_T_MAX bytes */
};

/** put_peers() - a tenth of the info-hashes are known here; their peers are nodes too. */
static size_t put_peers(const struct sim_world *w, uint32_t n, uint64_t hash,
			struct endpoint out[static SWARM_PEERS_MAX])
{
	uint64_t draw = sim_draw(w->key[SIM_DRAW_SWARM], n, hash);
	size_t count = 1 + sim_below((uint32_t)draw, SWARM_PEERS_MAX);

	if (sim_below((uint32_t)(draw >> 32), 100) >= SWARM_PERCENT)
		return 0;
	for (size_t i = 0; i < count; i++) {
		uint64_t peer = sim_draw(w->key[SIM_DRAW_SWARM], hash, i + 1);

		out[i] = sim_world_contact(w, sim_below((uint32_t)peer, w->nodes));
	}
	return count;
}

/** put_samples() - info-hashes that this node stores; the same for every asker. */
static void put_samples(const struct sim_world *w, uint32_t n, struct krpc_answer *a,
			uint8_t out[static SAMPLES_MAX * 20])
{
	uint32_t stored = (uint32_t)sim_draw(w->key[SIM_DRAW_SWARM], n, UINT64_MAX) & 63;
	unsigned count = stored < SAMPLES_MAX ? stored : SAMPLES_MAX;

	for (unsigned i = 0; i < count; i++)
		for (unsigned k = 0; k < 3; k++) {
			uint64_t word = sim_draw(w->key[SIM_DRAW_SWARM], n, ~(uint64_t)(i * 3 + k));

			memcpy(out + i * 20 + k * 8, &word, k < 2 ? 8 : 4);
		}
	a->samples = span_of(out, count * 20);
	a->num = stored;
	a->interval = SAMPLES_INTERVAL_S;
}

int peer_say(const struct sim_world *w, uint32_t n, const struct peer_question *q,
	     const struct endpoint *from, uint8_t *out, size_t cap)
{
	const struct client *client = client_of(w, n);
	uint8_t nodes[PEER_REPLY_NODES * 26], samples[SAMPLES_MAX * 20];
	struct endpoint peers[SWARM_PEERS_MAX];
	struct krpc_answer a = {
		.t = span_of(q->t, q->t_len),
		.v = client->v[0] ? span_of(client->v, 4) : (struct span){ NULL, 0 },
		.num = -1,
		.interval = -1,
		.ip = client->ip ? from : NULL,
	};
	uint64_t token, target = target_of(q);

	switch ((enum krpc_method)q->method) {
	case KRPC_SAMPLE_INFOHASHES:
		if (!client->samples)
			goto unknown;
		put_samples(w, n, &a, samples);
		a.nodes = span_of(nodes, put_nodes(w, n, target, nodes));
		break;
	case KRPC_GET_PEERS:
		token = sim_draw(w->key[SIM_DRAW_TOKEN], n, from->port);
		a.token = span_of(&token, sizeof(token));
		a.values = peers;
		a.values_count = put_peers(w, n, target, peers);
		a.nodes = span_of(nodes, put_nodes(w, n, target, nodes));
		break;
	case KRPC_FIND_NODE:
		if (endpoint_is4(from) && cap >= FIND_NODE_MAX)
			return say_find_node(w, n, q, client, from, out);
		a.nodes = span_of(nodes, put_nodes(w, n, target, nodes));
		break;
	case KRPC_PING:
	case KRPC_ANNOUNCE_PEER:
		break;
	case KRPC_NO_METHOD:
	case KRPC_GET:
	case KRPC_PUT:
	case KRPC_OTHER_METHOD:
	default:
		goto unknown;
	}
	world_id(w, n, a.id.b);
	return krpc_build_reply(&a, out, cap);
unknown:
	return krpc_build_error(a.t, a.v, ERROR_METHOD_UNKNOWN, "Method Unknown", out, cap);
}

uint64_t peer_delay_ns(const struct sim_world *w, uint32_t n, uint64_t nonce)
{
	uint64_t draw;
	double octaves;

	if (w->opts.delay_us == 0)
		return 0;
	draw = sim_draw(w->key[SIM_DRAW_DELAY], n, nonce);
	octaves = (double)((draw & 0xffff) + (draw >> 16 & 0xffff) + (draw >> 32 & 0xffff)) / 65536;
	return (uint64_t)(w->opts.delay_us * 1000.0 * exp2(octaves - 1.5));
}

int sim_peer_answer(const struct sim_world *w, uint32_t n, const struct endpoint *from,
		    struct span query, uint64_t nonce, uint8_t *out, size_t cap)
{
	struct peer_question q;

	if (!world_alive(w, n) || peer_lost(w, n, nonce) || peer_read(query, &q) < 0)
		return 0;
	return peer_say(w, n, &q, from, out, cap);
}
