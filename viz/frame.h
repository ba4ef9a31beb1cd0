/* SPDX-License-Identifier: MIT */
#ifndef VIZ_FRAME_H
#define VIZ_FRAME_H

#include <stdint.h>

#include "proto/err.h"
#include "viz/accum.h"
#include "viz/basemap.h"
#include "viz/bloom.h"
#include "viz/hilbert.h"
#include "viz/idmap.h"
#include "viz/render.h"
#include "viz/scene.h"

/**
 * DOC: one picture of a given size being made: the ground drawn once, the
 * plate, the planes. A still opens a frame, draws a scene on it and is done; a
 * film keeps it open and draws instant after instant.
 */

struct frame {
	struct render_opts opts;
	unsigned palette;       /* enum palette_kind */
	unsigned layout;        /* enum layout_kind */
	struct hilbert hilbert; /* of that layout */
	struct idmap idmap;
	struct basemap base;
	struct accum plate;
	accum_light *light; /* width * height */
	struct bloom bloom;
	uint32_t *overlay; /* width * height */
	uint8_t *rgba;     /* 4 * width * height: the result */
	uint32_t drawn;    /* how often: the planes of a new frame need no clearing */
};

enum {
	FRAME_WIDTH_MIN = 320,
	FRAME_HEIGHT_MIN = 180,
	FRAME_SIDE_MAX = 16384, /* the taps of a node's tent, and 15 GB of planes */
};

/** frame_check() - are the options drawable? Errors: DT_ERANGE, DT_ENOTFOUND; @why names which. */
int frame_check(const struct render_opts *opts, char why[static 256]) DT_MUST;

/** frame_open() - all memory, and the ground. Errors: of frame_check(); -ENOMEM. */
int frame_open(struct frame *f, const struct render_opts *opts, char why[static 256]) DT_MUST;
void frame_close(struct frame *f);

/**
 * frame_draw() - the scene at the options' instant, into @f->rgba. The scene is one of
 * the layout's space.
 * The same bytes for any number of threads and any order of the scene's nodes.
 */
int frame_draw(struct frame *f, const struct scene *s, struct render_stats *stats,
	       char why[static 256]) DT_MUST;

#endif
