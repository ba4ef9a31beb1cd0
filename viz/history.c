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

void history_build(struct history *h, const struct scene *s, double half_life_s, double cutoff_s)
{
	double shines = cutoff_s > 0 ? cutoff_s : half_life_s * 24; /* as lights_weight() */
	bool fades = shines > 0;
	int64_t now = 0;

	*h = (struct history){ .from_s = s->first_s, .to_s = s->last_s };
	if (h->to_s <= h->from_s)
		return;
	h->bins = h->to_s - h->from_s < HISTORY_BINS ? h->to_s - h->from_s : HISTORY_BINS;
	for (uint32_t i = 0; i < s->node_count; i++) {
		const struct scene_node *n = &s->nodes[i];
		uint64_t gone = n->last_s + (uint64_t)shines + 1;

		if (n->first_s > h->to_s)
			continue;
		h->alight[bin_of(h, n->first_s)]++;
		if (fades && gone <= h->to_s)
			h->alight[bin_of(h, gone)]--; /* modulo 2^64: the sums below come right */
	}
	for (unsigned i = 0; i <= h->bins; i++) {
		now += (int64_t)h->alight[i];
		h->alight[i] = (uint64_t)now;
		if (h->alight[i] > h->most)
			h->most = h->alight[i];
	}
}
