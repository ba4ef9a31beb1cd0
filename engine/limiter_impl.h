/* SPDX-License-Identifier: MIT */
#ifndef ENGINE_LIMITER_IMPL_H
#define ENGINE_LIMITER_IMPL_H

#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include "engine/limiter.h"
#include "proto/prefetch.h"

/**
 * DOC: the inside of a limiter, for limiter.c and gate.c alone: every packet asks two of
 * them, and what a kind fixes is a constant where the kind is one.
 */

enum {
	/* The tick is such that 12 bins of 4096 ticks are 10 s and a hair. */
	TICK_NS = 203452,
	HOST_BIN_SHIFT = 12, /* 0.833 s */
	HOST_BINS = 13,      /* 12 that cover 10 s, and the running one */
	HOST_BIN_BITS = 3,
	NET_BIN_SHIFT = 14, /* 3.333 s */
	NET_BINS = 4,
	NET_BIN_BITS = 10,
	LINE_ENTRIES = 4, /* per cache line */
};

/* Masks and a factor for window_sum(): 3 bits in each 6, 6 in each 12, four times 12 added. */
static const uint64_t HOST_ODD_BINS = 0x71c71c71c7, HOST_SUMS = 0x03f03f03f03f,
		      HOST_ADD = 0x001001001001;
static const uint64_t HOST_BIN = (1 << HOST_BIN_BITS) - 1, NET_BIN = (1 << NET_BIN_BITS) - 1;
_Static_assert(HOST_BINS == 13 && HOST_BIN_BITS == 3 && NET_BINS == 4, "window_sum() adds these");
_Static_assert((uint64_t)TICK_NS * 12 << HOST_BIN_SHIFT >= 10000000000u, "12 bins cover 10 s");
_Static_assert((uint64_t)TICK_NS * 3 << NET_BIN_SHIFT >= 10000000000u, "3 bins cover 10 s");

/*
 * A cache line: four entries of 16 bytes, each field of all four side by side, so that a
 * line is decided by a few instructions and one branch.
 */
struct line {
	uint32_t key_lo[LINE_ENTRIES];
	uint32_t last[LINE_ENTRIES]; /* tick of the last packet */
	uint64_t word[LINE_ENTRIES]; /* window 40 : bucket 16 : key_hi 8; never 0 once charged */
};
_Static_assert(sizeof(struct line) == LINE_ENTRIES * 16, "four entries are a cache line");

struct table {
	struct line *at;
	size_t lines, entries, used;
	size_t most;    /* entries at which it is full */
	uint32_t born;  /* tick at which it was all holes */
	uint32_t since; /* tick from which its entries count */
	uint32_t until; /* tick at which it stopped being the youngest */
};

struct limiter {
	struct table gen[LIMITER_GENERATIONS]; /* youngest first */
	unsigned gens;
	uint32_t keep;        /* ticks */
	uint32_t step, slack; /* ticks between packets; ticks that a burst may run ahead */
	unsigned window_max;
	enum limiter_kind kind;
	size_t entries_max;
	uint64_t secret, factor; /* so that nobody can choose addresses that share a line */
	uint32_t worst;
	uint64_t crowded;
};

/* Bit i: entry i has this key's low half; @dead: it is a hole, or of a forgotten generation. */
static inline unsigned line_match(const struct line *l, uint32_t lo, uint32_t since, unsigned *dead)
{
#ifdef __SSE2__
	__m128i keys = _mm_load_si128((const __m128i *)(const void *)l->key_lo);
	__m128i last = _mm_load_si128((const __m128i *)(const void *)l->last);
	__m128i a = _mm_load_si128((const __m128i *)(const void *)l->word);
	__m128i b = _mm_load_si128((const __m128i *)(const void *)(l->word + 2));
	__m128i any = _mm_or_si128(
		_mm_castps_si128(_mm_shuffle_ps(_mm_castsi128_ps(a), _mm_castsi128_ps(b),
						_MM_SHUFFLE(2, 0, 2, 0))),
		_mm_castps_si128(_mm_shuffle_ps(_mm_castsi128_ps(a), _mm_castsi128_ps(b),
						_MM_SHUFFLE(3, 1, 3, 1))));
	__m128i gone = _mm_or_si128(_mm_cmpeq_epi32(any, _mm_setzero_si128()),
				    _mm_sub_epi32(last, _mm_set1_epi32((int)since)));

	*dead = (unsigned)_mm_movemask_ps(_mm_castsi128_ps(gone));
	return (unsigned)_mm_movemask_ps(
		_mm_castsi128_ps(_mm_cmpeq_epi32(keys, _mm_set1_epi32((int)lo))));
#else
	unsigned found = 0;

	*dead = 0;
	for (unsigned i = 0; i < LINE_ENTRIES; i++) {
		found |= (unsigned)(l->key_lo[i] == lo) << i;
		*dead |= (unsigned)(!l->word[i] || (int32_t)(l->last[i] - since) < 0) << i;
	}
	return found;
#endif
}

