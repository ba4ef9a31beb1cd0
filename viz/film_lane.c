/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "viz/film_impl.h"

/* ---- words that stand still --------------------------------------------------------- */

static void fill_moment(const struct film *f, struct words_moment *m)
{
	const struct film_view *v = &f->view[0];

	*m = (struct words_moment){ .opts = &f->opts.render,
				    .layout = f->kind.layout,
				    .palette = f->kind.palette,
				    .mode = f->opts.render.mode,
				    .scene = v->scene,
				    .colors = v->colors,
				    .stage = &v->stage,
				    .history = &f->history,
				    .tone = v->stage.layout == LAYOUT_IDMAP ? NULL : &v->tone,
				    .plan = &f->plan,
				    .sightings = f->sightings,
				    .hold_s = f->hold_s };
}

static struct furniture_box box_of(const struct film *f)
{
	return words_box(&f->view[0].stage, f->kind.layout, f->opts.render.width,
			 f->opts.render.height);
}

/* The layouts' own: a net, circles; those that move are drawn frame by frame. */
static int fixed_of_views(struct film *f)
{
	const struct render_opts *o = &f->opts.render;
	int err = 0;

	for (unsigned i = 0; i < f->kind.view_count && !err; i++)
		err = stage_words(&f->view[i].stage, o->text_scale, o->width,
				  f->fixed + (size_t)f->kind.views[i].y * o->width +
					  f->kind.views[i].x);
	if (!err && f->kind.view_count > 1)
		err = frame_titles(&f->kind, o, f->fixed);
	return err;
}

static void mark(uint8_t *tiles, const struct layout_view *v, unsigned tiles_x, unsigned x,
		 unsigned y)
{
	if (x - v->x < v->width && y - v->y < v->height)
		tiles[(y - v->y) / ACCUM_TILE * tiles_x + (x - v->x) / ACCUM_TILE] = 1;
}

/* Which tiles of a view may ever have words: those of the fixed ones, and the moving boxes. */
static void mark_words(struct film *f, unsigned i, const struct furniture *fu)
{
	const struct layout_view *v = &f->kind.views[i];
	const unsigned width = f->opts.render.width;
	unsigned tiles_x = (v->width + ACCUM_TILE - 1) / ACCUM_TILE;
	struct furniture_box box = box_of(f), moving[FURNITURE_BOXES], played;
	unsigned n = furniture_moving(fu, &box, moving, &played);

	for (unsigned y = v->y; y < v->y + v->height; y++)
		for (unsigned x = v->x; x < v->x + v->width; x++)
			if (f->fixed[(size_t)y * width + x])
				mark(f->words[i], v, tiles_x, x, y);
	for (unsigned b = 0; b < n; b++)
		for (unsigned y = moving[b].y; y < moving[b].y + moving[b].height; y++)
			for (unsigned x = moving[b].x; x < moving[b].x + moving[b].width; x++)
				mark(f->words[i], v, tiles_x, x, y);
	/* a layout's own moving words may be anywhere */
	if (v->kind == LAYOUT_IDMAP || v->kind == LAYOUT_RING)
		memset(f->words[i], 1,
		       (size_t)tiles_x * ((v->height + ACCUM_TILE - 1) / ACCUM_TILE));
}

int film_words_open(struct film *f)
{
	const struct render_opts *o = &f->opts.render;
	size_t pixels = (size_t)o->width * o->height;
	struct furniture *fu = malloc(sizeof(*fu));
	struct furniture_box box = box_of(f);
	struct words_moment m;
	int err = -ENOMEM;

	f->fixed = calloc(pixels, sizeof(*f->fixed));
	f->played = calloc(pixels, sizeof(*f->played));
	for (unsigned i = 0; i < f->kind.view_count; i++) {
		const struct layout_view *v = &f->kind.views[i];

		f->words[i] = calloc((size_t)((v->width + ACCUM_TILE - 1) / ACCUM_TILE) *
					     ((v->height + ACCUM_TILE - 1) / ACCUM_TILE),
				     1);
		if (!f->words[i])
			goto done;
	}
	if (!fu || !f->fixed || !f->played)
		goto done;
	fill_moment(f, &m);
	words_fill(&m, fu);
	err = furniture_draw(fu, &box, FURNITURE_PLAYED | FURNITURE_FIXED, f->played);
	if (!err)
		err = furniture_draw(fu, &box, FURNITURE_FIXED, f->fixed);
	if (!err)
		err = fixed_of_views(f);
	for (unsigned i = 0; i < f->kind.view_count && !err; i++)
		mark_words(f, i, fu);
done:
	free(fu);
	return err;
}

