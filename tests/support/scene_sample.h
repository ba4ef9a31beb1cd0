/* SPDX-License-Identifier: MIT */
#ifndef TESTS_SUPPORT_SCENE_SAMPLE_H
#define TESTS_SUPPORT_SCENE_SAMPLE_H

#include <string.h>

#include "tests/support/rng.h"
#include "viz/scene.h"

/**
 * DOC: a small world to draw: 24 cities of very different size, 40 networks,
 * one node in 50 without a place, one in 40 known by its country alone, all
 * seen within six hours of one day.
 */

enum { SCENE_SAMPLE_START = 1795219200 /* 2026-11-21 00:00 UTC */, SCENE_SAMPLE_SPAN = 6 * 3600 };

static inline struct scene_row scene_sample_row(struct rng *r)
{
	static const float city[][2] = {
		{ 52.5f, 13.4f },   { 50.1f, 8.7f },    { 48.9f, 2.35f },   { 51.5f, -0.1f },
		{ 40.7f, -74.0f },  { 41.9f, -87.6f },  { 34.1f, -118.2f }, { 37.6f, 127.0f },
		{ 35.7f, 139.7f },  { 31.2f, 121.5f },  { 19.1f, 72.9f },   { 28.6f, 77.2f },
		{ -23.5f, -46.6f }, { -34.6f, -58.4f }, { -33.9f, 18.4f },  { 30.0f, 31.2f },
		{ 55.8f, 37.6f },   { 59.9f, 30.3f },   { -33.9f, 151.2f }, { -36.8f, 174.8f },
		{ 21.3f, -157.9f }, { 64.1f, -21.9f },  { -54.8f, -68.3f }, { 66.0f, -171.0f },
	};
	uint64_t n = rng_u64(r);
	unsigned rank = 0; /* half the nodes in the first city, and so on */

	while (rank < 23 && (n >> rank & 1))
		rank++;
	return (struct scene_row){
		.first_s = SCENE_SAMPLE_START + rng_below(r, SCENE_SAMPLE_SPAN / 2),
		.last_s = SCENE_SAMPLE_START + SCENE_SAMPLE_SPAN / 2 +
			  rng_below(r, SCENE_SAMPLE_SPAN / 2),
		.asn = (uint32_t)(rng_below(r, 40) * rng_below(r, 40) / 40 * 7),
		.seed = (uint32_t)rng_u64(r),
		.lat = city[rank][0],
		.lon = city[rank][1],
		.radius_km = rank % 3 ? 0 : 20,
		.has_point = rng_below(r, 50) != 0,
		.country_level = rng_below(r, 40) == 0,
	};
}

/** scene_sample() - @nodes of it, sealed; the caller frees. NULL = no memory. */
static inline struct scene *scene_sample(struct rng *r, unsigned nodes)
{
	struct scene *s = scene_new(nodes);

	for (unsigned i = 0; s && i < nodes; i++) {
		struct scene_row row = scene_sample_row(r);

		if (scene_add(s, &row, 1)) {
			scene_free(s);
			return NULL;
		}
	}
	if (!s)
		return NULL;
	scene_seal(s);
	for (unsigned i = 0; i < s->top_count; i++)
		snprintf(s->top[i].name, sizeof(s->top[i].name), "Network %u GmbH & Co.", i);
	strcpy(s->attribution, "Geolocation: nobody, CC0");
	return s;
}

#endif
