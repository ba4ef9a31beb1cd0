/* SPDX-License-Identifier: MIT */
/**
 * DOC: `demo`: the main job with no network. A simulated DHT on loopback, a
 * census of it through real sockets, then a day of censuses of the same world in
 * virtual time, the store, the summary, the map, the film. Nothing leaves the
 * machine: the simulation's device can send to 127.0.0.0/8 only.
 */
#include <argp.h>
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "engine/cli/cli.h"
#include "engine/cli/conf.h"
#include "engine/cli/make_film.h"
#include "engine/cli/wire.h"
#include "store/store.h"
#include "viz/render.h"

enum {
	PATH_CAP = 4096,
	DEMO_NODES = 200000,
	DEMO_EPOCHS = 13, /* a day and the hour it began at, every two hours */
	DEMO_EVERY_S = 7200,
	DEMO_FILM_S = 30,
};

struct demo_args {
	const char *out;
	uint64_t nodes, seed, film_s;
	const char *geo;
};

enum { OPT_OUT = 0x100, OPT_NODES, OPT_SEED, OPT_GEO, OPT_FILM };

static const struct argp_option options[] = {
	{ "out", OPT_OUT, "DIR", 0, "Where everything is left [build/demo]", 0 },
	{ "nodes", OPT_NODES, "N", 0, "Live nodes to simulate [200000]", 0 },
	{ "seed", OPT_SEED, "S", 0, "Another world [1]", 0 },
	{ "film-s", OPT_FILM, "S", 0, "About how long the film is [30]", 0 },
	{ "geo", OPT_GEO, "WHERE", 0,
	  "auto = a real geo database where one is found, else the simulation's own table; none "
	  "[auto]",
	  0 },
	{ 0 },
};

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
	struct demo_args *a = state->input;
	char *end;

	switch (key) {
	case OPT_OUT:
		a->out = arg;
		break;
	case OPT_NODES:
		a->nodes = strtoull(arg, &end, 10);
		if (*end || a->nodes < 100 || a->nodes > 20000000)
			argp_error(state, "--nodes: '%s' is not a number from 100 to 20000000",
				   arg);
		break;
	case OPT_SEED:
		a->seed = strtoull(arg, &end, 10);
		if (*end)
			argp_error(state, "--seed: '%s' is not a whole number", arg);
		break;
	case OPT_FILM:
		a->film_s = strtoull(arg, &end, 10);
		if (*end || a->film_s < 1 || a->film_s > 600)
			argp_error(state, "--film-s: '%s' is not a number from 1 to 600", arg);
		break;
	case OPT_GEO:
		a->geo = arg;
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

/* mkdir -p */
static int make_dirs(const char *path)
{
	char part[PATH_CAP];

	if (snprintf(part, sizeof(part), "%s", path) >= (int)sizeof(part))
		return -ENAMETOOLONG;
	for (char *p = part + 1; *p; p++) {
		if (*p != '/')
			continue;
		*p = 0;
		if (mkdir(part, 0755) && errno != EEXIST)
			return -errno;
		*p = '/';
	}
	return mkdir(part, 0755) && errno != EEXIST ? -errno : 0;
}

/* The store of an earlier demo, file by file: nothing else is ever removed. */
static bool of_a_store(const char *name, unsigned depth)
{
	size_t digits = strspn(name, "0123456789");

	if (depth == 0)
		return !strcmp(name, "state") || !strcmp(name, "state.new") ||
		       !strncmp(name, "state-", 6) || !strcmp(name, "seg") ||
		       !strcmp(name, "silent");
	if (depth == 1)
		return !strcmp(name, "data.mdb") || !strcmp(name, "lock.mdb") ||
		       (digits && !name[digits]);
	return !strcmp(name, "MANIFEST") || (digits && !strcmp(name + digits, ".seg"));
}

static void forget(const char *dir, unsigned depth)
{
	DIR *d = opendir(dir);
	struct dirent *e;

	if (!d)
		return;
	while ((e = readdir(d))) {
		char path[PATH_CAP];

		if (!of_a_store(e->d_name, depth) ||
		    snprintf(path, sizeof(path), "%s/%s", dir, e->d_name) >= (int)sizeof(path))
			continue;
		if (unlink(path) && depth < 2)
			forget(path, depth + 1);
	}
	closedir(d);
	rmdir(dir);
}

static int draw(const char *store_dir, const char *png, const char *layout, unsigned width,
		unsigned height)
{
	struct render_opts opts = render_opts_default();
	struct store_view *view;
	struct store *store;
	char why[256] = "";
	int rc = store_open(store_dir, STORE_READ, &store, why);

	if (rc >= 0) {
		rc = store_view_open(store, &view);
		if (rc >= 0) {
			struct render_stats st;

			opts.layout = layout;
			opts.width = width;
			opts.height = height;
			rc = render_still(view, &opts, png, &st, why);
			store_view_close(view);
		}
		store_close(store);
	}
	if (rc < 0)
		cli_fail("%s", *why ? why : dt_strerror(rc));
	return rc;
}

struct demo_paths {
	char store[PATH_CAP], report[PATH_CAP], map[PATH_CAP], map_4k[PATH_CAP], hilbert[PATH_CAP],
		live[PATH_CAP], truth[PATH_CAP], meta[PATH_CAP], film[PATH_CAP], graph[PATH_CAP],
		countries[PATH_CAP];
};

/* The world of all its censuses: nodes come and go, and homes are online in their evenings. */
static struct conf conf_of_world(const struct demo_args *a, const struct demo_paths *p)
{
	struct conf c = conf_default();

	c.sim = a->nodes;
	c.seed = a->seed;
	c.store = p->store;
	c.geo = a->geo;
	c.churn = 0.007;
	c.diurnal = 0.3;
	return c;
}

static int take_census(const struct demo_args *a, const struct demo_paths *p)
{
	struct wire_talk talk = { .status = stderr, .command = "dht-telescope demo" };
	struct conf c = conf_of_world(a, p);
	struct wire_result r;
	int rc;

	c.report = p->report;
	c.metadata_file = p->meta;
	c.truth_dir = a->out;
	c.edges = true;
	rc = wire_census(&c, &talk, &r);
	if (rc >= 0)
		printf("%s", r.report_text);
	fflush(stdout); /* before what is said of the next step, where both are one pipe */
	wire_result_free(&r);
	return rc;
}

static void say_census(void *ctx, const struct wire_result *r)
{
	unsigned *number = ctx;
	char num[32];

	cli_say("  census %2u of %d: %s live, %.2f %% of them found", ++*number, DEMO_EPOCHS,
		cli_group_digits(r->truth.live, num), 100 * r->truth.recall);
}

/* The rest of the day, in virtual time. */
static int take_day(const struct demo_args *a, const struct demo_paths *p)
{
	struct wire_talk talk = { .command = "dht-telescope demo" };
	struct conf c = conf_of_world(a, p);
	unsigned number = 1;
	char interval[16];

	snprintf(interval, sizeof(interval), "%ds", DEMO_EVERY_S);
	c.sim_mode = "virtual";
	c.sim_time = DEMO_EVERY_S;
	c.epochs = DEMO_EPOCHS - 1;
	c.interval = interval;
	return wire_campaign(&c, &talk, say_census, &number);
}

/* A video; without the program for it an animated PNG, smaller and shorter. */
static int make_film(const struct demo_args *a, struct demo_paths *p)
{
	struct make_film m = { .film = { .render = render_opts_default(),
					 .wish = { .duration_s = (double)a->film_s, .fps = 30 },
					 .hold_s = -1 },
			       .store = p->store,
			       .out = p->film };
	char why[256] = "";
	int rc;

	m.film.render.half_life_s = 900;
	m.film.render.cutoff_s = 6 * 3600;
	snprintf(p->film, PATH_CAP, "%s/film.mp4", a->out);
	rc = make_film_run(&m, why);
	if (rc == DT_ENOTFOUND) {
		cli_say("  %s", why);
		cli_say("  so the film becomes an animated PNG");
		snprintf(p->film, PATH_CAP, "%s/film.apng", a->out);
		m.film.render.width = FILM_SMALL_WIDTH;
		m.film.render.height = FILM_SMALL_WIDTH * 9 / 16;
		m.film.wish = (struct film_wish){ .duration_s = FILM_SMALL_S, .fps = 15 };
		rc = make_film_run(&m, why);
	}
	if (rc < 0)
		cli_fail("%s", *why ? why : dt_strerror(rc));
	return rc;
}

static double since_s(const struct timespec *start)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)(now.tv_sec - start->tv_sec) + (double)(now.tv_nsec - start->tv_nsec) / 1e9;
}

