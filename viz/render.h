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

struct render_opts {
	unsigned width, height; /* 1920x1080, 3840x2160; any >= 320x180 */
	const char *layout;     /* "map", "hilbert", "idmap"; NULL = map */
	const char *palette;    /* "hash", "focus", "cvd", "density"; NULL = hash */
	const char *title;      /* NULL = DHT TELESCOPE */
	double half_life_s;     /* decay by age against the instant; 0 = every node full */
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
