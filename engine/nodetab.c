/* SPDX-License-Identifier: MIT */
#include "engine/nodetab.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include "engine/rng.h"

/* Where in the 64 hash bits each piece begins; the low 32 choose the bucket. */
enum { HASH_SUB_SHIFT = 56, HASH_TAG_SHIFT = 32 };

enum {
	ADDRESS6_BYTES = 16,
	SUB_FULL_PERCENT = 75,
	SUB_GROWTH_PERCENT = 133,
	/* Of a sub-table without a hint: 256 of them take 64 to 80 KiB. */
	SUB_BUCKETS_MIN = 4,
	SEED_STREAM = 0x6e6f6465, /* of the seed that is handed in */
};

_Static_assert(NODETAB_SUBTABLES == 1 << (64 - HASH_SUB_SHIFT), "the top bits choose");

static struct nodetab_sub *sub_of(struct nodetab *t, uint64_t hash)
{
	return &t->sub[hash >> HASH_SUB_SHIFT];
}

static inline uint32_t bucket_of(const struct nodetab_sub *sub, uint64_t hash)
{
	return (uint32_t)((uint64_t)(uint32_t)hash * sub->count >> 32);
}

/* The hash bits of an entry, in place above the number. */
static inline uint32_t tag_of(const struct nodetab *t, uint64_t hash)
{
	return (uint32_t)(hash >> HASH_TAG_SHIFT) << t->number_bits;
}

static inline uint32_t number_mask(const struct nodetab *t)
{
	return ((uint32_t)1 << t->number_bits) - 1;
}

/* ---- buckets ------------------------------------------------------------- */

/* Bit i: entry i of the bucket has the hash bits of @tag. *@empty: there is a hole. */
static inline unsigned bucket_match(const uint32_t *b, uint32_t tag, uint32_t mask, bool *empty)
{
#ifdef __SSE2__
	const __m128i *v = (const __m128i *)(const void *)b;
	__m128i want = _mm_set1_epi32((int)tag), bits = _mm_set1_epi32((int)~mask);
	__m128i eq[4];

	for (unsigned i = 0; i < 4; i++)
		eq[i] = _mm_cmpeq_epi32(_mm_and_si128(_mm_load_si128(v + i), bits), want);
	/* Entries fill from the front: the last one tells of holes. */
	*empty = b[NODETAB_BUCKET - 1] == 0;
	return (unsigned)_mm_movemask_epi8(
		_mm_packs_epi16(_mm_packs_epi32(eq[0], eq[1]), _mm_packs_epi32(eq[2], eq[3])));
#else
	unsigned found = 0;

	for (unsigned i = 0; i < NODETAB_BUCKET; i++)
		found |= (unsigned)((b[i] & ~mask) == tag) << i;
	*empty = b[NODETAB_BUCKET - 1] == 0;
	return found;
#endif
}

/* ---- keys --------------------------------------------------------------- */

struct nodetab_key nodetab_key(const struct nodetab *t, const struct endpoint *ep)
{
	uint64_t high, low;

	if (endpoint_is4(ep))
		return nodetab_key4(t, endpoint_get_ip4(ep), ep->port);
	memcpy(&high, ep->addr, sizeof(high));
	memcpy(&low, ep->addr + sizeof(high), sizeof(low));
	return (struct nodetab_key){
		.hash = nodetab_hash(t, nodetab_hash(t, nodetab_hash(t, high) ^ low) ^ ep->port),
		.port = ep->port,
		.v6 = true,
		.addr6 = ep->addr,
	};
}

bool nodetab_is6(const struct nodetab *t, uint32_t ref, const struct nodetab_key *key)
{
	return memcmp(nodetab_address6(t, nodetab_at(t, ref)), key->addr6, ADDRESS6_BYTES) == 0;
}

static uint64_t hash_of(const struct nodetab *t, uint32_t ref)
{
	const struct node *n = nodetab_at(t, ref);
	struct endpoint ep;

	if (!(n->flags & NODE_V6))
		return nodetab_key4(t, n->ip, n->port).hash;
	ep = nodetab_endpoint(t, ref);
	return nodetab_key(t, &ep).hash;
}

