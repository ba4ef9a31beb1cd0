/* SPDX-License-Identifier: MIT */
#ifndef ENGINE_PACE_H
#define ENGINE_PACE_H

#include <stdbool.h>
#include <stdint.h>

/**
 * DOC: the pace of an adaptive run: the fastest rate at which nothing is lost by our
 * own doing. Timeouts cannot tell: of a DHT's contacts 40 to 70 % never answer.
 * What can are canaries (canary.h), nodes known to answer, asked again all the
 * while: when fewer of them answer than when little was sent, the loss is ours. So are
 * drops at our sockets and rings, in the kernel's backlog, and refused sends. Drops
 * are sure; canaries are a sample, so a step that seems to lose some is taken twice.
 *
 * The rate doubles while all is well; at the first loss it falls by three tenths, then grows
 * by a twentieth of itself a step (additive increase, multiplicative decrease). The
 * controller is pure: counters and the time in, a rate out.
 */

enum {
	/* A step: what was sent before the last change settles, then canaries are counted. */
	PACE_SETTLE_MS = 1200, /* a canary is given up after a second */
	PACE_MEASURE_MS = 1000,
	PACE_CANARIES_MIN = 40, /* fewer settled: the step lasts longer */
	PACE_BASELINE_MIN = 100,
};

/** struct pace_look - monotonic counters of the run. */
struct pace_look {
	uint64_t canaries_answered, canaries_lost;
	uint64_t own_drops; /* at our sockets and rings, in the backlog, refused for want of room */
	uint64_t sent;
	uint64_t held_back; /* times the rate held a packet back: is it the rate that limits? */
};

enum pace_phase { PACE_BASELINE, PACE_DOUBLING, PACE_STEADY };

struct pace {
	/* private */
	enum pace_phase phase;
	bool measuring, suspect; /* suspect: the last step at this rate lost canaries */
	double rate, most;
	double base_lost, base_count; /* canaries that are lost anyway, of so many */
	uint64_t step_ns;
	struct pace_look at_step, at_measure;
	/* public, read-only */
	double clean_pps; /* the fastest rate at which a whole step lost nothing of ours; 0 = none
			     yet */
	double lost_pps;  /* the last one at which it did; 0 = none */
	double loss;      /* of the last step: canaries lost beyond the baseline, as a share */
	unsigned backoffs;
};

/** pace_init() - @start_pps > 0; @most_pps 0 = no bound. */
void pace_init(struct pace *p, double start_pps, double most_pps, uint64_t now_ns);

/** pace_tick() - at any time; a few times a second. Returns the rate from now on. */
double pace_tick(struct pace *p, const struct pace_look *now, uint64_t now_ns);

#endif
