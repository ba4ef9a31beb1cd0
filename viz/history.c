/* SPDX-License-Identifier: MIT */
#include "viz/history.h"

#include <stdbool.h>

static unsigned bin_of(const struct history *h, uint64_t t)
{
	uint64_t range = h->to_s - h->from_s;

	if (t <= h->from_s)
		return 0;
	/* the bin at whose end it is first counted: rounded up */
	return (unsigned)(((t - h->from_s) * h->bins + range - 1) / range);
}

/* One more from @from_s on, one less from @to_s on. */
static void count(struct history *h, uint64_t from_s, uint64_t to_s)
{
	if (from_s > h->to_s)
		return;
	h->alight[bin_of(h, from_s)]++;
	if (to_s <= h->to_s)
		h->alight[bin_of(h, to_s)]--; /* modulo 2^64: the sums come right */
}

static bool begin(struct history *h, uint64_t from_s, uint64_t to_s)
{
	*h = (struct history){ .from_s = (uint32_t)from_s, .to_s = (uint32_t)to_s };
	if (h->to_s <= h->from_s)
		return false;
	h->bins = h->to_s - h->from_s < HISTORY_BINS ? h->to_s - h->from_s : HISTORY_BINS;
	return true;
}

static void sum_up(struct history *h)
{
	int64_t now = 0;

	for (unsigned i = 0; i <= h->bins; i++) {
		now += (int64_t)h->alight[i];
		h->alight[i] = (uint64_t)now;
		if (h->alight[i] > h->most)
			h->most = h->alight[i];
	}
}

void history_build(struct history *h, const struct scene *s, uint64_t from_s, uint64_t to_s,
		   double shine_s)
{
	if (!begin(h, from_s, to_s))
		return;
	for (uint32_t i = 0; i < s->node_count; i++)
		count(h, s->nodes[i].first_s,
		      shine_s > 0 ? s->nodes[i].last_s + (uint64_t)shine_s + 1 : UINT64_MAX);
	sum_up(h);
}

static void count_spell(void *ctx, uint32_t node, int64_t from_s, int64_t to_s)
{
	(void)node;
	count(ctx, (uint64_t)from_s, (uint64_t)to_s);
}

int history_build_log(struct history *h, struct sights *log, uint32_t nodes, uint64_t from_s,
		      uint64_t to_s, double shine_s)
{
	int err;

	if (!begin(h, from_s, to_s))
		return 0;
	err = sights_spells(log, nodes, shine_s > 0 ? (int64_t)shine_s : -1, count_spell, h);
	sum_up(h);
	return err;
}
