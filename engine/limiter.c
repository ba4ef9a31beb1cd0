/* SPDX-License-Identifier: MIT */
#include "engine/limiter.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>

#include <xxhash.h>

#include "engine/rng.h"
#include "proto/prefetch.h"

enum {
	/* The tick is such that 12 bins of 4096 ticks are 10 s and a hair. */
	TICK_NS = 203452,
	HOST_BIN_SHIFT = 12, /* 0.833 s */
	HOST_BINS = 13,      /* 12 that cover 10 s, and the running one */
	HOST_BIN_BITS = 3,
	NET_BIN_SHIFT = 14, /* 3.333 s */
	NET_BINS = 4,
	NET_BIN_BITS = 10,
	LINE_ENTRIES = 4,        /* per cache line */
	LOAD_MAX_PERCENT = 85,   /* beyond it, lines run over into their neighbours' neighbours */
	LOAD_NEW_PERCENT = 70,   /* of a new table, if traffic stays as it was */
	LOAD_REUSE_PERCENT = 80, /* of a forgotten table that serves again */
	GROWTH = 2,              /* of a table that fills before its time */
	GROWTH_SUDDEN = 4,       /* of one that fills before an eighth of its time */
	/* Ticks are 32 bits and compared modulo: after a pause this long (2^29 ticks, 30 h)
	 * old entries might look young, so the tables are emptied. */
	STALE_TICKS = 1 << 29,
};
_Static_assert((uint64_t)TICK_NS * 12 << HOST_BIN_SHIFT >= 10000000000u, "12 bins cover 10 s");
_Static_assert((uint64_t)TICK_NS * 3 << NET_BIN_SHIFT >= 10000000000u, "3 bins cover 10 s");

/* word = window 40 : bucket 16 : key_hi 8; never 0 once charged. */
struct entry {
	uint32_t key_lo;
	uint32_t last; /* tick of the last packet */
	uint64_t word;
};
_Static_assert(sizeof(struct entry) == 16, "four to a cache line");

struct table {
	struct entry *at;
	size_t lines, entries, used;
	uint32_t since; /* tick from which its entries count */
	uint32_t until; /* tick at which it stopped being the youngest */
};

struct limiter {
	struct table gen[LIMITER_GENERATIONS]; /* youngest first */
	unsigned gens;
	uint32_t keep;        /* ticks */
	uint32_t step, slack; /* ticks between packets; ticks that a burst may run ahead */
	unsigned window_max;
	unsigned bin_shift, bins, bin_bits;
	enum limiter_kind kind;
	size_t entries_max;
	uint64_t secret; /* so that nobody can choose addresses that share a line */
	uint32_t worst;
	uint64_t crowded;
};

/* ---- tables --------------------------------------------------------------- */

static int table_open(const struct limiter *l, struct table *t, size_t entries)
{
	size_t bytes;
	void *at;

	if (entries < LIMITER_ENTRIES_MIN)
		entries = LIMITER_ENTRIES_MIN;
	if (entries > l->entries_max)
		entries = l->entries_max;
	t->lines = (entries + LINE_ENTRIES - 1) / LINE_ENTRIES;
	t->entries = t->lines * LINE_ENTRIES;
	t->used = 0;
	bytes = t->entries * sizeof(*t->at);
	/* cppcheck-suppress invalidFunctionArg ; -1 is what MAP_ANONYMOUS wants */
	at = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (at == MAP_FAILED)
		return -ENOMEM;
	/* Random single reads: a TLB miss costs as much as the cache miss. Advice only. */
	madvise(at, bytes, MADV_HUGEPAGE);
	t->at = at;
	return 0;
}

static void table_close(struct table *t)
{
	if (t->at)
		munmap(t->at, t->entries * sizeof(*t->at));
	t->at = NULL;
}

static bool entry_alive(const struct table *t, const struct entry *e)
{
	return e->word != 0 && (int32_t)(e->last - t->since) >= 0;
}

static size_t line_of(const struct limiter *l, const struct table *t, uint64_t key)
{
	return (size_t)(((unsigned __int128)rng_mix(key ^ l->secret) * t->lines) >> 64);
}

