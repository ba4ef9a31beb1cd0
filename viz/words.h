/* SPDX-License-Identifier: MIT */
#ifndef VIZ_WORDS_H
#define VIZ_WORDS_H

#include <stdint.h>

#include "proto/err.h"
#include "viz/film_plan.h"
#include "viz/furniture.h"
#include "viz/history.h"
#include "viz/idmap.h"
#include "viz/palette.h"
#include "viz/render.h"
#include "viz/ring.h"
#include "viz/scene.h"
#include "viz/stage.h"
#include "viz/tone.h"

/** DOC: what a picture says, from what is known of its instant: furniture filled in. */

/** struct words_moment - the instant. What a layout has not is NULL or 0. */
struct words_moment {
	const struct render_opts *opts;
	enum layout_kind layout; /* of the whole frame */
	enum palette_kind palette;
	enum render_mode mode;
	const struct scene *scene; /* its names and numbers; nodes are not looked at */
	const struct palette_rgb *colors;
	const struct stage *stage; /* of the first view */
	uint64_t at_s;
	uint64_t alight, networks, unlocated, country_level;
	uint64_t top[SCENE_TOP];
	const uint32_t *per_network; /* for a race; NULL in a still */
	const struct history *history;
	const struct tone *tone;
	const struct idmap_facts *ids;
	const struct ring_facts *ring;
	uint64_t lit_cells;           /* of a hilbert */
	const struct film_plan *plan; /* NULL = a still */
	bool sightings;               /* light follows from a log, not from first and last times */
	int64_t hold_s;               /* and how long after each sighting it lasts */
	const char *caption;
	double caption_alpha;
};

/** words_fill() - borrows what @m points to. */
void words_fill(const struct words_moment *m, struct furniture *out);

/** words_box() - where the furniture stands: all of the frame, a poster's corner, beside views. */
struct furniture_box words_box(const struct stage *first, enum layout_kind layout, unsigned width,
			       unsigned height);

/** words_duration() - "15 min", "36 h", "30 days"; returns @out. */
char *words_duration(double seconds, char out[static 32]);

#endif
