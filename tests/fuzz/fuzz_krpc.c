/* SPDX-License-Identifier: MIT */
#include "proto/krpc.h"
#include "tests/fuzz/fuzz.h"
#include "tests/support/krpc_same.h"

/*
 * All spans of a message lie inside of the datagram and have lengths that can
 * be, its peers are as many as it says, and the message built again from its
 * parts is read as the same message. What the shortcut takes, the general reader takes alike.
 */

enum { PEERS_MAX = 512, DATAGRAM_MAX = 1 << 16 };

static void check_spans(struct span in, const struct krpc_msg *m)
{
	const struct span all[] = { m->method_name, m->t,     m->v,         m->id,     m->target,
				    m->info_hash,   m->token, m->nodes,     m->nodes6, m->values,
				    m->samples,     m->ip,    m->error_text };

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		FUZZ_HOLDS(fuzz_inside(in, all[i]));
	FUZZ_HOLDS(m->t.len <= KRPC_T_MAX);
	FUZZ_HOLDS(!m->id.ptr || m->id.len == NODEID_BYTES);
	FUZZ_HOLDS(!m->target.ptr || m->target.len == NODEID_BYTES);
	FUZZ_HOLDS(!m->info_hash.ptr || m->info_hash.len == NODEID_BYTES);
	FUZZ_HOLDS(m->nodes.len % 26 == 0 && m->nodes6.len % 38 == 0);
	FUZZ_HOLDS(m->samples.len % NODEID_BYTES == 0);
	FUZZ_HOLDS(!m->ip.ptr || m->ip.len == 6 || m->ip.len == 18);
	FUZZ_HOLDS(m->port >= -1 && m->port <= UINT16_MAX);
	FUZZ_HOLDS(m->num >= -1 && m->interval >= -1);
}

static size_t walk_values(const struct krpc_msg *m, struct endpoint *peers)
{
	struct endpoint peer;
	size_t cursor = 0, count = 0;

	while (krpc_value_next(m->values, &cursor, &peer)) {
		FUZZ_HOLDS(cursor <= m->values.len);
		if (count < PEERS_MAX)
			peers[count] = peer;
		count++;
	}
	FUZZ_HOLDS(count == m->values_count);
	return count;
}

static void check_reply(const struct krpc_msg *m, const struct endpoint *peers, uint8_t *out)
{
	struct krpc_answer a = { .t = m->t,
				 .v = m->v,
				 .nodes = m->nodes,
				 .nodes6 = m->nodes6,
				 .token = m->token,
				 .values = m->values.ptr ? peers : NULL,
				 .values_count = m->values_count,
				 .samples = m->samples,
				 .num = m->num,
				 .interval = m->interval };
	struct endpoint ip;
	struct krpc_msg back;
	int len;

	memcpy(a.id.b, m->id.ptr, NODEID_BYTES);
	if (m->ip.ptr && endpoint_from_compact(m->ip, &ip) == 0)
		a.ip = &ip;
	len = krpc_build_reply(&a, out, DATAGRAM_MAX);
	FUZZ_HOLDS(len > 0);
	FUZZ_HOLDS(krpc_parse(span_of(out, (size_t)len), &back) == 0);
	FUZZ_HOLDS(back.kind == KRPC_REPLY && back.odd == 0);
	FUZZ_HOLDS(span_equal(back.t, m->t) && span_equal(back.v, m->v));
	FUZZ_HOLDS(span_equal(back.id, m->id) && span_equal(back.token, m->token));
	FUZZ_HOLDS(span_equal(back.nodes, m->nodes) && span_equal(back.nodes6, m->nodes6));
	FUZZ_HOLDS(span_equal(back.samples, m->samples));
	FUZZ_HOLDS(back.num == m->num && back.interval == m->interval);
	FUZZ_HOLDS(back.values_count == m->values_count);
}

static void check_query(const struct krpc_msg *m, uint8_t *out)
{
	struct span target = m->target.ptr ? m->target : m->info_hash;
	struct krpc_query q = { .method = m->method,
				.t = m->t,
				.v = m->v,
				.token = m->token,
				.port = m->port < 0 ? 0 : (uint16_t)m->port,
				.implied_port = m->implied_port,
				.ro = m->ro,
				.want = m->want };
	struct krpc_msg back;
	int len;

	memcpy(q.id.b, m->id.ptr, NODEID_BYTES);
	if (target.ptr)
		memcpy(q.target.b, target.ptr, NODEID_BYTES);
	len = krpc_build_query(&q, out, DATAGRAM_MAX);
	if (m->method == KRPC_PUT || m->method == KRPC_OTHER_METHOD) {
		FUZZ_HOLDS(len == (m->t.len ? DT_EKIND : DT_ESIZE));
		return;
	}
	if (!m->t.len) {
		FUZZ_HOLDS(len == DT_ESIZE);
		return;
	}
	FUZZ_HOLDS(len > 0);
	FUZZ_HOLDS(krpc_parse(span_of(out, (size_t)len), &back) == 0);
	FUZZ_HOLDS(back.kind == KRPC_QUERY && back.method == m->method && back.odd == 0);
	FUZZ_HOLDS(span_equal(back.t, m->t) && span_equal(back.v, m->v));
	FUZZ_HOLDS(span_equal(back.id, m->id) && back.ro == m->ro);
	if (m->method != KRPC_PING && target.ptr)
		FUZZ_HOLDS(span_equal(back.target.ptr ? back.target : back.info_hash, target));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct endpoint peers[PEERS_MAX];
	static uint8_t out[DATAGRAM_MAX];
	struct span in = span_of(data, size);
	struct krpc_msg m, usual;
	int err;

	if (size > DATAGRAM_MAX / 2)
		return 0;
	if (krpc_parse_usual(in, &usual))
		FUZZ_HOLDS(krpc_parse_any(in, &m) == 0 && krpc_same(&m, &usual));
	err = krpc_parse(in, &m);
	if (err) {
		FUZZ_HOLDS(err <= DT_ESHORT && err >= DT_EKIND);
		return 0;
	}
	check_spans(in, &m);
	if (walk_values(&m, peers) > PEERS_MAX)
		return 0;
	if (m.kind == KRPC_REPLY && m.id.ptr)
		check_reply(&m, peers, out);
	if (m.kind == KRPC_QUERY)
		check_query(&m, out);
	return 0;
}