static inline struct line *line_at(const struct table *t, uint64_t hash)
{
	return &t->at[(size_t)(((unsigned __int128)hash * t->lines) >> 64)];
}

/* Where an entry stands, or would. */
struct place {
	struct line *line;
	unsigned at;
};

/*
 * The place of @key; false and the place where it would go where it is not there. Nothing
 * is deleted within a generation, so the living stand at the front of a line and the first
 * line with a hole ends the search; the load bound makes sure that there is one.
 */
static inline bool table_find(const struct table *t, uint64_t key, uint64_t hash, struct place *p)
{
	uint8_t hi = (uint8_t)(key >> 32);

	for (struct line *l = line_at(t, hash);; l = l + 1 < t->at + t->lines ? l + 1 : t->at) {
		unsigned dead, found = line_match(l, (uint32_t)key, t->since, &dead);

		p->line = l;
		/* Before the first hole: what lies behind it is of another time. */
		for (found &= (dead & (0u - dead)) - 1; found; found &= found - 1) {
			p->at = (unsigned)__builtin_ctz(found);
			if ((uint8_t)l->word[p->at] == hi)
				return true;
		}
		if (dead) {
			p->at = (unsigned)__builtin_ctz(dead);
			return false;
		}
	}
}

/** limiter_make_room() - false where no new address can be remembered now; the slow half. */
bool limiter_make_room(struct limiter *l, uint32_t tick);

static inline bool make_room(struct limiter *l, uint32_t tick)
{
	const struct table *t = &l->gen[0];

	return (tick - t->since < l->keep && t->used < t->most && t->used) ||
	       limiter_make_room(l, tick);
}

static uint32_t tick_of(uint64_t now_ns)
{
	return (uint32_t)(now_ns / TICK_NS);
}

/* What is fixed for a kind; constants to the compiler wherever the kind is one. */
struct shape {
	unsigned bin_shift, bins, bin_bits;
	uint64_t bin_mask, window_mask;
};

static inline struct shape shape_of(enum limiter_kind kind)
{
	if (kind == LIMITER_HOST)
		return (struct shape){ HOST_BIN_SHIFT, HOST_BINS, HOST_BIN_BITS, HOST_BIN,
				       ((uint64_t)1 << HOST_BINS * HOST_BIN_BITS) - 1 };
	return (struct shape){ NET_BIN_SHIFT, NET_BINS, NET_BIN_BITS, NET_BIN,
			       ((uint64_t)1 << NET_BINS * NET_BIN_BITS) - 1 };
}

/* The window's bins moved on to the bin of @now; the running one is the lowest. */
static inline uint64_t window_at(const struct shape *k, uint64_t window, uint32_t last,
				 uint32_t now)
{
	uint32_t moved = (now >> k->bin_shift) - (last >> k->bin_shift);

	return moved < k->bins ? window << moved * k->bin_bits & k->window_mask : 0;
}

/* All bins added up, side by side: of two neighbours, of four, of all. */
static inline uint32_t window_sum(const struct shape *k, uint64_t w)
{
	if (k->bins == NET_BINS)
		return (uint32_t)((w & NET_BIN) + (w >> NET_BIN_BITS & NET_BIN) +
				  (w >> 2 * NET_BIN_BITS & NET_BIN) + (w >> 3 * NET_BIN_BITS));
	w = (w & HOST_ODD_BINS) + (w >> HOST_BIN_BITS & HOST_ODD_BINS);
	w = (w & HOST_SUMS) + (w >> 2 * HOST_BIN_BITS & HOST_SUMS);
	return (uint32_t)(w * HOST_ADD >> 36 & 0xfff);
}

