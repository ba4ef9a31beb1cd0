/* SPDX-License-Identifier: MIT */
#include <endian.h>
#include <string.h>

#include "engine/crawl_impl.h"

enum {
	T_BYTES = KRPC_TEMPLATE_T,
	V_BYTES = 4,
	RTT_LEAST_LOG2 = 4,
	RTT_SMOOTH = 64,
	NODE4_BYTES = 26
};

/* ---- what a t says ---------------------------------------------------------- */

struct ticket {
	uint32_t head; /* 0:1 | gen:7 | idx:24 */
	uint32_t mac;
	bool whole; /* all eight bytes came back */
};

static uint32_t le32(const uint8_t *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return le32toh(v);
}

static struct ticket ticket_read(const uint8_t *t)
{
	return (struct ticket){ .head = le32(t), .mac = le32(t + 4), .whole = true };
}

/* Bits of a t's index that name a worker. */
static unsigned shard_bits(unsigned shards)
{
	return shards > 1 ? 32 - (unsigned)__builtin_clz(shards - 1) : 0;
}

/* The worker a t names, -1 for none. */
static int ticket_owner(const struct ticket *t, unsigned shards)
{
	unsigned shift = SLOTS_IDX_BITS - shard_bits(shards);
	uint32_t idx = t->head & ((1u << SLOTS_IDX_BITS) - 1);

	if (t->head >> CRAWL_T_FOREIGN_BIT || idx >> shift >= shards)
		return -1;
	return (int)(idx >> shift);
}

static uint32_t ticket_slot(const struct crawl *c, const struct ticket *t)
{
	return t->head & ((1u << c->shard_shift) - 1);
}

static unsigned ticket_gen(const struct ticket *t)
{
	return t->head >> SLOTS_IDX_BITS & ((1u << SLOTS_GEN_BITS) - 1);
}

/*
 * Where t stands in nearly every reply, found from its end without parsing:
 * ...1:t8:TTTTTTTT1:y1:re, or with 1:v4:VVVV between. NULL: look properly.
 */
static const uint8_t *peek_t(const uint8_t *data, size_t len)
{
	static const char tail[] = "1:y1:re", head[] = "1:t8:", version[] = "1:v4:";
	enum {
		TAIL = sizeof(tail) - 1,
		HEAD = sizeof(head) - 1,
		VERSION = sizeof(version) - 1 + V_BYTES,
	};
	const uint8_t *p = data + len - TAIL;

	if (len < TAIL + VERSION + HEAD + T_BYTES || memcmp(p, tail, TAIL) != 0)
		return NULL;
	if (memcmp(p - VERSION, version, sizeof(version) - 1) == 0 &&
	    memcmp(p - VERSION - T_BYTES - HEAD, head, HEAD) == 0)
		return p - VERSION - T_BYTES;
	return memcmp(p - T_BYTES - HEAD, head, HEAD) == 0 ? p - T_BYTES : NULL;
}

int crawl_slot_owner(const struct net_msg *msg, unsigned shards)
{
	const uint8_t *t = peek_t(msg->data, msg->len);
	struct krpc_msg parsed;
	struct ticket ticket;

	if (!t) {
		if (krpc_parse(span_of(msg->data, msg->len), &parsed))
			return -1;
		if (parsed.kind == KRPC_QUERY)
			return (int)net_deal(&msg->peer, shards);
		if (parsed.t.len != T_BYTES)
			return -1;
		t = parsed.t.ptr;
	}
	ticket = ticket_read(t);
	return ticket_owner(&ticket, shards);
}

/* ---- answers --------------------------------------------------------------- */

static unsigned rtt_bucket(uint32_t us)
{
	unsigned log2, at;

	if (us < 1u << RTT_LEAST_LOG2)
		return 0;
	log2 = 31 - (unsigned)__builtin_clz(us);
	at = (log2 - RTT_LEAST_LOG2) * 4 + (us >> (log2 - 2) & 3);
	return at < 64 ? at : 63;
}

static uint16_t flags_of(const struct krpc_msg *msg)
{
	unsigned flags = 0;

	if (msg->v.ptr)
		flags |= SIGHTING_HAS_V;
	if (msg->ip.len)
		flags |= SIGHTING_IP_VOTE;
	if (msg->nodes6.len)
		flags |= SIGHTING_NODES6;
	if (msg->samples.ptr || msg->num >= 0)
		flags |= SIGHTING_SAMPLES;
	if (msg->token.ptr)
		flags |= SIGHTING_TOKEN;
	if (msg->ro)
		flags |= SIGHTING_READ_ONLY;
	return (uint16_t)flags;
}

