/* SPDX-License-Identifier: MIT */
#ifndef ENGINE_SHARE_H
#define ENGINE_SHARE_H

#include <stdbool.h>
#include <stdint.h>

#include "engine/net.h"

/**
 * DOC: one rate for the whole run, dealt out to workers and dealt anew ten
 * times a second: who has nothing to ask gives up what it does not use.
 *
 * A share that shrinks is in force within one turn of its worker, one that
 * grows is given a round later, so that the sum never exceeds the rate.
 */

/** struct share - the shares of a run. */
struct share {
	/* private */
	double rate_pps;
	unsigned count;
	double given[NET_WORKERS_MAX];                             /* in force */
	double wanted[NET_WORKERS_MAX];                            /* from the next round on */
	uint64_t passed[NET_WORKERS_MAX], hungry[NET_WORKERS_MAX]; /* counters of the last round */
};

/** share_init() - even shares. @rate_pps > 0. */
void share_init(struct share *s, double rate_pps, unsigned count);

/** share_set_rate() - another rate, every share in proportion, at once. @rate_pps > 0. */
void share_set_rate(struct share *s, double rate_pps);

/** share_given() - what worker @i may send now. */
static inline double share_given(const struct share *s, unsigned i)
{
	return s->given[i];
}

/**
 * share_round() - deal anew.
 * @passed: packets let through so far, per worker.
 * @hungry: times the rate held one back so far, per worker.
 * @interval_ns: since the last round.
 */
void share_round(struct share *s, const uint64_t *passed, const uint64_t *hungry,
		 uint64_t interval_ns);

#endif
