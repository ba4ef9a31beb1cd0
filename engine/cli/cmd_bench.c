/* SPDX-License-Identifier: MIT */
/** DOC: `bench`: the table of benchmarks; patterns choose, none runs all. */
#include <argp.h>
#include <errno.h>
#include <stdlib.h>

#include "bench/bench.h"
#include "bench/chart.h"
#include "engine/cli/cli.h"

enum { NAMES_MAX = 64, OPT_LIST = 0x100, OPT_RUNS, OPT_RUN_MS, OPT_CHART, OPT_SIM };

struct bench_args {
	const char *names[NAMES_MAX];
	unsigned count;
	bool list;
	const char *chart;
	struct bench_ctx ctx;
};

static const struct argp_option options[] = {
	{ "list", OPT_LIST, NULL, 0, "Names and what they measure", 0 },
	{ "runs", OPT_RUNS, "N", 0, "Repetitions of each; the median is quoted [5]", 0 },
	{ "run-ms", OPT_RUN_MS, "MS", 0, "Aim of one repetition of a loop [50]", 0 },
	{ "sim", OPT_SIM, "N", 0, "Live nodes of the censuses that are benchmarks [50000]", 0 },
	{ "chart", OPT_CHART, "FILE", 0,
	  "Draw results as a PNG; what follows are files of JSON lines", 0 },
	{ 0 },
};

static unsigned whole(const char *arg, unsigned min, unsigned max, struct argp_state *state)
{
	char *end;
	unsigned long v = strtoul(arg, &end, 10);

	if (!*arg || *end || v < min || v > max)
		argp_error(state, "'%s' is not a whole number from %u to %u", arg, min, max);
	return (unsigned)v;
}

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
	struct bench_args *a = state->input;

	switch (key) {
	case OPT_LIST:
		a->list = true;
		break;
	case OPT_RUNS:
		a->ctx.runs = whole(arg, 1, 1000, state);
		break;
	case OPT_RUN_MS:
		a->ctx.run_ms = whole(arg, 1, 60000, state);
		break;
	case OPT_SIM:
		a->ctx.sim = whole(arg, 1000, 30000000, state);
		break;
	case OPT_CHART:
		a->chart = arg;
		break;
	case ARGP_KEY_ARG:
		if (a->count == NAMES_MAX)
			argp_error(state, "at most %d patterns", NAMES_MAX);
		a->names[a->count++] = arg;
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

static int draw_chart(const struct bench_args *a)
{
	char why[CHART_WHY_MAX] = "";
	struct chart *c;
	int rc = chart_new(&c);

	for (unsigned i = 0; i < a->count && rc >= 0; i++) {
		FILE *f = fopen(a->names[i], "re");

		rc = f ? chart_read(c, f) : -errno;
		if (rc < 0)
			cli_fail("%s: %s", a->names[i], dt_strerror(rc));
		if (f)
			fclose(f);
	}
	if (rc >= 0) {
		rc = chart_draw(c, a->chart, why);
		if (rc < 0)
			cli_fail("%s", *why ? why : dt_strerror(rc));
	}
	chart_free(c);
	return rc < 0 ? CLI_FAILED : CLI_OK;
}

int cmd_bench(int argc, char **argv)
{
	static const struct argp argp = {
		.options = options,
		.parser = parse_option,
		.args_doc = "[PATTERN...]",
		.doc = "The benchmark table: one JSON line a figure, the bare limit beside ours in "
		       "the same "
		       "run.\vPatterns as the shell's: bench 'krpc_*'. Sends packets to "
		       "127.0.0.0/8, and within network namespaces of its own.",
	};
	struct bench_args a = { .ctx = { .version = cli_version() } };
	char *command = cli_join(argc, argv);
	int rc = 0;

	argp_parse(&argp, argc, argv, 0, NULL, &a);
	if (a.chart) {
		free(command);
		return draw_chart(&a);
	}
	a.ctx.command = command;
	if (a.list)
		bench_list(stdout);
	else
		rc = bench_run(a.names, a.count, &a.ctx, stdout);
	if (rc == DT_ENOTFOUND)
		cli_fail("no such benchmark; bench --list names them");
	else if (rc < 0 && cli_flush(stdout) < 0)
		rc = 0; /* whoever called says what becomes of lines that cannot be written */
	else if (rc < 0)
		cli_fail("bench: %s", dt_strerror(rc));
	free(command);
	return rc == DT_ENOTFOUND ? CLI_USAGE : rc < 0 ? CLI_FAILED : CLI_OK;
}
