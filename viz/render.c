/* SPDX-License-Identifier: MIT */
#include "viz/render.h"

#include <time.h>

#include "viz/frame.h"
#include "viz/png_out.h"
#include "viz/scene_view.h"

struct render_opts render_opts_default(void)
{
	return (struct render_opts){ .width = 1920, .height = 1080, .terminator = true };
}

static double now_s(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int draw_and_write(struct frame *f, const struct scene *s, const char *path,
			  struct render_stats *stats, char why[static 256])
{
	double start;
	int err = frame_draw(f, s, stats, why);

	if (err)
		return err;
	start = now_s();
	err = png_out_write(path, f->rgba, f->opts.width, f->opts.height, why);
	stats->encode_s = now_s() - start;
	return err;
}

int render_still(struct store_view *v, const struct render_opts *opts, const char *path,
		 struct render_stats *stats, char why[static 256])
{
	struct render_stats own = { 0 };
	struct scene *scene;
	struct frame frame;
	double start = now_s();
	int err;

	stats = stats ? stats : &own;
	*stats = (struct render_stats){ 0 };
	err = frame_open(&frame, opts, why);
	if (err)
		return err;
	err = scene_view_read(v, &scene, why);
	if (!err) {
		stats->read_s = now_s() - start;
		err = draw_and_write(&frame, scene, path, stats, why);
		scene_free(scene);
	}
	frame_close(&frame);
	return err;
}
