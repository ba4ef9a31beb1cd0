/* SPDX-License-Identifier: MIT */
#ifndef ENGINE_SINK_H
#define ENGINE_SINK_H

#include "proto/err.h"
#include "proto/heard.h"
#include "proto/listing.h"
#include "proto/sighting.h"

/**
 * DOC: where sightings, messages heard and edges go. engine and store have never met: the engine
 * calls this, the roof hands it one made from the store. Called by the scribe's thread alone, never
 * twice at once.
 */
struct sink {
	/** put: take @count sightings; borrowed for the call. Error: the census stops. */
	int (*put)(void *ctx, const struct sighting *list, unsigned count);
	/** put_heard: take @count messages heard; the same; NULL where nobody wants them. */
	int (*put_heard)(void *ctx, const struct heard *list, unsigned count);
	/** put_listings: take edges, the same; NULL where nobody wants them: none are made. */
	int (*put_listings)(void *ctx, const struct listing *list, unsigned count);
	/** flush: everything put so far is durable when this returns 0. */
	int (*flush)(void *ctx);
	void *ctx;
};

#endif
