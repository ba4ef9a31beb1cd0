/* SPDX-License-Identifier: MIT */
#include <assert.h>
#include <endian.h>
#include <errno.h>
#include <string.h>

#include "engine/crawl_impl.h"

enum {
	GATE_AHEAD = 16, /* likewise the gate's budgets: so many questions before they are asked */
};

/* ---- the hand: whose turn it is ---------------------------------------------- */

/* Is an entry of @bag still true? A first question may have moved to a better bag. */
static bool still_there(struct crawl *c, enum frontier_bag bag, uint32_t ref)
{
	struct node *n = nodetab_at(&c->tab, ref);

	if (bag < FRONTIER_WARM)
		return true;
	if (crawl_class(n) != bag)
		return false;
	crawl_set_class(n, 0);
	c->waiting_first--;
	n->flags |= NODE_QUEUED;
	return true;
}

static bool hand_full(const struct crawl *c, unsigned want)
{
	return c->in_hand >= want;
}

static void take_picked(struct crawl *c)
{
	for (unsigned i = 0; i < c->picked; i++)
		if (still_there(c, (enum frontier_bag)c->pick_bag[i], c->pick[i]))
			c->hand[c->in_hand++] = c->pick[i];
	c->picked = 0;
}

/* Up to @want more. Their records come while something else is done. */
static unsigned pick(struct crawl *c, enum frontier_bag bag, unsigned want)
{
	unsigned n = frontier_take(&c->frontier, bag, c->pick + c->picked, want);

	for (unsigned i = c->picked; i < c->picked + n; i++) {
		c->pick_bag[i] = (uint8_t)bag;
		nodetab_prefetch_record(&c->tab, c->pick[i]);
	}
	c->picked += n;
	return n;
}

static void draw_bag(struct crawl *c, enum frontier_bag bag, unsigned want)
{
	while (!hand_full(c, want) && pick(c, bag, want - c->in_hand))
		take_picked(c);
}

static void draw_timed(struct crawl *c, uint64_t now_ns, unsigned want,
		       unsigned (*take)(struct frontier *f, uint64_t now_ns, uint32_t *refs,
					unsigned max))
{
	unsigned n;

	if (hand_full(c, want))
		return;
	n = take(&c->frontier, now_ns, c->hand + c->in_hand, want - c->in_hand);
	for (unsigned i = 0; i < n; i++)
		nodetab_prefetch_record(&c->tab, c->hand[c->in_hand + i]);
	c->in_hand += n;
}

/* Second attempts go mostly to the dead and hold their slots for long: as long as
 * there are first questions they leave a quarter of the slots to these. */
static bool retries_may_go(const struct crawl *c)
{
	return c->waiting_first == 0 || c->slots.used < c->slots.allowed / 4 * 3;
}

/* For the next turn, in the order of the bags. By then their records are here. */
static void pick_ahead(struct crawl *c, unsigned want)
{
	if (hand_full(c, want))
		return;
	want -= c->in_hand;
	for (unsigned b = FRONTIER_FOLLOW; b < FRONTIER_BAGS && c->picked < want; b++)
		if (b != FRONTIER_RETRY || retries_may_go(c))
			pick(c, (enum frontier_bag)b, want - c->picked);
}

static void draw(struct crawl *c, uint64_t now_ns, unsigned want)
{
	assert(c->in_hand + c->picked <= CRAWL_HAND_MAX); /* pick_ahead() left so much room */
	take_picked(c);
	draw_bag(c, FRONTIER_FOLLOW, want);
	draw_timed(c, now_ns, want, frontier_deferred_take);
	if (retries_may_go(c))
		draw_bag(c, FRONTIER_RETRY, want);
	for (unsigned b = FRONTIER_WARM; b < FRONTIER_BAGS; b++)
		draw_bag(c, (enum frontier_bag)b, want);
	draw_timed(c, now_ns, want, frontier_sweep_take);
}

/* ---- one question -------------------------------------------------------------- */

