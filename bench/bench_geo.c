/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdlib.h>

#include "bench/bench.h"
#include "bench/scratch.h"
#include "bench/sim/geo_own.h"
#include "store/geo.h"
#include "viz/parallel.h"

/**
 * DOC: five million nodes placed by two threads: city, country and network of each. By
 * the geo files that are installed; where there are none, by a simulation's own table,
 * which is smaller, so that the line says how many entries there were. Addresses are
 * drawn evenly from the ranges of the networks, as nodes are no further apart.
 */

enum { NODES = 5000 * 1000, THREADS = 2, CHUNK = 10 * 1000, RANGES_MAX = 1 << 20, SOURCES = 8 };

struct ranges {
	uint64_t *upto; /* addresses up to and with this range */
	uint32_t *first;
	uint32_t count;
};

struct placing {
	const struct geo *geo;
	struct endpoint *nodes;
	uint64_t placed[THREADS], known[THREADS]; /* with coordinates; with a network */
};

static uint64_t next_random(uint64_t *state)
{
	*state ^= *state >> 12;
	*state ^= *state << 25;
	*state ^= *state >> 27;
	return *state * 0x2545f4914f6cdd1d;
}

static int keep_range(void *ctx, uint32_t first, uint32_t last, uint32_t asn)
{
	struct ranges *r = ctx;

	(void)asn;
	if (r->count == RANGES_MAX)
		return 1;
	r->first[r->count] = first;
	r->upto[r->count] = (r->count ? r->upto[r->count - 1] : 0) + (last - first) + 1;
	r->count++;
	return 0;
}

static struct endpoint draw(const struct ranges *r, uint64_t *state)
{
	uint64_t at = next_random(state) % r->upto[r->count - 1];
	uint32_t low = 0, high = r->count - 1;

	while (low < high) {
		uint32_t mid = (low + high) / 2;

		if (r->upto[mid] > at)
			high = mid;
		else
			low = mid + 1;
	}
	return endpoint_ip4(r->first[low] + (uint32_t)(at - (low ? r->upto[low - 1] : 0)), 6881);
}

/* @out: malloc'ed. */
static int draw_nodes(const struct geo *geo, struct endpoint **out)
{
	struct ranges r = { .upto = malloc(RANGES_MAX * sizeof(*r.upto)),
			    .first = malloc(RANGES_MAX * sizeof(*r.first)) };
	struct endpoint *nodes = malloc(NODES * sizeof(*nodes));
	uint64_t state = 42;
	int err = r.upto && r.first && nodes ? 0 : -ENOMEM;

	if (!err)
		err = geo_each_network4(geo, keep_range, &r);
	if (err > 0)
		err = 0; /* ranges enough */
	if (!err && !r.count)
		err = DT_ENOTFOUND;
	for (uint32_t i = 0; i < NODES && !err; i++)
		nodes[i] = draw(&r, &state);
	free(r.upto);
	free(r.first);
	if (err)
		free(nodes);
	else
		*out = nodes;
	return err;
}

static void place_job(void *ctx, unsigned index, unsigned worker)
{
	struct placing *p = ctx;
	uint64_t placed = 0, known = 0;

	for (uint32_t i = index * CHUNK; i < (index + 1) * CHUNK; i++) {
		struct geo_place at;

		geo_lookup(p->geo, &p->nodes[i], &at);
		placed += at.has_point;
		known += at.asn != 0;
	}
	p->placed[worker] += placed;
	p->known[worker] += known;
}

static int place(const struct bench_ctx *ctx, const struct geo *geo, FILE *out)
{
	enum { RUNS = 3 };
	struct geo_source sources[SOURCES];
	unsigned found = geo_sources(geo, sources, SOURCES);
	uint64_t entries = 0;
	struct placing p;
	struct endpoint *nodes = NULL;
	double seconds[RUNS];
	int err = draw_nodes(geo, &nodes);

	if (err)
		return err;
	for (unsigned i = 0; i < found; i++)
		entries += sources[i].entries;
	for (unsigned i = 0; i < RUNS; i++) {
		uint64_t start = bench_now_ns();

		p = (struct placing){ .geo = geo, .nodes = nodes };
		parallel_run(THREADS, NODES / CHUNK, place_job, &p);
		seconds[i] = (double)(bench_now_ns() - start) / 1e9;
	}
	free(nodes);
	const double median = bench_median(seconds, RUNS); /* sorts */
	const struct bench_extra extra[] = {
		{ "nodes_per_s", NODES / median },
		{ "with_place", (double)(p.placed[0] + p.placed[1]) / NODES },
		{ "with_network", (double)(p.known[0] + p.known[1]) / NODES },
		{ "entries", (double)entries },
	};

	return bench_emit(ctx,
			  &(struct bench_figure){ .name = "geo_five_million",
						  .unit = "s",
						  .better = BENCH_LOWER,
						  .best = seconds[0],
						  .median = median,
						  .runs = RUNS,
						  .extra = extra,
						  .extra_count = sizeof(extra) / sizeof(extra[0]) },
			  out);
}

static int run_five_million(const struct bench_ctx *ctx, FILE *out)
{
	char dir[SCRATCH_PATH_BYTES] = "", path[SCRATCH_PATH_BYTES + 16];
	struct geo_opts opts = { .search = true };
	struct geo_source source;
	struct geo *geo = NULL;
	int err = geo_open(&opts, NULL, NULL, &geo);

	if (!err && !geo_sources(geo, &source, 1)) {
		geo_close(geo);
		geo = NULL;
		err = scratch_make(dir);
		snprintf(path, sizeof(path), "%s/geo.tsv", dir);
		if (!err)
			err = sim_geo_own_write(path);
		opts = (struct geo_opts){ .dir = dir };
		if (!err)
			err = geo_open(&opts, NULL, NULL, &geo);
	}
	if (!err)
		err = place(ctx, geo, out);
	geo_close(geo);
	scratch_remove(dir);
	return err;
}

const struct bench bench_geo[] = {
	{ "geo_five_million", "city, country and network of five million nodes, two threads",
	  run_five_million },
	{ NULL, NULL, NULL },
};