/* Onto what is fresh: most of a frame has no words, and pages that are not written cost nothing. */
static void copy_words(const uint32_t *from, uint32_t *to, size_t pixels)
{
	enum { RUN = 1024 };

	for (size_t i = 0; i < pixels; i += RUN) {
		size_t n = i + RUN < pixels ? RUN : pixels - i;
		uint32_t any = 0;

		for (size_t k = 0; k < n; k++)
			any |= from[i + k];
		if (any)
			memcpy(to + i, from + i, n * sizeof(*to));
	}
}

/* ---- a lane ------------------------------------------------------------------------- */

int film_lane_open(struct film_lane *l, struct film *f)
{
	size_t pixels = (size_t)f->opts.render.width * f->opts.render.height;
	int err = 0;

	*l = (struct film_lane){ .film = f };
	for (unsigned i = 0; i < f->kind.view_count && !err; i++) {
		err = sheet_open(&l->sheet[i], &f->view[i].stage);
		if (!err && f->view[i].breath.slot)
			err = breath_field_init(&l->field[i], &f->view[i].breath);
	}
	if (!err)
		err = text_open(&l->text);
	l->overlay = calloc(pixels, sizeof(*l->overlay));
	l->rgba = malloc(pixels * 4);
	l->furniture = malloc(sizeof(*l->furniture));
	if (!err && (!l->overlay || !l->rgba || !l->furniture))
		err = -ENOMEM;
	if (err) {
		film_lane_close(l);
		return err;
	}
	copy_words(f->fixed, l->overlay, pixels);
	if (f->kind.view_count > 1)
		frame_page(l->rgba, f->opts.render.width, f->opts.render.height);
	return 0;
}

void film_lane_close(struct film_lane *l)
{
	for (unsigned i = 0; i < LAYOUT_VIEWS_MAX; i++) {
		sheet_close(&l->sheet[i]);
		free(l->field[i].rgb);
	}
	text_close(l->text);
	free(l->overlay);
	free(l->rgba);
	free(l->furniture);
	*l = (struct film_lane){ 0 };
}

static void note_ring(const struct film_view *v, struct ring_facts *out)
{
	*out = *v->reel.tally.ring;
	ring_measure(out);
}

static int expose_view(struct film_lane *l, unsigned i, uint32_t n)
{
	struct film_view *v = &l->film->view[i];
	struct tone_film t = { .plates = &v->reel.plates };

	int err = reel_seek(&v->reel, n);

	if (err)
		return err;
	if (v->stage.layout == LAYOUT_IDMAP) {
		idmap_paint(&v->stage.idmap, &v->reel.plates.live, l->sheet[i].ground, &l->ids[i]);
		return 0;
	}
	t.fade = v->reel.fade;
	t.spark = v->reel.spark;
	if (v->breath.slot) {
		breath_at(&v->breath, film_plan_at(&v->plan, n), &l->field[i]);
		t.tint = &l->field[i];
	}
	tone_film(&v->tone, &t, l->sheet[i].light, l->sheet[i].lit);
	if (v->stage.layout == LAYOUT_RING)
		note_ring(v, &l->ring);
	return 0;
}

static uint64_t lit_pixels(const struct sheet *s, const struct accum *a)
{
	uint64_t lit = 0;

	for (unsigned tile = 0; tile < a->tiles_x * a->tiles_y; tile++) {
		struct accum_box b = accum_tile(a, tile % a->tiles_x, tile / a->tiles_x);

		for (unsigned y = b.y0; y < b.y1 && s->lit[tile]; y++)
			for (unsigned x = b.x0; x < b.x1; x++) {
				accum_light v = s->light[(size_t)y * a->width + x];

				lit += v[0] + v[1] + v[2] > 0;
			}
	}
	return lit;
}

