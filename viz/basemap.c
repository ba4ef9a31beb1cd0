/* SPDX-License-Identifier: MIT */
#include "viz/basemap.h"

#include <cairo.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "viz/num.h"
#include "viz/palette.h"
#include "viz/world.h"

#define PAGE       0x05070bu
#define OCEAN      0x070a10u
#define LAND       0x131924u
#define COAST      0x3a485eu
#define FADE_NORTH (-54.0) /* Ushuaia is the last town that one sees */
#define NIGHT      0.55
#define DAY_MORE   0.65
#define TWILIGHT   0.10 /* sine of the sun's elevation */
#define STEP_MAX   1.0  /* degrees: longer edges are cut before they are bent */

struct pen {
	cairo_t *cr;
	const struct project_map *map;
	struct world_point *ring, *half, *part; /* under work: whole, and after each clip */
};

static void use_color(cairo_t *cr, uint32_t rgb, double alpha)
{
	cairo_set_source_rgba(cr, (rgb >> 16) / 255.0, (rgb >> 8 & 255) / 255.0,
			      (rgb & 255) / 255.0, alpha);
}

/* Longitudes here count from the central meridian and may run past +-180. */
static void to(const struct pen *p, bool line, double lon, double lat)
{
	struct project_xy e = project_equal_earth(lon * NUM_RAD, lat * NUM_RAD);
	double x = p->map->x0 + p->map->scale * e.x, y = p->map->y0 - p->map->scale * e.y;

	if (line)
		cairo_line_to(p->cr, x, y);
	else
		cairo_move_to(p->cr, x, y);
}

/* From the pen's place along a straight line in degrees, in short steps. */
static void along(const struct pen *p, struct world_point from, struct world_point end)
{
	double dx = (double)(end.lon - from.lon), dy = (double)(end.lat - from.lat);
	int steps = (int)ceil(fmax(fabs(dx), fabs(dy)) / STEP_MAX);

	for (int i = 1; i < steps; i++)
		to(p, true, (double)from.lon + dx * i / steps, (double)from.lat + dy * i / steps);
	to(p, true, (double)end.lon, (double)end.lat);
}

/*
 * Rings come stitched over the antimeridian: longitude jumps by 360 within
 * them. Make it run on; a ring that then does not meet its start has gone
 * round a pole and is closed over it.
 */
static uint32_t unwrap(struct world_point *ring, uint32_t n)
{
	float turns = 0, pole, start, end;

	for (uint32_t i = 1; i < n; i++) {
		float step = ring[i].lon + turns - ring[i - 1].lon;

		turns -= step > 180 ? 360.0f : step < -180 ? -360.0f : 0;
		ring[i].lon += turns;
	}
	start = ring[0].lon;
	end = ring[n - 1].lon;
	if (fabsf(end - start) < 180)
		return n;
	pole = ring[0].lat < 0 ? -90 : 90;
	end = start + (end > start ? 360 : -360);
	ring[n++] = (struct world_point){ end, ring[0].lat };
	ring[n++] = (struct world_point){ end, pole };
	ring[n++] = (struct world_point){ start, pole };
	return n;
}

/* The part of a ring on one side of a meridian (Sutherland and Hodgman). */
static uint32_t clip(const struct world_point *in, uint32_t n, float edge, bool east,
		     struct world_point *out)
{
	uint32_t m = 0;

	for (uint32_t i = 0; i < n; i++) {
		struct world_point p = in[i], q = in[(i + 1) % n];
		bool p_in = east ? p.lon <= edge : p.lon >= edge;
		bool q_in = east ? q.lon <= edge : q.lon >= edge;

		if (p_in)
			out[m++] = p;
		if (p_in != q_in) {
			float f = (edge - p.lon) / (q.lon - p.lon);

			out[m++] = (struct world_point){ edge, p.lat + f * (q.lat - p.lat) };
		}
	}
	return m;
}

static void shift(struct world_point *list, uint32_t n, float by)
{
	for (uint32_t i = 0; i < n; i++)
		list[i].lon += by;
}

static void fill_ring(const struct pen *p, const struct world *w, struct world_ring ring)
{
	uint32_t n = world_ring_points(w, ring, NULL);

	if (n < 3 || n > w->point_count)
		return;
	n = unwrap(p->ring, world_ring_points(w, ring, p->ring));
	shift(p->ring, n, (float)-p->map->meridian - 360);
	for (int copy = -1; copy <= 1; copy++, shift(p->ring, n, 360)) {
		uint32_t m = clip(p->ring, n, -180, false, p->half);

		m = clip(p->half, m, 180, true, p->part);
		if (m < 3)
			continue;
		to(p, false, (double)p->part[0].lon, (double)p->part[0].lat);
		for (uint32_t i = 0; i < m; i++)
			along(p, p->part[i], p->part[(i + 1) % m]);
		cairo_close_path(p->cr);
	}
}

