/* SPDX-License-Identifier: MIT */
#include "viz/reel.h"
#include "viz/reel_impl.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "viz/num.h"
#include "viz/parallel.h"

int reel_open(struct reel *r, const struct reel_opts *opts)
{
	const struct plates_opts plates = { .pointed = opts->pointed,
					    .fades = opts->plan->half_life_s > 0,
					    .sparks = opts->sparks,
					    .crowd = opts->cast->crowd };
	int err;

	*r = (struct reel){ .o = *opts, .frame = UINT32_MAX };
	err = plates_init(&r->plates, opts->width, opts->height, &plates);
	if (err)
		return err;
	r->per_network = calloc((size_t)opts->networks + 1, sizeof(*r->per_network));
	if (opts->cast->arc)
		r->ring = calloc(1, sizeof(*r->ring));
	if (!r->per_network || (opts->cast->arc && !r->ring))
		err = -ENOMEM;
	if (!err && opts->sights)
		err = reel_log_open(r);
	if (err) {
		reel_close(r);
		return err;
	}
	r->tally.per_network = r->per_network;
	r->tally.ring = r->ring;
	return 0;
}

void reel_close(struct reel *r)
{
	plates_fini(&r->plates);
	reel_log_close(r);
	free(r->per_network);
	free(r->ring);
	r->per_network = NULL;
	r->ring = NULL;
}

/* ---- counters --------------------------------------------------------------------- */

void reel_tally_node(struct reel *r, uint32_t i, int sign)
{
	const struct cast_node *n = &r->o.cast->nodes[i];
	uint32_t network = cast_network(n), *count = &r->per_network[network];
	uint64_t one = (uint64_t)(int64_t)sign;

	r->tally.alight += one;
	if (n->at & CAST_UNLOCATED)
		r->tally.unlocated += one;
	if (!(n->at & CAST_OFF))
		r->tally.drawn += one;
	if (n->at & CAST_COUNTRY)
		r->tally.country_level += one;
	if (network != r->o.unknown && *count == (sign > 0 ? 0 : 1))
		r->tally.networks += one;
	*count += (uint32_t)sign;
	if (r->ring) {
		uint16_t arc = r->o.cast->arc[i];

		r->ring->arc[arc & (RING_ARCS - 1)] += (uint32_t)sign;
		r->ring->bucket[arc >> RING_ARC_BITS] += (uint32_t)sign;
	}
}

/* Who came after @from up to @to, and who went. */
static void tally_between(struct reel *r, int64_t from, int64_t to)
{
	enum { AHEAD = 16 };
	const struct cast *c = r->o.cast;
	int64_t shine = (int64_t)r->o.plan->shine_s;
	uint32_t end = cast_before(c, false, to + 1);

	for (uint32_t i = cast_before(c, false, from + 1); i < end; i++) {
		if (i + AHEAD < end)
			__builtin_prefetch(&c->nodes[c->by_first[i + AHEAD]]);
		reel_tally_node(r, c->by_first[i], 1);
	}
	if (!shine)
		return;
	end = cast_before(c, true, to - shine + 1);
	for (uint32_t i = cast_before(c, true, from - shine + 1); i < end; i++) {
		if (i + AHEAD < end)
			__builtin_prefetch(&c->nodes[c->by_last[i + AHEAD]]);
		reel_tally_node(r, c->by_last[i], -1);
	}
}

void reel_tally_clear(struct reel *r)
{
	memset(r->per_network, 0, ((size_t)r->o.networks + 1) * sizeof(*r->per_network));
	if (r->ring)
		*r->ring = (struct ring_facts){ 0 };
	r->tally = (struct reel_tally){ .per_network = r->per_network, .ring = r->ring };
}

/* ---- light ------------------------------------------------------------------------ */

struct plates_dot reel_dot(const struct reel *r, const struct cast_node *n)
{
	return (struct plates_dot){ .x = cast_x(n),
				    .y = cast_y(n),
				    .rgb = r->o.colors[cast_network(n)],
				    .weight = n->at & CAST_COUNTRY ? SPREAD_DIM : 1 };
}

/* What a node that fades since @since_s was worth when this chunk began, or will have been. */
float reel_stored(const struct reel *r, int64_t since_s)
{
	int64_t age = film_plan_at(r->o.plan, r->chunk) - since_s;

	return num_exp2f((float)(-(double)age / r->o.plan->half_life_s));
}

/* A node's light at the frame of @at, onto the plates or off them; while chunks change, what is
 * lit. */
