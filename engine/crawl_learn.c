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
				     .v6 = !!(l->by.flags & LEARN_V6),
				     .addr6 = l->by.flags & LEARN_V6 ? c->batch6[i] : NULL };
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

/* One more introducer of somebody who was not asked yet. */
static void mention_counts(struct crawl *c, uint32_t ref, struct node *n, const struct learn *l)
{
	/* Whoever places it in the part has it asked; the answer will tell. */
	if (!n->todo && l->id && wanted(c, l->id)) {
		memcpy(n->id.b, l->id, NODEID_BYTES);
		n->todo = crawl_first_todo(c, n);
	}
	/* Whom only misleading ones listed waits for another's word (census 4.8). */
	if (n->marked && l->by.flags & LEARN_DOUBTED)
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

/* It was mentioned again, and may be asked for that. */
static void mention(struct crawl *c, uint32_t ref, struct node *n, const struct learn *l)
{
	if (l->by.flags & LEARN_CONFIRMED && !(n->flags & (NODE_WARM | NODE_ASKED))) {
		n->flags = (uint16_t)((n->flags & ~NODE_DOUBTED) | NODE_WARM);
		n->marked = 0;
		c->stats.warm_known++;
		if (n->todo && !(n->flags & NODE_REFUSED))
			crawl_wait_first(c, ref, n);
	}
	if (l->tag && nodetab_mention(n, l->tag) && !(n->flags & NODE_ASKED))
		mention_counts(c, ref, n, l);
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
	if (l->by.flags & LEARN_CONFIRMED) {
		n->flags |= NODE_WARM;
		c->stats.warm_known++;
	} else if (c->opts.failures && failures_count(c->opts.failures, &ep) >= FAILURES_DOUBTED) {
		n->flags |= NODE_DOUBTED;
		c->stats.doubted_known++;
	}
	if (l->tag)
		nodetab_mention(n, l->tag);
	n->marked = !!(l->by.flags & LEARN_DOUBTED);
	if (n->todo && !n->marked)
		crawl_wait_first(c, ref, n);
}

static bool is_there6(const struct crawl *c, const struct node *n, unsigned i)
{
	struct nodetab_key key = key_of(c, i);

	return n->port == key.port && n->flags & NODE_V6 && key.v6 &&
	       memcmp(nodetab_address6(&c->tab, n), key.addr6, 16) == 0;
}

/* Is the record the one of the batch's entry @i? */
static inline bool is_there(const struct crawl *c, const struct node *n, unsigned i)
{
	const struct learn *l = &c->batch[i];

	if (n->flags & NODE_V6 || l->by.flags & LEARN_V6)
		return is_there6(c, n, i);
	return n->ip == l->ip && n->port == l->port;
}

/* Whom this batch may have added: a bit each, by hash. */
struct fresh {
	uint64_t bits[FRESH_WORDS];
};

static inline bool may_be_fresh(const struct fresh *f, uint64_t hash)
{
	return f->bits[hash >> 6 & (FRESH_WORDS - 1)] >> (hash & 63) & 1;
}

/* Not there before this batch, which may have added it itself. */
static void look_up(struct crawl *c, struct fresh *f, unsigned i)
{
	struct nodetab_key key = key_of(c, i);
	uint32_t ref = NODETAB_NONE;

	if (may_be_fresh(f, key.hash))
		ref = nodetab_find(&c->tab, &key);
	if (ref == NODETAB_NONE) {
		f->bits[key.hash >> 6 & (FRESH_WORDS - 1)] |= (uint64_t)1 << (key.hash & 63);
		add(c, &key, &c->batch[i]);
	} else {
		mention(c, ref, nodetab_at(&c->tab, ref), &c->batch[i]);
	}
}

/* One who waits where he belongs: another mention is counted and changes nothing else. */
static inline bool waits_well(const struct node *n)
{
	return n->todo && !n->marked && crawl_class(n) &&
	       !(n->flags & (NODE_WARM | NODE_REFUSED)) && n->mentions != CRAWL_MENTIONS_FEW &&
	       n->mentions != CRAWL_MENTIONS_MANY;
}

/* Whom the table had before this batch: most were asked long ago. */
static inline void mention_known(struct crawl *c, uint32_t ref, const struct learn *l)
{
	struct node *n = nodetab_at(&c->tab, ref);

	bool counts;

	if (!(n->flags & NODE_ASKED) && l->by.flags & LEARN_CONFIRMED) {
		mention(c, ref, n, l);
		return;
	}
	counts = l->tag && nodetab_mention(n, l->tag);
	if (counts && !(n->flags & NODE_ASKED) && !waits_well(n))
		mention_counts(c, ref, n, l);
}

/* The record that was guessed, or where others have like bits the one it is. */
static inline uint32_t guess_checked(const struct crawl *c, uint32_t guess, unsigned i)
{
	struct nodetab_key key;

	if (is_there(c, nodetab_at(&c->tab, guess), i))
		return guess;
	key = key_of(c, i);
	return nodetab_find(&c->tab, &key);
}

/*
 * Those whom the table had before, then the others, each in their order: who is which does
 * not hang on the table's secret, and neither loop branches on what the first one found (E-260).
 */
void crawl_learn_flush(struct crawl *c)
{
	uint32_t guess[CRAWL_LEARN_BATCH];
	uint16_t known[CRAWL_LEARN_BATCH];
	uint64_t others[CRAWL_LEARN_BATCH / 64] = { 0 };
	struct fresh fresh = { { 0 } };
	unsigned count = c->batched, there = 0;

	for (unsigned w = 0; w * 64 < count; w++) {
		unsigned end = count - w * 64 < 64 ? count - w * 64 : 64;

		for (unsigned bit = 0; bit < end; bit++) {
			uint32_t ref = nodetab_guess(&c->tab, c->batch[w * 64 + bit].hash);
			unsigned none = ref == NODETAB_NONE;

			guess[there] = ref;
			known[there] = (uint16_t)(w * 64 + bit);
			there += none ^ 1;
			others[w] |= (uint64_t)none << bit;
		}
	}
	for (unsigned k = 0; k < there; k++) {
		unsigned i = known[k];
		uint32_t ref = guess_checked(c, guess[k], i);

		if (ref != NODETAB_NONE)
			mention_known(c, ref, &c->batch[i]);
		else
			others[i / 64] |= (uint64_t)1 << i % 64;
	}
	for (unsigned w = 0; w < CRAWL_LEARN_BATCH / 64; w++)
		for (; others[w]; others[w] &= others[w] - 1)
			look_up(c, &fresh, w * 64 + (unsigned)__builtin_ctzll(others[w]));
	c->batched = 0;
}

/* What all contacts of one reply have in common. */
struct reply {
	struct endpoint from;
	uint64_t target_prefix; /* the first bytes of what was asked for, as they stand */
	uint64_t self;          /* address and port of @from as take4() reads them; 0 = not IPv4 */
	uint32_t who;
	struct learn learn; /* their entries but for what is their own */
};

/* Another shard owns it. */
static void forward(struct crawl *c, unsigned shard, const struct reply *r,
		    const struct endpoint *ep, const uint8_t *id)
{
	struct crawl_contact contact = { .ep = *ep,
					 .introducer = r->who,
					 .has_id = true,
					 .doubted = !!(r->learn.by.flags & LEARN_DOUBTED) };

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

static bool is_own_id(const struct crawl *c, const uint8_t *id)
{
	return prefix(id) == prefix(c->opts.own_id.b) &&
	       memcmp(id, c->opts.own_id.b, NODEID_BYTES) == 0;
}

/* How far @id is from the target, by the first 64 bits: the rest is rarely looked at. */
static inline uint64_t apart(const struct reply *r, const uint8_t *id)
{
	return __builtin_bswap64(prefix(id) ^ r->target_prefix);
}

/* Bits in common with the target of the one of @records who is farthest from it. */
static unsigned depth_of(const struct crawl *c, const struct nodeid *target, uint64_t farthest,
			 struct span records, size_t bytes)
{
	unsigned depth = NODE_DEPTH_NONE;

	if (farthest)
		return (unsigned)__builtin_clzll(farthest);
	for (size_t i = 0; i < records.len; i += bytes) {
		const uint8_t *id = records.ptr + i;
		unsigned common =
			nodeid_common_bits(target, (const struct nodeid *)(const void *)id);

		if (!is_own_id(c, id) && common < depth)
			depth = common;
	}
	return depth;
}

/*
 * Where nobody on the internet can be: special-purpose addresses begin with one of few octets,
 * so that the other contacts cost one look. 1: look properly.
 */
static const uint8_t octets[256] = {
	[0] = 1,           [10] = 1,             /* "this network", RFC 1918 */
	[100] = 1,         [127] = 1,            /* carrier's NAT, loopback */
	[169] = 1,         [172] = 1,            /* link-local, RFC 1918 */
	[192] = 1,         [198] = 1, [203] = 1, /* RFC 1918, tests */
	[224 ... 255] = 1,                       /* multicast and beyond */
};

static size_t count_impossible(const struct crawl *c, struct span nodes)
{
	struct endpoint ep;
	struct nodeid id;
	size_t impossible = 0;

	for (size_t i = 0; i < nodes.len / NODE4_BYTES; i++) {
		krpc_node4(nodes, i, &id, &ep);
		impossible += gate_may_learn(c->gate, &ep) == GATE_BOGON;
	}
	return impossible;
}

/* Looked at before any of them is learnt, and where the introducer is known. */
static bool is_spoilt(struct crawl *c, uint32_t ref, const struct krpc_msg *msg)
{
	size_t impossible = 0;

	for (size_t i = NODEID_BYTES; i < msg->nodes.len; i += NODE4_BYTES)
		impossible += octets[msg->nodes.ptr[i]];
	if (impossible)
		impossible = count_impossible(c, msg->nodes);
	return impossible && crawl_spoilt(c, ref, msg->nodes.len / NODE4_BYTES, impossible);
}

/* Address and port of a record, as one number: its last eight bytes, less two of the id. */
static inline uint64_t record_endpoint(const uint8_t *p)
{
	return __builtin_bswap64(prefix(p + NODE4_BYTES - sizeof(uint64_t))) &
	       (((uint64_t)1 << 48) - 1);
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

/* A contact of IPv4 into the batch's next place, which is written as it is. */
static inline void put4(struct crawl *c, const struct reply *r, const uint8_t *p, uint64_t word,
			struct learn *l)
{
	l->hash = nodetab_hash(&c->tab, word);
	nodetab_prefetch(&c->tab, l->hash);
	l->id = p;
	l->ip = (uint32_t)(word >> 16);
	l->port = (uint16_t)word;
	l->tag = r->learn.tag;
	l->by.introducer_ref = r->learn.by.introducer_ref;
	l->by.flags = r->learn.by.flags;
}

/* True where another shard owns it, who is told. */
static bool given_away(struct crawl *c, const struct reply *r, const uint8_t *p, uint64_t word)
{
	unsigned owner = net_deal4((uint32_t)(word >> 16), c->opts.shards);
	struct endpoint ep;

	if (owner == c->opts.shard)
		return false;
	ep = endpoint_ip4((uint32_t)(word >> 16), (uint16_t)word);
	forward(c, owner, r, &ep, p);
	return true;
}

/* The contacts of IPv4, no more than the batch has room for; returns how far the farthest is. */
static uint64_t take_some4(struct crawl *c, const struct reply *r, struct span nodes)
{
	bool alone = c->opts.shards == 1, zoned = c->opts.zoned;
	struct learn *l = &c->batch[c->batched];
	uint64_t farthest = 0;

	for (const uint8_t *p = nodes.ptr, *end = p + nodes.len; p < end; p += NODE4_BYTES) {
		uint64_t far = apart(r, p), word = record_endpoint(p);

		if (is_own_id(c, p)) {
			c->stats.reflected++;
			continue;
		}
		farthest = far > farthest ? far : farthest;
		if (word == r->self || (zoned && !in_zones(c, p))) /* it lists itself */
			continue;
		if (alone || !given_away(c, r, p, word))
			put4(c, r, p, word, l++);
	}
	c->batched = (unsigned)(l - c->batch);
	return farthest;
}

static uint64_t take_all4(struct crawl *c, const struct reply *r, struct span nodes)
{
	uint64_t farthest = 0;

	while (nodes.len) {
		size_t room = (CRAWL_LEARN_BATCH - c->batched) * (size_t)NODE4_BYTES;
		struct span some = nodes;
		uint64_t far;

		if (room < nodes.len && room < (size_t)CRAWL_LEARN_BATCH * NODE4_BYTES) {
			crawl_learn_flush(c);
			continue;
		}
		some.len = room < nodes.len ? room : nodes.len;
		far = take_some4(c, r, some);
		farthest = far > farthest ? far : farthest;
		nodes = span_of(nodes.ptr + some.len, nodes.len - some.len);
	}
	return farthest;
}

static uint64_t take_all6(struct crawl *c, struct reply *r, struct span nodes6)
{
	uint64_t farthest = 0;

	r->learn.by.flags |= LEARN_V6;
	for (const uint8_t *p = nodes6.ptr, *end = p + nodes6.len; p < end; p += NODE6_BYTES) {
		uint64_t far = apart(r, p);

		if (is_own_id(c, p)) {
			c->stats.reflected++;
			continue;
		}
		farthest = far > farthest ? far : farthest;
		if (in_zones(c, p))
			take6(c, r, p);
	}
	return farthest;
}

unsigned crawl_learn_reply(struct crawl *c, uint32_t ref, uint64_t host, const struct krpc_msg *msg,
			   const struct nodeid *target, bool doubted)
{
	struct reply r;
	uint64_t far4, far6 = 0;
	bool is4;

	r.from = nodetab_endpoint(&c->tab, ref);
	r.who = crawl_who(host);
	r.self = 0;
	r.target_prefix = target ? prefix(target->b) : 0;
	r.learn.tag = crawl_tag(r.who);
	r.learn.by.introducer_ref = ref;
	r.learn.by.flags = is_spoilt(c, ref, msg) || doubted ? LEARN_DOUBTED : 0;
	is4 = endpoint_is4(&r.from);
	if (is4)
		r.self = (uint64_t)endpoint_get_ip4(&r.from) << 16 | r.from.port;
	far4 = take_all4(c, &r, msg->nodes);
	if (c->opts.learn6)
		far6 = take_all6(c, &r, msg->nodes6);
	if (!target)
		return NODE_DEPTH_NONE;
	/* c is of the neighbourhood in the node's own overlay. */
	if (is4)
		return depth_of(c, target, far4, msg->nodes, NODE4_BYTES);
	return depth_of(c, target, far6, c->opts.learn6 ? msg->nodes6 : span_of(NULL, 0),
			NODE6_BYTES);
}
