/* SPDX-License-Identifier: MIT */
#ifndef VIZ_RENDER_H
#define VIZ_RENDER_H

#include <stdbool.h>
#include <stdint.h>

#include "proto/err.h"
#include "store/store.h"

/**
 * DOC: from rows to pictures. viz.md section 4 is the specification.
 */

enum render_mode {
	RENDER_GLOW,       /* lit, then fading */
	RENDER_BREATH,     /* more or fewer than in the day's mean; films only */
	RENDER_CUMULATIVE, /* once lit, lit for ever */
};

enum render_weights {
	RENDER_WEIGHTS_AUTO,      /* sightings where the store has a log of them, else span */
	RENDER_WEIGHTS_SIGHTINGS, /* bright at each sighting */
	RENDER_WEIGHTS_SPAN,      /* lit from the first sighting to the last */
};

struct render_opts {
	unsigned width, height; /* 1920x1080, 3840x2160; any >= 320x180 */
	const char *layout;     /* layout.h; NULL = map */
	const char *palette;    /* palette.h; NULL = hash */
	const char *color_by;   /* group.h; NULL = network */
	enum render_mode mode;
	enum render_weights weights;
	uint32_t reference; /* of a ring: first 32 bits of the id whose buckets it shows */
	bool no_sparks;     /* of a film: what is new does not flash */
	bool race;          /* of a film: the legend is ordered by what is alight now */
	const char *title;  /* NULL = DHT TELESCOPE */
	double half_life_s; /* decay by age against the instant; 0 = every node full */
	double cutoff_s;
	uint64_t at_s;   /* the instant; 0 = last sighting in the store */
	double exposure; /* reference brightness; 0 = from the data */
	bool terminator; /* day and night */
	bool borders;
	bool synthetic;    /* print SYNTHETIC SAMPLE */
	double text_scale; /* 0 = 1 */
	unsigned threads;  /* 0 = all cores; never changes a byte */
};

struct render_opts render_opts_default(void);

struct render_stats {
	uint64_t nodes, drawn, unlocated, country_level, networks;
	double exposure;
	double read_s, splat_s, compose_s, encode_s;
};

/**
 * render_still() - one store as a PNG file.
 * @path: written beside as .tmp and renamed; "-" = standard output.
 * @why: a line for a person on error.
 */
int render_still(struct store_view *v, const struct render_opts *opts, const char *path,
		 struct render_stats *stats, char why[static 256]) DT_MUST;

#endif