static void shed(struct reel *r, struct plates_rows rows, uint32_t i, int64_t at, int sign)
{
	const struct cast_node *n = &r->o.cast->nodes[i];
	const struct film_plan *plan = r->o.plan;
	enum film_state state = film_state_of(plan, at, n->first_s, n->last_s);
	struct plates_dot dot;

	if (state == FILM_DARK || (state == FILM_FADING && r->turning))
		return;
	dot = reel_dot(r, n);
	if (state == FILM_PART && !r->o.whole)
		dot.weight *= (float)film_weight(plan, at, n->first_s, n->last_s);
	else if (state == FILM_FADING)
		dot.weight *= reel_stored(r, n->last_s);
	if (state == FILM_FADING)
		plates_fade(&r->plates, rows, &dot, sign);
	else
		plates_live(&r->plates, rows, &dot, sign);
}

/* The same of those alone that fade. */
static void shed_fading(struct reel *r, struct plates_rows rows, uint32_t i, int64_t at, int sign)
{
	const struct cast_node *n = &r->o.cast->nodes[i];

	if (film_state_of(r->o.plan, at, n->first_s, n->last_s) == FILM_FADING)
		shed(r, rows, i, at, sign);
}

static void change(struct reel *r, uint32_t i, int64_t before, int64_t now)
{
	const struct cast_node *n = &r->o.cast->nodes[i];

	if (n->at & CAST_OFF)
		return;
	shed(r, plates_all(&r->plates), i, before, -1);
	shed(r, plates_all(&r->plates), i, now, 1);
	r->changes++;
}

/* How long after its last sighting a node stops being lit. */
static int64_t leave_after(const struct film_plan *p)
{
	return p->half_life_s > 0 ? 0 : (int64_t)p->shine_s;
}

/*
 * From the frame before to the one of @at. A node changes in the step in which it
 * comes or leaves, and in the one after, when its mean over a step is whole; and
 * when it goes dark. One that does several of these is met once.
 */
static void change_all(struct reel *r, int64_t at)
{
	const struct cast *c = r->o.cast;
	const struct film_plan *p = r->o.plan;
	const int64_t step = p->step_s, old = at - 2 * step, leave = leave_after(p);
	uint32_t end = cast_before(c, false, at + 1);

	for (uint32_t i = cast_before(c, false, old + 1); i < end; i++) {
		reel_soon(r, c->by_first, i, end, false);
		change(r, c->by_first[i], at - step, at);
	}
	if (p->half_life_s <= 0 && p->cutoff_s <= 0)
		return;
	end = cast_before(c, true, at - leave + 1);
	for (uint32_t i = cast_before(c, true, old - leave + 1); i < end; i++) {
		reel_soon(r, c->by_last, i, end, false);
		if ((int64_t)c->nodes[c->by_last[i]].first_s <= old)
			change(r, c->by_last[i], at - step, at);
	}
	if (p->half_life_s <= 0)
		return;
	end = cast_before(c, true, at - (int64_t)p->shine_s + 1);
	for (uint32_t i = cast_before(c, true, at - step - (int64_t)p->shine_s + 1); i < end; i++) {
		const struct cast_node *n = &c->nodes[c->by_last[i]];

		reel_soon(r, c->by_last, i, end, false);
		if ((int64_t)n->first_s <= old && (int64_t)n->last_s <= old)
			change(r, c->by_last[i], at - step, at);
	}
}

float reel_spark_weight(const struct reel *r, uint32_t f)
{
	return num_exp2f((float)(((double)f - r->chunk) / REEL_SPARK_HALF_LIFE));
}

void reel_spark(struct reel *r, const struct cast_node *n, float weight, int sign)
{
	struct plates_dot dot = reel_dot(r, n);

	dot.weight *= weight;
	if (!(n->at & CAST_OFF))
		plates_spark(&r->plates, plates_all(&r->plates), &dot, sign);
}

/* Who came in frame @f, as sparks or no longer; who was there before the film does not. */
static void spark_frame(struct reel *r, uint32_t f, int sign)
{
	const struct cast *c = r->o.cast;
	int64_t at = film_plan_at(r->o.plan, f);
	uint32_t end = cast_before(c, false, at + 1);
	float weight = reel_spark_weight(r, f);

	for (uint32_t i = cast_before(c, false, at - r->o.plan->step_s + 1); i < end; i++) {
		reel_soon(r, c->by_first, i, end, true);
		reel_spark(r, &c->nodes[c->by_first[i]], weight, sign);
	}
}

/* ---- from nothing ----------------------------------------------------------------- */

struct band {
	struct reel *r;
	void (*shed)(struct reel *r, struct plates_rows rows, uint32_t i, int64_t at, int sign);
	int64_t at;
	unsigned tile_row[PARALLEL_THREADS_MAX + 1];
};

