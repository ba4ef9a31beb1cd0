/* SPDX-License-Identifier: MIT */
#include "engine/ear.h"

#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "proto/krpc.h"
#include "tests/support/krpc_samples.h"
#include "tests/support/rng.h"
#include "tests/support/tinynet.h"
#include "tests/support/unit.h"

/*
 * A desk: the ear at a public address, a small network that answers it after 20 ms, and strangers
 * made by the tests; virtual time.
 */

#define S  ((uint64_t)1000000000)
#define MS ((uint64_t)1000000)

enum { FLIGHT_MAX = 4096, SENT_MAX = 1024 };

struct packet {
	uint64_t due_ns;
	unsigned identity;
	struct endpoint peer;
	uint8_t bytes[512];
	size_t len;
};

struct desk {
	struct ear *ear;
	struct gate *gate;
	struct tinynet *net;
	bool chorus; /* every address answers, says ours, and lists eight more networks */
	uint64_t now_ns;
	struct packet flight[FLIGHT_MAX];
	unsigned flying;
	struct packet last; /* what the ear sent last */
	uint64_t sent, sent_bytes, to_bogons;
	uint64_t heard, kinds[HEARD_KINDS], outcomes[HEARD_OUTCOMES];
	struct heard last_heard;
	uint64_t sightings, ways[SIGHTING_WAYS];
};

enum { CHORUS_NET = 0x20000000, CHORUS = 16 };

static struct nodeid chorister(const struct endpoint *ep)
{
	struct nodeid id;

	memset(id.b, ep->addr[13] * 13 + 1, sizeof(id.b));
	return id;
}

static size_t sing(const struct endpoint *to, struct span query, uint8_t out[static 512])
{
	struct endpoint seen = endpoint_ip4(0x51020304, 6881);
	struct krpc_answer a = { .id = chorister(to), .num = -1, .interval = -1, .ip = &seen };
	uint8_t nodes[8 * 26];
	struct krpc_msg m;
	int len;

	if (krpc_parse(query, &m) || m.kind != KRPC_QUERY)
		return 0;
	for (uint32_t i = 0; i < 8; i++) {
		struct endpoint ep =
			endpoint_ip4(CHORUS_NET + ((i + to->addr[13]) % CHORUS << 16), 6881);
		struct nodeid id = chorister(&ep);

		memcpy(nodes + i * 26, id.b, sizeof(id.b));
		endpoint_to_compact(&ep, nodes + i * 26 + NODEID_BYTES);
	}
	a.t = m.t;
	a.nodes = span_of(nodes, sizeof(nodes));
	len = krpc_build_reply(&a, out, 512);
	return len > 0 ? (size_t)len : 0;
}

static bool on_send(void *ctx, unsigned i, const struct endpoint *to, const uint8_t *data,
		    size_t len)
{
	uint8_t reply[TINYNET_REPLY_MAX];
	struct desk *d = ctx;
	size_t n;

	assert_true(len <= EAR_REPLY_MAX_BYTES);
	d->sent++;
	d->sent_bytes += len + 28;
	d->last = (struct packet){ .peer = *to, .identity = i, .len = len };
	memcpy(d->last.bytes, data, len);
	n = d->net      ? tinynet_answer(d->net, to, span_of(data, len), reply)
	    : d->chorus ? sing(to, span_of(data, len), reply)
			: 0;
	if (n && n <= 512 && d->flying < FLIGHT_MAX) {
		struct packet *p = &d->flight[d->flying++];

		*p = (struct packet){
			.due_ns = d->now_ns + 20 * MS, .identity = i, .peer = *to, .len = n
		};
		memcpy(p->bytes, reply, n);
	}
	return true;
}

static void on_heard(void *ctx, const struct heard *h)
{
	struct desk *d = ctx;

	d->heard++;
	d->kinds[h->kind]++;
	d->outcomes[h->outcome]++;
	d->last_heard = *h;
}

static void on_sighting(void *ctx, const struct sighting *s)
{
	struct desk *d = ctx;

	d->sightings++;
	d->ways[s->way]++;
}

static struct endpoint at(const char *text)
{
	struct endpoint ep;

	assert_int_equal(endpoint_from_text(text, &ep), 0);
	return ep;
}

