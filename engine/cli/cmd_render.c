/* SPDX-License-Identifier: MIT */
/** DOC: `render`: a store as a picture. */
#include <argp.h>
#include <stdlib.h>
#include <string.h>

#include "engine/cli/cli.h"
#include "store/store.h"
#include "viz/render.h"

struct render_args {
	struct render_opts opts;
	const char *store, *still;
	bool verbose;
};

enum {
	OPT_SIZE = 0x100,
	OPT_STILL,
	OPT_STORE,
	OPT_LAYOUT,
	OPT_PALETTE,
	OPT_TITLE,
	OPT_EXPOSURE,
	OPT_TERMINATOR,
	OPT_BORDERS,
	OPT_TEXT,
	OPT_THREADS,
	OPT_AT,
	OPT_HALF,
	OPT_CUTOFF
};

static const struct argp_option options[] = {
	{ "store", OPT_STORE, "DIR", 0, "The store to draw [dht-telescope.store]", 0 },
	{ "still", OPT_STILL, "FILE.png", 0, "Write one picture; - = standard output [map.png]",
	  0 },
	{ "size", OPT_SIZE, "WxH", 0, "Pixels: 1080p, 4k or WxH [1920x1080]", 0 },
	{ "layout", OPT_LAYOUT, "NAME", 0,
	  "map, hilbert (IPv4 addresses; 4096x4096 for a poster) or idmap (node ids) [map]", 0 },
	{ "palette", OPT_PALETTE, "NAME", 0, "hash, focus, cvd or density [hash]", 0 },
	{ "title", OPT_TITLE, "TEXT", 0, "Top left [DHT TELESCOPE]", 0 },
	{ "exposure", OPT_EXPOSURE, "N", 0,
	  "Nodes in a pixel that give full light; 0 = from the data", 0 },
	{ "terminator", OPT_TERMINATOR, "BOOL", OPTION_ARG_OPTIONAL, "Day and night [true]", 0 },
	{ "borders", OPT_BORDERS, NULL, 0, "Hairline country borders", 0 },
	{ "text-scale", OPT_TEXT, "X", 0, "Size of all text [1]", 0 },
	{ "at", OPT_AT, "UNIX", 0, "The instant to show; 0 = the last sighting", 0 },
	{ "half-life-min", OPT_HALF, "MIN", 0, "Fade nodes by age; 0 = all in full light [0]", 0 },
	{ "cutoff-hours", OPT_CUTOFF, "H", 0, "Leave out nodes older than this; 0 = none", 0 },
	{ "threads", OPT_THREADS, "N", 0, "0 = all cores; never changes a byte", 0 },
	{ 0 },
};

static double number(const char *arg, double min, double max, const char *flag,
		     struct argp_state *state)
{
	char *end;
	double v = strtod(arg, &end);

	if (!*arg || *end || !(v >= min && v <= max))
		argp_error(state, "--%s: '%s' is not a number from %g to %g", flag, arg, min, max);
	return v;
}

static void parse_size(const char *arg, struct render_opts *o, struct argp_state *state)
{
	char rest;

	if (!strcmp(arg, "1080p"))
		arg = "1920x1080";
	else if (!strcmp(arg, "4k") || !strcmp(arg, "4K"))
		arg = "3840x2160";
	if (sscanf(arg, "%5ux%5u%c", &o->width, &o->height, &rest) != 2 || o->width < 320 ||
	    o->height < 180 || o->width > 16384 || o->height > 16384)
		argp_error(state,
			   "--size: '%s' is not 1080p, 4k or WxH from 320x180 to 16384x16384", arg);
}

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
	struct render_args *a = state->input;
	struct render_opts *o = &a->opts;

	switch (key) {
	case OPT_STORE:
		a->store = arg;
		break;
	case OPT_STILL:
		a->still = arg;
		break;
	case OPT_SIZE:
		parse_size(arg, o, state);
		break;
	case OPT_LAYOUT:
		o->layout = arg;
		break;
	case OPT_PALETTE:
		o->palette = arg;
		break;
	case OPT_TITLE:
		o->title = arg;
		break;
	case OPT_EXPOSURE:
		o->exposure = number(arg, 0, 1e9, "exposure", state);
		break;
	case OPT_TERMINATOR:
		o->terminator = !arg || strcmp(arg, "false") != 0;
		break;
	case OPT_BORDERS:
		o->borders = true;
		break;
	case OPT_TEXT:
		o->text_scale = number(arg, 0.5, 4, "text-scale", state);
		break;
	case OPT_AT:
		o->at_s = (uint64_t)number(arg, 0, 4e9, "at", state);
		break;
	case OPT_HALF:
		o->half_life_s = 60 * number(arg, 0, 1e6, "half-life-min", state);
		break;
	case OPT_CUTOFF:
		o->cutoff_s = 3600 * number(arg, 0, 1e5, "cutoff-hours", state);
		break;
	case OPT_THREADS:
		o->threads = (unsigned)number(arg, 0, 64, "threads", state);
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

int cmd_render(int argc, char **argv)
{
	static const struct argp argp = {
		.options = options,
		.parser = parse_option,
		.doc = "A store as a picture: every light is a node, every hue a network.",
	};
	struct render_args a = { .opts = render_opts_default(),
				 .store = "dht-telescope.store",
				 .still = "map.png" };
	struct render_stats st;
	struct store_view *view;
	struct store *store;
	char why[256] = "";
	int rc;

	argp_parse(&argp, argc, argv, 0, NULL, &a);
	rc = store_open(a.store, STORE_READ, &store, why);
	if (rc < 0)
		return cli_fail("%s", *why ? why : dt_strerror(rc));
	rc = store_view_open(store, &view);
	if (rc >= 0) {
		rc = render_still(view, &a.opts, a.still, &st, why);
		store_view_close(view);
	}
	store_close(store);
	if (rc < 0)
		return cli_fail("%s", *why ? why : dt_strerror(rc));
	cli_say("%s: %ux%u, %llu of %llu nodes drawn, %llu networks; read %.2f s, splat %.2f s, "
		"compose %.2f s, encode %.2f s",
		a.still, a.opts.width, a.opts.height, (unsigned long long)st.drawn,
		(unsigned long long)st.nodes, (unsigned long long)st.networks, st.read_s,
		st.splat_s, st.compose_s, st.encode_s);
	return CLI_OK;
}