static const struct krpc_template *template_of(const struct crawl *c, uint32_t ref, enum question q)
{
	const struct node *n = nodetab_at(&c->tab, ref);

	if (q == Q_PROBE)
		return &c->probe;
	if (c->survey)
		return crawl_survey_template(c, ref);
	if (c->opts.plan == CRAWL_PLAN_PING || c->opts.method == CRAWL_PING)
		return &c->ping;
	if (c->opts.method == CRAWL_SAMPLE && q == Q_FLIP1 && !(n->flags & NODE_NO_SAMPLE))
		return &c->sample;
	/* Once per node and to a tenth of them: the way from one overlay into the other. */
	if (c->opts.learn6 && q == Q_MIX && !(n->flags & NODE_V6) &&
	    c->opts.method == CRAWL_FIND_NODE && crawl_random_chosen(c, ref))
		return &c->find46;
	return &c->find;
}

/* Beyond what the plan asks of every node? */
static bool is_raised(const struct crawl *c, enum question q)
{
	return (q == Q_FLIP2 || q == Q_FLIP0) && !(c->plan_rest >> q & 1);
}

/* The counters of a first attempt, up by one or, when the kernel refused it, down. */
static void count_first(struct crawl *c, uint32_t ref, enum question q, uint64_t by)
{
	c->stats.first_attempts += by;
	if (is_raised(c, q))
		c->stats.raised_sent += by;
	if (q == Q_PROBE)
		c->stats.probes_sent += by;
	if (q != Q_MIX && q != Q_FIRST)
		return;
	c->stats.mixing_sent += by;
	if (q == Q_FIRST || !crawl_random_chosen(c, ref))
		c->stats.startup_mixing_sent += by;
}

static void count_sent(struct crawl *c, uint32_t ref, enum question q)
{
	struct node *n = nodetab_at(&c->tab, ref);

	c->stats.sent++;
	if (n->tries == 0)
		count_first(c, ref, q, 1);
	else
		c->stats.retries_sent++;
	if (!(n->flags & NODE_ASKED)) {
		c->stats.endpoints_asked++;
		c->stats.frontier--;
	}
	n->flags = (uint16_t)((n->flags & ~NODE_QUEUED) | NODE_ASKED | NODE_FLIGHT);
	n->tries++;
	if (n->attempts < UINT8_MAX)
		n->attempts++;
}

/* A slot was found to be there before. */
static void write_query(struct crawl *c, uint32_t ref, const struct endpoint *ep, uint64_t now_ns,
			struct net_msg *msg)
{
	struct node *n = nodetab_at(&c->tab, ref);
	enum question q = crawl_question(n);
	const struct krpc_template *tp = template_of(c, ref, q);
	uint32_t idx =
		slots_take(&c->slots, n->tries ? SLOTS_REPEAT : SLOTS_FIRST, crawl_us(now_ns));
	struct slot *slot = slots_at(&c->slots, idx);
	uint32_t head =
		(uint32_t)slot->gen << SLOTS_IDX_BITS | c->opts.shard << c->shard_shift | idx;
	uint8_t t[KRPC_TEMPLATE_T];
	uint64_t both;

	slot->node = ref;
	slot->mac = cookie_make(&c->cookie, ep, head, now_ns);
	slot->v6 = n->flags & NODE_V6;
	slot->ip = n->ip;
	slot->port = n->port;
	slot->question = (uint8_t)q;
	slot->attempt = (uint8_t)(n->tries + 1);
	both = htole64((uint64_t)slot->mac << 32 | head);
	memcpy(t, &both, sizeof(t));
	krpc_template_write(tp, NULL, t, msg->data);
	if (tp->target_at)
		crawl_aim(c, ref, q, msg->data + tp->target_at);
	msg->len = tp->len;
	msg->peer = *ep;
	msg->tag = head;
	count_sent(c, ref, q);
}

static void never(struct crawl *c, struct node *n)
{
	if (!(n->flags & NODE_ASKED))
		c->stats.frontier--;
	n->flags = (uint16_t)((n->flags & ~NODE_QUEUED) | NODE_REFUSED);
}

/* The next few of the hand: their addresses, and the gate's memory of them, side by side. */
struct ahead {
	unsigned until; /* place in the hand, not looked at yet */
	struct endpoint ep[2 * GATE_AHEAD];
	struct gate_look look[2 * GATE_AHEAD];
};

