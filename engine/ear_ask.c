/* SPDX-License-Identifier: MIT */
#include <string.h>

#include <sodium.h>

#include "engine/ear_impl.h"

/*
 * DOC: what a good node asks of its own: its neighbourhood when it comes, a
 * random place of a bucket that has been quiet, a ping to whom it has not heard
 * of late, a ping to a newcomer before it is believed. All of it passes the
 * gate, so it is as polite as a census.
 */

#define S_NS UINT64_C(1000000000)

enum {
	TIMEOUT_S = 8,
	QUIET_S = 10 * 60, /* others call a node questionable after fifteen minutes */
	FAILED_AGAIN_S = 30,
	OWN_EVERY_S = 5 * 60, /* the neighbourhood */
	REFRESH_EVERY_S = 60,
	GROWING_EVERY_S = 3, /* while one of the last lookups taught something */
	GROWING_NODES = 2,
	BARREN_LOOKUPS = 4,
	SMALL_EVERY_S = 15,
	SMALL_NODES = 64,
	QUERY_MAX_BYTES = 256,
	PROVES_PER_TICK = 2, /* 20 a second, of the 50 that the gate lets out */
	INTRODUCERS = 1,     /* for the gate: no service port on anybody's word */
};
static const uint64_t patience_ns = S_NS * 3 / 2; /* of a lookup, before it asks one more */

/* ---- sending ---------------------------------------------------------------------- */

/* What a query is for. */
struct ask {
	enum ear_purpose purpose;
	const struct nodeid *id; /* expected; NULL = not known */
	const struct endpoint *to;
	uint32_t lookup;
};

/* SENT; LATER: the gate, the device or our own bound says wait; NEVER: not to this address. */
enum sent { SENT, LATER, NEVER };

static enum sent send_query(struct ear *e, unsigned i, const struct ask *ask,
			    enum krpc_method method, const struct nodeid *target, uint64_t now_ns)
{
	uint16_t slot = e->free_count ? e->free_pending[e->free_count - 1] : 0;
	struct ear_pending *p = &e->pending[slot];
	uint8_t t[EAR_T_BYTES], out[QUERY_MAX_BYTES];
	struct krpc_query q = {
		.method = method, .t = span_of(t, sizeof(t)), .v = ear_v(e), .id = e->ids[i].id
	};
	enum gate_verdict verdict;
	enum gate_reason why;
	uint64_t retry_ns;
	int len;

	if (!e->free_count)
		return LATER;
	verdict = gate_admit(e->gate, ask->to, INTRODUCERS, now_ns, &why, &retry_ns);
	if (verdict != GATE_PASS)
		return verdict == GATE_NEVER ? NEVER : LATER;
	*p = (struct ear_pending){ .sent_ns = now_ns,
				   .secret = randombytes_random(),
				   .identity = (uint16_t)i,
				   .purpose = (uint8_t)ask->purpose,
				   .used = true,
				   .has_id = ask->id != NULL,
				   .lookup = ask->lookup,
				   .to = *ask->to };
	if (ask->id)
		p->id = *ask->id;
	if (target)
		q.target = *target;
	memcpy(t, &slot, 2);
	memcpy(t + 2, &p->secret, 4);
	len = krpc_build_query(&q, out, sizeof(out));
	if (!ear_send(e, i, ask->to, out, len)) {
		p->used = false;
		return LATER;
	}
	e->free_count--;
	e->stats.queries_sent++;
	e->stats.query_bytes += (unsigned)len + EAR_HEADER_BYTES;
	return SENT;
}

static void release(struct ear *e, struct ear_pending *p)
{
	p->used = false;
	e->free_pending[e->free_count++] = (uint16_t)(p - e->pending);
}

/* ---- lookups ---------------------------------------------------------------------- */

static void offer(struct ear *e, unsigned i, const struct nodeid *id, const struct endpoint *ep)
{
	struct ear_lookup *l = &e->ids[i].lookup;
	unsigned at;

	if (id && (ear_is_self(e, id) || endpoint_is4(ep) != ear_is4(&e->ids[i])))
		return;
	if (!ep->port || gate_may_learn(e->gate, ep) != GATE_OK)
		return;
	for (unsigned k = 0; k < l->count; k++)
		if (endpoint_equal(&l->list[k].ep, ep))
			return;
	for (at = l->count; at > 0 && id; at--) {
		const struct ear_candidate *c = &l->list[at - 1];

		if (c->has_id && !nodeid_closer(&l->target, id, &c->id))
			break;
	}
	if (at >= EAR_LOOKUP_MAX)
		return;
	/* The farthest goes where the list is full, but not one whose answer is due. */
	if (l->count == EAR_LOOKUP_MAX) {
		if (l->list[l->count - 1].state == EAR_ASKED)
			return;
		l->count--;
	}
	memmove(&l->list[at + 1], &l->list[at], (l->count - at) * sizeof(l->list[0]));
	l->list[at] = (struct ear_candidate){ .ep = *ep, .has_id = id != NULL };
	if (id)
		l->list[at].id = *id;
	l->count++;
}

