/* SPDX-License-Identifier: MIT */
#include "bench/chart.h"

#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cairo.h>

#include "viz/png_out.h"
#include "viz/text.h"

enum {
	NAME_MAX_BYTES = 64,
	CORES = 2, /* of the benchmark: one asks and answers on each */
	WIDTH = 1400,
	MARGIN = 56,
	LABEL_WIDTH = 340,
	BAR_LEFT = MARGIN + LABEL_WIDTH,
	BAR_WIDTH = 660,
	ROW_HEIGHT = 30,
	BAR_HEIGHT = 17,
	HEAD_HEIGHT = 74,
	TITLE_HEIGHT = 96,
	FOOT_HEIGHT = 44,
	GROUND = 0x0b1020,
	TRACK = 0x151c30,
	INK = 0xe8ecf4,
	FAINT = 0x8b95a9,
	OURS = 0x5ec8f2,
	BARE = 0x566178,
	RIVAL = 0xe07a5f,
};

static const double LOG_FROM = 30;

struct row {
	char name[NAME_MAX_BYTES];
	unsigned group;
	double rate, ratio; /* ratio to the bare loop; 0 = none */
	double spread;      /* best / median */
};

static const struct group {
	const char *prefix, *title, *what;
} groups[] = {
	{ "wire_send.", "Sending alone",
	  "packets/s over veth for which one core has the CPU, 100 bytes" },
	{ "transactions.", "Asking and hearing, over sockets",
	  "answered transactions/s for which two cores have the CPU, both ends together" },
	{ "transactions_packet.", "Asking and hearing, frames by AF_PACKET",
	  "the same over a veth pair" },
	{ "transactions_xdp.", "Asking and hearing, frames by AF_XDP",
	  "the same over a veth pair" },
	{ "rivals.", "Crawling", "distinct nodes/s that answered, of the same simulated network" },
};
enum { GROUPS = sizeof(groups) / sizeof(groups[0]) };

/* What a row is called, in the order in which rows stand: ours below the bare loop of its kind. */
static const struct label {
	unsigned group;
	const char *name, *words;
} labels[] = {
	{ 0, "sendmmsg", "bare sendmmsg, UDP socket" },
	{ 0, "device_mmsg", "dht-telescope, mmsg" },
	{ 0, "op_send", "bare io_uring OP_SEND, UDP socket" },
	{ 0, "op_sendmsg", "bare io_uring OP_SENDMSG, UDP socket" },
	{ 0, "device_uring", "dht-telescope, uring" },
	{ 0, "zmap", "zmap, AF_PACKET" },
	{ 0, "masscan", "masscan, libpcap" },
	{ 0, "packet_sendmmsg", "bare sendmmsg, AF_PACKET" },
	{ 0, "packet_op_send", "bare io_uring OP_SEND, AF_PACKET" },
	{ 0, "device_packet", "dht-telescope, packet" },
	{ 0, "xdp", "bare AF_XDP" },
	{ 0, "kxdpgun", "kxdpgun, AF_XDP" },
	{ 0, "device_xdp", "dht-telescope, xdp" },
	{ 1, "bare_mmsg", "bare sendmmsg, recvmmsg" },
	{ 1, "engine_mmsg", "dht-telescope, mmsg" },
	{ 1, "bare_uring", "bare io_uring, multishot" },
	{ 1, "engine_uring", "dht-telescope, uring" },
	{ 2, "bare_mmsg", "bare sendmmsg, UDP socket" },
	{ 2, "engine_mmsg", "dht-telescope, mmsg" },
	{ 2, "bare", "bare sendmmsg, AF_PACKET" },
	{ 2, "bare_op_send", "bare io_uring OP_SEND, AF_PACKET" },
	{ 2, "engine", "dht-telescope, packet" },
	{ 3, "bare", "bare AF_XDP" },
	{ 3, "engine", "dht-telescope, xdp" },
	{ 4, "dht-telescope-random1", "dht-telescope, one question a node" },
	{ 4, "dht-telescope", "dht-telescope, a census" },
	{ 4, "bittorrent-dht-codec", "bittorrent-dht's codec, loop by hand" },
	{ 4, "python-tuned", "plain Python, loop by hand" },
	{ 4, "python-asyncio", "Python, asyncio and a codec" },
	{ 4, "bittorrent-dht", "bittorrent-dht, its lookups" },
	{ 4, "libtorrent", "libtorrent, its DHT" },
};
enum { LABELS = sizeof(labels) / sizeof(labels[0]) };

