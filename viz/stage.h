/* SPDX-License-Identifier: MIT */
#ifndef VIZ_STAGE_H
#define VIZ_STAGE_H

#include <stdint.h>

#include "proto/err.h"
#include "viz/basemap.h"
#include "viz/bloom.h"
#include "viz/compose.h"
#include "viz/hilbert.h"
#include "viz/idmap.h"
#include "viz/layout.h"
#include "viz/palette.h"
#include "viz/render.h"
#include "viz/ring.h"
#include "viz/spots.h"
#include "viz/tone.h"

/**
 * DOC: what a layout needs to be drawn on, the same for all pictures of a run:
 * its geometry and its ground. A sheet is what one picture in the making has for
 * itself. A still has one of each; a film has a sheet per thread, and a layout of
 * several views has a stage for each of them.
 */

struct stage {
	enum layout_kind layout;
	unsigned width, height;
	struct hilbert hilbert; /* of these layouts */
	struct idmap idmap;
	struct ring ring;
	struct basemap base;
	struct compose compose;
};

/**
 * stage_open() - @alone: the view is all of the frame. Errors: -ENOMEM; DT_ERANGE where the layout
 * has no room.
 */
int stage_open(struct stage *s, const struct layout_view *view, bool alone,
	       const struct render_opts *opts) DT_MUST;
void stage_close(struct stage *s);

/** stage_geometry() - for spots_open(): borrows @s. */
struct spots_geometry stage_geometry(const struct stage *s);

/** stage_pointed() - does a node light one pixel alone? */
bool stage_pointed(const struct stage *s);

/** stage_tone() - how its light is toned: of enum tone_kind. */
unsigned stage_tone(const struct stage *s);

/** stage_words() - what the layout itself has to say, at the corner of its view of @overlay. */
int stage_words(const struct stage *s, double text_scale, unsigned stride,
		uint32_t *overlay) DT_MUST;

struct sheet {
	accum_light *light; /* width * height */
	uint8_t *lit;       /* per tile: has any light */
	struct bloom bloom;
	uint32_t *ground; /* of an idmap, whose cells are its ground; else NULL */
};

int sheet_open(struct sheet *s, const struct stage *stage) DT_MUST;
void sheet_close(struct sheet *s);

/** struct stage_moment - what of an instant is seen on the ground. */
struct stage_moment {
	uint64_t at_s;
	bool terminator;
	uint32_t frame;
	const uint32_t *overlay; /* of the picture, at the stage's corner; NULL = none */
	const uint8_t *words;    /* per tile of the stage; NULL = look */
	unsigned stride;         /* of overlay and picture */
};

/**
 * stage_develop() - a sheet's light, its glow and the ground into @rgba, the picture at the
 * stage's corner. Errors: -ENOMEM.
 */
int stage_develop(const struct stage *s, struct sheet *sheet, const struct stage_moment *m,
		  uint8_t *rgba, unsigned threads) DT_MUST;

#endif
