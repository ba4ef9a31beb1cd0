/* SPDX-License-Identifier: MIT */
#ifndef VIZ_HISTORY_H
#define VIZ_HISTORY_H

#include <stdint.h>

#include "proto/err.h"
#include "viz/scene.h"
#include "viz/sights.h"

/**
 * DOC: how many nodes were alight at each moment of the range of a scene: the
 * chart at the bottom. By the picture's own rule: alight from the first
 * sighting on, until the cutoff after the last one; without fading for ever, so
 * that the chart of one census is its progress.
 */

enum { HISTORY_BINS = 512 }; /* at most; a short range has one per second */

struct history {
	uint32_t from_s, to_s; /* Unix; equal where there is no range and nothing to show */
	unsigned bins;
	uint64_t alight[HISTORY_BINS + 1]; /* at the end of each bin; [0] at from_s */
	uint64_t most;
};

/**
 * history_build() - between two instants.
 * @shine_s: how long after its last sighting a node is alight; 0 = for ever.
 */
void history_build(struct history *h, const struct scene *s, uint64_t from_s, uint64_t to_s,
		   double shine_s);

/** history_build_log() - the same of a log of sightings of @nodes nodes. Errors: of the log. */
int history_build_log(struct history *h, struct sights *log, uint32_t nodes, uint64_t from_s,
		      uint64_t to_s, double shine_s) DT_MUST;

#endif
