/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "viz/film_impl.h"
#include "viz/parallel.h"
#include "viz/scene_view.h"

static double seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* ---- opening ------------------------------------------------------------------------ */

static int make_plan(struct film *f, const struct scene *s, char why[static 256])
{
	struct film_wish w = f->opts.wish;

	w.from_s = w.from_s ? w.from_s : s->first_s;
	w.to_s = w.to_s ? w.to_s : s->last_s;
	w.half_life_s = f->opts.render.half_life_s;
	w.cutoff_s = f->opts.render.cutoff_s;
	if (f->opts.render.mode == RENDER_CUMULATIVE)
		w.half_life_s = w.cutoff_s = 0;
	return film_plan_make(&f->plan, &w, why);
}

/* Ids are counted, not shown: a node is there until it would be dark. */
static struct film_plan plan_of_view(const struct film *f, enum layout_kind layout)
{
	struct film_plan p = f->plan;

	if (layout == LAYOUT_IDMAP) {
		p.cutoff_s = p.shine_s;
		p.half_life_s = 0;
	}
	return p;
}

static uint32_t unknown_of(const struct scene *s)
{
	for (uint32_t i = 0; i < s->network_count; i++)
		if (s->networks[i].asn == 0)
			return i;
	return UINT32_MAX;
}

static int open_reel(struct film *f, struct film_view *v)
{
	bool glow = f->opts.render.mode == RENDER_GLOW && !f->opts.render.no_sparks;
	struct reel_opts o = { .plan = &v->plan,
			       .cast = &v->cast,
			       .colors = v->colors,
			       .networks = v->scene->network_count,
			       .unknown = unknown_of(v->scene),
			       .width = v->stage.width,
			       .height = v->stage.height,
			       .pointed = stage_pointed(&v->stage),
			       .whole = v->stage.layout == LAYOUT_IDMAP,
			       .sparks = glow && (v->stage.layout == LAYOUT_MAP ||
						  v->stage.layout == LAYOUT_RING),
			       .sights = f->sightings ? &v->sights : NULL,
			       .hold_s = f->hold_s,
			       .threads = f->opts.render.threads };

	return reel_open(&v->reel, &o);
}

/* How far back sightings count for the first frame. */
static uint64_t log_from(const struct film *f)
{
	double back = f->plan.shine_s > 0 ? f->plan.shine_s + (double)f->hold_s : 1e10;

	return back < f->plan.from_s ? f->plan.from_s - (uint64_t)back : 0;
}

/* The log, and by the first view how long one sighting is good for, and the chart. */
static int open_log(struct film *f, struct film_view *v)
{
	uint64_t to = (uint64_t)film_plan_at(&f->plan, f->plan.frames - 1);
	struct sights_source source;
	double shine = f->plan.shine_s;
	int err;

	if (v == &f->view[0] && f->opts.hold_s >= 0)
		f->hold_s = (int64_t)f->opts.hold_s;
	source = f->source ? *f->source : film_log_source(&v->log, f->store, 0, 0);
	err = sights_open(&v->sights, &source, v->cast.number, v->cast.numbers);
	if (err || v != &f->view[0]) {
		v->log.opts.from_s = log_from(f);
		return err;
	}
	if (f->opts.hold_s < 0)
		err = sights_hold(&v->sights, v->cast.count, &f->hold_s);
	if (err)
		return err;
	if (shine > 0)
		shine = f->plan.half_life_s > 0     ? shine + (double)f->hold_s
			: shine > (double)f->hold_s ? shine
						    : (double)f->hold_s;
	v->log.opts.from_s = log_from(f);
	return history_build_log(&f->history, &v->sights, v->cast.count, f->plan.from_s, to, shine);
}

