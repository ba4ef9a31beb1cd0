/* SPDX-License-Identifier: MIT */
/** DOC: `export`: a store as a file that other programs read. */
#include <argp.h>
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "engine/cli/cli.h"
#include "viz/export.h"

enum {
	PATH_MAX_BYTES = 4096,
	METADATA_ENDING_MAX = 16,
	GAP_MIN_DEFAULT = 60,
	GAP_MIN_MAX = 1000000
};

struct export_args {
	struct export_opts opts;
	const char *store, *out;
	const char *at, *from, *to;
	bool what_given, kind_given;
	char path[PATH_MAX_BYTES], metadata[PATH_MAX_BYTES + METADATA_ENDING_MAX];
};

enum {
	OPT_STORE = 0x100,
	OPT_WHAT,
	OPT_FORMAT,
	OPT_COMPRESS,
	OPT_WHERE,
	OPT_OUT,
	OPT_RAW,
	OPT_GROUP,
	OPT_LEVEL,
	OPT_SAMPLE,
	OPT_FORCE,
	OPT_AT,
	OPT_BETWEEN,
	OPT_GAP,
};
enum { GROUP_ROWS_MIN = 1024, GROUP_ROWS_MAX = 1 << 20 /* 240 MB of memory */ };

static const struct argp_option options[] = {
	{ "store", OPT_STORE, "DIR", 0, "The store to read [dht-telescope.store]", 0 },
	{ "what", OPT_WHAT, "WHAT", 0,
	  "nodes: those that were heard from; observations: who was heard in which bucket of "
	  "time; sessions: from when to when a node was there; aggregate: counts by network, "
	  "country and client, with geojson by place; edges: who listed whom; questions: who was "
	  "asked for which bucket, and what came of it (these two of crawl --edges); zones: a "
	  "census by the first byte of ids, the last one or those of --at, --between; "
	  "messages, announces, getpeers: what was heard by listen or tap [nodes; else as the "
	  "format is]",
	  0 },
	{ "format", OPT_FORMAT, "FORMAT", 0,
	  "csv, tsv, ndjson, parquet or npy; geojson of aggregate; mtx, graphml or gexf of edges "
	  "[as --out ends, else csv]",
	  0 },
	{ "compress", OPT_COMPRESS, "zstd", 0, "Pack what is text", 0 },
	{ "out", OPT_OUT, "DIR|FILE|-", 0,
	  "A name that ends like a format (nodes.parquet, nodes.csv.zst) is a file; - = standard "
	  "output, without metadata; else a directory [export]",
	  0 },
	{ NULL, 0, NULL, 0, "Which nodes:", 1 },
	{ "where", OPT_WHERE, "KEY=VALUE", 0,
	  "Take these nodes alone, and edges between them: asn=, country=, client=, prefix= (of "
	  "true addresses), class=, way=. All that are given must hold; with commas or repeated",
	  0 },
	{ "raw", OPT_RAW, NULL, 0,
	  "True addresses. Else: pseudonyms that keep prefixes, the same in all exports of a "
	  "store",
	  0 },
	{ "at", OPT_AT, "T", 0,
	  "Those that were heard by the census that ran at T, or the last before it", 0 },
	{ "between", OPT_BETWEEN, "A B", 0,
	  "Those that were heard from A to B. Times are the number of a census, Unix seconds, "
	  "2026-11-21, 2026-11-21T12:30 (UTC) or now",
	  0 },
	{ "gap-min", OPT_GAP, "MIN", 0, "Sessions: a longer silence ends one [60]", 0 },
	{ NULL, 0, NULL, 0, "Graphs:", 2 },
	{ "level", OPT_LEVEL, "asn|country", 0,
	  "Networks or countries for nodes, edges with how often they list each other", 0 },
	{ "sample", OPT_SAMPLE, "N", 0, "N nodes drawn by lot and the edges between them", 0 },
	{ "force", OPT_FORCE, NULL, 0, "graphml and gexf of more than 2,000,000 edges", 0 },
	{ NULL, 0, NULL, 0, "Parquet:", 3 },
	{ "group-rows", OPT_GROUP, "N", 0, "Rows in a row group [524288]", 0 },
	{ 0 },
};

/* "a, b or c" of what @name says of 0, 1, ... */
static const char *one_of(const char *(*name)(unsigned), char out[static 128])
{
	size_t at = 0;

	for (unsigned i = 0; name(i) && at < 120; i++)
		at += (size_t)snprintf(out + at, 128 - at, "%s%s",
				       i == 0        ? ""
				       : name(i + 1) ? ", "
						     : " or ",
				       name(i));
	return out;
}

