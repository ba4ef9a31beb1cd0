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
	return (struct render_opts){
		.width = 1920, .height = 1080, .terminator = true, .reference = 0x80000000
	};
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

/* One scene for each view. */
static int read_scenes(const struct frame_kind *k, struct store_view *v, struct scene **scenes,
		       char why[static 256])
{
	int err = 0;

	for (unsigned i = 0; i < k->view_count && !err; i++)
		err = scene_view_read(v,
				      &(struct scene_want){ .space = layout_space(k->views[i].kind),
							    .group = k->group },
				      &scenes[i], why);
	return err;
}

/* Rows stay with the caller's thread: a store's snapshot belongs to it. */
static int read_beside(struct opening *o, const struct frame_kind *kind, struct store_view *v,
		       struct scene **scenes, char why[static 256])
{
	pthread_t thread;
	bool apart = parallel_threads(o->opts->threads) > 1 &&
		     pthread_create(&thread, NULL, open_frame, o) == 0;
	int err;

	if (!apart)
		open_frame(o);
	err = read_scenes(kind, v, scenes, why);
	if (apart)
		pthread_join(thread, NULL);
	if (!err && o->err) {
		memcpy(why, o->why, sizeof(o->why));
		return o->err;
	}
	if (err && !o->err)
		frame_close(&o->frame);
	return err;
}

static int draw_and_write(struct frame *f, struct scene *const *scenes, const char *path,
			  struct render_stats *stats, char why[static 256])
{
	double start;
	int err = frame_draw(f, scenes, stats, why);

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
	struct scene *scenes[LAYOUT_VIEWS_MAX] = { NULL };
	struct frame_kind kind;
	double start = now_s();
	int err = frame_check(opts, &kind, why);

	stats = stats ? stats : &own;
	*stats = (struct render_stats){ 0 };
	if (!err)
		err = read_beside(&opening, &kind, v, scenes, why);
	if (err)
		goto done;
	stats->read_s = now_s() - start;
	err = draw_and_write(&opening.frame, scenes, path, stats, why);
	frame_close(&opening.frame);
done:
	for (unsigned i = 0; i < LAYOUT_VIEWS_MAX; i++)
		scene_free(scenes[i]);
	return err;
}
