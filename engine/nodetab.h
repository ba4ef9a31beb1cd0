/* SPDX-License-Identifier: MIT */
#ifndef ENGINE_NODETAB_H
#define ENGINE_NODETAB_H

#include <stdbool.h>
#include <stdint.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include "engine/arena.h"
#include "proto/endpoint.h"
#include "proto/err.h"
#include "proto/nodekey.h"
#include "proto/prefetch.h"

/**
 * DOC: every endpoint that a shard knows, one record each, found by (address,
 * port). Records are 40 bytes in an arena: a record's number never changes, so
 * queues and slots hold u32 numbers. An IPv6 endpoint is the same record whose
 * address stands in a side array.
 *
 * The index is NODETAB_SUBTABLES small tables of 64-byte buckets of 16 entries.
 * An entry is a record number and, in the bits that are left, a piece of the
 * hash, so a bucket is decided without touching records: numbers take as many bits
 * as the table has grown to, which leaves 12 for the hash at 0.5 M and 8 at 8 M,
 * against the nine entries of a bucket. Each sub-table doubles when 80 % full, on its own:
 * nothing ever stops the world. Its entries' bits of the hash are those that follow the ones
 * which chose the bucket, so the first of them says which of two it goes to, and no
 * record is read (E-232). First sizes are staggered, so that sub-tables take turns in
 * growing, and the whole is 55 % full at any time.
 *
 * The hash is seeded: who sends us contacts cannot aim at a bucket.
 */
struct node {
	/* read and written by every mention */
	uint32_t ip; /* IPv4, host order; IPv6: its place in the side array */
	uint16_t port;
	uint16_t mentions;      /* by distinct introducers; see nodetab_mention() */
	uint16_t tag[2];        /* the two introducers that count */
	uint16_t flags;         /* enum node_flag */
	uint8_t todo;           /* questions to ask, a bit each: the crawl's */
	uint8_t tries : 3;      /* attempts made at the first of them */
	uint8_t probing : 1;    /* to be asked once more under our other id: crawl_class.c */
	uint8_t suspect : 1;    /* something speaks against it: suspects.h has what */
	uint8_t distrusted : 1; /* liar, flapper, mirror: its contacts need another's word */
	uint8_t marked : 1;     /* listed by such, or in doubt, alone: not asked yet */
	uint8_t attempts;       /* queries sent in this census */
	uint8_t answers;
	uint8_t depth;      /* c of census 4.3; NODE_DEPTH_NONE = not known */
	uint8_t introduced; /* contacts taken from it (budget of P7) */
	/* read when it is asked or answers */
	struct nodeid id; /* answered, else advertised */
};
_Static_assert(sizeof(struct node) == 40, "bytes per endpoint are a promise: README.md");

enum { NODE_DEPTH_NONE = 0xff };

enum node_flag {
	NODE_V6 = 1 << 0,
	NODE_HAS_ID = 1 << 1,
	NODE_ASKED = 1 << 2, /* at least one query was sent */
	NODE_ANSWERED = 1 << 3,
	NODE_ID_CHANGED = 1 << 4, /* answered under another id than advertised or before */
	NODE_ALIAS = 1 << 5,      /* answered from another address or port */
	NODE_ERROR = 1 << 6,      /* answered with y=e */
	NODE_QUEUED = 1 << 7,     /* waits in exactly one of follow, retry, sweep, deferred, hand */
	NODE_FLIGHT = 1 << 8,     /* its first question is in flight */
	NODE_REFUSED = 1 << 9,    /* the gate said never */
	NODE_NO_SAMPLE = 1 << 10, /* answered sample_infohashes with an error */
	NODE_WARM = 1 << 11,      /* confirmed by the census before this one */
	NODE_DOUBTED = 1 << 12,   /* silent in the last censuses: failures.h */
	NODE_CLASS_SHIFT = 13,    /* bits 13..15: queue of its first question: the crawl's */
};

enum {
	NODETAB_NONE = 0xffffffff,
	NODETAB_SUBTABLES = 256,
	NODETAB_SUB_SHIFT = 56, /* the top bits of a hash choose */
	NODETAB_BUCKET = 16,
	/* Record numbers leave at least four bits of hash in an entry. */
	NODETAB_MAX = (1 << 28) - 2,
};

struct nodetab_sub {
	uint32_t *buckets; /* NODETAB_BUCKET entries each: 0, or hash bits and number + 1 */
	uint32_t count;    /* of buckets */
	uint32_t used;     /* entries */
	uint32_t mask;     /* of the number in an entry; the hash bits are above it */
	uint32_t bits;     /* set in @mask */
};

