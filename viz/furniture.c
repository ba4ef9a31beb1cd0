/* SPDX-License-Identifier: MIT */
#include "viz/furniture.h"

#include <cairo.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "viz/breath.h"
#include "viz/compose.h"
#include "viz/num.h"

#define BRIGHT 0xf5f7ffu
#define MIDDLE 0x99a8bdu
#define FAINT  0x6b788cu

/* All lengths below are in U, 1/1080 of the height; cairo's matrix makes pixels of them. */
#define MARGIN 40.0
/* What stands at the bottom grows upwards with its text, line above line. */
struct shelf {
	double weight, nowhere, alight, count; /* left: baselines, from the lowest */
	double legend;                         /* its lowest row */
	double ramp, label, figure;            /* right */
	double floor, caption;                 /* middle: of the chart; a baseline */
	double aside;                          /* what a caption leaves free at both sides */
};

static struct shelf shelf_of(double scale)
{
	struct shelf s = { .weight = 1068, .ramp = 1024 - 16 * (scale - 1) };

	s.nowhere = s.weight - 16 * scale;
	s.alight = s.nowhere - 18 * scale;
	s.count = s.alight - 22 * scale;
	s.legend = 906 - 115 * (scale - 1);
	s.label = s.ramp - 16 * scale;
	s.figure = s.label - 20 * scale;
	s.floor = 1026 - 20 * (scale - 1);
	s.caption = s.floor - 80;
	s.aside = 80 + 210 * scale;
	return s;
}

struct desk {
	const struct furniture *f;
	const struct text *text;
	cairo_t *cr;
	double width; /* of the frame; its height is 1080 */
	double scale; /* of text */
	unsigned layers;
};

static struct text_style style(const struct desk *d, double size, uint32_t rgb)
{
	return (struct text_style){ .size_px = size * d->scale, .rgb = rgb, .tabular = true };
}

static void use_color(cairo_t *cr, uint32_t rgb, double alpha)
{
	cairo_set_source_rgba(cr, (rgb >> 16) / 255.0, (rgb >> 8 & 255) / 255.0,
			      (rgb & 255) / 255.0, alpha);
}

static void bar(const struct desk *d, double x, double y, double w, double h)
{
	cairo_rectangle(d->cr, x, y, w, h);
	cairo_fill(d->cr);
}

static void left_text(const struct desk *d, struct text_style s, double x, double y,
		      const char *utf8)
{
	s.align = TEXT_LEFT;
	text_draw(d->text, d->cr, &s, x, y, utf8);
}

static void right_text(const struct desk *d, struct text_style s, double x, double y,
		       const char *utf8)
{
	s.align = TEXT_RIGHT;
	text_draw(d->text, d->cr, &s, x, y, utf8);
}

/* ---- top ------------------------------------------------------------------------- */

static void title(const struct desk *d)
{
	struct text_style s = style(d, 23, BRIGHT);
	double y = 41 + 17 * d->scale;

	s.face = TEXT_SEMIBOLD;
	s.tracking_px = 5.2 * d->scale;
	s.tabular = false;
	left_text(d, s, MARGIN, y, d->f->title);
	s = style(d, 14.5, MIDDLE);
	for (unsigned i = 0; i < FURNITURE_SUBTITLES; i++) {
		y += (i ? 20 : 27) * d->scale;
		if (d->f->subtitle[i])
			left_text(d, s, MARGIN, y, d->f->subtitle[i]);
	}
}

static const char *const MONTHS[] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun",
				      "Jul", "Aug", "Sep", "Oct", "Nov", "Dec" };
static const char *const DAYS[] = { "Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat" };

static struct tm utc(uint64_t at_s)
{
	time_t t = (time_t)at_s;
	struct tm out = { .tm_mday = 1, .tm_year = 70 };

	gmtime_r(&t, &out);
	return out;
}

static bool on(const struct desk *d, enum furniture_layer layer)
{
	return (d->layers & layer) != 0;
}

static void clock_face(const struct desk *d)
{
	struct tm t = utc(d->f->at_s);
	double x = d->width - MARGIN, y = 41 + 36 * d->scale;
	char line[64];

	if (!d->f->at_s)
		return;
	snprintf(line, sizeof(line), "%02d:%02d", t.tm_hour, t.tm_min);
	right_text(d, style(d, 50, BRIGHT), x, y, line);
	snprintf(line, sizeof(line), "%s %d %s %d  UTC", DAYS[t.tm_wday], t.tm_mday,
		 MONTHS[t.tm_mon], t.tm_year + 1900);
	right_text(d, style(d, 14.5, MIDDLE), x, y + 26 * d->scale, line);
}

