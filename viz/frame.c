/* SPDX-License-Identifier: MIT */
#include "viz/frame.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "viz/compose.h"
#include "viz/furniture.h"
#include "viz/history.h"
#include "viz/layout.h"
#include "viz/lights.h"
#include "viz/parallel.h"
#include "viz/tone.h"

static int check_layout(const struct render_opts *o, char why[static 256])
{
	enum layout_kind layout;
	struct hilbert h;
	struct idmap m;

	if (layout_parse(o->layout, &layout)) {
		snprintf(why, 256, "layout '%.64s': there are map, hilbert and idmap", o->layout);
		return DT_ENOTFOUND;
	}
	if (layout == LAYOUT_HILBERT && hilbert_init(&h, o->width, o->height)) {
		snprintf(why, 256,
			 "a hilbert of %u x %u: it needs a wide frame of 256 lines or more, such "
			 "as 1920x1080, or a poster from 2048x2048 on",
			 o->width, o->height);
		return DT_ERANGE;
	}
	if (layout == LAYOUT_IDMAP && idmap_init(&m, o->width, o->height)) {
		snprintf(why, 256,
			 "an idmap of %u x %u: it needs a wide frame of 512 lines or more, such as "
			 "1920x1080",
			 o->width, o->height);
		return DT_ERANGE;
	}
	return 0;
}

int frame_check(const struct render_opts *o, char why[static 256])
{
	enum palette_kind kind;

	if (o->width < FRAME_WIDTH_MIN || o->height < FRAME_HEIGHT_MIN ||
	    o->width > FRAME_SIDE_MAX || o->height > FRAME_SIDE_MAX) {
		snprintf(why, 256, "a picture of %u x %u: sizes go from %d x %d to %d x %d",
			 o->width, o->height, FRAME_WIDTH_MIN, FRAME_HEIGHT_MIN, FRAME_SIDE_MAX,
			 FRAME_SIDE_MAX);
		return DT_ERANGE;
	}
	if (palette_parse(o->palette, &kind)) {
		snprintf(why, 256, "palette '%.64s': there are hash, focus, cvd and density",
			 o->palette);
		return DT_ENOTFOUND;
	}
	if (!(o->half_life_s >= 0) || !(o->cutoff_s >= 0) || !(o->exposure >= 0)) {
		snprintf(why, 256, "half-life, cutoff and exposure cannot be negative");
		return DT_ERANGE;
	}
	if (o->text_scale != 0 && !(o->text_scale >= 0.5 && o->text_scale <= 2)) {
		snprintf(why, 256, "a text scale of %g: it goes from 0.5 to 2", o->text_scale);
		return DT_ERANGE;
	}
	return check_layout(o, why);
}

static int make_planes(struct frame *f)
{
	size_t pixels = (size_t)f->opts.width * f->opts.height;
	int err = accum_init(&f->plate, f->opts.width, f->opts.height);

	if (!err)
		err = bloom_init(&f->bloom, f->opts.width, f->opts.height);
	if (err)
		return err;
	f->light = calloc(pixels, sizeof(*f->light));
	f->overlay = calloc(pixels, sizeof(*f->overlay));
	f->rgba = malloc(pixels * 4);
	return f->light && f->overlay && f->rgba ? 0 : -ENOMEM;
}

static int make_ground(struct frame *f)
{
	struct basemap_opts ground = { .borders = f->opts.borders,
				       .bare = f->layout != LAYOUT_MAP };
	int err = basemap_open(&f->base, f->opts.width, f->opts.height, &ground);

	if (err || f->layout == LAYOUT_MAP)
		return err;
	accum_pointed(&f->plate);
	if (f->layout == LAYOUT_IDMAP)
		return idmap_init(&f->idmap, f->opts.width, f->opts.height);
	err = hilbert_init(&f->hilbert, f->opts.width, f->opts.height);
	return err ? err : hilbert_ground(&f->hilbert, &f->base);
}

