/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "engine/crawl_impl.h"

enum {
	NODE4_BYTES = 26, /* BEP 5 */
	NODE6_BYTES = 38, /* BEP 32 */
	FRESH_WORDS = 16, /* 1024 bits: a batch adds a hundred at most times */
};

/* May one more contact be taken from this introducer? Charged if so. */
static bool charge_introducer(struct crawl *c, uint32_t ref)
{
	struct node *n;

	if (ref == NODETAB_NONE)
		return true;
	n = nodetab_at(&c->tab, ref);
	if (n->introduced >= CRAWL_INTRODUCED_MAX) {
		c->stats.endpoints_refused[GATE_INTRODUCER_BUDGET]++;
		return false;
	}
	n->introduced++;
	return true;
}

/* The batch's entry @i as the table's key. */
static struct nodetab_key key_of(const struct crawl *c, unsigned i)
{
	const struct learn *l = &c->batch[i];

	return (struct nodetab_key){ .hash = l->hash,
				     .ip = l->ip,
				     .port = l->port,
				     .v6 = l->by.v6,
				     .addr6 = l->by.v6 ? c->batch6[i] : NULL };
}

static struct endpoint endpoint_of(const struct nodetab_key *key)
{
	struct endpoint ep = { .port = key->port };

	if (!key->v6)
		return endpoint_ip4(key->ip, key->port);
	memcpy(ep.addr, key->addr6, sizeof(ep.addr));
	return ep;
}

/*
 * Is a contact of this id asked: as one of the part, or as a guide into it? While
 * hardly anybody of the part has answered, outsiders are, so many per bit of
 * nearness, whatever becomes of them.
 */
static bool wanted(struct crawl *c, const uint8_t *bytes)
{
	const struct nodeid *id = (const struct nodeid *)(const void *)bytes;
	unsigned near;

	if (crawl_inside(c, id))
		return true;
	near = part_common_bits(&c->opts.part, nodeid_prefix64(id));
	if (c->inside_live >= CRAWL_GUIDES_UNTIL || c->guides[near] >= CRAWL_GUIDES_PER_BIT ||
	    crawl_revisits(c))
		return false;
	c->guides[near]++;
	c->stats.guides_asked++;
	return true;
}

/* It was mentioned again, and may be asked for that. */
static void mention(struct crawl *c, uint32_t ref, struct node *n, const struct learn *l)
{
	if (l->by.confirmed && !(n->flags & (NODE_WARM | NODE_ASKED))) {
		n->flags = (uint16_t)((n->flags & ~NODE_DOUBTED) | NODE_WARM);
		n->marked = 0;
		c->stats.warm_known++;
		if (n->todo && !(n->flags & NODE_REFUSED))
			crawl_wait_first(c, ref, n);
	}
	if (!l->tag || !nodetab_mention(n, l->tag) || n->flags & NODE_ASKED)
		return;
	/* Whoever places it in the part has it asked; the answer will tell. */
	if (!n->todo && l->id && wanted(c, l->id)) {
		memcpy(n->id.b, l->id, NODEID_BYTES);
		n->todo = crawl_first_todo(c, n);
	}
	/* Whom only misleading ones listed waits for another's word (census 4.8). */
	if (n->marked && l->by.doubted)
		return;
	n->marked = 0;
	if (!n->todo)
		return;
	/* A second introducer opens a service port (P7); nothing opens the others. */
	if (n->flags & NODE_REFUSED && n->mentions == 2)
		n->flags &= (uint16_t)~NODE_REFUSED;
	if (!(n->flags & NODE_REFUSED))
		crawl_wait_first(c, ref, n);
}

static void add(struct crawl *c, const struct nodetab_key *key, const struct learn *l)
{
	struct endpoint ep = endpoint_of(key);
	enum gate_reason why = gate_may_learn(c->gate, &ep);
	struct node *n;
	uint32_t ref;

	if (why != GATE_OK) {
		c->stats.endpoints_refused[why]++;
		return;
	}
	if (l->id && !crawl_in_zones(c, l->id[0])) {
		c->stats.outside++;
		return;
	}
	if (!charge_introducer(c, l->by.introducer_ref))
		return;
	if (nodetab_add(&c->tab, key, &ref)) {
		c->stats.endpoints_full++;
		return;
	}
	n = nodetab_at(&c->tab, ref);
	if (l->id) {
		memcpy(n->id.b, l->id, NODEID_BYTES);
		n->flags |= NODE_HAS_ID;
	}
	n->todo = !l->id || wanted(c, l->id) ? crawl_first_todo(c, n) : 0;
	if (l->by.confirmed) {
		n->flags |= NODE_WARM;
		c->stats.warm_known++;
	} else if (c->opts.failures && failures_count(c->opts.failures, &ep) >= FAILURES_DOUBTED) {
		n->flags |= NODE_DOUBTED;
		c->stats.doubted_known++;
	}
	if (l->tag)
		nodetab_mention(n, l->tag);
	n->marked = l->by.doubted;
	if (n->todo && !n->marked)
		crawl_wait_first(c, ref, n);
}

