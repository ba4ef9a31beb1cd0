/* SPDX-License-Identifier: MIT */
/**
 * DOC: the command table. The list that --help prints is made from it; each
 * command parses its own options with argp in its own file.
 */
#include <argp.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "engine/cli/cli.h"

#ifndef DT_VERSION
#define DT_VERSION "unknown"
#endif

static const struct cli_command commands[] = {
	{ "demo", "the whole path with no network: simulated DHT, census, store, map", cmd_demo,
	  CLI_KEEPS },
	{ "crawl", "active census of the DHT, or of a simulated one (--sim N)", cmd_crawl,
	  CLI_KEEPS },
	{ "listen", "be an honest DHT node, and write down every message that comes", cmd_listen,
	  CLI_KEEPS },
	{ "tap", "passive capture of a device or a pcap file; sends nothing", cmd_tap, CLI_KEEPS },
	{ "summary", "what a store holds, as text or --json", cmd_summary, CLI_PRINTS },
	{ "render", "the world map of a store as a picture", cmd_render, CLI_KEEPS },
	{ "export", "nodes or counts of a store as csv, tsv, ndjson, parquet, npy, geojson",
	  cmd_export, CLI_PRINTS },
	{ "serve", "HTTP: nodes as they are seen, pages of the store, metrics, the live map",
	  cmd_serve, CLI_KEEPS },
	{ "merge", "several stores into one: shards, vantage points, epochs", cmd_merge,
	  CLI_KEEPS },
	{ "store", "a store's upkeep: info, check, compact, migrate, backup", cmd_store,
	  CLI_KEEPS },
	{ "geo", "geolocation files: fetch, list, lookup ADDR, resolve STORE", cmd_geo, CLI_KEEPS },
	{ "resolver", "what was heard, in the words of the first dht-telescope's resolver.py",
	  cmd_resolver, CLI_PRINTS },
	{ "crawler", "listen, under the options of the first dht-telescope's crawler.py",
	  cmd_crawler, CLI_KEEPS },
	{ "doctor", "is this machine fit? One line each, with the cure", cmd_doctor, CLI_PRINTS },
	{ "sim", "the simulated DHT alone, on loopback sockets, with its truth", cmd_sim,
	  CLI_KEEPS },
	{ "bench", "the benchmark table, as JSON lines", cmd_bench, CLI_PRINTS },
};

enum { COMMANDS = sizeof(commands) / sizeof(*commands) };

const char *cli_version(void)
{
	return DT_VERSION;
}

static void usage(FILE *to)
{
	fprintf(to,
		"dht-telescope %s: a telescope for the BitTorrent Mainline DHT\n\n"
		"usage: dht-telescope COMMAND [OPTION...]\n\n",
		DT_VERSION);
	for (unsigned i = 0; i < COMMANDS; i++)
		fprintf(to, "  %-9s %s\n", commands[i].name, commands[i].what);
	fprintf(to,
		"\n"
		"  dht-telescope COMMAND --help   the options of a command\n"
		"  dht-telescope demo             start here: needs no network\n\n"
		"Metadata only, never content; modest rates unless raised (see crawl --help).\n");
}

/* What was printed has to have gone somewhere, or the command has not done its work. */
static int end(const struct cli_command *c, int status)
{
	int rc = cli_flush(stdout);

	if (rc == -EPIPE && status == CLI_OK && c->product == CLI_PRINTS)
		status = CLI_UNREAD;
	else if (rc < 0 && rc != -EPIPE)
		status = cli_fail("standard output: %s",
				  rc == -EIO ? "not everything could be written" : dt_strerror(rc));
	if (status == CLI_UNREAD) {
		signal(SIGPIPE, SIG_DFL);
		raise(SIGPIPE);
	}
	return status;
}

static int run(const struct cli_command *c, int argc, char **argv)
{
	static char name[64];

	snprintf(name, sizeof(name), "dht-telescope %s", c->name);
	argv[0] = name;
	program_invocation_name = name; /* what argp prints before its errors */
	program_invocation_short_name = name;
	return end(c, c->run(argc, argv));
}

/* A link called resolver is that command, so that lines written for resolver.py need no more. */
static bool is_resolver(const char *program)
{
	const char *slash = strrchr(program, '/'), *name = slash ? slash + 1 : program;

	return !strcmp(name, "resolver") || !strcmp(name, "resolver.py");
}

int main(int argc, char **argv)
{
	static const struct cli_command resolver = { "resolver", "", cmd_resolver, CLI_PRINTS };
	static const struct cli_command self = { "", "", NULL, CLI_PRINTS };

	argp_err_exit_status = CLI_USAGE;
	signal(SIGPIPE, SIG_IGN);
	if (argc && is_resolver(argv[0]))
		return run(&resolver, argc, argv);
	if (argc < 2) {
		usage(stderr);
		return CLI_USAGE;
	}
	if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h") || !strcmp(argv[1], "help")) {
		usage(stdout);
		return end(&self, CLI_OK);
	}
	if (!strcmp(argv[1], "--version") || !strcmp(argv[1], "-V")) {
		printf("dht-telescope %s\n", DT_VERSION);
		return end(&self, CLI_OK);
	}
	for (unsigned i = 0; i < COMMANDS; i++)
		if (!strcmp(argv[1], commands[i].name))
			return run(&commands[i], argc - 1, argv + 1);
	fprintf(stderr, "dht-telescope: no command '%s'; one of:", argv[1]);
	for (unsigned i = 0; i < COMMANDS; i++)
		fprintf(stderr, " %s", commands[i].name);
	fprintf(stderr, "\n");
	return CLI_USAGE;
}
