/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "engine/ear_impl.h"

/*
 * DOC: what an honest node answers, as long as its budget lets it. An answer
 * that is too long for what is left is made shorter (fewer contacts) before it
 * is withheld.
 */

enum {
	VALUES_MAX = 20, /* peers in an answer; 20 of IPv4 beside 8 contacts fit 512 bytes */
	SAMPLES_MAX = 8,
	SAMPLE_INTERVAL_S = 6 * 3600, /* BEP 51's longest; the same sample meanwhile */
	ERROR_PROTOCOL = 203,         /* malformed arguments, bad token */
	ERROR_METHOD = 204,
	NODE4 = 26,
	NODE6 = 38,
};

struct answer {
	struct krpc_answer a;
	uint8_t token[EAR_TOKEN_BYTES];
	uint8_t nodes[EAR_CLOSEST_MAX * NODE4], nodes6[EAR_CLOSEST_MAX * NODE6];
	unsigned nodes_count, nodes6_count;
	struct endpoint values[VALUES_MAX];
	struct nodeid samples[SAMPLES_MAX];
};

/* What is being answered. */
struct question {
	struct ear *e;
	unsigned i;
	const struct endpoint *from;
	const struct krpc_msg *m;
	uint64_t now_ns;
	enum ear_class class;
	uint8_t *flags;
};

static uint64_t wall_s(const struct question *q)
{
	return (q->now_ns + q->e->wall_minus_now_ns) / 1000000000;
}

/* ---- contacts --------------------------------------------------------------------- */

/* The table of this identity, or of the first one that is of the family asked for. */
static const struct ear_table *table_of(const struct question *q, bool four)
{
	const struct ear *e = q->e;

	if (ear_is4(&e->ids[q->i]) == four)
		return &e->ids[q->i].table;
	for (unsigned k = 0; k < e->opts.ids; k++)
		if (ear_is4(&e->ids[k]) == four)
			return &e->ids[k].table;
	return NULL;
}

static void put_nodes(const struct question *q, bool four, struct span target, struct answer *out)
{
	const struct ear_table *t = table_of(q, four);
	struct ear_node found[EAR_CLOSEST_MAX];
	struct nodeid id;
	unsigned n;

	memcpy(id.b, target.ptr, NODEID_BYTES);
	n = t ? ear_table_closest(t, &id, EAR_CLOSEST_MAX, found) : 0;
	for (unsigned k = 0; k < n; k++) {
		uint8_t *p = four ? out->nodes + k * NODE4 : out->nodes6 + k * NODE6;

		memcpy(p, found[k].id.b, NODEID_BYTES);
		endpoint_to_compact(&found[k].ep, p + NODEID_BYTES);
	}
	if (four) {
		out->nodes_count = n;
		out->a.nodes = span_of(out->nodes, n * NODE4);
	} else {
		out->nodes6_count = n;
		out->a.nodes6 = span_of(out->nodes6, n * NODE6);
	}
}

/* BEP 32: what @want says, else the family of the asker. */
static void contacts(const struct question *q, struct span target, struct answer *out)
{
	uint8_t want = q->m->want;

	if (!want)
		want = endpoint_is4(q->from) ? KRPC_WANT_N4 : KRPC_WANT_N6;
	if (want & KRPC_WANT_N4)
		put_nodes(q, true, target, out);
	if (want & KRPC_WANT_N6)
		put_nodes(q, false, target, out);
}

/* ---- the methods ------------------------------------------------------------------ */

static void put_token(const struct question *q, struct answer *out)
{
	ear_token_make(&q->e->token, q->from, q->now_ns, out->token);
	out->a.token = span_of(out->token, sizeof(out->token));
}

static void put_values(const struct question *q, struct answer *out)
{
	struct nodeid hash;
	unsigned n;

	memcpy(hash.b, q->m->info_hash.ptr, NODEID_BYTES);
	n = ear_peers_get(q->e->peers, &hash, !endpoint_is4(q->from), wall_s(q),
			  rng_u64(&q->e->rng), out->values,
			  endpoint_is4(q->from) ? VALUES_MAX : VALUES_MAX / 3);
	if (!n)
		return;
	out->a.values = out->values;
	out->a.values_count = n;
}

static void put_samples(const struct question *q, struct answer *out)
{
	const uint64_t interval_ns = SAMPLE_INTERVAL_S * UINT64_C(1000000000);
	struct ear_peers_stats st;
	struct ear *e = q->e;
	unsigned n;

	if (!e->sample_ns || q->now_ns - e->sample_ns >= interval_ns) {
		e->sample_ns = q->now_ns;
		e->sample_draw = rng_u64(&e->rng);
	}
	n = ear_peers_sample(e->peers, wall_s(q), e->sample_draw, out->samples, SAMPLES_MAX);
	ear_peers_stats(e->peers, &st);
	out->a.samples = span_of(out->samples, n * sizeof(out->samples[0]));
	out->a.num = st.torrents;
	out->a.interval = SAMPLE_INTERVAL_S;
}