/*
 * The entry of @key, or NULL and in @vacant the place where it would go. Nothing
 * is deleted within a generation, so the first line with a hole ends the search;
 * the load bound makes sure that there is one.
 */
static struct entry *table_find(const struct limiter *l, const struct table *t, uint64_t key,
				struct entry **vacant)
{
	uint32_t lo = (uint32_t)key;
	uint8_t hi = (uint8_t)(key >> 32);

	for (size_t line = line_of(l, t, key);; line = line + 1 < t->lines ? line + 1 : 0) {
		struct entry *e = &t->at[line * LINE_ENTRIES];

		for (unsigned i = 0; i < LINE_ENTRIES; i++, e++) {
			if (!entry_alive(t, e)) {
				*vacant = e;
				return NULL;
			}
			if (e->key_lo == lo && (uint8_t)e->word == hi)
				return e;
		}
	}
}

/* ---- generations ---------------------------------------------------------- */

/* Entries of a table that @used fill to @percent. */
static size_t entries_at(size_t used, unsigned percent)
{
	return used / percent * 100 + LIMITER_ENTRIES_MIN;
}

/* Drop generations that ended longer than keep ago; @spare gets one table of them. */
static void forget_old(struct limiter *l, uint32_t tick, struct table *spare)
{
	while (l->gens > 1 && tick - l->gen[l->gens - 1].until >= l->keep) {
		struct table *old = &l->gen[--l->gens];

		if (spare->at)
			table_close(old);
		else
			*spare = *old;
		old->at = NULL;
	}
}

/*
 * Begin a new generation. A forgotten table of about the right size is used
 * again as it is: its entries are older than the new since, thus vacant.
 */
static int rotate(struct limiter *l, uint32_t tick, bool early)
{
	size_t used = l->gen[0].used;
	bool sudden = tick - l->gen[0].since < l->keep / LIMITER_GENERATIONS;
	size_t more = l->gen[0].entries * (sudden ? GROWTH_SUDDEN : GROWTH);
	size_t most = early ? more : entries_at(used, LOAD_NEW_PERCENT);
	size_t least = early ? most : entries_at(used, LOAD_REUSE_PERCENT);
	struct table next = { 0 };

	forget_old(l, tick, &next);
	if (l->gens == LIMITER_GENERATIONS) {
		table_close(&next);
		return DT_EFULL;
	}
	if (next.at && (next.entries < least || next.entries / 4 > most))
		table_close(&next);
	if (!next.at && table_open(l, &next, most))
		return -ENOMEM;
	next.used = 0;
	next.since = tick;
	l->gen[0].until = tick;
	memmove(&l->gen[1], &l->gen[0], l->gens * sizeof(l->gen[0]));
	l->gen[0] = next;
	l->gens++;
	return 0;
}

/* After a long silence nothing that is remembered matters any more. */
static int start_over(struct limiter *l, uint32_t tick)
{
	struct table fresh = { 0 };

	if (table_open(l, &fresh, l->gen[0].entries))
		return -ENOMEM;
	for (unsigned i = 0; i < l->gens; i++)
		table_close(&l->gen[i]);
	fresh.since = tick;
	l->gen[0] = fresh;
	l->gens = 1;
	return 0;
}

/* False where no new address can be remembered now. */
static bool make_room(struct limiter *l, uint32_t tick)
{
	uint32_t age = tick - l->gen[0].since;
	size_t most = l->gen[0].entries / 100 * LOAD_MAX_PERCENT;

	/* Nothing in it yet: its time begins now. Else the first packet, at whatever time
	 * the clock stands, would put a small table in the place of the one the hint asked for. */
	if (l->gens == 1 && l->gen[0].used == 0) {
		l->gen[0].since = tick;
		return true;
	}
	if (age >= STALE_TICKS)
		return start_over(l, tick) == 0;
	if (l->gen[0].used >= most)
		return rotate(l, tick, age < l->keep) == 0;
	/* Where there is no memory for the next table the old one goes on. */
	if (age >= l->keep)
		(void)rotate(l, tick, false);
	return true;
}