/* A line, without what lies beyond the cut and without a stroke on it. */
static void line_arc(const struct pen *p, const struct world *w, const struct world_arc *arc)
{
	bool down = false;

	for (uint32_t i = 0; i + 1 < arc->count; i++) {
		struct world_point a = w->points[arc->first + i], b = w->points[arc->first + i + 1];

		a.lon -= (float)p->map->meridian;
		a.lon += a.lon < -180 ? 360.0f : 0;
		b.lon -= (float)p->map->meridian;
		b.lon += b.lon - a.lon < -180 ? 360.0f : b.lon - a.lon > 180 ? -360.0f : 0;
		if (b.lon < -180 || b.lon > 180) {
			down = false;
			continue;
		}
		if (!down)
			to(p, false, (double)a.lon, (double)a.lat);
		along(p, a, b);
		down = true;
	}
}

static void globe(const struct pen *p)
{
	const struct world_point south = { -180, -90 }, north = { -180, 90 };
	const struct world_point north_e = { 180, 90 }, south_e = { 180, -90 };

	to(p, false, -180, -90);
	along(p, south, north);
	along(p, north, north_e);
	along(p, north_e, south_e);
	along(p, south_e, south);
	cairo_close_path(p->cr);
}

static void graticule(const struct pen *p, double u)
{
	for (int lon = -150; lon <= 180; lon += 30) {
		double from = remainder(lon - p->map->meridian, 360);
		const struct world_point a = { (float)from, -90 }, b = { (float)from, 84 };

		to(p, false, from, -90);
		along(p, a, b);
	}
	for (int lat = -60; lat <= 60; lat += 30) {
		const struct world_point a = { -180, (float)lat }, b = { 180, (float)lat };

		to(p, false, -180, lat);
		along(p, a, b);
	}
	use_color(p->cr, 0x8fa5c8, 0.10);
	cairo_set_line_width(p->cr, 0.7 * u);
	cairo_stroke(p->cr);
}

static void lines(const struct pen *p, const struct world *w, uint8_t uses)
{
	for (uint32_t i = 0; i < w->arc_count; i++)
		if (w->arcs[i].uses == uses)
			line_arc(p, w, &w->arcs[i]);
}

static size_t room_for_rings(const struct world *w)
{
	return w->point_count + 3;
}

/* The path of all land. @buffer: 7 * room_for_rings() points. */
static void path_of_land(struct pen *p, const struct world *w, struct world_point *buffer)
{
	/* a ring gains three points at a pole; each clip at most doubles it */
	size_t room = room_for_rings(w);

	p->ring = buffer;
	p->half = buffer + room;
	p->part = buffer + 3 * room;
	for (uint32_t i = 0; i < w->land_count; i++)
		fill_ring(p, w, w->land[i]);
}

static void tell_path(const cairo_path_t *path,
		      void (*point)(void *ctx, bool starts, double x, double y), void *ctx)
{
	for (int i = 0; i < path->num_data; i += path->data[i].header.length) {
		const cairo_path_data_t *d = &path->data[i];

		/* after closing a ring cairo moves to its start, which begins no other */
		if (d->header.type == CAIRO_PATH_MOVE_TO && i + d->header.length < path->num_data &&
		    d[d->header.length].header.type == CAIRO_PATH_LINE_TO)
			point(ctx, true, d[1].point.x, d[1].point.y);
		else if (d->header.type == CAIRO_PATH_LINE_TO)
			point(ctx, false, d[1].point.x, d[1].point.y);
	}
}

int basemap_land(const struct project_map *map,
		 void (*point)(void *ctx, bool starts, double x, double y), void *ctx)
{
	cairo_surface_t *surface = cairo_image_surface_create(CAIRO_FORMAT_A8, 1, 1);
	struct pen p = { .cr = cairo_create(surface), .map = map };
	struct world_point *buffer = NULL;
	cairo_path_t *path = NULL;
	struct world w;
	int err = world_open(&w, world_embedded());

	if (!err) {
		buffer = malloc(7 * room_for_rings(&w) * sizeof(*buffer));
		err = buffer ? 0 : -ENOMEM;
		if (buffer) {
			path_of_land(&p, &w, buffer);
			path = cairo_copy_path_flat(p.cr);
			err = path->status ? -ENOMEM : 0;
		}
		if (!err)
			tell_path(path, point, ctx);
		world_close(&w);
	}
	if (path)
		cairo_path_destroy(path);
	free(buffer);
	cairo_destroy(p.cr);
	cairo_surface_destroy(surface);
	return err;
}

