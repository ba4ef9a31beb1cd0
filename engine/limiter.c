/* SPDX-License-Identifier: MIT */
#include "engine/limiter_impl.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>

#include <xxhash.h>

#include "engine/rng.h"

enum {
	LOAD_MAX_PERCENT = 75,   /* beyond it, lines run over into their neighbours' neighbours */
	LOAD_NEW_PERCENT = 55,   /* of a new table, if traffic stays as it was */
	LOAD_REUSE_PERCENT = 65, /* of a forgotten table that serves again */
	GROWTH = 2,              /* of a table that fills before its time */
	GROWTH_SUDDEN = 4,       /* of one that fills before an eighth of its time */
	/* Ticks are 32 bits and compared modulo: after a pause this long (2^29 ticks, 30 h)
	 * old entries might look young, so the tables are emptied; and none serves again
	 * that is older. */
	STALE_TICKS = 1 << 29,
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
	t->most = t->entries / 100 * LOAD_MAX_PERCENT;
	t->used = 0;
	bytes = t->lines * sizeof(*t->at);
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
		munmap(t->at, t->lines * sizeof(*t->at));
	t->at = NULL;
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
	if (next.at &&
	    (next.entries < least || next.entries / 4 > most || tick - next.born >= STALE_TICKS))
		table_close(&next);
	if (!next.at) {
		if (table_open(l, &next, most))
			return -ENOMEM;
		next.born = tick;
	}
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
	fresh.born = fresh.since = tick;
	l->gen[0] = fresh;
	l->gens = 1;
	return 0;
}

/* False where no new address can be remembered now. */
bool limiter_make_room(struct limiter *l, uint32_t tick)
{
	uint32_t age = tick - l->gen[0].since;

	/* Nothing in it yet: its time begins now. Else the first packet, at whatever time
	 * the clock stands, would put a small table in the place of the one the hint asked for. */
	if (l->gens == 1 && l->gen[0].used == 0) {
		l->gen[0].born = l->gen[0].since = tick;
		return true;
	}
	if (age >= STALE_TICKS)
		return start_over(l, tick) == 0;
	if (l->gen[0].used >= l->gen[0].most)
		return rotate(l, tick, age < l->keep) == 0;
	/* Where there is no memory for the next table the old one goes on. */
	if (age >= l->keep)
		(void)rotate(l, tick, false);
	return true;
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

/* The beginning of the tick @ahead of that of @now_ns: immune to the wrap of 32 bits. */
static uint64_t ns_of(uint32_t ahead, uint64_t now_ns)
{
	return now_ns - now_ns % TICK_NS + (uint64_t)ahead * TICK_NS;
}

/* Ticks until so many bins have left the window that one more packet fits. */
static uint32_t window_wait(const struct limiter *l, uint64_t window, uint32_t now)
{
	struct shape k = shape_of(l->kind);
	uint32_t bins = 0, into = now & (((uint32_t)1 << k.bin_shift) - 1);

	do {
		window = window << k.bin_bits & k.window_mask;
		bins++;
	} while (bins < k.bins && window_sum(&k, window) >= l->window_max);
	return (bins << k.bin_shift) - into;
}

/* When a packet may leave that may not now. */
uint64_t limiter_retry_at(const struct limiter *l, const struct limiter_ticket *t, uint64_t now_ns)
{
	uint32_t wait = t->ahead > l->slack ? t->ahead - l->slack : 0;
	struct shape k = shape_of(l->kind);

	if (window_full(l, &k, t->window, t->sum)) {
		uint32_t bins = window_wait(l, t->window, t->now);

		wait = bins > wait ? bins : wait;
	}
	return ns_of(wait, now_ns);
}

bool limiter_ask(struct limiter *l, uint64_t key, uint64_t now_ns, struct limiter_ticket *ticket,
		 uint64_t *retry_ns)
{
	uint64_t hash = limiter_fetch(l, key);

	if (l->kind == LIMITER_HOST)
		return limiter_ask_as(l, LIMITER_HOST, key, hash, now_ns, ticket, retry_ns);
	return limiter_ask_as(l, LIMITER_NET, key, hash, now_ns, ticket, retry_ns);
}

void limiter_charge(struct limiter *l, const struct limiter_ticket *ticket)
{
	if (l->kind == LIMITER_HOST)
		limiter_charge_as(l, LIMITER_HOST, ticket);
	else
		limiter_charge_as(l, LIMITER_NET, ticket);
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
	struct shape k = shape_of(opts->kind);
	uint32_t window;
	int err;

	if (!(opts->rate_pps > 0) || opts->burst < 1 || step * opts->burst > UINT16_MAX)
		return -EINVAL;
	l = calloc(1, sizeof(*l));
	if (!l)
		return -ENOMEM;
	l->kind = opts->kind;
	l->window_max = opts->window_max;
	l->entries_max = opts->entries_max ? opts->entries_max : LIMITER_ENTRIES_MAX;
	l->step = (uint32_t)step;
	l->slack = l->step * (opts->burst - 1);
	window = k.bins << k.bin_shift;
	l->keep = l->step * opts->burst > window ? l->step * opts->burst : window;
	l->secret = opts->secret;
	if (!l->secret && getrandom(&l->secret, sizeof(l->secret), 0) != sizeof(l->secret))
		l->secret = (uint64_t)(uintptr_t)l;
	/* No factor is weak in its high bits or even. */
	l->factor = rng_mix(l->secret + 1) | 1 | (uint64_t)1 << 63;
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
		out->bytes += l->gen[i].lines * sizeof(struct line);
	}
}
