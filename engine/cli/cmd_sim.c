/* SPDX-License-Identifier: MIT */
/** DOC: `sim`: the simulated DHT alone, for any crawler to be measured against. */
#include <argp.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "bench/sim/sim.h"
#include "engine/cli/cli.h"
#include "engine/cpu.h"

struct sim_args {
	struct sim_opts opts;
	struct sim_farm_opts farm;
	const char *out, *geo_dir;
	double run_s;
};

enum {
	OPT_NODES = 0x100,
	OPT_DEAD,
	OPT_LOSS,
	OPT_DELAY,
	OPT_SEED,
	OPT_CHURN,
	OPT_DIURNAL,
	OPT_TIME,
	OPT_PLAIN,
	OPT_THREADS,
	OPT_OUT,
	OPT_RUN,
	OPT_PORT,
	OPT_GEO,
#define BAD(name, value, help) OPT_BAD_##name,
#include "bench/sim/bad.def"
#undef BAD
};

static const struct argp_option options[] = {
	{ "nodes", OPT_NODES, "N", 0, "Live nodes [200000]", 0 },
	{ "dead", OPT_DEAD, "SHARE", 0, "Dead contacts as a share of all ids [0.40]", 0 },
	{ "loss", OPT_LOSS, "SHARE", 0, "Loss per round trip [0.05]", 0 },
	{ "delay", OPT_DELAY, "MS", 0, "Median round trip time; 0 = at once [0]", 0 },
	{ "seed", OPT_SEED, "S", 0, "Everything follows from it [1]", 0 },
	{ "churn", OPT_CHURN, "SHARE", 0,
	  "Share of the live nodes that leaves, and comes, in 5 minutes; 0.007 is lifelike [0]",
	  0 },
	{ "diurnal", OPT_DIURNAL, "SHARE", 0,
	  "Homes online at nine in the evening of their longitude, as a share above their mean; "
	  "0.3 is lifelike [0]",
	  0 },
	{ "sim-time", OPT_TIME, "S", 0,
	  "With either: when it begins, in seconds after 2026-09-21 14:13:20 UTC [0]", 0 },
	{ "plain", OPT_PLAIN, NULL, 0,
	  "Hand out the loopback addresses themselves, so that any crawler can be used", 0 },
	{ "threads", OPT_THREADS, "T", 0, "0 = one per core", 0 },
	{ "port", OPT_PORT, "P", 0, "First UDP port; 0 = chosen", 0 },
	{ "geo-dir", OPT_GEO, "DIR", 0, "Real geo files to draw addresses from", 0 },
	{ "out", OPT_OUT, "DIR", 0, "Write truth.csv and geo.tsv there", 0 },
	{ "max-runtime-s", OPT_RUN, "S", 0, "Stop by itself after this long [3600]", 0 },
	{ .doc = "A bad world; shares of all nodes, unless said:", .group = 2 },
#define BAD(name, value, help)                                                                     \
	{ "sim-" #name, OPT_BAD_##name, "SHARE", 0, help " [" #value "]", 2 },
#include "bench/sim/bad.def"
#undef BAD
	{ 0 },
};

static double number(const char *arg, double min, double max, struct argp_state *state)
{
	char *end;
	double v = strtod(arg, &end);

	if (!*arg || *end || !(v >= min && v <= max))
		argp_error(state, "'%s' is not a number from %g to %g", arg, min, max);
	return v;
}

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
	struct sim_args *a = state->input;

	switch (key) {
	case OPT_NODES:
		a->opts.live = (uint32_t)number(arg, 1, 50e6, state);
		break;
	case OPT_DEAD:
		a->opts.dead_share = number(arg, 0, 0.95, state);
		break;
	case OPT_LOSS:
		a->opts.loss = number(arg, 0, 0.9, state);
		break;
	case OPT_DELAY:
		a->opts.delay_us = (uint32_t)(1000 * number(arg, 0, 10000, state));
		break;
	case OPT_SEED:
		a->opts.seed = (uint64_t)number(arg, 0, 1e15, state);
		break;
	case OPT_CHURN:
		a->opts.churn = number(arg, 0, 0.5, state);
		break;
	case OPT_DIURNAL:
		a->opts.diurnal = number(arg, 0, 1, state);
		break;
	case OPT_TIME:
		a->opts.time_s = number(arg, 0, SIM_TIME_MAX_S, state);
		break;
	case OPT_PLAIN:
		a->opts.plain = true;
		break;
	case OPT_THREADS:
		a->farm.threads = (unsigned)number(arg, 0, 64, state);
		break;
	case OPT_PORT:
		a->farm.base_port = (uint16_t)number(arg, 0, 65000, state);
		break;
	case OPT_GEO:
		a->geo_dir = arg;
		break;
	case OPT_OUT:
		a->out = arg;
		break;
	case OPT_RUN:
		a->run_s = number(arg, 0, 1e6, state);
		break;
#define BAD(name, value, help)                                                                     \
	case OPT_BAD_##name:                                                                       \
		a->opts.bad.name = number(arg, 0, 1, state);                                       \
		break;
#include "bench/sim/bad.def"
#undef BAD
	default:
		return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

/* SIGINT and SIGTERM end the wait; they are blocked before the farm forks. */
static void wait_for_signal(double run_s)
{
	struct timespec limit = { .tv_sec = (time_t)run_s };
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	while (sigtimedwait(&set, NULL, &limit) < 0 && errno == EINTR)
		;
}

static void print_start(const struct sim_args *a, const struct sim_world *w)
{
	struct endpoint boot[8];
	char text[ENDPOINT_TEXT_MAX], live[32], all[32];
	unsigned n = sim_world_bootstrap(w, boot, 8);

	cli_say("%s live nodes of %s, on 127.0.0.0/8; SIGINT ends it",
		cli_group_digits(a->opts.live, live), cli_group_digits(sim_world_nodes(w), all));
	for (unsigned i = 0; i < n; i++) {
		struct sim_node node;
		uint32_t at;
		int rc = a->opts.plain ? sim_world_by_alias(w, &boot[i], &at)
				       : sim_world_by_public(w, &boot[i], &at);

		if (rc < 0)
			continue;
		sim_world_node(w, at, &node);
		printf("bootstrap %s\n", endpoint_to_text(&node.alias, text));
	}
	fflush(stdout);
}

static int write_truth(const struct sim_args *a, const struct sim_world *w)
{
	int rc;

	if (!a->out)
		return 0;
	mkdir(a->out, 0755);
	rc = sim_truth_write(w, a->out);
	if (rc < 0)
		cli_fail("%s: the truth cannot be written: %s", a->out, dt_strerror(rc));
	return rc;
}

static int serve(const struct sim_args *a, struct sim_world *w)
{
	struct sim_farm_stats st;
	struct sim_farm *farm;
	int rc = sim_farm_start(w, &a->farm, &farm);

	if (rc < 0) {
		cli_fail("the farm cannot start: %s", dt_strerror(rc));
		return rc;
	}
	rc = write_truth(a, w); /* only now: the farm has chosen the ports of the aliases */
	if (rc >= 0) {
		print_start(a, w);
		wait_for_signal(a->run_s);
	}
	sim_farm_stats(farm, &st);
	sim_farm_stop(farm);
	if (rc < 0)
		return rc;
	cli_say("received %llu, answered %llu, lost %llu, to the dead %llu, malformed %llu, "
		"dropped by the kernel %llu",
		(unsigned long long)st.received, (unsigned long long)st.answered,
		(unsigned long long)st.lost, (unsigned long long)st.dead,
		(unsigned long long)st.malformed, (unsigned long long)st.kernel_drops);
	return 0;
}

int cmd_sim(int argc, char **argv)
{
	static const struct argp argp = {
		.options = options,
		.parser = parse_option,
		.doc = "The simulated DHT on real sockets over 127.0.0.0/8: nothing outside this "
		       "machine "
		       "can reach it, and it can reach nothing outside.\v"
		       "Prints bootstrap addresses on standard output. Needs no privilege.",
	};
	struct sim_args a = { .opts = sim_opts_default(), .run_s = 3600 };
	struct geo *geo = NULL;
	struct sim_world *w;
	sigset_t set;
	int rc;

	a.opts.live = 200000;
	argp_parse(&argp, argc, argv, 0, NULL, &a);
	if (!a.farm.threads)
		a.farm.threads = cpu_usable();
	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigprocmask(SIG_BLOCK, &set, NULL);
	if (a.geo_dir) {
		rc = geo_open(&(struct geo_opts){ .dir = a.geo_dir }, cli_note, NULL, &geo);
		if (rc < 0)
			return cli_fail("%s: %s", a.geo_dir, dt_strerror(rc));
	}
	a.opts.geo = geo;
	rc = sim_world_new(&a.opts, &w);
	if (rc < 0)
		return cli_fail("the simulated world cannot be made: %s%s", dt_strerror(rc),
				rc == DT_ERANGE ? "; churn needs --dead 0.05 or more, and "
						  "--diurnal at most dead / (1 - dead)"
						: "");
	rc = serve(&a, w);
	sim_world_free(w);
	geo_close(geo);
	return rc < 0 ? CLI_FAILED : CLI_OK;
}