/* ---- left: networks ---------------------------------------------------------------- */

static void legend_name(const struct desk *d, const struct furniture_row *row, double y)
{
	const double width = 236 * d->scale;
	struct text_style name = style(d, 13, BRIGHT), count = style(d, 12.5, MIDDLE);
	char figure[32], shown[TEXT_NAME_MAX];

	text_count(row->most > row->nodes ? row->most : row->nodes, figure);
	memcpy(shown, row->name, sizeof(shown));
	name.tabular = false;
	text_fit(d->text, &name, shown, sizeof(shown),
		 width - text_width(d->text, &count, figure) - 12 * d->scale);
	left_text(d, name, MARGIN, y, shown);
	use_color(d->cr, FAINT, 0.16);
	bar(d, MARGIN, y + 5.75 * d->scale, width, 1);
}

static void legend_count(const struct desk *d, const struct furniture_row *row, uint64_t most,
			 double y)
{
	const double width = 236 * d->scale;
	double share = (double)row->nodes / (double)most;
	char figure[32];

	right_text(d, style(d, 12.5, MIDDLE), MARGIN + width, y, text_count(row->nodes, figure));
	use_color(d->cr, (uint32_t)(row->rgb[0] << 16 | row->rgb[1] << 8 | row->rgb[2]), 1);
	bar(d, MARGIN, y + 5.5 * d->scale, width * (share < 1 ? share : 1), 1.5);
}

static uint64_t legend_most(const struct furniture *f)
{
	uint64_t most = f->widest ? f->widest : 1;

	for (unsigned i = 0; i < f->row_count && !f->widest; i++)
		if (f->rows[i].nodes > most)
			most = f->rows[i].nodes;
	return most;
}

static void legend(const struct desk *d)
{
	const double pitch = 24 * d->scale, last = shelf_of(d->scale).legend;
	struct text_style head = style(d, 11, MIDDLE);
	const struct furniture *f = d->f;

	if (f->row_count == 0)
		return;
	head.face = TEXT_SEMIBOLD;
	head.tracking_px = 1.9 * d->scale;
	if (on(d, FURNITURE_FIXED))
		left_text(d, head, MARGIN, last - f->row_count * pitch - 6 * d->scale,
			  f->legend_title ? f->legend_title : "TOP NETWORKS");
	for (unsigned i = 0; i < f->row_count; i++) {
		double y = last - (f->row_count - 1 - i) * pitch;

		if (on(d, f->race ? FURNITURE_MOVING : FURNITURE_FIXED))
			legend_name(d, &f->rows[i], y);
		if (on(d, FURNITURE_MOVING))
			legend_count(d, &f->rows[i], legend_most(f), y);
	}
	if (f->note && on(d, FURNITURE_FIXED))
		left_text(d, style(d, 11, FAINT), MARGIN, last + 27 * d->scale, f->note);
}

/* Words for a moment, above the chart. */
static void caption(const struct desk *d)
{
	struct text_style s = style(d, 22, BRIGHT);
	const struct shelf at = shelf_of(d->scale);
	char line[512];

	if (!d->f->caption || !*d->f->caption || d->f->caption_alpha <= 0)
		return;
	s.align = TEXT_CENTER;
	s.tabular = false;
	snprintf(line, sizeof(line), "%s", d->f->caption);
	text_fit(d->text, &s, line, sizeof(line), d->width - 2 * at.aside - 40);
	cairo_push_group(d->cr);
	text_draw_edged(d->text, d->cr, &s, d->width / 2, at.caption, 1.2, line);
	cairo_pop_group_to_source(d->cr);
	cairo_paint_with_alpha(d->cr, d->f->caption_alpha < 1 ? d->f->caption_alpha : 1);
}

/* ---- bottom: counters ----------------------------------------------------------------- */