static inline bool is_there(const struct crawl *c, const struct node *n, unsigned i)
{
	const struct learn *l = &c->batch[i];
	struct nodetab_key key;

	if (n->port != l->port || !(n->flags & NODE_V6) == l->by.v6)
		return false;
	if (!l->by.v6)
		return n->ip == l->ip;
	key = key_of(c, i);
	return memcmp(nodetab_address6(&c->tab, n), key.addr6, 16) == 0;
}

/* Whom this batch may have added: a bit each, by hash. */
struct fresh {
	uint64_t bits[FRESH_WORDS];
};

static inline bool may_be_fresh(const struct fresh *f, uint64_t hash)
{
	return f->bits[hash >> 6 & (FRESH_WORDS - 1)] >> (hash & 63) & 1;
}

/* No guess: not there, but one of this batch may have added it. A wrong one: under like bits. */
static void look_up(struct crawl *c, struct fresh *f, unsigned i, bool guessed)
{
	struct nodetab_key key = key_of(c, i);
	uint32_t ref = NODETAB_NONE;

	if (guessed || may_be_fresh(f, key.hash))
		ref = nodetab_find(&c->tab, &key);
	if (ref == NODETAB_NONE) {
		f->bits[key.hash >> 6 & (FRESH_WORDS - 1)] |= (uint64_t)1 << (key.hash & 63);
		add(c, &key, &c->batch[i]);
	} else {
		mention(c, ref, nodetab_at(&c->tab, ref), &c->batch[i]);
	}
}

void crawl_learn_flush(struct crawl *c)
{
	uint32_t guess[CRAWL_LEARN_BATCH];
	struct fresh fresh = { { 0 } };
	unsigned count = c->batched;

	for (unsigned i = 0; i < count; i++)
		guess[i] = nodetab_guess(&c->tab, c->batch[i].hash);
	for (unsigned i = 0; i < count; i++) {
		const struct learn *l = &c->batch[i];
		struct node *n;

		if (guess[i] == NODETAB_NONE) {
			look_up(c, &fresh, i, false);
			continue;
		}
		n = nodetab_at(&c->tab, guess[i]);
		if (!is_there(c, n, i))
			look_up(c, &fresh, i, true);
		else if (n->flags & NODE_ASKED) /* nine in ten */
			(void)(l->tag && nodetab_mention(n, l->tag));
		else
			mention(c, guess[i], n, l);
	}
	c->batched = 0;
}

/* What all contacts of one reply have in common. */
struct reply {
	const struct nodeid *target;
	struct endpoint from;
	uint64_t self; /* address and port of @from as take4() reads them; 0 = not IPv4 */
	uint32_t who;
	struct learn learn; /* their entries but for what is their own */
	unsigned depth;
};

/* Another shard owns it. */
static void forward(struct crawl *c, unsigned shard, const struct reply *r,
		    const struct endpoint *ep, const uint8_t *id)
{
	struct crawl_contact contact = {
		.ep = *ep, .introducer = r->who, .has_id = true, .doubted = r->learn.by.doubted
	};

	if (!charge_introducer(c, r->learn.by.introducer_ref))
		return;
	memcpy(contact.id.b, id, NODEID_BYTES);
	c->port.contact(c->port.ctx, shard, &contact);
}

static uint64_t prefix(const uint8_t *id)
{
	uint64_t v;

	memcpy(&v, id, sizeof(v));
	return v;
}

static bool in_zones(struct crawl *c, const uint8_t *id)
{
	if (crawl_in_zones(c, id[0]))
		return true;
	c->stats.outside++;
	return false;
}

/*
 * One listed id: false where it is our own or not wanted. Keeps the farthest from the target.
 * Random ids are told apart by their first 64 bits; the rest is rarely looked at.
 */
static inline bool take_id(struct crawl *c, struct reply *r, const uint8_t *id)
{
	uint64_t far;
	unsigned common;

	if (prefix(id) == prefix(c->opts.own_id.b) &&
	    memcmp(id, c->opts.own_id.b, NODEID_BYTES) == 0) {
		c->stats.reflected++;
		return false;
	}
	if (!r->target)
		return in_zones(c, id);
	far = prefix(id) ^ prefix(r->target->b);
	common = far ? (unsigned)__builtin_clzll(__builtin_bswap64(far))
		     : nodeid_common_bits(r->target, (const struct nodeid *)(const void *)id);
	if (common < r->depth)
		r->depth = common;
	return in_zones(c, id);
}

/*
 * Where nobody on the internet can be: special-purpose addresses begin with one of few octets,
 * so that the other contacts cost one look.
 */