static int open_view(struct film *f, unsigned i, char why[static 256])
{
	struct film_view *v = &f->view[i];
	struct scene *s = v->scene;
	struct cast_opts cast = { .width = f->kind.views[i].width,
				  .height = f->kind.views[i].height,
				  .threads = parallel_threads(f->opts.render.threads),
				  .by_log = f->sightings };
	int err =
		stage_open(&v->stage, &f->kind.views[i], f->kind.view_count == 1, &f->opts.render);

	if (err)
		return err;
	v->plan = plan_of_view(f, v->stage.layout);
	cast.geometry = stage_geometry(&v->stage);
	err = cast_open(&v->cast, s, &cast);
	if (err)
		return err;
	/* what the cast holds is let go; names and numbers stay */
	free(s->nodes);
	free(s->ordinals);
	free(s->places);
	s->nodes = NULL;
	s->ordinals = NULL;
	s->places = NULL;
	v->colors = malloc(((size_t)s->network_count + 1) * sizeof(*v->colors));
	if (!v->colors)
		return -ENOMEM;
	palette_colors(f->kind.palette, s, v->colors);
	err = f->sightings ? open_log(f, v) : 0;
	if (err)
		return err;
	/* what fades elsewhere fades after the hold: all views count the same nodes */
	if (v->stage.layout == LAYOUT_IDMAP && f->sightings && f->plan.half_life_s > 0)
		v->plan.cutoff_s = v->plan.shine_s += (double)f->hold_s;
	if (f->opts.render.mode == RENDER_BREATH && v->stage.layout != LAYOUT_IDMAP) {
		err = breath_open(&v->breath, &v->cast, &f->plan, f->sightings ? &v->sights : NULL,
				  f->hold_s, v->stage.width, v->stage.height, why);
		if (err)
			return err;
	}
	return open_reel(f, v);
}

/*
 * Full light for a whole run: from sixteen frames spread through it. In a long run
 * those that are drawn from nothing anyway are as good as any and cost one drawing.
 */
static int expose(struct film *f)
{
	enum { SAMPLES = 16, LONG = SAMPLES * FILM_CHUNK };
	const bool density = f->kind.palette == PALETTE_DENSITY;
	const unsigned ember =
		density && f->opts.render.mode != RENDER_BREATH ? TONE_EMBER : TONE_PLAIN;
	uint64_t *bins = calloc(TONE_BINS, sizeof(*bins));
	int err = bins ? 0 : -ENOMEM;

	for (unsigned i = 0; i < f->kind.view_count && !err; i++) {
		struct film_view *v = &f->view[i];
		double ref = f->opts.render.exposure;
		uint32_t last = UINT32_MAX;

		memset(bins, 0, TONE_BINS * sizeof(*bins));
		for (unsigned k = 0; k < SAMPLES && !(ref > 0); k++) {
			uint32_t at =
				(uint32_t)(((uint64_t)2 * k + 1) * f->plan.frames / (2 * SAMPLES));

			at -= f->plan.frames > LONG ? at % FILM_CHUNK : 0;
			if (at == last || v->stage.layout == LAYOUT_IDMAP)
				continue;
			v->reel.uncounted = true;
			err = reel_seek(&v->reel, at);
			if (err)
				goto done;
			tone_count(&v->reel.plates, v->reel.fade, bins);
			last = at;
		}
		v->reel.uncounted = false;
		if (!f->sightings) /* whose counters are kept all the same */
			v->reel.frame = UINT32_MAX;
		if (!(ref > 0))
			ref = tone_percentile(bins);
		tone_init(&v->tone, ref, stage_tone(&v->stage) | ember);
	}
done:
	free(bins);
	return err;
}

static int open_all(struct film *f, char why[static 256])
{
	const struct scene *first = f->view[0].scene;
	int err = frame_check(&f->opts.render, &f->kind, why);

	if (!err)
		err = make_plan(f, first, why);
	if (!err && f->opts.events)
		err = captions_open(f->opts.events, &f->captions, why);
	if (!err && !f->sightings)
		history_build(&f->history, first, f->plan.from_s,
			      (uint64_t)film_plan_at(&f->plan, f->plan.frames - 1),
			      f->plan.shine_s);
	for (unsigned i = 0; !err && i < f->kind.view_count; i++)
		err = open_view(f, i, why);
	if (!err)
		err = expose(f);
	if (!err)
		err = film_words_open(f);
	if (err && !why[0])
		snprintf(why, 256, "a film of %u x %u: %s", f->opts.render.width,
			 f->opts.render.height, dt_strerror(err));
	return err;
}

