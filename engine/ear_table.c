/* SPDX-License-Identifier: MIT */
#include "engine/ear_table.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

unsigned ear_bucket_cap(unsigned b)
{
	static const uint8_t caps[] = { 128, 64, 32, 16 };

	return b < sizeof(caps) ? caps[b] : 8;
}

void ear_table_init(struct ear_table *t, const struct nodeid *own)
{
	memset(t, 0, sizeof(*t));
	t->own = *own;
}

void ear_table_fini(struct ear_table *t)
{
	for (unsigned b = 0; b < EAR_BUCKETS; b++) {
		free(t->buckets[b]);
		t->buckets[b] = NULL;
	}
	t->count = 0;
}

/* Our own id has no bucket. */
static unsigned index_of(const struct ear_table *t, const struct nodeid *id)
{
	return nodeid_common_bits(&t->own, id);
}

static struct ear_bucket *bucket_of(const struct ear_table *t, const struct nodeid *id)
{
	unsigned b = index_of(t, id);

	return b < EAR_BUCKETS ? t->buckets[b] : NULL;
}

static int make_bucket(struct ear_table *t, unsigned b)
{
	if (!t->buckets[b])
		t->buckets[b] = calloc(1, sizeof(struct ear_bucket) +
						  ear_bucket_cap(b) * sizeof(struct ear_node));
	return t->buckets[b] ? 0 : -ENOMEM;
}

static bool is(const struct ear_node *n, const struct nodeid *id, const struct endpoint *ep)
{
	return nodeid_equal(&n->id, id) && endpoint_equal(&n->ep, ep);
}

struct ear_node *ear_table_find(struct ear_table *t, const struct nodeid *id,
				const struct endpoint *ep)
{
	struct ear_bucket *b = bucket_of(t, id);

	for (unsigned i = 0; b && i < b->count; i++)
		if (is(&b->nodes[i], id, ep))
			return &b->nodes[i];
	return NULL;
}

bool ear_table_known(const struct ear_table *t, const struct endpoint *ep)
{
	for (unsigned b = 0; b < EAR_BUCKETS; b++)
		for (unsigned i = 0; t->buckets[b] && i < t->buckets[b]->count; i++)
			if (endpoint_equal(&t->buckets[b]->nodes[i].ep, ep))
				return true;
	return false;
}

static bool same_host(const struct endpoint *a, const struct endpoint *b)
{
	return memcmp(a->addr, b->addr, sizeof(a->addr)) == 0;
}

static bool same_net(const struct endpoint *a, const struct endpoint *b)
{
	size_t len = endpoint_is4(a) ? 15 : 8; /* /24, /64 */

	return endpoint_is4(a) == endpoint_is4(b) && memcmp(a->addr, b->addr, len) == 0;
}

/* One to an address in the whole table, one to a network in its bucket. Bad nodes do not count. */
static bool rules_allow(const struct ear_table *t, unsigned bucket, const struct endpoint *ep)
{
	for (unsigned b = 0; b < EAR_BUCKETS; b++)
		for (unsigned i = 0; t->buckets[b] && i < t->buckets[b]->count; i++) {
			const struct ear_node *n = &t->buckets[b]->nodes[i];

			if (n->fails >= EAR_FAILS_MAX)
				continue;
			if (same_host(&n->ep, ep) || (b == bucket && same_net(&n->ep, ep)))
				return false;
		}
	return true;
}

static struct ear_node *worst(struct ear_bucket *b)
{
	struct ear_node *w = NULL;

	for (unsigned i = 0; i < b->count; i++)
		if (b->nodes[i].fails >= EAR_FAILS_MAX && (!w || b->nodes[i].fails > w->fails))
			w = &b->nodes[i];
	return w;
}

bool ear_table_wants(const struct ear_table *t, const struct nodeid *id, const struct endpoint *ep)
{
	unsigned b = index_of(t, id);
	struct ear_bucket *k = b < EAR_BUCKETS ? t->buckets[b] : NULL;

	/* Room first: most of the time there is none, and the rules walk the whole table. */
	if (b >= EAR_BUCKETS || (k && k->count == ear_bucket_cap(b) && !worst(k)))
		return false;
	return rules_allow(t, b, ep);
}

static void drop_waiting(struct ear_bucket *b, unsigned i)
{
	b->waiting[i] = b->waiting[--b->waiting_count];
}

static void forget_waiting(struct ear_bucket *b, const struct nodeid *id, const struct endpoint *ep)
{
	for (unsigned i = 0; i < b->waiting_count; i++)
		if (is(&b->waiting[i], id, ep)) {
			drop_waiting(b, i);
			return;
		}
}

int ear_table_answered(struct ear_table *t, const struct nodeid *id, const struct endpoint *ep,
		       uint64_t now_ns)
{
	struct ear_node *n = ear_table_find(t, id, ep);
	unsigned b = index_of(t, id);
	int err;

	if (n) {
		n->heard_ns = n->answered_ns = now_ns;
		n->fails = 0;
		return 1;
	}
	if (!ear_table_wants(t, id, ep))
		return 0;
	err = make_bucket(t, b);
	if (err)
		return err;
	if (t->buckets[b]->count < ear_bucket_cap(b)) {
		n = &t->buckets[b]->nodes[t->buckets[b]->count++];
		t->count++;
	} else {
		n = worst(t->buckets[b]);
	}
	*n = (struct ear_node){ .id = *id, .ep = *ep, .heard_ns = now_ns, .answered_ns = now_ns };
	t->buckets[b]->refreshed_ns = now_ns;
	forget_waiting(t->buckets[b], id, ep);
	return 1;
}