/* The id in a reply: is it another one than this node's? The first answer's id stays. */
static bool take_id(struct node *n, const struct nodeid *id)
{
	bool known = n->flags & NODE_HAS_ID, changed;

	changed = known && !nodeid_equal(&n->id, id);
	if (changed)
		n->flags |= NODE_ID_CHANGED;
	if (!(n->flags & NODE_ANSWERED))
		n->id = *id;
	n->flags |= NODE_HAS_ID;
	return changed;
}

struct outcome {
	uint32_t ref;
	enum question q; /* QUESTIONS: not known which */
	uint16_t flags;  /* SIGHTING_ALIAS, SIGHTING_LATE */
	uint32_t rtt_us;
	const struct endpoint *from; /* of an alias: where the answer came from */
};

/* What only some questions bring to light: said again, so that a record has all of it. */
static bool tells_more(const struct crawl *c, const struct node *n, const struct outcome *o,
		       unsigned flags)
{
	if (o->q == Q_FLIP1 && c->opts.method == CRAWL_SAMPLE)
		return flags & SIGHTING_SAMPLES;
	return o->q == Q_MIX && c->opts.learn6 && !(n->flags & NODE_V6) && flags & SIGHTING_NODES6;
}

/* What it says of itself, against what is known. */
static bool weigh(struct crawl *c, const struct outcome *o, const struct nodeid *id, bool first)
{
	const struct node *n = nodetab_at(&c->tab, o->ref);
	const struct nodeid *ours = o->q == Q_PROBE ? &c->alt_id : &c->opts.own_id;
	struct crawl_words w;

	/* Nothing odd, like nearly every answer. */
	if (!n->suspect && !o->from && !crawl_is_near(id, ours) &&
	    (!(n->flags & NODE_HAS_ID) || nodeid_equal(&n->id, id)))
		return false;
	w = (struct crawl_words){ .id = *id,
				  .expected = n->flags & NODE_HAS_ID ? n->id : *id,
				  .from = o->from,
				  .q = o->q,
				  .first = first };

	if (o->from)
		w.asked = nodetab_endpoint(&c->tab, o->ref);
	return crawl_weigh(c, o->ref, &w);
}

/* A reply of node @o->ref that has passed every check. */
static void answered(struct crawl *c, const struct outcome *o, const struct krpc_msg *msg,
		     uint64_t now_ns)
{
	struct node *n = nodetab_at(&c->tab, o->ref);
	bool first = !(n->flags & NODE_ANSWERED), changed, open, neighbours, news = true;
	bool doubted;
	struct nodeid id, asked = n->id;
	struct endpoint from = nodetab_endpoint(&c->tab, o->ref);
	uint64_t host = crawl_host(c, &from), draw;
	unsigned depth;
	uint8_t bucket = c->port.listing ? crawl_list_depth(c, o->ref, o->q) : 0;

	memcpy(id.b, msg->id.ptr, NODEID_BYTES);
	doubted = weigh(c, o, &id, first);
	changed = take_id(n, &id);
	n->flags |= NODE_ANSWERED;
	if (o->flags & SIGHTING_ALIAS)
		n->flags |= NODE_ALIAS;
	if (n->answers < UINT8_MAX)
		n->answers++;
	gate_answered(c->gate, &from); /* its network is one where people live */
	if (!first && tells_more(c, n, o, flags_of(msg)))
		crawl_say(c, o->ref, msg, o->flags | flags_of(msg), o->rtt_us, now_ns);
	if (first) {
		c->stats.endpoints_live++;
		c->stats.warm_live += !!(n->flags & NODE_WARM);
		c->stats.doubted_live += !!(n->flags & NODE_DOUBTED);
		if (!crawl_inside(c, &n->id))
			c->stats.guides_live++;
		else if (n->attempts >= 1 && n->attempts <= CRAWL_ATTEMPTS_Q1)
			c->stats.heard[n->attempts - 1]++;
		c->inside_live += crawl_inside(c, &n->id);
		vantage_vote(&c->votes, msg->ip); /* a node, a vote */
		crawl_say(c, o->ref, msg, o->flags | flags_of(msg), o->rtt_us, now_ns);
	}
	if (c->port.listing)
		crawl_list_reply(c, o->ref, bucket, msg, now_ns);
	c->stats.values += msg->values_count;
	if (c->survey) {
		crawl_survey_note(c, o->ref, o->q, msg);
		if (crawl_is_open(n, o->q))
			crawl_satisfied(c, o->ref, o->q, false, false);
		return;
	}
	if (c->opts.plan == CRAWL_PLAN_PING || c->opts.method == CRAWL_PING) {
		crawl_satisfied(c, o->ref, Q_OWN, false, false);
		return;
	}
	open = crawl_is_open(n, o->q);
	neighbours = open && (o->q == Q_OWN || o->q == Q_AGAIN);
	depth = crawl_learn_reply(c, o->ref, host, msg, neighbours ? &asked : NULL, doubted);
	if (neighbours) {
		n->depth = (uint8_t)depth;
		crawl_crowd(c, o->ref, msg->nodes.len / NODE4_BYTES, depth);
	}
	draw = crawl_health_draw(host, from.port);
	if (draw <= c->listed.below)
		crawl_health_note(c, o->ref, draw, msg, neighbours && !changed);
	if (c->walks && open)
		news = crawl_walks_note(c, o->ref, msg);
	if (open)
		crawl_satisfied(c, o->ref, o->q, changed, news);
}