static struct desk *desk_open(struct tinynet *net, unsigned ids, bool known_address)
{
	struct desk *d = calloc(1, sizeof(*d));
	struct gate_opts gate = { .rate_pps = 50, .workers = 1 };
	struct ear_port port = { d, on_send, on_heard, on_sighting };
	struct endpoint local[EAR_IDS_MAX], external[EAR_IDS_MAX], boot[3];
	struct ear_opts opts = { .ids = ids,
				 .local = local,
				 .external = known_address ? external : NULL,
				 .bootstrap = boot,
				 .v = { 'D', 'T', 0, 1 },
				 .seed = 9 };

	assert_non_null(d);
	d->net = net;
	d->now_ns = 1000 * S;
	for (unsigned i = 0; i < ids; i++) {
		local[i] = endpoint_ip4(0x51020304, (uint16_t)(6881 + i));
		external[i] = endpoint_ip4(0x51020304, 0);
	}
	for (uint32_t i = 0; opts.bootstrap_count < 3; i++)
		if (!net)
			boot[opts.bootstrap_count++] = endpoint_ip4(CHORUS_NET + (i << 16), 6881);
		else if (net->nodes[i].live)
			boot[opts.bootstrap_count++] = net->nodes[i].ep;
	assert_int_equal(gate_new(&gate, &d->gate), 0);
	assert_int_equal(ear_new(&opts, d->gate, &port, d->now_ns, 1700000000 * S, &d->ear), 0);
	return d;
}

static void desk_close(struct desk *d)
{
	ear_free(d->ear);
	gate_free(d->gate);
	tinynet_free(d->net);
	free(d);
}

static void deliver(struct desk *d)
{
	for (unsigned i = 0; i < d->flying;) {
		struct packet p = d->flight[i];

		if (p.due_ns > d->now_ns) {
			i++;
			continue;
		}
		d->flight[i] = d->flight[--d->flying];
		ear_rx(d->ear, p.identity, &p.peer, span_of(p.bytes, p.len), d->now_ns);
	}
}

static void live(struct desk *d, double seconds)
{
	for (uint64_t end = d->now_ns + (uint64_t)(seconds * 1e9); d->now_ns < end;) {
		d->now_ns += EAR_TICK_NS / 4;
		deliver(d);
		ear_tick(d->ear, d->now_ns);
	}
}

static struct ear_stats stats(const struct desk *d)
{
	struct ear_stats st;

	ear_stats(d->ear, &st);
	return st;
}

static struct nodeid own_id(const struct desk *d, unsigned i)
{
	struct ear_identity_info info;

	ear_identity(d->ear, i, &info);
	return info.id;
}

/* ---- a datagram from a stranger, and what came back -------------------------------- */

static void tell(struct desk *d, const struct endpoint *from, const void *bytes, size_t len)
{
	d->last.len = 0;
	ear_rx(d->ear, 0, from, span_of(bytes, len), d->now_ns);
}

static bool answer_of(struct desk *d, const struct endpoint *from, const void *bytes, size_t len,
		      struct krpc_msg *m)
{
	tell(d, from, bytes, len);
	if (!d->last.len)
		return false;
	assert_true(endpoint_equal(&d->last.peer, from));
	assert_int_equal(krpc_parse(span_of(d->last.bytes, d->last.len), m), 0);
	return true;
}

#define ID                 "aaaaaaaaaaaaaaaaaaaa"
#define IH                 "hhhhhhhhhhhhhhhhhhhh"
#define ASK(d, from, s, m) answer_of(d, &from, s, sizeof(s) - 1, m)

