/* SPDX-License-Identifier: MIT */
#include "engine/nodetab.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "engine/rng.h"

/* The top bits of a hash choose the sub-table, the low 32 bucket and bits of an entry. */
enum { HASH_SUB_SHIFT = NODETAB_SUB_SHIFT };

enum {
	ADDRESS6_BYTES = 16,
	SUB_FULL_PERCENT = 80,
	SUB_GROWTH = 2,
	/* Of a sub-table without a hint: 256 of them take 64 to 128 KiB. */
	SUB_BUCKETS_MIN = 4,
	/* Of a record's number in an entry: at most what NODETAB_MAX needs. */
	NUMBER_BITS_MIN = 14,
	NUMBER_BITS_MAX = 28,
	SEED_STREAM = 0x6e6f6465, /* of the seed that is handed in */
};

_Static_assert(SUB_GROWTH == 2, "split() gives each bucket two");
_Static_assert(NODETAB_SUBTABLES == 1 << (64 - HASH_SUB_SHIFT), "the top bits choose");

static struct nodetab_sub *sub_of(struct nodetab *t, uint64_t hash)
{
	return &t->sub[hash >> HASH_SUB_SHIFT];
}

static inline uint32_t bucket_of(const struct nodetab_sub *sub, uint64_t hash)
{
	return (uint32_t)(nodetab_place(sub, hash) >> 32);
}