static void begin(struct ear *e, unsigned i, const struct nodeid *target)
{
	struct ear_identity *me = &e->ids[i];
	struct ear_node near[EAR_CLOSEST_MAX];
	unsigned n = ear_table_closest(&me->table, target, EAR_CLOSEST_MAX, near);

	me->lookup = (struct ear_lookup){ .active = true,
					  .number = ++e->lookup_number,
					  .target = *target };
	e->stats.lookups++;
	for (unsigned k = 0; k < n; k++)
		offer(e, i, &near[k].id, &near[k].ep);
	for (unsigned k = 0; k < e->opts.bootstrap_count && n < EAR_CLOSEST_MAX / 2; k++)
		if (endpoint_is4(&e->bootstrap[k]) == ear_is4(me))
			offer(e, i, NULL, &e->bootstrap[k]);
}

/* Over when the eight nearest that did not fail have answered, or there is nobody left. */
static struct ear_candidate *next_candidate(struct ear_lookup *l)
{
	unsigned answered = 0;

	for (unsigned k = 0; k < l->count; k++) {
		struct ear_candidate *c = &l->list[k];

		if (c->state == EAR_NEW)
			return c;
		answered += c->state == EAR_DONE;
		if (answered == EAR_CLOSEST_MAX)
			return NULL;
	}
	return NULL;
}

/* Asked lately and silent so far. Later they may still answer, but nobody waits for them. */
static unsigned awaited(const struct ear_lookup *l, uint64_t now_ns)
{
	unsigned n = 0;

	for (unsigned k = 0; k < l->count; k++)
		n += l->list[k].state == EAR_ASKED && now_ns - l->list[k].asked_ns < patience_ns;
	return n;
}

/* How long until the next one. */
static unsigned lookup_pause_s(struct ear_identity *me)
{
	bool barren = me->table.count <= me->count_before + GROWING_NODES;

	me->count_before = me->table.count;
	me->barren = barren ? me->barren + 1 : 0;
	if (me->table.count && me->barren < BARREN_LOOKUPS)
		return GROWING_EVERY_S;
	return me->table.count < SMALL_NODES ? SMALL_EVERY_S : REFRESH_EVERY_S;
}

static void step_lookup(struct ear *e, unsigned i, uint64_t now_ns)
{
	struct ear_identity *me = &e->ids[i];
	struct ear_lookup *l = &me->lookup;
	struct ear_candidate *c = NULL;

	while (l->active && awaited(l, now_ns) < EAR_LOOKUP_ALPHA && l->asked < EAR_LOOKUP_ASKS &&
	       (c = next_candidate(l)) != NULL) {
		struct ask ask = { EAR_LOOKUP, c->has_id ? &c->id : NULL, &c->ep, l->number };
		enum sent sent = send_query(e, i, &ask, KRPC_FIND_NODE, &l->target, now_ns);

		if (sent == LATER)
			return;
		c->state = sent == SENT ? EAR_ASKED : EAR_FAILED;
		c->asked_ns = now_ns;
		l->asked += sent == SENT;
	}
	if (!l->active || awaited(l, now_ns) || (c && l->asked < EAR_LOOKUP_ASKS))
		return;
	l->active = false;
	me->lookup_due_ns = now_ns + lookup_pause_s(me) * S_NS;
	me->settled |= nodeid_equal(&l->target, &me->id) && me->table.count > 0;
}

static bool worth_waiting(const struct ear *e, unsigned i, const struct nodeid *id,
			  const struct endpoint *ep)
{
	return endpoint_is4(ep) == ear_is4(&e->ids[i]) && gate_may_learn(e->gate, ep) == GATE_OK &&
	       !ear_is_self(e, id) && ear_table_wants(&e->ids[i].table, id, ep);
}