int frame_open(struct frame *f, const struct render_opts *opts, char why[static 256])
{
	enum palette_kind palette = PALETTE_HASH;
	enum layout_kind layout = LAYOUT_MAP;
	int err = frame_check(opts, why);

	*f = (struct frame){ .opts = *opts };
	if (!err)
		err = palette_parse(opts->palette, &palette);
	if (!err)
		err = layout_parse(opts->layout, &layout);
	if (err)
		return err;
	f->palette = palette;
	f->layout = layout;
	err = make_planes(f);
	if (!err)
		err = make_ground(f);
	if (err) {
		snprintf(why, 256, "a picture of %u x %u: %s", opts->width, opts->height,
			 dt_strerror(err));
		frame_close(f);
	}
	return err;
}

void frame_close(struct frame *f)
{
	accum_fini(&f->plate);
	bloom_fini(&f->bloom);
	basemap_close(&f->base);
	free(f->light);
	free(f->overlay);
	free(f->rgba);
	*f = (struct frame){ 0 };
}

static double seconds_since(const struct timespec *start)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)(now.tv_sec - start->tv_sec) + (double)(now.tv_nsec - start->tv_nsec) / 1e9;
}

/* The whole instant, as the picture's parts need it. */
struct moment {
	const struct scene *scene;
	struct palette_rgb *colors;
	struct lights_tally tally;
	struct history history;
	struct tone tone;
	struct idmap_facts ids; /* of that layout */
	uint32_t at_s;
};

static int expose(struct frame *f, struct moment *m)
{
	struct lights_opts o = { .map = &f->base.map,
				 .hilbert = f->layout == LAYOUT_HILBERT ? &f->hilbert : NULL,
				 .idmap = f->layout == LAYOUT_IDMAP ? &f->idmap : NULL,
				 .colors = m->colors,
				 .at_s = m->at_s,
				 .half_life_s = f->opts.half_life_s,
				 .cutoff_s = f->opts.cutoff_s,
				 .threads = f->opts.threads };
	double ref = f->opts.exposure;
	int err;

	accum_clear(&f->plate, f->light);
	err = lights_draw(m->scene, &o, &f->plate, &m->tally);
	if (err)
		return err;
	if (f->layout == LAYOUT_IDMAP)
		idmap_paint(&f->idmap, &f->plate, &f->base, &m->ids);
	if (ref <= 0)
		ref = tone_reference(&f->plate);
	tone_init(&m->tone, ref, f->palette == PALETTE_DENSITY);
	m->tone.points = f->layout == LAYOUT_HILBERT;
	return 0;
}

static const char *subtitle_of(unsigned palette)
{
	static const char *const text[] = {
		[PALETTE_HASH] = "every hue a network",
		[PALETTE_FOCUS] = "six networks in colour",
		[PALETTE_CVD] = "four networks in colour",
		[PALETTE_DENSITY] = "the brighter, the more",
	};

	return text[palette];
}

static const char *note_of(unsigned palette)
{
	if (palette == PALETTE_DENSITY)
		return NULL;
	return palette == PALETTE_HASH ? "white = many networks" : "grey = all other networks";
}

static uint8_t byte_of(float linear)
{
	double v = 255 * palette_srgb((double)linear) + 0.5;

	return v <= 0 ? 0 : v >= 255 ? 255 : (uint8_t)v;
}

static void fill_rows(struct furniture *out, const struct moment *m)
{
	for (unsigned i = 0; i < m->scene->top_count && i < FURNITURE_ROWS; i++) {
		const struct scene_top *top = &m->scene->top[i];
		struct palette_rgb c = m->colors[top->network];
		struct furniture_row *row = &out->rows[out->row_count++];

		text_name(top->name, row->name);
		row->nodes = m->tally.top[i];
		row->rgb[0] = byte_of(c.r);
		row->rgb[1] = byte_of(c.g);
		row->rgb[2] = byte_of(c.b);
	}
}

/* "nodes alight · half-life 15 min": what fades must say so. */
static void label_alight(const struct render_opts *o, char out[static 64])
{
	double v = o->half_life_s;
	const char *unit = v < 120 ? "s" : v < 7200 ? "min" : "h";

	v /= v < 120 ? 1 : v < 7200 ? 60 : 3600;
	if (o->half_life_s > 0)
		snprintf(out, 64, "nodes alight  ·  half-life %.3g %s", v, unit);
	else
		snprintf(out, 64, "nodes alight");
}