/* ---- the index ----------------------------------------------------------- */

static uint32_t *buckets_new(uint32_t count)
{
	size_t bytes = (size_t)count * NODETAB_BUCKET * sizeof(uint32_t);
	uint32_t *b = aligned_alloc(64, bytes);

	if (b)
		memset(b, 0, bytes);
	return b;
}

/* An entry known to be new into a table known to have room. */
static void place(uint32_t *buckets, uint32_t count, uint32_t at, uint32_t entry)
{
	for (;;) {
		uint32_t *b = buckets + (size_t)at * NODETAB_BUCKET;

		for (unsigned i = 0; i < NODETAB_BUCKET; i++) {
			if (b[i] == 0) {
				b[i] = entry;
				return;
			}
		}
		at = at + 1 == count ? 0 : at + 1;
	}
}

static int sub_grow(struct nodetab *t, struct nodetab_sub *sub)
{
	enum { AHEAD = 16 }; /* records fetched before they are hashed again */
	uint64_t more = (uint64_t)sub->count * SUB_GROWTH_PERCENT / 100;
	struct nodetab_sub grown = { .count = (uint32_t)(more > sub->count ? more : more + 1),
				     .used = sub->used };
	size_t entries = (size_t)sub->count * NODETAB_BUCKET;
	uint32_t mask = number_mask(t);

	grown.buckets = buckets_new(grown.count);
	if (!grown.buckets)
		return -ENOMEM;
	for (size_t i = 0; i < entries; i++) {
		uint32_t e = sub->buckets[i];

		if (i + AHEAD < entries && sub->buckets[i + AHEAD])
			__builtin_prefetch(nodetab_at(t, (sub->buckets[i + AHEAD] & mask) - 1));
		if (e)
			place(grown.buckets, grown.count,
			      bucket_of(&grown, hash_of(t, (e & mask) - 1)), e);
	}
	t->index_bytes += (uint64_t)(grown.count - sub->count) * NODETAB_BUCKET * sizeof(uint32_t);
	free(sub->buckets);
	*sub = grown;
	return 0;
}

/* First sizes run from s to s x growth over the sub-tables, so they grow in turn. */
static int index_init(struct nodetab *t, uint64_t hint)
{
	double least = (double)hint * 100 / SUB_FULL_PERCENT / NODETAB_BUCKET / NODETAB_SUBTABLES;

	if (least < SUB_BUCKETS_MIN)
		least = SUB_BUCKETS_MIN;
	for (unsigned i = 0; i < NODETAB_SUBTABLES; i++) {
		struct nodetab_sub *sub = &t->sub[i];
		double scale = pow(SUB_GROWTH_PERCENT / 100.0, (double)i / NODETAB_SUBTABLES);

		sub->count = (uint32_t)ceil(least * scale);
		sub->buckets = buckets_new(sub->count);
		if (!sub->buckets)
			return -ENOMEM;
		t->index_bytes += (uint64_t)sub->count * NODETAB_BUCKET * sizeof(uint32_t);
	}
	return 0;
}

/* ---- the table ----------------------------------------------------------- */

int nodetab_init(struct nodetab *t, uint64_t max, uint64_t hint, uint64_t seed)
{
	int err;

	*t = (struct nodetab){ .seed = { rng_mix(seed ^ SEED_STREAM),
					 rng_mix(seed + SEED_STREAM) | 1 } };
	if (max == 0 || max > NODETAB_MAX)
		return -EINVAL;
	if (hint > max)
		hint = max;
	t->max = (uint32_t)max;
	while ((uint64_t)1 << t->number_bits <= max) /* numbers + 1 must fit */
		t->number_bits++;
	err = arena_init(&t->records, max * sizeof(struct node));
	if (!err)
		err = arena_init(&t->addresses, max * ADDRESS6_BYTES);
	if (!err)
		err = arena_need(&t->records, hint * sizeof(struct node));
	if (!err)
		err = index_init(t, hint);
	if (err)
		nodetab_free(t);
	return err;
}

