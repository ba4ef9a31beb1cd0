/* SPDX-License-Identifier: MIT */
#include "viz/frame.h"

#include <cairo.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "viz/furniture.h"
#include "viz/history.h"
#include "viz/lights.h"
#include "viz/parallel.h"
#include "viz/words.h"

/* ---- what was asked for ------------------------------------------------------------ */

static int check_layout(const struct render_opts *o, struct frame_kind *kind, char why[static 256])
{
	static const char *const needs[] = {
		[LAYOUT_MAP] = "",
		[LAYOUT_HILBERT] = "a wide frame of 256 lines or more, such as 1920x1080, or a "
				   "poster from 2048x2048 on",
		[LAYOUT_IDMAP] = "a wide frame of 512 lines or more, such as 1920x1080",
		[LAYOUT_RING] = "a wide frame of 360 lines or more, such as 1920x1080",
		[LAYOUT_OBSERVATORY] = "a wide frame of 1440 lines or more, such as 2560x1440",
	};
	struct hilbert h;
	struct idmap m;
	struct ring r;
	int err = 0;

	if (layout_parse(o->layout, &kind->layout)) {
		snprintf(why, 256,
			 "layout '%.64s': there are map, hilbert, idmap, ring and observatory",
			 o->layout);
		return DT_ENOTFOUND;
	}
	kind->view_count = layout_views(kind->layout, o->width, o->height, kind->views);
	if (kind->layout == LAYOUT_HILBERT)
		err = hilbert_init(&h, o->width, o->height);
	else if (kind->layout == LAYOUT_IDMAP)
		err = idmap_init(&m, o->width, o->height);
	else if (kind->layout == LAYOUT_RING)
		err = ring_init(&r, o->width, o->height, 0);
	else if (!kind->view_count)
		err = DT_ERANGE;
	if (err)
		snprintf(why, 256, "%s of %u x %u: it needs %s", layout_name(kind->layout),
			 o->width, o->height, needs[kind->layout]);
	return err;
}

static int check_numbers(const struct render_opts *o, char why[static 256])
{
	if (o->width < FRAME_WIDTH_MIN || o->height < FRAME_HEIGHT_MIN ||
	    o->width > FRAME_SIDE_MAX || o->height > FRAME_SIDE_MAX) {
		snprintf(why, 256, "a picture of %u x %u: sizes go from %d x %d to %d x %d",
			 o->width, o->height, FRAME_WIDTH_MIN, FRAME_HEIGHT_MIN, FRAME_SIDE_MAX,
			 FRAME_SIDE_MAX);
		return DT_ERANGE;
	}
	if (!(o->half_life_s >= 0) || !(o->cutoff_s >= 0) || !(o->exposure >= 0)) {
		snprintf(why, 256, "half-life, cutoff and exposure cannot be negative");
		return DT_ERANGE;
	}
	if (o->text_scale != 0 && !(o->text_scale >= 0.5 && o->text_scale <= 2)) {
		snprintf(why, 256, "a text scale of %g: it goes from 0.5 to 2", o->text_scale);
		return DT_ERANGE;
	}
	return 0;
}

int frame_check(const struct render_opts *o, struct frame_kind *kind, char why[static 256])
{
	int err = check_numbers(o, why);

	*kind = (struct frame_kind){ 0 };
	if (err)
		return err;
	if (palette_parse(o->palette, &kind->palette)) {
		snprintf(why, 256, "palette '%.64s': there are hash, focus, cvd, rir and density",
			 o->palette);
		return DT_ENOTFOUND;
	}
	if (group_parse(o->color_by, &kind->group)) {
		snprintf(
			why, 256,
			"colour by '%.64s': there are network, country, client, class and registry",
			o->color_by);
		return DT_ENOTFOUND;
	}
	if (kind->palette == PALETTE_RIR)
		kind->group = GROUP_REGISTRY;
	return check_layout(o, kind, why);
}

/* ---- a still ------------------------------------------------------------------------ */

