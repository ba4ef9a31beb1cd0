/* SPDX-License-Identifier: MIT */
/** DOC: `resolver`: its options and commands, as resolver.py of the first dht-telescope had them.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "engine/cli/args.h"
#include "engine/cli/cli.h"
#include "engine/cli/resolver.h"
#include "engine/signals.h"

enum { FILES_MAX = 64, LIMIT_MAX = 1000000, SHOWN = 50 };

static const char store_default[] = "dht-telescope.store";
static const char file_default[] = "dht_observatory.db";

enum {
	OPT_DB = 0x100,
	OPT_LIMIT,
	OPT_LOOKUP,
	OPT_LOOP,
	OPT_INTERVAL,
	OPT_QUERY,
	OPT_HASH,
	OPT_WHAT,
	OPT_OUT,
	OPT_RAW,
	OPT_OF_NAMES,
};

static const struct argp_option options[] = {
	{ "db", OPT_DB, "WHERE", 0,
	  "A store, or a dht_observatory.db [dht-telescope.store; else dht_observatory.db]", 0 },
	{ "limit", OPT_LIMIT, "N", 0, "Rows at most [50]", 0 },
	{ "query", OPT_QUERY, "TEXT", 0, "metadata: only names or hashes with it", 0 },
	{ "ih", OPT_HASH, "HASH", 0, "files: of this torrent, 40 hex digits", 0 },
	{ "what", OPT_WHAT, "WHAT", 0,
	  "export: announces, getpeers or metadata as lines of JSON; db: all into a "
	  "dht_observatory.db, where only newer rows are added",
	  0 },
	{ "out", OPT_OUT, "FILE", 0, "export: - = standard output; snapshot: a folder [.]", 0 },
	{ "raw", OPT_RAW, NULL, 0, "export: true addresses; else pseudonyms that keep prefixes",
	  0 },
	{ "loop", OPT_LOOP, NULL, 0, "top, snapshot: again and again, until SIGINT or SIGTERM", 0 },
	{ "interval", OPT_INTERVAL, "S", 0, "And so many seconds between [30]", 0 },
	{ "lookup", OPT_LOOKUP, NULL, OPTION_HIDDEN, NULL, 0 },
	{ "name-timeout", OPT_OF_NAMES, "S", OPTION_HIDDEN, NULL, 0 },
	{ "cache-names", OPT_LOOKUP, NULL, OPTION_HIDDEN, NULL, 0 },
	{ "batch", OPT_OF_NAMES, "N", OPTION_HIDDEN, NULL, 0 },
	{ "concurrency", OPT_OF_NAMES, "N", OPTION_HIDDEN, NULL, 0 },
	{ "timeout", OPT_OF_NAMES, "S", OPTION_HIDDEN, NULL, 0 },
	{ "per-ih", OPT_OF_NAMES, "N", OPTION_HIDDEN, NULL, 0 },
	{ "dht-peers", OPT_OF_NAMES, "N", OPTION_HIDDEN, NULL, 0 },
	{ "since-minutes", OPT_OF_NAMES, "N", OPTION_HIDDEN, NULL, 0 },
	{ 0 },
};

struct command_line {
	struct resolver_args args;
	const char *command, *files[FILES_MAX];
	unsigned file_count;
};

/* ---- commands ----------------------------------------------------------------------- */

static int summary(const struct resolver_args *a, struct past *p)
{
	int status = resolver_summary(a, p);

	/* A page that fails does not fail the summary, as it never did. */
	if (status == CLI_OK && a->plot.wanted)
		resolver_draw(&a->plot, p);
	return status;
}

static int resolve(const struct resolver_args *a, struct past *p)
{
	(void)p;
	resolver_why(a->hash);
	return CLI_FAILED;
}

static const struct {
	const char *name;
	int (*run)(const struct resolver_args *a, struct past *p);
	bool loops;
} commands[] = {
	{ "summary", summary, false },
	{ "unresolved", resolver_unresolved, false },
	{ "metadata", resolver_metadata, false },
	{ "top", resolver_top, true },
	{ "files", resolver_files, false },
	{ "export", resolver_export, false },
	{ "resolve", resolve, false },
	{ "snapshot", resolver_snapshot, true },
};

enum { COMMANDS = sizeof(commands) / sizeof(*commands) };

static bool is_command(const char *name)
{
	for (unsigned i = 0; i < COMMANDS; i++)
		if (!strcmp(name, commands[i].name))
			return true;
	return !strcmp(name, "import");
}

/* ---- options --------------------------------------------------------------------------- */

static bool is_hash(const char *text)
{
	return strlen(text) == 40 && text[strspn(text, "0123456789abcdefABCDEF")] == 0;
}

static void parse_what(struct resolver_args *a, const char *arg, struct argp_state *state)
{
	if (strcmp(arg, "announces") != 0 && strcmp(arg, "getpeers") != 0 &&
	    strcmp(arg, "metadata") != 0 && strcmp(arg, "db") != 0)
		argp_error(state, "--what: '%s' is not announces, getpeers, metadata or db", arg);
	a->what = arg;
}

static void parse_word(struct command_line *c, const char *arg, struct argp_state *state)
{
	if (!c->command) {
		if (!is_command(arg))
			argp_error(state, "no command '%s'; see --help", arg);
		c->command = arg;
		return;
	}
	if (strcmp(c->command, "import") != 0)
		argp_error(state, "'%s': nothing that %s knows", arg, c->command);
	if (c->file_count == FILES_MAX)
		argp_error(state, "at most %d files in one call", FILES_MAX);
	c->files[c->file_count++] = arg;
}

