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

enum { PATH_MAX_BYTES = 4096, METADATA_ENDING_MAX = 16 };

struct export_args {
	struct export_opts opts;
	const char *store, *out;
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
	OPT_GROUP
};
enum { GROUP_ROWS_MIN = 1024, GROUP_ROWS_MAX = 1 << 20 /* 240 MB of memory */ };

static const struct argp_option options[] = {
	{ "store", OPT_STORE, "DIR", 0, "The store to read [dht-telescope.store]", 0 },
	{ "what", OPT_WHAT, "WHAT", 0,
	  "nodes: those that were heard from; aggregate: counts by network, country and client, "
	  "with geojson by place [nodes; with geojson aggregate]",
	  0 },
	{ "format", OPT_FORMAT, "FORMAT", 0,
	  "csv, tsv, ndjson, parquet, npy or geojson [as --out ends, else csv]", 0 },
	{ "compress", OPT_COMPRESS, "zstd", 0, "Pack a csv, tsv, ndjson or geojson", 0 },
	{ "where", OPT_WHERE, "KEY=VALUE", 0,
	  "Take these nodes alone: asn=, country=, client=, prefix= (of true addresses). "
	  "All that are given must hold; with commas or repeated",
	  0 },
	{ "out", OPT_OUT, "DIR|FILE|-", 0,
	  "A name that ends like a format (nodes.parquet, nodes.csv.zst) is a file; - = standard "
	  "output, without metadata; else a directory [export]",
	  0 },
	{ "raw", OPT_RAW, NULL, 0,
	  "True addresses. Else: pseudonyms that keep prefixes, the same in all exports of a "
	  "store",
	  0 },
	{ "group-rows", OPT_GROUP, "N", 0, "Parquet: nodes in a row group [524288]", 0 },
	{ 0 },
};

static void parse_what(struct export_args *a, const char *arg, struct argp_state *state)
{
	if (strcmp(arg, "nodes") != 0 && strcmp(arg, "aggregate") != 0)
		argp_error(state, "--what: '%s' is not nodes or aggregate", arg);
	a->opts.what = strcmp(arg, "nodes") ? EXPORT_AGGREGATE : EXPORT_NODES;
	a->what_given = true;
}

static void parse_format(struct export_args *a, const char *arg, struct argp_state *state)
{
	for (unsigned k = 0; k < EXPORT_KINDS; k++) {
		if (strcmp(arg, export_kind_name((enum export_kind)k)) == 0) {
			a->opts.kind = (enum export_kind)k;
			a->kind_given = true;
			return;
		}
	}
	argp_error(state, "--format: '%s' is not csv, tsv, ndjson, parquet, npy or geojson", arg);
}

static void parse_group(struct export_args *a, const char *arg, struct argp_state *state)
{
	char *end;
	unsigned long n = strtoul(arg, &end, 10);

	if (!isdigit((unsigned char)*arg) || *end || n < GROUP_ROWS_MIN || n > GROUP_ROWS_MAX)
		argp_error(state, "--group-rows: '%s' is not a number from %d to %d", arg,
			   GROUP_ROWS_MIN, GROUP_ROWS_MAX);
	a->opts.group_rows = (uint32_t)n;
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
		parse_what(a, arg, state);
		break;
	case OPT_FORMAT:
		parse_format(a, arg, state);
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
		parse_group(a, arg, state);
		break;
	case OPT_RAW:
		a->opts.raw = true;
		break;
	default:
		return ARGP_ERR_UNKNOWN;
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
	const struct export_opts *o = &a->opts;
	int n;

	if (mkdir(a->out, 0777) && errno != EEXIST)
		return cli_fail("%s: cannot make it: %s", a->out, strerror(errno));
	n = snprintf(a->path, sizeof(a->path), "%s/%s%s%s", a->out,
		     o->what == EXPORT_NODES     ? "nodes"
		     : o->kind == EXPORT_GEOJSON ? "places"
						 : "aggregate",
		     export_kind_ending(o->kind), o->zstd ? ".zst" : "");
	if (n >= (int)sizeof(a->path))
		return cli_fail("--out: the name is too long");
	snprintf(a->metadata, sizeof(a->metadata), "%s/metadata.json", a->out);
	return CLI_OK;
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
	if (a->opts.kind == EXPORT_GEOJSON && !a->what_given)
		a->opts.what = EXPORT_AGGREGATE;
	if (export_check(&a->opts, why) < 0) {
		cli_fail("%s", why);
		return CLI_USAGE;
	}
	if (a->opts.raw && a->opts.what == EXPORT_AGGREGATE) {
		cli_fail("--raw: counts have no addresses");
		return CLI_USAGE;
	}
	return CLI_OK;
}

static int settle_path(struct export_args *a)
{
	a->opts.path = a->path;
	a->opts.metadata_path = a->metadata;
	if (strcmp(a->out, "-") == 0) {
		a->opts.path = "-";
		a->opts.metadata_path = NULL;
		return CLI_OK;
	}
	return a->path[0] ? CLI_OK : out_is_directory(a);
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
static void progress(void *ctx, uint64_t done, uint64_t total)
{
	struct progress *p = ctx;
	uint64_t now_ms = clock_ms(CLOCK_MONOTONIC);
	bool terminal = isatty(STDERR_FILENO);

	if (now_ms - p->said_ms < (terminal ? 1000u : 10000u))
		return;
	p->said_ms = now_ms;
	fprintf(stderr, "%s%llu of %llu nodes, %.0f %%, %.0f k/s%s", terminal ? "\r\033[K" : "",
		(unsigned long long)done, (unsigned long long)total,
		total ? 100 * (double)done / (double)total : 100.0,
		(double)done / (double)(now_ms - p->start_ms), terminal ? "" : "\n");
}

static void say_done(const struct export_args *a, const struct export_stats *st,
		     const struct progress *p)
{
	char rows[32], nodes[32];

	if (isatty(STDERR_FILENO) && p->said_ms != p->start_ms)
		fprintf(stderr, "\r\033[K");
	cli_say("%s: %s row%s of %s nodes, %.1f MiB, %.2f s%s", a->opts.path,
		cli_group_digits(st->rows, rows), st->rows == 1 ? "" : "s",
		cli_group_digits(st->nodes, nodes), (double)st->bytes / (1 << 20),
		(double)(clock_ms(CLOCK_MONOTONIC) - p->start_ms) / 1000,
		a->opts.what == EXPORT_AGGREGATE ? ""
		: a->opts.raw                    ? ", true addresses"
						 : ", addresses are pseudonyms");
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
	rc = export_run(view, &a->opts, &st, why);
	store_view_close(view);
	if (rc == 0)
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
	rc = settle_path(a);
	if (rc != CLI_OK) {
		store_close(store);
		return rc;
	}
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
	struct export_args a = { .store = "dht-telescope.store", .out = "export" };
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
	if (rc < 0)
		return cli_fail("%s", *why ? why : dt_strerror(rc));
	return rc;
}