static inline bool window_full(const struct limiter *l, const struct shape *k, uint64_t window,
			       uint32_t sum)
{
	if (!l->window_max)
		return false;
	/* The bin could count no further; or all of them are the bound. */
	return (window & k->bin_mask) == k->bin_mask || sum >= l->window_max;
}

/* How far the bucket has run ahead of @now, in ticks. */
static uint32_t bucket_ahead(uint64_t word, uint32_t last, uint32_t now)
{
	int32_t ahead = (int32_t)(last + (uint32_t)(word >> 8 & 0xffff) - now);

	return ahead > 0 ? (uint32_t)ahead : 0;
}

/** limiter_retry_at() - when the packet of a refused ticket may leave. */
uint64_t limiter_retry_at(const struct limiter *l, const struct limiter_ticket *t, uint64_t now_ns);

/** limiter_fetch() - touch the lines that limiter_ask_as() will read; returns its @hash. */
static inline uint64_t limiter_fetch(const struct limiter *l, uint64_t key)
{
	/* One multiplication by a secret, folded: the lines are chosen by the high bits. */
	unsigned __int128 m = (unsigned __int128)(key ^ l->secret) * l->factor;
	uint64_t hash = (uint64_t)m ^ (uint64_t)(m >> 64);

	for (unsigned i = 0; i < l->gens; i++)
		prefetch_write(line_at(&l->gen[i], hash));
	return hash;
}

static inline __attribute__((always_inline)) bool look_up(struct limiter *l, const struct shape *k,
							  uint64_t key, uint64_t hash,
							  struct limiter_ticket *ticket)
{
	uint32_t now = ticket->now, last;
	struct place p, older;
	bool known = table_find(&l->gen[0], key, hash, &p);
	uint64_t word;

	ticket->line = p.line;
	ticket->at = p.at;
	ticket->fresh = !known;
	ticket->key = key;
	ticket->ahead = 0;
	ticket->window = 0;
	ticket->sum = 0;
	older = p;
	for (unsigned i = 1; !known && i < l->gens; i++)
		known = table_find(&l->gen[i], key, hash, &older);
	if (!known)
		return true;
	last = older.line->last[older.at];
	word = older.line->word[older.at];
	ticket->ahead = bucket_ahead(word, last, now);
	ticket->window = window_at(k, word >> 24, last, now);
	ticket->sum = window_sum(k, ticket->window);
	return ticket->ahead <= l->slack && !window_full(l, k, ticket->window, ticket->sum);
}

/** limiter_ask_as() - limiter_ask() of a limiter of @kind, with the @hash of limiter_fetch(). */
static inline __attribute__((always_inline)) bool
limiter_ask_as(struct limiter *l, enum limiter_kind kind, uint64_t key, uint64_t hash,
	       uint64_t now_ns, struct limiter_ticket *ticket, uint64_t *retry_ns)
{
	struct shape k = shape_of(kind);

	ticket->now = tick_of(now_ns);
	if (!make_room(l, ticket->now)) {
		l->crowded++;
		*retry_ns = now_ns + 100 * 1000 * 1000;
		return false;
	}
	if (look_up(l, &k, key, hash, ticket))
		return true;
	*retry_ns = limiter_retry_at(l, ticket, now_ns);
	return false;
}

/** limiter_charge_as() - limiter_charge() of a limiter of @kind. */
static inline __attribute__((always_inline)) void
limiter_charge_as(struct limiter *l, enum limiter_kind kind, const struct limiter_ticket *ticket)
{
	struct shape k = shape_of(kind);
	struct line *line = ticket->line;
	bool counts = (ticket->window & k.bin_mask) != k.bin_mask; /* else the bin is full */
	uint64_t window = ticket->window + counts;
	uint32_t sum = ticket->sum + counts;

	line->key_lo[ticket->at] = (uint32_t)ticket->key;
	line->last[ticket->at] = ticket->now;
	line->word[ticket->at] = window << 24 | (uint64_t)(ticket->ahead + l->step) << 8 |
				 (ticket->key >> 32 & 0xff);
	l->gen[0].used += ticket->fresh;
	if (sum > l->worst)
		l->worst = sum;
}

#endif