static void name_paths(const struct demo_args *a, struct demo_paths *p)
{
	snprintf(p->store, PATH_CAP, "%s/store", a->out);
	snprintf(p->report, PATH_CAP, "%s/report.json", a->out);
	snprintf(p->meta, PATH_CAP, "%s/metadata.json", a->out);
	snprintf(p->map, PATH_CAP, "%s/map.png", a->out);
	snprintf(p->map_4k, PATH_CAP, "%s/map-4k.png", a->out);
	snprintf(p->hilbert, PATH_CAP, "%s/hilbert.png", a->out);
	snprintf(p->live, PATH_CAP, "%s/live.html", a->out);
	snprintf(p->truth, PATH_CAP, "%s/truth.csv", a->out);
	snprintf(p->graph, PATH_CAP, "%s/graph", a->out);
	snprintf(p->countries, PATH_CAP, "%s/countries.gexf", a->out);
}

/* Who listed whom: all of it for scipy, and the countries for Gephi. */
static int leave_graph(struct demo_paths *p)
{
	char name[] = "export", store[] = "--store", out[] = "--out", npy[] = "--format=npy",
	     edges[] = "--what=edges", level[] = "--level=country";
	char *all[] = { name, store, p->store, edges, npy, out, p->graph, NULL };
	char *countries[] = { name, store, p->store, level, out, p->countries, NULL };

	if (cmd_export(7, all) != CLI_OK || cmd_export(6, countries) != CLI_OK)
		return DT_ECORRUPT;
	return 0;
}