static void test_joins_a_network(void **state)
{
	struct desk *d = desk_open(tinynet_new(3, 600, 200), 1, true);
	struct nodeid own = own_id(d, 0);
	struct endpoint asker = at("77.1.2.3:7007");
	struct ear_identity_info info;
	unsigned found = 0, nearer = 0;
	struct ear_stats st;
	struct krpc_msg m;
	char query[] = "d1:ad2:id20:" ID "6:target20:" IH "e1:q9:find_node1:t2:aa1:y1:qe";

	(void)state;
	live(d, 120);
	st = stats(d);
	ear_identity(d->ear, 0, &info);
	assert_true(info.bep42);
	printf("# %u nodes after two minutes, %llu lookups, %llu queries, %llu answered\n",
	       st.table_nodes, (unsigned long long)st.lookups, (unsigned long long)st.queries_sent,
	       (unsigned long long)st.answered);
	assert_true(st.table_nodes > 110); /* of 600, with buckets of 128, 64, 32 ... */
	assert_int_equal(st.messages[HEARD_REPLY], st.answered);
	assert_int_equal(st.outcomes[HEARD_EXPECTED], st.messages[HEARD_REPLY]);
	assert_int_equal(d->ways[SIGHTING_ANSWERED], st.answered);
	assert_true(st.queries_sent <= 50 * 120);
	/* It knows its neighbours: its answer for its own id is the truth. */
	memcpy(query + 43, own.b, 20);
	assert_true(answer_of(d, &asker, query, sizeof(query) - 1, &m));
	assert_int_equal(m.nodes.len, 8 * 26);
	for (size_t i = 0; i < 8; i++) {
		struct endpoint ep;
		struct nodeid id;

		krpc_node4(m.nodes, i, &id, &ep);
		assert_non_null(tinynet_find(d->net, &ep));
		assert_true(tinynet_find(d->net, &ep)->live);
		found++;
	}
	for (uint32_t i = 0; i < d->net->count; i++) {
		struct endpoint ep;
		struct nodeid last;

		krpc_node4(m.nodes, 7, &last, &ep);
		nearer += d->net->nodes[i].live && nodeid_closer(&own, &d->net->nodes[i].id, &last);
	}
	assert_int_equal(found, 8);
	assert_true(nearer <= 8); /* seven, or eight where one was lost */
	/* It stays: an hour later it knows as many, and has asked little. */
	live(d, 3600);
	assert_true(stats(d).table_nodes > 180);
	assert_true(stats(d).queries_sent - st.queries_sent < 3 * 3600);
	desk_close(d);
}

static void test_answers(void **state)
{
	struct desk *d = desk_open(tinynet_new(5, 300, 0), 1, true);
	struct endpoint a = at("77.1.2.3:7007"), b = at("78.1.2.3:8008");
	char announce[256];
	struct krpc_msg m;
	int len;

	(void)state;
	live(d, 30);
	assert_true(ASK(d, a, "d1:ad2:id20:" ID "e1:q4:ping1:t3:xyz1:y1:qe", &m));
	assert_int_equal(m.kind, KRPC_REPLY);
	assert_true(span_equal(m.t, SPAN_LIT("xyz")) && span_equal(m.v, SPAN_LIT("DT\0\1")));
	assert_int_equal(m.ip.len, 6);
	assert_true(
		ASK(d, a, "d1:ad2:id20:" ID "6:target20:" IH "e1:q9:find_node1:t1:a1:y1:qe", &m));
	assert_int_equal(m.nodes.len, 8 * 26);
	assert_false(ASK(d, a, "d1:ad2:id20:" ID "e1:q9:find_node1:t1:a1:y1:q", &m)); /* cut */
	assert_int_equal(d->last_heard.kind, HEARD_MALFORMED);
	assert_true(
		ASK(d, a, "d1:ad2:id20:" ID "e1:q9:find_node1:t1:a1:y1:qe", &m)); /* no target */
	assert_int_equal(m.error_code, 203);
	assert_int_equal(d->last_heard.outcome, HEARD_ANSWERED_ERROR);

	assert_true(ASK(d, a, "d1:ad2:id20:" ID "9:info_hash20:" IH "e1:q9:get_peers1:t1:a1:y1:qe",
			&m));
	assert_int_equal(m.token.len, 8);
	assert_int_equal(m.values_count, 0);
	len = snprintf(announce, sizeof(announce),
		       "d1:ad2:id20:" ID "9:info_hash20:" IH "4:porti4711e5:token8:");
	memcpy(announce + len, m.token.ptr, 8);
	memcpy(announce + len + 8, "e1:q13:announce_peer1:t1:a1:y1:qe", 33);
	assert_true(answer_of(d, &b, announce, (size_t)len + 41, &m)); /* another's token */
	assert_int_equal(m.error_code, 203);
	assert_true(span_equal(m.error_text, SPAN_LIT("Bad token")));
	assert_true(d->last_heard.flags & HEARD_BAD_TOKEN);
	assert_true(answer_of(d, &a, announce, (size_t)len + 41, &m));
	assert_int_equal(m.kind, KRPC_REPLY);
	assert_int_equal(d->last_heard.peer_port, 4711);
	assert_true(ASK(d, b, "d1:ad2:id20:" ID "9:info_hash20:" IH "e1:q9:get_peers1:t1:a1:y1:qe",
			&m));
	assert_int_equal(m.values_count, 1);
	assert_int_equal(m.nodes.len, 8 * 26);
	live(d, 601);
	assert_true(answer_of(d, &a, announce, (size_t)len + 41, &m));
	assert_int_equal(m.error_code, 203); /* ten minutes old */

	assert_true(ASK(d, a,
			"d1:ad2:id20:" ID "6:target20:" IH "e1:q17:sample_infohashes1:t1:a1:y1:qe",
			&m));
	assert_int_equal(m.samples.len, 20);
	assert_int_equal(m.num, 1);
	assert_int_equal(m.interval, 21600);
	assert_true(ASK(d, a, "d1:ad2:id20:" ID "6:target20:" IH "e1:q3:get1:t1:a1:y1:qe", &m));
	assert_true(m.token.len == 8 && m.nodes.len == 8 * 26);
	assert_true(ASK(d, a, "d1:ad2:id20:" ID "e1:q3:put1:t1:a1:y1:qe", &m));
	assert_int_equal(m.error_code, 204);
	assert_true(ASK(d, a, "d1:ad2:id20:" ID "e1:q4:vote1:t1:a1:y1:qe", &m));
	assert_int_equal(m.error_code, 204);
	assert_true(ASK(d, a, "d1:ad2:id20:" ID "6:target20:" IH "e1:q4:vote1:t1:a1:y1:qe", &m));
	assert_int_equal(m.nodes.len, 8 * 26);
	/* The other family was asked for, and there is none here: an empty list, not a lie. */
	assert_true(ASK(
		d, a, "d1:ad2:id20:" ID "6:target20:" IH "4:wantl2:n6ee1:q9:find_node1:t1:a1:y1:qe",
		&m));
	assert_true(m.nodes.len == 0 && m.nodes6.len == 0);
	live(d, 1900);
	assert_true(ASK(d, b, "d1:ad2:id20:" ID "9:info_hash20:" IH "e1:q9:get_peers1:t1:a1:y1:qe",
			&m));
	assert_int_equal(m.values_count, 0); /* half an hour is over */
	desk_close(d);
}