static void facts(const struct desk *d)
{
	double right = d->width - MARGIN, y = shelf_of(d->scale).figure;

	for (unsigned i = FURNITURE_FACTS; i-- > 0;) {
		if (!d->f->facts[i].label[0])
			continue;
		y -= 52 * d->scale;
		if (on(d, FURNITURE_MOVING))
			right_text(d, style(d, 26, BRIGHT), right, y, d->f->facts[i].figure);
		if (on(d, FURNITURE_FIXED))
			right_text(d, style(d, 14, MIDDLE), right, y + 20 * d->scale,
				   d->f->facts[i].label);
	}
}

static void nowhere_line(const struct desk *d, char line[static 128])
{
	const char *nowhere = d->f->unlocated_label ? d->f->unlocated_label : "unlocated";
	char figure[32], other[32];

	line[0] = '\0';
	if (d->f->unlocated && d->f->country_level)
		snprintf(line, 128, "%s %s  ·  %s country-level",
			 text_count(d->f->unlocated, figure), nowhere,
			 text_count(d->f->country_level, other));
	else if (d->f->unlocated)
		snprintf(line, 128, "%s %s", text_count(d->f->unlocated, figure), nowhere);
	else if (d->f->country_level)
		snprintf(line, 128, "%s country-level", text_count(d->f->country_level, figure));
}

static void counters(const struct desk *d)
{
	const char *what = d->f->networks_label ? d->f->networks_label : "networks (ASN)";
	const struct shelf at = shelf_of(d->scale);
	char figure[32], line[128];
	double right = d->width - MARGIN;

	if (on(d, FURNITURE_FIXED)) {
		left_text(d, style(d, 14.5, MIDDLE), MARGIN, at.alight, d->f->alight_label);
		left_text(d, style(d, 11, FAINT), MARGIN, at.weight, d->f->weight_label);
		right_text(d, style(d, 14, MIDDLE), right, at.label, what);
	}
	if (!on(d, FURNITURE_MOVING))
		return;
	left_text(d, style(d, 44, BRIGHT), MARGIN - 2, at.count, text_count(d->f->alight, figure));
	nowhere_line(d, line);
	left_text(d, style(d, 11, FAINT), MARGIN, at.nowhere, line);
	right_text(d, style(d, 26, BRIGHT), right, at.figure, text_count(d->f->networks, figure));
}

/* Light as the screen shows it: shoulder, then sRGB. */
static double shown(float light)
{
	return palette_srgb((double)compose_shoulder(light));
}

static void ramp_color(const struct desk *d, double level, double *r, double *g, double *b)
{
	*r = *g = *b = shown(tone_shine(d->f->tone, (float)level));
	if (d->f->tone->ember) {
		struct palette_rgb e = palette_ember((float)level);

		*r = shown(e.r);
		*g = shown(e.g);
		*b = shown(e.b);
	}
}

static void ramp(const struct desk *d)
{
	const double width = 186, x = d->width - MARGIN - width, y = shelf_of(d->scale).ramp,
		     words = y + 8 + 10 * d->scale;
	struct text_style s = style(d, 10.5, MIDDLE);
	cairo_pattern_t *fill = cairo_pattern_create_linear(x, 0, x + width, 0);
	double r, g, b, free_from = 0;

	for (int i = 0; i <= 32; i++) {
		ramp_color(d, i / 32.0, &r, &g, &b);
		cairo_pattern_add_color_stop_rgb(fill, i / 32.0, r, g, b);
	}
	cairo_set_source(d->cr, fill);
	bar(d, x, y, width, 5);
	cairo_pattern_destroy(fill);
	right_text(d, s, x - 10, y + 6, "nodes / px");
	s.align = TEXT_CENTER;
	for (uint32_t w = 1; (float)w < d->f->tone->ref; w *= 10) {
		double at = x + width * (double)tone_level(d->f->tone, (float)w), half;
		char label[32];

		use_color(d->cr, MIDDLE, 0.8);
		bar(d, at - 0.5, y + 5, 1, 3);
		half = text_width(d->text, &s, text_count(w, label)) / 2;
		if (at + half > x + width)
			at = x + width - half; /* the last one ends with the bar */
		if (at - half < free_from)
			continue;
		text_draw(d->text, d->cr, &s, at, words, label);
		free_from = at + half + 6;
	}
}