int film_lane_expose(struct film_lane *l, uint32_t n)
{
	const struct film *f = l->film;
	const struct film_view *v = &f->view[0];
	const struct reel_tally *t = &v->reel.tally;
	struct words_moment *m = &l->moment;
	int err = 0;

	for (unsigned i = 0; i < f->kind.view_count && !err; i++)
		err = expose_view(l, i, n);
	if (err)
		return err;
	l->frame = n;
	fill_moment(f, m);
	m->at_s = (uint64_t)film_plan_at(&f->plan, n);
	m->alight = t->alight;
	m->networks = t->networks;
	m->unlocated = t->unlocated;
	m->country_level = t->country_level;
	for (unsigned i = 0; i < v->scene->top_count; i++)
		m->top[i] = t->per_network[v->scene->top[i].network];
	m->ids = v->stage.layout == LAYOUT_IDMAP ? &l->ids[0] : NULL;
	m->ring = v->stage.layout == LAYOUT_RING ? &l->ring : NULL;
	m->caption = captions_at(&f->captions, film_plan_at(&f->plan, n),
				 1 / (f->plan.step_s * f->plan.fps), &m->caption_alpha);
	return 0;
}

static void copy_box(const uint32_t *from, uint32_t *to, unsigned width,
		     const struct furniture_box *b)
{
	for (unsigned y = b->y; y < b->y + b->height; y++)
		memcpy(to + (size_t)y * width + b->x, from + (size_t)y * width + b->x,
		       b->width * sizeof(*to));
}

/* A layout's own words of this instant. */
static int write_view(struct film_lane *l, unsigned i)
{
	const struct film *f = l->film;
	const struct layout_view *v = &f->kind.views[i];
	const struct stage *s = &f->view[i].stage;
	const unsigned stride = f->opts.render.width;
	uint32_t *corner = l->overlay + (size_t)v->y * stride + v->x;
	const struct furniture_box box = { v->x, v->y, v->width, v->height, stride };

	if (s->layout != LAYOUT_IDMAP && s->layout != LAYOUT_RING)
		return 0;
	copy_box(f->fixed, l->overlay, stride, &box);
	if (s->layout == LAYOUT_RING)
		return ring_arcs(&s->ring, &l->ring, s->width, s->height, stride, corner);
	return idmap_words(&s->idmap, &l->ids[i], s->width, s->height, stride,
			   f->opts.render.text_scale, corner);
}

int film_lane_write(struct film_lane *l)
{
	const struct film *f = l->film;
	const unsigned width = f->opts.render.width;
	struct furniture_box box = box_of(f), moving[FURNITURE_BOXES], played;
	unsigned n;
	int err = 0;

	if (f->view[0].stage.layout == LAYOUT_HILBERT)
		l->moment.lit_cells = lit_pixels(&l->sheet[0], &f->view[0].reel.plates.live);
	words_fill(&l->moment, l->furniture);
	l->furniture->text = l->text;
	n = furniture_moving(l->furniture, &box, moving, &played);
	for (unsigned i = 0; i < n; i++)
		copy_box(f->fixed, l->overlay, width, &moving[i]);
	for (unsigned i = 0; i < f->kind.view_count && !err; i++)
		err = write_view(l, i);
	copy_box(f->played, l->overlay, width, &played);
	return err ? err : furniture_draw(l->furniture, &box, FURNITURE_MOVING, l->overlay);
}

int film_lane_develop(struct film_lane *l)
{
	const struct film *f = l->film;
	const struct render_opts *o = &f->opts.render;
	int err = 0;

	for (unsigned i = 0; i < f->kind.view_count && !err; i++) {
		const struct layout_view *v = &f->kind.views[i];
		size_t corner = (size_t)v->y * o->width + v->x;
		const struct stage_moment m = { .at_s = l->moment.at_s,
						.terminator = o->terminator,
						.frame = f->opts.still_noise ? 0 : l->frame,
						.overlay = l->overlay + corner,
						.words = f->words[i],
						.stride = o->width };

		err = stage_develop(&f->view[i].stage, &l->sheet[i], &m, l->rgba + 4 * corner, 1);
	}
	if (!err && f->kind.view_count > 1)
		frame_overlay(&f->kind, l->overlay, o->width, o->height, l->rgba);
	return err;
}