static void test_who_gets_nothing(void **state)
{
	static const char *const from[] = { "10.0.0.1:6881", "127.0.0.1:6881", "77.1.2.3:53",
					    "77.1.2.3:0",    "77.1.2.3:11211", "224.0.0.1:6881" };
	struct desk *d = desk_open(NULL, 1, true);
	struct krpc_msg m;

	(void)state;
	for (unsigned i = 0; i < sizeof(from) / sizeof(from[0]); i++) {
		struct endpoint ep = at(from[i]);

		assert_false(ASK(d, ep, "d1:ad2:id20:" ID "e1:q4:ping1:t1:a1:y1:qe", &m));
		assert_int_equal(d->last_heard.outcome, HEARD_REFUSED);
	}
	live(d, 30); /* nor does it ask them later; its three places to begin are another matter */
	assert_int_equal(d->sent, stats(d).queries_sent);
	assert_true(d->sent <= 3 * 3);
	assert_int_equal(d->heard, sizeof(from) / sizeof(from[0]));
	desk_close(d);
}

/* Its address is told by the answers: the id comes to fit it, the table stays. */
static void test_address_by_vote(void **state)
{
	struct desk *d = desk_open(NULL, 1, false);
	struct nodeid before = own_id(d, 0);
	struct ear_identity_info info;

	(void)state;
	d->chorus = true;
	live(d, 3);
	ear_identity(d->ear, 0, &info);
	assert_int_equal(stats(d).id_changes, 1);
	assert_true(info.bep42);
	assert_int_equal(endpoint_get_ip4(&info.external), 0x51020304);
	assert_false(nodeid_equal(&before, &info.id));
	assert_true(stats(d).table_nodes >= 4); /* they moved to the buckets of the new id */
	live(d, 300);
	assert_int_equal(stats(d).id_changes, 1);
	assert_true(stats(d).table_nodes >= 8);
	desk_close(d);
}

/* ---- hostile ----------------------------------------------------------------------- */

