/* SPDX-License-Identifier: MIT */
#include "viz/world.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "viz/data/embed.h"

struct reader {
	const uint8_t *at, *end;
	bool bad;
};

static uint64_t get_uint(struct reader *r)
{
	uint64_t v = 0;

	for (unsigned shift = 0; shift < 35 && r->at < r->end; shift += 7) {
		uint8_t byte = *r->at++;

		v |= (uint64_t)(byte & 127) << shift;
		if (byte < 128)
			return v;
	}
	r->bad = true;
	return 0;
}

static int64_t get_sint(struct reader *r)
{
	uint64_t v = get_uint(r);

	return v & 1 ? -(int64_t)(v / 2) - 1 : (int64_t)(v / 2);
}

/* A count of things of at least @least bytes each: no more than can follow. */
static uint32_t get_count(struct reader *r, unsigned least)
{
	uint64_t n = get_uint(r);

	if (n > (size_t)(r->end - r->at) / least) {
		r->bad = true;
		return 0;
	}
	return (uint32_t)n;
}

static double get_double(struct reader *r)
{
	uint64_t bits = 0;
	double v;

	if (r->end - r->at < 8) {
		r->bad = true;
		return 0;
	}
	for (unsigned i = 0; i < 8; i++)
		bits |= (uint64_t)*r->at++ << (8 * i);
	memcpy(&v, &bits, 8);
	return v;
}

/* Room for what @in can hold at most: a point takes two bytes, a reference one. */
static int make_room(struct world *w, size_t bytes)
{
	w->points = malloc(bytes / 2 * sizeof(*w->points) + 1);
	w->arcs = malloc(bytes / 2 * sizeof(*w->arcs) + 1);
	w->refs = malloc(bytes * sizeof(*w->refs) + 1);
	w->land = malloc(bytes * sizeof(*w->land) + 1);
	w->country_rings = malloc(bytes * sizeof(*w->country_rings) + 1);
	w->countries = malloc(bytes / 3 * sizeof(*w->countries) + 1);
	if (w->points && w->arcs && w->refs && w->land && w->country_rings && w->countries)
		return 0;
	return -ENOMEM;
}

static void read_arcs(struct reader *r, struct world *w)
{
	double scale_x = get_double(r), scale_y = get_double(r);
	double x0 = get_double(r), y0 = get_double(r);
	uint32_t arcs = get_count(r, 2);

	for (uint32_t i = 0; i < arcs && !r->bad; i++) {
		struct world_arc a = { .first = w->point_count, .count = get_count(r, 2) };
		int64_t x = 0, y = 0;

		a.uses = (uint8_t)get_uint(r);
		for (uint32_t p = 0; p < a.count && !r->bad; p++) {
			x += get_sint(r);
			y += get_sint(r);
			w->points[w->point_count++] =
				(struct world_point){ (float)(x0 + scale_x * (double)x),
						      (float)(y0 + scale_y * (double)y) };
		}
		if (a.count < 2)
			r->bad = true;
		w->arcs[w->arc_count++] = a;
	}
}

static void read_rings(struct reader *r, struct world *w, struct world_ring *out, uint32_t *count)
{
	uint32_t rings = get_count(r, 1);

	for (uint32_t i = 0; i < rings && !r->bad; i++) {
		struct world_ring ring = { .first = w->ref_count, .count = get_count(r, 1) };

		for (uint32_t k = 0; k < ring.count && !r->bad; k++) {
			int64_t ref = get_sint(r);

			if ((ref < 0 ? ~ref : ref) >= w->arc_count)
				r->bad = true;
			w->refs[w->ref_count++] = (int32_t)ref;
		}
		out[(*count)++] = ring;
	}
}

static void read_countries(struct reader *r, struct world *w)
{
	uint32_t countries = get_count(r, 3);

	for (uint32_t i = 0; i < countries && !r->bad; i++) {
		struct world_country c = { .first = w->country_ring_count };

		if (r->end - r->at < 2) {
			r->bad = true;
			return;
		}
		memcpy(c.code, r->at, 2);
		r->at += 2;
		read_rings(r, w, w->country_rings, &w->country_ring_count);
		c.count = w->country_ring_count - c.first;
		w->countries[w->country_count++] = c;
	}
}

int world_open(struct world *w, struct span in)
{
	struct reader r = { in.ptr, in.ptr + in.len, false };
	int err;

	*w = (struct world){ 0 };
	if (in.len < 4 || memcmp(in.ptr, "DTW1", 4) != 0)
		return DT_EFOREIGN;
	r.at += 4;
	err = make_room(w, in.len);
	if (!err) {
		read_arcs(&r, w);
		read_rings(&r, w, w->land, &w->land_count);
		read_countries(&r, w);
		err = r.bad || r.at != r.end ? DT_ECORRUPT : 0;
	}
	if (err)
		world_close(w);
	return err;
}

void world_close(struct world *w)
{
	free(w->points);
	free(w->arcs);
	free(w->refs);
	free(w->land);
	free(w->country_rings);
	free(w->countries);
	*w = (struct world){ 0 };
}

struct span world_embedded(void)
{
	return span_of(embed_world, embed_world_bytes);
}

uint32_t world_ring_points(const struct world *w, struct world_ring r, struct world_point *out)
{
	uint32_t n = 0;

	for (uint32_t k = 0; k < r.count; k++) {
		int32_t ref = w->refs[r.first + k];
		const struct world_arc *a = &w->arcs[ref < 0 ? ~ref : ref];

		/* each arc but its last point, which the next one begins with */
		for (uint32_t p = 0; p + 1 < a->count; p++, n++)
			if (out)
				out[n] = w->points[a->first + (ref < 0 ? a->count - 1 - p : p)];
	}
	return n;
}
