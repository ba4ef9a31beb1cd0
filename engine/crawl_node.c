/* SPDX-License-Identifier: MIT */
#include "engine/crawl_impl.h"

enum {
	MENTIONS_FEW = 2,
	MENTIONS_MANY = 4,
};

static uint64_t draw(const struct crawl *c, uint32_t ref, uint64_t purpose)
{
	struct endpoint ep = nodetab_endpoint(&c->tab, ref);

	return crawl_draw(c, &ep, purpose);
}

bool crawl_random_chosen(const struct crawl *c, uint32_t ref)
{
	return (draw(c, ref, CRAWL_DRAW_CHOICE) >> 32) < c->mixing_below;
}

static struct nodeid random_target(const struct crawl *c, uint32_t ref, enum question q)
{
	struct nodeid out = { { 0 } };
	struct rng r;

	uint64_t head;

	rng_init(&r, draw(c, ref, CRAWL_DRAW_TARGET + q), 0);
	rng_bytes(&r, out.b, sizeof(out.b));
	if (!part_is_whole(&c->opts.part)) {
		head = __builtin_bswap64(part_place(&c->opts.part, nodeid_prefix64(&out)));
		memcpy(out.b, &head, sizeof(head));
	}
	/* cppcheck-suppress uninitvar ; rng_bytes() fills it */
	return out;
}

struct nodeid crawl_target(const struct crawl *c, uint32_t ref, enum question q)
{
	const struct node *n = nodetab_at(&c->tab, ref);
	unsigned up; /* buckets above the neighbourhood */

	switch (q) {
	case Q_FLIP0:
		up = 0;
		break;
	case Q_FLIP1:
		up = 1;
		break;
	case Q_FLIP2:
		up = 2;
		break;
	case Q_FIRST:
	case Q_MIX:
		return random_target(c, ref, q);
	case Q_OWN:
	case Q_AGAIN:
	case QUESTIONS:
	default:
		return n->id;
	}
	/* A sampled node without a known depth is asked at its own id. */
	if (n->depth == NODE_DEPTH_NONE || n->depth < up || n->depth - up >= NODEID_BITS)
		return n->id;
	return nodeid_flip(&n->id, n->depth - up);
}

/* ---- waiting rooms --------------------------------------------------------- */

/* No memory to queue it: it is given up, and counted like a contact without room. */
static void drop(struct crawl *c, struct node *n)
{
	n->todo = 0;
	n->flags &= (uint16_t)~NODE_QUEUED;
	c->stats.endpoints_full++;
	if (!(n->flags & NODE_ASKED))
		c->stats.frontier--;
}

static void enqueue(struct crawl *c, uint32_t ref, enum frontier_bag bag)
{
	struct node *n = nodetab_at(&c->tab, ref);

	n->flags |= NODE_QUEUED;
	if (frontier_put(&c->frontier, bag, ref))
		drop(c, n);
}

static enum frontier_bag bag_of(const struct node *n)
{
	if (n->flags & NODE_DOUBTED)
		return FRONTIER_LAST;
	if (n->flags & NODE_WARM)
		return FRONTIER_WARM;
	if (n->mentions >= MENTIONS_MANY)
		return FRONTIER_MANY;
	if (n->mentions >= MENTIONS_FEW)
		return FRONTIER_FEW;
	return n->mentions ? FRONTIER_ONCE : FRONTIER_WARM;
}

void crawl_wait_first(struct crawl *c, uint32_t ref)
{
	struct node *n = nodetab_at(&c->tab, ref);
	unsigned now = crawl_class(n), best;

	/* Only these counts change the bag. */
	if (now && !(n->flags & NODE_WARM) && n->mentions != MENTIONS_FEW &&
	    n->mentions != MENTIONS_MANY)
		return;
	best = bag_of(n);
	if (n->flags & (NODE_ASKED | NODE_QUEUED) || (now && now <= best))
		return;
	if (frontier_put(&c->frontier, (enum frontier_bag)best, ref)) {
		if (!now)
			c->stats.endpoints_full++;
		return;
	}
	if (!now) {
		c->stats.frontier++;
		c->waiting_first++;
	}
	crawl_set_class(n, best);
}

void crawl_go_on(struct crawl *c, uint32_t ref)
{
	struct node *n = nodetab_at(&c->tab, ref);

	if (n->todo && !(n->flags & (NODE_QUEUED | NODE_FLIGHT)))
		enqueue(c, ref, FRONTIER_FOLLOW);
}

void crawl_defer(struct crawl *c, uint32_t ref, uint64_t at_ns, uint64_t now_ns)
{
	struct node *n = nodetab_at(&c->tab, ref);

	n->flags |= NODE_QUEUED;
	if (frontier_defer(&c->frontier, ref, at_ns, now_ns))
		drop(c, n);
}

/* The third attempt: @opts.sweep_after_ns after the second one was sent. */
static void enqueue_sweep(struct crawl *c, uint32_t ref, uint64_t now_ns)
{
	struct node *n = nodetab_at(&c->tab, ref);
	uint64_t wait_ns = c->opts.sweep_after_ns > c->opts.timeout2_ns
				   ? c->opts.sweep_after_ns - c->opts.timeout2_ns
				   : 0;

	n->flags |= NODE_QUEUED;
	if (frontier_sweep_put(&c->frontier, ref, now_ns + wait_ns))
		drop(c, n);
}