/* ---- what an entry says ---------------------------------------------------- */

static uint32_t tick_of(uint64_t now_ns)
{
	return (uint32_t)(now_ns / TICK_NS);
}

/* The beginning of the tick @ahead of that of @now_ns: immune to the wrap of 32 bits. */
static uint64_t ns_of(uint32_t ahead, uint64_t now_ns)
{
	return now_ns - now_ns % TICK_NS + (uint64_t)ahead * TICK_NS;
}

/* The window's bins moved on to the bin of @now; the running one is the lowest. */
static uint64_t window_at(const struct limiter *l, uint64_t window, uint32_t last, uint32_t now)
{
	uint32_t moved = (now >> l->bin_shift) - (last >> l->bin_shift);
	uint64_t mask = ((uint64_t)1 << l->bins * l->bin_bits) - 1;

	if (moved >= l->bins)
		return 0;
	return window << moved * l->bin_bits & mask;
}

static uint32_t window_sum(const struct limiter *l, uint64_t window)
{
	uint64_t bin_mask = ((uint64_t)1 << l->bin_bits) - 1;
	uint32_t sum = 0;

	for (; window; window >>= l->bin_bits)
		sum += (uint32_t)(window & bin_mask);
	return sum;
}

/* Ticks until so many bins have left the window that one more packet fits. */
static uint32_t window_wait(const struct limiter *l, uint64_t window, uint32_t now)
{
	uint64_t mask = ((uint64_t)1 << l->bins * l->bin_bits) - 1;
	uint32_t bins = 0, into = now & (((uint32_t)1 << l->bin_shift) - 1);

	do {
		window = window << l->bin_bits & mask;
		bins++;
	} while (bins < l->bins && window_sum(l, window) >= l->window_max);
	return (bins << l->bin_shift) - into;
}

static bool window_full(const struct limiter *l, uint64_t window)
{
	uint64_t bin_mask = ((uint64_t)1 << l->bin_bits) - 1;

	if ((window & bin_mask) == bin_mask)
		return l->window_max != 0; /* the bin could count no further */
	return l->window_max && window_sum(l, window) >= l->window_max;
}

/* How far the bucket has run ahead of @now, in ticks. */
static uint32_t bucket_ahead(uint64_t word, uint32_t last, uint32_t now)
{
	int32_t ahead = (int32_t)(last + (uint32_t)(word >> 8 & 0xffff) - now);

	return ahead > 0 ? (uint32_t)ahead : 0;
}

/* ---- the limiter ----------------------------------------------------------- */

uint64_t limiter_key(const struct limiter *l, const struct endpoint *ep)
{
	size_t len = l->kind == LIMITER_HOST ? 16 : 6;

	if (endpoint_is4(ep))
		return endpoint_get_ip4(ep) >> (l->kind == LIMITER_HOST ? 0 : 8);
	/* 39 bits of hash: where two collide they share one budget, which errs for the hosts. */
	return XXH3_64bits_withSeed(ep->addr, len, l->secret) >> 25 | (uint64_t)1 << 39;
}

void limiter_prefetch(const struct limiter *l, uint64_t key)
{
	for (unsigned i = 0; i < l->gens; i++)
		prefetch_write(&l->gen[i].at[line_of(l, &l->gen[i], key) * LINE_ENTRIES]);
}

bool limiter_ask(struct limiter *l, uint64_t key, uint64_t now_ns, struct limiter_ticket *ticket,
		 uint64_t *retry_ns)
{
	uint32_t now = tick_of(now_ns);
	struct entry *vacant = NULL, *e;
	uint32_t ahead, wait = 0;
	uint64_t window;

	if (!make_room(l, now)) {
		l->crowded++;
		*retry_ns = now_ns + 100 * 1000 * 1000;
		return false;
	}
	e = table_find(l, &l->gen[0], key, &vacant);
	*ticket = (struct limiter_ticket){ .slot = e ? e : vacant, .key = key };
	for (unsigned i = 1; !e && i < l->gens; i++)
		e = table_find(l, &l->gen[i], key, &vacant);
	if (!e)
		return true;
	ticket->last = e->last;
	ticket->word = e->word;
	ahead = bucket_ahead(e->word, e->last, now);
	window = window_at(l, e->word >> 24, e->last, now);
	if (ahead > l->slack)
		wait = ahead - l->slack;
	if (window_full(l, window)) {
		uint32_t bins = window_wait(l, window, now);

		wait = bins > wait ? bins : wait;
	}
	if (wait)
		*retry_ns = ns_of(wait, now_ns);
	return wait == 0;
}