static void check(struct command_line *c, struct argp_state *state)
{
	const struct resolver_args *a = &c->args;

	if (!c->command)
		c->command = "summary"; /* as it was */
	if (!strcmp(c->command, "files") && !a->hash)
		argp_error(state, "files: --ih HASH, of which torrent");
	if (!strcmp(c->command, "export") && (!a->what || !a->out))
		argp_error(state, "export: --what WHAT --out FILE");
	if (!strcmp(c->command, "import") && !c->file_count)
		argp_error(state, "import: which dht_observatory.db");
}

static error_t parse_written(int key, char *arg, struct command_line *c, struct argp_state *state)
{
	struct resolver_args *a = &c->args;

	switch (key) {
	case OPT_WHAT:
		parse_what(a, arg, state);
		break;
	case OPT_OUT:
		a->out = arg;
		break;
	case OPT_RAW:
		a->raw = true;
		break;
	case ARGP_KEY_ARG:
		parse_word(c, arg, state);
		break;
	case ARGP_KEY_END:
		check(c, state);
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
	struct command_line *c = state->input;
	struct resolver_args *a = &c->args;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &a->plot;
		break;
	case OPT_DB:
		a->db = arg;
		a->db_given = true;
		break;
	case OPT_LIMIT:
		a->limit = (uint64_t)args_number(arg, 1, LIMIT_MAX, "limit", state);
		break;
	case OPT_LOOKUP:
		a->lookup = true;
		break;
	case OPT_LOOP:
		a->loop = true;
		break;
	case OPT_INTERVAL:
		a->interval_s = args_number(arg, 0.1, 86400, "interval", state);
		break;
	case OPT_QUERY:
		a->query = arg;
		break;
	case OPT_HASH:
		if (!is_hash(arg))
			argp_error(state, "--ih: '%s' is not 40 hex digits", arg);
		a->hash = arg;
		break;
	case OPT_OF_NAMES:
		break; /* of looking names up, which is not done; `resolve` says so */
	default:
		return parse_written(key, arg, c, state);
	}
	return 0;
}

/* ---- the run --------------------------------------------------------------------------------- */

/* The one that is there; a store wins. */
static const char *find_db(const struct resolver_args *a)
{
	if (a->db_given)
		return a->db;
	if (access(store_default, F_OK) == 0)
		return store_default;
	if (access(file_default, F_OK) == 0) {
		cli_say("reading %s", file_default);
		return file_default;
	}
	cli_fail("nothing to read: neither %s nor %s is here; begin with  dht-telescope listen,  "
		 "or --db WHERE",
		 store_default, file_default);
	return NULL;
}

/* Opened anew each time: it is written meanwhile. */
static int run_once(const struct resolver_args *a, const char *db, unsigned command)
{
	struct past *p;
	int status;

	if (past_open(db, &p) < 0)
		return CLI_FAILED;
	status = commands[command].run(a, p);
	past_close(p);
	return status;
}

static bool wait_for(double seconds, const struct signals *s)
{
	const struct timespec tenth = { .tv_nsec = 100000000 };

	for (double left = seconds; left > 0 && !signals_stops(s); left -= 0.1)
		nanosleep(&tenth, NULL);
	return !signals_stops(s);
}

static int run(const struct resolver_args *a, const char *db, unsigned command)
{
	struct signals signals;
	int status;

	if (!a->loop || !commands[command].loops)
		return run_once(a, db, command);
	signals_take(&signals);
	do
		status = run_once(a, db, command);
	while (cli_flush(stdout) == 0 && wait_for(a->interval_s, &signals));
	signals_give_back(&signals);
	return status;
}

static int import(const struct command_line *c)
{
	const char *into = c->args.db_given ? c->args.db : store_default;

	for (unsigned i = 0; i < c->file_count; i++)
		if (resolver_import(c->files[i], into) != CLI_OK)
			return CLI_FAILED;
	return CLI_OK;
}

int cmd_resolver(int argc, char **argv)
{
	static const struct argp_child children[] = { { &plot_argp, 0, NULL, 0 }, { 0 } };
	static const struct argp argp = {
		.options = options,
		.parser = parse_option,
		.children = children,
		.args_doc = "[COMMAND]",
		.doc = "What was heard, in the words of the first dht-telescope's resolver.py:\n"
		       "\n"
		       "  summary               counts, the newest announces and get_peers; "
		       "--plot: a map\n"
		       "  unresolved            announces whose torrent has no name\n"
		       "  metadata [--query T]  names that a dht_observatory.db holds\n"
		       "  top [--loop]          hashes by how often they were asked for\n"
		       "  files --ih HASH       files of a torrent, where such a file holds them\n"
		       "  export --what W --out F   rows as lines of JSON, or a "
		       "dht_observatory.db\n"
		       "  import FILE...        a dht_observatory.db into a store; twice is once\n"
		       "  snapshot [--loop]     map and cache into Snapshots_M_D_YYYY/H_M_S\v"
		       "Names and files of torrents are not looked up: they are content metadata "
		       "(BEP "
		       "9). `resolve` and `files` say how else to come by them. A link to this "
		       "program that is called resolver is this command.",
	};
	struct command_line c = {
		.args = { .plot = plot_default(), .limit = SHOWN, .interval_s = 30 }
	};
	unsigned command = 0;
	const char *db;

	c.args.plot.geo_cache = "geo_cache.json";
	argp_parse(&argp, argc, argv, 0, NULL, &c);
	if (!strcmp(c.command, "import"))
		return import(&c);
	while (strcmp(c.command, commands[command].name) != 0)
		command++;
	if (commands[command].run == resolve)
		return resolve(&c.args, NULL);
	db = find_db(&c.args);
	return db ? run(&c.args, db, command) : CLI_FAILED;
}
