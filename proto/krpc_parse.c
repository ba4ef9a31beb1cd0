/* SPDX-License-Identifier: MIT */
#include "proto/bencode.h"
#include "proto/krpc.h"

/**
 * DOC: one loop per dictionary: read a key, choose by its length and letters,
 * take the value into the field it belongs to. Keys come in any order; what
 * must be there is checked at the end, in settle().
 */

/* What only krpc_parse() needs to know. */
struct outer {
	struct span y;
	bool has_a;
};

static inline bool is(struct span s, const char *literal, size_t len)
{
	return s.len == len && memcmp(s.ptr, literal, len) == 0;
}
#define IS(s, literal) is(s, literal, sizeof(literal) - 1)

/* A value of a kind that its key does not have: step over it, remember that. */
static int take_odd(struct bencode_reader *r, struct krpc_msg *m, int kind)
{
	if (kind < 0)
		return kind;
	m->odd |= KRPC_ODD_KIND;
	return kind == BENCODE_LIST || kind == BENCODE_DICT ? bencode_leave(r) : 0;
}

static inline int take_string(struct bencode_reader *r, struct krpc_msg *m, struct span *out)
{
	struct bencode_token tok;
	int kind = bencode_next(r, &tok);

	if (kind != BENCODE_STRING)
		return take_odd(r, m, kind);
	if (!out->ptr)
		*out = tok.bytes;
	return 0;
}

/* A name of a node or of a torrent: without all of its 20 bytes the message means nothing. */
static inline int take_id(struct bencode_reader *r, struct krpc_msg *m, struct span *out)
{
	int err = take_string(r, m, out);

	return err ? err : out->ptr && out->len != NODEID_BYTES ? DT_ESIZE : 0;
}

/* Records of @unit bytes. Another length means another shape, so no record can be trusted (P-5). */
static inline int take_records(struct bencode_reader *r, struct krpc_msg *m, struct span *out,
			       size_t unit)
{
	struct bencode_token tok;
	int kind = bencode_next(r, &tok);

	if (kind != BENCODE_STRING)
		return take_odd(r, m, kind);
	if (tok.bytes.len % unit)
		m->odd |= KRPC_ODD_LENGTH;
	else if (!out->ptr)
		*out = tok.bytes;
	return 0;
}

static int take_ip(struct bencode_reader *r, struct krpc_msg *m)
{
	int err = take_string(r, m, &m->ip);

	if (!err && m->ip.ptr && m->ip.len != ENDPOINT_COMPACT4 && m->ip.len != ENDPOINT_COMPACT6) {
		m->odd |= KRPC_ODD_LENGTH;
		m->ip = (struct span){ NULL, 0 };
	}
	return err;
}

/* The first integer counts, and only if it lies in 0..@most; -1 stands for absent. */
static int take_number(struct bencode_reader *r, struct krpc_msg *m, int64_t most, int64_t *out)
{
	struct bencode_token tok;
	int kind = bencode_next(r, &tok);

	if (kind != BENCODE_INT)
		return take_odd(r, m, kind);
	if (*out == -1 && tok.number >= 0 && tok.number <= most)
		*out = tok.number;
	return 0;
}

static int take_port(struct bencode_reader *r, struct krpc_msg *m)
{
	int64_t port = m->port;
	int err = take_number(r, m, UINT16_MAX, &port);

	m->port = (int32_t)port;
	return err;
}

static int take_flag(struct bencode_reader *r, struct krpc_msg *m, bool *out)
{
	int64_t v = -1;
	int err = take_number(r, m, INT64_MAX, &v);

	*out = *out || v > 0;
	return err;
}

/* The peers of a get_peers reply stay in their list; here they are only walked and counted. */
static int take_values(struct bencode_reader *r, struct krpc_msg *m)
{
	struct bencode_token tok;
	int kind = bencode_next(r, &tok);
	const uint8_t *first = r->at, *end;
	uint16_t count = 0;
	bool strings = true;

	if (kind != BENCODE_LIST)
		return take_odd(r, m, kind);
	for (end = r->at; (kind = bencode_next(r, &tok)) != BENCODE_END; end = r->at) {
		int err = 0;

		if (kind != BENCODE_STRING) {
			err = take_odd(r, m, kind);
			strings = false;
		} else if (tok.bytes.len == ENDPOINT_COMPACT4 ||
			   tok.bytes.len == ENDPOINT_COMPACT6) {
			count++;
		}
		if (err)
			return err;
	}
	if (strings && !m->values.ptr) {
		m->values = span_of(first, (size_t)(end - first));
		m->values_count = count;
	}
	return 0;
}