/* All nodes that reach into a band's rows, those of the rows of tiles beside it too. */
static void band_job(void *ctx, unsigned index, unsigned worker)
{
	const struct band *b = ctx;
	struct reel *r = b->r;
	const struct cast *c = r->o.cast;
	unsigned from = b->tile_row[index], to = b->tile_row[index + 1];
	struct plates_rows rows = { (int)from * ACCUM_TILE, (int)to * ACCUM_TILE };
	uint32_t end = c->row[to < c->tile_rows ? to + 1 : to];

	(void)worker;
	if (rows.to > (int)r->plates.live.height)
		rows.to = (int)r->plates.live.height;
	for (uint32_t i = c->row[from ? from - 1 : 0]; i < end && from < to; i++)
		b->shed(r, rows, i, b->at, 1);
}

/* Bands with about as many nodes each. */
static void deal_bands(struct band *b, const struct cast *c, unsigned bands)
{
	unsigned row = 0;

	for (unsigned i = 0; i < bands; i++) {
		while (row < c->tile_rows && c->row[row] < (uint64_t)c->drawn * i / bands)
			row++;
		b->tile_row[i] = row;
	}
	b->tile_row[bands] = c->tile_rows;
}

static double seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Of every node that is drawn, in the order of the cast. */
static void shed_all(struct reel *r, uint32_t f,
		     void (*shed_one)(struct reel *r, struct plates_rows rows, uint32_t i,
				      int64_t at, int sign))
{
	unsigned threads = parallel_threads(r->o.threads);
	struct band b = { .r = r, .shed = shed_one, .at = film_plan_at(r->o.plan, f) };

	r->chunk = f;
	deal_bands(&b, r->o.cast, threads);
	parallel_run(threads, threads, band_job, &b);
}

void reel_rebuild(struct reel *r, uint32_t f,
		  void (*shed_one)(struct reel *r, struct plates_rows rows, uint32_t i, int64_t at,
				   int sign))
{
	double start = seconds();

	plates_clear(&r->plates);
	shed_all(r, f, shed_one);
	r->rebuild_s += seconds() - start;
	r->rebuilt++;
}

/* Those of the frames before a chunk that are still seen. */
static void spark_chunk(struct reel *r, uint32_t f)
{
	for (uint32_t k = f < REEL_SPARK_FRAMES ? 0 : f - REEL_SPARK_FRAMES + 1;
	     r->o.sparks && k <= f; k++)
		spark_frame(r, k, 1);
}

static void rebuild(struct reel *r, uint32_t f)
{
	reel_rebuild(r, f, shed);
	spark_chunk(r, f);
}

/*
 * From the last frame of a chunk to the first of the next: what is lit are sums of integers,
 * which no way of coming to them changes, so it is a step like any other; what fades is laid
 * down anew, by another instant.
 */
static void turn_chunk(struct reel *r, uint32_t f, int64_t at)
{
	r->turning = true;
	change_all(r, at);
	r->turning = false;
	plates_clear_fading(&r->plates);
	if (r->o.plan->half_life_s > 0)
		shed_all(r, f, shed_fading);
	r->chunk = f;
	spark_chunk(r, f);
}

static void step(struct reel *r, uint32_t f)
{
	int64_t at = film_plan_at(r->o.plan, f);

	if (!r->uncounted)
		tally_between(r, at - r->o.plan->step_s, at);
	r->frame = f;
	if (f % FILM_CHUNK == 0) {
		turn_chunk(r, f, at);
		return;
	}
	change_all(r, at);
	if (!r->o.sparks)
		return;
	spark_frame(r, f, 1);
	if (f >= REEL_SPARK_FRAMES)
		spark_frame(r, f - REEL_SPARK_FRAMES, -1);
}

static void seek_span(struct reel *r, uint32_t f)
{
	const struct film_plan *p = r->o.plan;
	uint32_t chunk = f - f % FILM_CHUNK;

	if (r->frame == UINT32_MAX || f < r->frame || r->frame < chunk - (chunk > 0)) {
		reel_tally_clear(r);
		if (!r->uncounted)
			tally_between(r, INT64_MIN / 2, film_plan_at(p, chunk));
		r->frame = chunk;
		rebuild(r, chunk);
	}
	while (r->frame < f)
		step(r, r->frame + 1);
}

int reel_seek(struct reel *r, uint32_t f)
{
	const struct film_plan *p = r->o.plan;
	int err = 0;

	if (r->o.sights)
		err = reel_log_seek(r, f);
	else
		seek_span(r, f);
	if (p->half_life_s > 0)
		r->fade = (float)((r->o.sights ? 1 : film_fade_gain(p)) *
				  film_fade(p, (double)(film_plan_at(p, f) -
							film_plan_at(p, r->chunk))));
	r->spark = num_exp2f((float)(-(double)(f - r->chunk) / REEL_SPARK_HALF_LIFE));
	return err;
}