struct nodetab {
	struct arena records, addresses; /* struct node; 16 bytes per IPv6 endpoint */
	uint32_t count, count6, max;
	uint64_t seed[2]; /* of the hash; the second is odd */
	uint64_t index_bytes;
	struct nodetab_sub sub[NODETAB_SUBTABLES];
};

/** struct nodetab_key - an endpoint as the table sees it. */
struct nodetab_key {
	uint64_t hash;
	uint32_t ip; /* IPv4 */
	uint16_t port;
	bool v6;
	const uint8_t *addr6; /* IPv6: borrowed, 16 bytes */
};

/**
 * nodetab_init() - @max records at most, memory prepared for @hint of them.
 * Errors: -EINVAL (@max 0 or above NODETAB_MAX); -ENOMEM.
 */
int nodetab_init(struct nodetab *t, uint64_t max, uint64_t hint, uint64_t seed) DT_MUST;
void nodetab_free(struct nodetab *t);

/** nodetab_hash() - of one word: two multiplications folded, as in wyhash, keyed by the seed. */
static inline uint64_t nodetab_hash(const struct nodetab *t, uint64_t word)
{
	unsigned __int128 m = (unsigned __int128)(word ^ t->seed[0]) * t->seed[1];

	m = (unsigned __int128)((uint64_t)m ^ (uint64_t)(m >> 64)) * 0x9e3779b97f4a7c15u;
	return (uint64_t)m ^ (uint64_t)(m >> 64);
}

static inline struct nodetab_key nodetab_key4(const struct nodetab *t, uint32_t ip, uint16_t port)
{
	return (struct nodetab_key){ .hash = nodetab_hash(t, (uint64_t)ip << 16 | port),
				     .ip = ip,
				     .port = port };
}

/** nodetab_key() - either family; borrows @ep. */
struct nodetab_key nodetab_key(const struct nodetab *t, const struct endpoint *ep);

static inline struct node *nodetab_at(const struct nodetab *t, uint32_t ref)
{
	return (struct node *)(void *)t->records.base + ref;
}

/** nodetab_prefetch_record() - fetch a whole record: it may lie over two cache lines. */
static inline void nodetab_prefetch_record(const struct nodetab *t, uint32_t ref)
{
	const struct node *n = nodetab_at(t, ref);

	prefetch_write(n);
	prefetch_write((const uint8_t *)(n + 1) - 1);
}

/** nodetab_prefetch_mention() - fetch what a mention touches: the half before the id. */
static inline void nodetab_prefetch_mention(const struct nodetab *t, uint32_t ref)
{
	const struct node *n = nodetab_at(t, ref);

	prefetch_write(n);
	prefetch_write((const uint8_t *)&n->id - 1);
}

static inline const uint8_t *nodetab_address6(const struct nodetab *t, const struct node *n)
{
	return t->addresses.base + (size_t)n->ip * 16;
}

/** nodetab_endpoint() - address and port of record @ref. */
static inline struct endpoint nodetab_endpoint(const struct nodetab *t, uint32_t ref)
{
	const struct node *n = nodetab_at(t, ref);
	struct endpoint ep = endpoint_ip4(n->ip, n->port);

	if (n->flags & NODE_V6)
		memcpy(ep.addr, nodetab_address6(t, n), sizeof(ep.addr));
	return ep;
}

/*
 * Look-ups of a batch go in three passes, so that the memory of all of them is
 * fetched side by side: nodetab_prefetch() each, nodetab_guess() all,
 * nodetab_find() or nodetab_add() where the guess was wrong.
 */

/* Of @sub: the bucket in the upper half, in the lower the bits of the hash that follow. */
static inline uint64_t nodetab_place(const struct nodetab_sub *sub, uint64_t hash)
{
	return (uint64_t)(uint32_t)hash * sub->count;
}

/** nodetab_bucket() - where a key of @hash stands, unless it ran over into the next ones. */
static inline uint32_t *nodetab_bucket(const struct nodetab *t, uint64_t hash)
{
	const struct nodetab_sub *sub = &t->sub[hash >> NODETAB_SUB_SHIFT];

	return sub->buckets + (nodetab_place(sub, hash) >> 32) * NODETAB_BUCKET;
}

/** nodetab_prefetch() - fetch the bucket where a key of @hash would stand. */
static inline void nodetab_prefetch(const struct nodetab *t, uint64_t hash)
{
	prefetch_read(nodetab_bucket(t, hash));
}

