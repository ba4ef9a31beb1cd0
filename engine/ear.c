/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "engine/ear_impl.h"

enum { BEP42_IDS = 8 /* an address has that many good prefixes: three bits of the id choose */ };

/* ---- identities ------------------------------------------------------------------- */

bool ear_is_self(const struct ear *e, const struct nodeid *id)
{
	for (unsigned i = 0; i < e->opts.ids; i++)
		if (nodeid_equal(&e->ids[i].id, id))
			return true;
	return false;
}

/*
 * The first eight identities of an address fit it (BEP 42), each by another r; what is beyond
 * is staggered over the id space at equal steps, and no checker of ids will take it.
 */
static struct nodeid make_id(const struct ear *e, unsigned i)
{
	const struct ear_identity *me = &e->ids[i];
	uint64_t step = UINT64_MAX / e->opts.ids, at;
	struct nodeid id;

	randombytes_buf(id.b, sizeof(id.b));
	if (me->has_external && me->among < BEP42_IDS) {
		id.b[NODEID_BYTES - 1] = (uint8_t)((id.b[NODEID_BYTES - 1] & ~7) | (me->among & 7));
		return nodeid_bep42_make(&id, &me->external);
	}
	if (e->opts.ids == 1)
		return id;
	at = __builtin_bswap64(step * i + (nodeid_prefix64(&id) % (step / 16 + 1)));
	memcpy(id.b, &at, sizeof(at));
	return id;
}

static unsigned among_address(const struct ear *e, unsigned i)
{
	unsigned n = 0;

	for (unsigned k = 0; k < i; k++)
		n += memcmp(e->ids[k].local.addr, e->ids[i].local.addr, 16) == 0;
	return n;
}

/* Those who stood in the table under the old id find their buckets under the new one. */
struct move {
	struct ear_table *to;
	uint64_t now_ns;
};

static void move_node(void *ctx, const struct ear_node *n)
{
	struct move *m = ctx;

	if (!n->fails && ear_table_answered(m->to, &n->id, &n->ep, n->answered_ns) < 0)
		return; /* no memory: it comes again by itself */
}

void ear_set_external(struct ear *e, unsigned i, const struct endpoint *external, uint64_t now_ns)
{
	struct ear_identity *me = &e->ids[i];
	struct move m = { .now_ns = now_ns };
	struct ear_table fresh;
	struct nodeid id;

	if (me->has_external && memcmp(me->external.addr, external->addr, 16) == 0)
		return;
	me->external = *external;
	me->has_external = true;
	if (me->among >= BEP42_IDS || nodeid_bep42_ok(&me->id, external))
		return;
	id = make_id(e, i);
	ear_table_init(&fresh, &id);
	m.to = &fresh;
	ear_table_each(&me->table, move_node, &m);
	ear_table_fini(&me->table);
	me->table = fresh;
	me->id = id;
	me->settled = false;
	me->own_due_ns = me->lookup_due_ns = now_ns;
	e->stats.id_changes++;
}

void ear_identity(const struct ear *e, unsigned i, struct ear_identity_info *out)
{
	const struct ear_identity *me = &e->ids[i];

	*out = (struct ear_identity_info){ .id = me->id,
					   .local = me->local,
					   .external = me->external,
					   .table_nodes = me->table.count,
					   .table_depth = ear_table_depth(&me->table) };
	out->bep42 = me->has_external && nodeid_bep42_ok(&me->id, &me->external);
}

/* ---- what comes in ---------------------------------------------------------------- */

bool ear_send(struct ear *e, unsigned i, const struct endpoint *to, const uint8_t *data, int len)
{
	if (len <= 0 || !e->port.send(e->port.ctx, i, to, data, (size_t)len)) {
		e->stats.no_room++;
		return false;
	}
	return true;
}

/* Whose hashes these are, strangers choose; the key is ours. */
static void count_infohash(struct ear *e, const struct nodeid *hash)
{
	uint64_t h;

	crypto_shorthash((uint8_t *)&h, hash->b, sizeof(hash->b), e->budget.key);
	h |= 1;
	if (e->stats.unique_infohashes > EAR_INFOHASHES_MAX / 4 * 3)
		return; /* a number this large is said as "at least" */
	for (uint64_t at = h >> 16;; at++) {
		uint64_t *slot = &e->infohashes[at % EAR_INFOHASHES_MAX];

		if (*slot == h)
			return;
		if (*slot)
			continue;
		*slot = h;
		e->stats.unique_infohashes++;
		return;
	}
}

void ear_interval(struct ear *e)
{
	memset(e->infohashes, 0, sizeof(e->infohashes));
	e->stats.unique_infohashes = 0;
}

static void say_node(struct ear *e, const struct heard *h, const struct krpc_msg *m)
{
	struct sighting s = { .when_ms = h->when_ms,
			      .key = nodekey_from_id(&h->id),
			      .from = h->from,
			      .way = SIGHTING_ASKED_US,
			      .version_len = h->version_len };

	memcpy(s.version, h->version, sizeof(s.version));
	s.flags = (uint16_t)((h->version_len ? SIGHTING_HAS_V : 0) |
			     (m->ro ? SIGHTING_READ_ONLY : 0) |
			     (nodeid_bep42_ok(&h->id, &h->from) ? SIGHTING_BEP42_OK : 0));
	e->port.sighting(e->port.ctx, &s);
}