static void ramp_of_breath(const struct desk *d)
{
	const double width = 186, x = d->width - MARGIN - width, y = shelf_of(d->scale).ramp,
		     words = y + 8 + 10 * d->scale;
	struct text_style s = style(d, 10.5, MIDDLE);
	cairo_pattern_t *fill = cairo_pattern_create_linear(x, 0, x + width, 0);

	for (int i = -4; i <= 4; i++) {
		struct palette_rgb c = breath_color(num_exp2(i / 4.0));

		cairo_pattern_add_color_stop_rgb(fill, (i + 4) / 8.0, palette_srgb((double)c.r),
						 palette_srgb((double)c.g),
						 palette_srgb((double)c.b));
	}
	cairo_set_source(d->cr, fill);
	bar(d, x, y, width, 5);
	cairo_pattern_destroy(fill);
	right_text(d, s, x - 10, y + 6, "of its day's mean");
	left_text(d, s, x, words, "half");
	right_text(d, s, x + width, words, "twice");
	s.align = TEXT_CENTER;
	text_draw(d->text, d->cr, &s, x + width / 2, words, "1");
}

static void ramp_of_deviation(const struct desk *d)
{
	const double width = 186, x = d->width - MARGIN - width, y = shelf_of(d->scale).ramp,
		     words = y + 8 + 10 * d->scale;
	struct text_style s = style(d, 10.5, MIDDLE);
	cairo_pattern_t *fill = cairo_pattern_create_linear(x, 0, x + width, 0);

	for (int i = -4; i <= 4; i++) {
		uint32_t rgb = palette_deviation(i);

		cairo_pattern_add_color_stop_rgb(fill, (i + 4) / 8.0, (rgb >> 16) / 255.0,
						 (rgb >> 8 & 255) / 255.0, (rgb & 255) / 255.0);
	}
	cairo_set_source(d->cr, fill);
	bar(d, x, y, width, 5);
	cairo_pattern_destroy(fill);
	right_text(d, s, x - 10, y + 6, "sigmas from chance");
	left_text(d, s, x, words, "-4  fewer");
	right_text(d, s, x + width, words, "more  +4");
	s.align = TEXT_CENTER;
	text_draw(d->text, d->cr, &s, x + width / 2, words, "0");
}

/* ---- bottom: chart -------------------------------------------------------------------- */

uint32_t furniture_tick(uint32_t range_s, unsigned most)
{
	static const uint32_t steps[] = { 1,      2,      5,       10,      15,     30,
					  60,     120,    300,     600,     900,    1800,
					  3600,   7200,   10800,   21600,   43200,  86400,
					  172800, 604800, 1209600, 2592000, 7776000 };
	unsigned i = 0, n = sizeof(steps) / sizeof(steps[0]);

	while (i + 1 < n && range_s / steps[i] > most)
		i++;
	if (range_s / steps[i] <= most)
		return steps[i];
	return (range_s / most / steps[n - 1] + 1) * steps[n - 1];
}

/* @first: nothing before it has said the day. */
static void tick_label(uint32_t at_s, uint32_t step, bool first, char out[static 32])
{
	struct tm t = utc(at_s);

	if (step > 300 * 86400u / 10)
		snprintf(out, 32, "%s %d", MONTHS[t.tm_mon], t.tm_year + 1900);
	else if (at_s % 86400 == 0)
		snprintf(out, 32, "%d %s", t.tm_mday, MONTHS[t.tm_mon]);
	else if (first && step >= 60)
		snprintf(out, 32, "%d %s, %02d:%02d", t.tm_mday, MONTHS[t.tm_mon], t.tm_hour,
			 t.tm_min);
	else if (step < 60)
		snprintf(out, 32, "%02d:%02d:%02d", t.tm_hour, t.tm_min, t.tm_sec);
	else
		snprintf(out, 32, "%02d:%02d", t.tm_hour, t.tm_min);
}

struct plot {
	double x, y, width, height; /* y of the floor */
	unsigned ticks;             /* at most */
	const struct history *h;
};

static double plot_x(const struct plot *p, double at_s)
{
	double f = (at_s - p->h->from_s) / (p->h->to_s - p->h->from_s);

	return p->x + p->width * (f < 0 ? 0 : f > 1 ? 1 : f);
}

static void plot_line(const struct desk *d, const struct plot *p)
{
	cairo_new_path(d->cr);
	for (unsigned i = 0; i <= p->h->bins; i++)
		cairo_line_to(d->cr, p->x + p->width * i / p->h->bins,
			      p->y - p->height * (double)p->h->alight[i] / (double)p->h->most);
}

