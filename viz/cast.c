/* SPDX-License-Identifier: MIT */
#include "viz/cast.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "viz/accum.h"
#include "viz/room.h"

/* What is on no tile comes last. */
struct casting {
	struct cast *c;
	const struct scene *s;
	struct spots spots;
	unsigned tiles_x, tiles_y;
	uint32_t *first; /* per tile: where its next node goes */
};

static struct cast_node place_node(const struct casting *g, const struct scene_node *n,
				   uint32_t *tile)
{
	struct cast_node out = { .at = (uint64_t)n->network << 3,
				 /* what a broken clock wrote counts from its last word */
				 .first_s = n->first_s < n->last_s ? n->first_s : n->last_s,
				 .last_s = n->last_s };
	struct spots_at at;

	*tile = g->tiles_x * g->tiles_y;
	if (n->place == SCENE_NOWHERE) {
		out.at |= CAST_OFF | CAST_UNLOCATED;
		return out;
	}
	if (!spots_node(&g->spots, n, &at)) {
		out.at |= CAST_OFF;
		return out;
	}
	out.at |= at.country ? CAST_COUNTRY : 0;
	int tx = at.x / (ACCUM_SUB * ACCUM_TILE), ty = at.y / (ACCUM_SUB * ACCUM_TILE);

	tx = tx < 0 ? 0 : tx < (int)g->tiles_x ? tx : (int)g->tiles_x - 1;
	ty = ty < 0 ? 0 : ty < (int)g->tiles_y ? ty : (int)g->tiles_y - 1;
	*tile = (uint32_t)ty * g->tiles_x + (uint32_t)tx;
	out.at |= (uint64_t)(uint32_t)(at.y + CAST_AT_BIAS) << 24 |
		  (uint64_t)(uint32_t)(at.x + CAST_AT_BIAS) << 44;
	return out;
}

/* Counting sort by tile: where everybody goes, then everybody there. */
static int set_nodes(struct casting *g)
{
	const uint32_t tiles = g->tiles_x * g->tiles_y;
	const struct scene *s = g->s;
	struct cast *c = g->c;
	uint32_t tile, sum = 0;

	for (uint32_t i = 0; i < s->node_count; i++) {
		(void)place_node(g, &s->nodes[i], &tile);
		g->first[tile]++;
	}
	for (uint32_t t = 0; t <= tiles; t++) {
		uint32_t n = g->first[t];

		if (t % g->tiles_x == 0 && t < tiles)
			c->row[t / g->tiles_x] = sum;
		if (t == tiles)
			c->drawn = sum;
		g->first[t] = sum;
		sum += n;
	}
	c->row[g->tiles_y] = c->drawn;
	for (uint32_t i = 0; i < s->node_count; i++) {
		struct cast_node n = place_node(g, &s->nodes[i], &tile);
		uint32_t at = g->first[tile]++;

		c->nodes[at] = n;
		if (c->number && s->ordinals[i] < c->numbers)
			c->number[s->ordinals[i]] = at;
		if (c->arc)
			c->arc[at] =
				(uint16_t)(s->nodes[i].seed >> (32 - RING_ARC_BITS) |
					   ring_bucket(g->spots.geometry.ring, s->nodes[i].seed)
						   << RING_ARC_BITS);
	}
	return 0;
}

static uint32_t time_of(const struct cast *c, bool last, uint32_t i)
{
	return last ? c->nodes[i].last_s : c->nodes[i].first_s;
}