static const char *what_name(unsigned i)
{
	return export_what_name((enum export_what)i);
}

static const char *kind_name(unsigned i)
{
	return export_kind_name((enum export_kind)i);
}

/* Which of the names @arg is; else the end. */
static unsigned choose(const char *flag, const char *arg, const char *(*name)(unsigned),
		       struct argp_state *state)
{
	char all[128];
	unsigned i = 0;

	while (name(i) && strcmp(arg, name(i)) != 0)
		i++;
	if (!name(i))
		argp_error(state, "--%s: '%s' is not %s", flag, arg, one_of(name, all));
	return i;
}

static uint32_t number(const char *flag, const char *arg, uint32_t min, uint32_t max,
		       struct argp_state *state)
{
	char *end;
	unsigned long n = strtoul(arg, &end, 10);

	if (!isdigit((unsigned char)*arg) || *end || n < min || n > max)
		argp_error(state, "--%s: '%s' is not a number from %u to %u", flag, arg, min, max);
	return (uint32_t)n;
}

static void parse_level(struct export_args *a, const char *arg, struct argp_state *state)
{
	if (strcmp(arg, "asn") != 0 && strcmp(arg, "country") != 0)
		argp_error(state, "--level: '%s' is not asn or country", arg);
	a->opts.level = strcmp(arg, "asn") ? EXPORT_LEVEL_COUNTRY : EXPORT_LEVEL_ASN;
}

/* The second time of --between comes as a word of its own. */
static void parse_word(struct export_args *a, const char *arg, struct argp_state *state)
{
	if (!a->from || a->to)
		argp_error(state, "'%s': nothing that export knows; a file is --out", arg);
	a->to = arg;
}

