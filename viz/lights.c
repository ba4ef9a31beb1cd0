/* SPDX-License-Identifier: MIT */
#include "viz/lights.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "viz/num.h"
#include "viz/parallel.h"
#include "viz/spots.h"

/*
 * Nodes come in any order, but the plate is far larger than a cache. So each
 * round first sorts a part of the nodes into bands of rows (every worker into
 * lists of its own), then lays down one band after the other.
 */
enum {
	BAND_ROWS = ACCUM_TILE,
	CHUNK_NODES = 16 * 1024,
	ROUND_CHUNKS = 64, /* a million nodes' dots: 16 MB between the two halves of a round */
	NO_SLOT = 255,
};

struct dots {
	struct accum_dot *list;
	uint32_t count, room;
};

struct worker {
	struct dots *bands;
	struct lights_tally tally;
	uint32_t bucket[RING_BUCKETS + 1];
	bool failed;
};

struct pass {
	const struct scene *scene;
	const struct lights_opts *opts;
	struct accum *plate;
	struct spots spots;
	uint8_t *slots;     /* per network: its row in the legend, or NO_SLOT */
	atomic_uchar *seen; /* per network: has a node alight */
	struct worker *workers;
	atomic_uint arcs[RING_ARCS]; /* of a ring */
	unsigned threads, bands;
	uint32_t first_chunk;
};

float lights_weight(const struct lights_opts *o, uint32_t first_s, uint32_t last_s)
{
	double age = o->at_s > last_s ? (double)(o->at_s - last_s) : 0;

	if (first_s > o->at_s || (o->cutoff_s > 0 && age > o->cutoff_s))
		return 0;
	if (o->half_life_s <= 0 || age <= 0)
		return 1;
	age /= o->half_life_s;
	return age < 24 ? num_exp2f((float)-age) : 0; /* 2^-24 is below a unit of the plate */
}

static bool keep(struct dots *d, const struct accum_dot *dot)
{
	if (d->count == d->room) {
		uint32_t room = d->room ? d->room * 2 : 1024;
		struct accum_dot *grown = realloc(d->list, room * sizeof(*grown));

		if (!grown)
			return false;
		d->list = grown;
		d->room = room;
	}
	d->list[d->count++] = *dot;
	return true;
}

/* Into each band that the dot touches: two where it straddles. */
static void deal(struct pass *p, struct worker *w, const struct accum_dot *dot)
{
	int first, last;

	accum_rows(p->plate, dot->y, &first, &last);
	if (last < 0 || first >= (int)p->plate->height)
		return;
	first = first < 0 ? 0 : first / BAND_ROWS;
	last = last / BAND_ROWS < (int)p->bands ? last / BAND_ROWS : (int)p->bands - 1;
	for (int b = first; b <= last; b++)
		if (!keep(&w->bands[b], dot))
			w->failed = true;
}

static void tally_node(struct pass *p, struct worker *w, const struct scene_node *n)
{
	w->tally.alight++;
	if (p->slots[n->network] != NO_SLOT)
		w->tally.top[p->slots[n->network]]++;
	/* relaxed: only ever set, and read after joining */
	if (!atomic_load_explicit(&p->seen[n->network], memory_order_relaxed))
		atomic_store_explicit(&p->seen[n->network], 1, memory_order_relaxed);
}

/* Where on the plate; false off the map. */
static bool stand(struct pass *p, struct worker *w, const struct scene_node *n,
		  struct accum_dot *dot)
{
	struct spots_at at;

	if (!spots_node(&p->spots, n, &at))
		return false;
	w->tally.country_level += at.country;
	dot->weight = p->opts->geometry.idmap ? 1 /* it is counted, not shown */
					      : dot->weight * at.dim;
	dot->x = at.x;
	dot->y = at.y;
	if (p->opts->geometry.ring) {
		atomic_fetch_add_explicit(&p->arcs[n->seed >> (32 - RING_ARC_BITS)], 1,
					  memory_order_relaxed);
		w->bucket[ring_bucket(p->opts->geometry.ring, n->seed)]++;
	}
	return true;
}

static void node_job(void *ctx, unsigned index, unsigned worker)
{
	struct pass *p = ctx;
	struct worker *w = &p->workers[worker];
	uint32_t start = (p->first_chunk + index) * CHUNK_NODES, end = start + CHUNK_NODES;

	if (end > p->scene->node_count)
		end = p->scene->node_count;
	for (uint32_t i = start; i < end; i++) {
		const struct scene_node *n = &p->scene->nodes[i];
		struct accum_dot dot = { .color = n->network };

		dot.weight = lights_weight(p->opts, n->first_s, n->last_s);
		if (dot.weight <= 0)
			continue;
		tally_node(p, w, n);
		if (n->place == SCENE_NOWHERE) {
			w->tally.unlocated++;
			continue;
		}
		if (!stand(p, w, n, &dot))
			continue;
		w->tally.drawn++;
		deal(p, w, &dot);
	}
}

