/* SPDX-License-Identifier: MIT */
#include "engine/pace.h"

#include <math.h>
#include <string.h>

static const double UP = 2, UP_STEADY = 1.05, DOWN = 0.7;
/* Below this nothing can be told from chance, and nobody minds. */
static const double LOSS_MIN = 0.02, SIGMAS = 3;
/* What is thought of a network before its canaries have spoken: one of twenty. */
static const double PRIOR_LOST = 1, PRIOR_COUNT = 20;
/* Drops are sure, unlike canaries; but one packet in a thousand is a hiccup. */
static const double DROPS_MIN = 1e-3;

static void begin_step(struct pace *p, const struct pace_look *now, uint64_t now_ns)
{
	p->step_ns = now_ns;
	p->at_step = *now;
	p->measuring = false;
}

void pace_init(struct pace *p, double start_pps, double most_pps, uint64_t now_ns)
{
	memset(p, 0, sizeof(*p));
	p->rate = start_pps;
	p->most = most_pps > 0 ? most_pps : INFINITY;
	p->step_ns = now_ns;
	p->base_lost = PRIOR_LOST;
	p->base_count = PRIOR_COUNT;
}

static bool dropped(const struct pace *p, const struct pace_look *now)
{
	double drops = (double)(now->own_drops - p->at_step.own_drops);
	double sent = (double)(now->sent - p->at_step.sent);

	return drops > 0 && drops >= DROPS_MIN * sent;
}

/* Share of the canaries that were settled while measuring and had no answer. */
static double canaries_lost(const struct pace *p, const struct pace_look *now, double *n)
{
	double lost = (double)(now->canaries_lost - p->at_measure.canaries_lost);

	*n = lost + (double)(now->canaries_answered - p->at_measure.canaries_answered);
	return *n > 0 ? lost / *n : 0;
}

static double slow_down(struct pace *p, const struct pace_look *now, uint64_t now_ns)
{
	p->lost_pps = p->rate;
	p->suspect = false;
	/* What was clean once is not believed any more where even less than that loses. */
	if (p->clean_pps > p->rate)
		p->clean_pps = 0;
	p->phase = PACE_STEADY;
	p->backoffs++;
	p->rate = fmax(1, p->rate * DOWN);
	begin_step(p, now, now_ns);
	return p->rate;
}

static double speed_up(struct pace *p, const struct pace_look *now, uint64_t now_ns)
{
	bool limits = now->held_back > p->at_step.held_back;
	double up = p->phase == PACE_STEADY ? UP_STEADY : UP;

	if (p->phase == PACE_BASELINE)
		p->phase = PACE_DOUBLING;
	if (limits && p->rate > p->clean_pps)
		p->clean_pps = p->rate;
	if (limits)
		p->rate = fmin(p->most, p->rate * up);
	begin_step(p, now, now_ns);
	return p->rate;
}

double pace_tick(struct pace *p, const struct pace_look *now, uint64_t now_ns)
{
	uint64_t ms = (now_ns - p->step_ns) / 1000000;
	double n, lost, base, margin;

	if (dropped(p, now) && ms > PACE_SETTLE_MS / 4) {
		p->loss = 0; /* told by counters, not by canaries */
		return slow_down(p, now, now_ns);
	}
	if (!p->measuring && ms >= PACE_SETTLE_MS) {
		p->measuring = true;
		p->at_measure = *now;
	}
	if (ms < PACE_SETTLE_MS + PACE_MEASURE_MS)
		return p->rate;
	lost = canaries_lost(p, now, &n);
	if (n < (p->phase == PACE_BASELINE ? PACE_BASELINE_MIN : PACE_CANARIES_MIN))
		return p->rate;
	base = p->base_lost / p->base_count;
	margin = fmax(LOSS_MIN, SIGMAS * sqrt(base * (1 - base) * (1 / n + 1 / p->base_count)));
	p->loss = fmax(0, lost - base);
	if (p->phase != PACE_BASELINE && p->loss > margin) {
		if (p->suspect)
			return slow_down(p, now, now_ns);
		p->suspect = true;
		begin_step(p, now, now_ns);
		return p->rate;
	}
	p->suspect = false;
	/* Once a limit was met, a step near it may have lost a little unnoticed: no baseline. */
	if (p->phase != PACE_STEADY) {
		p->base_lost += lost * n;
		p->base_count += n;
	}
	return speed_up(p, now, now_ns);
}
