/* SPDX-License-Identifier: MIT */
#ifndef VIZ_FILM_PLAN_H
#define VIZ_FILM_PLAN_H

#include <stdbool.h>
#include <stdint.h>

#include "proto/err.h"

/**
 * DOC: the time axis of a film: which instant each frame shows, and how bright a
 * node is there. Frame f closes the step that ends at film_plan_at(f), and a
 * node's weight is the mean over that step in closed form, so that what flares
 * up between two frames is neither lost nor exaggerated.
 */

enum {
	FILM_FRAMES_MAX = 1000 * 1000, /* 9 hours at 30 a second */
	FILM_FPS_MAX = 240,
	FILM_CHUNK = 64, /* frames between two that are drawn from nothing */
	FILM_HOLD_S = 2, /* the last frame stands */
};

/** struct film_wish - what was asked for. */
struct film_wish {
	uint64_t from_s, to_s; /* Unix */
	double duration_s;     /* about how long; the step is rounded up to a nice one */
	double fps;            /* frames per second */
	uint32_t step_s;       /* 0 = by duration */
	double half_life_s;    /* 0 = no fading */
	double cutoff_s;       /* 0 = none */
};

struct film_plan {
	uint32_t from_s, step_s;
	uint32_t frames; /* different ones; the last is held */
	uint32_t hold;   /* how many more times it is shown */
	double fps;
	double half_life_s; /* in force: at least three steps where there is any */
	bool raised;        /* it was asked to be less */
	double cutoff_s;
	double shine_s; /* a node is dark this long after its last sighting; 0 = never */
};

/** film_plan_make() - @why: a line for a person. Errors: DT_ERANGE. */
int film_plan_make(struct film_plan *p, const struct film_wish *w, char why[static 256]) DT_MUST;

/** film_plan_nice() - the least step of a clock that is at least @seconds. */
uint32_t film_plan_nice(double seconds);

/** film_plan_at() - the instant that frame @f shows, Unix. */
static inline int64_t film_plan_at(const struct film_plan *p, uint32_t f)
{
	return (int64_t)p->from_s + ((int64_t)f + 1) * p->step_s;
}

/** enum film_state - what a node is at a frame. */
enum film_state {
	FILM_DARK,
	FILM_PART,   /* its light began or ended within the frame's step: film_weight() */
	FILM_LIT,    /* 1 throughout */
	FILM_FADING, /* halved every half-life since it was last seen */
};

/** film_state_of() - of a node seen from @first_s to @last_s, at the frame that shows @at. */
static inline enum film_state film_state_of(const struct film_plan *p, int64_t at, int64_t first_s,
					    int64_t last_s)
{
	int64_t begin = at - p->step_s, leave = last_s;

	if (first_s > at)
		return FILM_DARK;
	if (p->half_life_s <= 0)
		leave = p->cutoff_s > 0 ? last_s + (int64_t)p->shine_s : INT64_MAX;
	if (first_s > begin || (leave > begin && leave <= at))
		return FILM_PART;
	if (leave > at)
		return FILM_LIT;
	return p->half_life_s > 0 && last_s + (int64_t)p->shine_s > at ? FILM_FADING : FILM_DARK;
}

/** film_weight() - the mean over the step that ends at @at; 0 .. 1. The rule of all of the above.
 */
double film_weight(const struct film_plan *p, int64_t at, int64_t first_s, int64_t last_s);

/** film_fade() - 2^(-age / half-life). */
double film_fade(const struct film_plan *p, double age_s);

/**
 * film_fade_gain() - mean over a step of what fades all through it, over its value at the
 * step's end.
 */
double film_fade_gain(const struct film_plan *p);

#endif