/* Place among labels; LABELS for a name that has none. */
static unsigned label_of(unsigned group, const char *name)
{
	unsigned i = 0;

	while (i < LABELS && (labels[i].group != group || strcmp(labels[i].name, name)))
		i++;
	return i;
}

struct chart {
	unsigned count;
	char kernel[64], cpu[96];
	struct row rows[CHART_ROWS_MAX];
};

int chart_new(struct chart **out)
{
	*out = calloc(1, sizeof(**out));
	return *out ? 0 : -ENOMEM;
}

void chart_free(struct chart *c)
{
	free(c);
}

/* ---- reading ------------------------------------------------------------------------ */

/* The text behind "key": on one line; our lines have no such text within a value. */
static const char *value_of(const char *line, const char *key)
{
	char quoted[40];
	const char *at;

	snprintf(quoted, sizeof(quoted), "\"%s\":", key);
	at = strstr(line, quoted);
	if (!at)
		return NULL;
	at += strlen(quoted);
	return at + strspn(at, " ");
}

static double number_of(const char *line, const char *key)
{
	const char *at = value_of(line, key);
	double v = at ? strtod(at, NULL) : 0;

	return isfinite(v) && v > 0 ? v : 0;
}

static void text_of(const char *line, const char *key, char *out, size_t cap)
{
	const char *at = value_of(line, key), *end = at && *at == '"' ? strchr(at + 1, '"') : NULL;

	out[0] = '\0';
	if (end)
		snprintf(out, cap, "%.*s", (int)(end - at - 1), at + 1);
}

static int group_of(const char *name)
{
	for (unsigned g = 0; g < GROUPS; g++)
		if (strncmp(name, groups[g].prefix, strlen(groups[g].prefix)) == 0)
			return (int)g;
	return -1;
}

/* 1 where the line is a row, else 0. */
static int take(struct chart *c, const char *line)
{
	struct row r = { .spread = 1 };
	char name[2 * NAME_MAX_BYTES], unit[16];
	double median = number_of(line, "median"), best = number_of(line, "best"), cpu;
	int group;

	text_of(line, "name", name, sizeof(name));
	text_of(line, "unit", unit, sizeof(unit));
	group = group_of(name);
	if (group < 0)
		return 0;
	r.rate = median > 0 && strcmp(unit, "ns") == 0 ? 1e9 / median
		 : median > 0                          ? median
						       : number_of(line, "nodes_per_s");
	cpu = number_of(line, "cpu_ns") + number_of(line, "farm_cpu_ns");
	/* CPU time says what a core can do, whatever else ran on it (B-31); asker and network
	 * share theirs. */
	if (number_of(line, "farm_cpu_ns") > 0)
		r.rate = CORES * 1e9 / cpu;
	else if (cpu > 0)
		r.rate = 1e9 / cpu;
	if (r.rate <= 0)
		return 0;
	if (median > 0 && best > 0)
		r.spread = strcmp(unit, "ns") == 0 ? median / best : best / median;
	r.ratio = number_of(line, "ratio_by_cpu");
	if (r.ratio == 0 && strstr(name, "device_"))
		r.ratio = number_of(line, "ratio_to_bare");
	r.group = (unsigned)group;
	snprintf(r.name, sizeof(r.name), "%.*s", NAME_MAX_BYTES - 1,
		 name + strlen(groups[group].prefix));
	if (!c->kernel[0]) {
		text_of(line, "kernel", c->kernel, sizeof(c->kernel));
		text_of(line, "cpu", c->cpu, sizeof(c->cpu));
	}
	c->rows[c->count++] = r;
	return 1;
}

int chart_read(struct chart *c, FILE *in)
{
	char line[CHART_LINE_MAX];
	int taken = 0;

	while (fgets(line, sizeof(line), in)) {
		if (c->count == CHART_ROWS_MAX)
			return DT_EFULL;
		taken += take(c, line);
	}
	return taken;
}

/* ---- drawing -------------------------------------------------------------------------- */

struct pen {
	cairo_t *cr;
	struct text *text;
};