/* Returns 0, or the code of an error. */
static int announce(const struct question *q)
{
	const struct krpc_msg *m = q->m;
	struct endpoint peer = *q->from;
	struct nodeid hash;

	if (!m->info_hash.ptr || (!m->implied_port && (m->port < 1 || m->port > UINT16_MAX)))
		return ERROR_PROTOCOL;
	if (!ear_token_ok(&q->e->token, q->from, q->now_ns, m->token)) {
		q->e->stats.bad_tokens++;
		*q->flags |= HEARD_BAD_TOKEN;
		return ERROR_PROTOCOL;
	}
	if (!m->implied_port)
		peer.port = (uint16_t)m->port;
	memcpy(hash.b, m->info_hash.ptr, NODEID_BYTES);
	q->e->stats.announces_kept += ear_peers_put(q->e->peers, &hash, &peer, wall_s(q)) == 1;
	return 0;
}

static int with_target(const struct question *q, struct answer *out)
{
	struct span target = q->m->target.ptr ? q->m->target : q->m->info_hash;

	if (!target.ptr)
		return ERROR_PROTOCOL;
	contacts(q, target, out);
	return 0;
}

static int compose(const struct question *q, struct answer *out)
{
	int code = 0;

	switch (q->m->method) {
	case KRPC_PING:
		return 0;
	case KRPC_FIND_NODE:
		return with_target(q, out);
	case KRPC_GET_PEERS:
		if (!q->m->info_hash.ptr)
			return ERROR_PROTOCOL;
		put_token(q, out);
		put_values(q, out);
		return with_target(q, out);
	case KRPC_ANNOUNCE_PEER:
		return announce(q);
	case KRPC_SAMPLE_INFOHASHES:
		code = with_target(q, out);
		if (!code)
			put_samples(q, out);
		return code;
	case KRPC_GET: /* BEP 44: we store no items, but say who may */
		put_token(q, out);
		return with_target(q, out);
	case KRPC_OTHER_METHOD: /* with something to look for it is a find_node (libtorrent) */
		return q->m->target.ptr || q->m->info_hash.ptr ? with_target(q, out) : ERROR_METHOD;
	case KRPC_PUT:
	case KRPC_NO_METHOD:
		break;
	}
	return ERROR_METHOD;
}

/* ---- sending ------------------------------------------------------------------------ */

static const char *words_of(const struct question *q, int code)
{
	if (code == ERROR_METHOD)
		return "Method unknown";
	return *q->flags & HEARD_BAD_TOKEN ? "Bad token" : "Protocol error";
}

static uint8_t give(const struct question *q, const uint8_t *data, int len, uint8_t outcome)
{
	if (!ear_send(q->e, q->i, q->from, data, len))
		return HEARD_WITHHELD;
	ear_budget_answered(&q->e->budget, q->class, q->from, (unsigned)len);
	return outcome;
}

static uint8_t give_error(const struct question *q, int code, unsigned room)
{
	uint8_t out[EAR_REPLY_MAX_BYTES];
	int len = krpc_build_error(q->m->t, ear_v(q->e), code, words_of(q, code), out,
				   room < sizeof(out) ? room : sizeof(out));

	return len > 0 ? give(q, out, len, HEARD_ANSWERED_ERROR) : HEARD_WITHHELD;
}

/* All contacts; half of them; two; and where there were none, or there are peers, no one. */
static uint8_t give_reply(const struct question *q, struct answer *r, unsigned room)
{
	static const unsigned most[] = { EAR_CLOSEST_MAX, EAR_CLOSEST_MAX / 2, 2, 0 };
	bool none_will_do = !(r->nodes_count + r->nodes6_count) || r->a.values_count;
	uint8_t out[EAR_REPLY_MAX_BYTES];

	if (room > sizeof(out))
		room = sizeof(out);
	for (unsigned k = 0; k < sizeof(most) / sizeof(most[0]); k++) {
		int len;

		if (!most[k] && !none_will_do)
			break;
		if (r->nodes_count > most[k])
			r->a.nodes.len = most[k] * NODE4;
		if (r->nodes6_count > most[k])
			r->a.nodes6.len = most[k] * NODE6;
		len = krpc_build_reply(&r->a, out, room);
		if (len > 0)
			return give(q, out, len, HEARD_ANSWERED);
	}
	return HEARD_WITHHELD;
}

/* Service ports are never sent to: a forged source would make us ask a name server. */
static bool refused(const struct question *q)
{
	return gate_may_learn(q->e->gate, q->from) != GATE_OK ||
	       gate_is_service_port(q->from->port);
}

uint8_t ear_reply(struct ear *e, unsigned i, const struct endpoint *from, const struct krpc_msg *m,
		  unsigned len, uint64_t now_ns, uint8_t *flags)
{
	struct question q = { e, i, from, m, now_ns, EAR_STRANGER, flags };
	struct answer r = { .a = { .t = m->t,
				   .v = ear_v(e),
				   .id = e->ids[i].id,
				   .num = -1,
				   .interval = -1,
				   .ip = from } };
	unsigned room;
	int code;

	if (ear_table_known(&e->ids[i].table, from))
		q.class = EAR_KNOWN;
	ear_budget_asked(&e->budget, q.class, len, now_ns);
	if (refused(&q))
		return HEARD_REFUSED;
	room = ear_budget_room(&e->budget, q.class, from, now_ns);
	if (!room)
		return HEARD_WITHHELD;
	code = compose(&q, &r);
	return code ? give_error(&q, code, room) : give_reply(&q, &r, room);
}