static int take_want(struct bencode_reader *r, struct krpc_msg *m)
{
	struct bencode_token tok;
	int kind = bencode_next(r, &tok);

	if (kind != BENCODE_LIST)
		return take_odd(r, m, kind);
	while ((kind = bencode_next(r, &tok)) != BENCODE_END) {
		int err = 0;

		if (kind != BENCODE_STRING)
			err = take_odd(r, m, kind);
		else if (IS(tok.bytes, "n4"))
			m->want |= KRPC_WANT_N4;
		else if (IS(tok.bytes, "n6"))
			m->want |= KRPC_WANT_N6;
		if (err)
			return err;
	}
	return 0;
}

/* [code, text], and whatever follows. */
static int take_error(struct bencode_reader *r, struct krpc_msg *m)
{
	struct bencode_token tok;
	int kind = bencode_next(r, &tok);

	if (kind != BENCODE_LIST)
		return take_odd(r, m, kind);
	while ((kind = bencode_next(r, &tok)) != BENCODE_END) {
		int err = 0;

		if (kind == BENCODE_INT && !m->error_code && tok.number == (int32_t)tok.number)
			m->error_code = (int32_t)tok.number;
		else if (kind == BENCODE_STRING && !m->error_text.ptr)
			m->error_text = tok.bytes;
		else if (kind != BENCODE_INT && kind != BENCODE_STRING)
			err = take_odd(r, m, kind);
		if (err)
			return err;
	}
	return 0;
}

/* A filter of another length is no filter. */
static int take_bloom(struct bencode_reader *r, struct krpc_msg *m)
{
	struct span filter = { NULL, 0 };
	int err = take_string(r, m, &filter);

	m->bloom = m->bloom || filter.len == KRPC_BLOOM_BYTES;
	return err;
}

static inline int take_reply_key(struct bencode_reader *r, struct krpc_msg *m, struct span key)
{
	switch (key.len) {
	case 1:
		if (key.ptr[0] == 'p')
			return take_port(r, m);
		break;
	case 2:
		if (IS(key, "id"))
			return take_id(r, m, &m->id);
		break;
	case 3:
		if (IS(key, "num"))
			return take_number(r, m, INT64_MAX, &m->num);
		break;
	case 4:
		/* "BFse" is what mldht writes for seeds */
		if (IS(key, "BFpe") || IS(key, "BFsd") || IS(key, "BFse"))
			return take_bloom(r, m);
		break;
	case 5:
		if (IS(key, "nodes"))
			return take_records(r, m, &m->nodes, 26);
		if (IS(key, "token"))
			return take_string(r, m, &m->token);
		break;
	case 6:
		if (IS(key, "values"))
			return take_values(r, m);
		if (IS(key, "nodes6"))
			return take_records(r, m, &m->nodes6, 38);
		break;
	case 7:
		if (IS(key, "samples"))
			return take_records(r, m, &m->samples, NODEID_BYTES);
		break;
	case 8:
		if (IS(key, "interval"))
			return take_number(r, m, INT64_MAX, &m->interval);
		break;
	default:
		break;
	}
	return bencode_skip(r);
}

static int take_query_key(struct bencode_reader *r, struct krpc_msg *m, struct span key)
{
	if (IS(key, "id"))
		return take_id(r, m, &m->id);
	if (IS(key, "target"))
		return take_id(r, m, &m->target);
	if (IS(key, "info_hash"))
		return take_id(r, m, &m->info_hash);
	if (IS(key, "want"))
		return take_want(r, m);
	if (IS(key, "token"))
		return take_string(r, m, &m->token);
	if (IS(key, "port"))
		return take_port(r, m);
	if (IS(key, "implied_port"))
		return take_flag(r, m, &m->implied_port);
	if (IS(key, "scrape"))
		return take_flag(r, m, &m->scrape);
	return bencode_skip(r);
}

static int take_reply(struct bencode_reader *r, struct krpc_msg *m)
{
	struct bencode_token key;
	int kind = bencode_next(r, &key);

	if (kind != BENCODE_DICT)
		return take_odd(r, m, kind);
	m->has_r = true;
	while ((kind = bencode_next(r, &key)) == BENCODE_STRING) {
		int err = take_reply_key(r, m, key.bytes);

		if (err)
			return err;
	}
	return kind < 0 ? kind : 0;
}