static void paint(struct pen *p, uint32_t rgb)
{
	cairo_set_source_rgb(p->cr, (rgb >> 16 & 255) / 255.0, (rgb >> 8 & 255) / 255.0,
			     (rgb & 255) / 255.0);
}

static void say(struct pen *p, double x, double y, double size, uint32_t rgb, enum text_face face,
		enum text_align align, const char *words)
{
	struct text_style s = {
		.face = face, .align = align, .size_px = size, .rgb = rgb, .tabular = true
	};

	(void)text_draw(p->text, p->cr, &s, x, y, words);
}

static bool is_rival(const struct row *r)
{
	return strcmp(groups[r->group].prefix, "rivals.") == 0
		       ? strncmp(r->name, "dht-telescope", 13) != 0
		       : !strcmp(r->name, "zmap") || !strcmp(r->name, "masscan") ||
				 !strcmp(r->name, "kxdpgun");
}

static bool is_ours(const struct row *r)
{
	return !is_rival(r) && (strstr(r->name, "device") || strstr(r->name, "engine") ||
				strstr(r->name, "telescope"));
}

static const char *short_rate(double v, char out[static 24])
{
	if (v >= 999500)
		snprintf(out, 24, "%.2f M/s", v / 1e6);
	else if (v >= 9995)
		snprintf(out, 24, "%.0f k/s", v / 1e3);
	else
		snprintf(out, 24, "%.0f /s", v);
	return out;
}

struct scale {
	double most, least;
	bool log;
};

static struct scale scale_of(const struct chart *c, unsigned group)
{
	struct scale s = { 0, INFINITY, false };

	for (unsigned i = 0; i < c->count; i++) {
		if (c->rows[i].group != group)
			continue;
		s.most = fmax(s.most, c->rows[i].rate);
		s.least = fmin(s.least, c->rows[i].rate);
	}
	s.log = s.most > LOG_FROM * s.least;
	return s;
}

static double length_of(const struct scale *s, double rate)
{
	if (!s->log)
		return BAR_WIDTH * rate / s->most;
	return BAR_WIDTH * (0.06 + 0.94 * log(rate / s->least) / log(s->most / s->least));
}

static void draw_row(struct pen *p, const struct row *r, const struct scale *s, double y)
{
	double length = length_of(s, r->rate);
	uint32_t rgb = is_ours(r) ? OURS : is_rival(r) ? RIVAL : BARE;
	unsigned label = label_of(r->group, r->name);
	char words[96], rate[24];

	snprintf(words, sizeof(words), "%s", label < LABELS ? labels[label].words : r->name);
	say(p, BAR_LEFT - 16, y + BAR_HEIGHT - 3, 15, is_ours(r) ? INK : FAINT,
	    is_ours(r) ? TEXT_SEMIBOLD : TEXT_REGULAR, TEXT_RIGHT, words);
	paint(p, TRACK);
	cairo_rectangle(p->cr, BAR_LEFT, y, BAR_WIDTH, BAR_HEIGHT);
	cairo_fill(p->cr);
	paint(p, rgb);
	cairo_rectangle(p->cr, BAR_LEFT, y, length, BAR_HEIGHT);
	cairo_fill(p->cr);
	if (r->ratio > 0 && is_ours(r))
		snprintf(words, sizeof(words), "%s   %.2f of the bare loop",
			 short_rate(r->rate, rate), r->ratio);
	else
		snprintf(words, sizeof(words), "%s", short_rate(r->rate, rate));
	say(p, BAR_LEFT + BAR_WIDTH + 14, y + BAR_HEIGHT - 3, 15, INK, TEXT_REGULAR, TEXT_LEFT,
	    words);
}

static double draw_group(struct pen *p, const struct chart *c, unsigned group, double y)
{
	struct scale s = scale_of(c, group);
	char what[160];

	if (s.most <= 0)
		return y;
	say(p, MARGIN, y + 34, 21, INK, TEXT_SEMIBOLD, TEXT_LEFT, groups[group].title);
	snprintf(what, sizeof(what), "%s%s", groups[group].what, s.log ? " (logarithmic)" : "");
	say(p, MARGIN, y + 56, 14, FAINT, TEXT_REGULAR, TEXT_LEFT, what);
	y += HEAD_HEIGHT;
	for (unsigned i = 0; i < c->count; i++) {
		if (c->rows[i].group != group)
			continue;
		draw_row(p, &c->rows[i], &s, y);
		y += ROW_HEIGHT;
	}
	return y;
}