/* @room: so many more may be asked in this turn. */
static void look_ahead(const struct crawl *c, unsigned at, unsigned room, struct ahead *a)
{
	unsigned until = at + (room < GATE_AHEAD ? room : GATE_AHEAD);

	if (until > c->in_hand)
		until = c->in_hand;
	for (; a->until < until; a->until++) {
		unsigned i = a->until % (2 * GATE_AHEAD);

		a->ep[i] = nodetab_endpoint(&c->tab, c->hand[a->until]);
		gate_prefetch(c->gate, &a->ep[i], &a->look[i]);
	}
}

/* The one whose turn it is, past the gate into @msg or elsewhere; false where the rate is used up.
 */
static bool ask_one(struct crawl *c, unsigned at, struct ahead *ahead, uint64_t now_ns,
		    struct net_msg *msg, bool *written)
{
	uint32_t ref = c->hand[at];
	struct node *n = nodetab_at(&c->tab, ref);
	const struct endpoint *ep = &ahead->ep[at % (2 * GATE_AHEAD)];
	enum gate_reason why;
	uint64_t retry_ns = now_ns;

	*written = false;
	if (crawl_question(n) == QUESTIONS) { /* settled while it waited */
		n->flags &= (uint16_t)~NODE_QUEUED;
		return true;
	}
	switch (gate_admit_looked(c->gate, ep, &ahead->look[at % (2 * GATE_AHEAD)], n->mentions,
				  now_ns, &why, &retry_ns)) {
	case GATE_FULL:
		c->rate_until_ns = retry_ns;
		return false;
	case GATE_PASS:
		write_query(c, ref, ep, now_ns, msg);
		*written = true;
		break;
	case GATE_LATER:
		crawl_defer(c, ref, retry_ns, now_ns);
		break;
	case GATE_NEVER:
		never(c, n);
		break;
	}
	return true;
}

unsigned crawl_tx(struct crawl *c, uint64_t now_ns, struct net_msg *msgs, unsigned count)
{
	unsigned written = 0, at = 0, want = count < CRAWL_HAND_MAX ? count : CRAWL_HAND_MAX;
	struct ahead ahead; /* 2 KB: what it holds is written before it is read */
	bool sent;

	ahead.until = 0;
	if (c->stopped || now_ns < c->rate_until_ns)
		return 0;
	if (slots_full(&c->slots)) {
		c->stats.ring_full++;
		return 0;
	}
	draw(c, now_ns, want);
	for (; at < c->in_hand && written < count && !slots_full(&c->slots); at++) {
		uint32_t places = slots_left(&c->slots);

		look_ahead(c, at, places < count - written ? places : count - written, &ahead);
		if (!ask_one(c, at, &ahead, now_ns, &msgs[written], &sent))
			break;
		written += sent;
	}
	c->in_hand -= at;
	memmove(c->hand, c->hand + at, c->in_hand * sizeof(c->hand[0]));
	pick_ahead(c, want);
	return written;
}

/* ---- sends that never left ------------------------------------------------------ */

static bool is_passing(int err)
{
	return err == -EAGAIN || err == -ENOBUFS || err == -ENOMEM || err == -EINTR;
}

void crawl_send_failed(struct crawl *c, uint64_t tag, int err, uint64_t now_ns)
{
	uint32_t idx = (uint32_t)tag & ((1u << c->shard_shift) - 1);
	struct slot *slot = slots_get(
		&c->slots, idx, (unsigned)(tag >> SLOTS_IDX_BITS) & ((1u << SLOTS_GEN_BITS) - 1));
	enum question q;
	struct node *n;
	uint32_t ref;

	if (!slot)
		return; /* expired while the device held it: it counts as lost */
	ref = slot->node;
	q = (enum question)slot->question;
	n = nodetab_at(&c->tab, ref);
	c->stats.sent--;
	c->stats.send_failed++;
	if (slot->attempt == 1)
		count_first(c, ref, q, (uint64_t)-1);
	else
		c->stats.retries_sent--;
	if (n->attempts > 0)
		n->attempts--;
	slots_release(&c->slots, idx);
	if (!(n->flags & NODE_FLIGHT) || crawl_question(n) != q)
		return;
	if (!is_passing(err)) {
		/* This destination is refused: the attempt is spent, though nothing was sent. */
		crawl_unanswered(c, ref, q, now_ns);
		return;
	}
	n->flags &= (uint16_t)~NODE_FLIGHT;
	n->tries--;
	crawl_defer(c, ref, now_ns + CRAWL_RESEND_NS, now_ns);
}
