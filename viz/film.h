/* SPDX-License-Identifier: MIT */
#ifndef VIZ_FILM_H
#define VIZ_FILM_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "proto/err.h"
#include "viz/film_out.h"
#include "viz/film_plan.h"
#include "viz/frame.h"
#include "viz/render.h"
#include "viz/sights.h"

/**
 * DOC: a film of a store. Frames are advanced one after the other, which costs
 * little; each is then developed on a sheet of its own by whichever thread is
 * free. A frame's bytes follow from its number: not from threads, not from where
 * a run began.
 */

struct film;

struct film_opts {
	struct render_opts render; /* at_s is not looked at */
	struct film_wish wish; /* times 0 = of the store; its half-life and cutoff are render's */
	double hold_s;         /* of sightings: lit so long after each; < 0 = by the log */
	const char *events;    /* captions.h; NULL = none */
	bool still_noise;      /* the noise does not move: for formats that keep what stands */
};

/** film_open() - of a store, which stays open until film_close(). Errors: of its parts; @why says.
 */
int film_open(struct store *s, const struct film_opts *opts, struct film **out,
	      char why[static 256]) DT_MUST;

/**
 * film_open_scenes() - the same of scenes in memory, one per view, the rest NULL.
 * @log: its sightings, by the ordinals of the scenes; NULL = light from first to last times.
 * Owns:    @scenes from here on, success or not.
 */
int film_open_scenes(struct scene *const scenes[LAYOUT_VIEWS_MAX], const struct sights_source *log,
		     const struct film_opts *opts, struct film **out, char why[static 256]) DT_MUST;
void film_close(struct film *f);

const struct film_plan *film_plan_of(const struct film *f);

struct film_progress {
	uint32_t done, frames;
	double elapsed_s, fps, left_s;
};

struct film_run {
	uint32_t first, count; /* frames; count 0 = to the end */
	struct film_out *out;  /* NULL = nowhere: to measure */
	void (*progress)(void *ctx, const struct film_progress *p); /* NULL = none; once a frame */
	void *ctx;
	const atomic_bool
		*stop; /* NULL, or set from outside: ends between frames with DT_EREFUSED */
};

struct film_stats {
	uint64_t nodes, alight, drawn, unlocated, networks; /* of the last frame */
	double exposure, elapsed_s;
	double advance_s, words_s, develop_s, put_s; /* seconds of all threads */
	double rebuild_s;
	uint32_t frames, rebuilt;
};

/** film_render() - frames into an output, which stays the caller's to close. */
int film_render(struct film *f, const struct film_run *run, struct film_stats *stats,
		char why[static 256]) DT_MUST;

/** film_frame() - one frame alone into @rgba[4 * width * height]. */
int film_frame(struct film *f, uint32_t number, uint8_t *rgba, char why[static 256]) DT_MUST;

/** struct film_wrote - what the manifest says of the output. */
struct film_wrote {
	const char *file, *format, *version, *sha256;
	uint32_t first, frames;
	double seconds;
};

/** film_manifest() - everything to make it again, as one JSON object; free() it. NULL = no memory.
 */
char *film_manifest(const struct film *f, const struct film_wrote *w);

#endif
