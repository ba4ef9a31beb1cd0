/* SPDX-License-Identifier: MIT */
/** DOC: `crawl`: flags and file -> configuration -> one census. */
#include <argp.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "engine/cli/cli.h"
#include "engine/cli/conf.h"
#include "engine/cli/wire.h"

struct crawl_args {
	struct conf conf;
	const char *config;
	bool print_config, quiet;
};

enum { OPT_CONFIG = 0x100, OPT_PRINT, OPT_QUIET };

static const struct argp_option options[] = {
	{ "config", OPT_CONFIG, "FILE.yaml", 0, "Read keys from a file; a flag wins over it", -2 },
	{ "print-config", OPT_PRINT, NULL, 0, "Print the effective configuration as YAML and stop",
	  -2 },
	{ "quiet", OPT_QUIET, NULL, 0, "No status line", -2 },
	{ 0 },
};

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
	struct crawl_args *a = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &a->conf;
		break;
	case OPT_CONFIG:
		a->config = arg;
		break;
	case OPT_PRINT:
		a->print_config = true;
		break;
	case OPT_QUIET:
		a->quiet = true;
		break;
	case ARGP_KEY_ARG:
		argp_error(state, "'%s' is not an option", arg);
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

static void parse(int argc, char **argv, struct crawl_args *a)
{
	struct argp_child children[] = { { conf_argp(), 0, NULL, 0 }, { 0 } };
	struct argp argp = {
		.options = options,
		.parser = parse_option,
		.children = children,
		.doc = "Active census of the BitTorrent Mainline DHT: every reachable node, with a "
		       "recall "
		       "figure.\v"
		       "With --sim N nothing leaves this machine: packets go to 127.0.0.0/8 only.\n"
		       "SIGINT once: stop asking, wait for answers, report. Twice: now. SIGHUP: "
		       "read the "
		       "blocklist again.\n"
		       "Budgets at any rate: 1 packet/s to one address (burst 4, at most 9 in 10 "
		       "s), 32/s to "
		       "a /24. Exit status 0 done, 1 failed, 2 usage.",
	};

	argp_parse(&argp, argc, argv, 0, NULL, a);
}

/* One census is over; each of several is headed by which it was. */
static void tell(void *ctx, const struct wire_result *r)
{
	const struct conf *c = ctx;
	bool data_on_stdout = !strcmp(c->report, "-") || !strcmp(c->nodes_csv, "-");
	FILE *to = data_on_stdout ? stderr : stdout;

	if (!r->step.full)
		fprintf(to, "\n== %s: %s ==\n", r->beside ? "beside" : "between", r->step.name);
	else if (c->epochs == 0)
		fprintf(to, "\n== census %u ==\n", r->step.number);
	else if (c->epochs > 1)
		fprintf(to, "\n== census %u of %llu ==\n", r->step.number,
			(unsigned long long)c->epochs);
	fprintf(to, "%s", r->report_text);
	fflush(to);
}

static int status_of(int rc)
{
	return rc == -EPIPE ? CLI_UNREAD : rc < 0 ? CLI_FAILED : CLI_OK;
}

static int census(struct conf *c, bool quiet, const char *command)
{
	struct wire_talk talk = { .status = quiet ? NULL : stderr, .command = command };
	int rc = wire_campaign(c, &talk, tell, c);

	if (rc >= 0 && c->store[0])
		cli_say("kept in %s; look at it with  dht-telescope summary --store %s", c->store,
			c->store);
	return status_of(rc);
}

int cmd_crawl(int argc, char **argv)
{
	struct crawl_args a = { .conf = conf_default() };
	char why[CONF_WHY_MAX], *command = cli_join(argc, argv);
	int status = CLI_OK;

	parse(argc, argv, &a);
	if (a.config && conf_load(&a.conf, a.config, why) < 0) {
		cli_fail("%s", why);
		status = CLI_USAGE;
	} else if (conf_check(&a.conf, why) < 0) {
		cli_fail("%s", why);
		status = CLI_USAGE;
	} else if (a.print_config) {
		status = status_of(conf_print(&a.conf, stdout));
	} else if (a.conf.dry_run) {
		status = status_of(wire_dry_run(&a.conf, stdout));
	} else {
		status = census(&a.conf, a.quiet, command);
	}
	conf_free(&a.conf);
	free(command);
	return status;
}
