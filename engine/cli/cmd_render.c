/* SPDX-License-Identifier: MIT */
/** DOC: `render`: a store as a picture, or as a film. */
#include <argp.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "engine/cli/args.h"
#include "engine/cli/cli.h"
#include "engine/cli/make_film.h"
#include "store/store.h"
#include "viz/captions.h"
#include "viz/render.h"

struct render_args {
	struct make_film film; /* its render options are a still's too */
	const char *still;
	double half_life_s, cutoff_s; /* NAN = not said */
	bool sized;
};

enum {
	OPT_SIZE = 0x100,
	OPT_STILL,
	OPT_STORE,
	OPT_LAYOUT,
	OPT_PALETTE,
	OPT_COLOR_BY,
	OPT_MODE,
	OPT_WEIGHTS,
	OPT_LEGEND,
	OPT_REFERENCE,
	OPT_TITLE,
	OPT_EXPOSURE,
	OPT_TERMINATOR,
	OPT_BORDERS,
	OPT_TEXT,
	OPT_THREADS,
	OPT_AT,
	OPT_HALF,
	OPT_CUTOFF,
	OPT_OUT,
	OPT_FORMAT,
	OPT_QUALITY,
	OPT_FROM,
	OPT_TO,
	OPT_DURATION,
	OPT_STEP,
	OPT_FPS,
	OPT_EVENTS,
	OPT_FRAMES,
	OPT_SPARKS,
	OPT_HOLD,
	OPT_FFMPEG,
	OPT_QUIET,
};

enum { GROUP_WHAT = 1, GROUP_LOOK, GROUP_FILM };