/* The area between two moments. */
static void plot_area(const struct desk *d, const struct plot *p, double x0, double x1,
		      uint32_t rgb, double alpha, double line_alpha)
{
	cairo_save(d->cr);
	cairo_rectangle(d->cr, x0, p->y - p->height - 4, x1 - x0, p->height + 8);
	cairo_clip(d->cr);
	plot_line(d, p);
	cairo_line_to(d->cr, p->x + p->width, p->y);
	cairo_line_to(d->cr, p->x, p->y);
	cairo_close_path(d->cr);
	use_color(d->cr, rgb, alpha);
	cairo_fill(d->cr);
	plot_line(d, p);
	use_color(d->cr, 0xa9bcdf, line_alpha);
	cairo_set_line_width(d->cr, 1.25);
	cairo_stroke(d->cr);
	cairo_restore(d->cr);
}

static void ticks(const struct desk *d, const struct plot *p)
{
	uint32_t step = furniture_tick(p->h->to_s - p->h->from_s, p->ticks);
	struct text_style s = style(d, 11, MIDDLE);
	uint64_t at = ((uint64_t)p->h->from_s + step - 1) / step * step;
	double free_from = p->x - 40;
	bool first = true;

	s.align = TEXT_CENTER;
	for (; at <= p->h->to_s; at += step) {
		double x = plot_x(p, (double)at), half;
		char label[32];

		use_color(d->cr, FAINT, 0.9);
		bar(d, x - 0.5, p->y + 3, 1, 4);
		tick_label((uint32_t)at, step, first, label);
		half = text_width(d->text, &s, label) / 2;
		if (x - half < free_from || x + half > p->x + p->width + 40)
			continue;
		text_draw(d->text, d->cr, &s, x, p->y + 10 + 10 * d->scale, label);
		free_from = x + half + 12;
		first = false;
	}
}

/* Where the chart lies; false where there is none. */
static bool plot_of(const struct furniture *f, double width, struct plot *p)
{
	double scale = f->text_scale > 0 ? f->text_scale : 1;
	double margin = (f->chart_margin > 0 ? f->chart_margin : 370) * (scale > 1 ? scale : 1);

	*p = (struct plot){ .x = margin,
			    .y = shelf_of(scale).floor,
			    .width = width - 2 * margin,
			    .height = 52,
			    .ticks = 9,
			    .h = f->history };
	if (f->chart_aside) {
		p->x = width - MARGIN - 230;
		p->y = 41 + 76 * scale + 80;
		p->width = 230;
		p->ticks = 3;
	}
	return p->h && p->h->to_s > p->h->from_s && p->h->most && p->width >= 120;
}

static double playhead(const struct furniture *f, const struct plot *p)
{
	return f->at_s ? plot_x(p, (double)f->at_s) : p->x + p->width;
}

static void chart(const struct desk *d)
{
	bool all = d->layers == FURNITURE_ALL;
	struct plot p;
	double now;

	if (!plot_of(d->f, d->width, &p))
		return;
	now = playhead(d->f, &p);
	if (on(d, FURNITURE_PLAYED))
		plot_area(d, &p, p.x, all ? now : p.x + p.width, 0x5a7096, 0.50, 1);
	if (on(d, FURNITURE_FIXED)) {
		plot_area(d, &p, all ? now : p.x, p.x + p.width, 0x5a7096, 0.14, 0.3);
		use_color(d->cr, FAINT, 0.35);
		bar(d, p.x, p.y, p.width, 1);
		ticks(d, &p);
	}
	if (on(d, FURNITURE_MOVING)) {
		use_color(d->cr, BRIGHT, 1);
		bar(d, now - 0.75, p.y - p.height - 6, 1.5, p.height + 11);
	}
}

static void sources(const struct desk *d)
{
	struct text_style s = style(d, 10.5, FAINT), mark = style(d, 10.5, MIDDLE);
	double x = d->width - MARGIN, y = 1066;
	char line[640];

	mark.face = TEXT_SEMIBOLD;
	mark.tracking_px = 0.6;
	mark.align = TEXT_RIGHT;
	if (d->f->synthetic)
		x -= text_draw(d->text, d->cr, &mark, x, y, "SYNTHETIC SAMPLE") + 16;
	snprintf(line, sizeof(line), "%s%s%s", d->f->attribution ? d->f->attribution : "",
		 d->f->mapped && d->f->attribution && d->f->attribution[0] ? "  ·  " : "",
		 d->f->mapped ? "Map: Natural Earth" : "");
	text_fit(d->text, &s, line, sizeof(line), x - MARGIN);
	right_text(d, s, x, y, line);
}

