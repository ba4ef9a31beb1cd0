/* SPDX-License-Identifier: MIT */
#include "viz/export_pick.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { HALVES = 1 << 16 };

int export_pick_init(struct export_pick *p, uint32_t space)
{
	size_t words = (size_t)space / 64 + 1;

	*p = (struct export_pick){ .space = space };
	p->words = calloc(words, sizeof(*p->words));
	p->before = calloc(words, sizeof(*p->before));
	if (p->words && p->before)
		return 0;
	export_pick_fini(p);
	return -ENOMEM;
}

void export_pick_fini(struct export_pick *p)
{
	free(p->words);
	free(p->before);
	*p = (struct export_pick){ .words = NULL };
}

void export_pick_seal(struct export_pick *p)
{
	p->count = 0;
	for (size_t i = 0; i <= p->space / 64; i++) {
		p->before[i] = p->count;
		p->count += (uint32_t)__builtin_popcountll(p->words[i]);
	}
}

/* Two rounds of multiply and shift: every step can be undone, so no two ordinals collide. */
static uint32_t lot_of(uint32_t x)
{
	x = (x ^ x >> 16) * 0x85ebca6bu;
	x = (x ^ x >> 13) * 0xc2b2ae35u;
	return x ^ x >> 16;
}

/* How many of the picked have each value of one half of their lot; @high < 0: of the upper half. */
static void count_lots(const struct export_pick *p, int64_t high, uint32_t *counts)
{
	memset(counts, 0, HALVES * sizeof(*counts));
	for (uint32_t o = 0; o < p->space; o++) {
		uint32_t lot = lot_of(o);

		if (export_pick_has(p, o) && (high < 0 || lot >> 16 == high))
			counts[high < 0 ? lot >> 16 : lot & 0xffff]++;
	}
}

/* The half at which @most are reached; @most becomes what is still wanted of it. */
static uint32_t reach(const uint32_t *counts, uint32_t *most)
{
	uint32_t at = 0;

	while (counts[at] < *most)
		*most -= counts[at++];
	return at;
}

/* The lot that @most of the picked lie at or below. */
static int last_lot(const struct export_pick *p, uint32_t most, uint32_t *out)
{
	uint32_t *counts = malloc(HALVES * sizeof(*counts)), high;

	if (!counts)
		return -ENOMEM;
	count_lots(p, -1, counts);
	high = reach(counts, &most);
	count_lots(p, high, counts);
	*out = high << 16 | reach(counts, &most);
	free(counts);
	return 0;
}

int export_pick_draw(struct export_pick *p, uint32_t most)
{
	uint32_t last;
	int rc;

	if (p->count <= most)
		return 0;
	if (!most)
		return DT_ERANGE;
	rc = last_lot(p, most, &last);
	if (rc < 0)
		return rc;
	for (uint32_t o = 0; o < p->space; o++)
		if (export_pick_has(p, o) && lot_of(o) > last)
			p->words[o >> 6] &= ~(1ull << (o & 63));
	export_pick_seal(p);
	return 0;
}
