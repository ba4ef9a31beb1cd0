/* SPDX-License-Identifier: MIT */
#include "bench/lights.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "bench/bench.h"

enum { PLACES = 250 * 1000, REGIONS = 600, NETWORKS = 70 * 1000, BATCH = 64 };

static uint64_t next_random(uint64_t *state)
{
	*state ^= *state >> 12;
	*state ^= *state << 25;
	*state ^= *state >> 27;
	return *state * 0x2545f4914f6cdd1d;
}

static double uniform(uint64_t *state)
{
	return (double)(next_random(state) >> 11) * 0x1p-53;
}

/* Rank 0 .. n-1, its chance as 1 / (rank + 1). */
static unsigned zipf(uint64_t *state, unsigned n)
{
	return (unsigned)(pow(n + 1, uniform(state)) - 1);
}

struct place {
	float lat, lon;
};

static struct place *make_places(uint64_t *state)
{
	struct place region[REGIONS], *list = malloc(PLACES * sizeof(*list));

	for (unsigned i = 0; i < REGIONS; i++)
		region[i] = (struct place){ (float)(uniform(state) * 100 - 40),
					    (float)(uniform(state) * 300 - 130) };
	for (unsigned i = 0; list && i < PLACES; i++) {
		const struct place *r = &region[zipf(state, REGIONS)];
		double far = 6 * uniform(state) * uniform(state), way = 6.283 * uniform(state);

		list[i] = (struct place){ r->lat + (float)(far * sin(way)),
					  r->lon + (float)(far * cos(way)) };
	}
	return list;
}

static void make_rows(uint64_t *state, const struct place *places, uint32_t still,
		      struct scene_row *rows)
{
	for (unsigned i = 0; i < BATCH; i++) {
		const struct place *p = &places[zipf(state, PLACES)];
		uint64_t first = LIGHTS_START_S + next_random(state) % LIGHTS_SPAN_S;
		uint64_t last = first + next_random(state) % LIGHTS_SPAN_S;

		rows[i] = (struct scene_row){
			.first_s = still ? LIGHTS_START_S - 3600 : first,
			.last_s = still ? LIGHTS_START_S + 2 * LIGHTS_SPAN_S : last,
			.asn = 1 + zipf(state, NETWORKS),
			.seed = (uint32_t)next_random(state),
			.lat = p->lat,
			.lon = p->lon,
			.has_point = true,
		};
	}
}

int lights_scene(uint32_t nodes, uint32_t moving, struct scene **out, double *add_ns)
{
	struct scene_row rows[BATCH];
	uint64_t state = 42, spent = 0;
	struct place *places = make_places(&state);
	struct scene *s = scene_new(nodes);
	int err = places && s ? 0 : -ENOMEM;

	for (uint32_t n = 0; n < nodes && !err; n += BATCH) {
		uint64_t start;

		make_rows(&state, places, n >= moving, rows);
		start = bench_now_ns();
		err = scene_add(s, rows, BATCH);
		spent += bench_now_ns() - start;
	}
	free(places);
	if (err) {
		scene_free(s);
		return err;
	}
	scene_seal(s);
	*out = s;
	if (add_ns)
		*add_ns = (double)spent / s->node_count;
	return 0;
}