static const struct argp_option options[] = {
	{ "store", OPT_STORE, "DIR", 0, "The store to draw [dht-telescope.store]", GROUP_WHAT },
	{ "still", OPT_STILL, "FILE.png", 0, "Write one picture; - = standard output [map.png]",
	  GROUP_WHAT },
	{ "out", OPT_OUT, "FILE|FOLDER", 0,
	  "Write a film: .mp4, .webm, .av1, .gif, .webp, .mkv (lossless), .apng, or a folder of "
	  "PNG files",
	  GROUP_WHAT },
	{ "size", OPT_SIZE, "WxH", 0,
	  "Pixels: 1080p, 1440p, 4k or WxH [1920x1080; gif, webp and "
	  "apng 960x540]",
	  GROUP_WHAT },
	{ "layout", OPT_LAYOUT, "NAME", 0,
	  "map, hilbert (IPv4 addresses; 4096x4096 for a poster), idmap (node ids), ring (node ids "
	  "and k-buckets) or observatory (map, hilbert and idmap; from 1440p on) [map]",
	  GROUP_WHAT },
	{ 0, 0, 0, 0, "How it looks:", GROUP_LOOK },
	{ "palette", OPT_PALETTE, "NAME", 0, "hash, focus, cvd, rir or density [hash]",
	  GROUP_LOOK },
	{ "color-by", OPT_COLOR_BY, "WHAT", 0,
	  "A hue stands for a network, country, client, class or registry [network]", GROUP_LOOK },
	{ "title", OPT_TITLE, "TEXT", 0, "Top left [DHT TELESCOPE]", GROUP_LOOK },
	{ "exposure", OPT_EXPOSURE, "N", 0,
	  "Nodes in a pixel that give full light; 0 = from the data", GROUP_LOOK },
	{ "terminator", OPT_TERMINATOR, "BOOL", OPTION_ARG_OPTIONAL, "Day and night [true]",
	  GROUP_LOOK },
	{ "borders", OPT_BORDERS, NULL, 0, "Hairline country borders", GROUP_LOOK },
	{ "text-scale", OPT_TEXT, "X", 0, "Size of all text, 0.5 to 2 [1]", GROUP_LOOK },
	{ "at", OPT_AT, "TIME", 0,
	  "The instant of a still, Unix or as 2026-11-21T14:00; 0 = the last sighting",
	  GROUP_LOOK },
	{ "half-life-min", OPT_HALF, "MIN", 0,
	  "Fade nodes by age; 0 = all in full light [a still 0, a film 15]", GROUP_LOOK },
	{ "cutoff-hours", OPT_CUTOFF, "H", 0,
	  "Leave out nodes older than this; 0 = none [a still 0, a film 6]", GROUP_LOOK },
	{ "reference", OPT_REFERENCE, "HEX", 0,
	  "Of a ring: the id whose k-buckets it shows, by its first 8 digits [80000000]",
	  GROUP_LOOK },
	{ "threads", OPT_THREADS, "N", 0, "0 = all cores; never changes a byte", GROUP_LOOK },
	{ 0, 0, 0, 0, "Films:", GROUP_FILM },
	{ "mode", OPT_MODE, "NAME", 0,
	  "glow, breath (more or fewer than in the day's mean) or cumulative [glow]", GROUP_FILM },
	{ "weights", OPT_WEIGHTS, "NAME", 0,
	  "sightings (bright at each one; needs a log of them) or span (lit from the first to the "
	  "last) [sightings where there is a log]",
	  GROUP_FILM },
	{ "hold-min", OPT_HOLD, "MIN", 0,
	  "With sightings: lit so long after each, then fading [the time between two censuses]",
	  GROUP_FILM },
	{ "from", OPT_FROM, "TIME", 0, "Begin [the first sighting]", GROUP_FILM },
	{ "to", OPT_TO, "TIME", 0, "End [the last sighting]", GROUP_FILM },
	{ "duration", OPT_DURATION, "S", 0,
	  "About how long; the step becomes a round one [60; gif, webp and apng 10]", GROUP_FILM },
	{ "step", OPT_STEP, "S", 0, "Time from frame to frame, instead", GROUP_FILM },
	{ "fps", OPT_FPS, "N", 0, "Frames per second [30; gif, webp and apng 15]", GROUP_FILM },
	{ "format", OPT_FORMAT, "NAME", 0,
	  "png, apng, mp4, webm, av1, gif, webp or ffv1 [by the name of --out]", GROUP_FILM },
	{ "quality", OPT_QUALITY, "NAME", 0, "normal, or high: slower and better [normal]",
	  GROUP_FILM },
	{ "events", OPT_EVENTS, "FILE", 0, "Captions: lines TIME<TAB>TEXT", GROUP_FILM },
	{ "legend", OPT_LEGEND, "NAME", 0,
	  "fixed (order of the whole run) or race (order of the instant) [fixed]", GROUP_FILM },
	{ "sparks", OPT_SPARKS, "BOOL", OPTION_ARG_OPTIONAL, "What is new flashes [true]",
	  GROUP_FILM },
	{ "frames", OPT_FRAMES, "A-B", 0,
	  "Only these, counted from 0: a film may be made in parts; the same bytes", GROUP_FILM },
	{ "ffmpeg", OPT_FFMPEG, "PROGRAM", 0, "What makes videos [ffmpeg]", GROUP_FILM },
	{ "quiet", OPT_QUIET, NULL, 0, "No progress", GROUP_FILM },
	{ 0 },
};

static uint64_t instant(const char *arg, const char *flag, struct argp_state *state)
{
	uint64_t t = 0;

	if (captions_time(arg, strlen(arg), &t))
		argp_error(state,
			   "--%s: '%s' is neither Unix seconds nor a time such as "
			   "2026-11-21T14:00",
			   flag, arg);
	return t;
}

static void parse_size(const char *arg, struct render_opts *o, struct argp_state *state)
{
	char rest;

	if (!strcmp(arg, "1080p"))
		arg = "1920x1080";
	else if (!strcmp(arg, "1440p"))
		arg = "2560x1440";
	else if (!strcmp(arg, "4k") || !strcmp(arg, "4K"))
		arg = "3840x2160";
	if (sscanf(arg, "%5ux%5u%c", &o->width, &o->height, &rest) != 2 || o->width < 320 ||
	    o->height < 180 || o->width > 16384 || o->height > 16384)
		argp_error(state,
			   "--size: '%s' is not 1080p, 1440p, 4k or WxH from 320x180 to "
			   "16384x16384",
			   arg);
}

/* One of a few words: its number. */
static unsigned choice(const char *arg, const char *const *names, const char *flag,
		       struct argp_state *state)
{
	char all[128] = "";