/* A box in U as whole pixels of the overlay. */
static struct furniture_box pixels(const struct furniture_box *of, double x0, double y0, double x1,
				   double y1)
{
	double u = of->height / 1080.0, w = of->width / u;
	struct furniture_box b = { .stride = of->stride };

	x0 = x0 < 0 ? 0 : x0 > w ? w : x0;
	x1 = x1 < x0 ? x0 : x1 > w ? w : x1;
	y1 = y1 > 1080 ? 1080 : y1;
	y0 = y0 < 0 ? 0 : y0 > y1 ? y1 : y0;
	b.x = of->x + (unsigned)(x0 * u);
	b.y = of->y + (unsigned)(y0 * u);
	b.width = of->x + (unsigned)(x1 * u) - b.x;
	b.height = of->y + (unsigned)(y1 * u) - b.y;
	return b;
}

unsigned furniture_moving(const struct furniture *f, const struct furniture_box *box,
			  struct furniture_box out[FURNITURE_BOXES], struct furniture_box *played)
{
	double width = box->width / (box->height / 1080.0);
	double scale = f->text_scale > 0 ? f->text_scale : 1, now;
	const struct shelf at = shelf_of(scale);
	double low = at.count - 40 * scale; /* over the counter */
	struct plot p;
	unsigned n = 0;

	out[n++] = pixels(box, width - MARGIN - 330 * scale, 20, width, 41 + 76 * scale);
	out[n++] = pixels(box, MARGIN - 4, at.legend - (FURNITURE_ROWS + 0.4) * 24 * scale,
			  MARGIN + 250 * scale, at.legend + 14 * scale);
	out[n++] = pixels(box, 0, low < 930 ? low : 930, width,
			  1060); /* counters, chart, caption's foot */
	out[n++] = pixels(box, width - MARGIN - 330 * scale, at.figure - 3.4 * 52 * scale, width,
			  at.figure);
	out[n++] = pixels(box, at.aside, at.caption - 24 - 16 * scale, width - at.aside,
			  at.caption + 14 * scale);
	*played = (struct furniture_box){ 0 };
	if (plot_of(f, width, &p)) {
		now = playhead(f, &p);
		*played = pixels(box, p.x, p.y - p.height - 8, now, p.y + 2);
		if (f->chart_aside)
			out[n++] = pixels(box, p.x - 4, p.y - p.height - 10, width, p.y + 8);
	}
	return n;
}

static void draw_all(const struct desk *d)
{
	if (on(d, FURNITURE_FIXED))
		title(d);
	if (on(d, FURNITURE_MOVING))
		clock_face(d);
	legend(d);
	counters(d);
	facts(d);
	if (on(d, FURNITURE_FIXED)) {
		if (d->f->breath)
			ramp_of_breath(d);
		else if (d->f->deviation)
			ramp_of_deviation(d);
		else if (d->f->tone)
			ramp(d);
		sources(d);
	}
	chart(d);
	if (on(d, FURNITURE_MOVING))
		caption(d);
}

int furniture_draw(const struct furniture *f, const struct furniture_box *box, unsigned layers,
		   uint32_t *overlay)
{
	uint32_t *corner = overlay + (size_t)box->y * box->stride + box->x;
	cairo_surface_t *surface = cairo_image_surface_create_for_data(
		(unsigned char *)corner, CAIRO_FORMAT_ARGB32, (int)box->width, (int)box->height,
		(int)box->stride * 4);
	double u = box->height / 1080.0;
	struct text *own = NULL;
	struct desk d = { .f = f,
			  .cr = cairo_create(surface),
			  .width = box->width / u,
			  .layers = layers,
			  .scale = f->text_scale > 0 ? f->text_scale : 1 };
	int err = f->text ? 0 : text_open(&own);

	if (!err) {
		d.text = f->text ? f->text : own;
		cairo_set_antialias(d.cr, CAIRO_ANTIALIAS_BEST);
		cairo_scale(d.cr, u, u);
		draw_all(&d);
		if (cairo_status(d.cr))
			err = -ENOMEM;
		cairo_surface_flush(surface);
	}
	text_close(own);
	cairo_destroy(d.cr);
	cairo_surface_destroy(surface);
	return err;
}
