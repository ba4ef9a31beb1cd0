/* SPDX-License-Identifier: MIT */
#ifndef VIZ_FRAME_H
#define VIZ_FRAME_H

#include <stdint.h>

#include "proto/err.h"
#include "viz/accum.h"
#include "viz/group.h"
#include "viz/render.h"
#include "viz/scene.h"
#include "viz/stage.h"

/**
 * DOC: one picture of a given size: a stage for each view, exposed once, and the
 * words over all of them.
 */

/** struct frame_kind - what was asked for, as numbers. */
struct frame_kind {
	enum layout_kind layout;
	enum palette_kind palette;
	enum group_kind group;
	struct layout_view views[LAYOUT_VIEWS_MAX];
	unsigned view_count;
};

struct frame {
	struct render_opts opts;
	struct frame_kind kind;
	struct frame_view {
		struct stage stage;
		struct sheet sheet;
		struct accum plate;
	} view[LAYOUT_VIEWS_MAX];
	uint32_t *overlay; /* width * height */
	uint8_t *rgba;     /* 4 * width * height: the result */
	uint32_t drawn;    /* how often: the planes of a new frame need no clearing */
};

enum {
	FRAME_WIDTH_MIN = 320,
	FRAME_HEIGHT_MIN = 180,
	FRAME_SIDE_MAX = 16384, /* the taps of a node's tent, and 15 GB of planes */
};

/**
 * frame_check() - are the options drawable, and as what?
 * Errors: DT_ERANGE, DT_ENOTFOUND; @why names which.
 */
int frame_check(const struct render_opts *opts, struct frame_kind *kind,
		char why[static 256]) DT_MUST;

/** frame_open() - all memory, and the ground. Errors: of frame_check(); -ENOMEM. */
int frame_open(struct frame *f, const struct render_opts *opts, char why[static 256]) DT_MUST;
void frame_close(struct frame *f);

/**
 * frame_draw() - the instant of the options, into @f->rgba.
 * @scenes: one for each view, of its space and of the group of the options.
 * The same bytes for any number of threads and any order of the scenes' nodes.
 */
int frame_draw(struct frame *f, struct scene *const *scenes, struct render_stats *stats,
	       char why[static 256]) DT_MUST;

/** frame_page() - @rgba[4 * width * height] as the bare page, for what no view covers. */
void frame_page(uint8_t *rgba, unsigned width, unsigned height);

/** frame_overlay() - the words over what no view covers, where there are several. */
void frame_overlay(const struct frame_kind *k, const uint32_t *overlay, unsigned width,
		   unsigned height, uint8_t *rgba);

/** frame_titles() - what stands above each of several views. Errors: -ENOMEM. */
int frame_titles(const struct frame_kind *k, const struct render_opts *opts,
		 uint32_t *overlay) DT_MUST;

#endif