static int open_view(struct frame_view *v, const struct frame *f, const struct layout_view *at)
{
	int err = stage_open(&v->stage, at, f->kind.view_count == 1, &f->opts);

	if (!err)
		err = sheet_open(&v->sheet, &v->stage);
	if (!err)
		err = accum_init(&v->plate, at->width, at->height);
	if (!err && stage_pointed(&v->stage))
		accum_pointed(&v->plate);
	return err;
}

int frame_open(struct frame *f, const struct render_opts *opts, char why[static 256])
{
	size_t pixels = (size_t)opts->width * opts->height;
	int err;

	*f = (struct frame){ .opts = *opts };
	err = frame_check(opts, &f->kind, why);
	if (err)
		return err;
	for (unsigned i = 0; i < f->kind.view_count && !err; i++)
		err = open_view(&f->view[i], f, &f->kind.views[i]);
	f->overlay = calloc(pixels, sizeof(*f->overlay));
	f->rgba = malloc(pixels * 4);
	if (!err && (!f->overlay || !f->rgba))
		err = -ENOMEM;
	if (err) {
		snprintf(why, 256, "a picture of %u x %u: %s", opts->width, opts->height,
			 dt_strerror(err));
		frame_close(f);
		return err;
	}
	if (f->kind.view_count > 1)
		frame_page(f->rgba, opts->width, opts->height);
	return 0;
}

void frame_close(struct frame *f)
{
	for (unsigned i = 0; i < LAYOUT_VIEWS_MAX; i++) {
		accum_fini(&f->view[i].plate);
		sheet_close(&f->view[i].sheet);
		stage_close(&f->view[i].stage);
	}
	free(f->overlay);
	free(f->rgba);
	*f = (struct frame){ 0 };
}

void frame_page(uint8_t *rgba, unsigned width, unsigned height)
{
	static const uint8_t page[4] = { 0x05, 0x07, 0x0b, 0xff };

	for (size_t i = 0; i < (size_t)width * height; i++)
		memcpy(rgba + 4 * i, page, 4);
}

static bool is_covered(const struct frame_kind *k, unsigned x, unsigned y)
{
	for (unsigned i = 0; i < k->view_count; i++) {
		const struct layout_view *v = &k->views[i];

		if (x - v->x < v->width && y - v->y < v->height)
			return true;
	}
	return false;
}

void frame_overlay(const struct frame_kind *k, const uint32_t *overlay, unsigned width,
		   unsigned height, uint8_t *rgba)
{
	static const unsigned page[3] = { 0x05, 0x07, 0x0b };

	/* right of the first view, which reaches from edge to edge of the rest */
	for (unsigned y = 0; y < height; y++)
		for (unsigned x = k->views[0].width; x < width; x++) {
			uint32_t argb = overlay[(size_t)y * width + x], keep = 255 - (argb >> 24);
			uint8_t *out = rgba + 4 * ((size_t)y * width + x);

			if (is_covered(k, x, y))
				continue;
			for (unsigned c = 0; c < 3; c++)
				out[c] = (uint8_t)((page[c] * keep + 127) / 255 +
						   (argb >> (16 - 8 * c) & 255));
		}
}

int frame_titles(const struct frame_kind *k, const struct render_opts *opts, uint32_t *overlay)
{
	static const char *const titles[] = {
		[LAYOUT_MAP] = NULL,
		[LAYOUT_HILBERT] = "IPv4 address space, along a Hilbert curve",
		[LAYOUT_IDMAP] = "id space: sigmas from chance, blue fewer, amber more",
		[LAYOUT_RING] = NULL,
		[LAYOUT_OBSERVATORY] = NULL,
	};
	cairo_surface_t *surface = cairo_image_surface_create_for_data(
		(unsigned char *)overlay, CAIRO_FORMAT_ARGB32, (int)opts->width, (int)opts->height,
		(int)opts->width * 4);
	cairo_t *cr = cairo_create(surface);
	double u = opts->height / 1440.0; /* the least that has several views */
	struct text_style s = { .size_px = 13 * u * (opts->text_scale > 0 ? opts->text_scale : 1),
				.rgb = 0x99a8bd };
	struct text *text = NULL;
	int err = text_open(&text);

	for (unsigned i = 0; i < k->view_count && !err; i++)
		if (titles[k->views[i].kind])
			text_draw(text, cr, &s, k->views[i].x, k->views[i].y - 9 * u,
				  titles[k->views[i].kind]);
	if (!err && cairo_status(cr))
		err = -ENOMEM;
	text_close(text);
	cairo_surface_flush(surface);
	cairo_destroy(cr);
	cairo_surface_destroy(surface);
	return err;
}

