/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

#include "engine/crawl_impl.h"

enum {
	NS_PER_MS = 1000000,
	IDS_SEED = 1, /* of the hashes that distinct counts stand on: the same in every shard */
};

struct crawl_opts crawl_opts_default(void)
{
	const uint64_t s = 1000000000;

	return (struct crawl_opts){
		.shards = 1,
		.plan = CRAWL_PLAN_2PLUS,
		.method = CRAWL_FIND_NODE,
		.v = { 'D', 'T', 0, 1 },
		.mixing = 0.10,
		.mixing_all_until = 50000,
		.timeout1_ns = 2 * s,
		.timeout2_ns = 4 * s,
		.sweep_after_ns = 60 * s,
		.late_ns = 15 * s,
		.slots_log2 = 21,
		.endpoints_max = 32 << 20,
		.raise_above = 0.002,
	};
}

/* ---- life ------------------------------------------------------------------- */

static int make_template(const struct crawl_opts *opts, enum krpc_method method,
			 struct krpc_template *out)
{
	struct krpc_query q = { .method = method,
				.v = span_of(opts->v, sizeof(opts->v)),
				.id = opts->own_id,
				.ro = true };

	return krpc_template_init(out, &q);
}

/* The one question that says want: a census of IPv4 alone never does (census P23). */
static int make_find46(const struct crawl_opts *opts, struct krpc_template *out)
{
	struct krpc_query q = { .method = KRPC_FIND_NODE,
				.v = span_of(opts->v, sizeof(opts->v)),
				.id = opts->own_id,
				.ro = true,
				.want = KRPC_WANT_N4 | KRPC_WANT_N6 };

	return krpc_template_init(out, &q);
}

static int make_templates(struct crawl *c)
{
	bool peers = c->opts.method == CRAWL_GET_PEERS;
	int err = make_template(&c->opts, peers ? KRPC_GET_PEERS : KRPC_FIND_NODE, &c->find);
	struct crawl_opts other = c->opts;

	other.own_id = c->alt_id;
	if (!err)
		err = make_template(&other, KRPC_FIND_NODE, &c->probe);
	if (!err)
		err = make_find46(&c->opts, &c->find46);
	if (!err)
		err = make_template(&c->opts, KRPC_PING, &c->ping);
	if (!err)
		err = make_template(&c->opts, KRPC_SAMPLE_INFOHASHES, &c->sample);
	return err;
}

static unsigned bits_for(unsigned shards)
{
	return shards > 1 ? 32 - (unsigned)__builtin_clz(shards - 1) : 0;
}

static bool opts_good(const struct crawl_opts *o)
{
	return o->shards >= 1 && o->shards <= NET_WORKERS_MAX && o->shard < o->shards &&
	       o->slots_log2 <= SLOTS_IDX_BITS - bits_for(o->shards) && o->mixing >= 0 &&
	       o->mixing <= 1 && (unsigned)o->method <= CRAWL_SAMPLE &&
	       (unsigned)o->plan < CRAWL_PLANS;
}

static int make_parts(struct crawl *c, uint64_t now_ns)
{
	const struct crawl_opts *o = &c->opts;
	uint64_t timeouts[SLOTS_CLASSES] = { o->timeout1_ns, o->timeout2_ns };
	uint64_t secret;
	int err;

	/* The table's hash hangs on a secret, for contacts come from strangers, who may
	 * know the seed; nothing that can be seen hangs on the table's hash. */
	memcpy(&secret, o->mac_key, sizeof(secret));
	err = nodetab_init(&c->tab, o->endpoints_max, o->endpoints_hint, secret);
	if (!err)
		err = slots_init(&c->slots, o->slots_log2, timeouts);
	if (!err)
		err = frontier_init(&c->frontier, o->endpoints_max, o->seed + o->shard, now_ns);
	if (!err)
		err = make_templates(c);
	if (!err && crawl_shape(o->plan)->walk == CRAWL_WALK_DRAIN)
		err = crawl_walks_new(&c->walks);
	if (!err && o->plan == CRAWL_PLAN_SURVEY)
		err = crawl_survey_new(o, &c->survey);
	return err;
}