static unsigned height_of(const struct chart *c)
{
	unsigned height = TITLE_HEIGHT + FOOT_HEIGHT + c->count * ROW_HEIGHT;

	for (unsigned g = 0; g < GROUPS; g++)
		for (unsigned i = 0; i < c->count; i++)
			if (c->rows[i].group == g) {
				height += HEAD_HEIGHT;
				break;
			}
	return height;
}

static void draw_all(struct pen *p, const struct chart *c, unsigned height)
{
	static const struct {
		uint32_t rgb;
		const char *words;
	} key[] = { { OURS, "dht-telescope" }, { BARE, "bare loop" }, { RIVAL, "other programs" } };
	double y = TITLE_HEIGHT, x = WIDTH - MARGIN - 3 * 140;
	char foot[256];

	paint(p, GROUND);
	cairo_paint(p->cr);
	say(p, MARGIN, 62, 30, INK, TEXT_SEMIBOLD, TEXT_LEFT,
	    "How fast, beside the machine's limit");
	for (unsigned i = 0; i < 3; i++, x += 140) {
		paint(p, key[i].rgb);
		cairo_rectangle(p->cr, x, 48, 14, 14);
		cairo_fill(p->cr);
		say(p, x + 20, 61, 14, FAINT, TEXT_REGULAR, TEXT_LEFT, key[i].words);
	}
	for (unsigned g = 0; g < GROUPS; g++)
		y = draw_group(p, c, g, y);
	snprintf(foot, sizeof(foot), "%s, Linux %s; medians, each group in one interleaved run",
		 c->cpu, c->kernel);
	say(p, MARGIN, height - 20, 13, FAINT, TEXT_REGULAR, TEXT_LEFT, foot);
}

/* cairo's pixels are words 0xXXRRGGBB; a picture wants bytes. */
static uint8_t *to_rgba(cairo_surface_t *s, unsigned height)
{
	const uint8_t *from = cairo_image_surface_get_data(s);
	unsigned stride = (unsigned)cairo_image_surface_get_stride(s);
	uint8_t *out = malloc((size_t)WIDTH * height * 4);

	for (unsigned y = 0; out && y < height; y++)
		for (unsigned x = 0; x < WIDTH; x++) {
			uint8_t *to = out + ((size_t)y * WIDTH + x) * 4;
			uint32_t v;

			memcpy(&v, from + (size_t)y * stride + x * 4, 4);
			to[0] = (uint8_t)(v >> 16);
			to[1] = (uint8_t)(v >> 8);
			to[2] = (uint8_t)v;
			to[3] = 255;
		}
	return out;
}

/* By group, then as labels stand; what has none, as it was read. */
static int by_label(const void *a, const void *b)
{
	const struct row *x = a, *y = b;
	unsigned i = label_of(x->group, x->name), k = label_of(y->group, y->name);

	if (x->group != y->group)
		return x->group < y->group ? -1 : 1;
	if (i != k)
		return i < k ? -1 : 1;
	return strcmp(x->name, y->name);
}

int chart_draw(struct chart *c, const char *path, char why[static CHART_WHY_MAX])
{
	unsigned height = height_of(c);
	cairo_surface_t *surface;
	struct pen p = { NULL, NULL };
	uint8_t *rgba = NULL;
	int err;

	snprintf(why, CHART_WHY_MAX,
		 "no line that a chart could show; it knows wire_send, "
		 "transactions* and rivals");
	if (c->count == 0)
		return DT_EMISSING;
	qsort(c->rows, c->count, sizeof(c->rows[0]), by_label);
	snprintf(why, CHART_WHY_MAX, "out of memory");
	err = text_open(&p.text);
	if (err)
		return err;
	surface = cairo_image_surface_create(CAIRO_FORMAT_RGB24, WIDTH, (int)height);
	p.cr = cairo_create(surface);
	draw_all(&p, c, height);
	cairo_surface_flush(surface);
	err = cairo_status(p.cr) ? -ENOMEM : 0;
	if (!err)
		rgba = to_rgba(surface, height);
	if (!err)
		err = rgba ? png_out_write(path, rgba, WIDTH, height, why) : -ENOMEM;
	free(rgba);
	cairo_destroy(p.cr);
	cairo_surface_destroy(surface);
	text_close(p.text);
	return err;
}