	for (unsigned i = 0; names[i]; i++) {
		if (strcmp(arg, names[i]) == 0)
			return i;
		snprintf(all + strlen(all), sizeof(all) - strlen(all), "%s%s", i ? ", " : "",
			 names[i]);
	}
	argp_error(state, "--%s: '%s' is none of %s", flag, arg, all);
	return 0;
}

static uint32_t hex(const char *arg, struct argp_state *state)
{
	char digits[9] = "00000000";
	size_t n = strspn(arg, "0123456789abcdefABCDEF");

	if (n == 0 || arg[n] || n > 40)
		argp_error(state, "--reference: '%s' is no id in hex", arg);
	memcpy(digits, arg, n < 8 ? n : 8);
	return (uint32_t)strtoul(digits, NULL, 16);
}

static void parse_frames(const char *arg, struct make_film *m, struct argp_state *state)
{
	unsigned a, b;
	char rest;

	if (sscanf(arg, "%7u-%7u%c", &a, &b, &rest) != 2 || b < a)
		argp_error(state, "--frames: '%s' is not A-B, two numbers from 0 on", arg);
	m->first = a;
	m->count = b - a + 1;
}

static error_t parse_film(int key, char *arg, struct argp_state *state)
{
	static const char *const qualities[] = { "normal", "high", NULL };
	struct render_args *a = state->input;
	struct film_wish *w = &a->film.film.wish;

	switch (key) {
	case OPT_OUT:
		a->film.out = arg;
		break;
	case OPT_FORMAT:
		a->film.format = arg;
		break;
	case OPT_QUALITY:
		a->film.high = choice(arg, qualities, "quality", state) == 1;
		break;
	case OPT_FROM:
		w->from_s = instant(arg, "from", state);
		break;
	case OPT_TO:
		w->to_s = instant(arg, "to", state);
		break;
	case OPT_DURATION:
		w->duration_s = args_number(arg, 0.1, 36000, "duration", state);
		break;
	case OPT_STEP:
		w->step_s = (uint32_t)args_number(arg, 1, 86400 * 366.0, "step", state);
		break;
	case OPT_FPS:
		w->fps = args_number(arg, 1, FILM_FPS_MAX, "fps", state);
		break;
	case OPT_HOLD:
		a->film.film.hold_s = 60 * args_number(arg, 0, 1e6, "hold-min", state);
		break;
	case OPT_EVENTS:
		a->film.film.events = arg;
		break;
	case OPT_FRAMES:
		parse_frames(arg, &a->film, state);
		break;
	case OPT_FFMPEG:
		a->film.ffmpeg = arg;
		break;
	case OPT_QUIET:
		a->film.quiet = true;
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

static error_t parse_look(int key, char *arg, struct argp_state *state)
{
	static const char *const modes[] = { "glow", "breath", "cumulative", NULL };
	static const char *const weights[] = { "auto", "sightings", "span", NULL };
	static const char *const legends[] = { "fixed", "race", NULL };
	struct render_args *a = state->input;
	struct render_opts *o = &a->film.film.render;

	switch (key) {
	case OPT_PALETTE:
		o->palette = arg;
		break;
	case OPT_COLOR_BY:
		o->color_by = arg;
		break;
	case OPT_MODE:
		o->mode = (enum render_mode)choice(arg, modes, "mode", state);
		break;
	case OPT_WEIGHTS:
		o->weights = (enum render_weights)choice(arg, weights, "weights", state);
		break;
	case OPT_LEGEND:
		o->race = choice(arg, legends, "legend", state) == 1;
		break;
	case OPT_REFERENCE:
		o->reference = hex(arg, state);
		break;
	case OPT_TITLE:
		o->title = arg;
		break;
	case OPT_EXPOSURE:
		o->exposure = args_number(arg, 0, 1e9, "exposure", state);
		break;
	case OPT_TERMINATOR:
		o->terminator = !arg || strcmp(arg, "false") != 0;
		break;
	case OPT_SPARKS:
		o->no_sparks = arg && strcmp(arg, "false") == 0;
		break;
	case OPT_BORDERS:
		o->borders = true;
		break;
	default:
		return parse_film(key, arg, state);
	}
	return 0;
}

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
	struct render_args *a = state->input;
	struct render_opts *o = &a->film.film.render;

	switch (key) {
	case OPT_STORE:
		a->film.store = arg;
		break;
	case OPT_STILL:
		a->still = arg;
		break;
	case OPT_SIZE:
		parse_size(arg, o, state);
		a->sized = true;
		break;
	case OPT_LAYOUT:
		o->layout = arg;
		break;
	case OPT_TEXT:
		o->text_scale = args_number(arg, 0.5, 2, "text-scale", state);
		break;
	case OPT_AT:
		o->at_s = instant(arg, "at", state);
		break;
	case OPT_HALF:
		a->half_life_s = 60 * args_number(arg, 0, 1e6, "half-life-min", state);
		break;
	case OPT_CUTOFF:
		a->cutoff_s = 3600 * args_number(arg, 0, 1e5, "cutoff-hours", state);
		break;
	case OPT_THREADS:
		o->threads = (unsigned)args_number(arg, 0, 64, "threads", state);
		break;
	case ARGP_KEY_END:
		if (a->film.out && a->still)
			argp_error(state,
				   "--still makes a picture and --out a film: one at a time");
		break;
	default:
		return parse_look(key, arg, state);
	}
	return 0;
}

/* What was not said follows from what is made. */
static void fill_defaults(struct render_args *a)
{
	struct film_wish *w = &a->film.film.wish;
	struct render_opts *o = &a->film.film.render;
	enum film_format format = FILM_PNG;
	bool small;

	if (a->film.out && film_format_parse(a->film.format, a->film.out, &format))
		format = FILM_PNG; /* said again, and refused, where it is opened */
	small = a->film.out && (film_out_small(format) || format == FILM_APNG);
	if (small && !a->sized) {
		o->width = FILM_SMALL_WIDTH;
		o->height = FILM_SMALL_WIDTH * 9 / 16;
	}
	w->fps = w->fps > 0 ? w->fps : small ? 15 : 30;
	w->duration_s = w->duration_s > 0 ? w->duration_s : small ? FILM_SMALL_S : 60;
	o->half_life_s = !isnan(a->half_life_s) ? a->half_life_s : a->film.out ? 15 * 60 : 0;
	o->cutoff_s = !isnan(a->cutoff_s) ? a->cutoff_s : a->film.out ? 6 * 3600 : 0;
}

static int draw_still(const struct render_args *a)
{
	const struct render_opts *o = &a->film.film.render;
	const char *path = a->still ? a->still : "map.png";
	struct render_stats st;
	struct store_view *view;
	struct store *store;
	char why[256] = "";
	int rc = store_open(a->film.store, STORE_READ, &store, why);

	if (rc < 0)
		return cli_fail("%s", *why ? why : dt_strerror(rc));
	rc = store_view_open(store, &view);
	if (rc >= 0) {
		rc = render_still(view, o, path, &st, why);
		store_view_close(view);
	}
	store_close(store);
	if (rc == -EPIPE)
		return CLI_UNREAD;
	if (rc < 0)
		return cli_fail("%s", *why ? why : dt_strerror(rc));
	cli_say("%s: %ux%u, %llu of %llu nodes drawn, %llu networks; read %.2f s, splat %.2f s, "
		"compose %.2f s, encode %.2f s",
		path, o->width, o->height, (unsigned long long)st.drawn,
		(unsigned long long)st.nodes, (unsigned long long)st.networks, st.read_s,
		st.splat_s, st.compose_s, st.encode_s);
	return CLI_OK;
}

int cmd_render(int argc, char **argv)
{
	static const struct argp argp = {
		.options = options,
		.parser = parse_option,
		.doc = "A store as a picture or a film: every light is a node, every hue a network."
		       "\vTimes are Unix seconds or UTC as 2026-11-21T14:00. Videos are made by "
		       "the "
		       "program ffmpeg; PNG files and animated PNG need nothing else.",
	};
	struct render_args a = { .film = { .film = { .render = render_opts_default(),
						     .hold_s = -1 },
					   .store = "dht-telescope.store" },
				 .half_life_s = NAN,
				 .cutoff_s = NAN };
	char why[256] = "";
	int rc;

	argp_parse(&argp, argc, argv, 0, NULL, &a);
	fill_defaults(&a);
	if (!a.film.out)
		return draw_still(&a);
	rc = make_film_run(&a.film, why);
	return rc < 0 ? cli_fail("%s", *why ? why : dt_strerror(rc)) : CLI_OK;
}