static error_t parse_time_option(int key, char *arg, struct export_args *a,
				 struct argp_state *state)
{
	switch (key) {
	case OPT_AT:
		a->at = arg;
		break;
	case OPT_BETWEEN:
		a->from = arg;
		break;
	case OPT_GAP:
		a->opts.gap_s = 60 * number("gap-min", arg, 0, GAP_MIN_MAX, state);
		break;
	case ARGP_KEY_ARG:
		parse_word(a, arg, state);
		break;
	case ARGP_KEY_END:
		if (a->from && !a->to)
			argp_error(state, "--between: needs two times: --between A B");
		if (a->from && a->at)
			argp_error(state, "--at, --between: one of them");
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

static error_t parse_graph_option(int key, char *arg, struct export_args *a,
				  struct argp_state *state)
{
	switch (key) {
	case OPT_LEVEL:
		parse_level(a, arg, state);
		break;
	case OPT_SAMPLE:
		a->opts.sample = number("sample", arg, 1, UINT32_MAX, state);
		break;
	case OPT_FORCE:
		a->opts.force = true;
		break;
	default:
		return parse_time_option(key, arg, a, state);
	}
	return 0;
}

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
	struct export_args *a = state->input;
	char why[256];

	switch (key) {
	case OPT_STORE:
		a->store = arg;
		break;
	case OPT_WHAT:
		if (!strcmp(arg, "metadata"))
			argp_error(state,
				   "--what metadata: names and files of torrents are content "
				   "metadata, which is never fetched; `dht-telescope resolver "
				   "resolve` says what to do instead");
		a->opts.what = (enum export_what)choose("what", arg, what_name, state);
		a->what_given = true;
		break;
	case OPT_FORMAT:
		a->opts.kind = (enum export_kind)choose("format", arg, kind_name, state);
		a->kind_given = true;
		break;
	case OPT_COMPRESS:
		if (strcmp(arg, "zstd") != 0)
			argp_error(state, "--compress: '%s' is not zstd", arg);
		a->opts.zstd = true;
		break;
	case OPT_WHERE:
		if (export_where_add(&a->opts.where, arg, why) < 0)
			argp_error(state, "--where: %s", why);
		break;
	case OPT_OUT:
		a->out = arg;
		break;
	case OPT_GROUP:
		a->opts.group_rows =
			number("group-rows", arg, GROUP_ROWS_MIN, GROUP_ROWS_MAX, state);
		break;
	case OPT_RAW:
		a->opts.raw = true;
		break;
	default:
		return parse_graph_option(key, arg, a, state);
	}
	return 0;
}

/* ---- where to ------------------------------------------------------------------ */

static bool ends_with(const char *s, size_t len, const char *ending)
{
	size_t n = strlen(ending);

	/* A dot-file has a name and no ending. */
	return len > n && s[len - n - 1] != '/' && strncmp(s + len - n, ending, n) == 0;
}

/* Does @path end like a format? Then it is a file, and says which one. */
static bool kind_of_path(const char *path, enum export_kind *kind, bool *zstd)
{
	size_t len = strlen(path);

	*zstd = ends_with(path, len, ".zst");
	if (*zstd)
		len -= strlen(".zst");
	for (unsigned k = 0; k < EXPORT_KINDS; k++) {
		if (ends_with(path, len, export_kind_ending((enum export_kind)k))) {
			*kind = (enum export_kind)k;
			return true;
		}
	}
	return false;
}

static int out_is_file(struct export_args *a, enum export_kind kind, bool zstd)
{
	if (a->kind_given && a->opts.kind != kind) {
		cli_fail("--out %s: ends like %s, but --format is %s", a->out,
			 export_kind_name(kind), export_kind_name(a->opts.kind));
		return CLI_USAGE;
	}
	if (a->opts.zstd && !zstd) {
		cli_fail("--out %s: packed by zstd it ends in .zst", a->out);
		return CLI_USAGE;
	}
	a->opts.kind = kind;
	a->opts.zstd = zstd;
	if (snprintf(a->path, sizeof(a->path), "%s", a->out) >= (int)sizeof(a->path))
		return cli_fail("--out: the name is too long");
	snprintf(a->metadata, sizeof(a->metadata), "%s.metadata.json", a->out);
	return CLI_OK;
}

static int out_is_directory(struct export_args *a)
{
	if (mkdir(a->out, 0777) && errno != EEXIST)
		return cli_fail("%s: cannot make it: %s", a->out, strerror(errno));
	if (snprintf(a->metadata, sizeof(a->metadata), "%s/metadata.json", a->out) >=
	    (int)sizeof(a->metadata))
		return cli_fail("--out: the name is too long");
	return CLI_OK;
}

/* What a format alone can be of, where it was not said. */
static void settle_what(struct export_opts *o)
{
	if (o->kind == EXPORT_GEOJSON)
		o->what = EXPORT_AGGREGATE;
	if (o->kind == EXPORT_MTX || o->kind == EXPORT_GRAPHML || o->kind == EXPORT_GEXF)
		o->what = EXPORT_EDGES;
}

/* Nothing is made or opened before all that was asked for is known to be possible. */
static int settle(struct export_args *a)
{
	enum export_kind kind;
	char why[256];
	bool zstd, file = kind_of_path(a->out, &kind, &zstd);
	int rc = file ? out_is_file(a, kind, zstd) : CLI_OK;

	if (rc != CLI_OK)
		return rc;
	if (!a->what_given)
		settle_what(&a->opts);
	if (!file && strcmp(a->out, "-") != 0)
		a->opts.dir = a->out;
	if (export_check(&a->opts, why) < 0) {
		cli_fail("%s", why);
		return CLI_USAGE;
	}
	if (a->opts.raw && export_names_nobody(&a->opts)) {
		cli_fail("--raw: counts have no addresses");
		return CLI_USAGE;
	}
	return CLI_OK;
}

static int settle_path(struct export_args *a)
{
	a->opts.path = a->path[0] ? a->path : "-";
	a->opts.metadata_path = strcmp(a->out, "-") ? a->metadata : NULL;
	return a->opts.dir ? out_is_directory(a) : CLI_OK;
}

/* ---- the run --------------------------------------------------------------------- */

static uint64_t clock_ms(clockid_t which)
{
	struct timespec ts;

	clock_gettime(which, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

struct progress {
	uint64_t start_ms, said_ms;
};

/* At 1 Hz over itself on a terminal, each 10 s as a line elsewhere. */
static void progress(void *ctx, const char *what, uint64_t done, uint64_t total)
{
	struct progress *p = ctx;
	uint64_t now_ms = clock_ms(CLOCK_MONOTONIC);
	bool terminal = isatty(STDERR_FILENO);

	if (now_ms - p->said_ms < (terminal ? 1000u : 10000u))
		return;
	p->said_ms = now_ms;
	if (total < done)
		fprintf(stderr, "%s%llu %s, %.0f k/s%s", terminal ? "\r\033[K" : "",
			(unsigned long long)done, what,
			(double)done / (double)(now_ms - p->start_ms), terminal ? "" : "\n");
	else
		fprintf(stderr, "%s%llu of %llu %s, %.0f %%, %.0f k/s%s",
			terminal ? "\r\033[K" : "", (unsigned long long)done,
			(unsigned long long)total, what,
			total ? 100 * (double)done / (double)total : 100.0,
			(double)done / (double)(now_ms - p->start_ms), terminal ? "" : "\n");
}

static void say_done(const struct export_args *a, const struct export_stats *st,
		     const struct progress *p)
{
	const char *last = export_names_nobody(&a->opts) ? ""
			   : a->opts.raw                 ? ", true addresses"
							 : ", addresses are pseudonyms";
	double s = (double)(clock_ms(CLOCK_MONOTONIC) - p->start_ms) / 1000;
	char rows[32], nodes[32];

	if (isatty(STDERR_FILENO) && p->said_ms != p->start_ms)
		fprintf(stderr, "\r\033[K");
	if (a->opts.what == EXPORT_EDGES)
		cli_say("%s: %s edge%s of %s nodes, %.1f MiB, %.2f s%s", a->out,
			cli_group_digits(st->rows, rows), st->rows == 1 ? "" : "s",
			cli_group_digits(st->graph_nodes, nodes), (double)st->bytes / (1 << 20), s,
			last);
	else if (a->opts.what == EXPORT_ZONES || export_is_heard(&a->opts))
		cli_say("%s: %s rows, %.1f KiB%s", a->out, cli_group_digits(st->rows, rows),
			(double)st->bytes / 1024, last);
	else
		cli_say("%s%s%s: %s row%s of %s nodes, %.1f MiB, %.2f s%s", a->out,
			a->opts.dir ? "/" : "",
			a->opts.dir ? st->files[st->file_count - 1].name : "",
			cli_group_digits(st->rows, rows), st->rows == 1 ? "" : "s",
			cli_group_digits(st->nodes, nodes), (double)st->bytes / (1 << 20), s, last);
}

static int settle_time(struct export_args *a, struct store_view *v, char *why)
{
	struct export_opts *o = &a->opts;
	int rc = 0;

	o->timed = a->at || a->from;
	if (a->at)
		rc = when_at(v, a->at, o->now_s, &o->when, why);
	else if (a->from)
		rc = when_between(v, a->from, a->to, o->now_s, &o->when, why);
	return rc == DT_ENOTFOUND ? DT_ERANGE : rc; /* the former is of a store without a secret */
}

static int run(struct export_args *a, struct store *store, char *why)
{
	struct progress p = { .start_ms = clock_ms(CLOCK_MONOTONIC) };
	struct export_stats st;
	struct store_view *view;
	int rc = store_view_open(store, &view);

	if (rc < 0)
		return rc;
	p.said_ms = p.start_ms;
	a->opts.progress = progress;
	a->opts.ctx = &p;
	a->opts.now_s = clock_ms(CLOCK_REALTIME) / 1000;
	rc = settle_time(a, view, why);
	if (rc == 0)
		rc = settle_path(a);
	if (rc == CLI_OK)
		rc = export_run(view, &a->opts, &st, why);
	store_view_close(view);
	if (rc == CLI_OK)
		say_done(a, &st, &p);
	return rc;
}

/* A store from before there were secrets gets one when it is opened for writing. */
static int give_secret(const char *dir, char *why)
{
	struct store *store;
	int rc = store_open(dir, STORE_WRITE, &store, why);

	if (rc == 0)
		store_close(store);
	return rc;
}

static int open_and_run(struct export_args *a, char *why)
{
	struct store *store;
	int rc = store_open(a->store, STORE_READ, &store, why);

	if (rc < 0)
		return rc;
	rc = run(a, store, why);
	store_close(store);
	return rc;
}

int cmd_export(int argc, char **argv)
{
	static const struct argp argp = {
		.options = options,
		.parser = parse_option,
		.doc = "Nodes or counts of a store, for other programs; may run beside a census. "
		       "metadata.json says what was written. Node ids leave as they are: where an "
		       "id follows BEP 42, who guesses its address can check the guess.",
	};
	struct export_args a = { .store = "dht-telescope.store",
				 .out = "export",
				 .opts.gap_s = 60 * GAP_MIN_DEFAULT };
	char why[256] = "";
	int rc;

	a.opts.version = cli_version();
	argp_parse(&argp, argc, argv, 0, NULL, &a);
	rc = settle(&a);
	if (rc != CLI_OK)
		return rc;
	rc = open_and_run(&a, why);
	if (rc == DT_ENOTFOUND && !a.opts.raw && access(a.store, F_OK) == 0 &&
	    give_secret(a.store, why) == 0)
		rc = open_and_run(&a, why);
	if (rc == -EPIPE)
		return CLI_UNREAD;
	if (rc < 0)
		return cli_fail("%s", *why ? why : dt_strerror(rc));
	return rc;
}
