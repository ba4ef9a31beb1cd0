/* SPDX-License-Identifier: MIT */
#include "proto/bencode.h"
#include "proto/krpc.h"

/* Where the changing bytes of a query came to lie; 0 = it has none. */
struct places {
	size_t id_at, target_at, t_at;
};

/* A key (bencoded already) and its string; returns the offset of the string's bytes. */
static size_t put_pair(struct bencode_writer *w, struct span key, struct span value)
{
	bencode_put_raw(w, key);
	bencode_put_string(w, value);
	return w->len - value.len;
}

static void put_pair_int(struct bencode_writer *w, struct span key, int64_t value)
{
	bencode_put_raw(w, key);
	bencode_put_int(w, value);
}

/* t, v, y: how every message ends. */
static size_t put_tail(struct bencode_writer *w, struct span t, struct span v, struct span y)
{
	size_t t_at = put_pair(w, SPAN_LIT("1:t"), t);

	if (v.ptr)
		put_pair(w, SPAN_LIT("1:v"), v);
	put_pair(w, SPAN_LIT("1:y"), y);
	bencode_put_end(w);
	return t_at;
}

static void put_want(struct bencode_writer *w, uint8_t want)
{
	if (!want)
		return;
	bencode_put_raw(w, SPAN_LIT("4:wantl"));
	if (want & KRPC_WANT_N4)
		bencode_put_raw(w, SPAN_LIT("2:n4"));
	if (want & KRPC_WANT_N6)
		bencode_put_raw(w, SPAN_LIT("2:n6"));
	bencode_put_end(w);
}

/* What follows the id in a: sorted, as BEP 3 asks. Returns the target's offset. */
static int put_arguments(struct bencode_writer *w, const struct krpc_query *q, struct places *at)
{
	struct span target = span_of(q->target.b, NODEID_BYTES);

	switch (q->method) {
	case KRPC_PING:
		return 0;
	case KRPC_FIND_NODE:
	case KRPC_SAMPLE_INFOHASHES:
	case KRPC_GET:
		at->target_at = put_pair(w, SPAN_LIT("6:target"), target);
		put_want(w, q->want);
		return 0;
	case KRPC_GET_PEERS:
		at->target_at = put_pair(w, SPAN_LIT("9:info_hash"), target);
		if (q->scrape)
			put_pair_int(w, SPAN_LIT("6:scrape"), 1);
		put_want(w, q->want);
		return 0;
	case KRPC_ANNOUNCE_PEER:
		if (q->implied_port)
			put_pair_int(w, SPAN_LIT("12:implied_port"), 1);
		at->target_at = put_pair(w, SPAN_LIT("9:info_hash"), target);
		put_pair_int(w, SPAN_LIT("4:port"), q->port);
		put_pair(w, SPAN_LIT("5:token"), q->token);
		return 0;
	case KRPC_NO_METHOD:
	case KRPC_PUT:
	case KRPC_OTHER_METHOD:
		break;
	}
	return DT_EKIND;
}

static struct span method_pair(enum krpc_method method)
{
	switch (method) {
	case KRPC_PING:
		return SPAN_LIT("1:q4:ping");
	case KRPC_FIND_NODE:
		return SPAN_LIT("1:q9:find_node");
	case KRPC_GET_PEERS:
		return SPAN_LIT("1:q9:get_peers");
	case KRPC_ANNOUNCE_PEER:
		return SPAN_LIT("1:q13:announce_peer");
	case KRPC_SAMPLE_INFOHASHES:
		return SPAN_LIT("1:q17:sample_infohashes");
	case KRPC_GET:
		return SPAN_LIT("1:q3:get");
	case KRPC_NO_METHOD:
	case KRPC_PUT:
	case KRPC_OTHER_METHOD:
		break;
	}
	return SPAN_LIT("");
}

static int build(const struct krpc_query *q, struct span t, uint8_t *out, size_t cap,
		 struct places *at)
{
	struct bencode_writer w;
	int err;