/* ---- datagrams -------------------------------------------------------------- */

/*
 * No open slot fits: an answer to a slot that was given away, or nothing of ours.
 * Which question it answers is not known any more; the first one still open is
 * as good a guess as its content needs.
 */
static void without_slot(struct crawl *c, const struct net_msg *from, const struct ticket *t,
			 const struct krpc_msg *msg, uint64_t now_ns)
{
	struct nodetab_key key;
	struct outcome o = { .flags = SIGHTING_LATE };
	struct node *n;

	if (!t->whole || !cookie_known(&c->cookie, &from->peer, t->head, t->mac, now_ns)) {
		c->stats.foreign++;
		return;
	}
	key = nodetab_key(&c->tab, &from->peer);
	o.ref = nodetab_find(&c->tab, &key);
	if (o.ref == NODETAB_NONE) {
		c->stats.foreign++;
		return;
	}
	n = nodetab_at(&c->tab, o.ref);
	/* As many answers as were asked for, but for one that may be in flight. */
	if (n->answers + !!(n->flags & NODE_FLIGHT) >= n->attempts) {
		c->stats.duplicate++;
		return;
	}
	c->stats.late++;
	if (msg->kind != KRPC_REPLY)
		return;
	if (!(n->flags & NODE_ANSWERED) && n->todo == 0)
		n->todo = crawl_first_todo(c, n);
	o.q = crawl_question(n);
	if (o.q != Q_OWN && o.q != Q_FIRST && (o.q != Q_WALK || n->flags & NODE_ANSWERED))
		o.q = QUESTIONS;
	answered(c, &o, msg, now_ns);
}

/* Did the one whom this slot asked send the answer? */
static bool asked_there(const struct crawl *c, const struct slot *slot, const struct endpoint *ep)
{
	struct nodetab_key key;

	if (!slot->v6)
		return endpoint_is4(ep) && slot->ip == endpoint_get_ip4(ep) &&
		       slot->port == ep->port;
	key = nodetab_key(&c->tab, ep);
	return nodetab_is(&c->tab, slot->node, &key);
}

/* For whoever keeps a window of packets without an answer. */
static void count_age(struct crawl *c, uint64_t now_ns, uint32_t rtt_us)
{
	uint64_t now_us = now_ns / 1000;
	uint64_t age = now_us / CRAWL_AGE_US - (now_us - rtt_us) / CRAWL_AGE_US;

	if (age < CRAWL_AGES)
		c->ages[age]++;
}

static void with_slot(struct crawl *c, uint32_t idx, const struct net_msg *from,
		      const struct krpc_msg *msg, uint64_t now_ns)
{
	struct slot *slot = slots_at(&c->slots, idx);
	struct outcome o = { .ref = slot->node,
			     .q = (enum question)slot->question,
			     .rtt_us = crawl_us(now_ns) - slot->sent_us };

	if (!asked_there(c, slot, &from->peer)) {
		o.flags = SIGHTING_ALIAS;
		o.from = &from->peer;
		c->stats.alias++;
	}
	slots_release(&c->slots, idx);
	count_age(c, now_ns, o.rtt_us);
	if (msg->kind == KRPC_ERROR) {
		c->stats.errors++;
		if (c->survey)
			crawl_survey_refused(c, o.ref, msg);
		crawl_refused(c, o.ref, o.q, now_ns);
		return;
	}
	c->stats.answered++;
	c->stats.rtt_hist[rtt_bucket(o.rtt_us)]++;
	c->rtt_us += (int32_t)(o.rtt_us - c->rtt_us) / RTT_SMOOTH;
	answered(c, &o, msg, now_ns);
}

static bool is_own_id(const struct crawl *c, struct span id)
{
	return id.len == NODEID_BYTES && (memcmp(id.ptr, c->opts.own_id.b, NODEID_BYTES) == 0 ||
					  memcmp(id.ptr, c->alt_id.b, NODEID_BYTES) == 0);
}

static void malformed(struct crawl *c, const struct net_msg *m, int why)
{
	c->stats.malformed++;
	if (c->port.malformed)
		c->port.malformed(c->port.ctx, m->data, m->len, why);
}

