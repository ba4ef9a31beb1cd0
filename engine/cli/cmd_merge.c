/* SPDX-License-Identifier: MIT */
/** DOC: `merge`: several stores become one. */
#include <argp.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "engine/cli/cli.h"
#include "store/heardlog.h"
#include "store/store.h"

enum { STORES_MAX = 256 };

struct merge_args {
	const char *into, *stores[STORES_MAX];
	unsigned count;
};

static const struct argp_option options[] = {
	{ "into", 'o', "DIR", 0, "The store that the others are merged into; made where absent",
	  0 },
	{ 0 },
};

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
	struct merge_args *a = state->input;

	switch (key) {
	case 'o':
		a->into = arg;
		break;
	case ARGP_KEY_ARG:
		if (a->count == STORES_MAX)
			argp_error(state, "at most %d stores in one call", STORES_MAX);
		a->stores[a->count++] = arg;
		break;
	case ARGP_KEY_END:
		if (!a->into)
			argp_error(state, "--into DIR: which store the others are merged into");
		if (!a->count)
			argp_error(state, "no STORE to merge");
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

struct talk {
	bool terminal;
	time_t last;
};

/* A line that is written over once a second; a new one each ten where nobody looks on. */
static void progress(void *ctx, const char *what, uint64_t done)
{
	struct talk *t = ctx;
	time_t now = time(NULL);
	char count[32];

	if (now - t->last < (t->terminal ? 1 : 10))
		return;
	t->last = now;
	cli_group_digits(done, count);
	if (t->terminal)
		fprintf(stderr, "\r%s %s\033[K", count, what);
	else
		cli_say("%s %s", count, what);
}

static int say_what_is_there(struct store *s, const char *dir)
{
	char nodes[32], marks[32], edges[32], messages[32];
	struct store_counts counts;
	struct store_info info;
	struct store_view *v;
	uint64_t heard = 0;
	int rc = store_view_open(s, &v);

	if (rc == 0) {
		rc = store_view_counts(v, &counts);
		if (rc == 0)
			rc = store_view_info(v, &info);
		store_view_close(v);
	}
	if (rc == 0)
		rc = store_heard_count(s, &heard);
	if (rc < 0)
		return cli_fail("%s: %s", dir, dt_strerror(rc));
	printf("%s: %s nodes, %u epochs, %s marks in the log, %s edges, %s messages heard\n", dir,
	       cli_group_digits(counts.nodes, nodes), counts.epochs,
	       cli_group_digits(info.log_marks, marks), cli_group_digits(info.edges, edges),
	       cli_group_digits(heard, messages));
	return CLI_OK;
}

int cmd_merge(int argc, char **argv)
{
	static const struct argp argp = {
		.options = options,
		.parser = parse_option,
		.args_doc = "--into DIR STORE...",
		.doc = "Merge stores: shards of one census, vantage points, epochs.\v"
		       "Order and repetition never matter: what comes out is equal byte for byte. "
		       "The sources are not changed and may be written meanwhile. DIR is what it "
		       "was "
		       "until all is done; it needs room for the whole beside itself.",
	};
	struct talk talk = { .terminal = isatty(STDERR_FILENO) };
	const struct store_merge_opts opts = { .progress = progress, .progress_ctx = &talk };
	struct merge_args a = { .count = 0 };
	char why[256] = "";
	struct store *s;
	int rc, status;

	argp_parse(&argp, argc, argv, 0, NULL, &a);
	rc = store_open(a.into, STORE_CREATE, &s, why);
	if (rc < 0)
		return cli_fail("%s", *why ? why : dt_strerror(rc));
	rc = store_merge(s, a.stores, a.count, &opts, why);
	if (talk.terminal && talk.last)
		fprintf(stderr, "\r\033[K");
	status = rc < 0 ? cli_fail("%s; %s is what it was", *why ? why : dt_strerror(rc), a.into)
			: say_what_is_there(s, a.into);
	store_close(s);
	return status;
}
