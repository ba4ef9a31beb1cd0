/* SPDX-License-Identifier: MIT */
#ifndef VIZ_FURNITURE_H
#define VIZ_FURNITURE_H

#include <stdbool.h>
#include <stdint.h>

#include "proto/err.h"
#include "viz/history.h"
#include "viz/palette.h"
#include "viz/text.h"
#include "viz/tone.h"

/**
 * DOC: what stands around a picture so that it can be read: title, clock,
 * legend, counters, chart, ramp and sources. It is given words and numbers; it
 * knows no scene and no store.
 */

enum { FURNITURE_ROWS = 10, FURNITURE_SUBTITLES = 3, FURNITURE_FACTS = 3, FURNITURE_BOXES = 6 };

/** enum furniture_layer - what of it: a film draws the first once and the last anew each frame. */
enum furniture_layer {
	FURNITURE_FIXED = 1,  /* titles, names, sources, the chart as it lies ahead */
	FURNITURE_PLAYED = 2, /* the chart as it lies behind */
	FURNITURE_MOVING = 4, /* clock, counts, playhead, caption */
	FURNITURE_ALL = 7,
};

struct furniture {
	const char *title, *subtitle[FURNITURE_SUBTITLES];
	uint64_t at_s; /* the clock's instant, Unix; 0 = no clock */
	struct furniture_row {
		char name[TEXT_NAME_MAX];
		uint64_t nodes;
		uint64_t most; /* ever in the run: the name keeps clear of it; 0 = @nodes */
		uint8_t rgb[3];
	} rows[FURNITURE_ROWS];
	unsigned row_count;
	uint64_t widest;  /* what a full bar is; 0 = the most of @rows' nodes */
	bool race;        /* rows move: names are drawn with the counts */
	const char *note; /* below the legend */
	uint64_t alight, networks, unlocated, country_level;
	const char *networks_label; /* NULL = networks (ASN) */
	const char *caption;        /* "" or NULL = none */
	double caption_alpha;
	const char *unlocated_label; /* NULL = unlocated */
	struct furniture_fact {
		char figure[32], label[64];
	} facts[FURNITURE_FACTS]; /* above the networks, from the top; "" = none */
	const char *legend_title; /* NULL = TOP NETWORKS */
	char alight_label[64];
	char weight_label[200];        /* how light follows from sightings; "" = not said */
	double chart_margin;           /* of U, at both sides; 0 = as on a wide frame */
	bool chart_aside;              /* below the clock: the middle of the frame is a picture */
	const struct history *history; /* NULL or without range: no chart */
	const struct tone *tone;       /* for the ramp; NULL = none */
	bool deviation;                /* the ramp is of deviations, -4 .. 4 sigma, instead */
	const char *attribution;       /* of the places */
	bool mapped;                   /* the ground is Natural Earth's, which is said */
	bool synthetic;
	double text_scale;           /* 1 = as designed */
	bool breath;                 /* the ramp is of ratios, half to twice, instead */
	char hue[64], ring_line[64]; /* room for subtitles that are made */
	const struct text *text;     /* to draw with; NULL = opened and closed each time */
};

/** struct furniture_box - the part of an overlay to furnish: all of it, or a corner of a poster. */
struct furniture_box {
	unsigned x, y, width, height;
	unsigned stride; /* pixels per row of the overlay */
};

/**
 * furniture_draw() - @layers of enum furniture_layer onto @box of @overlay, premultiplied ARGB,
 * zeroed before. U is the box's height / 1080. Errors:  -ENOMEM; DT_ECORRUPT of the embedded fonts.
 */
int furniture_draw(const struct furniture *f, const struct furniture_box *box, unsigned layers,
		   uint32_t *overlay) DT_MUST;

/**
 * furniture_moving() - the parts of an overlay that FURNITURE_MOVING may draw on.
 * @played: one more box, of the chart left of the playhead, to be taken from FURNITURE_PLAYED.
 * Returns how many boxes.
 */
unsigned furniture_moving(const struct furniture *f, const struct furniture_box *box,
			  struct furniture_box out[FURNITURE_BOXES], struct furniture_box *played);

/** furniture_tick() - step of a time axis of @range_s with at most @most ticks; seconds. */
uint32_t furniture_tick(uint32_t range_s, unsigned most);

#endif
