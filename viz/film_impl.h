/* SPDX-License-Identifier: MIT */
#ifndef VIZ_FILM_IMPL_H
#define VIZ_FILM_IMPL_H

#include <pthread.h>

#include "viz/breath.h"
#include "viz/captions.h"
#include "viz/film.h"
#include "viz/film_log.h"
#include "viz/history.h"
#include "viz/reel.h"
#include "viz/words.h"

/** DOC: the inside of a film, for film*.c alone. */

/** struct film_view - one view: what does not change, and the reel. */
struct film_view {
	struct scene *scene; /* names and numbers; its nodes have gone into the cast */
	struct stage stage;
	struct cast cast;
	struct palette_rgb *colors;
	struct film_plan plan; /* the film's; on an idmap nodes do not fade */
	struct film_log log;   /* of a film of sightings */
	struct sights sights;
	struct reel reel;
	struct tone tone;
	struct breath breath;
};

struct film {
	struct film_opts opts;
	struct frame_kind kind;
	struct film_plan plan;
	struct film_view view[LAYOUT_VIEWS_MAX];
	struct history history;
	struct captions captions;
	bool sightings;
	struct store *store; /* of a film of sightings; NULL where it comes otherwise */
	const struct sights_source *source; /* instead, of a test */
	int64_t hold_s;
	/* words that stand still: drawn once */
	uint32_t *fixed, *played;
	uint8_t *words[LAYOUT_VIEWS_MAX]; /* per tile of a view: may ever have words */
};

/** struct film_lane - what one thread needs to develop frames. */
struct film_lane {
	struct film *film;
	struct sheet sheet[LAYOUT_VIEWS_MAX];
	struct breath_field field[LAYOUT_VIEWS_MAX];
	uint32_t *overlay;
	uint8_t *rgba;
	struct text *text;
	struct furniture *furniture;
	/* of the frame at work */
	uint32_t frame;
	struct words_moment moment;
	struct idmap_facts ids[LAYOUT_VIEWS_MAX];
	struct ring_facts ring;
};

int film_lane_open(struct film_lane *l, struct film *f) DT_MUST;
void film_lane_close(struct film_lane *l);

/** film_lane_expose() - with the film held: its reels to frame @n, what of them is seen into @l.
 * Errors: of the log. */
int film_lane_expose(struct film_lane *l, uint32_t n) DT_MUST;

/** film_lane_write() - words; film_lane_develop() - @l->rgba. Errors: -ENOMEM. */
int film_lane_write(struct film_lane *l) DT_MUST;
int film_lane_develop(struct film_lane *l) DT_MUST;

/** film_words_open() - the words that stand still. Errors: -ENOMEM; of the fonts. */
int film_words_open(struct film *f) DT_MUST;

#endif
