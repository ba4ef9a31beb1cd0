/* SPDX-License-Identifier: MIT */
#include "viz/spots.h"

#include <errno.h>
#include <stdlib.h>

#include "viz/palette.h"
#include "viz/parallel.h"

enum { CHUNK_PLACES = 4096 };

struct job {
	struct spots *p;
	double u;
};

static void place_job(void *ctx, unsigned index, unsigned worker)
{
	const struct job *j = ctx;
	const struct scene *s = j->p->scene;
	uint32_t end = (index + 1) * CHUNK_PLACES;

	(void)worker;
	if (end > s->place_count)
		end = s->place_count;
	for (uint32_t i = index * CHUNK_PLACES; i < end; i++)
		j->p->list[i] = spread_spot(j->p->geometry.map, &s->places[i], j->u);
}

static uint32_t most_on_a_place(const struct scene *s)
{
	uint32_t most = 0;

	for (uint32_t i = 0; i < s->place_count; i++)
		if (s->places[i].nodes > most)
			most = s->places[i].nodes;
	return most;
}

/* No pixel of a square holds more than 16 common bits, whose count is bound enough. */
static int most_on_a_block(const struct scene *s, uint32_t *most)
{
	uint32_t *blocks = calloc(1 << 16, sizeof(*blocks));

	if (!blocks)
		return -ENOMEM;
	*most = 0;
	for (uint32_t i = 0; i < s->node_count; i++) {
		uint32_t *count = &blocks[s->nodes[i].seed >> 16];

		if (s->nodes[i].place != SCENE_NOWHERE && ++*count > *most)
			*most = *count;
	}
	free(blocks);
	return 0;
}

int spots_open(struct spots *p, const struct scene *s, const struct spots_geometry *g, double u,
	       unsigned threads)
{
	struct job job = { p, u };

	*p = (struct spots){ .scene = s, .geometry = *g };
	if (g->ring) {
		p->lanes = malloc((s->network_count + 1) * sizeof(*p->lanes));
		if (!p->lanes)
			return -ENOMEM;
		for (uint32_t i = 0; i < s->network_count; i++)
			p->lanes[i] = ring_lane(palette_turn(s->group, s->networks[i].asn),
						(double)s->networks[i].nodes / s->node_count);
	}
	if (!g->map)
		return most_on_a_block(s, &p->crowd);
	spread_init(&p->spread);
	p->crowd = most_on_a_place(s);
	p->list = malloc((s->place_count + 1) * sizeof(*p->list));
	if (!p->list)
		return -ENOMEM;
	parallel_run(threads, (s->place_count + CHUNK_PLACES - 1) / CHUNK_PLACES, place_job, &job);
	return 0;
}

void spots_close(struct spots *p)
{
	free(p->list);
	free(p->lanes);
	p->list = NULL;
	p->lanes = NULL;
}