static void query(struct ear *e, unsigned i, struct heard *h, const struct krpc_msg *m,
		  uint64_t now_ns)
{
	struct ear_identity *me = &e->ids[i];
	bool echo = ear_is_self(e, &h->id);

	if (h->flags & HEARD_HAS_TARGET &&
	    (h->kind == HEARD_GET_PEERS || h->kind == HEARD_ANNOUNCE_PEER))
		count_infohash(e, &h->target);
	e->stats.read_only += m->ro;
	h->outcome = ear_reply(e, i, &h->from, m, h->bytes, now_ns, &h->flags);
	if (echo)
		return;
	say_node(e, h, m);
	if (h->outcome == HEARD_REFUSED)
		return;
	ear_table_heard(&me->table, &h->id, &h->from, now_ns);
	if (!m->ro)
		ear_ask_newcomer(e, i, &h->id, &h->from, now_ns);
}

void ear_rx(struct ear *e, unsigned i, const struct endpoint *from, struct span datagram,
	    uint64_t now_ns)
{
	struct heard h = { .when_ms = (now_ns + e->wall_minus_now_ns) / 1000000,
			   .from = *from,
			   .bytes = (uint16_t)datagram.len,
			   .way = SIGHTING_ASKED_US,
			   .ear = (uint8_t)i };
	struct krpc_msg m;
	int why = krpc_parse(datagram, &m);

	e->stats.received++;
	e->stats.received_bytes += datagram.len;
	heard_fill(&h, &m, why);
	if (!why && m.kind == KRPC_QUERY)
		query(e, i, &h, &m, now_ns);
	else if (!why && ear_ask_answered(e, i, from, &m, now_ns))
		h.outcome = HEARD_EXPECTED;
	else if (!why)
		e->stats.unexpected++;
	e->stats.messages[h.kind]++;
	e->stats.outcomes[h.outcome]++;
	e->port.heard(e->port.ctx, &h);
}

void ear_tick(struct ear *e, uint64_t now_ns)
{
	ear_ask_tick(e, now_ns);
}

void ear_stats(const struct ear *e, struct ear_stats *out)
{
	*out = e->stats;
	out->asked_bytes = e->budget.asked_bytes;
	out->answered_bytes = e->budget.answered_bytes;
	out->in_flight = EAR_PENDING_MAX - e->free_count;
	out->table_nodes = 0;
	for (unsigned i = 0; i < e->opts.ids; i++)
		out->table_nodes += e->ids[i].table.count;
	ear_peers_stats(e->peers, &out->peers);
}

/* ---- life -------------------------------------------------------------------------- */

static int open_identities(struct ear *e, uint64_t now_ns)
{
	static const struct endpoint unknown;

	e->ids = calloc(e->opts.ids, sizeof(*e->ids));
	if (!e->ids)
		return -ENOMEM;
	for (unsigned i = 0; i < e->opts.ids; i++) {
		struct ear_identity *me = &e->ids[i];

		me->local = e->opts.local[i];
		me->among = among_address(e, i);
		if (e->opts.external && memcmp(e->opts.external[i].addr, unknown.addr, 16) != 0) {
			me->external = e->opts.external[i];
			me->has_external = true;
		}
		me->id = make_id(e, i);
		ear_table_init(&me->table, &me->id);
		/* Not all at once: each has its tenth of a second. */
		me->own_due_ns = me->lookup_due_ns = now_ns + i * (uint64_t)EAR_TICK_NS;
	}
	return 0;
}

int ear_new(const struct ear_opts *opts, struct gate *gate, const struct ear_port *port,
	    uint64_t now_ns, uint64_t wall_minus_now_ns, struct ear **out)
{
	struct ear *e;
	int err;

	if (opts->ids < 1 || opts->ids > EAR_IDS_MAX)
		return -EINVAL;
	e = calloc(1, sizeof(*e));
	if (!e)
		return -ENOMEM;
	e->opts = *opts;
	e->port = *port;
	e->gate = gate;
	e->wall_minus_now_ns = wall_minus_now_ns;
	rng_init(&e->rng, opts->seed, 0);
	for (unsigned i = 0; i < EAR_PENDING_MAX; i++)
		e->free_pending[e->free_count++] = (uint16_t)(EAR_PENDING_MAX - 1 - i);
	ear_token_init(&e->token, now_ns);
	err = ear_budget_init(&e->budget, opts->allowance, now_ns);
	if (!err)
		err = ear_peers_new(&e->peers);
	if (!err)
		err = open_identities(e, now_ns);
	e->bootstrap = calloc(opts->bootstrap_count + 1, sizeof(*e->bootstrap));
	if (!err && !e->bootstrap)
		err = -ENOMEM;
	if (err) {
		ear_free(e);
		return err;
	}
	if (opts->bootstrap_count)
		memcpy(e->bootstrap, opts->bootstrap,
		       opts->bootstrap_count * sizeof(*e->bootstrap));
	*out = e;
	return 0;
}

void ear_free(struct ear *e)
{
	if (!e)
		return;
	for (unsigned i = 0; e->ids && i < e->opts.ids; i++)
		ear_table_fini(&e->ids[i].table);
	free(e->ids);
	free(e->bootstrap);
	ear_peers_free(e->peers);
	ear_budget_fini(&e->budget);
	free(e);
}