static uint64_t mixing_until(const struct crawl_opts *o)
{
	uint64_t all = o->mixing_all_until, part = (uint64_t)((double)all * part_share(&o->part));

	if (part < CRAWL_MIXING_MIN)
		part = all < CRAWL_MIXING_MIN ? all : CRAWL_MIXING_MIN;
	return part / o->shards;
}

int crawl_new(const struct crawl_opts *opts, struct gate *gate, const struct crawl_port *port,
	      uint64_t now_ns, uint64_t wall_minus_now_ns, struct crawl **out)
{
	struct crawl *c;
	int err;

	*out = NULL;
	if (!opts_good(opts))
		return -EINVAL;
	c = calloc(1, sizeof(*c));
	if (!c)
		return -ENOMEM;
	c->opts = *opts;
	c->who_seed = rng_mix(c->opts.seed + CRAWL_DRAW_WHO);
	c->who_seed4 = rng_mix(c->who_seed); /* ^ the first half of such an address: zero */
	for (unsigned i = 0; i < NODEID_BYTES; i++)
		c->alt_id.b[i] = (uint8_t)~opts->own_id.b[i];
	c->gate = gate;
	c->port = *port;
	c->wall_minus_now_ns = wall_minus_now_ns;
	c->shard_shift = SLOTS_IDX_BITS - bits_for(opts->shards);
	c->mixing_below = (uint32_t)(opts->mixing * UINT32_MAX);
	c->mixing_all_until = mixing_until(opts);
	c->listed.below = UINT64_MAX;
	c->listed.max = opts->plan == CRAWL_PLAN_DRAIN ? CRAWL_LISTED_DRAIN_MAX : CRAWL_LISTED_MAX;
	c->plan_rest = crawl_shape(opts->plan)->rest;
	memset(c->zone_rest, c->plan_rest, sizeof(c->zone_rest));
	cookie_init(&c->cookie, opts->mac_key, opts->late_ns);
	err = make_parts(c, now_ns);
	if (err) {
		crawl_free(c);
		return err;
	}
	slots_allow(&c->slots, CRAWL_SLOTS_MIN);
	*out = c;
	return 0;
}

void crawl_free(struct crawl *c)
{
	if (!c)
		return;
	nodetab_free(&c->tab);
	slots_free(&c->slots);
	suspects_free(&c->suspects);
	free(c->judged);
	frontier_free(&c->frontier);
	crawl_walks_free(c->walks);
	crawl_survey_free(c->survey);
	free(c->listed.at);
	free(c);
}

void crawl_stop(struct crawl *c)
{
	c->stopped = true;
}

/* ---- from outside -------------------------------------------------------------- */

void crawl_offer(struct crawl *c, const struct crawl_contact *list, unsigned count, uint64_t now_ns)
{
	(void)now_ns;
	for (unsigned i = 0; i < count; i++) {
		const struct crawl_contact *contact = &list[i];
		struct nodetab_key key;
		struct learn l = { .id = contact->has_id ? contact->id.b : NULL,
				   .tag = crawl_tag(contact->introducer),
				   .by = { .introducer_ref = NODETAB_NONE,
					   .flags = (contact->confirmed ? LEARN_CONFIRMED : 0u) |
						    (contact->doubted ? LEARN_DOUBTED : 0u) } };

		if (!endpoint_is4(&contact->ep) && !c->opts.learn6)
			continue;
		key = nodetab_key(&c->tab, &contact->ep);
		l.hash = key.hash;
		l.ip = key.ip;
		l.port = key.port;
		l.by.flags |= key.v6 ? LEARN_V6 : 0u;
		crawl_learn(c, &l, key.addr6);
	}
	/* Contacts borrow their ids from @list. */
	crawl_learn_flush(c);
}

/* ---- time ---------------------------------------------------------------------- */

static void expire(struct crawl *c, uint64_t now_ns)
{
	enum { BATCH = 64 };
	uint32_t idx[BATCH];

	for (unsigned done = 0; done < CRAWL_EXPIRE_MAX;) {
		unsigned n = slots_expired(&c->slots, crawl_us(now_ns), idx, BATCH);

		for (unsigned i = 0; i < n; i++)
			nodetab_prefetch_record(&c->tab, slots_at(&c->slots, idx[i])->node);
		for (unsigned i = 0; i < n; i++) {
			const struct slot *slot = slots_at(&c->slots, idx[i]);
			uint32_t ref = slot->node;
			enum question q = (enum question)slot->question;

			slots_release(&c->slots, idx[i]);
			c->stats.expired++;
			crawl_unanswered(c, ref, q, now_ns);
		}
		if (n < BATCH)
			return;
		done += n;
	}
}