/* What answered, or did not, within a lookup. */
static void lookup_heard(struct ear *e, unsigned i, const struct ear_pending *p,
			 const struct krpc_msg *m, uint64_t now_ns)
{
	struct ear_lookup *l = &e->ids[i].lookup;

	if (!l->active || p->lookup != l->number)
		return;
	for (unsigned k = 0; k < l->count; k++)
		if (endpoint_equal(&l->list[k].ep, &p->to))
			l->list[k].state = m ? EAR_DONE : EAR_FAILED;
	if (!m)
		return;
	for (size_t k = 0; k < m->nodes.len / 26 + m->nodes6.len / 38; k++) {
		struct endpoint ep;
		struct nodeid id;

		if (k < m->nodes.len / 26)
			krpc_node4(m->nodes, k, &id, &ep);
		else
			krpc_node6(m->nodes6, k - m->nodes.len / 26, &id, &ep);
		offer(e, i, &id, &ep);
		/* Mentioned only: it is pinged before it is believed, as a newcomer is. */
		if (worth_waiting(e, i, &id, &ep))
			ear_table_wait(&e->ids[i].table, &id, &ep, now_ns);
	}
}

/* ---- answers ------------------------------------------------------------------------ */

static void say_answer(struct ear *e, const struct ear_pending *p, const struct endpoint *from,
		       const struct nodeid *id, const struct krpc_msg *m, uint64_t now_ns)
{
	struct sighting s = { .when_ms = (now_ns + e->wall_minus_now_ns) / 1000000,
			      .key = nodekey_from_id(id),
			      .from = *from,
			      .way = SIGHTING_ANSWERED,
			      .attempts = 1,
			      .answers = 1,
			      .version_len = (uint8_t)(m->v.len > 4 ? 4 : m->v.len),
			      .rtt_us = (uint32_t)((now_ns - p->sent_ns) / 1000) };

	if (s.version_len)
		memcpy(s.version, m->v.ptr, s.version_len);
	s.flags = (uint16_t)((m->v.ptr ? SIGHTING_HAS_V : 0) | (m->ip.ptr ? SIGHTING_IP_VOTE : 0) |
			     (m->nodes6.ptr ? SIGHTING_NODES6 : 0) |
			     (nodeid_bep42_ok(id, from) ? SIGHTING_BEP42_OK : 0));
	e->port.sighting(e->port.ctx, &s);
}

static void vote(struct ear *e, unsigned i, const struct endpoint *from, const struct krpc_msg *m,
		 uint64_t now_ns)
{
	struct endpoint claim, winner;

	if (!m->ip.ptr || endpoint_from_compact(m->ip, &claim) < 0 ||
	    endpoint_is4(&claim) != ear_is4(&e->ids[i]))
		return;
	ear_vote_cast(&e->ids[i].vote, from, &claim);
	if (ear_vote_winner(&e->ids[i].vote, &winner) && !e->opts.external)
		ear_set_external(e, i, &winner, now_ns);
}

static struct ear_pending *pending_of(struct ear *e, unsigned i, const struct endpoint *from,
				      struct span t)
{
	struct ear_pending *p;
	uint32_t secret;
	uint16_t slot;

	if (t.len != EAR_T_BYTES)
		return NULL;
	memcpy(&slot, t.ptr, 2);
	memcpy(&secret, t.ptr + 2, 4);
	if (slot >= EAR_PENDING_MAX)
		return NULL;
	p = &e->pending[slot];
	if (!p->used || p->secret != secret || p->identity != i || !endpoint_equal(&p->to, from))
		return NULL;
	return p;
}

bool ear_ask_answered(struct ear *e, unsigned i, const struct endpoint *from,
		      const struct krpc_msg *m, uint64_t now_ns)
{
	struct ear_pending *p = pending_of(e, i, from, m->t), was;
	struct ear_identity *me = &e->ids[i];
	struct nodeid id;

	if (!p)
		return false;
	was = *p;
	release(e, p);
	if (m->kind != KRPC_REPLY || !m->id.ptr) {
		lookup_heard(e, i, &was, NULL, now_ns);
		return true;
	}
	memcpy(id.b, m->id.ptr, NODEID_BYTES);
	if (ear_is_self(e, &id)) { /* an echo, or somebody who lives of others' ids */
		lookup_heard(e, i, &was, NULL, now_ns);
		return true;
	}
	e->stats.answered++;
	if (was.has_id && !nodeid_equal(&was.id, &id))
		ear_table_turned(&me->table, &was.id, from);
	if (!ear_table_answered(&me->table, &id, from, now_ns))
		ear_table_wait(&me->table, &id, from, now_ns);
	say_answer(e, &was, from, &id, m, now_ns);
	if (was.purpose == EAR_LOOKUP)
		lookup_heard(e, i, &was, m, now_ns);
	vote(e, i, from, m, now_ns);
	return true;
}

