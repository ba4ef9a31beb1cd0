/* SPDX-License-Identifier: MIT */
#include "viz/render.h"

#include <pthread.h>
#include <stdbool.h>
#include <string.h>
#include <time.h>

#include "viz/frame.h"
#include "viz/layout.h"
#include "viz/parallel.h"
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

/* The ground does not wait for the rows: it is drawn by a thread of its own while they are read. */
struct opening {
	struct frame frame;
	const struct render_opts *opts;
	char why[256];
	int err;
};

static void *open_frame(void *arg)
{
	struct opening *o = arg;

	o->err = frame_open(&o->frame, o->opts, o->why);
	return NULL;
}

/* Rows stay with the caller's thread: a store's snapshot belongs to it. */
static int read_beside(struct opening *o, struct store_view *v, struct scene **scene,
		       char why[static 256])
{
	pthread_t thread;
	bool apart = parallel_threads(o->opts->threads) > 1 &&
		     pthread_create(&thread, NULL, open_frame, o) == 0;
	enum layout_kind layout;
	int err;

	if (!apart)
		open_frame(o);
	err = layout_parse(o->opts->layout, &layout);
	if (!err)
		err = scene_view_read(v, layout_space(layout), scene, why);
	if (apart)
		pthread_join(thread, NULL);
	if (!err && o->err) {
		scene_free(*scene);
		memcpy(why, o->why, sizeof(o->why));
		return o->err;
	}
	if (err && !o->err)
		frame_close(&o->frame);
	return err;
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
	struct opening opening = { .opts = opts };
	struct scene *scene;
	double start = now_s();
	int err = frame_check(opts, why);

	stats = stats ? stats : &own;
	*stats = (struct render_stats){ 0 };
	if (!err)
		err = read_beside(&opening, v, &scene, why);
	if (err)
		return err;
	stats->read_s = now_s() - start;
	err = draw_and_write(&opening.frame, scene, path, stats, why);
	scene_free(scene);
	frame_close(&opening.frame);
	return err;
}