void crawl_tick(struct crawl *c, uint64_t now_ns)
{
	uint64_t share = (uint64_t)c->tab.count * CRAWL_SLOTS_SHARE_NUM / CRAWL_SLOTS_SHARE_DEN;

	slots_allow(&c->slots, share > CRAWL_SLOTS_MIN ? share : CRAWL_SLOTS_MIN);
	expire(c, now_ns);
}

/* Anything that could be sent at once, were there a slot? */
static bool ready(const struct crawl *c)
{
	return c->in_hand || c->picked || c->waiting_first ||
	       frontier_count(&c->frontier, FRONTIER_FOLLOW) ||
	       frontier_count(&c->frontier, FRONTIER_RETRY);
}

uint64_t crawl_next_due_ns(const struct crawl *c, uint64_t now_ns)
{
	uint32_t left_us = slots_due_in_us(&c->slots, crawl_us(now_ns));
	uint64_t due = UINT64_MAX, send;

	if (left_us != UINT32_MAX)
		due = (now_ns / 1000 + left_us) * 1000;
	if (c->stopped || slots_full(&c->slots))
		return due;
	send = ready(c) ? now_ns : frontier_due_ns(&c->frontier);
	if (send < c->rate_until_ns)
		send = c->rate_until_ns;
	return send < due ? send : due;
}

bool crawl_idle(const struct crawl *c)
{
	const struct frontier *f = &c->frontier;

	if (c->slots.used)
		return false;
	return c->stopped ||
	       (!c->in_hand && !c->picked && !c->stats.frontier && !f->swept && !f->deferred &&
		!frontier_count(f, FRONTIER_FOLLOW) && !frontier_count(f, FRONTIER_RETRY));
}

/* ---- deeper -------------------------------------------------------------------- */

uint64_t crawl_raise(struct crawl *c, const uint8_t zones[static CENSUS_ZONES / 8], uint64_t now_ns)
{
	uint8_t add[CENSUS_ZONES] = { 0 };
	uint64_t added = 0;

	(void)now_ns;
	if (!crawl_shape(c->opts.plan)->raisable)
		return 0;
	for (unsigned z = 0; z < CENSUS_ZONES; z++)
		if (census_zone_in(zones, z))
			c->zone_rest[z] |= add[z] = crawl_raise_bits(c->zone_rest[z]);
	for (uint32_t ref = 0; ref < c->tab.count; ref++) {
		struct node *n = nodetab_at(&c->tab, ref);
		uint8_t more = add[n->id.b[0]];

		if (!more || !(n->flags & NODE_ANSWERED) || n->depth == NODE_DEPTH_NONE ||
		    !crawl_inside(c, &n->id))
			continue;
		if (more == 1u << Q_FLIP2 ? n->depth < 2 : n->depth >= NODEID_BITS)
			continue;
		n->todo |= more;
		crawl_go_on(c, ref);
		added++;
	}
	return added;
}

/* ---- what is known ------------------------------------------------------------- */

void crawl_stats(const struct crawl *c, struct crawl_stats *out)
{
	*out = c->stats;
	out->in_flight = c->slots.used;
	out->endpoints_known = c->tab.count;
	out->retry_waiting = (uint64_t)frontier_count(&c->frontier, FRONTIER_RETRY) +
			     c->frontier.swept + c->frontier.deferred;
	out->bytes_tables = nodetab_bytes(&c->tab) + slots_bytes(&c->slots) +
			    suspects_bytes(&c->suspects) + c->judged_count;
	out->bytes_frontier = frontier_bytes(&c->frontier);
}

const struct vantage_votes *crawl_votes(const struct crawl *c)
{
	return &c->votes;
}

void crawl_take_ages(struct crawl *c, uint32_t out[static CRAWL_AGES])
{
	memcpy(out, c->ages, sizeof(c->ages));
	memset(c->ages, 0, sizeof(c->ages));
}