void limiter_charge(struct limiter *l, const struct limiter_ticket *ticket, uint64_t now_ns)
{
	uint32_t now = tick_of(now_ns), ahead = 0;
	uint64_t bin_mask = ((uint64_t)1 << l->bin_bits) - 1, window = 0;
	struct entry *e = ticket->slot;
	uint32_t sum;

	if (ticket->word) {
		ahead = bucket_ahead(ticket->word, ticket->last, now);
		window = window_at(l, ticket->word >> 24, ticket->last, now);
	}
	if (!entry_alive(&l->gen[0], e))
		l->gen[0].used++;
	if ((window & bin_mask) != bin_mask)
		window++;
	e->key_lo = (uint32_t)ticket->key;
	e->last = now;
	e->word = window << 24 | (uint64_t)(ahead + l->step) << 8 | (ticket->key >> 32 & 0xff);
	sum = window_sum(l, window);
	if (sum > l->worst)
		l->worst = sum;
}

uint64_t limiter_keep_ns(const struct limiter *l)
{
	return (uint64_t)l->keep * TICK_NS;
}

int limiter_new(const struct limiter_opts *opts, struct limiter **out)
{
	/* Times are whole ticks, rounded down. Within a busy period those errors add up to
	 * less than one tick, which the one added here pays back before it is spent. */
	double step = ceil(1e9 / opts->rate_pps / TICK_NS) + 1;
	struct limiter *l;
	uint32_t window;
	int err;

	if (!(opts->rate_pps > 0) || opts->burst < 1 || step * opts->burst > UINT16_MAX)
		return -EINVAL;
	l = calloc(1, sizeof(*l));
	if (!l)
		return -ENOMEM;
	l->kind = opts->kind;
	l->bin_shift = opts->kind == LIMITER_HOST ? HOST_BIN_SHIFT : NET_BIN_SHIFT;
	l->bins = opts->kind == LIMITER_HOST ? HOST_BINS : NET_BINS;
	l->bin_bits = opts->kind == LIMITER_HOST ? HOST_BIN_BITS : NET_BIN_BITS;
	l->window_max = opts->window_max;
	l->entries_max = opts->entries_max ? opts->entries_max : LIMITER_ENTRIES_MAX;
	l->step = (uint32_t)step;
	l->slack = l->step * (opts->burst - 1);
	window = l->bins << l->bin_shift;
	l->keep = l->step * opts->burst > window ? l->step * opts->burst : window;
	if (getrandom(&l->secret, sizeof(l->secret), 0) != sizeof(l->secret))
		l->secret = (uint64_t)(uintptr_t)l;
	err = table_open(l, &l->gen[0], entries_at(opts->entries_hint, LOAD_NEW_PERCENT));
	if (err) {
		free(l);
		return err;
	}
	l->gens = 1;
	*out = l;
	return 0;
}

void limiter_free(struct limiter *l)
{
	if (!l)
		return;
	for (unsigned i = 0; i < l->gens; i++)
		table_close(&l->gen[i]);
	free(l);
}

void limiter_stats(const struct limiter *l, struct limiter_stats *out)
{
	*out = (struct limiter_stats){ .worst = l->worst,
				       .crowded = l->crowded,
				       .tables = l->gens };
	for (unsigned i = 0; i < l->gens; i++) {
		out->entries += l->gen[i].used;
		out->bytes += l->gen[i].entries * sizeof(struct entry);
	}
}