static double seconds_since(const struct timespec *start)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)(now.tv_sec - start->tv_sec) + (double)(now.tv_nsec - start->tv_nsec) / 1e9;
}

/* One view, as the picture's parts need it. */
struct exposed {
	struct palette_rgb *colors;
	struct lights_tally tally;
	struct tone tone;
	struct idmap_facts ids;
	uint64_t lit_cells;
};

struct moment {
	struct exposed view[LAYOUT_VIEWS_MAX];
	struct history history;
	uint32_t at_s;
};

static int expose(struct frame *f, unsigned i, const struct scene *s, struct moment *m)
{
	struct frame_view *v = &f->view[i];
	struct exposed *e = &m->view[i];
	struct lights_opts o = { .geometry = stage_geometry(&v->stage),
				 .at_s = m->at_s,
				 .half_life_s = f->opts.half_life_s,
				 .cutoff_s = f->opts.cutoff_s,
				 .threads = f->opts.threads };
	double ref = f->opts.exposure;
	int err;

	e->colors = malloc((s->network_count + 1) * sizeof(*e->colors));
	if (!e->colors)
		return -ENOMEM;
	palette_colors(f->kind.palette, s, e->colors);
	o.colors = e->colors;
	accum_clear(&v->plate, v->sheet.light);
	err = lights_draw(s, &o, &v->plate, &e->tally);
	if (err)
		return err;
	if (v->stage.layout == LAYOUT_IDMAP)
		idmap_paint(&v->stage.idmap, &v->plate, v->sheet.ground, &e->ids);
	if (v->stage.layout == LAYOUT_HILBERT)
		e->lit_cells = accum_lit_cells(&v->plate);
	if (ref <= 0)
		ref = tone_reference(&v->plate);
	tone_init(&e->tone, ref,
		  stage_tone(&v->stage) |
			  (f->kind.palette == PALETTE_DENSITY ? TONE_EMBER : TONE_PLAIN));
	if (v->stage.layout != LAYOUT_IDMAP) { /* whose cells are ground, not light */
		tone_map(&e->tone, &v->plate, v->sheet.light, parallel_threads(f->opts.threads));
		memcpy(v->sheet.lit, v->plate.lit, (size_t)v->plate.tiles_x * v->plate.tiles_y);
	}
	return 0;
}

/* The layouts' own words, each at its view's corner. */
static int view_words(struct frame *f, const struct moment *m)
{
	const unsigned stride = f->opts.width;
	int err = 0;

	for (unsigned i = 0; i < f->kind.view_count && !err; i++) {
		const struct layout_view *at = &f->kind.views[i];
		const struct stage *s = &f->view[i].stage;
		uint32_t *corner = f->overlay + (size_t)at->y * stride + at->x;

		err = stage_words(s, f->opts.text_scale, stride, corner);
		if (!err && s->layout == LAYOUT_IDMAP)
			err = idmap_words(&s->idmap, &m->view[i].ids, s->width, s->height, stride,
					  f->opts.text_scale, corner);
		else if (!err && s->layout == LAYOUT_RING)
			err = ring_arcs(&s->ring, &m->view[i].tally.ring, s->width, s->height,
					stride, corner);
	}
	if (!err && f->kind.view_count > 1)
		err = frame_titles(&f->kind, &f->opts, f->overlay);
	return err;
}