void nodetab_free(struct nodetab *t)
{
	arena_free(&t->records);
	arena_free(&t->addresses);
	for (unsigned i = 0; i < NODETAB_SUBTABLES; i++)
		free(t->sub[i].buckets);
	*t = (struct nodetab){ 0 };
}

static inline uint32_t guess(const struct nodetab *t, const struct nodetab_key *key, uint32_t mask)
{
	const uint32_t *b = nodetab_bucket(t, key);
	bool empty;
	unsigned found = bucket_match(b, tag_of(t, key->hash), mask, &empty);
	uint32_t ref;

	if (!found)
		return empty ? NODETAB_NONE : nodetab_find(t, key);
	/* An empty entry matches a tag of zero: its number less one is NODETAB_NONE. */
	ref = (b[__builtin_ctz(found)] & mask) - 1;
	if (ref != NODETAB_NONE)
		nodetab_prefetch_mention(t, ref);
	return ref;
}

void nodetab_guess(const struct nodetab *t, const struct nodetab_key *keys, unsigned count,
		   uint32_t *refs)
{
	uint32_t mask = number_mask(t);

	for (unsigned i = 0; i < count; i++)
		refs[i] = guess(t, &keys[i], mask);
}

uint32_t nodetab_find(const struct nodetab *t, const struct nodetab_key *key)
{
	const struct nodetab_sub *sub = &t->sub[key->hash >> HASH_SUB_SHIFT];
	uint32_t at = bucket_of(sub, key->hash), mask = number_mask(t);
	uint32_t tag = tag_of(t, key->hash);

	for (;;) {
		const uint32_t *b = sub->buckets + (size_t)at * NODETAB_BUCKET;
		bool empty;
		unsigned found = bucket_match(b, tag, mask, &empty);

		for (; found; found &= found - 1) {
			uint32_t ref = (b[__builtin_ctz(found)] & mask) - 1;

			if (ref != NODETAB_NONE && nodetab_is(t, ref, key))
				return ref;
		}
		if (empty)
			return NODETAB_NONE;
		at = at + 1 == sub->count ? 0 : at + 1;
	}
}

/* Memory for one more record; the record itself is zero already. */
static int room(struct nodetab *t, const struct nodetab_key *key, struct nodetab_sub *sub)
{
	size_t entries = (size_t)sub->count * NODETAB_BUCKET;
	int err;

	if (t->count >= t->max)
		return DT_EFULL;
	err = arena_need(&t->records, ((size_t)t->count + 1) * sizeof(struct node));
	if (!err && key->v6)
		err = arena_need(&t->addresses, ((size_t)t->count6 + 1) * ADDRESS6_BYTES);
	if (!err && ((size_t)sub->used + 1) * 100 > entries * SUB_FULL_PERCENT)
		err = sub_grow(t, sub);
	return err;
}

int nodetab_add(struct nodetab *t, const struct nodetab_key *key, uint32_t *ref)
{
	struct nodetab_sub *sub = sub_of(t, key->hash);
	struct node *n;
	int err = room(t, key, sub);

	if (err)
		return err;
	n = nodetab_at(t, t->count);
	n->port = key->port;
	n->depth = NODE_DEPTH_NONE;
	if (key->v6) {
		memcpy(t->addresses.base + (size_t)t->count6 * ADDRESS6_BYTES, key->addr6,
		       ADDRESS6_BYTES);
		n->ip = t->count6++;
		n->flags = NODE_V6;
	} else {
		n->ip = key->ip;
	}
	*ref = t->count++;
	place(sub->buckets, sub->count, bucket_of(sub, key->hash), tag_of(t, key->hash) | t->count);
	sub->used++;
	return 0;
}

uint64_t nodetab_bytes(const struct nodetab *t)
{
	return t->records.committed + t->addresses.committed + t->index_bytes;
}
