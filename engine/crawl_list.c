/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "engine/crawl_impl.h"

/**
 * DOC: edges. What a reply listed is said as it stands there, whether or not any
 * of it is learnt: who lists bogons is a finding too. At most LISTING_REPLY_MAX
 * contacts of one reply, so that nobody fills a disk with one datagram.
 */

enum { NODE4_BYTES = 26, NODE6_BYTES = 38, NS_PER_MS = 1000000 }; /* BEP 5, BEP 32 */

uint8_t crawl_list_depth(const struct crawl *c, uint32_t ref, enum question q)
{
	struct nodeid target;

	if (q == QUESTIONS)
		return LISTING_DEPTH_UNKNOWN;
	target = crawl_target(c, ref, q);
	return (uint8_t)nodeid_common_bits(&target, &nodetab_at(&c->tab, ref)->id);
}

static void begin(const struct crawl *c, uint32_t ref, uint64_t now_ns, struct listing *l)
{
	l->when_ms = (now_ns + c->wall_minus_now_ns) / NS_PER_MS;
	l->id = nodetab_at(&c->tab, ref)->id;
	l->from = nodetab_endpoint(&c->tab, ref);
	l->count = 0;
}

static void take(struct crawl *c, struct listing *l, const struct nodeid *id,
		 const struct endpoint *ep)
{
	if (!ep->port || nodeid_equal(id, &c->opts.own_id) || endpoint_equal(ep, &l->from))
		return; /* no endpoint, ourselves, itself */
	l->contacts[l->count++] = (struct listing_contact){ .id = *id, .ep = *ep };
	if (l->count < LISTING_CONTACTS)
		return;
	c->port.listing(c->port.ctx, l);
	l->count = 0;
}

static size_t least(size_t a, size_t b)
{
	return a < b ? a : b;
}

void crawl_list_reply(struct crawl *c, uint32_t ref, uint8_t depth, const struct krpc_msg *msg,
		      uint64_t now_ns)
{
	size_t all4 = msg->nodes.len / NODE4_BYTES, all6 = msg->nodes6.len / NODE6_BYTES;
	size_t four = least(all4, LISTING_REPLY_MAX);
	size_t six = least(all6, LISTING_REPLY_MAX - four);
	struct listing l = { .depth = depth, .outcome = LISTING_ANSWERED };
	struct endpoint ep;
	struct nodeid id;

	begin(c, ref, now_ns, &l);
	l.listed = (uint8_t)least(all4 + all6, UINT8_MAX);
	for (size_t i = 0; i < four; i++) {
		krpc_node4(msg->nodes, i, &id, &ep);
		take(c, &l, &id, &ep);
	}
	for (size_t i = 0; i < six; i++) {
		krpc_node6(msg->nodes6, i, &id, &ep);
		take(c, &l, &id, &ep);
	}
	/* An empty answer is an answer. */
	if (l.count || four + six == 0)
		c->port.listing(c->port.ctx, &l);
}

void crawl_list_failure(struct crawl *c, uint32_t ref, enum question q,
			enum listing_outcome outcome, uint64_t now_ns)
{
	struct listing l = { .outcome = (uint8_t)outcome };

	if (!(nodetab_at(&c->tab, ref)->flags & NODE_HAS_ID))
		return; /* nobody that could be named */
	l.depth = crawl_list_depth(c, ref, q);
	begin(c, ref, now_ns, &l);
	c->port.listing(c->port.ctx, &l);
}
