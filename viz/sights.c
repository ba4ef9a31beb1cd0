/* SPDX-License-Identifier: MIT */
#include "viz/sights.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

int sights_open(struct sights *s, const struct sights_source *source, const uint32_t *number,
		uint32_t numbers)
{
	int err;

	*s = (struct sights){ .source = *source, .number = number, .numbers = numbers };
	err = sights_rewind(s);
	if (err)
		sights_close(s);
	return err;
}

void sights_close(struct sights *s)
{
	free(s->node);
	free(s->time);
	free(s->raw_node);
	free(s->raw_after);
	s->node = s->time = s->raw_node = NULL;
	s->raw_after = NULL;
	s->room = 0;
}

static int look_ahead(struct sights *s)
{
	s->state = s->source.next(s->source.ctx, &s->ahead);
	return s->state < 0 ? s->state : 0;
}

int sights_rewind(struct sights *s)
{
	int err = s->source.rewind(s->source.ctx);

	s->count = s->at = 0;
	return err ? err : look_ahead(s);
}

static int make_room(struct sights *s, uint32_t more)
{
	uint32_t want = s->count + more, room = s->room ? s->room : 1 << 16;
	void *grown[4];

	if (want <= s->room)
		return 0;
	if (want < more)
		return DT_EFULL;
	while (room < want)
		room = room < 1u << 31 ? room * 2 : want;
	grown[0] = realloc(s->node, room * sizeof(*s->node));
	s->node = grown[0] ? grown[0] : s->node;
	grown[1] = realloc(s->time, room * sizeof(*s->time));
	s->time = grown[1] ? grown[1] : s->time;
	grown[2] = realloc(s->raw_node, room * sizeof(*s->raw_node));
	s->raw_node = grown[2] ? grown[2] : s->raw_node;
	grown[3] = realloc(s->raw_after, room * sizeof(*s->raw_after));
	s->raw_after = grown[3] ? grown[3] : s->raw_after;
	if (!grown[0] || !grown[1] || !grown[2] || !grown[3])
		return -ENOMEM;
	s->room = room;
	return 0;
}

/* Counting sort by second: a bucket has at most 65,536. */
static int sort_bucket(struct sights *s)
{
	enum { SECONDS = 1 << 16 };
	uint32_t *at = calloc(SECONDS, sizeof(*at)), sum = 0;

	if (!at)
		return -ENOMEM;
	for (uint32_t i = 0; i < s->count; i++)
		at[s->raw_after[i]]++;
	for (unsigned t = 0; t < SECONDS; t++) {
		uint32_t n = at[t];

		at[t] = sum;
		sum += n;
	}
	for (uint32_t i = 0; i < s->count; i++) {
		uint64_t time = s->bucket_s + s->raw_after[i];
		uint32_t to = at[s->raw_after[i]]++;

		s->node[to] = s->raw_node[i];
		s->time[to] = time < UINT32_MAX ? (uint32_t)time : UINT32_MAX;
	}
	free(at);
	return 0;
}

/* All blocks of the next bucket. */
static int next_bucket(struct sights *s)
{
	int err = 0;

	s->count = s->at = 0;
	s->bucket_s = s->ahead.bucket_s;
	while (s->state == 1 && s->ahead.bucket_s == s->bucket_s && !err) {
		const struct sights_block *b = &s->ahead;

		err = make_room(s, b->count);
		for (uint32_t i = 0; i < b->count && !err; i++) {
			if (b->ordinal[i] >= s->numbers || s->number[b->ordinal[i]] == UINT32_MAX)
				continue;
			s->raw_node[s->count] = s->number[b->ordinal[i]];
			s->raw_after[s->count++] = b->after_s[i];
		}
		err = err ? err : look_ahead(s);
	}
	return err ? err : sort_bucket(s);
}

int sights_until(struct sights *s, int64_t to_s, const uint32_t **node, const uint32_t **time)
{
	uint32_t from, lo, hi;
	int err;

	while (s->at == s->count) {
		if (s->state == 0 || (int64_t)s->ahead.bucket_s > to_s)
			return 0;
		err = next_bucket(s);
		if (err)
			return err;
	}
	from = lo = s->at;
	hi = s->count;
	while (lo < hi) {
		uint32_t mid = lo + (hi - lo) / 2;

		if ((int64_t)s->time[mid] <= to_s)
			lo = mid + 1;
		else
			hi = mid;
	}
	lo = lo - from > INT_MAX ? from + INT_MAX : lo;
	s->at = lo;
	*node = s->node + from;
	*time = s->time + from;
	return (int)(lo - from);
}

/* ---- what a whole log says ---------------------------------------------------------- */

enum { SAMPLE = 64, GAP_BINS = 4096, GAP_BIN_S = 60 };

int sights_hold(struct sights *s, uint32_t nodes, int64_t *hold_s)
{
	uint32_t *last = calloc((size_t)nodes / SAMPLE + 1, sizeof(*last));
	uint32_t gaps[GAP_BINS] = { 0 };
	const uint32_t *node, *time;
	uint64_t all = 0, below = 0;
	int n = last ? sights_rewind(s) : -ENOMEM;

	*hold_s = 0;
	while (n >= 0 && (n = sights_until(s, INT64_MAX, &node, &time)) > 0)
		for (int i = 0; i < n; i++) {
			uint32_t *before = &last[node[i] / SAMPLE], bin;

			if (node[i] % SAMPLE)
				continue;
			bin = (time[i] - *before) / GAP_BIN_S;
			if (*before && bin < GAP_BINS) {
				gaps[bin]++;
				all++;
			}
			*before = time[i];
		}
	free(last);
	if (n < 0 || !all)
		return n < 0 ? n : 0;
	/* three in four are seen again within it */
	for (unsigned bin = 0; bin < GAP_BINS; bin++) {
		below += gaps[bin];
		if (4 * below >= 3 * all) {
			*hold_s = (int64_t)(bin + 1) * GAP_BIN_S;
			return 0;
		}
	}
	return 0;
}

int sights_spells(struct sights *s, uint32_t nodes, int64_t hold_s,
		  void (*spell)(void *ctx, uint32_t node, int64_t from_s, int64_t to_s), void *ctx)
{
	uint32_t *first = calloc((size_t)nodes + 1, sizeof(*first));
	uint32_t *last = calloc((size_t)nodes + 1, sizeof(*last));
	const uint32_t *node, *time;
	int n = first && last ? sights_rewind(s) : -ENOMEM;

	while (n >= 0 && (n = sights_until(s, INT64_MAX, &node, &time)) > 0)
		for (int i = 0; i < n; i++) {
			uint32_t k = node[i];

			if (last[k] && hold_s >= 0 && (int64_t)time[i] > last[k] + hold_s) {
				spell(ctx, k, first[k], last[k] + hold_s);
				last[k] = 0;
			}
			first[k] = last[k] ? first[k] : time[i];
			last[k] = time[i];
		}
	for (uint32_t k = 0; k < nodes && n == 0; k++)
		if (last[k])
			spell(ctx, k, first[k], hold_s < 0 ? INT64_MAX : last[k] + hold_s);
	free(first);
	free(last);
	return n;
}
