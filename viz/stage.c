/* SPDX-License-Identifier: MIT */
#include "viz/stage.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static int measure(struct stage *s, bool alone, const struct render_opts *opts)
{
	if (!alone && s->layout == LAYOUT_HILBERT)
		return hilbert_square(&s->hilbert, s->width);
	if (!alone && s->layout == LAYOUT_IDMAP)
		return idmap_square(&s->idmap, s->width);
	switch (s->layout) {
	case LAYOUT_HILBERT:
		return hilbert_init(&s->hilbert, s->width, s->height);
	case LAYOUT_IDMAP:
		return idmap_init(&s->idmap, s->width, s->height);
	case LAYOUT_RING:
		return ring_init(&s->ring, s->width, s->height, opts->reference);
	case LAYOUT_MAP:
	case LAYOUT_OBSERVATORY:
	default:
		return 0;
	}
}

int stage_open(struct stage *s, const struct layout_view *view, bool alone,
	       const struct render_opts *opts)
{
	const struct basemap_opts ground = { .borders = opts->borders,
					     .bare = view->kind != LAYOUT_MAP };
	int err;

	*s = (struct stage){ .layout = view->kind, .width = view->width, .height = view->height };
	compose_init(&s->compose);
	err = measure(s, alone, opts);
	if (!err)
		err = basemap_open(&s->base, s->width, s->height, &ground);
	if (!err && s->layout == LAYOUT_HILBERT)
		err = hilbert_ground(&s->hilbert, &s->base);
	if (err)
		stage_close(s);
	return err;
}

void stage_close(struct stage *s)
{
	basemap_close(&s->base);
}

struct spots_geometry stage_geometry(const struct stage *s)
{
	return (struct spots_geometry){
		.map = s->layout == LAYOUT_MAP ? &s->base.map : NULL,
		.hilbert = s->layout == LAYOUT_HILBERT ? &s->hilbert : NULL,
		.idmap = s->layout == LAYOUT_IDMAP ? &s->idmap : NULL,
		.ring = s->layout == LAYOUT_RING ? &s->ring : NULL,
	};
}

bool stage_pointed(const struct stage *s)
{
	return s->layout == LAYOUT_HILBERT || s->layout == LAYOUT_IDMAP;
}

unsigned stage_tone(const struct stage *s)
{
	/* a million nodes fill the address square and the circles from edge to edge */
	return (s->layout == LAYOUT_HILBERT ? TONE_POINTS : TONE_PLAIN) |
	       (s->layout == LAYOUT_HILBERT || s->layout == LAYOUT_RING ? TONE_AREAS : TONE_PLAIN);
}

int stage_words(const struct stage *s, double text_scale, unsigned stride, uint32_t *overlay)
{
	if (s->layout == LAYOUT_HILBERT)
		return hilbert_words(&s->hilbert, s->width, s->height, stride, text_scale, overlay);
	if (s->layout == LAYOUT_RING)
		return ring_ground(&s->ring, s->width, s->height, stride, text_scale, overlay);
	return 0;
}

int sheet_open(struct sheet *s, const struct stage *stage)
{
	size_t pixels = (size_t)stage->width * stage->height;
	size_t tiles = (size_t)((stage->width + ACCUM_TILE - 1) / ACCUM_TILE) *
		       ((stage->height + ACCUM_TILE - 1) / ACCUM_TILE);
	int err;

	*s = (struct sheet){ 0 };
	err = bloom_init(&s->bloom, stage->width, stage->height);
	if (err)
		return err;
	/* calloc of this size is fresh pages: what stays dark costs nothing */
	s->light = calloc(pixels, sizeof(*s->light));
	s->lit = calloc(tiles, 1);
	if (stage->layout == LAYOUT_IDMAP)
		s->ground = malloc(pixels * sizeof(*s->ground));
	if (!s->light || !s->lit || (stage->layout == LAYOUT_IDMAP && !s->ground)) {
		sheet_close(s);
		return -ENOMEM;
	}
	if (s->ground)
		memcpy(s->ground, stage->base.px, pixels * sizeof(*s->ground));
	return 0;
}

void sheet_close(struct sheet *s)
{
	bloom_fini(&s->bloom);
	free(s->light);
	free(s->lit);
	free(s->ground);
	*s = (struct sheet){ 0 };
}

/* Glow is for a night sky; on the square every pixel is a block of its own. */
static float glow_of(enum layout_kind layout)
{
	return layout == LAYOUT_HILBERT ? 0.1f : layout == LAYOUT_RING ? 0.12f : 0.5f;
}

int stage_develop(const struct stage *s, struct sheet *sheet, const struct stage_moment *m,
		  uint8_t *rgba, unsigned threads)
{
	struct sun sun = sun_at(m->at_s);
	struct basemap base = s->base; /* rows and all are shared, its pixels perhaps not */
	const struct compose_parts parts = {
		.width = s->width,
		.height = s->height,
		.base = &base,
		.sun = s->layout == LAYOUT_MAP && m->terminator && m->at_s ? &sun : NULL,
		.glow = glow_of(s->layout),
		.light = sheet->light,
		.lit = sheet->lit,
		.bloom = &sheet->bloom,
		.overlay = m->overlay,
		.words = m->words,
		.stride = m->stride,
		.frame = m->frame,
	};

	if (sheet->ground)
		base.px = sheet->ground;
	bloom_build(&sheet->bloom, sheet->light, sheet->lit, threads);
	return compose_frame(&s->compose, &parts, rgba, threads);
}