static int open_film(struct scene *const scenes[LAYOUT_VIEWS_MAX], struct store *store,
		     const struct sights_source *source, const struct film_opts *opts,
		     struct film **out, char why[static 256])
{
	struct film *f = calloc(1, sizeof(*f));
	int err;

	why[0] = '\0';
	if (!f) {
		for (unsigned i = 0; i < LAYOUT_VIEWS_MAX; i++)
			scene_free(scenes[i]);
		return -ENOMEM;
	}
	for (unsigned i = 0; i < LAYOUT_VIEWS_MAX; i++)
		f->view[i].scene = scenes[i];
	f->opts = *opts;
	f->store = store;
	f->source = source;
	f->sightings = store || source;
	err = open_all(f, why);
	if (err) {
		film_close(f);
		return err;
	}
	*out = f;
	return 0;
}

int film_open_scenes(struct scene *const scenes[LAYOUT_VIEWS_MAX], const struct sights_source *log,
		     const struct film_opts *opts, struct film **out, char why[static 256])
{
	return open_film(scenes, NULL, log, opts, out, why);
}

/* Which of the two ways from sightings to light: by the log, where there is one. */
static int choose_weights(struct store_view *v, enum render_weights wish, bool *sightings,
			  char why[static 256])
{
	struct store_log_span span = { 0 };
	int err = wish == RENDER_WEIGHTS_SPAN ? 0 : film_log_span(v, &span);

	if (err) {
		snprintf(why, 256, "the log of sightings: %s", dt_strerror(err));
		return err;
	}
	*sightings = span.marks > 0;
	if (wish == RENDER_WEIGHTS_SIGHTINGS && !*sightings) {
		snprintf(
			why, 256,
			"this store has no log of sightings; --weights span shows nodes from their "
			"first to their last one");
		return DT_ENOTFOUND;
	}
	return 0;
}

int film_open(struct store *store, const struct film_opts *opts, struct film **out,
	      char why[static 256])
{
	struct scene *scenes[LAYOUT_VIEWS_MAX] = { NULL };
	struct scene_want want = { .numbered = false };
	struct frame_kind kind;
	struct store_view *v;
	int err = frame_check(&opts->render, &kind, why);

	if (!err)
		err = store_view_open(store, &v);
	if (err)
		return err;
	err = choose_weights(v, opts->render.weights, &want.numbered, why);
	want.group = kind.group;
	for (unsigned i = 0; !err && i < kind.view_count; i++) {
		want.space = layout_space(kind.views[i].kind);
		err = scene_view_read(v, &want, &scenes[i], why);
	}
	store_view_close(v);
	if (!err)
		return open_film(scenes, want.numbered ? store : NULL, NULL, opts, out, why);
	for (unsigned i = 0; i < LAYOUT_VIEWS_MAX; i++)
		scene_free(scenes[i]);
	return err;
}

static void close_view(struct film_view *v)
{
	reel_close(&v->reel);
	sights_close(&v->sights);
	film_log_close(&v->log);
	cast_close(&v->cast);
	breath_close(&v->breath);
	stage_close(&v->stage);
	scene_free(v->scene);
	free(v->colors);
}

void film_close(struct film *f)
{
	if (!f)
		return;
	for (unsigned i = 0; i < LAYOUT_VIEWS_MAX; i++) {
		close_view(&f->view[i]);
		free(f->words[i]);
	}
	captions_close(&f->captions);
	free(f->fixed);
	free(f->played);
	free(f);
}

const struct film_plan *film_plan_of(const struct film *f)
{
	return &f->plan;
}

/* ---- running ------------------------------------------------------------------------ */

