/* SPDX-License-Identifier: MIT */
#include "engine/crawl_impl.h"

/* Sixteen bits of an introducer; 0 is the empty tag. */
static uint16_t tag_of(uint32_t introducer)
{
	uint16_t tag = (uint16_t)(introducer ^ introducer >> 16);

	return tag ? tag : 1;
}

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

static struct endpoint endpoint_of(const struct nodetab_key *key)
{
	struct endpoint ep = { .port = key->port };

	if (!key->v6)
		return endpoint_ip4(key->ip, key->port);
	memcpy(ep.addr, key->addr6, sizeof(ep.addr));
	return ep;
}

static void mention(struct crawl *c, uint32_t ref, const struct learn *l)
{
	struct node *n = nodetab_at(&c->tab, ref);

	if (!l->introducer || !nodetab_mention(n, tag_of(l->introducer)))
		return;
	if (n->flags & NODE_ASKED)
		return;
	if (n->flags & NODE_REFUSED) {
		/* A second introducer opens a service port (P7); nothing opens the others. */
		if (n->mentions != 2)
			return;
		n->flags &= (uint16_t)~NODE_REFUSED;
	}
	if (n->mentions > 1)
		crawl_wait_first(c, ref);
}

static void add(struct crawl *c, const struct learn *l)
{
	struct endpoint ep = endpoint_of(&l->key);
	enum gate_reason why = gate_may_learn(c->gate, &ep);
	struct node *n;
	uint32_t ref;

	if (why != GATE_OK) {
		c->stats.endpoints_refused[why]++;
		return;
	}
	if (!charge_introducer(c, l->introducer_ref))
		return;
	if (nodetab_add(&c->tab, &l->key, &ref)) {
		c->stats.endpoints_full++;
		return;
	}
	n = nodetab_at(&c->tab, ref);
	if (l->id) {
		memcpy(n->id.b, l->id, NODEID_BYTES);
		n->flags |= NODE_HAS_ID;
	}
	/* A ping needs no target, so it needs no id. */
	n->todo = l->id || c->opts.plan == CRAWL_PLAN_PING || c->opts.method == CRAWL_PING
			  ? 1u << Q_OWN
			  : 1u << Q_FIRST;
	if (l->introducer)
		nodetab_mention(n, tag_of(l->introducer));
	crawl_wait_first(c, ref);
}

void crawl_learn_flush(struct crawl *c)
{
	for (unsigned i = 0; i < c->batched; i++)
		c->batch[i].guess = nodetab_guess(&c->tab, &c->batch[i].key);
	for (unsigned i = 0; i < c->batched; i++) {
		const struct learn *l = &c->batch[i];
		uint32_t ref = l->guess;

		/* No guess: it was not there, but one of this batch may have added it. */
		if (ref == NODETAB_NONE || !nodetab_is(&c->tab, ref, &l->key))
			ref = nodetab_find(&c->tab, &l->key);
		if (ref == NODETAB_NONE)
			add(c, l);
		else
			mention(c, ref, l);
	}
	c->batched = 0;
}

void crawl_learn(struct crawl *c, const struct learn *l)
{
	if (c->batched == CRAWL_LEARN_BATCH)
		crawl_learn_flush(c);
	nodetab_prefetch(&c->tab, &l->key);
	c->batch[c->batched++] = *l;
}

/* Another shard owns it. */
static void forward(struct crawl *c, unsigned shard, const struct learn *l)
{
	struct crawl_contact contact = { .ep = endpoint_of(&l->key),
					 .introducer = l->introducer,
					 .has_id = true };

	if (!charge_introducer(c, l->introducer_ref))
		return;
	memcpy(contact.id.b, l->id, NODEID_BYTES);
	c->port.contact(c->port.ctx, shard, &contact);
}

/* What all contacts of one reply have in common. */
struct reply {
	const struct nodeid *target;
	uint32_t introducer, introducer_ref;
	struct endpoint from;
	unsigned depth;
};

/* One listed id: false where it is our own. Keeps the farthest from the target. */
static bool take_id(struct crawl *c, struct reply *r, const struct nodeid *id)
{
	unsigned common;

	if (nodeid_equal(id, &c->opts.own_id)) {
		c->stats.reflected++;
		return false;
	}
	if (!r->target)
		return true;
	common = nodeid_common_bits(r->target, id);
	if (common < r->depth)
		r->depth = common;
	return true;
}

static void take4(struct crawl *c, struct reply *r, const uint8_t *p)
{
	uint32_t ip = (uint32_t)p[20] << 24 | (uint32_t)p[21] << 16 | (uint32_t)p[22] << 8 | p[23];
	struct learn l = { .id = p,
			   .introducer = r->introducer,
			   .introducer_ref = r->introducer_ref };
	unsigned owner = c->opts.shards > 1 ? net_deal4(ip, c->opts.shards) : 0;

	l.key = nodetab_key4(&c->tab, ip, (uint16_t)(p[24] << 8 | p[25]));
	if (owner == c->opts.shard)
		crawl_learn(c, &l);
	else
		forward(c, owner, &l);
}

static void take6(struct crawl *c, struct reply *r, const uint8_t *p)
{
	struct learn l = { .id = p,
			   .introducer = r->introducer,
			   .introducer_ref = r->introducer_ref };
	struct endpoint ep = { .port = (uint16_t)(p[36] << 8 | p[37]) };
	unsigned owner;

	memcpy(ep.addr, p + 20, sizeof(ep.addr));
	if (endpoint_is4(&ep))
		return; /* an IPv4 endpoint in disguise belongs into nodes */
	owner = c->opts.shards > 1 ? net_deal(&ep, c->opts.shards) : 0;
	l.key = nodetab_key(&c->tab, &ep);
	l.key.addr6 = p + 20;
	if (owner == c->opts.shard)
		crawl_learn(c, &l);
	else
		forward(c, owner, &l);
}

unsigned crawl_learn_reply(struct crawl *c, uint32_t ref, const struct krpc_msg *msg,
			   const struct nodeid *target)
{
	enum { NODE4 = 26, NODE6 = 38 };
	struct reply r = { .target = target,
			   .introducer_ref = ref,
			   .from = nodetab_endpoint(&c->tab, ref),
			   .depth = NODE_DEPTH_NONE };
	struct nodeid id;
	struct endpoint ep;

	r.introducer = crawl_who(c, &r.from);
	for (size_t i = 0; i < msg->nodes.len / NODE4; i++) {
		krpc_node4(msg->nodes, i, &id, &ep);
		if (take_id(c, &r, &id) && !endpoint_equal(&ep, &r.from))
			take4(c, &r, msg->nodes.ptr + i * NODE4);
	}
	for (size_t i = 0; c->opts.learn6 && i < msg->nodes6.len / NODE6; i++) {
		krpc_node6(msg->nodes6, i, &id, &ep);
		if (take_id(c, &r, &id) && !endpoint_equal(&ep, &r.from))
			take6(c, &r, msg->nodes6.ptr + i * NODE6);
	}
	return r.depth;
}