static int take_arguments(struct bencode_reader *r, struct krpc_msg *m, struct outer *o)
{
	struct bencode_token key;
	int kind = bencode_next(r, &key);

	if (kind != BENCODE_DICT)
		return take_odd(r, m, kind);
	o->has_a = true;
	while ((kind = bencode_next(r, &key)) == BENCODE_STRING) {
		int err = take_query_key(r, m, key.bytes);

		if (err)
			return err;
	}
	return kind < 0 ? kind : 0;
}

static inline int take_outer_key(struct bencode_reader *r, struct krpc_msg *m, struct outer *o,
				 struct span key)
{
	if (key.len == 2) {
		if (IS(key, "ip"))
			return take_ip(r, m);
		if (IS(key, "ro"))
			return take_flag(r, m, &m->ro);
	}
	if (key.len != 1)
		return bencode_skip(r);
	switch (key.ptr[0]) {
	case 'a':
		return take_arguments(r, m, o);
	case 'e':
		return take_error(r, m);
	case 'q':
		return take_string(r, m, &m->method_name);
	case 'r':
		return take_reply(r, m);
	case 't':
		return take_string(r, m, &m->t);
	case 'v':
		return take_string(r, m, &m->v);
	case 'y':
		return take_string(r, m, &o->y);
	default:
		return bencode_skip(r);
	}
}

static enum krpc_method method_of(struct span q)
{
	if (IS(q, "ping"))
		return KRPC_PING;
	if (IS(q, "find_node"))
		return KRPC_FIND_NODE;
	if (IS(q, "get_peers"))
		return KRPC_GET_PEERS;
	if (IS(q, "announce_peer"))
		return KRPC_ANNOUNCE_PEER;
	if (IS(q, "sample_infohashes"))
		return KRPC_SAMPLE_INFOHASHES;
	if (IS(q, "get"))
		return KRPC_GET;
	if (IS(q, "put"))
		return KRPC_PUT;
	return KRPC_OTHER_METHOD;
}

/* All keys are read: is it a message? */
static int settle(struct krpc_msg *m, const struct outer *o)
{
	if (o->y.len != 1 || (o->has_a && m->has_r))
		return DT_EKIND;
	if (m->t.len > KRPC_T_MAX)
		return DT_ESIZE;
	switch (o->y.ptr[0]) {
	case 'r':
		m->kind = KRPC_REPLY;
		return m->has_r ? 0 : DT_EMISSING;
	case 'q':
		m->kind = KRPC_QUERY;
		m->method = method_of(m->method_name);
		return m->method_name.ptr && o->has_a && m->id.ptr ? 0 : DT_EMISSING;
	case 'e':
		m->kind = KRPC_ERROR;
		return 0;
	default:
		return DT_EKIND;
	}
}

int krpc_parse_any(struct span in, struct krpc_msg *msg)
{
	struct outer o = { .has_a = false };
	struct bencode_token key;
	struct bencode_reader r;
	int kind;

	*msg = (struct krpc_msg){ .num = -1, .interval = -1, .port = -1 };
	bencode_reader_init(&r, in);
	kind = bencode_next(&r, &key);
	if (kind != BENCODE_DICT)
		return kind < 0 ? kind : DT_EMALF;
	while ((kind = bencode_next(&r, &key)) == BENCODE_STRING) {
		int err = take_outer_key(&r, msg, &o, key.bytes);

		if (err)
			return err;
	}
	if (kind < 0)
		return kind;
	if (bencode_rest(&r).len)
		msg->odd |= KRPC_ODD_TRAILING;
	return settle(msg, &o);
}

int krpc_parse(struct span in, struct krpc_msg *msg)
{
	return krpc_parse_usual(in, msg) ? 0 : krpc_parse_any(in, msg);
}

int krpc_value_next(struct span values, size_t *cursor, struct endpoint *peer)
{
	struct bencode_reader r;
	struct span s;

	if (*cursor >= values.len)
		return 0;
	bencode_reader_init(&r, span_slice(values, *cursor, values.len - *cursor));
	while (r.at < r.end && (uint8_t)(*r.at - '0') <= 9 && !bencode_read_string(&r, &s)) {
		*cursor = (size_t)(r.at - values.ptr);
		if (!endpoint_from_compact(s, peer))
			return 1;
	}
	*cursor = values.len;
	return 0;
}