static void describe_hilbert(const struct frame *f, struct furniture *fu)
{
	unsigned bits = 2 * f->hilbert.order;

	fu->subtitle[0] = "BitTorrent Mainline DHT";
	fu->subtitle[1] = "the IPv4 address space, along a Hilbert curve";
	fu->subtitle[2] = subtitle_of(f->palette);
	fu->unlocated_label = "on IPv6, not on this square";
	fu->mapped = false;
	fu->history = NULL;
	text_count(1u << (32 - bits), fu->facts[0].figure);
	snprintf(fu->facts[0].label, sizeof(fu->facts[0].label), "addresses a pixel (/%u)", bits);
	text_count(accum_lit_cells(&f->plate), fu->facts[1].figure);
	snprintf(fu->facts[1].label, sizeof(fu->facts[1].label), "/%u blocks alight", bits);
}

/* The ten prefixes with most nodes, each in the colour of its deviation. */
static void fill_prefixes(struct furniture *fu, const struct idmap_facts *ids)
{
	const double share = (double)ids->nodes / IDMAP_PREFIXES;
	bool taken[IDMAP_PREFIXES] = { false };

	for (fu->row_count = 0; ids->nodes && fu->row_count < FURNITURE_ROWS; fu->row_count++) {
		struct furniture_row *row = &fu->rows[fu->row_count];
		unsigned best = 0;
		uint32_t rgb;

		while (taken[best])
			best++;
		for (unsigned i = best; i < IDMAP_PREFIXES; i++)
			if (!taken[i] && ids->prefix[i] > ids->prefix[best])
				best = i;
		taken[best] = true;
		row->nodes = ids->prefix[best];
		snprintf(row->name, sizeof(row->name), "%02x…  %.2f of its share", best,
			 (double)row->nodes / share);
		rgb = palette_deviation(((double)row->nodes - share) / sqrt(share));
		row->rgb[0] = (uint8_t)(rgb >> 16);
		row->rgb[1] = (uint8_t)(rgb >> 8);
		row->rgb[2] = (uint8_t)rgb;
	}
}

static void describe_idmap(const struct moment *m, struct furniture *fu)
{
	fu->subtitle[1] = "node ids by their first 18 bits, in Z-order";
	fu->subtitle[2] = "colour is the distance from chance";
	fu->legend_title = "FULLEST PREFIXES";
	fu->note = "framed = more than twice its share";
	fu->mapped = false;
	fu->attribution = NULL;
	fu->history = NULL;
	fu->deviation = true;
	fill_prefixes(fu, &m->ids);
	snprintf(fu->facts[0].figure, sizeof(fu->facts[0].figure), "%.2f", m->ids.mean);
	snprintf(fu->facts[0].label, sizeof(fu->facts[0].label), "nodes expected in a cell");
	snprintf(fu->facts[1].figure, sizeof(fu->facts[1].figure), "%.3f", m->ids.dispersion);
	snprintf(fu->facts[1].label, sizeof(fu->facts[1].label),
		 "variance / mean  ·  1 = by chance");
	text_count(m->ids.crowded, fu->facts[2].figure);
	snprintf(fu->facts[2].label, sizeof(fu->facts[2].label), "crowded prefixes");
}

/* All of the frame; of a poster its empty corner. */
static struct furniture_box box_of(const struct frame *f)
{
	const struct hilbert *h = &f->hilbert;
	unsigned side = 1u << h->order;

	if (f->layout == LAYOUT_HILBERT && h->poster)
		return (struct furniture_box){ h->x + side / 2, h->y, side / 2, side / 4,
					       f->opts.width };
	return (struct furniture_box){ 0, 0, f->opts.width, f->opts.height, f->opts.width };
}

static int draw_words(struct frame *f, const struct moment *m, const struct furniture *fu)
{
	const struct furniture_box box = box_of(f);
	int err = 0;

	if (f->drawn++)
		memset(f->overlay, 0, (size_t)f->opts.width * f->opts.height * sizeof(*f->overlay));
	if (f->layout == LAYOUT_HILBERT)
		err = hilbert_words(&f->hilbert, f->opts.width, f->opts.height, f->opts.text_scale,
				    f->overlay);
	else if (f->layout == LAYOUT_IDMAP)
		err = idmap_words(&f->idmap, &m->ids, f->opts.width, f->opts.height,
				  f->opts.text_scale, f->overlay);
	return err ? err : furniture_draw(fu, &box, f->overlay);
}