int cmd_demo(int argc, char **argv)
{
	static const struct argp argp = {
		.options = options,
		.parser = parse_option,
		.doc = "The whole path with no network: a simulated DHT on 127.0.0.0/8, a census "
		       "of it over real sockets, its recall against the truth, a day of further "
		       "censuses in virtual time, the store, the map and the film.",
	};
	struct demo_args a = { .out = "build/demo",
			       .nodes = DEMO_NODES,
			       .seed = 1,
			       .film_s = DEMO_FILM_S,
			       .geo = "auto" };
	struct demo_paths p;
	struct timespec start;
	char num[32];
	int rc;

	argp_parse(&argp, argc, argv, 0, NULL, &a);
	clock_gettime(CLOCK_MONOTONIC, &start);
	rc = make_dirs(a.out);
	if (rc < 0)
		return cli_fail("%s: %s", a.out, dt_strerror(rc));
	name_paths(&a, &p);
	forget(p.store, 0);
	cli_say("Census of %s simulated nodes over loopback (nothing leaves this machine):",
		cli_group_digits(a.nodes, num));
	rc = take_census(&a, &p);
	if (rc >= 0) {
		cli_say("The next day of the same world, in virtual time:");
		rc = take_day(&a, &p);
	}
	if (rc >= 0) {
		char name[] = "summary", flag[] = "--store", plot[] = "--plot=live",
		     output[] = "--plot-output";
		char *args[] = { name, flag, p.store, plot, output, p.live, NULL };

		printf("\n");
		rc = cmd_summary(6, args) == CLI_OK ? 0 : DT_ECORRUPT;
		fflush(stdout);
	}
	if (rc >= 0)
		rc = draw(p.store, p.map, "map", 1920, 1080);
	if (rc >= 0)
		rc = draw(p.store, p.map_4k, "map", 3840, 2160);
	if (rc >= 0)
		rc = draw(p.store, p.hilbert, "hilbert", 1920, 1080);
	if (rc >= 0)
		rc = leave_graph(&p);
	if (rc >= 0)
		rc = make_film(&a, &p);
	if (rc < 0)
		return CLI_FAILED;
	printf("\n%.1f s. To look at:  the world         %s  (4K: %s)\n"
	       "                  its day, a film   %s\n"
	       "                  the address space %s\n"
	       "                  the live page     %s\n"
	       "                  the graph         %s/*.npy  (countries, for Gephi: %s)\n"
	       "        and:      the store         %s\n"
	       "                  the report        %s\n"
	       "                  the truth         %s\n",
	       since_s(&start), p.map, p.map_4k, p.film, p.hilbert, p.live, p.graph, p.countries,
	       p.store, p.report, p.truth);
	return CLI_OK;
}
