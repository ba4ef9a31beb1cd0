/* SPDX-License-Identifier: MIT */
#include "engine/crawl_impl.h"

/* ---- waiting rooms --------------------------------------------------------- */

/* No memory to queue it: it is given up, and counted like a contact without room. */
static void drop(struct crawl *c, struct node *n)
{
	n->todo = 0;
	n->probing = 0;
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
	if (n->mentions >= CRAWL_MENTIONS_MANY)
		return FRONTIER_MANY;
	if (n->mentions >= CRAWL_MENTIONS_FEW)
		return FRONTIER_FEW;
	return n->mentions ? FRONTIER_ONCE : FRONTIER_WARM;
}

void crawl_wait_better(struct crawl *c, uint32_t ref, struct node *n)
{
	unsigned now = crawl_class(n), best = bag_of(n);

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

	if ((n->todo || n->probing) && !(n->flags & (NODE_QUEUED | NODE_FLIGHT)))
		enqueue(c, ref, FRONTIER_FOLLOW);
	else if (c->walks && !n->todo)
		crawl_walks_end(c, ref);
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
	if (q == Q_PROBE)
		n->probing = 0;
	else
		n->todo &= (uint8_t) ~(1u << q);
	n->tries = 0;
	n->flags &= (uint16_t)~NODE_FLIGHT;
}

/* Is @q what this node is being asked? An answer may come to a question given up. */
static bool is_current(const struct node *n, enum question q)
{
	return n->flags & NODE_FLIGHT && crawl_question(n) == q;
}

void crawl_satisfied(struct crawl *c, uint32_t ref, enum question q, bool id_changed, bool news)
{
	struct node *n = nodetab_at(&c->tab, ref);

	settle(n, q);
	if (q == Q_PROBE)
		n->probing = crawl_probe_more(c, ref);
	if (!crawl_inside(c, &n->id)) {
		n->todo = 0; /* it has shown the way, or is not whom it was said to be */
		n->probing = 0;
	} else if (c->opts.plan != CRAWL_PLAN_PING && c->opts.method != CRAWL_PING) {
		if (q == Q_FIRST && crawl_shape(c->opts.plan)->own)
			n->todo |= 1u << Q_OWN;
		else if (q == Q_OWN && id_changed)
			n->todo |= 1u << Q_AGAIN;
		else if (q == Q_OWN || q == Q_AGAIN || q == Q_FIRST)
			crawl_plan_rest(c, ref);
		else if (q == Q_WALK)
			crawl_walk_on(c, ref, news);
	}
	crawl_go_on(c, ref);
}

static void give_up(struct crawl *c, uint32_t ref, enum question q, enum listing_outcome outcome,
		    uint64_t now_ns)
{
	struct node *n = nodetab_at(&c->tab, ref);

	if (c->port.listing)
		crawl_list_failure(c, ref, q, outcome, now_ns);
	settle(n, q);
	if (!(n->flags & NODE_ANSWERED))
		n->todo = 0;
	else if (q == Q_AGAIN)
		crawl_plan_rest(c, ref);
	else if (q == Q_WALK)
		crawl_walk_on(c, ref, true); /* what it would have told is not known */
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
	/* A census that is gone on with may have lost its memory. */
	if (!c->opts.failures)
		return 2;
	return failures_count(c->opts.failures, &ep) >= FAILURES_HOPELESS ? 1 : 2;
}

void crawl_unanswered(struct crawl *c, uint32_t ref, enum question q, uint64_t now_ns)
{
	struct node *n = nodetab_at(&c->tab, ref);
	bool q1 = q == Q_FIRST || q == Q_OWN || !(n->flags & NODE_ANSWERED);
	unsigned most = q1 ? CRAWL_ATTEMPTS_Q1 : CRAWL_ATTEMPTS_Q2;

	if (!is_current(n, q))
		return;
	n->flags &= (uint16_t)~NODE_FLIGHT;
	if (!(n->flags & NODE_ANSWERED) && most > attempts_worth(c, ref))
		most = attempts_worth(c, ref);
	if (n->tries >= most)
		give_up(c, ref, q, LISTING_SILENT, now_ns);
	else if (n->tries == CRAWL_ATTEMPTS_Q1 - 1)
		enqueue_sweep(c, ref, now_ns);
	else
		enqueue(c, ref, FRONTIER_RETRY);
}

void crawl_refused(struct crawl *c, uint32_t ref, enum question q, uint64_t now_ns)
{
	struct node *n = nodetab_at(&c->tab, ref);
	bool q1 = q == Q_FIRST || q == Q_OWN || !(n->flags & NODE_ANSWERED);

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
		give_up(c, ref, q, LISTING_REFUSED, now_ns);
	}
}