static uint64_t honest_left(const struct desk *d, const struct tinynet *t)
{
	struct nodeid target;
	struct krpc_msg m;
	struct endpoint from = at("79.1.1.1:9001");
	uint64_t honest = 0, asked = 0;
	struct rng r = { 5 };

	for (unsigned k = 0; k < 12; k++) { /* what it hands out is what is in its table */
		char query[] = "d1:ad2:id20:" ID "6:target20:" IH "e1:q9:find_node1:t2:aa1:y1:qe";
		struct desk *w = (struct desk *)(uintptr_t)d;

		rng_fill(&r, target.b, sizeof(target.b));
		memcpy(query + 43, target.b, 20);
		from.addr[13] = (uint8_t)k;
		w->now_ns += S;
		if (!answer_of(w, &from, query, sizeof(query) - 1, &m))
			continue;
		for (size_t i = 0; i < m.nodes.len / 26; i++) {
			struct endpoint ep;
			struct nodeid id;

			krpc_node4(m.nodes, i, &id, &ep);
			honest += tinynet_find(t, &ep) != NULL;
			asked++;
		}
	}
	return asked ? honest * 100 / asked : 0;
}

static void test_table_poisoning(void **state)
{
	struct desk *d = desk_open(tinynet_new(5, 300, 0), 1, true);
	struct rng r = rng_open(3);
	struct nodeid own = own_id(d, 0);
	uint32_t before;
	uint64_t sent;

	(void)state;
	live(d, 60);
	before = stats(d).table_nodes;
	sent = d->sent;
	/* 30,000 nodes that nobody can reach, with ids beside ours, from everywhere. */
	for (unsigned i = 0; i < 30000; i++) {
		char query[] = "d1:ad2:id20:" ID "6:target20:" IH "e1:q9:find_node1:t2:aa1:y1:qe";
		struct endpoint from = endpoint_ip4(0x50000000 + (uint32_t)rng_below(&r, 1 << 24),
						    (uint16_t)(2000 + rng_below(&r, 60000)));

		memcpy(query + 12, own.b, 18); /* shares 144 bits */
		rng_fill(&r, query + 30, 2);
		tell(d, &from, query, sizeof(query) - 1);
		if (i % 100 == 0)
			live(d, 0.1);
	}
	live(d, 120);
	assert_true(stats(d).table_nodes >= before * 9 / 10);
	assert_int_equal(honest_left(d, d->net), 100);
	/* What it sent meanwhile: answers within their budget, and no more queries than its rate.
	 */
	assert_true(d->sent - sent < 30000);
	/* Liars in replies: contacts that are none are asked once or never, and never handed on. */
	desk_close(d);
}

/* Bytes out, all of them, never exceed bytes in under a flood. */
static void test_flood_gains_nothing(void **state)
{
	struct desk *d = desk_open(tinynet_new(5, 300, 0), 1, true);
	struct rng r = rng_open(8);
	uint64_t in = 0, out;

	(void)state;
	live(d, 60);
	out = d->sent_bytes;
	for (unsigned i = 0; i < 100000; i++) { /* 10 s at 10,000/s */
		static const char query[] =
			"d1:ad2:id20:" ID "9:info_hash20:" IH "e1:q9:get_peers1:t2:aa1:y1:qe";
		struct endpoint from = endpoint_ip4(0x50000000 + (uint32_t)rng_below(&r, 1 << 24),
						    (uint16_t)(2000 + rng_below(&r, 60000)));

		tell(d, &from, query, sizeof(query) - 1);
		in += sizeof(query) - 1 + 28;
		d->now_ns += S / 10000;
		if (i % 1000 == 0) {
			deliver(d);
			ear_tick(d->ear, d->now_ns);
		}
	}
	out = d->sent_bytes - out;
	printf("# 100,000 forged queries: %llu bytes in, %llu out: factor %.3f\n",
	       (unsigned long long)in, (unsigned long long)out, (double)out / (double)in);
	assert_true(out <= in);
	desk_close(d);
}