/* Radix sort of numbers by their node's time; 16 bits a pass, the upper ones only where used. */
static int sort_by(const struct cast *c, bool last, uint32_t *out)
{
	enum { DIGITS = 1 << 16 };
	uint32_t *tmp = malloc(((size_t)c->count + 1) * sizeof(*tmp)), least = UINT32_MAX, most = 0;
	uint32_t *at = malloc(DIGITS * sizeof(*at)), *from = tmp, *to = out;

	if (!tmp || !at) {
		free(tmp);
		free(at);
		return -ENOMEM;
	}
	for (uint32_t i = 0; i < c->count; i++) {
		uint32_t t = time_of(c, last, i);

		least = t < least ? t : least;
		most = t > most ? t : most;
		tmp[i] = i;
	}
	for (unsigned shift = 0; shift < 32; shift += 16) {
		uint32_t sum = 0;

		if (shift && (c->count == 0 || most - least < DIGITS))
			break;
		memset(at, 0, DIGITS * sizeof(*at));
		for (uint32_t i = 0; i < c->count; i++)
			at[(time_of(c, last, from[i]) - least) >> shift & (DIGITS - 1)]++;
		for (uint32_t d = 0; d < DIGITS; d++) {
			uint32_t n = at[d];

			at[d] = sum;
			sum += n;
		}
		for (uint32_t i = 0; i < c->count; i++)
			to[at[(time_of(c, last, from[i]) - least) >> shift & (DIGITS - 1)]++] =
				from[i];
		from = to;
		to = from == out ? tmp : out;
	}
	if (from != out)
		memcpy(out, from, c->count * sizeof(*out));
	free(tmp);
	free(at);
	return 0;
}

static int make_room(struct casting *g, const struct cast_opts *opts)
{
	struct cast *c = g->c;
	size_t n = (size_t)g->s->node_count + 1;

	c->count = g->s->node_count;
	c->tile_rows = g->tiles_y;
	c->nodes = room_zeroed(n, sizeof(*c->nodes));
	if (!opts->by_log) {
		c->by_first = malloc(n * sizeof(*c->by_first));
		c->by_last = malloc(n * sizeof(*c->by_last));
	}
	c->row = calloc(g->tiles_y + 1, sizeof(*c->row));
	if (g->s->ordinals) {
		/* a store deals them from 0 on, each once */
		c->numbers = c->count;
		c->number = malloc(n * sizeof(*c->number));
		if (c->number)
			memset(c->number, 0xff, n * sizeof(*c->number));
	}
	if (opts->geometry.ring)
		c->arc = malloc(n * sizeof(*c->arc));
	g->first = calloc((size_t)g->tiles_x * g->tiles_y + 1, sizeof(*g->first));
	return c->nodes && ((c->by_first && c->by_last) || opts->by_log) && c->row && g->first &&
			       (c->number || !g->s->ordinals) && (c->arc || !opts->geometry.ring)
		       ? 0
		       : -ENOMEM;
}

int cast_open(struct cast *c, const struct scene *s, const struct cast_opts *opts)
{
	struct casting g = { .c = c,
			     .s = s,
			     .tiles_x = (opts->width + ACCUM_TILE - 1) / ACCUM_TILE,
			     .tiles_y = (opts->height + ACCUM_TILE - 1) / ACCUM_TILE };
	int err;

	*c = (struct cast){ 0 };
	if (s->network_count > CAST_NETWORKS_MAX)
		return DT_EFULL;
	err = spots_open(&g.spots, s, &opts->geometry, opts->height / 1080.0, opts->threads);
	c->crowd = g.spots.crowd;
	if (!err)
		err = make_room(&g, opts);
	if (!err)
		err = set_nodes(&g);
	if (!err && !opts->by_log)
		err = sort_by(c, false, c->by_first);
	if (!err && !opts->by_log)
		err = sort_by(c, true, c->by_last);
	spots_close(&g.spots);
	free(g.first);
	if (err)
		cast_close(c);
	return err;
}

void cast_close(struct cast *c)
{
	free(c->nodes);
	free(c->by_first);
	free(c->by_last);
	free(c->number);
	free(c->arc);
	free(c->row);
	*c = (struct cast){ 0 };
}

uint32_t cast_before(const struct cast *c, bool last, int64_t time_s)
{
	const uint32_t *order = last ? c->by_last : c->by_first;
	uint32_t lo = 0, hi = c->count;

	while (lo < hi) {
		uint32_t mid = lo + (hi - lo) / 2;

		if ((int64_t)time_of(c, last, order[mid]) < time_s)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}