static inline bool is_impossible(const struct crawl *c, const uint8_t *p)
{
	static const uint64_t octets[4] = {
		1ull << 0 | 1ull << 10,                    /* "this network", RFC 1918 */
		1ull << (100 - 64) | 1ull << (127 - 64),   /* carrier's NAT, loopback */
		1ull << (169 - 128) | 1ull << (172 - 128), /* link-local, RFC 1918 */
		1ull << (192 - 192) | 1ull << (198 - 192) | 1ull << (203 - 192) |
			0xffffffffull << 32, /* RFC 1918, tests, multicast and beyond */
	};
	unsigned first = p[NODEID_BYTES];
	struct endpoint ep;
	struct nodeid id;

	if (!(octets[first / 64] >> first % 64 & 1))
		return false;
	krpc_node4(span_of(p, NODE4_BYTES), 0, &id, &ep);
	return gate_may_learn(c->gate, &ep) == GATE_BOGON;
}

/* Looked at before any of them is learnt, and where the introducer is known. */
static bool is_spoilt(struct crawl *c, uint32_t ref, const struct krpc_msg *msg)
{
	size_t impossible = 0;

	for (size_t i = 0; i < msg->nodes.len; i += NODE4_BYTES)
		impossible += is_impossible(c, msg->nodes.ptr + i);
	return impossible && crawl_spoilt(c, ref, msg->nodes.len / NODE4_BYTES, impossible);
}

/* Address and port of a record, as one number: its last eight bytes, less two of the id. */
static inline uint64_t record_endpoint(const uint8_t *p)
{
	return __builtin_bswap64(prefix(p + NODE4_BYTES - sizeof(uint64_t))) &
	       (((uint64_t)1 << 48) - 1);
}

/* Into the batch, whose record is written in place. */
static inline void learn4(struct crawl *c, const struct reply *r, const uint8_t *p, uint64_t word)
{
	struct learn *l;

	if (c->batched == CRAWL_LEARN_BATCH)
		crawl_learn_flush(c);
	l = &c->batch[c->batched++];
	l->hash = nodetab_hash(&c->tab, word);
	nodetab_prefetch(&c->tab, l->hash);
	l->id = p;
	l->ip = (uint32_t)(word >> 16);
	l->port = (uint16_t)word;
	l->tag = r->learn.tag;
	l->by = r->learn.by;
}

static inline void take4(struct crawl *c, struct reply *r, const uint8_t *p, uint64_t word)
{
	uint32_t ip = (uint32_t)(word >> 16);
	unsigned owner = c->opts.shards > 1 ? net_deal4(ip, c->opts.shards) : 0;

	if (owner == c->opts.shard) {
		learn4(c, r, p, word);
	} else {
		struct endpoint ep = endpoint_ip4(ip, (uint16_t)word);

		forward(c, owner, r, &ep, p);
	}
}

static void take6(struct crawl *c, struct reply *r, const uint8_t *p)
{
	struct endpoint ep;
	struct nodeid id;
	unsigned owner;

	krpc_node6(span_of(p, NODE6_BYTES), 0, &id, &ep);
	if (endpoint_is4(&ep) || endpoint_equal(&ep, &r->from))
		return; /* an IPv4 endpoint in disguise belongs into nodes */
	owner = c->opts.shards > 1 ? net_deal(&ep, c->opts.shards) : 0;
	if (owner != c->opts.shard) {
		forward(c, owner, r, &ep, p);
		return;
	}
	r->learn.hash = nodetab_key(&c->tab, &ep).hash;
	r->learn.id = p;
	r->learn.port = ep.port;
	crawl_learn(c, &r->learn, p + NODEID_BYTES);
}

unsigned crawl_learn_reply(struct crawl *c, uint32_t ref, uint64_t host, const struct krpc_msg *msg,
			   const struct nodeid *target, bool doubted)
{
	struct reply r = { .from = nodetab_endpoint(&c->tab, ref),
			   .learn.by = { .introducer_ref = ref,
					 .doubted = is_spoilt(c, ref, msg) || doubted },
			   .depth = NODE_DEPTH_NONE };
	const uint8_t *p = msg->nodes.ptr, *end = p + msg->nodes.len;
	bool is4 = endpoint_is4(&r.from);

	r.who = crawl_who(host);
	r.learn.tag = crawl_tag(r.who);
	if (is4)
		r.self = (uint64_t)endpoint_get_ip4(&r.from) << 16 | r.from.port;
	/* c is of the neighbourhood in the node's own overlay. */
	r.target = is4 ? target : NULL;
	for (; p < end; p += NODE4_BYTES) {
		uint64_t word = record_endpoint(p);

		if (take_id(c, &r, p) && word != r.self) /* else it lists itself */
			take4(c, &r, p, word);
	}
	r.target = is4 ? NULL : target;
	r.learn.by.v6 = true;
	for (size_t i = 0; c->opts.learn6 && i < msg->nodes6.len; i += NODE6_BYTES)
		if (take_id(c, &r, msg->nodes6.ptr + i))
			take6(c, &r, msg->nodes6.ptr + i);
	return r.depth;
}