/** nodetab_match() - bit i: entry i of the bucket has the hash bits of @tag. */
static inline unsigned nodetab_match(const uint32_t *b, uint32_t tag, uint32_t mask)
{
#ifdef __SSE2__
	const __m128i *v = (const __m128i *)(const void *)b;
	__m128i want = _mm_set1_epi32((int)tag), bits = _mm_set1_epi32((int)~mask);
	__m128i e0 = _mm_cmpeq_epi32(_mm_and_si128(_mm_load_si128(v), bits), want);
	__m128i e1 = _mm_cmpeq_epi32(_mm_and_si128(_mm_load_si128(v + 1), bits), want);
	__m128i e2 = _mm_cmpeq_epi32(_mm_and_si128(_mm_load_si128(v + 2), bits), want);
	__m128i e3 = _mm_cmpeq_epi32(_mm_and_si128(_mm_load_si128(v + 3), bits), want);

	return (unsigned)_mm_movemask_epi8(
		_mm_packs_epi16(_mm_packs_epi32(e0, e1), _mm_packs_epi32(e2, e3)));
#else
	unsigned found = 0;

	for (unsigned i = 0; i < NODETAB_BUCKET; i++)
		found |= (unsigned)((b[i] & ~mask) == tag) << i;
	return found;
#endif
}

/** nodetab_guess_on() - nodetab_guess() where the first bucket held no such bits. */
uint32_t nodetab_guess_on(const struct nodetab *t, uint64_t hash);

/**
 * nodetab_guess() - the record whose hash bits fit, what a mention touches of it
 * fetched; the key itself is not compared. NODETAB_NONE: surely not there.
 */
static inline uint32_t nodetab_guess(const struct nodetab *t, uint64_t hash)
{
	const struct nodetab_sub *sub = &t->sub[hash >> NODETAB_SUB_SHIFT];
	uint64_t place = nodetab_place(sub, hash);
	const uint32_t *b = sub->buckets + (place >> 32) * NODETAB_BUCKET;
	unsigned found = nodetab_match(b, (uint32_t)place & ~sub->mask, sub->mask);
	uint32_t ref;

	if (!found) /* entries fill from the front: the last one tells of holes */
		return b[NODETAB_BUCKET - 1] ? nodetab_guess_on(t, hash) : NODETAB_NONE;
	/* A hole matches a tag of zero: its number less one is NODETAB_NONE. */
	ref = (b[__builtin_ctz(found)] & sub->mask) - 1;
	if (ref != NODETAB_NONE)
		nodetab_prefetch_mention(t, ref);
	return ref;
}

/** nodetab_is6() - nodetab_is() of an IPv6 key and an IPv6 record. */
bool nodetab_is6(const struct nodetab *t, uint32_t ref, const struct nodetab_key *key);

/** nodetab_is() - is @ref the record of @key? */
static inline bool nodetab_is(const struct nodetab *t, uint32_t ref, const struct nodetab_key *key)
{
	const struct node *n = nodetab_at(t, ref);

	if (n->port != key->port || !(n->flags & NODE_V6) == key->v6)
		return false;
	return key->v6 ? nodetab_is6(t, ref, key) : n->ip == key->ip;
}

/** nodetab_find() - the record of @key or NODETAB_NONE. */
uint32_t nodetab_find(const struct nodetab *t, const struct nodetab_key *key);

/**
 * nodetab_add() - a new record for @key, which must not be there; all zero but
 * address, port, NODE_V6 and depth.
 * Errors: DT_EFULL at the maximum; -ENOMEM. The table is unchanged then.
 */
int nodetab_add(struct nodetab *t, const struct nodetab_key *key, uint32_t *ref) DT_MUST;

/**
 * nodetab_mention() - count one mention by the introducer of 16-bit @tag (not 0).
 *
 * Counts once per distinct introducer, exactly (but for tags that collide, 1 in
 * 65535) as long as the count is below three, which is what Chao1's f1 and f2
 * stand on. Beyond, the last two introducers are remembered, so that the
 * answers of one node to its two or three questions still count once when they
 * come soon after each other.
 * Returns true if it counted.
 */
static inline bool nodetab_mention(struct node *n, uint16_t tag)
{
	if (n->tag[0] == tag || n->tag[1] == tag)
		return false;
	n->tag[1] = n->tag[0];
	n->tag[0] = tag;
	if (n->mentions < UINT16_MAX)
		n->mentions++;
	return true;
}

/** nodetab_bytes() - records, side array and index, as allocated. */
uint64_t nodetab_bytes(const struct nodetab *t);

#endif