void ear_ask_newcomer(struct ear *e, unsigned i, const struct nodeid *id,
		      const struct endpoint *from, uint64_t now_ns)
{
	struct ear_table *t = &e->ids[i].table;

	if (endpoint_is4(from) == ear_is4(&e->ids[i]) && !ear_table_find(t, id, from))
		ear_table_wait(t, id, from, now_ns);
}

/* ---- time --------------------------------------------------------------------------- */

static void expire(struct ear *e, uint64_t now_ns)
{
	for (unsigned k = 0; k < EAR_PENDING_MAX && e->free_count < EAR_PENDING_MAX; k++) {
		struct ear_pending *p = &e->pending[k];

		if (!p->used || now_ns - p->sent_ns < TIMEOUT_S * S_NS)
			continue;
		e->stats.timeouts++;
		if (p->has_id)
			ear_table_failed(&e->ids[p->identity].table, &p->id, &p->to);
		lookup_heard(e, p->identity, p, NULL, now_ns);
		release(e, p);
	}
}

/* A bucket with room goes before one that is full; among equals the one quiet for longest. */
static bool needs_more(const struct ear_table *t, unsigned a, unsigned b)
{
	const struct ear_bucket *x = t->buckets[a], *y = t->buckets[b];
	bool full_x = x && x->count == ear_bucket_cap(a),
	     full_y = y && y->count == ear_bucket_cap(b);

	if (full_x != full_y)
		return full_y;
	return (x ? x->refreshed_ns : 0) < (y ? y->refreshed_ns : 0);
}

static struct nodeid refresh_target(struct ear *e, struct ear_identity *me)
{
	unsigned depth = ear_table_depth(&me->table), pick = 0;
	struct nodeid target, random = { { 0 } };

	/* Every other time anywhere: half of all nodes are in the farthest bucket. */
	if (e->lookup_number % 2)
		depth = 0;
	for (unsigned b = 1; b < depth; b++)
		if (needs_more(&me->table, b, pick))
			pick = b;
	rng_bytes(&e->rng, random.b, sizeof(random.b));
	if (!depth)
		return random;
	/* Shares exactly @pick bits with our id. */
	target = nodeid_flip(&me->id, pick);
	for (unsigned bit = pick + 1; bit < NODEID_BITS; bit++)
		if (random.b[bit / 8] & 0x80 >> bit % 8)
			target = nodeid_flip(&target, bit);
	return target;
}

static void look_up(struct ear *e, unsigned i, uint64_t now_ns)
{
	struct ear_identity *me = &e->ids[i];
	struct nodeid target;
	unsigned b;

	if (me->lookup.active || now_ns < me->lookup_due_ns)
		return;
	if (!me->settled || now_ns >= me->own_due_ns) {
		target = me->id;
		me->own_due_ns = now_ns + OWN_EVERY_S * S_NS;
	} else {
		target = refresh_target(e, me);
		b = nodeid_common_bits(&me->id, &target);
		if (b < EAR_BUCKETS && me->table.buckets[b])
			me->table.buckets[b]->refreshed_ns = now_ns;
	}
	begin(e, i, &target);
}

static void prove(struct ear *e, unsigned i, uint64_t now_ns)
{
	struct ear_identity *me = &e->ids[i];
	struct ask ask = { .purpose = EAR_PROVE };
	struct ear_node n, *stale;
	uint64_t quiet = now_ns > QUIET_S * S_NS ? now_ns - QUIET_S * S_NS : 0;
	uint64_t failed = now_ns > FAILED_AGAIN_S * S_NS ? now_ns - FAILED_AGAIN_S * S_NS : 0;

	stale = ear_table_stale(&me->table, quiet, failed);
	if (stale) {
		ask = (struct ask){ EAR_KEEP, &stale->id, &stale->ep, 0 };
		stale->asked_ns = now_ns;
		(void)send_query(e, i, &ask, KRPC_PING, NULL, now_ns);
	} else if (ear_table_candidate(&me->table, &n)) {
		ask.id = &n.id;
		ask.to = &n.ep;
		(void)send_query(e, i, &ask, KRPC_PING, NULL, now_ns);
	}
}

void ear_ask_tick(struct ear *e, uint64_t now_ns)
{
	expire(e, now_ns);
	for (unsigned i = 0; i < e->opts.ids; i++) {
		look_up(e, i, now_ns);
		step_lookup(e, i, now_ns);
		for (unsigned k = 0; k < PROVES_PER_TICK; k++)
			prove(e, i, now_ns);
	}
}
