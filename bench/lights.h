/* SPDX-License-Identifier: MIT */
#ifndef BENCH_LIGHTS_H
#define BENCH_LIGHTS_H

#include <stdint.h>

#include "proto/err.h"
#include "viz/scene.h"

/**
 * DOC: lights to draw for benchmarks: nodes on 250,000 places, which are spread
 * like a world's: 600 regions whose sizes fall off as Zipf has it, a few dozen
 * pixels wide each, so that as on a real map most of the frame is dark.
 */

enum {
	LIGHTS_START_S = 1795219200, /* 2026-11-21 */
	LIGHTS_SPAN_S = 48 * 3600,
};

/**
 * lights_scene() - @nodes of them; the first @moving come and go within the span, the others are
 * there all along.
 * @add_ns: what scene_add() alone took of it, per node; NULL = not wanted.
 */
int lights_scene(uint32_t nodes, uint32_t moving, struct scene **out, double *add_ns) DT_MUST;

#endif
