/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "bench/bench.h"
#include "bench/lights.h"
#include "viz/film.h"
#include "viz/frame.h"

/**
 * DOC: what a film costs per frame: 48 hours in 1,440 frames, of which the middle
 * ones are rendered, two chunks long. The lights are those of bench_render.
 */

enum { FIRST = 640, COUNT = 2 * FILM_CHUNK };

static struct film_opts options(unsigned height, unsigned threads)
{
	struct film_opts o = { .render = render_opts_default(),
			       .wish = { .from_s = LIGHTS_START_S,
					 .to_s = LIGHTS_START_S + LIGHTS_SPAN_S,
					 .duration_s = 60,
					 .fps = 30 } };

	o.render.height = height;
	o.render.width = height * 16 / 9;
	o.render.half_life_s = 900;
	o.render.cutoff_s = 6 * 3600;
	o.render.threads = threads;
	return o;
}

static double cpu_s(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* One film of @nodes, of which @moving come and go within it; rendered once to nowhere or @out. */
struct job {
	uint32_t nodes, moving;
	unsigned height, threads;
	const char *path; /* of a video; NULL = nowhere */
};

struct timed {
	struct film_stats st;
	double open_s, cpu_s; /* until it is open; of all threads while it was rendered */
	double rebuild_ms;    /* one frame from nothing */
};

static int film_of(const struct job *j, struct timed *t, char why[256])
{
	struct film_opts o = options(j->height, j->threads);
	struct scene *scenes[LAYOUT_VIEWS_MAX] = { NULL };
	struct film_run run = { .first = FIRST - 1, .count = 1 };
	uint64_t start;
	struct film *f;
	char sha[65];
	int err = lights_scene(j->nodes, j->moving, &scenes[0], NULL);

	if (err)
		return err;
	start = bench_now_ns();
	err = film_open_scenes(scenes, NULL, &o, &f, why);
	if (err)
		return err;
	t->open_s = (double)(bench_now_ns() - start) / 1e9;
	err = film_render(f, &run, &t->st, why); /* to where the run begins, from nothing */
	t->rebuild_ms = t->st.rebuilt ? t->st.rebuild_s * 1e3 / t->st.rebuilt : 0;
	run = (struct film_run){ .first = FIRST, .count = COUNT };
	if (!err && j->path) {
		const struct film_out_opts out = { .path = j->path,
						   .format = FILM_MP4,
						   .width = o.render.width,
						   .height = o.render.height,
						   .fps = 30,
						   .first = FIRST,
						   .frames = COUNT };

		err = film_out_open(&out, &run.out, why);
	}
	start = bench_now_ns();
	t->cpu_s = cpu_s();
	if (!err)
		err = film_render(f, &run, &t->st, why);
	t->cpu_s = cpu_s() - t->cpu_s;
	if (run.out) {
		int closed = run.out->ops->close(run.out, !err, sha, why);

		err = err ? err : closed;
	}
	if (!err)
		t->st.elapsed_s =
			(double)(bench_now_ns() - start) / 1e9; /* until the video is whole */
	film_close(f);
	return err;
}

static int emit(const struct bench_ctx *ctx, const char *name, const struct timed *t, FILE *out)
{
	const struct film_stats *st = &t->st;
	const double ms = st->elapsed_s * 1e3 / st->frames;
	const struct bench_extra extra[] = {
		{ "frames_per_s", 1e3 / ms },
		{ "cpu_ms", t->cpu_s * 1e3 / st->frames },
		{ "advance_ms", st->advance_s * 1e3 / st->frames },
		{ "words_ms", st->words_s * 1e3 / st->frames },
		{ "develop_ms", st->develop_s * 1e3 / st->frames },
		{ "rebuild_ms", t->rebuild_ms },
		{ "open_s", t->open_s },
		{ "nodes", (double)st->nodes },
	};
	const struct bench_figure f = { .name = name,
					.unit = "ms",
					.better = BENCH_LOWER,
					.median = ms,
					.best = ms,
					.runs = 1,
					.extra = extra,
					.extra_count = sizeof(extra) / sizeof(extra[0]) };

	return bench_emit(ctx, &f, out);
}

static int run_job(const struct bench_ctx *ctx, const char *name, const struct job *j, FILE *out)
{
	struct timed t = { 0 };
	char why[256] = "";
	int err = film_of(j, &t, why);

	return err ? err : emit(ctx, name, &t, out);
}

enum { M = 1000 * 1000 };

static int run_1080p(const struct bench_ctx *ctx, FILE *out)
{
	const struct job j = { 5 * M, 5 * M, 1080, 1, NULL };

	return run_job(ctx, "film_1080p", &j, out);
}

static int run_4k(const struct bench_ctx *ctx, FILE *out)
{
	const struct job j = { 5 * M, 5 * M, 2160, 2, NULL };

	return run_job(ctx, "film_4k", &j, out);
}

static int run_mp4(const struct bench_ctx *ctx, FILE *out)
{
	char path[64];
	struct job j = { 5 * M, 5 * M, 1080, 2, path };
	int err;

	snprintf(path, sizeof(path), "/tmp/dht-telescope-bench-%d.mp4", (int)getpid());
	err = run_job(ctx, "film_mp4", &j, out);
	unlink(path);
	return err == DT_ENOTFOUND ? 0 : err; /* no ffmpeg here: nothing to say */
}

/* The same million nodes come and go; nine times as many stand by. */
static int run_nodes(const struct bench_ctx *ctx, FILE *out)
{
	const struct job few = { 1 * M, 1 * M, 1080, 1, NULL };
	const struct job many = { 10 * M, 1 * M, 1080, 1, NULL };
	struct timed a = { 0 }, b = { 0 };
	char why[256] = "";
	int err = film_of(&few, &a, why);

	if (!err)
		err = film_of(&many, &b, why);
	if (err)
		return err;
	const struct bench_extra extra[] = {
		{ "ms_1m", a.st.elapsed_s * 1e3 / COUNT },
		{ "ms_10m", b.st.elapsed_s * 1e3 / COUNT },
		{ "cpu_ms_1m", a.cpu_s * 1e3 / COUNT },
		{ "cpu_ms_10m", b.cpu_s * 1e3 / COUNT },
		{ "rebuild_ms_1m", a.rebuild_ms },
		{ "rebuild_ms_10m", b.rebuild_ms },
	};
	/* of CPU time: neighbours do not count */
	const struct bench_figure f = { .name = "film_nodes",
					.unit = "ratio",
					.better = BENCH_LOWER,
					.median = b.cpu_s / a.cpu_s,
					.best = b.cpu_s / a.cpu_s,
					.runs = 1,
					.extra = extra,
					.extra_count = sizeof(extra) / sizeof(extra[0]) };

	return bench_emit(ctx, &f, out);
}

const struct bench bench_film[] = {
	{ "film_1080p", "ms per frame of a film of 5 M nodes that come and go, one core",
	  run_1080p },
	{ "film_4k", "the same at 3840 x 2160, two cores", run_4k },
	{ "film_mp4", "the same at 1080p into ffmpeg and x264, two cores", run_mp4 },
	{ "film_nodes", "frame time of 10 M nodes over that of 1 M, equal events", run_nodes },
	{ NULL, NULL, NULL },
};