void ear_table_heard(struct ear_table *t, const struct nodeid *id, const struct endpoint *ep,
		     uint64_t now_ns)
{
	struct ear_node *n = ear_table_find(t, id, ep);

	if (n)
		n->heard_ns = now_ns;
}

void ear_table_failed(struct ear_table *t, const struct nodeid *id, const struct endpoint *ep)
{
	struct ear_node *n = ear_table_find(t, id, ep);

	if (n && n->fails < UINT8_MAX)
		n->fails++;
}

/*
 * Who was heard last is thought of first: after a flood of forged addresses the honest, who call
 * again, need not wait behind them.
 */
static bool promises_more(const struct ear_node *a, const struct ear_node *b)
{
	return a->heard_ns > b->heard_ns;
}

/* The eight that promise most; of one network, one. */
void ear_table_wait(struct ear_table *t, const struct nodeid *id, const struct endpoint *ep,
		    uint64_t now_ns)
{
	unsigned b = index_of(t, id), least = 0;
	struct ear_bucket *k;

	if (b >= EAR_BUCKETS || make_bucket(t, b))
		return;
	k = t->buckets[b];
	for (unsigned i = 0; i < k->waiting_count; i++) {
		if (is(&k->waiting[i], id, ep)) {
			k->waiting[i].heard_ns = now_ns;
			return;
		}
		if (same_net(&k->waiting[i].ep, ep))
			return;
		if (promises_more(&k->waiting[least], &k->waiting[i]))
			least = i;
	}
	if (k->waiting_count < EAR_WAITING_MAX)
		least = k->waiting_count++;
	k->waiting[least] = (struct ear_node){ .id = *id, .ep = *ep, .heard_ns = now_ns };
}

int ear_table_candidate(struct ear_table *t, struct ear_node *out)
{
	unsigned bucket = 0, at = 0;
	bool found = false;

	for (unsigned b = 0; b < EAR_BUCKETS; b++) {
		struct ear_bucket *k = t->buckets[b];

		for (unsigned i = 0; k && i < k->waiting_count; i++) {
			if (found && !promises_more(&k->waiting[i], out))
				continue;
			if (!ear_table_wants(t, &k->waiting[i].id, &k->waiting[i].ep))
				continue;
			*out = k->waiting[i];
			bucket = b;
			at = i;
			found = true;
		}
	}
	if (found)
		drop_waiting(t->buckets[bucket], at);
	return found;
}

unsigned ear_table_closest(const struct ear_table *t, const struct nodeid *target, unsigned max,
			   struct ear_node *out)
{
	unsigned n = 0;

	if (max > EAR_CLOSEST_MAX)
		max = EAR_CLOSEST_MAX;
	for (unsigned b = 0; b < EAR_BUCKETS; b++)
		for (unsigned i = 0; t->buckets[b] && i < t->buckets[b]->count; i++) {
			const struct ear_node *c = &t->buckets[b]->nodes[i];
			unsigned at = n;

			if (c->fails)
				continue;
			while (at > 0 && nodeid_closer(target, &c->id, &out[at - 1].id))
				at--;
			if (at >= max)
				continue;
			if (n < max)
				n++;
			memmove(&out[at + 1], &out[at], (n - at - 1) * sizeof(*out));
			out[at] = *c;
		}
	return n;
}

static uint64_t last_ns(const struct ear_node *n)
{
	if (n->fails)
		return n->asked_ns;
	return n->heard_ns > n->asked_ns ? n->heard_ns : n->asked_ns;
}

struct ear_node *ear_table_stale(struct ear_table *t, uint64_t quiet_ns, uint64_t failed_ns)
{
	struct ear_node *found = NULL;

	for (unsigned b = 0; b < EAR_BUCKETS; b++)
		for (unsigned i = 0; t->buckets[b] && i < t->buckets[b]->count; i++) {
			struct ear_node *n = &t->buckets[b]->nodes[i];

			if (last_ns(n) >= (n->fails ? failed_ns : quiet_ns))
				continue;
			if (!found || last_ns(n) < last_ns(found))
				found = n;
		}
	return found;
}

void ear_table_turned(struct ear_table *t, const struct nodeid *id, const struct endpoint *ep)
{
	struct ear_node *n = ear_table_find(t, id, ep);

	if (n)
		n->fails = EAR_FAILS_MAX;
}

unsigned ear_table_depth(const struct ear_table *t)
{
	for (unsigned b = EAR_BUCKETS; b-- > 0;)
		if (t->buckets[b] && t->buckets[b]->count)
			return b + 1;
	return 0;
}

void ear_table_each(const struct ear_table *t, void (*fn)(void *ctx, const struct ear_node *n),
		    void *ctx)
{
	for (unsigned b = 0; b < EAR_BUCKETS; b++)
		for (unsigned i = 0; t->buckets[b] && i < t->buckets[b]->count; i++)
			fn(ctx, &t->buckets[b]->nodes[i]);
}
