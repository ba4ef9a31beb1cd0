/* SPDX-License-Identifier: MIT */
#ifndef VIZ_REEL_H
#define VIZ_REEL_H

#include <stdint.h>

#include "proto/err.h"
#include "viz/cast.h"
#include "viz/film_plan.h"
#include "viz/plates.h"
#include "viz/ring.h"
#include "viz/sights.h"

/**
 * DOC: a film's state from frame to frame: plates and counters. From one frame to
 * the next only what changed is touched, so a frame costs its events and not its
 * nodes. Each FILM_CHUNK-th frame is drawn from nothing; so what a frame looks
 * like follows from its number alone, wherever one begins.
 */

struct reel_opts {
	const struct film_plan *plan;
	const struct cast *cast;
	const struct palette_rgb *colors; /* per network */
	uint32_t networks;
	uint32_t unknown; /* the network that is none, or UINT32_MAX */
	unsigned width, height;
	bool pointed, sparks;
	bool whole;            /* a node counts whole in the step in which it comes or goes, too */
	struct sights *sights; /* light follows from this log; NULL = from first and last times */
	int64_t hold_s;        /* with it: a node stays lit so long after a sighting, then fades */
	unsigned threads;      /* of frames that are drawn from nothing; never changes a byte */
};

/** struct reel_tally - what is alight at a frame's instant. */
struct reel_tally {
	uint64_t alight, drawn, unlocated, country_level;
	uint64_t networks; /* that have a node alight; the unknown does not count */
	const uint32_t *per_network;
	const struct ring_facts *ring; /* arcs and buckets, not measured; NULL but on a ring */
};

enum { REEL_SPARK_FRAMES = 15 }; /* how long one is seen */

struct reel {
	struct reel_opts o;
	struct plates plates;
	struct reel_tally tally;
	uint32_t frame; /* shown; UINT32_MAX = none yet */
	uint32_t chunk; /* the frame whose instant what fades goes by */
	float fade;     /* what the fading plate is to be multiplied by at this frame */
	float spark;
	bool uncounted;   /* counters are not kept: to be set before a frame that is drawn from
			     nothing */
	double rebuild_s; /* seconds in frames drawn from nothing */
	uint32_t rebuilt;
	/* private */
	uint32_t *per_network;
	struct ring_facts *ring;
	struct reel_log *log;
	uint64_t changes; /* dots put and taken */
	bool turning;     /* to another chunk: what fades is laid down anew */
};

/** reel_open() - borrows what @opts point to. Errors: -ENOMEM. */
int reel_open(struct reel *r, const struct reel_opts *opts) DT_MUST;
void reel_close(struct reel *r);

/**
 * reel_seek() - to frame @f: the next one is a step, any other is drawn from the
 * chunk's beginning. The same state in either case.
 * Errors:  of the log; -ENOMEM.
 */
int reel_seek(struct reel *r, uint32_t f) DT_MUST;

#endif
