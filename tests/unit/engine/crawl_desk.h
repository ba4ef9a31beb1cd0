/* SPDX-License-Identifier: MIT */
#ifndef TESTS_UNIT_ENGINE_CRAWL_DESK_H
#define TESTS_UNIT_ENGINE_CRAWL_DESK_H

#include <stdlib.h>
#include <string.h>

#include "engine/crawl.h"
#include "proto/krpc.h"
#include "tests/support/unit.h"

/**
 * DOC: one crawl on a desk, no network: the test sees each query and writes each
 * reply by hand.
 */
enum { DESK_BATCH = 64, DESK_SAID = 4096, DESK_LISTED = 64 };

static const uint64_t S = 1000000000, MS = 1000000;

struct desk {
	struct crawl *crawl;
	struct gate *gate;
	uint64_t now_ns;
	uint8_t frames[DESK_BATCH][NET_FRAME_MAX];
	struct net_msg out[DESK_BATCH];
	unsigned sent; /* by the last desk_send() */
	struct sighting said[DESK_SAID];
	unsigned said_count;
	struct listing listed[DESK_LISTED]; /* the first of them */
	unsigned listed_count;
	struct crawl_contact told;
	unsigned told_count, told_shard;
};

static inline void desk_sighting(void *ctx, const struct sighting *s)
{
	struct desk *d = ctx;

	assert_true(d->said_count < DESK_SAID);
	d->said[d->said_count++] = *s;
}

static inline void desk_listing(void *ctx, const struct listing *l)
{
	struct desk *d = ctx;

	if (d->listed_count < DESK_LISTED)
		d->listed[d->listed_count] = *l;
	d->listed_count++;
}

static inline void desk_contact(void *ctx, unsigned shard, const struct crawl_contact *c)
{
	struct desk *d = ctx;

	d->told = *c;
	d->told_shard = shard;
	d->told_count++;
}

static inline struct crawl_opts desk_opts(void)
{
	struct crawl_opts o = crawl_opts_default();

	o.seed = 3;
	o.endpoints_max = 1 << 14;
	o.slots_log2 = 14;
	o.mixing = 0;
	o.mixing_all_until = 0;
	memset(o.mac_key, 0x42, sizeof(o.mac_key));
	memset(o.own_id.b, 0xdd, sizeof(o.own_id.b));
	return o;
}

static inline struct desk *desk_open(const struct crawl_opts *opts, const struct gate_opts *gate)
{
	struct gate_opts g = { .workers = 1 };
	struct desk *d = calloc(1, sizeof(*d));
	struct crawl_port port = { .ctx = d,
				   .sighting = desk_sighting,
				   .contact = desk_contact,
				   .listing = desk_listing };

	assert_non_null(d);
	d->now_ns = 5000 * S;
	assert_int_equal(gate_new(gate ? gate : &g, &d->gate), 0);
	assert_int_equal(crawl_new(opts, d->gate, &port, d->now_ns, 77 * S, &d->crawl), 0);
	return d;
}

static inline void desk_close(struct desk *d)
{
	crawl_free(d->crawl);
	gate_free(d->gate);
	free(d);
}

static inline struct crawl_stats desk_stats(const struct desk *d)
{
	struct crawl_stats s;

	crawl_stats(d->crawl, &s);
	assert_int_equal(s.sent, s.answered + s.errors + s.expired + s.in_flight);
	assert_int_equal(s.sent, s.first_attempts + s.retries_sent);
	return s;
}

/* An id whose first bytes are given, the rest zero. */
static inline struct nodeid id_of(uint32_t head)
{
	return (struct nodeid){ .b = { (uint8_t)(head >> 24), (uint8_t)(head >> 16),
				       (uint8_t)(head >> 8), (uint8_t)head } };
}

static inline struct endpoint host(uint32_t n)
{
	return endpoint_ip4(0x15000000 + n * 1000, (uint16_t)(7000 + n));
}

static inline void desk_offer(struct desk *d, struct endpoint ep, const struct nodeid *id,
			      uint32_t introducer)
{
	struct crawl_contact c = { .ep = ep, .introducer = introducer, .has_id = id != NULL };

	if (id)
		c.id = *id;
	crawl_offer(d->crawl, &c, 1, d->now_ns);
	desk_stats(d);
}

/* All that leaves now. */
static inline unsigned desk_send(struct desk *d)
{
	crawl_tick(d->crawl, d->now_ns);
	for (unsigned i = 0; i < DESK_BATCH; i++)
		d->out[i] = (struct net_msg){ .data = d->frames[i] };
	d->sent = crawl_tx(d->crawl, d->now_ns, d->out, DESK_BATCH);
	desk_stats(d);
	return d->sent;
}

static inline struct krpc_msg desk_query(const struct desk *d, unsigned i)
{
	struct krpc_msg q;

	assert_true(i < d->sent);
	assert_int_equal(krpc_parse(span_of(d->out[i].data, d->out[i].len), &q), 0);
	assert_int_equal(q.kind, KRPC_QUERY);
	assert_true(q.ro);
	assert_int_equal(q.t.len, KRPC_TEMPLATE_T);
	return q;
}

static inline struct nodeid desk_target(const struct desk *d, unsigned i)
{
	struct krpc_msg q = desk_query(d, i);
	struct nodeid id = { { 0 } };

	if (q.target.len == NODEID_BYTES)
		memcpy(id.b, q.target.ptr, NODEID_BYTES);
	return id;
}

static inline unsigned desk_arrives(struct desk *d, struct endpoint from, const void *data,
				    size_t len)
{
	uint8_t copy[2048];
	struct net_msg m = { .peer = from, .len = (uint32_t)len, .data = copy };
	uint16_t elsewhere[1];
	unsigned count;

	assert_true(len <= sizeof(copy));
	memcpy(copy, data, len);
	crawl_rx(d->crawl, d->now_ns, &m, 1, elsewhere, &count);
	desk_stats(d);
	return count;
}

static inline size_t contact4(uint8_t *out, const struct nodeid *id, struct endpoint ep)
{
	uint8_t compact[ENDPOINT_COMPACT6];

	assert_int_equal(endpoint_to_compact(&ep, compact), ENDPOINT_COMPACT4);
	memcpy(out, id->b, NODEID_BYTES);
	memcpy(out + NODEID_BYTES, compact, ENDPOINT_COMPACT4);
	return NODEID_BYTES + ENDPOINT_COMPACT4;
}

/* Query @i of the last desk_send() is answered by @from under @id with compact @nodes. */
static inline void desk_answer(struct desk *d, unsigned i, struct endpoint from,
			       const struct nodeid *id, struct span nodes)
{
	struct krpc_answer a = { .t = desk_query(d, i).t,
				 .v = SPAN_LIT("LT\x01\x02"),
				 .id = *id,
				 .nodes = nodes,
				 .num = -1,
				 .interval = -1 };
	uint8_t data[KRPC_DATAGRAM_MAX];
	int len = krpc_build_reply(&a, data, sizeof(data));

	assert_true(len > 0);
	assert_int_equal(desk_arrives(d, from, data, (size_t)len), 0);
}

#endif
