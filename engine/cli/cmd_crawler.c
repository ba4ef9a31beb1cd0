/* SPDX-License-Identifier: MIT */
/**
 * DOC: `crawler`: the command line of the first dht-telescope's crawler.py. What that
 * program did is `listen`: a node of the DHT that is asked, asks, and writes down.
 */
#include <argp.h>
#include <stdlib.h>
#include <string.h>

#include "engine/cli/args.h"
#include "engine/cli/cli.h"
#include "store/observatory.h"

enum { REST_MAX = 32, WORDS_MAX = 16 + REST_MAX, BIND_BYTES = 128 };

struct crawler_args {
	const char *bind, *id_file;
	char *db; /* argv's own */
	unsigned port;
	bool depth, workers;
	char *rest[REST_MAX]; /* options of listen */
	unsigned rest_count;
};

enum { OPT_PORT = 0x100, OPT_BIND, OPT_DEPTH, OPT_DB, OPT_WORKERS, OPT_ID };

static const struct argp_option options[] = {
	{ "port", OPT_PORT, "PORT", 0, "UDP port [6881]", 0 },
	{ "bind", OPT_BIND, "ADDR", 0, "Local address [0.0.0.0]", 0 },
	{ "db", OPT_DB, "DIR", 0, "The store; made where it is absent [dht-telescope.store]", 0 },
	{ "depth", OPT_DEPTH, "N", 0, "Of no meaning here; taken, and said", 0 },
	{ "workers", OPT_WORKERS, "N", 0, "The same", 0 },
	{ "id-file", OPT_ID, "FILE", 0, "The same: ids follow the address (BEP 42)", 0 },
	{ 0 },
};

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
	struct crawler_args *a = state->input;

	switch (key) {
	case OPT_PORT:
		a->port = (unsigned)args_number(arg, 1, 65535, "port", state);
		break;
	case OPT_BIND:
		args_address(arg, "bind", state);
		a->bind = arg;
		break;
	case OPT_DB:
		a->db = arg;
		break;
	case OPT_DEPTH:
		args_number(arg, 0, 1e12, "depth", state);
		a->depth = true;
		break;
	case OPT_WORKERS:
		args_number(arg, 1, 4096, "workers", state);
		a->workers = true;
		break;
	case OPT_ID:
		a->id_file = arg;
		break;
	case ARGP_KEY_ARG:
		if (a->rest_count == REST_MAX)
			argp_error(state, "at most %d options of listen", REST_MAX);
		a->rest[a->rest_count++] = arg;
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

static void say_unused(const struct crawler_args *a)
{
	if (a->depth)
		cli_say("note: --depth: there is no such bound here; --max-runtime-s ends a run");
	if (a->workers)
		cli_say("note: --workers: it needs one thread");
	if (a->id_file)
		cli_say("note: --id-file %s: ids follow the address (BEP 42) and are drawn anew",
			a->id_file);
}

int cmd_crawler(int argc, char **argv)
{
	static const struct argp argp = {
		.options = options,
		.parser = parse_option,
		.args_doc = "[-- OPTION OF listen...]",
		.doc = "The crawler.py of the first dht-telescope: `listen` under its options, "
		       "with "
		       "bittorrent_network.json every 15 s in the working directory. What it hears "
		       "lies in a store; `resolver` reads it, and `resolver export --what db` "
		       "makes a "
		       "dht_observatory.db of it. For a census of every node see `crawl`.",
	};
	struct crawler_args a = { .bind = "0.0.0.0", .port = 6881 };
	char name[] = "dht-telescope listen", bind[] = "--bind", store[] = "--store",
	     network[] = "--network-file", network_file[] = "bittorrent_network.json",
	     store_default[] = "dht-telescope.store", where[BIND_BYTES];
	char *words[WORDS_MAX];
	unsigned n = 0;

	argp_parse(&argp, argc, argv, 0, NULL, &a);
	if (a.db && observatory_is(a.db))
		return cli_fail(
			"%s is a file of the first dht-telescope, which kept SQLite; --db DIR "
			"names a store, `resolver import %s` takes the file over",
			a.db, a.db);
	say_unused(&a);
	snprintf(where, sizeof(where), strchr(a.bind, ':') ? "[%.100s]:%u" : "%.100s:%u", a.bind,
		 a.port);
	words[n++] = name;
	words[n++] = bind;
	words[n++] = where;
	words[n++] = store;
	words[n++] = a.db ? a.db : store_default;
	words[n++] = network;
	words[n++] = network_file;
	for (unsigned i = 0; i < a.rest_count; i++)
		words[n++] = a.rest[i];
	words[n] = NULL;
	return cmd_listen((int)n, words);
}