uint32_t crawl_rtt_us(const struct crawl *c)
{
	return c->rtt_us;
}

static struct crawl_node seen(const struct crawl *c, uint32_t ref)
{
	const struct node *n = nodetab_at(&c->tab, ref);
	const struct suspect *s = n->suspect ? suspects_find(&c->suspects, ref) : NULL;

	return (struct crawl_node){ .asked_us = s && s->heard,
				    .node_class = (uint8_t)crawl_verdict(c, ref),
				    .id = n->id,
				    .answered = n->flags & NODE_ANSWERED,
				    .attempts = n->attempts,
				    .mentions = n->mentions };
}

int crawl_find(const struct crawl *c, const struct endpoint *ep, struct crawl_node *out)
{
	struct nodetab_key key = nodetab_key(&c->tab, ep);
	uint32_t ref = nodetab_find(&c->tab, &key);

	if (ref == NODETAB_NONE)
		return DT_ENOTFOUND;
	*out = seen(c, ref);
	return 0;
}

void crawl_each(const struct crawl *c, void (*take)(void *ctx, const struct crawl_entry *entry),
		void *ctx)
{
	for (uint32_t ref = 0; ref < c->tab.count; ref++) {
		struct crawl_entry entry = { .ep = nodetab_endpoint(&c->tab, ref),
					     .node = seen(c, ref),
					     .trait = crawl_survey_trait(c, ref) };

		take(ctx, &entry);
	}
}

/* Of those whose flags, as far as @mask goes, are @flags. */
static void tally(const struct crawl *c, unsigned mask, unsigned flags, struct census_tally *t)
{
	for (uint32_t ref = 0; ref < c->tab.count; ref++) {
		const struct node *n = nodetab_at(&c->tab, ref);
		unsigned zone = n->id.b[0];

		if (!crawl_inside(c, &n->id) || (n->flags & mask) != flags)
			continue;
		t->zone[zone].known++;
		if (!(n->flags & NODE_ANSWERED))
			continue;
		t->zone[zone].live++;
		t->zone[zone].f0 += n->mentions == 0;
		t->zone[zone].f1 += n->mentions == 1;
		t->zone[zone].f2 += n->mentions == 2;
	}
}

void crawl_tally(const struct crawl *c, struct census_tally *t)
{
	for (unsigned i = 0; i < 3; i++)
		t->heard[i] += c->stats.heard[i];
	tally(c, 0, 0, t);
}

void crawl_tally6(const struct crawl *c, struct census_tally *t)
{
	tally(c, NODE_V6, NODE_V6, t);
}

void crawl_remember(const struct crawl *c, struct failures *f)
{
	for (uint32_t ref = 0; ref < c->tab.count; ref++) {
		const struct node *n = nodetab_at(&c->tab, ref);
		bool answered = n->flags & NODE_ANSWERED;
		struct endpoint ep;

		/* Whoever was not given all attempts has not failed. */
		if (!(n->flags & NODE_ASKED) || (!answered && n->todo))
			continue;
		ep = nodetab_endpoint(&c->tab, ref);
		failures_note(f, &ep, answered);
	}
}

/* Of those whose flags, as far as @mask goes, are @flags. */
static uint64_t list_ids(const struct crawl *c, unsigned mask, unsigned flags, uint64_t *out,
			 uint64_t cap)
{
	uint64_t n = 0;

	for (uint32_t ref = 0; ref < c->tab.count && n < cap; ref++) {
		const struct node *node = nodetab_at(&c->tab, ref);

		if ((node->flags & mask) == flags)
			out[n++] = XXH3_64bits_withSeed(node->id.b, NODEID_BYTES, IDS_SEED);
	}
	return n;
}

uint64_t crawl_ids(const struct crawl *c, uint64_t *out, uint64_t cap)
{
	return list_ids(c, NODE_ANSWERED, NODE_ANSWERED, out, cap);
}

uint64_t crawl_ids4(const struct crawl *c, uint64_t *out, uint64_t cap)
{
	return list_ids(c, NODE_ANSWERED | NODE_V6, NODE_ANSWERED, out, cap);
}

uint64_t crawl_ids6(const struct crawl *c, uint64_t *out, uint64_t cap)
{
	return list_ids(c, NODE_ANSWERED | NODE_V6, NODE_ANSWERED | NODE_V6, out, cap);
}