static int write_words(struct frame *f, const struct moment *m, const struct scene *s)
{
	const struct exposed *e = &m->view[0];
	struct words_moment w = { .opts = &f->opts,
				  .layout = f->kind.layout,
				  .palette = f->kind.palette,
				  .scene = s,
				  .colors = e->colors,
				  .stage = &f->view[0].stage,
				  .at_s = m->at_s,
				  .alight = e->tally.alight,
				  .networks = e->tally.networks,
				  .unlocated = e->tally.unlocated,
				  .country_level = e->tally.country_level,
				  .history = &m->history,
				  .tone = &e->tone,
				  .ids = &e->ids,
				  .ring = &e->tally.ring,
				  .lit_cells = e->lit_cells };
	struct furniture_box box =
		words_box(&f->view[0].stage, f->kind.layout, f->opts.width, f->opts.height);
	struct furniture *fu = malloc(sizeof(*fu));
	int err;

	if (!fu)
		return -ENOMEM;
	memcpy(w.top, e->tally.top, sizeof(w.top));
	if (f->drawn++)
		memset(f->overlay, 0, (size_t)f->opts.width * f->opts.height * sizeof(*f->overlay));
	words_fill(&w, fu);
	err = view_words(f, m);
	if (!err)
		err = furniture_draw(fu, &box, FURNITURE_ALL, f->overlay);
	free(fu);
	return err;
}

static int develop(struct frame *f, const struct moment *m)
{
	int err = 0;

	for (unsigned i = 0; i < f->kind.view_count && !err; i++) {
		const struct layout_view *at = &f->kind.views[i];
		size_t corner = (size_t)at->y * f->opts.width + at->x;
		const struct stage_moment moment = { .at_s = m->at_s,
						     .terminator = f->opts.terminator,
						     .overlay = f->overlay + corner,
						     .stride = f->opts.width };

		err = stage_develop(&f->view[i].stage, &f->view[i].sheet, &moment,
				    f->rgba + 4 * corner, parallel_threads(f->opts.threads));
	}
	if (!err && f->kind.view_count > 1)
		frame_overlay(&f->kind, f->overlay, f->opts.width, f->opts.height, f->rgba);
	return err;
}

static uint32_t instant(const struct render_opts *o, const struct scene *s)
{
	uint64_t at = o->at_s ? o->at_s : s->last_s;

	return at < UINT32_MAX ? (uint32_t)at : UINT32_MAX;
}

static void tell(const struct moment *m, const struct scene *s, struct render_stats *stats)
{
	const struct lights_tally *t = &m->view[0].tally;

	stats->nodes = s->node_count;
	stats->drawn = t->drawn;
	stats->unlocated = t->unlocated;
	stats->country_level = t->country_level;
	stats->networks = t->networks;
	stats->exposure = (double)m->view[0].tone.ref;
}

int frame_draw(struct frame *f, struct scene *const *scenes, struct render_stats *stats,
	       char why[static 256])
{
	struct moment *m = calloc(1, sizeof(*m));
	struct timespec start;
	int err = m ? 0 : -ENOMEM;

	clock_gettime(CLOCK_MONOTONIC, &start);
	if (err)
		goto done;
	m->at_s = instant(&f->opts, scenes[0]);
	/* as lights_weight() has it */
	history_build(&m->history, scenes[0], scenes[0]->first_s, scenes[0]->last_s,
		      f->opts.cutoff_s > 0 ? f->opts.cutoff_s : 24 * f->opts.half_life_s);
	for (unsigned i = 0; i < f->kind.view_count && !err; i++)
		err = expose(f, i, scenes[i], m);
	if (err)
		goto done;
	stats->splat_s = seconds_since(&start);
	err = write_words(f, m, scenes[0]);
	if (!err)
		err = develop(f, m);
	stats->compose_s = seconds_since(&start) - stats->splat_s;
	tell(m, scenes[0], stats);
done:
	if (err)
		snprintf(why, 256, "drawing %u nodes on %u x %u: %s", scenes[0]->node_count,
			 f->opts.width, f->opts.height, dt_strerror(err));
	for (unsigned i = 0; m && i < LAYOUT_VIEWS_MAX; i++)
		free(m->view[i].colors);
	free(m);
	return err;
}
