/* SPDX-License-Identifier: MIT */
#include "viz/film_plan.h"

#include <math.h>
#include <stdio.h>

#include "viz/num.h"

#define LN2 0.69314718055994530942

/* Below 2^-24 a node is less than a unit of the plate. */
enum { HALVINGS = 24, HALF_LIFE_STEPS = 3 };

uint32_t film_plan_nice(double seconds)
{
	static const uint32_t nice[] = { 1,   2,   5,    10,   15,   30,    60,    120,   300,  360,
					 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400 };
	unsigned n = sizeof(nice) / sizeof(nice[0]);

	for (unsigned i = 0; i < n; i++)
		if (nice[i] >= seconds)
			return nice[i];
	/* whole days */
	return (uint32_t)(ceil(seconds / nice[n - 1]) * nice[n - 1]);
}

static int check(const struct film_wish *w, char why[static 256])
{
	if (w->to_s <= w->from_s || w->to_s > UINT32_MAX) {
		snprintf(why, 256,
			 "a film from %llu to %llu (Unix): there is nothing between; --from and "
			 "--to say what to show",
			 (unsigned long long)w->from_s, (unsigned long long)w->to_s);
		return DT_ERANGE;
	}
	if (!(w->fps >= 1 && w->fps <= FILM_FPS_MAX)) {
		snprintf(why, 256, "%g frames per second: it goes from 1 to %d", w->fps,
			 FILM_FPS_MAX);
		return DT_ERANGE;
	}
	if (!(w->duration_s > 0 && w->duration_s * w->fps <= FILM_FRAMES_MAX)) {
		snprintf(why, 256, "a film of %g s: up to %d frames", w->duration_s,
			 FILM_FRAMES_MAX);
		return DT_ERANGE;
	}
	if (!(w->half_life_s >= 0 && w->cutoff_s >= 0)) {
		snprintf(why, 256, "half-life and cutoff cannot be negative");
		return DT_ERANGE;
	}
	return 0;
}

int film_plan_make(struct film_plan *p, const struct film_wish *w, char why[static 256])
{
	int err = check(w, why);
	double range, wanted;

	*p = (struct film_plan){ 0 };
	if (err)
		return err;
	range = (double)(w->to_s - w->from_s);
	wanted = floor(w->duration_s * w->fps);
	p->from_s = (uint32_t)w->from_s;
	p->step_s = w->step_s ? w->step_s : film_plan_nice(range / (wanted > 1 ? wanted : 1));
	if (ceil(range / p->step_s) > FILM_FRAMES_MAX) {
		snprintf(why, 256, "a step of %u s makes %.0f frames: up to %d", p->step_s,
			 ceil(range / p->step_s), FILM_FRAMES_MAX);
		return DT_ERANGE;
	}
	p->frames = (uint32_t)ceil(range / p->step_s);
	p->fps = w->fps;
	p->hold = (uint32_t)(FILM_HOLD_S * w->fps + 0.5) - 1;
	p->half_life_s = w->half_life_s;
	if (p->half_life_s > 0 && p->half_life_s < HALF_LIFE_STEPS * (double)p->step_s) {
		p->half_life_s = HALF_LIFE_STEPS * (double)p->step_s;
		p->raised = true;
	}
	p->cutoff_s = w->cutoff_s;
	p->shine_s = HALVINGS * p->half_life_s;
	if (p->cutoff_s > 0 && (p->half_life_s <= 0 || p->cutoff_s < p->shine_s))
		p->shine_s = p->cutoff_s;
	p->shine_s = ceil(p->shine_s); /* whole seconds, as times are */
	return 0;
}

double film_fade(const struct film_plan *p, double age_s)
{
	return num_exp2(-age_s / p->half_life_s);
}

double film_fade_gain(const struct film_plan *p)
{
	double x = p->step_s / p->half_life_s;

	return (num_exp2(x) - 1) / (x * LN2);
}

double film_weight(const struct film_plan *p, int64_t at, int64_t first_s, int64_t last_s)
{
	enum film_state state = film_state_of(p, at, first_s, last_s);
	int64_t begin = at - p->step_s, lit_from, lit_to = last_s;
	double sum = 0;

	if (state == FILM_DARK || state == FILM_LIT)
		return state == FILM_LIT;
	if (state == FILM_FADING)
		return film_fade_gain(p) * film_fade(p, (double)(at - last_s));
	if (p->half_life_s <= 0)
		lit_to = p->cutoff_s > 0 ? last_s + (int64_t)p->shine_s : at;
	lit_from = first_s > begin ? first_s : begin;
	lit_to = lit_to < at ? lit_to : at;
	if (lit_to > lit_from)
		sum = (double)(lit_to - lit_from);
	if (p->half_life_s > 0 && last_s < at) {
		double from = last_s > begin ? 0 : (double)(begin - last_s);

		sum += p->half_life_s / LN2 *
		       (film_fade(p, from) - film_fade(p, (double)(at - last_s)));
	}
	return sum / p->step_s;
}