static int draw(struct basemap *b, const struct basemap_opts *opts, const struct world *w,
		cairo_t *cr)
{
	double u = b->height / 1080.0;
	struct world_point *buffer = malloc(7 * room_for_rings(w) * sizeof(*buffer));
	struct pen p = { .cr = cr, .map = &b->map };

	if (!buffer)
		return -ENOMEM;
	cairo_set_antialias(cr, CAIRO_ANTIALIAS_BEST);
	cairo_set_line_join(cr, CAIRO_LINE_JOIN_ROUND);
	globe(&p);
	use_color(cr, OCEAN, 1);
	cairo_fill(cr);
	path_of_land(&p, w, buffer);
	use_color(cr, LAND, 1);
	cairo_set_fill_rule(cr, CAIRO_FILL_RULE_EVEN_ODD);
	cairo_fill(cr);
	graticule(&p, u);
	lines(&p, w, 1);
	use_color(cr, COAST, 1);
	cairo_set_line_width(cr, 0.7 * u);
	cairo_stroke(cr);
	if (opts->borders) {
		lines(&p, w, 2);
		use_color(cr, 0xc8d4e8, 0.08);
		cairo_set_line_width(cr, 0.6 * u);
		cairo_stroke(cr);
	}
	free(buffer);
	return 0;
}

static int draw_embedded(struct basemap *b, const struct basemap_opts *opts)
{
	cairo_surface_t *surface = cairo_image_surface_create_for_data(
		(unsigned char *)b->px, CAIRO_FORMAT_RGB24, (int)b->width, (int)b->height,
		(int)b->width * 4);
	cairo_t *cr = cairo_create(surface);
	struct world w;
	int err = world_open(&w, world_embedded());

	if (!err) {
		use_color(cr, PAGE, 1);
		cairo_paint(cr);
		if (!opts->bare)
			err = draw(b, opts, &w, cr);
		if (!err && cairo_status(cr))
			err = -ENOMEM;
		cairo_surface_flush(surface);
		world_close(&w);
	}
	cairo_destroy(cr);
	cairo_surface_destroy(surface);
	return err;
}

static double smoothstep(double lo, double hi, double v)
{
	double t = (v - lo) / (hi - lo);

	t = t < 0 ? 0 : t > 1 ? 1 : t;
	return t * t * (3 - 2 * t);
}

/* What of the geometry depends on the row alone. */
static void measure_row(struct basemap *b, unsigned y)
{
	double lat, stretch, half, step;
	struct basemap_row *r = &b->rows[y];

	*r = (struct basemap_row){ 0 };
	b->fade[y] = 0;
	if (!project_latitude((b->map.y0 - (y + 0.5)) / b->map.scale, &lat))
		return;
	stretch = b->map.scale * project_stretch(lat);
	half = stretch * NUM_PI;
	step = 1 / stretch;
	b->fade[y] = (float)smoothstep((double)PROJECT_SOUTH, FADE_NORTH, lat / NUM_RAD);
	r->left = (float)(b->map.x0 - half);
	r->right = (float)(b->map.x0 + half);
	r->from = r->left > 0 ? (unsigned)r->left + 1 : 0;
	r->to = r->right < 0 ? 0 : r->right < (float)b->width ? (unsigned)r->right : b->width;
	r->sin_lat = (float)num_sin(lat);
	r->cos_lat = (float)num_cos(lat);
	r->lon_step = (float)step;
	r->lon0 = (float)(b->map.meridian * NUM_RAD + (0.5 - b->map.x0) * step);
}