uint64_t crawl_addresses(const struct crawl *c, uint64_t *out, uint64_t cap)
{
	uint64_t n = 0;

	for (uint32_t ref = 0; ref < c->tab.count && n < cap; ref++) {
		struct endpoint ep;

		if (!(nodetab_at(&c->tab, ref)->flags & NODE_ANSWERED))
			continue;
		ep = nodetab_endpoint(&c->tab, ref);
		out[n++] = XXH3_64bits_withSeed(ep.addr, sizeof(ep.addr), IDS_SEED);
	}
	return n;
}

/* ---- what is said ---------------------------------------------------------------- */

static void put_version(struct sighting *s, const struct krpc_msg *msg)
{
	if (!msg || !msg->v.ptr)
		return;
	s->version_len =
		(uint8_t)(msg->v.len < sizeof(s->version) ? msg->v.len : sizeof(s->version));
	memcpy(s->version, msg->v.ptr, s->version_len);
}

void crawl_say_call(struct crawl *c, uint32_t ref, const struct krpc_msg *msg, uint64_t now_ns)
{
	const struct node *n = nodetab_at(&c->tab, ref);
	struct sighting s = {
		.when_ms = (now_ns + c->wall_minus_now_ns) / NS_PER_MS,
		.from = nodetab_endpoint(&c->tab, ref),
		.way = SIGHTING_ASKED_US,
		.attempts = n->attempts,
		.answers = n->answers,
		.flags = (uint16_t)((msg->ro ? SIGHTING_READ_ONLY : 0) |
				    (msg->v.ptr ? SIGHTING_HAS_V : 0)),
		.mentions = n->mentions,
	};
	struct nodeid id;

	if (msg->id.len != NODEID_BYTES)
		return;
	memcpy(id.b, msg->id.ptr, sizeof(id.b));
	s.key = nodekey_from_id(&id);
	if (nodeid_bep42_ok(&id, &s.from))
		s.flags |= SIGHTING_BEP42_OK;
	put_version(&s, msg);
	c->port.sighting(c->port.ctx, &s);
}

void crawl_say(struct crawl *c, uint32_t ref, const struct krpc_msg *msg, uint16_t flags,
	       uint32_t rtt_us, uint64_t now_ns)
{
	const struct node *n = nodetab_at(&c->tab, ref);
	bool read_only = false;
	struct sighting s = {
		.when_ms = (now_ns + c->wall_minus_now_ns) / NS_PER_MS,
		.from = nodetab_endpoint(&c->tab, ref),
		.way = n->flags & NODE_ANSWERED ? SIGHTING_ANSWERED : SIGHTING_MENTIONED,
		.attempts = n->attempts,
		.answers = n->answers,
		.flags = flags,
		.mentions = n->mentions,
		.rtt_us = rtt_us,
	};

	if (flags & SIGHTING_FINAL)
		s.node_class = (uint8_t)crawl_verdict(c, ref);
	/* Who asks and does not answer is a node heard of by its own word, not a mere contact. */
	if (flags & SIGHTING_FINAL && crawl_only_calls(c, ref, &read_only))
		s.way = SIGHTING_ASKED_US;
	if (read_only)
		s.flags |= SIGHTING_READ_ONLY;
	if (n->flags & NODE_HAS_ID)
		s.key = nodekey_from_id(&n->id);
	if (n->flags & NODE_ANSWERED && nodeid_bep42_ok(&n->id, &s.from))
		s.flags |= SIGHTING_BEP42_OK;
	if (n->flags & NODE_ID_CHANGED)
		s.flags |= SIGHTING_ID_CHANGED;
	if (n->flags & NODE_ALIAS)
		s.flags |= SIGHTING_ALIAS;
	if (n->flags & NODE_ERROR)
		s.flags |= SIGHTING_ERROR;
	put_version(&s, msg);
	c->port.sighting(c->port.ctx, &s);
}

void crawl_close(struct crawl *c, uint64_t now_ns)
{
	for (uint32_t ref = 0; ref < c->tab.count; ref++)
		crawl_say(c, ref, NULL, SIGHTING_FINAL, 0, now_ns);
}