static void band_job(void *ctx, unsigned index, unsigned worker)
{
	struct pass *p = ctx;
	int row0 = (int)index * BAND_ROWS, row1 = row0 + BAND_ROWS;

	(void)worker;
	if (row1 > (int)p->plate->height)
		row1 = (int)p->plate->height;
	for (unsigned t = 0; t < p->threads; t++) {
		struct dots *d = &p->workers[t].bands[index];

		accum_add(p->plate, row0, row1, d->list, d->count, p->opts->colors);
		d->count = 0;
	}
}

static int pass_open(struct pass *p)
{
	const struct scene *s = p->scene;
	int err =
		spots_open(&p->spots, s, &p->opts->geometry, p->plate->height / 1080.0, p->threads);

	if (err)
		return err;
	p->slots = malloc(s->network_count + 1);
	p->seen = calloc(s->network_count + 1, 1);
	p->workers = calloc(p->threads, sizeof(*p->workers));
	if (!p->slots || !p->seen || !p->workers)
		return -ENOMEM;
	for (unsigned t = 0; t < p->threads; t++) {
		p->workers[t].bands = calloc(p->bands, sizeof(struct dots));
		if (!p->workers[t].bands)
			return -ENOMEM;
	}
	memset(p->slots, NO_SLOT, s->network_count + 1);
	for (unsigned i = 0; i < s->top_count; i++)
		p->slots[s->top[i].network] = (uint8_t)i;
	return 0;
}

static void pass_close(struct pass *p)
{
	for (unsigned t = 0; p->workers && t < p->threads; t++) {
		for (unsigned b = 0; p->workers[t].bands && b < p->bands; b++)
			free(p->workers[t].bands[b].list);
		free(p->workers[t].bands);
	}
	free(p->workers);
	spots_close(&p->spots);
	free(p->slots);
	free(p->seen);
}

static int collect(const struct pass *p, struct lights_tally *out)
{
	*out = (struct lights_tally){ 0 };
	for (unsigned t = 0; t < p->threads; t++) {
		const struct worker *w = &p->workers[t];

		if (w->failed)
			return -ENOMEM;
		out->alight += w->tally.alight;
		out->drawn += w->tally.drawn;
		out->unlocated += w->tally.unlocated;
		out->country_level += w->tally.country_level;
		for (unsigned i = 0; i < SCENE_TOP; i++)
			out->top[i] += w->tally.top[i];
		for (unsigned i = 0; i <= RING_BUCKETS; i++)
			out->ring.bucket[i] += w->bucket[i];
	}
	for (unsigned i = 0; i < RING_ARCS; i++)
		out->ring.arc[i] = p->arcs[i];
	ring_measure(&out->ring);
	for (uint32_t i = 0; i < p->scene->network_count; i++)
		out->networks += p->seen[i] && p->scene->networks[i].asn != 0;
	return 0;
}

static void draw_all(struct pass *p)
{
	const struct scene *s = p->scene;
	uint32_t chunks = (s->node_count + CHUNK_NODES - 1) / CHUNK_NODES;

	accum_crowd(p->plate, p->spots.crowd);
	for (p->first_chunk = 0; p->first_chunk < chunks; p->first_chunk += ROUND_CHUNKS) {
		uint32_t left = chunks - p->first_chunk;

		parallel_run(p->threads, left < ROUND_CHUNKS ? left : ROUND_CHUNKS, node_job, p);
		parallel_run(p->threads, p->bands, band_job, p);
	}
}

int lights_draw(const struct scene *s, const struct lights_opts *o, struct accum *plate,
		struct lights_tally *tally)
{
	struct pass *p = calloc(1, sizeof(*p));
	int err;

	if (!p)
		return -ENOMEM;
	p->scene = s;
	p->opts = o;
	p->plate = plate;
	p->threads = parallel_threads(o->threads);
	p->bands = (plate->height + BAND_ROWS - 1) / BAND_ROWS;
	err = pass_open(p);
	if (!err) {
		draw_all(p);
		err = collect(p, tally);
	}
	pass_close(p);
	free(p);
	return err;
}