/* A reply or an error whose t is ours by form. */
static void take_answer(struct crawl *c, const struct net_msg *from, const struct ticket *t,
			const struct krpc_msg *msg, uint64_t now_ns)
{
	uint32_t idx = ticket_slot(c, t);
	struct slot *slot = slots_get(&c->slots, idx, ticket_gen(t));

	if (msg->kind == KRPC_REPLY && msg->id.len != NODEID_BYTES) {
		malformed(c, from, DT_EMISSING); /* an answer that does not say who it is */
		return;
	}
	/* A t cut to four bytes has lost its seal: then the address must fit. */
	if (slot && !(t->whole ? slot->mac == t->mac : asked_there(c, slot, &from->peer)))
		slot = NULL;
	if (msg->kind == KRPC_REPLY && is_own_id(c, msg->id)) {
		c->stats.reflected++;
		/* A mirror is asked no more; this query of it expires. */
		if (slot)
			crawl_mirrored(c, slot->node);
		return;
	}
	if (slot)
		with_slot(c, idx, from, msg, now_ns);
	else
		without_slot(c, from, t, msg, now_ns);
}

/*
 * Nobody should ask us, who ask with ro=1: either our own question comes back, its t
 * intact, or somebody has us in its table. True where it belongs to another worker.
 */
static bool take_query(struct crawl *c, const struct net_msg *m, const struct krpc_msg *msg,
		       uint64_t now_ns)
{
	struct ticket t;
	struct slot *slot;
	int owner;

	if (!is_own_id(c, msg->id)) {
		if (net_deal(&m->peer, c->opts.shards) != c->opts.shard)
			return true; /* whose record, if any, another worker has */
		c->stats.queries_received++;
		crawl_asked_us(c, &m->peer, msg, now_ns);
		return false;
	}
	c->stats.reflected++;
	if (msg->t.len != T_BYTES)
		return false;
	t = ticket_read(msg->t.ptr);
	owner = ticket_owner(&t, c->opts.shards);
	if (owner < 0 || (unsigned)owner != c->opts.shard)
		return false;
	slot = slots_get(&c->slots, ticket_slot(c, &t), ticket_gen(&t));
	if (slot && slot->mac == t.mac)
		crawl_mirrored(c, slot->node);
	return false;
}

/* Returns true where the datagram belongs to another worker. */
static bool take(struct crawl *c, const struct net_msg *m, uint64_t now_ns)
{
	struct krpc_msg msg;
	struct ticket t;
	int owner, err;

	err = krpc_parse(span_of(m->data, m->len), &msg);
	if (err) {
		malformed(c, m, err);
		return false;
	}
	if (msg.kind == KRPC_QUERY)
		return take_query(c, m, &msg, now_ns);
	if (msg.t.len == T_BYTES) {
		t = ticket_read(msg.t.ptr);
	} else if (msg.t.len == T_BYTES / 2) {
		c->stats.truncated_t++;
		t = (struct ticket){ .head = le32(msg.t.ptr) };
	} else {
		c->stats.foreign++;
		return false;
	}
	owner = ticket_owner(&t, c->opts.shards);
	if (owner < 0)
		c->stats.foreign++;
	else if ((unsigned)owner != c->opts.shard)
		return true;
	else
		take_answer(c, m, &t, &msg, now_ns);
	return false;
}

/* Passes one and two: the memory of all slots, then of all nodes, side by side. */
static void look_ahead(const struct crawl *c, const struct net_msg *msgs, unsigned count)
{
	uint32_t idx[CRAWL_RX_BLOCK];
	unsigned found = 0;

	for (unsigned i = 0; i < count; i++) {
		const uint8_t *p = peek_t(msgs[i].data, msgs[i].len);
		struct ticket t;

		gate_prefetch_answer(c->gate, &msgs[i].peer);
		if (!p)
			continue;
		t = ticket_read(p);
		idx[found] = ticket_slot(c, &t);
		if (idx[found] < c->slots.top)
			slots_prefetch(&c->slots, idx[found++]);
	}
	for (unsigned i = 0; i < found; i++) {
		const struct slot *slot = slots_at(&c->slots, idx[i]);

		if (slot->cls != SLOTS_CLASSES)
			nodetab_prefetch_record(&c->tab, slot->node);
	}
}

void crawl_rx(struct crawl *c, uint64_t now_ns, const struct net_msg *msgs, unsigned count,
	      uint16_t *elsewhere, unsigned *elsewhere_count)
{
	*elsewhere_count = 0;
	for (unsigned from = 0; from < count; from += CRAWL_RX_BLOCK) {
		unsigned n = count - from < CRAWL_RX_BLOCK ? count - from : CRAWL_RX_BLOCK;

		look_ahead(c, msgs + from, n);
		for (unsigned i = from; i < from + n; i++)
			if (take(c, &msgs[i], now_ns))
				elsewhere[(*elsewhere_count)++] = (uint16_t)i;
		/* Contacts borrow their ids from the datagrams. */
		crawl_learn_flush(c);
	}
}
