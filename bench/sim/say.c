/* SPDX-License-Identifier: MIT */
#include "bench/sim/say.h"

#include <math.h>

#include "bench/sim/peer.h"

/**
 * DOC: what a node says, and whether it says anything. The usual reply is written by
 * hand; whoever is odd (nature.h) goes through krpc_build_reply().
 */

enum {
	SAY_ROUTER_NODES = 16, /* what a bootstrap router hands out */
	SAY_NODES_MAX = SAY_ROUTER_NODES * 38,
};

/** struct client - a kind of software, for nodes with and without libtorrent's table. */
struct client {
	char v[5];       /* "" = sends none */
	uint8_t percent; /* of the nodes with this kind of table */
	bool ip;         /* tells the asker its address (BEP 42) */
	bool samples;    /* answers sample_infohashes (BEP 51) */
	bool items;      /* answers get (BEP 44) */
	bool scrape;     /* gives bloom filters (BEP 33) */
	enum limit_kind limiter;
};

/* v of libtorrent is major, then minor << 4 | tiny; uTorrent's a build number. */
static const struct client lt_clients[] = {
	{ "LT\x02\x0b", 22, true, true, true, true, LIMIT_LIBTORRENT },
	{ "LT\x02\x0a", 18, true, true, true, true, LIMIT_LIBTORRENT },
	{ "LT\x02\x09", 12, true, true, true, true, LIMIT_LIBTORRENT },
	{ "LT\x02\x08", 8, true, true, true, true, LIMIT_LIBTORRENT },
	{ "LT\x01\x2f", 28, true, true, true, true, LIMIT_LIBTORRENT },
	{ "LT\x01\x2e", 9, true, true, true, true, LIMIT_LIBTORRENT },
	{ "LT\x01\x1e", 3, true, false, true, true, LIMIT_LIBTORRENT },
};
static const struct client other_clients[] = {
	{ "UT\xb2\x5c", 30, true, false, false, false, LIMIT_NONE },
	{ "UT\xb7\x40", 16, true, false, false, false, LIMIT_NONE },
	{ "UT\xa8\x3c", 6, true, false, false, false, LIMIT_NONE },
	{ "", 24, false, false, false, false, LIMIT_NONE },
	{ "", 6, false, true, false, false, LIMIT_BITMAGNET }, /* bitmagnet says no version */
	{ "ml\x01\x0b", 3, false, true, true, true, LIMIT_MLDHT },
	{ "lt\x0d\x80", 4, false, false, false, false, LIMIT_NONE },
	{ "A2\x01\x03", 3, false, false, false, false, LIMIT_NONE },
	{ "BC\x01\x63", 5, false, false, false, false, LIMIT_NONE },
	{ "WW\x01\x6c", 3, false, false, true, false, LIMIT_NONE },
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
	memset(out, 0, sizeof(*out));
	target = m.target.ptr ? m.target : m.info_hash;
	if (!target.ptr && (m.method == KRPC_FIND_NODE || m.method == KRPC_GET_PEERS ||
			    m.method == KRPC_SAMPLE_INFOHASHES || m.method == KRPC_GET))
		return DT_EMISSING;
	if (m.id.ptr)
		memcpy(out->id, m.id.ptr, NODEID_BYTES);
	out->want = m.want;
	out->scrape = m.scrape && m.method == KRPC_GET_PEERS;
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

static uint8_t *put_contact(uint8_t *p, const struct endpoint *ep)
{
	uint16_t port = __builtin_bswap16(ep->port);
	bool four = endpoint_is4(ep);

	memcpy(p, four ? ep->addr + 12 : ep->addr, four ? 4 : 16);
	p += four ? 4 : 16;
	memcpy(p, &port, 2);
	return p + 2;
}

/** face_as_listed() - by node @n, of node @y: which of its ports @n has met. */
static uint32_t face_as_listed(const struct sim_world *w, uint32_t n, uint32_t y, bool six)
{
	uint32_t seat = world_seat(w, y), port;

	if (six)
		return face_of(w, seat, w->seats.kind6);
	if (!w->seats.kind_port || world_nature(w, y) != SIM_REMAPPED)
		return seat;
	port = sim_below((uint32_t)sim_draw(w->key[SIM_DRAW_FACE] + 3, n, y), FACE_PORTS);
	return port ? face_of(w, seat, w->seats.kind_port + port - 1) : seat;
}

/** put_nodes() - contacts in compact form: id 20, address 4 or 16, port 2. Returns the bytes. */
static size_t put_nodes(const struct sim_world *w, uint32_t n, uint64_t target, bool six,
			uint8_t out[static SAY_NODES_MAX])
{
	uint32_t list[PEER_REPLY_NODES];
	unsigned count = peer_nearest_of(w, n, target, six, list);
	uint8_t *p = out;

	for (unsigned i = 0; i < count; i++)
		__builtin_prefetch(&w->prefix[list[i]]);
	for (unsigned i = 0; i < count; i++) {
		struct endpoint ep = face_contact(w, face_as_listed(w, n, list[i], six));

		world_said_id(w, list[i], p);
		p = put_contact(p + NODEID_BYTES, &ep);
	}
	return (size_t)(p - out);
}

/** bogons() - where a poisoner sends people. Every one special-purpose (RFC 6890). */
static const uint32_t bogons[] = {
	0x00000001, 0x0a000001, 0x64400001, 0x7f000001, 0xa9fe0001, 0xac100001, 0xc0000001,
	0xc0000201, 0xc0a80001, 0xc6120001, 0xc6336401, 0xcb007101, 0xe0000001, 0xf0000001,
};

/** put_lies() - contacts near @target that do not exist: a poisoner's, else a liar's. */
static size_t put_lies(const struct sim_world *w, uint32_t n, const struct peer_question *q,
		       enum sim_nature nature, uint8_t out[static SAY_NODES_MAX])
{
	enum { NEAR_BYTES = 5, BOGONS = sizeof(bogons) / sizeof(*bogons) };
	uint8_t *p = out;

	for (unsigned i = 0; i < PEER_REPLY_NODES; i++) {
		uint64_t draw =
			sim_draw(w->key[SIM_DRAW_POISON] + 2, n, (uint64_t)q->luck << 3 | i);
		uint32_t low = (uint32_t)draw, high = (uint32_t)(draw >> 32);
		struct endpoint ep = endpoint_ip4(w->natures.victim | (low & 255),
						  (uint16_t)(1024 + high % 64000));

		if (nature == SIM_LIAR) /* anybody's address, some other port */
			ep = endpoint_ip4(sim_places_ip(w->places, sim_below(low, w->nodes)) ^ 1,
					  ep.port);
		else if (i % 4 == 0)
			ep = endpoint_ip4(bogons[low % BOGONS] + high % 200, ep.port);
		else if (i % 4 == 1)
			ep = endpoint_ip4(w->natures.service[low % NATURE_SERVICES],
					  high & 1 ? 53 : 123);
		memcpy(p, q->target, NODEID_BYTES);
		memcpy(p + NEAR_BYTES, &draw, sizeof(draw));
		p = put_contact(p + NODEID_BYTES, &ep);
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
	uint8_t *p = out, nodes[SAY_NODES_MAX];
	size_t len = put_nodes(w, n, target_of(q), false, nodes);

	*p++ = 'd';
	if (client->ip) {
		p = put(p, "2:ip6:", 6);
		p = put(p, from->addr + 12, 4);
		p = put(p, &port, 2);
	}
	p = put(p, "1:rd2:id20:", 11);
	world_said_id(w, n, p);
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

/** stored() - how many info-hashes this node stores. */
static uint32_t stored(const struct sim_world *w, uint32_t n)
{
	return (uint32_t)sim_draw(w->key[SIM_DRAW_SWARM], n, UINT64_MAX) & 63;
}

static uint64_t sample_word(const struct sim_world *w, uint32_t n, unsigned i, unsigned word)
{
	return sim_draw(w->key[SIM_DRAW_SWARM], n, ~(uint64_t)(i * 3 + word));
}

/** is_sample() - is it one of those that this node hands out? @hash: its first 64 bits. */
static bool is_sample(const struct sim_world *w, uint32_t n, uint64_t hash)
{
	uint32_t count = stored(w, n);

	for (unsigned i = 0; i < count && i < SAMPLES_MAX; i++)
		if (__builtin_bswap64(sample_word(w, n, i, 0)) == hash)
			return true;
	return false;
}

/** put_peers() - a tenth of the info-hashes are known here; their peers are nodes too. */
static size_t put_peers(const struct sim_world *w, uint32_t n, uint64_t hash,
			struct endpoint out[static SWARM_PEERS_MAX])
{
	uint64_t draw = sim_draw(w->key[SIM_DRAW_SWARM], n, hash);
	size_t count = 1 + sim_below((uint32_t)draw, SWARM_PEERS_MAX);

	if (sim_below((uint32_t)(draw >> 32), 100) >= SWARM_PERCENT && !is_sample(w, n, hash))
		return 0;
	for (size_t i = 0; i < count; i++) {
		uint64_t peer = sim_draw(w->key[SIM_DRAW_SWARM], hash, i + 1);

		out[i] = world_contact(w, sim_below((uint32_t)peer, w->nodes));
	}
	return count;
}

/** put_samples() - info-hashes that this node stores; the same for every asker. */
static void put_samples(const struct sim_world *w, uint32_t n, struct krpc_answer *a,
			uint8_t out[static SAMPLES_MAX * 20])
{
	uint32_t all = stored(w, n);
	unsigned count = all < SAMPLES_MAX ? all : SAMPLES_MAX;

	for (unsigned i = 0; i < count; i++)
		for (unsigned k = 0; k < 3; k++) {
			uint64_t word = sample_word(w, n, i, k);

			memcpy(out + i * 20 + k * 8, &word, k < 2 ? 8 : 4);
		}
	a->samples = span_of(out, count * 20);
	a->num = all;
	a->interval = SAMPLES_INTERVAL_S;
}

/** put_bloom() - two bits a peer in each filter, as BEP 33 has it; its own hash, not SHA-1. */
static void put_bloom(const struct sim_world *w, uint64_t hash, size_t peers,
		      uint8_t out[static 2 * KRPC_BLOOM_BYTES])
{
	enum { BITS = 8 * KRPC_BLOOM_BYTES };

	memset(out, 0, 2 * (size_t)KRPC_BLOOM_BYTES);
	for (size_t i = 0; i < peers; i++) {
		uint64_t draw = sim_draw(w->key[SIM_DRAW_SWARM], hash, i + 1);
		uint8_t *filter = out + (draw >> 63) * KRPC_BLOOM_BYTES;

		filter[draw % BITS / 8] |= (uint8_t)(1u << draw % 8);
		filter[(draw >> 16) % BITS / 8] |= (uint8_t)(1u << (draw >> 16) % 8);
	}
}

/** mirrors() - half of the reflectors send back what they get; the others answer with our id. */
static bool mirrors(const struct sim_world *w, uint32_t n)
{
	return sim_mix(w->key[SIM_DRAW_GROUP] + 1, n) & 1;
}

/** own_id() - what the node calls itself, to this asker, this time. */
static void own_id(const struct sim_world *w, uint32_t n, const struct peer_question *q,
		   enum sim_nature nature, uint8_t out[static NODEID_BYTES])
{
	enum { LIAR_BYTES = 3 };
	uint64_t draw;

	if (nature == SIM_REFLECTOR) {
		memcpy(out, q->id, NODEID_BYTES);
		return;
	}
	world_said_id(w, n, out);
	if (nature == SIM_LIAR) { /* next to the asker: all bytes but the last three are his */
		memcpy(out, q->id, NODEID_BYTES - LIAR_BYTES);
	} else if (nature == SIM_FLAPPER && q->luck % NATURE_FLAPPER_IDS) {
		for (unsigned i = 0; i + 8 <= NODEID_BYTES; i += 8) {
			draw = sim_draw(w->key[SIM_DRAW_FLAP], n, i + q->luck % NATURE_FLAPPER_IDS);
			memcpy(out + i, &draw, sizeof(draw));
		}
	}
}

/** echo() - a UDP mirror: the query comes back as it was. */
static int echo(const struct peer_question *q, uint8_t *out, size_t cap)
{
	struct krpc_query back = { .method = (enum krpc_method)q->method,
				   .t = span_of(q->t, q->t_len),
				   .v = span_of("DT\0\1", 4),
				   .ro = true };
	int len;

	memcpy(back.id.b, q->id, NODEID_BYTES);
	memcpy(back.target.b, q->target, NODEID_BYTES);
	len = krpc_build_query(&back, out, cap);
	return len < 0 ? 0 : len;
}

/** able() - of the nodes whose client could, @share do. */
static bool able(const struct sim_world *w, uint32_t n, bool could, unsigned what, double share)
{
	return could && nature_drawn(w, w->key[SIM_DRAW_ABLE] + 2 + what, n, share);
}

/** struct said - room for all that one reply is made of. */
struct said {
	uint8_t nodes[SAY_NODES_MAX], nodes6[SAY_NODES_MAX], samples[SAMPLES_MAX * 20];
	uint8_t bloom[2 * KRPC_BLOOM_BYTES];
	struct endpoint peers[SWARM_PEERS_MAX];
	uint64_t token;
};

/** say_peers() - of what was asked for; whoever was asked to scrape gives their filters instead. */
static void say_peers(const struct sim_world *w, uint32_t n, const struct peer_question *q,
		      const struct client *client, struct said *s, struct krpc_answer *a)
{
	size_t count = put_peers(w, n, target_of(q), s->peers);

	if (q->scrape && count && able(w, n, client->scrape, 2, w->opts.bad.bep33)) {
		put_bloom(w, target_of(q), count, s->bloom);
		a->bloom = s->bloom;
		return;
	}
	a->values = s->peers;
	a->values_count = count;
}

/** put_anybody() - sixteen contacts from anywhere: a router's. */
static size_t put_anybody(const struct sim_world *w, uint32_t n, uint32_t luck, uint8_t *out)
{
	uint8_t *p = out;

	for (unsigned i = 0; i < SAY_ROUTER_NODES; i++) {
		uint64_t draw = sim_draw(w->key[SIM_DRAW_POISON] + 3, n, (uint64_t)luck << 4 | i);
		uint32_t y = sim_below((uint32_t)draw, w->nodes);
		struct endpoint ep = world_contact(w, y);

		world_said_id(w, y, p);
		p = put_contact(p + NODEID_BYTES, &ep);
	}
	return (size_t)(p - out);
}

/** say_nodes() - of the family that was asked over, or those that were wanted (BEP 32). */
static void say_nodes(const struct sim_world *w, uint32_t n, const struct peer_question *q,
		      enum sim_nature nature, struct said *s, struct krpc_answer *a)
{
	bool has6 = w->seats.kind6 && seat_has6(w, world_seat(w, n));
	unsigned want = q->want ? q->want : q->six ? KRPC_WANT_N6 : KRPC_WANT_N4;

	if (nature == SIM_POISONER || nature == SIM_LIAR) {
		a->nodes = span_of(s->nodes, put_lies(w, n, q, nature, s->nodes));
		return;
	}
	if (nature == SIM_ROUTER) {
		a->nodes = span_of(s->nodes, put_anybody(w, n, q->luck, s->nodes));
		return;
	}
	if (want & KRPC_WANT_N4)
		a->nodes = span_of(s->nodes, put_nodes(w, n, target_of(q), false, s->nodes));
	if (has6 && want & KRPC_WANT_N6)
		a->nodes6 = span_of(s->nodes6, put_nodes(w, n, target_of(q), true, s->nodes6));
}

/** say() - what the method asks for; false where the client does not know it. */
static bool say(const struct sim_world *w, uint32_t n, const struct peer_question *q,
		const struct client *client, struct said *s, struct krpc_answer *a)
{
	enum sim_nature nature = world_nature(w, n);
	const struct sim_bad *bad = &w->opts.bad;

	switch ((enum krpc_method)q->method) {
	case KRPC_SAMPLE_INFOHASHES:
		if (!able(w, n, client->samples, 1, bad->bep51))
			return false;
		put_samples(w, n, a, s->samples);
		break;
	case KRPC_GET:
		if (!able(w, n, client->items, 0, bad->bep44))
			return false;
		a->token = span_of(&s->token, sizeof(s->token));
		break;
	case KRPC_GET_PEERS:
		a->token = span_of(&s->token, sizeof(s->token));
		say_peers(w, n, q, client, s, a);
		break;
	case KRPC_FIND_NODE:
		break;
	case KRPC_PING:
	case KRPC_ANNOUNCE_PEER:
		own_id(w, n, q, nature, a->id.b);
		return true;
	case KRPC_NO_METHOD:
	case KRPC_PUT:
	case KRPC_OTHER_METHOD:
	default:
		return false;
	}
	own_id(w, n, q, nature, a->id.b);
	say_nodes(w, n, q, nature, s, a);
	return true;
}

static bool speaks_oddly(enum sim_nature nature)
{
	return nature == SIM_LIAR || nature == SIM_FLAPPER || nature == SIM_POISONER ||
	       nature == SIM_REFLECTOR || nature == SIM_ROUTER;
}

int peer_say(const struct sim_world *w, uint32_t n, const struct peer_question *q,
	     const struct endpoint *from, uint8_t *out, size_t cap)
{
	const struct client *client = client_of(w, n);
	enum sim_nature nature = world_nature(w, n);
	struct said s;
	struct krpc_answer a = {
		.t = span_of(q->t, q->t_len),
		.v = client->v[0] ? span_of(client->v, 4) : (struct span){ NULL, 0 },
		.num = -1,
		.interval = -1,
		.ip = client->ip ? from : NULL,
	};

	if (nature == SIM_REFLECTOR && mirrors(w, n))
		return echo(q, out, cap);
	if (q->method == KRPC_FIND_NODE && endpoint_is4(from) && cap >= FIND_NODE_MAX && !q->want &&
	    !q->six && !speaks_oddly(nature))
		return say_find_node(w, n, q, client, from, out);
	s.token = sim_draw(w->key[SIM_DRAW_TOKEN], n, from->port);
	if (say(w, n, q, client, &s, &a))
		return krpc_build_reply(&a, out, cap);
	return krpc_build_error(a.t, a.v, ERROR_METHOD_UNKNOWN, "Method Unknown", out, cap);
}

/* ---- who is heard, and when ------------------------------------------------------ */

bool peer_hears(const struct sim_world *w, uint32_t n, uint32_t face)
{
	uint32_t seat = face_seat(w, face);
	unsigned kind = face_kind(w, face);
	enum sim_nature nature = world_nature(w, n);

	if (nature == SIM_ONEWAY || nature == SIM_READ_ONLY)
		return false;
	if (kind == 0)
		return true;
	return kind == w->seats.kind6 ? seat_has6(w, seat) : nature == SIM_REMAPPED;
}

bool peer_holed(const struct sim_world *w, uint32_t n, uint32_t face,
		const struct hole_table *holes, uint16_t port, uint64_t now_ms)
{
	enum sim_nat nat;

	if (!holes || face != world_seat(w, n))
		return false;
	nat = nature_nat(w, n);
	return (nat == SIM_NAT_ADDRESS || nat == SIM_NAT_PORT) &&
	       mood_alive(w, n, world_mood(w, n)) &&
	       hole_lets(holes, n, port, nat == SIM_NAT_ADDRESS, now_ms);
}

uint16_t sim_world_able(const struct sim_world *w, uint32_t n)
{
	const struct client *client = client_of(w, n);
	const struct sim_bad *bad = &w->opts.bad;
	bool samples = able(w, n, client->samples, 1, bad->bep51);
	unsigned flags = 0;

	if (client->ip)
		flags |= SIGHTING_IP_VOTE;
	if (samples)
		flags |= SIGHTING_SAMPLES;
	if (able(w, n, client->items, 0, bad->bep44))
		flags |= SIGHTING_ITEMS;
	if (samples && stored(w, n) && able(w, n, client->scrape, 2, bad->bep33))
		flags |= SIGHTING_SCRAPE;
	if (w->seats.kind6 && seat_has6(w, world_seat(w, n)))
		flags |= SIGHTING_NODES6;
	return (uint16_t)flags;
}

uint32_t peer_reply_face(const struct sim_world *w, uint32_t n, uint32_t face, uint32_t luck)
{
	unsigned port = luck % (2 * FACE_PORTS);

	if (face_is6(w, face) || port >= FACE_PORTS || world_nature(w, n) != SIM_REMAPPED)
		return face;
	return face_of(w, face_seat(w, face), port ? w->seats.kind_port + port - 1 : 0);
}

bool peer_is_busy(const struct sim_world *w, uint32_t n)
{
	return w->opts.bad.busy > 0 && world_is_lt(w, n) &&
	       nature_drawn(w, w->key[SIM_DRAW_BUSY], n, w->opts.bad.busy);
}

enum limit_verdict peer_limit(const struct sim_world *w, uint32_t n, uint32_t ip, uint64_t now_ms,
			      struct limit_table *t)
{
	enum { REPLY_BYTES = 300 };
	const struct sim_bad *bad = &w->opts.bad;
	enum limit_kind kind = LIMIT_NONE;

	if (peer_is_busy(w, n) && limit_busy(sim_mix(w->key[SIM_DRAW_BUSY] + 1, n), now_ms / 1000))
		return LIMIT_SILENT;
	if (bad->limiters > 0 && nature_drawn(w, w->key[SIM_DRAW_BUSY] + 2, n, bad->limiters))
		kind = client_of(w, n)->limiter;
	return limit_take(t, kind, n, ip, REPLY_BYTES, now_ms);
}

bool peer_caller(const struct sim_world *w, uint64_t nonce, uint32_t *n)
{
	enum { TRIES = 64 };
	uint64_t draw = sim_draw(w->key[SIM_DRAW_CALL], nonce, 0);

	if (!(w->opts.bad.callers > 0) || (uint32_t)draw >= w->opts.bad.callers * 0x1p32)
		return false;
	for (unsigned i = 1; i < TRIES; i++) {
		uint32_t who =
			sim_below((uint32_t)sim_draw(w->key[SIM_DRAW_CALL], nonce, i), w->nodes);
		enum sim_nature nature = world_nature(w, who);

		*n = who;
		if ((nature == SIM_ONEWAY || nature == SIM_READ_ONLY) &&
		    mood_alive(w, who, world_mood(w, who)))
			return true;
	}
	return false;
}

int peer_call(const struct sim_world *w, uint32_t n, uint64_t nonce, uint8_t *out, size_t cap)
{
	const struct client *client = client_of(w, n);
	uint64_t t = sim_draw(w->key[SIM_DRAW_CALL], nonce, UINT64_MAX);
	struct krpc_query q = { .method = KRPC_PING,
				.t = span_of(&t, 4),
				.v = client->v[0] ? span_of(client->v, 4)
						  : (struct span){ NULL, 0 },
				.ro = world_nature(w, n) == SIM_READ_ONLY };
	int len;

	world_said_id(w, n, q.id.b);
	len = krpc_build_query(&q, out, cap);
	return len < 0 ? 0 : len;
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

	if (!peer_there(w, n) || peer_lost(w, n, nonce) || peer_read(query, &q) < 0)
		return 0;
	q.luck = (uint32_t)sim_draw(w->key[SIM_DRAW_FLAP] + 1, n, nonce);
	return peer_say(w, n, &q, from, out, cap);
}
