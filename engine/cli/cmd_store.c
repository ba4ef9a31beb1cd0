/* SPDX-License-Identifier: MIT */
/** DOC: `store`: what a store is made of, and its upkeep. */
#include <argp.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "engine/cli/cli.h"
#include "proto/json.h"
#include "store/store.h"

struct store_args {
	const char *verb, *dir, *to;
	bool json;
};

static const struct argp_option options[] = {
	{ "json", 'j', NULL, 0, "info: for programs", 0 },
	{ 0 },
};

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
	struct store_args *a = state->input;

	switch (key) {
	case 'j':
		a->json = true;
		break;
	case ARGP_KEY_ARG:
		if (!a->verb)
			a->verb = arg;
		else if (!a->dir)
			a->dir = arg;
		else if (!a->to && !strcmp(a->verb, "backup"))
			a->to = arg;
		else
			argp_error(state, "'%s' is one argument too many", arg);
		break;
	case ARGP_KEY_END:
		if (!a->dir || (!strcmp(a->verb, "backup") && !a->to))
			argp_error(state, "one of: info DIR, check DIR, compact DIR, migrate DIR, "
					  "backup DIR TO");
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

static int open_store(const char *dir, enum store_mode mode, struct store **out)
{
	char why[256] = "";
	int rc = store_open(dir, mode, out, why);

	if (rc < 0)
		cli_fail("%s", *why ? why : dt_strerror(rc));
	else if (*why)
		cli_say("note: %s", why);
	return rc;
}

/* ---- info --------------------------------------------------------------------------- */

static void print_size(const char *name, uint64_t bytes, uint64_t things, const char *what)
{
	char size[32], count[32];

	printf("  %-10s %16s bytes", name, cli_group_digits(bytes, size));
	if (things)
		printf("   %s %s, %.2f bytes each", cli_group_digits(things, count), what,
		       (double)bytes / (double)things);
	printf("\n");
}

static void print_info(const char *dir, const struct store_counts *c, const struct store_info *i)
{
	char a[32], b[32];

	printf("%s: schema %u, generation %u, segments of run %u\n", dir, i->schema, i->generation,
	       i->run);
	if (i->vantage)
		printf("  vantage %016llx", (unsigned long long)i->vantage);
	if (i->marks)
		printf("  holds segments of %u vantages", i->marks);
	if (i->vantage || i->marks)
		printf("\n");
	printf("  %s nodes, %s contacts, %u epochs\n", cli_group_digits(c->nodes, a),
	       cli_group_digits(c->mentioned, b), c->epochs);
	print_size("tables", i->used_bytes, c->nodes, "nodes (contacts and all)");
	if (i->table_bytes > i->used_bytes)
		print_size("", i->table_bytes - i->used_bytes, 0, "");
	print_size("log", i->log_bytes, i->log_marks, "observations");
	print_size("edges", i->edge_bytes, i->edges, "edges, vertices and all");
	printf("  %llu and %llu segments, %llu chunks not sealed yet; %s bytes free on the disk\n",
	       (unsigned long long)i->log_segments, (unsigned long long)i->edge_segments,
	       (unsigned long long)i->pending_chunks, cli_group_digits(i->free_bytes, a));
}

static void print_json(const struct store_counts *c, const struct store_info *i)
{
	char text[2048];
	struct json j;

	json_init(&j, text, sizeof(text), false);
	json_object_begin(&j);
	json_kv_u64(&j, "schema", i->schema);
	json_kv_u64(&j, "generation", i->generation);
	json_kv_u64(&j, "run", i->run);
	json_kv_u64(&j, "nodes", c->nodes);
	json_kv_u64(&j, "contacts", c->mentioned);
	json_kv_u64(&j, "epochs", c->epochs);
	json_kv_u64(&j, "table_bytes", i->table_bytes);
	json_kv_u64(&j, "used_bytes", i->used_bytes);
	json_kv_u64(&j, "log_bytes", i->log_bytes);
	json_kv_u64(&j, "log_segments", i->log_segments);
	json_kv_u64(&j, "log_marks", i->log_marks);
	json_kv_u64(&j, "edge_bytes", i->edge_bytes);
	json_kv_u64(&j, "edge_segments", i->edge_segments);
	json_kv_u64(&j, "edges", i->edges);
	json_kv_u64(&j, "edge_vertices", i->edge_vertices);
	json_kv_u64(&j, "pending_chunks", i->pending_chunks);
	json_kv_u64(&j, "vantages_merged", i->marks);
	json_kv_u64(&j, "free_bytes", i->free_bytes);
	json_object_end(&j);
	if (json_finish(&j) >= 0)
		printf("%s\n", text);
}

static int info(const struct store_args *a)
{
	struct store_counts counts;
	struct store_info info;
	struct store_view *v;
	struct store *s;
	int rc = open_store(a->dir, STORE_READ, &s);

	if (rc < 0)
		return CLI_FAILED;
	rc = store_view_open(s, &v);
	if (rc == 0) {
		rc = store_view_counts(v, &counts);
		if (rc == 0)
			rc = store_view_info(v, &info);
		store_view_close(v);
	}
	store_close(s);
	if (rc < 0)
		return cli_fail("%s: %s", a->dir, dt_strerror(rc));
	if (a->json)
		print_json(&counts, &info);
	else
		print_info(a->dir, &counts, &info);
	return CLI_OK;
}

/* ---- check ----------------------------------------------------------------------------- */

static void say_problem(void *ctx, const char *line)
{
	(void)ctx;
	printf("%s\n", line);
}

static void say_step(void *ctx, const char *what)
{
	(void)ctx;
	if (isatty(STDERR_FILENO))
		fprintf(stderr, "\r%s\033[K", what);
}

static int check_here(const char *dir)
{
	const struct store_check_opts opts = { .problem = say_problem, .step = say_step };
	uint64_t problems = 0;
	struct store *s;
	int rc = open_store(dir, STORE_READ, &s);

	if (rc < 0)
		return CLI_FAILED;
	rc = store_check(s, &opts, &problems);
	store_close(s);
	if (isatty(STDERR_FILENO))
		fprintf(stderr, "\r\033[K");
	if (rc < 0)
		return cli_fail("%s: %s", dir, dt_strerror(rc));
	if (!problems) {
		printf("%s: sound\n", dir);
		return CLI_OK;
	}
	return cli_fail("%s: %llu problems; cure: restore it from a backup, or merge what is sound "
			"into a new one",
			dir, (unsigned long long)problems);
}

/*
 * In a process of its own: LMDB follows page numbers where they lead, and those of
 * a damaged file may lead out of it.
 */
static int check(const struct store_args *a)
{
	pid_t pid;
	int status;

	fflush(NULL);
	pid = fork();
	if (pid < 0)
		return cli_fail("check: %s", dt_strerror(-errno));
	if (pid == 0) {
		status = check_here(a->dir);
		fflush(NULL);
		_exit(status);
	}
	if (waitpid(pid, &status, 0) != pid)
		return cli_fail("check: %s", dt_strerror(-errno));
	if (WIFEXITED(status))
		return WEXITSTATUS(status);
	return cli_fail("%s: a page of its tables is damaged: reading it ended with signal %d; "
			"cure: restore it from a backup",
			a->dir, WTERMSIG(status));
}

/* ---- the rest ----------------------------------------------------------------------------- */

static int compact(const struct store_args *a)
{
	struct store *s;
	int rc = open_store(a->dir, STORE_WRITE, &s);

	if (rc < 0)
		return CLI_FAILED;
	rc = store_compact(s);
	store_close(s);
	if (rc < 0)
		return cli_fail("%s: %s; it is as it was", a->dir, dt_strerror(rc));
	return info(a);
}

static int migrate(const struct store_args *a)
{
	char why[256] = "";
	unsigned from = 0;
	int rc = store_migrate(a->dir, &from, why);

	if (rc < 0)
		return cli_fail("%s", *why ? why : dt_strerror(rc));
	printf("%s: was of schema %u\n", a->dir, from);
	return info(a);
}

static int backup(const struct store_args *a)
{
	struct store *s;
	int rc = open_store(a->dir, STORE_READ, &s);

	if (rc < 0)
		return CLI_FAILED;
	rc = store_backup(s, a->to);
	store_close(s);
	if (rc < 0)
		return cli_fail("%s: %s", a->to,
				rc == -EEXIST ? "holds a store already: a backup goes into a new "
						"folder"
					      : dt_strerror(rc));
	printf("%s: a copy of %s\n", a->to, a->dir);
	return CLI_OK;
}

int cmd_store(int argc, char **argv)
{
	static const struct argp argp = {
		.options = options,
		.parser = parse_option,
		.args_doc = "info|check|compact|migrate DIR\nbackup DIR TO",
		.doc = "A store's upkeep.\v"
		       "info: what it is made of. check: every invariant, nothing is changed. "
		       "compact: rewrite the tables in order, seal the log, join small segments. "
		       "migrate: from an earlier schema. backup: a whole copy in TO, also while a "
		       "crawl writes.",
	};
	static const struct {
		const char *name;
		int (*run)(const struct store_args *a);
	} verbs[] = {
		{ "info", info },       { "check", check },   { "compact", compact },
		{ "migrate", migrate }, { "backup", backup },
	};
	struct store_args a = { .json = false };

	argp_parse(&argp, argc, argv, 0, NULL, &a);
	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++)
		if (!strcmp(a.verb, verbs[i].name))
			return verbs[i].run(&a);
	cli_fail("store %s: no such verb; one of: info, check, compact, migrate, backup", a.verb);
	return CLI_USAGE;
}