/* The hash bits of an entry, in place above the number. */
static inline uint32_t tag_of(const struct nodetab_sub *sub, uint64_t hash)
{
	return (uint32_t)nodetab_place(sub, hash) & ~sub->mask;
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

/* An entry known to be new into a table known to have room. Entries fill from the front. */
static void place(const struct nodetab_sub *sub, uint32_t at, uint32_t entry)
{
	for (;;) {
		uint32_t *b = sub->buckets + (size_t)at * NODETAB_BUCKET;
		unsigned holes = nodetab_match(b, 0, 0);

		if (holes) {
			b[__builtin_ctz(holes)] = entry;
			return;
		}
		at = at + 1 == sub->count ? 0 : at + 1;
	}
}

static void set_bits(struct nodetab_sub *sub, uint32_t bits)
{
	sub->bits = bits;
	sub->mask = ((uint32_t)1 << bits) - 1;
}

/* So many bits hold every number + 1 of @records. */
static uint32_t bits_for(uint64_t records)
{
	uint32_t bits = NUMBER_BITS_MIN;

	while ((uint64_t)1 << bits <= records + 1 && bits < NUMBER_BITS_MAX)
		bits++;
	return bits;
}

/* The number takes the lowest of the hash bits: those above it stay what they are. */
static void sub_widen(struct nodetab_sub *sub)
{
	size_t entries = (size_t)sub->count * NODETAB_BUCKET;

	for (size_t i = 0; i < entries; i++)
		sub->buckets[i] &= ~((uint32_t)1 << sub->bits);
	set_bits(sub, sub->bits + 1);
}

static unsigned entries_in(const uint32_t *b)
{
	unsigned holes = nodetab_match(b, 0, 0);

	return holes ? (unsigned)__builtin_ctz(holes) : NODETAB_BUCKET;
}

/* The entries of @sub's bucket @at, all its own, into the two that become of it. */
static void split(const struct nodetab_sub *sub, uint32_t at, const struct nodetab_sub *next)
{
	const uint32_t *b = sub->buckets + (size_t)at * NODETAB_BUCKET;
	uint32_t *to = next->buckets + (size_t)at * SUB_GROWTH * NODETAB_BUCKET;
	/* Somebody may have run over into them. */
	unsigned used[SUB_GROWTH] = { entries_in(to), entries_in(to + NODETAB_BUCKET) };

	for (unsigned i = 0; i < NODETAB_BUCKET && b[i]; i++) {
		uint32_t bits = b[i] & ~sub->mask, side = bits >> 31;
		uint32_t entry = (bits << 1 & ~next->mask) | (b[i] & sub->mask);

		if (used[side] < NODETAB_BUCKET) {
			to[side * NODETAB_BUCKET + used[side]++] = entry;
			continue;
		}
		place(next, at * SUB_GROWTH + side, entry);
		used[1] = entries_in(to + NODETAB_BUCKET);
	}
}

/* The same by what the records say: some of them stand here because their own bucket was full. */
static void split_strangers(const struct nodetab *t, const struct nodetab_sub *sub, uint32_t at,
			    const struct nodetab_sub *next)
{
	const uint32_t *b = sub->buckets + (size_t)at * NODETAB_BUCKET;

	for (unsigned i = 0; i < NODETAB_BUCKET && b[i]; i++) {
		uint32_t number = b[i] & sub->mask;
		uint64_t hash = hash_of(t, number - 1);

		place(next, bucket_of(next, hash), tag_of(next, hash) | number);
	}
}

/*
 * One bit of the hash chooses a bucket and is no longer in the entries, and as twice the
 * records need a bit more, none is missing. Whoever stands behind a full bucket may have run
 * over from it: his record tells.
 */
static int sub_double(struct nodetab *t, struct nodetab_sub *sub)
{
	struct nodetab_sub next = { .count = sub->count * SUB_GROWTH, .used = sub->used };
	bool narrow = sub->bits < NUMBER_BITS_MAX, strangers;

	set_bits(&next, narrow ? sub->bits + 1 : sub->bits);
	next.buckets = buckets_new(next.count);
	if (!next.buckets)
		return -ENOMEM;
	strangers = sub->buckets[(size_t)sub->count * NODETAB_BUCKET - 1];
	for (uint32_t at = 0; at < sub->count; at++) {
		if (strangers || !narrow)
			split_strangers(t, sub, at, &next);
		else
			split(sub, at, &next);
		strangers = sub->buckets[(size_t)at * NODETAB_BUCKET + NODETAB_BUCKET - 1];
	}
	t->index_bytes += ((uint64_t)next.count - sub->count) * NODETAB_BUCKET * sizeof(uint32_t);
	free(sub->buckets);
	*sub = next;
	return 0;
}

/* Room in the index for one more entry, whose number is t->count + 1. */
static int sub_room(struct nodetab *t, struct nodetab_sub *sub)
{
	size_t entries = (size_t)sub->count * NODETAB_BUCKET;

	if (((size_t)sub->used + 1) * 100 > entries * SUB_FULL_PERCENT) {
		int err = sub_double(t, sub);

		if (err)
			return err;
	}
	while (t->count + 1 > sub->mask)
		sub_widen(sub);
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
		double scale = pow(SUB_GROWTH, (double)i / NODETAB_SUBTABLES);

		set_bits(sub, bits_for(hint));
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

uint32_t nodetab_guess_on(const struct nodetab *t, uint64_t hash)
{
	const struct nodetab_sub *sub = &t->sub[hash >> HASH_SUB_SHIFT];
	uint32_t at = bucket_of(sub, hash), tag = tag_of(sub, hash);

	for (;;) {
		const uint32_t *b = sub->buckets + (size_t)at * NODETAB_BUCKET;
		unsigned found = nodetab_match(b, tag, sub->mask);

		if (found) {
			uint32_t ref = (b[__builtin_ctz(found)] & sub->mask) - 1;

			if (ref != NODETAB_NONE)
				nodetab_prefetch_mention(t, ref);
			return ref;
		}
		/* Entries fill from the front: the last one tells of holes. */
		if (b[NODETAB_BUCKET - 1] == 0)
			return NODETAB_NONE;
		at = at + 1 == sub->count ? 0 : at + 1;
	}
}

uint32_t nodetab_find(const struct nodetab *t, const struct nodetab_key *key)
{
	const struct nodetab_sub *sub = &t->sub[key->hash >> HASH_SUB_SHIFT];
	uint32_t at = bucket_of(sub, key->hash), tag = tag_of(sub, key->hash), mask = sub->mask;

	for (;;) {
		const uint32_t *b = sub->buckets + (size_t)at * NODETAB_BUCKET;
		unsigned found = nodetab_match(b, tag, mask);

		for (; found; found &= found - 1) {
			uint32_t ref = (b[__builtin_ctz(found)] & mask) - 1;

			if (ref != NODETAB_NONE && nodetab_is(t, ref, key))
				return ref;
		}
		if (b[NODETAB_BUCKET - 1] == 0)
			return NODETAB_NONE;
		at = at + 1 == sub->count ? 0 : at + 1;
	}
}

/* Memory for one more record; the record itself is zero already. */
static int room(struct nodetab *t, const struct nodetab_key *key, struct nodetab_sub *sub)
{
	int err;

	if (t->count >= t->max)
		return DT_EFULL;
	err = arena_need(&t->records, ((size_t)t->count + 1) * sizeof(struct node));
	if (!err && key->v6)
		err = arena_need(&t->addresses, ((size_t)t->count6 + 1) * ADDRESS6_BYTES);
	if (!err)
		err = sub_room(t, sub);
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
	place(sub, bucket_of(sub, key->hash), tag_of(sub, key->hash) | t->count);
	sub->used++;
	return 0;
}

uint64_t nodetab_bytes(const struct nodetab *t)
{
	return t->records.committed + t->addresses.committed + t->index_bytes;
}