int basemap_open(struct basemap *b, unsigned width, unsigned height,
		 const struct basemap_opts *opts)
{
	int err;

	*b = (struct basemap){ .width = width, .height = height };
	project_map_init(&b->map, width, height);
	b->px = malloc((size_t)width * height * sizeof(*b->px));
	b->fade = malloc(height * sizeof(*b->fade));
	b->rows = malloc(height * sizeof(*b->rows));
	if (!b->px || !b->fade || !b->rows) {
		basemap_close(b);
		return -ENOMEM;
	}
	for (unsigned i = 0; i < 256; i++)
		b->byte[i] = (float)palette_linear(i / 255.0);
	b->page = (accum_light){ b->byte[PAGE >> 16], b->byte[PAGE >> 8 & 255], b->byte[PAGE & 255],
				 0 };
	for (unsigned y = 0; y < height; y++) {
		measure_row(b, y);
		if (opts->bare)
			b->fade[y] = 1;
	}
	err = draw_embedded(b, opts);
	if (err)
		basemap_close(b);
	return err;
}

void basemap_close(struct basemap *b)
{
	free(b->px);
	free(b->fade);
	free(b->rows);
	b->px = NULL;
	b->fade = NULL;
	b->rows = NULL;
}

/* How much of pixel @x lies on the globe. */
static double coverage(const struct basemap_row *r, unsigned x)
{
	double left = x > (double)r->left ? x : (double)r->left;
	double right = x + 1.0 < (double)r->right ? x + 1.0 : (double)r->right;

	return right > left ? right - left : 0;
}

/*
 * Day and night: the cosine of the hour angle runs along the row by a fixed
 * rotation. It is taken at every eighth pixel, with a straight line between: the
 * twilight is some sixty pixels wide.
 */
static float shade_at(double elevation)
{
	return (float)(NIGHT - 1 + DAY_MORE * smoothstep(-TWILIGHT, TWILIGHT, elevation));
}

bool basemap_day(const struct basemap *b, unsigned y, const struct sun *sun, float *day)
{
	const struct basemap_row *r = &b->rows[y];
	double from = (double)r->lon0 - sun->lon * NUM_RAD;
	double c = num_cos(from), s = num_sin(from), step = (double)r->lon_step * BASEMAP_STEP;
	double turn_c = num_cos(step), turn_s = num_sin(step);
	double fixed = (double)r->sin_lat * num_sin(sun->lat * NUM_RAD);
	double swing = (double)r->cos_lat * num_cos(sun->lat * NUM_RAD);

	if (!(r->right > r->left))
		return false;
	for (unsigned i = 0; i < b->width / BASEMAP_STEP + 2; i++) {
		double next = c * turn_c - s * turn_s;

		day[i] = shade_at(fixed + swing * c);
		s = s * turn_c + c * turn_s;
		c = next;
	}
	return true;
}

void basemap_more(const struct basemap_row *r, const float *day, unsigned x0,
		  float more[static BASEMAP_STEP])
{
	const float from = day[x0 / BASEMAP_STEP], by = day[x0 / BASEMAP_STEP + 1] - from;

	for (unsigned i = 0; i < BASEMAP_STEP; i++)
		more[i] = from + by * ((float)i * (1.0f / BASEMAP_STEP));
	if (x0 >= r->from && x0 + BASEMAP_STEP <= r->to)
		return;
	/* the globe's edge takes its share, beyond it there is no day */
	for (unsigned i = 0; i < BASEMAP_STEP; i++)
		if (x0 + i < r->from || x0 + i >= r->to)
			more[i] *= (float)coverage(r, x0 + i);
}

static void shade(const struct basemap *b, const struct basemap_row *r, const float *day,
		  accum_light *to)
{
	float more[BASEMAP_STEP];

	for (unsigned x = 0; x < b->width; x++) {
		if (x % BASEMAP_STEP == 0)
			basemap_more(r, day, x, more);
		to[x] += to[x] * more[x % BASEMAP_STEP];
	}
}

void basemap_row(const struct basemap *b, unsigned y, const struct sun *sun, float *out)
{
	const uint32_t *px = b->px + (size_t)y * b->width;
	const accum_light page = b->page;
	const float fade = b->fade[y];
	float day[BASEMAP_STEPS_MAX];
	accum_light *to = (accum_light *)(void *)out, v = page;
	uint32_t last = ~px[0];

	for (unsigned x = 0; x < b->width; x++) {
		/* sea follows on sea, land on land */
		if (px[x] != last)
			v = (accum_light){ b->byte[px[x] >> 16 & 255], b->byte[px[x] >> 8 & 255],
					   b->byte[px[x] & 255], 0 };
		last = px[x];
		to[x] = v;
	}
	if (sun && basemap_day(b, y, sun, day))
		shade(b, &b->rows[y], day, to);
	for (unsigned x = 0; x < b->width && fade < 1; x++)
		to[x] = page + (to[x] - page) * fade;
}