	bencode_writer_init(&w, out, cap);
	at->id_at = put_pair(&w, SPAN_LIT("d1:ad2:id"), span_of(q->id.b, NODEID_BYTES));
	at->target_at = 0;
	err = put_arguments(&w, q, at);
	if (err)
		return err;
	bencode_put_end(&w);
	bencode_put_raw(&w, method_pair(q->method));
	if (q->ro)
		bencode_put_raw(&w, SPAN_LIT("2:roi1e"));
	at->t_at = put_tail(&w, t, q->v, SPAN_LIT("q"));
	return bencode_finish(&w);
}

int krpc_build_query(const struct krpc_query *q, uint8_t *out, size_t cap)
{
	struct places at;

	if (q->t.len < 1 || q->t.len > KRPC_T_MAX)
		return DT_ESIZE;
	return build(q, q->t, out, cap, &at);
}

int krpc_template_init(struct krpc_template *tp, const struct krpc_query *q)
{
	static const uint8_t t[KRPC_TEMPLATE_T];
	struct places at;
	int len = build(q, span_of(t, sizeof(t)), tp->bytes, sizeof(tp->bytes), &at);

	if (len < 0)
		return len;
	tp->len = (uint16_t)len;
	tp->id_at = (uint16_t)at.id_at;
	tp->target_at = (uint16_t)at.target_at;
	tp->t_at = (uint16_t)at.t_at;
	return 0;
}

static void put_values(struct bencode_writer *w, const struct krpc_answer *a)
{
	if (!a->values)
		return;
	bencode_put_raw(w, SPAN_LIT("6:valuesl"));
	for (size_t i = 0; i < a->values_count; i++) {
		uint8_t compact[ENDPOINT_COMPACT6];
		int len = endpoint_to_compact(&a->values[i], compact);

		bencode_put_string(w, span_of(compact, (size_t)len));
	}
	bencode_put_end(w);
}

static void put_if(struct bencode_writer *w, struct span key, struct span value)
{
	if (value.ptr)
		put_pair(w, key, value);
}

static void put_if_int(struct bencode_writer *w, struct span key, int64_t value)
{
	if (value >= 0)
		put_pair_int(w, key, value);
}

int krpc_build_reply(const struct krpc_answer *a, uint8_t *out, size_t cap)
{
	uint8_t compact[ENDPOINT_COMPACT6];
	struct bencode_writer w;

	if (a->t.len > KRPC_T_MAX || a->nodes.len % 26 || a->nodes6.len % 38 ||
	    a->samples.len % NODEID_BYTES)
		return DT_ESIZE;
	bencode_writer_init(&w, out, cap);
	bencode_put_dict(&w);
	if (a->ip)
		put_pair(&w, SPAN_LIT("2:ip"),
			 span_of(compact, (size_t)endpoint_to_compact(a->ip, compact)));
	bencode_put_raw(&w, SPAN_LIT("1:rd"));
	if (a->bloom) {
		put_pair(&w, SPAN_LIT("4:BFpe"), span_of(a->bloom, KRPC_BLOOM_BYTES));
		put_pair(&w, SPAN_LIT("4:BFsd"),
			 span_of(a->bloom + KRPC_BLOOM_BYTES, KRPC_BLOOM_BYTES));
	}
	put_pair(&w, SPAN_LIT("2:id"), span_of(a->id.b, NODEID_BYTES));
	put_if_int(&w, SPAN_LIT("8:interval"), a->interval);
	put_if(&w, SPAN_LIT("5:nodes"), a->nodes);
	put_if(&w, SPAN_LIT("6:nodes6"), a->nodes6);
	put_if_int(&w, SPAN_LIT("3:num"), a->num);
	put_if(&w, SPAN_LIT("7:samples"), a->samples);
	put_if(&w, SPAN_LIT("5:token"), a->token);
	put_values(&w, a);
	bencode_put_end(&w);
	put_tail(&w, a->t, a->v, SPAN_LIT("r"));
	return bencode_finish(&w);
}

int krpc_build_error(struct span t, struct span v, int code, const char *text, uint8_t *out,
		     size_t cap)
{
	struct bencode_writer w;

	bencode_writer_init(&w, out, cap);
	bencode_put_raw(&w, SPAN_LIT("d1:el"));
	bencode_put_int(&w, code);
	bencode_put_string(&w, span_of(text, strlen(text)));
	bencode_put_end(&w);
	put_tail(&w, t, v, SPAN_LIT("e"));
	return bencode_finish(&w);
}