struct run {
	struct film *film;
	const struct film_run *what;
	struct film_stats *stats;
	uint32_t end, next, done;
	uint32_t turn; /* the frame whose turn it is to be put, where order matters */
	double start;
	pthread_mutex_t advance, lock; /* reels; everything else here */
	pthread_cond_t turned;
	int err;
	char why[256];
};

struct hand {
	struct run *run;
	struct film_lane lane;
	pthread_t thread;
};

static void give_up(struct run *r, int err, const char *why)
{
	pthread_mutex_lock(&r->lock);
	if (!r->err) {
		r->err = err;
		snprintf(r->why, sizeof(r->why), "%s", why && *why ? why : dt_strerror(err));
	}
	pthread_cond_broadcast(&r->turned);
	pthread_mutex_unlock(&r->lock);
}

static bool stopped(const struct run *r)
{
	return r->what->stop && atomic_load_explicit(r->what->stop, memory_order_relaxed);
}

/* The next frame onto a lane's sheets; false at the end. */
static bool take(struct run *r, struct film_lane *lane, double *spent)
{
	bool more;
	double start;
	int err = 0;

	pthread_mutex_lock(&r->advance);
	start = seconds();
	if (stopped(r))
		give_up(r, DT_EREFUSED, "stopped");
	pthread_mutex_lock(&r->lock);
	more = r->next < r->end && !r->err;
	pthread_mutex_unlock(&r->lock);
	if (more)
		err = film_lane_expose(lane, r->next++);
	if (err)
		give_up(r, err, NULL);
	*spent = seconds() - start;
	pthread_mutex_unlock(&r->advance);
	return more && !err;
}

static void tell(struct run *r)
{
	struct film_progress p = { .done = ++r->done, .frames = r->end - r->what->first };

	p.elapsed_s = seconds() - r->start;
	p.fps = p.elapsed_s > 0 ? p.done / p.elapsed_s : 0;
	p.left_s = p.fps > 0 ? (p.frames - p.done) / p.fps : 0;
	if (r->what->progress)
		r->what->progress(r->what->ctx, &p);
}

static int hold_last(struct run *r, const struct film_lane *lane, char why[static 256])
{
	int err = 0;

	for (uint32_t i = 1; i <= r->film->plan.hold && !err && r->end == r->film->plan.frames; i++)
		err = r->what->out->ops->put(r->what->out, r->end - 1 + i, lane->rgba, why);
	return err;
}

/* To where it goes, in its turn where that matters. */
static int put(struct run *r, const struct film_lane *lane, char why[static 256])
{
	struct film_out *out = r->what->out;
	bool mine;
	int err = 0;

	if (out && !out->ordered)
		err = out->ops->put(out, lane->frame, lane->rgba, why);
	pthread_mutex_lock(&r->lock);
	if (out && out->ordered) {
		while (r->turn != lane->frame && !r->err)
			pthread_cond_wait(&r->turned, &r->lock);
		mine = !r->err;
		pthread_mutex_unlock(&r->lock);
		if (mine)
			err = out->ops->put(out, lane->frame, lane->rgba, why);
		if (mine && !err && lane->frame + 1 == r->end)
			err = hold_last(r, lane, why);
		pthread_mutex_lock(&r->lock);
		r->turn++;
		pthread_cond_broadcast(&r->turned);
	}
	if (!err && !r->err)
		tell(r);
	pthread_mutex_unlock(&r->lock);
	return err;
}

static void count(struct run *r, const struct film_lane *lane, const double spent[4])
{
	struct film_stats *st = r->stats;

	pthread_mutex_lock(&r->lock);
	st->advance_s += spent[0];
	st->words_s += spent[1];
	st->develop_s += spent[2];
	st->put_s += spent[3];
	st->frames++;
	if (lane->frame + 1 == r->end) {
		st->alight = lane->moment.alight;
		st->unlocated = lane->moment.unlocated;
		st->networks = lane->moment.networks;
	}
	pthread_mutex_unlock(&r->lock);
}

