/* SPDX-License-Identifier: MIT */
#include "tests/support/tinynet.h"

#include <stdlib.h>
#include <string.h>

#include "proto/krpc.h"
#include "tests/support/rng.h"

/* 20.0.0.0: nothing special about it; a /24 and some from each to the next. */
enum { ADDRESS_BASE = 0x14000000, ADDRESS_STEP = 331 };

static void *must(void *p)
{
	if (!p)
		abort();
	return p;
}

/* Dead nodes are evenly mixed in: node i is dead when its share of them is due. */
static void populate(struct tinynet *t, uint64_t seed, uint32_t dead)
{
	struct rng r = { seed };

	for (uint32_t i = 0; i < t->count; i++) {
		struct tinynet_node *n = &t->nodes[i];

		rng_fill(&r, n->id.b, NODEID_BYTES);
		/* One address each. */
		n->ep = endpoint_ip4(ADDRESS_BASE + i * ADDRESS_STEP,
				     (uint16_t)(20000 + i % 40000));
		n->live = (uint64_t)(i + 1) * dead / t->count == (uint64_t)i * dead / t->count;
		t->live += n->live;
	}
}

/* Every other node is offered to its bucket; eight of a bucket stay (reservoir sampling). */
static uint32_t fill_table(const struct tinynet *t, uint32_t of, uint32_t *out, struct rng *r)
{
	uint32_t bucket[NODEID_BITS][TINYNET_BUCKET], seen[NODEID_BITS] = { 0 }, n = 0;

	for (uint32_t i = 0; i < t->count; i++) {
		unsigned b = nodeid_common_bits(&t->nodes[of].id, &t->nodes[i].id);

		if (i == of || b >= NODEID_BITS)
			continue;
		if (seen[b] < TINYNET_BUCKET) {
			bucket[b][seen[b]] = i;
		} else {
			uint32_t at = (uint32_t)rng_below(r, seen[b] + 1);

			if (at < TINYNET_BUCKET)
				bucket[b][at] = i;
		}
		seen[b]++;
	}
	for (unsigned b = 0; b < NODEID_BITS; b++)
		for (uint32_t i = 0; i < seen[b] && i < TINYNET_BUCKET; i++)
			out[n++] = bucket[b][i];
	return n;
}

struct tinynet *tinynet_new(uint64_t seed, uint32_t live, uint32_t dead)
{
	struct tinynet *t = must(calloc(1, sizeof(*t)));
	struct rng r = { ~seed };
	uint32_t used = 0;

	t->count = live + dead;
	t->reply_nodes = TINYNET_BUCKET;
	t->nodes = must(calloc(t->count, sizeof(*t->nodes)));
	t->table = must(calloc((size_t)t->count * TINYNET_BUCKET * 32, sizeof(*t->table)));
	populate(t, seed, dead);
	for (uint32_t i = 0; i < t->count; i++) {
		t->nodes[i].table_from = used;
		t->nodes[i].table_count = fill_table(t, i, t->table + used, &r);
		used += t->nodes[i].table_count;
	}
	return t;
}

void tinynet_free(struct tinynet *t)
{
	if (!t)
		return;
	free(t->nodes);
	free(t->table);
	free(t);
}

const struct tinynet_node *tinynet_find(const struct tinynet *t, const struct endpoint *ep)
{
	uint32_t i = (endpoint_get_ip4(ep) - ADDRESS_BASE) / ADDRESS_STEP;

	if (!endpoint_is4(ep) || i >= t->count || !endpoint_equal(&t->nodes[i].ep, ep))
		return NULL;
	return &t->nodes[i];
}

/* The nearest of its table by repeated search: slow and beyond doubt. */
static size_t nearest(const struct tinynet *t, const struct tinynet_node *n,
		      const struct nodeid *target, uint8_t *out)
{
	size_t len = 0;
	uint32_t taken[64];

	for (uint32_t k = 0; k < t->reply_nodes && k < n->table_count && k < 64; k++) {
		uint32_t best = UINT32_MAX;

		for (uint32_t i = 0; i < n->table_count; i++) {
			uint32_t e = t->table[n->table_from + i];
			bool had = false;

			for (uint32_t j = 0; j < k; j++)
				had = had || taken[j] == e;
			if (!had && (best == UINT32_MAX ||
				     nodeid_closer(target, &t->nodes[e].id, &t->nodes[best].id)))
				best = e;
		}
		taken[k] = best;
		memcpy(out + len, t->nodes[best].id.b, NODEID_BYTES);
		endpoint_to_compact(&t->nodes[best].ep, out + len + NODEID_BYTES);
		len += 26;
	}
	return len;
}

size_t tinynet_answer(const struct tinynet *t, const struct endpoint *to, struct span query,
		      uint8_t out[static TINYNET_REPLY_MAX])
{
	const struct tinynet_node *n = tinynet_find(t, to);
	struct krpc_answer a = { .v = SPAN_LIT("TN01"), .num = -1, .interval = -1 };
	uint8_t nodes[64 * 26 + ENDPOINT_COMPACT6];
	struct krpc_msg q;
	struct span target;
	int len;

	if (!n || !n->live || krpc_parse(query, &q) || q.kind != KRPC_QUERY)
		return 0;
	if (q.method == KRPC_SAMPLE_INFOHASHES && !t->sampling) {
		len = krpc_build_error(q.t, a.v, 204, "Method Unknown", out, TINYNET_REPLY_MAX);
		return len > 0 ? (size_t)len : 0;
	}
	a.t = q.t;
	a.id = n->id;
	if (q.method == KRPC_SAMPLE_INFOHASHES) {
		a.samples = span_of(n->id.b, 0);
		a.num = 0;
		a.interval = 21600;
	}
	if (q.method == KRPC_GET_PEERS)
		a.token = SPAN_LIT("tok");
	target = q.method == KRPC_GET_PEERS ? q.info_hash : q.target;
	if (target.len == NODEID_BYTES) {
		struct nodeid id;

		memcpy(id.b, target.ptr, NODEID_BYTES);
		a.nodes = span_of(nodes, nearest(t, n, &id, nodes));
	}
	len = krpc_build_reply(&a, out, TINYNET_REPLY_MAX);
	return len > 0 ? (size_t)len : 0;
}