static int write_words(struct frame *f, const struct moment *m)
{
	const struct scene *s = m->scene;
	struct furniture *fu = calloc(1, sizeof(*fu));
	int err;

	if (!fu)
		return -ENOMEM;
	*fu = (struct furniture){
		.title = f->opts.title ? f->opts.title : "DHT TELESCOPE",
		.subtitle = { "BitTorrent Mainline DHT", "every light a node,",
			      subtitle_of(f->palette) },
		.mapped = true,
		.at_s = m->at_s,
		.note = note_of(f->palette),
		.alight = m->tally.alight,
		.networks = m->tally.networks,
		.unlocated = m->tally.unlocated,
		.country_level = m->tally.country_level,
		.history = &m->history,
		.tone = &m->tone,
		.attribution = s->attribution,
		.synthetic = f->opts.synthetic || s->synthetic,
		.text_scale = f->opts.text_scale,
	};
	label_alight(&f->opts, fu->alight_label);
	fill_rows(fu, m);
	if (f->layout == LAYOUT_HILBERT)
		describe_hilbert(f, fu);
	else if (f->layout == LAYOUT_IDMAP)
		describe_idmap(m, fu);
	err = draw_words(f, m, fu);
	free(fu);
	return err;
}

/* Glow is for a night sky; on the square every pixel is a block of its own. */
static float glow_of(unsigned layout)
{
	return layout == LAYOUT_HILBERT ? 0.1f : 0.5f;
}

static int develop(struct frame *f, const struct moment *m)
{
	unsigned threads = parallel_threads(f->opts.threads);
	struct sun sun = sun_at(m->at_s);
	struct compose_parts parts = {
		.width = f->opts.width,
		.height = f->opts.height,
		.base = &f->base,
		.sun = f->layout == LAYOUT_MAP && f->opts.terminator && m->at_s ? &sun : NULL,
		.glow = glow_of(f->layout),
		.light = f->light,
		.bloom = &f->bloom,
		.overlay = f->overlay,
	};

	if (f->layout != LAYOUT_IDMAP) /* whose cells are ground, not light */
		tone_map(&m->tone, &f->plate, f->light, threads);
	bloom_build(&f->bloom, f->light, &f->plate, threads);
	return compose_frame(&parts, f->rgba, threads);
}

static uint32_t instant(const struct render_opts *o, const struct scene *s)
{
	uint64_t at = o->at_s ? o->at_s : s->last_s;

	return at < UINT32_MAX ? (uint32_t)at : UINT32_MAX;
}

int frame_draw(struct frame *f, const struct scene *s, struct render_stats *stats,
	       char why[static 256])
{
	struct moment *m = calloc(1, sizeof(*m));
	struct timespec start;
	int err = -ENOMEM;

	clock_gettime(CLOCK_MONOTONIC, &start);
	if (!m || !(m->colors = malloc((s->network_count + 1) * sizeof(*m->colors))))
		goto done;
	m->scene = s;
	m->at_s = instant(&f->opts, s);
	palette_colors((enum palette_kind)f->palette, s, m->colors);
	history_build(&m->history, s, f->opts.half_life_s, f->opts.cutoff_s);
	err = expose(f, m);
	if (err)
		goto done;
	stats->splat_s = seconds_since(&start);
	err = write_words(f, m);
	if (!err)
		err = develop(f, m);
	stats->compose_s = seconds_since(&start) - stats->splat_s;
	stats->nodes = s->node_count;
	stats->drawn = m->tally.drawn;
	stats->unlocated = m->tally.unlocated;
	stats->country_level = m->tally.country_level;
	stats->networks = m->tally.networks;
	stats->exposure = (double)m->tone.ref;
done:
	if (err)
		snprintf(why, 256, "drawing %u nodes on %u x %u: %s", s->node_count, f->opts.width,
			 f->opts.height, dt_strerror(err));
	if (m)
		free(m->colors);
	free(m);
	return err;
}
