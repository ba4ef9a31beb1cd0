/* SPDX-License-Identifier: MIT */
#include <cairo.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bench/bench.h"
#include "bench/lights.h"
#include "viz/frame.h"
#include "viz/lights.h"
#include "viz/png_out.h"
#include "viz/scene.h"

/** DOC: what a picture costs, of five million lights (lights.h). */

enum { NODES = 5000 * 1000 };

struct timing {
	double ms[16];
	unsigned runs;
};

static void timing_add(struct timing *t, double ms)
{
	if (t->runs < sizeof(t->ms) / sizeof(t->ms[0]))
		t->ms[t->runs++] = ms;
}

static int emit(const struct bench_ctx *ctx, const char *name, const char *unit, struct timing *t,
		const struct bench_extra *extra, unsigned extra_count, FILE *out)
{
	double median = bench_median(t->ms, t->runs); /* and sorts: the best comes first */
	struct bench_figure f = { .name = name,
				  .unit = unit,
				  .better = BENCH_LOWER,
				  .median = median,
				  .best = t->ms[0],
				  .runs = t->runs,
				  .extra = extra,
				  .extra_count = extra_count };

	return bench_emit(ctx, &f, out);
}

static unsigned runs_of(const struct bench_ctx *ctx)
{
	unsigned runs = ctx->runs ? ctx->runs : 5;

	return runs < 16 ? runs : 16;
}

static struct render_opts options(unsigned height)
{
	struct render_opts o = render_opts_default();

	o.height = height;
	o.width = height * 16 / 9;
	return o;
}

static int run_scene(const struct bench_ctx *ctx, FILE *out)
{
	struct timing t = { .runs = 0 };
	int err = 0;

	for (unsigned i = 0; i < 3 && !err; i++) {
		struct scene *s;
		double ns;

		err = lights_scene(NODES, NODES, &s, &ns);
		if (!err) {
			timing_add(&t, ns);
			scene_free(s);
		}
	}
	return err ? err : emit(ctx, "render_scene", "ns", &t, NULL, 0, out);
}

/* One frame of five million nodes, from the sealed scene to RGBA, and of it the plate alone. */
static int frame_of(const struct bench_ctx *ctx, unsigned height, const char *name, FILE *out)
{
	struct render_opts o = options(height);
	struct timing t = { .runs = 0 }, splat = { .runs = 0 }, open = { .runs = 0 };
	struct bench_extra extra[3];
	char why[256];
	struct scene *s;
	double ns;
	int err = lights_scene(NODES, NODES, &s, &ns);

	if (err)
		return err;
	for (unsigned i = 0; i < runs_of(ctx) && !err; i++) {
		struct render_stats stats;
		struct frame f;
		uint64_t start = bench_now_ns(), opened;

		err = frame_open(&f, &o, why);
		if (err)
			break;
		opened = bench_now_ns();
		err = frame_draw(&f, &s, &stats, why);
		timing_add(&t, (double)(bench_now_ns() - opened) / 1e6);
		timing_add(&open, (double)(opened - start) / 1e6);
		timing_add(&splat, stats.splat_s * 1e3);
		frame_close(&f);
	}
	scene_free(s);
	if (err)
		return err;
	extra[0] = (struct bench_extra){ "splat_ms", bench_median(splat.ms, splat.runs) };
	extra[1] = (struct bench_extra){ "ground_ms", bench_median(open.ms, open.runs) };
	extra[2] = (struct bench_extra){ "nodes_per_s", NODES / bench_median(t.ms, t.runs) * 1e3 };
	return emit(ctx, name, "ms", &t, extra, 3, out);
}

static int run_1080p(const struct bench_ctx *ctx, FILE *out)
{
	return frame_of(ctx, 1080, "render_1080p", out);
}

static int run_4k(const struct bench_ctx *ctx, FILE *out)
{
	return frame_of(ctx, 2160, "render_4k", out);
}

static cairo_status_t count_bytes(void *ctx, const unsigned char *bytes, unsigned len)
{
	(void)bytes;
	*(uint64_t *)ctx += len;
	return CAIRO_STATUS_SUCCESS;
}

/* What libpng makes of the same picture by its own defaults, through cairo. */
static double libpng_bytes(const uint8_t *rgba, unsigned width, unsigned height, double *ms)
{
	cairo_surface_t *s =
		cairo_image_surface_create(CAIRO_FORMAT_RGB24, (int)width, (int)height);
	uint32_t *px = (uint32_t *)(void *)cairo_image_surface_get_data(s);
	uint64_t bytes = 0, start;

	for (size_t i = 0; i < (size_t)width * height; i++, rgba += 4)
		px[i] = (uint32_t)rgba[0] << 16 | (uint32_t)rgba[1] << 8 | rgba[2];
	cairo_surface_mark_dirty(s);
	start = bench_now_ns();
	cairo_surface_write_to_png_stream(s, count_bytes, &bytes);
	*ms = (double)(bench_now_ns() - start) / 1e6;
	cairo_surface_destroy(s);
	return (double)bytes;
}

static int png_of(const struct bench_ctx *ctx, const struct frame *f, FILE *out)
{
	unsigned width = f->opts.width, height = f->opts.height;
	struct timing t = { .runs = 0 };
	double theirs_ms, theirs = libpng_bytes(f->rgba, width, height, &theirs_ms);
	uint64_t len = 0;

	for (unsigned i = 0; i < runs_of(ctx); i++) {
		uint64_t start = bench_now_ns();
		uint8_t *png;
		int err = png_out_encode(f->rgba, width, height, &png, &len);

		if (err)
			return err;
		timing_add(&t, (double)(bench_now_ns() - start) / 1e6);
		free(png);
	}
	const struct bench_extra extra[] = { { "bytes", (double)len },
					     { "size_to_libpng_ratio", (double)len / theirs },
					     { "libpng_ms", theirs_ms } };

	return emit(ctx, "render_png", "ms", &t, extra, 3, out);
}

static int run_png(const struct bench_ctx *ctx, FILE *out)
{
	struct render_opts o = options(1080);
	struct render_stats stats;
	char why[256];
	struct scene *s;
	struct frame f;
	double ns;
	int err = lights_scene(NODES, NODES, &s, &ns);

	if (err)
		return err;
	err = frame_open(&f, &o, why);
	if (!err) {
		err = frame_draw(&f, &s, &stats, why);
		if (!err)
			err = png_of(ctx, &f, out);
		frame_close(&f);
	}
	scene_free(s);
	return err;
}

const struct bench bench_render[] = {
	{ "render_scene", "ns per row taken into a scene, 5 M rows on 250 k places", run_scene },
	{ "render_1080p", "ms per frame of 5 M nodes, scene to RGBA, all cores", run_1080p },
	{ "render_4k", "ms per frame of 5 M nodes at 3840 x 2160", run_4k },
	{ "render_png", "ms to encode a 1080p frame, beside libpng's defaults", run_png },
	{ NULL, NULL, NULL },
};
