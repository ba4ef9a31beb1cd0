/* SPDX-License-Identifier: MIT */
#include "engine/cli/make_film.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/cli/cli.h"
#include "store/store.h"

enum { PATH_CAP = 4096 };

/* ---- Ctrl-C ------------------------------------------------------------------------- */

/* Signals are waited for by a thread: no handler, nothing global. */
struct watch {
	atomic_bool stop, done;
	pthread_t thread;
	sigset_t set, before;
	bool on;
};

static void *wait_for_signal(void *arg)
{
	const struct timespec nap = { .tv_nsec = 100 * 1000 * 1000 };
	struct watch *w = arg;

	while (!atomic_load(&w->done))
		if (sigtimedwait(&w->set, NULL, &nap) > 0)
			atomic_store(&w->stop, true);
	return NULL;
}

static void watch_open(struct watch *w)
{
	*w = (struct watch){ .on = false };
	sigemptyset(&w->set);
	sigaddset(&w->set, SIGINT);
	sigaddset(&w->set, SIGTERM);
	pthread_sigmask(SIG_BLOCK, &w->set, &w->before);
	w->on = pthread_create(&w->thread, NULL, wait_for_signal, w) == 0;
}

static void watch_close(struct watch *w)
{
	atomic_store(&w->done, true);
	if (w->on)
		pthread_join(w->thread, NULL);
	pthread_sigmask(SIG_SETMASK, &w->before, NULL);
}

/* ---- progress ----------------------------------------------------------------------- */

struct talk {
	bool tty, quiet;
	double said_s;
};

static void say_progress(void *ctx, const struct film_progress *p)
{
	struct talk *t = ctx;

	if (t->quiet || (p->done < p->frames && p->elapsed_s < t->said_s + (t->tty ? 1 : 10)))
		return;
	t->said_s = p->elapsed_s;
	if (t->tty)
		fprintf(stderr, "\r%u of %u frames, %.1f a second, %.0f s left   ", p->done,
			p->frames, p->fps, p->left_s);
	else
		fprintf(stderr, "%u of %u frames, %.1f a second, %.0f s left\n", p->done, p->frames,
			p->fps, p->left_s);
	if (t->tty && p->done == p->frames)
		fprintf(stderr, "\r%60s\r", "");
}

/* ---- the work ----------------------------------------------------------------------- */

static void name_manifest(const struct make_film *m, enum film_format format,
			  char out[static PATH_CAP])
{
	const char *dot = strrchr(m->out, '.'), *slash = strrchr(m->out, '/');
	int stem = dot && (!slash || dot > slash) ? (int)(dot - m->out) : (int)strlen(m->out);

	if (format == FILM_PNG)
		snprintf(out, PATH_CAP, "%s/manifest.json", m->out);
	else
		snprintf(out, PATH_CAP, "%.*s.manifest.json", stem, m->out);
}

static int write_manifest(const struct make_film *m, const struct film *f,
			  const struct film_wrote *w, enum film_format format)
{
	char path[PATH_CAP], *text = film_manifest(f, w);
	int err = text ? 0 : -ENOMEM;

	name_manifest(m, format, path);
	if (!err)
		err = cli_write_file(path, text, strlen(text));
	free(text);
	return err;
}

static void say_done(const struct make_film *m, const struct film *f, const struct film_stats *st)
{
	const struct film_plan *p = film_plan_of(f);

	cli_say("%s: %ux%u, %u frames of %u s in %.1f s (%.1f a second), %llu nodes, exposure %.4g",
		m->out, m->film.render.width, m->film.render.height, st->frames, p->step_s,
		st->elapsed_s, st->elapsed_s > 0 ? st->frames / st->elapsed_s : 0,
		(unsigned long long)st->nodes, st->exposure);
	if (p->raised)
		cli_say("  the half-life of %.4g min was raised to %.4g: a frame is %u s, and a "
			"shorter one would flicker",
			m->film.render.half_life_s / 60, p->half_life_s / 60, p->step_s);
}

static int film_it(const struct make_film *m, struct film *f, enum film_format format,
		   char why[static 256])
{
	const struct film_plan *p = film_plan_of(f);
	uint32_t count = m->count ? m->count : p->frames - m->first;
	bool to_end = m->first + count == p->frames;
	struct film_out_opts o = { .path = m->out,
				   .format = format,
				   .width = m->film.render.width,
				   .height = m->film.render.height,
				   .fps = p->fps,
				   .first = m->first,
				   .frames = count + (to_end ? p->hold : 0),
				   .hold = to_end ? p->hold : 0,
				   .high = m->high,
				   .ffmpeg = m->ffmpeg };
	struct talk talk = { .tty = isatty(STDERR_FILENO), .quiet = m->quiet };
	struct film_run run = {
		.first = m->first, .count = count, .progress = say_progress, .ctx = &talk
	};
	struct film_wrote wrote = { .file = m->out,
				    .format = film_format_name(format),
				    .version = cli_version(),
				    .first = m->first,
				    .frames = count };
	char sha[65] = "", later[256] = "";
	struct film_stats st;
	struct watch watch;
	int err, closed;

	if (m->first >= p->frames || m->first + (uint64_t)count > p->frames) {
		snprintf(why, 256, "frames %u to %u: there are %u, from 0 on", m->first,
			 m->first + count - 1, p->frames);
		return DT_ERANGE;
	}
	o.stop = &watch.stop;
	err = film_out_open(&o, &run.out, why);
	if (err)
		return err;
	watch_open(&watch);
	run.stop = &watch.stop;
	err = film_render(f, &run, &st, why);
	closed = run.out->ops->close(run.out, !err, sha, later);
	watch_close(&watch);
	if (!err && closed) {
		memcpy(why, later, sizeof(later));
		err = closed;
	}
	wrote.sha256 = sha;
	wrote.seconds = st.elapsed_s;
	if (!err)
		err = write_manifest(m, f, &wrote, format);
	if (!err)
		say_done(m, f, &st);
	return err;
}

int make_film_run(const struct make_film *m, char why[static 256])
{
	struct film_opts opts = m->film;
	enum film_format format;
	struct store *store;
	struct film *film;
	int err = film_format_parse(m->format, m->out, &format);

	if (err) {
		snprintf(why, 256,
			 "%.100s: there are png (a folder), apng, mp4, webm, av1, gif, webp and "
			 "ffv1 (FILE.mkv)",
			 m->format ? m->format : m->out);
		return err;
	}
	opts.still_noise = format == FILM_APNG || format == FILM_GIF;
	err = store_open(m->store, STORE_READ, &store, why);
	if (err)
		return err;
	err = film_open(store, &opts, &film, why);
	if (!err) {
		err = film_it(m, film, format, why);
		film_close(film);
	}
	store_close(store);
	return err;
}