/* Anything at all: heard once, counted once, nothing else. */
static void test_any_datagram(void **state)
{
	struct desk *d = desk_open(tinynet_new(5, 300, 0), 3, true);
	struct rng r = rng_open(4);
	uint8_t bytes[2048];
	struct ear_stats st;
	uint64_t sum = 0, heard, table;

	(void)state;
	live(d, 20);
	table = stats(d).table_nodes;
	heard = d->heard;
	for (unsigned i = 0; i < 200000; i++) {
		const struct krpc_sample *s = krpc_samples;
		struct endpoint from = endpoint_ip4((uint32_t)rng_u64(&r), (uint16_t)rng_u64(&r));
		size_t len;

		for (uint64_t k = rng_below(&r, 60); k && (s + 1)->name; k--)
			s++;
		len = s->bytes.len < sizeof(bytes) ? s->bytes.len : sizeof(bytes);
		if (len)
			memcpy(bytes, s->bytes.ptr, len);
		for (uint64_t k = rng_below(&r, 3); k && len; k--)
			bytes[rng_below(&r, len)] = (uint8_t)rng_u64(&r);
		ear_rx(d->ear, (unsigned)rng_below(&r, 3), &from, span_of(bytes, len), d->now_ns);
		if (i % 200 == 0)
			live(d, 0.1);
	}
	st = stats(d);
	assert_int_equal(d->heard, st.received);
	assert_true(d->heard >= heard + 200000);
	for (unsigned k = 0; k < HEARD_KINDS; k++) {
		assert_int_equal(st.messages[k], d->kinds[k]);
		sum += st.messages[k];
	}
	assert_int_equal(sum, st.received);
	assert_int_equal(st.unexpected,
			 d->outcomes[HEARD_NOTHING_DUE] - st.messages[HEARD_MALFORMED]);
	assert_true(st.table_nodes >= table);
	desk_close(d);
}

/* Answers that are none of ours: another t, another sender, twice, our own id. */
static void test_forged_answers(void **state)
{
	struct desk *d = desk_open(tinynet_new(5, 300, 0), 1, true);
	struct endpoint other = at("99.1.1.1:6881");
	struct nodeid own = own_id(d, 0);
	uint8_t out[256];
	struct krpc_msg q;
	struct krpc_answer a = { .num = -1, .interval = -1 };
	uint64_t answered;
	int len;

	(void)state;
	ear_tick(d->ear, d->now_ns); /* the first query goes out */
	assert_int_equal(krpc_parse(span_of(d->last.bytes, d->last.len), &q), 0);
	assert_int_equal(q.kind, KRPC_QUERY);
	assert_int_equal(q.ro, false);
	memset(a.id.b, 'z', sizeof(a.id.b));
	a.t = SPAN_LIT("\0\0\0\0\0\0");
	len = krpc_build_reply(&a, out, sizeof(out));
	tell(d, &d->last.peer, out, (size_t)len);
	assert_int_equal(d->last_heard.outcome, HEARD_NOTHING_DUE);
	a.t = q.t;
	len = krpc_build_reply(&a, out, sizeof(out));
	tell(d, &other, out, (size_t)len);
	assert_int_equal(d->last_heard.outcome, HEARD_NOTHING_DUE);
	assert_int_equal(stats(d).table_nodes, 0);
	a.id = own;
	len = krpc_build_reply(&a, out, sizeof(out));
	answered = stats(d).answered;
	tell(d, &d->last.peer, out, (size_t)len);
	assert_int_equal(d->last_heard.outcome, HEARD_EXPECTED);
	tell(d, &d->last.peer, out, (size_t)len); /* again */
	assert_int_equal(d->last_heard.outcome, HEARD_NOTHING_DUE);
	assert_int_equal(stats(d).table_nodes, 0);
	assert_int_equal(stats(d).answered, answered);
	desk_close(d);
}

static void test_many_ids(void **state)
{
	struct desk *d = desk_open(tinynet_new(5, 300, 0), 16, true);
	uint64_t prefix[16];

	(void)state;
	for (unsigned i = 0; i < 16; i++) {
		struct ear_identity_info info;

		ear_identity(d->ear, i, &info);
		assert_int_equal(info.bep42, i < 8); /* an address has eight good prefixes */
		prefix[i] = nodeid_prefix64(&info.id);
		for (unsigned k = 0; k < i; k++)
			assert_true(prefix[i] >> 40 != prefix[k] >> 40);
		if (i >= 8) /* evenly over the space */
			assert_true(prefix[i] >> 60 == i);
	}
	live(d, 60);
	for (unsigned i = 0; i < 16; i++) {
		struct ear_identity_info info;

		ear_identity(d->ear, i, &info);
		assert_true(info.table_nodes > 8);
	}
	assert_true(stats(d).queries_sent <= 50 * 61);
	desk_close(d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_joins_a_network),  cmocka_unit_test(test_answers),
		cmocka_unit_test(test_who_gets_nothing), cmocka_unit_test(test_address_by_vote),
		cmocka_unit_test(test_table_poisoning),  cmocka_unit_test(test_flood_gains_nothing),
		cmocka_unit_test(test_any_datagram),     cmocka_unit_test(test_forged_answers),
		cmocka_unit_test(test_many_ids),
	};

	return sodium_init() < 0 ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}