static void *work(void *arg)
{
	struct hand *h = arg;
	struct run *r = h->run;
	double spent[4];
	sigset_t set;

	/* a reader that has gone is an error of write(), not the end of the program */
	sigemptyset(&set);
	sigaddset(&set, SIGPIPE);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	while (take(r, &h->lane, &spent[0])) {
		char why[256] = "";
		double start = seconds(), now;
		int err = film_lane_write(&h->lane);

		now = seconds();
		spent[1] = now - start;
		if (!err)
			err = film_lane_develop(&h->lane);
		start = seconds();
		spent[2] = start - now;
		if (!err)
			err = put(r, &h->lane, why);
		spent[3] = seconds() - start;
		if (err) {
			give_up(r, err, why);
			break;
		}
		count(r, &h->lane, spent);
	}
	return NULL;
}

static int start_hands(struct run *r, struct hand *hands, unsigned threads)
{
	unsigned opened = 0, started = 0;
	int err = 0;

	for (; opened < threads && !err; opened++) {
		hands[opened].run = r;
		err = film_lane_open(&hands[opened].lane, r->film);
	}
	for (; started < opened && !err; started++)
		if (pthread_create(&hands[started].thread, NULL, work, &hands[started])) {
			err = started ? 0 : -EAGAIN; /* fewer do as well */
			break;
		}
	for (unsigned i = 0; i < started; i++)
		pthread_join(hands[i].thread, NULL);
	for (unsigned i = 0; i < opened; i++)
		film_lane_close(&hands[i].lane);
	return err;
}

int film_render(struct film *f, const struct film_run *what, struct film_stats *stats,
		char why[static 256])
{
	unsigned threads = parallel_threads(f->opts.render.threads);
	struct run r = { .film = f,
			 .what = what,
			 .stats = stats,
			 .next = what->first,
			 .turn = what->first,
			 .start = seconds(),
			 .end = what->count ? what->first + what->count : f->plan.frames };
	struct hand *hands = calloc(threads, sizeof(*hands));
	int err;

	*stats = (struct film_stats){ .exposure = (double)f->view[0].tone.ref,
				      .nodes = f->view[0].cast.count };
	if (r.end > f->plan.frames || what->first >= r.end) {
		snprintf(why, 256, "frames %u to %u: there are %u, from 0 on", what->first,
			 r.end - 1, f->plan.frames);
		free(hands);
		return DT_ERANGE;
	}
	for (unsigned i = 0; i < f->kind.view_count; i++)
		f->view[i].reel.rebuild_s = f->view[i].reel.rebuilt = 0;
	pthread_mutex_init(&r.advance, NULL);
	pthread_mutex_init(&r.lock, NULL);
	pthread_cond_init(&r.turned, NULL);
	err = hands ? start_hands(&r, hands, threads) : -ENOMEM;
	err = err ? err : r.err;
	if (err)
		snprintf(why, 256, "%s", *r.why ? r.why : dt_strerror(err));
	stats->elapsed_s = seconds() - r.start;
	stats->drawn = f->view[0].reel.tally.drawn;
	stats->rebuild_s = f->view[0].reel.rebuild_s;
	stats->rebuilt = f->view[0].reel.rebuilt;
	pthread_mutex_destroy(&r.advance);
	pthread_mutex_destroy(&r.lock);
	pthread_cond_destroy(&r.turned);
	free(hands);
	return err;
}

int film_frame(struct film *f, uint32_t number, uint8_t *rgba, char why[static 256])
{
	struct film_lane lane;
	int err = number < f->plan.frames ? film_lane_open(&lane, f) : DT_ERANGE;

	if (err) {
		snprintf(why, 256, "frame %u of %u: %s", number, f->plan.frames, dt_strerror(err));
		return err;
	}
	err = film_lane_expose(&lane, number);
	if (!err)
		err = film_lane_write(&lane);
	if (!err)
		err = film_lane_develop(&lane);
	if (!err)
		memcpy(rgba, lane.rgba, (size_t)f->opts.render.width * f->opts.render.height * 4);
	else
		snprintf(why, 256, "frame %u: %s", number, dt_strerror(err));
	film_lane_close(&lane);
	return err;
}