/* ---- outcomes ---------------------------------------------------------------- */

static void settle(struct node *n, enum question q)
{
	n->todo &= (uint8_t) ~(1u << q);
	n->tries = 0;
	n->flags &= (uint16_t)~NODE_FLIGHT;
}

/* Is @q what this node is being asked? An answer may come to a question given up. */
static bool is_current(const struct node *n, enum question q)
{
	return n->flags & NODE_FLIGHT && crawl_question(n) == q;
}

static bool mixing_wanted(const struct crawl *c, uint32_t ref)
{
	/* A census that knows most endpoints from the one before has nothing to start up. */
	bool starting =
		c->tab.count < c->mixing_all_until && c->stats.warm_known < c->tab.count / 2;

	return starting || crawl_random_chosen(c, ref);
}

/* The node's neighbourhood is known: what else it is asked. */
static void plan_rest(struct crawl *c, uint32_t ref)
{
	struct node *n = nodetab_at(&c->tab, ref);
	unsigned level = c->zone_level[n->id.b[0]];
	bool deep = n->depth != NODE_DEPTH_NONE;

	if ((deep && n->depth >= 1) || c->opts.method == CRAWL_SAMPLE)
		n->todo |= 1u << Q_FLIP1;
	if (deep && n->depth >= 2 && level >= 3)
		n->todo |= 1u << Q_FLIP2;
	if (deep && n->depth < NODEID_BITS && level >= 4)
		n->todo |= 1u << Q_FLIP0;
	if (mixing_wanted(c, ref))
		n->todo |= 1u << Q_MIX;
}

void crawl_satisfied(struct crawl *c, uint32_t ref, enum question q, bool id_changed)
{
	struct node *n = nodetab_at(&c->tab, ref);

	settle(n, q);
	if (!crawl_inside(c, &n->id)) {
		n->todo = 0; /* it has shown the way, or is not whom it was said to be */
	} else if (c->opts.plan != CRAWL_PLAN_PING && c->opts.method != CRAWL_PING) {
		if (q == Q_FIRST)
			n->todo |= 1u << Q_OWN;
		else if (q == Q_OWN && id_changed)
			n->todo |= 1u << Q_AGAIN;
		else if (q == Q_OWN || q == Q_AGAIN)
			plan_rest(c, ref);
	}
	crawl_go_on(c, ref);
}

static void give_up(struct crawl *c, uint32_t ref, enum question q)
{
	struct node *n = nodetab_at(&c->tab, ref);

	settle(n, q);
	if (q == Q_FIRST || q == Q_OWN)
		n->todo = 0;
	else if (q == Q_AGAIN)
		plan_rest(c, ref);
	crawl_go_on(c, ref);
}

/* How many attempts somebody who has never answered is worth. */
static unsigned attempts_worth(const struct crawl *c, uint32_t ref)
{
	const struct node *n = nodetab_at(&c->tab, ref);
	struct endpoint ep;

	/* A service that keeps silent is asked once and never again (P7). */
	if (gate_is_service_port(n->port))
		return 1;
	if (!(n->flags & NODE_DOUBTED))
		return CRAWL_ATTEMPTS_Q1;
	ep = nodetab_endpoint(&c->tab, ref);
	return failures_count(c->opts.failures, &ep) >= FAILURES_HOPELESS ? 1 : 2;
}

void crawl_unanswered(struct crawl *c, uint32_t ref, enum question q, uint64_t now_ns)
{
	struct node *n = nodetab_at(&c->tab, ref);
	unsigned most = q == Q_FIRST || q == Q_OWN ? CRAWL_ATTEMPTS_Q1 : CRAWL_ATTEMPTS_Q2;

	if (!is_current(n, q))
		return;
	n->flags &= (uint16_t)~NODE_FLIGHT;
	if (!(n->flags & NODE_ANSWERED) && most > attempts_worth(c, ref))
		most = attempts_worth(c, ref);
	if (n->tries >= most)
		give_up(c, ref, q);
	else if (n->tries == CRAWL_ATTEMPTS_Q1 - 1)
		enqueue_sweep(c, ref, now_ns);
	else
		enqueue(c, ref, FRONTIER_RETRY);
}

void crawl_refused(struct crawl *c, uint32_t ref, enum question q, uint64_t now_ns)
{
	struct node *n = nodetab_at(&c->tab, ref);
	bool q1 = q == Q_FIRST || q == Q_OWN;

	n->flags |= NODE_ERROR;
	if (!is_current(n, q))
		return;
	n->flags &= (uint16_t)~NODE_FLIGHT;
	if (q == Q_FLIP1 && c->opts.method == CRAWL_SAMPLE && !(n->flags & NODE_NO_SAMPLE)) {
		/* It does not know the method: the same place by find_node. */
		n->flags |= NODE_NO_SAMPLE;
		n->tries = 0;
		crawl_go_on(c, ref);
	} else if (q1 && n->tries < CRAWL_ATTEMPTS_Q1) {
		/* It is there and will not talk now: one more time, late. */
		n->tries = CRAWL_ATTEMPTS_Q1 - 1;
		enqueue_sweep(c, ref, now_ns);
	} else {
		give_up(c, ref, q);
	}
}
